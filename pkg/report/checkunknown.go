package report

import (
	"fmt"
	"slices"
)

// The sides of a comparison, as documents name them.
const (
	onBase   = "base"
	onBranch = "branch"
)

// CheckGap is something that is not known of a cluster, and on which side.
type CheckGap struct {
	Missing
	// Side is one for people: "the branch", "main", "both sides".
	Side string
}

// Text is a gap in a line.
func (g CheckGap) Text() string {
	return fmt.Sprintf("Not known on %s: %s: %s", g.Side, g.subject(), g.Why)
}

func (g CheckGap) subject() string {
	if g.Cluster == "" {
		return g.What
	}
	return fmt.Sprintf("%s in %s", g.What, g.Cluster)
}

// Gaps are what is not known of either side, in the order of clusters.
func (c BranchCheck) Gaps() []CheckGap {
	var gaps []CheckGap
	if c.Base == nil {
		for _, m := range c.Missing {
			gaps = append(gaps, CheckGap{m, "the branch"})
		}
		return gaps
	}
	ofCluster := func(m Missing) bool {
		return slices.ContainsFunc(c.Clusters, func(cluster CheckCluster) bool {
			return slices.ContainsFunc(cluster.Missing.After, func(n Missing) bool { return n.What == m.What && n.Why == m.Why })
		})
	}
	for _, m := range c.Missing {
		if !ofCluster(m) { // of the whole checkout
			gaps = append(gaps, CheckGap{m, "both sides"})
		}
	}
	for _, cluster := range c.Clusters {
		for _, m := range cluster.Missing.Before {
			side := c.Base.Revision
			if slices.Contains(cluster.Missing.After, m) {
				side = "both sides"
			}
			m.Cluster = cluster.Cluster
			gaps = append(gaps, CheckGap{m, side})
		}
		for _, m := range cluster.Missing.After {
			if !slices.Contains(cluster.Missing.Before, m) {
				m.Cluster = cluster.Cluster
				gaps = append(gaps, CheckGap{m, "the branch"})
			}
		}
	}
	return gaps
}

// GapsLine says what follows from the gaps; "" where there is none.
func (c BranchCheck) GapsLine() string {
	switch gaps := c.Gaps(); {
	case len(gaps) == 0:
		return ""
	case c.Base == nil:
		return "Incomplete: what is not known is not checked."
	case c.Summary.Unknown > 0:
		return fmt.Sprintf("Incomplete: whether %s added or removed is not known: they count as they are on the side that has them. Requests and times are at least what is shown.",
			are(c.Summary.Unknown, "Flux object"))
	default:
		return "Incomplete: requests and times are at least what is shown."
	}
}

// GapLines tell people of the gaps. Why is said of those that no warning tells of.
func (c BranchCheck) GapLines() []string {
	var lines []string
	if c.Base != nil {
		for _, g := range c.Gaps() {
			warned := slices.ContainsFunc(c.Missing, func(m Missing) bool { return m.What == g.What && m.Why == g.Why })
			if warned {
				g.Why = "see the warning"
			}
			lines = append(lines, g.Text())
		}
	}
	if len(lines) > shownGaps {
		lines = append(lines[:shownGaps], fmt.Sprintf("and %d more like these", len(lines)-shownGaps))
	}
	if line := c.GapsLine(); line != "" {
		lines = append(lines, line)
	}
	return lines
}

// notNull is a list that JSON does not write as null.
func notNull[T any](values []T) []T {
	if values == nil {
		return []T{}
	}
	return values
}
