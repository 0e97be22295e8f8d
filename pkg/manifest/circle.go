package manifest

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"cmp"
	"maps"
	"slices"
)

// follow adds what the Kustomizations in files deploy to these, and what those in that deploy.
func follow(all []candidate, files map[string]bool) {
	done := make([]bool, len(all))
	for more := true; more; {
		more = false
		for i, c := range all {
			if !done[i] && files[c.file] {
				done[i], more = true, true
				maps.Copy(files, c.deploys)
			}
		}
	}
}

// leads are the files that a candidate deploys, and what the Kustomizations in these deploy.
func (c candidate) leads(all []candidate) map[string]bool {
	files := maps.Clone(c.deploys)
	follow(all, files)
	return files
}

// firsts are the fewest candidates from which all are deployed: those that no other one deploys, and one of each circle that none
// outside of it does. Of a circle it is one that deploys itself where there is one, and of the source that most have: that is the
// checkout's.
func firsts(all []candidate) []candidate {
	uses := map[sourceRef]int{}
	for _, c := range all {
		uses[c.root.source]++
	}
	itself := func(c candidate) int {
		if c.deploys[c.file] {
			return 1
		}
		return 0
	}
	order := slices.Clone(all)
	sorting.By(order, func(a, b candidate) int {
		return cmp.Or(itself(b)-itself(a), uses[b.root.source]-uses[a.root.source])
	})
	deployed := map[string]bool{}
	var found []candidate
	for _, c := range order {
		if deployed[c.file] {
			continue
		}
		leads := c.leads(all)
		found = slices.DeleteFunc(found, func(first candidate) bool { return leads[first.file] })
		found = append(found, c)
		maps.Copy(deployed, leads)
	}
	return found
}
