package terminal

import (
	"bytes"
	"strings"
)

// RowLine is a row of a table as it is drawn, for output that grows by the rows that changed.
type RowLine struct {
	// Key tells rows apart, Content tells whether one has changed; Text is the line.
	Key, Content, Text string
}

// Keep has columns be at least as wide as those of the same names were before, in cells, and notes how wide they are now. They
// are as wide as with headers, so that all lines of a stream have the same widths.
func (t Table) Keep(widths map[string]int) {
	for i, width := range t.widths(t.shown(Layout{Wide: true}), Layout{}) {
		c := &t.Columns[i]
		c.Least = max(width, widths[c.Name])
		widths[c.Name] = c.Least
	}
}

// RowLines draws a table and gives each of its rows. Columns that age change by themselves, so they are not
// content.
func (t Table) RowLines(layout Layout) ([]RowLine, error) {
	layout.NoHeaders = false // drawn with headers, so that all lines of a table have its widths
	var buffer bytes.Buffer
	if err := t.Draw(&buffer, layout); err != nil {
		return nil, err
	}
	lines := strings.Split(buffer.String(), "\n")
	rows := make([]RowLine, len(t.Rows))
	for i, row := range t.Rows {
		rows[i].Text = lines[i+1]
		for n, c := range t.Columns {
			switch {
			case c.Key:
				rows[i].Key += row[n].Text + "\x00"
			case !c.Aging && !c.hidden(layout):
				rows[i].Content += row[n].Text + "\x00"
			}
		}
	}
	return rows, nil
}
