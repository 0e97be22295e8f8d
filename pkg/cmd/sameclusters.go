package cmd

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"

	"k8s.io/client-go/rest"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
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
	sorting.By(groups, func(a, b []int) int { return cmp.Compare(best(a), best(b)) }) // "before" is as they are shown
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
	return fmt.Sprintf("Context %s is the same cluster as %s, which counts once, with the rights of %s.", context, of, of)
}

// server is where a connection leads, as a kubeconfig says it: its address, the name that is asked for in TLS, the proxy, and the
// certificates that are trusted. The zero value says nothing.
type server struct{ address, name, proxy, authority string }

// serverOf reads it of a configuration; the zero value where whoever answers is trusted.
func serverOf(config *rest.Config) server {
	if config.Insecure {
		return server{}
	}
	authority := config.CAData
	if len(authority) == 0 && config.CAFile != "" {
		var err error
		if authority, err = os.ReadFile(config.CAFile); err != nil {
			return server{}
		}
	}
	return server{strings.TrimRight(config.Host, "/"), config.ServerName, proxyOf(config), string(authority)}
}

// proxyOf is the proxy of a configuration; "" where it names none, and the environment may.
func proxyOf(config *rest.Config) string {
	if config.Proxy == nil {
		return ""
	}
	to, err := config.Proxy(&http.Request{URL: &url.URL{Scheme: "https", Host: config.Host}})
	if err != nil || to == nil {
		return ""
	}
	return to.String()
}

// notLetIn explains contexts whose credentials are refused by a server that another one has read, or let them read nothing there: then a
// user is missing, and most likely no cluster. It notes that as a gap of the cluster that was read, and returns which contexts those are. A server is no
// proof (some gateways serve several clusters at one address), so that it stays a gap.
func notLetIn(each []FleetOptions, read []fleet, failed []error, stands []int) map[int]bool {
	explained := map[int]bool{}
	nothing := func(i int) bool { return failed[i] == nil && each[i].Files == nil && read[i].nothingRead() }
	for i, err := range failed {
		if !(nothing(i) && stands[i] == i) && kube.ReasonOf(err) != kube.Unauthorized || len(each[i].clusters) != 1 || each[i].clusters[0].server == (server{}) {
			continue
		}
		at := -1
		for j, o := range each {
			if at < 0 && failed[j] == nil && !nothing(j) && len(o.clusters) == 1 && o.clusters[0].server == each[i].clusters[0].server {
				at = j
			}
		}
		if at < 0 {
			continue
		}
		explained[i] = true
		why := fmt.Sprintf("that context is not let in: %v: log in again, or leave it out", err)
		if nothing(i) {
			why = "that context may read nothing there: grant it the rights of fluxtune-viewer, or leave it out"
		}
		gaps := &read[stands[at]].snapshot.Gaps
		*gaps = append(*gaps, flux.Gap{Cluster: each[stands[at]].Cluster, What: "its server through context " + each[i].Cluster,
			Why: fmt.Sprintf("%s; it has the address and certificates of %s, so that most likely no cluster is missing", why, each[at].Cluster)})
	}
	return explained
}

// doubt is what is said where nothing tells whether a context is the same cluster as others, what follows from that, and why the
// namespace kube-system does not tell it; nil is that it may not be read.
func doubt(others []string, follows string, why error) string {
	tells := "the right to get the namespace kube-system would tell"
	if why != nil && kube.ReasonOf(why) != kube.Forbidden {
		tells = why.Error()
	}
	return fmt.Sprintf("whether this is another cluster than %s is not known, so that %s (%s)", strings.Join(others, ", "), follows, tells)
}
