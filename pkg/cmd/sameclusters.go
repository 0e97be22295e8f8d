package cmd

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
)

// comparisons hold what is known of each two of several connections. What was once told stands: a connection leads to
// one cluster as long as the program runs.
type comparisons struct {
	mu    sync.Mutex
	known map[[2]int]kube.Sameness
}

// between compares two connections, unless that is known.
func (c *comparisons) between(ctx context.Context, i, j int, seen func(int) kube.Seen) kube.Sameness {
	if told := c.of(i, j); told > kube.Untold {
		return told
	}
	told := kube.Compare(ctx, seen(min(i, j)), seen(max(i, j)))
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil {
		c.known = map[[2]int]kube.Sameness{}
	}
	c.known[[2]int{min(i, j), max(i, j)}] = told
	return told
}

// of is what is known of two connections.
func (c *comparisons) of(i, j int) kube.Sameness {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.known[[2]int{min(i, j), max(i, j)}]
}

// grouping tells which of several connections stand for one cluster.
type grouping struct {
	// stands is, for each connection, the one that stands for its cluster: the best of them.
	stands []int
	// doubtful are, for each connection that stands for a cluster, those before it of which it is not known whether they
	// are the same, and with notCompared it is not known yet.
	doubtful    map[int][]int
	notCompared map[int]bool
}

// group puts connections together that lead to one cluster. Only proof does that, and where there is none, that is told. What
// is proved to be another cluster stays another one, whatever shares objects with both.
func group(connections []int, of func(i, j int) kube.Sameness, better func(i, j int) bool) grouping {
	g := grouping{stands: make([]int, len(connections)), doubtful: map[int][]int{}, notCompared: map[int]bool{}}
	var groups [][]int
	for _, i := range connections {
		joined, rest := []int{i}, [][]int(nil)
		for _, members := range groups { // it may be what shows that two groups are one
			if any2(joined, members, func(i, j int) bool { return of(i, j) == kube.SameCluster }) && !any2(joined, members, func(i, j int) bool { return of(i, j) == kube.OtherCluster }) {
				joined = append(joined, members...)
			} else {
				rest = append(rest, members)
			}
		}
		slices.Sort(joined)
		groups = append(rest, joined)
	}
	best := func(members []int) int {
		best := members[0]
		for _, i := range members[1:] {
			if better(i, best) {
				best = i
			}
		}
		return best
	}
	slices.SortFunc(groups, func(a, b []int) int { return cmp.Compare(best(a), best(b)) }) // "before" is as they are shown
	var kept []int
	for _, members := range groups {
		kept = append(kept, best(members))
		for _, i := range members {
			g.stands[slices.Index(connections, i)] = best(members)
		}
	}
	for n, members := range groups {
		for m, others := range groups[:n] {
			told := kube.NotCompared
			for _, i := range members {
				for _, j := range others {
					told = max(told, of(i, j))
				}
			}
			if told <= kube.Untold {
				g.doubtful[kept[n]] = append(g.doubtful[kept[n]], kept[m])
				g.notCompared[kept[n]] = g.notCompared[kept[n]] || told == kube.NotCompared
			}
		}
	}
	return g
}

// any2 tells whether something is so of one of some and one of others.
func any2(some, others []int, is func(i, j int) bool) bool {
	return slices.ContainsFunc(some, func(i int) bool { return slices.ContainsFunc(others, func(j int) bool { return is(i, j) }) })
}

// sameClusterLine tells that a context is left out.
func sameClusterLine(context, of string) string {
	return fmt.Sprintf("Context %s is the same cluster as %s, which counts once.", context, of)
}

// doubt is what is said where nothing tells whether a context is the same cluster as others, and what follows from that.
func doubt(others []string, follows string) string {
	return fmt.Sprintf("whether this is another cluster than %s is not known, so that %s (the right to get the namespace kube-system would tell)", strings.Join(others, ", "), follows)
}
