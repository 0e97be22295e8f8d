package check

import (
	"fmt"
	"slices"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// settle gives a value of an object that only one side tells to the other side, too: there a Secret, or what is not in the
// checkout, may have it, or Flux goes on with what it has. Nothing gets cheaper by that.
func (p *pairing) settle(was, is *budget.Input) {
	before, after := objectsOf(*was), objectsOf(*is)
	was.Items, was.Others = told(was.Items, after, &p.gaps.Before), told(was.Others, after, nil)
	is.Items, is.Others = told(is.Items, before, &p.gaps.After), told(is.Others, before, nil)
}

func objectsOf(in budget.Input) map[flux.Ref]flux.Object {
	objects := map[flux.Ref]flux.Object{}
	for _, item := range slices.Concat(in.Items, in.Others) {
		objects[item.Object.Ref] = item.Object
	}
	return objects
}

// told are items with the values of the other side where they have none that is known; gaps may be nil.
func told(items []tune.Item, other map[flux.Ref]flux.Object, gaps *[]flux.Gap) []tune.Item {
	items = slices.Clone(items)
	for i := range items {
		o := &items[i].Object
		there, both := other[o.Ref]
		if !both {
			continue
		}
		for _, t := range o.KindRow().Tunables {
			if !o.Undecided(t.Field) || there.Undecided(t.Field) {
				continue
			}
			if gaps != nil {
				*gaps = append(*gaps, flux.Gap{What: fmt.Sprintf("%s of %s", t.Field, o.Ref), Why: fmt.Sprintf("it is %s, and no value of that is in the checkout", *o.Value(t.Field))})
			}
			*o = o.WithValue(t.Field, there.Value(t.Field))
		}
	}
	return items
}
