package tune

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"container/heap"
	"slices"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Queue hands out objects that are to be changed, each only when those that depend on it, and are changed as well, have been
// released: they are ready again. It comes as soon as that is so, before objects that it has nothing to do with, so that
// little time passes between the two. It is of one run, and for one goroutine.
type Queue struct {
	place map[flux.Ref]int // in the order
	free  []flux.Ref       // what nothing is waited for any more, in order
	waits map[flux.Ref]int // how many have to be released before it
	holds map[flux.Ref][]flux.Ref
	depth int
}

// Queue makes the queue of objects; those that have nothing to do with each other keep their order. A circle is cut somewhere:
// nothing in it is ever reconciled.
func (g *Graph) Queue(refs []flux.Ref) *Queue {
	q := &Queue{place: make(map[flux.Ref]int, len(refs)), waits: make(map[flux.Ref]int), holds: make(map[flux.Ref][]flux.Ref)}
	chosen := make(map[flux.Ref]bool, len(refs))
	for _, ref := range refs {
		chosen[ref] = true
	}
	order := make([]flux.Ref, 0, len(refs))
	open := make(map[flux.Ref]bool)
	var place func(ref flux.Ref)
	place = func(ref flux.Ref) {
		if _, placed := q.place[ref]; placed || open[ref] || !chosen[ref] {
			return
		}
		open[ref] = true
		for _, dependent := range g.dependentRefs(ref) {
			place(dependent)
		}
		q.place[ref] = len(order)
		order = append(order, ref)
	}
	for _, ref := range refs {
		place(ref)
	}
	steps := make(map[flux.Ref]int)
	for at, ref := range order {
		steps[ref] = 1
		for _, dependent := range g.dependentRefs(ref) {
			if before, placed := q.place[dependent]; placed && before < at {
				q.waits[ref]++
				q.holds[dependent] = append(q.holds[dependent], ref)
				steps[ref] = max(steps[ref], steps[dependent]+1)
			}
		}
		q.depth = max(q.depth, steps[ref])
		if q.waits[ref] == 0 {
			q.free = append(q.free, ref)
		}
	}
	return q
}

// Depth is how many objects at most are changed one after the other, each when the one before is ready again.
func (q *Queue) Depth() int { return q.depth }

// Next hands out the first object that may be changed now, and that may says so of; false where there is none. It is handed
// out once.
func (q *Queue) Next(may func(flux.Ref) bool) (flux.Ref, bool) {
	at := slices.IndexFunc(q.free, may)
	if at < 0 {
		return flux.Ref{}, false
	}
	ref := q.free[at]
	if at == 0 {
		q.free = q.free[1:]
	} else {
		q.free = slices.Delete(q.free, at, at+1)
	}
	return ref, true
}

// Waiting tells whether there are objects that could be handed out now.
func (q *Queue) Waiting() bool { return len(q.free) > 0 }

// Holds tells whether others wait until an object is released.
func (q *Queue) Holds(ref flux.Ref) bool { return len(q.holds[ref]) > 0 }

// Release says that nobody has to wait for an object any more.
func (q *Queue) Release(ref flux.Ref) {
	for _, next := range q.holds[ref] {
		if q.waits[next]--; q.waits[next] == 0 {
			at, _ := slices.BinarySearchFunc(q.free, q.place[next], func(f flux.Ref, place int) int { return q.place[f] - place })
			q.free = slices.Insert(q.free, at, next)
		}
	}
	delete(q.holds, ref)
}

// Behind are the objects that are not handed out before one is released, in order: those that wait for it, and for them.
func (q *Queue) Behind(ref flux.Ref) []flux.Ref {
	seen := map[flux.Ref]bool{}
	var list []flux.Ref
	var add func(flux.Ref)
	add = func(of flux.Ref) {
		for _, next := range q.holds[of] {
			if !seen[next] {
				seen[next] = true
				list = append(list, next)
				add(next)
			}
		}
	}
	add(ref)
	sorting.By(list, func(a, b flux.Ref) int { return q.place[a] - q.place[b] })
	return list
}

// course is when the objects of a queue are changed, from its beginning, and which stood how long before: of each the time
// since the first that it waited for was released.
type course struct {
	since map[flux.Ref]time.Duration
	takes time.Duration
}

// each is how long each of some changes takes at a pace (changes a second; 0 is no limit).
func each(pace float64) time.Duration {
	if pace <= 0 {
		return 0
	}
	return time.Duration(float64(time.Second) / pace)
}

// run plays a queue through, at a pace (changes a second; 0 is no limit), where each object that others wait for is released
// after a time. The queue is empty then.
func (q *Queue) run(pace float64, released func(flux.Ref) time.Duration) course {
	c := course{since: make(map[flux.Ref]time.Duration)}
	first := make(map[flux.Ref]time.Duration)
	var now time.Duration
	step := each(pace)
	var coming moments
	any := func(flux.Ref) bool { return true }
	for {
		for len(coming) > 0 && coming[0].at <= now {
			m := heap.Pop(&coming).(moment)
			for _, next := range q.holds[m.ref] {
				if _, known := first[next]; !known {
					first[next] = m.at
				}
			}
			q.Release(m.ref)
		}
		ref, ok := q.Next(any)
		switch {
		case ok:
			now += step
			if at, waited := first[ref]; waited {
				c.since[ref] = now - at
			}
			if q.Holds(ref) {
				heap.Push(&coming, moment{now + released(ref), ref})
			}
		case len(coming) > 0:
			now = coming[0].at
		default:
			c.takes = now
			return c
		}
	}
}

// moment is when an object is released.
type moment struct {
	at  time.Duration
	ref flux.Ref
}

// moments are a heap of them, the first on top.
type moments []moment

// Len is how many there are. This and what follows is what container/heap asks for.
func (m moments) Len() int { return len(m) }

// Less tells whether one comes before another.
func (m moments) Less(i, j int) bool { return m[i].at < m[j].at }

// Swap exchanges two.
func (m moments) Swap(i, j int) { m[i], m[j] = m[j], m[i] }

// Push adds a moment at the end.
func (m *moments) Push(x any) { *m = append(*m, x.(moment)) }

// Pop takes the last away.
func (m *moments) Pop() any {
	last := (*m)[len(*m)-1]
	*m = (*m)[:len(*m)-1]
	return last
}
