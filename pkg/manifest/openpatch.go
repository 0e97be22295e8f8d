package manifest

import (
	"fmt"
	"math"
	"strings"

	"go.yaml.in/yaml/v3"
)

// openPatch is where a patch stands that may reach objects which are not in the checkout: lines of a file, both inclusive.
type openPatch struct {
	file     string
	from, to int
}

// tieOpenPatches keeps the scalars of patches that what is not known of a build would follow, too.
func (d *Decisions) tieOpenPatches(fleets []Fleet) {
	for _, f := range fleets {
		for _, ref := range sortedRefs(f.deployments) {
			deployed := f.deployments[ref]
			if !deployed.more || deployed.tree == nil || deployed.moved {
				continue
			}
			for p := range deployed.built.read {
				if !isKustomization(p) {
					continue
				}
				for _, open := range openPatches(deployed.tree, p) {
					for i := range d.reach {
						if s := d.scalars[i]; s.File == open.file && open.from <= s.Line && s.Line <= open.to {
							d.tieTo(i, fmt.Sprintf("objects of %s that are not in the checkout", ref))
						}
					}
				}
			}
		}
	}
}

// openPatches are those of a kustomization that name no object.
func openPatches(t *Tree, p string) (found []openPatch) {
	content, err := t.ReadFile(p)
	var document yaml.Node
	if err != nil || yaml.Unmarshal(content, &document) != nil || len(document.Content) == 0 {
		return nil
	}
	top := document.Content[0]
	for i := 0; top.Kind == yaml.MappingNode && i+1 < len(top.Content); i += 2 {
		if key := top.Content[i].Value; key != "patches" && key != "patchesJson6902" {
			continue
		}
		end := math.MaxInt
		if i+2 < len(top.Content) {
			end = top.Content[i+2].Line - 1
		}
		entries := top.Content[i+1].Content
		for j, entry := range entries {
			last := end
			if j+1 < len(entries) {
				last = entries[j+1].Line - 1
			}
			switch file := text(entry, "path"); {
			case at(entry, "target") == nil || !openName(text(entry, "target", "name")):
			case file != "":
				found = append(found, openPatch{t.origin(clean(parent(p) + "/" + file)), 0, math.MaxInt})
			default:
				found = append(found, openPatch{t.origin(p), entry.Line, max(last, entry.Line)})
			}
		}
	}
	return found
}

// openName tells whether the name of a target stands for objects that nobody knows: it is an expression of kustomize's, and one of
// several names is none such.
func openName(name string) bool { return name == "" || strings.ContainsAny(name, ".*+?[") }
