package manifest

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// wish is what the tests' policy wants of an object: by the root's environment, intervals of 1m in development,
// 3m in staging and 5m in production, and timeouts of 2m for Kustomizations, which must not be shortened.
func wish(f Fleet, o flux.Object) []tune.Change {
	interval := "5m"
	switch {
	case strings.Contains(f.Root.Path, "dev"):
		interval = "1m"
	case strings.Contains(f.Root.Path, "staging"):
		interval = "3m"
	}
	values := map[flux.Field]string{flux.Interval: interval}
	if o.Ref.Kind == kustomizationKind {
		values[flux.Timeout] = "2m"
	}
	var changes []tune.Change
	for _, field := range []flux.Field{flux.Interval, flux.Timeout} {
		to, ok := values[field]
		if ok && o.Annotations["keep"] == "" && !o.Generated && !flux.SameDuration(o.Value(field), &to) {
			changes = append(changes, tune.Change{Field: field, From: o.Value(field), To: &to})
		}
	}
	return changes
}

func wishes(fleets []Fleet) []Want {
	var wants []Want
	for i, f := range fleets {
		for _, o := range f.Snapshot.Objects {
			if changes := wish(f, o); len(changes) > 0 {
				wants = append(wants, Want{i, o.Ref, changes})
			}
		}
	}
	return wants
}

// story tells all that was found in a tree and made of it.
func story(t *testing.T, tree *Tree) string {
	t.Helper()
	var b strings.Builder
	fleets := tree.Read(tree.Roots())
	d := tree.Decide(fleets)
	for i, f := range fleets {
		fmt.Fprintf(&b, "root %s\n", f.Root)
		for _, o := range f.Snapshot.Objects {
			for _, tunable := range o.KindRow().Tunables {
				v := o.Value(tunable.Field)
				if v == nil {
					continue
				}
				target := Target{i, o.Ref, tunable.Field}
				if s, ok := d.Scalar(target); ok {
					fmt.Fprintf(&b, "  %s %s %s: %s, followed by %d\n", o.Ref, tunable.Field, *v, s, len(d.Reach(target)))
				} else {
					fmt.Fprintf(&b, "  %s %s %s: %s\n", o.Ref, tunable.Field, *v, d.Unknown(target))
				}
			}
		}
		for _, g := range f.Snapshot.Gaps {
			fmt.Fprintf(&b, "  unknown: %s: %s\n", g.What, g.Why)
		}
	}
	for _, s := range tree.Dead(fleets, d, nil) {
		fmt.Fprintf(&b, "dead: %s %s\n", s, s.Text)
	}
	r, err := tree.Rewrite(fleets, d, wishes(fleets))
	if err != nil {
		fmt.Fprintf(&b, "error: %s\n", err)
		return b.String()
	}
	for _, refusal := range r.Refused {
		fmt.Fprintf(&b, "refused: %s %s of %s: %s\n", refusal.Ref, refusal.Field, fleets[refusal.Root].Root, refusal.Why)
	}
	for _, file := range sortedKeys(r.Files) {
		was, err := tree.ReadFile(file)
		require.NoError(t, err)
		b.WriteString(terminal.Diff("a/"+file, "b/"+file, was, r.Files[file]))
	}
	holds(t, tree, fleets, r)
	return b.String()
}

// holds checks a rewriting by reading the tree again: every value is what was wished or, where refused, what it
// was; nothing else differs; and a second run has nothing to do.
func holds(t *testing.T, tree *Tree, fleets []Fleet, r Rewriting) {
	t.Helper()
	wished := map[Target]string{}
	for _, w := range wishes(fleets) {
		for _, c := range w.Changes {
			wished[Target{w.Root, w.Ref, c.Field}] = *c.To
		}
	}
	for _, refusal := range r.Refused {
		delete(wished, refusal.Target)
	}
	before := fleetValues(fleets)
	again := tree.With(r.Files)
	after := again.Read(again.Roots())
	got := fleetValues(after)
	for target, to := range wished {
		assert.Equal(t, flux.ShortDuration(to), flux.ShortDuration(got[target]), "%v", target)
		delete(got, target)
		delete(before, target)
	}
	assert.Equal(t, before, got, "values that nobody wanted changed")
	second, err := again.Rewrite(after, again.Decide(after), wishes(after))
	require.NoError(t, err)
	assert.Empty(t, second.Files, "a second run changes something")
}

// Every structure that fleets in Git have is a file in testdata/rewrite, with what becomes of it beside it.
func TestRewrite(t *testing.T) {
	cases, err := filepath.Glob("testdata/rewrite/*.tree")
	require.NoError(t, err)
	require.NotEmpty(t, cases)
	for _, name := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".tree"), func(t *testing.T) {
			text, err := os.ReadFile(name)
			require.NoError(t, err)
			got := story(t, NewTree(archive(string(text))))
			golden := strings.TrimSuffix(name, ".tree") + ".golden"
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			assert.Equal(t, string(want), got)
		})
	}
}

// The scalars of a tree are edited in place whatever its line ends, and a file without a final newline keeps
// having none.
func TestRewriteKeepsLineEnds(t *testing.T) {
	text, err := os.ReadFile("testdata/rewrite/shared-base.tree")
	require.NoError(t, err)
	files := archive(string(text))
	for p, content := range files {
		files[p] = strings.ReplaceAll(strings.TrimSuffix(content, "\n"), "\n", "\r\n")
	}
	tree := NewTree(files)
	fleets := tree.Read(tree.Roots())
	r, err := tree.Rewrite(fleets, tree.Decide(fleets), wishes(fleets))
	require.NoError(t, err)
	require.NotEmpty(t, r.Files)
	holds(t, tree, fleets, r)
	for p, content := range r.Files {
		lines := strings.Split(string(content), "\n")
		for i, line := range lines[:len(lines)-1] {
			assert.True(t, strings.HasSuffix(line, "\r"), "%s line %d: %q", p, i+1, line)
		}
		assert.False(t, strings.HasSuffix(string(content), "\n"), "%s has a final newline now", p)
	}
}

// What a Kustomization of no cluster may use is not edited: it may be one that nobody found. Patches of others beside it are.
func TestRewriteSparesStrays(t *testing.T) {
	t.Parallel()
	kustomization := func(name, path string) string {
		return "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: " + name + ", namespace: flux-system}\nspec:\n  interval: 3m\n  timeout: 2m\n  path: " +
			path + "\n  sourceRef: {kind: GitRepository, name: flux-system}\n"
	}
	tree := NewTree(map[string]string{
		"staging/flux-system/gotk-sync.yaml": kustomization("flux-system", "./staging"), "staging/apps.yaml": kustomization("apps", "./apps"), "apps/web.yaml": release,
		"by-hand/prod.yaml": kustomization("prod", "./prod"), "prod/kustomization.yaml": "resources: [../apps/web.yaml]\n",
	})
	fleets := tree.Read(tree.Roots())
	require.Len(t, fleets, 1)
	r, err := tree.Rewrite(fleets, tree.Decide(fleets), wishes(fleets))
	require.NoError(t, err)
	assert.Equal(t, []string{"staging/apps.yaml"}, sortedKeys(r.Files))
	assert.Empty(t, r.Refused)
	holds(t, tree, fleets, r)
}

// A folder that somebody applies by hand, once, and a Kustomization in it from then on: what the Kustomization's own patches
// decide is not expected of the objects as they were applied by hand.
func TestRewriteOfAFolderThatTakesOverItself(t *testing.T) {
	kustomization := "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: NAME\n  namespace: flux-system\n" +
		"spec:\n  interval: 10m\n  prune: true\n  path: ./PATH\n  sourceRef:\n    kind: GitRepository\n    name: flux-system\n"
	of := func(name, path string) string {
		return strings.NewReplacer("NAME", name, "PATH", path).Replace(kustomization)
	}
	patches := "  patches:\n  - patch: |\n      - op: add\n        path: /spec/interval\n        value: 9m\n    target:\n      kind: Kustomization\n"
	tree := NewTree(map[string]string{
		"clusters/dev/flux.yaml":          of("self", "clusters/dev") + patches + "---\n" + gitRepository("flux-system", "  namespace: flux-system\n"),
		"clusters/dev/kustomization.yaml": "resources:\n- flux.yaml\n- apps.yaml\n",
		"clusters/dev/apps.yaml":          of("a", "apps") + "---\n" + of("b", "apps"),
		"apps/c.yaml":                     configMap("c", "a: b"),
	})
	fleets := tree.Read(tree.Roots())
	require.Len(t, fleets, 1)
	require.Empty(t, fleets[0].Root.name)
	r, err := tree.Rewrite(fleets, tree.Decide(fleets), wishes(fleets))
	require.NoError(t, err)
	assert.Empty(t, r.Refused)
	assert.Contains(t, string(r.Files["clusters/dev/flux.yaml"]), "value: 1m\n")
	holds(t, tree, fleets, r)
}
