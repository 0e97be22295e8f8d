package cmd

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

// drivingFleet is a fleet in which objects make others ask hosts: Kustomizations have commit statuses written, and HelmReleases have
// charts made. Its manifests have %s for each value of intervals, which are by "Kind/namespace/name field".
type drivingFleet struct {
	manifests []string
	fields    []string
	intervals map[string]string
}

func (f *drivingFleet) add(manifest string, fields map[string]string) {
	f.manifests = append(f.manifests, manifest)
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		f.fields = append(f.fields, field)
		f.intervals[field] = fields[field]
	}
}

// write gives the file with the manifests at some intervals.
func (f *drivingFleet) write(t *testing.T, intervals map[string]string) string {
	t.Helper()
	var values []any
	for _, field := range f.fields {
		values = append(values, intervals[field])
	}
	file := filepath.Join(t.TempDir(), "fleet.yaml")
	require.NoError(t, os.WriteFile(file, fmt.Appendf(nil, strings.Join(f.manifests, "---\n"), values...), 0o600))
	return file
}

func drawDrivingFleet(rt *rapid.T) *drivingFleet {
	f := &drivingFleet{intervals: map[string]string{}}
	namespace := rapid.SampledFrom([]string{"one", "two"})
	every := rapid.SampledFrom([]string{"1m", "5m", "30m"})
	meta := func(name, namespace string) string {
		return fmt.Sprintf("metadata: {name: %s, namespace: %s, labels: {environment: %s, team: %s}}\n", name, namespace,
			rapid.SampledFrom([]string{"development", "staging"}).Draw(rt, "environment"), rapid.SampledFrom([]string{"web", "db"}).Draw(rt, "team"))
	}
	for i := range rapid.IntRange(1, 2).Draw(rt, "sources") {
		name, in := fmt.Sprintf("s%d", i), namespace.Draw(rt, "namespace")
		f.add("apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\n"+meta(name, in)+
			"spec: {interval: %s, timeout: 2m, url: \"https://"+rapid.SampledFrom([]string{"git.example.com", "gitlab.com"}).Draw(rt, "host")+"/acme/"+name+".git\", ref: {branch: main}}\n",
			map[string]string{"GitRepository/" + in + "/" + name + " spec.interval": every.Draw(rt, "interval")})
	}
	for i := range rapid.IntRange(1, 3).Draw(rt, "kustomizations") {
		name, in := fmt.Sprintf("k%d", i), namespace.Draw(rt, "namespace")
		f.add("apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n"+meta(name, in)+
			"spec: {interval: %s, timeout: 2m, retryInterval: 1m, path: ./, prune: true, sourceRef: {kind: GitRepository, name: s0, namespace: one}}\n",
			map[string]string{"Kustomization/" + in + "/" + name + " spec.interval": every.Draw(rt, "interval")})
	}
	for i := range rapid.IntRange(1, 2).Draw(rt, "alerts") {
		in := namespace.Draw(rt, "namespace")
		f.add(fmt.Sprintf("apiVersion: notification.toolkit.fluxcd.io/v1beta3\nkind: Provider\nmetadata: {name: p%d, namespace: %s}\nspec: {type: gitlab, address: \"https://gitlab.com/acme/fleet\"}\n", i, in), nil)
		f.add(fmt.Sprintf("apiVersion: notification.toolkit.fluxcd.io/v1beta3\nkind: Alert\nmetadata: {name: a%d, namespace: %s}\nspec: {providerRef: {name: p%[1]d}, eventSources: [{kind: Kustomization, namespace: %[3]s, name: \"%[4]s\"}]}\n",
			i, in, namespace.Draw(rt, "of"), rapid.SampledFrom([]string{"*", "*", "k0"}).Draw(rt, "name")), nil)
	}
	for i := range rapid.IntRange(0, 2).Draw(rt, "releases") {
		name, in := fmt.Sprintf("r%d", i), namespace.Draw(rt, "namespace")
		f.add(fmt.Sprintf("apiVersion: source.toolkit.fluxcd.io/v1\nkind: HelmRepository\nmetadata: {name: %s, namespace: %s}\nspec: {type: oci, url: \"oci://git.example.com/charts\"}\n", name, in), nil)
		at := "HelmRelease/" + in + "/" + name
		f.add("apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\n"+meta(name, in)+
			"spec: {chart: {spec: {interval: %s, chart: web, version: 1.x, sourceRef: {kind: HelmRepository, name: "+name+"}}}, interval: %s, timeout: 2m}\n",
			map[string]string{at + " spec.chart.spec.interval": every.Draw(rt, "interval"), at + " spec.interval": "10m"})
	}
	return f
}

// asksByHost is what hosts get an hour of all that a file holds.
func asksByHost(t *testing.T, file string) map[string]float64 {
	t.Helper()
	asks := map[string]float64{}
	for _, h := range decode[report.Budget](t, invocation{}.must(t, "budget", "-f", file, "-o", "json")).Hosts {
		asks[h.Host] = h.Requests.Now
	}
	return asks
}

// Whatever is chosen, and whatever that makes others ask: where a fit says that all is well, no share that was kept is broken by it.
func TestAFitBreaksNoShare(t *testing.T) {
	t.Parallel()
	fitted := 0
	rapid.Check(t, func(rt *rapid.T) {
		f := drawDrivingFleet(rt)
		file := f.write(t, f.intervals)
		args := []string{"plan", "-f", file, "-o", "json"}
		limits := map[string]float64{"git.example.com": 1000, "gitlab.com": 1000}
		shares := map[string]float64{}
		for host := range limits {
			shares[host] = float64(rapid.IntRange(1, 25).Draw(rt, "share"))
			args = append(args, "--limit", host+"=1000/h")
		}
		policy := severalShares(t, fmt.Sprintf("git.example.com: %g%%, gitlab.com: %g%%", shares["git.example.com"], shares["gitlab.com"]))
		args = append(args, "--policy", policy)
		for _, set := range []string{"Kustomization", "HelmChart"} {
			if every := rapid.SampledFrom([]string{"", "30s", "30s", "10m"}).Draw(rt, "planned "+set); every != "" {
				args = append(args, "--set", "*."+set+".interval="+every)
			}
		}
		args = append(args, words(rapid.SampledFrom([]string{"", "--env development", "-l team=web", "-n one", "ks", "gitrepo,hr"}).Draw(rt, "choice"))...)
		o := invocation{}.run(t.Context(), args...)
		if o.code != 0 {
			require.Contains(rt, o.stderr, "requests/h, and ", "%v", args)
			return
		}
		after := maps.Clone(f.intervals)
		for _, item := range decode[report.Plan](t, o).Items {
			for _, c := range item.Changes {
				after[fmt.Sprintf("%s/%s/%s %s", item.Ref.Kind, item.Ref.Namespace, item.Ref.Name, c.Field)] = *c.To
			}
		}
		before, planned := asksByHost(t, file), asksByHost(t, f.write(t, after))
		for host, percent := range shares {
			if allowed := percent / 100 * limits[host]; before[host] <= allowed {
				fitted++
				assert.LessOrEqual(rt, planned[host], allowed*1.0001, "%s was kept: %s\n%v\n%s", host, o.stderr, args, strings.Join(f.manifests, "---\n"))
			}
		}
	})
	assert.Positive(t, fitted)
}
