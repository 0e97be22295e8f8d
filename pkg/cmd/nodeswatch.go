package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

// redrawEvery is the shortest time between two pictures: events are shown well within a second, and a
// rollout of thousands of pods does not keep the terminal busy.
const redrawEvery = 150 * time.Millisecond

// runWatch counts until the user ends it, and shows what changes.
func (o NodesOptions) runWatch(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	changed := make(chan struct{}, 1)
	var all sync.WaitGroup
	defer all.Wait()
	defer stop()
	for _, c := range o.clusters {
		if c.err != nil {
			continue
		}
		all.Go(func() { c.counter.Watch(ctx) })
		all.Go(func() { forward(ctx, c.counter.Changed(), changed) })
	}
	screen := o.newScreen()
	// A slow or dead cluster must not hold back the others for longer than this.
	first := time.After(o.timeout)
	var shown []report.ClusterCount
	for {
		counts := o.nowAll()
		if ctx.Err() != nil && shown != nil {
			return o.watchEnd(shown) // what Ctrl-C itself has interrupted is not missing
		}
		if err := o.picture(screen, counts, first); err != nil {
			return err
		}
		shown = counts
		select {
		case <-ctx.Done():
			return o.watchEnd(counts)
		case <-first:
			first = nil
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
			select {
			case to <- struct{}{}:
			default:
			}
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// watchEnd: ending a watch is no failure, but an incomplete last count is told.
func (o NodesOptions) watchEnd(counts []report.ClusterCount) error {
	for _, c := range counts {
		if c.Count.Partial() {
			return silentError{exitPartial}
		}
	}
	return nil
}

// picture shows the counts. Only a terminal shows how the first lists come in; elsewhere the first
// output is complete, or as complete as the timeout allows.
func (o NodesOptions) picture(screen screen, counts []report.ClusterCount, first <-chan time.Time) error {
	if _, redraws := screen.(*terminalScreen); !redraws && first != nil {
		for _, c := range counts {
			if c.Count.Counting {
				return nil
			}
		}
	}
	view, err := o.document(counts)
	if err != nil {
		return err
	}
	return screen.show(view, o.now())
}

// screen shows one count after the other.
type screen interface {
	show(view nodesView, now time.Time) error
}

func (o NodesOptions) newScreen() screen {
	switch {
	case o.printer.format == "json":
		return &jsonScreen{out: o.root.Out}
	case o.printer.layout.Width > 0:
		return &terminalScreen{out: o.root.Out, layout: o.printer.layout, height: o.root.StdoutHeight}
	default:
		return &lineScreen{out: o.root.Out, errOut: o.root.ErrOut, layout: o.printer.layout, shown: map[string]string{}}
	}
}

// jsonScreen writes a document for each count that differs from the one before.
type jsonScreen struct {
	out  io.Writer
	last []byte
}

func (s *jsonScreen) show(view nodesView, _ time.Time) error {
	data, err := json.Marshal(view)
	if err != nil || bytes.Equal(data, s.last) {
		return err
	}
	s.last = data
	_, err = s.out.Write(append(data, '\n'))
	return err
}

// terminalScreen draws the table over the one before. What is too tall for the terminal is cut in the
// middle, so that totals and summary stay in sight.
type terminalScreen struct {
	out    io.Writer
	layout report.Layout
	height int
	begun  bool
}

// tail counts the lines at the end of a table that always stay: unscheduled, total, blank, summary.
func tail(lines []string) int {
	for i := len(lines) - 1; i >= 0; i-- {
		if lines[i] == "" {
			return len(lines) - i + 2
		}
	}
	return 0
}

func (s *terminalScreen) show(view nodesView, now time.Time) error {
	var table bytes.Buffer
	if err := view.Draw(&table, now, s.layout); err != nil {
		return err
	}
	lines := strings.Split(strings.TrimSuffix(table.String(), "\n"), "\n")
	tail := tail(lines)
	if room := s.height - 1; s.height > tail+4 && len(lines) > room {
		head := room - tail - 1
		cut := fmt.Sprintf("... %d more rows: see --top and --sort-by", len(lines)-head-tail)
		lines = slices.Concat(lines[:head], []string{cut}, lines[len(lines)-tail:])
	}
	var picture strings.Builder
	if !s.begun {
		s.begun = true
		picture.WriteString("\x1b[2J")
	}
	picture.WriteString("\x1b[H")
	for _, line := range lines {
		picture.WriteString(line + "\x1b[K\r\n")
	}
	picture.WriteString("\x1b[J")
	_, err := io.WriteString(s.out, picture.String())
	return err
}

// lineScreen prints the table once, and then each row that changes, as kubectl get --watch does.
type lineScreen struct {
	out, errOut io.Writer
	layout      report.Layout
	shown       map[string]string
	gaps        []string
	begun       bool
}

func (s *lineScreen) show(view nodesView, now time.Time) error {
	s.tellGaps(view.Gaps())
	rows, err := view.Table(now, s.layout).RowLines(s.layout, []string{"CLUSTER", "NAME"}, []string{"AGE"})
	if err != nil {
		return err
	}
	if !s.begun {
		err = view.Table(now, s.layout).Draw(s.out, s.layout)
	}
	seen := make(map[string]bool, len(rows))
	for _, row := range rows {
		seen[row.Key] = true
		if content, known := s.shown[row.Key]; known && content == row.Content {
			continue
		}
		s.shown[row.Key] = row.Content
		if s.begun && err == nil {
			_, err = fmt.Fprintln(s.out, row.Text)
		}
	}
	var gone []string
	for key := range s.shown {
		if !seen[key] {
			gone = append(gone, key)
			delete(s.shown, key)
		}
	}
	slices.Sort(gone)
	for _, key := range gone {
		_, _ = fmt.Fprintf(s.out, "%s   (removed)\n", strings.TrimRight(strings.ReplaceAll(key, "\x00", "   "), " "))
	}
	s.begun = true
	return err
}

// tellGaps says on stderr when what is missing changes.
func (s *lineScreen) tellGaps(gaps []string) {
	if slices.Equal(gaps, s.gaps) {
		return
	}
	s.gaps = gaps
	for _, gap := range gaps {
		_, _ = fmt.Fprintf(s.errOut, "Warning: partial: %s\n", gap)
	}
	if len(gaps) == 0 {
		_, _ = fmt.Fprintln(s.errOut, "The count is complete again.")
	}
}
