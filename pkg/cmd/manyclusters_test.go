package cmd

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed/faults"
	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
	"github.com/fluxtune/kubectl-fluxtune/pkg/fit"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// proposed are the commands in an output, for the cluster: of fluxtune, and of kubectl.
var proposed = regexp.MustCompile(`kubectl( fluxtune (get|plan|apply|budget|revert|sessions|nodes|receivers|forget|export)\b| label\b|( --\S+ \S+)* -n )[^\n]*`)

// Whatever a command proposes to run next, that looks at the same cluster as the same user.
func TestProposalsKeepTheConnection(t *testing.T) {
	t.Parallel()
	f := newFleetOfTwo(t)
	connection := []string{"--context", "west", "--as", "jane", "--as-group", "system:masters"}
	call := func(session string, args ...string) outcome {
		i := f.invocation()
		i.session, i.width = session, 400
		i.now = func() time.Time { return noon.Add(time.Duration(len(session)) * time.Hour) } // sessions of an hour are overdue then
		return i.run(t.Context(), append(args, connection...)...)
	}
	unlabelled := f.Namespace(t, nil)
	f.Apply(t, gitRepository(unlabelled, "app", "interval: 5m, timeout: 2m"))
	seen := map[string]bool{}
	for _, c := range []struct {
		name string
		args []string
	}{
		{"get", []string{"get", "-n", f.west}}, {"plan", []string{"plan", "-n", f.west}}, {"budget", []string{"budget", "-n", f.west}},
		{"doctor", []string{"doctor", "-n", f.west}}, {"doctor without labels", []string{"doctor", "-n", unlabelled}},
		{"receivers", []string{"receivers", "-n", f.west, "--host-type", "github.com=github"}},
		{"apply", []string{"apply", "-n", f.west, "--yes"}}, {"apply again", []string{"apply", "-n", f.west, "--yes", "--set", "development.GitRepository.interval=2m"}},
		{"revert of the first", []string{"revert", "-n", f.west, "--yes", "--session", "s"}},
		{"sessions", []string{"sessions", "-n", f.west}},
		{"revert", []string{"revert", "-n", f.west, "--yes"}},
	} {
		session := "s"
		if c.name == "apply again" {
			session = "ss"
		}
		o := call(session, c.args...)
		for _, command := range proposed.FindAllString(o.stdout+o.stderr, -1) {
			seen[c.name] = true
			assert.Contains(t, command, "--kubeconfig "+f.kubeconfig, "%s: %s", c.name, command)
			assert.Contains(t, command, "--context west", "%s: %s", c.name, command)
			assert.Contains(t, command, "--as jane", "%s: %s", c.name, command)
		}
	}
	for _, name := range []string{"get", "plan", "budget", "doctor", "doctor without labels", "receivers", "apply", "revert of the first"} {
		assert.True(t, seen[name], "%s proposes nothing", name)
	}
}

// One name after --contexts names a cluster, too.
func TestProposalsOfOneOfTheContexts(t *testing.T) {
	t.Parallel()
	f := newFleetOfTwo(t)
	i := f.invocation()
	i.terminal, i.stdin = true, &lineByLine{lines: []string{"y\n"}}
	o := i.must(t, "apply", "--contexts", "west")
	assert.Contains(t, o.stderr, `in context "west"`, "the current one is east")
	assert.Contains(t, f.anonymous(o.stderr), "Take it back with: kubectl fluxtune revert --kubeconfig "+f.kubeconfig+" --context west -n namespace-west --session")
	record := `{"steps":[{"session":"late","policy":"fast","time":"2026-11-22T10:00:00Z","until":"2026-11-22T11:00:00Z","fields":{"spec.interval":{"from":"10m","to":"1m"}}}]}`
	f.Kubectl(t, "annotate", "gitrepository", "app", "-n", f.west, "--overwrite", "fluxtune.github.io/original="+record)
	o = f.invocation().must(t, "sessions", "--contexts", "west")
	assert.Contains(t, f.anonymous(o.stderr), "Take that back with: kubectl fluxtune revert --kubeconfig "+f.kubeconfig+" --context west -n namespace-west --expired")
}

// What was carried out of a plan is counted, and no more; what a revert leaves alone asks all the same.
func TestCostsOfWhatWasCarriedOut(t *testing.T) {
	t.Parallel()
	f := newFleetOfTwo(t)
	var names []string
	for n := range 12 { // more than have a row each
		names = append(names, fmt.Sprintf("r%02d", n))
		f.Apply(t, gitRepository(f.east, names[n], "interval: 5m, timeout: 2m"))
	}
	i := f.invocation()
	i.width = 100
	i.must(t, append([]string{"apply", "--context", "east", "--yes", "gitrepository"}, names[:11]...)...)
	// In east 11 at 1m and 2 at 5m, in west one at 10m.
	i.terminal, i.stdin = true, &lineByLine{lines: []string{"y\n"}}
	assert.Equal(t, []string{"Git requests 690/h -> 162/h: 77% fewer, of all clusters together"}, gitRequests(i.must(t, "revert", "--contexts", "east,west")))

	// What is not confirmed stays.
	i.session, i.stdin = "partly", &lineByLine{lines: []string{"n\n", "y\n"}}
	o := i.run(t.Context(), "apply", "--contexts", "east,west", "--rows")
	assert.Equal(t, []string{"Git requests 162/h -> 786/h: 385% more, of all clusters together, with only this one", "Git requests 162/h -> 216/h: 33% more, of all clusters together"}, gitRequests(o), o.stdout)
}

// gitRequests are the lines of overviews that tell them.
// gitRequests are the lines that tell of them, each up to where it is broken.
func gitRequests(o outcome) []string {
	return regexp.MustCompile(`Git requests [^\n]*`).FindAllString(o.stdout, -1)
}

// Sessions of several clusters are overdue in those.
func TestOverdueSessionsOfSeveralClusters(t *testing.T) {
	t.Parallel()
	f := newFleetOfTwo(t)
	i := f.invocation()
	// What a program leaves that was killed.
	record := `{"steps":[{"session":"late","policy":"fast","time":"2026-11-22T10:00:00Z","until":"2026-11-22T11:00:00Z","fields":{"spec.interval":{"from":"10m","to":"1m"}}}]}`
	f.Kubectl(t, "annotate", "gitrepository", "app", "-n", f.west, "fluxtune.github.io/original="+record)
	o := i.must(t, "sessions", "--contexts", "east,west")
	assert.Contains(t, f.anonymous(o.stderr), "1 session should have ended. Take that back with: kubectl fluxtune revert --kubeconfig "+f.kubeconfig+" --contexts east,west --expired")

	// What asks most, 12 times at 1m beside 5m in the east, goes back to 10m.
	for n := range 12 {
		name := fmt.Sprintf("late-%02d", n)
		f.Apply(t, gitRepository(f.west, name, "interval: 10m, timeout: 2m"))
		patch := fmt.Sprintf(`{"metadata":{"annotations":{"fluxtune.github.io/original":%q}},"spec":{"interval":"1m"}}`, record)
		_, err := f.Objects(t, "gitrepository", f.west).Patch(t.Context(), name, types.MergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: "fluxtune"})
		require.NoError(t, err)
	}
	i.terminal, i.width = true, 100
	for _, contexts := range []string{"east,west", "west,east"} {
		i.stdin = &lineByLine{lines: []string{"n\n"}}
		back := i.run(t.Context(), "revert", "--contexts", contexts, "--expired")
		assert.Equal(t, []string{"Git requests 738/h -> 90/h: 88% fewer, of all clusters together"}, gitRequests(back), "%s\n%s", contexts, back.stdout)
	}
}

// A context's name may hold what separates names.
func TestNamesOfContextsAreQuoted(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{"plain": "plain", "a,b": `"a,b"`, `a"b`: `"a""b"`} {
		assert.Equal(t, want, asItem(value))
	}
	assert.Equal(t, `'"a,b"'`, terminal.Quoted(asItem("a,b")))
}

// What is asked of a host is what all clusters ask, while one after the other is changed.
func TestCostsOfAllClustersTogether(t *testing.T) {
	t.Parallel()
	f := newFleetOfTwo(t)
	i := f.invocation()
	o := i.must(t, "apply", "--contexts", "east,west", "--dry-run=client", "-o", "markdown")
	assert.NotContains(t, o.stdout, "Costs", "a document of what was done")
	i.width = 100
	o = i.must(t, "apply", "--contexts", "east,west", "--yes", "--rows")
	costs := regexp.MustCompile(`Git requests [^\n]*`).FindAllString(o.stdout, -1)
	require.Len(t, costs, 2, o.stdout)
	assert.Equal(t, []string{
		"Git requests 18/h -> 66/h: 267% more, of all clusters together, with only this one", // 12 + 6 -> 60 + 6
		"Git requests 66/h -> 120/h: 82% more, of all clusters together",
	}, costs)
	assert.Contains(t, o.stderr, "In 2 clusters together: 2 configured, 0 unchanged, 0 left alone, 0 failed.\nSession 20261122-120000-test. Take it back with: kubectl fluxtune revert --kubeconfig "+f.kubeconfig+" --contexts east,west --session 20261122-120000-test\n")
	assert.Equal(t, 1, strings.Count(o.stderr, "Take it back with"))
	o = i.must(t, "revert", "--contexts", "east,west", "--yes", "--rows")
	assert.Contains(t, o.stderr, "east: 1 restored")
	assert.Contains(t, o.stderr, "west: 1 restored")
}

// Fitted intervals keep a share only where all clusters are read, and get them. Those that ask less come first.
func TestFitOfSeveralClustersThatIsNotCarriedOut(t *testing.T) {
	t.Parallel()
	f := newFleetOfTwo(t)
	host := f.east + ".example.com" // no other test polls it
	for namespace, interval := range map[string]string{f.east: "10s", f.west: "30m"} {
		f.Apply(t, strings.ReplaceAll(gitRepository(namespace, "app", "interval: "+interval+", timeout: 2m"), "github.com", host))
	}
	call := func(i invocation, command, contexts string) outcome {
		return i.run(t.Context(), append(strings.Fields(command), "--contexts", contexts, "--set", "*.GitRepository.interval=10s to 30m", "--fit", host+"=2%", "--limit", host+"=3600/h")...)
	}
	i := f.invocation()
	o := call(i, "apply --yes", "west,gone,east")
	assert.Equal(t, exitFailed, o.code)
	assert.Contains(t, o.stderr, "error: the shares of --fit count all that polls the hosts, and gone could not be read")
	assert.Equal(t, "10s 30m", f.intervals(t), "nothing was changed")
	assert.Contains(t, call(i, "plan", "west,gone,east").stderr, "the shares of --fit count nothing of gone, which could not be read: what these poll comes on top, and apply refuses")

	i.width = 100
	assert.NotContains(t, call(i, "plan", "west,gone,east").stdout, "fluxtune apply", "it would refuse")
	assert.Contains(t, call(i, "plan", "west,east").stdout, "fluxtune apply")
	i.width = 0

	i.terminal, i.stdin = true, &lineByLine{lines: []string{"n\n", "y\n"}}
	o = call(i, "apply", "west,east")
	assert.Equal(t, exitFailed, o.code)
	require.Regexp(t, `(?s)# east\n.*# west\n`, o.stdout, "the one that is to ask less comes first")
	assert.Regexp(t, `Warning: with this \S+\.example\.com gets \d+ requests/h, which are 1\d% of its limit, above its share of 2%: east was not changed as planned\n(.*\n)*Change `, o.stderr, "before the question")
	assert.Regexp(t, `Warning: \S+\.example\.com gets \d+ requests/h, which are 1\d% of its limit, and not the 2% that it was fitted to: not all was changed as planned`, o.stderr)

	i.terminal, i.stdin = false, nil
	i.session = "second"
	o = call(i, "apply --yes", "west,east")
	assert.Equal(t, 0, o.code, o.stderr)
	assert.NotContains(t, o.stderr, "was fitted to")
}

// Nobody is asked with --yes: what would break a share, since another cluster kept what it had, is not begun, in any cluster that is left.
func TestFitStopsBeforeItBreaksAShare(t *testing.T) {
	t.Parallel()
	f := newFleetOfTwo(t)
	host := f.east + ".example.com" // no other test polls it
	for namespace, interval := range map[string]string{f.east: "10s", f.west: "30m"} {
		f.Apply(t, strings.ReplaceAll(gitRepository(namespace, "app", "interval: "+interval+", timeout: 2m"), "github.com", host))
	}
	config, err := clientcmd.LoadFromFile(f.kubeconfig)
	require.NoError(t, err)
	one, err := clientcmd.LoadFromFile(faults.Start(t, f.Config(), func(r *http.Request, _ int) faults.Fault {
		if r.Method == http.MethodPatch {
			return faults.Fault{Status: http.StatusForbidden}
		}
		return faults.Fault{}
	}).Kubeconfig(t, "refusing", f.east))
	require.NoError(t, err)
	config.Clusters["refusing"], config.AuthInfos["refusing"], config.Contexts["refusing"] = one.Clusters["refusing"], one.AuthInfos["refusing"], one.Contexts["refusing"]
	require.NoError(t, clientcmd.WriteToFile(*config, f.kubeconfig))
	args := []string{"apply", "--yes", "--contexts", "west,refusing", "--set", "*.GitRepository.interval=10s to 30m", "--limit", host + "=3600/h", "--fit"}
	o := f.invocation().run(t.Context(), append(args, host+"=2%")...)
	assert.Equal(t, exitFailed, o.code)
	assert.Equal(t, "10s 30m", f.intervals(t))
	assert.Regexp(t, `(?m)^error: west: not attempted: with this \S+\.example\.com gets \d+ requests/h, which are 1\d% of its limit, above its share of 2%: refusing was not changed as planned\. `+
		`Mend that and run the same command again, or run it without --yes to be asked$`, o.stderr)
}

// A question may stand for long: what others change meanwhile in a cluster that is done counts before the next one is changed.
func TestFitLooksAgainAtClustersThatAreDone(t *testing.T) {
	t.Parallel()
	f := newFleetOfTwo(t)
	host := f.east + ".example.com" // no other test polls it
	for namespace, interval := range map[string]string{f.east: "10s", f.west: "30m"} {
		f.Apply(t, strings.ReplaceAll(gitRepository(namespace, "app", "interval: "+interval+", timeout: 2m"), "github.com", host))
	}
	i := f.invocation()
	i.terminal = true
	i.stdin = &lineByLine{lines: []string{"y\n", "y\n"}, before: func(question int) {
		if question == 1 {
			f.Apply(t, strings.ReplaceAll(gitRepository(f.east, "app", "interval: 10s, timeout: 2m"), "github.com", host))
		}
	}}
	o := i.run(t.Context(), "apply", "--contexts", "west,east", "--set", "*.GitRepository.interval=10s to 30m", "--fit", host+"=2%", "--limit", host+"=3600/h")
	assert.Equal(t, exitFailed, o.code, o.stderr)
	assert.Equal(t, "10s 30m", f.intervals(t))
	assert.Regexp(t, `(?m)^error: west: not attempted: with this \S+\.example\.com gets \d+ requests/h, which are 1\d% of its limit, above its share of 2%: east was changed by others meanwhile\. Run the same command again$`, o.stderr)
}

// Contexts of one cluster that look at different namespaces are not dropped.
func TestContextsOfOneClusterWithTwoNamespaces(t *testing.T) {
	t.Parallel()
	f := newFleetOfTwo(t)
	config, err := clientcmd.LoadFromFile(f.kubeconfig)
	require.NoError(t, err)
	config.Contexts["again"].Namespace = f.west
	require.NoError(t, clientcmd.WriteToFile(*config, f.kubeconfig))
	for _, command := range []string{"get", "plan", "budget", "sessions", "apply --yes", "revert --yes"} {
		o := f.invocation().run(t.Context(), append(strings.Fields(command), "--contexts", "east,again")...)
		assert.Equal(t, exitFailed, o.code, command)
		assert.Contains(t, f.anonymous(o.stderr), "error: the contexts east and again are one cluster, with the namespaces namespace-east and namespace-west: say which with -n, or look at all with -A", command)
	}
	assert.Equal(t, "5m 10m", f.intervals(t))
	o := f.invocation().must(t, "get", "--contexts", "east,again", "-n", f.west, "-o", "name")
	assert.Equal(t, "east: gitrepository.source.toolkit.fluxcd.io/app\n", o.stdout)
}

// A cluster that is reached and has no Flux asks no host: it is not missing.
func TestClusterWithoutFluxAmongOthers(t *testing.T) {
	t.Parallel()
	f := newFleetOfTwo(t)
	config, err := clientcmd.LoadFromFile(f.kubeconfig)
	require.NoError(t, err)
	bare := faults.Start(t, f.Config(), func(r *http.Request, _ int) faults.Fault {
		switch {
		case r.URL.Path == "/apis" || r.URL.Path == "/api":
			return faults.Fault{Body: `{"kind":"APIGroupList","apiVersion":"v1","groups":[{"name":"apps"}]}`}
		case r.URL.Path == "/api/v1/namespaces/kube-system":
			return faults.Fault{Body: `{"kind":"PartialObjectMetadata","metadata":{"uid":"of-a-third-cluster"}}`}
		}
		return faults.Fault{}
	}).Kubeconfig(t, "bare", f.east)
	one, err := clientcmd.LoadFromFile(bare)
	require.NoError(t, err)
	config.Clusters["bare"], config.AuthInfos["bare"], config.Contexts["bare"] = one.Clusters["bare"], one.AuthInfos["bare"], one.Contexts["bare"]
	require.NoError(t, clientcmd.WriteToFile(*config, f.kubeconfig))
	o := f.invocation().must(t, "budget", "--contexts", "east,bare", "-o", "json")
	assert.Contains(t, o.stderr, "bare: the cluster serves none of Flux's kinds.")
	assert.Empty(t, decode[report.Budget](t, o).Missing)
	o = f.invocation().run(t.Context(), "get", "--contexts", "bare")
	assert.Equal(t, exitFailed, o.code)
	assert.Contains(t, o.stderr, "is Flux installed there?")
}

// A session that is in one of the clusters only is taken back there.
func TestRevertOfASessionThatIsInOneCluster(t *testing.T) {
	t.Parallel()
	f := newFleetOfTwo(t)
	f.invocation().must(t, "apply", "--context", "west", "--yes")
	o := f.invocation().must(t, "revert", "--contexts", "east,west", "--yes", "--session", "20261122-120000-test")
	assert.Contains(t, f.anonymous(o.stderr), `Nothing was tuned by session 20261122-120000-test in namespace "namespace-east" of east.`)
	assert.Equal(t, "5m 10m", f.intervals(t))
	o = f.invocation().run(t.Context(), "revert", "--contexts", "east,west", "--yes", "--session", "20261122-120000-test")
	assert.Equal(t, exitFailed, o.code)
	assert.Contains(t, o.stderr, `error: --session "20261122-120000-test": no Flux object in 2 clusters was tuned by it`)
}

// What is not read stands where it is read: in titles, in overviews, in Markdown, in diffs which cluster it is.
func TestMissingClustersStandInEachForm(t *testing.T) {
	t.Parallel()
	f := newFleetOfTwo(t)
	i := f.invocation()
	for _, command := range []string{"plan", "plan -o markdown", "budget -o markdown", "budget", "apply --dry-run=client -o markdown"} {
		o := i.run(t.Context(), append(strings.Fields(command), "--contexts", "east,gone,west", "-A")...)
		assert.Regexp(t, `Not read(\*\*:|:)? +(- )?gone: the cluster; what is said here is of the rest`, o.stdout, command)
		if !strings.HasPrefix(command, "budget") && !strings.HasPrefix(command, "apply") {
			assert.Contains(t, o.stdout, "in 2 of 3 clusters", command)
		}
	}
	o := i.run(t.Context(), "plan", "--contexts", "east,west", "-o", "diff")
	assert.Regexp(t, `--- live/east/source\.toolkit\.fluxcd\.io\.v1\.GitRepository`, o.stdout)
	assert.Regexp(t, `--- live/west/source\.toolkit\.fluxcd\.io\.v1\.GitRepository`, o.stdout)
}

// On one screen a cluster that cannot be read is named once, with the reason, and the last line says that something is missing.
func TestMissingClustersAreNamedOnceOnAScreen(t *testing.T) {
	t.Parallel()
	f := newFleetOfTwo(t)
	i := f.invocation()
	i.width = 80
	for _, command := range []string{"get", "get --rows", "plan", "plan --rows", "budget", "budget --rows", "apply --dry-run=client", "sessions", "revert --dry-run=client", "forget --dry-run=client"} {
		o := i.run(t.Context(), append(strings.Fields(command), "--contexts", "east,gone,west", "-A")...)
		assert.Equal(t, exitFailed, o.code, command)
		assert.Len(t, regexp.MustCompile(`\bgone: `).FindAllString(o.stderr, -1), 1, "%s: %s", command, o.stderr)
		assert.Regexp(t, `\nerror: not (everything|all clusters) could be read: see the warnings above\n$`, o.stderr, command)
	}
}

// What was typed before a question was read answers none.
func TestTypedAheadIsNoAnswer(t *testing.T) {
	t.Parallel()
	f := newFleetOfTwo(t)
	i := f.invocation()
	forgotten := 0
	i.terminal, i.forget = true, func() { forgotten++ }
	i.stdin = &lineByLine{lines: []string{"y\n", "y\n"}}
	i.must(t, "apply", "--contexts", "east,west")
	assert.Equal(t, 2, forgotten)
}

// Of a plan that was carried out in part, what was written counts, and no more.
func TestWhatWasWrittenCounts(t *testing.T) {
	t.Parallel()
	p, err := policy.Preset("fast")
	require.NoError(t, err)
	s := flux.Snapshot{}
	for _, name := range []string{"a", "b"} {
		o, err := flux.Decode(fmt.Appendf(nil, `{"apiVersion":"source.toolkit.fluxcd.io/v1","kind":"GitRepository","metadata":{"name":%q,"namespace":"apps"},"spec":{"interval":"5m","url":"https://github.com/acme/%[1]s"}}`, name))
		require.NoError(t, err)
		s.Objects = append(s.Objects, o)
	}
	f := FleetOptions{Policy: p, DefaultEnvironment: "development"}.fleetOf(s)
	plan := f.plan(&tune.Options{})
	require.Equal(t, 2, plan.Changes())
	all := newTogether(fleets{all: []fleet{f}}, f.options, noon)
	assert.InDelta(t, 24, all.sum(all.budgets).Git.Now, 0.01)
	assert.InDelta(t, 240, all.with(f, plan, noon).Git.Planned, 0.01)

	out := cluster.Outcomes{Objects: []cluster.Result{
		{Write: tune.ApplyWrite{Item: plan.Items[0]}, Outcome: cluster.Configured}, {Write: tune.ApplyWrite{Item: plan.Items[1]}, Outcome: cluster.NotAttempted},
	}}
	all.changed(f, plan, out, noon)
	assert.InDelta(t, 120+12, all.sum(all.budgets).Git.Now, 0.01)
	assert.True(t, all.parts)
	assert.Equal(t, 2, plan.Changes(), "the plan is as it was")
	share := fit.ShareUse{Share: policy.Share{Host: "github.com", Percent: 1}, Limit: 5000, Allowed: 50}
	assert.Equal(t, []string{"github.com gets 132 requests/h, which are 3% of its limit, and not the 1% that it was fitted to: not all was changed as planned. Run the same command again, or take it back."},
		all.exceeded(&fit.Fitting{Shares: []fit.ShareUse{share}}))
	idle := share
	idle.Idle = true
	assert.Empty(t, all.exceeded(&fit.Fitting{Shares: []fit.ShareUse{idle}}), "nothing was fitted to it")
	untouched := newTogether(fleets{all: []fleet{f}}, f.options, noon)
	assert.Empty(t, untouched.exceeded(&fit.Fitting{Shares: []fit.ShareUse{{Share: share.Share, Limit: 5000, Allowed: 1}}}), "nothing was changed")
}

// Two contexts of one cluster are one cluster in what is said of where was looked, too.
func TestClosingLinesCountClusters(t *testing.T) {
	t.Parallel()
	f := newFleetOfTwo(t)
	o := f.invocation().must(t, "sessions", "--contexts", "east,again")
	assert.Contains(t, o.stderr, "No sessions: none of 1 Flux object in 1 cluster was tuned by fluxtune (-A looks in all namespaces).")
	for _, command := range []string{"get", "plan", "budget"} {
		o = f.invocation().must(t, command, "--contexts", "east,again", "-l", "there=is-none")
		assert.Contains(t, o.stderr, "No Flux objects found in 1 cluster", command)
	}
	o = f.invocation().must(t, "sessions", "--contexts", "east,again,west")
	assert.Contains(t, o.stderr, "none of 2 Flux objects in 2 clusters was tuned")
}
