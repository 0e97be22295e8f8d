package tune

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// allOf empties a queue, where each is released at once.
func allOf(q *Queue) []flux.Ref {
	var all []flux.Ref
	for {
		ref, ok := q.Next(func(flux.Ref) bool { return true })
		if !ok {
			return all
		}
		all = append(all, ref)
		q.Release(ref)
	}
}

func TestQueue(t *testing.T) {
	t.Parallel()
	chain := NewGraph(flux.Each([]flux.Object{node(t, "a"), node(t, "b", "a"), node(t, "c", "b"), node(t, "alone"), node(t, "short", "a")}))
	for _, tc := range []struct {
		name  string
		graph *Graph
		of    []flux.Ref
		want  []flux.Ref
		depth int
	}{
		{"no graph", nil, ksRefs("b", "a"), ksRefs("b", "a"), 1},
		{"nothing", chain, nil, nil, 0},
		{"none depends on another", chain, ksRefs("c", "alone"), ksRefs("c", "alone"), 1},
		{"dependents first", chain, ksRefs("alone", "a", "b", "c", "short"), ksRefs("alone", "c", "b", "short", "a"), 3},
		{"only the chosen count", chain, ksRefs("a", "c"), ksRefs("a", "c"), 1},
		{"a circle is cut", NewGraph(flux.Each([]flux.Object{node(t, "a", "b"), node(t, "b", "a")})), ksRefs("a", "b"), ksRefs("b", "a"), 2},
		{"named twice", NewGraph(flux.Each([]flux.Object{node(t, "a"), node(t, "b", "a", "a")})), ksRefs("a", "b"), ksRefs("b", "a"), 2},
		{"of itself", NewGraph(flux.Each([]flux.Object{node(t, "a", "a")})), ksRefs("a"), ksRefs("a"), 1},
	} {
		q := tc.graph.Queue(tc.of)
		assert.Equal(t, tc.depth, q.Depth(), tc.name)
		assert.Equal(t, tc.want, allOf(q), tc.name)
		assert.False(t, q.Waiting(), tc.name)
	}
}

func TestQueueWaits(t *testing.T) {
	t.Parallel()
	g := NewGraph(flux.Each([]flux.Object{node(t, "a"), node(t, "b", "a"), node(t, "c", "a"), node(t, "below"), node(t, "d", "a")}))
	q := g.Queue(ksRefs("a", "b", "c", "below"))
	any := func(flux.Ref) bool { return true }
	b, _ := q.Next(any)
	c, _ := q.Next(func(ref flux.Ref) bool { return ref.Name != "below" })
	assert.Equal(t, ksRefs("b", "c"), []flux.Ref{b, c})
	assert.True(t, q.Holds(b))
	assert.Equal(t, ksRefs("a"), q.Behind(b))
	q.Release(b)
	assert.False(t, q.Holds(b))
	_, free := q.Next(func(ref flux.Ref) bool { return ref.Name == "a" })
	assert.False(t, free, "c is not released")
	q.Release(c)
	assert.Equal(t, ksRefs("a", "below"), allOf(q), "what has become free comes in its place")
}

// In any graph without circles every object comes once, and not before all that depend on it are released, in whatever order that
// happens. Those of which none depends on another keep their order.
func TestQueueOfAnyGraph(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 5))
		var objects []flux.Object
		var refs []flux.Ref
		for i := range 1 + r.IntN(12) {
			var on []string
			for j := range i {
				if r.IntN(4) == 0 {
					on = append(on, fmt.Sprint(j))
				}
			}
			o := node(t, fmt.Sprint(i), on...)
			objects = append(objects, o)
			if r.IntN(5) > 0 {
				refs = append(refs, o.Ref)
			}
		}
		r.Shuffle(len(refs), func(i, j int) { refs[i], refs[j] = refs[j], refs[i] })
		g := NewGraph(flux.Each(objects))
		q := g.Queue(refs)
		var open []flux.Ref
		released, seen := map[flux.Ref]bool{}, map[flux.Ref]bool{}
		for len(seen) < len(refs) || len(open) > 0 {
			ref, ok := q.Next(func(flux.Ref) bool { return r.IntN(3) > 0 })
			if ok {
				assert.False(t, seen[ref], "seed %d: %s twice", seed, ref)
				seen[ref] = true
				for _, d := range g.DependentsOf(ref) {
					assert.True(t, released[d.Ref] || !contains(refs, d.Ref), "seed %d: %s before %s", seed, ref, d.Ref)
				}
				open = append(open, ref)
			}
			if len(open) > 0 && (!ok || r.IntN(2) == 0) {
				at := r.IntN(len(open))
				q.Release(open[at])
				released[open[at]] = true
				open = append(open[:at], open[at+1:]...)
			}
		}
		require.Len(t, seen, len(refs), "seed %d", seed)
		flat := NewGraph(flux.Each(nil)).Queue(refs)
		assert.ElementsMatch(t, refs, allOf(flat))
	}
}

func contains(refs []flux.Ref, ref flux.Ref) bool {
	for _, r := range refs {
		if r == ref {
			return true
		}
	}
	return false
}

// What a run takes is what its pace takes and what it waits for, where nothing else can be done meanwhile.
func TestCourse(t *testing.T) {
	t.Parallel()
	g := NewGraph(flux.Each([]flux.Object{node(t, "a"), node(t, "b", "a"), node(t, "c", "a"), node(t, "x"), node(t, "y")}))
	took := func(flux.Ref) time.Duration { return 10 * time.Second }
	c := g.Queue(ksRefs("a", "b", "c", "x", "y")).run(1, took)
	assert.Equal(t, 13*time.Second, c.takes, "x and y are changed while b and c are waited for")
	assert.Equal(t, map[flux.Ref]time.Duration{ksRef("a"): 2 * time.Second}, c.since, "after the first of its dependents was ready")
	assert.Equal(t, 10*time.Second, g.Queue(ksRefs("a", "b", "c", "x", "y")).run(0, took).takes)
	assert.Zero(t, g.Queue(ksRefs("x", "y")).run(0, took).takes)
}
