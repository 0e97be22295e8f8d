package manifest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

const heldSync = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: flux-system, namespace: flux-system}\n" +
	"spec: {interval: 1m, path: ./clusters/a, prune: true, sourceRef: {kind: GitRepository, name: flux-system}}\n"

// heldFleet is a cluster whose Kustomization apps applies what is in apps. The object's marks and the Kustomization's spec are
// YAML flows.
func heldFleet(t *testing.T, spec, annotations string, without ...string) Fleet {
	t.Helper()
	files := map[string]string{
		"clusters/a/flux-system/gotk-sync.yaml": heldSync,
		"clusters/a/apps.yaml": "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: apps, namespace: flux-system}\n" +
			"spec: {interval: 5m, path: ./apps, sourceRef: {kind: GitRepository, name: flux-system}, " + spec + "}\n",
		"apps/web.yaml": "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: web, namespace: apps, annotations: {" + annotations +
			"}}\nspec: {interval: 5m, url: https://github.com/example/web}\n",
		"apps/other.yaml": "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: other, namespace: apps}\nspec: {interval: 5m, url: https://github.com/example/other}\n",
	}
	for _, file := range without {
		delete(files, file)
	}
	tree := NewTree(files)
	fleets := tree.Read(tree.Roots())
	require.Len(t, fleets, 1)
	return fleets[0]
}

var heldWeb = flux.Ref{Group: "source.toolkit.fluxcd.io", Kind: "GitRepository", Namespace: "apps", Name: "web"}

func objectOf(f Fleet, ref flux.Ref) flux.Object {
	for _, o := range f.Snapshot.Objects {
		if o.Ref == ref {
			return o
		}
	}
	return flux.Object{}
}

// What keeps Git's values from the cluster: the object's marks and the Kustomization's rules, field by field.
func TestHeld(t *testing.T) {
	t.Parallel()
	const key = "kustomize.toolkit.fluxcd.io/"
	for name, c := range map[string]struct {
		spec, annotations string
		interval, timeout string
	}{
		"nothing":             {"prune: true", "", "", ""},
		"a rule":              {"prune: true, ignore: [{paths: [/spec/interval], target: {kind: GitRepository}}]", "", "spec.ignore of Kustomization flux-system/apps leaves it to the cluster: Git's value counts only when the object is created", ""},
		"a rule of another":   {"prune: true, ignore: [{paths: [/spec/interval], target: {name: other}}]", "", "", ""},
		"ssa: Ignore":         {"prune: true", key + "ssa: Ignore", "ssa: Ignore on the object keeps every update from Git away", "ssa: Ignore on the object keeps every update from Git away"},
		"reconcile: disabled": {"prune: true", key + "reconcile: disabled", "reconcile: disabled on the object keeps every update from Git away", "reconcile: disabled on the object keeps every update from Git away"},
		"ssa: ifnotpresent":   {"prune: true", key + "ssa: ifnotpresent", "ssa: IfNotPresent on the object: Git's values count only when it is created", "ssa: IfNotPresent on the object: Git's values count only when it is created"},
		"ssa: Merge":          {"prune: true", key + "ssa: Merge", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := heldFleet(t, c.spec, c.annotations)
			assert.Equal(t, [2]string{c.interval, c.timeout}, [2]string{f.Held(heldWeb, flux.Interval), f.Held(heldWeb, flux.Timeout)})
			_, suspended := f.SuspendedBy(heldWeb)
			assert.False(t, suspended)
		})
	}
}

func TestSuspendedBy(t *testing.T) {
	t.Parallel()
	f := heldFleet(t, "prune: true, suspend: true", "")
	by, suspended := f.SuspendedBy(heldWeb)
	assert.True(t, suspended)
	assert.Equal(t, "Kustomization flux-system/apps", by.String())
	assert.Contains(t, f.Snapshot.Gaps, flux.Gap{What: "what Kustomization flux-system/apps applies", Harmless: true, Why: "it is suspended: what the files have reaches the cluster when it is resumed"})
	_, suspended = f.SuspendedBy(by)
	assert.False(t, suspended)
}

// What Flux takes away of what is not in Git any more, and what it leaves.
func TestRemoved(t *testing.T) {
	t.Parallel()
	const web, apps = "apps/web.yaml", "clusters/a/apps.yaml"
	const by = "Kustomization flux-system/apps, which applied it, "
	for name, c := range map[string]struct {
		base, marks, head string
		without           string
		want              string
	}{
		"pruned":                              {"prune: true", "", "prune: true", web, ""},
		"not pruned":                          {"prune: true", "", "prune: false", web, by + "has prune: false"},
		"not pruned before":                   {"prune: false", "", "prune: true", web, ""},
		"suspended":                           {"prune: true", "", "prune: true, suspend: true", web, by + "is suspended"},
		"resumed":                             {"prune: true, suspend: true", "", "prune: true", web, ""},
		"a mark":                              {"prune: true", "kustomize.toolkit.fluxcd.io/prune: Disabled", "prune: true", web, "prune: disabled on the object keeps Flux from taking it away"},
		"an excluded object":                  {"prune: true", "kustomize.toolkit.fluxcd.io/reconcile: disabled", "prune: true", web, "reconcile: disabled on the object keeps Flux from taking it away"},
		"the Kustomization":                   {"prune: true", "", "", apps, ""},
		"a Kustomization that does not prune": {"prune: false", "", "", apps, by + "has prune: false"},
		"MirrorPrune":                         {"prune: false, deletionPolicy: MirrorPrune", "", "", apps, by + "has prune: false"},
		"Delete":                              {"prune: false, deletionPolicy: Delete", "", "", apps, ""},
		"WaitForTermination":                  {"prune: false, deletionPolicy: WaitForTermination", "", "", apps, ""},
		"Orphan":                              {"prune: true, deletionPolicy: Orphan", "", "", apps, by + "has deletionPolicy: Orphan"},
		"a suspended Kustomization":           {"prune: true, suspend: true, deletionPolicy: Delete", "", "", apps, by + "is suspended when it goes, and leaves it"},
		"a policy without a deletion":         {"prune: true, deletionPolicy: Orphan", "", "prune: true, deletionPolicy: Orphan", web, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base := heldFleet(t, c.base, c.marks)
			head := heldFleet(t, c.head, c.marks, c.without)
			assert.Equal(t, c.want, NewTransition(base, head).Removed(objectOf(base, heldWeb)))
		})
	}
}

// A suspended Kustomization brings nothing; who is above it decides whether it is.
func TestChangedAndAdded(t *testing.T) {
	t.Parallel()
	running, suspended := "prune: true", "prune: true, suspend: true"
	const why = "Kustomization flux-system/apps, which applies it, is suspended"
	for name, c := range map[string]struct{ base, head, want string }{
		"runs":      {running, running, ""},
		"suspended": {suspended, suspended, why},
		"stopped":   {running, suspended, why},
		"resumed":   {suspended, running, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base, head := heldFleet(t, c.base, ""), heldFleet(t, c.head, "")
			assert.Equal(t, c.want, NewTransition(base, head).Changed(objectOf(head, heldWeb), flux.Interval))
			assert.Equal(t, c.want, NewTransition(heldFleet(t, c.base, "", "apps/web.yaml"), head).Added(objectOf(head, heldWeb)))
		})
	}
	excluded := heldFleet(t, running, "kustomize.toolkit.fluxcd.io/ssa: Ignore")
	assert.Equal(t, "ssa: Ignore on the object keeps it from being created", NewTransition(heldFleet(t, running, "", "apps/web.yaml"), excluded).Added(objectOf(excluded, heldWeb)))
	once := heldFleet(t, running, "kustomize.toolkit.fluxcd.io/ssa: IfNotPresent")
	assert.Empty(t, NewTransition(heldFleet(t, running, "", "apps/web.yaml"), once).Added(objectOf(once, heldWeb)))
}

// A Kustomization whose own spec does not reach the cluster is told: a patch or a variable there changes nothing yet.
func TestFrozenSpecsAreTold(t *testing.T) {
	t.Parallel()
	const start = "its files are followed at once, but another spec of it (path, patches, variables) only when that reaches the cluster: "
	middle := func(spec, marks string) []flux.Gap {
		ks := func(name, marks, spec string) string {
			return "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: " + name + ", namespace: flux-system, annotations: {" + marks + "}}\n" +
				"spec: {interval: 5m, prune: true, sourceRef: {kind: GitRepository, name: flux-system}, " + spec + "}\n"
		}
		tree := NewTree(map[string]string{
			"clusters/a/flux-system/gotk-sync.yaml": heldSync, "clusters/a/stack.yaml": ks("stack", "", "path: ./stack"+spec),
			"stack/apps.yaml": ks("apps", marks, "path: ./apps"), "apps/web.yaml": release,
		})
		return tree.Read(tree.Roots())[0].Snapshot.Gaps
	}
	for name, c := range map[string]struct{ spec, marks, why string }{
		"nothing":      {"", "", ""},
		"suspended":    {", suspend: true", "", "Kustomization flux-system/stack, which applies it, is suspended"},
		"created only": {"", "kustomize.toolkit.fluxcd.io/ssa: IfNotPresent", "ssa: IfNotPresent on the object: Git's values count only when it is created"},
		"a rule": {", ignore: [{paths: [/spec/postBuild/substitute, /spec/path], target: {kind: Kustomization}}]", "",
			"spec.ignore of Kustomization flux-system/stack leaves it to the cluster: Git's value counts only when the object is created"},
		"a rule for intervals": {", ignore: [{paths: [/spec/interval], target: {kind: Kustomization}}]", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var told []string
			for _, g := range middle(c.spec, c.marks) {
				if g.What == "what Kustomization flux-system/apps applies" {
					assert.True(t, g.Harmless)
					told = append(told, g.Why)
				}
			}
			if c.why == "" {
				assert.Empty(t, told)
				return
			}
			assert.Equal(t, []string{start + c.why}, told)
		})
	}
}
