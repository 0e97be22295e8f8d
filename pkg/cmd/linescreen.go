package cmd

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

// lineScreen prints the table once, and then each row that changes, as kubectl get --watch does. Where columns come or go,
// such as CPU when metrics are served again, the whole table follows: rows belong to the header above them.
type lineScreen struct {
	out, errOut io.Writer
	layout      report.Layout
	shown       map[string]string
	gaps        []string
	leaves      leftOut
	columns     []string // of the header; nil before the first
	widths      map[string]int
}

// rowsView is what is shown row by row.
type rowsView interface {
	Gaps() []string
	// Removed tells of the key of a row that is not there any more whether what it was of is gone.
	Removed(key string) bool
	Table(now time.Time, layout report.Layout) report.Table
}

func (s *lineScreen) show(view nodesView, same []string, now time.Time) error {
	s.leaves.say(s.errOut, same)
	return s.rows(view, now)
}

func (s *lineScreen) rows(view rowsView, now time.Time) error {
	s.tellGaps(view.Gaps())
	table := view.Table(now, s.layout)
	if s.widths == nil {
		s.widths = map[string]int{}
	}
	table.Keep(s.widths)
	rows, err := table.RowLines(s.layout)
	if err != nil {
		return err
	}
	columns := make([]string, len(table.Columns))
	for i, c := range table.Columns {
		columns[i] = c.Name
	}
	anew := !slices.Equal(columns, s.columns)
	if s.columns = columns; anew {
		err = table.Draw(s.out, s.layout)
	}
	seen := make(map[string]bool, len(rows))
	for _, row := range rows {
		seen[row.Key] = true
		if content, known := s.shown[row.Key]; known && content == row.Content {
			continue
		}
		s.shown[row.Key] = row.Content
		if !anew && err == nil {
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
		why := "not shown any more"
		if view.Removed(key) {
			why = "removed"
		}
		_, _ = fmt.Fprintf(s.out, "%s   (%s)\n", strings.TrimRight(strings.ReplaceAll(key, "\x00", "   "), " "), why)
	}
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
		_, _ = fmt.Fprintln(s.errOut, "Nothing is missing any more.")
	}
}
