package manifest

import (
	"bytes"
	"fmt"
	"path"
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
