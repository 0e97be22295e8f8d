package report

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"k8s.io/client-go/util/jsonpath"
)

const sortByTakes = "it takes name, namespace, kind, environment, interval, or a JSONPath of an item of -o json, like .ref.name"

// errNoField is in the chain of the error that no item has a field.
var errNoField = errors.New("no item has that field")

// SortBy sorts items by a field of their JSON form, with - before it the other way round. The field is a
// JSONPath as kubectl --sort-by takes it ({.ref.name}, .environment) or a bare name (name, namespace, kind, interval). Durations sort by
// length, numbers by size, all else as text; items without the field come first. It is an error where
// no item has the field. "" leaves the order as it is.
func SortBy[T any](items []T, field string) error {
	if field == "" {
		return nil
	}
	return sortBy(items, field, order{takes: sortByTakes})
}

// CheckSortBy tells what is no JSONPath, before there are items to sort: reading them may take long.
func CheckSortBy(field string) error {
	_, err := sortPath(strings.TrimPrefix(field, "-"), sortByTakes)
	return err
}

// sortPath reads a field without its sign.
func sortPath(field, takes string) (*jsonpath.JSONPath, error) {
	if strings.HasPrefix(field, "{") != strings.HasSuffix(field, "}") {
		return nil, fmt.Errorf("reading --sort-by %q: a brace is not closed: %s", field, takes)
	}
	path := jsonpath.New("sort-by").AllowMissingKeys(true)
	if err := path.Parse(template(field)); err != nil {
		return nil, fmt.Errorf("reading --sort-by %q: %w: %s", field, err, takes)
	}
	return path, nil
}

// order is how sortBy sorts.
type order struct {
	takes       string // the words that tell what a field can be
	missingLast bool   // items without the field come last, whichever way round
}

// sortBy is SortBy in an order of its own.
func sortBy[T any](items []T, field string, o order) error {
	if len(items) == 0 {
		return nil
	}
	takes := o.takes
	field, backwards := strings.CutPrefix(field, "-")
	path, err := sortPath(field, takes)
	if err != nil {
		return err
	}
	type keyed struct {
		key  any
		item T
	}
	list := make([]keyed, len(items))
	found := false
	for i, item := range items {
		key, err := valueAt(path, item)
		if err != nil {
			return fmt.Errorf("finding --sort-by %q: %w: %s", field, err, takes)
		}
		found = found || key != nil
		if list, is := key.([]any); is && len(list) == 0 { // nothing to sort by
			key = nil
		}
		list[i] = keyed{key, item}
	}
	if !found {
		return fmt.Errorf("--sort-by %q: %w: %s", field, errNoField, takes)
	}
	sorting.By(list, func(a, b keyed) int {
		if o.missingLast && (a.key == nil || b.key == nil) {
			return compareKeys(b.key, a.key)
		}
		if backwards {
			a, b = b, a
		}
		return compareKeys(a.key, b.key)
	})
	for i := range list {
		items[i] = list[i].item
	}
	return nil
}

// template makes a JSONPath template of what users type, with the reference's fields by bare name.
func template(field string) string {
	field = strings.TrimSuffix(strings.TrimPrefix(field, "{"), "}")
	switch strings.ToLower(field) {
	case "name", "namespace", "kind":
		field = ".ref." + strings.ToLower(field)
	case "retry":
		field = ".retryInterval"
	case "env":
		field = ".environment"
	}
	if !strings.HasPrefix(field, ".") {
		field = "." + field
	}
	return "{" + field + "}"
}

func valueAt(path *jsonpath.JSONPath, item any) (any, error) {
	data, err := json.Marshal(item)
	if err != nil {
		return nil, err
	}
	var content any
	if err := json.Unmarshal(data, &content); err != nil {
		return nil, err
	}
	results, err := path.FindResults(content)
	if err != nil {
		return nil, err
	}
	for _, r := range results {
		for _, v := range r {
			return v.Interface(), nil
		}
	}
	return nil, nil
}

func compareKeys(a, b any) int {
	if a == nil || b == nil {
		return cmp.Compare(boolRank(a != nil), boolRank(b != nil))
	}
	if x, ok := a.(float64); ok {
		if y, ok := b.(float64); ok {
			return cmp.Compare(x, y)
		}
	}
	s, t := fmt.Sprint(a), fmt.Sprint(b)
	if x, err := time.ParseDuration(s); err == nil {
		if y, err := time.ParseDuration(t); err == nil {
			return cmp.Compare(x, y)
		}
	}
	return strings.Compare(s, t)
}

func boolRank(b bool) int {
	if b {
		return 1
	}
	return 0
}
