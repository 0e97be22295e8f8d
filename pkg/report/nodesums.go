package report

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"cmp"
	"slices"

	"github.com/fluxtune/kubectl-fluxtune/pkg/nodes"
)

// What is added up of a cluster, and of all.
const (
	sumNodes             = iota // that were listed; so are the next five of these alone
	sumAllocatable              // how many pods they take
	sumCapacity                 // how many their kubelets were told
	sumCordoned                 // how many of them take no new pods
	sumCordonedRoom             // and how many pods those take in all
	sumOnNodes                  // pods on them
	sumPods                     // all pods
	sumUnscheduled              // those without a node
	sumUnscheduledEnding        // and those of these that are being deleted
	sumOnGone                   // those whose node is gone
	sumOnUnknown                // those whose node could not be looked up
	sumTerminating              // those that are being deleted
	sumPending                  // those that have not started
	sumOnlyPodsName             // how many such nodes there are
	sums                        // how many numbers these are
)

// nodeSums are numbers of one cluster, or of all.
type nodeSums [sums]amount

func (s *nodeSums) add(which int, a amount) { s[which] = s[which].plus(a) }

// ofPods is a number of pods of a count, as well as pods are known.
func ofPods(c nodes.Count, n int) amount { return amount{n, c.AtLeast, c.Outdated} }

// ofNodes is 0 as well as it is known how many nodes there are, and onNodes as well as it is known which: pods may name nodes
// that are newer than the list.
func ofNodes(c nodes.Count) amount {
	return amount{more: !c.NodesListed && !c.NodesOutdated, old: c.NodesOutdated}
}
func onNodes(c nodes.Count) amount {
	return amount{more: !c.NodesKnown && !c.NodesOutdated, old: c.NodesOutdated}
}

// sumsOfNodes are those of the nodes that were listed alone.
func sumsOfNodes() []int {
	return []int{sumNodes, sumAllocatable, sumCapacity, sumCordoned, sumCordonedRoom}
}

// newNodeSums adds up what is known of a cluster. With chosen only some nodes were asked for, and selected says that this
// was by label.
func newNodeSums(c ClusterCount, items []NodeItem, selected, chosen bool) nodeSums {
	var s nodeSums
	for _, which := range sumsOfNodes() {
		s.add(which, ofNodes(c.Count)) // of nodes that are there, or not
	}
	s.add(sumOnGone, ofPods(c.Count, 0).plus(amount{more: !c.Count.NodesKnown, old: c.Count.NodesOutdated}))
	if !c.Count.NodesKnown {
		s.add(sumOnUnknown, ofPods(c.Count, 0))
	}
	s.add(sumPods, ofPods(c.Count, 0))
	s.add(sumTerminating, ofPods(c.Count, 0))
	s.add(sumPending, ofPods(c.Count, 0))
	if selected {
		s.add(sumPods, onNodes(c.Count))
		s.add(sumTerminating, onNodes(c.Count))
		s.add(sumPending, onNodes(c.Count))
	}
	if !chosen {
		s.add(sumUnscheduled, ofPods(c.Count, c.Count.Unscheduled.Total))
		s.add(sumPods, s[sumUnscheduled])
		s.add(sumUnscheduledEnding, ofPods(c.Count, c.Count.Unscheduled.Terminating))
		s.add(sumTerminating, s[sumUnscheduledEnding])
		s.add(sumPending, s[sumUnscheduled]) // none of them has started
	}
	for _, i := range items {
		s.add(sumPods, i.pods)
		s.add(sumTerminating, i.terminating)
		s.add(sumPending, i.pending)
		switch {
		case i.Status == gone:
			s.add(sumOnGone, amount{n: i.pods.n})
		case !i.listed:
			s.add(sumOnUnknown, i.pods)
			s.add(sumOnlyPodsName, amount{n: 1})
			for _, which := range sumsOfNodes() { // it may have come after the list
				s.add(which, amount{more: true})
			}
		default:
			s.add(sumNodes, amount{n: 1})
			s.add(sumAllocatable, i.allocatable)
			s.add(sumCapacity, i.capacity)
			s.add(sumOnNodes, i.pods)
			if i.cordoned() {
				s.add(sumCordoned, amount{n: 1})
				s.add(sumCordonedRoom, i.allocatable)
			}
		}
	}
	return s
}

// maybeOne tells of some clusters, by their numbers, whether two of them may be one.
type maybeOne func(i, j int) bool

func newMaybeOne(clusters []ClusterCount) maybeOne {
	return func(i, j int) bool {
		return slices.Contains(clusters[i].MaybeSame, clusters[j].Cluster) || slices.Contains(clusters[j].MaybeSame, clusters[i].Cluster)
	}
}

// total adds up the numbers of clusters. Of those that may be one only the largest number counts, which is exact only if the
// others are nothing: a sum of both could be more than there is.
func (m maybeOne) total(numbers []amount) amount {
	order := make([]int, len(numbers))
	for i := range order {
		order[i] = i
	}
	sorting.By(order, func(i, j int) int { return cmp.Compare(numbers[j].n, numbers[i].n) })
	var sure, all amount
	var counted []int
	for _, i := range order {
		all = all.plus(numbers[i])
		if !slices.ContainsFunc(counted, func(j int) bool { return m(i, j) }) {
			counted, sure = append(counted, i), sure.plus(numbers[i])
		}
	}
	return amount{sure.n, all.more || all.n > sure.n, all.old}
}

// totals adds up each number.
func (m maybeOne) totals(each []nodeSums) nodeSums {
	var all nodeSums
	numbers := make([]amount, len(each))
	for which := range all {
		for i := range each {
			numbers[i] = each[i][which]
		}
		all[which] = m.total(numbers)
	}
	return all
}
