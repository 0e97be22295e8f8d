package sim

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"pgregory.net/rapid"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// EventKind says what an owner, Git or a controller does.
type EventKind string

// The events.
const (
	Edit      EventKind = "edit"        // somebody changes a field with kubectl edit, or removes it
	Apply     EventKind = "apply"       // a manager applies an interval on the server side
	Commit    EventKind = "commit"      // a field in Git
	Uncommit  EventKind = "uncommit"    // a field, or an object where none is named, goes out of Git
	Rules     EventKind = "rules"       // spec.ignore of a parent: committed, or edited where nobody applies it
	AddRule   EventKind = "add-rule"    // somebody adds a rule of their own to a parent's spec.ignore, by whatever name
	Unpin     EventKind = "unpin"       // somebody takes our rules out of a parent's spec.ignore by hand
	Suspend   EventKind = "suspend"     // or resume a parent
	Mark      EventKind = "mark"        // with the annotation that opts out or in
	Delete    EventKind = "delete"      // an object, with kubectl
	DeleteIt  EventKind = "delete-this" // what a request is about, between two of them
	Unrecord  EventKind = "unrecord"    // somebody takes the record away of what a request is about, between two of them
	Hide      EventKind = "hide"        // metadata.managedFields go: nobody owns anything
	Label     EventKind = "label"       // an annotation that is nobody's business, applied
	Declare   EventKind = "declare"     // kubectl apply of an interval, without --server-side
	Replace   EventKind = "replace"     // kubectl replace of the object as it is, but for what is nobody's business
	Reconcile EventKind = "reconcile"   // a source fetches what is committed, and its Kustomization applies it
)

// Event is something that happens beside the commands.
type Event struct {
	What    EventKind
	Ref     flux.Ref
	Field   flux.Field
	Value   string // "" removes
	Manager string
	// AsUs says that it is done by the field manager of the object's last session, or ours where it has none, until it is resolved.
	AsUs bool
	// Rules that a parent gets, and Applies that somebody declares all of its rules by server-side apply.
	Rules   []flux.IgnoreRule
	Applies bool
	// WithTheirs, WithOurs say which rules these are, until it is resolved.
	WithTheirs, WithOurs bool
}

// String is the event in one line, for the report of a history that failed.
func (e Event) String() string {
	text := fmt.Sprintf("%s %s", e.What, e.Ref)
	if e.Manager != "" {
		text += " by " + e.Manager
	}
	if e.Field != "" {
		text += fmt.Sprintf(" %s=%q", e.Field, e.Value)
	}
	if e.What == Mark {
		text += " " + e.Value
	}
	if e.Applies {
		text += " on the server"
	}
	if e.What == Rules {
		text += fmt.Sprintf(" theirs=%t ours=%t", e.WithTheirs, e.WithOurs)
	}
	return text
}

var (
	// Tunables are the fields that policies are about.
	Tunables  = []flux.Field{flux.Interval, flux.Timeout, flux.RetryInterval}
	durations = []string{"1m", "2m", "5m", "7m", "9m"}
)

// drawEvent draws an event; meanwhile says that it happens within a command.
func drawEvent(t *rapid.T, l Layout, meanwhile bool) Event {
	kinds := []EventKind{Edit, Edit, Apply, Hide, Label, Declare, Declare, Replace, Replace, Commit, Commit, Uncommit, Rules, AddRule, Unpin, Suspend, Mark, Delete, Reconcile, Reconcile, Reconcile}
	if meanwhile {
		kinds = append(kinds, DeleteIt, DeleteIt, DeleteIt)
	}
	e := Event{What: rapid.SampledFrom(kinds).Draw(t, "event")}
	field := func(of []flux.Field) { e.Field = rapid.SampledFrom(of).Draw(t, "field") }
	value := func() { e.Value = rapid.SampledFrom(durations).Draw(t, "value") }
	ref := func(of []flux.Ref) { e.Ref = rapid.SampledFrom(of).Draw(t, "object") }
	switch e.What {
	case Edit:
		ref(l.Children())
		field(Tunables)
		if e.Field == flux.Interval || rapid.Bool().Draw(t, "set") {
			value()
		}
		e.AsUs = rapid.IntRange(0, 3).Draw(t, "as") == 0
	case Hide, Label, Declare, Replace:
		ref(l.Free)
		if e.What == Declare {
			e.Field = flux.Interval
			value()
		}
	case Apply:
		ref(l.Children())
		e.Field = flux.Interval
		value()
		managers := []string{"kubectl", "flux", tune.DefaultManager}
		if slices.Contains(l.Free, e.Ref) {
			managers = append(managers, Stranger, Stranger)
		}
		e.Manager = rapid.SampledFrom(managers).Draw(t, "manager")
	case Commit:
		ref(l.InGit)
		field(Tunables)
		value()
	case Uncommit:
		ref(l.InGit)
		field([]flux.Field{"", flux.Timeout, flux.RetryInterval})
	case Rules:
		ref(l.Parents)
		e.WithTheirs = rapid.Bool().Draw(t, "theirs")
		e.WithOurs = rapid.Bool().Draw(t, "ours")
	case AddRule:
		ref(l.Parents)
		managers := []string{"jane", "acme-controller", "k9s", "kubectl-edit"}
		if e.Applies = rapid.IntRange(0, 2).Draw(t, "applies") == 0; e.Applies {
			managers = []string{"jane", "flux"}
		}
		e.Manager = rapid.SampledFrom(managers).Draw(t, "manager")
	case Suspend, Unpin:
		ref(l.Parents)
	case Mark:
		ref(l.Children())
		e.Value = rapid.SampledFrom([]string{"enabled", "disabled", "false"}).Draw(t, "tune")
	case Delete:
		ref(l.Children())
	case Reconcile:
		ref([]flux.Ref{l.Root, l.Apps, l.Infra})
	case DeleteIt:
	}
	return e
}

// Stranger is an applier that nobody knows.
const Stranger = "acme-sync"

// Resolve makes an event definite, by the world that fluxtune works on: the rules of ours that Git or a hand keeps; false
// where the event would change nothing there, and so leave no trace.
func (w *World) Resolve(e Event) (Event, bool) {
	r := w.Resources[e.Ref]
	switch e.What {
	case Edit:
		if r == nil {
			return e, false
		}
		if e.AsUs {
			e.Manager = tune.DefaultManager
			if record, err := tune.ReadRecord(r.Object()); err == nil && record != nil {
				e.Manager = cmp.Or(record.Steps[len(record.Steps)-1].Manager, tune.DefaultManager)
			}
		}
		now, set := r.Fields[e.Field]
		return e, now != e.Value || set != (e.Value != "")
	case Rules:
		if e.WithTheirs {
			e.Rules = []flux.IgnoreRule{theirs}
		}
		if e.WithOurs && r != nil {
			e.Rules = append(e.Rules, tune.OurRules(r.Object())...)
		}
	case AddRule:
		if r == nil || slices.ContainsFunc(r.Ignore, alsoTheirs.Equal) {
			return e, false
		}
		if e.Applies {
			e.Rules = slices.Clone(r.Ignore)
		}
		e.Rules = append(e.Rules, alsoTheirs)
	case Unpin:
		if r == nil {
			return e, false
		}
		for _, rule := range r.Ignore {
			if !slices.ContainsFunc(tune.OurRules(r.Object()), rule.Equal) {
				e.Rules = append(e.Rules, rule)
			}
		}
		return e, len(e.Rules) < len(r.Ignore)
	case Apply, Mark, Delete, Hide, Label, Declare:
		return e, r != nil
	case Unrecord:
		return e, r != nil && r.Annotations[tune.RecordAnnotation] != ""
	case Replace:
		return e, r != nil && r.Annotations[corev1.LastAppliedConfigAnnotation] != ""
	}
	return e, true
}

// WithoutUs is a resolved event in a world that fluxtune never touched: a hand that keeps our rules keeps none there. Git, or
// who declares them, may have them all the same.
func (w *World) WithoutUs(e Event) Event {
	if e.What == Unpin || e.What == Unrecord {
		e.What = "" // there are none
	}
	if e.What == Rules && e.Ref == w.Infra && e.WithOurs {
		e.Rules = nil
		if e.WithTheirs {
			e.Rules = []flux.IgnoreRule{theirs}
		}
	}
	return e
}

// Do carries out a resolved event, and what the controllers do then.
func (w *World) Do(e Event) {
	w.do(e)
	w.Settle()
}

func (w *World) do(e Event) {
	r := w.Resources[e.Ref]
	if r == nil && e.What != Commit && e.What != Uncommit {
		return
	}
	switch e.What {
	case Edit:
		var value *string
		if e.Value != "" {
			value = &e.Value
		} else {
			delete(r.FromGit, e.Field) // nothing tells now that Git sets it, until it does again
		}
		r.update(cmp.Or(e.Manager, "kubectl-edit"), map[Path]*string{Path(e.Field): value}, ByHand)
		r.LastWriter[e.Field] = ByHand
	case Apply:
		by := ByHand
		if e.Manager == Stranger {
			by = ByApplier
		}
		r.apply(e.Manager, map[Path]string{Path(e.Field): e.Value}, by)
	case Hide:
		clear(r.Owners)
		r.changed(true, false)
	case Label:
		r.apply("k9s", map[Path]string{AnnotationPath("example.com/label"): "x"}, ByHand)
	case Declare:
		r.declare(e.Field, e.Value)
	case Replace:
		text := LastApplied(r.Fields, r.Annotations)
		r.update("kubectl-replace", map[Path]*string{AnnotationPath(corev1.LastAppliedConfigAnnotation): &text}, ByHand)
	case Commit, Uncommit:
		w.commit(e)
	case Rules, Unpin:
		if e.What == Rules && e.Ref == w.Apps {
			m := w.Git[w.Root][e.Ref]
			m.Ignore = e.Rules
			w.Git[w.Root][e.Ref] = m
			return
		}
		var value *string
		if len(e.Rules) > 0 {
			text := ruleText(e.Rules)
			value = &text
		}
		r.update("kubectl-edit", map[Path]*string{Path(flux.IgnoreField): value}, ByHand)
	case AddRule:
		if e.Applies {
			r.apply(e.Manager, map[Path]string{Path(flux.IgnoreField): ruleText(e.Rules)}, ByHand)
			return
		}
		text := ruleText(slices.Concat(r.Ignore, e.Rules))
		r.update(e.Manager, map[Path]*string{Path(flux.IgnoreField): &text}, ByHand)
	case Suspend:
		r.suspended = !r.suspended
		r.changed(true, true)
	case Mark:
		r.update("kubectl-annotate", map[Path]*string{AnnotationPath(tune.OptOutAnnotation): &e.Value}, ByHand)
	case Unrecord:
		r.update("kubectl-annotate", map[Path]*string{AnnotationPath(tune.RecordAnnotation): nil}, ByHand)
	case Delete, DeleteIt:
		delete(w.Resources, e.Ref)
	case Reconcile:
		w.Fetch(e.Ref)
	}
}

func (w *World) commit(e Event) {
	objects := w.Git[w.ParentOf[e.Ref]]
	m, there := objects[e.Ref]
	switch {
	case e.What == Commit && !there:
		objects[e.Ref] = Manifest{Fields: map[flux.Field]string{flux.Interval: e.Value}}
	case e.What == Commit:
		m.Fields = maps.Clone(m.Fields)
		m.Fields[e.Field] = e.Value
		objects[e.Ref] = m
	case e.Field == "": // and pruned at the next reconcile
		delete(objects, e.Ref)
	case there:
		m.Fields = maps.Clone(m.Fields)
		delete(m.Fields, e.Field)
		objects[e.Ref] = m
	}
}
