package report

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
)

// NodePicture are the parts of what nodes draws, to be put together as a terminal has room for them.
type NodePicture struct {
	// Gaps are the lines that say what is missing, in full.
	Gaps []string
	// Header of the table, empty without one; Rows below it; End are the rows that sum up, the total last.
	Header string
	Rows   []string
	End    []string
	// Gone are rows in place of the last Rows, those of nodes that are gone and what follows, where none of these is shown: one for
	// each cluster that has some.
	Gone    []string
	gone    int // the first of those Rows
	Summary string
	// Scrolls: keys move the rows, where not all have room.
	Scrolls bool

	color bool
}

// Picture gives the parts of the table.
func (l NodeList) Picture(now time.Time, layout Layout) (NodePicture, error) {
	t := l.rowsTable(now, layout)
	first := slices.IndexFunc(l.Items, func(i NodeItem) bool { return i.Status == gone })
	if first < 0 {
		first = len(t.Rows)
	}
	l.addCutGone(&t, layout)
	return l.picture(t, "NAME", first, layout)
}

// Picture gives the parts of the table.
func (l NodeGroupList) Picture(_ time.Time, layout Layout) (NodePicture, error) {
	t := l.rowsTable(layout)
	return l.nodes.picture(t, l.column(), len(t.Rows), layout)
}

func (l NodeList) picture(t Table, name string, firstGone int, layout Layout) (NodePicture, error) {
	p := NodePicture{gone: firstGone, color: layout.Color}
	rows := len(t.Rows)
	if firstGone < rows {
		for _, r := range l.Summary.someRows(goneRow, sumOnGone) {
			t.Add(r.cells(name))
		}
	}
	end := len(t.Rows)
	l.addEnd(&t, name, layout)
	var out bytes.Buffer
	lost, err := t.Without(l.dropped(layout)...).DrawRows(&out, layout)
	if err != nil {
		return p, err
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if !layout.NoHeaders {
		p.Header, lines = lines[0], lines[1:]
		p.Summary = l.Summary.Line()
		if hidden := slices.DeleteFunc(lost.Hidden, func(name string) bool { return name == "" }); len(hidden) > 0 {
			p.Summary += " · not shown at this width: " + strings.Join(hidden, ", ")
		}
		for _, gap := range l.Gaps() {
			p.Gaps = append(p.Gaps, l.gapWord()+gap)
		}
	}
	p.Rows, p.Gone, p.End = lines[:min(rows, len(lines))], lines[min(rows, len(lines)):min(end, len(lines))], lines[min(end, len(lines)):]
	return p, nil
}

// manyRows is how many rows of nodes a picture has before it has a total, and a line that sums up.
const manyRows = 3

// Window is which of a picture's rows are shown.
type Window struct {
	// First is the first of them, Rows how many they are; Cut says that there are others.
	First, Rows int
	Cut         bool
}

// Lines put a picture below some lines, in no more than some rows of a terminal. What does not fit goes in this order: what is
// missing is told in one line each where it takes more than a quarter, the empty line, most of the line that sums up, and the rest of it; then rows, for which
// one line says how many; then the total, which says more than a single row. 0 rows of room mean that the height is not known.
// Where not all rows fit they begin with first, or an earlier one where too few follow.
func (p NodePicture) Lines(head []string, room, width, first int) ([]string, Window) {
	var gaps, short, header []string
	for _, gap := range p.Gaps {
		for line := range strings.SplitSeq(terminal.WrapLine(gap, width), "\n") {
			gaps = append(gaps, Paint(line, Bad, p.color))
		}
		short = append(short, Paint(Clip(gap, width), Bad, p.color))
	}
	if p.Header != "" {
		header = []string{p.Header}
	}
	ends := p.ends(width)
	all := slices.Concat(head, gaps, header, p.Rows, ends[0])
	whole := Window{Rows: len(p.Rows)}
	if room <= 0 || rowsOf(all, width) <= room {
		return all, whole
	}
	if rowsOf(gaps, width) <= room/4 { // what is missing ends with what to do about it
		short = gaps
	}
	top := slices.Concat(head, short, header)
	left := room - rowsOf(top, width)
	for _, end := range ends[:4] {
		if rowsOf(p.Rows, width)+rowsOf(end, width) <= left {
			return slices.Concat(top, p.Rows, end), whole
		}
	}
	const total = 4 // of ends, that alone
	for _, choice := range []struct {
		ends  [][]string
		wants []int
		gone  []string
	}{
		{ends[1 : total+1], []int{manyRows, 2, 1}, p.Gone}, {ends[1 : total+1], []int{1}, nil}, // a node before those that are no more
		{ends[total+1:], []int{manyRows, 2}, p.Gone}, {ends[total : total+1], []int{0}, p.Gone},
		{ends[total+1:], []int{1}, p.Gone}, {ends[total+1:], []int{1}, nil},
	} {
		for _, want := range choice.wants {
			for _, end := range choice.ends {
				if rows, w := p.cut(left-rowsOf(end, width), width, want, choice.gone, first); rows != nil {
					return slices.Concat(top, rows, end), w
				}
			}
		}
	}
	all = slices.Concat(top, p.Rows)
	n := fitting(all, room-1, width)
	return append(slices.Clone(all[:n]), p.more(0, len(all)-n, width)), Window{Rows: max(0, n-len(top)), Cut: true}
}

// ends are what may stand below the rows, the longest first.
func (p NodePicture) ends(width int) [][]string {
	var summary, line []string
	if p.Summary != "" {
		summary, line = strings.Split(terminal.WrapLine(p.Summary, width), "\n"), []string{Clip(p.Summary, width)}
	}
	long := p.End
	if len(summary) > 0 {
		long = slices.Concat(p.End, []string{""}, summary)
	}
	return [][]string{long, slices.Concat(p.End, summary), slices.Concat(p.End, line), p.End, p.End[max(0, len(p.End)-1):], nil}
}

// cut are the rows from first on that some room is enough for, with a line that says how many are not shown, and rows of those
// on nodes that are gone, if there are to be some; nil where they are fewer than wanted.
func (p NodePicture) cut(room, width, want int, gone []string, first int) ([]string, Window) {
	left := room - 1
	w := p.window(left, width, first)
	if w.First == 0 || w.First+w.Rows <= p.gone { // else whoever scrolls has come to the nodes themselves
		left -= rowsOf(gone, width)
		w = p.window(left, width, first)
	} else {
		gone = nil
	}
	switch {
	case left < 0 || w.Rows < want:
		return nil, Window{}
	case w.Rows == len(p.Rows):
		return p.Rows, w
	}
	w.Cut = true
	below := w.First + w.Rows
	return slices.Concat(p.Rows[w.First:below], []string{p.more(w.First, len(p.Rows)-below, width)}, gone), w
}

// window is which of the rows some room is enough for, from first on or from an earlier one where too few follow.
func (p NodePicture) window(room, width, first int) Window {
	first = max(0, min(first, len(p.Rows)-1))
	for first > 0 && fitting(p.Rows[first-1:], room, width) == len(p.Rows)-first+1 {
		first--
	}
	n := fitting(p.Rows[first:], room, width)
	if first == 0 {
		n = min(n, p.gone)
	}
	return Window{First: first, Rows: n}
}

// more says how many rows are not shown, and how to see them.
func (p NodePicture) more(above, below, width int) string {
	how := "see --top and --sort-by"
	if p.Scrolls {
		how = "arrows scroll"
	}
	if above > 0 {
		return Clip(fmt.Sprintf("... %d above, %d below", above, below), width)
	}
	return Clip(fmt.Sprintf("... %s: %s", count(below, "more line"), how), width)
}

// rowsOf is how many rows of a terminal some lines take.
func rowsOf(lines []string, width int) int {
	rows := 0
	for _, line := range lines {
		rows += terminal.Rows(line, width)
	}
	return rows
}

// fitting is how many of the first lines some rows have room for.
func fitting(lines []string, room, width int) int {
	for i, line := range lines {
		if room -= terminal.Rows(line, width); room < 0 {
			return i
		}
	}
	return len(lines)
}
