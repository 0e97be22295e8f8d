// Package crd knows the schemas of Flux's CustomResourceDefinitions, those of Flux 2.9 and what Flux 2.10 takes besides, and tells what
// the API server refuses of a manifest by them. It is pure, and stands below all that reads manifests.
package crd

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
)

//go:generate go run -C ../.. ./hack/crdschema pkg/crd/schemas.json

//go:embed schemas.json
var schemasJSON []byte

// schema is the part of a structural schema that the CRDs of Flux use. What is not in it they do not use: a test holds that.
type schema struct {
	Type       string             `json:"type"`
	Properties map[string]*schema `json:"properties"`
	Values     *schema            `json:"additionalProperties"`
	Items      *schema            `json:"items"`
	Required   []string           `json:"required"`
	Enum       []string           `json:"enum"`
	Pattern    string             `json:"pattern"`
	Format     string             `json:"format"`
	MinLength  *int               `json:"minLength"`
	MaxLength  *int               `json:"maxLength"`
	MinItems   *int               `json:"minItems"`
	MaxItems   *int               `json:"maxItems"`
	Minimum    *float64           `json:"minimum"`
	Default    any                `json:"default"`
	Any        bool               `json:"x-kubernetes-preserve-unknown-fields"`
	Rules      []rule             `json:"x-kubernetes-validations"`
}

// rule is a condition in CEL.
type rule struct {
	Rule    string `json:"rule"`
	Message string `json:"message"`
}

// schemas are those that the program brings, by apiVersion and kind: "source.toolkit.fluxcd.io/v1/GitRepository".
var schemas = sync.OnceValue(func() map[string]*schema {
	var all map[string]*schema
	if err := json.Unmarshal(schemasJSON, &all); err != nil {
		panic(fmt.Sprintf("reading the schemas of Flux's CRDs: %v", err)) // a test reads them
	}
	return all
})

// Known tells whether the schema of some version of a kind is known.
func Known(group, kind string) bool { return kinds()[[2]string{group, kind}] }

// Versions that Flux 2.10 serves of a kind, sorted; none of a kind that is not known.
func Versions(group, kind string) []string {
	var versions []string
	for key := range schemas() {
		if g, version, k := split(key); g == group && k == kind {
			versions = append(versions, version)
		}
	}
	slices.Sort(versions)
	return versions
}

var kinds = sync.OnceValue(func() map[[2]string]bool {
	all := map[[2]string]bool{}
	for key := range schemas() {
		group, _, kind := split(key)
		all[[2]string{group, kind}] = true
	}
	return all
})
