package cmd

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
)

// labelsFor is how old the labels of namespaces may be when an object is written: a question may stay open, and a paced run may
// take, for hours.
const labelsFor = 10 * time.Second

// latest are the environments of a fleet as the labels of its namespaces are by now.
type latest struct {
	f        fleet
	now      func() time.Time
	read     time.Time
	resolver atomic.Pointer[policy.Resolver]
}

// newLatest begins with a fleet as it was read at a time.
func newLatest(f fleet, read time.Time, now func() time.Time) *latest {
	l := &latest{f: f, read: read, now: now}
	l.resolver.Store(f.resolver)
	return l
}

// refresh reads the labels anew where they are old. Where that fails, they are those that were read last. It is for one
// goroutine.
func (l *latest) refresh(ctx context.Context) {
	if l.now().Sub(l.read) < labelsFor {
		return
	}
	l.read = l.now()
	if l.f.options.Client.ReadLabels(ctx, &l.f.snapshot) == nil {
		l.resolver.Store(policy.NewResolver(l.f.options.Policy, l.f.snapshot, l.f.options.DefaultEnvironment))
	}
}
