package manifest

import (
	"bytes"
	"fmt"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/provider"
	"sigs.k8s.io/kustomize/api/resource"
	kustypes "sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/kio"
	"sigs.k8s.io/kustomize/kyaml/resid"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// sourced is a resource of a build, and the file that it comes from as far as that is known.
type sourced struct {
	*resource.Resource
	file string
}

// plainResources are what kustomize makes of a folder whose kustomization only lists files, where these hold only objects of
// Flux's kinds, Namespaces and ConfigMaps: the objects as they stand there, in their order. It is false for all others, and
// where something is wrong with one, so that kustomize says what. Kustomize compares each object with all the others, three
// times (api/resmap/reswrangler.go, Append), which takes it seconds from a thousand objects on.
func plainResources(v *view, folder string) (resources []sourced, ok bool) {
	defer func() {
		if recover() != nil { // kustomize's parser panics on some invalid data
			resources, ok = nil, false
		}
	}()
	entries, ok := v.plainEntries(folder)
	if !ok {
		return nil, false
	}
	contents := make([][]byte, len(entries))
	for i, file := range entries {
		content, err := v.ReadFile(absolute(file))
		if err != nil || !onlyPlain(content) {
			return nil, false
		}
		contents[i] = content
	}
	factory := provider.NewDefaultDepProvider().GetResourceFactory()
	factory.IncludeLocalConfigs = true // isPlain sees them
	seen := map[resid.ResId]bool{}
	for i, content := range contents {
		found, err := plainSlice(factory, content)
		if err != nil {
			return nil, false
		}
		for _, r := range found {
			id := r.CurId()
			id.Namespace = id.EffectiveNamespace()
			if seen[id] || !isPlain(r) {
				return nil, false
			}
			seen[id] = true
			r.RemoveBuildAnnotations() // both write the annotations anew
			if r.SetOrigin(nil) != nil {
				return nil, false
			}
			resources = append(resources, sourced{r, entries[i]})
		}
	}
	return resources, true
}

// plainKinds are Flux's, and those that Kustomizations are told apart and configured by.
var plainKinds = map[string]bool{
	"Alert": true, "ArtifactGenerator": true, "Bucket": true, "ConfigMap": true, "ExternalArtifact": true, "GitRepository": true,
	"HelmChart": true, "HelmRelease": true, "HelmRepository": true, "ImagePolicy": true, "ImageRepository": true,
	"ImageUpdateAutomation": true, "Kustomization": true, "Namespace": true, "OCIRepository": true, "Provider": true, "Receiver": true,
}

// plainEntries are the files that the kustomization of a folder lists; false where it says anything else.
func (v *view) plainEntries(folder string) (files []string, ok bool) {
	var content []byte
	for _, name := range konfig.RecognizedKustomizationFileNames() {
		p := path.Join(absolute(folder), name)
		if !v.Exists(p) {
			continue
		}
		data, err := v.ReadFile(p)
		if err != nil || content != nil { // kustomize takes one kustomization only
			return nil, false
		}
		content = data
	}
	var k kustypes.Kustomization
	if k.Unmarshal(content) != nil {
		return nil, false
	}
	k.FixKustomization()
	entries := k.Resources
	if len(entries) == 0 || len(k.EnforceFields()) > 0 || k.Kind != kustypes.KustomizationKind {
		return nil, false
	}
	k.Resources, k.TypeMeta, k.MetaData = nil, kustypes.TypeMeta{}, nil
	if !reflect.DeepEqual(k, kustypes.Kustomization{}) {
		return nil, false
	}
	for _, entry := range entries {
		file := clean(path.Join("/", folder, entry))
		if path.IsAbs(entry) || isRemote(entry) || isKustomization(file) || !v.tree.isFile(file) {
			return nil, false
		}
		files = append(files, file)
	}
	return files, true
}

// plainSlice is SliceFromBytes of kustomize's factory (api/resource/factory.go) for plain objects. Kustomize puts the nodes that
// aliases stand for in their place, and copies each mapping three times for that, which only what has aliases needs.
func plainSlice(factory *resource.Factory, content []byte) ([]*resource.Resource, error) {
	nodes, err := (&kio.ByteReader{OmitReaderAnnotations: true, Reader: bytes.NewReader(content)}).Read()
	if err != nil {
		return nil, err
	}
	for _, n := range nodes {
		if !withoutAliases(n.YNode()) {
			if err := n.DeAnchor(); err != nil {
				return nil, err
			}
		}
		if empty, at := n.HasNilEntryInList(); empty {
			return nil, fmt.Errorf("empty item at %s", at)
		}
	}
	return factory.ResourcesFromRNodes(nodes)
}

// withoutAliases tells whether kustomize's RNode.DeAnchor leaves a node as it is: also keys that are no texts, or there twice,
// are something else behind it.
func withoutAliases(n *yaml.Node) bool {
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		return false
	}
	if n.Kind == yaml.MappingNode {
		keys := make(map[string]bool, len(n.Content)/2)
		for i := 0; i < len(n.Content); i += 2 {
			key := n.Content[i]
			if key.Kind != yaml.ScalarNode || key.Tag != yaml.NodeTagString || keys[key.Value] {
				return false
			}
			keys[key.Value] = true
		}
	}
	return !slices.ContainsFunc(n.Content, func(child *yaml.Node) bool { return !withoutAliases(child) })
}

var kindValue = regexp.MustCompile(`^[ \t]*["']?([A-Za-z]+)`)

// onlyPlain tells of a file, before it is parsed, whether it may hold plain objects only.
func onlyPlain(content []byte) bool {
	for line := range bytes.Lines(content) {
		value, ok := bytes.CutPrefix(line, []byte("kind:"))
		if kind := kindValue.FindSubmatch(value); ok && kind != nil && !plainKinds[string(kind[1])] {
			return false
		}
	}
	return true
}

// isPlain tells whether kustomize leaves an object as it is: one of a kind whose references to others' names it does not know
// (api/internal/konfig/builtinpluginconsts/namereference.go), and without annotations for itself.
func isPlain(r *resource.Resource) bool {
	group := r.GetGvk().Group
	if group != "" && !strings.HasSuffix(group, ".toolkit.fluxcd.io") || !plainKinds[r.GetKind()] {
		return false
	}
	for key := range r.GetAnnotations() {
		if strings.Contains(key, "config.kubernetes.io/") || strings.Contains(key, "config.k8s.io/") {
			return false
		}
	}
	return true
}
