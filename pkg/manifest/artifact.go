package manifest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

const (
	generatorGroup = "source.extensions.fluxcd.io"
	generatorKind  = "ArtifactGenerator"
	artifactKind   = "ExternalArtifact"
)

// artifactGenerator is the part of source-watcher's object that says which files make an artifact
// (source-watcher api/v1beta1, ArtifactGeneratorSpec).
type artifactGenerator struct {
	Spec struct {
		// PathPattern makes artifacts for each folder that matches, with parts of its path in their names (Flux 2.9).
		PathPattern string `json:"pathPattern"`
		Sources     []struct {
			Alias string `json:"alias"`
			sourceRef
		} `json:"sources"`
		Artifacts []struct {
			Name string `json:"name"`
			// Namespace of the artifact, since source-watcher 2.3; "" for the generator's own.
			Namespace string          `json:"namespace"`
			Copy      []copyOperation `json:"copy"`
		} `json:"artifacts"`
	} `json:"spec"`
}

type copyOperation struct {
	From     string   `json:"from"`
	To       string   `json:"to"`
	Exclude  []string `json:"exclude"`
	Strategy string   `json:"strategy"`
	// Optional passes over what is not there, since source-watcher 2.3 (api/v2 v1beta1, CopyOperation).
	Optional bool `json:"optional"`
}

// artifact is the Tree of an ExternalArtifact, or why it is not known.
type artifact struct {
	tree *Tree
	key  string
	// moved says that its files have other paths than in the checkout.
	moved     bool
	elsewhere string
	// foreign says that the files are those of another repository.
	foreign bool
	// from are the sources that it is made of.
	from []sourceRef
}

// artifacts makes the ExternalArtifacts of all ArtifactGenerators of a root.
func (r *reader) artifacts(root Root, current map[flux.Ref]*deployment, sources map[sourceRef]gitSource) map[sourceRef]artifact {
	found := map[sourceRef]artifact{}
	for _, ref := range sortedRefs(current) {
		for _, o := range current[ref].objects {
			if o.ref.Group != generatorGroup || o.ref.Kind != generatorKind {
				continue
			}
			var g artifactGenerator
			if err := json.Unmarshal(o.json, &g); err != nil {
				continue
			}
			if g.Spec.PathPattern != "" {
				for _, a := range g.Spec.Artifacts {
					namespace := cmp.Or(a.Namespace, o.ref.Namespace)
					if strings.Contains(namespace, "{") { // a part of a path
						namespace = ""
					}
					found[anyArtifact(namespace)] = artifact{moved: true, elsewhere: fmt.Sprintf(
						"%s makes artifacts by a path pattern, which is not followed here", o.ref)}
				}
				continue
			}
			for i, a := range g.Spec.Artifacts {
				made := artifact{key: string(o.json) + fmt.Sprint(i), moved: true}
				for _, source := range g.Spec.Sources {
					from := source.in(o.ref.Namespace)
					made.from = append(made.from, from)
					made.key += r.taken(root, from, sources).key
				}
				made.tree, made.elsewhere, made.foreign = r.artifactTree(root, g, o.ref.Namespace, a.Copy, made.key, sources)
				found[sourceRef{Kind: artifactKind, Namespace: cmp.Or(a.Namespace, o.ref.Namespace), Name: a.Name}] = made
			}
		}
	}
	return found
}

// anyArtifact stands for the artifacts of a namespace whose names are not known; of "" not even their namespaces are.
func anyArtifact(namespace string) sourceRef {
	return sourceRef{Kind: artifactKind, Namespace: namespace}
}

func (r *reader) artifactTree(root Root, g artifactGenerator, namespace string, operations []copyOperation, key string, sources map[sourceRef]gitSource) (made *Tree, elsewhere string, foreign bool) {
	if t, ok := r.trees[key]; ok {
		return t, "", false
	}
	files := map[string]string{}
	for _, op := range operations {
		alias, pattern, found := strings.Cut(strings.TrimPrefix(op.From, "@"), "/")
		i := slices.IndexFunc(g.Spec.Sources, func(s struct {
			Alias string `json:"alias"`
			sourceRef
		}) bool {
			return s.Alias == alias
		})
		if i < 0 || !found {
			return nil, fmt.Sprintf("its generator copies from %q, which it does not name", op.From), false
		}
		source := g.Spec.Sources[i].in(namespace)
		if source.Kind == artifactKind {
			return nil, fmt.Sprintf("its generator copies from %s, which is not followed here", source), false
		}
		if standing, why := (home{root, sources}).standing(source); standing != sameRevision {
			return nil, "its generator copies from " + why, standing == otherRepository
		}
		if len(op.Exclude) > 0 || op.Strategy != "" && op.Strategy != "Overwrite" {
			return nil, fmt.Sprintf("its generator copies %q with exclude or strategy, which is not followed here", op.From), false
		}
		if why := r.taken(root, source, sources).tree.copy(root.Base, pattern, op, files); why != "" && !op.Optional {
			return nil, why, false
		}
	}
	t := r.tree.pick(files)
	r.trees[key] = t
	return t, "", false
}

// copy adds the files of one operation, as source-watcher copies them (internal/builder/builder.go): a
// folder goes into the destination under its name, the matches of dir/** without dir, others with their
// path.
func (t *Tree) copy(base, pattern string, op copyOperation, files map[string]string) string {
	destination := clean(strings.TrimPrefix(op.To, "@artifact/"))
	if !strings.ContainsAny(pattern, "*?[]") {
		from := clean(base + "/" + pattern)
		switch {
		case t.isFolder(from):
			t.copyAll(from, clean(destination+"/"+path.Base(from)), files)
		case t.isFile(from) && (strings.HasSuffix(op.To, "/") || isDestination(destination, files)):
			files[clean(destination+"/"+path.Base(from))] = from
		case t.isFile(from):
			files[destination] = from
		default:
			return fmt.Sprintf("its generator copies %q, which is not in the checkout", op.From)
		}
		return ""
	}
	prefix, recursive := strings.CutSuffix(pattern, "/**")
	matched := false
	for _, from := range sortedKeys(t.nodes) {
		relative := strings.TrimPrefix(strings.TrimPrefix(from, base), "/")
		if ok, err := path.Match(pattern, relative); err != nil || !ok || clean(base+"/"+relative) != from {
			continue
		}
		matched = true
		if recursive {
			relative = strings.TrimPrefix(relative, prefix+"/")
		}
		t.copyAll(from, clean(destination+"/"+relative), files)
	}
	if !matched {
		return fmt.Sprintf("nothing in the checkout matches %q of its generator", op.From)
	}
	return ""
}

// isDestination tells whether files were copied below a path before.
func isDestination(p string, files map[string]string) bool {
	for other := range files {
		if p == "" || strings.HasPrefix(other, p+"/") {
			return true
		}
	}
	return p == ""
}

// copyAll adds a file, or all files below a folder.
func (t *Tree) copyAll(from, to string, files map[string]string) {
	n := t.nodes[from]
	if !n.folder {
		files[to] = from
		return
	}
	for _, name := range n.names {
		t.copyAll(clean(from+"/"+name), clean(to+"/"+name), files)
	}
}

// pick makes a Tree of some files of another, under other paths.
func (t *Tree) pick(files map[string]string) *Tree {
	picked := &Tree{nodes: map[string]*node{"": {folder: true}}, seed: t.seed}
	for to, from := range files {
		picked.file(to, &node{from: from, content: func() ([]byte, error) { return t.ReadFile(from) }})
	}
	picked.list()
	return picked
}
