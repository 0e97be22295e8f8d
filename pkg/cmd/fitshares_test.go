package cmd

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

// gitSources writes GitRepositories of git.example.com, and of gitlab.com where the name says so: "environment name secret
// interval" each.
func gitSources(t *testing.T, sources ...string) string {
	t.Helper()
	var manifests []string
	for _, source := range sources {
		field := strings.Fields(source)
		host, secret := "git.example.com", ""
		if strings.HasPrefix(field[1], "gitlab") {
			host = "gitlab.com"
		}
		if field[2] != "-" {
			secret = ", secretRef: {name: " + field[2] + "}"
		}
		manifests = append(manifests, fmt.Sprintf("apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: %s, namespace: apps, labels: {environment: %s}}\n"+
			"spec: {interval: %s, timeout: 2m, url: \"https://%s/%s.git\", ref: {branch: main}%s}\n", field[1], field[0], field[3], host, field[1], secret))
	}
	file := filepath.Join(t.TempDir(), "fleet.yaml")
	require.NoError(t, os.WriteFile(file, []byte(strings.Join(manifests, "---\n")), 0o600))
	return file
}

// severalShares writes a policy with some shares of 1,000/h.
func severalShares(t *testing.T, fit string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "policy.yaml")
	require.NoError(t, os.WriteFile(file, fmt.Appendf(nil, `apiVersion: fluxtune.github.io/v1alpha1
kind: TuningPolicy
metadata: {name: fitted}
spec:
  limits: {git.example.com: 1000/h, gitlab.com: 1000/h}
  fit: {%s}
  environments:
  - {name: development, kinds: {GitRepository: {interval: 30s to 20m}}}
  - {name: staging, kinds: {GitRepository: {interval: 30s to 20m}}}
`, fit), 0o600))
	return file
}

// A policy with several shares is rolled out environment by environment, also while another one is above a share that nothing here
// counts to: that is told, and plan, budget and its numbers are of the others.
func TestFitOfOneEnvironmentWhileAnotherIsAboveItsShare(t *testing.T) {
	t.Parallel()
	fleet := gitSources(t, "staging web - 5m", "staging db - 10m", "development bot bot 30s", "development gitlab-app - 30s")
	all := []string{"-f", fleet, "--env", "staging", "--policy", severalShares(t, "git.example.com: 60%, git.example.com/bot: 5%, gitlab.com: 2%")}
	only := []string{"-f", fleet, "--env", "staging", "--policy", severalShares(t, "git.example.com: 60%")}
	const warning = "Warning: git.example.com/bot is above its share of 5%: it gets 120 requests/h, and the share is 50; nothing that was chosen counts to it, and the other shares are fitted without it\n"
	call := func(command string, args []string) outcome {
		return invocation{}.run(t.Context(), append(words(command), args...)...)
	}
	plan, budget := call("plan -o json", all), call("budget -o json", all)
	require.Zero(t, plan.code, plan.stderr)
	require.Zero(t, budget.code, budget.stderr)
	for _, o := range []outcome{plan, budget} {
		assert.Contains(t, o.stderr, warning)
		assert.Contains(t, o.stderr, "Warning: gitlab.com is above its share of 2%")
	}
	planned, alone := decode[report.Plan](t, plan), decode[report.Plan](t, call("plan -o json", only))
	require.Len(t, planned.Summary.Fit.Shares, 3)
	assert.Equal(t, 2, planned.Summary.Fit.Shares[0].Sources)
	assert.Equal(t, []bool{false, true, true}, []bool{planned.Summary.Fit.Shares[0].Idle, planned.Summary.Fit.Shares[1].Idle, planned.Summary.Fit.Shares[2].Idle})
	for i := range planned.Items {
		assert.Equal(t, alone.Items[i].Fit, planned.Items[i].Fit)
	}
	assert.Equal(t, *planned.Summary.GitRequests, decode[report.Budget](t, budget).Summary.GitRequests)
	assert.Contains(t, call("plan", all).stdout, "git.example.com/bot gets 120/h of 50/h, which are 5% of 1,000/h; nothing that was chosen counts to it")

	whole := call("plan", []string{"-f", fleet, "--policy", all[len(all)-1]})
	assert.Zero(t, whole.code, "it can be kept where what counts to it is chosen: %s", whole.stderr)
}

// What a choice leaves out stays as it is, so that a share may be kept by all together and not by what was chosen: who reads that it
// takes more learns of both, from each command, and what all come to wherever that is known.
func TestAShareThatAllTogetherKeep(t *testing.T) {
	t.Parallel()
	fleet, policy := gitSources(t, "development a - 1m", "development b - 1m", "staging c - 12s", "staging d - 1m"), severalShares(t, "git.example.com: 18%")
	args := " -f " + fleet + " --policy " + policy
	whole := "a plan of all objects fits: kubectl fluxtune plan" + args + "\n"
	for choice, want := range map[string]string{
		"--env development":                  "; what was not chosen stays as it is, and asks 360: with this choice it takes 37% (plan --fit git.example.com=37%), or longer intervals of these where they are set; " + whole,
		"-l environment=development -n apps": whole,
		"gitrepo/a -n apps":                  "; what was not chosen stays as it is, and asks 420: with this choice it takes 43% (plan --fit git.example.com=43%), or longer intervals of these where they are set; " + whole,
	} {
		for _, command := range []string{"plan ", "budget "} {
			if command == "budget " && !strings.HasPrefix(choice, "--env") {
				continue
			}
			o := invocation{}.run(t.Context(), words(command+choice+args)...)
			assert.Equal(t, exitFailed, o.code)
			assert.Contains(t, o.stderr, want, command+choice)
		}
	}
	never := invocation{}.run(t.Context(), words("plan --env development -f "+fleet+" --policy "+severalShares(t, "git.example.com: 1%"))...)
	assert.Contains(t, never.stderr, "; a plan of all objects does not fit either\n")

	kept := invocation{}.run(t.Context(), words("plan --env development -f "+fleet+" --policy "+severalShares(t, "git.example.com: 60%"))...)
	require.Zero(t, kept.code, kept.stderr)
	assert.Contains(t, kept.stdout, "2 sources that were not chosen stay as they are; a plan of all may give other intervals, also to what was chosen\n")
}

// Where one of several shares cannot be kept, what counts to that one alone is planned with its longest intervals, and the note says
// which share it is.
func TestBudgetOfOneShareThatCannotBeKept(t *testing.T) {
	t.Parallel()
	fleet := gitSources(t, "staging web - 5m", "staging db - 10m", "staging gitlab-app - 5m", "staging gitlab-db - 5m")
	args := []string{"-f", fleet, "--policy", severalShares(t, "git.example.com: 10%, gitlab.com: 0.1%"), "-o", "json"}
	o := invocation{}.run(t.Context(), append([]string{"budget"}, args...)...)
	assert.Equal(t, exitFailed, o.code)
	assert.Contains(t, o.stderr, "error: 0.1% of the limit of gitlab.com are 1 requests/h")
	b := decode[report.Budget](t, o)
	assert.Contains(t, b.Notes, "the share of gitlab.com (spec.fit) cannot be kept: planned are the longest intervals that the policy allows for what counts to it")
	for _, h := range b.Hosts {
		switch h.Host {
		case "gitlab.com":
			assert.InDelta(t, 6, h.Requests.Planned, 0.01)
		default:
			assert.Greater(t, h.Requests.Planned, 90.0, "its share is used")
			assert.LessOrEqual(t, h.Requests.Planned, 100.0)
		}
	}
	plan := invocation{}.run(t.Context(), append([]string{"plan"}, args...)...)
	assert.Equal(t, exitFailed, plan.code)
	assert.Equal(t, plan.stderr, o.stderr)
}

// A host gets what all clusters of a checkout ask, also where --root names one: the costs on a screen agree with the fit, and
// --fail-above is held against them.
func TestOtherClustersOfACheckoutAreCounted(t *testing.T) {
	t.Parallel()
	dir := bootstrapped(t, "2m", "5m")
	policy := filepath.Join(t.TempDir(), "policy.yaml")
	require.NoError(t, os.WriteFile(policy, []byte(`apiVersion: fluxtune.github.io/v1alpha1
kind: TuningPolicy
metadata: {name: fitted}
spec:
  limits: {github.com: 200/h}
  fit: {github.com: 60%}
  environments:
  - {name: production, kinds: {GitRepository: {interval: 30s to 20m}}}
`), 0o600))
	args := []string{"-f", dir, "--root", "clusters/a", "--policy", policy, "--default-env", "production"}
	call := func(command string, more ...string) outcome {
		return invocation{}.run(t.Context(), append(append(words(command), args...), more...)...)
	}
	plan := decode[report.Plan](t, call("plan -o json"))
	b := decode[report.Budget](t, call("budget -o json"))
	require.Len(t, b.Hosts, 1)
	assert.InDelta(t, plan.Summary.Fit.Shares[0].Used/2, b.Hosts[0].UsedPercent.Planned, 0.01, "of 200/h")
	assert.InDelta(t, 66, b.Hosts[0].Others, 0.01)
	assert.InDelta(t, 66, b.Hosts[0].UsedPercent.Now, 0.01, "132 of 200")
	assert.Contains(t, call("plan").stdout, " of 200/h (66/h by what is not shown)")
	over := call("budget", "--fail-above", "50%")
	assert.Equal(t, exitOverBudget, over.code)
	assert.Contains(t, over.stderr, "(66/h of them by what is not shown)")
	assert.NotContains(t, over.stderr, "comes on top", "all was counted")
	assert.Zero(t, call("budget", "--fail-above", "60%").code)

	// Without a fit the other clusters are not read, and it is said.
	apart := invocation{}.run(t.Context(), "plan", "-f", dir, "--root", "clusters/a", "--limit", "github.com=200/h", "--default-env", "production")
	assert.Contains(t, apart.stdout, " of 200/h; what was not read comes on top")
	assert.Regexp(t, `NOT SHOWN +LIMIT +USED\ngithub\.com +4 .* 66 +200/h +66% -> 60%\n`, call("budget").stdout)
}

// Whether a kubeconfig knows other clusters than those that are looked at is told by where its contexts lead.
func TestLeadsBeyond(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "kubeconfig")
	require.NoError(t, os.WriteFile(file, []byte(`apiVersion: v1
kind: Config
current-context: east
clusters: [{name: e, cluster: {server: "https://east:6443"}}, {name: e2, cluster: {server: "https://east:6443/"}}, {name: w, cluster: {server: "https://west:6443"}}]
contexts: [{name: east, context: {cluster: e, user: u}}, {name: again, context: {cluster: e2, user: u}}, {name: west, context: {cluster: w, user: u}}]
`), 0o600))
	for chosen, want := range map[string]bool{"": true, "east": true, "east,again": true, "east,west": false, "again,west": false, "west": true} {
		r := &root{config: genericclioptions.NewConfigFlags(true)}
		r.config.KubeConfig = &file
		var contexts []string
		if chosen != "" {
			contexts = strings.Split(chosen, ",")
		}
		assert.Equal(t, want, r.leadsBeyond(contexts), chosen)
	}
}

// Behind tunnels clusters have one address; the certificates that are trusted there tell them apart.
func TestLeadsBeyondThroughATunnel(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "ca.crt"), []byte("one"), 0o600))
	of := func(other string) bool {
		file := filepath.Join(dir, "kubeconfig")
		require.NoError(t, os.WriteFile(file, []byte(`apiVersion: v1
kind: Config
current-context: east
clusters: [{name: e, cluster: {server: "https://127.0.0.1:6443", certificate-authority: ca.crt}}, {name: w, cluster: {server: "https://127.0.0.1:6443"`+other+`}}]
contexts: [{name: east, context: {cluster: e, user: u}}, {name: west, context: {cluster: w, user: u}}]
`), 0o600))
		r := &root{config: genericclioptions.NewConfigFlags(true)}
		r.config.KubeConfig = &file
		return r.leadsBeyond(nil)
	}
	assert.True(t, of(", certificate-authority-data: dHdv"), "two")
	assert.False(t, of(", certificate-authority-data: b25l"), "one")
	assert.False(t, of(""), "it says nothing of that")
}

// A fit of some clusters says that others come on top, behind the bar and behind the share; one of all that are known does not, and one
// of the only one says so behind the share.
func TestFitSaysThatOtherClustersComeOnTop(t *testing.T) {
	t.Parallel()
	f := newFleetOfTwo(t)
	config, err := clientcmd.LoadFromFile(f.kubeconfig)
	require.NoError(t, err)
	delete(config.Contexts, "silent")
	require.NoError(t, clientcmd.WriteToFile(*config, f.kubeconfig))
	const says = "; what other clusters ask comes on top"
	for contexts, want := range map[string]int{"--context east": 2, "--contexts east,west": 2, "--contexts east,again,west,gone": 0} {
		i := f.invocation()
		o := i.run(t.Context(), append(words("plan -A "+contexts), "--fit", "github.com=60%", "--set", "*.GitRepository.interval=30s to 20m", "--limit", "github.com=1000000/h")...)
		assert.Equal(t, want, strings.Count(o.stdout, says), "%s: %s%s", contexts, o.stdout, o.stderr)
		i.width = 100
		o = i.run(t.Context(), words("budget -A "+contexts)...)
		assert.Equal(t, want > 0, strings.Contains(o.stdout, "Note         what other clusters ask comes on top of what hosts get"), "%s: %s", contexts, o.stdout)
		o = i.run(t.Context(), words("budget -A --rows "+contexts)...)
		assert.Equal(t, want > 0, strings.Contains(o.stdout, "Other clusters are not counted"), contexts)
	}
	config.Contexts = map[string]*clientcmdapi.Context{"east": config.Contexts["east"]}
	require.NoError(t, clientcmd.WriteToFile(*config, f.kubeconfig))
	o := f.invocation().run(t.Context(), words("plan -A --fit github.com=60% --set '*.GitRepository.interval=30s to 20m'")...)
	assert.Equal(t, 1, strings.Count(o.stdout, says), o.stdout)
	assert.NotContains(t, f.invocation().run(t.Context(), words("plan -A")...).stdout, says)
}
