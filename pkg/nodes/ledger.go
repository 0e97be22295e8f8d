package nodes

import (
	"slices"
	"sync"
)

// ledger holds what the lists have counted so far, so that a Count can be made at any moment.
type ledger struct {
	mu       sync.Mutex
	done     *tally          // of namespaces that are complete or given up
	jobs     map[string]*job // of namespaces that are being listed
	progress Progress
	missing  []Missing
	wide     bool // what Options.Wide asks for has been added
	complete bool // all lists have ended, well or not
}

// job is the list of one namespace; "" stands for all at once. What a failed try has seen stays
// visible until a later one has seen more: those pods exist.
type job struct {
	namespace string
	kept      *tally // of the pages that are complete
	page      *tally // of the page that is being read
	best      *tally // of the try of this page that came furthest
	before    *tally // of all pages, before the list had to begin again
}

func newLedger() *ledger { return &ledger{done: newTally(), jobs: map[string]*job{}} }

// expect says how many namespaces there are to list.
func (l *ledger) expect(namespaces int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.progress.Total = namespaces
}

// begin opens a namespace's list.
func (l *ledger) begin(namespace string) *job {
	l.mu.Lock()
	defer l.mu.Unlock()
	j := &job{namespace: namespace}
	l.jobs[namespace] = j
	return j
}

// startPage gives a job an empty tally for a try of its next page.
func (l *ledger) startPage(j *job) *tally {
	l.mu.Lock()
	defer l.mu.Unlock()
	j.best = larger(j.best, j.page)
	j.page = newTally()
	return j.page
}

// keepPage adds the page that was read to the complete ones.
func (l *ledger) keepPage(j *job) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if j.kept == nil {
		j.kept = j.page
	} else {
		j.kept.merge(j.page)
	}
	j.page, j.best = nil, nil
}

// restart begins a job's list again from its first page.
func (l *ledger) restart(j *job) {
	l.mu.Lock()
	defer l.mu.Unlock()
	j.before = j.furthest()
	j.kept, j.page, j.best = nil, nil, nil
}

// finish closes a job that is complete.
func (l *ledger) finish(j *job) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.jobs, j.namespace)
	l.done.merge(j.kept)
	l.progress.Done++
}

// drop closes a job as if it had never begun.
func (l *ledger) drop(j *job) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.jobs, j.namespace)
}

// giveUp closes a job that failed. What it saw still counts: those pods exist.
func (l *ledger) giveUp(j *job, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.jobs, j.namespace)
	m := Missing{What: WhatPods, Namespace: j.namespace, Reason: reasonFor(err), Err: podsError(j.namespace, err)}
	if t := j.furthest(); t != nil {
		l.done.merge(t)
		m.Seen = t.size()
	}
	l.missing = append(l.missing, m)
}

// furthest is the most that any try has seen, nil when none saw anything.
func (j *job) furthest() *tally {
	now := j.kept
	if open := larger(j.best, j.page); open != nil {
		now = newTally()
		now.merge(open)
		if j.kept != nil {
			now.merge(j.kept)
		}
	}
	return larger(j.before, now)
}

func larger(a, b *tally) *tally {
	if a == nil || b != nil && b.size() > a.size() {
		return b
	}
	return a
}

// miss notes something that is missing beside the pods of a job.
func (l *ledger) miss(m Missing) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.missing = append(l.missing, m)
}

func (l *ledger) addExtras(e *extras) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.done.addExtras(e)
	l.wide = true
}

func (l *ledger) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.complete = true
}

// count makes a Count of the pods known now. Lists that still run are no entry of Missing.
func (l *ledger) count() Count {
	l.mu.Lock()
	defer l.mu.Unlock()
	sum := newTally()
	sum.merge(l.done)
	for _, j := range l.jobs {
		if t := j.furthest(); t != nil {
			sum.merge(t)
		}
	}
	c := Count{Namespaces: l.progress, WideKnown: l.wide, Missing: slices.Clone(l.missing), AtLeast: !l.complete, Counting: !l.complete}
	c.setPods(sum)
	return c
}
