package webhook

import (
	"slices"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Notice tells whether a webhook brings at once what is new in an object. All commands ask it: receivers, which shows it,
// and budget, plan and --fit, which count with it.
type Notice struct {
	// Receiver is the first that notifies the object; the zero Ref where none does.
	Receiver flux.Ref
	// Doubt says why calls may not arrive; "" where nothing tells so.
	Doubt string
	// Called says that a call is known that came through. Of files none can be: there it is taken for called.
	Called bool
	// Includes says that it includes others, which Flux does not watch (spec.include).
	Includes bool
}

// Promised tells whether what is new at its own address is there at once if its host calls, which nothing speaks against.
func (n Notice) Promised() bool { return n.Receiver != (flux.Ref{}) && n.Doubt == "" }

// Own tells whether what is new at its own address is there at once, as is known since a call came through.
func (n Notice) Own() bool { return n.Promised() && n.Called }

// Uncalled tells whether a Receiver notifies it, and nobody counts with that: no call is known, or none that brought the last change.
func (n Notice) Uncalled() bool { return n.Receiver != (flux.Ref{}) && !n.Own() }

// Everything tells whether nobody waits for its poll: also what it includes would have to be there at once.
func (n Notice) Everything() bool { return n.Own() && !n.Includes }

// Notices are those of all objects that a Receiver notifies, as the notification-controllers are.
func Notices(objects []*flux.Object, notifiers flux.Notifiers) map[flux.Ref]Notice {
	if !slices.ContainsFunc(objects, func(o *flux.Object) bool { return o.Kind == "Receiver" }) {
		return nil
	}
	f := newFleet(Input{Notifiers: notifiers}, objects)
	notices := make(map[flux.Ref]Notice, len(f.hits))
	for ref := range f.hits {
		if n := f.notice(f.byRef[ref]); n.Receiver != (flux.Ref{}) {
			notices[ref] = n
		}
	}
	return notices
}

// hit is that a Receiver names an object, and how the conditions stand.
type hit struct {
	receiver *flux.Object
	target   flux.Target
	verdict
}

// aim finds what each Receiver names. Names are looked up; only a target by labels goes through the objects of its kind
// and namespace.
func (f *fleet) aim() {
	type place struct{ kind, namespace string }
	inPlace := map[place][]*flux.Object{}
	for _, o := range f.byRef {
		at := place{o.Kind, o.Namespace}
		inPlace[at] = append(inPlace[at], o)
	}
	for _, r := range f.receivers {
		for _, t := range r.Targets {
			if t.Name != "*" {
				if kind, known := t.Row(); known {
					f.hit(f.byRef[flux.Ref{Group: kind.Group, Kind: kind.Name, Namespace: t.Namespace, Name: t.Name}], r, t)
				}
				continue
			}
			for _, o := range inPlace[place{t.Kind, t.Namespace}] {
				if t.Covers(*o) {
					f.hit(o, r, t)
				}
			}
		}
	}
}

// hit notes that a Receiver names an object. Of several targets of one Receiver the first counts that notifies it, and before
// those that do not one of which it is not known.
func (f *fleet) hit(o, r *flux.Object, t flux.Target) {
	if o == nil || o.Deleting {
		return
	}
	host, guessed := f.hostType(o)
	h := hit{r, t, aimed{receiver: r, object: o, target: t, host: host, guessed: guessed, notifiers: f.in.Notifiers, read: f.tokens}.judge()}
	list := f.hits[o.Ref]
	if n := len(list); n > 0 && list[n-1].receiver == r {
		if !list[n-1].reaches() && (h.reaches() || h.fault == "" && list[n-1].fault != "") {
			list[n-1] = h
		}
		return
	}
	f.hits[o.Ref] = append(list, h)
}

// notice is what is known of an object's webhook. What nothing new can come to has none.
func (f *fleet) notice(o *flux.Object) Notice {
	n := Notice{Includes: len(o.Polling.Includes) > 0, Called: !o.Served()}
	if unneeded(o) != "" {
		return n
	}
	for _, h := range f.hits[o.Ref] {
		if !h.reaches() {
			continue
		}
		n.Called = n.Called || !called(h.receiver, o).IsZero()
		if n.Receiver == (flux.Ref{}) {
			n.Receiver, n.Doubt = h.receiver.Ref, f.doubt(o, h)
		}
	}
	return n
}

// called is when a webhook last had an object reconciled that may have been a Receiver's; the zero time where none is known since
// there is the Receiver.
func called(receiver, o *flux.Object) time.Time {
	if at := o.Requested.Called(); !at.Before(receiver.Created) {
		return at
	}
	return time.Time{}
}
