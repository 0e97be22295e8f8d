package cmd

import (
	"slices"

	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// foundOnce takes back that a cluster does not have what was asked for by its name, where another one has it. What none of them
// has is told once, where all say the same of it.
func (fs fleets) foundOnce(names []cluster.Name) {
	if len(fs.all) < 2 {
		return
	}
	for _, n := range names {
		found, same := false, len(fs.missing) == 0
		gap := func(f fleet) flux.Gap { return cluster.NotFound(n, f.options.Selection.Namespace) }
		about := func(f fleet) func(flux.Gap) bool {
			return func(g flux.Gap) bool { return g.NotFound && g.What == gap(f).What }
		}
		for _, f := range fs.all {
			lacks := slices.ContainsFunc(f.snapshot.Gaps, about(f))
			found = found || slices.ContainsFunc(f.snapshot.Objects, func(o flux.Object) bool { return o.Kind == n.Kind.Name && o.Name == n.Name })
			same = same && lacks && gap(f).Why == gap(fs.all[0]).Why
		}
		for i, f := range fs.all {
			if found || same {
				fs.all[i].snapshot.Gaps = slices.DeleteFunc(slices.Clone(f.snapshot.Gaps), about(f))
			}
		}
		if same {
			fs.all[0].snapshot.Gaps = append(fs.all[0].snapshot.Gaps, gap(fs.all[0]))
		}
	}
}
