package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
	"github.com/fluxtune/kubectl-fluxtune/pkg/webhook"
)

// NewReceiverList reports a coverage. Plan is the command that plans for the objects of a namespace: "kubectl fluxtune
// plan"; environment is that for objects which have none. It is an error where a manifest cannot be written.
func NewReceiverList(c webhook.Coverage, r *policy.Resolver, gaps []flux.Gap, plan, environment string) (ReceiverList, error) {
	list := ReceiverList{
		Head: Head{APIVersion, "ReceiverList"}, Items: []ReceiverSource{}, Receivers: []ReceiverState{}, Proposals: []ReceiverProposal{},
		Plans:      relaxing(c.Sources, func(s webhook.Source) bool { return s.Relax }, r, plan, environment),
		PlansLater: relaxing(c.Sources, func(s webhook.Source) bool { return s.RelaxLater }, r, plan, environment), Missing: missing(gaps),
	}
	for _, s := range c.Sources {
		list.Items = append(list.Items, newReceiverSource(s, r.Resolve(s.Object).Environment))
		list.Summary.add(s)
	}
	for _, r := range c.Receivers {
		list.Receivers = append(list.Receivers, newReceiverState(r))
		list.Summary.Problems += len(r.Problems)
	}
	for _, p := range c.Proposals {
		proposal, err := newReceiverProposal(p)
		if err != nil {
			return list, err
		}
		list.Proposals = append(list.Proposals, proposal)
	}
	return list, nil
}

func (s *ReceiverSummary) add(source webhook.Source) {
	s.Sources++
	switch source.State {
	case webhook.Covered:
		s.Covered++
	case webhook.Broken:
		s.Broken++
	case webhook.Uncovered:
		s.Uncovered++
	case webhook.Nothing:
		s.Nothing++
	case webhook.Unknown:
		s.Unknown++
	}
	if source.Suspect {
		s.Suspect++
	}
}

func newReceiverSource(s webhook.Source, environment string) ReceiverSource {
	r := ReceiverSource{
		Ref: NewRef(s.Object), Environment: environment, Interval: effective(s.Object, flux.Interval), Host: s.Host, HostType: string(s.HostType),
		Guessed: s.Guessed, State: string(s.State), Receivers: []string{}, Suspect: s.Suspect, Message: s.Why, Notes: s.Notes,
	}
	for _, ref := range s.Receivers {
		r.Receivers = append(r.Receivers, ref.Namespace+"/"+ref.Name)
	}
	if called := s.Object.Requested.Called(); !called.IsZero() {
		r.Called = &called
	}
	if changed := s.Object.Status.SourceChanged; !changed.IsZero() {
		r.SourceChanged = &changed
	}
	return r
}

func newReceiverState(r webhook.Receiver) ReceiverState {
	s := ReceiverState{
		Ref: NewRef(r.Object), Type: r.Object.Hook.Type, Suspended: r.Object.Suspended, Ready: r.Object.Status.Ready,
		Sources: len(r.Sources), Problems: []ReceiverProblem{},
	}
	for _, p := range r.Problems {
		s.Problems = append(s.Problems, ReceiverProblem{string(p.Fault), oneLine(p.Message), oneLine(p.Remedy)})
	}
	return s
}

// relaxing are the plans that have some sources polled less often: one for each namespace. A policy cannot say which sources
// have a webhook, so they are named.
func relaxing(sources []webhook.Source, which func(webhook.Source) bool, r *policy.Resolver, plan, environment string) []string {
	type group struct {
		names, kinds []string
		unknown      bool
	}
	groups := map[string]*group{}
	for _, s := range sources {
		if !which(s) {
			continue
		}
		g := groups[s.Object.Namespace]
		if g == nil {
			g = &group{}
			groups[s.Object.Namespace] = g
		}
		g.names = append(g.names, s.Object.Kind+"/"+s.Object.Name)
		if !slices.Contains(g.kinds, s.Object.Kind) {
			g.kinds = append(g.kinds, s.Object.Kind)
		}
		g.unknown = g.unknown || !r.Resolve(s.Object).Known
	}
	plans := []string{}
	for _, namespace := range sortedKeys(groups) {
		g := groups[namespace]
		command := fmt.Sprintf("%s -n %s %s", plan, namespace, strings.Join(g.names, " "))
		for _, kind := range g.kinds {
			command += fmt.Sprintf(" --set '*.%s.interval=at least %s'", kind, flux.FormatDuration(webhook.Relaxed))
		}
		if g.unknown {
			command += " --default-env " + environment
		}
		plans = append(plans, command)
	}
	return plans
}

// Asking has all commands of kubectl ask with flags, with a space before each.
func (l ReceiverList) Asking(flags string) ReceiverList {
	with := func(command string) string { return strings.ReplaceAll(command, "kubectl -n ", "kubectl"+flags+" -n ") }
	l.Proposals, l.Receivers = slices.Clone(l.Proposals), slices.Clone(l.Receivers)
	for i, p := range l.Proposals {
		l.Proposals[i].SecretCommand, l.Proposals[i].TokenCommand, l.Proposals[i].PathCommand = with(p.SecretCommand), with(p.TokenCommand), with(p.PathCommand)
	}
	for i, r := range l.Receivers {
		l.Receivers[i].Problems = slices.Clone(r.Problems)
		for n, p := range r.Problems {
			l.Receivers[i].Problems[n].Remedy = with(p.Remedy)
		}
	}
	return l
}

// Names are the Receivers that are missing, as kubectl -o name writes them.
func (l ReceiverList) Names() []string {
	names := []string{}
	for _, p := range l.Proposals {
		names = append(names, "receiver.notification.toolkit.fluxcd.io/"+p.Name)
	}
	return names
}

// Table shows a row for each source. Now tells how long ago it changed, and a webhook was last seen.
func (l ReceiverList) Table(now time.Time, withNamespace bool) Table {
	where, cells := whereColumns(l.Items, func(s ReceiverSource) Ref { return s.Ref }, withNamespace)
	t := Table{Columns: append(where, []Column{
		{Name: "KIND", Key: true}, {Name: "NAME", Key: true, Shrink: terminal.Middle}, {Name: "HOST", Shrink: terminal.Middle}, {Name: "INTERVAL", Spare: 2},
		{Name: "WEBHOOK"}, {Name: "RECEIVER", Shrink: terminal.Middle}, {Name: "CALLED", Spare: 3, Aging: true}, {Name: "SOURCE-CHANGED", Spare: 4, Aging: true},
		{Name: "HOST-TYPE", Wide: true}, {Name: "MESSAGE", Shrink: terminal.End, Spare: 1, Below: true},
	}...)}
	for _, s := range l.Items {
		t.Rows = append(t.Rows, append(cells(s.Ref),
			Text(s.Ref.Kind), Text(s.Ref.Name), dash(s.Host), dash(s.Interval), s.cell(), dash(strings.Join(s.Receivers, ",")),
			ageCell(s.Called, now), ageCell(s.SourceChanged, now), dash(s.HostType), Text(oneLine(s.message())),
		))
	}
	return t
}

func (s ReceiverSource) cell() Cell {
	switch {
	case s.Suspect:
		return Cell{Text: "not called?", Style: Changed}
	case s.State == string(webhook.Covered):
		return Cell{Text: "yes", Style: Good}
	case s.State == string(webhook.Broken):
		return Cell{Text: "broken", Style: Bad}
	case s.State == string(webhook.Uncovered):
		return Cell{Text: "none", Style: Changed}
	case s.State == string(webhook.Unknown):
		return Cell{Text: "unknown", Style: Changed}
	default:
		return Cell{Text: "-", Style: Faint}
	}
}

func (s ReceiverSource) message() string {
	parts := slices.Clone(s.Notes)
	if s.Message != "" {
		parts = append([]string{s.Message}, parts...)
	}
	return strings.Join(parts, "; ")
}

// Draw writes the table, and below it what is wrong, what is missing and what to do. Manifests is the command that
// writes the missing Receivers.
func (l ReceiverList) Draw(w io.Writer, now time.Time, withNamespace bool, manifests string, layout Layout) error {
	if err := l.Table(now, withNamespace).Draw(w, layout); err != nil || layout.NoHeaders {
		return err
	}
	var text strings.Builder
	_, _ = fmt.Fprintf(&text, "\n%s\n", terminal.WrapLine(l.Summary.sentence(), layout.Width))
	l.writeProblems(&text)
	if len(l.Proposals) > 0 {
		text.WriteString("\nMissing Receivers:\n")
		for _, p := range l.Proposals {
			_, _ = fmt.Fprintf(&text, "  %s/%s for %s at %s (%s%s)\n", p.Namespace, p.Name, count(len(p.Sources), "source"), p.Host, p.title, p.guess())
		}
		_, _ = fmt.Fprintf(&text, "With their Secrets, and what to enter at the hosts:\n  %s\n", manifests)
	}
	later := "These can, too, once they have a Receiver and CALLED shows a time: before, each commit waits for the poll"
	if len(l.Plans) == 0 {
		later = "These can be polled less often, once they have a Receiver and CALLED shows a time: before, each commit waits for the poll"
	}
	for _, p := range []struct {
		title string
		plans []string
	}{
		{"What a webhook announces can be polled less often", l.Plans},
		{later, l.PlansLater},
	} {
		if len(p.plans) > 0 {
			_, _ = fmt.Fprintf(&text, "\n%s:\n", p.title)
		}
		for _, plan := range p.plans {
			_, _ = fmt.Fprintf(&text, "  %s\n", plan)
		}
	}
	_, err := io.WriteString(w, terminal.Printable(text.String()))
	return err
}

func (l ReceiverList) writeProblems(text *strings.Builder) {
	if l.Summary.Problems == 0 {
		return
	}
	text.WriteString("\nReceivers to look at:\n")
	for _, r := range l.Receivers {
		for _, p := range r.Problems {
			_, _ = fmt.Fprintf(text, "  %s/%s: %s\n    -> %s\n", r.Ref.Namespace, r.Ref.Name, p.Message, p.Remedy)
		}
	}
}

// sentence counts the sources by state.
func (s ReceiverSummary) sentence() string {
	parts := []string{fmt.Sprintf("%d with a webhook", s.Covered)}
	for _, p := range []struct {
		n    int
		text string
	}{
		{s.Suspect, "of which %d may never be called for"}, {s.Uncovered, "%d without one"}, {s.Unknown, "%d of which it is not known"}, {s.Broken, "%d whose Receiver does not notify it"}, {s.Nothing, "%d with nothing to call for"},
	} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf(p.text, p.n))
		}
	}
	return fmt.Sprintf("%s: %s.", count(s.Sources, "source"), strings.Join(parts, ", "))
}

// WebhooksCheck is about which sources webhooks reach, and what is wrong with the Receivers; false where there is no
// source. Where is what commands take to look in the same place.
func WebhooksCheck(c webhook.Coverage, where string) (Check, bool) {
	var s ReceiverSummary
	for _, source := range c.Sources {
		s.add(source)
	}
	for _, r := range c.Receivers {
		s.Problems += len(r.Problems)
	}
	if s.Sources == 0 {
		return Check{}, false
	}
	check := Check{Name: "webhooks", Status: CheckOK, Message: s.sentence()}
	check.Message = strings.TrimSuffix(check.Message, ".")
	switch {
	case s.Problems > 0:
		check.Status = CheckWarning
		check.Remedy = fmt.Sprintf("kubectl fluxtune receivers %s shows the %s", where, count(s.Problems, "problem"))
	case s.Uncovered > 0:
		check.Status = CheckWarning
		check.Remedy = fmt.Sprintf("a webhook brings a commit at once, and polling becomes the safety net: kubectl fluxtune receivers %s shows the Receivers to create", where)
	}
	return check, true
}
