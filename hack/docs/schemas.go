package main

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/invopop/jsonschema"

	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

const module = "github.com/fluxtune/kubectl-fluxtune"

// documented are the packages whose types are in documents.
var documented = []string{"pkg/report", "pkg/check"}

// documents are what commands write with -o json, by kind.
var documents = map[string]any{
	"ObjectList":    report.ObjectList{},
	"Plan":          report.Plan{},
	"Budget":        report.Budget{},
	"Results":       report.Results{},
	"SessionList":   report.SessionList{},
	"ReceiverList":  report.ReceiverList{},
	"NodeList":      report.NodeList{},
	"TraceList":     report.TraceList{},
	"NodeGroupList": report.NodeGroupList{},
	"Check":         report.BranchCheck{},
	"Comparison":    report.Comparison{},
	"Diagnosis":     report.Diagnosis{},
	"DiagnosisList": report.DiagnosisList{},
	"Version":       report.Version{},
}

// schemas are the JSON Schemas of the documents, by file name: made from the Go types and their doc comments.
func schemas() (map[string][]byte, error) {
	all := make(map[string][]byte)
	for kind, document := range documents {
		r := &jsonschema.Reflector{Anonymous: true, ExpandedStruct: true, Namer: typeName}
		for _, folder := range documented {
			if err := r.AddGoComments(module, folder); err != nil {
				return nil, fmt.Errorf("reading the comments of %s: %w", folder, err)
			}
		}
		schema := r.ReflectFromType(reflect.TypeOf(document))
		allowNull(schema, reflect.TypeOf(document))
		schema.Title = "fluxtune.github.io/v1alpha1 " + kind
		data, err := json.MarshalIndent(schema, "", "  ")
		if err != nil {
			return nil, fmt.Errorf("writing the schema of %s: %w", kind, err)
		}
		all[strings.ToLower(kind)+".schema.json"] = append(data, '\n')
	}
	return all, nil
}

// typeName names a type where references can name it: PairOfString for Pair[string], PairOfListOfRow for Pair[[]Row].
func typeName(t reflect.Type) string {
	name, argument, generic := strings.Cut(strings.TrimSuffix(t.Name(), "]"), "[")
	if !generic {
		return name
	}
	element, list := strings.CutPrefix(argument, "[]")
	if list {
		name += "OfList"
	}
	element = element[strings.LastIndex(element, ".")+1:]
	return name + "Of" + strings.ToUpper(element[:1]) + element[1:]
}

// allowNull lets fields be null that are written so where there is nothing: pointers without omitempty.
func allowNull(root *jsonschema.Schema, t reflect.Type) {
	types := make(map[string]reflect.Type)
	collect(t, types)
	for name, t := range types {
		schema := root.Definitions[name]
		if schema == nil { // the document itself, or what is embedded in another
			schema = root
		}
		for _, field := range reflect.VisibleFields(t) {
			tag := field.Tag.Get("json")
			key, options, _ := strings.Cut(tag, ",")
			if field.Type.Kind() != reflect.Pointer || key == "" || strings.Contains(options, "omitempty") {
				continue
			}
			if property, ok := schema.Properties.Get(key); ok && property.OneOf == nil {
				description := property.Description
				property.Description = ""
				schema.Properties.Set(key, &jsonschema.Schema{Description: description, OneOf: []*jsonschema.Schema{property, {Type: "null"}}})
			}
		}
	}
}

// collect finds the structs that a type is made of, by name.
func collect(t reflect.Type, types map[string]reflect.Type) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		collect(t.Elem(), types)
	case reflect.Struct:
		name := typeName(t)
		if _, known := types[name]; known || !strings.HasPrefix(t.PkgPath(), module) {
			return
		}
		types[name] = t
		for _, field := range reflect.VisibleFields(t) {
			if field.IsExported() {
				collect(field.Type, types)
			}
		}
	}
}
