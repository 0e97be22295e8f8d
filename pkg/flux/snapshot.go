package flux

import "slices"

// Snapshot is what was read at one moment, from a cluster or from files: everything that a plan is
// made from. It may be partial; Gaps says what is missing.
type Snapshot struct {
	// Objects that were asked for, sorted.
	Objects []Object
	// Related are the Kustomizations and HelmReleases beyond Objects that may use its sources or apply
	// its objects, the sources of those that do, and the names and annotations of the Flux Operator's
	// objects where these apply some.
	Related []Object
	// Namespaces maps a namespace's name to its labels. A namespace that could not be read has no
	// entry.
	Namespaces map[string]map[string]string
	Gaps       []Gap
}

// Gap is something that could not be read, and why.
type Gap struct {
	What string // "kustomizations in namespace \"payments\""
	Why  string
	// Harmless gaps do not make the answer incomplete: a kind that is not installed.
	Harmless bool
	// Forbidden says that the user may not read it.
	Forbidden bool
	// NotFound says that it was asked for by its name, and there is no such thing.
	NotFound bool
}

// Incomplete tells whether something that may matter could not be read.
func (s Snapshot) Incomplete() bool {
	return slices.ContainsFunc(s.Gaps, func(g Gap) bool { return !g.Harmless })
}

// Sort brings objects into the order in which they are shown: by namespace, kind and name.
func Sort(objects []Object) {
	slices.SortFunc(objects, func(a, b Object) int { return a.Ref.Compare(b.Ref) })
}
