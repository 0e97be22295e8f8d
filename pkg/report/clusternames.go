package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
)

// clusterCells is how wide the name of a cluster is at most among others, or in a sentence, on a terminal.
const clusterCells = 20

// shortClusters are short forms of the names of clusters, which tell them apart.
func shortClusters(names []string) map[string]string {
	short := withoutPrefix(names)
	fitting := terminal.Apart(slices.Collect(maps.Values(short)), clusterCells)
	for name, s := range short {
		short[name] = fitting[s]
	}
	return short
}

// withoutPrefix takes off what the names of all clusters begin with, up to a separator: contexts of EKS and GKE say the
// account, the region and the project first.
func withoutPrefix(names []string) map[string]string {
	first, prefix := true, ""
	for _, name := range names {
		if first {
			first, prefix = false, name
		}
		for !strings.HasPrefix(name, prefix) {
			prefix = prefix[:len(prefix)-1]
		}
	}
	prefix = prefix[:strings.LastIndexAny(prefix, ":/_")+1]
	short := make(map[string]string, len(names))
	for _, name := range names {
		if short[name] = name; len(prefix) >= longPrefix {
			short[name] = "..." + strings.TrimPrefix(name, prefix)
		}
	}
	return short
}

// longPrefix is how many letters that all names share are not worth a column.
const longPrefix = 8

// countClusters says how many of some objects are in which cluster, the most first: "prod 26, stage 10". Most is how many are
// named before the rest is counted; 0 is any number.
func countClusters(clusters []string, most int) string {
	counts := make(map[string]int)
	for _, c := range clusters {
		counts[c]++
	}
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int { return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b)) })
	parts := make([]string, 0, len(names))
	for i, name := range names {
		if most > 0 && i == most && len(names) > most+1 {
			parts = append(parts, fmt.Sprintf("%d more", len(names)-i))
			break
		}
		parts = append(parts, fmt.Sprintf("%s %d", name, counts[name]))
	}
	return strings.Join(parts, ", ")
}
