package tune

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// PinsAnnotation on a Kustomization lists the rules that fluxtune added to its spec.ignore, so that
// revert takes away those and no others.
const PinsAnnotation = "fluxtune.github.io/pins"

// Pins is the value of PinsAnnotation.
type Pins struct {
	Rules []Pin `json:"rules"`
}

// Pin is one rule and the session that added it.
type Pin struct {
	Session string          `json:"session"`
	Rule    flux.IgnoreRule `json:"rule"`
}

// readPins reads the pins of a Kustomization. The error says how to go on.
func readPins(o flux.Object) (Pins, error) {
	var p Pins
	value, ok := o.Annotations[PinsAnnotation]
	if !ok {
		return p, nil
	}
	if err := json.Unmarshal([]byte(value), &p); err != nil {
		return p, fmt.Errorf("reading annotation %s: %w: take the rules out of spec.ignore by hand and remove the annotation", PinsAnnotation, err)
	}
	return p, nil
}

// HasPins tells whether a session added rules to a Kustomization, or its note of them cannot be read.
func HasPins(o flux.Object, session string) bool {
	pins, err := readPins(o)
	return err != nil || slices.ContainsFunc(pins.Rules, func(p Pin) bool { return p.Session == session })
}

// cannotPin says why rules cannot be added to an owner so that they stay; "" where they can.
func (j *Judge) cannotPin(owner flux.Ref) string {
	parent, found := j.known[owner]
	switch m := parent.IgnoreManager(); {
	case owner.Kind != "Kustomization" || !found:
		return fmt.Sprintf("cannot be pinned: %s has no rules to leave fields to others", owner)
	case applied(m, kustomizeController):
		return fmt.Sprintf("cannot be pinned: spec.ignore of %s is itself set in Git: add the rule there", owner)
	default:
		return ""
	}
}

// PlanPins plans the rules that the changes of a plan need in order to stick, one item for each
// Kustomization that would revert them: for each object one rule, for its changed fields only.
func PlanPins(plan Plan, j *Judge) []Item {
	rules := make(map[flux.Ref][]flux.IgnoreRule)
	var owners []flux.Ref
	for _, item := range plan.Items {
		if item.Action != ActionChange || item.Stick.Verdict != Reverted {
			continue
		}
		owner := item.Stick.Owner
		if rules[owner] == nil {
			owners = append(owners, owner)
		}
		rules[owner] = append(rules[owner], ruleFor(item))
	}
	slices.SortFunc(owners, flux.Ref.Compare)
	var items []Item
	for _, owner := range owners {
		items = append(items, DecidePin(j.known[owner], rules[owner]))
	}
	return items
}

// ruleFor is the narrowest rule that leaves an item's changed fields to us.
func ruleFor(item Item) flux.IgnoreRule {
	o := item.Object
	rule := flux.IgnoreRule{Target: &flux.IgnoreTarget{
		Group: regexp.QuoteMeta(o.Group), Kind: o.Kind, Namespace: o.Namespace, Name: regexp.QuoteMeta(o.Name),
	}}
	for _, c := range item.Changes {
		rule.Paths = append(rule.Paths, Pointer(c.Field))
	}
	return rule
}

// DecidePin plans to add rules to a Kustomization, as far as it does not have them. It is used again
// for a Kustomization that somebody else changed in the meantime.
func DecidePin(parent flux.Object, rules []flux.IgnoreRule) Item {
	item := Item{Object: parent, Action: ActionUnchanged, Reason: ReasonPinned, Message: "has the rules already"}
	if _, err := readPins(parent); err != nil {
		item.Action, item.Reason, item.Message = ActionSkip, ReasonBadRecord, err.Error()
		return item
	}
	for _, rule := range rules {
		if !slices.ContainsFunc(parent.Ignore, rule.Equal) {
			item.Rules = append(item.Rules, rule)
		}
	}
	if len(item.Rules) > 0 {
		item.Action, item.Message = ActionChange, fmt.Sprintf("leaves the changed fields of %d objects to fluxtune", len(item.Rules))
	}
	return item
}

// PinPatch returns the JSON merge patch that adds an item's rules to a Kustomization and notes them.
func PinPatch(item Item, stamp Stamp) ([]byte, error) {
	pins, err := readPins(item.Object)
	if err != nil {
		return nil, err
	}
	for _, rule := range item.Rules {
		pins.Rules = append(pins.Rules, Pin{Session: stamp.Session, Rule: rule})
	}
	return pinPatch(item, slices.Concat(item.Object.Ignore, item.Rules), pins)
}

// UnpinOptions say which rules go.
type UnpinOptions struct {
	// Session takes back only what the apply with this id added; "" takes back everything.
	Session string
	// Tuned are the objects whose fields stay tuned after the revert: their rules stay.
	Tuned func(flux.Ref) bool
	// Covered tells whether the revert looked at an object, or would have if it still existed: rules
	// for others stay.
	Covered func(flux.Ref) bool
}

// Unpin plans to take rules out of all Kustomizations that bear rules of fluxtune.
func Unpin(parents []flux.Object, opts UnpinOptions) []Item {
	var items []Item
	for _, parent := range parents {
		items = append(items, DecideUnpin(parent, opts))
	}
	return items
}

// DecideUnpin plans to take fluxtune's rules out of a Kustomization's spec.ignore. Rules that others
// wrote or changed stay.
func DecideUnpin(parent flux.Object, opts UnpinOptions) Item {
	item := Item{Object: parent, Action: ActionUnchanged, Reason: ReasonPinned, Message: "has no rules to take away"}
	pins, err := readPins(parent)
	if err != nil {
		item.Action, item.Reason, item.Message = ActionSkip, ReasonBadRecord, err.Error()
		return item
	}
	for _, pin := range pins.Rules {
		if opts.Session != "" && pin.Session != opts.Session {
			continue
		}
		target := pinned(pin.Rule)
		if opts.Covered(target) && !opts.Tuned(target) {
			item.Rules = append(item.Rules, pin.Rule)
		}
	}
	if len(item.Rules) > 0 {
		item.Action, item.Message = ActionChange, fmt.Sprintf("gives the fields of %d objects back to Git", len(item.Rules))
	}
	return item
}

// UnpinPatch returns the JSON merge patch that takes an item's rules away, and the annotation with the
// last of them.
func UnpinPatch(item Item) ([]byte, error) {
	pins, err := readPins(item.Object)
	if err != nil {
		return nil, err
	}
	goes := func(rule flux.IgnoreRule) bool { return slices.ContainsFunc(item.Rules, rule.Equal) }
	pins.Rules = slices.DeleteFunc(pins.Rules, func(p Pin) bool { return goes(p.Rule) })
	return pinPatch(item, slices.DeleteFunc(slices.Clone(item.Object.Ignore), goes), pins)
}

// pinned is the object that one of our rules is for.
func pinned(rule flux.IgnoreRule) flux.Ref {
	t := rule.Target
	if t == nil {
		return flux.Ref{}
	}
	return flux.Ref{Group: unquote(t.Group), Kind: t.Kind, Namespace: t.Namespace, Name: unquote(t.Name)}
}

var quoted = regexp.MustCompile(`\\(.)`)

// unquote undoes regexp.QuoteMeta.
func unquote(s string) string { return quoted.ReplaceAllString(s, "$1") }

func pinPatch(item Item, rules []flux.IgnoreRule, pins Pins) ([]byte, error) {
	var ignore, annotation any // null removes
	if len(rules) > 0 {
		ignore = rules
	}
	if len(pins.Rules) > 0 {
		value, err := json.Marshal(pins)
		if err != nil {
			return nil, fmt.Errorf("noting the rules of %s: %w", item.Object.Ref, err)
		}
		annotation = string(value)
	}
	data, err := json.Marshal(map[string]any{
		"metadata": map[string]any{
			"resourceVersion": item.Object.ResourceVersion,
			"annotations":     map[string]any{PinsAnnotation: annotation},
		},
		"spec": map[string]any{"ignore": ignore},
	})
	if err != nil {
		return nil, fmt.Errorf("writing the patch for %s: %w", item.Object.Ref, err)
	}
	return data, nil
}
