package report

import "github.com/fluxtune/kubectl-fluxtune/pkg/terminal"

// What tables are made of.
type (
	Table  = terminal.Table
	Column = terminal.Column
	Cell   = terminal.Cell
	Style  = terminal.Style
	Layout = terminal.Layout
	// RowLine is a row as it is drawn.
	RowLine = terminal.RowLine
)

// The meanings of cells.
const (
	Plain   = terminal.Plain
	Good    = terminal.Good
	Changed = terminal.Changed
	Bad     = terminal.Bad
	Faint   = terminal.Faint
	Strong  = terminal.Strong
)

// Text makes a plain cell.
func Text(s string) Cell { return terminal.Text(s) }

// Paint gives text its style's colour, where colours are wanted.
func Paint(text string, s Style, color bool) string { return terminal.Paint(text, s, color) }

// Clip shortens text to a width at its end; 0 does not.
func Clip(text string, width int) string { return terminal.Clip(text, width) }
