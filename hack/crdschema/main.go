// Command crdschema writes pkg/crd/schemas.json: what the CustomResourceDefinitions of Flux that the test bed collects say of
// manifests, without descriptions and without status, and what a newer Flux takes besides. It runs from the root of the repository: go generate ./pkg/crd.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("usage: crdschema FILE, from the root of the repository")
	}
	dir, err := testbed.Build(context.Background(), os.Stderr, testbed.UnitCRDs)
	if err != nil {
		return err
	}
	content, err := generate(dir)
	if err != nil {
		return err
	}
	return os.WriteFile(args[0], content, 0o644)
}

// definition is the part of a CustomResourceDefinition that is used.
type definition struct {
	Spec struct {
		Group string `json:"group"`
		Names struct {
			Kind string `json:"kind"`
		} `json:"names"`
		Versions []struct {
			Name   string `json:"name"`
			Served bool   `json:"served"`
			Schema struct {
				OpenAPIV3Schema map[string]any `json:"openAPIV3Schema"`
			} `json:"schema"`
		} `json:"versions"`
	} `json:"spec"`
}

// generate makes one line of each kind and version of the CRDs in a folder, sorted.
func generate(dir string) ([]byte, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("looking for CRDs in %q: none is there", dir)
	}
	all := map[string]map[string]any{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("reading CRDs: %w", err)
		}
		var d definition
		if err := yaml.Unmarshal(data, &d); err != nil {
			return nil, fmt.Errorf("reading %q: %w", file, err)
		}
		for _, v := range d.Spec.Versions {
			if !v.Served {
				continue
			}
			prepare(v.Schema.OpenAPIV3Schema)
			all[d.Spec.Group+"/"+v.Name+"/"+d.Spec.Names.Kind] = v.Schema.OpenAPIV3Schema
		}
	}
	if err := addNewer(all); err != nil {
		return nil, err
	}
	var lines []string
	for _, key := range slices.Sorted(maps.Keys(all)) {
		line, err := lineOf(key, all[key])
		if err != nil {
			return nil, err
		}
		lines = append(lines, line)
	}
	var out bytes.Buffer
	out.WriteString("{\n")
	for i, line := range lines {
		out.WriteString(line)
		if i+1 < len(lines) {
			out.WriteByte(',')
		}
		out.WriteByte('\n')
	}
	out.WriteString("}\n")
	return out.Bytes(), nil
}

// prepare makes of a CRD's schema what says whether a manifest is taken.
func prepare(schema map[string]any) {
	shorten(schema)
	properties, _ := schema["properties"].(map[string]any)
	addOperatorKinds(properties, "spec", "eventSources")
	addOperatorKinds(properties, "spec", "resources")
	delete(properties, "status")
	properties["metadata"] = metadata()
}

func lineOf(key string, schema map[string]any) (string, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(schema); err != nil {
		return "", fmt.Errorf("writing the schema of %q: %w", key, err)
	}
	return fmt.Sprintf("%q:%s", key, bytes.TrimSpace(out.Bytes())), nil
}

// metadata is what all kinds have, and CRDs do not tell (k8s.io/apimachinery pkg/apis/meta/v1, ObjectMeta).
func metadata() map[string]any {
	text := map[string]any{"type": "string"}
	texts := map[string]any{"type": "object", "additionalProperties": text}
	return map[string]any{"type": "object", "properties": map[string]any{"name": text, "namespace": text, "labels": texts, "annotations": texts}}
}

// addOperatorKinds lets Alerts and Receivers name the kinds of the Flux Operator, which adds them to the CRDs that it installs
// (internal/builder/templates.go of controlplaneio-fluxcd/flux-operator).
func addOperatorKinds(properties map[string]any, keys ...string) {
	list, _, _ := unstructured.NestedMap(properties, keys[0], "properties", keys[1], "items", "properties", "kind")
	words, ok := list["enum"].([]any)
	if !ok {
		return
	}
	list["enum"] = append(words, "FluxInstance", "ResourceSet", "ResourceSetInputProvider")
	_ = unstructured.SetNestedMap(properties, list, keys[0], "properties", keys[1], "items", "properties", "kind") // it is there
}

// shorten takes out of a schema what says nothing of whether a manifest is taken. A list is merged as its type says, and
// taken whatever that is.
func shorten(schema map[string]any) {
	for _, key := range []string{"description", "x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-map-type"} {
		delete(schema, key)
	}
	if properties, ok := schema["properties"].(map[string]any); ok {
		for _, property := range properties {
			shorten(property.(map[string]any))
		}
	}
	for _, key := range []string{"items", "additionalProperties"} {
		if part, ok := schema[key].(map[string]any); ok {
			shorten(part)
		}
	}
}
