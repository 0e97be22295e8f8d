package manifest

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// Want is what a plan changes of one object of one root.
type Want struct {
	Root    int // index of the Fleet
	Ref     flux.Ref
	Changes []tune.Change
}

// Rewriting is the change of the checkout that brings about what was wanted.
type Rewriting struct {
	// Files are the new contents of the files that change, by their paths.
	Files map[string][]byte
	// Values are the scalars that change, and Patches the patches that were added, in the order of files.
	Values  []ValueEdit
	Patches []PatchEdit
	// Refused are the wants that no edit brings about. Of an object all or none are among them: a timeout that follows
	// the interval must not follow it because it could not be set.
	Refused []Refusal
}

// ValueEdit is one scalar that gets another text.
type ValueEdit struct {
	Scalar
	To string
	// Targets are all values that follow.
	Targets []Target
}

// PatchEdit is one patch that was added.
type PatchEdit struct {
	File string
	// Kustomization of Flux whose spec.patches it was added to; "" where it was to a kustomization's patches.
	Kustomization string
	// Own says that it is no patch: the fields were added to the object's own document.
	Own     bool
	Kind    string
	Names   []string // none: all of the kind
	Changes []tune.Change
	// Targets are all values that it sets.
	Targets []Target
}

// Refusal is a want that is left as it is, and why.
type Refusal struct {
	Target
	To string
	Obstacle
}

// Obstacle says why a value is left as it is.
type Obstacle struct {
	Why string
	// File is one that is not to be edited, and Kept says why, where that alone is in the way; "" otherwise.
	File, Kept string
}

// rewriter finds the edits for what is wanted. It makes a draft of them, tries it, learns what does not do, and makes
// another one of what is left.
type rewriter struct {
	*atlas
	decisions Decisions
	wanted    map[spot][]tune.Change
	order     []spot
	editable  map[int]bool // the scalars whose bytes may be changed, as far as is known
	chosen    Chosen
	spared    map[int]bool // scalars that bystanders may follow, as far as is known
	makings   map[making]made
	headings  map[string][]heading // of the documents of files, in their order

	// What was learned. It only grows, but where a scalar turns out not to be editable, so that there is an end.
	left  map[spot]map[flux.Field]Obstacle // objects that stay as they are, and why each field does
	given map[int]string                   // scalars that are not edited, and why
	tried map[spot]int                     // the place that is next, of objects that take a patch
	why   map[spot]string                  // why the places before it do not do
	taken map[int]bool                     // scalars that are edited although there are bystanders: there is no other place
}

// draft is a set of edits: what follows from what was learned so far, or a part of that.
type draft struct {
	planned map[spot]map[flux.Field]string // what it is to bring about
	scalars map[int]string                 // index of the scalar -> its new text
	needs   map[spot]*need
}

// need is an object that takes a patch.
type need struct {
	spot
	values []fieldValue
	absent bool // none of the fields is there yet
	places []place
	at     int
}

// key tells apart what is to be set.
func (n *need) key() string { return fmt.Sprint(n.ref.Group, n.ref.Kind, n.values) }

// Rewrite finds the smallest change of the Tree's files that gives the wanted values and no other: a scalar
// where everything that it decides wants the same, else a patch at the nearest place that reaches just the
// objects that want it. The changes of an object are made together or not at all. The result was tried: all roots were
// built with it, and exactly what is wanted and not refused differs. The fleets and decisions are those of the same Tree.
func (t *Tree) Rewrite(fleets []Fleet, decisions Decisions, wants []Want) (Rewriting, error) {
	return t.RewritePart(fleets, decisions, wants, nil)
}

// RewritePart is Rewrite for a part of the checkout's objects. Where there is a choice, it changes what no other object can
// ever follow: not a base whose value another overlay only happens to replace today.
func (t *Tree) RewritePart(fleets []Fleet, decisions Decisions, wants []Want, chosen Chosen) (Rewriting, error) {
	w := &rewriter{
		atlas: newAtlas(t, fleets), decisions: decisions, wanted: map[spot][]tune.Change{},
		chosen: chosen, spared: map[int]bool{}, headings: map[string][]heading{},
	}
	w.unlearn()
	for _, want := range wants {
		for _, c := range want.Changes {
			if c.To == nil {
				return Rewriting{}, fmt.Errorf("%s: %s cannot be taken away", want.Ref, c.Field)
			}
		}
		s := spot{want.Root, want.Ref}
		if w.wanted[s] == nil {
			w.order = append(w.order, s)
		}
		w.wanted[s] = append(w.wanted[s], want.Changes...)
	}
	sortSpots(w.order)
	w.editable = w.editableScalars()
	for {
		d, ok := w.draft()
		if !ok {
			continue
		}
		files, patches, ok := w.compose(d)
		if !ok {
			continue
		}
		wrong := w.try(d, files)
		if len(wrong) == 0 {
			return w.result(d, files, patches), nil
		}
		if !w.learn(d, wrong) {
			return Rewriting{}, fmt.Errorf("nothing is written: %s", strings.Join(wrong.reasons(), "; "))
		}
	}
}

// draft decides for each value between its scalar and a patch. It is false where that showed that an object has to stay as
// it is: then others may not share its scalar any more.
func (w *rewriter) draft() (*draft, bool) {
	d := &draft{planned: map[spot]map[flux.Field]string{}, scalars: map[int]string{}, needs: map[spot]*need{}}
	for _, s := range w.order {
		if w.left[s] != nil {
			continue
		}
		d.planned[s] = map[flux.Field]string{}
		for _, c := range w.wanted[s] {
			d.planned[s][c.Field] = *c.To
		}
	}
	for _, s := range w.order {
		if w.left[s] != nil {
			continue
		}
		for _, c := range w.wanted[s] {
			if i, ok := w.decisions.by[Target{s.root, s.ref, c.Field}]; ok && w.given[i] == "" && w.editable[i] && !w.sparing(i) && w.sharedWish(d, i) {
				d.scalars[i] = *c.To
				continue
			}
			if d.needs[s] == nil {
				d.needs[s] = &need{spot: s, absent: true, places: w.places(s)}
			}
			n := d.needs[s]
			n.absent = n.absent && c.From == nil
			n.values = append(n.values, fieldValue{c.Field, *c.To})
		}
	}
	w.prefer(d)
	for _, n := range d.needs {
		n.at = max(n.at, w.tried[n.spot])
	}
	return d, w.settle(d)
}

// leave gives up an object, because no place takes a patch for what it needs.
func (w *rewriter) leave(d *draft, n *need) {
	reasons := map[flux.Field]Obstacle{}
	for _, v := range n.values {
		reasons[v.field] = w.because(d, n, v.field)
	}
	for _, c := range w.wanted[n.spot] {
		if reasons[c.Field].Why == "" {
			first := n.values[0].field
			why := fmt.Sprintf("it changes together with its %s or not at all, and that cannot be set", strings.TrimPrefix(string(first), "spec."))
			reasons[c.Field] = Obstacle{why, reasons[first].File, reasons[first].Kept}
		}
	}
	w.left[n.spot] = reasons
}

// move sends an object to its next place.
func (w *rewriter) move(n *need, why string) {
	n.at++
	w.tried[n.spot], w.why[n.spot] = n.at, why
}

// patchLines is how many lines a patch takes that sets one field.
const patchLines = 7

// prefer decides between an object's own document and a patch: fields that are there cannot be added, and
// where a patch takes fewer lines than all the documents that it spares, it is the smaller change.
func (w *rewriter) prefer(d *draft) {
	own := func(n *need) bool { return len(n.places) > 0 && n.places[0].own }
	members := map[string][]*need{}
	for _, n := range d.needs {
		switch {
		case !own(n):
		case !n.absent:
			n.at = 1
		case len(n.places) > 1:
			key := fmt.Sprint(n.places[1], n.key())
			members[key] = append(members[key], n)
		}
	}
	for _, needs := range members {
		documents := map[place]bool{}
		for _, n := range needs {
			documents[n.places[0]] = true
		}
		for _, n := range needs {
			if len(documents) > patchLines {
				n.at = 1
			}
		}
	}
}

// sharedWish tells whether all that a scalar decides wants the same value.
func (w *rewriter) sharedWish(d *draft, i int) bool {
	if w.decisions.tied[i] != "" {
		return false
	}
	first := ""
	for _, target := range w.decisions.reach[i] {
		to, ok := d.planned[spot{target.Root, target.Ref}][target.Field]
		if !ok || first != "" && !flux.SameDuration(&first, &to) {
			return false
		}
		first = cmp.Or(first, to)
	}
	return true
}

// unlearn forgets what was learned.
func (w *rewriter) unlearn() {
	w.left, w.given, w.tried = map[spot]map[flux.Field]Obstacle{}, map[int]string{}, map[spot]int{}
	w.why, w.taken = map[spot]string{}, map[int]bool{}
}

// String names a root for people.
func (r Root) String() string { return cmp.Or(r.Path, ".") }
