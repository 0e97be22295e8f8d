package webhook

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Charts that list the tags of a registry are sources of their own: their HelmRepository is never polled.
func TestChartsOfRegistries(t *testing.T) {
	t.Parallel()
	registry := object("HelmRepository", "hc", at("oci://harbor.example.com/team"), func(o *flux.Object) { o.OCI = true })
	pages := object("HelmRepository", "pages", at("https://charts.example.com"))
	chart := func(name, version, from string) flux.Object {
		return object("HelmChart", name, func(o *flux.Object) {
			o.SourceRef, o.Polling = ref("HelmRepository", "apps", from), flux.Polling{Chart: "app", Version: version}
		})
	}
	objects := []flux.Object{chart("any", ">1", "hc"), chart("exact", "1.2.3", "hc"), chart("pages", ">1", "pages"), chart("lost", ">1", "gone"), registry, pages}
	c := New(Input{Objects: objects})
	got := map[string]State{}
	for _, s := range c.Sources {
		got[s.Object.Kind+"/"+s.Object.Name] = s.State
	}
	assert.Equal(t, map[string]State{"HelmChart/any": Uncovered, "HelmRepository/hc": Nothing, "HelmRepository/pages": Nothing}, got)
	require.Len(t, c.Proposals, 1)
	assert.Equal(t, []ManifestResource{{"HelmChart", "any"}}, c.Proposals[0].Manifest.Spec.Resources)
	assert.Contains(t, c.Proposals[0].Manifest.Spec.ResourceFilter, `repo_full_name.lowerAscii() == "team/app"`)
	after := New(Input{Objects: append(objects, applied(c.Proposals)...)})
	assert.Empty(t, after.Proposals)
	for _, s := range after.Sources {
		assert.Equal(t, s.Object.Kind == "HelmChart", s.State == Covered, s.Object.Ref)
	}
}
