package crd

import (
	"maps"
	"slices"
	"strings"

	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/util/validation"
)

// metadata inspects what is the same for all kinds: names, labels and annotations, as the API server does
// (k8s.io/apimachinery/pkg/api/validation, ValidateObjectMeta).
func (i *inspection) metadata(metadata map[string]any) {
	invalid := func(value any, path []string, why func(string) []string) {
		text, ok := value.(string)
		if !ok || text == "" || i.open(text) {
			return // of another type the schema tells, and of what is not set whoever reads it
		}
		if messages := why(text); len(messages) > 0 {
			plain, _, _ := strings.Cut(messages[0], " (e.g. ")
			i.add(path, "%s is refused: %s", shown(text), plain)
		}
	}
	invalid(metadata["name"], []string{"metadata", "name"}, func(s string) []string { return apivalidation.NameIsDNSSubdomain(s, false) })
	invalid(metadata["namespace"], []string{"metadata", "namespace"}, func(s string) []string { return apivalidation.ValidateNamespaceName(s, false) })
	each := func(field string, key, value func(string) []string) {
		entries, _ := metadata[field].(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(entries)) {
			path := []string{"metadata", field, name}
			invalid(name, path, key)
			invalid(entries[name], path, value)
		}
	}
	each("labels", validation.IsQualifiedName, validation.IsValidLabelValue)
	each("annotations", func(key string) []string { return validation.IsQualifiedName(strings.ToLower(key)) }, func(string) []string { return nil })
	entries, _ := metadata["annotations"].(map[string]any)
	texts := map[string]string{}
	for name, value := range entries {
		texts[name], _ = value.(string)
	}
	if apivalidation.ValidateAnnotationsSize(texts) != nil {
		i.add([]string{"metadata", "annotations"}, "they are refused: all of them together have more than %d KiB", apivalidation.TotalAnnotationSizeLimitB>>10)
	}
}
