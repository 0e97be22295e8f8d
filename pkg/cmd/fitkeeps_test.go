package cmd

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// randomAskers are manifests of what asks git.example.com, in any state that keeps it from being fitted.
func randomAskers(r *rand.Rand) []string {
	one := func(choices ...string) string { return choices[r.IntN(len(choices))] }
	var manifests []string
	for i := range 1 + r.IntN(8) {
		meta := fmt.Sprintf("metadata: {name: a%d, namespace: apps%s}\n", i, one("", "", "", ", annotations: {fluxtune.github.io/tune: disabled}", ", labels: {kustomize.toolkit.fluxcd.io/name: apps, kustomize.toolkit.fluxcd.io/namespace: flux-system}"))
		interval := one("30s", "1m", "5m", "10m", "1h")
		state := one("", "", "", ", suspend: true")
		source := "apiVersion: source.toolkit.fluxcd.io/v1\nkind: "
		switch r.IntN(6) {
		case 0:
			manifests = append(manifests, source+"HelmRepository\n"+meta+"spec: {interval: "+interval+", url: \"https://git.example.com/charts\""+state+"}\n")
		case 1:
			manifests = append(manifests, source+"OCIRepository\n"+meta+"spec: {interval: "+interval+", url: \"oci://git.example.com/a\""+one("", ", ref: {semver: 1.x}", ", ref: {tag: latest}")+state+"}\n")
		case 2:
			manifests = append(manifests, "apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImageRepository\n"+meta+"spec: {interval: "+interval+", image: git.example.com/a"+state+"}\n")
		case 3:
			manifests = append(manifests, "apiVersion: fluxcd.controlplane.io/v1\nkind: ResourceSetInputProvider\nmetadata: {name: "+fmt.Sprintf("a%d", i)+", namespace: apps, annotations: {fluxcd.controlplane.io/reconcileEvery: "+one("5m", "1h")+"}}\n"+
				"spec: {type: GitLabBranch, url: \"https://git.example.com/a\"}\n")
		default:
			ref := one("{branch: main}", "{branch: main}", "{semver: 1.x}", "{commit: 0a1b2c3d4e5f60718293a4b5c6d7e8f901234567}")
			manifests = append(manifests, source+"GitRepository\n"+meta+"spec: {interval: "+interval+", timeout: 2m, url: \"https://git.example.com/a\", ref: "+ref+one("", ", secretRef: {name: bot}")+state+"}\n")
		}
	}
	return manifests
}

// Whatever a fit finds, the budget of what is planned by it keeps the shares: of all that asks the host, fitted or not.
func TestFitKeepsShares(t *testing.T) {
	t.Parallel()
	kept := 0
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, seed))
		p, err := policy.Preset(policy.DefaultName)
		require.NoError(t, err)
		p = p.WithLimit(policy.Limit{Host: "git.example.com", PerHour: float64(100 + r.IntN(2000))})
		for _, share := range []policy.Share{{Host: "git.example.com", Percent: 60}, {Host: "git.example.com", Credential: "bot", Percent: 20}} {
			p = p.WithFit(share)
		}
		p, err = p.Set("*.GitRepository.interval=30s to 20m")
		require.NoError(t, err)
		var s flux.Snapshot
		for _, manifest := range randomAskers(r) {
			data, err := yaml.YAMLToJSON([]byte(manifest))
			require.NoError(t, err)
			object, err := flux.Decode(data)
			require.NoError(t, err)
			if object.Ref.Kind == flux.ResourceSetInputProviderKind {
				s.Related = append(s.Related, object)
			} else {
				s.Objects = append(s.Objects, object)
			}
		}
		opts := tune.Options{IncludeSuspended: r.IntN(2) == 0}
		o := FleetOptions{Policy: p, DefaultEnvironment: "development", fit: &fitOptions{}}
		f := o.fleetOf(s)
		fitting, err := o.fitOnce(t.Context(), fleets{all: []fleet{f}}, opts, noon)
		if err != nil {
			require.ErrorContains(t, err, "of the limit of", "seed %d", seed)
			continue
		}
		kept++
		limits := budget.NewLimits(p.Limits, nil)
		planned := f.budget(f.plan(f.fitted(fitting, opts)), noon)
		for _, share := range p.Fit {
			limit, _ := limits.Of(share.Host)
			assert.LessOrEqual(t, planned.Asks(share), limit.PerHour*share.Percent/100+0.001, "seed %d, %s", seed, share)
		}
		for _, use := range fitting.Shares {
			assert.LessOrEqual(t, planned.Asks(use.Share), use.Used+0.001, "seed %d, %s: no more than was said", seed, use.Share)
		}
	}
	assert.Greater(t, kept, 100, "most can be fitted")
}

// After a rewrite the files are within the share.
func TestFitKeepsSharesInFiles(t *testing.T) {
	t.Parallel()
	kept := 0
	for seed := range uint64(25) {
		r := rand.New(rand.NewPCG(seed, seed))
		dir := t.TempDir()
		for _, cluster := range []string{"a", "b"}[:1+r.IntN(2)] {
			folder := filepath.Join(dir, "clusters", cluster, "flux-system")
			require.NoError(t, os.MkdirAll(folder, 0o755))
			sync := "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: flux-system, namespace: flux-system}\nspec: {interval: 5m, timeout: 2m, url: \"https://git.example.com/fleet\", ref: {branch: main}}\n---\n" +
				"apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: flux-system, namespace: flux-system}\nspec: {interval: 10m, timeout: 2m, retryInterval: 1m, path: ./clusters/" + cluster + ", prune: true, sourceRef: {kind: GitRepository, name: flux-system}}\n"
			require.NoError(t, os.WriteFile(filepath.Join(folder, "gotk-sync.yaml"), []byte(sync), 0o600))
			require.NoError(t, os.WriteFile(filepath.Join(dir, "clusters", cluster, "askers.yaml"), []byte(strings.Join(randomAskers(r), "---\n")), 0o600))
		}
		perHour := 200 + r.IntN(1000)
		limit := fmt.Sprintf("git.example.com=%d/h", perHour)
		all := []string{"-f", dir, "--default-env", "development", "--limit", limit, "--set", "*.GitRepository.interval=30s to 20m", "--set", "*.Kustomization.interval=at most 1h"}
		rewritten := invocation{}.run(t.Context(), append([]string{"rewrite", "--yes", "--fit", "git.example.com=60%"}, all...)...)
		if strings.Contains(rewritten.stderr, "of the limit of") {
			continue
		}
		require.Zero(t, rewritten.code, "seed %d: %s", seed, rewritten.stderr)
		kept++
		b := invocation{}.run(t.Context(), append([]string{"budget", "-o", "json"}, all...)...)
		require.Zero(t, b.code, "seed %d: %s", seed, b.stderr)
		asked := 0.0
		for _, h := range decode[report.Budget](t, b).Hosts {
			if budget.SameHost(h.Host, "git.example.com") {
				asked += h.Requests.Now
			}
		}
		assert.LessOrEqual(t, asked, 0.6*float64(perHour)+0.001, "seed %d", seed)
	}
	assert.Greater(t, kept, 10, "most can be fitted")
}
