package tune

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Pinning tells whether a Kustomization bears rules of ours, or the annotation that names some.
func Pinning(o flux.Object) bool {
	_, pinning := o.Annotations[PinsAnnotation]
	return pinning
}

// OurRules are the rules in a Kustomization's spec.ignore that fluxtune added.
func OurRules(o flux.Object) []flux.IgnoreRule {
	ours, _ := partRules(o)
	return ours
}

// areOurs tells of each rule in a Kustomization's list whether it is ours: all who part the list ask here. The note tells which are,
// whoever owns the list: that has one owner for all its rules. All of a list that somebody has adopted are theirs.
func areOurs(o flux.Object) []bool {
	ours := make([]bool, len(o.Ignore))
	if len(ours) == 0 || !Pinning(o) || len(adopters(o)) > 0 {
		return ours
	}
	p := readPins(o)
	for i, r := range slices.Backward(o.Ignore) { // ours come last: of two that are equal the first is somebody's
		ours[i] = p.take(r)
	}
	return ours
}

// partRules parts a Kustomization's rules into ours and those of others.
func partRules(o flux.Object) (ours, others []flux.IgnoreRule) {
	for i, our := range areOurs(o) {
		if our {
			ours = append(ours, o.Ignore[i])
		} else {
			others = append(others, o.Ignore[i])
		}
	}
	return ours, others
}

func ignoreSetters(o flux.Object) []flux.Manager {
	return append(slices.DeleteFunc(o.OwnersOf(flux.IgnoreField), func(m flux.Manager) bool { return !setsIgnore(o, m) }), declaredIgnore(o)...)
}

// Targets are the objects that one of our rules names.
func Targets(rule flux.IgnoreRule) []flux.Ref {
	t := rule.Target
	if t == nil {
		return nil
	}
	names, ok := splitNames(t.Name)
	if !ok {
		return nil
	}
	var refs []flux.Ref
	for _, name := range names {
		refs = append(refs, flux.Ref{Group: unquote(t.Group), Kind: t.Kind, Namespace: t.Namespace, Name: name})
	}
	return refs
}

// Need is what an owner must leave to us of one object.
type Need struct {
	Object flux.Ref
	Fields []flux.Field
}

// Needed is what owners must leave to us, as records say.
type Needed struct {
	by map[flux.Ref][]Need
	// unknown are the objects of which nobody knows: they could not be read, or their record could not.
	unknown map[flux.Ref]bool
	// lapsed are fields that records call pinned, and for which no rule comes back.
	lapsed map[flux.Ref][]flux.Field
	// before are the fields that an owner left to us before the run whose end it is; nil: nobody has set rules of it.
	before map[flux.Ref][]flux.Field
}

// Needs reads records: of every object the fields that its record calls pinned. Unread are objects that could not be read.
func Needs(objects iter.Seq[*flux.Object], unread ...flux.Ref) Needed {
	n := Needed{by: make(map[flux.Ref][]Need), unknown: make(map[flux.Ref]bool), lapsed: make(map[flux.Ref][]flux.Field)}
	for _, ref := range unread {
		n.unknown[ref] = true
	}
	for o := range objects {
		owner, owned := o.Owner()
		if !owned || !Tuned(*o) {
			continue
		}
		record, err := ReadRecord(*o)
		if err != nil {
			n.unknown[o.Ref] = true
			continue
		}
		if fields := record.Pinned(); len(fields) > 0 {
			n.by[owner] = append(n.by[owner], Need{o.Ref, fields})
		}
		if fields := record.lapsed(*o); len(fields) > 0 {
			n.lapsed[o.Ref] = fields
		}
	}
	return n
}

// lapsed are the fields of an object that its record calls pinned, and that are not as we set them any more: who applies the object has
// set them since, or they are as they were before.
func (r *Record) lapsed(o flux.Object) []flux.Field {
	return slices.DeleteFunc(r.Pinned(), func(f flux.Field) bool {
		s, keep, _ := r.standingOf(r.chain(f), o, f)
		return s != released && (s != restored || keep > 0)
	})
}

// Since are the needs of an owner at the end of a run that was to set rules of it, and before which it was like this. A rule that came
// with the run counts as if it were not there: nothing that its object was before was ever held by it.
func (n Needed) Since(before flux.Object) Needed {
	n.before = leftBy(OurRules(before))
	return n
}

// Of is what one owner must leave to us, as far as is known.
func (n Needed) Of(owner flux.Ref) []Need { return n.by[owner] }

// Pin plans the rules of an owner: for what records need, and for what is planned beside. Of objects of which nobody knows,
// what its rules say stays. A rule that is gone does not come back for a field that has been set since: it would freeze that value.
func (n Needed) Pin(owner flux.Object, planned ...Need) Pin {
	recorded, _ := n.standing(owner)
	needs := slices.Concat(planned, recorded)
	for _, need := range needsOf(OurRules(owner)) {
		if n.unknown[need.Object] {
			needs = append(needs, need)
		}
	}
	objects := make(map[flux.Ref]bool)
	for _, need := range needs {
		objects[need.Object] = true
	}
	return Pin{Owner: owner, Rules: Rules(needs), Objects: len(objects)}
}

// Undone are the objects of an owner with a field that its record calls pinned, that has been set since, and whose rule is gone.
func (n Needed) Undone(owner flux.Object) []flux.Ref {
	_, undone := n.standing(owner)
	return undone
}

// standing is what records need of an owner, and the objects with a field of which that is over. A field that has been set since stays
// under a rule that is there: a hand may have set it under that, and its owner adopted it. Which rules a killed run has added, nothing
// tells: they stay, too, until the pin is run again or taken back.
func (n Needed) standing(owner flux.Object) (needs []Need, undone []flux.Ref) {
	there := leftBy(OurRules(owner))
	for _, need := range n.by[owner.Ref] {
		fields := slices.DeleteFunc(slices.Clone(need.Fields), func(f flux.Field) bool {
			held := slices.Contains(there[need.Object], f) && (n.before == nil || slices.Contains(n.before[need.Object], f))
			return slices.Contains(n.lapsed[need.Object], f) && !held
		})
		if len(fields) < len(need.Fields) {
			undone = append(undone, need.Object)
		}
		if len(fields) > 0 {
			needs = append(needs, Need{need.Object, fields})
		}
	}
	return needs, undone
}

// PinnedBy is the owner whose rules hold fields of an object, by the object's record; false where none needs to.
func PinnedBy(o flux.Object) (owner flux.Ref, pinned bool) {
	owner, owned := o.Owner()
	if !owned {
		return owner, false
	}
	record, err := ReadRecord(o)
	return owner, err == nil && len(record.Pinned()) > 0
}

// Rules writes needs as rules: one for all objects of a kind and namespace whose fields are the same. Needs of one
// object are added up.
func Rules(needs []Need) []flux.IgnoreRule {
	fields := make(map[flux.Ref][]flux.Field)
	for _, n := range needs {
		fields[n.Object] = append(fields[n.Object], n.Fields...)
	}
	type class struct{ group, kind, namespace, paths string }
	names := make(map[class][]string)
	for ref, list := range fields {
		slices.Sort(list)
		var paths []string
		for _, f := range slices.Compact(list) {
			paths = append(paths, Pointer(f))
		}
		c := class{ref.Group, ref.Kind, ref.Namespace, strings.Join(paths, ",")}
		names[c] = append(names[c], ref.Name)
	}
	list := make([]flux.IgnoreRule, 0, len(names))
	for c, n := range names {
		slices.Sort(n)
		list = append(list, flux.IgnoreRule{Paths: strings.Split(c.paths, ","), Target: &flux.IgnoreTarget{
			Group: joinNames([]string{c.group}), Kind: c.kind, Namespace: c.namespace, Name: joinNames(n),
		}})
	}
	sorting.By(list, func(a, b flux.IgnoreRule) int {
		key := func(r flux.IgnoreRule) string {
			return strings.Join([]string{r.Target.Namespace, r.Target.Kind, r.Target.Name, strings.Join(r.Paths, ",")}, "\x00")
		}
		return strings.Compare(key(a), key(b))
	})
	return list
}

// Pin brings the rules of one Kustomization to what the records of its objects need: no more of ours, and no
// less.
type Pin struct {
	Owner flux.Object
	Rules []flux.IgnoreRule
	// Objects that the rules name.
	Objects int
}

// ChangesRules tells whether rules of ours come or go. Where there are none, and none come, only the note of them goes.
func (p Pin) ChangesRules() bool { return len(p.Rules) > 0 || len(OurRules(p.Owner)) > 0 }

// AdoptedBy is who has declared rules that we added; "" where nobody has, or none of them is left.
func (p Pin) AdoptedBy() string {
	by, notes := adopters(p.Owner), readPins(p.Owner)
	if len(by) == 0 || !slices.ContainsFunc(p.Owner.Ignore, notes.take) {
		return ""
	}
	return by[0].Name
}

func fieldsOf(r flux.IgnoreRule) []flux.Field {
	var fields []flux.Field
	for _, path := range r.Paths {
		fields = append(fields, flux.Field(strings.ReplaceAll(strings.TrimPrefix(path, "/"), "/", ".")))
	}
	return fields
}

// needsOf are the needs that rules of ours serve.
func needsOf(rules []flux.IgnoreRule) (needs []Need) {
	for _, rule := range rules {
		for _, ref := range Targets(rule) {
			needs = append(needs, Need{ref, fieldsOf(rule)})
		}
	}
	return needs
}

// leftBy are the fields that rules of ours leave to us.
func leftBy(rules []flux.IgnoreRule) map[flux.Ref][]flux.Field {
	fields := make(map[flux.Ref][]flux.Field)
	for _, need := range needsOf(rules) {
		fields[need.Object] = append(fields[need.Object], need.Fields...)
	}
	return fields
}

// adds are the objects of which rules leave more to us than others do.
func adds(wanted, have []flux.IgnoreRule) []flux.Ref {
	type field struct {
		object flux.Ref
		field  flux.Field
	}
	there := make(map[field]bool)
	for _, n := range needsOf(have) {
		for _, f := range n.Fields {
			there[field{n.Object, f}] = true
		}
	}
	var more []flux.Ref
	for _, n := range needsOf(wanted) {
		if slices.ContainsFunc(n.Fields, func(f flux.Field) bool { return !there[field{n.Object, f}] }) {
			more = append(more, n.Object)
		}
	}
	return more
}

// Adds are the objects of which the owner is to leave more to us than it did when it was read.
func (p Pin) Adds() []flux.Ref { return adds(p.Rules, OurRules(p.Owner)) }

// Drops are the objects of which the owner leaves more to us than it is to.
func (p Pin) Drops() []flux.Ref { return adds(OurRules(p.Owner), p.Rules) }

// Awaited tells whether the owner has to notice new rules before what they name is changed.
func (p Pin) Awaited() bool { return len(p.Adds()) > 0 }

// maxObject is how large an object may become, in bytes of JSON: etcd takes requests of 1.5 MiB
// (etcd server/embed, DefaultMaxRequestBytes), and the API server adds managed fields.
const maxObject = 1280 << 10

// refused is why rules cannot be added to an owner, or not now: no reason where they can, and where none are added.
func (p Pin) refused(opts Options) (Reason, string) {
	if why := p.TooLarge(); why != "" {
		return ReasonCannotPin, "cannot be pinned: " + why
	}
	if opts.Graph == nil || len(p.Adds()) == 0 {
		return "", ""
	}
	if why := breaksOff(p.Owner, opts.Graph.Controllers); why != "" {
		return ReasonRollingOut, fmt.Sprintf("cannot be pinned now: its owner %s %s", p.Owner.Ref, strings.TrimPrefix(why, "it "))
	}
	return "", ""
}

// TooLarge says that an owner would not take the rules, and how large it would become; "" where it takes them.
func (p Pin) TooLarge() string {
	data, err := json.Marshal(p.Rules)
	if err != nil || p.Owner.Size+len(data) <= maxObject {
		return ""
	}
	return fmt.Sprintf("%s would have %d KiB with rules for %d objects, and the API server takes %d: choose fewer objects",
		p.Owner.Ref, (p.Owner.Size+len(data))>>10, p.Objects, maxObject>>10)
}
