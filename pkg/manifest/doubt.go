package manifest

import (
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Doubts tell what one state of a checkout may have of a cluster besides the objects that were built of it. An object that
// another state has is gone only where this one is known not to have it.
type Doubts struct {
	// fleet is the cluster in this state; nil where its folder is not there.
	fleet *Fleet
	// lost says that nothing in this state says that the folder is a cluster's.
	lost bool
	// unbuilt are what is not built of it, with the files that this may use.
	unbuilt *outskirts
	// named are the names in manifests that what is not built may use, by kinds; nil before somebody asks.
	named map[string]map[string]*Unbuilt
	tree  *Tree
}

// Doubts of a root, which the fleets of the Tree need not have: another state of the checkout has it.
func (t *Tree) Doubts(fleets []Fleet, root Root) *Doubts {
	d := &Doubts{tree: t}
	i := slices.IndexFunc(fleets, func(f Fleet) bool { return f.Root.Path == root.Path })
	switch {
	case i >= 0:
	case t.isFolder(root.Path): // a file that cannot be read, or a path that is not there, may have taken the root away
		fleets, i, d.lost = slices.Concat(fleets, t.Read([]Root{root})), len(fleets), true
	default:
		return d
	}
	d.fleet = &fleets[i]
	d.unbuilt = t.outskirts(fleets)
	d.unbuilt.absent = nil // neither state has these
	d.unbuilt.unbuilt = slices.DeleteFunc(d.unbuilt.unbuilt, func(u Unbuilt) bool { return u.Root != i })
	return d
}

// About tells of an object that this state was not found to have, and that another state of the cluster has, why it is
// not known whether this one has it, too; false where it is known that it has not. Flux takes away what a Kustomization
// does not apply any more, unless it cannot build it.
func (d *Doubts) About(ref flux.Ref, other Fleet) (why flux.Gap, unknown bool) {
	if d.fleet == nil {
		return flux.Gap{}, false
	}
	if _, applied := d.fleet.owners[ref]; applied {
		return d.unread(ref), true
	}
	for _, by := range other.appliers(ref) {
		here, there := d.fleet.deployments[by], other.deployments[by]
		if here == nil {
			continue // what applied it is gone, too, if what applies that is known
		}
		if fresh := freshHoles(here.holes(), there.holes()); len(fresh) > 0 {
			return fresh[0].Gap, true
		}
		break // it is built, and does not have the object any more
	}
	if gap, made := d.made(other); made {
		return gap, true
	}
	if u := d.holder(ref); u != nil {
		return flux.Gap{What: u.What, Why: u.Why}, true
	}
	return flux.Gap{}, false
}

// AboutRoot is About for the first Kustomization of the cluster.
func (d *Doubts) AboutRoot(other Fleet) (why flux.Gap, unknown bool) {
	return d.About(other.Root.start().ref(), other)
}

// unread is why an object that is applied is not among those of the cluster.
func (d *Doubts) unread(ref flux.Ref) flux.Gap {
	for _, g := range d.fleet.Snapshot.Gaps {
		if g.What == ref.String() && !g.Harmless {
			return g
		}
	}
	return flux.Gap{What: "what is in the folder " + d.fleet.Root.String(), Why: "it is there, but nothing says any more that a cluster's Flux reads it"}
}

// appliers are the Kustomization that applies an object, the one that applies this, and so on, to the root's own.
func (f Fleet) appliers(ref flux.Ref) []flux.Ref {
	var list []flux.Ref
	for by, known := f.owners[ref]; known && !slices.Contains(list, by); by, known = f.owners[by] {
		list = append(list, by)
	}
	if first := f.Root.start().ref(); !slices.Contains(list, first) {
		list = append(list, first)
	}
	return list
}

// made is what a ResourceSet of any Kustomization makes that the other state has not, or has in another way: an object may
// have moved there.
func (d *Doubts) made(other Fleet) (flux.Gap, bool) {
	for _, ref := range sortedRefs(d.fleet.deployments) {
		for _, hole := range freshHoles(d.fleet.deployments[ref].holes(), other.deployments[ref].holes()) {
			if hole.set != "" {
				return hole.Gap, true
			}
		}
	}
	return flux.Gap{}, false
}

// hole is something that is not known of what a deployment applies.
type hole struct {
	flux.Gap
	// set is the ResourceSet that makes it; "" for others, whose names tell what they are: of a remote base its URL.
	set string
}

// holes are what is not known of what a deployment applies, whoever's fault that is; none where it is nil.
func (d *deployment) holes() []hole {
	if d == nil {
		return nil
	}
	var holes []hole
	switch {
	case d.built.err != nil:
		holes = append(holes, hole{Gap: flux.Gap{What: d.what(), Why: oneLine(d.built.err)}})
	case !d.local:
		holes = append(holes, hole{Gap: flux.Gap{What: d.what(), Why: d.elsewhere}})
	}
	for _, g := range d.built.gaps {
		holes = append(holes, hole{Gap: g})
	}
	for _, o := range d.objects {
		if o.isResourceSet() {
			holes = append(holes, hole{Gap: flux.Gap{What: whatIsMade(o.ref), Why: notRendered}, set: string(o.json)})
		}
	}
	return holes
}

// freshHoles are those that another state does not have as they are.
func freshHoles(holes, others []hole) []hole {
	var fresh []hole
	for _, h := range holes {
		if !slices.ContainsFunc(others, func(o hole) bool { return o.What == h.What && o.set == h.set }) {
			fresh = append(fresh, h)
		}
	}
	return fresh
}

// holder is something that is not built and may use a manifest of the object; nil where nothing may. Kustomizations may
// have put something before or behind its name.
func (d *Doubts) holder(ref flux.Ref) *Unbuilt {
	if len(d.unbuilt.unbuilt) == 0 {
		return nil
	}
	if d.named == nil {
		d.named = d.names()
	}
	for _, name := range sortedKeys(d.named[ref.Kind]) {
		if strings.Contains(ref.Name, name) || strings.Contains(name, "${") {
			return d.named[ref.Kind][name]
		}
	}
	return nil
}

func (d *Doubts) names() map[string]map[string]*Unbuilt {
	names := map[string]map[string]*Unbuilt{}
	for _, document := range d.tree.documents() {
		group := groupOf(document.node)
		kind, known := flux.ParseManifestKind(group, text(document.node, "kind"))
		name := text(document.node, "metadata", "name")
		if !known || name == "" {
			continue
		}
		if u := d.unbuilt.user(document.file); u != nil {
			if names[kind.Name] == nil {
				names[kind.Name] = map[string]*Unbuilt{}
			}
			names[kind.Name][name] = u
		}
	}
	return names
}
