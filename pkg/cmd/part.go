package cmd

import (
	"slices"

	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/manifest"
)

// chosenObject is an object that was asked for, of the Fleet with this index.
type chosenObject struct {
	root int
	ref  flux.Ref
}

// inFiles adds the objects that were asked for and that files hold: charts are made of these.
func (f fleet) inFiles(chosen map[chosenObject]bool) {
	for _, object := range f.objects {
		if !object.MadeChart() {
			chosen[chosenObject{f.place, object.Ref}] = true
		}
	}
}

// part tells which objects are meant where these are not all of the checkout; nil where they are.
func (c *checkout) part(chosen map[chosenObject]bool) manifest.Chosen {
	all := 0
	for _, f := range c.fleets {
		all += len(f.Snapshot.Objects)
	}
	if len(chosen) == all {
		return nil
	}
	return func(root int, ref flux.Ref) bool { return chosen[chosenObject{root, ref}] }
}

// part is the part of a checkout that was read, for who asks for manifests, too, of which no object is known: they are
// looked at as far as they tell.
func (o FleetOptions) part(files *checkout, fs fleets) manifest.Chosen {
	chosen := map[chosenObject]bool{}
	for _, f := range fs.all {
		f.inFiles(chosen)
	}
	part := files.part(chosen)
	if part == nil {
		return nil
	}
	known := map[flux.Ref]bool{}
	for _, f := range files.fleets {
		for _, object := range f.Snapshot.Objects {
			known[object.Ref] = true
		}
	}
	return func(root int, ref flux.Ref) bool {
		return part(root, ref) || !known[ref] && slices.Contains(files.chosen, root) && mayBeSelected(o.Selection, ref)
	}
}

// mayBeSelected tells whether an object may be asked for, by what its manifest says: no labels are known of it, and where
// it says no namespace, a kustomization may.
func mayBeSelected(sel cluster.Selection, ref flux.Ref) bool {
	switch {
	case sel.Namespace != "" && ref.Namespace != "" && ref.Namespace != sel.Namespace:
		return false
	case len(sel.Names) > 0:
		return slices.ContainsFunc(sel.Names, func(n cluster.Name) bool { return n.Kind.Name == ref.Kind && n.Name == ref.Name })
	default:
		return len(sel.Kinds) == 0 || slices.ContainsFunc(sel.Kinds, func(k flux.Kind) bool { return k.Name == ref.Kind })
	}
}
