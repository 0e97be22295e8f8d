package check

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What Flux does not apply, or does not take away, neither changes nor gets cheaper.
func TestKept(t *testing.T) {
	t.Parallel()
	at := func(interval, annotations string) map[string]string {
		return map[string]string{"apps/web.yaml": "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: web, namespace: apps, annotations: {" + annotations +
			"}}\nspec: {interval: " + interval + ", timeout: 2m, url: https://github.com/example/web}\n"}
	}
	with := func(spec string, files map[string]string) map[string]string {
		return applied("  prune: true\n"+spec, files)
	}
	const ignore = "  ignore: [{paths: [/spec/interval], target: {kind: GitRepository}}]\n"
	const web, by = "GitRepository apps/web", "Kustomization apps/apps"
	gone := maps.Clone(with("", at("1m", "")))
	delete(gone, "clusters/development/objects.yaml")
	gone["clusters/development/none.yaml"] = "# nothing\n"
	orphaned := with("  deletionPolicy: Orphan\n", at("1m", ""))
	spelled := func(spec string) map[string]string {
		return map[string]string{"apps/web.yaml": "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: web, namespace: apps}\nspec: {interval: 1m, timeout: 2m, " + spec + "}\n"}
	}
	const here, there = "url: https://github.com/example/web", "url: https://gitlab.com/example/web"
	from := func(suspend string, files map[string]string) map[string]string {
		all := with("", files)
		all["clusters/development/source.yaml"] = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: flux-system, namespace: flux-system}\nspec: {interval: 1m, " +
			suspend + "url: https://github.com/example/fleet}\n"
		return all
	}
	const drySource = "GitRepository flux-system/flux-system, from which " + by + " applies it, is suspended"
	const refused = by + " applies nothing: the API server refuses "
	other := source("other", "  interval: 1m\n  timeout: 1h\n")
	for name, c := range map[string]struct {
		base, head map[string]string
		difference Difference
		why        string
	}{
		"a suspended one":              {with("  suspend: true\n", at("1m", "")), with("  suspend: true\n", at("5m", "")), Changed, by + ", which applies it, is suspended"},
		"a rule":                       {with(ignore, at("1m", "")), with(ignore, at("5m", "")), Changed, "spec.ignore of " + by + " leaves it to the cluster: Git's value counts only when the object is created"},
		"created only":                 {with("", at("1m", "kustomize.toolkit.fluxcd.io/ssa: IfNotPresent")), with("", at("5m", "kustomize.toolkit.fluxcd.io/ssa: IfNotPresent")), Changed, "ssa: IfNotPresent on the object: Git's values count only when it is created"},
		"no pruning":                   {applied("  prune: false\n", at("1m", "")), applied("  prune: false\n", nil), Removed, by + ", which applied it, has prune: false"},
		"a mark":                       {with("", at("1m", "kustomize.toolkit.fluxcd.io/prune: disabled")), with("", nil), Removed, "prune: disabled on the object keeps Flux from taking it away"},
		"an orphan":                    {orphaned, gone, Removed, by + ", which applied it, has deletionPolicy: Orphan"},
		"added below suspended":        {with("  suspend: true\n", nil), with("  suspend: true\n", at("5m", "")), Added, by + ", which applies it, is suspended"},
		"another host below suspended": {with("  suspend: true\n", spelled(here)), with("  suspend: true\n", spelled(there)), Changed, by + ", which applies it, is suspended"},
		"a semver below suspended":     {with("  suspend: true\n", spelled(here)), with("  suspend: true\n", spelled(here+", ref: {semver: 1.x}")), Changed, by + ", which applies it, is suspended"},
		"suspended below suspended":    {with("  suspend: true\n", spelled(here)), with("  suspend: true\n", spelled(here+", suspend: true")), Changed, by + ", which applies it, is suspended"},
		"another secret beside refused": {with("", spelled(here)), with("", map[string]string{"apps/web.yaml": spelled(here + ", secretRef: {name: bot}")["apps/web.yaml"], "apps/other.yaml": other,
			"apps/kustomization.yaml": "resources: [web.yaml, other.yaml]\n"}), Changed, refused + `spec.timeout of GitRepository apps/other: "1h" is not a duration that Flux accepts: write it like 30s, 5m or 90m (units ms, s, m; a source's timeout takes no h)`},
		"a rule for the host": {with("  ignore: [{paths: [/spec/url]}]\n", spelled(here)), with("  ignore: [{paths: [/spec/url]}]\n", spelled(there)), Changed,
			"spec.ignore of " + by + " leaves it to the cluster: Git's value counts only when the object is created"},
		"a suspended source":           {from("suspend: true, ", at("1m", "")), from("suspend: true, ", at("5m", "")), Changed, drySource},
		"a source that resumes itself": {from("suspend: true, ", at("1m", "")), from("", at("5m", "")), Changed, drySource},
		"removed below a dry source":   {from("suspend: true, ", at("1m", "")), from("suspend: true, ", nil), Removed, drySource},
		"a refused value":              {with("", at("1m", "")), with("", at("1d", "")), Changed, refused + `spec.interval of GitRepository apps/web: "1d" is not a duration that Flux accepts: write it like 30s, 5m or 1h30m (units ms, s, m, h)`},
		"what nothing substitutes":     {with("", at("1m", "")), with("", at(`"${EVERY:=4m}"`, "")), Changed, refused + `spec.interval of GitRepository apps/web: "${EVERY:=4m}" is not a duration that Flux accepts: write it like 30s, 5m or 1h30m (units ms, s, m, h)`},
		"no interval":                  {with("", at("1m", "")), with("", at("~", "")), Changed, refused + "spec.interval of GitRepository apps/web: it is not set, and Flux requires it"},
		"added, refused":               {with("", nil), with("", at("1d", "")), Added, refused + `spec.interval of GitRepository apps/web: "1d" is not a duration that Flux accepts: write it like 30s, 5m or 1h30m (units ms, s, m, h)`},
		"removed beside refused": {with("", at("1m", "")), with("", map[string]string{"apps/other.yaml": other, "apps/kustomization.yaml": "resources: [other.yaml]\n"}), Removed,
			refused + `spec.timeout of GitRepository apps/other: "1h" is not a duration that Flux accepts: write it like 30s, 5m or 90m (units ms, s, m; a source's timeout takes no h)`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, files := range []map[string]string{c.base, c.head} {
				if files["apps/web.yaml"] == "" && files["apps/kustomization.yaml"] == "" {
					files["apps/kustomization.yaml"] = "resources: []\n"
				}
			}
			base, head := side(t, c.base), side(t, c.head)
			got := New(Input{Base: &base, Head: head, Policy: testPolicy(t)})
			require.Len(t, got.Clusters, 1)
			cluster := got.Clusters[0]
			cluster.Kept = slices.DeleteFunc(cluster.Kept, func(k Kept) bool { return k.Ref.Name == "other" || k.Ref.Name == "flux-system" })
			require.Len(t, cluster.Kept, 1)
			assert.Equal(t, Kept{cluster.Kept[0].Ref, c.difference, c.why}, cluster.Kept[0])
			assert.Equal(t, web, cluster.Kept[0].Ref.String())
			assert.Empty(t, cluster.Changes)
			assert.NotContains(t, names(cluster.Removed), web)
			assert.NotContains(t, names(cluster.Added), web)
			assert.InDelta(t, got.Git.Before, got.Git.After, 0.001)
			for _, h := range got.Hosts {
				assert.Equal(t, h.Requests.Before, h.Requests.After, h.Host)
			}
			for _, c := range got.Credentials {
				assert.Equal(t, c.Requests.Before, c.Requests.After, c.Secret)
			}
			assert.Empty(t, cluster.Unknown)
			assert.Equal(t, Delta[bool]{}, got.Incomplete)
		})
	}
	base, head := side(t, with("  suspend: true\n", at("1m", ""))), side(t, with("", at("5m", "")))
	resumed := New(Input{Base: &base, Head: head, Policy: testPolicy(t)})
	assert.Empty(t, resumed.Clusters[0].Kept)
	assert.Len(t, resumed.Clusters[0].Changes, 1)
}
