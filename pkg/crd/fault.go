package crd

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Fault is something in a manifest for which the API server refuses the whole of it.
type Fault struct {
	// Path of the field, also of one that is missing: "spec", "sourceRef", "kind". A step into a list is a number from 0.
	Path []string
	// Why says what is wrong, and what is right.
	Why string
}

// Field is the path as people write it: "spec.sourceRef.kind".
func (f Fault) Field() string { return strings.Join(f.Path, ".") }

// String is the field with what is wrong.
func (f Fault) String() string {
	if len(f.Path) == 0 {
		return f.Why
	}
	return f.Field() + ": " + f.Why
}

// Faults are those of a manifest as it reaches the API server, as JSON, by the schema of its kind and version, in the order of
// their paths; none where that schema is not known. Texts of which open is true are not known, and are taken for right: a
// variable whose value is elsewhere. As the API server does for server-side apply, it takes null for absent only where the field
// has a default, and sets defaults first. Of fields that the schema does not have, it only tells those that look like a typing error: a newer Flux has more.
func Faults(manifest []byte, open func(text string) bool) []Fault {
	var object map[string]any
	if json.Unmarshal(manifest, &object) != nil {
		return nil
	}
	apiVersion, _ := object["apiVersion"].(string)
	kind, _ := object["kind"].(string)
	s := schemas()[apiVersion+"/"+kind]
	if s == nil {
		return nil
	}
	i := inspection{open: open}
	i.value(s, object, nil)
	metadata, _ := object["metadata"].(map[string]any)
	i.metadata(metadata)
	sorting.By(i.faults, func(a, b Fault) int { return slices.Compare(a.Path, b.Path) })
	return i.faults
}

// split is a key of schemas.
func split(key string) (group, version, kind string) {
	parts := strings.SplitN(key, "/", 3)
	return parts[0], parts[1], parts[2]
}

// inspection collects the faults of one manifest.
type inspection struct {
	open   func(text string) bool
	faults []Fault
}

func (i *inspection) add(path []string, why string, values ...any) {
	i.faults = append(i.faults, Fault{slices.Clone(path), fmt.Sprintf(why, values...)})
}

// value inspects what is there.
func (i *inspection) value(s *schema, value any, path []string) {
	switch v := value.(type) {
	case nil:
		if s.Type != "" && s.Default == nil && path[0] != "metadata" { // of metadata the server takes it
			i.add(path, "it is null, and Flux wants %s: give it a value, or take the line out", typeNames[s.Type])
		}
	case string:
		i.text(s, v, path)
	case map[string]any:
		if i.is(s, "object", value, path) {
			i.object(s, v, path)
		}
	case []any:
		if i.is(s, "array", value, path) {
			i.list(s, v, path)
		}
	case bool:
		i.is(s, "boolean", value, path)
	case float64:
		i.number(s, v, path)
	}
}

// is tells whether a schema takes a type of JSON, and notes it where it does not.
func (i *inspection) is(s *schema, kind string, value any, path []string) bool {
	if s.Type == kind || s.Type == "" {
		return true
	}
	i.add(path, "%s is %s, and Flux wants %s", shown(value), typeNames[kind], typeNames[s.Type])
	return false
}

var typeNames = map[string]string{"string": "a text", "object": "a mapping", "array": "a list", "boolean": "true or false", "integer": "a whole number", "number": "a number"}

// shown is a value as JSON, shortened.
func shown(value any) string {
	const most = 60
	data, _ := json.Marshal(value) // it was read from JSON
	if text := []rune(string(data)); len(text) > most {
		return string(text[:most]) + "..."
	}
	return string(data)
}

func (i *inspection) number(s *schema, v float64, path []string) {
	kind := "number"
	if v == math.Trunc(v) && s.Type != "number" {
		kind = "integer"
	}
	if i.is(s, kind, v, path) && s.Minimum != nil && v < *s.Minimum {
		i.add(path, "%s is less than %v", shown(v), *s.Minimum)
	}
}

func (i *inspection) text(s *schema, v string, path []string) {
	if i.open(v) || !i.is(s, "string", v, path) {
		return
	}
	length := utf8.RuneCountInString(v)
	switch {
	case len(s.Enum) > 0 && !slices.Contains(s.Enum, v):
		why := fmt.Sprintf("%q is none of the words that Flux takes: %s", v, strings.Join(s.Enum, ", "))
		if meant := flux.Meant(v, s.Enum); meant != "" {
			why = fmt.Sprintf("%q is no word that Flux takes: is %s meant?", v, meant)
		}
		i.add(path, "%s", why)
	case s.MinLength != nil && length < *s.MinLength:
		i.add(path, "%s is too short: Flux wants at least %s", shown(v), characters(*s.MinLength))
	case s.MaxLength != nil && length > *s.MaxLength:
		i.add(path, "%s is too long: Flux takes at most %s", shown(v), characters(*s.MaxLength))
	case s.Pattern != "" && !compiled(s.Pattern).MatchString(v):
		i.add(path, "%s", unlike(s.Pattern, v))
	}
}

func characters(n int) string {
	if n == 1 {
		return "1 character"
	}
	return fmt.Sprintf("%d characters", n)
}

// compiled keeps the patterns, which are few.
func compiled(pattern string) *regexp.Regexp {
	if found, ok := patterns.Load(pattern); ok {
		return found.(*regexp.Regexp)
	}
	expression := regexp.MustCompile(pattern) // a test compiles all
	patterns.Store(pattern, expression)
	return expression
}

var patterns sync.Map

// unlike says what a pattern asks for.
func unlike(pattern, v string) string {
	schemes := schemePattern.FindStringSubmatch(pattern)
	switch {
	case schemes != nil:
		words := strings.Split(strings.ReplaceAll(schemes[1], "?", ""), "|")
		return fmt.Sprintf("%q is no URL that Flux takes: write it with %s:// in front", flux.ShownURL(v), strings.Join(words, "://, "))
	case strings.HasPrefix(pattern, durationPattern):
		_, err := flux.ParseDuration(v, !strings.Contains(pattern, "|h"))
		if err != nil {
			return err.Error()
		}
	}
	return fmt.Sprintf("%q is not written as Flux wants it: it does not match %s", v, pattern)
}

var schemePattern = regexp.MustCompile(`^\^\(?([a-z|?]+)\)?://`)

const durationPattern = `^([0-9]+(\.[0-9]+)?(ms|s|m`

func (i *inspection) list(s *schema, v []any, path []string) {
	switch {
	case s.MinItems != nil && len(v) < *s.MinItems:
		i.add(path, "%s has fewer parts than Flux wants, which is at least %d", shown(v), *s.MinItems)
	case s.MaxItems != nil && len(v) > *s.MaxItems:
		i.add(path, "%s has more parts than Flux takes, which is %d", shown(v), *s.MaxItems)
	}
	for n, part := range v {
		if s.Items != nil {
			i.value(s.Items, part, append(path, strconv.Itoa(n)))
		}
	}
}

func (i *inspection) object(s *schema, v map[string]any, path []string) {
	before := len(i.faults)
	for _, key := range s.Required {
		if property := s.Properties[key]; v[key] == nil && (property == nil || property.Default == nil) {
			i.add(append(path, key), "it is not set, and Flux requires it")
		}
	}
	for _, key := range slices.Sorted(maps.Keys(v)) {
		switch property := s.Properties[key]; {
		case v[key] == nil && slices.Contains(s.Required, key): // told already
		case property != nil:
			i.value(property, v[key], append(path, key))
		case s.Values != nil:
			i.value(s.Values, v[key], append(path, key))
		case !s.Any && len(s.Properties) > 0:
			i.stranger(s, v, key, path)
		}
	}
	if len(i.faults) > before {
		return // the API server looks at rules only where all else is right
	}
	for _, r := range s.Rules {
		if holds := rules[r.Rule]; holds != nil && !holds(self{s, v, i.open}) {
			i.add(path, "%s", r.Message)
		}
	}
}

// stranger notes a field that the schema does not have, where it looks like one that it has: the API server refuses it ("field
// not declared in schema"). A list beside the one thing that the object has may be a newer field.
func (i *inspection) stranger(s *schema, v map[string]any, key string, path []string) {
	var absent, present []string
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		switch {
		case v[name] == nil:
			absent = append(absent, name)
		case strings.TrimSuffix(name, "s") != strings.TrimSuffix(key, "s"):
			present = append(present, name)
		}
	}
	likely := func(meant string) bool { return meant != "" && len(meant) <= len(key)+1 } // a beginning alone may be a newer field
	if meant := flux.Meant(key, absent); likely(meant) {
		i.add(append(path, key), "Flux has no such field: is %s meant?", meant)
	} else if meant := flux.Meant(key, present); likely(meant) {
		i.add(append(path, key), "Flux has no such field, and %s is there beside it", meant)
	}
}
