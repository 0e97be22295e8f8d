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

// What is not there, what may not be read and what nobody asked for are told apart.
func TestLacks(t *testing.T) {
	t.Parallel()
	s := Snapshot{
		Looked: []Place{{Kind: "Kustomization"}, {Kind: "HelmRelease", Namespace: "apps", Name: "web"}},
		Tried:  []Place{{Kind: "HelmRelease", Namespace: "apps"}},
	}
	for ref, want := range map[Ref]string{
		{Kind: "Kustomization", Namespace: "apps", Name: "web"}: "is not in this cluster",
		{Kind: "HelmRelease", Namespace: "apps", Name: "web"}:   "is not in this cluster",
		{Kind: "HelmRelease", Namespace: "apps", Name: "db"}:    "could not be read",
		{Kind: "HelmRelease", Namespace: "other", Name: "web"}:  "was not read",
		{Kind: "GitRepository", Namespace: "apps", Name: "web"}: "was not read",
	} {
		assert.Equal(t, want, s.Lacks(ref), ref)
	}
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

// Nothing is in a snapshot twice, whatever was read twice.
func TestRelate(t *testing.T) {
	t.Parallel()
	object := func(name, version string) Object {
		return Object{Ref: Ref{Kind: "Kustomization", Name: name}, ResourceVersion: version}
	}
	s := Snapshot{Objects: []Object{object("a", "1")}, Related: []Object{object("b", "1")}}
	s.Relate([]Object{object("a", "2"), object("b", "2"), object("c", "2"), object("c", "3")})
	assert.Equal(t, []Object{object("b", "1"), object("c", "2")}, s.Related)
	assert.Len(t, s.Known(), 3)
	assert.Equal(t, "1", s.Known()[object("a", "").Ref].ResourceVersion)
}
