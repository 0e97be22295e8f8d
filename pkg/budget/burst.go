package budget

import (
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Burst is what a host gets when all that poll it are due at once: after a restart of the controllers, or when a policy
// was applied without a pace. Jitter spreads the polls after it, not the burst itself; workers bound it.
type Burst struct {
	// Requests in all.
	Requests float64
	// PerSecond while all workers are busy.
	PerSecond float64
	// Connections at the same time: a worker has one.
	Connections int
	// Lasts until the last of the objects has had its turn, those of other hosts among them.
	Lasts time.Duration
}

// Bursts are those of a host.
type Bursts struct {
	// Polls find nothing new.
	Polls Burst
	// Fetches find no artifact: source-controller keeps them in its pod (emptyDir in Flux's manifests), so that a new pod
	// has none and fetches all anew.
	Fetches Burst
}

func (a Burst) and(b Burst) Burst {
	return Burst{a.Requests + b.Requests, a.PerSecond + b.PerSecond, a.Connections + b.Connections, max(a.Lasts, b.Lasts)}
}

// queue is what the workers of a kind, in a shard of a controller, have to do when all is due at once.
type queue struct {
	workers  int
	polls    time.Duration // of one worker alone
	fetches  time.Duration
	requests map[string]Burst // of each host, without a rate; Connections counts the objects
	fresh    map[string]float64
}

// bursts are those of each host, from all kinds together.
func (f *fleet) bursts(items []Item) map[string]Bursts {
	type key struct{ kind, shard string }
	queues := map[key]*queue{}
	for i := range items {
		item := &items[i]
		cost, s := item.Cost, f.byRef[item.Object.Ref]
		if cost.Protocol == "" || item.Interval.Now <= 0 {
			continue
		}
		c := f.settings.of(s.object)
		k := key{s.object.Kind, c.Watches}
		q := queues[k]
		if q == nil {
			q = &queue{workers: max(1, c.Concurrent), requests: map[string]Burst{}, fresh: map[string]float64{}}
			queues[k] = q
		}
		took, _ := f.duration(s)
		q.polls += took
		q.fetches += max(took, fetchTime(s.object, cost))
		host := item.Address.Host
		b := q.requests[host]
		q.requests[host] = Burst{Requests: b.Requests + cost.Unchanged, Connections: b.Connections + 1}
		q.fresh[host] += cost.Changed
	}
	all := map[string]Bursts{}
	for _, q := range queues {
		for host, b := range q.requests {
			all[host] = Bursts{
				Polls:   all[host].Polls.and(q.burst(b.Requests, b.Connections, q.polls)),
				Fetches: all[host].Fetches.and(q.burst(q.fresh[host], b.Connections, q.fetches)),
			}
		}
	}
	return all
}

// burst spreads the requests of a host over the time that the workers take for the whole queue.
func (q *queue) burst(requests float64, objects int, work time.Duration) Burst {
	lasts := work / time.Duration(q.workers)
	b := Burst{Requests: requests, Connections: min(objects, q.workers), Lasts: lasts}
	if lasts > 0 {
		b.PerSecond = min(requests, requests/lasts.Seconds())
	}
	return b
}

// fetchTime is how long it takes to fetch what an object polls, where nothing tells.
func fetchTime(o *flux.Object, c Cost) time.Duration {
	if !o.KindRow().Source {
		return c.Assumed
	}
	return max(c.Assumed, fetch)
}

// transferred is how many bytes a reconcile that finds nothing new transfers, as far as the size of the artifact tells:
// a clone at least that, since semver fetches all tags and commit the whole history (fluxcd/pkg git/gogit/clone.go,
// cloneSemVer, cloneCommit); an index.yaml the whole of it. Listing refs, tags or keys is not counted.
func transferred(o *flux.Object, c Cost) float64 {
	if c.Clones && o.Kind == "GitRepository" || c.Protocol == Helm {
		return float64(o.Status.ArtifactSize)
	}
	return 0
}
