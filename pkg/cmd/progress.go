package cmd

import (
	"cmp"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
)

// progress is a line on a terminal that tells how far something is. It appears after a second, also where nothing was
// shown since, ten times a second at most, and goes away at the end. Elsewhere than on a terminal it says nothing.
type progress struct {
	mu    sync.Mutex
	out   io.Writer
	now   func() time.Time
	width func() int
	start time.Time
	last  time.Time
	drawn string // what stands on the terminal
	// waits draws early, what was shown too soon, once a second is over.
	waits *time.Timer
	early string
}

const (
	progressAfter = time.Second
	progressEvery = 100 * time.Millisecond
)

func (r *root) newProgress() *progress {
	p := &progress{now: r.Now, start: r.Now(), width: func() int { width, _ := r.terminalSize(); return cmp.Or(width, 80) }}
	if r.StderrTerminal && r.Getenv("TERM") != "dumb" {
		p.out = terminal.Raw(r.ErrOut)
	}
	return p
}

// show replaces the line. It may be called from several goroutines.
func (p *progress) show(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.out == nil {
		return
	}
	now := p.now()
	left := progressAfter - now.Sub(p.start)
	if p.early = text; left > 0 && p.waits == nil {
		p.waits = time.AfterFunc(left, p.showEarly)
	}
	if left <= 0 && now.Sub(p.last) >= progressEvery {
		p.draw(text, now)
	}
}

// showEarly draws what was shown too soon, if nothing stands there.
func (p *progress) showEarly() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := p.now(); p.drawn == "" && p.early != "" && now.Sub(p.start) >= progressAfter {
		p.draw(p.early, now)
	}
}

// draw replaces what stands on the terminal.
func (p *progress) draw(text string, now time.Time) {
	width := p.width()
	over := p.over(width)
	p.last, p.drawn = now, report.Clip(terminal.Line(text, false), width-1) // a line that is broken cannot be drawn over
	_, _ = fmt.Fprint(p.out, over, p.drawn)
}

// over takes away what stands there. A terminal that has become narrower since has broken it into rows.
func (p *progress) over(width int) string {
	if rows := terminal.Rows(p.drawn, width); rows > 1 {
		return fmt.Sprintf("\r\x1b[%dA\x1b[J", rows-1)
	}
	return "\r\x1b[K"
}

// clear takes the line away.
func (p *progress) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waits != nil {
		p.waits.Stop()
	}
	p.early = ""
	if p.drawn != "" {
		_, _ = fmt.Fprint(p.out, p.over(p.width()))
		p.drawn = ""
	}
}

// clustersAfter is how long clusters may take to answer without a word about it.
const clustersAfter = 2 * time.Second

// awaitClusters tells on a terminal which clusters are waited for, until stop is called; answered takes one, by its place, off
// the list. Of files there is nothing to tell.
func (r *root) awaitClusters(each []FleetOptions) (answered func(i int), stop func()) {
	var names []string
	for _, o := range each {
		if o.Files != nil {
			return func(int) {}, func() {}
		}
		names = append(names, cmp.Or(o.Cluster, r.contextName()))
	}
	line := r.newProgress()
	line.start = line.start.Add(clustersAfter - progressAfter)
	var mu sync.Mutex
	done, ended, over := make([]bool, len(each)), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		tick := time.NewTicker(progressEvery)
		defer tick.Stop()
		for {
			select {
			case <-ended:
				line.clear()
				return
			case <-tick.C:
				mu.Lock()
				text := silentClusters(names, done)
				mu.Unlock()
				line.show(text)
			}
		}
	}()
	answered = func(i int) {
		mu.Lock()
		defer mu.Unlock()
		done[i] = true
	}
	return answered, func() { close(ended); <-over }
}

// silentClusters names the first cluster that has not answered, and counts the rest: "Waiting for east and 2 more; 5 of 8
// clusters have answered".
func silentClusters(names []string, answered []bool) string {
	var left []string
	for i, name := range names {
		if !answered[i] {
			left = append(left, name)
		}
	}
	if len(left) == 0 {
		return "All clusters have answered"
	}
	text := "Waiting for " + left[0]
	if len(names) == 1 {
		return text
	}
	if len(left) > 1 {
		text += fmt.Sprintf(" and %d more", len(left)-1)
	}
	return text + fmt.Sprintf("; %d of %d clusters have answered", len(names)-len(left), len(names))
}

// firstOf names the first of some objects, of which there is one at least, and counts the rest.
func firstOf(refs []flux.Ref) string {
	if len(refs) == 1 {
		return refs[0].String()
	}
	return fmt.Sprintf("%s and %d more", refs[0], len(refs)-1)
}

// counter counts results as they come.
type counter struct {
	mu          sync.Mutex
	total, done int
	failed      int
}

func newCounter(total int) *counter { return &counter{total: total} }

func (c *counter) add(r cluster.Result) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done++
	if r.Outcome == cluster.Failed {
		c.failed++
	}
	return c.line()
}

// text is the last line again.
func (c *counter) text() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.line()
}

func (c *counter) line() string {
	text := fmt.Sprintf("%d of %d objects done", c.done, c.total)
	if c.failed > 0 {
		text += fmt.Sprintf(", %d failed", c.failed)
	}
	return text
}
