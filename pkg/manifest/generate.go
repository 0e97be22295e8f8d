package manifest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fluxcd/pkg/apis/kustomize"
	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/provider"
	kustypes "sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"
)

// generate returns the kustomization that kustomize-controller builds for a Flux Kustomization, and its
// path: the folder's own, or one of all manifests below the folder, with what the Flux Kustomization's
// spec adds. It does what Generator.GenerateManifest of github.com/fluxcd/pkg/kustomize does, which reads
// from the disk only and so cannot see a Tree's edits; a test holds the two equal.
func generate(t *Tree, folder string, spec kustomizationSpec, how buildOptions) (content []byte, at string, err error) {
	k, at, own, err := folderKustomization(t, folder, how)
	if err != nil {
		return nil, "", err
	}
	if own && len(k.Resources) == 0 {
		// Else kustomize refuses it as empty.
		k.BuildMetadata = []string{"originAnnotations"}
	}
	if spec.TargetNamespace != nil {
		k.Namespace = *spec.TargetNamespace
	}
	if spec.NamePrefix != nil {
		k.NamePrefix = *spec.NamePrefix
	}
	if spec.NameSuffix != nil {
		k.NameSuffix = *spec.NameSuffix
	}
	for _, p := range spec.Patches {
		k.Patches = append(k.Patches, kustypes.Patch{Patch: p.Patch, Target: selector(p.Target)})
	}
	for _, component := range spec.Components {
		if filepath.IsAbs(component) || isRemote(component) {
			return nil, "", fmt.Errorf("component path %q must be local and relative", component)
		}
		if spec.IgnoreMissingComponents && t.nodes[clean(path.Join("/", folder, component))] == nil {
			continue
		}
		k.Components = append(k.Components, component)
	}
	if err := addOldPatches(&k, spec); err != nil {
		return nil, "", err
	}
	k.Images = mergeImages(k.Images, spec.Images)
	if len(spec.BuildMetadata) > 0 {
		k.BuildMetadata = spec.BuildMetadata
	}
	content, err = yaml.Marshal(k)
	return content, at, err
}

// addOldPatches adds those of v1beta2, which kustomize-controller still takes.
func addOldPatches(k *kustypes.Kustomization, spec kustomizationSpec) error {
	for _, p := range spec.PatchesStrategicMerge {
		//lint:ignore SA1019 Flux fills this field
		k.PatchesStrategicMerge = append(k.PatchesStrategicMerge, kustypes.PatchStrategicMerge(p))
	}
	for _, p := range spec.PatchesJSON6902 {
		patch, err := json.Marshal(p.Patch)
		if err != nil {
			return err
		}
		//lint:ignore SA1019 Flux fills this field
		k.PatchesJson6902 = append(k.PatchesJson6902, kustypes.Patch{Patch: string(patch), Target: selector(&p.Target)})
	}
	return nil
}

// folderKustomization is the kustomization of a folder, or a generated one where it has none of its own.
func folderKustomization(t *Tree, folder string, how buildOptions) (k kustypes.Kustomization, at string, own bool, err error) {
	k.APIVersion, k.Kind = kustypes.KustomizationVersion, kustypes.KustomizationKind
	if at := kustomizationOf(t, folder); at != "" {
		data, err := t.ReadFile(at)
		if err != nil {
			return k, at, true, err
		}
		if err := yaml.Unmarshal(data, &k); err != nil {
			return k, at, true, cmp.Or(brokenFile(t.origin(at), data), fmt.Errorf("%s: %w", at, err))
		}
		return k, at, true, nil
	}
	resources, err := manifests(t, folder, how)
	if err != nil {
		return k, "", false, err
	}
	for _, p := range resources {
		k.Resources = append(k.Resources, "./"+strings.TrimPrefix(strings.TrimPrefix(p, folder), "/"))
	}
	if len(k.Resources) == 0 {
		k.Namespace = "_placeholder" // else kustomize refuses it as empty
	}
	return k, strings.TrimPrefix(folder+"/"+konfig.DefaultKustomizationFileName(), "/"), false, nil
}

// manifests lists what a folder without a kustomization deploys: its YAML files, those of the folders
// below, and folders below with a kustomization of their own.
func manifests(t *Tree, folder string, how buildOptions) ([]string, error) {
	var found []string
	n := t.nodes[folder]
	if n == nil || !n.folder {
		return nil, fmt.Errorf("path %q is not in the checkout", folder)
	}
	var patches map[string]bool
	if how.flat { // what somebody applies by hand is a guess, and no guess takes a patch for an object
		patches = how.patches()
	}
	for _, name := range n.names {
		p := strings.TrimPrefix(folder+"/"+name, "/")
		switch {
		case t.isFolder(p) && how.flat, patches[p]:
		case t.isFolder(p) && kustomizationOf(t, p) != "":
			found = append(found, p)
		case t.isFolder(p):
			below, err := manifests(t, p, buildOptions{unchecked: how.unchecked})
			if err != nil {
				return nil, err
			}
			found = append(found, below...)
		case isYAML(p):
			if !how.unchecked {
				if err := decodable(t, p); err != nil {
					return nil, err
				}
			}
			found = append(found, p)
		}
	}
	return found, nil
}

// decodable is an error where a file does not hold Kubernetes objects: Flux then deploys nothing of the
// whole folder.
func decodable(t *Tree, p string) (err error) {
	data, err := t.ReadFile(p)
	if err != nil {
		return err
	}
	defer func() {
		if r := recover(); r != nil { // kustomize's parser panics on some invalid data
			err = fmt.Errorf("%s cannot be decoded: %v", p, r)
		}
	}()
	if _, err := provider.NewDefaultDepProvider().GetResourceFactory().SliceFromBytes(data); err != nil {
		return cmp.Or(brokenFile(t.origin(p), data), fmt.Errorf("%s holds no Kubernetes objects: %w", p, err))
	}
	return nil
}

// kustomizationOf is the path of a folder's own kustomization; "" where it has none.
func kustomizationOf(t *Tree, folder string) string {
	for _, name := range konfig.RecognizedKustomizationFileNames() {
		if p := strings.TrimPrefix(folder+"/"+name, "/"); t.isFile(p) {
			return p
		}
	}
	return ""
}

func isKustomization(p string) bool {
	return slices.Contains(konfig.RecognizedKustomizationFileNames(), path.Base(p))
}

func selector(s *kustomize.Selector) *kustypes.Selector {
	if s == nil {
		return nil
	}
	out := &kustypes.Selector{LabelSelector: s.LabelSelector, AnnotationSelector: s.AnnotationSelector}
	out.Gvk.Group, out.Gvk.Version, out.Gvk.Kind = s.Group, s.Version, s.Kind
	out.Name, out.Namespace = s.Name, s.Namespace
	return out
}

// mergeImages: a tag and a digest select the version together, so that setting one clears the other.
func mergeImages(images []kustypes.Image, with []kustomize.Image) []kustypes.Image {
	for _, image := range with {
		i := slices.IndexFunc(images, func(other kustypes.Image) bool { return other.Name == image.Name })
		if i < 0 {
			images = append(images, kustypes.Image{Name: image.Name, NewName: image.NewName, NewTag: image.NewTag, Digest: image.Digest})
			continue
		}
		if image.NewName != "" {
			images[i].NewName = image.NewName
		}
		if image.NewTag != "" || image.Digest != "" {
			images[i].NewTag, images[i].Digest = image.NewTag, image.Digest
		}
	}
	return images
}
