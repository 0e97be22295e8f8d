package manifest

import (
	"os"
	"path"
	"path/filepath"
)

// Outside tells of a Tree that is only a folder of a Git repository, and misses what its Flux reads: a path that is not in
// it, and the way up to the repository's top ("..", "../.."). The path is that of a gotk-sync.yaml or FluxInstance, or that of
// a Kustomization where none has its path in the Tree. It is "" where the Tree is the top, or its own source's top as far
// as its paths tell.
func (t *Tree) Outside() (missing, above string) {
	if above = t.above(); above == "" {
		return "", ""
	}
	first, any := "", false
	for _, d := range t.declarations() {
		start := path.Base(d.file) == syncFile
		p := ""
		if isKustomizationObject(d.node) {
			p = text(d.node, "spec", "path")
		} else if sync := at(d.node, "spec", "sync"); text(sync, "url") != "" {
			p, start = text(sync, "path"), true
		}
		if p == "" {
			continue
		}
		switch _, found := t.base(p); {
		case found:
			any = true
		case start:
			return p, above
		case first == "":
			first = p
		}
	}
	if any || first == "" {
		return "", ""
	}
	return first, above
}

// above is the way up to the folder that has .git; "" where the Tree has it, or none has.
func (t *Tree) above() string {
	if t.dir == "" {
		return ""
	}
	way := ""
	for dir := t.dir; ; {
		if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
			return way
		}
		up := filepath.Dir(dir)
		if up == dir {
			return ""
		}
		dir, way = up, path.Join(way, "..")
	}
}
