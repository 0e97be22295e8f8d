package report

import (
	"bufio"
	"io"
	"slices"
	"strings"
	"unicode"

	"github.com/mattn/go-runewidth"
)

// Style is what a cell means; a terminal shows it as a colour.
type Style int

// The meanings that have a colour.
const (
	Plain   Style = iota
	Good          // as wanted: green
	Changed       // about to change, or changed: yellow
	Bad           // failed, or needs attention: red
	Faint         // beside the point: grey
	Strong        // headers and totals: bold
)

// Column describes one column of a table.
type Column struct {
	Name string
	// Wide columns are shown with -o wide only.
	Wide bool
	// Right aligns numbers.
	Right bool
	// Key columns name a row; Aging ones change by themselves.
	Key, Aging bool
	// Spare columns are left out on a terminal that is too narrow, highest first; 0 always stays.
	Spare int
}

// Cell is one value, as it is shown.
type Cell struct {
	Text  string
	Style Style
}

// printable is the text without control characters: messages come from clusters, and must not be able to
// write to a terminal what they like.
func (c Cell) printable() string {
	clean := func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}
	return strings.Map(clean, c.Text)
}

// Text makes a plain cell.
func Text(s string) Cell { return Cell{Text: s} }

// Table is what a command shows people: rows of as many cells as there are columns.
type Table struct {
	Columns []Column
	Rows    [][]Cell
}

// Layout says how tables are drawn.
type Layout struct {
	Wide      bool
	NoHeaders bool
	Color     bool
	// Width of the terminal in cells; longer lines are cut. 0 does not cut.
	Width int
	// EastAsian terminals may draw characters of ambiguous width two cells wide: tables have none there.
	EastAsian bool
}

// gap is the space between columns, as in kubectl's tables.
const gap = 3

// Draw writes the table: aligned by display width, so that wide characters keep the columns straight.
func (t Table) Draw(w io.Writer, l Layout) error {
	shown := t.shown(l)
	widths := t.widths(shown, l)
	shown = t.withoutSpare(shown, widths, l)
	out := bufio.NewWriter(w)
	if !l.NoHeaders {
		header := make([]Cell, len(t.Columns))
		for i, c := range t.Columns {
			header[i] = Cell{Text: c.Name, Style: Strong}
		}
		t.line(out, header, shown, widths, l)
	}
	for _, row := range t.Rows {
		t.line(out, row, shown, widths, l)
	}
	return out.Flush()
}

func (t Table) shown(l Layout) []int {
	var shown []int
	for i, c := range t.Columns {
		if !c.Wide || l.Wide {
			shown = append(shown, i)
		}
	}
	return shown
}

// enough is how much of a last column, that is cut, still says something.
const enough = 40

// withoutSpare leaves spare columns out until the table fits the terminal, its last column cut. Who asks for
// wide output gets all of it.
func (t Table) withoutSpare(shown, widths []int, l Layout) []int {
	if l.Width <= 0 || l.Wide {
		return shown
	}
	for {
		needed, spare := 0, -1
		for n, i := range shown {
			if n == len(shown)-1 {
				needed += min(widths[i], enough)
			} else {
				needed += widths[i] + gap
			}
			if t.Columns[i].Spare > 0 && (spare < 0 || t.Columns[i].Spare > t.Columns[shown[spare]].Spare) {
				spare = n
			}
		}
		if needed <= l.Width || spare < 0 {
			return shown
		}
		shown = slices.Delete(shown, spare, spare+1)
	}
}

func (t Table) widths(shown []int, l Layout) []int {
	widths := make([]int, len(t.Columns))
	for _, i := range shown {
		if !l.NoHeaders {
			widths[i] = textWidth(t.Columns[i].Name)
		}
		for _, row := range t.Rows {
			widths[i] = max(widths[i], textWidth(row[i].printable()))
		}
	}
	return widths
}

// line writes one row. Spaces wait for the text behind them, so that no line ends in any, and a line
// that is cut ends within the width.
func (t Table) line(out *bufio.Writer, row []Cell, shown, widths []int, l Layout) {
	left, spaces := l.Width, 0
	for _, i := range shown {
		text := row[i].printable()
		pad := widths[i] - textWidth(text)
		if t.Columns[i].Right {
			spaces, pad = spaces+pad, 0
		}
		if l.Width > 0 {
			text = cut(text, left-spaces)
		}
		if text != "" {
			_, _ = out.WriteString(strings.Repeat(" ", spaces) + Paint(text, row[i].Style, l.Color))
			left -= spaces + textWidth(text)
			spaces = 0
		}
		spaces += pad + gap
	}
	_ = out.WriteByte('\n')
}

// cut shortens text to a width and marks that it did.
func cut(text string, width int) string {
	if width <= 0 {
		return ""
	}
	return cells().Truncate(text, width, "…")
}

// Clip shortens text to a width; 0 does not.
func Clip(text string, width int) string {
	if width <= 0 {
		return text
	}
	return cut(text, width)
}

// cells measures text as most terminals draw it, whatever the locale: characters of ambiguous width are narrow.
func cells() *runewidth.Condition { return &runewidth.Condition{StrictEmojiNeutral: true} }

func textWidth(text string) int { return cells().StringWidth(text) }

// Paint gives text its style's colour, where colours are wanted.
func Paint(text string, s Style, color bool) string {
	codes := [...]string{Plain: "", Good: "32", Changed: "33", Bad: "31", Faint: "90", Strong: "1"}
	if !color || text == "" || codes[s] == "" {
		return text
	}
	return "\x1b[" + codes[s] + "m" + text + "\x1b[0m"
}
