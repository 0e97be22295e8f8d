package flux

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestIncomplete(t *testing.T) {
	t.Parallel()
	harmless := Gap{What: "buckets", Why: "not served", Harmless: true}
	serious := Gap{What: "kustomizations", Why: "forbidden"}
	assert.False(t, Snapshot{}.Incomplete())
	assert.False(t, Snapshot{Gaps: []Gap{harmless}}.Incomplete())
	assert.True(t, Snapshot{Gaps: []Gap{harmless, serious}}.Incomplete())
}

func TestSort(t *testing.T) {
	t.Parallel()
	ref := func(kind, namespace, name string) Object {
		return Object{Ref: Ref{Kind: kind, Namespace: namespace, Name: name}}
	}
	objects := []Object{
		ref("Kustomization", "b", "a"), ref("Kustomization", "a", "z"), ref("GitRepository", "a", "z"),
		ref("Kustomization", "a", "b"), ref("Bucket", "a", "a"),
	}
	Sort(objects)
	assert.Equal(t, []Object{
		ref("GitRepository", "a", "z"), ref("Bucket", "a", "a"), ref("Kustomization", "a", "b"), ref("Kustomization", "a", "z"),
		ref("Kustomization", "b", "a"),
	}, objects)
}
