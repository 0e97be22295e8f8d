package terminal

import (
	"bufio"
	"bytes"
	"io"
	"slices"
	"strings"
)

// Style is what a cell means; a terminal shows it as a colour.
type Style int

// The meanings that have a colour.
const (
	Plain   Style = iota
	Good          // as wanted: green
	Changed       // about to change, or changed: yellow
	Faster        // to be polled more often: cyan
	Slower        // to be polled less often: yellow; cyan and yellow stay apart for the colour-blind
	Bad           // failed, or needs attention: red
	Faint         // beside the point: grey
	Strong        // headers and totals: bold
)

// Shrink says how the texts of a column are made shorter where a terminal is too narrow for all.
type Shrink int

// The ways to make a text shorter.
const (
	Never  Shrink = iota // numbers, intervals, results: the point of a table
	Middle               // names: both ends tell them apart
	End                  // sentences
)

// Column describes one column of a table.
type Column struct {
	Name string
	// Wide columns are shown with -o wide only.
	Wide bool
	// Mute columns say nothing here: they are left out where people read, and kept where scripts may, which count columns.
	Mute bool
	// Right aligns numbers.
	Right bool
	// Key columns name a row; Aging ones change by themselves.
	Key, Aging bool
	// Shrink is what may be done to its texts.
	Shrink Shrink
	// Least is how wide it is at least where there is room: as wide as it was in what is already written.
	Least int
	// Floor is how narrow it may become at least, where the usual is not meant.
	Floor int
	// Spare columns are left out, and named below the table, where shorter texts do not suffice: highest
	// first; 0 always stays.
	Spare int
	// Below columns are told below their rows, in full, where a terminal is too narrow for the whole table: the widest
	// first, and before anything is made shorter. Lead begins such a text, where its header, which is not there, says what it
	// is about.
	Below bool
	Lead  string
}

// Cell is one value, as it is shown.
type Cell struct {
	Text  string
	Style Style
	// Implied says that the rest of the row tells it, too: it is not told again below the row.
	Implied bool
}

// hidden tells whether a layout has no place for a column.
func (c Column) hidden(l Layout) bool {
	return !l.Wide && (c.Wide || c.Mute && l.Width > 0 && !l.NoHeaders)
}

// Printable is the text without control characters: messages come from clusters, and must not be able to
// write to a terminal what they like.
func (c Cell) Printable() string {
	if !strings.ContainsFunc(c.Text, unread) {
		return c.Text
	}
	return strings.Map(func(r rune) rune {
		if unread(r) {
			return -1
		}
		return r
	}, c.Text)
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
	// Wide shows all columns, and cuts nothing.
	Wide bool
	// Whole is what shows all where the width does not; "" is -o wide.
	Whole     string
	NoHeaders bool
	Color     bool
	// Width of the terminal in cells; 0 is none, and cuts nothing.
	Width int
	// Height of the terminal in lines; 0 is none.
	Height int
	// Clip cuts every line at the width, also of wide tables: for pictures that are drawn again.
	Clip bool
	// EastAsian terminals may draw characters of ambiguous width two cells wide: tables have none there.
	EastAsian bool
}

// Hides tells whether a text is higher than the terminal, so that its first lines leave the screen.
func (l Layout) Hides(text []byte) bool {
	return l.Height > 0 && bytes.Count(text, []byte("\n")) > l.Height-1
}

// Gap is the space between columns, as in kubectl's tables.
const Gap = 3

// Draw writes the table: aligned by display width, so that wide characters keep the columns straight. Where
// the terminal is too narrow, columns that may be are told below their rows, then texts are made shorter, the longest
// first, then spare columns are left out. A line below names what is cut and what is left out.
func (t Table) Draw(w io.Writer, l Layout) error {
	lost, err := t.DrawRows(w, l)
	if err != nil {
		return err
	}
	return lost.Name(w, l)
}

// DrawRows is Draw without the line that names what was lost: it gives that.
func (t Table) DrawRows(w io.Writer, l Layout) (Lost, error) {
	a := t.arrange(l)
	out := bufio.NewWriter(w)
	t = t.shortened(a)
	if !l.NoHeaders {
		header := make([]Cell, len(t.Columns))
		for i, c := range t.Columns {
			header[i] = Cell{Text: c.Name, Style: Strong}
		}
		t.line(out, header, a.shown, a.widths, l)
	}
	for _, row := range t.Rows {
		t.line(out, row, a.shown, a.widths, l)
		for _, i := range a.below {
			writeBelow(out, t.Columns[i].Lead, row[i], l)
		}
	}
	return a.lost, out.Flush()
}

// shortened has the names of each column that becomes narrower in their short forms, which tell them apart.
func (t Table) shortened(a arrangement) Table {
	var rows [][]Cell
	for _, i := range a.shown {
		if t.Columns[i].Shrink != Middle {
			continue
		}
		texts := make([]string, len(t.Rows))
		wide := false
		for n, row := range t.Rows {
			texts[n] = row[i].Printable()
			wide = wide || Width(texts[n]) > a.widths[i]
		}
		if !wide {
			continue
		}
		if rows == nil {
			for _, row := range t.Rows {
				rows = append(rows, slices.Clone(row))
			}
		}
		short := Apart(texts, a.widths[i])
		for n := range rows {
			rows[n][i].Text = short[texts[n]]
		}
	}
	if rows != nil {
		t.Rows = rows
	}
	return t
}

// Shown is the table with the texts that a layout has room for: "" where it has none for a column.
func (t Table) Shown(l Layout) Table {
	a := t.arrange(l)
	t = t.shortened(a)
	shown := Table{Columns: t.Columns}
	for _, row := range t.Rows {
		cells := make([]Cell, len(row))
		for _, i := range a.shown {
			cells[i] = Text(t.Columns[i].Shrink.to(row[i].Printable(), a.widths[i]))
		}
		shown.Rows = append(shown.Rows, cells)
	}
	return shown
}

// line writes one row. Spaces wait for the text behind them, so that no line ends in any.
func (t Table) line(out *bufio.Writer, row []Cell, shown, widths []int, l Layout) {
	left, spaces := l.Width, 0
	for _, i := range shown {
		text := t.Columns[i].Shrink.to(row[i].Printable(), widths[i])
		pad := widths[i] - Width(text)
		if t.Columns[i].Right {
			spaces, pad = spaces+pad, 0
		}
		if l.Width > 0 && (l.Clip || !l.Wide && t.Columns[i].Shrink != Never) {
			text = cut(text, left-spaces)
		}
		if text != "" {
			_, _ = out.WriteString(strings.Repeat(" ", spaces) + Paint(text, row[i].Style, l.Color))
			left -= spaces + Width(text)
			spaces = 0
		}
		spaces += pad + Gap
	}
	_ = out.WriteByte('\n')
}

// colorCodes are the colours of the styles: all that Safe lets pass.
var colorCodes = [...]string{Plain: "", Good: "32", Changed: "33", Faster: "36", Slower: "33", Bad: "31", Faint: "90", Strong: "1"}

const resetColor = "\x1b[0m"

// Paint gives each line of a text its style's colour, where colours are wanted.
func Paint(text string, s Style, color bool) string {
	if !color || text == "" || colorCodes[s] == "" {
		return text
	}
	begin := "\x1b[" + colorCodes[s] + "m"
	return begin + strings.ReplaceAll(text, "\n", resetColor+"\n"+begin) + resetColor
}

// Add adds a row by the names of its columns; what is not named stays empty.
func (t *Table) Add(cells map[string]Cell) {
	row := make([]Cell, len(t.Columns))
	for i, c := range t.Columns {
		row[i] = cells[c.Name]
	}
	t.Rows = append(t.Rows, row)
}

// Without is the table without some columns.
func (t Table) Without(names ...string) Table {
	var kept []int
	var less Table
	for i, c := range t.Columns {
		if !slices.Contains(names, c.Name) {
			kept, less.Columns = append(kept, i), append(less.Columns, c)
		}
	}
	for _, row := range t.Rows {
		cells := make([]Cell, 0, len(kept))
		for _, i := range kept {
			cells = append(cells, row[i])
		}
		less.Rows = append(less.Rows, cells)
	}
	return less
}
