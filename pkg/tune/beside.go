package tune

import (
	"encoding/json"
	"slices"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// ChangedBeside names the fields of the spec that a patch changed and was not to, sorted. The patch was made for an object as it was
// before, by its resourceVersion, so that nobody but admission can have changed them.
func ChangedBeside(before, answer flux.Object, patch []byte) []flux.Field {
	var sent map[string]any
	if json.Unmarshal(patch, &sent) != nil {
		return nil
	}
	return slices.DeleteFunc(answer.Differs(before), func(f flux.Field) bool { return sets(sent, f.Path()) })
}

// Arrived tells whether an object is what a merge patch by a field manager ("" is DefaultManager) has made of it as it was before: where the
// API server says that it is another one by now, somebody between us and it may have sent the patch twice. Its values and our annotations
// are those of the patch, the manager owns what it set, and the generation is the next where the spec has changed. A run of somebody else's that did
// just the same beside ours looks like that, too. False where the patch changes none of these.
func Arrived(before, now flux.Object, patch []byte, manager string) bool {
	var sent struct {
		Metadata struct{ Annotations map[string]*string }
		Spec     map[string]any
	}
	if json.Unmarshal(patch, &sent) != nil {
		return false
	}
	changes, generation := false, before.Generation
	for _, key := range []string{RecordAnnotation, UntilAnnotation, PinsAnnotation} {
		was, had := before.Annotations[key]
		is, has := now.Annotations[key]
		want, wanted := was, had
		if value, named := sent.Metadata.Annotations[key]; named {
			want, wanted = fromPointer(value)
		}
		if is != want || has != wanted {
			return false
		}
		changes = changes || is != was || has != had
	}
	spec := map[string]any{"spec": sent.Spec}
	for _, f := range append([]flux.Field{flux.IgnoreField}, tunablesOf(before)...) {
		if !sets(spec, f.Path()) || holds(before, f, spec) {
			continue
		}
		if !holds(now, f, spec) || valueAt(spec, f.Path()) != nil && !owns(now, f, manager) && !unknown(now, f) {
			return false
		}
		changes, generation = true, before.Generation+1
	}
	return changes && now.Generation == generation
}

func fromPointer(value *string) (string, bool) {
	if value == nil {
		return "", false
	}
	return *value, true
}

func tunablesOf(o flux.Object) []flux.Field {
	var fields []flux.Field
	for _, t := range o.KindRow().Tunables {
		fields = append(fields, t.Field)
	}
	return fields
}

// holds tells whether an object has what a merge patch has for one of its fields.
func holds(o flux.Object, f flux.Field, patch map[string]any) bool {
	value := valueAt(patch, f.Path())
	if f == flux.IgnoreField {
		var rules []flux.IgnoreRule
		data, err := json.Marshal(value)
		return err == nil && json.Unmarshal(data, &rules) == nil && slices.EqualFunc(rules, o.Ignore, flux.IgnoreRule.Equal)
	}
	if value == nil {
		return o.Value(f) == nil || filledIn(o, f)
	}
	text, is := value.(string)
	return is && flux.SameDuration(o.Value(f), &text)
}

// valueAt is what a merge patch has at a path; nil where that is null, or nothing.
func valueAt(patch map[string]any, path []string) any {
	for ; len(path) > 1; path = path[1:] {
		patch, _ = patch[path[0]].(map[string]any)
	}
	return patch[path[0]]
}

// sets tells whether a merge patch has a value for the field at a path, or null; it is false where it has one for a part of it.
func sets(patch map[string]any, path []string) bool {
	for ; len(path) > 1; path = path[1:] {
		next, ok := patch[path[0]].(map[string]any)
		if !ok {
			return false
		}
		patch = next
	}
	value, there := patch[path[0]]
	_, part := value.(map[string]any)
	return there && !part
}
