package report

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
	"github.com/fluxtune/kubectl-fluxtune/pkg/nodes"
)

// Numbers that stay on the screen are not said to be unknown: it is said as of when they are.
func TestUsageThatIsOldSaysAsOfWhen(t *testing.T) {
	t.Parallel()
	missing := nodes.Missing{What: nodes.WhatUsage, Reason: kube.Unavailable, Err: assert.AnError}
	said := func() []string {
		list, err := NewNodeList([]ClusterCount{{Count: nodes.Count{NodesKnown: true, NodesListed: true, Missing: []nodes.Missing{missing}}}}, NodeOptions{})
		require.NoError(t, err)
		return list.Gaps()
	}
	assert.Equal(t, []string{"CPU and memory are not known (server not available)"}, said())
	missing.Since = time.Date(2026, 5, 4, 12, 30, 0, 0, time.Local)
	assert.Equal(t, []string{"CPU and memory could not be read again (server not available, as of 12:30:00)"}, said())
}

// The clock of a picture says as of when it is, and of what: of all, or of the nodes or the pods alone. So do the lines; of
// what is listed again and again only the clock does, or a pipe would tell it each time.
func TestAPictureSaysWhatOfItIsOld(t *testing.T) {
	t.Parallel()
	since := time.Date(2026, 5, 4, 12, 30, 0, 0, time.Local)
	lost := func(of string, reason kube.Reason) nodes.Missing {
		return nodes.Missing{What: nodes.WhatUpdates, Of: of, Reason: reason, Err: assert.AnError, Since: since}
	}
	why := " (" + assert.AnError.Error() + ")"
	for _, test := range []struct {
		name, ages, gap string
		missing         []nodes.Missing
	}{
		{"all is lost", "as of 12:30:00, 1m0s old", "updates are interrupted, as of 12:30:00" + why, []nodes.Missing{lost("", kube.Unavailable)}},
		{"pods are followed", "nodes as of 12:30:00, 1m0s old", "updates of nodes are interrupted, as of 12:30:00" + why, []nodes.Missing{lost("nodes", kube.Unavailable)}},
		{"nodes are followed", "pods as of 12:30:00, 1m0s old", "updates of pods are interrupted, as of 12:30:00" + why, []nodes.Missing{lost("pods", kube.Unavailable)}},
		{"pods are polled", "pods as of 12:30:00, 1m0s old", "no right to watch pods, listed again 10s after each list, so that rows are as old as that takes" + why, []nodes.Missing{lost("pods", kube.Forbidden)}},
		{"namespaces are polled", "namespaces as of 12:30:00, 1m0s old", "no right to watch namespaces, listed again 10s after each list, so that pods of a new one come as late as that" + why, []nodes.Missing{lost("namespaces", kube.Forbidden)}},
		{"all is polled", "as of 12:30:00, 1m0s old", "no right to watch, listed again 10s after each list, so that rows are as old as that takes" + why, []nodes.Missing{lost("", kube.Forbidden)}},
	} {
		list, err := NewNodeList([]ClusterCount{{Count: nodes.Count{Total: 1, Missing: test.missing}}}, NodeOptions{})
		require.NoError(t, err)
		assert.Equal(t, test.ages, list.Ages(since.Add(time.Minute)), test.name)
		assert.Equal(t, []string{test.gap}, list.Gaps(), test.name)
		assert.Equal(t, test.missing[0].Of, list.Missing[0].Of, test.name)
	}
}

// What a line says was counted was: a namespace whose pods could not be listed is none of those, and how full a node is by
// the pods of some namespaces is not how full it is.
func TestLineOfSomeNamespaces(t *testing.T) {
	t.Parallel()
	places := 10
	count := nodes.Count{
		NodesKnown: true, NodesListed: true, Scope: []string{"a", "b", "c"}, Total: 3, AtLeast: true,
		Nodes: []nodes.Node{{Name: "n", Allocatable: &places}}, Pods: map[string]nodes.Pods{"n": {Total: 3}},
		Missing: []nodes.Missing{{What: nodes.WhatPods, Namespace: "b", Reason: kube.Forbidden, Err: assert.AnError}},
	}
	list, err := NewNodeList([]ClusterCount{{Count: count}}, NodeOptions{})
	require.NoError(t, err)
	assert.Contains(t, list.Summary.Line(), "in a, c alone")
	assert.Contains(t, list.Summary.Line(), "most known on n with")
	assert.NotContains(t, list.Summary.Line(), "fullest")
}

// Who asks for an order that nothing is known of is told another.
func TestAnOrderThatNothingIsKnownOf(t *testing.T) {
	t.Parallel()
	count := nodes.Count{Total: 3, Pods: map[string]nodes.Pods{"n": {Total: 3}}, Missing: []nodes.Missing{{What: nodes.WhatNodes, Reason: kube.Forbidden, Err: assert.AnError}}}
	for _, by := range []string{"use", "-use"} {
		list, err := NewNodeList([]ClusterCount{{Count: count}}, NodeOptions{SortBy: by})
		require.NoError(t, err)
		assert.Len(t, list.Hints(), 1)
	}
	list, err := NewNodeList([]ClusterCount{{Count: count}}, NodeOptions{SortBy: "pods"})
	require.NoError(t, err)
	assert.Empty(t, list.Hints())
}

// Most is most: of pods of some namespaces it is their number that counts, not the share of a node that they take.
func TestMostOnIsTheNodeWithMostPods(t *testing.T) {
	t.Parallel()
	small, large := 58, 110
	count := nodes.Count{
		NodesKnown: true, NodesListed: true, Scope: []string{"a"}, Total: 10,
		Nodes: []nodes.Node{{Name: "small", Allocatable: &small}, {Name: "large", Allocatable: &large}, {Name: "silent"}},
		Pods:  map[string]nodes.Pods{"small": {Total: 3}, "large": {Total: 5}, "silent": {Total: 2}},
	}
	line := func() string {
		list, err := NewNodeList([]ClusterCount{{Count: count}}, NodeOptions{})
		require.NoError(t, err)
		return list.Summary.Line()
	}
	assert.Contains(t, line(), "most on large with 5 of 110 (5%)")
	count.Pods["silent"] = nodes.Pods{Total: 6}
	assert.Contains(t, line(), "most on silent with 6")
	assert.NotContains(t, line(), "silent with 6 of")
	count.AtLeast = true
	assert.Contains(t, line(), "most known on silent with 6+")
}

// The line marks each number that is not certain, also of a single node and of what it takes.
func TestLineMarksWhatIsOld(t *testing.T) {
	t.Parallel()
	places := 110
	node := nodes.Node{Name: "n1", Status: "Ready", Allocatable: &places, Capacity: &places}
	count := nodes.Count{Nodes: []nodes.Node{node}, NodesOutdated: true, Outdated: true, Pods: map[string]nodes.Pods{"n1": {Total: 1}}, Total: 1}
	list, err := NewNodeList([]ClusterCount{{Count: count}}, NodeOptions{})
	require.NoError(t, err)
	assert.Equal(t, "~1 node · ~1 pod · median ~1, p99 ~1 per node · fullest known n1 with ~1 of ~110 (~1%)", list.Summary.Line())
	assert.Equal(t, "~1 of ~110 pods", list.Fullest().Of())
}

// Which details are missing is said, and only those are unknown.
func TestADetailThatIsMissingIsNamed(t *testing.T) {
	t.Parallel()
	for of, want := range map[string]string{
		nodes.OfFlux: "Flux controllers are not known (server not available)", nodes.OfPending: "pending pods are not known (server not available)",
		"": "pending pods and Flux controllers are not known (server not available)",
	} {
		count := nodes.Count{
			Nodes: []nodes.Node{{Name: "n1"}}, NodesKnown: true, NodesListed: true, PendingKnown: of == nodes.OfFlux, FluxKnown: of == nodes.OfPending,
			Missing: []nodes.Missing{{What: nodes.WhatDetails, Of: of, Reason: kube.Unavailable, Err: assert.AnError}},
		}
		list, err := NewNodeList([]ClusterCount{{Count: count}}, NodeOptions{})
		require.NoError(t, err)
		assert.Contains(t, list.Gaps()[0], want)
		assert.Equal(t, of == nodes.OfFlux, list.Items[0].Pending != nil)
		assert.Equal(t, of == nodes.OfPending, list.Items[0].Flux != nil)
	}
}
