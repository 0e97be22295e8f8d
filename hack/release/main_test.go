package main

import (
	"fmt"
	"os"
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

func sum(platform string) string { return fmt.Sprintf("a%063d", len(platform)) }

func release(t *testing.T, version string) []archive {
	t.Helper()
	var lines strings.Builder
	for platform, ending := range platforms() {
		for _, program := range []string{"kubectl-fluxtune", "flux-tune"} {
			_, _ = fmt.Fprintf(&lines, "%s  %s_%s_%s.%s\n", sum(platform), program, version, platform, ending)
		}
	}
	lines.WriteString(sum("") + "  kubectl-fluxtune_" + version + "_linux_amd64.cdx.json\n")
	all, err := archives(lines.String())
	require.NoError(t, err)
	return all
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
	data, err := krewManifest(string(text), release(t, "1.2.3"), base)
	require.NoError(t, err)
	var m manifest
	require.NoError(t, yaml.UnmarshalStrict(data, &struct {
		APIVersion, Kind string
		*manifest
	}{manifest: &m}))
	return m
}

func TestTheKrewManifestNamesEveryArchive(t *testing.T) {
	t.Parallel()
	m := rendered(t, "")
	assert.Equal(t, "fluxtune", m.Metadata.Name)
	assert.Equal(t, "v1.2.3", m.Spec.Version)
	found := make(map[string]string)
	for _, p := range m.Spec.Platforms {
		platform := p.Selector.MatchLabels["os"] + "_" + p.Selector.MatchLabels["arch"]
		ending := platforms()[platform]
		found[platform] = ending
		assert.Equal(t, "https://github.com/fluxtune/kubectl-fluxtune/releases/download/v1.2.3/kubectl-fluxtune_1.2.3_"+platform+"."+ending, p.URI)
		assert.Equal(t, sum(platform), p.Sha256)
		assert.Equal(t, strings.HasPrefix(platform, "windows"), strings.HasSuffix(p.Bin, ".exe"), platform)
	}
	assert.Equal(t, platforms(), found)
	assert.Equal(t, "http://127.0.0.1:1/kubectl-fluxtune_1.2.3_linux_amd64.tar.gz", rendered(t, "http://127.0.0.1:1/").Spec.Platforms[0].URI)
}

// The rules of krew-index: https://krew.sigs.k8s.io/docs/developer-guide/develop/best-practices/.
func TestTheTextsSuitKrew(t *testing.T) {
	t.Parallel()
	m := rendered(t, "")
	assert.LessOrEqual(t, len(m.Spec.ShortDescription), 50)
	assert.NotContains(t, m.Spec.ShortDescription, "kubectl")
	assert.Empty(t, m.Spec.Caveats, "nothing has to be done after the installation")
	for line := range strings.Lines(m.Spec.Description) {
		assert.LessOrEqual(t, len(strings.TrimRight(line, "\n")), 80, line)
	}
}

// The rules of fluxcd/plugins: its JSON Schema, the order of platforms and the names of archives that its workflow for
// new releases expects.
func TestTheFluxManifestNamesEveryArchive(t *testing.T) {
	t.Parallel()
	data, err := fluxManifest(release(t, "1.2.3"), "")
	require.NoError(t, err)
	type platform struct{ OS, Arch, URL, Checksum string }
	var m struct {
		APIVersion, Kind, Name, Description, Homepage, Source, Bin string
		Versions                                                   []struct {
			Version   string
			Platforms []platform
		}
	}
	require.NoError(t, yaml.UnmarshalStrict(data, &m))
	assert.Equal(t, []string{"cli.fluxcd.io/v1beta1", "Plugin", "tune", "flux-tune"}, []string{m.APIVersion, m.Kind, m.Name, m.Bin})
	require.Len(t, m.Versions, 1)
	assert.Equal(t, "1.2.3", m.Versions[0].Version)
	var want []platform
	for _, name := range []string{"darwin_amd64", "darwin_arm64", "linux_amd64", "linux_arm64", "windows_amd64", "windows_arm64"} {
		system, arch, _ := strings.Cut(name, "_")
		want = append(want, platform{
			system, arch,
			"https://github.com/fluxtune/kubectl-fluxtune/releases/download/v1.2.3/flux-tune_1.2.3_" + name + "." + platforms()[name],
			"sha256:" + sum(name),
		})
	}
	assert.Equal(t, want, m.Versions[0].Platforms)
}

func TestTheFluxCatalogueHasTheSameWords(t *testing.T) {
	t.Parallel()
	var catalog struct {
		APIVersion, Kind string
		Plugins          []struct{ Name, Description, Homepage, Source, License string }
	}
	require.NoError(t, yaml.UnmarshalStrict(fluxCatalog(), &catalog))
	require.Len(t, catalog.Plugins, 1)
	assert.Equal(t, rendered(t, "").Spec.ShortDescription, catalog.Plugins[0].Description)
	assert.Equal(t, "tune", catalog.Plugins[0].Name)
}

func TestWhatCannotBeRendered(t *testing.T) {
	t.Parallel()
	const text = "apiVersion: v1\n{{addURIAndSha \"https://x/kubectl-fluxtune_{{ .TagName }}_linux_amd64.tar.gz\" .TagName }}\n"
	for sums, message := range map[string]string{
		"": "no archive",
		"0  kubectl-fluxtune_1_a_b.zip\n0  kubectl-fluxtune_2_a_b.zip\n": "two versions, 1 and 2",
	} {
		_, err := archives(sums)
		require.ErrorContains(t, err, message)
	}
	all, err := archives("0  kubectl-fluxtune_1_a_b.zip\n")
	require.NoError(t, err)
	_, err = krewManifest(text, all, "")
	require.ErrorContains(t, err, "no checksum of kubectl-fluxtune_v1_linux_amd64.tar.gz")
	_, err = fluxManifest(all, "")
	require.ErrorContains(t, err, "no archive of flux-tune")
}

func TestOnlyTheNewestFinalReleaseReachesPlugins(t *testing.T) {
	t.Parallel()
	tags := []string{"v1.0.0", "v1.1.0", "v1.1.1", "v1.10.0", "v2.0.0-rc.1", "latest", "v9", "v3.0.0+build"}
	for tag, want := range map[string]standing{
		"v1.10.0":     {newest: true, reason: "v1.10.0 is the newest final release: plugins/ will name it"},
		"v1.10.1":     {newest: true, reason: "v1.10.1 is the newest final release: plugins/ will name it"},
		"v1.1.1":      {reason: "v1.1.1 is older than v1.10.0: plugins/ stays as it is"},
		"v1.9.9":      {reason: "v1.9.9 is older than v1.10.0: plugins/ stays as it is"},
		"v2.0.0-rc.1": {prerelease: true, reason: "v2.0.0-rc.1 is a pre-release: plugins/ stays as it is"},
		"v2.0.0":      {newest: true, reason: "v2.0.0 is the newest final release: plugins/ will name it"},
	} {
		got, err := judge(tag, tags)
		require.NoError(t, err, tag)
		assert.Equal(t, want, got)
	}
	for _, tag := range []string{"v1", "1.2.3", "v1.2.3+build", "v01.2.3", "v1.2.3-", "v1.2.3-01", "v1.2.3;id"} {
		_, err := judge(tag, tags)
		require.ErrorContains(t, err, "is no version", tag)
	}
}
