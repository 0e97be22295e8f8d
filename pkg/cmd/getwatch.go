package cmd

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

// objectRows are the rows of get -w.
type objectRows struct {
	list          report.ObjectList
	withNamespace bool
	gaps          []string
	selected      bool // by label or environment: an object may have another now
}

// Gaps are what cannot be seen.
func (r objectRows) Gaps() []string { return r.gaps }

// Removed tells whether only objects that are gone have no row any more.
func (r objectRows) Removed(string) bool { return !r.selected }

// Table has a row for each object.
func (r objectRows) Table(now time.Time, _ report.Layout) report.Table {
	return r.list.Table(now, r.withNamespace)
}

// liveObjects are what a watch has told so far.
type liveObjects struct {
	mu      sync.Mutex
	objects map[flux.Ref]flux.Object
	gaps    []flux.Gap // what is not kept up to date
	changed chan struct{}
}

func newLiveObjects(objects []flux.Object) *liveObjects {
	l := &liveObjects{objects: make(map[flux.Ref]flux.Object), changed: make(chan struct{}, 1)}
	for _, object := range objects {
		l.objects[object.Ref] = object
	}
	return l
}

// watcher is told what the watch sees.
func (l *liveObjects) watcher() cluster.Watcher {
	return cluster.Watcher{Event: l.event, Listed: l.listed, Gaps: l.missing}
}

func (l *liveObjects) event(e cluster.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if delete(l.objects, e.Object.Ref); !e.Gone {
		l.objects[e.Object.Ref] = e.Object
	}
	l.tell()
}

func (l *liveObjects) missing(gaps []flux.Gap) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gaps = gaps
	l.tell()
}

// listed drops what was there when rows were first shown, and gone before the watch began.
func (l *liveObjects) listed(kind string, there map[flux.Ref]bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	maps.DeleteFunc(l.objects, func(ref flux.Ref, _ flux.Object) bool { return ref.Kind == kind && !there[ref] })
	l.tell()
}

func (l *liveObjects) tell() {
	select {
	case l.changed <- struct{}{}:
	default:
	}
}

// now are the objects as they are, sorted, and what is not kept up to date.
func (l *liveObjects) now() ([]flux.Object, []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	objects := slices.Collect(maps.Values(l.objects))
	flux.Sort(objects)
	var gaps []string
	for _, g := range l.gaps {
		gaps = append(gaps, kube.Printable(g.What+": "+g.Why))
	}
	return objects, gaps
}

// relabelEvery is how often the labels of namespaces are read again: those of all are one small request.
const relabelEvery = 10 * time.Second

// runWatch shows the rows of a fleet, and then those that change, until ctx ends.
func (o GetOptions) runWatch(ctx context.Context, f fleet) error {
	if err := f.complete(); err != nil && len(f.snapshot.Objects) == 0 { // who may see nothing would wait for ever
		o.root.warn(nil, f.snapshot.Gaps)
		return err
	}
	l := newLiveObjects(f.snapshot.Objects)
	ctx, stop := context.WithCancel(ctx)
	var all sync.WaitGroup
	defer all.Wait()
	defer stop()
	failed := make(chan error, 1)
	all.Go(func() { failed <- o.Client.Watch(ctx, o.Selection, l.watcher()) })
	o.root.warn(nil, f.snapshot.Gaps)
	asked := namespacesOf(f.snapshot.Objects)
	relabelled := time.NewTicker(relabelEvery)
	defer relabelled.Stop()
	screen := &lineScreen{out: o.root.Out, errOut: o.root.ErrOut, layout: o.printer.layout, shown: map[string]string{}}
	for {
		var gaps []string
		f.snapshot.Objects, gaps = l.now()
		f = o.fleetOf(f.snapshot)
		if now := namespacesOf(f.snapshot.Objects); !maps.Equal(asked, now) {
			if fresh, err := o.read(ctx); err == nil { // their labels, and what else is there
				fresh.snapshot.Objects = f.snapshot.Objects
				f, asked = o.fleetOf(fresh.snapshot), now
			}
		}
		list := report.NewObjectList(f.objects, f.snapshot, f.resolver)
		if err := report.SortBy(list.Items, o.sortBy); err != nil {
			return err
		}
		if err := screen.rows(objectRows{list, o.allNamespaces(), gaps, o.Selection.LabelSelector != "" || len(o.Environments) > 0}, o.now()); err != nil {
			return err
		}
		select {
		case err := <-failed:
			switch {
			case ctx.Err() != nil:
				return silentError{exitInterrupted}
			case err != nil:
				return err
			}
			return f.complete()
		case <-l.changed:
			pause(ctx, redrawEvery)
		case <-relabelled.C: // where it cannot be asked, the labels are those that were read last
			_ = o.Client.ReadLabels(ctx, &f.snapshot)
		}
	}
}

func namespacesOf(objects []flux.Object) map[string]bool {
	names := make(map[string]bool)
	for _, o := range objects {
		names[o.Namespace] = true
	}
	return names
}
