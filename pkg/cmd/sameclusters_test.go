package cmd

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
	"github.com/fluxtune/kubectl-fluxtune/pkg/nodes"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

// Contexts of some clusters, seen by users with more or less rights: no cluster vanishes, none counts twice without a
// word, and each is shown by who saw most of it.
func TestEachClusterCountsOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 5).Draw(t, "contexts")
		leads, told := make([]int, n), map[[2]int]bool{}
		var counts []report.ClusterCount
		for i := range n {
			leads[i] = rapid.IntRange(0, 2).Draw(t, "leads to")
			count := nodes.Count{NodesKnown: true, NodesListed: true, Nodes: []nodes.Node{{Name: fmt.Sprint("node-of-", leads[i])}}}
			switch rapid.IntRange(0, 3).Draw(t, "sees") {
			case 0:
				count = nodes.Failed(errors.New("no such user"))
			case 1:
				count.Missing = []nodes.Missing{{What: nodes.WhatPods, Reason: kube.Forbidden}}
			}
			counts = append(counts, report.ClusterCount{Cluster: fmt.Sprint(i), Count: count})
			for j := range i {
				told[[2]int{j, i}] = rapid.IntRange(0, 3).Draw(t, "told") > 0
			}
		}
		of := func(i, j int) kube.Sameness {
			switch {
			case !told[[2]int{min(i, j), max(i, j)}]:
				return kube.Untold
			case leads[i] == leads[j]:
				return kube.SameCluster
			default:
				return kube.OtherCluster
			}
		}
		kept, _ := oncePerCluster(counts, of, nil)
		shown := map[int][]report.ClusterCount{}
		for _, c := range kept {
			i := slices.IndexFunc(counts, func(o report.ClusterCount) bool { return o.Cluster == c.Cluster })
			shown[leads[i]] = append(shown[leads[i]], c)
		}
		for n, c := range kept { // a total counts only one of them
			for _, other := range kept[:n] {
				at := func(c report.ClusterCount) int {
					return slices.IndexFunc(counts, func(o report.ClusterCount) bool { return o.Cluster == c.Cluster })
				}
				read, same := !c.Count.Empty() && !other.Count.Empty(), slices.Contains(c.MaybeSame, other.Cluster)
				if !read && same || read && !same && leads[at(c)] == leads[at(other)] {
					t.Fatalf("%s may be the same cluster as %v, which %s is (read: %v)", c.Cluster, c.MaybeSame, other.Cluster, read)
				}
			}
		}
		for i, c := range counts {
			there := shown[leads[i]]
			proved := slices.ContainsFunc(there, func(s report.ClusterCount) bool {
				return of(i, slices.IndexFunc(counts, func(o report.ClusterCount) bool { return o.Cluster == s.Cluster })) == kube.SameCluster
			})
			is := slices.ContainsFunc(there, func(s report.ClusterCount) bool { return s.Cluster == c.Cluster })
			if n == 2 && c.Count.Empty() && is == (proved && !there[0].Count.Empty()) {
				t.Fatalf("nothing was read through %d, and it is missing (%v) where another that is proved to be the same (%v) shows it", i, is, proved)
			}
			if c.Count.Empty() && !is && len(there) == 0 {
				t.Fatalf("nothing was read through %d, and it is not missing", i)
			}
			of := there
			read := slices.DeleteFunc(slices.Clone(of), func(s report.ClusterCount) bool { return s.Count.Empty() })
			doubts := slices.ContainsFunc(read, func(s report.ClusterCount) bool {
				return slices.ContainsFunc(s.Count.Missing, func(m nodes.Missing) bool { return m.What == nodes.WhatIdentity })
			})
			if len(read) == 0 && !c.Count.Empty() || len(read) > 1 && !doubts {
				t.Fatalf("cluster %d counts %d times", leads[i], len(read))
			}
			best := slices.ContainsFunc(read, func(s report.ClusterCount) bool {
				return !slices.ContainsFunc(s.Count.Missing, func(m nodes.Missing) bool { return m.What == nodes.WhatPods })
			})
			if !c.Count.Empty() && !c.Count.Partial() && !best {
				t.Fatalf("%d saw all of its cluster, and another shows it", i)
			}
		}
	})
}

// A user who may read nothing but the UID of kube-system sees no second cluster.
func TestAContextThatReadsNothingIsNoSecondCluster(t *testing.T) {
	t.Parallel()
	all := report.ClusterCount{Cluster: "admin", Count: nodes.Count{NodesKnown: true, NodesListed: true, Total: 3}}
	none := report.ClusterCount{Cluster: "vera", Count: nodes.Failed(errors.New("forbidden"))}
	for told, want := range map[kube.Sameness][]report.ClusterCount{
		kube.SameCluster: {all}, kube.OtherCluster: {none, all}, kube.Untold: {none, all}, kube.NotCompared: {none, all},
	} {
		kept, said := oncePerCluster([]report.ClusterCount{none, all}, func(int, int) kube.Sameness { return told }, nil)
		assert.Equal(t, want, kept, told)
		assert.Len(t, said, 2-len(want))
	}
}

func TestTheOrderOfContextsDoesNotDecide(t *testing.T) {
	t.Parallel()
	all := report.ClusterCount{Cluster: "admin", Count: nodes.Count{NodesKnown: true, NodesListed: true}}
	part := report.ClusterCount{Cluster: "viewer", Count: nodes.Count{AtLeast: true, Total: 1, Missing: []nodes.Missing{{What: nodes.WhatPods}}}}
	same := func(int, int) kube.Sameness { return kube.SameCluster }
	for _, counts := range [][]report.ClusterCount{{all, part}, {part, all}} {
		kept, said := oncePerCluster(counts, same, nil)
		assert.Equal(t, []report.ClusterCount{all}, kept)
		assert.Equal(t, []string{"Context viewer is the same cluster as admin, which counts once, with the rights of admin."}, said)
	}
}

// What is proved to be another cluster stays one, whatever a third shares with both.
func TestAKnownDifferenceBeatsAChain(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 6).Draw(t, "connections")
		told := map[[2]int]kube.Sameness{}
		for i := range n {
			for j := range i {
				told[[2]int{j, i}] = rapid.SampledFrom([]kube.Sameness{kube.NotCompared, kube.Untold, kube.SameCluster, kube.OtherCluster}).Draw(t, "told")
			}
		}
		of := func(i, j int) kube.Sameness { return told[[2]int{min(i, j), max(i, j)}] }
		var all []int
		for i := range n {
			all = append(all, i)
		}
		g := group(all, of, func(i, j int) bool { return i < j })
		for i := range n {
			for j := range i {
				if of(i, j) == kube.OtherCluster && g.stands[i] == g.stands[j] {
					t.Fatalf("%d and %d are two clusters, and stand for one: %v", j, i, g.stands)
				}
			}
		}
	})
}

// The question names the context in full: what a short form leaves out may be the account that is about to change.
func TestQuestionNamesTheWholeContext(t *testing.T) {
	t.Parallel()
	const account = ":123456789012:cluster/platform-production"
	file := filepath.Join(t.TempDir(), "config")
	require.NoError(t, os.WriteFile(file, []byte("apiVersion: v1\nkind: Config\ncontexts:\n"+
		"- {name: 'arn:aws:eks:eu-central-1"+account+"', context: {cluster: c, user: u}}\n- {name: 'arn:aws:eks:eu-west-1"+account+"', context: {cluster: c, user: u}}\n"), 0o600))
	r := testRoot()
	r.config.KubeConfig = &file
	assert.Equal(t, ` in context "arn:aws:eks:eu-central-1:123456789012:cluster/platform-production"`, r.inContext("arn:aws:eks:eu-central-1"+account).onCluster())
	assert.Equal(t, ` in context "arn:aws:eks:eu-west-1:123456789012:cluster/platform-production"`, r.inContext("arn:aws:eks:eu-west-1"+account).onCluster())
}
