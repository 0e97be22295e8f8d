package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
	"github.com/fluxtune/kubectl-fluxtune/pkg/webhook"
)

// NewReceiverList reports a coverage. It is an error where a manifest cannot be written.
func NewReceiverList(c webhook.Coverage, gaps []flux.Gap, plans ReceiverPlans) (ReceiverList, error) {
	r := plans.Resolve(plans.Policy)
	list := ReceiverList{
		Head: Head{APIVersion, "ReceiverList"}, Items: []ReceiverSource{}, Receivers: []ReceiverState{}, Proposals: []ReceiverProposal{}, Kept: []ReceiverProposal{},
		now:   plans.relaxing(c.Sources, func(s webhook.Source) bool { return s.Relax }, r),
		later: plans.relaxing(c.Sources, func(s webhook.Source) bool { return s.RelaxLater }, r), Missing: missing(gaps),
	}
	list.Plans, list.PlansLater = commands(list.now), commands(list.later)
	list.PolicySets = plans.keeping(slices.DeleteFunc(slices.Clone(c.Sources), func(s webhook.Source) bool { return !s.Relax && !s.RelaxLater && !s.IsRelaxed }))
	for _, s := range c.Sources {
		list.Items = append(list.Items, newReceiverSource(s, r.Resolve(s.Object).Environment))
		list.Summary.add(s)
	}
	for _, r := range c.Receivers {
		list.Receivers = append(list.Receivers, newReceiverState(r))
		list.Summary.Problems += len(r.Problems)
	}
	list.gone, list.untaken = c.Gone, c.Untaken
	var err error
	if list.Proposals, err = newReceiverProposals(c.Proposals); err != nil {
		return list, err
	}
	if list.Kept, err = newReceiverProposals(c.Kept); err != nil {
		return list, err
	}
	list.all, err = newReceiverProposals(c.Manifests())
	return list, err
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
		Owner: s.Owner, Guessed: s.Guessed, State: string(s.State), Receivers: []string{}, Suspect: s.Suspect, Message: s.Why, Notes: s.Notes,
	}
	for _, ref := range s.Receivers {
		r.Receivers = append(r.Receivers, ref.Namespace+"/"+ref.Name)
	}
	if called := s.Called; !called.IsZero() {
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
		Sources: len(r.Sources), Problems: []ReceiverProblem{}, Origin: oneLine(r.Origin),
	}
	for _, p := range r.Problems {
		s.Problems = append(s.Problems, ReceiverProblem{string(p.Fault), oneLine(p.Message), oneLine(p.Remedy)})
	}
	return s
}

// Asking has all commands of kubectl and flux ask with flags, with a space before each; but for those in comments of manifests, which
// are kept in Git.
func (l ReceiverList) Asking(flags string) ReceiverList {
	with := func(text string) string { // the first is the command's own: what else there is may be in names
		text = strings.Replace(text, "kubectl -n ", "kubectl"+flags+" -n ", 1)
		return strings.Replace(text, "flux resume ", "flux"+flags+" resume ", 1)
	}
	l.Proposals, l.Kept, l.Receivers = slices.Clone(l.Proposals), slices.Clone(l.Kept), slices.Clone(l.Receivers)
	for _, proposals := range [][]ReceiverProposal{l.Proposals, l.Kept} {
		for i, p := range proposals {
			proposals[i].SecretCommand, proposals[i].TokenCommand, proposals[i].PathCommand = with(p.SecretCommand), with(p.TokenCommand), with(p.PathCommand)
		}
	}
	for i, r := range l.Receivers {
		l.Receivers[i].Problems = slices.Clone(r.Problems)
		for n, p := range r.Problems {
			l.Receivers[i].Problems[n].Remedy = with(p.Remedy)
		}
	}
	return l
}

// Names are the Receivers that are missing or should be other than they are, as kubectl -o name writes them.
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

// sentence counts the sources by state.
func (s ReceiverSummary) sentence() string {
	if s.Sources == 0 {
		return "No source here."
	}
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
	uncalled := 0
	for _, source := range c.Sources {
		s.add(source)
		if source.State == webhook.Covered && source.Called.IsZero() {
			uncalled++
		}
	}
	for _, r := range c.Receivers {
		s.Problems += len(r.Problems)
	}
	if s.Sources+s.Problems == 0 {
		return Check{}, false
	}
	check := Check{Name: "webhooks", Status: CheckOK, Message: strings.TrimSuffix(s.sentence(), ".")}
	if uncalled > 0 { // a plan counts these as polled
		check.Message = strings.Replace(check.Message, "with a webhook", fmt.Sprintf("with a Receiver (of %d no call by the host is known)", uncalled), 1)
	}
	switch {
	case s.Problems > 0:
		check.Status = CheckWarning
		check.Remedy, check.Run = fmt.Sprintf("look at %s of Receivers:", count(s.Problems, "problem")), []string{"kubectl fluxtune receivers " + where}
	case c.Unread != "":
		check.Status, check.Message = CheckWarning, check.Message+"; "+c.Unread
		check.Remedy = "ask somebody who may list receivers in all namespaces"
	case s.Uncovered > 0:
		check.Status = CheckWarning
		check.Remedy, check.Run = "a webhook brings a commit at once, and polling becomes the safety net; this shows the Receivers to create:", []string{"kubectl fluxtune receivers " + where}
	case s.Unknown > 0:
		check.Status = CheckWarning
		check.Remedy, check.Run = "this shows why it is not known:", []string{"kubectl fluxtune receivers " + where}
	}
	return check, true
}
