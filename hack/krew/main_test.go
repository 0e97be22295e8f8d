package main

import (
	"fmt"
	"os"
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// platforms that every release has, with the ending of their archives.
func platforms() map[string]string {
	all := make(map[string]string)
	for _, arch := range []string{"amd64", "arm64"} {
		all["linux_"+arch], all["darwin_"+arch], all["windows_"+arch] = "tar.gz", "tar.gz", "zip"
	}
	return all
}

func sums(tag string) string {
	var b strings.Builder
	for platform, ending := range platforms() {
		_, _ = fmt.Fprintf(&b, "a%063d  kubectl-fluxtune_%s_%s.%s\n", len(platform), tag, platform, ending)
	}
	return b.String()
}

type manifest struct {
	Metadata struct{ Name string }
	Spec     struct {
		Version, Homepage, ShortDescription, Description, Caveats string
		Platforms                                                 []struct {
			Selector         struct{ MatchLabels map[string]string }
			URI, Sha256, Bin string
		}
	}
}

func rendered(t *testing.T, base string) manifest {
	t.Helper()
	text, err := os.ReadFile("../../krew-manifest.yaml")
	require.NoError(t, err)
	data, err := render(string(text), sums("v1.2.3"), base)
	require.NoError(t, err)
	var m manifest
	require.NoError(t, yaml.UnmarshalStrict(data, &struct {
		APIVersion, Kind string
		*manifest
	}{manifest: &m}))
	return m
}

func TestTheManifestNamesEveryArchive(t *testing.T) {
	t.Parallel()
	m := rendered(t, "")
	assert.Equal(t, "fluxtune", m.Metadata.Name)
	assert.Equal(t, "v1.2.3", m.Spec.Version)
	found := make(map[string]string)
	for _, p := range m.Spec.Platforms {
		platform := p.Selector.MatchLabels["os"] + "_" + p.Selector.MatchLabels["arch"]
		ending := platforms()[platform]
		found[platform] = ending
		assert.Equal(t, "https://github.com/fluxtune/kubectl-fluxtune/releases/download/v1.2.3/kubectl-fluxtune_v1.2.3_"+platform+"."+ending, p.URI)
		assert.Equal(t, fmt.Sprintf("a%063d", len(platform)), p.Sha256)
		assert.Equal(t, strings.HasPrefix(platform, "windows"), strings.HasSuffix(p.Bin, ".exe"), platform)
	}
	assert.Equal(t, platforms(), found)
	assert.Equal(t, "http://127.0.0.1:1/kubectl-fluxtune_v1.2.3_linux_amd64.tar.gz", rendered(t, "http://127.0.0.1:1/").Spec.Platforms[0].URI)
}

// The rules of krew-index: https://krew.sigs.k8s.io/docs/developer-guide/develop/best-practices/.
func TestTheTextsSuitKrew(t *testing.T) {
	t.Parallel()
	m := rendered(t, "")
	assert.LessOrEqual(t, len(m.Spec.ShortDescription), 50)
	assert.NotContains(t, m.Spec.ShortDescription, "kubectl")
	for line := range strings.Lines(m.Spec.Description + m.Spec.Caveats) {
		assert.LessOrEqual(t, len(strings.TrimRight(line, "\n")), 80, line)
	}
}

func TestWhatCannotBeRendered(t *testing.T) {
	t.Parallel()
	const text = "apiVersion: v1\n{{addURIAndSha \"https://x/kubectl-fluxtune_{{ .TagName }}_linux_amd64.tar.gz\" .TagName }}\n"
	for sums, message := range map[string]string{
		"":                                 "no archive",
		"0  kubectl-fluxtune_v1_a_b.zip\n": "no checksum of kubectl-fluxtune_v1_linux_amd64.tar.gz",
		"0  kubectl-fluxtune_v1_a_b.zip\n0  kubectl-fluxtune_v2_a_b.zip\n": "two versions, v1 and v2",
	} {
		_, err := render(text, sums, "")
		require.ErrorContains(t, err, message)
	}
}

// TestThePublishedManifestFollowsTheTemplate: plugins/fluxtune.yaml makes this repository a Krew index.
func TestThePublishedManifestFollowsTheTemplate(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../krew-manifest.yaml")
	require.NoError(t, err)
	published, err := os.ReadFile("../../plugins/fluxtune.yaml")
	require.NoError(t, err)
	var m manifest
	require.NoError(t, yaml.Unmarshal(published, &m))
	var checksums strings.Builder
	for _, p := range m.Spec.Platforms {
		_, _ = fmt.Fprintf(&checksums, "%s  %s\n", p.Sha256, path.Base(p.URI))
	}
	want, err := render(string(text), checksums.String(), "")
	require.NoError(t, err)
	assert.Equal(t, string(want), string(published), "run make dist, and copy dist/fluxtune.yaml to plugins/")
}
