package manifest

import (
	"cmp"
	"path"
	"slices"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// place is where a value can be set: the object's own document, a kustomization's patches, or the
// spec.patches of a Flux Kustomization.
type place struct {
	file string
	// kind and name of the document; "" where the file is a kustomization.
	kind, name string
	// own says that the document is the object's.
	own bool
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
	// reaches are the files that a folder of an artifact includes, as reach tells.
	reaches map[string]map[string]bool
	seen    map[place][]spot
}

func newAtlas(t *Tree, fleets []Fleet) *atlas {
	return &atlas{tree: t, fleets: fleets, reaches: map[string]map[string]bool{}, seen: map[place][]spot{}}
}

// places lists where a patch of an object could stand, the nearest first: the kustomizations between its
// file and the folder that is built, then the Flux Kustomization that applies it.
func (a *atlas) places(s spot) []place {
	f := a.fleets[s.root]
	d := f.deployments[f.owners[s.ref]]
	if d == nil {
		return nil
	}
	origin := ""
	for _, o := range d.objects {
		if o.ref == s.ref {
			origin = o.origin
		}
	}
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
	slices.SortStableFunc(found, func(x, y near) int { return cmp.Compare(x.reach, y.reach) })
	var places []place
	if origin != "" {
		places = append(places, place{file: origin, kind: s.ref.Kind, name: s.ref.Name, own: true})
	}
	for _, n := range found {
		places = append(places, n.place)
	}
	if o, ok := a.manifest(s.root, d); ok {
		places = append(places, o)
	}
	return slices.DeleteFunc(places, func(p place) bool { return a.tree.untouchable(p.file) != "" })
}

// manifest is the file that a deployment's Kustomization is written in.
func (a *atlas) manifest(root int, d *deployment) (place, bool) {
	f := a.fleets[root]
	owner := f.deployments[f.owners[d.ref()]]
	if owner == nil {
		return place{}, false
	}
	for _, o := range owner.objects {
		if o.ref == d.ref() && o.origin != "" {
			return place{file: o.origin, kind: kustomizationKind, name: d.Metadata.Name}, true
		}
	}
	return place{}, false
}

// kustomizations are those that a deployment's build read, by their paths in its Tree.
func (a *atlas) kustomizations(d *deployment) []string {
	var found []string
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

// sees are the Flux objects that a patch at a place would see, in all roots.
func (a *atlas) sees(p place) []spot {
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

// within tells which files of a deployment's build come together at a place; all of them at its own.
func (a *atlas) within(root int, d *deployment, p place) (files map[string]bool, all bool) {
	if p.name != "" && !p.own {
		m, ok := a.manifest(root, d)
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

// untouchable says why a file is not to be changed; "" where it may be.
func (t *Tree) untouchable(p string) string {
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
