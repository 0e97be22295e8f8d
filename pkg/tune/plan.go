package tune

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"cmp"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
)

// Action says what a plan does with an object.
type Action string

// The actions of a plan.
const (
	ActionChange    Action = "change"
	ActionUnchanged Action = "unchanged"
	ActionSkip      Action = "skip"
)

// Reason says in one word why an object gets its action. The words are part of the JSON contract.
type Reason string

// The reasons of plans. The first two go with change, the next two with unchanged, the others with skip.
const (
	ReasonPolicyDiffers    Reason = "PolicyDiffers"
	ReasonBorrowed         Reason = "Borrowed"
	ReasonMatchesPolicy    Reason = "MatchesPolicy"
	ReasonTimeoutKept      Reason = "TimeoutKept"
	ReasonDeleting         Reason = "Deleting"
	ReasonOptedOut         Reason = "OptedOut"
	ReasonNoEnvironment    Reason = "NoEnvironment"
	ReasonOtherEnvironment Reason = "EnvironmentNotInPolicy"
	ReasonKindNotInPolicy  Reason = "KindNotInPolicy"
	ReasonIntervalIgnored  Reason = "IntervalIgnored"
	ReasonRefused          Reason = "RefusedByFlux"
	ReasonNotKnown         Reason = "ValueNotKnown"
	ReasonSuspended        Reason = "Suspended"
	ReasonRetriesExhausted Reason = "RetriesExhausted"
	ReasonPinLost          Reason = "PinLost"
	ReasonUpgrades         Reason = "Upgrades"
	ReasonFailingChart     Reason = "FailingChart"
	ReasonChartUnknown     Reason = "ChartUnknown"
	ReasonRollingOut       Reason = "RollingOut"
	ReasonSetInGit         Reason = "SetInGit"
	ReasonHeldFromGit      Reason = "HeldFromGit"
	ReasonNotRewritable    Reason = "NotRewritable"
	ReasonOwnerUnknown     Reason = "OwnerUnknown"
	ReasonCannotPin        Reason = "CannotPin"
	ReasonTuned            Reason = "Tuned"
	ReasonNotTuned         Reason = "NotTuned"
	ReasonChangedSince     Reason = "ChangedSince"
	ReasonRecordFull       Reason = "RecordFull"
	ReasonOtherSession     Reason = "OtherSession"
	ReasonBadRecord        Reason = "UnreadableRecord"
)

// Change is one field's way from one value to another; nil is absent.
type Change struct {
	Field flux.Field
	From  *string
	To    *string
}

// Left is why something is left alone: in one word, and in a sentence.
type Left struct {
	Reason  Reason
	Message string
}

// Item is what a plan does with one object, and why.
type Item struct {
	Object     flux.Object
	Assignment policy.Assignment
	Action     Action
	Reason     Reason
	// Message is the reason in a sentence, with the values that led to it.
	Message string
	Changes []Change
	// Keeps are fields that are as the policy wants, but only until another session ends: the step in the record makes them
	// this one's own.
	Keeps []Loan
	// Kept says why a timeout stays as it is against the policy; "" where none does.
	Kept string
	// Stick is whether the changes last; of the interval where nothing changes. Its verdict is empty
	// where nobody judged.
	Stick Stick
	// Standing says of an item that does not change that it is as an apply has set it, which no rule holds: Stick is about that.
	Standing bool
	// Notes are side effects that a reader should know of.
	Notes []string
	// repins says that nothing of it changes but the rules that its owner needs again.
	repins bool
}

// Repins tells whether an item that changes has no changes of its own: the rules of its owner are gone, and written again.
func (i Item) Repins() bool { return i.repins && i.Action == ActionChange }

// Plan is what would be done with every object of a Snapshot, in the Snapshot's order.
type Plan struct {
	Policy string // the policy's title: its name and what overrides it
	Note   string // the policy's own note
	Items  []Item
	// Pins are the owners that must leave changed fields to us, and the rules by which they do.
	Pins []Pin
	// Warnings are about the policy, the labels and what could not be read; sorted, each once.
	Warnings []string
}

// Changes is how many items a plan changes.
func (p Plan) Changes() int {
	n := 0
	for i := range p.Items {
		if p.Items[i].Action == ActionChange {
			n++
		}
	}
	return n
}

// LivesInGit tells whether objects are left alone since something else sets their values, or may, or will be undone by that: there
// is where to change them.
func (p Plan) LivesInGit() bool {
	return slices.ContainsFunc(p.Items, func(i Item) bool {
		return i.Action == ActionSkip && (i.Reason == ReasonSetInGit || i.Reason == ReasonOwnerUnknown) || i.Standing && i.Stick.Verdict == Reverted
	})
}

// And adds the plan of another cluster under the same policy, but for its warnings: who shows them says whose they are.
func (p Plan) And(other Plan) Plan {
	if len(p.Items) == 0 {
		p.Items = other.Items
	} else {
		p.Items = append(p.Items, other.Items...)
	}
	p.Note = cmp.Or(p.Note, other.Note)
	p.Pins = append(p.Pins, other.Pins...)
	return p
}

// Changed returns the items that a plan changes.
func (p Plan) Changed() []Item {
	var items []Item
	if n := p.Changes(); n > 0 {
		items = make([]Item, 0, n)
	}
	for _, item := range p.Items {
		if item.Action == ActionChange {
			items = append(items, item)
		}
	}
	return items
}

// Options are the choices of one planning.
type Options struct {
	// Until is when what is planned is to be taken back; the zero time where it is to stay. What another session would take
	// back before that is made this one's own.
	Until time.Time
	// Now tells which sessions should have ended; the zero time where nobody is told.
	Now time.Time
	// IncludeSuspended tunes suspended objects too.
	IncludeSuspended bool
	// IncludeFailed tunes HelmReleases too that gave up (a change makes them try again), and charts that
	// cannot be fetched, or of which that is not known.
	IncludeFailed bool
	// IncludeUpgrades tunes HelmReleases and charts too whose change makes helm-controller upgrade a release: those that are made with
	// values files, and all of an old helm-controller.
	IncludeUpgrades bool
	// TakesBack says that the changes are a revert's: reasons to leave objects alone tell what its --force does.
	TakesBack bool
	// Judge tells whether changes stick; nil judges nothing.
	Judge *Judge
	// Graph knows what depends on what; nil knows nothing.
	Graph *Graph
	// HeldFromGit says of an object in files why a field of it does not follow Git; "" where it does. Nil for a cluster's.
	HeldFromGit func(flux.Object, flux.Field) string
	// NotRewritable says of objects in files why no edit of these changes them; none of a cluster's.
	NotRewritable map[flux.Ref]string
	// Managed says what to do with changes of fields that something else sets.
	Managed Managed
	// Fitted are the intervals of sources that take the place of what the policy says of them; they lie within its bounds.
	Fitted map[flux.Ref]policy.Bound
	// Unfitted are why other sources were not fitted, though the policy leaves room for it: they would be left alone if their
	// interval were another.
	Unfitted map[flux.Ref]Left
	// Announced are the sources for whose poll nobody waits, since webhooks tell of all that is new in them: no interval of theirs is
	// too long.
	Announced map[flux.Ref]bool
	// ShortenTimeouts makes timeouts and retry intervals shorter, too, where the policy wants that.
	ShortenTimeouts bool
}

// Managed says what to do with objects whose values are set in Git, so that a change would be
// undone. The words are those of --managed.
type Managed string

// The ways to deal with managed objects.
const (
	ManagedSkip  Managed = "skip"  // leave them alone
	ManagedPatch Managed = "patch" // change them all the same
	ManagedPin   Managed = "pin"   // have the owner leave the changed fields to us, and change them
)

// minShare is how many objects are worth a goroutine: 10 µs each.
const minShare = 256

// NewPlan plans every object of a snapshot under a policy. The environments come from the resolver,
// which must know the same snapshot.
func NewPlan(objects []flux.Object, p policy.Policy, r *policy.Resolver, opts Options) Plan {
	plan := Plan{Policy: p.Title(), Note: p.Note, Items: decideAll(objects, p, r, opts)}
	ruled, waiting := make(policy.Ruled), make(policy.Ruled)
	var warnings []string
	for i := range plan.Items {
		item := &plan.Items[i]
		ruled.Add(item.Assignment.Environment, item.Object)
		if !opts.Announced[item.Object.Ref] {
			waiting.Add(item.Assignment.Environment, item.Object)
		}
		warnings = append(warnings, item.Assignment.Warnings...)
		if odd := oddOptOut(item.Object); odd != "" {
			warnings = append(warnings, odd)
		}
	}
	unread := slices.DeleteFunc(BadRecords(objects), func(g flux.Gap) bool { return g.Record == "" })
	if bad := RecordsWarning(unread); bad != "" {
		warnings = append(warnings, bad)
	}
	if others := overwritten(plan.Items, plan.Policy); others != "" {
		warnings = append(warnings, others)
	}
	warnings = append(warnings, p.Warnings(ruled.Looks, waiting.Looks)...)
	plan.Warnings = uniqueSorted(warnings)
	if opts.Managed == ManagedPin {
		opts.Judge.pin(&plan, opts)
	}
	return plan
}

// decideAll decides on each object, on all processors: no decision depends on another.
func decideAll(objects []flux.Object, p policy.Policy, r *policy.Resolver, opts Options) []Item {
	items := make([]Item, len(objects))
	var workers sync.WaitGroup
	share := max(minShare, (len(objects)+runtime.GOMAXPROCS(0)-1)/runtime.GOMAXPROCS(0))
	for at := 0; at < len(objects); at += share {
		workers.Go(func() {
			for i := at; i < min(at+share, len(objects)); i++ {
				items[i] = Decide(objects[i], p, r.Resolve(objects[i]), opts)
			}
		})
	}
	workers.Wait()
	return items
}

// pin plans the rules that the changes of a plan need in order to last, and judges the changes with these rules in
// place. Where an owner cannot take them all, or not now, the objects are left alone that need more of it.
func (j *Judge) pin(plan *Plan, opts Options) {
	needs := make(map[flux.Ref][]Need)
	for i := range plan.Items {
		if n, pinned := plan.Items[i].need(); pinned {
			needs[plan.Items[i].Stick.Owner] = append(needs[plan.Items[i].Stick.Owner], n)
		}
	}
	for owner, planned := range needs {
		parent, _ := j.object(owner)
		pin := j.PinOf(parent, planned)
		reason, why := pin.refused(opts)
		var kept []Need
		for i := range plan.Items {
			item := &plan.Items[i]
			if item.Action != ActionChange || item.Stick.Owner != owner {
				continue
			}
			if reason != "" && !item.Stick.Verdict.lasts() {
				item.leaveAlone(reason, why)
				continue
			}
			if n, pinned := item.need(); pinned {
				kept = append(kept, n)
			}
			item.Stick.hold(owner)
		}
		if len(kept) > 0 {
			plan.Pins = append(plan.Pins, j.PinOf(parent, kept))
		}
	}
	sorting.By(plan.Pins, func(a, b Pin) int { return a.Owner.Ref.Compare(b.Owner.Ref) })
}

// need is what the owner of an item's object must leave to us for the changes to last; false where nothing.
func (i Item) need() (Need, bool) {
	n := Need{Object: i.Object.Ref}
	if i.Action != ActionChange {
		return n, false
	}
	for _, f := range i.Stick.Fields {
		if f.Pinned || f.Verdict == Reverted {
			n.Fields = append(n.Fields, f.Field)
		}
	}
	return n, len(n.Fields) > 0
}

// hold is the verdict with a rule of ours in place.
func (s *Stick) hold(owner flux.Ref) {
	for i := range s.Fields {
		if f := &s.Fields[i]; f.Verdict == Reverted {
			f.Verdict, f.Pinned, f.Within = Held, true, 0
			f.Message = fmt.Sprintf("held by a rule that apply adds to spec.ignore of %s", owner)
		}
	}
	for i, f := range s.Fields {
		if i == 0 || rankOf(f.Verdict) > rankOf(s.Verdict) || (f.Pinned && !s.Pinned && f.Verdict == s.Verdict) {
			s.FieldStick = f
		}
	}
}

func uniqueSorted(s []string) []string {
	slices.Sort(s)
	return slices.Compact(s)
}

// Pinned tells whether the item's changes last only while a rule of ours holds them.
func (i Item) Pinned() bool { return len(i.pinned()) > 0 }

// pinned are the changed fields that a rule of ours holds, now or when the plan is carried out. What is changed although
// it will be undone has none.
func (i Item) pinned() []flux.Field {
	var fields []flux.Field
	for _, f := range i.Stick.Fields {
		if f.Pinned && i.Action == ActionChange {
			fields = append(fields, f.Field)
		}
	}
	return fields
}

// Planned is the value of a field when the item is carried out.
func (i Item) Planned(f flux.Field) *string {
	for _, c := range i.Changes {
		if c.Field == f {
			return c.To
		}
	}
	return i.Object.Value(f)
}

// SlowerFirst are items with those first whose interval gets longer, and those last whose interval gets shorter; else in their order.
func SlowerFirst(items []Item) []Item {
	rank := func(i Item) int {
		to := i.Planned(flux.Interval)
		return -cmp.Compare(i.Object.EffectiveWith(flux.Interval, to, to), i.Object.Effective(flux.Interval))
	}
	items = slices.Clone(items)
	sorting.By(items, func(a, b Item) int { return cmp.Compare(rank(a), rank(b)) })
	return items
}
