package nodes

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"fmt"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
)

// Count is what is known at one moment. It is a value: it never changes after it was made.
type Count struct {
	// Nodes are sorted by name.
	Nodes []Node
	// NodesKnown: there are no other nodes than these, so that one that only pods name is gone. Without it nodes could
	// not be listed, or not all, or what keeps them up to date is interrupted, or pods name one that was not asked for yet: there
	// may be others by now.
	NodesKnown bool
	// NodesListed: these were all nodes at the time that is said with what keeps them up to date, at least: nodes may be
	// listed and not watched.
	NodesListed bool
	// NodesOutdated: these were all nodes at the time of Missing.Since, and what keeps them up to date is interrupted: there
	// may be more or fewer by now, and each may be another. So it is where they are listed in place of a watch, and that is overdue.
	NodesOutdated bool
	// Gone are, without NodesKnown, nodes that only pods name and that are gone as of the time of NodesListed, as the pods had
	// named them before, or since.
	Gone map[string]bool
	// Pods by node name, also of nodes that are not in Nodes. A node that is not in the map has
	// none, unless AtLeast.
	Pods map[string]Pods
	// Unscheduled counts the pods that have no node.
	Unscheduled Pods
	// Total is the number of all pods counted.
	Total int
	// Namespaces is how far the lists have come.
	Namespaces Progress
	// Scope holds the namespaces that were asked for, nil for all.
	Scope []string
	// PendingKnown and FluxKnown: that field of Pods was asked for, and is complete.
	PendingKnown, FluxKnown bool
	// UsageKnown: what metrics.k8s.io says was read, so that it says nothing of a node without Usage. UsageAsked: somebody
	// waits for that.
	UsageKnown, UsageAsked bool
	// Unidentified is why it is not known which cluster this is, though Options.Identify asks; nil where it is, or not yet.
	Unidentified error
	// Counting: the first lists have not ended yet.
	Counting bool
	// AtLeast: not all pods have been read, so that every number of pods is a lower bound and 0 means unknown. Where they may
	// only not be watched, they are listed again and again, and each number is that of Missing.Since, or younger.
	AtLeast bool
	// Outdated: some pods are as of Missing.Since, or of a list that broke off, and what keeps them up to date is interrupted,
	// so that every number of pods may be too low or too high by now; or they are listed in place of a watch, and that is overdue.
	Outdated bool
	// Missing says what is not in the Count and why, the gravest first; empty when it is complete.
	Missing []Missing
	// Unread is what else is not in the Count, as nobody has told of it yet: What, and Namespace. There is none but while Counting.
	Unread []Missing
}

// Pods counts the pods of one node that are neither Succeeded nor Failed.
type Pods struct {
	Total int
	// Terminating and Pending are parts of Total. Pending is only known with Count.PendingKnown.
	Terminating, Pending int
	// Flux names the controllers of Flux that run there, sorted; only known with Count.FluxKnown.
	Flux []string
}

// Progress counts namespaces whose pods are all counted. Total is 0 when nobody knows how many there
// are: namespaces could not be listed, or all pods are listed at once.
type Progress struct{ Done, Total int }

// Partial reports whether anything that was asked for is missing, if only yet. That a cluster serves no
// metrics is not.
func (c Count) Partial() bool {
	return c.Counting || c.AtLeast || c.Outdated || c.NodesOutdated || slices.ContainsFunc(c.Missing, func(m Missing) bool { return !m.Optional })
}

// Empty reports whether nothing at all could be read.
func (c Count) Empty() bool {
	return c.AtLeast && c.Total == 0 && c.Namespaces.Done == 0 && len(c.Nodes) == 0 && !c.NodesListed && !c.NodesOutdated
}

// Count is what is known now; it may be called at any time, also while Once and Watch run.
func (c *Counter) Count() Count {
	c.mu.Lock()
	defer c.mu.Unlock()
	count := Count{Scope: slices.Clone(c.options.Namespaces), PendingKnown: c.options.Pending, FluxKnown: c.options.Flux, UsageAsked: c.options.UsageAsked, Unidentified: c.unidentified}
	unread := map[string]bool{WhatPods: true, WhatUsage: c.options.UsageAsked}
	for key, p := range c.parts {
		unread[key.what] = false
		c.addPart(&count, key, p)
	}
	c.addPods(&count)
	c.doubtNodes(&count)
	c.addSought(&count)
	for i, m := range count.Missing { // a cluster that serves no metrics has none that could be missing
		count.Missing[i].Optional = m.What == WhatUsage && (m.Reason == kube.NotFound || !c.options.UsageAsked)
	}
	notEvenOwn(count.Missing)
	count.Missing = settle(count.Missing)
	if unread[WhatPods] = unread[WhatPods] && !slices.ContainsFunc(count.Missing, lacksPods); unread[WhatPods] {
		count.AtLeast = true
	}
	known, awaited := c.detailsAre()
	unread[WhatDetails] = !count.AtLeast && awaited // they come after the pods: where those are missing nobody waits for them
	count.PendingKnown, count.FluxKnown = count.PendingKnown && known, count.FluxKnown && known
	for what, is := range unread {
		if m := (Missing{What: what}); is {
			if what == WhatDetails {
				m.Of = detailsOf(c.options.Pending, c.options.Flux)
			}
			count.Unread = append(count.Unread, m)
		}
	}
	sorting.By(count.Unread, graver)
	count.Counting = len(count.Unread) > 0
	c.addNodes(&count)
	return count
}

// detailsAre tells whether details that were asked for have come and are no older than the rows, but for those that failed, and
// whether they are still to come.
func (c *Counter) detailsAre() (known, awaited bool) {
	some, unread, older, failed := false, false, false, false
	for key, p := range c.parts {
		switch key.what {
		case WhatDetails:
			some, unread, failed = true, unread || !p.Read && p.err == nil, failed || p.err != nil
		case WhatPods:
			older = older || p.detailed < p.lists
		}
	}
	return some && !unread && !older, c.options.details() && (!some || unread || older && !failed)
}

// addPart adds what a part says of how complete a count is.
func (c *Counter) addPart(count *Count, key partKey, p *part) {
	missing := p.missing(c.follower.Stale(&p.Feed))
	count.Missing = append(count.Missing, missing...)
	if (key.what == WhatNodes || key.what == WhatPods) && !p.Read && p.err == nil {
		count.Unread = append(count.Unread, Missing{What: key.what, Namespace: key.namespace})
	}
	lacks := slices.ContainsFunc(missing, func(m Missing) bool { return lacksPods(m) || m.What == WhatUpdates })
	old := p.Read && slices.ContainsFunc(missing, func(m Missing) bool { return !m.polled() || c.follower.Overdue(&p.Feed) })
	switch key.what {
	case WhatNodes:
		count.NodesKnown = p.Read && len(missing) == 0
		count.NodesListed, count.NodesOutdated = p.Read && !old, old
	case WhatNamespaces: // whose pods are followed each by itself; others may have come
		count.AtLeast = count.AtLeast || lacks
	case WhatUpdates:
		count.Outdated = count.Outdated || old
		count.AtLeast = count.AtLeast || lacks && !p.Read
	case WhatPods:
		count.AtLeast = count.AtLeast || !p.Read
		count.Outdated = count.Outdated || old || c.watching && p.err != nil && p.size() > 0
		if key.namespace != "" {
			count.Namespaces.Total++
		}
		if p.Read && p.err == nil {
			count.Namespaces.Done++
		}
	case WhatUsage:
		count.UsageKnown = p.Read && p.err == nil
	case WhatDetails:
		failed, _ := p.err.(detailsError)
		count.PendingKnown = count.PendingKnown && p.Read && failed.pending == nil
		count.FluxKnown = count.FluxKnown && p.Read && failed.flux == nil
	}
}

// doubtNodes says where the list of nodes is no proof that those that pods name are gone: gateways give a user no nodes, and
// no error.
func (c *Counter) doubtNodes(count *Count) {
	if !count.NodesKnown || len(c.nodes) > 0 || len(count.Pods) == 0 || c.options.NodeSelector != "" || c.alone {
		return
	}
	count.NodesKnown, count.NodesListed = false, false
	err := fmt.Errorf("the list of nodes is empty, though pods name some (%d): they may be hidden from this user, or gone", len(count.Pods))
	count.Missing = append(count.Missing, Missing{What: WhatNodes, Reason: kube.NotFound, Err: err})
}

// addSought adds what is known of nodes that pods name and the list does not have: those that are gone though there may be
// others, as nodes may not be watched, and those that could not be asked for. A list without any node is no proof.
func (c *Counter) addSought(count *Count) {
	if !count.NodesListed || len(c.nodes) == 0 || c.options.NodeSelector != "" || c.alone {
		return
	}
	var gone, doubtful []string
	for name := range count.Pods {
		err, sought := c.sought[name]
		switch _, there := c.nodes[name]; {
		case there:
		case !sought:
			count.NodesKnown = false
		case err == nil:
			gone = append(gone, name)
		default:
			doubtful = append(doubtful, name)
		}
	}
	if len(doubtful) > 0 {
		slices.Sort(doubtful)
		name, many := doubtful[0], len(doubtful)
		err := fmt.Errorf("whether node %q, which pods name, exists is not known: %w", name, c.sought[name])
		if many > 1 {
			err = fmt.Errorf("whether %d nodes that pods name exist, such as %q, is not known: %w", many, name, c.sought[name])
		}
		count.NodesKnown = false
		count.Missing = append(count.Missing, Missing{What: WhatNodes, Nodes: many, Reason: kube.ReasonOf(err), Err: err})
	}
	if !count.NodesKnown {
		count.Gone = map[string]bool{}
		for _, name := range gone {
			count.Gone[name] = true
		}
	}
}

// addNodes adds the nodes, sorted.
func (c *Counter) addNodes(count *Count) {
	for _, n := range c.nodes {
		usage, measured := c.usage[n.Name]
		if n.Measured = measured; usage != nil {
			n.Usage = usage.of(n)
		}
		count.Nodes = append(count.Nodes, n)
	}
	sorting.By(count.Nodes, func(a, b Node) int { return strings.Compare(a.Name, b.Name) })
}

// tally counts the pods of a node.
type tally struct {
	Pods
	flux [8]int // by the number of the controller
}

// tallies are those of nodes by name.
type tallies map[string]*tally

func (t tallies) at(name string) *tally {
	if t[name] == nil {
		t[name] = &tally{}
	}
	return t[name]
}

// pods are the counts by node; nodes without pods are left out.
func (t tallies) pods() map[string]Pods {
	all := make(map[string]Pods, len(t))
	for name, node := range t {
		if node.Total == 0 {
			continue
		}
		for i, controller := range fluxControllers() {
			if i > 0 && node.flux[i] > 0 {
				node.Flux = append(node.Flux, controller)
			}
		}
		slices.Sort(node.Flux)
		all[name] = node.Pods
	}
	return all
}

// addPods adds up the pods of all parts.
func (c *Counter) addPods(count *Count) {
	nodes := tallies{}
	for key, p := range c.parts {
		if key.what != WhatPods {
			continue
		}
		for pod := range p.each {
			t := nodes.at(pod.node)
			t.Total++
			count.Total++
			if pod.terminating {
				t.Terminating++
			}
			if pod.pending {
				t.Pending++
			}
			t.flux[pod.flux]++
		}
	}
	c.addDetails(nodes)
	count.Pods = nodes.pods()
	count.Unscheduled = count.Pods[""]
	delete(count.Pods, "")
}
