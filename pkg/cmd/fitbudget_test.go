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

	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

// fittingPolicy writes a policy that fits a host to a share of so many requests an hour.
func fittingPolicy(t *testing.T, percent, perHour int) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "policy.yaml")
	require.NoError(t, os.WriteFile(file, fmt.Appendf(nil, `apiVersion: fluxtune.github.io/v1alpha1
kind: TuningPolicy
metadata: {name: fitted}
spec:
  limits: {git.example.com: %d/h}
  fit: {git.example.com: %d%%}
  environments:
  - {name: development, kinds: {GitRepository: {interval: 30s to 20m}, OCIRepository: {interval: at least 1m}}}
`, perHour, percent), 0o600))
	return file
}

// Under a policy that fits intervals a budget plans what a plan does, so that one number for a script, --fail-above and
// Markdown say what will be.
func TestBudgetPlansAsAPlanFits(t *testing.T) {
	t.Parallel()
	fitted := 0
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, seed))
		fleet := filepath.Join(t.TempDir(), "fleet.yaml")
		require.NoError(t, os.WriteFile(fleet, []byte(strings.Join(randomAskers(r), "---\n")), 0o600))
		args := []string{"-f", fleet, "--default-env", "development", "--policy", fittingPolicy(t, 60, 200+r.IntN(1500)), "-o", "json"}
		args = append(args, [][]string{nil, nil, {"gitrepo"}, {"-n", "apps"}, {"--limit", "git.example.com=900/h"}}[r.IntN(5)]...)
		if r.IntN(2) == 0 {
			activity := filepath.Join(t.TempDir(), "activity.yaml")
			require.NoError(t, os.WriteFile(activity, fmt.Appendf(nil, "- {name: '*%d', perHour: %d}\n", r.IntN(5), r.IntN(9)), 0o600))
			args = append(args, "--activity", activity)
		}
		plan := invocation{}.run(t.Context(), append([]string{"plan"}, args...)...)
		b := invocation{}.run(t.Context(), append([]string{"budget"}, args...)...)
		require.Equal(t, plan.code, b.code, "seed %d: %s", seed, b.stderr)
		if plan.code != 0 {
			assert.Equal(t, plan.stderr, b.stderr, "seed %d", seed)
			continue
		}
		fitted++
		planned, counted := decode[report.Plan](t, plan), decode[report.Budget](t, b)
		assert.Equal(t, *planned.Summary.GitRequests, counted.Summary.GitRequests, "seed %d: %v", seed, args)
		for _, h := range counted.Hosts {
			if h.UsedPercent != nil {
				assert.LessOrEqual(t, h.UsedPercent.Planned, 60.01, "seed %d: %v: %s", seed, args, h.Host)
			}
		}
	}
	assert.Greater(t, fitted, 20, "most can be fitted")
}

// --fail-above judges what is fitted, as a plan shows it, and not the bounds of the policy.
func TestFailAboveJudgesWhatIsFitted(t *testing.T) {
	t.Parallel()
	var fleet []string
	for i := range 10 {
		fleet = append(fleet, fmt.Sprintf("apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: a%d, namespace: apps}\nspec: {interval: 5m, timeout: 2m, url: \"https://git.example.com/a\", ref: {branch: main}}\n", i))
	}
	file := filepath.Join(t.TempDir(), "fleet.yaml")
	require.NoError(t, os.WriteFile(file, []byte(strings.Join(fleet, "---\n")), 0o600))
	for above, code := range map[string]int{"55%": exitOverBudget, "60%": 0} { // the bounds keep 5m: 12%
		o := invocation{}.run(t.Context(), "budget", "-f", file, "--default-env", "development", "--policy", fittingPolicy(t, 60, 1000), "--fail-above", above)
		assert.Equal(t, code, o.code, "%s: %s", above, o.stderr)
	}
	o := invocation{}.run(t.Context(), "budget", "-f", file, "--default-env", "development", "--policy", fittingPolicy(t, 60, 1000), "-o", "markdown")
	assert.Contains(t, o.stdout, "12% -&gt; 60%")
	assert.Contains(t, o.stdout, "git.example.com gets 600/h of 600/h")
}

// In a cluster, too, what Git has comes off the share in a budget as in a plan.
func TestBudgetPlansAsAPlanFitsInACluster(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	ns := c.Namespace(t, map[string]string{"environment": "development"})
	source := func(meta, ref string) string {
		return fmt.Sprintf("apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {namespace: %s, %s}\nspec: {interval: 1m, timeout: 2m, url: \"https://git.example.com/a\", ref: {%s}}\n---\n", ns, meta, ref)
	}
	c.Apply(t, source("name: free", "branch: main")+source("name: more", "branch: main")+source("name: cloned", "semver: 1.x")+
		source(fmt.Sprintf("name: owned, labels: {kustomize.toolkit.fluxcd.io/name: apps, kustomize.toolkit.fluxcd.io/namespace: %s}", ns), "branch: main"))
	args := []string{"-n", ns, "--policy", fittingPolicy(t, 60, 450), "-o", "json"}
	user := on(c)
	plan := decode[report.Plan](t, user.must(t, append([]string{"plan"}, args...)...))
	counted := decode[report.Budget](t, user.must(t, append([]string{"budget"}, args...)...))
	assert.Greater(t, plan.Summary.Fit.Shares[0].Fixed, 0.0)
	assert.Equal(t, *plan.Summary.GitRequests, counted.Summary.GitRequests)
	assert.InDelta(t, 270, counted.Summary.GitRequests.Planned, 20)
}

// A share of the policy that nothing counts to is named: most likely it is mistyped.
func TestSharesThatNothingPollsAreTold(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "fleet.yaml")
	require.NoError(t, os.WriteFile(file, []byte(`apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: a, namespace: apps}
spec: {interval: 5m, timeout: 2m, url: "https://git.example.com/a", ref: {branch: main}}
`), 0o600))
	mistyped := fittingPolicy(t, 60, 1000)
	text, err := os.ReadFile(mistyped)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(mistyped, []byte(strings.Replace(string(text), "fit: {git.example.com: 60%}", "fit: {gti.example.com: 60%, git.example.com: 50%, git.example.com/bot: 20%}", 1)), 0o600))
	for _, command := range []string{"plan", "budget", "alerts"} {
		o := invocation{}.run(t.Context(), command, "-f", file, "--default-env", "development", "--policy", mistyped)
		assert.Zero(t, o.code, "%s: %s", command, o.stderr)
		assert.Contains(t, o.stderr, "Warning: spec.fit of the policy: gti.example.com=60%: nothing that was read polls it\n", command)
		assert.Contains(t, o.stderr, "Warning: spec.fit of the policy: git.example.com/bot=20%: nothing that was read polls the host with this credential", command)
		assert.NotContains(t, o.stderr, "git.example.com=50%", command)
	}
}

// A share that cannot be kept is no reason to say nothing of what is there: the budget has what the longest intervals would ask, and
// ends as the plan does.
func TestBudgetOfAShareThatCannotBeKept(t *testing.T) {
	t.Parallel()
	fleet := filepath.Join(t.TempDir(), "fleet.yaml")
	require.NoError(t, os.WriteFile(fleet, []byte(`apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: app, namespace: apps}
spec: {interval: 1m, timeout: 2m, url: "https://git.example.com/acme/app", ref: {branch: main}}
`), 0o600))
	args := []string{"-f", fleet, "--policy", fittingPolicy(t, 1, 100), "--default-env", "development", "-o", "json"}
	o := invocation{}.run(t.Context(), append([]string{"budget"}, args...)...)
	assert.Equal(t, exitFailed, o.code)
	b := decode[report.Budget](t, o)
	assert.InDelta(t, 60, b.Summary.GitRequests.Now, 0.1)
	assert.InDelta(t, 3, b.Summary.GitRequests.Planned, 0.1)
	assert.Contains(t, strings.Join(b.Notes, "\n"), "planned are the longest intervals")
	plan := invocation{}.run(t.Context(), append([]string{"plan"}, args...)...)
	assert.Equal(t, plan.stderr, o.stderr)
	assert.Contains(t, o.stderr, "error: 1% of the limit of git.example.com are 1 requests/h")
}

// What has no limit is not compared with a share of one, which is said.
func TestFailAboveTellsWhatItSaysNothingAbout(t *testing.T) {
	t.Parallel()
	o := invocation{}.must(t, "budget", "-f", "testdata/fit/fleet.yaml", "--fail-above", "99%")
	assert.Contains(t, o.stderr, "Note: --fail-above says nothing about git.example.com:8443: no limit is known (--limit git.example.com:8443=5000/h)\n")
	o = invocation{}.must(t, "budget", "-f", "testdata/fit/fleet.yaml", "--fail-above", "99%", "--limit", "git.example.com:8443=5000/h")
	assert.NotContains(t, o.stderr, "says nothing about git.example.com")
}

// Of a checkout, too, a budget fits what was asked for, and the rest keeps what it has.
func TestBudgetFitsWhatWasAsked(t *testing.T) {
	t.Parallel()
	fleet := gitSources(t, "development a - 2m", "development b - 2m", "development c - 2m")
	args := []string{"gitrepo/a", "-n", "apps", "-f", fleet, "--policy", fittingPolicy(t, 60, 120), "-o", "json"}
	plan := decode[report.Plan](t, invocation{}.must(t, append([]string{"plan"}, args...)...))
	counted := decode[report.Budget](t, invocation{}.must(t, append([]string{"budget"}, args...)...))
	assert.Equal(t, *plan.Summary.GitRequests, counted.Summary.GitRequests)
}
