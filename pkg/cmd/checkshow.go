package cmd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/check"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

func (o CheckOptions) show(document report.BranchCheck) error {
	out := o.root.Out
	switch o.printer.format {
	case formatMarkdown:
		_, err := fmt.Fprint(out, document.Markdown(o.all))
		return err
	case formatSARIF:
		return writeJSON(out, document.SARIF(o.root.build.complete().Version), "  ")
	}
	return o.printer.print(document, nil, func(l report.Layout) error {
		var all bytes.Buffer
		out := io.MultiWriter(o.root.Out, &all)
		if headline := document.Headline(); headline != "" {
			_, _ = fmt.Fprintln(out, terminal.Printable(headline))
		}
		for _, line := range document.GapLines() {
			_, _ = fmt.Fprintln(out, report.Paint(terminal.WrapLine(terminal.Printable(line), l.Width), report.Bad, l.Color))
		}
		for _, line := range document.StayLines() {
			_, _ = fmt.Fprintln(out, terminal.WrapLine(terminal.Printable(line), l.Width))
		}
		var lost terminal.Lost
		for _, section := range document.Sections() {
			_, _ = fmt.Fprintf(out, "\n%s:\n", section.Title)
			of, err := section.Table.DrawRows(out, l)
			if err != nil {
				return err
			}
			lost = lost.And(of)
		}
		if what := lost.String(); what != "" {
			_, _ = fmt.Fprintln(o.root.ErrOut, terminal.WrapLine(what+" A pipe shows all.", l.Width))
		}
		found := document.Shown(o.all)
		if document.Base != nil {
			_, _ = fmt.Fprintln(out)
		}
		for _, f := range found {
			_, _ = fmt.Fprintln(out, report.Paint(terminal.Printable(f.Text()), f.Style(), l.Color))
		}
		if len(found) > 0 {
			_, _ = fmt.Fprintln(out)
		}
		if _, err := fmt.Fprintln(out, document.FindingsLine(o.all)); err != nil {
			return err
		}
		if headline := document.Headline(); headline != "" && l.Hides(all.Bytes()) { // it has left the screen
			_, err := fmt.Fprintln(out, terminal.WrapLine(terminal.Printable(headline), l.Width))
			return err
		}
		return nil
	})
}

// checkedHosts are the hosts that are polled before or after.
func checkedHosts(c check.Check) []string {
	var names []string
	for _, h := range c.Hosts {
		names = append(names, h.Host)
	}
	return names
}

// verdict is what the exit code says: that a host gets too much, that something could not be read, or that something
// new is wrong.
func (o CheckOptions) verdict(c check.Check, document report.BranchCheck, unread error) error {
	if o.FailAbove > 0 && len(c.Hosts) > 0 {
		if mistyped := unpolled(o.Limits, checkedHosts(c)); mistyped != "" {
			return errors.New(mistyped)
		}
		used, host, found := c.Used()
		if !found {
			return fmt.Errorf("--fail-above: none of the hosts has a limit: give one (--limit %s)", terminal.Quoted(c.Hosts[0].Host+"=5000/h"))
		}
		if used > o.FailAbove {
			return codeError{exitOverBudget, fmt.Errorf("%s would get %s requests/h, %s%% of its limit of %s/h: more than --fail-above %g%%%s",
				host.Host, report.Rate(host.Requests.After), percentAbove(used, o.FailAbove), report.Rate(host.Limit.PerHour), o.FailAbove, o.ofScope())}
		}
	}
	if unread != nil {
		return unread
	}
	if o.exitCode && document.Summary.Errors+document.Summary.Warnings > 0 {
		return silentError{exitChanges}
	}
	return nil
}

// unassigned says of which clusters no object has an environment, so that no policy was applied: else it looks as if all were well.
// "" where there is none.
func unassigned(side check.Side) string {
	without := func(item tune.Item) bool { return item.Assignment.Environment == "" }
	objects, named := 0, []string(nil)
	for _, cluster := range side.Clusters {
		items := cluster.Plan.Items
		if len(items) > 0 && !slices.ContainsFunc(items, func(item tune.Item) bool { return !without(item) }) {
			objects += len(items)
			named = append(named, cluster.Name)
		}
	}
	if objects == 0 {
		return ""
	}
	where, remedy := "", "check the whole checkout, name the cluster with --root, or use --default-env"
	if len(named) < len(side.Clusters) {
		where, remedy = " of "+some(named), "their names tell it in spec.clusters of a policy"
	}
	return fmt.Sprintf("none of %s%s has an environment, so that no policy was applied: %s", plural(objects, "object"), where, remedy)
}

// some are the first of some names, and how many more there are.
func some(names []string) string {
	const most = 3
	if len(names) > most+1 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}
