package cmd

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

// bootstrapped writes two clusters of which no patch reaches what flux bootstrap wrote: there is no kustomization beside it.
func bootstrapped(t *testing.T, sync, apps string) string {
	t.Helper()
	files := map[string]string{}
	for _, cluster := range []string{"a", "b"} {
		files["clusters/"+cluster+"/flux-system/gotk-sync.yaml"] = fmt.Sprintf(`apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: flux-system, namespace: flux-system}
spec: {interval: %s, timeout: 2m, url: "https://github.com/example/fleet", ref: {branch: main}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: flux-system, namespace: flux-system}
spec: {interval: 10m, timeout: 2m, retryInterval: 1m, path: ./clusters/%s, prune: true, sourceRef: {kind: GitRepository, name: flux-system}}
`, sync, cluster)
		for _, app := range []string{"one", "two", "three"} {
			files["clusters/"+cluster+"/"+app+".yaml"] = fmt.Sprintf(`apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: %s, namespace: flux-system}
spec:
  interval: %s
  timeout: 2m
  url: https://github.com/example/%[1]s
`, app, apps)
		}
	}
	return writeFiles(t, files)
}

func fitFiles(t *testing.T, dir, command string) outcome {
	t.Helper()
	return invocation{}.run(t.Context(), append(words(command), "-f", dir, "--limit", "github.com=200/h", "--fit", "github.com=60%",
		"--set", "*.GitRepository.interval=30s to 20m", "--set", "*.Kustomization.interval=at most 1h", "--default-env", "production")...)
}

func asked(t *testing.T, dir string) float64 {
	t.Helper()
	o := invocation{}.run(t.Context(), "budget", "-f", dir, "-o", "json")
	require.Zero(t, o.code, o.stderr)
	return decode[report.Budget](t, o).Summary.GitRequests.Now
}

// What no edit changes keeps what it asks, and that comes off the share before the rest is fitted.
func TestFitCountsWhatCannotBeRewritten(t *testing.T) {
	t.Parallel()
	dir := bootstrapped(t, "2m", "5m")
	require.InDelta(t, 132, asked(t, dir), 0.1)
	plan := fitFiles(t, dir, "plan -o json")
	document := decode[report.Plan](t, plan)
	assert.InDelta(t, 60, document.Summary.Fit.Shares[0].Fixed, 0.1, "both that flux bootstrap wrote")
	const note = "Note: what no edit of the files changes is not fitted, and what it asks comes off the shares: GitRepository flux-system/flux-system in clusters/a (and 1 more): "
	assert.Contains(t, plan.stderr, note)
	o := fitFiles(t, dir, "rewrite --yes")
	assert.Zero(t, o.code, o.stderr)
	assert.Contains(t, o.stderr, note)
	assert.Contains(t, o.stderr, "flux bootstrap writes it")
	assert.InDelta(t, document.Summary.Fit.Shares[0].Used, asked(t, dir), 0.1, "what the plan said")
	assert.LessOrEqual(t, asked(t, dir), 120.0)

	before := asked(t, dir)
	again := fitFiles(t, dir, "rewrite --yes")
	assert.Equal(t, before, asked(t, dir), again.stdout)

	// What the policy itself wants of it is refused by name.
	wanted := []string{"-f", dir, "--limit", "github.com=200/h", "--fit", "github.com=60%", "--set", "*.GitRepository.interval=3m to 20m", "--default-env", "production"}
	failed := invocation{}.run(t.Context(), append([]string{"rewrite", "--yes"}, wanted...)...)
	assert.Equal(t, exitFailed, failed.code)
	assert.Contains(t, failed.stderr, "Warning: GitRepository flux-system/flux-system in clusters/a keeps its interval: ")
	planned := decode[report.Plan](t, invocation{}.run(t.Context(), append([]string{"plan", "-o", "json"}, wanted...)...))
	for _, item := range planned.Items {
		if item.Ref.Kind == "GitRepository" && item.Ref.Name == "flux-system" {
			assert.Equal(t, "NotRewritable", item.Reason)
			assert.Contains(t, item.Message, "rewrite cannot change it: ")
		}
	}
}

// Where what cannot be changed asks all of a share, nothing is written, and it is said whose that is.
func TestFitWritesNothingThatBreaksTheShare(t *testing.T) {
	t.Parallel()
	dir := bootstrapped(t, "1m", "5m")
	file := filepath.Join(dir, "clusters", "a", "one.yaml")
	was, err := os.ReadFile(file)
	require.NoError(t, err)
	for _, command := range []string{"plan", "rewrite --yes"} {
		o := fitFiles(t, dir, command)
		assert.Equal(t, exitFailed, o.code, command)
		assert.Contains(t, o.stderr, "GitRepository flux-system/flux-system in clusters/a", command)
		assert.Contains(t, o.stderr, "flux bootstrap writes it", command)
	}
	is, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(was), string(is))
}

// What is about clusters of a checkout, a pattern of the policy or a rule of --activity, means the same by the same name; where
// none is called so, it is said what they are called.
func TestClustersOfACheckoutHaveTheSameNamesEverywhere(t *testing.T) {
	t.Parallel()
	dir := bootstrapped(t, "5m", "5m")
	for _, pattern := range []string{"clusters/a", "a", "?", "clusters"} {
		activity := filepath.Join(t.TempDir(), "activity.yaml")
		require.NoError(t, os.WriteFile(activity, fmt.Appendf(nil, "- {cluster: %q, perHour: 7}\n", pattern), 0o600))
		policy := filepath.Join(t.TempDir(), "policy.yaml")
		require.NoError(t, os.WriteFile(policy, fmt.Appendf(nil, `{apiVersion: fluxtune.github.io/v1alpha1, kind: TuningPolicy, metadata: {name: p}, spec: {clusters: {development: [%q]},
  environments: [{name: development, kinds: {GitRepository: {interval: 30s to 20m}}}, {name: other}]}}`, pattern), 0o600))
		o := invocation{}.run(t.Context(), "plan", "-f", dir, "--policy", policy, "--limit", "github.com=2000/h", "--fit", "github.com=60%", "--activity", activity, "--rows")
		require.Zero(t, o.code, o.stderr)
		assert.Contains(t, o.stdout, "7 commits/h (--activity)", pattern)
		assert.NotContains(t, o.stderr, "--activity", pattern)
	}
	activity := filepath.Join(t.TempDir(), "activity.yaml")
	require.NoError(t, os.WriteFile(activity, []byte("- {cluster: west, perHour: 7}\n"), 0o600))
	o := fitFiles(t, dir, "plan --activity "+activity)
	assert.Contains(t, o.stderr, "activity.yaml:1: the rule {cluster: west} is about no source that was read: no cluster is called west, there are clusters/a, clusters/b\n")
}

// Of a share that cannot be kept, the numbers count what no edit changes with the interval that it keeps, whichever clusters
// were asked for.
func TestFitThatIsTooMuchCountsWhatCannotBeRewritten(t *testing.T) {
	t.Parallel()
	dir := bootstrapped(t, "1m", "1m")
	for chosen, want := range map[string]string{
		"":                  "138 are asked: 18 by what is fitted, and 120 by what is not",
		"--root clusters/a": "what is not fitted asks 300 alone",
	} {
		o := invocation{}.run(t.Context(), append(words("plan "+chosen), "-f", dir, "--limit", "github.com=420/h", "--fit", "github.com=30%",
			"--set", "*.GitRepository.interval=30s to 20m", "--default-env", "production")...)
		assert.Equal(t, exitFailed, o.code, chosen)
		assert.Contains(t, o.stderr, want, chosen)
		assert.Contains(t, o.stderr, "flux bootstrap writes it", chosen)
	}
}
