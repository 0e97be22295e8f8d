package check

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"cmp"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/manifest"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// Unknown is an object that one side has, and of which the other does not tell whether it has: it cannot build what
// applies the object. Flux changes nothing of what it cannot build, so that the object is there, as it was.
type Unknown struct {
	Ref flux.Ref
	// OnBase says that the base does not tell; else the branch does not.
	OnBase bool
	// Gap is what may have the object, and why that is not known.
	Gap flux.Gap
}

// pairing is a cluster on both sides.
type pairing struct {
	name string
	// from is its name on the base where its folder was moved; else "".
	from string
	// was and is are nil where a side does not have it.
	was, is *Cluster
	// ended says how the branch takes all of it away; "" where it does not.
	ended   string
	unknown []Unknown
	kept    []Kept
	// now is what was asked for as it is on the cluster with the branch, also what that keeps of the base.
	now []tune.Item
	// before is what was asked for on the base.
	before []tune.Item
	gaps   Delta[[]flux.Gap]
	budget Delta[budget.Budget]
}

// pair finds the clusters of both sides, in the order of their names; those of the head where there is no base.
func pair(in Input, moved moves) []pairing {
	var pairs collection[string, pairing]
	for i := range in.Head.Clusters {
		name := in.Head.Clusters[i].Name
		pairs.get(name, pairing{name: name}).is = &in.Head.Clusters[i]
	}
	if in.Base != nil {
		for i := range in.Base.Clusters {
			name := in.Base.Clusters[i].Name
			to, isMoved := moved[in.Base.Fleets[in.Base.Clusters[i].Root].Root.Path]
			if !isMoved {
				pairs.get(name, pairing{name: name}).was = &in.Base.Clusters[i]
				continue
			}
			for _, c := range in.Head.Clusters {
				if in.Head.Fleets[c.Root].Root.Path == to {
					p := pairs.get(c.Name, pairing{name: c.Name})
					p.was, p.from = &in.Base.Clusters[i], name
				}
			}
		}
	}
	list := pairs.values()
	sorting.By(list, func(a, b pairing) int { return strings.Compare(a.name, b.name) })
	return list
}

// items are what was asked for of a cluster, if a side has it.
func (c *Cluster) items() []tune.Item {
	if c == nil {
		return nil
	}
	return c.Plan.Items
}

// costs are all objects of a cluster, those that only explain others too.
func (c *Cluster) costs() budget.Input {
	if c == nil {
		return budget.Input{}
	}
	return c.Costs
}

// look finds what is not known of a cluster, and counts what it costs. What one side does not tell of is counted there as
// it is on the other: a Kustomization that cannot be built takes nothing away, and makes nothing cheaper or faster.
func (p *pairing) look(in Input) {
	was, is := p.was.costs(), p.is.costs()
	charts := takeCharts(&was, &is)
	p.before = was.Items
	had := map[flux.Ref]bool{}
	for _, item := range was.Items {
		had[item.Object.Ref] = true
	}
	if in.Base != nil {
		p.gaps.Before = p.read(in.Base, p.was)
		var more Delta[budget.Input]
		more.Before = p.doubt(in.Base, p.was, p.is, &in.Head, was, true)
		more.After = p.doubt(&in.Head, p.is, p.was, in.Base, is, false)
		was, is = more.Before, more.After
		p.settle(&was, &is)
		p.before = slices.DeleteFunc(slices.Clone(was.Items), func(item tune.Item) bool { return !had[item.Object.Ref] })
		why := p.abandoned(in)
		switch {
		case p.is != nil:
			is = p.keep(in, was, is)
		case why != "":
			is = p.stayAll(was, why)
			p.now = is.Items
		}
		if p.was != nil && p.is != nil {
			if gap, moved := manifest.NewTransition(in.Base.Fleets[p.was.Root], in.Head.Fleets[p.is.Root]).Resourced(); moved {
				p.gaps.After = append(p.gaps.After, gap)
			}
		}
	}
	p.gaps.After = slices.Concat(p.read(&in.Head, p.is), p.gaps.After)
	if p.is != nil {
		p.now = is.Items
	}
	sorting.By(p.unknown, func(a, b Unknown) int { return a.Ref.Compare(b.Ref) })
	p.gaps.Before, p.gaps.After = once(p.gaps.Before), once(p.gaps.After)
	charts.add(&was, nil)
	if in.Base != nil {
		charts.add(&is, &was)
	} else {
		charts.add(&is, nil)
	}
	p.budget = Delta[budget.Budget]{count(was), count(is)}
}

// end takes away all of a cluster whose first Kustomization takes itself away: of its fleet on the branch, too.
func (p *pairing) end(in Input) {
	if in.Base == nil || p.was == nil || p.is == nil {
		return
	}
	was, is := in.Base.Fleets[p.was.Root], in.Head.Fleets[p.is.Root]
	gone, says, ends := manifest.NewTransition(was, is).Ends()
	if _, unknown := in.Head.Tree.Doubts(in.Head.Fleets, is.Root).AboutRoot(was); !ends || unknown {
		return
	}
	in.Head.Fleets[p.is.Root] = gone
	cluster := *p.is
	cluster.Plan.Items, cluster.Costs.Items, cluster.Costs.Others = nil, nil, nil
	p.is, p.ended = &cluster, says
}

// count is the budget of what there is; the zero value where there is nothing.
func count(in budget.Input) budget.Budget {
	if len(in.Items)+len(in.Others) == 0 {
		return budget.Budget{}
	}
	return budget.New(in)
}

// read are the gaps of what a side has of the cluster.
func (p *pairing) read(side *Side, c *Cluster) []flux.Gap {
	if c == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(side.Fleets[c.Root].Snapshot.Gaps), func(g flux.Gap) bool { return g.Harmless || g.NotFound })
}

// doubt notes the objects of the other side that one side does not have, where it is not known whether it has them, and
// returns the side's costs with those.
func (p *pairing) doubt(side *Side, one, other *Cluster, others *Side, own budget.Input, onBase bool) budget.Input {
	if other == nil {
		return own
	}
	has := map[flux.Ref]bool{}
	for _, item := range slices.Concat(own.Items, own.Others) {
		has[item.Object.Ref] = true
	}
	fleet := others.Fleets[other.Root]
	root := fleet.Root
	if one != nil { // its folder may have another name
		root = side.Fleets[one.Root].Root
	}
	doubts := side.Tree.Doubts(side.Fleets, root)
	carried := func(items []tune.Item, asked bool) (more []tune.Item) {
		for _, item := range items {
			if has[item.Object.Ref] || item.Object.MadeChart() { // charts follow their HelmReleases in the end
				continue
			}
			gap, unknown := doubts.About(item.Object.Ref, fleet)
			if !unknown {
				continue
			}
			more = append(more, item)
			if asked {
				p.unknown = append(p.unknown, Unknown{item.Object.Ref, onBase, gap})
				gaps := &p.gaps.After
				if onBase {
					gaps = &p.gaps.Before
				}
				*gaps = append(*gaps, gap)
			}
		}
		return more
	}
	whole := other.Costs
	whole.Items = slices.Concat(own.Items, carried(other.Costs.Items, true))
	whole.Others = slices.Concat(own.Others, carried(other.Costs.Others, false))
	return whole
}

func (p pairing) unknownRefs() map[flux.Ref]bool {
	refs := map[flux.Ref]bool{}
	for _, u := range p.unknown {
		refs[u.Ref] = true
	}
	return refs
}

// once sorts gaps, and has each of them once.
func once(gaps []flux.Gap) []flux.Gap {
	sorting.By(gaps, func(a, b flux.Gap) int { return cmp.Or(strings.Compare(a.What, b.What), strings.Compare(a.Why, b.Why)) })
	return slices.CompactFunc(gaps, func(a, b flux.Gap) bool { return a.What == b.What && a.Why == b.Why })
}
