package report

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/fit"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// Overview is a plan as one decides about it: what changes, what that costs and buys, how long it takes, and what is
// left alone.
type Overview struct {
	// Title begins it: "Policy fast", "Revert".
	Title  string
	Plan   tune.Plan
	Budget budget.Budget
	Calm   tune.Calm
	// Pace of the changes per second; 0 is no limit.
	Pace float64
	// Environments in the order of the policy.
	Environments []string
	// Missing is what could not be read.
	Missing []Missing
	// Together says that what the budget says of hosts is of all clusters, where the plan is for one of them; what it says of
	// environments is of that one.
	Together bool
	// Where was looked: "in context \"prod\""; "" does not say.
	Where string
	// Unasked is what was not asked for and may poll the same hosts, in the plural: "other kinds"; "" does not say.
	Unasked string
	// Alone says that of all clusters one alone was fitted, of which nobody knows whether it is the only one.
	Alone bool
	// Above is how many lines were written above it, or are to be below it, that should stay in sight.
	Above int
	// Ahead is what hosts get once all clusters are changed of which one after the other is; nil where one alone is.
	Ahead *budget.Budget
	// Fitting is what fitted intervals come to; nil where none were fitted.
	Fitting *fit.Fitting
	// Stay says of a revert what it leaves as it is, and what takes that back.
	Stay []string
	// Next is what to run next, the most urgent first.
	Next []string
	// Rows tells that a row for each object is shown above: then it need not fit a screen, and says everything.
	Rows bool
	// Patches says that what something else sets is changed all the same: then that is no remedy.
	Patches bool
	// Files says that the plan is for the files of a checkout, and asks no cluster.
	Files bool
}

// screen is how many lines the smallest terminal has that an overview is made for, without the line that is typed on.
const screen = 23

// Draw writes the overview. On a terminal it takes as many lines as that has, 23 at least, whatever the number of
// objects; elsewhere it says everything.
func (o Overview) Draw(w io.Writer, l Layout) error {
	notes, groups := o.parts(l)
	if _, err := fmt.Fprintln(w, o.title(l)); err != nil {
		return err
	}
	if len(groups) > 0 {
		if _, err := fmt.Fprintln(w); err != nil {
			return err
		}
		if err := o.table(groups, l).Draw(w, l); err != nil {
			return err
		}
	}
	if len(notes) == 0 {
		return nil
	}
	_, err := fmt.Fprintf(w, "\n%s\n", strings.Join(notes, "\n"))
	return err
}

// parts are the groups and the notes below them. What changes comes first: where the groups have no room, less is said
// below them, and only then are groups taken together. What the policy says of itself goes before others lose words. What that comes to
// is drawn to see whether it fits: how many lines each part takes depends on the width.
func (o Overview) parts(l Layout) (notes []string, groups []ChangeGroup) {
	if l.Width == 0 || l.Wide || o.Rows {
		return o.notes(l, unlimited), o.unlike(gather(o.Plan.Items, o.Environments, exact), l)
	}
	all := newGrouping(o.Plan.Items, o.Environments)
	all = grouping{o.unlike(all.exact, l), o.unlike(all.ranges, l)}
	byEnvironment(all.exact, o.Environments)
	byEnvironment(all.ranges, o.Environments)
	height := max(screen, l.Height-1)
	height -= min(o.Above, height-leastHeight)
	limits := limitsFor(height, len(o.remarks()))
	limits.hosts = max(limits.hosts, o.fittedHosts())
	for {
		notes = o.notes(l, limits)
		room := height - lineCount(o.title(l)) - len(notes) - blankLines
		fit := func(groups []ChangeGroup) bool { return tableLines(groups, l) <= room }
		groups = all.until(fit)
		if fit(groups) && len(groups) == len(all.exact) || !limits.less(fit(groups) && len(groups) >= fewestGroups) {
			return notes, o.unlike(groups, l)
		}
	}
}

// leastHeight is how many lines an overview has at least, whatever stands above it: of very many warnings the first leave the
// screen, and what is decided about does not.
const leastHeight = 20

// blankLines are those before the groups and behind them.
const blankLines = 2

// tableLines is how many lines groups take with their header, and what is said of columns that are not shown.
func tableLines(groups []ChangeGroup, l Layout) int {
	if len(groups) == 0 {
		return -1 // nor is there a blank line before them
	}
	var out bytes.Buffer
	_ = groupTable(groups, l).Draw(&out, l) // a buffer does not fail
	return bytes.Count(out.Bytes(), []byte("\n"))
}

func lineCount(text string) int { return strings.Count(text, "\n") + 1 }

func (o Overview) title(l Layout) string {
	c := tune.Summarize(o.Plan, o.Environments).Counts
	where := ""
	if o.Where != "" {
		where = " " + o.Where
	}
	changes := fmt.Sprintf("%d to change", c.Change)
	if keeps := NewKept(o.Plan.Items).Only; keeps > 0 {
		changes = fmt.Sprintf("%d to change, %d to keep", c.Change-keeps, keeps)
	}
	counts := fmt.Sprintf("%s%s: %s, %d as the policy wants, %d left alone", count(c.Objects, "object"), where, changes, c.Unchanged, c.Skip)
	if o.Plan.Policy == "" {
		counts = fmt.Sprintf("%s%s: %d to restore, %d left alone", count(c.Objects, "object"), where, c.Change, c.Skip)
		if c.Unchanged > 0 {
			counts += fmt.Sprintf(", %d as a later session set %s", c.Unchanged, itOrThem(c.Unchanged))
		}
	}
	return terminal.WrapLine(fmt.Sprintf("%s, %s.", o.Title, counts), l.Width)
}

// notes are the labelled lines below the groups, broken at the terminal's width.
func (o Overview) notes(l Layout, limits limits) []string {
	var all, kept []labelledTexts
	var dropped []string
	for _, n := range o.labels(l, limits) {
		if len(n.texts) > 0 {
			all = append(all, n)
		}
	}
	for i, n := range all {
		if limits.labels == 0 || i < limits.labels || n.label == nextLabel || n.label == fitLabel {
			kept = append(kept, n)
		} else {
			dropped = append(dropped, n.label)
		}
	}
	if len(dropped) > 0 {
		more := labelledTexts{"More", []string{strings.Join(dropped, ", ") + ": --rows"}}
		if kept[len(kept)-1].label == nextLabel {
			kept = slices.Insert(kept, len(kept)-1, more)
		} else {
			kept = append(kept, more)
		}
	}
	var lines []string
	for _, n := range kept {
		most := limits.lines
		if slices.Contains([]string{nextLabel, noteLabel, latencyLabel, fitLabel}, n.label) {
			most = 0 // a command is whole, and the others say less where there is little room
		}
		lines = append(lines, labelled(n.label, n.texts, l.Width, most)...)
	}
	return lines
}

// Of the labels so many can have texts, and so many keep them however little room there is: what was not read, what is undone
// and what it costs come first.
const (
	mostLabels  = 11
	leastLabels = 2
)

// labelledTexts are lines under one label.
type labelledTexts struct {
	label string
	texts []string
}

func (o Overview) labels(l Layout, limits limits) []labelledTexts {
	return []labelledTexts{
		{notReadLabel, NotRead(o.Missing, l)},
		{"Undone", append(NewUndone(o.Plan.Items).lines(limits.named), undoneBefore(o.Plan.Items).before(limits.named)...)},
		{"Costs", o.costs(l, limits)},
		{latencyLabel, o.buys(limits)},
		{fitLabel, o.fit(limits)},
		{"Takes", o.takes(limits)},
		{"Pins", o.pins(limits)},
		{"Stay", few(slices.Concat(o.Stay, NewKept(o.Plan.Items).lines()), limits.stay(), "more sessions' objects stay")},
		{"Left alone", o.leftAlone(l, limits)},
		{noteLabel, o.noteLines(l, limits)},
		{nextLabel, o.Next},
	}
}

const (
	notReadLabel = "Not read"
	noteLabel    = "Note"
	latencyLabel = "Latency"
	fitLabel     = "Fit" // what is decided: it never gives way
)

// nextLabel is that of commands, which people paste.
const nextLabel = "Next"

// labelWidth is that of the longest label and the space behind it.
const labelWidth = len("Left alone") + 3

// labelled writes texts beside a label, broken at the width (0: none), what was broken further in. Of each text there are so
// many lines at most (0: any number). Commands are broken as a shell takes them.
func labelled(label string, texts []string, width, most int) []string {
	var lines []string
	room := 0
	if width > 0 {
		room = max(20, width-labelWidth)
	}
	wrap := terminal.WrapLine
	if label == nextLabel {
		wrap = terminal.WrapCommand
	}
	for _, text := range texts {
		words := strings.TrimLeft(text, " ")
		in := text[:len(text)-len(words)] // a detail of the text before
		broken := wrap(words, max(0, room-len(in)))
		if strings.Contains(broken, "\n") {
			broken = wrap(words, room-len(in)-2) // what is broken goes on further in
		}
		parts := strings.Split(broken, "\n")
		if most > 0 && len(parts) > most {
			parts = parts[:most]
			parts[most-1] = terminal.Clip(parts[most-1]+" …", room-len(in)-2)
		}
		for i, line := range parts {
			line = in + line
			if i > 0 {
				line = "  " + line
			}
			lines = append(lines, strings.TrimRight(fmt.Sprintf("%-*s%s", labelWidth, label, line), " "))
			label = ""
		}
	}
	return lines
}

// prefixed is a text behind a prefix; nothing where there is no text.
func prefixed(prefix, text string) []string {
	if text == "" {
		return nil
	}
	return []string{prefix + text}
}

// takes say how long the changes take, and what may be not ready meanwhile.
func (o Overview) takes(limits limits) []string {
	if o.Calm.Steps == 0 { // files take no time
		return nil
	}
	line := "about " + takes(o.Calm)
	if o.Pace > 0 {
		line += fmt.Sprintf(" at %g changes a second", o.Pace)
	}
	if slices.ContainsFunc(o.Plan.Pins, tune.Pin.Awaited) {
		line += ", once the owners have noticed their rules"
	}
	if o.Calm.Steps > 1 {
		line += "; dependents first, and what they depend on when they are ready again"
	}
	lines := append([]string{line}, optional(fetchLine(o.Calm, limits.hosts))...)
	lines = append(lines, optional(buildLine(o.Calm))...)
	disturbed := o.Calm.Disturbed
	switch {
	case len(disturbed) == 0:
		return lines
	case limits.lines == 1:
		return append(lines, fmt.Sprintf("%s may be not ready for %s (--rows names them)", count(len(disturbed), "object"), awhile(disturbed, "")))
	}
	lines = append(lines, fmt.Sprintf("%s may be not ready for %s, and cannot be spared:", count(len(disturbed), "object"), awhile(disturbed, " (Flux tries again after 30s)")))
	for i, d := range disturbed {
		if limits.named > 0 && i == limits.named {
			lines = append(lines, fmt.Sprintf("and %d more (--rows names them)", len(disturbed)-i))
			break
		}
		lines = append(lines, fmt.Sprintf("%s, which depends on %s: %s", flux.InCluster(d.Cluster, d.Object.String()), d.On, d.Why))
	}
	return lines
}

// awhile says how long objects may be not ready: mostly only until Flux tries again, which soon says.
func awhile(disturbed []tune.Disturbance, soon string) string {
	longest := time.Duration(0)
	for _, d := range disturbed {
		longest = max(longest, d.Again)
	}
	if longest <= 30*time.Second {
		return "a while" + soon
	}
	return "up to " + flux.FormatDuration(longest)
}
