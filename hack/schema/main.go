// Command schema writes the JSON Schema of the policy document from the types in pkg/policy and their
// doc comments. It runs from the root of the repository: go generate ./pkg/policy.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"

	"github.com/invopop/jsonschema"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
)

const (
	module     = "github.com/fluxtune/kubectl-fluxtune"
	policyPath = "pkg/policy"

	// As in the CRDs of Flux (source-controller api/v1).
	duration = `^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	notZero  = `[1-9]`
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("usage: schema FILE, from the root of the repository")
	}
	schema, err := generate()
	if err != nil {
		return err
	}
	return os.WriteFile(args[0], schema, 0o644)
}

// generate makes the schema from the types, and adds what tags cannot say: the kinds that there are,
// the settings of each, and the forms of texts.
func generate() ([]byte, error) {
	r := &jsonschema.Reflector{
		Anonymous:      true,
		ExpandedStruct: true,
		Mapper: func(t reflect.Type) *jsonschema.Schema {
			switch t {
			case reflect.TypeFor[policy.Kinds](), reflect.TypeFor[policy.Limits](), reflect.TypeFor[policy.Shares](), reflect.TypeFor[policy.Patterns](),
				reflect.TypeFor[policy.Duration](), reflect.TypeFor[policy.DurationOrBound]():
				return ref(t.Name())
			}
			return nil
		},
	}
	if err := r.AddGoComments(module, policyPath, jsonschema.WithFullComment()); err != nil {
		return nil, fmt.Errorf("reading the comments of %s: %w", policyPath, err)
	}
	for key, text := range r.CommentMap {
		r.CommentMap[key] = strings.Join(strings.Fields(text), " ")
	}
	root := r.Reflect(policy.TuningPolicy{})
	root.Title = "kubectl-fluxtune " + policy.Kind
	root.Definitions["Kinds"] = kinds(r)
	root.Definitions["Duration"] = &jsonschema.Schema{
		Type: "string", Description: describe[policy.Duration](r, ""), AllOf: []*jsonschema.Schema{{Pattern: duration}, {Pattern: notZero}},
	}
	root.Definitions["DurationOrBound"] = bound(describe[policy.DurationOrBound](r, ""), "ms|s|m|h")
	root.Definitions["DurationOrBoundWithoutHours"] = bound("A duration or a bound for what takes no h, such as the timeout of a source: 90m, at least 90m.", "ms|s|m")
	root.Definitions["Limits"] = &jsonschema.Schema{
		Type: "object", Description: describe[policy.Limits](r, ""),
		PropertyNames:        &jsonschema.Schema{Pattern: policy.HostPattern},
		AdditionalProperties: &jsonschema.Schema{Type: "string", Description: describe[policy.Rate](r, ""), Pattern: policy.RatePattern},
	}
	root.Definitions["Shares"] = &jsonschema.Schema{
		Type: "object", Description: describe[policy.Shares](r, ""),
		PropertyNames:        &jsonschema.Schema{Pattern: policy.ShareHostPattern},
		AdditionalProperties: &jsonschema.Schema{Type: "string", Description: describe[policy.Percent](r, ""), Pattern: policy.PercentPattern},
	}
	constrain(root)
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(root)
	return out.Bytes(), err
}

// bound is the schema of what ParseBound accepts, with durations in the given units. The pattern has no
// flags and no look-ahead, which the dialects of editors do not share. Whether the ends are the right way
// round no pattern can say.
func bound(description, units string) *jsonschema.Schema {
	const space = `[ \t]`
	d := `([0-9]+(\.[0-9]+)?(` + units + `))+`
	return &jsonschema.Schema{
		Type: "string", Description: description,
		Pattern: `^` + space + `*(` +
			`([Aa][Tt]` + space + `+([Mm][Oo][Ss][Tt]|[Ll][Ee][Aa][Ss][Tt])` + space + `+)?` + d + `|` +
			d + space + `+[Tt][Oo]` + space + `+` + d + `)` + space + `*$`,
		// No end is zero.
		Not: &jsonschema.Schema{Pattern: `(^|` + space + `)(0+(\.0+)?(` + units + `))+(` + space + `|$)`},
	}
}

// constrain adds the forms of texts and the least lengths of lists.
func constrain(root *jsonschema.Schema) {
	one := uint64(1)
	property(root, "apiVersion").Const = policy.APIVersion
	property(root, "kind").Const = policy.Kind
	property(root.Definitions["Metadata"], "name").Pattern = policy.NamePattern

	spec := root.Definitions["Spec"]
	property(spec, "environments").MinItems = &one
	labelKeys := property(spec, "labelKeys")
	labelKeys.MinItems = &one
	labelKeys.UniqueItems = true
	labelKeys.Items.Pattern = policy.LabelKeyPattern
	labelKeys.Default = policy.DefaultLabelKeys()

	for field, pattern := range map[string]string{"clusters": policy.ClusterPatternPattern, "namespaces": policy.NamespacePatternPattern} {
		p := property(spec, field)
		p.Ref = ""
		p.Type, p.PropertyNames = "object", &jsonschema.Schema{Pattern: policy.EnvironmentPattern}
		p.AdditionalProperties = &jsonschema.Schema{
			Type: "array", MinItems: &one, UniqueItems: true, Items: &jsonschema.Schema{Type: "string", Pattern: pattern},
		}
	}

	environment := root.Definitions["EnvironmentSpec"]
	property(environment, "name").Pattern = policy.EnvironmentPattern
	property(environment, "aliases").Items.Pattern = policy.EnvironmentPattern
	property(environment, "aliases").UniqueItems = true
}

// kinds is the schema of the settings by kind: every kind that Flux has, with the settings that it has.
func kinds(r *jsonschema.Reflector) *jsonschema.Schema {
	s := object(describe[policy.Kinds](r, ""))
	for _, k := range flux.Kinds() {
		settings := object("")
		for _, t := range k.Tunables {
			if t.PolicyKind != "" {
				continue
			}
			value := ref("DurationOrBound")
			if t.NoHours {
				value = ref("DurationOrBoundWithoutHours")
			}
			value.Description = describe[policy.KindSettings](r, strings.ToUpper(string(t.Setting[:1]))+string(t.Setting[1:]))
			settings.Properties.Set(string(t.Setting), value)
		}
		s.Properties.Set(k.Name, settings)
	}
	return s
}

func object(description string) *jsonschema.Schema {
	return &jsonschema.Schema{
		Type: "object", Description: description, Properties: jsonschema.NewProperties(), AdditionalProperties: jsonschema.FalseSchema,
	}
}

func ref(definition string) *jsonschema.Schema {
	return &jsonschema.Schema{Ref: "#/$defs/" + definition}
}

// describe is the doc comment of a type, or of one of its fields.
func describe[T any](r *jsonschema.Reflector, field string) string {
	t := reflect.TypeFor[T]()
	key := t.PkgPath() + "." + t.Name()
	if field != "" {
		key += "." + field
	}
	return r.CommentMap[key]
}

// property finds a property that the types are known to have; a mistyped name would be a nil pointer
// in the test of this command.
func property(s *jsonschema.Schema, name string) *jsonschema.Schema {
	p, _ := s.Properties.Get(name)
	return p
}
