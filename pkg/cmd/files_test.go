package cmd

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// fileValues are those of FileFlags.
func fileValues() map[string]string {
	return map[string]string{"filename": "checkout", "root": "clusters/a,clusters/b"}
}

// checkAndClear checks that the flags were read, and takes them away again: the rest of the flags is about a
// cluster where nothing is read from files.
func (f *FileFlags) checkAndClear(t *testing.T) {
	t.Helper()
	assert.Equal(t, FileFlags{Filename: "checkout", Roots: []string{"clusters/a", "clusters/b"}}, *f)
	*f = FileFlags{}
}

// writeCheckout writes a repository with two clusters that share a base.
func writeCheckout(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{
		"apps/base/kustomization.yaml": "resources:\n  - web.yaml\n",
		"apps/base/web.yaml": `apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata:
  name: web
  namespace: apps
spec:
  interval: 10m # every ten minutes
  timeout: 2m
  url: https://github.com/example/web
`,
		"apps/namespace.yaml": "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: apps\n",
	}
	for _, cluster := range []string{"production", "staging"} {
		files["apps/"+cluster+"/kustomization.yaml"] = "resources:\n- ../base\n"
		files["clusters/"+cluster+"/flux-system/gotk-sync.yaml"] = "# written by flux bootstrap\n"
		files["clusters/"+cluster+"/apps.yaml"] = fmt.Sprintf(`apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: apps
  namespace: flux-system
spec:
  interval: 10m
  retryInterval: 1m
  timeout: 2m
  path: ./apps/%s
  prune: true
  sourceRef:
    kind: GitRepository
    name: flux-system
`, cluster)
	}
	writeInto(t, dir, files)
	return dir
}

// writeFiles writes a folder of its own.
func writeFiles(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	writeInto(t, dir, files)
	return dir
}

func writeInto(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		name = filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
		require.NoError(t, os.WriteFile(name, []byte(content), 0o644))
	}
}

// fileCases are the calls of commands with -f; DIR stands for the checkout.
func fileCases() []golden {
	exact := ` --set production.GitRepository.interval=5m --set staging.GitRepository.interval=3m --set production.Kustomization.interval=5m --set staging.Kustomization.interval=3m`
	return []golden{
		{name: "files/get", args: "get -f DIR"},
		{name: "files/get-root", args: "get -f DIR --root clusters/staging gitrepo -n apps"},
		{name: "files/get-json-of-two", args: "get -f DIR -o json"},
		{name: "files/plan-diff", args: "plan -f DIR -o diff --root ./clusters/production/" + exact},
		{name: "files/plan-exit-code", args: "plan -f DIR --exit-code -o name" + exact},
		{name: "files/budget", args: "budget -f DIR --root clusters/production --no-headers" + exact},
		{name: "files/alerts", args: "alerts -f DIR --root clusters/production --limit github.com=1000/h" + exact},
		{name: "files/alerts-rules", args: "alerts -f DIR --root clusters/staging -n apps -o rules --limit github.com=none"},
		{name: "files/alerts-kube-state-metrics", args: "alerts -f DIR --root clusters/staging -o kube-state-metrics"},
		{name: "files/alerts-of-two", args: "alerts -f DIR"},
		{name: "files/alerts-nothing", args: "alerts -f DIR --root clusters/staging -n nowhere"},
		{name: "files/alerts-bad-output", args: "alerts -f DIR -o json"},
		{name: "files/alerts-bad-above", args: "alerts -f DIR --above 0.8"},
		{name: "files/alerts-no-above", args: "alerts -f DIR --above="},
		{name: "files/alerts-bad-limit", args: "alerts -f DIR --limit github.com=many"},
		{name: "files/no-root", args: "get -f DIR/apps/base --root clusters/nowhere"},
		{name: "files/no-folder", args: "get -f DIR/nowhere"},
		{name: "files/root-without-f", args: "get --root clusters/staging"},
		{name: "files/observe", args: "budget -f DIR --observe"},
		{name: "files/trace", args: "trace -f DIR"},
		{name: "files/trace-80", args: "trace -f DIR", with: onTerminal(80)},
		{name: "files/trace-rows-80", args: "trace -f DIR --rows", with: onTerminal(80)},
		{name: "files/trace-one", args: "trace -f DIR --root clusters/staging gitrepo/web -n apps --no-headers"},
		{name: "files/trace-without-f", args: "trace"},
		{name: "files/trace-json", args: "trace -f DIR gitrepo -o json"},
		{name: "files/trace-name", args: "trace -f DIR -o name"},
		{name: "files/trace-columns", args: "trace -f DIR --sort-by decidedBy.line -o custom-columns=LINE:.decidedBy.line,VALUE:.value"},
		{name: "files/rewrite-dry-run", args: "rewrite -f DIR --dry-run" + exact},
		{name: "files/rewrite", args: "rewrite -f DIR --yes" + exact},
		{name: "files/rewrite-one-root", args: "rewrite -f DIR --yes --root clusters/staging" + exact},
		{name: "files/rewrite-nobody", args: "rewrite -f DIR" + exact},
		{name: "files/rewrite-without-f", args: "rewrite"},
		{name: "files/rewrite-file", args: "rewrite -f DIR/apps/base/web.yaml --yes"},
	}
}

// The commands that take files show them as they show a cluster, and read no kubeconfig: there is none.
func TestFilesGolden(t *testing.T) {
	t.Parallel()
	for _, g := range fileCases() {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			g.checkFiles(t, writeCheckout(t))
		})
	}
}

// A second rewrite finds nothing to do, and neither does a plan.
func TestRewriteTwice(t *testing.T) {
	t.Parallel()
	dir := writeCheckout(t)
	first := invocation{}.run(t.Context(), "rewrite", "-f", dir, "--yes", "--policy", "fast")
	require.Zero(t, first.code, first.stderr)
	second := invocation{}.run(t.Context(), "rewrite", "-f", dir, "--yes", "--policy", "fast")
	assert.Equal(t, "Nothing to change: the files give what policy fast wants, in 4 objects.\n", second.stdout)
	assert.Zero(t, second.code)
	assert.Zero(t, invocation{}.run(t.Context(), "rewrite", "-f", dir, "--policy", "fast").code, "where nothing changes, nobody is asked")
	plan := invocation{}.run(t.Context(), "plan", "-f", dir, "--policy", "fast", "--exit-code")
	assert.Zero(t, plan.code, plan.stdout)
}

// What a run that was killed has left beside a file is named.
func TestRewriteNamesLeftovers(t *testing.T) {
	t.Parallel()
	dir := writeCheckout(t)
	require.NoError(t, os.WriteFile(filepath.Join(dir, ".a.yaml.fluxtune-123"), []byte("a: b\n"), 0o600))
	o := invocation{}.run(t.Context(), "rewrite", "-f", dir, "--dry-run")
	assert.Contains(t, o.stderr, "Note: .a.yaml.fluxtune-123 is left of a rewrite that was killed while it wrote: it may be deleted\n")
}

// What was not compared is not called as the policy wants it, and what could not be seen is named.
func TestRewriteSaysWhatWasNotCompared(t *testing.T) {
	t.Parallel()
	const sync = "clusters/one/flux-system/gotk-sync.yaml"
	object := func(kind, name, spec string) string {
		group := map[string]string{"GitRepository": "source.toolkit.fluxcd.io/v1", "Kustomization": "kustomize.toolkit.fluxcd.io/v1", "ResourceSet": "fluxcd.controlplane.io/v1"}[kind]
		return "apiVersion: " + group + "\nkind: " + kind + "\nmetadata: {name: " + name + ", namespace: flux-system}\nspec: " + spec + "\n---\n"
	}
	dir := writeFiles(t, map[string]string{sync: "# written by flux bootstrap\n", "clusters/one/all.yaml": object("GitRepository", "web", "{interval: 5m, url: https://example.com/x}") +
		object("Kustomization", "other", "{interval: 5m, prune: true, path: ./x, sourceRef: {kind: GitRepository, name: web}}") + object("ResourceSet", "set", "{inputs: [{a: b}], resources: []}")})
	o := invocation{}.run(t.Context(), "rewrite", "-f", dir)
	assert.Zero(t, o.code, o.stderr)
	assert.Equal(t, "Nothing was compared with policy per-environment, and nothing changes. Left alone:\n"+
		"  2 without environment: name it in the policy (spec.clusters: {staging: [\"stg-*\"]}), label their namespaces, or use --default-env\n", o.stdout)
	plan := invocation{}.run(t.Context(), "plan", "-f", dir, "--rows")
	assert.Contains(t, plan.stdout, `name it in the policy (spec.clusters: {staging: ["stg-*"]})`)
	assert.NotContains(t, plan.stdout+invocation{}.run(t.Context(), "get", "-f", dir, "--rows=false").stdout, "doctor")
	for _, command := range []string{"rewrite", "trace", "check"} {
		o := invocation{}.run(t.Context(), command, "-f", dir)
		for _, gap := range []string{"what ResourceSet flux-system/set makes", "what Kustomization flux-system/other applies"} {
			assert.Contains(t, plan.stderr, gap)
			assert.Contains(t, o.stderr, gap, command)
		}
	}
}

// Totals of a part say so.
func TestCheckOfAPartSaysSo(t *testing.T) {
	t.Parallel()
	dir := writeBranch(t)
	for args, want := range map[string]string{
		"":                         "by host, of all clusters",
		" --root clusters/staging": "by host, of only clusters/staging",
		" -n apps":                 `by host, of only namespace "apps"`,
		" --env staging":           "by host, of only environment staging",
	} {
		o := invocation{}.run(t.Context(), words("check -f "+dir+" --base main"+args)...)
		assert.Contains(t, o.stdout, want, "%s\n%s", args, o.stderr)
	}
	o := invocation{}.run(t.Context(), "check", "-f", dir, "--base", "main", "--root", "clusters/staging", "--limit", "github.com=1/h", "--fail-above", "1%")
	assert.Equal(t, exitOverBudget, o.code)
	assert.Contains(t, o.stderr, "more than --fail-above 1% (only clusters/staging counted: what else asks it comes on top)")
}

// Who says no, or nothing, finds the files as they were.
func TestRewriteAsks(t *testing.T) {
	t.Parallel()
	for answer, changed := range map[string]bool{"y\n": true, "n\n": false, "": false, "\n": false} {
		t.Run(fmt.Sprintf("%q", answer), func(t *testing.T) {
			t.Parallel()
			dir := writeCheckout(t)
			o := invocation{terminal: true, stdin: strings.NewReader(answer)}.run(t.Context(), "rewrite", "-f", dir, "--policy", "fast")
			assert.Contains(t, o.stderr, "? [y/N] ")
			content, err := os.ReadFile(filepath.Join(dir, "apps/base/web.yaml"))
			require.NoError(t, err)
			assert.Equal(t, changed, !strings.Contains(string(content), "interval: 10m"), o.stderr)
			assert.Equal(t, changed, o.code == 0)
		})
	}
}

// Manifests of stdin are a snapshot, too.
func TestGetOfStdin(t *testing.T) {
	t.Parallel()
	in := "apiVersion: v1\nkind: List\nmetadata: {}\nitems:\n- apiVersion: source.toolkit.fluxcd.io/v1\n  kind: GitRepository\n  metadata: {name: a, namespace: x}\n  spec: {interval: 7m}\n"
	o := invocation{stdin: strings.NewReader(in)}.run(t.Context(), "get", "-f", "-", "-o", "custom-columns=N:.ref.name,I:.interval")
	assert.Equal(t, outcome{stdout: "N     I\na     7m\n"}, o)
}

// What is rewritten for one cluster leaves the others as they are, though they share a base.
func TestRewriteOfOneRootLeavesTheOthers(t *testing.T) {
	t.Parallel()
	dir := writeCheckout(t)
	show := []string{"get", "-f", dir, "--root", "clusters/production"}
	before := invocation{}.run(t.Context(), show...)
	o := invocation{}.run(t.Context(), "rewrite", "-f", dir, "--yes", "--root", "clusters/staging", "--policy", "fast")
	require.Zero(t, o.code, o.stderr)
	assert.Contains(t, o.stdout, "files changed")
	assert.Equal(t, before, invocation{}.run(t.Context(), show...))
}

func TestTraceOptions(t *testing.T) {
	t.Parallel()
	r := testRoot()
	var flags TraceFlags
	parseEvery(t, newTrace(r), flags.add, map[string]string{
		"all-namespaces": "true", "selector": "team=web", "kind": "ks,gitrepo", "env": "prd,moon",
		"policy": "fast", "set": "dev.gitrepo.interval=31s", "default-env": "stg", "env-alias": "uat=stg",
		"filename": writeCheckout(t), "root": "clusters/staging", "no-headers": "true", "rows": "true",
		"output": "wide", "sort-by": "value", "template": "x", "allow-missing-template-keys": "false",
	})
	o, err := flags.toOptions(r, nil)
	require.NoError(t, err)
	assert.Equal(t, report.Layout{Wide: true, NoHeaders: true, Color: true, Width: 99}, o.printer.layout)
	assert.Equal(t, "value", o.sortBy)
	assert.Equal(t, []int{0}, o.Files.chosen)
	assert.True(t, o.Rows)
	assert.Equal(t, wantFleet(t).Environments, o.Environments)
	assert.Equal(t, "team=web", o.Selection.LabelSelector)
}

func TestRewriteOptions(t *testing.T) {
	t.Parallel()
	r := testRoot()
	dir := writeCheckout(t)
	var flags RewriteFlags
	parseEvery(t, newRewrite(r), func(cmd *cobra.Command) {
		flags.FleetFlags.add(cmd)
		cmd.Flags().StringVarP(&flags.Filename, "filename", "f", "", "")
		flags.addRoots(cmd)
		cmd.Flags().BoolVar(&flags.IncludeSuspended, "include-suspended", false, "")
		cmd.Flags().BoolVarP(&flags.Yes, "yes", "y", false, "")
		cmd.Flags().BoolVar(&flags.DryRun, "dry-run", false, "")
		flags.addFit(cmd)
	}, fitValues(map[string]string{
		"all-namespaces": "true", "selector": "team=web", "kind": "ks,gitrepo", "env": "prd,moon",
		"policy": "fast", "set": "dev.gitrepo.interval=31s", "default-env": "stg", "env-alias": "uat=stg",
		"filename": dir, "root": "clusters/staging", "include-suspended": "true", "yes": "true", "dry-run": "true",
	}))
	o, err := flags.toOptions(r, nil)
	require.NoError(t, err)
	require.Len(t, o.Files.fleets, 2, "the other cluster is not to change")
	assert.Equal(t, []int{0}, o.Files.chosen)
	assert.Equal(t, "clusters/staging", o.Files.fleet().Root.Path)
	assert.True(t, o.layout.Color)
	assert.Equal(t, tune.Options{IncludeSuspended: true}, o.Options)
	assert.True(t, o.Yes && o.DryRun)
	want := wantFitted(t, wantFleet(t))
	assert.Equal(t, want.fit, o.fit)
	assert.Equal(t, want.Environments, o.Environments)
	assert.Equal(t, want.Policy, o.Policy)
	assert.Equal(t, want.DefaultEnvironment, o.DefaultEnvironment)
	assert.Equal(t, want.Selection.LabelSelector, o.Selection.LabelSelector)
	assert.Len(t, o.Selection.Kinds, 2)
	assert.Nil(t, o.Client)
}

// What a sparse checkout lacks may use the files that are there: rewrite leaves these alone, and check says that it is not all.
func TestSparseCheckoutsKeepWhatOthersMayUse(t *testing.T) {
	t.Parallel()
	dir := writeCheckout(t)
	runGit(t, dir, "init", "-q", "-b", "main")
	runGit(t, dir, "add", "-A")
	runGit(t, dir, "commit", "-q", "-m", "base")
	runGit(t, dir, "sparse-checkout", "set", "--no-cone", "/*", "!/clusters/production")
	warning := "more manifest could not be read: the checkout is sparse, and what is not on the disk may use the files that are"
	o := invocation{}.run(t.Context(), "rewrite", "-f", dir, "--dry-run", "--default-env", "development")
	assert.NotContains(t, o.stdout, "apps/base")
	assert.Contains(t, o.stdout, "clusters/staging/apps.yaml")
	assert.Contains(t, o.stderr, warning)
	o = invocation{}.run(t.Context(), "trace", "-f", dir)
	assert.Contains(t, o.stderr, warning)
	for _, base := range [][]string{nil, {"--base", "HEAD"}} {
		o = invocation{}.run(t.Context(), append([]string{"check", "-f", dir, "--exit-code"}, base...)...)
		assert.Equal(t, exitDiffTrouble, o.code)
		assert.Contains(t, o.stdout, "Incomplete: ")
		assert.Contains(t, o.stderr, warning)
	}
	runGit(t, dir, "sparse-checkout", "set", "--no-cone", "/*", "!*.md") // none of it is a manifest
	o = invocation{}.run(t.Context(), "rewrite", "-f", dir, "--dry-run", "--default-env", "development")
	assert.NotContains(t, o.stderr, "sparse")
}

// Of two files one would be passed over in silence.
func TestOneFileOnly(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"get", "plan", "budget", "receivers", "check", "trace", "rewrite"} {
		o := invocation{}.run(t.Context(), command, "-f", "a.yaml", "--filename=b.yaml")
		assert.NotZero(t, o.code, command)
		assert.Contains(t, o.stderr, `it is given twice, and only one can be read, after "a.yaml": run the command once for each`, command)
	}
}
