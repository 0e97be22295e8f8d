package budget

import "github.com/fluxtune/kubectl-fluxtune/pkg/flux"

// transfers tells whether a reconcile that finds nothing new transfers something whose size the artifact tells: a clone mostly
// more than that, since semver fetches all branches and tags and commit the whole history (fluxcd/pkg git/gogit/clone.go,
// cloneSemVer, cloneCommit), unless spec.include adds to the artifact; an index.yaml less, since source-controller keeps it as
// indented JSON. Listing refs, tags or keys is not counted.
func transfers(c Cost) bool { return c.Clones || c.Protocol == Helm }

// size of what an object transfers, in bytes; 0 where it is not known. An automation clones what its source polls.
func (f *fleet) size(s *subject) int64 {
	if s.object.Kind == "ImageUpdateAutomation" {
		if from := f.byRef[s.object.SourceRef]; from != nil {
			return from.object.Status.ArtifactSize
		}
	}
	return s.object.Status.ArtifactSize
}

// weigh fills in how many bytes an hour items transfer. What has no artifact is as large as the largest with the same address
// and ref, in whatever cluster; of what is nowhere known, nothing is counted (Unsized).
func weigh(items []Item) {
	type key struct {
		flux.Address
		Protocol
		flux.RemoteRef
		chart bool // it is asked for where its index is
	}
	of := func(i *Item) key { return key{i.Address, i.Cost.Protocol, i.Remote.Ref, i.Object.Kind == "HelmChart"} }
	sizes := map[key]int64{}
	for i := range items {
		sizes[of(&items[i])] = max(sizes[of(&items[i])], items[i].size)
	}
	for i := range items {
		item := &items[i]
		if !transfers(item.Cost) || item.Requests == (Rates{}) {
			continue
		}
		if item.size == 0 {
			item.size = sizes[of(item)]
		}
		item.Bytes = times(item.Reconciles, float64(item.size))
	}
}

// Cloning is what is cloned while nothing changes.
type Cloning struct {
	// Clones per hour, and the Bytes per hour of those whose size is known.
	Clones, Bytes Rates
	// Unsized counts the objects whose clones nobody knows the size of.
	Unsized int
}

// Cloning sums up what objects clone. Hosts count the bytes of index files, too.
func (b Budget) Cloning() (c Cloning) {
	for _, i := range b.Items {
		if !i.Cost.Clones || i.Requests == (Rates{}) {
			continue
		}
		c.Clones, c.Bytes = sum(c.Clones, i.Reconciles), sum(c.Bytes, i.Bytes)
		if i.size == 0 {
			c.Unsized++
		}
	}
	return c
}
