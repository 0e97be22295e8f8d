package manifest

import (
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What a FluxInstance makes goes with it, unless a mark keeps that; and Flux with that.
func TestEndsOfAFluxInstance(t *testing.T) {
	t.Parallel()
	const instance = "apiVersion: fluxcd.controlplane.io/v1\nkind: FluxInstance\nmetadata: {name: flux, namespace: flux-system}\nspec:\n  distribution: {version: 2.x, registry: ghcr.io/fluxcd}\n" +
		"  sync: {kind: GitRepository, url: 'https://github.com/example/fleet', ref: refs/heads/main, path: clusters/production}\n"
	marked := strings.Replace(instance, "{name: flux,", "{annotations: {kustomize.toolkit.fluxcd.io/prune: disabled}, name: flux,", 1)
	unsynced, _, _ := strings.Cut(instance, "  sync:")
	for name, c := range map[string]struct {
		before, after string
		want          string
	}{
		"nothing":          {instance, instance, ""},
		"it is gone":       {instance, "", "loses FluxInstance flux-system/flux, which makes it: the Flux Operator then uninstalls Flux"},
		"it is kept":       {marked, "", ""},
		"without a source": {instance, unsynced, "is not among what it applies any more: Flux takes it away, and all that it applied"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base, head := NewTree(map[string]string{production + "flux.yaml": c.before, "x": ""}), NewTree(map[string]string{production + "flux.yaml": c.after, "x": ""})
			before := base.Roots()
			after, _ := head.Successors(head.Roots(), before)
			_, says, ends := NewTransition(base.Read(before)[0], head.Read(after)[0]).Ends()
			assert.Equal(t, c.want != "", ends)
			if ends {
				assert.Equal(t, c.want, says)
			}
		})
	}
}

// A cluster's own source that gets another repository or revision brings what is not in the checkout, however it is written.
func TestResourced(t *testing.T) {
	t.Parallel()
	instance := map[string]string{production + "flux.yaml": "apiVersion: fluxcd.controlplane.io/v1\nkind: FluxInstance\nmetadata: {name: flux, namespace: flux-system}\nspec:\n  distribution: {version: 2.x, registry: ghcr.io/fluxcd}\n" +
		"  sync:\n    kind: GitRepository\n    url: https://github.com/example/fleet\n    ref: refs/heads/main\n    path: clusters/production\n"}
	oci := map[string]string{production + "flux.yaml": strings.NewReplacer("GitRepository", "OCIRepository", "https://github.com", "oci://ghcr.io", "refs/heads/main", "v1").Replace(instance[production+"flux.yaml"])}
	bootstrapped := productionAlone(nil)
	for name, c := range map[string]struct {
		files    map[string]string
		from, to string
		want     bool
	}{
		"nothing":                         {bootstrapped, "interval: 1m", "interval: 2m", false},
		"a branch":                        {bootstrapped, "  url: ssh://git@github.com/example/fleet\n", "  url: ssh://git@github.com/example/fleet\n  ref: {branch: next}\n", true},
		"the branch that it has":          {bootstrapped, "  url: ssh://git@github.com/example/fleet\n", "  url: ssh://git@github.com/example/fleet\n  ref: {branch: master}\n", false},
		"a repository":                    {bootstrapped, "example/fleet", "example/other", true},
		"a protocol":                      {bootstrapped, "ssh://git@github.com/example/fleet", "https://github.com/Example/fleet.git", false},
		"a branch of a FluxInstance":      {instance, "heads/main", "heads/next", true},
		"a repository of a FluxInstance":  {instance, "example/fleet", "example/other", true},
		"an interval of a FluxInstance":   {instance, "  sync:\n", "  sync:\n    interval: 5m\n", false},
		"a tag of artifacts":              {oci, "ref: v1", "ref: v2", true},
		"the repository of the artifacts": {oci, "example/fleet", "example/other", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			changed := map[string]string{}
			for file, text := range c.files {
				changed[file] = strings.ReplaceAll(text, c.from, c.to)
			}
			require.NotEqual(t, c.files, changed)
			var states []Fleet
			for _, files := range []map[string]string{c.files, changed} {
				tree := NewTree(files)
				fleets := tree.Read(tree.Roots())
				require.Len(t, fleets, 1)
				states = append(states, fleets[0])
			}
			gap, got := NewTransition(states[0], states[1]).Resourced()
			assert.Equal(t, c.want, got, "%v", gap)
		})
	}
}

// A cluster goes on where no file says any more that it is one, and where its files lead it to another folder.
func TestSuccessors(t *testing.T) {
	t.Parallel()
	const sync = production + "flux-system/gotk-sync.yaml"
	for name, c := range map[string]struct {
		change func(map[string]string)
		want   []string
	}{
		"nothing":          {func(map[string]string) {}, []string{"clusters/production"}},
		"its file is gone": {func(files map[string]string) { delete(files, sync) }, []string{"clusters/production"}},
		"its folder is gone": {func(files map[string]string) {
			maps.DeleteFunc(files, func(f, _ string) bool { return below(f, "clusters") })
		}, nil},
		"it is led elsewhere": {func(files map[string]string) {
			files[sync] = strings.Replace(files[sync], "./clusters/production", "./apps", 1)
		}, []string{"clusters/production"}},
		"it is led to a copy": {func(files map[string]string) {
			files[sync] = strings.Replace(files[sync], "./clusters/production", "./clusters/new", 1)
			files["clusters/new/flux-system/gotk-sync.yaml"] = files[sync]
		}, []string{"clusters/production"}},
		"its file is elsewhere": {func(files map[string]string) {
			files["clusters/new/flux-system/gotk-sync.yaml"] = strings.Replace(files[sync], "clusters/production", "clusters/new", 1)
			delete(files, sync)
		}, []string{"clusters/new", "clusters/production"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := productionAlone(nil)
			before := NewTree(files).Roots()
			c.change(files)
			tree := NewTree(files)
			roots, _ := tree.Successors(tree.Roots(), before)
			var paths []string
			for _, r := range roots {
				if r.Known() {
					paths = append(paths, r.Path)
				}
			}
			assert.Equal(t, c.want, paths)
		})
	}
}
