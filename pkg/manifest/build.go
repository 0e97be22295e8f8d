package manifest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resource"
	kustypes "sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/openapi"
	"sigs.k8s.io/kustomize/kyaml/resid"
	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"
	"sigs.k8s.io/yaml"

	"github.com/fluxtune/kubectl-fluxtune/pkg/crd"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// built is what one folder becomes when it is built for one Flux Kustomization, before substitution.
type built struct {
	resources []builtResource
	// read are the files that the build looked at.
	read map[string]bool
	gaps []flux.Gap
	err  error
}

// builtResource is one object of a build. Of those that matter to intervals the content is kept, of the
// others a fingerprint.
type builtResource struct {
	ref flux.Ref
	// origin is the file that it comes from; "" where it was generated.
	origin string
	// json is the object; nil for what has no interval and leads to none.
	json json.RawMessage
	// raw says that substitution passes it over (kustomize.toolkit.fluxcd.io/substitute: disabled).
	raw bool
	sum uint64
	// uses are the variables in an object of which only the fingerprint is kept, and texts the scalars that have them.
	uses, texts []string
	// probes are the texts in such an object that hold a probe (Decide).
	probes []string
	// mistyped says why Flux does not have it, although it looks like one of Flux's objects; nil for all others.
	mistyped *flux.Mistyping
	// unplaced says that it is of a namespace, and names none; sealed that it is a Secret that SOPS has encrypted.
	unplaced, sealed bool
	// configMaps are the names of those that it reads, in its namespace.
	configMaps []string
	// keys are those of a Secret's data: its values are not kept.
	keys []string
	// partial says that it was generated without what is remote of it.
	partial bool
	// installs says which kustomize-controller it installs; nil for all that does not.
	installs *installed
}

// buildOptions are what builds of one reading share.
type buildOptions struct {
	// schemas says that some kustomization brings an OpenAPI schema.
	schemas bool
	// origins has kustomize note where objects come from, which takes its time.
	origins bool
	// beside lets others run meanwhile.
	beside bool
	// unchecked generates a kustomization of files without a look at whether they hold objects. Kustomize fails where one does not.
	unchecked bool
	// flat leaves out the folders below one that has no kustomization of its own, and patches, the files that are only that.
	flat    bool
	patches func() map[string]bool
}

// build builds a folder as kustomize-controller does for a Flux Kustomization: with the options of Build in
// github.com/fluxcd/pkg/kustomize.
func build(t *Tree, folder string, spec kustomizationSpec, how buildOptions) built {
	filter := &remoteFilter{tree: t, gaps: map[string]string{}}
	v := &view{tree: t, filter: filter.content, read: map[string]bool{}}
	quick := how
	quick.unchecked = true
	content, at, err := generate(t, folder, spec, quick)
	if err != nil {
		return built{read: map[string]bool{}, err: err}
	}
	v.generated, v.generatedAt = content, at
	defer shared.enter(how)()
	resources, plain := plainResources(v, folder)
	if !plain {
		if how.origins {
			v.generated = withOrigins(content)
		}
		resources, err = run(v, folder)
	}
	var broken error
	if err != nil {
		if _, _, refused := generate(t, folder, spec, how); refused != nil { // Flux's generator has the first word
			return built{read: map[string]bool{}, err: refused}
		}
		broken = cmp.Or(filter.err, t.broken(folder, v.read))
	}
	switch {
	case broken != nil:
		err = broken
	case err != nil && len(filter.gaps) > 0:
		what := sortedKeys(filter.gaps)[0]
		err = unfetchedError{fmt.Errorf("%s: %s: %w", what, filter.gaps[what], err)}
	}
	b := built{read: v.read, err: err}
	for _, what := range sortedKeys(filter.gaps) {
		b.gaps = append(b.gaps, flux.Gap{What: what, Why: filter.gaps[what]})
	}
	for _, r := range resources {
		one, err := newBuiltResource(r.Resource, folder, t.seed)
		if plain && how.origins {
			one.origin = r.file
		}
		one.origin = t.origin(one.origin)
		if twice := t.repeated(one, r.YNode(), b.read); twice != nil {
			err = twice
		}
		if err != nil { // Flux applies nothing of it then
			b.err, b.resources = cmp.Or(t.broken(folder, v.read), err), nil
			return b
		}
		b.resources = append(b.resources, one)
	}
	return b
}

// withOrigins has kustomize note where each object comes from.
func withOrigins(content []byte) []byte {
	var k map[string]any
	if yaml.Unmarshal(content, &k) != nil {
		return content
	}
	k["buildMetadata"] = []string{kustypes.OriginAnnotations}
	out, err := yaml.Marshal(k)
	if err != nil {
		return content
	}
	return out
}

func run(v *view, folder string) (resources []sourced, err error) {
	defer func() {
		if r := recover(); r != nil { // kustomize panics on some invalid data
			err = fmt.Errorf("kustomize cannot build %q: %v", folder, r)
		}
	}()
	options := &krusty.Options{LoadRestrictions: kustypes.LoadRestrictionsNone, PluginConfig: kustypes.DisabledPluginConfig()}
	m, err := krusty.MakeKustomizer(options).Run(v, absolute(folder))
	if err != nil {
		return nil, err
	}
	for _, r := range m.Resources() {
		resources = append(resources, sourced{Resource: r})
	}
	return resources, nil
}

// customSchemas tells whether some kustomization of the Tree brings an OpenAPI schema.
func (t *Tree) customSchemas() bool {
	for p, n := range t.nodes {
		if n.folder || !isKustomization(p) {
			continue
		}
		if data, err := t.ReadFile(p); err == nil && bytes.Contains(data, []byte("openapi")) {
			return true
		}
	}
	return false
}

const (
	originAnnotation     = "config.kubernetes.io/origin"
	substituteAnnotation = kustomizeGroup + "/substitute"
)

func newBuiltResource(r *resource.Resource, folder string, seed maphash.Seed) (b builtResource, err error) {
	gvk := r.GetGvk()
	b = builtResource{ref: flux.Ref{Group: gvk.Group, Kind: gvk.Kind, Namespace: r.GetNamespace(), Name: r.GetName()}}
	if m, wrong := flux.Mistyped(gvk.Group, gvk.Version, gvk.Kind); wrong {
		b.mistyped = &m
	}
	if b.ref.Name == "" || b.ref.Kind == "" || r.GetApiVersion() == "" {
		return b, fmt.Errorf("an object has no apiVersion, no kind or no name: %.80s", r.String())
	}
	b.unplaced, b.sealed = b.ref.Namespace == "" && b.namespaced(gvk), isSealed(r)
	annotations := r.GetAnnotations()
	b.raw = annotations[substituteAnnotation] == disabled || r.GetLabels()[substituteAnnotation] == disabled
	b.origin = origin(annotations[originAnnotation], folder)
	_, noted := annotations[originAnnotation]
	if _, b.partial = annotations[partialAnnotation]; noted || b.partial {
		delete(annotations, originAnnotation)
		delete(annotations, partialAnnotation)
		if err = r.SetAnnotations(annotations); err != nil {
			return b, err
		}
	}
	if b.isController() || b.isFluxInstance() {
		if data, err := nodeJSON(r.YNode()); err == nil {
			b.installs = installedBy(data)
		}
	}
	b.configMaps = configMapsRead(r.YNode(), nil)
	if b.matters() {
		b.json, err = nodeJSON(r.YNode())
		return b, err
	}
	if b.ref.Group == "" && b.ref.Kind == "Secret" {
		b.keys = secretKeys(r)
	}
	var h maphash.Hash
	h.SetSeed(seed)
	texts, probes, uses := map[string]bool{}, map[string]bool{}, map[string]bool{}
	fingerprint(&h, r.YNode(), texts, probes)
	for text := range texts {
		for _, match := range variableUse.FindAllStringSubmatch(text, -1) {
			uses[match[1]] = true
		}
	}
	b.sum, b.uses, b.texts, b.probes = h.Sum64(), sortedKeys(uses), sortedKeys(texts), sortedKeys(probes)
	return b, nil
}

// namespaced tells whether an object is certainly one of a namespace.
func (b builtResource) namespaced(gvk resid.Gvk) bool {
	if _, known := flux.ParseManifestKind(gvk.Group, gvk.Kind); known || flux.CostsOnly(gvk.Group, gvk.Kind) {
		return true
	}
	is, known := openapi.IsNamespaceScoped(gvk.AsTypeMeta())
	return is && known
}

// isSealed tells whether kustomize-controller takes an object for a Secret that is to be decrypted: one with encrypted data.
// (It forgets that of one that has stringData alone, and applies the cipher text.)
func isSealed(r *resource.Resource) bool {
	if r.GetKind() != "Secret" || r.GetApiVersion() != "v1" || strings.EqualFold(r.GetAnnotations()[kustomizeGroup+"/decrypt"], disabled) {
		return false
	}
	return r.Field("sops") != nil && r.Field("data") != nil
}

// secretKeys are those of a Secret's data, which SOPS leaves as they are.
func secretKeys(r *resource.Resource) []string {
	var keys []string
	for _, field := range []string{"data", "stringData"} {
		if n := r.Field(field); n != nil && n.Value.YNode().Kind == kyaml.MappingNode {
			names, _ := n.Value.Fields()
			keys = append(keys, names...)
		}
	}
	return keys
}

// nodeJSON is MarshalJSON of kustomize's nodes without the way through text.
func nodeJSON(n *kyaml.Node) (json.RawMessage, error) {
	var object map[string]any
	if err := n.Decode(&object); err != nil {
		return nil, err
	}
	return json.Marshal(object)
}

const disabled = "disabled"

// matters: Flux's objects, also those without an interval, since the API server may refuse them, what they take variables from, what makes them, and what gives an environment.
func (b builtResource) matters() bool {
	if b.isResourceSet() || b.mistyped != nil {
		return true
	}
	if _, known := flux.ParseManifestKind(b.ref.Group, b.ref.Kind); known || crd.Known(b.ref.Group, b.ref.Kind) || flux.CostsOnly(b.ref.Group, b.ref.Kind) {
		return true
	}
	if b.ref.Group == flux.OperatorGroup && b.ref.Kind == "FluxInstance" { // it makes a source
		return true
	}
	return b.ref.Group == "" && (b.ref.Kind == "Namespace" || b.ref.Kind == "ConfigMap") ||
		b.ref.Group == generatorGroup && b.ref.Kind == generatorKind
}

// origin reads kustomize's note of where an object comes from, relative to the folder that is built.
func origin(note, folder string) string {
	var o struct {
		Path string `json:"path"`
		Repo string `json:"repo"`
	}
	if note == "" || yaml.Unmarshal([]byte(note), &o) != nil || o.Path == "" || o.Repo != "" {
		return ""
	}
	return clean(folder + "/" + o.Path)
}

// variableUse is how a variable is used (fluxcd/pkg envsubst): also one of the shell's, as ${1}.
var variableUse = regexp.MustCompile(`\$\{#?([_a-zA-Z0-9]+)`)

// fingerprint hashes what an object says, not how it is written, and notes the texts in it that have variables or probes.
func fingerprint(h *maphash.Hash, n *kyaml.Node, texts, probes map[string]bool) {
	if strings.Contains(n.Value, "${") {
		texts[n.Value] = true
	}
	if strings.Contains(n.Value, "ms") && probeAnywhere.MatchString(n.Value) {
		probes[n.Value] = true
	}
	_ = h.WriteByte(byte(n.Kind))
	_, _ = h.WriteString(n.Tag)
	_ = h.WriteByte(0)
	_, _ = h.WriteString(n.Value)
	_ = h.WriteByte(0)
	for _, child := range n.Content {
		fingerprint(h, child, texts, probes)
	}
	_ = h.WriteByte(1)
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
