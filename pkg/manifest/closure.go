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

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// closure collects the files that something may use which cannot be built: as far as kustomizations name files and folders,
// and Kustomizations of Flux paths. It takes too many rather than too few.
type closure struct {
	tree *Tree
	home home
	// files and folders that may be used, by their paths in the tree.
	files, folders map[string]bool
	// beside are files in such a folder that its kustomization need not name: what they name is not followed.
	beside map[string]bool
	// lost says why other files may be used as well; "" where none are.
	lost string
}

func newClosure(t *Tree, at home) *closure {
	return &closure{tree: t, home: at, files: map[string]bool{}, folders: map[string]bool{}, beside: map[string]bool{}}
}

func (c *closure) lose(why string) {
	if c.lost == "" {
		c.lost = why
	}
}

// folder adds what a folder deploys: its files and what its kustomization names, or else all that is below.
func (c *closure) folder(p string) {
	n := c.tree.nodes[p]
	if c.folders[p] || n == nil || !n.folder {
		return
	}
	c.folders[p] = true
	named := kustomizationOf(c.tree, p) != ""
	whole := !named && !(c.home.root.flat && p == c.home.root.Path)
	for _, name := range n.names {
		switch below := strings.TrimPrefix(p+"/"+name, "/"); {
		case !c.tree.isFolder(below) && (!named || isKustomization(below)):
			c.file(below)
		case !c.tree.isFolder(below): // beside a kustomization that does not name it, or does: then it is followed there
			c.beside[below] = true
		case whole:
			c.folder(below)
		}
	}
}

// used are all files that may be used, by their paths in the checkout.
func (c *closure) used() map[string]bool {
	used := map[string]bool{}
	for _, files := range []map[string]bool{c.files, c.beside} {
		for p := range files {
			used[c.tree.origin(p)] = true
		}
	}
	return used
}

func (c *closure) file(p string) {
	if c.files[p] {
		return
	}
	c.files[p] = true
	content, err := c.tree.ReadFile(p)
	switch {
	case err != nil:
	case isKustomization(p):
		c.kustomization(p, content)
	case isYAML(p) && (bytes.Contains(content, []byte(kustomizeGroup)) || bytes.Contains(content, []byte("ResourceSet"))):
		c.manifests(p, content)
	}
}

// kustomization follows all texts of one that are paths of the checkout. A missing file is taken for one that is still to
// be written, a missing folder for any other.
func (c *closure) kustomization(p string, content []byte) {
	var document yaml.Node
	if err := yaml.Unmarshal(content, &document); err != nil || len(document.Content) == 0 {
		c.lose(p + " cannot be read")
		return
	}
	top := document.Content[0]
	for i := 0; top.Kind == yaml.MappingNode && i+1 < len(top.Content); i += 2 {
		required := slices.Contains([]string{"resources", "bases", "components"}, top.Content[i].Value)
		c.texts(p, top.Content[i+1], required)
	}
}

func (c *closure) texts(p string, n *yaml.Node, required bool) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind == yaml.ScalarNode {
		c.text(p, n.Value, required)
		return
	}
	for _, child := range n.Content {
		c.texts(p, child, required)
	}
}

func (c *closure) text(p, text string, required bool) {
	if strings.Contains(text, "\n") {
		if strings.Contains(text, "/spec/path") || strings.Contains(text, "kind: "+kustomizationKind) && strings.Contains(text, " path:") {
			c.lose("a patch in " + p + " may set the path of a Kustomization")
		}
		return
	}
	c.entry(parent(p), text, required)
	if _, file, ok := strings.Cut(text, "="); ok {
		c.entry(parent(p), file, false)
	}
}

// entry follows what a kustomization in a folder names.
func (c *closure) entry(folder, text string, required bool) {
	if text == "" || text == "/" {
		return
	}
	if isRemote(text) {
		c.remote(text)
		return
	}
	target := clean(path.Join("/", folder, text))
	switch {
	case c.tree.isFile(target):
		c.file(target)
	case c.tree.isFolder(target):
		c.folder(target)
	case required && (strings.HasPrefix(text, "..") || !isYAML(text)):
		c.lose(fmt.Sprintf("%q is not in the checkout", target))
	}
}

// remote follows what an entry takes from the repository that the checkout is of, whatever revision it names: the branch may be
// merged into that. Kustomize writes it as URL//PATH?ref=REVISION, or without the second slash (api/internal/git, repospec.go).
func (c *closure) remote(entry string) {
	own := repositoryOf(c.home.root.source, c.home.remote(c.home.root.source))
	if own == "" {
		return
	}
	url, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(entry), "git::"), "?")
	if !strings.Contains(url, "://") { // git@HOST:PATH, or gh:PATH and github.com/PATH
		url = "ssh://" + strings.Replace(strings.Replace(url, "gh:", "github.com/", 1), ":", "/", 1)
	}
	for at, r := range url + "/" {
		if r != '/' || flux.ParseAddress(url[:at], false).Repository() != own {
			continue
		}
		if target := clean(url[at:]); c.tree.isFile(target) {
			c.file(target)
		} else {
			c.folder(target)
		}
		return
	}
}

// remotes follows the remote entries alone of a kustomization, which is built without them.
func (c *closure) remotes(p string) {
	content, err := c.tree.ReadFile(p)
	var document yaml.Node
	if err != nil || yaml.Unmarshal(content, &document) != nil {
		return
	}
	var follow func(n *yaml.Node)
	follow = func(n *yaml.Node) {
		if n.Kind == yaml.ScalarNode && isRemote(n.Value) {
			c.remote(n.Value)
		}
		for _, child := range n.Content {
			follow(child)
		}
	}
	follow(&document)
}

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
			c.deploys(text(n, "spec", "path"), text(n, "spec", "sourceRef", "kind"), text(n, "spec", "sourceRef", "name"))
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

// deploys follows the path of a Kustomization of Flux. What another repository holds is not followed.
func (c *closure) deploys(p, kind, name string) {
	folder := clean(c.home.root.Base + "/" + p)
	own := c.home.mayBe(kind, name)
	at := strings.IndexAny(p, "$<{")
	switch {
	case kind == "" && p == "": // a patch of one
	case kind == artifactKind:
		c.lose("what an " + artifactKind + " holds is not known")
	case at >= 0 && own: // everything that the path may become
		prefix := clean(c.home.root.Base + "/" + p[:at])
		if !strings.HasSuffix(p[:at], "/") {
			prefix = parent(prefix)
		}
		if prefix == c.home.root.Base {
			c.lose(fmt.Sprintf("the path %q has a variable", p))
			return
		}
		c.below(prefix)
	case c.tree.isFolder(folder) && (own || clean(p) != ""):
		c.folder(folder)
	case own:
		c.lose(fmt.Sprintf("the path %q is not in the checkout", p))
	}
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
			c.deploys(r.Spec.Path, r.Spec.SourceRef.Kind, r.Spec.SourceRef.Name)
		}
	}
	if t := by.ResourcesTemplate; strings.Contains(t, kustomizeGroup) {
		for _, m := range templatePath.FindAllStringSubmatch(t, -1) {
			c.deploys(m[1], c.home.root.source.Kind, c.home.root.source.Name)
		}
	}
}
