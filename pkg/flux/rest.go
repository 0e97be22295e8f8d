package flux

import (
	"encoding/json"
	"hash/fnv"
	"maps"
	"slices"
)

// Rest is what the spec of a served object has beside its tunable fields: a sum for each of its fields, by which a change is
// seen. Nil where it is not known.
type Rest map[string]uint64

// rest reads a spec. Neither the order of its fields nor how they are escaped counts.
func (s documentSpec) rest() Rest {
	var fields map[string]any
	if json.Unmarshal(s.raw, &fields) != nil {
		return nil
	}
	for _, f := range [...]Field{Interval, Timeout, RetryInterval, ChartInterval} {
		remove(fields, f.Path()[1:])
	}
	rest := make(Rest, len(fields))
	for name, value := range fields {
		canonical, err := json.Marshal(value)
		if err != nil {
			return nil
		}
		h := fnv.New64a()
		_, _ = h.Write(canonical)
		rest[name] = h.Sum64()
	}
	return rest
}

// remove takes the field at a path out of an object, where it is there.
func remove(object map[string]any, path []string) {
	for ; len(path) > 1; path = path[1:] {
		next, ok := object[path[0]].(map[string]any)
		if !ok {
			return
		}
		object = next
	}
	delete(object, path[0])
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
