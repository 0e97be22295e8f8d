package manifest

import (
	"cmp"
	"fmt"
	"slices"
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
	// Refused are the wants that no edit brings about.
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
	To  string
	Why string
}

// rewriter finds the edits for what is wanted.
type rewriter struct {
	*atlas
	decisions Decisions
	planned   map[Target]string
	scalars   map[int]string // index of the scalar -> its new text
	needs     map[spot]*need
	refused   map[Target]string
}

// need is an object that takes a patch.
type need struct {
	spot
	values []fieldValue
	absent bool // none of the fields is there yet
	places []place
	at     int
	why    string
}

// key tells apart what is to be set.
func (n *need) key() string { return fmt.Sprint(n.ref.Group, n.ref.Kind, n.values) }

// Rewrite finds the smallest change of the Tree's files that gives the wanted values and no other: a scalar
// where everything that it decides wants the same, else a patch at the nearest place that reaches just the
// objects that want it. The result was tried: all roots were built with it, and exactly what is wanted and not
// refused differs. The fleets and decisions are those of the same Tree.
func (t *Tree) Rewrite(fleets []Fleet, decisions Decisions, wants []Want) (Rewriting, error) {
	w := &rewriter{
		atlas: newAtlas(t, fleets), decisions: decisions, planned: map[Target]string{},
		scalars: map[int]string{}, needs: map[spot]*need{}, refused: map[Target]string{},
	}
	for _, want := range wants {
		for _, c := range want.Changes {
			if c.To == nil {
				return Rewriting{}, fmt.Errorf("%s: %s cannot be taken away", want.Ref, c.Field)
			}
			w.planned[Target{want.Root, want.Ref, c.Field}] = *c.To
		}
	}
	w.sort(wants)
	w.prefer()
	for {
		files, patches, err := w.compose()
		if err != nil {
			return Rewriting{}, err
		}
		wrong := w.try(files)
		if len(wrong) == 0 {
			return w.result(files, patches), nil
		}
		if !w.advance(wrong) {
			return Rewriting{}, fmt.Errorf("nothing is written: %s", strings.Join(wrong.reasons(), "; "))
		}
	}
}

// sort decides for each want between its scalar and a patch.
func (w *rewriter) sort(wants []Want) {
	for _, want := range wants {
		s := spot{want.Root, want.Ref}
		for _, c := range want.Changes {
			target := Target{want.Root, want.Ref, c.Field}
			if i, ok := w.decisions.by[target]; ok && w.sharedWish(i) && w.editable(i) {
				w.scalars[i] = *c.To
				continue
			}
			if w.needs[s] == nil {
				w.needs[s] = &need{spot: s, absent: true, places: w.places(s)}
			}
			w.needs[s].absent = w.needs[s].absent && c.From == nil
			w.needs[s].values = append(w.needs[s].values, fieldValue{c.Field, *c.To})
		}
	}
}

// patchLines is how many lines a patch takes that sets one field.
const patchLines = 7

// prefer decides between an object's own document and a patch: fields that are there cannot be added, and
// where a patch takes fewer lines than all the documents that it spares, it is the smaller change.
func (w *rewriter) prefer() {
	own := func(n *need) bool { return len(n.places) > 0 && n.places[0].own }
	members := map[string][]*need{}
	for _, n := range w.needs {
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
func (w *rewriter) sharedWish(i int) bool {
	if w.decisions.tied[i] {
		return false
	}
	first := ""
	for _, target := range w.decisions.reach[i] {
		to, ok := w.planned[target]
		if !ok || first != "" && !flux.SameDuration(&first, &to) {
			return false
		}
		first = cmp.Or(first, to)
	}
	return true
}

// editable tells whether a scalar's bytes may be changed, and can be without anything else.
func (w *rewriter) editable(i int) bool {
	s := w.decisions.scalars[i]
	if w.tree.untouchable(s.File) != "" {
		return false
	}
	content, err := w.tree.ReadFile(s.File)
	if err != nil || templated(content, s) {
		return false
	}
	_, err = SetScalars(content, []Scalar{s}, []string{probeText(0)})
	return err == nil
}

// compose makes the files' new contents: scalars first, then patches.
func (w *rewriter) compose() (map[string][]byte, map[place][]patch, error) {
	files := map[string][]byte{}
	byFile := map[string][]int{}
	for i := range w.scalars {
		byFile[w.decisions.scalars[i].File] = append(byFile[w.decisions.scalars[i].File], i)
	}
	for file, indices := range byFile {
		slices.SortFunc(indices, func(a, b int) int { return w.decisions.scalars[a].Offset - w.decisions.scalars[b].Offset })
		var scalars []Scalar
		var texts []string
		for _, i := range indices {
			scalars, texts = append(scalars, w.decisions.scalars[i]), append(texts, w.scalars[i])
		}
		content, err := w.tree.ReadFile(file)
		if err == nil {
			files[file], err = SetScalars(content, scalars, texts)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	patches := w.group()
	for _, p := range sortedPlaces(patches) {
		content, ok := files[p.file]
		if !ok {
			var err error
			if content, err = w.tree.ReadFile(p.file); err != nil {
				return nil, nil, err
			}
		}
		edited, err := p.add(content, patches[p])
		if err != nil {
			w.leave(p, fmt.Sprintf("%s: %s", p.file, err))
			return w.compose()
		}
		files[p.file] = edited
	}
	return files, patches, nil
}

// add writes patches into a file's content.
func (p place) add(content []byte, patches []patch) ([]byte, error) {
	if p.own {
		return addFields(content, p.kind, p.name, patches[0].values)
	}
	return addPatches(content, p.name, patches)
}

// String names a root for people.
func (r Root) String() string { return cmp.Or(r.Path, ".") }
