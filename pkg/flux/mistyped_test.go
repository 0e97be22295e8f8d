package flux

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestMistyped(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		group, version, kind string
		key, meant           string // "" where nothing is wrong
	}{
		"right":                {"kustomize.toolkit.fluxcd.io", "v1", "Kustomization", "", ""},
		"an older version":     {"helm.toolkit.fluxcd.io", "v2beta1", "HelmRelease", "", ""},
		"without an interval":  {"notification.toolkit.fluxcd.io", "v1beta3", "Alert", "", ""},
		"kustomize's own":      {"kustomize.config.k8s.io", "v1beta1", "Kustomization", "apiVersion", "kustomize.toolkit.fluxcd.io"},
		"kustomize's, and v1":  {"kustomize.config.k8s.io", "v1", "Kustomization", "apiVersion", "kustomize.toolkit.fluxcd.io"},
		"not Flux's":           {"apps", "v1", "Deployment", "", ""},
		"core":                 {"", "v1", "ConfigMap", "", ""},
		"the watcher's":        {"source.extensions.fluxcd.io", "v1beta1", "ArtifactGenerator", "", ""},
		"a community's":        {"infra.contrib.fluxcd.io", "v1alpha2", "Terraform", "", ""},
		"a kind":               {"kustomize.toolkit.fluxcd.io", "v1", "Kustomizaton", "kind", "Kustomization"},
		"a kind in lower case": {"source.toolkit.fluxcd.io", "v1", "gitRepository", "kind", "GitRepository"},
		"an unknown kind":      {"source.toolkit.fluxcd.io", "v1", "Mercurial", "kind", ""},
		"another group's kind": {"source.toolkit.fluxcd.io", "v1", "Kustomization", "apiVersion", "kustomize.toolkit.fluxcd.io"},
		"a group":              {"kustomise.toolkit.fluxcd.io", "v1", "Kustomization", "apiVersion", "kustomize.toolkit.fluxcd.io"},
		"a group's end":        {"source.toolkit.fluxcd.oi", "v1", "GitRepository", "apiVersion", "source.toolkit.fluxcd.io"},
		"a group, far":         {"kustomization.toolkit.fluxcd.io", "v1", "Kustomization", "apiVersion", "kustomize.toolkit.fluxcd.io"},
		"a letter too few":     {"helm.toolkit.fluxd.io", "v2", "HelmRelease", "apiVersion", "helm.toolkit.fluxcd.io"},
		"a version":            {"kustomize.toolkit.fluxcd.io", "v3", "Kustomization", "apiVersion", "v1, v1beta2, v1beta1"},
		"another domain":       {"helm.toolkit.fluxcd.com", "v2", "HelmRelease", "apiVersion", "helm.toolkit.fluxcd.io"},
		"a part of the domain": {"toolkit.fluxcd.io", "v2", "HelmRelease", "apiVersion", "helm.toolkit.fluxcd.io"},
		"without toolkit":      {"source.fluxcd.io", "v1", "GitRepository", "apiVersion", "source.toolkit.fluxcd.io"},
		"without a domain":     {"helm", "v2", "HelmRelease", "apiVersion", "helm.toolkit.fluxcd.io"},
		"without a group":      {"", "v1", "GitRepository", "apiVersion", "source.toolkit.fluxcd.io"},
		"a point for a slash":  {"", "helm.toolkit.fluxcd.io.v2", "HelmRelease", "apiVersion", "helm.toolkit.fluxcd.io"},
		"the Helm operator's":  {"helm.fluxcd.io", "v1", "HelmRelease", "", ""},
		"k3s's":                {"helm.cattle.io", "v1", "HelmChart", "", ""},
		"no version":           {"", "kustomize.toolkit.fluxcd.io", "Kustomization", "apiVersion", "kustomize.toolkit.fluxcd.io/v1 meant"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, wrong := Mistyped(c.group, c.version, c.kind)
			assert.Equal(t, c.key != "", wrong)
			assert.Equal(t, c.key, got.Key)
			if c.meant != "" {
				assert.Contains(t, got.Why, c.meant)
			}
		})
	}
}

func TestMistypedKustomization(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		apiVersion, kind string
		key              string // "" where nothing is wrong
	}{
		"right":             {"kustomize.config.k8s.io/v1beta1", "Kustomization", ""},
		"a component":       {"kustomize.config.k8s.io/v1alpha1", "Component", ""},
		"nothing said":      {"", "", ""},
		"Flux's":            {"kustomize.toolkit.fluxcd.io/v1beta1", "Kustomization", "apiVersion"},
		"v1":                {"kustomize.config.k8s.io/v1", "Kustomization", "apiVersion"},
		"another component": {"kustomize.config.k8s.io/v1beta1", "Component", "apiVersion"},
		"another kind":      {"kustomize.config.k8s.io/v1beta1", "Kustomizaton", "kind"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, wrong := MistypedKustomization(c.apiVersion, c.kind)
			assert.Equal(t, c.key != "", wrong)
			assert.Equal(t, c.key, got.Key)
		})
	}
}
