package crd

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/kube-openapi/pkg/validation/errors"
	"k8s.io/kube-openapi/pkg/validation/spec"
	"k8s.io/kube-openapi/pkg/validation/strfmt"
	"k8s.io/kube-openapi/pkg/validation/validate"
	"pgregory.net/rapid"
)

// What is taken and what is refused is what the library of the API server says, of whatever manifest. Rules in CEL are not its
// business, nor fields that the schema does not have.
func TestFaultsAreTheAPIServers(t *testing.T) {
	t.Parallel()
	var raw map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(schemasJSON, &raw))
	validators := map[string]*validate.SchemaValidator{}
	for key, data := range raw {
		s := new(spec.Schema)
		require.NoError(t, json.Unmarshal(data, s))
		validators[key] = validate.NewSchemaValidator(s, nil, "", strfmt.Default)
	}
	keys := slices.Sorted(maps.Keys(raw))
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.SampledFrom(keys).Draw(t, "kind")
		object := randomValue(t, schemas()[key], "", 0).(map[string]any)
		group, version, kind := split(key)
		object["apiVersion"], object["kind"] = group+"/"+version, kind
		manifest, err := json.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		withDefaults(schemas()[key], object)
		withoutNulls(object["metadata"])
		if object["metadata"] == nil {
			delete(object, "metadata")
		}
		var plain any
		data, _ := json.Marshal(object)
		_ = json.Unmarshal(data, &plain)
		want := validators[key].Validate(plain)
		got := slices.DeleteFunc(Faults(manifest, func(string) bool { return false }), func(f Fault) bool { return isRule(f.Why) || isRefused(f) })
		if theirs, ours := names(want.Errors), fields(got); !slices.Equal(theirs, ours) {
			t.Fatalf("%s\nthe API server says %v\nand the program %v", manifest, want.Errors, got)
		}
	})
}

// isRefused tells of metadata that no schema is about.
func isRefused(f Fault) bool { return strings.Contains(f.Why, "refused: ") }

// Of metadata is refused what the API server's own validation refuses.
func TestMetadataIsRefusedAsTheAPIServerDoes(t *testing.T) {
	t.Parallel()
	text := rapid.OneOf(rapid.SampledFrom([]string{"a", "app.kubernetes.io/name", "A", strings.Repeat("x", 64), strings.Repeat("x", 254)}), rapid.StringOfN(rapid.SampledFrom([]rune("aB1-._/ ü")), 1, 5, -1))
	rapid.Check(t, func(t *rapid.T) {
		meta := metav1.ObjectMeta{
			Name: text.Draw(t, "name"), Namespace: text.Draw(t, "namespace"),
			Labels:      rapid.MapOfN(text, text, 0, 2).Draw(t, "labels"),
			Annotations: rapid.MapOfN(text, text, 0, 2).Draw(t, "annotations"),
		}
		metadata, err := json.Marshal(meta)
		if err != nil {
			t.Fatal(err)
		}
		var want, got []string
		for _, e := range apivalidation.ValidateObjectMeta(&meta, true, apivalidation.NameIsDNSSubdomain, field.NewPath("metadata")) {
			want = append(want, e.Field)
		}
		manifest := `{"apiVersion":"source.toolkit.fluxcd.io/v1","kind":"GitRepository","metadata":` + string(metadata) + `,"spec":{"interval":"5m","url":"https://a"}}`
		for _, f := range Faults([]byte(manifest), func(string) bool { return false }) {
			got = append(got, strings.Join(f.Path[:2], "."))
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(slices.Compact(want), slices.Compact(got)) {
			t.Fatalf("%s\nthe API server refuses %v\nand the program %v", metadata, want, got)
		}
	})
}

// names are the fields that errors of the library are about, sorted.
func names(errs []error) (list []string) {
	for _, err := range errs {
		if strings.HasPrefix(err.Error(), "Checked value") { // said a second time, of a number with a fraction
			continue
		}
		name, _, _ := strings.Cut(err.Error(), " in body ")
		if e, ok := err.(*errors.Validation); ok {
			name = e.Name
		}
		list = append(list, step.ReplaceAllString(name, ".$1"))
	}
	slices.Sort(list)
	return slices.Compact(list)
}

var step = regexp.MustCompile(`\[([^\]]*)\]`)

func fields(faults []Fault) (list []string) {
	for _, f := range faults {
		list = append(list, f.Field())
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func isRule(why string) bool {
	found := false
	for _, s := range schemas() {
		var visit func(s *schema)
		visit = func(s *schema) {
			if s != nil {
				found = found || slices.ContainsFunc(s.Rules, func(r rule) bool { return r.Message == why })
				for _, p := range s.Properties {
					visit(p)
				}
			}
		}
		visit(s)
	}
	return found
}

// withDefaults sets what is absent and has a default, as the API server does before it validates.
func withDefaults(s *schema, value any) {
	switch v := value.(type) {
	case map[string]any:
		for key, p := range s.Properties {
			if v[key] == nil && p.Default != nil {
				v[key] = p.Default
			}
			withDefaults(p, v[key])
		}
	case []any:
		for _, part := range v {
			if s.Items != nil {
				withDefaults(s.Items, part)
			}
		}
	}
}

// withoutNulls takes out nulls, as the API server does in metadata.
func withoutNulls(value any) {
	object, _ := value.(map[string]any)
	for key, part := range object {
		if part == nil {
			delete(object, key)
		}
		withoutNulls(part)
	}
}

// randomValue is mostly one that a schema takes.
func randomValue(t *rapid.T, s *schema, name string, depth int) any {
	wrong := depth > 0 && rapid.IntRange(0, 25).Draw(t, "wrong") == 0
	if wrong {
		return rapid.SampledFrom([]any{nil, "x", "", "5m", "1d", true, 3.0, -1.0, 1.5, map[string]any{}, map[string]any{"name": "a"}, []any{}, []any{"x"}}).Draw(t, "other")
	}
	switch s.Type {
	case "object":
		object := map[string]any{}
		for _, key := range slices.Sorted(maps.Keys(s.Properties)) {
			often := slices.Contains(s.Required, key)
			if n := rapid.IntRange(0, 19).Draw(t, "there"); often && n > 0 || !often && n < 5 && depth < 6 {
				object[key] = randomValue(t, s.Properties[key], key, depth+1)
			}
		}
		if s.Values != nil && rapid.Bool().Draw(t, "entry") {
			object["key"] = randomValue(t, s.Values, "key", depth+1)
		}
		return object
	case "array":
		list := []any{}
		for range rapid.IntRange(0, 2).Draw(t, "parts") {
			list = append(list, randomValue(t, s.Items, name, depth+1))
		}
		return list
	case "boolean":
		return rapid.Bool().Draw(t, "truth")
	case "integer":
		return float64(rapid.IntRange(-1, 5).Draw(t, "number"))
	case "string":
		if len(s.Enum) > 0 {
			return rapid.SampledFrom(append([]string{"other"}, s.Enum...)).Draw(t, "word")
		}
		if s.Pattern != "" && rapid.IntRange(0, 9).Draw(t, "fits") > 0 {
			return rapid.StringMatching(s.Pattern).Draw(t, "text")
		}
		return rapid.SampledFrom([]string{"a", "", "5m", "https://a", "oci://a", "a:b", "1h", "A b", "2020-01-01T00:00:00Z"}).Draw(t, "text")
	default:
		return map[string]any{"any": "thing"}
	}
}
