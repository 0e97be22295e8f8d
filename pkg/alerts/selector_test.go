package alerts

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

func repo(namespace, name string, class int) classed[int] {
	return classed[int]{flux.Ref{Group: "source.toolkit.fluxcd.io", Kind: "GitRepository", Namespace: namespace, Name: name}, class}
}

// A class is chosen by its kind where that is enough, else by namespaces, else by names.
func TestSelectorsAreShort(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		all  []classed[int]
		want map[int][]Selector
	}{
		{"nothing", nil, map[int][]Selector{}},
		{"one class", []classed[int]{repo("a", "x", 1), repo("b", "y", 1)}, map[int][]Selector{1: {{Kind: "GitRepository"}}}},
		{"no class", []classed[int]{repo("a", "x", 0)}, map[int][]Selector{}},
		{"by namespace", []classed[int]{repo("b", "x", 1), repo("a", "x", 1), repo("c", "x", 2)}, map[int][]Selector{
			1: {{Kind: "GitRepository", Namespaces: []string{"a", "b"}}},
			2: {{Kind: "GitRepository", Namespaces: []string{"c"}}},
		}},
		{"the same names in several namespaces", []classed[int]{repo("a", "x", 1), repo("a", "y", 2), repo("b", "x", 1), repo("b", "z", 2)}, map[int][]Selector{
			1: {{Kind: "GitRepository", Namespaces: []string{"a", "b"}, Names: []string{"x"}}},
			2: {{Kind: "GitRepository", Namespaces: []string{"a"}, Names: []string{"y"}}, {Kind: "GitRepository", Namespaces: []string{"b"}, Names: []string{"z"}}},
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tc.want, selectors(tc.all))
		})
	}
}

// Whatever a fleet looks like, each object is chosen by the selectors of its class, once, and by no others.
func TestSelectorsAreExact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		seen := map[flux.Ref]bool{}
		var all []classed[int]
		for range rapid.IntRange(0, 30).Draw(t, "objects") {
			o := repo(fmt.Sprintf("n%d", rapid.IntRange(0, 4).Draw(t, "namespace")), fmt.Sprintf("o%d", rapid.IntRange(0, 4).Draw(t, "name")), rapid.IntRange(0, 3).Draw(t, "class"))
			o.ref.Kind = rapid.SampledFrom([]string{"GitRepository", "OCIRepository"}).Draw(t, "kind")
			if !seen[o.ref] {
				seen[o.ref] = true
				all = append(all, o)
			}
		}
		found := selectors(all)
		for _, o := range all {
			for class, list := range found {
				times := 0
				for _, s := range list {
					if s.Matches(o.ref) {
						times++
					}
				}
				want := 0
				if class == o.class {
					want = 1
				}
				if times != want {
					t.Fatalf("%s of class %d is chosen %d times by those of class %d: %v", o.ref, o.class, times, class, list)
				}
			}
			if o.class != 0 && len(found[o.class]) == 0 {
				t.Fatalf("%s of class %d is not chosen", o.ref, o.class)
			}
		}
	})
}

func TestSelectorString(t *testing.T) {
	t.Parallel()
	assert.Equal(t, `{kind="GitRepository"}`, Selector{Kind: "GitRepository"}.String())
	assert.Equal(t, `{kind="GitRepository",exported_namespace="a",name=~"v1\\.2|x"}`,
		Selector{Kind: "GitRepository", Namespaces: []string{"a"}, Names: []string{"v1.2", "x"}}.String())
}
