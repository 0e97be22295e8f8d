package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
)

const (
	// redrawEvery is the shortest time between two pictures: events are shown well within a second, and a
	// rollout of thousands of pods does not keep the terminal busy.
	redrawEvery = 150 * time.Millisecond
	// clockEvery is how often a terminal is drawn anew when nothing changes: the clock and the ages go on.
	clockEvery = time.Second
	// besidePods is how long the first output waits for what is shown beside the numbers of pods: nodes, details and metrics.
	besidePods = 5 * time.Second
)

// errQuit is why a watch ends that q has ended.
var errQuit = errors.New("q")

// runWatch counts until the user ends it, and shows what changes.
func (o NodesOptions) runWatch(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	changed := make(chan struct{}, 1)
	var all sync.WaitGroup
	defer all.Wait()
	defer stop(nil)
	for _, c := range o.clusters {
		if c.err != nil {
			continue
		}
		all.Go(func() { c.counter.Watch(ctx) })
		all.Go(func() { forward(ctx, c.counter.Changed(), changed) })
	}
	if len(o.clusters) > 1 {
		all.Go(func() { o.compareWhileWatching(ctx, changed) })
	}
	// A slow or dead cluster must not hold back the others for longer than this.
	first, pods := time.After(o.timeout), time.After(min(o.timeout, besidePods))
	o.waitForPlugins(ctx)
	screen, end := o.newScreen(stop, changed)
	defer end()
	var clock <-chan time.Time
	if _, redraws := screen.(*terminalScreen); redraws {
		tick := time.NewTicker(clockEvery)
		defer tick.Stop()
		clock = tick.C
	}
	var shown []report.ClusterCount
	hold := standing{}
	for {
		counts, same := oncePerCluster(o.nowAll(), o.same.of, hold)
		if ctx.Err() != nil {
			return o.watchEnd(context.Cause(ctx), shown) // what the end itself has interrupted is not missing
		}
		if err := nothing(counts); err != nil && (first == nil || !stillCounting(counts)) {
			return err
		}
		ready, err := o.picture(screen, counts, same, first != nil && (pods != nil || lacksPods(counts)))
		if err != nil {
			return err
		}
		if ready {
			shown, o.report.Watched = counts, true
		}
		select {
		case <-ctx.Done():
		case <-pods:
			pods = nil
		case <-first:
			first = nil
		case <-clock:
		case <-changed:
			pause(ctx, redrawEvery)
		}
	}
}

func forward(ctx context.Context, from <-chan struct{}, to chan<- struct{}) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-from:
			wake(to)
		}
	}
}

// wake signals, unless a signal is waiting.
func wake(to chan<- struct{}) {
	select {
	case to <- struct{}{}:
	default:
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// watchEnd: ending a watch with q is no failure, but an incomplete last count is told. Any other end is an interruption, as
// of every command.
func (o NodesOptions) watchEnd(why error, shown []report.ClusterCount) error {
	if !errors.Is(why, errQuit) || shown == nil {
		return silentError{exitInterrupted}
	}
	view, err := o.document(shown)
	if err != nil {
		return err
	}
	return o.verdict(view)
}

// waitForPlugins leaves a terminal to the credential plugins of the kubeconfig until they have answered, for as long as a list
// may take: they may ask the user, who could neither read that nor answer while pictures are drawn and keys are read.
func (o NodesOptions) waitForPlugins(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	asked := func(c nodesCluster) bool { return c.err == nil && c.counter.AsksPlugin() }
	for o.root.Keys != nil && ctx.Err() == nil && slices.ContainsFunc(o.clusters, asked) {
		pause(ctx, redrawEvery)
	}
}

func stillCounting(counts []report.ClusterCount) bool {
	return slices.ContainsFunc(counts, func(c report.ClusterCount) bool { return c.Count.Counting })
}

// lacksPods tells whether pods are still being counted, not only what is shown beside them.
func lacksPods(counts []report.ClusterCount) bool {
	return slices.ContainsFunc(counts, func(c report.ClusterCount) bool { return c.Count.Counting && c.Count.AtLeast })
}

// picture shows the counts. Only a terminal shows how the first lists come in; elsewhere the first
// output is complete, or as complete as the timeout allows; once all pods are counted, as some seconds allow. There, where no key ends a watch, a node that is too full does.
func (o NodesOptions) picture(screen screen, counts []report.ClusterCount, same []string, early bool) (shown bool, err error) {
	_, redraws := screen.(*terminalScreen)
	if !redraws && early && stillCounting(counts) {
		return false, nil
	}
	view, err := o.document(counts)
	if err != nil {
		return false, err
	}
	if o.matchesNone(view) {
		same = append(slices.Clip(same), o.noneLine())
	}
	if !stillCounting(counts) {
		for _, hint := range view.Hints() {
			same = append(slices.Clip(same), "Hint: "+hint+".")
		}
	}
	if err = screen.show(view, same, o.now()); err != nil || redraws {
		return true, err
	}
	if o.failAbove > 0 && view.Above(o.failAbove).Nodes > 0 {
		return true, o.verdict(view)
	}
	return true, nil
}

// screen shows one count after the other, with lines that say which contexts it leaves out, and what the order means.
type screen interface {
	show(view nodesView, same []string, now time.Time) error
}

// newScreen makes the screen that fits where the output goes. On a terminal whose keys can be read, q ends the
// watch, and arrows scroll, which changed is told; end gives the keys back.
func (o NodesOptions) newScreen(stop func(why error), changed chan<- struct{}) (s screen, end func()) {
	end = func() {}
	switch {
	case o.printer.format == "json":
		return &jsonScreen{out: o.root.Out, errOut: o.root.ErrOut}, end
	case o.printer.layout.Width == 0 || o.root.Getenv("TERM") == "dumb":
		o.printer.layout.Width = 0
		return &lineScreen{out: o.root.Out, errOut: o.root.ErrOut, layout: o.printer.layout, shown: map[string]string{}}, end
	}
	t := &terminalScreen{out: terminal.Raw(o.root.Out), layout: o.printer.layout, size: o.root.terminalSize, title: o.title(), quit: "Ctrl-C ends"}
	if o.root.Keys != nil {
		keys, restore, err := o.root.Keys()
		if err == nil {
			end, t.quit, t.scrolls = restore, "q ends", true
			go t.obey(keys, stop, changed)
		}
	}
	return t, end
}

// obey does what keys are pressed for.
func (s *terminalScreen) obey(keys <-chan byte, stop func(why error), changed chan<- struct{}) {
	var typed keyReader
	for b := range keys {
		switch key := typed.next(b); {
		case key == "q" || key == "Q":
			stop(errQuit)
		case key == keyInterrupt: // a key like others then
			stop(context.Canceled)
		case key == keyStop: // what the shell has written since is no part of the picture
			s.clear.Store(true)
		case s.scroll.move(key):
			wake(changed)
		}
	}
}

// jsonScreen writes a document for each count that differs from the one before.
type jsonScreen struct {
	out    io.Writer
	last   []byte
	errOut io.Writer
	leaves leftOut
}

// leftOut are the lines that said which contexts are left out; each is said once.
type leftOut []string

func (l *leftOut) say(errOut io.Writer, same []string) {
	for _, line := range same {
		if !slices.Contains(*l, line) {
			_, _ = fmt.Fprintln(errOut, line)
		}
	}
	*l = same
}

func (s *jsonScreen) show(view nodesView, same []string, _ time.Time) error {
	s.leaves.say(s.errOut, same)
	data, err := json.Marshal(view)
	if err != nil || bytes.Equal(data, s.last) {
		return err
	}
	s.last = data
	_, err = s.out.Write(append(terminal.EscapeJSON(data), '\n'))
	return err
}
