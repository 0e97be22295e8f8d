package cmd

import "github.com/fluxtune/kubectl-fluxtune/pkg/manifest"

// after is chosen for a state of the checkout that comes after another one, of which it may have lost what says that a folder is
// a cluster's; what was read of it where it has lost nothing of that.
func (f FileFlags) after(head, base *checkout) (*checkout, error) {
	for _, fleet := range base.fleets {
		f.before = append(f.before, fleet.Root)
	}
	if _, others := head.tree.Successors(head.tree.Roots(), f.before); !others {
		return head, nil
	}
	return f.chosen(head.tree)
}

// reading is chosen for another state of the checkout, which need not have all clusters that --root names: it may have none of
// them, or one under another name.
func (f FileFlags) reading(tree *manifest.Tree) *checkout {
	there := f.Roots
	f.Roots = nil
	for _, folder := range there {
		if _, err := tree.RootAt(folder); err == nil {
			f.Roots = append(f.Roots, folder)
		}
	}
	none := len(there) > 0 && len(f.Roots) == 0
	c, err := f.chosen(tree)
	if err != nil { // all that are named are there
		return &checkout{tree: tree}
	}
	if none {
		c.chosen = nil
	}
	return c
}
