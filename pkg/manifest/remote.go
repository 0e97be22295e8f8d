package manifest

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// remoteFilter keeps kustomize from asking the network or running git: kustomize takes what is no file or
// folder of the checkout for a URL or a Git repository. What a kustomization wants from elsewhere is taken
// out of what kustomize sees, and told in gaps.
type remoteFilter struct {
	tree *Tree
	gaps map[string]string // what -> why
	// err is the first refusal; kustomize says of such a kustomization only that it finds none.
	err error
}

// Fields of a kustomization whose entries are files or folders, and those whose entries are files only.
var (
	entryFields  = []string{"resources", "bases", "components", "generators", "transformers", "validators"}
	pluginFields = []string{"generators", "transformers", "validators"}
	// changingFields are those whose entries may change what stands beside them: without one nothing is known.
	changingFields = []string{"components", "transformers", "patchesStrategicMerge", "configurations"}
	fileFields     = []string{"crds", "configurations", "patchesStrategicMerge"}
)

// unfetchedError is that of a build which needs what Flux fetches, and nothing here does.
type unfetchedError struct{ error }

// Unwrap gives errors.Is and errors.As the cause.
func (e unfetchedError) Unwrap() error { return e.error }

// unfetched tells whether a build failed here, where it need not fail for Flux.
func unfetched(err error) bool {
	var e unfetchedError
	return errors.As(err, &e)
}

// content is without, and keeps the first error.
func (f *remoteFilter) content(p string, data []byte) ([]byte, error) {
	out, err := f.without(p, data)
	if f.err == nil {
		f.err = err
	}
	return out, err
}

// without returns a kustomization without what is remote. What is neither in the checkout nor remote is
// an error, as it is for kustomize.
func (f *remoteFilter) without(p string, data []byte) ([]byte, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(data, &document); err != nil || len(document.Content) == 0 || document.Content[0].Kind != yaml.MappingNode {
		return data, nil // kustomize says what is wrong with it
	}
	changed := false
	root := document.Content[0]
	for i := 0; i+1 < len(root.Content); i += 2 {
		name, value := root.Content[i].Value, root.Content[i+1]
		if (name == "helmCharts" || name == "helmChartInflationGenerator") && len(value.Content) > 0 {
			return nil, fmt.Errorf("%s has %s, which Flux does not build", p, name)
		}
		if name == "configMapGenerator" || name == "secretGenerator" {
			changed = f.withoutRemoteFiles(p, value) || changed
		}
		if value.Kind != yaml.SequenceNode || !slices.Contains(entryFields, name) && !slices.Contains(fileFields, name) {
			if u := remoteFile(value, name); u != "" {
				return nil, unfetchedError{fmt.Errorf("%s: %s needs %s, which is not in the checkout", p, name, flux.ShownURL(u))}
			}
			continue
		}
		kept := value.Content[:0]
		for _, entry := range value.Content {
			local, err := f.local(p, name, entry)
			if err != nil {
				return nil, err
			}
			if local && slices.Contains(pluginFields, name) {
				err = f.plugin(p, entry.Value)
			}
			if err != nil {
				return nil, err
			}
			if local {
				kept = append(kept, entry)
			} else {
				changed = true
			}
		}
		value.Content = kept
	}
	if !changed {
		return data, nil
	}
	return yaml.Marshal(&document)
}

// local tells whether an entry is in the checkout; a remote one is noted.
func (f *remoteFilter) local(p, field string, entry *yaml.Node) (bool, error) {
	if entry.Kind != yaml.ScalarNode || strings.Contains(entry.Value, "\n") {
		return true, nil // an inline patch or transformer
	}
	target := clean(path.Join("/", parent(p), entry.Value))
	switch {
	case isRemote(entry.Value) && slices.Contains(changingFields, field):
		return false, unfetchedError{fmt.Errorf("%s: %s needs %s, which is not in the checkout", p, field, flux.ShownURL(entry.Value))}
	case isRemote(entry.Value):
		f.gaps[fmt.Sprintf("%q in %s", flux.ShownURL(entry.Value), p)] = "it is not in the checkout, and nothing is fetched"
		return false, nil
	case leadsOut(parent(p), entry.Value):
		return false, fmt.Errorf("%s: %s has %q, which is not in the checkout: it leads out of it", p, field, entry.Value)
	case f.tree.nodes[target] != nil:
		return true, nil
	case slices.Contains(fileFields, field) && strings.ContainsAny(entry.Value, "{:"):
		return true, nil // an inline patch on one line
	default:
		return false, fmt.Errorf("%s: %s has %q, which is not in the checkout%s", p, field, entry.Value, f.tree.leftOut(target))
	}
}

// leadsOut tells whether a path leads out of the checkout, though another of that name may be in it: Flux builds nothing
// then (fluxcd/pkg kustomize, filesys/fs_secure.go).
func leadsOut(folder, entry string) bool {
	relative := path.Join(folder, entry)
	return relative == ".." || strings.HasPrefix(relative, "../")
}

// Keys below which kustomize downloads what looks like a URL (its builtin plugins' Load calls).
var pathKeys = []string{"path", "files", "env", "envs", "valuesFile", "additionalValuesFiles"}

// remoteFile returns the first string below a node that kustomize would download.
func remoteFile(n *yaml.Node, key string) string {
	switch n.Kind {
	case yaml.ScalarNode:
		_, file, _ := strings.Cut(n.Value, "=") // a file of a generator may have a key before it
		if slices.Contains(pathKeys, key) && (isURL(n.Value) || isURL(file)) {
			return n.Value
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if u := remoteFile(n.Content[i+1], n.Content[i].Value); u != "" {
				return u
			}
		}
	case yaml.AliasNode:
		return remoteFile(n.Alias, key)
	default:
		for _, child := range n.Content {
			if u := remoteFile(child, key); u != "" {
				return u
			}
		}
	}
	return ""
}

func isURL(s string) bool {
	s = strings.ToLower(strings.TrimSpace(s))
	return strings.HasPrefix(s, "http://") || strings.HasPrefix(s, "https://")
}

// plugin is an error where a generator, transformer or validator would have kustomize download something;
// one that is a folder is not looked into, so it is refused.
func (f *remoteFilter) plugin(p, entry string) error {
	text := entry
	if target := clean(path.Join("/", parent(p), entry)); !strings.Contains(entry, "\n") {
		if f.tree.isFolder(target) {
			return fmt.Errorf("%s: plugins in the folder %q are not supported", p, entry)
		}
		data, err := f.tree.ReadFile(target)
		if err != nil {
			return err
		}
		text = string(data)
	}
	documents := yaml.NewDecoder(strings.NewReader(text))
	for {
		var n yaml.Node
		if documents.Decode(&n) != nil { // the end, or what kustomize will complain of
			return nil
		}
		if u := remoteFile(&n, ""); u != "" {
			return unfetchedError{fmt.Errorf("%s: %q needs %s, which is not in the checkout", p, strings.TrimSpace(firstLine(entry)), flux.ShownURL(u))}
		}
	}
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// isRemote tells whether an entry of a kustomization names something on the network: a URL, or a Git
// repository as kustomize writes it (kustomize api/internal/git, repospec.go).
func isRemote(entry string) bool {
	lower := strings.ToLower(strings.TrimSpace(entry))
	for _, prefix := range []string{"git::", "gh:", "github.com/", "github.com:", "git@", "file://"} {
		if strings.HasPrefix(lower, prefix) {
			return true
		}
	}
	user, _, ssh := strings.Cut(lower, ":")
	return ssh && strings.Contains(user, "@") || strings.Contains(lower, "://") || strings.Contains(lower, "?ref=") || strings.Contains(lower, "?version=") ||
		strings.Contains(lower, ".git/") || strings.HasSuffix(lower, ".git") || strings.Contains(lower, "/_git/")
}
