package manifest

import (
	"bytes"
	"fmt"
	"path"

	"github.com/fluxcd/pkg/sourceignore"
)

// fresh is an error that names a file where the checkout on the disk is not what was read any more: another content, a manifest
// that is new or gone, a new file that says what a source leaves out. What is written then was decided by other files than those that it would stand beside.
func (t *Tree) fresh() error {
	now, err := Open(t.dir)
	if err != nil {
		return fmt.Errorf("%w: nothing is written", err)
	}
	was, is := t.onDisk(), now.onDisk()
	for _, p := range sortedKeys(was) {
		switch there := is[p]; {
		case there == nil && (was[p].read.Load() || isManifestName(p)):
			return goneError(p)
		case there != nil && was[p].read.Load() && !sameContent(was[p], there):
			return changedError(p)
		}
	}
	for _, p := range sortedKeys(is) {
		if was[p] == nil && (isManifestName(p) || path.Base(p) == sourceignore.IgnoreFile) {
			return fmt.Errorf("%s is new since the checkout was read: nothing is written, run it again", p)
		}
	}
	return nil
}

func goneError(p string) error {
	return fmt.Errorf("%s is not there any more: nothing is written, run it again", p)
}

func changedError(p string) error {
	return fmt.Errorf("%s has changed since it was read: nothing is written, run it again", p)
}

// onDisk are the files of the Tree, and those that only some sources take.
func (t *Tree) onDisk() map[string]*node {
	files := make(map[string]*node, len(t.nodes)+len(t.aside))
	for _, nodes := range []map[string]*node{t.nodes, t.aside} {
		for p, n := range nodes {
			if !n.folder {
				files[p] = n
			}
		}
	}
	return files
}

func isManifestName(p string) bool { return isYAML(p) || isKustomization(p) }

func sameContent(a, b *node) bool {
	x, errX := a.content()
	y, errY := b.content()
	return bytes.Equal(x, y) && (errX == nil) == (errY == nil)
}
