package cmd

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	kubejson "k8s.io/apimachinery/pkg/util/json"
)

// toUnstructured makes of a document what kubectl's printers take: a list where it has items. Whole numbers are int64, as kubectl
// has them, so that a template can compare them with 8; those of a type with fractions are always float64, also where one
// happens to be whole.
func toUnstructured(document any) (runtime.Object, error) {
	data, err := json.Marshal(document)
	if err != nil {
		return nil, fmt.Errorf("writing JSON: %w", err)
	}
	var content map[string]any
	if err := kubejson.Unmarshal(data, &content); err != nil {
		return nil, fmt.Errorf("reading JSON: %w", err)
	}
	withFloats(reflect.TypeOf(document), content)
	items, ok := content["items"].([]any)
	if !ok {
		return &unstructured.Unstructured{Object: content}, nil
	}
	list := &unstructured.UnstructuredList{Object: content}
	for _, item := range items {
		if fields, ok := item.(map[string]any); ok {
			list.Items = append(list.Items, unstructured.Unstructured{Object: fields})
		}
	}
	delete(content, "items")
	return list, nil
}

// withFloats makes float64 of the numbers of decoded JSON whose Go type is one, and returns the content.
func withFloats(t reflect.Type, content any) any {
	if t == nil || content == nil {
		return content
	}
	switch t.Kind() {
	case reflect.Float32, reflect.Float64:
		if whole, is := content.(int64); is {
			return float64(whole)
		}
	case reflect.Pointer:
		return withFloats(t.Elem(), content)
	case reflect.Slice, reflect.Array:
		if list, is := content.([]any); is {
			for i := range list {
				list[i] = withFloats(t.Elem(), list[i])
			}
		}
	case reflect.Map:
		if fields, is := content.(map[string]any); is {
			for key := range fields {
				fields[key] = withFloats(t.Elem(), fields[key])
			}
		}
	case reflect.Struct:
		if fields, is := content.(map[string]any); is {
			for i := range t.NumField() {
				field := t.Field(i)
				name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
				switch value, there := fields[name]; {
				case field.Anonymous && name == "":
					withFloats(field.Type, fields)
				case there:
					fields[name] = withFloats(field.Type, value)
				}
			}
		}
	}
	return content
}

// withoutNulls takes fields that are null out of an object: kubectl's JSONPath compares what is absent with nothing, and ends with
// an error at a null.
func withoutNulls(object runtime.Object) {
	switch o := object.(type) {
	case *unstructured.Unstructured:
		takeNulls(o.Object)
	case *unstructured.UnstructuredList:
		takeNulls(o.Object)
		for i := range o.Items {
			takeNulls(o.Items[i].Object)
		}
	}
}

func takeNulls(content any) {
	switch value := content.(type) {
	case map[string]any:
		maps.DeleteFunc(value, func(_ string, field any) bool { return field == nil })
		for _, field := range value {
			takeNulls(field)
		}
	case []any:
		for _, element := range value {
			takeNulls(element)
		}
	}
}
