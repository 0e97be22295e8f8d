package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
	"github.com/fluxtune/kubectl-fluxtune/pkg/nodes"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

// oncePerCluster leaves out contexts of clusters that others show better, and says so. Of what nothing was read nothing is
// known but perhaps which cluster it is: unless that is proved to be one that was read, it is missing, and the same as nothing.
func oncePerCluster(counts []report.ClusterCount, told func(i, j int) kube.Sameness, hold standing) (kept []report.ClusterCount, same []string) {
	shared := newSharedNodes(counts)
	of := func(i, j int) kube.Sameness {
		if shared.contradict(i, j, told(i, j)) {
			return kube.Untold
		}
		return told(i, j)
	}
	var read []int
	for i := range counts {
		for j, other := range counts {
			if !other.Count.Empty() && (j == i || of(i, j) == kube.SameCluster) {
				read = append(read, i)
				break
			}
		}
	}
	g := group(read, of, func(i, j int) bool { return hold.better(counts, i, j) })
	hold.settle(counts, read, g.stands)
	for i, c := range counts {
		if n := slices.Index(read, i); n >= 0 && g.stands[n] != i {
			same = append(same, sameClusterLine(c.Cluster, counts[g.stands[n]].Cluster))
			continue
		}
		if others := g.doubtful[i]; len(others) > 0 {
			const follows = "a total counts only the larger number"
			var untold []string
			why := c.Count.Unidentified
			c.Count.Missing = slices.Clone(c.Count.Missing)
			for _, j := range others {
				c.MaybeSame = append(c.MaybeSame, counts[j].Cluster)
				why = cmp.Or(why, counts[j].Count.Unidentified)
				if shared.contradict(i, j, told(i, j)) {
					err := errors.New(contradiction(counts[j].Cluster, told(i, j), follows))
					c.Count.Missing = append(c.Count.Missing, nodes.Missing{What: nodes.WhatIdentity, Reason: kube.Error, Err: err})
				} else {
					untold = append(untold, counts[j].Cluster)
				}
			}
			if len(untold) > 0 {
				reason := cmp.Or(kube.ReasonOf(why), kube.Forbidden)
				c.Count.Missing = append(c.Count.Missing, nodes.Missing{What: nodes.WhatIdentity, Reason: reason, Err: errors.New(doubt(untold, follows, why))})
			}
			c.Count.Counting = c.Count.Counting || g.notCompared[i]
		}
		kept = append(kept, c)
	}
	return kept, same
}

// seesMore compares what counts of a cluster say, but for the numbers of pods, which change all the time.
func seesMore(a, b nodes.Count) int {
	namespaces := 0
	if a.AtLeast { // else all are counted, in whichever way
		namespaces = cmp.Compare(a.Namespaces.Done, b.Namespaces.Done)
	}
	return cmp.Or(
		rank(!a.Empty(), !b.Empty()), rank(!a.Partial(), !b.Partial()), rank(!a.AtLeast, !b.AtLeast), rank(!a.Outdated, !b.Outdated), rank(a.NodesKnown, b.NodesKnown), namespaces,
	)
}

// rank compares what is true for one with what is true for another.
func rank(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	default:
		return -1
	}
}

// standing are the contexts that stand for clusters while they are watched: another takes the place of one only where it sees
// more at that moment, or rows would change their cluster with each number. nil holds none.
type standing map[int]bool

// better tells whether a context is to stand for a cluster rather than another.
func (s standing) better(counts []report.ClusterCount, i, j int) bool {
	a, b := counts[i].Count, counts[j].Count
	switch more := seesMore(a, b); {
	case s[i]:
		return more >= 0
	case s[j]:
		return more > 0
	case s != nil && (a.Counting || b.Counting) && !a.Empty() && !b.Empty():
		return false // until it is known who sees more
	default:
		return more > 0 || more == 0 && a.Partial() && a.Total > b.Total
	}
}

// settle notes which contexts stand, of the clusters of which all contexts have been counted once.
func (s standing) settle(counts []report.ClusterCount, read, stands []int) {
	if s == nil {
		return
	}
	held := maps.Clone(s)
	for n, i := range read {
		counting, chosen := false, false // of all contexts of its cluster; one was chosen before
		for m, j := range read {
			if stands[m] == stands[n] {
				counting, chosen = counting || counts[j].Count.Counting, chosen || held[j]
			}
		}
		if chosen || !counting {
			s[i] = stands[n] == i
		}
	}
}

// sharedNodes tell, of some clusters, what their nodes say of which are one.
type sharedNodes struct {
	counts []report.ClusterCount
	pairs  map[[2]int]int // how many nodes two have in common
}

func newSharedNodes(counts []report.ClusterCount) sharedNodes {
	s := sharedNodes{counts, map[[2]int]int{}}
	if len(counts) < 2 {
		return s
	}
	of := map[string][]int{} // the clusters that have a node
	for i, c := range counts {
		for _, n := range c.Count.Nodes {
			if n.UID == "" {
				continue
			}
			for _, j := range of[n.UID] {
				s.pairs[[2]int{j, i}]++
			}
			of[n.UID] = append(of[n.UID], i)
		}
	}
	return s
}

// contradict tells whether the nodes of two contexts say something else than was told of them: those of two clusters are one
// and the same, as a virtual cluster shows those of its host; or each of two that are one has nodes that the other has not, and
// these are many, as of a cluster that was restored from another's backup. A few may have come or gone between two lists.
func (s sharedNodes) contradict(i, j int, told kube.Sameness) bool {
	share := s.pairs[[2]int{min(i, j), max(i, j)}]
	a, b := s.counts[i].Count, s.counts[j].Count
	switch told {
	case kube.OtherCluster:
		return share > 0
	case kube.SameCluster:
		onlyA, onlyB := withUID(a.Nodes)-share, withUID(b.Nodes)-share
		return a.NodesKnown && b.NodesKnown && onlyA > 0 && onlyB > 0 && 2*(onlyA+onlyB) > share+max(onlyA, onlyB)
	default:
		return false
	}
}

// withUID is how many nodes say which they are.
func withUID(all []nodes.Node) int {
	n := 0
	for _, node := range all {
		if node.UID != "" {
			n++
		}
	}
	return n
}

// contradiction is what is said where nodes contradict what is told of two contexts, and what follows.
func contradiction(other string, told kube.Sameness, follows string) string {
	if told == kube.SameCluster {
		return fmt.Sprintf("the namespace kube-system is that of %s, and most nodes are others, as after a restore from its backup, so that %s", other, follows)
	}
	return fmt.Sprintf("nodes are those of %s, and the namespace kube-system is another, as in a virtual cluster that shows its host's nodes, so that %s", other, follows)
}

// seen is a cluster as its context sees it.
func (o NodesOptions) seen(i int) kube.Seen { return o.clusters[i].counter.Seen() }

// compareWith compares a cluster with others that were counted; nothing can be said of one that does not tell which it is.
func (o NodesOptions) compareWith(ctx context.Context, i int, others []int) {
	for _, j := range others {
		o.same.between(ctx, i, j, o.seen)
	}
}

// compareWhileWatching compares all clusters, and again where nothing told: rights change. It ends when all is known.
func (o NodesOptions) compareWhileWatching(ctx context.Context, changed chan<- struct{}) {
	const soonest, latest, rightsChange = 50 * time.Millisecond, time.Second, 10 * time.Second
	asked := time.Time{} // when all that could be compared were
	for pause := soonest; kube.Sleep(ctx, pause) == nil; {
		waits, untold, again := false, false, time.Since(asked) >= rightsChange
		for i := range o.clusters {
			for j := range i {
				before := o.same.of(i, j)
				switch {
				case o.clusters[i].err != nil || o.clusters[j].err != nil || before > kube.Untold:
					continue
				case !o.comparable(i) || !o.comparable(j):
					waits = true
					continue
				case before == kube.Untold && !again:
					untold = true
					continue
				}
				told := o.compareOnce(ctx, i, j)
				untold = untold || told <= kube.Untold
				if told != before {
					wake(changed)
				}
			}
		}
		if again {
			asked = time.Now()
		}
		switch {
		case waits:
			pause = min(2*pause, latest)
		case untold:
			pause = rightsChange
		default:
			return
		}
	}
}

// comparable tells whether enough of a cluster was read to compare it with others: which it is, or, where nobody tells that,
// what there is.
func (o NodesOptions) comparable(i int) bool {
	if o.seen(i).UID != "" {
		return true
	}
	count := o.clusters[i].now().Count
	return o.clusters[i].counter.Identified() && !count.Counting && !count.Empty()
}

func (o NodesOptions) compareOnce(ctx context.Context, i, j int) kube.Sameness {
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	return o.same.between(ctx, i, j, o.seen)
}
