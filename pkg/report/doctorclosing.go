package report

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
)

// Diagnosed is how one of several clusters was found.
type Diagnosed struct {
	Diagnosis
	// Err is why it could not be looked at, and Skipped that the run was ended before.
	Err     string
	Skipped bool
}

// DiagnosisList is what doctor shows of several clusters.
type DiagnosisList struct {
	Head
	// Items are the clusters that could be looked at, in the order in which they were named.
	Items   []Diagnosis `json:"items"`
	Missing []Missing   `json:"missing,omitempty"`
}

// List is the document of what was found; a cluster that could not be looked at is missing in it.
func (c Closing) List() DiagnosisList {
	list := DiagnosisList{Head: Head{APIVersion: APIVersion, Kind: "DiagnosisList"}, Items: []Diagnosis{}}
	for _, d := range c {
		switch {
		case d.Skipped:
			list.Missing = append(list.Missing, Missing{d.Cluster, "the cluster", "interrupted"})
		case d.Err != "":
			list.Missing = append(list.Missing, Missing{d.Cluster, "the cluster", d.Err})
		default:
			list.Items = append(list.Items, d.Diagnosis)
		}
	}
	return list
}

// Closing are the lines that end what doctor says of several clusters: those that need something, the worst first.
type Closing []Diagnosed

// The order of what clusters need: what is not known, what does not work, what should have ended, what works less well.
const (
	needUnread = iota
	needSkipped
	needFailed
	needOverdue
	needWarned
	needNothing
)

// need is how urgent a check is.
func (c Check) need() int {
	switch {
	case c.Status == CheckFailed:
		return needFailed
	case c.Status == CheckWarning && c.Name == sessionsCheck:
		return needOverdue
	case c.Status == CheckWarning:
		return needWarned
	default:
		return needNothing
	}
}

// need is how urgent a cluster is, says what is worst, and names the other checks that want something.
func (d Diagnosed) need() (need int, worst string, also []string) {
	switch {
	case d.Skipped:
		return needSkipped, "not looked at: interrupted", nil
	case d.Err != "":
		return needUnread, "not read: " + d.Err, nil
	}
	needs := slices.DeleteFunc(slices.Clone(d.Checks), func(c Check) bool { return c.need() == needNothing })
	if len(needs) == 0 {
		return needNothing, "", nil
	}
	sorting.By(needs, func(a, b Check) int { return cmp.Compare(a.need(), b.need()) })
	for _, c := range needs[1:] {
		if c.Name != needs[0].Name && !slices.Contains(also, c.Name) {
			also = append(also, c.Name)
		}
	}
	return needs[0].need(), needs[0].Name + ": " + needs[0].Message, also
}

// DrawLines writes the lines for a policy that are proposed for all clusters together, since one file has them; nothing where there are none.
func (c Closing) DrawLines(w io.Writer, l Layout) {
	var all []Proposal
	var one Diagnosis
	for _, d := range c {
		if len(d.PolicyLines) > 0 {
			all, one = append(all, *d.Environments), d.Diagnosis
		}
	}
	if len(all) == 0 {
		return
	}
	p := merged(all)
	one.Environments, one.PolicyLines = &p, p.Lines()
	one.drawLines(w, l)
}

// WithoutLines has the lines for a policy shown elsewhere: see DrawLines.
func (d Diagnosis) WithoutLines() Diagnosis {
	d.PolicyLines = nil
	return d
}

// mostClosing is how many clusters are named: the lines are to be seen at once, below what else a terminal shows last.
const mostClosing = 12

// Draw writes a line for each cluster that needs something, and below how many others there are.
func (c Closing) Draw(w io.Writer, l Layout) error {
	type line struct {
		need                 int
		others               int // things that it needs as well
		cluster, worst, also string
	}
	var lines []line
	for _, d := range c {
		if need, worst, also := d.need(); need != needNothing {
			lines = append(lines, line{need, len(also), d.Cluster, worst, strings.Join(also, "; ")})
		}
	}
	sorting.By(lines, func(a, b line) int {
		return cmp.Or(cmp.Compare(a.need, b.need), cmp.Compare(b.others, a.others))
	})
	table := Table{Columns: []Column{{Name: "CLUSTER", Shrink: terminal.Middle}, {Name: "NEEDS", Shrink: terminal.End}, {Name: "ALSO", Shrink: terminal.End}}}
	for _, line := range lines[:min(len(lines), mostClosing)] {
		style := Changed
		if line.need < needOverdue {
			style = Bad
		}
		table.Rows = append(table.Rows, []Cell{{Text: line.cluster, Style: Strong}, {Text: line.worst, Style: style}, Text(line.also)})
	}
	if !slices.ContainsFunc(table.Rows, func(row []Cell) bool { return row[2].Text != "" }) {
		table = table.Without("ALSO")
	}
	if len(table.Rows) > 0 {
		if err := table.Draw(w, l); err != nil {
			return err
		}
	}
	var rest []string
	if n := len(lines) - len(table.Rows); n > 0 {
		rest = append(rest, count(n, "more cluster")+" with less")
	}
	if n := len(c) - len(lines); n > 0 {
		rest = append(rest, "nothing to do in "+count(n, "cluster"))
	}
	if len(rest) == 0 {
		return nil
	}
	text := strings.Join(rest, "; ") + "."
	_, err := fmt.Fprintln(w, strings.ToUpper(text[:1])+text[1:])
	return err
}
