package manifest

import (
	"bytes"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// originalName is the name that an object has in its file: kustomizations may have put something before and behind it.
func (a *atlas) originalName(s spot) string {
	name, known := a.originals[s]
	if !known {
		name = a.findOriginalName(s)
		a.originals[s] = name
	}
	return name
}

func (a *atlas) findOriginalName(s spot) string {
	f := a.fleets[s.root]
	d := f.deployments[f.owners[s.ref]]
	if d == nil {
		return s.ref.Name
	}
	file := a.fileOf(d, s.ref)
	content, err := a.tree.ReadFile(file)
	built := d.builtName(s.ref)
	if err != nil || bytes.Contains(content, []byte(built)) {
		return built
	}
	_, found := a.locator.document(d, s.ref)
	if name := text(found, "metadata", "name"); name != "" && strings.Contains(built, name) {
		return name
	}
	return built
}

// builtName is the name of an object before its variables are substituted, by which patches find it.
func (d *deployment) builtName(ref flux.Ref) string {
	for i, o := range d.objects {
		if o.ref == ref && o.renamed {
			return d.built.resources[i].ref.Name
		}
	}
	return ref.Name
}

// written is the place of an object's own document in its file.
func (a *atlas) written(d *deployment, s spot) place {
	p := place{file: a.fileOf(d, s.ref), kind: s.ref.Kind, name: a.originalName(s), own: true}
	_, found := a.locator.document(d, s.ref)
	if _, known := a.nth[found]; found != nil && !known {
		counts := map[[2]string]int{}
		for _, n := range a.locator.files[p.file] {
			key := [2]string{text(n, "kind"), text(n, "metadata", "name")}
			a.nth[n] = counts[key]
			counts[key]++
		}
	}
	p.nth = a.nth[found]
	return p
}

// nameAt is the name by which a patch at a place finds an object.
func (a *atlas) nameAt(p place, s spot) string {
	switch {
	case p.own:
		return p.name
	case p.original:
		return a.originalName(s)
	default:
		f := a.fleets[s.root]
		if d := f.deployments[f.owners[s.ref]]; d != nil {
			return d.builtName(s.ref)
		}
		return s.ref.Name
	}
}
