package cmd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// question asks for leave to change objects, and the rules of the Kustomizations that apply them. It says what one agrees
// to: how many in production, how many will be looked at more and less often, where, and how long that takes.
func (o WriteOptions) question(v report.Overview, objects int, rules []tune.Pin) string {
	rules = slices.DeleteFunc(slices.Clone(rules), func(p tune.Pin) bool { return !p.ChangesRules() })
	repins, kept := 0, report.NewKept(v.Plan.Items)
	for _, item := range v.Plan.Items {
		if item.Repins() {
			repins++
		}
	}
	if objects -= repins; objects == 0 && repins > 0 {
		return fmt.Sprintf("Write the rules for %s again in spec.ignore of %s%s?", plural(repins, "object"), owners(rules), o.onCluster())
	}
	keeping := o.keeping(kept, objects)
	if objects -= kept.Only; objects == 0 && kept.Only > 0 {
		also := ""
		if len(rules) > 0 {
			also = ", and change spec.ignore of " + owners(rules)
		}
		return strings.ToUpper(keeping[:1]) + keeping[1:] + also + o.onCluster() + "?"
	}
	also := ""
	if keeping != "" {
		also = ", and " + keeping
	}
	if len(rules) > 0 {
		also = " and spec.ignore of " + owners(rules) + also
	}
	var what []string
	impact := report.NewImpact(v.Plan.Items)
	if e, known := o.Policy.Lookup("production"); known && objects > 0 {
		what = append(what, fmt.Sprintf("%d in %s", impact.Environments[e.Name], e.Name))
	}
	if impact.Faster > 0 {
		what = append(what, fmt.Sprintf("%d faster", impact.Faster))
	}
	if impact.Slower > 0 {
		what = append(what, fmt.Sprintf("%d slower", impact.Slower))
	}
	details := strings.Join(what, ", ")
	if undone := report.NewUndone(v.Plan.Items).Clause(); undone != "" {
		details = strings.TrimPrefix(details+"; "+undone, "; ")
	}
	if details != "" {
		details = " (" + details + ")"
	}
	takes := inAbout(v.Calm.Duration)
	if slices.ContainsFunc(rules, tune.Pin.Awaited) {
		takes += fmt.Sprintf(" once the rules are noticed (%s at most)", flux.FormatDuration(o.WaitTimeout))
	}
	return fmt.Sprintf("Change %s%s%s%s%s?", plural(objects, "object"), details, also, o.onCluster(), takes)
}

// inAbout says how long changes take; "" where that is no time.
func inAbout(takes time.Duration) string {
	if takes == 0 {
		return ""
	}
	return fmt.Sprintf(", in about %s", flux.FormatDuration(max(time.Second, takes.Round(time.Second))))
}

// keeping says what one agrees to of values that other sessions have set for a while; "" where nothing is kept.
func (o WriteOptions) keeping(kept report.Kept, objects int) string {
	if kept.Objects == 0 {
		return ""
	}
	much, many, in := "", plural(kept.Objects, "object"), ""
	if !o.ends {
		much = "for good "
	}
	if objects > kept.Only {
		many = fmt.Sprint(kept.Objects)
	}
	if e, known := o.Policy.Lookup("production"); known {
		in = fmt.Sprintf(" (%d in %s)", kept.Environments[e.Name], e.Name)
	}
	return fmt.Sprintf("keep %sthe values of %s that %s would take back%s", much, many, kept.Lenders(), in)
}

// owners names the owners of rules, where they are few.
func owners(rules []tune.Pin) string {
	var names []string
	for _, p := range rules {
		names = append(names, p.Owner.Namespace+"/"+p.Owner.Name)
	}
	if len(names) > 3 {
		return plural(len(names), "Kustomization")
	}
	if len(names) == 1 {
		return "Kustomization " + names[0]
	}
	return "Kustomizations " + strings.Join(names, ", ")
}

// confirm asks whether to go on, where there is something to change.
func (o WriteOptions) confirm(ctx context.Context, question string, changes int) error {
	if !o.asks() || changes == 0 {
		return nil
	}
	if o.root.Forget != nil {
		o.root.Forget() // what was typed before is no answer to this
	}
	_, _ = fmt.Fprint(o.root.ErrOut, withAnswer(question))
	answer, err := readLine(ctx, o.root.In)
	if err != nil {
		_, _ = fmt.Fprintln(o.root.ErrOut)
		return codeError{exitInterrupted, errors.New("interrupted: nothing was changed")}
	}
	o.root.answered(answer)
	if a := strings.ToLower(strings.TrimSpace(answer)); a != "y" && a != "yes" {
		return errors.New("not confirmed: nothing was changed")
	}
	return nil
}

// asks tells whether somebody is asked before anything is changed.
func (o WriteOptions) asks() bool { return !o.Yes && o.DryRun == dryRunNone }

// answered begins a line behind an answer. The terminal ended that of the question where return was typed, which the edge that
// breaks lines has not seen; Ctrl-D ends none, and no file sees the return.
func (r *root) answered(answer string) {
	if r.StderrTerminal && strings.HasSuffix(answer, "\n") {
		_, _ = fmt.Fprint(terminal.Raw(r.ErrOut), "\r")
		return
	}
	_, _ = fmt.Fprintln(r.ErrOut)
}

// rowsAsked is how many rows of a terminal a question takes that is asked below a plan.
func (o WriteOptions) rowsAsked(question string, changes int) int {
	width := o.printer.layout.Width
	if !o.asks() || changes == 0 || width <= 0 {
		return 0
	}
	rows := 0
	for _, line := range strings.Split(terminal.WrapMessage(withAnswer(question)+"y", width), "\n") { // with the cell that is typed in
		rows += max(1, (terminal.Width(line)+width-1)/width) // a word may be longer
	}
	return rows
}

// rowsBelow is how many rows of a terminal what comes of changes takes, below a plan that nobody is asked about: a blank one, and the
// summary.
func (o WriteOptions) rowsBelow(changes int) int {
	if o.asks() || changes == 0 || o.printer.layout.Width <= 0 {
		return 0
	}
	return 3
}

func withAnswer(question string) string { return question + " [y/N] " }

// readLine reads a line, or ends when ctx does.
func readLine(ctx context.Context, in io.Reader) (string, error) {
	line := make(chan string, 1)
	go func() {
		s, _ := bufio.NewReader(in).ReadString('\n')
		line <- s
	}()
	select {
	case s := <-line:
		return s, nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// onCluster names the cluster that would change, and which of several it is.
func (o WriteOptions) onCluster() string { return o.root.onCluster() + o.together.nth() }

// onCluster names the cluster that would change, in full: what a short form leaves out may be the account.
func (r *root) onCluster() string {
	raw, err := r.config.ToRawKubeConfigLoader().RawConfig()
	if err != nil {
		return ""
	}
	name := raw.CurrentContext
	if r.config.Context != nil && *r.config.Context != "" {
		name = *r.config.Context
	}
	if name == "" {
		return ""
	}
	return fmt.Sprintf(" in context %q", name)
}
