package manifest

import (
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// reach returns the files that a build of a folder takes objects from, as its kustomizations name them.
// It is for finding one's way: a build says what it really read.
func (t *Tree) reach(folder string) map[string]bool {
	files := map[string]bool{}
	t.follow(folder, files)
	return files
}

func (t *Tree) follow(folder string, files map[string]bool) {
	p := kustomizationOf(t, folder)
	if p == "" {
		for _, name := range t.nodes[folder].names {
			below := strings.TrimPrefix(folder+"/"+name, "/")
			switch {
			case t.isFolder(below):
				t.follow(below, files)
			case isYAML(below):
				files[below] = true
			}
		}
		return
	}
	if files[p] {
		return
	}
	files[p] = true
	for _, target := range t.entries(p) {
		switch {
		case t.isFile(target):
			files[target] = true
		case t.isFolder(target) && kustomizationOf(t, target) != "":
			t.follow(target, files)
		}
	}
}

// entries are the paths of what a kustomization includes, files and folders, in its order.
func (t *Tree) entries(p string) []string {
	data, err := t.ReadFile(p)
	if err != nil {
		return nil
	}
	var n yaml.Node
	if yaml.Unmarshal(data, &n) != nil || len(n.Content) == 0 {
		return nil
	}
	var found []string
	for _, field := range []string{"resources", "bases", "components"} {
		list := at(n.Content[0], field)
		if list == nil || list.Kind != yaml.SequenceNode {
			continue
		}
		for _, entry := range list.Content {
			if target := clean(path.Join("/", parent(p), entry.Value)); t.nodes[target] != nil && !slices.Contains(found, target) {
				found = append(found, target)
			}
		}
	}
	return found
}
