package report

import (
	"fmt"
	"slices"
)

// keptObjects counts the objects that stay as they are; one may do so for several reasons.
func keptObjects(c CheckCluster) int {
	kept := map[Ref]bool{}
	for _, k := range c.Kept {
		kept[k.Ref] = true
	}
	return len(kept)
}

// CheckStay is why objects of a cluster stay as they are although the files differ.
type CheckStay struct {
	Cluster, Files, Why string
	refs                []CheckChange
}

// Text is it in a line.
func (s CheckStay) Text() string {
	return fmt.Sprintf("Only in the files: %s of %s %s: %s", s.subject(), s.Cluster, s.Files, s.Why)
}

func (s CheckStay) subject() string {
	if len(s.refs) == 1 {
		return s.refs[0].Ref.Kind + " " + names(s.refs)
	}
	return names(s.refs)
}

// Stays are the reasons why objects stay as they are, in the order of clusters.
func (c BranchCheck) Stays() []CheckStay {
	var list []CheckStay
	for _, cluster := range c.Clusters {
		for _, k := range cluster.Kept {
			i := slices.IndexFunc(list, func(s CheckStay) bool {
				return s.Cluster == cluster.Cluster && s.Files == k.Files && s.Why == k.Why
			})
			if i < 0 {
				list = append(list, CheckStay{Cluster: cluster.Cluster, Files: k.Files, Why: k.Why})
				i = len(list) - 1
			}
			list[i].refs = append(list[i].refs, CheckChange{Ref: k.Ref})
		}
	}
	return list
}

// StayLines tell people what stays as it is.
func (c BranchCheck) StayLines() []string {
	stays := c.Stays()
	lines := make([]string, 0, len(stays))
	for i, s := range stays {
		if i == shownGaps {
			lines = append(lines, fmt.Sprintf("and %d more like these", len(stays)-shownGaps))
			break
		}
		lines = append(lines, s.Text())
	}
	return lines
}
