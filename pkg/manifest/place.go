package manifest

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"cmp"
	"path"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// place is where a value can be set: the object's own document, a kustomization's patches, or the
// spec.patches of a Flux Kustomization.
type place struct {
	file string
	// kind and name of the document; "" where the file is a kustomization.
	kind, name string
	// nth of that kind and name in the file, from 0: there may be others in other namespaces, and of other groups.
	nth int
	// own says that the document is the object's.
	own bool
	// original says that a patch there finds objects by the names in their files: a kustomization changes names after it has
	// patched. A target finds the first name of an object and the present one (kustomize api/resmap/reswrangler.go, Select).
	original bool
}

// spot is an object of a root.
type spot struct {
	root int
	ref  flux.Ref
}

// atlas knows which objects a patch at a place would see.
type atlas struct {
	tree   *Tree
	fleets []Fleet
	// What was looked up is kept: the files that a folder of an artifact includes, as reach tells; the objects of
	// deployments; the documents in files; the objects that a place sees, and these by kinds and names; places.
	reaches map[string]map[string]bool
	objects map[*deployment]map[flux.Ref]string // their files
	locator *Locator
	seen    map[place][]spot
	byName  map[place]map[[2]string][]spot
	found   map[spot][]place
	// originals are the names that objects have in their files, and nth tells apart the documents of one kind and name there.
	originals map[spot]string
	nth       map[*yaml.Node]int
	// kustomizing are the kustomizations of deployments, and kept says why files are not to be changed; "" of others.
	kustomizing map[*deployment][]string
	kept        map[string]string
	// barred says of objects why the first place that may not be edited is left out.
	barred map[spot]keptFile
	// unbuilt are the files that something may use which is not built: they are not edited.
	unbuilt *outskirts
	// strays may use files, too, for a cluster that was not found: they are not edited either.
	strays []straying
}

// site is the place that is the same for all objects that are written in one file.
func (p place) site() place {
	if p.own {
		return place{file: p.file, own: true}
	}
	return p
}

func newAtlas(t *Tree, fleets []Fleet) *atlas {
	return &atlas{
		tree: t, fleets: fleets, reaches: map[string]map[string]bool{}, objects: map[*deployment]map[flux.Ref]string{},
		locator: NewLocator(t), seen: map[place][]spot{}, byName: map[place]map[[2]string][]spot{}, found: map[spot][]place{}, originals: map[spot]string{}, nth: map[*yaml.Node]int{},
		kustomizing: map[*deployment][]string{}, kept: map[string]string{}, barred: map[spot]keptFile{}, unbuilt: t.outskirts(fleets), strays: t.straying(fleets),
	}
}

// fileOf is the file that an object of a deployment comes from; "" where it was generated.
func (a *atlas) fileOf(d *deployment, ref flux.Ref) string {
	files, known := a.objects[d]
	if !known {
		files = map[flux.Ref]string{}
		for _, o := range d.objects {
			files[o.ref] = o.origin
		}
		a.objects[d] = files
	}
	return files[ref]
}

// places lists where a patch of an object could stand, the nearest first: its own document, the kustomizations between its
// file and the folder that is built, then the Flux Kustomization that applies it.
func (a *atlas) places(s spot) []place {
	if found, known := a.found[s]; known {
		return found
	}
	found := a.findPlaces(s)
	a.found[s] = found
	return found
}

func (a *atlas) findPlaces(s spot) []place {
	f := a.fleets[s.root]
	d := f.deployments[f.owners[s.ref]]
	if d == nil {
		return nil
	}
	origin := a.fileOf(d, s.ref)
	type near struct {
		place
		reach int
	}
	var found []near
	for _, k := range a.kustomizations(d) {
		own := parent(k) == d.folder
		if reached := a.reach(d, parent(k)); own || reached[origin] {
			found = append(found, near{place{file: d.tree.origin(k)}, len(reached)})
		}
	}
	sorting.By(found, func(x, y near) int { return cmp.Compare(x.reach, y.reach) })
	var shared []place
	for _, n := range found {
		shared = append(shared, n.place)
	}
	if o, ok := a.manifest(s.root, d); ok {
		shared = append(shared, o)
	}
	var places []place
	original := a.originalName(s)
	if origin != "" {
		places = append(places, a.written(d, s))
	}
	for _, p := range shared {
		places = append(places, p)
		if original != s.ref.Name {
			p.original = true
			places = append(places, p)
		}
	}
	return slices.DeleteFunc(places, func(p place) bool {
		why := a.untouchable(p.file)
		if _, known := a.barred[s]; why != "" && !known {
			a.barred[s] = keptFile{p.file, why}
		}
		return why != ""
	})
}

// keptFile is a file that must not be edited, and why.
type keptFile struct{ file, why string }

// String is "" where there is none.
func (k keptFile) String() string {
	if k.file == "" {
		return ""
	}
	return k.file + ": " + k.why
}

// untouchable says why a file is not to be changed; "" where it may be.
func (a *atlas) untouchable(file string) string {
	why, known := a.kept[file]
	if !known {
		why = cmp.Or(a.tree.Untouchable(file), a.unbuilt.why(file), strayUser(a.strays, file))
		a.kept[file] = why
	}
	return why
}

// manifest is the file that a deployment's Kustomization is written in.
func (a *atlas) manifest(root int, d *deployment) (place, bool) {
	f := a.fleets[root]
	owner := f.deployments[f.owners[d.ref()]]
	if owner == nil {
		return place{}, false
	}
	p := a.written(owner, spot{root, d.ref()})
	p.own = false
	return p, p.file != ""
}

// kustomizations are those that a deployment's build read, by their paths in its Tree.
func (a *atlas) kustomizations(d *deployment) []string {
	found, known := a.kustomizing[d]
	if known {
		return found
	}
	for p := range d.built.read {
		if isKustomization(p) && !d.moved && d.tree.isFile(p) {
			found = append(found, p)
		}
	}
	if d.moved {
		for _, p := range d.tree.Files() {
			if isKustomization(p) && d.built.read[d.tree.origin(p)] {
				found = append(found, p)
			}
		}
	}
	slices.Sort(found)
	a.kustomizing[d] = found
	return found
}

// reach is Tree.reach with the paths of the checkout.
func (a *atlas) reach(d *deployment, folder string) map[string]bool {
	key := d.key + "\x00" + folder
	if found, ok := a.reaches[key]; ok {
		return found
	}
	found := map[string]bool{}
	for p := range d.tree.reach(folder) {
		found[d.tree.origin(p)] = true
	}
	a.reaches[key] = found
	return found
}

// named are the objects of a kind that a patch at a place finds by a name: their first names count, too.
func (a *atlas) named(p place, kind, name string) []spot {
	p = p.site()
	index, known := a.byName[p]
	if !known {
		index = map[[2]string][]spot{}
		for _, s := range a.sees(p) {
			key := [2]string{s.ref.Kind, s.ref.Name}
			index[key] = append(index[key], s)
			if original := a.originalName(s); original != s.ref.Name {
				key[1] = original
				index[key] = append(index[key], s)
			}
		}
		a.byName[p] = index
	}
	return index[[2]string{kind, name}]
}

// sees are the Flux objects that a patch at a place would see, in all roots.
func (a *atlas) sees(p place) []spot {
	p = p.site()
	if found, ok := a.seen[p]; ok {
		return found
	}
	var found []spot
	for i, f := range a.fleets {
		for _, ref := range sortedRefs(f.deployments) {
			d := f.deployments[ref]
			within, all := a.within(i, d, p)
			if p.own {
				within, all = map[string]bool{p.file: true}, false
			}
			if !all && within == nil {
				continue
			}
			for _, o := range d.objects {
				if _, known := flux.ParseManifestKind(o.ref.Group, o.ref.Kind); known && f.owners[o.ref] == ref && (all || within[o.origin]) {
					found = append(found, spot{i, o.ref})
				}
			}
		}
	}
	a.seen[p] = found
	return found
}

// whole tells whether all objects that a patch at a place would reach are known.
func (a *atlas) whole(p place) bool {
	for i, f := range a.fleets {
		for _, d := range f.deployments {
			if within, all := a.within(i, d, p); d.more && (all || within != nil) {
				return false
			}
		}
	}
	return true
}

// within tells which files of a deployment's build come together at a place; all of them at its own.
func (a *atlas) within(root int, d *deployment, p place) (files map[string]bool, all bool) {
	if p.name != "" && !p.own {
		m, ok := a.manifest(root, d)
		m.original = p.original
		return nil, ok && m == p
	}
	if !d.built.read[p.file] {
		return nil, false
	}
	files = map[string]bool{}
	for _, k := range a.kustomizations(d) {
		if d.tree.origin(k) != p.file {
			continue
		}
		if parent(k) == d.folder {
			return nil, true
		}
		for file := range a.reach(d, parent(k)) {
			files[file] = true
		}
	}
	return files, false
}

// Untouchable says why a file is not to be changed by hand or by Rewrite; "" where it may be: flux bootstrap writes it, or SOPS
// has encrypted it.
func (t *Tree) Untouchable(p string) string {
	switch path.Base(p) {
	case syncFile, "gotk-components.yaml":
		return "flux bootstrap writes it (DO NOT EDIT)"
	}
	content, err := t.ReadFile(p)
	if err != nil {
		return err.Error()
	}
	return untouchableContent(content)
}

// LoneSync tells whether a gotk-sync.yaml stands somewhere without a kustomization beside it that could patch it, as flux bootstrap
// writes one.
func (t *Tree) LoneSync() bool {
	for p := range t.nodes {
		if path.Base(p) == syncFile && kustomizationOf(t, parent(p)) == "" {
			return true
		}
	}
	return false
}
