package budget

import (
	"slices"
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
	// AtLeast says that Requests may be more: how much there is to fetch is not known of all.
	AtLeast bool
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
	// Scans are those of ImageRepositories by a new pod of image-reflector-controller, whose database is empty. A restart in
	// the same pod, or another interval, scans only what is due (imagerepository_controller.go, shouldScan).
	Scans Burst
}

func (a Bursts) and(b Bursts) Bursts {
	return Bursts{a.Polls.and(b.Polls), a.Fetches.and(b.Fetches), a.Scans.and(b.Scans)}
}

func (a Burst) and(b Burst) Burst {
	return Burst{a.Requests + b.Requests, a.PerSecond + b.PerSecond, a.Connections + b.Connections, a.AtLeast || b.AtLeast, max(a.Lasts, b.Lasts)}
}

// fetched are the hosts of bursts that are not among those that are polled.
func fetched(polled []Host, bursts map[string]Bursts) map[string]Burst {
	only := map[string]Burst{}
	for host, b := range bursts {
		if b.Fetches.Requests > 0 && !slices.ContainsFunc(polled, func(h Host) bool { return h.Name == host }) {
			only[host] = b.Fetches
		}
	}
	return only
}

// queue is what the workers of a kind, in a shard of a controller, have to do when all is due at once.
type queue struct {
	workers  int
	polls    time.Duration // of one worker alone
	fetches  time.Duration
	requests map[string]Bursts // of each host, without a rate; Connections counts the objects
}

// bursts are those of each host, from all kinds together.
func (f *fleet) bursts(items []Item) map[string]Bursts {
	type key struct{ kind, shard, namespace string }
	queues := map[key]*queue{}
	for i := range items {
		item := &items[i]
		cost, s := item.Cost, f.byRef[item.Object.Ref]
		fresh, atLeast := f.fresh(s, cost)
		if flux.ControllerOf(item.Object.Kind) != flux.SourceController {
			fresh = 0
		}
		asks := cost.Protocol != ""
		if !asks && fresh == 0 || item.Interval.Now <= 0 {
			continue
		}
		c := f.settings.Of(s.object)
		k := key{s.object.Kind, c.Watches, c.Namespace}
		q := queues[k]
		if q == nil {
			q = &queue{workers: max(1, c.Concurrent), requests: map[string]Bursts{}}
			queues[k] = q
		}
		took, _ := f.duration(s)
		host := f.address(s.object, f.remote(s), cost.Protocol).Host
		b := q.requests[host]
		if fresh > 0 {
			q.fetches += max(took, fetchTime(s.object, cost))
			b.Fetches = b.Fetches.and(Burst{Requests: fresh, Connections: 1, AtLeast: atLeast})
		}
		if asks {
			q.polls += took
			kind := &b.Polls
			if item.Object.Kind == "ImageRepository" {
				kind = &b.Scans
			}
			*kind = kind.and(Burst{Requests: cost.Unchanged, Connections: 1, AtLeast: cost.AtLeast})
		}
		q.requests[host] = b
	}
	all := map[string]Bursts{}
	for _, q := range queues {
		for host, b := range q.requests {
			all[host] = all[host].and(Bursts{q.burst(b.Polls, q.polls), q.burst(b.Fetches, q.fetches), q.burst(b.Scans, q.polls)})
		}
	}
	return all
}

// burst spreads the requests of a host over the time that the workers take for the whole queue.
func (q *queue) burst(b Burst, work time.Duration) Burst {
	if b.Connections == 0 {
		return Burst{}
	}
	b.Lasts = work / time.Duration(q.workers)
	b.Connections = min(b.Connections, q.workers)
	if b.Lasts > 0 {
		b.PerSecond = min(b.Requests, b.Requests/b.Lasts.Seconds())
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
