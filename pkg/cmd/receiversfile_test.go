package cmd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// rewriteReceivers is a checkout whose cluster production applies files below apps/production, and what writes its Receivers.
func rewriteReceivers(t *testing.T, kustomization string, files map[string]string) (dir string, write func(args string) outcome) {
	t.Helper()
	dir = writeCheckout(t)
	writeInto(t, dir, map[string]string{"apps/production/kustomization.yaml": kustomization})
	writeInto(t, dir, files)
	return dir, func(args string) outcome {
		return invocation{}.must(t, append([]string{"receivers", "-f", dir, "--root", "clusters/production", "-o", "yaml"}, words(args)...)...)
	}
}

const unplacedManifest = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: %NAME}\nspec: {interval: 1m, url: 'https://github.com/acme/%NAME', ref: {branch: main}}\n---\n"

func unplaced(name string) string { return strings.ReplaceAll(unplacedManifest, "%NAME", name) }

// What several namespaces are made of stands once in its file, and is written once.
func TestReceiversOfOneManifestForTwoNamespaces(t *testing.T) {
	t.Parallel()
	dir, write := rewriteReceivers(t, "resources: [a, b]\n", map[string]string{
		"apps/production/a/kustomization.yaml": "namespace: team-a\nresources: [../../shared]\n", "apps/production/b/kustomization.yaml": "namespace: team-b\nresources: [../../shared]\n",
		"apps/shared/kustomization.yaml": "resources: [sources.yaml, receivers.yaml]\n", "apps/shared/sources.yaml": unplaced("web"), "apps/shared/receivers.yaml": "",
	})
	const file, namespace = "apps/shared/receivers.yaml", "  namespace: team-a\n"
	first := write("-n team-a").stdout
	writeInto(t, dir, map[string]string{file: strings.ReplaceAll(first, namespace, ""), "apps/shared/sources.yaml": unplaced("web") + unplaced("more") + strings.ReplaceAll(unplaced("lab"), "github.com", "gitlab.com")})
	for _, args := range []string{"", "-n team-a"} {
		o := write(args)
		for _, name := range []string{"github-com", "gitlab-com"} {
			assert.Equal(t, 1, strings.Count(o.stdout, "  name: "+name+"\n"), "%s: %s", args, name)
		}
		assert.NotContains(t, o.stdout, "  namespace: ", args)
		assert.NotContains(t, o.stderr, "not in the output, though there", args)
		assert.NotContains(t, o.stderr, "otherwise", args)
		assert.Contains(t, o.stdout, "name: more", args)
	}
	assert.Contains(t, write("").stdout, "# team-b/github-com is made of this manifest, too: do the same in that namespace.\n")
	writeInto(t, dir, map[string]string{file: write("").stdout})
	assert.Contains(t, invocation{}.must(t, "receivers", "-f", dir, "--root", "clusters/production", "-n", "team-b").stdout, "3 sources: 3 with a webhook")

	patch := "namespace: team-b\nresources: [../../shared]\npatches: [{target: {kind: GitRepository, name: web}, patch: '- {op: replace, path: /spec/ref/branch, value: develop}'}]\n"
	writeInto(t, dir, map[string]string{"apps/production/b/kustomization.yaml": patch})
	before, err := os.ReadFile(filepath.Join(dir, file))
	require.NoError(t, err)
	o := write("")
	assert.Contains(t, o.stderr, "Warning: team-a/github-com and team-b/github-com are one manifest in "+file+", and need it otherwise: it is written as it stands.")
	assert.Contains(t, string(before), "refs/heads/main")
	assert.Equal(t, strings.Count(string(before), "refs/heads/main"), strings.Count(o.stdout, "refs/heads/main"))
	assert.NotContains(t, o.stdout, "develop")
	assert.Contains(t, write("-n team-b").stderr, "Warning: "+file+" has one manifest for team-b/github-com and team-a/github-com, and they need it otherwise")
}

// A kustomization gives its namespace to all of a file: a Receiver of another one does not belong there.
func TestReceiversWhereANamespaceIsSet(t *testing.T) {
	t.Parallel()
	source := gitRepositoryAt("elsewhere", "other", "https://github.com/acme/other")
	dir, write := rewriteReceivers(t, "resources: [own, other.yaml]\n", map[string]string{
		"apps/production/other.yaml": source, "apps/production/own/kustomization.yaml": "namespace: team-a\nresources: [sources.yaml, receivers.yaml]\n",
		"apps/production/own/sources.yaml": unplaced("web"), "apps/production/own/receivers.yaml": "",
	})
	const file = "apps/production/own/receivers.yaml"
	writeInto(t, dir, map[string]string{file: write("-n team-a").stdout})
	o := write("")
	assert.Equal(t, 1, strings.Count(o.stdout, "kind: Receiver"))
	assert.Contains(t, o.stderr, "Warning: elsewhere/github-com is not in the output: a kustomization sets another namespace for all of "+file+". -n elsewhere writes it, for another file\n")
	writeInto(t, dir, map[string]string{file: o.stdout})
	assert.NotContains(t, invocation{}.must(t, "get", "-f", dir).stderr, "conflict")
}

// Variables stay in the file as they are written, also where Flux makes true or false of them.
func TestReceiversWithVariables(t *testing.T) {
	t.Parallel()
	dir, write := rewriteReceivers(t, "resources: [sources.yaml, receivers.yaml]\n", map[string]string{
		"apps/production/sources.yaml": gitRepositoryAt("team-a", "app", "https://github.com/acme/app"), "apps/production/receivers.yaml": "",
	})
	const apps, file = "clusters/production/apps.yaml", "apps/production/receivers.yaml"
	kustomization, err := os.ReadFile(filepath.Join(dir, apps))
	require.NoError(t, err)
	first := write("-n team-a").stdout + "  suspend: ${susp:-false}\n"
	first = strings.Replace(first, "spec:\n", "spec:\n  interval: ${poll:-1h}\n", 1)
	writeInto(t, dir, map[string]string{file: first})
	for _, build := range []string{"  postBuild: {substitute: {other: value}}\n", "  postBuild: {substituteFrom: [{kind: Secret, name: mine}]}\n"} {
		writeInto(t, dir, map[string]string{apps: string(kustomization) + build})
		o := write("-n team-a")
		assert.Contains(t, o.stdout, "  suspend: ${susp:-false}\n", build)
		assert.Contains(t, o.stdout, "  interval: ${poll:-1h}\n", build)
		assert.Equal(t, 1, strings.Count(o.stdout, "kind: Receiver"), build)
		assert.NotContains(t, o.stderr, "could not be read", build)
	}
}

// Of a branch that a variable decides whose value is not here, a filter asks nothing, and nothing is known of one that asks.
func TestReceiversOfABranchThatIsNotKnown(t *testing.T) {
	t.Parallel()
	source := gitRepositoryAt("team-a", "app", "https://github.com/acme/app")
	dir, write := rewriteReceivers(t, "resources: [sources.yaml, receivers.yaml]\n", map[string]string{
		"apps/production/sources.yaml": source, "apps/production/receivers.yaml": "",
	})
	const apps, file = "clusters/production/apps.yaml", "apps/production/receivers.yaml"
	kustomization, err := os.ReadFile(filepath.Join(dir, apps))
	require.NoError(t, err)
	first := write("-n team-a").stdout
	writeInto(t, dir, map[string]string{
		apps: string(kustomization) + "  postBuild: {substituteFrom: [{kind: ConfigMap, name: cluster-vars}]}\n", file: first,
		"apps/production/sources.yaml": strings.Replace(source, "branch: main", "branch: '${branch:=main}'", 1),
	})
	assert.Contains(t, invocation{}.must(t, "receivers", "-f", dir, "--root", "clusters/production", "-n", "team-a").stdout, "1 of which it is not known")
	o := write("-n team-a")
	assert.NotContains(t, o.stdout, "${")
	assert.Contains(t, o.stdout, `req.ref.startsWith("refs/heads/")`)
	assert.NotContains(t, o.stderr, "${")
	writeInto(t, dir, map[string]string{file: o.stdout})
	assert.Contains(t, invocation{}.must(t, "receivers", "-f", dir, "--root", "clusters/production", "-n", "team-a").stdout, "1 with a webhook")
	assert.Equal(t, o.stdout, write("-n team-a").stdout)
}

// What an interval costs that a variable decides, and what no rule watches, is said.
func TestIntervalsThatAreNotKnown(t *testing.T) {
	t.Parallel()
	dir, _ := rewriteReceivers(t, "resources: [sources.yaml]\n", map[string]string{
		"apps/production/sources.yaml": strings.Replace(gitRepositoryAt("team-a", "app", "https://github.com/acme/app"), "interval: 1m", "interval: '${poll:=1m}'", 1) +
			gitRepositoryAt("team-a", "known", "https://github.com/acme/known"),
	})
	const apps = "clusters/production/apps.yaml"
	kustomization, err := os.ReadFile(filepath.Join(dir, apps))
	require.NoError(t, err)
	writeInto(t, dir, map[string]string{apps: string(kustomization) + "  postBuild: {substituteFrom: [{kind: ConfigMap, name: cluster-vars}]}\n"})
	assert.Contains(t, invocation{}.must(t, "alerts", "-f", dir, "--root", "clusters/production", "-n", "team-a").stderr,
		"Note: no alarm about missed polls of 1 source whose interval is a variable that is not known here, nor about what they ask hosts\n")
	assert.Contains(t, invocation{}.must(t, "budget", "-f", dir, "--root", "clusters/production", "-n", "team-a", "-o", "json").stdout,
		"Not counted, since the interval is a variable that is not known here: 1 object.")
}

// What may not be listed is named with its place.
func TestForbiddenPlaces(t *testing.T) {
	t.Parallel()
	gap := func(what string) flux.Gap { return flux.Gap{What: what, Why: "no", Forbidden: true} }
	assert.Equal(t, []string{`you may not list a, receivers in namespace "x", nor receivers in all namespaces: no`},
		gapWarnings([]flux.Gap{gap(`a in namespace "x"`), gap("receivers in all namespaces"), gap(`receivers in namespace "x"`)}))
}

// What a variable decides whose value is not here is not refused: Flux makes true or false, or a number, of its text.
func TestVariablesThatAreNoTexts(t *testing.T) {
	t.Parallel()
	const objects = `
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: app, namespace: team-a}
spec: {interval: 5m, url: 'https://github.com/acme/app', suspend: '${x:=false}', recurseSubmodules: '${r:=false}', ref: {branch: main}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: app, namespace: team-a}
spec: {interval: 5m, path: ./none, prune: '${p:=true}', wait: '${w:=true}', suspend: '${s:=false}', force: '${f:=false}', sourceRef: {kind: GitRepository, name: app}}
`
	dir, _ := rewriteReceivers(t, "resources: [sources.yaml]\n", map[string]string{"apps/production/sources.yaml": objects})
	const apps = "clusters/production/apps.yaml"
	kustomization, err := os.ReadFile(filepath.Join(dir, apps))
	require.NoError(t, err)
	writeInto(t, dir, map[string]string{apps: string(kustomization) + "  postBuild: {substituteFrom: [{kind: ConfigMap, name: cluster-vars}]}\n"})
	for _, command := range []string{"get", "plan", "budget", "receivers", "alerts"} {
		o := invocation{}.must(t, command, "-f", dir, "--root", "clusters/production", "-n", "team-a")
		assert.NotContains(t, o.stderr, "could not be read", command)
		assert.NotContains(t, o.stderr, "refuses", command)
	}
	assert.Equal(t, 2, strings.Count(invocation{}.must(t, "get", "-f", dir, "--root", "clusters/production", "-n", "team-a", "-o", "name").stdout, "/app\n"))
}
