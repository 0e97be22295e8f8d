package manifest

import (
	"fmt"
	"maps"
	"slices"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// candidate is a Kustomization of Flux whose path is in the checkout.
type candidate struct {
	ref  flux.Ref
	root Root
	file string
	// deploys are the files that its path leads to.
	deploys map[string]bool
}

// kustomizationsOf are those whose path is in the checkout. A patch is none: it gives a path to what the kustomization makes that
// uses it, and so counts as written there. The top is in each ("./"): of a source that none names with a folder
// of this one, beside sources of which some do, it is the top of another repository.
func kustomizationsOf(t *Tree, documents []document) []candidate {
	var found []candidate
	named := map[sourceRef]bool{} // with a folder of the checkout
	uses := t.patchUses()
	patches := t.patchFiles(uses)
	written := slices.DeleteFunc(slices.Clone(documents), func(d document) bool { return patches[d.file] })
	for _, use := range uses {
		if !hidden(use.by) {
			written = append(written, document{use.by, use.node})
		}
	}
	for _, d := range written {
		p := text(d.node, "spec", "path")
		if !isKustomizationObject(d.node) || p == "" {
			continue
		}
		if !t.isFolder(clean(p)) {
			continue // it may well be in another repository
		}
		ref := flux.Ref{Group: kustomizeGroup, Kind: kustomizationKind, Namespace: text(d.node, "metadata", "namespace"), Name: text(d.node, "metadata", "name")}
		root := rootOf(t, d.node, Root{})
		named[root.source] = named[root.source] || clean(p) != ""
		found = append(found, candidate{ref, root, d.file, t.reach(root.Path)})
	}
	maps.DeleteFunc(named, func(_ sourceRef, folder bool) bool { return !folder })
	if len(named) == 0 {
		return found
	}
	sources := writtenSources(documents)
	return slices.DeleteFunc(found, func(c candidate) bool {
		for source := range named {
			if standing, _ := (home{Root{source: source}, sources}).standing(c.root.source); standing == sameRevision {
				return false
			}
		}
		return true
	})
}

// Stray is a Kustomization of Flux in a file that no cluster deploys, as far as it is known. Archives, examples and docs have
// some, and so may a cluster whose first Kustomization somebody applies by hand.
type Stray struct {
	Ref flux.Ref
	// File has it, and Folder is what it applies.
	File, Folder string
	// Shares is a file that it may use, and that a cluster reads.
	Shares string
}

// String says it for people, with what to do.
func (s Stray) String() string {
	return fmt.Sprintf("%s in %s is of no cluster that was found, and may use %s, which clusters read: if a cluster has it, name %s with --root, too",
		s.Ref, s.File, s.Shares, Root{Path: s.Folder})
}

// Strays are those that may use files which the fleets read, in the order of their files.
func (t *Tree) Strays(fleets []Fleet) []Stray {
	var strays []Stray
	for _, s := range t.straying(fleets) {
		strays = append(strays, s.Stray)
	}
	return strays
}

// straying is a Stray with all files that it may use.
type straying struct {
	Stray
	files map[string]bool
}

func (t *Tree) straying(fleets []Fleet) []straying {
	read := map[string]bool{}
	for _, file := range builtFrom(fleets) {
		read[file] = true
	}
	var strays []straying
	for _, c := range kustomizationsOf(t, t.declarations()) {
		folder := c.root.Path
		if read[c.file] || folder == "" || slices.ContainsFunc(fleets, func(f Fleet) bool { return f.Root.Path == folder }) {
			continue
		}
		uses := newClosure(t, home{root: Root{Path: folder}})
		uses.folder(folder)
		files := uses.used()
		for _, file := range sortedKeys(files) {
			if read[file] {
				strays = append(strays, straying{Stray{c.ref, c.file, folder, file}, files})
				break
			}
		}
	}
	return strays
}

// strayUser says which of them may use a file; "" where none may.
func strayUser(strays []straying, file string) string {
	i := slices.IndexFunc(strays, func(s straying) bool { return s.files[file] })
	if i < 0 {
		return ""
	}
	s := strays[i]
	return fmt.Sprintf("%s in %s may use the file, and is of no cluster that was found: if a cluster has it, name %s with --root, too", s.Ref, s.File, Root{Path: s.Folder})
}
