package manifest

import (
	"encoding/json"
	"fmt"
	"path"

	"github.com/fluxcd/pkg/apis/kustomize"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// kustomization is the part of a Flux Kustomization that says what it deploys (kustomize-controller
// api/v1, KustomizationSpec; the last two fields of patches are those of v1beta2).
type kustomization struct {
	Metadata struct {
		Name      string `json:"name"`
		Namespace string `json:"namespace"`
	} `json:"metadata"`
	Spec kustomizationSpec `json:"spec"`
}

type kustomizationSpec struct {
	Path                    string                    `json:"path"`
	SourceRef               sourceRef                 `json:"sourceRef"`
	KubeConfig              *struct{}                 `json:"kubeConfig"`
	TargetNamespace         *string                   `json:"targetNamespace"`
	NamePrefix              *string                   `json:"namePrefix"`
	NameSuffix              *string                   `json:"nameSuffix"`
	Components              []string                  `json:"components"`
	IgnoreMissingComponents bool                      `json:"ignoreMissingComponents"`
	Images                  []kustomize.Image         `json:"images"`
	BuildMetadata           []string                  `json:"buildMetadata"`
	Patches                 []kustomize.Patch         `json:"patches"`
	PatchesStrategicMerge   []json.RawMessage         `json:"patchesStrategicMerge"`
	PatchesJSON6902         []kustomize.JSON6902Patch `json:"patchesJson6902"`
	PostBuild               *postBuild                `json:"postBuild"`
	Decryption              *struct{}                 `json:"decryption"`
	DependsOn               []dependency              `json:"dependsOn"`
	CommonMetadata          *struct {
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
	} `json:"commonMetadata"`
}

// dependency is what a Kustomization waits for.
type dependency struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
	ReadyExpr string `json:"readyExpr"`
}

type sourceRef struct {
	Kind      string `json:"kind"`
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
}

type postBuild struct {
	Substitute         map[string]string `json:"substitute"`
	SubstituteFrom     []substituteFrom  `json:"substituteFrom"`
	SubstituteStrategy string            `json:"substituteStrategy"`
}

type substituteFrom struct {
	Kind     string `json:"kind"`
	Name     string `json:"name"`
	Optional bool   `json:"optional"`
}

func parseKustomization(data []byte) (kustomization, error) {
	var k kustomization
	if err := json.Unmarshal(data, &k); err != nil {
		return k, fmt.Errorf("reading Kustomization %s/%s: %w", k.Metadata.Namespace, k.Metadata.Name, err)
	}
	return k, nil
}

func (k kustomization) ref() flux.Ref {
	return flux.Ref{Group: kustomizeGroup, Kind: "Kustomization", Namespace: k.Metadata.Namespace, Name: k.Metadata.Name}
}

// source is what the Kustomization refers to, with its namespace.
func (k kustomization) source() sourceRef {
	return k.Spec.SourceRef.in(k.Metadata.Namespace)
}

// in is a reference as an object of a namespace means it.
func (s sourceRef) in(namespace string) sourceRef {
	if s.Namespace == "" {
		s.Namespace = namespace
	}
	return s
}

// ref is the source among Flux's objects.
func (s sourceRef) ref() flux.Ref {
	return flux.Ref{Group: sourceGroup, Kind: s.Kind, Namespace: s.Namespace, Name: s.Name}
}

// String names the source for people.
func (s sourceRef) String() string { return s.Kind + " " + path.Join(s.Namespace, s.Name) }

const (
	kustomizeGroup    = "kustomize.toolkit.fluxcd.io"
	kustomizationKind = "Kustomization"
)
