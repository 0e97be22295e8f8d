package flux

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"iter"
	"slices"
)

// Snapshot is what was read at one moment, from a cluster or from files: everything that a plan is
// made from. It may be partial; Gaps says what is missing.
type Snapshot struct {
	// Objects that were asked for, sorted.
	Objects []Object
	// Related are objects beyond Objects that explain them: the Kustomizations and HelmReleases that may use
	// their sources or apply them, the sources of those that do, the objects that rules of fluxtune name, and the
	// names and annotations of the Flux Operator's objects where these apply some.
	Related []Object
	// Unread are objects that rules of fluxtune name and that could not be read.
	Unread []Ref
	// Looked is where was looked for all that is there: what the snapshot does not hold of it does not exist. Of
	// anything else that it does not hold nothing is known.
	Looked []Place
	// Tried is where was asked, and could not be read; with a name also what a list has in a form that is not known.
	Tried []Place
	// Namespaces maps a namespace's name to its labels. A namespace that could not be read has no
	// entry.
	Namespaces map[string]map[string]string
	// AllNamespaces says that these are all namespaces that there are.
	AllNamespaces bool
	// Refused are the namespaces whose labels may not be read.
	Refused []string
	// Confined are the kinds whose objects use sources of their own namespace only: Flux runs with --no-cross-namespace-refs. It is
	// asked for where not all users of sources may be read.
	Confined []string
	// Notifiers are the notification-controllers, which are asked for only where there are Receivers.
	Notifiers Notifiers
	Gaps      []Gap
}

// Place is where objects are: a kind, in a namespace ("" for all), and one name there ("" for all).
type Place struct{ Kind, Namespace, Name string }

// holds tells whether an object would be there.
func (p Place) holds(ref Ref) bool {
	return p.Kind == ref.Kind && (p.Namespace == "" || p.Namespace == ref.Namespace) && (p.Name == "" || p.Name == ref.Name)
}

// LookedFor tells whether an object would be in the snapshot if it existed.
func (s Snapshot) LookedFor(ref Ref) bool {
	return slices.ContainsFunc(s.Looked, func(p Place) bool { return p.holds(ref) }) &&
		!slices.Contains(s.Tried, Place{ref.Kind, ref.Namespace, ref.Name})
}

// Lacks says of an object that the snapshot does not hold why that is so: it is not there, may not be read, or nobody asked.
func (s Snapshot) Lacks(ref Ref) string {
	switch {
	case s.LookedFor(ref):
		return "is not in this cluster"
	case slices.ContainsFunc(s.Tried, func(p Place) bool { return p.holds(ref) }):
		return "could not be read"
	default:
		return "was not read"
	}
}

// LookedForAll tells whether the snapshot holds all objects of a kind.
func (s Snapshot) LookedForAll(kind string) bool {
	named := func(p Place) bool { return p.Kind == kind && p.Name != "" }
	return slices.Contains(s.Looked, Place{Kind: kind}) && !slices.ContainsFunc(s.Tried, named)
}

// Gap is something that could not be read, and why.
type Gap struct {
	// Cluster where it is, where several are looked at.
	Cluster string
	What    string // "kustomizations in namespace \"payments\""
	Why     string
	// Harmless gaps do not make the answer incomplete: a kind that is not installed.
	Harmless bool
	// Forbidden says that the user may not read it.
	Forbidden bool
	// NotFound says that it was asked for by its name, and there is no such thing.
	NotFound bool
	// Record is the object of which the record is what could not be read; "" where it is something else.
	Record string
	// Unserved is the kind that the cluster does not have, where that is why.
	Unserved string
	// Labels says that only labels of namespaces are missing: nothing for whoever asks for no environment.
	Labels bool
}

// Incomplete tells whether something that may matter could not be read.
func (s Snapshot) Incomplete() bool {
	return slices.ContainsFunc(s.Gaps, func(g Gap) bool { return !g.Harmless })
}

// Serves tells whether a cluster has a kind, as far as it was asked for it.
func (s Snapshot) Serves(kind string) bool {
	return !slices.ContainsFunc(s.Gaps, func(g Gap) bool { return g.Unserved == kind })
}

// All ranges over the objects that were asked for, and then those that explain them.
func (s Snapshot) All() iter.Seq[*Object] { return Each(s.Objects, s.Related) }

// Each ranges over the objects of lists, one list after the other. An object is a kilobyte: ten thousand of them are not
// copied for every look. They are not to be changed.
func Each(lists ...[]Object) iter.Seq[*Object] {
	return func(yield func(*Object) bool) {
		for _, objects := range lists {
			for i := range objects {
				if !yield(&objects[i]) {
					return
				}
			}
		}
	}
}

// Known are all objects of the snapshot, by what they are.
func (s Snapshot) Known() map[Ref]*Object {
	known := make(map[Ref]*Object, len(s.Objects)+len(s.Related))
	for o := range s.All() {
		known[o.Ref] = o
	}
	return known
}

// Relate adds objects to Related that the snapshot does not hold yet.
func (s *Snapshot) Relate(objects []Object) {
	known := make(map[Ref]bool, len(s.Objects)+len(s.Related))
	for o := range s.All() {
		known[o.Ref] = true
	}
	for _, o := range objects {
		if !known[o.Ref] {
			known[o.Ref] = true
			s.Related = append(s.Related, o)
		}
	}
}

// Sort brings objects into the order in which they are shown: by namespace, kind and name.
func Sort(objects []Object) {
	sorting.By(objects, func(a, b Object) int { return a.Ref.Compare(b.Ref) })
}
