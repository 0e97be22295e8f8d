package cmd

import (
	"cmp"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
)

// terminalScreen draws the table over the one before, as large as the terminal is then.
type terminalScreen struct {
	out    io.Writer // gets control characters, beside lines without any
	layout report.Layout
	size   func() (width, height int)
	title  string
	quit   string
	// scrolls: keys move the rows, where not all have room.
	scrolls bool
	scroll  scroll
	// width and height of the last picture; a terminal that has become another one is cleared.
	width, height int
	clear         atomic.Bool // others have written to the terminal
}

func (s *terminalScreen) show(view nodesView, same []string, now time.Time) error {
	width, height := s.size()
	s.layout.Width, s.layout.Clip = width, !s.layout.Wide
	parts, err := view.Picture(now, s.layout)
	if err != nil {
		return err
	}
	parts.Scrolls = s.scrolls
	lines, window := parts.Lines(s.head(view, same, now, false), height-1, width, s.scroll.first())
	if window.Cut && s.scrolls {
		lines, window = parts.Lines(s.head(view, same, now, true), height-1, width, s.scroll.first())
	}
	s.scroll.shown(window)
	var picture strings.Builder
	if s.clear.Swap(false) || width != s.width || height != s.height {
		s.width, s.height = width, height
		picture.WriteString("\x1b[2J")
	}
	picture.WriteString("\x1b[H")
	for _, line := range lines {
		picture.WriteString(terminal.Line(line, s.layout.Color) + "\x1b[K\r\n")
	}
	picture.WriteString("\x1b[J")
	_, err = io.WriteString(s.out, picture.String())
	return err
}

// head are the lines above a picture, each as wide as the terminal at most. With cut there are rows to scroll to.
func (s *terminalScreen) head(view nodesView, same []string, now time.Time, cut bool) []string {
	width, clock, ages := s.layout.Width, now.Format("15:04:05"), view.Ages(now)
	title := titleLine(s.title, clock, s.quit, ages, width)
	if long := titleLine(s.title, clock, s.quit+", arrows scroll", ages, 0); cut && terminal.Width(long) <= width {
		title = long
	}
	var head []string
	for _, line := range append([]string{title}, same...) {
		head = append(head, report.Paint(report.Clip(line, width), report.Faint, s.layout.Color))
	}
	return head
}

const between = "   "

// titleLine says what a picture is of, when it was drawn, which key ends it, and how old what does not go on is. Where there
// is no room for all, names become shorter, then the clock goes, then they do, then the key: never the age.
func titleLine(names, clock, quit, ages string, width int) string {
	const leastName = 8
	for _, t := range []struct {
		parts []string
		named bool
	}{{[]string{clock, quit, ages}, true}, {[]string{quit, ages}, true}, {[]string{quit, ages}, false}, {[]string{ages}, false}} {
		rest := strings.Join(slices.DeleteFunc(t.parts, func(part string) bool { return part == "" }), between)
		if t.named {
			rest = between + rest
		}
		room := width - terminal.Width(rest)
		switch {
		case t.named && (width <= 0 || terminal.Width(names) <= room):
			return names + rest
		case t.named && room >= leastName:
			return terminal.Shorten(names, room) + rest
		case !t.named && room >= 0 && rest != "":
			return rest
		}
	}
	return cmp.Or(ages, quit)
}

// title is what the picture is of.
func (o NodesOptions) title() string {
	var names []string
	for _, c := range o.clusters {
		if c.name != "" {
			names = append(names, c.name)
		}
	}
	if len(names) == 0 {
		names = []string{o.root.contextName()}
	}
	return strings.Join(names, ", ")
}
