package terminal

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
)

func (t Table) shown(l Layout) []int {
	var shown []int
	for i, c := range t.Columns {
		if !c.hidden(l) {
			shown = append(shown, i)
		}
	}
	return shown
}

// How far texts are made shorter: at first so far that they are pleasant to read, and where that is not enough,
// as far as they say something at all.
var (
	pleasant = map[Shrink]int{Middle: 20, End: 32}
	least    = map[Shrink]int{Middle: 8, End: 12}
)

// arrangement is how a table is laid out: the columns beside each other with the widths of all, those told below their
// rows, and what there is no room for.
type arrangement struct {
	shown, widths, below []int
	lost                 Lost
}

// arrange lays a table out for a terminal.
func (t Table) arrange(l Layout) arrangement {
	shown := t.shown(l)
	full := t.widths(shown, l)
	if l.Width <= 0 || l.Wide {
		return arrangement{shown: shown, widths: full}
	}
	var a arrangement
	if !l.NoHeaders && !l.Clip { // one line an object, or a picture with a fixed number of lines
		shown, a.below = t.moveBelow(shown, full, l.Width)
	}
	a.shown, a.widths, a.lost.Hidden = t.fit(shown, full, l)
	if l.Clip {
		a.hideCutNumbers(t, l.Width)
	}
	at := 0
	for _, i := range a.shown {
		c := t.Columns[i]
		if c.Shrink != Never && c.Name != "" && (a.widths[i] < full[i] || at+a.widths[i] > l.Width) {
			a.lost.Cut = append(a.lost.Cut, c.Name)
		}
		at += a.widths[i] + Gap
	}
	return a
}

// hideCutNumbers leaves out the numbers that a picture would cut: a part of a number is another one.
func (a *arrangement) hideCutNumbers(t Table, width int) {
	at := 0
	a.shown = slices.DeleteFunc(slices.Clone(a.shown), func(i int) bool {
		c := t.Columns[i]
		if c.Right && at+a.widths[i] > width {
			a.lost.Hidden = append(a.lost.Hidden, c.Name)
			return true
		}
		at += a.widths[i] + Gap
		return false
	})
}

// moveBelow takes the widest columns that may be told below their rows out of the others, until these have room.
func (t Table) moveBelow(shown, full []int, width int) (beside, below []int) {
	beside = slices.Clone(shown)
	for total(beside, full) > width {
		widest := -1
		for n, i := range beside {
			if t.Columns[i].Below && (widest < 0 || full[i] >= full[beside[widest]]) {
				widest = n
			}
		}
		if widest < 0 {
			break
		}
		below = append(below, beside[widest])
		beside = slices.Delete(beside, widest, widest+1)
	}
	slices.Sort(below)
	return beside, below
}

// total is how wide columns are beside each other.
func total(shown, widths []int) int {
	sum := -Gap
	for _, i := range shown {
		sum += widths[i] + Gap
	}
	return sum
}

// fit chooses from columns, and makes them narrower, until a terminal has room for them.
func (t Table) fit(candidates, full []int, l Layout) (shown, widths []int, hidden []string) {
	shown = candidates
	for {
		if widths, fits := t.shrink(shown, full, l, pleasant); fits {
			return shown, widths, hidden
		}
		spare := -1
		for n, i := range shown {
			if t.Columns[i].Spare > 0 && (spare < 0 || t.Columns[i].Spare > t.Columns[shown[spare]].Spare) {
				spare = n
			}
		}
		if spare < 0 {
			break
		}
		if name := t.Columns[shown[spare]].Name; name != "" {
			hidden = append(hidden, name)
		}
		shown = slices.Delete(slices.Clone(shown), spare, spare+1)
	}
	widths, fits := t.shrink(shown, full, l, least)
	if !fits { // better shorter than meant than wider than the terminal
		t.Columns = slices.Clone(t.Columns)
		for i, c := range t.Columns {
			t.Columns[i].Floor = min(c.Floor, least[c.Shrink])
		}
		widths, _ = t.shrink(shown, full, l, least)
	}
	return shown, widths, hidden
}

// shrink makes the widest of the columns that may be narrower, and wider than a floor, narrower until all fit.
func (t Table) shrink(shown, full []int, l Layout, floors map[Shrink]int) (widths []int, fits bool) {
	widths = slices.Clone(full)
	sum := total(shown, widths)
	floor := func(i int) int {
		c := t.Columns[i]
		least := floors[c.Shrink]
		if c.Floor > 0 {
			least = c.Floor
		}
		if !l.NoHeaders {
			least = max(least, Width(c.Name))
		}
		return least
	}
	for ; sum > l.Width; sum-- {
		widest := -1
		for _, i := range shown {
			if t.Columns[i].Shrink != Never && widths[i] > floor(i) && (widest < 0 || widths[i] > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return widths, false
		}
		widths[widest]--
	}
	return widths, true
}

func (t Table) widths(shown []int, l Layout) []int {
	widths := make([]int, len(t.Columns))
	for _, i := range shown {
		widths[i] = t.Columns[i].Least
		if !l.NoHeaders {
			widths[i] = max(widths[i], Width(t.Columns[i].Name))
		}
		for _, row := range t.Rows {
			widths[i] = max(widths[i], Width(row[i].Printable()))
		}
	}
	return widths
}

// belowIndent is how far in a cell stands that is told below its row: further than marks and the columns behind them.
const belowIndent = 6

// writeBelow writes a cell on lines of its own, behind its lead, broken between words.
func writeBelow(out *bufio.Writer, lead string, c Cell, l Layout) {
	text := c.Printable()
	if text == "" || c.Implied {
		return
	}
	for line := range strings.SplitSeq(WrapLine(lead+text, max(20, l.Width-belowIndent)), "\n") {
		_, _ = out.WriteString(strings.Repeat(" ", belowIndent) + Paint(line, c.Style, l.Color) + "\n")
	}
}

// Lost names the columns that a terminal is too narrow for.
type Lost struct {
	// Hidden are left out, Cut have texts that are not whole.
	Hidden, Cut []string
}

// And adds what was lost of another table; names are sorted, each once.
func (lost Lost) And(other Lost) Lost {
	add := func(a, b []string) []string { return slices.Compact(slices.Sorted(slices.Values(slices.Concat(a, b)))) }
	return Lost{Hidden: add(lost.Hidden, other.Hidden), Cut: add(lost.Cut, other.Cut)}
}

// String says what was lost; "" where nothing was.
func (lost Lost) String() string {
	hidden, cut := strings.Join(lost.Hidden, ", "), strings.Join(lost.Cut, ", ")
	switch {
	case hidden == "" && cut == "":
		return ""
	case cut == "":
		return fmt.Sprintf("Not shown at this width: %s.", hidden)
	case hidden == "":
		return fmt.Sprintf("Cut at this width: %s.", cut)
	default:
		return fmt.Sprintf("Not shown at this width: %s. Cut: %s.", hidden, cut)
	}
}

// Name says on a line what was lost, and how to see it; nothing where nothing was, or no headers are wanted.
func (lost Lost) Name(w io.Writer, l Layout) error {
	what := lost.String()
	if what == "" || l.NoHeaders {
		return nil
	}
	_, err := fmt.Fprintln(w, Paint(Wrap(what+" "+cmp.Or(l.Whole, "-o wide")+" shows all.", l.Width), Faint, l.Color))
	return err
}
