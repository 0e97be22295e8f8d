package manifest

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Target is one field of one object of one root.
type Target struct {
	Root  int // index of the Fleet
	Ref   flux.Ref
	Field flux.Field
}

// Decisions tell which scalar decides each value.
type Decisions struct {
	scalars []Scalar
	by      map[Target]int
	reach   map[int][]Target
	unknown map[Target]string
	// tied are the scalars that also decide what is no value of theirs alone, and what that is: another part of an object,
	// an object that Flux has no interval for. They are not edited.
	tied map[int]string
	// broken are the scalars that a build fails without.
	broken map[int]bool
	// copied are the scalars that decide a value of an object as a Kustomization applies it that is not the one that counts.
	copied map[int]bool
}

// Scalar is what decides a value; false where none does: the field is absent, or see Unknown.
func (d Decisions) Scalar(t Target) (Scalar, bool) {
	i, ok := d.by[t]
	if !ok {
		return Scalar{}, false
	}
	return d.scalars[i], true
}

// Reach are all values that follow the scalar that decides this one, itself among them.
func (d Decisions) Reach(t Target) []Target {
	i, ok := d.by[t]
	if !ok {
		return nil
	}
	return d.reach[i]
}

// Unknown says why no scalar is known to decide a value that is set; "" where one is, or the field is absent.
func (d Decisions) Unknown(t Target) string { return d.unknown[t] }

// OfChart is the value of a HelmRelease that the HelmChart which is made of it has as its interval.
func (d Decisions) OfChart(root int, release flux.Ref) Target {
	own := Target{root, release, flux.ChartInterval}
	if _, decided := d.by[own]; decided || d.unknown[own] != "" {
		return own
	}
	own.Field = flux.Interval
	return own
}

// Traced counts the values that a scalar decides, and all that are set.
func (d Decisions) Traced() (traced, set int) { return len(d.by), len(d.by) + len(d.unknown) }

// Decide finds the scalar behind every value of the fleets, which the Tree's Read has given: it puts a
// duration of its own in the place of each that may be one, builds all roots again, and sees which objects
// it reached. Bases, patches, components, replacements, variables and their defaults need no rules of
// their own.
func (t *Tree) Decide(fleets []Fleet) Decisions {
	d := Decisions{by: map[Target]int{}, reach: map[int][]Target{}, unknown: map[Target]string{}, tied: map[int]string{}, broken: map[int]bool{}, copied: map[int]bool{}}
	values := fleetValues(fleets)
	d.scalars = t.candidates(fleets, values)
	all := make([]int, len(d.scalars))
	for i := range all {
		all[i] = i
	}
	broken := t.probe(fleets, &d, values, all, t.outskirts(fleets))
	for _, i := range broken {
		d.broken[i] = true
	}
	d.tieOpenPatches(fleets)
	for target := range values {
		if _, ok := d.by[target]; ok {
			continue
		}
		d.unknown[target] = "no single scalar of the checkout is its value"
		for _, i := range broken {
			if d.scalars[i].Text == values[target] {
				d.unknown[target] = fmt.Sprintf("the build fails where %s has another value", d.scalars[i])
			}
		}
	}
	for _, reached := range d.reach {
		sorting.By(reached, compareTargets)
	}
	return d
}

func compareTargets(a, b Target) int {
	if a.Root != b.Root {
		return a.Root - b.Root
	}
	if c := a.Ref.Compare(b.Ref); c != 0 {
		return c
	}
	return strings.Compare(string(a.Field), string(b.Field))
}

// fleetValues are the texts of all tunable fields that are set.
func fleetValues(fleets []Fleet) map[Target]string {
	values := map[Target]string{}
	for i, f := range fleets {
		for _, o := range f.Snapshot.Objects {
			for _, tunable := range o.KindRow().Tunables {
				if v := o.Value(tunable.Field); v != nil {
					values[Target{i, o.Ref, tunable.Field}] = *v
				}
			}
		}
	}
	return values
}

// candidates are the durations, in the files that were built from, whose text is some value's, and what stands in the place
// of one and is none.
func (t *Tree) candidates(fleets []Fleet, values map[Target]string) []Scalar {
	texts, refused := map[string]bool{}, map[string]bool{}
	for target, text := range values {
		texts[text] = true
		if row, _ := flux.ParseManifestKind(target.Ref.Group, target.Ref.Kind); !strings.Contains(text, "$") {
			if tunable, _ := row.Tunable(target.Field); !isDuration(text, tunable) {
				refused[text] = true
			}
		}
	}
	for _, f := range fleets {
		f.copyTexts(texts)
	}
	var found []Scalar
	for _, file := range builtFrom(fleets) {
		content, err := t.ReadFile(file)
		if err != nil {
			continue
		}
		_ = guarded(file, func() error { // what panics has no candidate, and is left alone
			wrong := refusedScalars(file, content, refused)
			for _, s := range durations(file, content) {
				if texts[s.Text] && !slices.ContainsFunc(wrong, func(w Scalar) bool { return w.Offset <= s.Offset && s.Offset < w.Offset+len(w.Text) }) {
					found = append(found, s)
				}
			}
			found = append(found, wrong...)
			return nil
		})
	}
	return found
}

// builtFrom are the files that the fleets' builds read, sorted.
func builtFrom(fleets []Fleet) []string {
	files := map[string]bool{}
	for _, f := range fleets {
		for _, d := range f.deployments {
			for file := range d.built.read {
				files[file] = true
			}
		}
	}
	return sortedKeys(files)
}

// probe fills in what the given scalars decide, and returns those that a build breaks with: where all
// together do, they are halved until each of them is known. So they are where something becomes a text that no probe is: a function
// of a variable has changed one.
func (t *Tree) probe(fleets []Fleet, d *Decisions, values map[Target]string, scalars []int, unbuilt *outskirts) (broken []int) {
	if len(scalars) == 0 {
		return nil
	}
	probed := t.With(t.replaced(d.scalars, scalars, probeText)).reread(fleets)
	sound := sameObjects(fleets, probed)
	var odd []Target
	if sound {
		odd = d.oddities(values, fleetValues(probed))
	}
	if sound && (len(odd) == 0 || len(scalars) == 1) {
		d.take(values, probed, unbuilt)
		for _, target := range odd {
			d.tieTo(scalars[0], fmt.Sprintf("%s of %s, which a function of a variable makes of it", strings.TrimPrefix(string(target.Field), "spec."), target.Ref))
		}
		return nil
	}
	if len(scalars) == 1 {
		return scalars
	}
	half := len(scalars) / 2
	return append(t.probe(fleets, d, values, scalars[:half], unbuilt), t.probe(fleets, d, values, scalars[half:], unbuilt)...)
}

// take notes what probes reached.
func (d *Decisions) take(values map[Target]string, probed []Fleet, unbuilt *outskirts) {
	for target, text := range fleetValues(probed) {
		if i, ok := d.probeIndex(text); ok && d.scalars[i].Text == values[target] {
			d.by[target] = i
			d.reach[i] = append(d.reach[i], target)
		} else {
			d.tie(text, fmt.Sprintf("more of %s of %s than that", strings.TrimPrefix(string(target.Field), "spec."), target.Ref))
		}
	}
	for root, f := range probed {
		d.tieObjects(root, f, unbuilt)
	}
}

// oddities are the values that probes changed, sorted, and that have none in them as it was.
func (d *Decisions) oddities(values, probed map[Target]string) []Target {
	var odd []Target
	for target, text := range probed {
		known := slices.ContainsFunc(probeAnywhere.FindAllString(text, -1), func(p string) bool { _, ok := d.probeIndex(p); return ok })
		if text != values[target] && !known {
			odd = append(odd, target)
		}
	}
	sorting.By(odd, compareTargets)
	return odd
}

// tie notes the scalars whose probes are parts of a text, and what the text is.
func (d *Decisions) tie(text, what string) {
	for _, probe := range probeAnywhere.FindAllString(text, -1) {
		if i, ok := d.probeIndex(probe); ok {
			d.tieTo(i, what)
		}
	}
}

func (d *Decisions) tieTo(i int, what string) {
	if d.tied[i] == "" || what < d.tied[i] {
		d.tied[i] = what
	}
}

// tieObjects notes the scalars that reach anything else than tunable fields and what leads to them.
func (d *Decisions) tieObjects(root int, f Fleet, unbuilt *outskirts) {
	for by, deployed := range f.deployments {
		for _, o := range deployed.objects {
			for _, name := range o.uses { // only the fingerprint is kept
				d.tie(deployed.vars.values[name], o.ref.String())
			}
			for _, text := range o.probes {
				d.tie(text, o.ref.String())
			}
			if !probeAnywhere.Match(o.json) {
				continue
			}
			var object any
			_ = json.Unmarshal(o.json, &object)
			row, _ := flux.ParseManifestKind(o.ref.Group, o.ref.Kind)
			another := by.Name != "" && f.owners[o.ref] != by
			eachText("", object, func(path, text string) {
				_, tunable := row.Tunable(flux.Field(path))
				if i, ok := d.probeIndex(text); ok && tunable && another {
					d.copied[i] = true
				}
				if !tunable && !unbuilt.carries(root, o.ref, path) {
					d.tie(text, path+" of "+o.ref.String())
				}
			})
		}
	}
}

// eachText visits the texts of a value, with their paths with dots; of a list's parts that of the list.
func eachText(path string, value any, visit func(path, text string)) {
	switch v := value.(type) {
	case map[string]any:
		for key, part := range v {
			visit(path, key)
			eachText(strings.TrimPrefix(path+"."+key, "."), part, visit)
		}
	case []any:
		for _, part := range v {
			eachText(path, part, visit)
		}
	case string:
		visit(path, v)
	}
}

// replaced are the files' contents with other texts in the place of the given scalars.
func (t *Tree) replaced(all []Scalar, which []int, text func(int) string) map[string][]byte {
	files := map[string][]int{}
	for _, i := range which {
		files[all[i].File] = append(files[all[i].File], i)
	}
	edits := make(map[string][]byte, len(files))
	for file, indices := range files {
		content, err := t.ReadFile(file)
		if err != nil {
			continue
		}
		sorting.By(indices, func(a, b int) int { return all[a].Offset - all[b].Offset })
		var scalars []Scalar
		var texts []string
		for _, i := range indices {
			scalars = append(scalars, all[i])
			texts = append(texts, text(i))
		}
		edits[file] = splice(content, scalars, texts)
	}
	return edits
}

// sameObjects tells whether two readings have the same objects, and the same builds failed.
func sameObjects(a, b []Fleet) bool {
	for i := range a {
		x, y := a[i], b[i]
		if !slices.EqualFunc(x.Snapshot.Objects, y.Snapshot.Objects, func(o, p flux.Object) bool { return o.Ref == p.Ref }) {
			return false
		}
		for ref, d := range x.deployments {
			if e := y.deployments[ref]; e == nil || (d.built.err == nil) != (e.built.err == nil) {
				return false
			}
		}
	}
	return true
}
