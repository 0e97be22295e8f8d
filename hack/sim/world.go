package sim

import (
	"maps"
	"slices"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Layout names the objects of a world: a root Kustomization applies one parent, "apps", from Git; somebody made the other,
// "infra", by hand, with a rule. Both apply Kustomizations in two namespaces, in which others are that nobody applies.
type Layout struct {
	System, A, B      string // namespaces
	Root, Apps, Infra flux.Ref
	// Parents apply the objects InGit; the others are Free.
	Parents, InGit, Free []flux.Ref
	ParentOf             map[flux.Ref]flux.Ref
}

const group = "kustomize.toolkit.fluxcd.io"

// Theirs is a rule that is none of ours.
var theirs = flux.IgnoreRule{Paths: []string{"/metadata/labels/theirs", "/spec/retryInterval"}, Target: &flux.IgnoreTarget{Kind: "Kustomization"}}

// AlsoTheirs is one that somebody adds later.
var alsoTheirs = flux.IgnoreRule{Paths: []string{"/spec/replicas"}, Target: &flux.IgnoreTarget{Kind: "Deployment"}}

// NewLayout is a layout whose namespaces begin with a prefix.
func NewLayout(prefix string) Layout {
	l := Layout{System: prefix + "flux-system", A: prefix + "a", B: prefix + "b"}
	ks := func(namespace, name string) flux.Ref {
		return flux.Ref{Group: group, Kind: "Kustomization", Namespace: namespace, Name: name}
	}
	l.Root, l.Apps, l.Infra = ks(l.System, "root"), ks(l.System, "apps"), ks(l.System, "infra")
	l.Parents = []flux.Ref{l.Apps, l.Infra}
	l.InGit = []flux.Ref{ks(l.A, "web"), ks(l.A, "db"), ks(l.B, "mesh")}
	l.Free = []flux.Ref{ks(l.A, "own"), ks(l.B, "tool")}
	l.ParentOf = map[flux.Ref]flux.Ref{l.InGit[0]: l.Apps, l.InGit[1]: l.Apps, l.InGit[2]: l.Infra, l.Apps: l.Root}
	return l
}

// Children are what commands tune.
func (l Layout) Children() []flux.Ref { return slices.Concat(l.InGit, l.Free) }

// Manifest is an object as Git has it.
type Manifest struct {
	Fields map[flux.Field]string
	Ignore []flux.IgnoreRule // of a parent; nil: Git says nothing
}

// Tree is what each Kustomization applies.
type Tree map[flux.Ref]map[flux.Ref]Manifest

func (t Tree) clone() Tree {
	c := make(Tree, len(t))
	for parent := range t {
		c[parent] = t.of(parent)
	}
	return c
}

// of is a copy of what one Kustomization applies.
func (t Tree) of(parent flux.Ref) map[flux.Ref]Manifest {
	c := make(map[flux.Ref]Manifest, len(t[parent]))
	for ref, m := range t[parent] {
		c[ref] = Manifest{Fields: maps.Clone(m.Fields), Ignore: m.Ignore}
	}
	return c
}

// World is a cluster whose Kustomizations apply objects from Git.
type World struct {
	Layout
	Resources map[flux.Ref]*Resource
	// Now is the time of what is written.
	Now time.Time
	// Git is what is committed, and artifact what sources have fetched of it: a Kustomization applies that.
	Git      Tree
	artifact Tree
	// Twin gets each reconcile that a change of a spec causes here: it could happen there at any time.
	Twin *World
	// Wrote is told what a command's patch is about to change, and Applied what a reconcile has changed; both may be
	// nil. A value of nil removes.
	Wrote   func(r *Resource, values map[Path]*string)
	Applied func(parent, before, after *Resource)
}

// NewWorld makes a world in which everything is as Git has it.
func NewWorld(l Layout) *World {
	w := &World{Layout: l, Resources: make(map[flux.Ref]*Resource)}
	w.Git = Tree{
		l.Root: {l.Apps: {Fields: map[flux.Field]string{flux.Interval: "10m"}}},
		l.Apps: {
			l.InGit[0]: {Fields: map[flux.Field]string{flux.Interval: "5m", flux.Timeout: "4m"}},
			l.InGit[1]: {Fields: map[flux.Field]string{flux.Interval: "5m"}},
		},
		l.Infra: {l.InGit[2]: {Fields: map[flux.Field]string{flux.Interval: "5m", flux.RetryInterval: "2m"}}},
	}
	w.artifact = w.Git.clone()
	ten, rules := "10m", ruleText([]flux.IgnoreRule{theirs})
	w.create(l.Root, map[Path]*string{Path(flux.Interval): &ten})
	w.create(l.Infra, map[Path]*string{Path(flux.Interval): &ten, Path(flux.IgnoreField): &rules})
	five, three := "5m", "3m"
	w.create(l.Free[0], map[Path]*string{Path(flux.Interval): &five, Path(flux.Timeout): &three})
	w.create(l.Free[1], map[Path]*string{Path(flux.Interval): &five})
	w.reconcile(l.Root)
	w.Settle()
	// As flux bootstrap leaves it: both appliers own what Git says (measured).
	w.Resources[l.InGit[0]].apply("flux", map[Path]string{Path(flux.Interval): "5m", Path(flux.Timeout): "4m"}, ByApplier)
	return w
}

// create makes an object as somebody does with kubectl.
func (w *World) create(ref flux.Ref, values map[Path]*string) {
	r := newResource(ref, nil, &w.Now)
	r.update("kubectl-create", values, ByHand)
	r.generation = 1
	w.Resources[ref] = r
}

// Refs are the objects that are there, sorted.
func (w *World) Refs() []flux.Ref {
	return slices.SortedFunc(maps.Keys(w.Resources), flux.Ref.Compare)
}

// Objects are they as a client reads them.
func (w *World) Objects() []flux.Object {
	list := make([]flux.Object, 0, len(w.Resources))
	for _, ref := range w.Refs() {
		list = append(list, w.Resources[ref].Object())
	}
	return list
}

// Settle lets the controllers do what changed specs ask of them, until all have been observed.
func (w *World) Settle() {
	for again := true; again; {
		again = false
		for _, ref := range []flux.Ref{w.Root, w.Apps, w.Infra} {
			if r := w.Resources[ref]; r != nil && !r.suspended && r.observed < r.generation {
				w.reconcile(ref)
				if w.Twin != nil {
					w.Twin.reconcile(ref)
					w.Twin.Settle()
				}
				again = true
			}
		}
	}
}

// Fetch is a source that finds what is committed, and the reconcile that follows.
func (w *World) Fetch(parent flux.Ref) {
	w.artifact[parent] = w.Git.of(parent)
	w.reconcile(parent)
	w.Settle()
}

// Resume ends a suspension.
func (w *World) Resume(parent flux.Ref) {
	if r := w.Resources[parent]; r != nil && r.suspended {
		r.suspended = false
		r.changed(true, true)
		w.Settle()
	}
}

// Clone is a copy of a world, without its twin and whoever watches it.
func (w *World) Clone() *World {
	c := &World{Layout: w.Layout, Now: w.Now, Resources: make(map[flux.Ref]*Resource, len(w.Resources)), Git: w.Git.clone(), artifact: w.artifact.clone()}
	for ref, r := range w.Resources {
		c.Resources[ref] = r.clone()
		c.Resources[ref].clock = &c.Now
	}
	return c
}
