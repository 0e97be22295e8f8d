package cmd

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// writeReceivers writes a checkout with sources in two namespaces, and the Receivers that are missing there in two files: those
// of team-b, and all others.
func writeReceivers(t *testing.T) (dir string, write func(args string) outcome) {
	t.Helper()
	dir = writeCheckout(t)
	sources := ""
	for _, name := range []string{"team-a/app https://github.com/acme/app", "team-a/lab https://gitlab.com/acme/lab", "team-b/app https://github.com/acme/b"} {
		at, url, _ := strings.Cut(name, " ")
		namespace, name, _ := strings.Cut(at, "/")
		sources += gitRepositoryAt(namespace, name, url)
	}
	writeInto(t, dir, map[string]string{
		"apps/production/kustomization.yaml": "resources: [sources.yaml, receivers.yaml, gh.yaml]\n", "apps/production/sources.yaml": sources,
		"apps/production/receivers.yaml": "", "apps/production/gh.yaml": "",
	})
	write = func(args string) outcome {
		return invocation{}.must(t, append([]string{"receivers", "-f", dir, "--root", "clusters/production", "-o", "yaml"}, words(args)...)...)
	}
	assert.Contains(t, write("").stderr, "Note: the file belongs where a Kustomization applies it: under resources of the kustomization.yaml there, if there is one; it has Receivers of 2 namespaces, so that none may be set there: -n NAMESPACE writes those of one.\n")
	a, b := write("-n team-a"), write("-n team-b")
	writeInto(t, dir, map[string]string{"apps/production/receivers.yaml": a.stdout, "apps/production/gh.yaml": b.stdout})
	return dir, write
}

func gitRepositoryAt(namespace, name, url string) string {
	return fmt.Sprintf("---\napiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: %s, namespace: %s}\nspec: {interval: 1m, url: %q, ref: {branch: main}}\n", name, namespace, url)
}

// A Receiver that stands in another file is not written a second time, since nothing of both files could be built then.
func TestReceiversInTwoFiles(t *testing.T) {
	t.Parallel()
	dir, write := writeReceivers(t)
	file := filepath.Join(dir, "apps", "production", "receivers.yaml")
	before, err := os.ReadFile(file)
	require.NoError(t, err)
	o := write("")
	assert.Equal(t, string(before), o.stdout)
	assert.Contains(t, o.stderr, "Warning: team-b/github-com stands in apps/production/gh.yaml, and most of what is written in apps/production/receivers.yaml: it is not written a second time\n")
	assert.NotContains(t, o.stderr, "not in the output")
	assert.Equal(t, 1, strings.Count(write("-n team-b").stdout, "kind: Receiver"), "chosen alone, it is")

	more, err := os.ReadFile(filepath.Join(dir, "apps", "production", "sources.yaml"))
	require.NoError(t, err)
	config := "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: mine, namespace: team-a}\n"
	writeInto(t, dir, map[string]string{
		"apps/production/sources.yaml": string(more) + gitRepositoryAt("team-b", "more", "https://github.com/acme/more"), "apps/production/receivers.yaml": string(before) + config,
	})
	o = write("")
	assert.Equal(t, string(before), o.stdout)
	assert.Contains(t, o.stderr, "It should be other than it is: it is written alone where no more is chosen than what is new there: GitRepository/more -n team-b\n")
	assert.Contains(t, o.stderr, "Warning: not in the output, though there: ConfigMap team-a/mine.")
	alone := write("GitRepository/more -n team-b")
	assert.Contains(t, alone.stdout, "name: more")
	writeInto(t, dir, map[string]string{"apps/production/gh.yaml": alone.stdout})
	assert.NotContains(t, write("").stderr, "should be other")
	assert.NotContains(t, invocation{}.must(t, "get", "-f", dir).stderr, "already registered", "the checkout can be built")
}

// What kustomizations make of a Receiver's manifest stays out of it: they would do it again.
func TestReceiversUnderAPrefix(t *testing.T) {
	t.Parallel()
	dir, write := writeReceivers(t)
	const file = "apps/base/receivers.yaml"
	writeInto(t, dir, map[string]string{
		"apps/base/kustomization.yaml": "resources: [sources.yaml, receivers.yaml]\n", "apps/base/sources.yaml": gitRepositoryAt("other", "app", "https://github.com/acme/app"),
		file: "", "apps/production/kustomization.yaml": "namePrefix: production-\nnamespace: team-a\nlabels: [{pairs: {cluster: production}}]\nresources: [../base]\n",
	})
	first := write("").stdout
	for range 3 {
		writeInto(t, dir, map[string]string{file: first})
		again := write("")
		assert.Equal(t, first[strings.Index(first, "apiVersion:"):], again.stdout[strings.Index(again.stdout, "apiVersion:"):])
		assert.NotContains(t, again.stdout, "cluster: production")
	}
}

// What was written without a filter stays so, and is said.
func TestReceiversGetFilters(t *testing.T) {
	t.Parallel()
	dir, write := writeReceivers(t)
	plain := write("-n team-a --no-filter")
	require.NotContains(t, plain.stdout, "resourceFilter")
	writeInto(t, dir, map[string]string{"apps/production/receivers.yaml": plain.stdout})
	o := write("-n team-a")
	assert.NotContains(t, o.stdout, "resourceFilter")
	assert.Contains(t, o.stderr, "Note: 2 Receivers without a filter, as on the last time: --no-filter=false gives all of them one.\n")
	assert.NotContains(t, write("-n team-a --no-filter").stderr, "Note")
	filtered := write("-n team-a --no-filter=false")
	assert.Equal(t, 2, strings.Count(filtered.stdout, "  resourceFilter:"))
	writeInto(t, dir, map[string]string{"apps/production/receivers.yaml": filtered.stdout})
	assert.Equal(t, filtered.stdout, write("-n team-a").stdout)
}

// What runs at a host is told later: the Receiver that is there stays in the file, and both say so.
func TestReceiversOfAMakeToldLater(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "all.yaml")
	source := gitRepositoryAt("team-a", "own", "https://git.example.com/acme/own")
	require.NoError(t, os.WriteFile(file, []byte(source), 0o600))
	first := invocation{}.must(t, "receivers", "-f", file, "-o", "yaml")
	require.NoError(t, os.WriteFile(file, []byte(source+"---\n"+first.stdout), 0o600))
	told := invocation{}.must(t, "receivers", "-f", file, "-o", "yaml", "--host-type", "git.example.com=gitea")
	assert.Equal(t, 2, strings.Count(told.stdout, "kind: Receiver"))
	const says = "team-a/git-example-com was written for another make of host than what runs at git.example.com now: team-a/git-example-com-2 is for the same sources."
	assert.Contains(t, told.stderr, "Note: "+says)
	assert.Contains(t, told.stdout, "# "+says)
	require.NoError(t, os.WriteFile(file, []byte(source+"---\n"+told.stdout), 0o600))
	assert.Equal(t, told.stdout, invocation{}.must(t, "receivers", "-f", file, "-o", "yaml").stdout)
	wrong := invocation{}.must(t, "receivers", "-f", file, "-o", "yaml", "--host-type", "git.example.com=harbor")
	assert.Contains(t, wrong.stderr, "Warning: --host-type git.example.com=harbor: that make has nothing of the kinds that are at that host, so it decides nothing")
}

// Clusters that read one file need one Receiver in it: where they do not, what is written for one is said to be no good for the
// other.
func TestReceiversOfASharedBase(t *testing.T) {
	t.Parallel()
	dir := writeCheckout(t)
	write := func(cluster string, more ...string) outcome {
		return invocation{}.must(t, append([]string{"receivers", "-f", dir, "--root", "clusters/" + cluster, "-o", "yaml"}, more...)...)
	}
	const says = "Warning: clusters/staging reads apps/base/%s, too, and needs apps/github-com otherwise: what is written here is for one cluster, so keep it in a file that no other reads\n"
	first := write("production")
	assert.NotContains(t, first.stderr, "otherwise", "one does for both")
	writeInto(t, dir, map[string]string{
		"apps/base/kustomization.yaml": "resources: [web.yaml, receivers.yaml]\n", "apps/base/receivers.yaml": first.stdout,
	})
	assert.NotContains(t, write("production").stderr, "otherwise")

	develop := "resources: [../base]\npatches: [{target: {kind: GitRepository, name: web}, patch: '- {op: add, path: /spec/ref, value: {branch: develop}}'}]\n"
	writeInto(t, dir, map[string]string{"apps/staging/kustomization.yaml": develop})
	assert.Contains(t, write("production").stderr, fmt.Sprintf(says, "receivers.yaml"))
	assert.Contains(t, write("staging").stderr, strings.ReplaceAll(fmt.Sprintf(says, "receivers.yaml"), "clusters/staging", "clusters/production"))
	writeInto(t, dir, map[string]string{"apps/staging/kustomization.yaml": "namespace: stage\n" + develop})
	assert.Contains(t, write("production", "-n", "apps").stderr, fmt.Sprintf(says, "receivers.yaml"), "in another namespace there")
	writeInto(t, dir, map[string]string{"apps/base/kustomization.yaml": "resources: [web.yaml]\n", "apps/staging/kustomization.yaml": develop})
	assert.Contains(t, write("production").stderr, fmt.Sprintf(says, "web.yaml"), "missing in both")

	own := "resources: [../base, receivers.yaml]\n"
	for cluster, kustomization := range map[string]string{"production": own, "staging": strings.Replace(develop, "../base", "../base, receivers.yaml", 1)} {
		file := write(cluster).stdout
		writeInto(t, dir, map[string]string{"apps/" + cluster + "/kustomization.yaml": kustomization, "apps/" + cluster + "/receivers.yaml": file})
	}
	assert.NotContains(t, write("production").stderr, "otherwise", "each has its own")
}

// What is chosen is not the whole of a file: what is left out is named in a cluster as in files, and nothing chosen is an error, so
// that no file is emptied.
func TestReceiversOfAChoice(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	ns := c.Namespace(t, map[string]string{"environment": "development"})
	const oci = "---\napiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nmetadata: {name: app, namespace: %s}\nspec: {interval: 5m, url: 'oci://ghcr.io/acme/app'}\n"
	c.Apply(t, gitRepository(ns, "app", "interval: 5m, timeout: 2m")+fmt.Sprintf(oci, ns))
	i := on(c)
	all := i.must(t, "receivers", "-n", ns, "-o", "yaml")
	c.Apply(t, all.stdout)
	assert.NotContains(t, i.must(t, "receivers", "-n", ns, "-o", "yaml").stderr, "not in the output")
	for _, choice := range []string{"ocirepo", "--kind ocirepo", "ocirepo/app"} {
		o := i.must(t, words("receivers -n "+ns+" -o yaml "+choice)...)
		assert.Contains(t, o.stdout, "name: ghcr-io\n", choice)
		assert.Contains(t, o.stderr, "Warning: not in the output, though there: "+ns+"/github-com.", choice)
	}
	for _, choice := range []string{"-l no=such", "bucket"} {
		o := i.run(t.Context(), words("receivers -n "+ns+" -o yaml "+choice)...)
		assert.Equal(t, 1, o.code, choice)
		assert.Empty(t, o.stdout, choice)
		assert.Contains(t, o.stderr, "nothing is written, so keep the file that you have", choice)
	}
}

// A Receiver of the form that is proposed, all of whose sources are gone, goes with them, wherever that is told.
func TestReceiversOfSourcesThatAreGone(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "all.yaml")
	source, gone := gitRepositoryAt("team-a", "app", "https://gitlab.com/acme/app"), gitRepositoryAt("team-a", "gone", "https://github.com/acme/gone")
	require.NoError(t, os.WriteFile(file, []byte(source+gone), 0o600))
	written := invocation{}.must(t, "receivers", "-f", file, "-o", "yaml")
	require.NoError(t, os.WriteFile(file, []byte(source+"---\n"+written.stdout), 0o600))
	o := invocation{}.must(t, "receivers", "-f", file, "-o", "yaml")
	assert.NotContains(t, o.stdout, "github-com")
	assert.NotContains(t, o.stderr, "not in the output")
	assert.Contains(t, o.stderr, "Note: team-a/github-com is left out, since nothing that it names is there any more: take it out where it is.\n")
	assert.Contains(t, invocation{}.must(t, "receivers", "-f", file).stdout, "team-a/github-com: GitRepository team-a/gone does not exist")
}
