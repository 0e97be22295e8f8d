package cmd

import (
	"context"
	"slices"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
)

// otherGaps are what could not be read of the clusters that --root does not name, and of what a sparse checkout lacks. What is
// written or said of files may concern them all the same.
func (c *checkout) otherGaps() []flux.Gap {
	var gaps []flux.Gap
	for i, f := range c.fleets {
		for _, g := range f.Snapshot.Gaps {
			if !slices.Contains(c.chosen, i) && !g.Harmless {
				g.Cluster = f.Root.String()
				gaps = append(gaps, g)
			}
		}
	}
	if g, sparse := c.tree.SparseGap(); sparse {
		gaps = append(gaps, g)
	}
	return gaps
}

// sparse is what a sparse checkout lacks, as a note for whoever only reads: nil where -f names no folder.
func (c *checkout) sparse() []flux.Gap {
	if c == nil || c.tree == nil {
		return nil
	}
	gap, sparse := c.tree.SparseGap()
	if !sparse {
		return nil
	}
	gap.Harmless = true
	return []flux.Gap{gap}
}

// filtered is what Flux does not see as it is on the disk.
func (c *checkout) filtered(ctx context.Context) []flux.Gap {
	if c == nil || c.tree == nil {
		return nil
	}
	gap, found := c.tree.FilterGap(ctx)
	if !found {
		return nil
	}
	return []flux.Gap{gap}
}

// leftovers are the files that a rewrite has left that was killed.
func (c *checkout) leftovers() []flux.Gap {
	var notes []flux.Gap
	for _, file := range c.tree.Leftovers {
		notes = append(notes, flux.Gap{What: terminal.FileName(file) + " is left of a rewrite that was killed while it wrote", Why: "it may be deleted", Harmless: true})
	}
	return notes
}
