package cmd

import (
	"fmt"
	"io"
	"maps"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/cli-runtime/pkg/printers"
	"k8s.io/client-go/rest"

	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
	"github.com/fluxtune/kubectl-fluxtune/pkg/fit"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// testRoot is a root whose cluster is never asked.
func testRoot() *root {
	r := &root{config: genericclioptions.NewConfigFlags(true), name: "kubectl fluxtune", color: "always"}
	r.System = System{
		IOStreams:   genericiooptions.IOStreams{Out: io.Discard, ErrOut: io.Discard},
		Now:         func() time.Time { return noon },
		Getenv:      func(string) string { return "" },
		StdoutWidth: 99,
	}
	server := "https://127.0.0.1:1"
	r.config.APIServer = &server
	return r
}

// parseEvery gives every flag of a command its value, none of which is the default. The flags are
// those that add registers, and they must be those of the real command: a flag that is added there
// fails the test until it is covered.
func parseEvery(t *testing.T, command *cobra.Command, add func(*cobra.Command), values map[string]string) {
	t.Helper()
	stand := &cobra.Command{Use: command.Use}
	add(stand)
	assert.Equal(t, flagNames(command.Flags()), flagNames(stand.Flags()), "the flags of %s", command.Name())
	for name, value := range values {
		f := stand.Flags().Lookup(name)
		require.NotNil(t, f, "--%s", name)
		assert.NotEqual(t, f.DefValue, value, "--%s", name)
		require.NoError(t, stand.Flags().Set(name, value), "--%s", name)
	}
	stand.Flags().VisitAll(func(f *pflag.Flag) {
		assert.True(t, f.Changed, "--%s is not covered", f.Name)
	})
}

func flagNames(flags *pflag.FlagSet) []string {
	var names []string
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Name != "help" {
			names = append(names, fmt.Sprintf("-%s --%s %s = %s", f.Shorthand, f.Name, f.Value.Type(), f.DefValue))
		}
	})
	return names
}

// with adds values to others.
func with(values, more map[string]string) map[string]string {
	maps.Copy(values, more)
	return values
}

// fleetValues are those of FleetFlags and OutputFlags, and more.
func fleetValues(more map[string]string) map[string]string {
	return with(map[string]string{
		"all-namespaces": "true", "selector": "team=web", "kind": "ks,gitrepo", "env": "prd,moon",
		"policy": "fast", "set": "dev.gitrepo.interval=31s", "default-env": "stg", "env-alias": "uat=stg",
		"output": "go-template", "template": "{{.kind}}", "allow-missing-template-keys": "false",
		"no-headers": "true", "sort-by": "interval",
	}, more)
}

// wantFleet is what fleetValues come to.
func wantFleet(t *testing.T) FleetOptions {
	t.Helper()
	fast, err := policy.Preset("fast")
	require.NoError(t, err)
	fast, err = fast.WithAlias("uat=staging")
	require.NoError(t, err)
	fast, err = fast.Set("development.GitRepository.interval=31s")
	require.NoError(t, err)
	var kinds []flux.Kind
	for _, name := range []string{"Kustomization", "GitRepository"} {
		k, err := flux.ParseKind(name)
		require.NoError(t, err)
		kinds = append(kinds, k)
	}
	return FleetOptions{
		Selection:          cluster.Selection{LabelSelector: "team=web", Kinds: kinds},
		Environments:       []string{"production", "moon"},
		Policy:             fast,
		DefaultEnvironment: "staging",
	}
}

// clusterValues are those of ClusterFlags, and more.
func clusterValues(more map[string]string) map[string]string {
	return with(map[string]string{"contexts": "a,b", "all-contexts": "true"}, more)
}

// checkAndClear checks that the flags were read, and takes them away again: the rest of the flags is about one cluster.
func (f *ClusterFlags) checkAndClear(t *testing.T) {
	t.Helper()
	assert.Equal(t, ClusterFlags{Contexts: []string{"a", "b"}, AllContexts: true}, *f)
	*f = ClusterFlags{}
}

// fitValues are those of FitFlags, and more.
func fitValues(more map[string]string) map[string]string {
	return with(map[string]string{"fit": "GitHub.com/bot=12.5%", "limit": "a.org=7/h", "activity": "testdata/fit/activity.yaml"}, more)
}

// wantFitted adds what fitValues come to.
func wantFitted(t *testing.T, o FleetOptions) FleetOptions {
	t.Helper()
	o.Policy = o.Policy.WithFit(policy.Share{Host: "github.com", Credential: "bot", Percent: 12.5}).WithLimit(policy.Limit{Host: "a.org", PerHour: 7, Flag: true})
	o.fit = &fitOptions{
		asked: []policy.Share{{Host: "github.com", Credential: "bot", Percent: 12.5}},
		rules: []fit.Rule{{Kind: "GitRepository", Namespace: "dev", Name: "d*", PerHour: 6, At: "testdata/fit/activity.yaml:1"}, {Namespace: "prod", At: "testdata/fit/activity.yaml:2"}},
		whole: "kubectl fluxtune plan",
	}
	o.alone = true
	return o
}

// same compares kinds by name: their rows hold functions.
func same(t *testing.T, want, got FleetOptions) FleetOptions {
	t.Helper()
	assert.NotNil(t, got.Client)
	kindNames := func(s cluster.Selection) (names []string) {
		for _, k := range s.Kinds {
			names = append(names, k.Name)
		}
		return names
	}
	assert.Equal(t, kindNames(want.Selection), kindNames(got.Selection))
	got.Client, got.Selection.Kinds, want.Selection.Kinds = nil, nil, nil
	assert.Equal(t, want, got)
	return FleetOptions{}
}

// checkPrinter compares all of a printer but the template's, of which the golden files tell.
func checkPrinter(t *testing.T, p *printer) {
	t.Helper()
	assert.IsType(t, &printers.GoTemplatePrinter{}, p.resource)
	p.resource = nil
	assert.Equal(t, &printer{format: "go-template", out: io.Discard, document: io.Discard, layout: report.Layout{NoHeaders: true, Color: true, Width: 99}}, p)
}

func TestGetOptions(t *testing.T) {
	t.Parallel()
	r := testRoot()
	var flags GetFlags
	parseEvery(t, newGet(r), func(cmd *cobra.Command) {
		flags.FleetFlags.add(cmd)
		flags.addFiles(cmd)
		flags.addClusters(cmd, r, "")
		flags.OutputFlags.add(cmd)
		flags.addRows(cmd)
		cmd.Flags().BoolVarP(&flags.Watch, "watch", "w", false, "")
	}, fleetValues(clusterValues(with(fileValues(), map[string]string{"rows": "true", "watch": "true"}))))
	flags.FileFlags.checkAndClear(t)
	flags.ClusterFlags.checkAndClear(t)
	_, err := flags.toOptions(r, nil)
	require.ErrorContains(t, err, "-w shows rows: it goes with -o wide or without -o, not with -o ")

	flags.Watch = false
	o, err := flags.toOptions(r, nil)
	require.NoError(t, err)
	checkPrinter(t, o.printer)
	assert.Equal(t, noon, o.now())
	o.FleetOptions = same(t, wantFleet(t), o.FleetOptions)
	o.printer, o.now = nil, nil
	assert.Equal(t, GetOptions{OutputOptions: OutputOptions{root: r, sortBy: "interval", Rows: true}}, o)
}

// tuneValues are those of TuneFlags, and wantTune what they come to.
func tuneValues(more map[string]string) map[string]string {
	return with(map[string]string{"include-suspended": "true", "include-failed": "true", "include-upgrades": "true", "shorten-timeouts": "true", "managed": "pin"}, more)
}

func wantTune() tune.Options {
	return tune.Options{IncludeSuspended: true, IncludeFailed: true, IncludeUpgrades: true, ShortenTimeouts: true, Managed: tune.ManagedPin}
}

func TestPlanOptions(t *testing.T) {
	t.Parallel()
	r := testRoot()
	var flags PlanFlags
	parseEvery(t, newPlan(r), func(cmd *cobra.Command) {
		flags.FleetFlags.add(cmd)
		flags.addFiles(cmd)
		flags.addClusters(cmd, r, "")
		flags.OutputFlags.add(cmd, "diff", "markdown")
		flags.addRows(cmd)
		flags.TuneFlags.add(cmd)
		cmd.Flags().BoolVar(&flags.ExitCode, "exit-code", false, "")
		flags.addFit(cmd)
	}, fleetValues(tuneValues(fitValues(clusterValues(with(fileValues(), map[string]string{"exit-code": "true", "rows": "true"}))))))
	flags.FileFlags.checkAndClear(t)
	flags.ClusterFlags.checkAndClear(t)
	o, err := flags.toOptions(r, nil)
	require.NoError(t, err)
	checkPrinter(t, o.printer)
	o.FleetOptions = same(t, wantFitted(t, wantFleet(t)), o.FleetOptions)
	o.printer = nil
	assert.Equal(t, PlanOptions{Options: wantTune(), OutputOptions: OutputOptions{root: r, sortBy: "interval", Rows: true}, exitCode: true}, o)
}

// writeValues are those of WriteFlags, and more.
func writeValues(more map[string]string) map[string]string {
	return with(map[string]string{
		"contexts": "a,b", "all-contexts": "true", "yes": "true", "dry-run": "server", "field-manager": "somebody", "patches-per-second": "2.5", "wait": "true", "wait-timeout": "7s", "rows": "true",
	}, more)
}

// wantWrite is what writeValues come to, but for the fleet.
func wantWrite(r *root) WriteOptions {
	return WriteOptions{
		PatchFlags:    PatchFlags{Yes: true, DryRun: "server", FieldManager: "somebody", PatchesPerSecond: 2.5, Wait: true, WaitTimeout: 7 * time.Second},
		OutputOptions: OutputOptions{root: r, sortBy: "interval", Rows: true},
	}
}

func TestApplyOptions(t *testing.T) {
	t.Parallel()
	r := testRoot()
	var flags ApplyFlags
	parseEvery(t, newApply(r), func(cmd *cobra.Command) {
		flags.WriteFlags.add(cmd, r)
		flags.TuneFlags.add(cmd)
		flags.addFit(cmd)
		cmd.Flags().DurationVar(&flags.For, "for", 0, "")
	}, fleetValues(writeValues(tuneValues(fitValues(map[string]string{"for": "2h"})))))
	flags.ClusterFlags.checkAndClear(t)
	_, err := flags.toOptions(r, nil)
	require.EqualError(t, err, "--for 2h: a dry run changes nothing that could be taken back: leave out --for, or --dry-run")
	flags.DryRun = dryRunNone
	o, err := flags.toOptions(r, nil)
	require.NoError(t, err)
	assert.Equal(t, 2*time.Hour, o.For)
	o.For, o.DryRun = 0, dryRunServer
	checkPrinter(t, o.printer)
	o.FleetOptions = same(t, wantFitted(t, wantFleet(t)), o.FleetOptions)
	o.printer = nil
	assert.Equal(t, ApplyOptions{
		WriteOptions: wantWrite(r),
		Options:      wantTune(),
	}, o)
}

func TestRevertOptions(t *testing.T) {
	t.Parallel()
	r := testRoot()
	var flags RevertFlags
	parseEvery(t, newRevert(r), func(cmd *cobra.Command) {
		flags.WriteFlags.add(cmd, r)
		cmd.Flags().StringVar(&flags.Session, "session", "", "")
		cmd.Flags().BoolVar(&flags.Force, "force", false, "")
		cmd.Flags().BoolVar(&flags.Expired, "expired", false, "")
	}, fleetValues(writeValues(map[string]string{"session": "20261122-101500-k3xq", "force": "true", "expired": "true"})))
	flags.ClusterFlags.checkAndClear(t)
	_, err := flags.toOptions(r, nil)
	require.EqualError(t, err, "--expired and --session both choose sessions: give one of them")
	flags.Expired = false
	o, err := flags.toOptions(r, nil)
	require.NoError(t, err)
	checkPrinter(t, o.printer)
	o.FleetOptions = same(t, wantFleet(t), o.FleetOptions)
	o.printer = nil
	assert.Equal(t, RevertOptions{
		WriteOptions:   wantWrite(r),
		RestoreOptions: tune.RestoreOptions{Session: "20261122-101500-k3xq", Force: true},
	}, o)
}

func TestForgetOptions(t *testing.T) {
	t.Parallel()
	r := testRoot()
	var flags ForgetFlags
	parseEvery(t, newForget(r), func(cmd *cobra.Command) {
		flags.WriteFlags.add(cmd, r)
		cmd.Flags().StringVar(&flags.Session, "session", "", "")
	}, fleetValues(writeValues(map[string]string{"session": "20261122-101500-k3xq"})))
	flags.ClusterFlags.checkAndClear(t)
	o, err := flags.toOptions(r, nil)
	require.NoError(t, err)
	checkPrinter(t, o.printer)
	o.FleetOptions = same(t, wantFleet(t), o.FleetOptions)
	o.printer = nil
	assert.Equal(t, ForgetOptions{WriteOptions: wantWrite(r), Session: "20261122-101500-k3xq"}, o)
}

func TestSessionsOptions(t *testing.T) {
	t.Parallel()
	r := testRoot()
	var flags SessionsFlags
	parseEvery(t, newSessions(r), func(cmd *cobra.Command) {
		flags.FleetFlags.add(cmd)
		flags.addClusters(cmd, r, "")
		flags.OutputFlags.add(cmd)
	}, fleetValues(clusterValues(nil)))
	flags.ClusterFlags.checkAndClear(t)
	o, err := flags.toOptions(r, nil)
	require.NoError(t, err)
	checkPrinter(t, o.printer)
	assert.Equal(t, noon, o.now())
	o.FleetOptions = same(t, wantFleet(t), o.FleetOptions)
	o.printer, o.now = nil, nil
	assert.Equal(t, SessionsOptions{OutputOptions: OutputOptions{root: r, sortBy: "interval"}}, o)
}

// The golden files version/client-json and policy/* cover what these take.
func TestFlagsOfSmallCommands(t *testing.T) {
	t.Parallel()
	assert.Equal(t, []string{"- --client bool = false", "-o --output string = "}, flagNames(newVersion(testRoot()).Flags()))
	assert.Empty(t, flagNames(newPolicy(testRoot()).Flags()))
	assert.Empty(t, flagNames(newOptions(testRoot()).Flags()))
}

// TestConnectionOptions sets every flag that all commands take.
func TestConnectionOptions(t *testing.T) {
	t.Parallel()
	r := testRoot()
	r.config = genericclioptions.NewConfigFlags(true)
	flags := pflag.NewFlagSet("root", pflag.ContinueOnError)
	r.config.AddFlags(flags)
	flags.StringVar(&r.color, "color", "auto", "")
	flags.IntVarP(&r.verbosity, "v", "v", 0, "") // TestRequestsAreShown
	assert.Equal(t, flagNames(newRoot(r.System, Build{}, r.name).PersistentFlags()), flagNames(flags))
	for name, value := range map[string]string{
		"server": "https://example.test:6443", "namespace": "apps", "kubeconfig": "testdata/kubeconfig",
		"context": "there", "cluster": "far", "user": "me", "token": "secret",
		"as": "jane", "as-uid": "7", "as-group": "dev", "as-user-extra": "scope=all",
		"request-timeout": "9s", "disable-compression": "true", "tls-server-name": "inside", "proxy-url": "http://proxy.test:3128",
		"certificate-authority": "testdata/kubeconfig", "client-certificate": "testdata/kubeconfig", "client-key": "testdata/kubeconfig",
		"cache-dir": "testdata/cache", "color": "never", "v": "6", "insecure-skip-tls-verify": "true",
	} {
		require.NoError(t, flags.Set(name, value), name)
	}
	flags.VisitAll(func(f *pflag.Flag) { assert.True(t, f.Changed, "--%s is not covered", f.Name) })

	config, err := r.restConfig()
	require.NoError(t, err)
	proxy, err := config.Proxy(nil)
	require.NoError(t, err)
	assert.Equal(t, "http://proxy.test:3128", proxy.String())
	assert.NotNil(t, config.WarningHandler)
	config.Proxy, config.WarningHandler = nil, nil
	assert.Equal(t, &rest.Config{
		Host: "https://example.test:6443", BearerToken: "secret", UserAgent: "kubectl-fluxtune/" + r.build.complete().Version,
		Impersonate:        rest.ImpersonationConfig{UserName: "jane", UID: "7", Groups: []string{"dev"}, Extra: map[string][]string{"scope": {"all"}}},
		Timeout:            9 * time.Second,
		DisableCompression: true,
		TLSClientConfig: rest.TLSClientConfig{
			ServerName: "inside", Insecure: true,
			CertFile: "testdata/kubeconfig", KeyFile: "testdata/kubeconfig", CAFile: "testdata/kubeconfig",
		},
	}, config)
	namespace, _, err := r.config.ToRawKubeConfigLoader().Namespace()
	require.NoError(t, err)
	assert.Equal(t, "apps", namespace)
	color, err := r.wantsColor()
	require.NoError(t, err)
	assert.False(t, color)
}
