package cmd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

// Every way in which a cluster can differ from Git is told apart.
func TestGetComparesFilesWithACluster(t *testing.T) {
	t.Parallel()
	f := newGitFleet(t)
	inGit := f.named("app", "interval: 5m, timeout: 2m") + f.named("same", "interval: 300s, timeout: 2m") + f.named("hand", "interval: 5m") +
		f.named("behind", "interval: 7m, timeout: 2m") + f.ks("interval: 5m") + gitRepository(f.apps, "nobody", "interval: 5m, timeout: 2m")
	f.push(t, strings.Replace(inGit, "interval: 7m", "interval: 6m", 1))
	f.Apply(t, gitRepository(f.apps, "extra", "interval: 5m"))
	f.observe(t)
	_, applied := f.tuned(t, "s1", "gitrepo", "app", "--managed=pin", "--policy", gitPolicy(t, "interval: 45s"))
	require.Zero(t, applied.code, applied.stderr)
	f.Kubectl(t, "patch", "gitrepository", "hand", "-n", f.apps, "--type=merge", "-p", `{"spec":{"interval":"9m"}}`)
	f.Kubectl(t, "patch", "kustomization", "app", "-n", f.apps, "--type=merge", "-p", `{"spec":{"timeout":"9m"}}`)
	f.Kubectl(t, "patch", "gitrepository", "nobody", "-n", f.apps, "--type=merge", "-p", `{"spec":{"interval":"9m"}}`)

	dir := t.TempDir()
	for name, content := range map[string]string{
		"clusters/one/flux-system/gotk-sync.yaml": "# written by flux bootstrap\n",
		"clusters/one/all.yaml":                   inGit + "---\n" + f.named("missing", "interval: 5m"),
	} {
		name = filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
		require.NoError(t, os.WriteFile(name, []byte(content), 0o644))
	}
	context := strings.TrimSpace(f.Kubectl(t, "config", "current-context"))
	o := on(f.Cluster).run(t.Context(), "get", "-f", dir, "--context", context, "-n", f.apps, "-o", "json")
	require.Zero(t, o.code, o.stderr)
	document := decode[report.Comparison](t, o)
	got := map[string]string{}
	for _, item := range document.Items {
		text := func(s *string) string {
			if s == nil {
				return "unset"
			}
			return *s
		}
		got[item.Ref.Kind+" "+item.Ref.Name+" "+item.Field] = text(item.Git) + " " + text(item.Live) + " " + item.State
	}
	assert.Equal(t, map[string]string{
		"GitRepository app spec.interval":    "5m 45s pinned",
		"GitRepository hand spec.interval":   "5m 9m undone",
		"GitRepository behind spec.interval": "7m 6m behind",
		"GitRepository nobody spec.interval": "5m 9m stays",
		"Kustomization app spec.timeout":     "unset 9m stays",
		"GitRepository missing ":             "5m unset missing",
		"GitRepository extra ":               "unset 5m extra",
	}, got)
	assert.Equal(t, 6, document.Both)

	table := on(f.Cluster).must(t, "get", "-f", dir, "--context", context, "-n", f.apps)
	assert.Regexp(t, `GitRepository +hand +interval +5m +9m +undone +Kustomization `+f.flux+`/root sets Git's value again within about 10m\n`, table.stdout)
	assert.Contains(t, table.stdout, "6 objects of clusters/one and the cluster; 7 differences.")
	same := on(f.Cluster).must(t, "get", "-f", dir, "--context", context, "-n", f.apps, "gitrepo", "same")
	assert.Equal(t, "The cluster is as clusters/one has it: 1 object.\n", same.stdout)
}

// One cluster cannot be compared with two roots; and without --context no cluster is asked.
func TestGetOfTwoRootsIsNotCompared(t *testing.T) {
	t.Parallel()
	dir := writeCheckout(t)
	o := invocation{}.run(t.Context(), "get", "-f", dir, "--context", "production")
	assert.Equal(t, 1, o.code)
	assert.Contains(t, o.stderr, "has 2 clusters, and --context is one: name its folder with --root clusters/production")
	o = invocation{}.run(t.Context(), "get", "-f", dir, "--root", "clusters/production", "--context", "production")
	assert.Equal(t, 1, o.code)
	assert.Contains(t, o.stderr, "reading the kubeconfig")
}

// A cluster that is named beside files would not be asked, and whoever names it expects that it is.
func TestContextBesideFiles(t *testing.T) {
	t.Parallel()
	dir := writeBootstrapped(t, "a")
	for _, command := range []string{"plan", "budget", "trace", "rewrite --dry-run", "check", "receivers"} {
		o := invocation{}.run(t.Context(), append(strings.Fields(command), "-f", dir, "--context", "nope")...)
		assert.Equal(t, exitFailed, o.code, command)
		assert.Contains(t, o.stderr, "error: --context names a cluster, and -f files: give one of them", command)
	}
}
