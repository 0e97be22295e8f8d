package cmd

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What a pin holds and what a hand has set is exported, and what Git has is not; the rules are those of the pin.
func TestExport(t *testing.T) {
	t.Parallel()
	f := newGitFleet(t)
	f.push(t, f.named("quiet", "interval: 5m, timeout: 2m")+f.ks("interval: 5m, timeout: 2m"))
	o := on(f.Cluster).run(t.Context(), "export", "-n", f.apps)
	assert.Empty(t, o.stdout)
	assert.Contains(t, o.stderr, "Nothing to export")
	assert.Zero(t, o.code)

	f.observe(t)
	_, applied := f.tuned(t, "s1", "gitrepo", "app", "--managed=pin", "--policy", gitPolicy(t, "interval: 45s"))
	require.Zero(t, applied.code, applied.stderr)
	f.Kubectl(t, "patch", "kustomization", "app", "-n", f.apps, "--type=merge", "-p", `{"spec":{"timeout":"9m"}}`)

	unsure := on(f.Cluster).must(t, "export", "-n", f.apps)
	assert.Contains(t, unsure.stdout, "# What else Kustomization "+f.flux+"/root applies is not known: the namespace keeps the patch from another GitRepository of the name app.\n")
	f.Kubectl(t, "patch", "kustomization", "root", "-n", f.flux, "--subresource=status", "--type=merge", "-p", fmt.Sprintf(
		`{"status":{"inventory":{"entries":[{"id":"%[1]s_app_source.toolkit.fluxcd.io_GitRepository","v":"v1"},{"id":"%[1]s_app_kustomize.toolkit.fluxcd.io_Kustomization","v":"v1"}]}}}`, f.apps))

	patches := on(f.Cluster).must(t, "export", "-n", f.apps)
	want := `# 2 objects of Kustomization NS/root: add what is below spec to its manifest.
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: root
  namespace: NS
spec:
  patches:
    - target:
        group: kustomize.toolkit.fluxcd.io
        kind: Kustomization
        name: app
      patch: |
        - op: add
          path: /spec/timeout
          value: 9m
    - target:
        group: source.toolkit.fluxcd.io
        kind: GitRepository
        name: app
      patch: |
        - op: add
          path: /spec/interval
          value: 45s
`
	assert.Equal(t, strings.NewReplacer("NS", f.flux, "APPS", f.apps).Replace(want), patches.stdout)
	rules := on(f.Cluster).must(t, "export", "-n", f.apps, "-o", "ignore")
	assert.Contains(t, rules.stdout, "  ignore:\n    - paths:\n      - /spec/interval\n      target:\n        group: source\\.toolkit\\.fluxcd\\.io\n        kind: GitRepository\n        name: app\n        namespace: "+f.apps+"\n")
}

func TestExportOptions(t *testing.T) {
	t.Parallel()
	r := testRoot()
	var flags ExportFlags
	parseEvery(t, newExport(r), flags.add, map[string]string{
		"all-namespaces": "true", "selector": "team=web", "kind": "ks,gitrepo", "env": "prd,moon",
		"policy": "fast", "set": "dev.gitrepo.interval=31s", "default-env": "stg", "env-alias": "uat=stg", "output": "ignore",
	})
	o, err := flags.toOptions(r, nil)
	require.NoError(t, err)
	assert.True(t, o.Rules && o.related)
	o.related = false
	same(t, wantFleet(t), o.FleetOptions)
	flags.As = "helm"
	_, err = flags.toOptions(r, nil)
	require.EqualError(t, err, `-o "helm": it is one of patches, ignore`)
}
