package cmd

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

// fitCases are plans of testdata/fit/fleet.yaml, which says as of noon how often its repositories change.
func fitCases() []golden {
	const fleet = "plan -f testdata/fit/fleet.yaml"
	const policy = fleet + " --policy testdata/fit/policy.yaml"
	return []golden{
		{name: "fit/policy", args: policy},
		{name: "fit/overview-80", args: policy, with: onTerminal(80)},
		{name: "fit/json", args: policy + " gitrepo -n prod -o json"},
		{name: "fit/one-namespace", args: policy + " gitrepo -n dev --no-headers"},
		{name: "fit/activity", args: policy + " --activity testdata/fit/activity.yaml gitrepo"},
		{name: "fit/flag", args: fleet + " --fit github.com=3% gitrepo"},
		{name: "fit/flag-over-policy", args: policy + " --fit github.com=40% --limit github.com=200/h gitrepo"},
		{name: "fit/credential", args: fleet + " --fit github.com/deploy=1% gitrepo"},
		{name: "fit/nothing-to-gain", args: fleet + " --fit github.com=100% gitrepo"},
		{name: "fit/unknown-host", args: fleet + " --fit gitlab.com=10%"},
		{name: "fit/unknown-credential", args: fleet + " --fit github.com/somebody=10%"},
		{name: "fit/no-limit", args: fleet + " --fit git.example.com:8443=10%"},
		{name: "fit/limit-of-the-name", args: fleet + " --fit git.example.com:8443=10% --limit git.example.com=300/h gitrepo --no-headers"},
		{name: "fit/none", args: fleet + " --fit github.com=0%"},
		{name: "fit/too-much", args: fleet + " --fit github.com=101%"},
		{name: "fit/one-host-twice", args: fleet + " --fit ssh.github.com=20% --fit github.com=60%"},
		{name: "fit/one-limit-twice", args: fleet + " --fit github.com=60% --limit github.com:443=200/h --limit github.com=6000/h"},
		{name: "fit/infeasible", args: fleet + " --fit github.com=0.1%"},
		{name: "fit/infeasible-twice", args: policy + " --fit github.com=1% --fit github.com/deploy=1%"},
		{name: "fit/activity-alone", args: fleet + " --activity testdata/fit/activity.yaml"},
		{name: "fit/activity-bad", args: policy + " --activity testdata/fit/bad-activity.yaml"},
		{name: "fit/activity-unmatched", args: policy + " --activity testdata/fit/unmatched-activity.yaml gitrepo --no-headers"},
		{name: "fit/activity-missing", args: policy + " --activity testdata/fit/nowhere.yaml"},
		// All commands say the same of the same webhooks.
		{name: "fit/webhooks", args: "plan -f testdata/fit/webhooks.yaml --default-env development --fit github.com=1% --set '*.GitRepository.interval=30s to 20m' gitrepo"},
		{name: "fit/webhooks-budget", args: "budget -f testdata/fit/webhooks.yaml -o wide"},
		{name: "fit/webhooks-receivers", args: "receivers -f testdata/fit/webhooks.yaml"},
	}
}

func TestFitGolden(t *testing.T) {
	t.Parallel()
	for _, g := range fitCases() {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			g.checkFiles(t, "DIR")
		})
	}
}

// commitAt commits what there is at a day before noon.
func commitAt(t *testing.T, dir, day string) {
	t.Helper()
	for _, args := range [][]string{{"add", "-A"}, {"commit", "-q", "--allow-empty", "-m", "change"}} {
		cmd := exec.CommandContext(t.Context(), "git", append([]string{"-C", dir, "-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"}, args...)...)
		cmd.Env = append(os.Environ(), "GIT_COMMITTER_DATE="+day+"T12:00:00Z", "GIT_AUTHOR_DATE="+day+"T12:00:00Z")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
	}
}

// In a checkout the clusters share their host, and Git tells how often the files change that each is deployed from.
func TestFitCheckout(t *testing.T) {
	t.Parallel()
	dir := writeCheckout(t)
	for _, cluster := range []string{"production", "staging"} { // as flux bootstrap writes it
		sync := fmt.Sprintf(`apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: flux-system, namespace: flux-system}
spec: {interval: 5m, timeout: 2m, url: "https://github.com/example/fleet", ref: {branch: main}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: flux-system, namespace: flux-system}
spec: {interval: 10m, timeout: 2m, retryInterval: 1m, path: ./clusters/%s, prune: true, sourceRef: {kind: GitRepository, name: flux-system}}
`, cluster)
		folder := filepath.Join(dir, "clusters", cluster, "flux-system")
		require.NoError(t, os.WriteFile(filepath.Join(folder, "gotk-sync.yaml"), []byte(sync), 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(folder, "kustomization.yaml"), []byte("resources:\n- gotk-sync.yaml\n"), 0o600))
	}
	require.NoError(t, exec.CommandContext(t.Context(), "git", "init", "-q", dir).Run())
	commitAt(t, dir, "2026-10-01")
	for _, day := range []string{"2026-10-10", "2026-11-01", "2026-11-20"} {
		file := filepath.Join(dir, "apps", "staging", "kustomization.yaml")
		require.NoError(t, os.WriteFile(file, []byte("# "+day+"\nresources:\n- ../base\n"), 0o600))
		commitAt(t, dir, day)
	}
	fit := []string{
		"-f", dir, "--fit", "github.com=100%", "--limit", "github.com=80/h",
		"--set", "*.GitRepository.interval=30s to 20m", "--set", "*.Kustomization.interval=at most 1h",
	}
	call := func(args ...string) outcome { return invocation{}.run(t.Context(), append(args, fit...)...) }
	plan := call("plan", "--root", "clusters/staging", "-o", "json")
	require.Zero(t, plan.code, plan.stderr)
	document := decode[report.Plan](t, plan)
	require.NotNil(t, document.Summary.Fit)
	assert.LessOrEqual(t, document.Summary.Fit.Shares[0].Used, 80.0)
	assert.Equal(t, 18.0, document.Summary.Fit.Shares[0].Fixed, "the other cluster keeps what it has, and asks the same host")
	require.NotNil(t, document.Items[1].Fit)
	assert.Equal(t, "git", document.Items[1].Fit.Evidence)
	assert.Equal(t, 3, document.Items[1].Fit.Changes)

	both := call("plan")
	require.Zero(t, both.code, both.stderr)
	assert.Contains(t, both.stdout, "no commit in 52d (Git)", "production reads other files")
	assert.Contains(t, both.stdout, "3 commits in 52d (Git)")
	assert.Equal(t, 1, strings.Count(both.stdout, "github.com gets "), "the clusters are planned together: one share for all")

	rewritten := call("rewrite", "--yes")
	require.Zero(t, rewritten.code, rewritten.stderr)
	assert.Contains(t, rewritten.stdout, "changed.")
	again := call("rewrite", "--yes")
	assert.Equal(t, "Nothing to change", strings.Split(again.stdout, ":")[0])
}

// What is fitted is applied, recorded and reverted like any other change; what Git keeps setting is left alone and takes
// its part of the share.
func TestFitAppliesAndReverts(t *testing.T) {
	t.Parallel()
	f := newGitFleet(t)
	elsewhere := func(manifests string) string { // a host of its own: other tests' repositories are in the cluster, too
		return strings.ReplaceAll(manifests, "https://github.com", "https://git.fit.example")
	}
	f.push(t, elsewhere(f.app("interval: 5m, timeout: 2m")))
	status := func(name string, firsts ...string) string {
		var entries []string
		for i, at := range firsts {
			entries = append(entries, fmt.Sprintf(`{digest: "sha256:%d", firstReconciled: "%s", lastReconciled: "%s", lastReconciledDuration: 1s, lastReconciledStatus: ReconciliationSucceeded, totalReconciliations: 1}`, i, at, at))
		}
		return fmt.Sprintf("apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: %s, namespace: %s}\nstatus: {history: [%s]}\n", name, f.apps, strings.Join(entries, ", "))
	}
	for _, name := range []string{"busy", "dead"} {
		f.Apply(t, elsewhere(gitRepository(f.apps, name, "interval: 5m, timeout: 2m"))+fmt.Sprintf(`---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: %s, namespace: %s}
spec: {interval: 1m, timeout: 2m, path: ./, prune: true, sourceRef: {kind: GitRepository, name: %[1]s}}
`, name, f.apps))
	}
	f.ApplyAs(t, status("busy", "2026-11-22T10:00:00Z", "2026-11-22T09:00:00Z", "2026-11-22T07:00:00Z"), testbed.ApplyOptions{Subresource: "status"})
	f.ApplyAs(t, status("dead", "2026-09-22T10:00:00Z"), testbed.ApplyOptions{Subresource: "status"})
	interval := func(name string) string { return f.field(t, "gitrepository", f.apps, name, ".spec.interval") }

	args := []string{"--fit", "git.fit.example=50%", "--limit", "git.fit.example=200/h", "--set", "development.GitRepository.interval=30s to 15m"}
	plan := decode[report.Plan](t, on(f.Cluster).must(t, append([]string{"plan", "gitrepo", "-n", f.apps, "-o", "json"}, args...)...))
	require.NotNil(t, plan.Summary.Fit)
	require.Len(t, plan.Summary.Fit.Shares, 1)
	assert.Equal(t, 12.0, plan.Summary.Fit.Shares[0].Fixed, "app is set in Git")
	assert.LessOrEqual(t, plan.Summary.Fit.Shares[0].Used, 100.0)
	assert.Equal(t, 1, plan.Summary.Fit.Unfitted["SetInGit"])
	app := plan.Items[slices.IndexFunc(plan.Items, func(item report.PlanItem) bool { return item.Ref.Name == "app" })]
	assert.Equal(t, []string{"skip", "SetInGit"}, []string{app.Action, app.Reason}, "it is not as was fitted: Git applies it")

	session, o := f.tuned(t, "20261122-120000-fits", args...)
	require.NotEmpty(t, session, o.stderr)
	assert.Equal(t, []string{"5m", "45s", "15m"}, []string{interval("app"), interval("busy"), interval("dead")})
	again := on(f.Cluster).must(t, append([]string{"plan", "gitrepo", "-n", f.apps, "-o", "name", "--exit-code"}, args...)...)
	assert.Empty(t, again.stdout, "it is as it was fitted")

	require.Zero(t, f.revert(t).code)
	assert.Equal(t, []string{"5m", "5m", "5m"}, []string{interval("app"), interval("busy"), interval("dead")})
}
