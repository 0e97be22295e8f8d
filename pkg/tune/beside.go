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
