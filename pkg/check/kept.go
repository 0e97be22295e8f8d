package check

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/manifest"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// Difference is how the files of the two sides differ in an object. The words are part of the JSON contract.
type Difference string

// The differences.
const (
	Changed Difference = "changed"
	Added   Difference = "added"
	Removed Difference = "removed"
)

// Kept is an object in which the files differ, and that stays on the cluster as the base has it: Flux does not apply what
// the branch has of it, or does not take it away. It costs on both sides what it costs on the base.
type Kept struct {
	Ref        flux.Ref
	Difference Difference
	Why        string
}

// keep finds what a branch does not bring about, and returns what the cluster then costs.
func (p *pairing) keep(in Input, was, is budget.Input) budget.Input {
	k := keeper{pairing: p, before: map[flux.Ref]flux.Object{}, known: p.unknownRefs(), Transition: p.transition(in)}
	for _, item := range slices.Concat(was.Items, was.Others) {
		k.before[item.Object.Ref] = item.Object
	}
	after := map[flux.Ref]bool{}
	for _, item := range slices.Concat(is.Items, is.Others) {
		after[item.Object.Ref] = true
	}
	left := func(items []tune.Item, asked bool) (more []tune.Item) {
		for _, item := range items {
			if after[item.Object.Ref] || k.known[item.Object.Ref] {
				continue
			}
			if why := k.Removed(item.Object); why != "" {
				more = append(more, item)
				k.note(asked, Kept{item.Object.Ref, Removed, why})
			}
		}
		return more
	}
	items, others := k.stay(is.Items, true), k.stay(is.Others, false)
	is.Items, is.Others = slices.Concat(items, left(was.Items, true)), slices.Concat(others, left(was.Others, false))
	sorting.By(p.kept, func(a, b Kept) int {
		return cmp.Or(a.Ref.Compare(b.Ref), strings.Compare(a.Why, b.Why))
	})
	p.kept = slices.Compact(p.kept)
	return is
}

// transition is that of a cluster that the branch has: a new one had nothing before.
func (p *pairing) transition(in Input) manifest.Transition {
	head := in.Head.Fleets[p.is.Root]
	if p.was == nil {
		return manifest.NewTransition(manifest.Fleet{Root: head.Root}, head)
	}
	return manifest.NewTransition(in.Base.Fleets[p.was.Root], head)
}

// abandoned says why a cluster stays as it is although the branch has no file of it for Flux: a .sourceignore leaves its folder out.
// "" where that does not. Of one whose folder is gone altogether the cluster most often goes, too: see ClusterChange.FolderGone.
func (p *pairing) abandoned(in Input) string {
	if p.was == nil || p.is != nil {
		return ""
	}
	root := in.Base.Fleets[p.was.Root].Root
	if !root.Known() || !in.Head.Tree.LeavesOut(root.Path) {
		return ""
	}
	return fmt.Sprintf("a .sourceignore leaves the folder %s out: its Flux finds no files, and takes nothing away", root)
}

// folderGone tells whether the branch has nothing in a folder that a cluster's Flux reads.
func (p *pairing) folderGone(in Input) bool {
	if p.was == nil || p.is != nil {
		return false
	}
	root := in.Base.Fleets[p.was.Root].Root
	return root.Known() && root.Path != "" && len(filesBelow(in.Head.Tree, root.Path)) == 0 && p.abandoned(in) == ""
}

// stayAll keeps all of a cluster that is abandoned, and returns what it then costs.
func (p *pairing) stayAll(was budget.Input, why string) budget.Input {
	for _, item := range was.Items {
		if !item.Object.MadeChart() {
			p.kept = append(p.kept, Kept{item.Object.Ref, Removed, why})
		}
	}
	sorting.By(p.kept, func(a, b Kept) int { return a.Ref.Compare(b.Ref) })
	return was
}

// keeper looks at the objects of one cluster.
type keeper struct {
	*pairing
	manifest.Transition
	before map[flux.Ref]flux.Object
	// known are those of which one side does not tell whether it has them: they are told as that.
	known map[flux.Ref]bool
}

func (k keeper) note(asked bool, kept Kept) {
	if asked {
		k.kept = append(k.kept, kept)
	}
}

// stay gives objects of the branch the values that they keep, and leaves out those that are not created.
func (k keeper) stay(items []tune.Item, asked bool) []tune.Item {
	list := make([]tune.Item, 0, len(items))
	for _, item := range items {
		was, before := k.before[item.Object.Ref]
		switch {
		case k.known[item.Object.Ref]:
		case before:
			item.Object = k.values(was, item.Object, asked)
		default:
			if why := k.Added(item.Object); why != "" {
				k.note(asked, Kept{item.Object.Ref, Added, why})
				continue
			}
		}
		list = append(list, item)
	}
	return list
}

// values are what an object that both sides have is on the cluster: as the base has it where nothing of it is applied, and
// else with the base's parts that rules leave to the cluster.
func (k keeper) values(was, is flux.Object, asked bool) flux.Object {
	if why := k.Unchanged(is); why != "" {
		if differ(was, is) {
			k.note(asked, Kept{is.Ref, Changed, why})
		}
		return was
	}
	is = k.late(is, asked)
	for _, t := range is.KindRow().Tunables {
		if flux.SameDuration(was.Value(t.Field), is.Value(t.Field)) {
			continue
		}
		if why := k.Changed(is, t.Field); why != "" {
			k.note(asked, Kept{is.Ref, Changed, why})
			is = is.WithValue(t.Field, was.Value(t.Field))
		}
	}
	for _, p := range parts() {
		if now := p.of(&was, is); differ(now, is) {
			if why := k.Changed(is, p.field); why != "" {
				k.note(asked, Kept{is.Ref, Changed, why})
				is = now
			}
		}
	}
	return is
}

// late is an object of the branch with the variables of the base, where the branch's do not arrive.
func (k keeper) late(is flux.Object, asked bool) flux.Object {
	there, why := k.Late(is)
	if why == "" {
		return is
	}
	kept := is
	for _, t := range is.KindRow().Tunables {
		kept = kept.WithValue(t.Field, there.Value(t.Field))
	}
	for _, p := range parts() {
		kept = p.of(&there, kept)
	}
	if differ(kept, is) {
		k.note(asked, Kept{is.Ref, Changed, why})
	}
	return kept
}

// part is what decides a cost besides intervals, and that a rule may leave to the cluster.
type part struct {
	field flux.Field
	// of is an object with the part of another one.
	of func(from *flux.Object, o flux.Object) flux.Object
}

func parts() []part {
	return []part{
		{"spec.suspend", func(from *flux.Object, o flux.Object) flux.Object { o.Suspended = from.Suspended; return o }},
		{"spec.url", func(from *flux.Object, o flux.Object) flux.Object { o.Remote.URL = from.Remote.URL; return o }},
		{"spec.ref", func(from *flux.Object, o flux.Object) flux.Object { o.Remote.Ref = from.Remote.Ref; return o }},
		{"spec.secretRef", func(from *flux.Object, o flux.Object) flux.Object { o.Remote.Secret = from.Remote.Secret; return o }},
		{"spec.provider", func(from *flux.Object, o flux.Object) flux.Object { o.Remote.Provider = from.Remote.Provider; return o }},
		{"spec.sourceRef", func(from *flux.Object, o flux.Object) flux.Object { o.SourceRef = from.SourceRef; return o }},
	}
}

// differ tells whether two states of an object differ in something that costs or buys anything. How its manifest is
// written, what labels it has, and what its cluster is called, does not count.
func differ(was, is flux.Object) bool {
	for _, t := range is.KindRow().Tunables {
		if flux.SameDuration(was.Value(t.Field), is.Value(t.Field)) {
			was = was.WithValue(t.Field, is.Value(t.Field))
		}
	}
	was.Version, was.Size, was.Cluster, was.Labels, was.Annotations, was.Remote.Fingerprint = is.Version, is.Size, is.Cluster, is.Labels, is.Annotations, is.Remote.Fingerprint
	return !reflect.DeepEqual(was, is)
}
