package manifest

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	kustypes "sigs.k8s.io/kustomize/api/types"

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
	// build builds a folder for itself; nil where only names are followed. Read are the files that such builds read, by their
	// paths in the checkout.
	build func(t *Tree, folder string) built
	read  map[string]bool
}

func newClosure(t *Tree, at home) *closure {
	return &closure{tree: t, home: at, files: map[string]bool{}, folders: map[string]bool{}, beside: map[string]bool{}, read: map[string]bool{}}
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
	if named && c.built(p) {
		return
	}
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

// built takes over what the build of a folder tells, where it can be built for itself and all of it is known: what it read, and
// the paths of its Kustomizations as its own patches leave them. Those of the folders around it are looked at where they stand.
func (c *closure) built(folder string) bool {
	if c.build == nil {
		return false
	}
	b := c.build(c.tree, folder)
	if b.err != nil || len(b.gaps) > 0 {
		return false
	}
	maps.Copy(c.read, b.read)
	for _, r := range b.resources {
		switch k, err := parseKustomization(r.json); {
		case r.isResourceSet():
			c.resourceSet(r.json)
		case r.ref.Kind != kustomizationKind && r.mistyped == nil || r.json == nil:
		case err != nil:
			c.lose(r.ref.String() + " cannot be read")
		case r.ref.Group == kustomizeGroup || k.Spec.Path != "":
			c.deploys(k.Spec)
		}
	}
	return true
}

// used are all files that may be used, by their paths in the checkout.
func (c *closure) used() map[string]bool {
	used := maps.Clone(c.read)
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
	if !isManifestName(p) {
		return
	}
	content, err := c.tree.ReadFile(p)
	switch {
	case err != nil:
	case isKustomization(p):
		c.kustomization(p, content)
	case setsFields.Match(content):
		c.lose(setsPath(p))
	case bytes.Contains(content, []byte(kustomizeGroup)) || bytes.Contains(content, []byte("ResourceSet")):
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
		switch key := top.Content[i].Value; key {
		case "helmCharts":
			c.charts(parent(p), top)
		case "helmGlobals":
		default:
			c.texts(p, top.Content[i+1], slices.Contains([]string{"resources", "bases", "components"}, key))
		}
	}
}

// charts follows the files of a kustomization's charts: their values, and those of charts of the checkout (kustomize
// api/internal/builtins, HelmChartInflationGenerator.go).
func (c *closure) charts(folder string, top *yaml.Node) {
	home := cmp.Or(text(top, "helmGlobals", "chartHome"), kustypes.HelmDefaultHome)
	for _, chart := range at(top, "helmCharts").Content {
		c.entry(folder, text(chart, "valuesFile"), false)
		if more := at(chart, "additionalValuesFiles"); more != nil {
			for _, file := range more.Content {
				c.entry(folder, file.Value, false)
			}
		}
		own := path.Join("/", folder, home, text(chart, "name"))
		c.below(clean(own))
		c.below(clean(own + "-" + text(chart, "version"))) // as it is kept where it comes from a repository
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
	if mayLead(text) {
		c.lose(setsPath(p))
	}
	if strings.Contains(text, "\n") {
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
