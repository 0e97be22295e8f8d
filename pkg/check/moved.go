package check

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"bytes"
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/manifest"
)

// moves are the folders of the base that bear another name on the branch.
type moves map[string]string

// file is the name that a file of the base has on the branch, if its cluster's folder was moved.
func (m moves) file(name string) string {
	for from, to := range m {
		if rest, inside := strings.CutPrefix(name, from+"/"); inside {
			return to + "/" + rest
		}
	}
	return name
}

// Moved are the folders of clusters that bear another name on the branch, by their names on the base: of all that were read, also
// where Clusters are only some.
func Moved(base, head Side) map[string]string {
	for _, side := range []*Side{&base, &head} {
		side.Clusters = nil
		for i, f := range side.Fleets {
			side.Clusters = append(side.Clusters, Cluster{Root: i, Name: f.Root.String()})
		}
	}
	return findMoves(Input{Base: &base, Head: head})
}

// findMoves finds the clusters whose folder has another name on the branch: of those that only one side has, the two whose files are
// most alike, if that is at least half of them. What flux bootstrap writes has the path in it, and does not count.
func findMoves(in Input) moves {
	if in.Base == nil {
		return nil
	}
	gone, fresh := lone(*in.Base, in.Head), lone(in.Head, *in.Base)
	if len(gone) == 0 || len(fresh) == 0 {
		return nil
	}
	type match struct {
		from, to string
		alike    float64
	}
	var matches []match
	stays := map[string]float64{} // how much a folder is like a cluster that stays
	for _, c := range in.Base.Clusters {
		folder := in.Base.Fleets[c.Root].Root.Path
		if slices.Contains(gone, folder) {
			continue
		}
		for _, to := range fresh {
			stays[to] = max(stays[to], alikeness(filesBelow(in.Base.Tree, folder), filesBelow(in.Head.Tree, to)))
		}
	}
	for _, from := range gone {
		was := filesBelow(in.Base.Tree, from)
		for _, to := range fresh {
			if alike := alikeness(was, filesBelow(in.Head.Tree, to)); alike >= max(0.5, stays[to]) {
				matches = append(matches, match{from, to, alike})
			}
		}
	}
	sorting.By(matches, func(a, b match) int {
		return cmp.Or(cmp.Compare(b.alike, a.alike), commonPrefix(b.from, b.to)-commonPrefix(a.from, a.to))
	})
	found, taken := moves{}, map[string]bool{}
	for _, m := range matches {
		if found[m.from] == "" && !taken[m.to] {
			found[m.from], taken[m.to] = m.to, true
		}
	}
	return found
}

// commonPrefix is how many bytes two names begin with alike.
func commonPrefix(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// lone are the folders of the clusters that only one of two sides has.
func lone(side, other Side) (folders []string) {
	for _, c := range side.Clusters {
		folder := side.Fleets[c.Root].Root.Path
		if folder != "" && !slices.ContainsFunc(other.Clusters, func(o Cluster) bool { return o.Name == c.Name }) && len(filesBelow(other.Tree, folder)) == 0 {
			folders = append(folders, folder)
		}
	}
	return folders
}

// filesBelow are the contents of the files of a folder, by their paths in it.
func filesBelow(t *manifest.Tree, folder string) map[string][]byte {
	files := map[string][]byte{}
	for _, file := range t.Files() {
		if rest, inside := strings.CutPrefix(file, folder+"/"); inside && path.Base(file) != "gotk-sync.yaml" {
			content, _ := t.ReadFile(file) // what cannot be read is alike
			files[rest] = content
		}
	}
	return files
}

// alikeness is the share of files that are the same on both sides.
func alikeness(a, b map[string][]byte) float64 {
	same := 0
	for name, content := range a {
		if other, there := b[name]; there && bytes.Equal(content, other) {
			same++
		}
	}
	return float64(same) / float64(max(len(a), len(b), 1))
}
