package flux

import (
	"bytes"
	"hash/fnv"
	"maps"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Rest is what the spec of a served object has beside its tunable fields: a sum for each of its fields, by which a change is
// seen. Nil where it is not known.
type Rest map[string]uint64

// rest reads a spec as an API server writes it: without white space, the fields of each object sorted. How a value is escaped does
// not count: a watch escapes what a list does not.
func (s documentSpec) rest() Rest {
	if s.fields == nil {
		return nil
	}
	rest := make(Rest, len(s.fields))
	for name, value := range s.fields {
		switch Field("spec." + name) {
		case Interval, Timeout, RetryInterval:
			continue
		case "spec.chart": // which ChartInterval lies in
			value = withoutInterval(value)
		}
		rest[name] = sum(value)
	}
	return rest
}

// withoutInterval takes ChartInterval out of spec.chart of a HelmRelease; that of a HelmChart is a word.
func withoutInterval(value jsontext.Value) jsontext.Value {
	var template map[string]any
	if Unmarshal(value, &template) != nil {
		return value
	}
	if spec, ok := template["spec"].(map[string]any); ok {
		delete(spec, "interval")
	}
	return canonical(template)
}

// sum hashes a value.
func sum(value jsontext.Value) uint64 {
	if bytes.Contains(value, []byte(`\u`)) {
		var v any
		if Unmarshal(value, &v) == nil {
			value = canonical(v)
		}
	}
	h := fnv.New64a()
	_, _ = h.Write(value)
	return h.Sum64()
}

// canonical writes what was read from JSON, in one way only.
func canonical(v any) jsontext.Value {
	data, _ := json.Marshal(v, lenient, json.Deterministic(true))
	return data
}

// Differs names the fields of the spec that are others in two versions of an object, sorted: tunable fields, and beside these
// those that a spec has ("spec.chart", whatever of it differs). What is not known of both differs in nothing.
func (o Object) Differs(before Object) []Field {
	var fields []Field
	for _, t := range o.KindRow().Tunables {
		if !SameDuration(before.Value(t.Field), o.Value(t.Field)) {
			fields = append(fields, t.Field)
		}
	}
	if before.Rest != nil && o.Rest != nil {
		names := maps.Clone(before.Rest)
		maps.Copy(names, o.Rest)
		for name := range names {
			was, had := before.Rest[name]
			if is, has := o.Rest[name]; is != was || has != had {
				fields = append(fields, Field("spec."+name))
			}
		}
	}
	slices.Sort(fields)
	return fields
}
