package manifest

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	kustypes "sigs.k8s.io/kustomize/api/types"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Root is a cluster of the checkout: where its Flux begins to read.
type Root struct {
	// Path is the folder that is applied first: "clusters/staging".
	Path string
	// Base is the folder that the source's artifact was made of, which the paths of Kustomizations are
	// relative to; "" is the top of the checkout.
	Base string
	// source is what the first Kustomization refers to; the zero value where nothing says it.
	source sourceRef
	// remote is what a FluxInstance says of that source; the zero value where only the source itself tells it.
	remote flux.Remote
	// name and namespace of the first Kustomization; "" where it is not a Kustomization that applies the
	// root.
	name, namespace string
	// flat says that the folder's files are applied, and not what is in folders below.
	flat bool
	// made is what a FluxInstance makes the first Kustomization, where that is known.
	made *kustomizationSpec
	// instance is what the FluxInstance says that describes the root; nil without one.
	instance *installed
}

// Roots finds the clusters of the checkout: all that say themselves that they are one, where flux bootstrap has written
// gotk-sync.yaml, what a FluxInstance, or the values of its chart, names as spec.sync.path, and, beside these, what a
// Kustomization of Flux names that applies itself, as the one in gotk-sync.yaml does. Where there are none of these,
// Kustomizations of Flux that nothing in the checkout deploys, or else kustomizations that give Flux objects and that no
// other one includes: beside a cluster such a folder is none, since archives, examples and docs look the same (see Strays).
// A folder that is named twice counts once. Hidden folders count only where they are named (see RootAt).
func (t *Tree) Roots() []Root {
	documents := t.declarations()
	roots := slices.Concat(bootstrapped(t, documents), byName(synced(t, documents)))
	if len(roots) > 0 {
		roots = append(roots, byName(selfApplied(t, documents, roots))...)
	}
	for _, find := range []func(*Tree, []document) []Root{topKustomizations, topFolders} {
		if len(roots) == 0 {
			roots = find(t, documents)
		}
	}
	sorting.By(roots, func(a, b Root) int { return strings.Compare(a.Path, b.Path) })
	return onePerFolder(roots)
}

func byName(roots []Root) []Root {
	sorting.By(roots, func(a, b Root) int { return strings.Compare(a.name, b.name) })
	return roots
}

// onePerFolder keeps the first root of each folder, with what any of them says of the controllers.
func onePerFolder(roots []Root) []Root {
	var list []Root
	for _, r := range roots {
		last := len(list) - 1
		if last < 0 || list[last].Path != r.Path {
			list = append(list, r)
		} else if list[last].instance == nil {
			list[last].instance = r.instance
		}
	}
	return list
}

// RootAt is the root that begins at a folder, as --root names it: one of Roots, or a folder of one's own.
func (t *Tree) RootAt(folder string) (Root, error) {
	p := clean(t.relative(folder))
	if !t.isFolder(p) {
		return Root{}, fmt.Errorf("the folder %q is not in the checkout%s", folder, t.leftOut(p))
	}
	roots := t.Roots()
	if i := slices.IndexFunc(roots, func(r Root) bool { return r.Path == p }); i >= 0 {
		return roots[i], nil
	}
	return Root{Path: p}, nil
}

// Known tells whether something says that a cluster's Flux begins at the root, and by which Kustomization.
func (r Root) Known() bool { return r.name != "" }

// First is the Kustomization that begins to read at the root; the zero Ref where none is known.
func (r Root) First() flux.Ref { return r.start().ref() }

// relative is a path from the top where an absolute one of the disk is in the checkout; any other stays as it is.
func (t *Tree) relative(folder string) string {
	if t.dir == "" || !filepath.IsAbs(folder) {
		return folder
	}
	resolved, err := filepath.EvalSymlinks(folder)
	if err != nil {
		return folder
	}
	if inside, err := filepath.Rel(t.dir, resolved); err == nil && filepath.IsLocal(inside) {
		return inside
	}
	return folder
}

// defaultName is what flux bootstrap and the Flux Operator call the first source and Kustomization, and
// their namespace.
const defaultName = "flux-system"

// bootstrapped finds what flux bootstrap writes: <path>/flux-system/gotk-sync.yaml. In a repository that is
// a template the file may be there without its objects.
func bootstrapped(t *Tree, documents []document) []Root {
	found := map[string]Root{}
	for _, d := range documents {
		if path.Base(d.file) != syncFile {
			continue
		}
		root, ok := found[d.file]
		if !ok {
			root = Root{Path: parent(parent(d.file)), name: defaultName, namespace: defaultName,
				source: sourceRef{Kind: "GitRepository", Name: defaultName, Namespace: defaultName}}
		}
		if isKustomizationObject(d.node) {
			root = rootOf(t, d.node, root)
		}
		found[d.file] = root
	}
	roots := make([]Root, 0, len(found))
	for _, file := range sortedKeys(found) {
		roots = append(roots, found[file])
	}
	return roots
}

// rootOf is the root that a Kustomization of Flux describes; the fallback where its path is not there.
func rootOf(t *Tree, n *yaml.Node, fallback Root) Root {
	root := Root{name: text(n, "metadata", "name"), namespace: cmp.Or(text(n, "metadata", "namespace"), defaultName)}
	root.source = sourceRef{Kind: text(n, "spec", "sourceRef", "kind"), Name: text(n, "spec", "sourceRef", "name"),
		Namespace: cmp.Or(text(n, "spec", "sourceRef", "namespace"), root.namespace)}
	base, ok := t.base(text(n, "spec", "path"))
	if !ok {
		fallback.name, fallback.namespace, fallback.source = root.name, root.namespace, root.source
		return fallback
	}
	root.Base, root.Path = base, clean(base+"/"+text(n, "spec", "path"))
	return root
}

// base finds the folder that a path of an artifact is relative to: the top, or the only folder below which
// the path is found. Artifacts are often made of a part of a repository.
func (t *Tree) base(p string) (string, bool) {
	p = clean(p)
	if t.isFolder(p) {
		return "", true
	}
	var found []string
	for folder, n := range t.nodes {
		if n.folder && strings.HasSuffix(folder, "/"+p) && !hidden(folder) {
			found = append(found, strings.TrimSuffix(folder, "/"+p))
		}
	}
	if len(found) != 1 {
		return "", false
	}
	return found[0], true
}

// instanceNamespace is the namespace of a FluxInstance, after which the Flux Operator names the first source and
// Kustomization that have no name (internal/controller/fluxinstance_controller.go): its own, that of the kustomization in its
// folder, or that of the HelmRelease whose chart makes it. Values alone do not tell it.
func (t *Tree) instanceNamespace(d document, keys []string) string {
	namespace := text(d.node, "metadata", "namespace")
	if len(keys) > 2 { // helm-controller api/v2, GetReleaseNamespace
		namespace = cmp.Or(text(d.node, "spec", "targetNamespace"), namespace)
	}
	if content, err := t.ReadFile(kustomizationOf(t, parent(d.file))); err == nil && keys[0] == "spec" {
		for _, n := range parseDocuments(content) {
			namespace = cmp.Or(text(n, "namespace"), namespace)
		}
	}
	return cmp.Or(namespace, defaultName)
}

// syncRemote is what spec.sync of a FluxInstance says of its source.
func syncRemote(kind, url, ref string) flux.Remote {
	if kind != gitRepositoryKind {
		return flux.Remote{URL: url}
	}
	return flux.Remote{URL: url, Ref: flux.RemoteRef{Kind: flux.RefName, Value: ref}}
}

// instanceOf is what the spec of a FluxInstance, or the values of its chart, say of the controllers.
func instanceOf(spec *yaml.Node) *installed {
	data, err := nodeJSON(spec)
	if err != nil {
		return nil
	}
	return installedBy(json.RawMessage(`{"spec":` + string(data) + `}`))
}

// madeOf is the Kustomization that the spec of a FluxInstance, or the values of its chart, make; nil where that is not known.
func madeOf(spec *yaml.Node, namespace string) *kustomizationSpec {
	data, err := nodeJSON(spec)
	if err != nil {
		return nil
	}
	made, _ := synchronised(json.RawMessage(fmt.Sprintf(`{"metadata":{"namespace":%q},"spec":%s}`, namespace, data)))
	for _, o := range made {
		if k, err := parseKustomization(o.json); err == nil && o.ref.Group == kustomizeGroup {
			return &k.Spec
		}
	}
	return nil
}

// synced finds spec.sync of a FluxInstance, also where it is written as values of its Helm chart.
func synced(t *Tree, documents []document) []Root {
	var roots []Root
	for _, d := range documents {
		for _, keys := range [][]string{{"spec", "sync"}, {"instance", "sync"}, {"spec", "values", "instance", "sync"}} {
			sync := at(d.node, keys...)
			kind, p := text(sync, "kind"), text(sync, "path")
			if kind == "" || p == "" || text(sync, "url") == "" {
				continue
			}
			base, ok := t.base(p)
			if !ok {
				continue
			}
			namespace := t.instanceNamespace(d, keys)
			name := cmp.Or(text(sync, "name"), namespace)
			spec := at(d.node, keys[:len(keys)-1]...)
			roots = append(roots, Root{Path: clean(base + "/" + p), Base: base, name: name, namespace: namespace, made: madeOf(spec, namespace),
				source: sourceRef{Kind: kind, Name: name, Namespace: namespace}, remote: syncRemote(kind, text(sync, "url"), text(sync, "ref")), instance: instanceOf(spec)})
		}
	}
	return roots
}

// selfApplied finds the Kustomizations of Flux that are among what they apply, by others or at once, and that none of the other
// roots deploys.
func selfApplied(t *Tree, documents []document, others []Root) []Root {
	all := kustomizationsOf(t, documents)
	deployed := map[string]bool{}
	for _, r := range others {
		maps.Copy(deployed, t.reach(r.Path))
	}
	follow(all, deployed)
	var circular []candidate
	for _, c := range all {
		// A path with other clusters in it is no cluster's: an example of some docs has "./".
		around := slices.ContainsFunc(others, func(r Root) bool { return below(r.Path, c.root.Path) })
		if !deployed[c.file] && !around && c.root.name != "" && c.root.source.Kind != "" && !strings.Contains(c.root.name, "$") && c.leads(all)[c.file] {
			circular = append(circular, c)
		}
	}
	var roots []Root
	for _, c := range firsts(circular) {
		roots = append(roots, c.root)
	}
	return roots
}

// topKustomizations finds the Kustomizations of Flux whose path is in the checkout and that no other one
// deploys; of those that deploy each other, one. The manifests beside them in their folder are taken for deployed with
// them, and those of the folder's kustomization where it has one.
func topKustomizations(t *Tree, documents []document) []Root {
	var roots []Root
	for _, c := range firsts(kustomizationsOf(t, documents)) {
		roots = append(roots, Root{Path: parent(c.file), source: c.root.source, flat: true})
	}
	return roots
}

// isComponent tells a kustomization that is only for others to include.
func (t *Tree) isComponent(p string) bool {
	content, err := t.ReadFile(p)
	return err == nil && slices.ContainsFunc(parseDocuments(content), func(n *yaml.Node) bool { return text(n, "kind") == kustypes.ComponentKind })
}

// topFolders finds the kustomizations that give Flux objects and that no other one includes.
func topFolders(t *Tree, _ []document) []Root {
	fluxFiles := map[string]bool{}
	for _, d := range t.documents() {
		if strings.Contains(text(d.node, "apiVersion"), ".toolkit.fluxcd.io/") {
			fluxFiles[d.file] = true
		}
	}
	included := map[string]bool{}
	reached := map[string]map[string]bool{}
	for _, p := range t.Files() {
		if !isKustomization(p) || hidden(p) {
			continue
		}
		folder := parent(p)
		reached[folder] = t.reach(folder)
		included[folder] = included[folder] || t.isComponent(p)
		for file := range reached[folder] {
			if isKustomization(file) && file != p {
				included[parent(file)] = true
			}
		}
	}
	var roots []Root
	for _, folder := range sortedKeys(reached) {
		for file := range reached[folder] {
			if fluxFiles[file] && !included[folder] {
				roots = append(roots, Root{Path: folder})
				break
			}
		}
	}
	return roots
}
