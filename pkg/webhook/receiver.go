package webhook

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
)

// Receiver is one that there is, and what is wrong with it.
type Receiver struct {
	Object flux.Object
	// Sources that it notifies, of those that were looked at.
	Sources []flux.Ref
	// Problems, the worst first.
	Problems []Problem
	// Origin is what applies it again and again, and where that has it from: see Input.Origin.
	Origin string
}

// Fault is what can be wrong with a Receiver. The strings are part of the JSON output.
type Fault string

// The faults of Receivers.
const (
	NotReady         Fault = "notReady"         // it answers 503, or 404 where its status has no path
	Suspended        Fault = "suspended"        // it answers 503, or 404 where it never ran
	NoSuchObject     Fault = "noSuchObject"     // it answers 500, and notifies the others
	NothingMatches   Fault = "nothingMatches"   // no object has the labels
	OtherNamespace   Fault = "otherNamespace"   // it answers 500 (--no-cross-namespace-refs), or 404 (--watch-all-namespaces=false)
	CannotBeNotified Fault = "cannotBeNotified" // it answers 500, or nothing follows from it
	Invalid          Fault = "invalid"          // it is refused as it is written
	WrongType        Fault = "wrongType"        // it answers 400: the host proves who it is in another way
	NoPushEvent      Fault = "noPushEvent"      // it answers 400 to a push, and takes other events
	FilteredOut      Fault = "filteredOut"      // it answers 200, and its filter leaves the push out
	NeverCalled      Fault = "neverCalled"      // a source changed, and no call is known
	Unverified       Fault = "unverified"       // it takes calls from anybody who knows its path, though its type verifies who calls
)

// Problem is one thing that is wrong, and what to do about it.
type Problem struct {
	Fault   Fault
	Message string
	Remedy  string
}

// judge finds what is wrong with the Receivers that are asked for, or that name a source that is.
func (f *fleet) judge(c Coverage) []Receiver {
	sources, written := c.Sources, c.Manifests()
	var receivers []Receiver
	for _, r := range f.receivers {
		judged := Receiver{Object: *r, Origin: f.origin(r)}
		var suspects, named []*Source
		names := false
		for i := range sources {
			s := &sources[i]
			if !slices.Contains(s.Receivers, r.Ref) {
				continue
			}
			names, named = true, append(named, s)
			if s.State == Covered && f.notifies(r, s.Object.Ref) {
				judged.Sources = append(judged.Sources, s.Object.Ref)
				if s.Suspect && s.Receivers[0] == r.Ref {
					suspects = append(suspects, s)
				}
			}
		}
		if !names && f.in.Shown != nil && !f.in.Shown(r) {
			continue
		}
		judged.Problems = slices.Concat(f.wrong(r), f.unreached(r, named, written), calledProblems(r, suspects))
		receivers = append(receivers, judged)
	}
	return receivers
}

// notifies tells whether a Receiver notifies an object.
func (f *fleet) notifies(r *flux.Object, ref flux.Ref) bool {
	return slices.ContainsFunc(f.hits[ref], func(h hit) bool { return h.receiver == r && h.reaches() })
}

// wrong is what a Receiver's own spec and status tell.
func (f *fleet) wrong(r *flux.Object) []Problem {
	var problems []Problem
	for _, c := range conditions {
		if !c.alone {
			continue
		}
		if a := c.check(aimed{receiver: r, notifiers: f.in.Notifiers, read: f.tokens}); a.no != "" {
			if c.fault == Suspended && f.origin(r) != "" { // which may suspend it again
				a.remedy = "take spec.suspend out of its manifest, or where that has none: " + a.remedy
			}
			problems = append(problems, Problem{c.fault, a.consequence(), a.remedy})
		}
	}
	if p, open := f.unverified(r); open {
		problems = append(problems, p)
	}
	for _, t := range r.Targets {
		if p, wrong := f.wrongTarget(r, t); wrong {
			problems = append(problems, p)
		}
	}
	return problems
}

// unverified finds a Receiver of Google's type that takes more calls than it should. Before 1.8.3 notification-controller asked Google
// about the caller's token, and did not look at the answer (CVE-2026-40109); before 1.9 it compares the account and the audience only
// as far as the Secret has them (internal/server/receiver_handlers.go, validate and authenticateGCRRequest).
func (f *fleet) unverified(r *flux.Object) (Problem, bool) {
	if r.Hook.Type != GCR.Receiver() {
		return Problem{}, false
	}
	if old := f.in.Notifiers.Before(r.Namespace, "1.8.3"); old != "" {
		return Problem{Unverified, "anybody who knows its path can call: notification-controller " + old + " does not verify Google's signature (CVE-2026-40109)", "update it to 1.9 or newer; its Secret needs email and audience then"}, true
	}
	if old := f.in.Notifiers.Before(r.Namespace, "1.9.0"); old != "" {
		return Problem{Unverified, "anybody with an account at Google who knows its path can call, unless its Secret, which is not read, has email and audience: notification-controller " + old + " does not ask for them",
			"give its Secret email and audience, and update notification-controller to 1.9 or newer"}, true
	}
	return Problem{}, false
}

// consequence says what is wrong, and what becomes of the calls.
func (a answer) consequence() string {
	if a.then == "" {
		return a.no
	}
	return a.no + ": " + a.then
}

// unreached are the problems of a Receiver with single sources, of those that it names: each once for all that are alike.
// Written are all Receivers as they should be.
func (f *fleet) unreached(r *flux.Object, named []*Source, written []Proposal) []Problem {
	var problems []Problem
	alike := map[Problem]int{}
	for _, s := range named {
		for _, h := range f.hits[s.Object.Ref] {
			if h.receiver != r || s.State == Nothing || !slices.Contains([]Fault{WrongType, NoPushEvent, FilteredOut}, h.fault) {
				continue
			}
			like := Problem{h.fault, h.consequence(), h.remedy}
			if f.own[r.Ref] != nil {
				like.Remedy = cmp.Or(inItsPlace(r, s.Object.Ref, written, f.origin(r)), like.Remedy)
			}
			if alike[like]++; alike[like] == 1 {
				problems = append(problems, like)
			}
		}
	}
	for i, p := range problems {
		if n := alike[p]; n > 1 {
			problems[i].Message += fmt.Sprintf(" (%d sources)", n)
		}
	}
	return problems
}

// inItsPlace is what to do about a Receiver of the own form that does not reach a source, by what is written: it may be written
// anew, or another one. Origin is what applies it. "" where neither helps.
func inItsPlace(r *flux.Object, source flux.Ref, written []Proposal, origin string) string {
	const writes = "receivers -o yaml writes"
	other, apply := "", "apply what "+writes
	if origin != "" {
		apply = "put what " + writes + " where it comes from"
	}
	for _, p := range written {
		name := p.Manifest.Metadata.Name
		switch same := p.Manifest.Metadata.Namespace == r.Namespace && name == r.Name; {
		case same && p.ReplacedBy != "":
			return fmt.Sprintf("%s, and take it out once %s is called, which is for the same sources", apply, p.ReplacedBy)
		case same && p.changed:
			return apply + ": the same Receiver, as it has to be now"
		case same:
			return ""
		case slices.Contains(p.Sources, source):
			other = name
		}
	}
	if other == "" {
		return "take it out: nothing that it names is at its host any more"
	}
	return fmt.Sprintf("take it out: %s %s in its place", writes, other)
}

// mend is what makes a Receiver ready, where its reason tells (notification-controller api/v1, TokenNotFoundReason).
func mend(r *flux.Object) string {
	if r.Status.ReadyReason == "TokenNotFound" && r.Hook.Secret != "" {
		if len(validation.IsDNS1123Subdomain(r.Hook.Secret)) > 0 {
			return fmt.Sprintf("correct spec.secretRef.name: no Secret can be called %q", r.Hook.Secret)
		}
		if strings.Contains(r.Status.ReadyMessage, "secret data") { // it is there (internal/controller/receiver_controller.go, token)
			return fmt.Sprintf(`kubectl -n %s patch secret %s -p "{\"stringData\":{\"token\":\"%s\"}}"`, terminal.Quoted(r.Namespace), terminal.Quoted(r.Hook.Secret), newToken)
		}
		return SecretCommand(r.Namespace, r.Hook.Secret, r.Hook.Type)
	}
	return "kubectl -n " + terminal.Quoted(r.Namespace) + " describe receiver " + terminal.Quoted(r.Name)
}

func (f *fleet) wrongTarget(r *flux.Object, t flux.Target) (Problem, bool) {
	kind, known := t.Row()
	switch why, remedy := t.Refusal(f.in.Notifiers, r.Namespace); {
	case why != "":
		return Problem{CannotBeNotified, fmt.Sprintf("%s cannot be notified: %s; each call is answered with 500", t, why), remedy}, true
	case f.in.Notifiers.Look(r.Namespace) && f.in.Notifiers.Refused(r.Namespace, t.Namespace) != "":
		remedy := "take it out: nothing there can be notified"
		if f.in.Notifiers.Look(t.Namespace) {
			remedy = "put a Receiver into namespace " + t.Namespace
		}
		return Problem{OtherNamespace, fmt.Sprintf("%s is not notified: %s; each call is answered with 500", t, f.in.Notifiers.Refused(r.Namespace, t.Namespace)), remedy}, true
	case !known:
		if o := f.namesake(t); o != nil {
			return Problem{CannotBeNotified, fmt.Sprintf("%s is not notified: the Receiver names one of %s, and Flux's is of %s", t, t.APIVersion, o.Group), "correct its apiVersion, or take it out"}, true
		}
		return Problem{}, false
	case f.in.Read != nil && !f.in.Read(kind.Name, t.Namespace):
		return Problem{}, false
	case t.Name == "*":
		if slices.ContainsFunc(f.in.Objects, t.Covers) {
			return Problem{}, false
		}
		if len(t.MatchLabels) == 0 {
			return Problem{NothingMatches, fmt.Sprintf("there is no %s %s", t.Kind, inNamespace(t.Namespace)), "take it out, or create one"}, true
		}
		return Problem{NothingMatches, fmt.Sprintf("no %s %s has the labels %s", t.Kind, inNamespace(t.Namespace), labels(t.MatchLabels)), "label the objects, or name them"}, true
	}
	o := f.byRef[flux.Ref{Group: kind.Group, Kind: kind.Name, Namespace: t.Namespace, Name: t.Name}]
	switch {
	case o == nil:
		return Problem{NoSuchObject, fmt.Sprintf("%s does not exist: each call is answered with 500, and some hosts stop calling what fails", t), "take it out, or create it"}, true
	case o.OCI:
		return Problem{CannotBeNotified, fmt.Sprintf("%s is of type oci, to which nothing new comes: a call brings nothing", t), "name the HelmCharts that come from it"}, true
	default:
		return Problem{}, false
	}
}

// namesake is an object of Flux that bears the name of a target of another group; nil where there is none.
func (f *fleet) namesake(t flux.Target) *flux.Object {
	kind, err := flux.ParseKind(t.Kind)
	if err != nil {
		return nil
	}
	return f.byRef[flux.Ref{Group: kind.Group, Kind: t.Kind, Namespace: t.Namespace, Name: t.Name}]
}

func labels(m map[string]string) string {
	var parts []string
	for key, value := range m {
		parts = append(parts, key+"="+value)
	}
	slices.Sort(parts)
	return strings.Join(parts, ",")
}

// calledProblems says once what is said of several sources.
func calledProblems(r *flux.Object, suspects []*Source) []Problem {
	if len(suspects) == 0 {
		return nil
	}
	s := suspects[0]
	message := fmt.Sprintf("%s: %s", s.Object.Ref, s.Why)
	if n := len(suspects) - 1; n > 0 {
		message += fmt.Sprintf(" (and %d more like it)", n)
	}
	remedy := "look at the host's list of deliveries, and at kubectl -n flux-system logs deploy/notification-controller"
	if r.Hook.Filter != "" || slices.ContainsFunc(r.Targets, func(t flux.Target) bool { return t.Filter != "" }) {
		remedy += ", where --log-level=debug tells what a filter left out; the content type at the host has to be application/json"
	}
	return []Problem{{NeverCalled, message, remedy}}
}

// inNamespace says where something is looked for. Of manifests without a namespace only who applies them knows it.
func inNamespace(name string) string {
	if name == "" {
		return "without a namespace, as the Receiver is"
	}
	return fmt.Sprintf("in namespace %q", name)
}
