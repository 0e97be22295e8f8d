package tune

import (
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

// The reasons of plans. The first two go with change and unchanged, the others with skip.
const (
	ReasonPolicyDiffers    Reason = "PolicyDiffers"
	ReasonMatchesPolicy    Reason = "MatchesPolicy"
	ReasonDeleting         Reason = "Deleting"
	ReasonOptedOut         Reason = "OptedOut"
	ReasonNoEnvironment    Reason = "NoEnvironment"
	ReasonOtherEnvironment Reason = "EnvironmentNotInPolicy"
	ReasonKindNotInPolicy  Reason = "KindNotInPolicy"
	ReasonIntervalIgnored  Reason = "IntervalIgnored"
	ReasonSuspended        Reason = "Suspended"
	ReasonRetriesExhausted Reason = "RetriesExhausted"
	ReasonTimeoutKept      Reason = "TimeoutKept"
	ReasonSetInGit         Reason = "SetInGit"
	ReasonCannotPin        Reason = "CannotPin"
	ReasonPinned           Reason = "Pinned"
	ReasonTuned            Reason = "Tuned"
	ReasonChangedSince     Reason = "ChangedSince"
	ReasonOtherSession     Reason = "OtherSession"
	ReasonBadRecord        Reason = "UnreadableRecord"
)

// Change is one field's way from one value to another; nil is absent.
type Change struct {
	Field flux.Field
	From  *string
	To    *string
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
	// Kept says why a timeout stays as it is against the policy; "" where none does.
	Kept string
	// Stick is whether the changes last; of the interval where nothing changes. Its verdict is empty
	// where nobody judged.
	Stick Stick
	// Rules are what a Kustomization's spec.ignore gains (a pin) or loses (its way back).
	Rules []flux.IgnoreRule
	// Notes are side effects that a reader should know of.
	Notes []string
	// Record is what stays on the object when a revert is done; only Revert fills it.
	Record *Record
}

// Plan is what would be done with every object of a Snapshot, in the Snapshot's order.
type Plan struct {
	Policy string // the policy's title: its name and what overrides it
	Note   string // the policy's own note
	Items  []Item
	// Warnings are about the policy, the labels and what could not be read; sorted, each once.
	Warnings []string
}

// Changed returns the items that a plan changes.
func (p Plan) Changed() []Item {
	var items []Item
	for _, item := range p.Items {
		if item.Action == ActionChange {
			items = append(items, item)
		}
	}
	return items
}

// Options are the choices of one planning.
type Options struct {
	// IncludeSuspended tunes suspended objects too.
	IncludeSuspended bool
	// IncludeFailed tunes HelmReleases too whose retries are used up; a change makes them try again.
	IncludeFailed bool
	// Judge tells whether changes stick; nil judges nothing.
	Judge *Judge
	// Managed says what to do with changes that would be reverted.
	Managed Managed
}

// Managed says what to do with objects whose values are set in Git, so that a change would be
// reverted. The words are those of --managed.
type Managed string

// The ways to deal with managed objects.
const (
	ManagedSkip  Managed = "skip"  // leave them alone
	ManagedPatch Managed = "patch" // change them all the same
	ManagedPin   Managed = "pin"   // have the owner leave the changed fields to us, and change them
)

// NewPlan plans every object of a snapshot under a policy. The environments come from the resolver,
// which must know the same snapshot.
func NewPlan(objects []flux.Object, p policy.Policy, r *policy.Resolver, opts Options) Plan {
	plan := Plan{Policy: p.Title(), Note: p.Note, Items: make([]Item, 0, len(objects))}
	warnings := p.Warnings()
	for _, o := range objects {
		item := Decide(o, p, r.Resolve(o), opts)
		warnings = append(warnings, item.Assignment.Warnings...)
		plan.Items = append(plan.Items, item)
	}
	plan.Warnings = uniqueSorted(warnings)
	return plan
}
