package terminal

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
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
	// Right aligns numbers.
	Right bool
	// Key columns name a row; Aging ones change by themselves.
	Key, Aging bool
	// Shrink is what may be done to its texts.
	Shrink Shrink
	// Floor is how narrow it may become at least, where the usual is not meant.
	Floor int
	// Spare columns are left out, and named below the table, where shorter texts do not suffice: highest
	// first; 0 always stays.
	Spare int
}

// Cell is one value, as it is shown.
type Cell struct {
	Text  string
	Style Style
}

// Printable is the text without control characters: messages come from clusters, and must not be able to
// write to a terminal what they like.
func (c Cell) Printable() string {
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
	// Wide shows all columns, and cuts nothing.
	Wide      bool
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

// Gap is the space between columns, as in kubectl's tables.
const Gap = 3

// Draw writes the table: aligned by display width, so that wide characters keep the columns straight. Where
// the terminal is too narrow, texts are made shorter, the longest first, then spare columns are left out and named
// in a line below.
func (t Table) Draw(w io.Writer, l Layout) error {
	hidden, err := t.DrawRows(w, l)
	if err != nil {
		return err
	}
	return NameHidden(w, hidden, l)
}

// DrawRows is Draw without the line that names the columns that were left out: it gives them.
func (t Table) DrawRows(w io.Writer, l Layout) (hidden []string, err error) {
	shown, widths, hidden := t.fit(l)
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
	return hidden, out.Flush()
}

// NameHidden says which columns a terminal is too narrow for; nothing where there are none.
func NameHidden(w io.Writer, hidden []string, l Layout) error {
	if len(hidden) == 0 || l.NoHeaders {
		return nil
	}
	text := Wrap(fmt.Sprintf("Not shown at this width: %s. -o wide shows all.", strings.Join(hidden, ", ")), l.Width)
	_, err := fmt.Fprintln(w, Paint(text, Faint, l.Color))
	return err
}

// Cuts tells whether the terminal is too narrow for all of the table.
func (t Table) Cuts(l Layout) bool {
	if l.Width <= 0 || l.Wide {
		return false
	}
	shown := t.shown(l)
	sum := -Gap
	for _, width := range t.widths(shown, l) {
		sum += width
	}
	return sum+Gap*len(shown) > l.Width
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

// How far texts are made shorter: at first so far that they are pleasant to read, and where that is not enough,
// as far as they say something at all.
var (
	pleasant = map[Shrink]int{Middle: 20, End: 32}
	least    = map[Shrink]int{Middle: 8, End: 12}
)

// fit chooses columns and their widths for a terminal.
func (t Table) fit(l Layout) (shown, widths []int, hidden []string) {
	shown = t.shown(l)
	full := t.widths(shown, l)
	if l.Width <= 0 || l.Wide {
		return shown, full, nil
	}
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
	widths, _ = t.shrink(shown, full, l, least)
	return shown, widths, hidden
}

// shrink makes the widest of the columns that may be narrower, and wider than a floor, narrower until all fit.
func (t Table) shrink(shown, full []int, l Layout, floors map[Shrink]int) (widths []int, fits bool) {
	widths = slices.Clone(full)
	sum := -Gap
	for _, i := range shown {
		sum += widths[i] + Gap
	}
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
		if !l.NoHeaders {
			widths[i] = Width(t.Columns[i].Name)
		}
		for _, row := range t.Rows {
			widths[i] = max(widths[i], Width(row[i].Printable()))
		}
	}
	return widths
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

// Paint gives text its style's colour, where colours are wanted.
func Paint(text string, s Style, color bool) string {
	codes := [...]string{Plain: "", Good: "32", Changed: "33", Faster: "36", Slower: "33", Bad: "31", Faint: "90", Strong: "1"}
	if !color || text == "" || codes[s] == "" {
		return text
	}
	return "\x1b[" + codes[s] + "m" + text + "\x1b[0m"
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
