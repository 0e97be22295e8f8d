package manifest

import (
	"bytes"
	"path"
	"strings"

	"go.yaml.in/yaml/v3"
)

// patchUse is a document with which a kustomization patches an object.
type patchUse struct {
	// by is the kustomization, and file what holds the document: another file, or the kustomization itself.
	by, file string
	node     *yaml.Node
}

// patchUses are those of all kustomizations of the Tree, in their order.
func (t *Tree) patchUses() []patchUse {
	var uses []patchUse
	for _, p := range t.Files() {
		if !isKustomization(p) {
			continue
		}
		content, err := t.ReadFile(p)
		if err != nil || !bytes.Contains(content, []byte("patches")) {
			continue
		}
		for _, k := range parseDocuments(content) {
			for _, entry := range patchEntries(k) {
				uses = append(uses, t.patchesOf(p, entry)...)
			}
		}
	}
	return uses
}

// patchEntries are the texts and paths of the patches of a kustomization.
func patchEntries(k *yaml.Node) []string {
	var entries []string
	if list := at(k, "patches"); list != nil {
		for _, entry := range list.Content {
			entries = append(entries, text(entry, "path"), text(entry, "patch"))
		}
	}
	if list := at(k, "patchesStrategicMerge"); list != nil {
		for _, entry := range list.Content {
			entries = append(entries, entry.Value)
		}
	}
	return entries
}

// patchesOf are the documents of a patch that is a path or a text.
func (t *Tree) patchesOf(by, entry string) []patchUse {
	file, content := by, []byte(entry)
	if target := clean(path.Join("/", parent(by), entry)); entry != "" && !strings.Contains(entry, "\n") && t.isFile(target) {
		file = target
		content, _ = t.ReadFile(target) // what cannot be read has no documents
	}
	var uses []patchUse
	for _, n := range parseDocuments(content) {
		uses = append(uses, patchUse{by, file, n})
	}
	return uses
}

// patchFiles are the files that kustomizations use as patches, and none as a resource: what they hold is no object of its own.
func (t *Tree) patchFiles(uses []patchUse) map[string]bool {
	files := map[string]bool{}
	for _, use := range uses {
		if use.file != use.by {
			files[use.file] = true
		}
	}
	for _, p := range t.Files() {
		if len(files) > 0 && isKustomization(p) {
			for _, target := range t.entries(p) {
				delete(files, target)
			}
		}
	}
	return files
}
