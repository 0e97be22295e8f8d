package cmd

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
	"github.com/fluxtune/kubectl-fluxtune/hack/testbed/faults"
	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

// fleetOfTwo are two clusters, each with a namespace of its own, as far as a user can tell: the second is the first behind
// a proxy that gives kube-system another UID.
type fleetOfTwo struct {
	*testbed.Cluster
	east, west string // the namespaces of the contexts
	kubeconfig string
}

// newFleetOfTwo has the contexts east and west, again, which is east, gone, of which the certificate authority is missing,
// and silent, which never answers.
func newFleetOfTwo(t *testing.T) fleetOfTwo {
	t.Helper()
	c := bed.Cluster(t)
	f := fleetOfTwo{Cluster: c, kubeconfig: t.TempDir() + "/kubeconfig"}
	f.east = c.Namespace(t, map[string]string{"environment": "development"})
	f.west = c.Namespace(t, map[string]string{"environment": "development"})
	f.Apply(t, gitRepository(f.east, "app", "interval: 5m, timeout: 2m"))
	f.Apply(t, gitRepository(f.west, "app", "interval: 10m, timeout: 2m"))
	config := clientcmdapi.NewConfig()
	add := func(name, namespace string, rule faults.Rule) {
		file := faults.Start(t, c.Config(), rule).Kubeconfig(t, name, namespace)
		one, err := clientcmd.LoadFromFile(file)
		require.NoError(t, err)
		config.Clusters[name], config.AuthInfos[name], config.Contexts[name] = one.Clusters[name], one.AuthInfos[name], one.Contexts[name]
	}
	add("east", f.east, nil)
	add("again", f.east, nil)
	add("west", f.west, func(r *http.Request, _ int) faults.Fault {
		if r.URL.Path == "/api/v1/namespaces/kube-system" {
			return faults.Fault{Body: `{"kind":"PartialObjectMetadata","metadata":{"uid":"of-another-cluster"}}`}
		}
		return faults.Fault{}
	})
	add("silent", f.east, func(*http.Request, int) faults.Fault { return faults.Fault{Delay: time.Hour} })
	config.Clusters["gone"] = &clientcmdapi.Cluster{Server: "https://127.0.0.1:1", CertificateAuthority: "/nowhere/ca.crt"}
	config.Contexts["gone"] = &clientcmdapi.Context{Cluster: "gone", AuthInfo: "east"}
	config.CurrentContext = "east"
	require.NoError(t, clientcmd.WriteToFile(*config, f.kubeconfig))
	return f
}

// Whatever comes after Ctrl-C, the code says that it was one, and what failed before is told.
func TestInterruptedAmongClusters(t *testing.T) {
	t.Parallel()
	failed := errors.New("no right")
	for name, tc := range map[string]struct {
		run  func(cluster string, ctrlC func()) error
		told string
	}{
		"at the last question": {func(c string, ctrlC func()) error {
			return map[bool]error{true: errInterrupted}[c == "west" && and(ctrlC)]
		}, "west: interrupted: nothing was changed"},
		"after one failed":           {func(c string, ctrlC func()) error { return map[bool]error{true: failed}[c == "east" && and(ctrlC)] }, "east: no right"},
		"between two that went well": {func(_ string, ctrlC func()) error { ctrlC(); return nil }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, ctrlC := context.WithCancel(t.Context())
			fs := fleets{all: []fleet{{options: FleetOptions{Cluster: "east"}}, {options: FleetOptions{Cluster: "west"}}}}
			var told lockedBuffer
			r := &root{System: System{IOStreams: genericiooptions.IOStreams{Out: io.Discard, ErrOut: &told}}}
			err := fs.eachCluster(ctx, OutputOptions{root: r, printer: &printer{format: "json"}}, func(f fleet, _ OutputOptions) error { return tc.run(f.options.Cluster, ctrlC) })
			require.Error(t, err)
			assert.Equal(t, exitInterrupted, exitCode(err, nil))
			if tc.told != "" {
				assert.ErrorContains(t, err, tc.told)
			}
			assert.Equal(t, name != "at the last question", strings.Contains(told.String(), "Interrupted: not begun in west."))
		})
	}
}

func and(f func()) bool {
	f()
	return true
}

func (f fleetOfTwo) invocation() invocation { return invocation{kubeconfig: f.kubeconfig} }

func (f fleetOfTwo) intervals(t *testing.T) string {
	t.Helper()
	var all []string
	for _, namespace := range []string{f.east, f.west} {
		all = append(all, strings.TrimSpace(f.Field(t, "gitrepository", namespace, "app", ".spec.interval")))
	}
	return strings.Join(all, " ")
}

// anonymous replaces what each run of the test calls otherwise.
func (f fleetOfTwo) anonymous(text string) string {
	return strings.NewReplacer(f.east, "namespace-east", f.west, "namespace-west").Replace(text)
}

func TestSeveralClustersAreShownTogether(t *testing.T) {
	t.Parallel()
	f := newFleetOfTwo(t)
	o := f.invocation().run(t.Context(), "get", "--contexts", "east,west,again,gone", "-o", "json")
	assert.Equal(t, exitFailed, o.code, "one of them could not be read")
	list := decode[report.ObjectList](t, o)
	var names []string
	for _, item := range list.Items {
		names = append(names, item.Ref.Cluster+" "+item.Ref.Namespace+" "+*item.Interval)
	}
	assert.Equal(t, []string{"east " + f.east + " 5m", "west " + f.west + " 10m"}, names)
	require.Len(t, list.Missing, 1)
	assert.Equal(t, "gone", list.Missing[0].Cluster)
	assert.Contains(t, o.stderr, "Context again is the same cluster as east, which counts once, with the rights of east.")
	assert.Contains(t, o.stderr, "Warning: gone: the cluster could not be read: reading the kubeconfig: ")

	o = f.invocation().must(t, "get", "--contexts", "west,east", "-o", "name")
	assert.Equal(t, "west: gitrepository.source.toolkit.fluxcd.io/app\neast: gitrepository.source.toolkit.fluxcd.io/app\n", o.stdout)

	o = f.invocation().must(t, "plan", "--contexts", "east,west")
	assert.Regexp(t, `(?m)^ +CLUSTER +NAMESPACE +KIND +NAME`, o.stdout, "each context has a namespace of its own")
	assert.Contains(t, o.stdout, "2 objects in 2 clusters: 2 to change")

	o = f.invocation().run(t.Context(), "get", "--contexts", "silent,east", "--request-timeout", "1s")
	assert.Equal(t, exitFailed, o.code)
	assert.Contains(t, o.stdout, "app", "what answers is shown")
	assert.Contains(t, o.stderr, "Warning: silent: the cluster could not be read:")

	o = f.invocation().run(t.Context(), "get", "--contexts", "gone,silent", "--request-timeout", "1s")
	assert.Equal(t, exitFailed, o.code)
	assert.Contains(t, o.stderr, "error: none of the clusters could be read: gone: ")
}

// Which cluster costs a host most is told in each form, within 80 cells.
func TestBudgetTellsWhichClusterAsksMost(t *testing.T) {
	t.Parallel()
	f := newFleetOfTwo(t)
	i := f.invocation()
	for args, want := range map[string]string{
		"":            `github.com: east 12 -> 60/h (<1% -> 1%), west 6 -> 60/h (<1% -> 1%)`,
		"--rows":      `github.com   west            1   `,
		"-o markdown": `| github.com | west | 1 | 6 -&gt; 60 |`,
	} {
		i.width = 80
		o := i.must(t, append([]string{"budget", "--contexts", "east,west"}, strings.Fields(args)...)...)
		text := regexp.MustCompile("\x1b\\[[0-9;]*m").ReplaceAllString(o.stdout, "")
		assert.Contains(t, regexp.MustCompile(`\n {13} *`).ReplaceAllString(text, " "), want, args)
		if args != "-o markdown" {
			for _, line := range strings.Split(strings.Split(text, "\nNext")[0], "\n") {
				assert.LessOrEqual(t, utf8.RuneCountInString(line), 80, line)
			}
		}
	}
}

// A Git host sees credentials, not clusters.
func TestHostsGetWhatAllClustersAsk(t *testing.T) {
	t.Parallel()
	f := newFleetOfTwo(t)
	budgetOf := func(contexts string) report.Budget {
		return decode[report.Budget](t, f.invocation().must(t, "budget", "--contexts", contexts, "-o", "json"))
	}
	both := budgetOf("east,west")
	require.Len(t, both.Hosts, 1)
	assert.Equal(t, 12.0+6, both.Hosts[0].Requests.Now)
	assert.Equal(t, 60.0+60, both.Hosts[0].Requests.Planned)
	assert.Equal(t, both.Summary.GitRequests, both.Hosts[0].Requests)
	assert.InDelta(t, both.Hosts[0].UsedPercent.Now, budgetOf("east").Hosts[0].UsedPercent.Now+budgetOf("west").Hosts[0].UsedPercent.Now, 0.011)
	assert.Equal(t, []report.BudgetCluster{
		{Cluster: "east", Sources: 1, Requests: budget.Rates{Now: 12, Planned: 60}, UsedPercent: &budget.Rates{Now: 0.24, Planned: 1.2}},
		{Cluster: "west", Sources: 1, Requests: budget.Rates{Now: 6, Planned: 60}, UsedPercent: &budget.Rates{Now: 0.12, Planned: 1.2}},
	}, both.Hosts[0].Clusters)
	assert.Nil(t, budgetOf("east").Hosts[0].Clusters)
	require.Len(t, both.Credentials, 1)
	assert.Equal(t, 2, both.Credentials[0].Clusters)
	assert.Zero(t, both.Repositories[0].Saving.Now+both.Repositories[0].SavingAcross.Now, "no cluster can use another's source")
	assert.Len(t, both.Controllers, 2)
	assert.Equal(t, []string{"east: GitRepository " + f.east + "/app", "west: GitRepository " + f.west + "/app"}, both.Repositories[0].Objects)

	// What is fitted keeps to the share in both together.
	fitted := f.invocation().must(t, "plan", "--contexts", "east,west", "--set=*.GitRepository.interval=10s to 1h",
		"--fit", both.Hosts[0].Host+"=60%", "--limit", both.Hosts[0].Host+"=2000/h", "-o", "json")
	assert.Contains(t, fitted.stderr, "the shares of the hosts count only what was read", "each context looks at its own namespace")
	plan := decode[report.Plan](t, fitted)
	require.Len(t, plan.Summary.Fit.Shares, 1)
	assert.LessOrEqual(t, plan.Summary.Fit.Shares[0].Used, 1200.0) // other tests' sources are in both clusters
	assert.Equal(t, 2, plan.Summary.Fit.Sources)
	for _, item := range plan.Items {
		assert.NotNil(t, item.Fit, item.Ref.Cluster)
	}
}

func TestSeveralClustersAreChangedAndTakenBack(t *testing.T) {
	t.Parallel()
	f := newFleetOfTwo(t)
	o := f.invocation().run(t.Context(), "apply", "--contexts", "east,gone,west", "--yes")
	assert.Equal(t, exitFailed, o.code, "one of them could not be read")
	assert.Equal(t, "1m 1m", f.intervals(t))
	assert.Contains(t, o.stdout, "# east\n")
	assert.Contains(t, o.stdout, "# west\n")
	assert.Contains(t, o.stderr, "Take it back with: kubectl fluxtune revert --kubeconfig "+f.kubeconfig+" --contexts east,west --session 20261122-120000-test")

	sessions := decode[report.SessionList](t, f.invocation().must(t, "sessions", "--contexts", "east,west", "-o", "json"))
	require.Len(t, sessions.Items, 2)
	assert.Equal(t, "west", sessions.Items[1].Cluster)
	assert.Equal(t, sessions.Items[0].Session, sessions.Items[1].Session, "one apply is one session")

	o = f.invocation().run(t.Context(), "revert", "--contexts", "east,gone,west", "--yes", "--session", "20261122-120000-test", "-o", "json")
	assert.Equal(t, exitFailed, o.code)
	results := decode[report.Results](t, o)
	require.Len(t, results.Missing, 1, "a document tells by itself what is missing")
	assert.Equal(t, "gone", results.Missing[0].Cluster)
	assert.Equal(t, 2, results.Summary.Changed)
	require.Len(t, results.Items, 2)
	assert.Equal(t, []string{"east", "west"}, []string{results.Items[0].Ref.Cluster, results.Items[1].Ref.Cluster})
	assert.Equal(t, "5m 10m", f.intervals(t))
	assert.Contains(t, f.invocation().must(t, "revert", "--contexts", "east,west", "--yes").stderr, "Nothing to revert")
}

// Each cluster has its own question; who says no to one may say yes to the next.
func TestEachClusterIsAskedFor(t *testing.T) {
	t.Parallel()
	f := newFleetOfTwo(t)
	i := f.invocation()
	i.terminal, i.stdin = true, &lineByLine{lines: []string{"n\n", "y\n"}}
	o := i.run(t.Context(), "apply", "--contexts", "east,west")
	assert.Equal(t, exitFailed, o.code)
	assert.Contains(t, o.stderr, `Change 1 object (0 in production, 1 faster) in context "east"`)
	assert.Contains(t, o.stderr, `Change 1 object (0 in production, 1 faster) in context "west"`)
	assert.Contains(t, o.stderr, "east: not confirmed: nothing was changed")
	assert.Equal(t, "5m 1m", f.intervals(t))
}

// lineByLine gives a line for each read, as a terminal does.
type lineByLine struct {
	lines []string
	// before is called before each line is read, with which it is, from 0; it may be nil.
	before func(int)
	came   int
}

// Read implements io.Reader.
func (l *lineByLine) Read(p []byte) (int, error) {
	if len(l.lines) == 0 {
		return 0, http.ErrBodyReadAfterClose
	}
	if l.before != nil {
		l.before(l.came)
	}
	l.came++
	n := copy(p, l.lines[0])
	l.lines = l.lines[1:]
	return n, nil
}

func TestClusterFlagsThatDoNotGoTogether(t *testing.T) {
	t.Parallel()
	f := newFleetOfTwo(t)
	for args, want := range map[string]string{
		"get --contexts east,nowhere":                 `--contexts: there is no context "nowhere": kubectl config get-contexts lists the contexts (one with a comma in its name is written '"a,b"')`,
		"plan --contexts east --all-contexts":         "--contexts and --all-contexts cannot be used together",
		"budget --contexts east --context west":       "--context names one cluster, so it does not go with --contexts and --all-contexts",
		"get --contexts east -f .":                    "--contexts and --all-contexts look at clusters, and -f at files: give one of them",
		"get --contexts east,west -w":                 "-w watches one cluster: name it with --context",
		"apply --contexts east,west --for 1h --yes":   "--for waits for the end of a session in one cluster",
		"apply --for 0s --yes":                        "--for 0s: it takes a time above 0, like 5m",
		"apply --for 10ms --yes":                      "--for 10ms: it takes 1s at least, like 2h",
		"get --contexts east,west -l a=b=c":           `--selector "a=b=c"`,
		"budget --contexts east --metrics-url x://y":  "--metrics-url",
		"plan --contexts east,west --env producton":   `--env "producton": no object is in it`,
		"get --all-contexts gitrepo app --sort-by {x": "--sort-by",
	} {
		o := f.invocation().run(t.Context(), strings.Fields(args)...)
		assert.Equal(t, exitFailed, o.code, args)
		assert.Contains(t, o.stderr, want, args)
	}
}

func TestDoctorOfSeveralClusters(t *testing.T) {
	t.Parallel()
	f := newFleetOfTwo(t)
	o := f.invocation().run(t.Context(), "doctor", "--contexts", "gone,east,west", "-n", f.west)
	assert.Equal(t, exitFailed, o.code)
	assert.Regexp(t, `(?s)^# east\n\d+ checks: .*[^\n]\n\n# west\n\d+ checks: `, o.stdout)
	assert.NotContains(t, o.stdout, "# gone", "there is nothing to be below it")
	assert.Contains(t, o.stderr, "error: gone: ")
	_, closing, found := strings.Cut(o.stdout, "\n\n# 3 contexts, the worst first\n")
	require.True(t, found, o.stdout)
	assert.Regexp(t, `(?s)^CLUSTER +NEEDS.*\ngone +not read: .*\n(east|Nothing)`, closing)

	o = f.invocation().run(t.Context(), "doctor", "--contexts", "gone,east,west", "-n", f.west, "-o", "json")
	assert.Equal(t, exitFailed, o.code)
	list := decode[report.DiagnosisList](t, o)
	require.Len(t, list.Items, 2)
	assert.Equal(t, []string{"east", "west"}, []string{list.Items[0].Cluster, list.Items[1].Cluster})
	assert.NotEmpty(t, list.Items[1].Checks)
	require.Len(t, list.Missing, 1)
	assert.Equal(t, "gone", list.Missing[0].Cluster)
	assert.Contains(t, o.stderr, "error: gone: ")
}

// A policy that comes through a pipe is that of all clusters, though the pipe is read once.
func TestDoctorOfSeveralClustersReadsStdinOnce(t *testing.T) {
	t.Parallel()
	f := newFleetOfTwo(t)
	data, err := os.ReadFile("testdata/policies/words.yaml")
	require.NoError(t, err)
	i := f.invocation()
	i.stdin = bytes.NewReader(data)
	o := i.run(t.Context(), "doctor", "--contexts", "east,west", "-n", f.west, "--policy", "-")
	assert.NotContains(t, o.stderr, "stdin")
	assert.Regexp(t, `(?s)^# east\n.*\n# west\n`, o.stdout)
}

// Who waits for a cluster that does not answer is told which, on a terminal only, and not before it is long.
func TestSilentClustersAreNamedWhileTheyAreWaitedFor(t *testing.T) {
	t.Parallel()
	f := newFleetOfTwo(t)
	for args, want := range map[string]string{
		"get --contexts silent,east":  "Waiting for silent; 1 of 2 clusters have answered",
		"plan --contexts east,silent": "Waiting for silent; 1 of 2 clusters have answered",
		"budget --context silent":     "Waiting for silent",
	} {
		i := f.invocation()
		i.watched, i.now, i.width = true, time.Now, 80
		began := time.Now()
		i.stderr = writerFunc(func(p []byte) {
			if strings.Contains(string(p), "Waiting") {
				assert.GreaterOrEqual(t, time.Since(began), clustersAfter, args)
			}
		})
		o := i.run(t.Context(), append(strings.Fields(args), "--request-timeout", "4s")...)
		assert.Equal(t, exitFailed, o.code, args)
		assert.Contains(t, o.stderr, want+"\r\x1b[K", args)
		i.watched = false
		assert.NotContains(t, i.run(t.Context(), append(strings.Fields(args), "--request-timeout", "3s")...).stderr, "Waiting", args)
	}
}

func TestSilentClusters(t *testing.T) {
	t.Parallel()
	for want, answered := range map[string][]bool{
		"Waiting for east and 2 more; 0 of 3 clusters have answered": {false, false, false},
		"Waiting for north; 2 of 3 clusters have answered":           {true, false, true},
		"All clusters have answered":                                 {true, true, true},
	} {
		assert.Equal(t, want, silentClusters([]string{"east", "north", "west"}, answered))
	}
	assert.Equal(t, "Waiting for east", silentClusters([]string{"east"}, []bool{false}))
}

// writerFunc is told of all that is written.
type writerFunc func(p []byte)

// Write implements io.Writer.
func (w writerFunc) Write(p []byte) (int, error) {
	w(p)
	return len(p), nil
}

// A second context of a cluster that was read, with credentials that are refused, is no second cluster: what is told is that it is
// not let in. Of a cluster that nobody has read that cannot be told.
func TestContextsThatAreNotLetInAreNoClusters(t *testing.T) {
	t.Parallel()
	f := newFleetOfTwo(t)
	config, err := clientcmd.LoadFromFile(f.kubeconfig)
	require.NoError(t, err)
	guarded, err := clientcmd.LoadFromFile(faults.Start(t, f.Config(), func(r *http.Request, _ int) faults.Fault {
		if r.Header.Get("Authorization") == "Bearer expired" {
			return faults.Fault{Status: http.StatusUnauthorized, Body: `{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Unauthorized","reason":"Unauthorized","code":401}`}
		}
		if r.Header.Get("Authorization") == "Bearer nobody" && (strings.Count(r.URL.Path, "/") > 3 || r.URL.Path == "/api/v1/namespaces") {
			return faults.Fault{Status: http.StatusForbidden, Body: `{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"no","reason":"Forbidden","code":403}`}
		}
		return faults.Fault{}
	}).Kubeconfig(t, "guarded", f.east))
	require.NoError(t, err)
	config.Clusters["guarded"] = guarded.Clusters["guarded"]
	for _, user := range []string{"fresh", "expired", "nobody"} {
		config.AuthInfos[user] = &clientcmdapi.AuthInfo{Token: user}
		config.Contexts[user] = &clientcmdapi.Context{Cluster: "guarded", AuthInfo: user, Namespace: f.east}
	}
	require.NoError(t, clientcmd.WriteToFile(*config, f.kubeconfig))

	for _, contexts := range []string{"fresh,expired,west", "expired,west,fresh"} {
		for _, command := range []string{"get", "plan", "budget", "apply --dry-run=client", "sessions"} {
			o := f.invocation().run(t.Context(), append(strings.Fields(command), "--contexts", contexts)...)
			assert.Equal(t, exitFailed, o.code, command)
			assert.Contains(t, o.stderr, "Warning: fresh: its server through context expired could not be read: that context is not let in: ", command)
			assert.Contains(t, o.stderr, ": log in again, or leave it out; it has the address and certificates of fresh, so that most likely no cluster is missing", command)
			assert.NotContains(t, o.stderr+o.stdout, "expired: the cluster", command)
			assert.NotContains(t, o.stdout, "of 3 clusters", command)
		}
	}
	o := f.invocation().run(t.Context(), "get", "--contexts", "expired,west")
	assert.Contains(t, o.stderr, "Warning: expired: the cluster could not be read: ")

	for _, contexts := range []string{"fresh,nobody,west", "nobody,west,fresh"} {
		o := f.invocation().run(t.Context(), "budget", "--contexts", contexts)
		assert.Contains(t, o.stderr, "Warning: fresh: its server through context nobody could not be read: that context may read nothing there: ", contexts)
		assert.NotContains(t, o.stderr+o.stdout, "nobody: the cluster", contexts)
	}
}

func TestServerOfAConnection(t *testing.T) {
	t.Parallel()
	one := serverOf(&rest.Config{Host: "https://10.0.0.1:6443/", TLSClientConfig: rest.TLSClientConfig{CAData: []byte("ca")}})
	for name, tc := range map[string]struct {
		config rest.Config
		same   bool
	}{
		"the same":             {rest.Config{Host: "https://10.0.0.1:6443", TLSClientConfig: rest.TLSClientConfig{CAData: []byte("ca")}, BearerToken: "other"}, true},
		"another path":         {rest.Config{Host: "https://10.0.0.1:6443/k8s/clusters/c-1", TLSClientConfig: rest.TLSClientConfig{CAData: []byte("ca")}}, false},
		"another authority":    {rest.Config{Host: "https://10.0.0.1:6443", TLSClientConfig: rest.TLSClientConfig{CAData: []byte("other")}}, false},
		"another name":         {rest.Config{Host: "https://10.0.0.1:6443", TLSClientConfig: rest.TLSClientConfig{CAData: []byte("ca"), ServerName: "b"}}, false},
		"whoever answers":      {rest.Config{Host: "https://10.0.0.1:6443", TLSClientConfig: rest.TLSClientConfig{Insecure: true}}, false},
		"an authority is gone": {rest.Config{Host: "https://10.0.0.1:6443", TLSClientConfig: rest.TLSClientConfig{CAFile: "/nowhere/ca.crt"}}, false},
	} {
		assert.Equal(t, tc.same, serverOf(&tc.config) == one, name)
	}
}

// A cluster has the environment that the policy gives any of its contexts, whichever of them is looked at; where these tell
// different ones, nothing is planned.
func TestEnvironmentByAnyContextOfACluster(t *testing.T) {
	t.Parallel()
	f := newFleetOfTwo(t)
	policyOf := func(clusters string) string {
		path := filepath.Join(t.TempDir(), "policy.yaml")
		text := "apiVersion: fluxtune.github.io/v1alpha1\nkind: TuningPolicy\nmetadata: {name: p}\nspec:\n  labelKeys: [none.example.com/environment]\n  clusters: {" + clusters + "}\n" +
			"  environments:\n    - {name: development, kinds: {GitRepository: {interval: 1m}}}\n    - {name: production, kinds: {GitRepository: {interval: 20m}}}\n"
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	by := policyOf("production: [again]")
	for _, contexts := range []string{"east,again", "again,east"} {
		plan := decode[report.Plan](t, f.invocation().must(t, "plan", "--contexts", contexts, "--policy", by, "-o", "json"))
		require.Len(t, plan.Items, 1)
		assert.Equal(t, "production", plan.Items[0].Environment, contexts)
	}
	o := f.invocation().run(t.Context(), "plan", "--contexts", "east,again", "--policy", policyOf("production: [again], development: [ea*]"))
	assert.Equal(t, exitFailed, o.code)
	assert.Contains(t, o.stderr, "the contexts east and again are one cluster, and the policy says that it is development")
}
