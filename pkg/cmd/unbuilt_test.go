package cmd

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
)

// editFile replaces a text in a file of a checkout.
func editFile(t *testing.T, dir, file, from, to string) {
	t.Helper()
	name := filepath.Join(dir, filepath.FromSlash(file))
	content, err := os.ReadFile(name)
	require.NoError(t, err)
	require.Contains(t, string(content), from)
	require.NoError(t, os.WriteFile(name, []byte(strings.Replace(string(content), from, to, 1)), 0o644))
}

func readFile(t *testing.T, dir, file string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(file)))
	require.NoError(t, err)
	return string(content)
}

// writeUnbuilt is a checkout whose production cannot be built, and has a duration in its base that Flux refuses.
func writeUnbuilt(t *testing.T) string {
	t.Helper()
	dir := writeCheckout(t)
	editFile(t, dir, "apps/production/kustomization.yaml", "- ../base\n", "- ../base\n- none.yaml\n")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "apps/production/other.yaml"), []byte("apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: other, namespace: apps}\nspec:\n  interval: 1d\n"), 0o644))
	return dir
}

// Whatever is chosen, the base that production may use keeps its values, and the question says so.
func TestRewriteLeavesAloneWhatUnbuiltClustersUse(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"one environment": {"--env", "staging"}, "one cluster": {"--root", "clusters/staging"}, "everything": nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := writeUnbuilt(t)
			before := readFile(t, dir, "apps/base/web.yaml")
			o := invocation{terminal: true, stdin: strings.NewReader("y\n")}.run(t.Context(), append([]string{"rewrite", "-f", dir, "--policy", "fast"}, args...)...)
			assert.Equal(t, before, readFile(t, dir, "apps/base/web.yaml"), o.stdout)
			assert.Contains(t, o.stderr, "Warning: clusters/production: what Kustomization flux-system/apps applies could not be read: ")
			question := strings.Index(o.stderr, "Change ")
			again := strings.Index(o.stderr, "Warning: clusters/production: what Kustomization flux-system/apps applies could not be built: files that it may use are left alone\n")
			assert.True(t, again >= 0 && question > again, o.stderr)
			assert.Contains(t, readFile(t, dir, "apps/staging/kustomization.yaml"), "value: 30s")
		})
	}
}

// A Kustomization of the checkout's own source whose path is not there is a warning, not a note: Flux fails, too.
func TestWrongPathIsAWarning(t *testing.T) {
	t.Parallel()
	dir := writeCheckout(t)
	editFile(t, dir, "clusters/production/apps.yaml", "./apps/production", "./apps/prodution")
	o := invocation{}.run(t.Context(), "get", "-f", dir)
	assert.Contains(t, o.stderr, `Warning: clusters/production: what Kustomization flux-system/apps applies could not be read: its path "./apps/prodution" is not in the checkout`)
	assert.Equal(t, 1, o.code)
}

// What production may use is not dead, and what Flux refuses in it is told all the same.
func TestCheckOfWhatIsNotBuilt(t *testing.T) {
	t.Parallel()
	dir := writeUnbuilt(t)
	editFile(t, dir, "apps/staging/kustomization.yaml", "- ../base\n", "- ../base\npatches:\n- target: {kind: GitRepository}\n  patch: |\n    - op: add\n      path: /spec/interval\n      value: 3m\n")
	o := invocation{}.run(t.Context(), "check", "-f", dir)
	assert.NotContains(t, o.stdout, "dead")
	assert.Contains(t, o.stdout, "apps/production/other.yaml:5:13: error: interval of HelmRelease apps/other: \"1d\" is not a duration that Flux accepts")
	traced := invocation{}.run(t.Context(), "trace", "-f", dir)
	assert.NotContains(t, traced.stdout, "These decide nothing")
	assert.Contains(t, traced.stdout, "Whether these decide something is not known, since what may use them is not built:\n  apps/base/web.yaml:7:13 10m\n")
}

// Where nothing has an environment, check says that it applied no policy.
func TestCheckSaysThatNoPolicyWasApplied(t *testing.T) {
	t.Parallel()
	dir := writeCheckout(t)
	o := invocation{}.run(t.Context(), "check", "-f", filepath.Join(dir, "apps/base"))
	assert.Contains(t, o.stderr, "Warning: none of 1 object has an environment, so that no policy was applied")
	assert.NotContains(t, invocation{}.run(t.Context(), "check", "-f", dir).stderr, "no policy")

	// One cluster without among others that have one is named.
	dir = bootstrapped(t, "1m", "1m")
	require.NoError(t, os.Rename(filepath.Join(dir, "clusters/b"), filepath.Join(dir, "clusters/production")))
	editFile(t, dir, "clusters/production/flux-system/gotk-sync.yaml", "./clusters/b", "./clusters/production")
	assert.Contains(t, invocation{}.run(t.Context(), "check", "-f", dir).stderr, "Warning: none of 5 objects of clusters/a has an environment, so that no policy was applied: their names tell it in spec.clusters of a policy\n")
}

// What rewrite writes under the default policy, check has nothing to say about.
func TestCheckAcceptsWhatRewriteWrote(t *testing.T) {
	t.Parallel()
	dir := writeCheckout(t)
	for _, name := range []string{"production", "staging"} { // without a timeout the interval less 30 seconds counts
		editFile(t, dir, "clusters/"+name+"/apps.yaml", "  timeout: 2m\n", "")
	}
	o := invocation{}.run(t.Context(), "rewrite", "-f", dir, "--yes")
	require.Zero(t, o.code, o.stderr)
	assert.Contains(t, readFile(t, dir, "clusters/staging/apps.yaml"), "timeout: 9m30s")
	checked := invocation{}.run(t.Context(), "check", "-f", dir, "--exit-code")
	assert.Equal(t, "0 errors, 0 warnings, 0 notes.\n", checked.stdout)
}

// The document of trace is what its schema says.
func TestTraceMatchesItsSchema(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{writeCheckout(t), writeUnbuilt(t)} {
		o := invocation{}.run(t.Context(), "trace", "-f", dir, "-o", "json")
		var value any
		require.NoError(t, json.Unmarshal([]byte(o.stdout), &value))
		require.NoError(t, documentSchema(t, "TraceList").Validate(value), o.stdout)
	}
}

// writeLong is a checkout with long names.
func writeLong(t *testing.T) string {
	t.Helper()
	dir := writeCheckout(t)
	editFile(t, dir, "apps/base/web.yaml", "name: web", "name: the-shop-of-a-customer-with-a-long-name")
	editFile(t, dir, "apps/base/web.yaml", "namespace: apps", "namespace: the-namespace-of-that-customer")
	require.NoError(t, os.Rename(filepath.Join(dir, "clusters/production"), filepath.Join(dir, "clusters/production-in-a-region-far-away")))
	return dir
}

// A narrow terminal is told how to see what it has no room for.
func TestTraceSaysHowToSeeAll(t *testing.T) {
	t.Parallel()
	dir := writeCheckout(t)
	narrow := invocation{terminal: true, width: 60}
	rows := ourColor.ReplaceAllString(narrow.run(t.Context(), "trace", "-f", dir, "--rows").stdout, "")
	assert.Contains(t, rows, "      decided by clusters/production/apps.yaml:7:13\n", "what decides a value is told below it, in full")
	assert.Contains(t, rows, "Not shown at this width: FOLLOWED BY. Cut: CLUSTER,\nNAMESPACE. -o wide shows all.")
	assert.NotContains(t, narrow.run(t.Context(), "trace", "-f", dir, "--rows", "-o", "wide").stdout, "at this width")
	assert.Empty(t, narrow.run(t.Context(), "trace", "-f", dir).stderr)
	for _, line := range strings.Split(invocation{terminal: true, width: 80}.run(t.Context(), "trace", "-f", writeLong(t), "--rows").stdout, "\n") {
		assert.LessOrEqual(t, terminal.Width(regexp.MustCompile(`\x1b\[[0-9;]*m`).ReplaceAllString(line, "")), 80, line)
	}
}

// What trace says of values that decide nothing is of what was asked for, as all the rest.
func TestTraceKeepsToItsSelection(t *testing.T) {
	t.Parallel()
	dir := writeCheckout(t)
	patch := func(value string) string {
		return "- ../base\npatches:\n- target: {kind: GitRepository}\n  patch: |\n    - op: add\n      path: /spec/interval\n      value: " + value + "\n"
	}
	editFile(t, dir, "apps/staging/kustomization.yaml", "- ../base\n", patch("3m"))
	editFile(t, dir, "apps/production/kustomization.yaml", "- ../base\n", patch("5m"))
	for name, c := range map[string]struct {
		args []string
		dead bool
	}{
		"everything": {nil, true}, "its namespace": {[]string{"-n", "apps"}, true}, "its name": {[]string{"gitrepo/web"}, true}, "one cluster": {[]string{"--root", "clusters/staging"}, true},
		"another namespace": {[]string{"-n", "flux-system"}, false}, "another kind": {[]string{"ks"}, false}, "another environment": {[]string{"--env", "development"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := invocation{}.run(t.Context(), append([]string{"trace", "-f", dir}, c.args...)...)
			assert.Equal(t, c.dead, strings.Contains(o.stdout, "These decide nothing:\n  apps/base/web.yaml:7:13 10m\n"), o.stdout)
			checked := invocation{}.run(t.Context(), append([]string{"check", "-f", dir}, c.args...)...)
			assert.Equal(t, c.dead, strings.Contains(checked.stdout, "apps/base/web.yaml:7:13: note: 10m decides nothing"), checked.stdout)
		})
	}
	broken := writeCheckout(t)
	editFile(t, broken, "apps/staging/kustomization.yaml", "- ../base\n", patch("3m"))
	editFile(t, broken, "apps/production/kustomization.yaml", "- ../base\n", "- ../base\n- none.yaml\n")
	for _, args := range [][]string{nil, {"-n", "apps"}, {"gitrepo"}} {
		o := invocation{}.run(t.Context(), append([]string{"trace", "-f", broken}, args...)...)
		assert.Contains(t, o.stdout, "Whether these decide something is not known, since what may use them is not built:\n  apps/base/web.yaml:7:13 10m\n")
	}
	o := invocation{}.run(t.Context(), "trace", "-f", broken, "-n", "flux-system")
	assert.NotContains(t, o.stdout, "is not known")
}
