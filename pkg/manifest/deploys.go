package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// manifests follows the Kustomizations of Flux in a file, and what ResourceSets make.
func (c *closure) manifests(p string, content []byte) {
	documents, err := parseAll(content)
	if err != nil {
		c.lose(p + " cannot be read")
		return
	}
	for _, d := range documents {
		if len(d.Content) == 0 {
			continue
		}
		n := d.Content[0]
		switch {
		case isKustomizationObject(n):
			c.kustomizationObject(p, n)
		case text(n, "kind") == "ResourceSet":
			var object map[string]any
			data, err := json.Marshal(object)
			if n.Decode(&object) == nil {
				data, err = json.Marshal(object)
			}
			if err == nil {
				c.resourceSet(data)
			}
		}
	}
}

// kustomizationObject follows a Kustomization of Flux in a file, or a patch of one.
func (c *closure) kustomizationObject(p string, n *yaml.Node) {
	data, err := nodeJSON(n)
	var k kustomization
	if err == nil {
		k, err = parseKustomization(data)
	}
	if err != nil {
		c.lose(p + " cannot be read")
		return
	}
	c.deploys(k.Spec)
}

// deploys follows the path of a Kustomization of Flux, and its components. What another repository holds is not followed.
func (c *closure) deploys(spec kustomizationSpec) {
	p, kind, name := spec.Path, spec.SourceRef.Kind, spec.SourceRef.Name
	own := c.home.mayBe(kind, name) || strings.ContainsAny(kind+name, "$<{")
	folders := c.home.folders(spec.SourceRef, p)
	there := slices.DeleteFunc(slices.Clone(folders), func(folder string) bool { return !c.tree.isFolder(folder) })
	if own || kind == "" {
		c.changed(folders, spec)
	} else {
		c.changed(there, spec)
	}
	at := strings.IndexAny(p, "$<{")
	switch {
	case kind == "" && p == "": // a patch of one
	case kind == artifactKind:
		c.lose("what an " + artifactKind + " holds is not known")
	case at >= 0 && own:
		c.open(spec.SourceRef, p, p[:at])
	case len(there) > 0 && (own || clean(p) != ""):
		for _, folder := range there {
			c.folder(folder)
		}
	case own && c.home.root.source.Name != "": // else it is taken for one of another repository, as where it is built (locate)
		c.lose(fmt.Sprintf("the path %q is not in the checkout", p))
	}
}

// open adds everything that a path with a variable may become, which begins with a text.
func (c *closure) open(ref sourceRef, p, start string) {
	for _, prefix := range c.home.folders(ref, start) {
		if start != "" && !strings.HasSuffix(start, "/") {
			prefix = parent(prefix)
		}
		if below(c.home.root.Base, prefix) {
			c.lose(fmt.Sprintf("the path %q has a variable", p))
			continue
		}
		c.below(prefix)
	}
}

// changed follows what a Kustomization of Flux adds to its folder: its components, and patches that may lead elsewhere.
func (c *closure) changed(folders []string, spec kustomizationSpec) {
	if len(folders) == 0 {
		return
	}
	for _, component := range spec.Components {
		if at := strings.IndexAny(spec.Path+component, "$<{"); at >= 0 || spec.Path == "" && spec.SourceRef.Kind == "" {
			c.lose(fmt.Sprintf("what the component %q is, is not known", component))
			continue
		}
		missing := !slices.ContainsFunc(folders, func(folder string) bool { return c.tree.nodes[clean(path.Join("/", folder, component))] != nil })
		for _, folder := range folders {
			c.entry(folder, component, missing)
		}
	}
	var texts []string
	for _, p := range spec.Patches {
		texts = append(texts, p.Patch)
	}
	for _, p := range spec.PatchesStrategicMerge {
		texts = append(texts, string(p))
	}
	if legacy, err := json.Marshal(spec.PatchesJSON6902); err == nil {
		texts = append(texts, string(legacy))
	}
	if slices.ContainsFunc(texts, mayLead) {
		c.lose("the patches of a Kustomization may set the path of another one")
	}
}

// setsFields finds the path and the components of a Kustomization of Flux in JSON patches and replacements.
var setsFields = regexp.MustCompile(`/spec/(path|components)\b|\bspec\.(path|components)\b|\bpath["']?:\s*["']?/spec["']?\s*(,|}|\n|$)`)

// unquoted takes away what JSON has and YAML need not.
var unquoted = strings.NewReplacer(`"`, "", "'", "", " ", "")

// mayLead tells whether a patch may set the path or the components of a Kustomization of Flux.
func mayLead(patch string) bool {
	if setsFields.MatchString(patch) {
		return true
	}
	flat := unquoted.Replace(patch)
	other := strings.Contains(flat, "kind:") && !strings.Contains(flat, "kind:"+kustomizationKind)
	return !other && strings.Contains(flat, "spec:") && (strings.Contains(flat, "path:") || strings.Contains(flat, "components:"))
}

func setsPath(file string) string {
	return "a patch in " + file + " may set the path of a Kustomization"
}

// below adds all folders below one, each for itself.
func (c *closure) below(folder string) {
	for p, n := range c.tree.nodes {
		if n.folder && below(p, folder) {
			c.folder(p)
		}
	}
}

// templatePath finds paths in the templates of a ResourceSet.
var templatePath = regexp.MustCompile(`(?m)(?:^|[\s{,])["']?path["']?:\s*['"]?([^\s'",}]+)`)

// setResources are what a ResourceSet, or a step of one, makes.
type setResources struct {
	Resources []struct {
		APIVersion string            `json:"apiVersion"`
		Kind       string            `json:"kind"`
		Spec       kustomizationSpec `json:"spec"`
	} `json:"resources"`
	ResourcesTemplate string `json:"resourcesTemplate"`
}

// setFields are the fields of a ResourceSet's spec that are followed, and those of which nothing is made (Flux Operator 0.59
// api/v1, ResourceSetSpec).
var setFields = []string{"resources", "resourcesTemplate", "steps", "commonMetadata", "inputStrategy", "inputs", "inputsFrom", "dependsOn", "serviceAccountName", "wait"}

// resourceSet follows the Kustomizations that a ResourceSet makes, as far as their paths can be told before it is rendered.
func (c *closure) resourceSet(data []byte) {
	var set struct {
		Spec struct {
			setResources
			Steps []setResources `json:"steps"`
		} `json:"spec"`
	}
	var fields struct {
		Spec map[string]json.RawMessage `json:"spec"`
	}
	if errors.Join(json.Unmarshal(data, &set), json.Unmarshal(data, &fields)) != nil {
		if bytes.Contains(data, []byte(kustomizeGroup)) {
			c.lose("a ResourceSet cannot be read")
		}
		return
	}
	for _, made := range append(set.Spec.Steps, set.Spec.setResources) {
		c.made(made)
	}
	for _, field := range sortedKeys(fields.Spec) {
		if !slices.Contains(setFields, field) && bytes.Contains(fields.Spec[field], []byte(kustomizeGroup)) {
			c.lose(fmt.Sprintf("what spec.%s of a ResourceSet makes is not known", field))
		}
	}
}

func (c *closure) made(by setResources) {
	for _, r := range by.Resources {
		if r.Kind == kustomizationKind && strings.HasPrefix(r.APIVersion, kustomizeGroup+"/") {
			c.deploys(r.Spec)
		}
	}
	if t := by.ResourcesTemplate; strings.Contains(t, kustomizeGroup) {
		for _, m := range templatePath.FindAllStringSubmatch(t, -1) {
			c.deploys(kustomizationSpec{Path: m[1], SourceRef: c.home.root.source})
		}
		if mayLead(t) && strings.Contains(t, "components:") {
			c.lose("a ResourceSet may set components")
		}
	}
}
