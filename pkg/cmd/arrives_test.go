package cmd

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

// Who reviews a branch that takes a cluster away is told so, whatever is printed, and the pipeline fails.
func TestCheckFailsWhereABranchEndsACluster(t *testing.T) {
	t.Parallel()
	dir := writeBootstrapped(t, "a")
	editFile(t, dir, "clusters/a/flux-system/kustomization.yaml", "resources:\n- gotk-sync.yaml", "resources: []")
	for _, format := range []string{"table", "markdown", "sarif", "json"} {
		o := invocation{}.run(t.Context(), "check", "-f", dir, "--base", "main", "--exit-code", "-o", format)
		assert.Equal(t, exitChanges, o.code, o.stderr)
		assert.Contains(t, o.stdout, "Kustomization flux-system/flux-system is not among what it applies any more: Flux takes it away, and all that it applied")
		assert.Contains(t, o.stdout, "lost-cluster")
		if format != "table" { // which has the warnings beside it
			assert.Contains(t, o.stdout, "none of 2 objects has an environment, so that no policy was applied")
		}
	}
}

// What of a branch does not arrive on the cluster, since its Kustomization fails, neither counts nor is taken away.
func TestCheckOfKustomizationsThatFail(t *testing.T) {
	t.Parallel()
	const vars = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: vars, namespace: flux-system}\nimmutable: true\ndata: {poll: 6m}\n"
	const b = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: b, namespace: x}\nspec: {interval: 6m, timeout: 1m, url: 'https://github.com/example/b'}\n"
	type edit = func(*testing.T, string)
	write := func(file, text string) edit {
		return func(t *testing.T, dir string) { t.Helper(); writeFile(t, dir, file, text) }
	}
	change := func(file, from, to string) edit {
		return func(t *testing.T, dir string) { t.Helper(); editFile(t, dir, file, from, to) }
	}
	given := func(t *testing.T, dir string) {
		t.Helper()
		writeFile(t, dir, "clusters/a/vars.yaml", vars)
		editFile(t, dir, "clusters/a/apps.yaml", "  prune: true\n", "  prune: true\n  postBuild: {substituteFrom: [{kind: ConfigMap, name: vars}]}\n")
		editFile(t, dir, "apps/a.yaml", "interval: 5m", "interval: '${poll}'")
	}
	escaped := func(t *testing.T, dir string) {
		t.Helper()
		editFile(t, dir, "clusters/a/apps.yaml", "  prune: true\n", "  prune: true\n  postBuild: {substitute: {poll: 6m}}\n")
		editFile(t, dir, "apps/a.yaml", "interval: 5m", "interval: '$${poll}'")
		writeFile(t, dir, "apps/b.yaml", b)
	}
	nothing := func(*testing.T, string) {}
	forced := func(t *testing.T, dir string) {
		t.Helper()
		given(t, dir)
		editFile(t, dir, "clusters/a/flux-system/gotk-sync.yaml", "  prune: true\n", "  prune: true\n  force: true\n")
	}
	const immutable = "the API server refuses other data for ConfigMap flux-system/vars, which is immutable"
	for name, c := range map[string]struct {
		base, branch          edit
		changed, kept, errors int
		incomplete            bool
		says                  string
	}{
		"its path is ignored":               {nothing, write(".sourceignore", "apps/\n"), 0, 0, 0, true, `leaves its path "./apps" out of the artifact (.sourceignore)`},
		"all but the clusters are ignored":  {nothing, write(".sourceignore", "/*\n!/clusters\n"), 0, 0, 0, true, `leaves its path "./apps" out of the artifact (.sourceignore)`},
		"an immutable ConfigMap":            {given, change("clusters/a/vars.yaml", "6m", "7m"), 0, 1, 1, false, immutable},
		"and not immutable any more":        {given, write("clusters/a/vars.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: vars, namespace: flux-system}\ndata: {poll: 7m}\n"), 0, 1, 1, false, immutable},
		"only not immutable any more":       {given, change("clusters/a/vars.yaml", "immutable: true\n", ""), 0, 0, 1, false, "the API server refuses to make ConfigMap flux-system/vars mutable again"},
		"an immutable one is made anew":     {forced, change("clusters/a/vars.yaml", "6m", "7m"), 1, 0, 0, false, ""},
		"an immutable one has other labels": {given, change("clusters/a/vars.yaml", "name: vars,", "name: vars, labels: {a: b},"), 0, 0, 0, false, ""},
		"an immutable one has another name": {given, func(t *testing.T, dir string) {
			t.Helper()
			editFile(t, dir, "clusters/a/vars.yaml", "{name: vars,", "{name: more,")
			editFile(t, dir, "clusters/a/vars.yaml", "6m", "7m")
			editFile(t, dir, "clusters/a/apps.yaml", "name: vars", "name: more")
		}, 1, 0, 0, false, ""},
		"an escaped variable that was there": {escaped, change("apps/b.yaml", "6m", "7m"), 0, 1, 0, false, "applies nothing: the API server refuses spec.interval of GitRepository x/a"},
		"an escaped variable":                {nothing, escaped, 0, 2, 1, false, "is not a duration that Flux accepts"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := writeBootstrapped(t, "a")
			c.base(t, dir)
			runGit(t, dir, "add", "-A")
			runGit(t, dir, "commit", "-q", "--allow-empty", "-m", "more")
			c.branch(t, dir)
			o := invocation{}.run(t.Context(), "check", "-f", dir, "--base", "main", "-o", "json")
			var document report.BranchCheck
			require.NoError(t, json.Unmarshal([]byte(o.stdout), &document), o.stderr)
			assert.Equal(t, c.incomplete, o.code != 0, o.stderr)
			assert.Equal(t, c.incomplete, document.Summary.Incomplete.After, o.stderr)
			assert.Equal(t, [3]int{c.changed, c.kept, c.errors}, [3]int{document.Summary.Changed, document.Summary.Kept, document.Summary.Errors}, o.stderr)
			assert.Zero(t, document.Summary.Removed)
			assert.Contains(t, tellings(document), c.says)
		})
	}
}

// tellings are the reasons that a check gives.
func tellings(c report.BranchCheck) string {
	lines := append(c.GapLines(), c.StayLines()...)
	for _, f := range c.Findings {
		lines = append(lines, f.Message)
	}
	for _, m := range c.Missing {
		lines = append(lines, m.Why)
	}
	return strings.Join(lines, "\n")
}
