package check

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/manifest"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// side reads a tree of clusters, each of the environment that its folder names.
func side(t *testing.T, files map[string]string) Side {
	t.Helper()
	return sideOf(t, manifest.NewTree(files), func(root string) string { return strings.TrimPrefix(root, "clusters/") })
}

// sideOf reads a tree of clusters, each of the environment that is told of its folder.
func sideOf(t *testing.T, tree *manifest.Tree, environment func(root string) string) Side {
	t.Helper()
	s := Side{Tree: tree, Fleets: tree.Read(tree.Roots())}
	for i, f := range s.Fleets {
		resolver := policy.NewResolver(testPolicy(t), f.Snapshot, environment(f.Root.Path))
		plan := tune.NewPlan(f.Snapshot.Objects, testPolicy(t), resolver, tune.Options{Managed: tune.ManagedPatch})
		costs := slices.Clone(plan.Items)
		for _, o := range f.Snapshot.Related {
			costs = append(costs, tune.Item{Object: o})
		}
		s.Clusters = append(s.Clusters, Cluster{Root: i, Name: f.Root.Path, Plan: plan, Costs: budget.Input{Items: costs, Limits: budget.NewLimits(nil, nil)}})
	}
	return s
}

func testPolicy(t *testing.T) policy.Policy {
	t.Helper()
	p, err := policy.Preset(policy.DefaultName)
	require.NoError(t, err)
	return p
}

func source(name, spec string) string {
	return "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata:\n  name: " + name + "\n  namespace: apps\nspec:\n  url: https://github.com/example/web\n" + spec
}

// fleet is one cluster of development with some objects.
func fleet(objects ...string) map[string]string {
	return map[string]string{
		"clusters/development/flux-system/gotk-sync.yaml": "# written by flux bootstrap\n",
		"clusters/development/objects.yaml":               strings.Join(objects, "---\n"),
	}
}

func lines(c Check) []string {
	list := []string{}
	for _, f := range c.Findings {
		known := ""
		if f.Known {
			known = "known "
		}
		list = append(list, fmt.Sprintf("%s%d:%d %s: %s", known, f.At.Line, f.At.Column, f.Rule, f.Message))
	}
	return list
}

// With line numbers, and nothing that nobody asked for.
func TestFindings(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		object string
		want   []string
	}{
		"as the policy wants it, also a timeout longer than the interval": {source("a", "  interval: 30s\n  timeout: 2m\n"), []string{}},
		"days":                      {source("a", "  interval: 1d\n  timeout: 2m\n"), []string{"8:13 unit: interval of GitRepository apps/a: \"1d\" is not a duration that Flux accepts: write it like 30s, 5m or 1h30m (units ms, s, m, h)"}},
		"zero":                      {source("a", "  interval: 0s\n  timeout: 2m\n"), []string{"8:13 unit: interval of GitRepository apps/a: with \"0s\" Flux never looks again by itself"}},
		"null":                      {source("a", "  interval: ~\n  timeout: 2m\n"), []string{"8:13 unit: interval of GitRepository apps/a: it is not set, and Flux requires it"}},
		"absent":                    {source("a", "  timeout: 2m\n"), []string{"7:3 unit: interval of GitRepository apps/a: it is not set, and Flux requires it"}},
		"empty":                     {source("a", "  interval: \"\"\n  timeout: 2m\n"), []string{"8:13 unit: interval of GitRepository apps/a: \"\" is not a duration that Flux accepts: write it like 30s, 5m or 1h30m (units ms, s, m, h)"}},
		"a number":                  {source("a", "  interval: 300\n  timeout: 2m\n"), []string{"8:13 unit: interval of GitRepository apps/a: \"300\" is not a duration that Flux accepts: write it like 30s, 5m or 1h30m (units ms, s, m, h)"}},
		"a word behind it":          {source("a", "  interval: 5 min\n  timeout: 2m\n"), []string{"8:13 unit: interval of GitRepository apps/a: \"5 min\" is not a duration that Flux accepts: write it like 30s, 5m or 1h30m (units ms, s, m, h)"}},
		"a number for a timeout":    {source("a", "  interval: 30s\n  timeout: 120\n"), []string{"9:12 unit: timeout of GitRepository apps/a: \"120\" is not a duration that Flux accepts: write it like 30s, 5m or 90m (units ms, s, m; a source's timeout takes no h)"}},
		"negative":                  {source("a", "  interval: -5m\n  timeout: 2m\n"), []string{"8:13 unit: interval of GitRepository apps/a: \"-5m\" is not a duration that Flux accepts: write it like 30s, 5m or 1h30m (units ms, s, m, h)"}},
		"hours for a source":        {source("a", "  interval: 30s\n  timeout: '1h'\n"), []string{"9:13 unit: timeout of GitRepository apps/a: \"1h\" is not a duration that Flux accepts: write it like 30s, 5m or 90m (units ms, s, m; a source's timeout takes no h)"}},
		"a timeout of one's own":    {source("a", "  interval: 1m\n  timeout: 10m\n"), []string{}},
		"a timeout that is not set": {source("a", "  interval: 30s\n"), []string{"7:3 policy: timeout of GitRepository apps/a is not set: policy per-environment makes it 2m in development"}},
		"suspended":                 {source("a", "  interval: 1m\n  timeout: 10m\n  suspend: true\n  ref: {semver: 1.x}\n"), []string{}},
		"what would follow the interval": {"apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: a, namespace: apps}\nspec:\n  interval: 10m\n  prune: true\n  sourceRef: {kind: GitRepository, name: a}\n", []string{
			"5:3 policy: retryInterval of Kustomization apps/a is not set and would follow the interval of policy per-environment: it is set to what Flux uses now, 10m in development; " +
				"timeout of Kustomization apps/a is not set and would follow the interval of policy per-environment: it is set to what Flux uses now, 9m30s in development",
			"5:13 policy: interval 10m of Kustomization apps/a: policy per-environment makes it 1m in development",
		}},
		"an interval too long":       {source("a", "  interval: 10m\n  timeout: 2m\n"), []string{"8:13 policy: interval 10m of GitRepository apps/a: policy per-environment makes it 1m in development"}},
		"a clone each time":          {source("a", "  interval: 1m\n  timeout: 2m\n  ref:\n    semver: 1.x\n"), []string{"8:13 semver: GitRepository apps/a clones its repository every 1m, as ref.semver does: 60 times an hour"}},
		"the same twice":             {source("b", "  interval: 1m\n  timeout: 2m\n") + "---\n" + source("a", "  interval: 50s\n  timeout: 2m\n"), []string{"7:8 duplicate-source: GitRepository apps/b polls github.com/example/web as GitRepository apps/a does: one of them would do"}},
		"two branches are not twice": {source("b", "  interval: 1m\n  timeout: 2m\n  ref: {branch: x}\n") + "---\n" + source("a", "  interval: 1m\n  timeout: 2m\n"), []string{}},
		"two credentials are not":    {source("b", "  interval: 1m\n  timeout: 2m\n  secretRef: {name: x}\n") + "---\n" + source("a", "  interval: 1m\n  timeout: 2m\n"), []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, c.want, lines(New(Input{Head: side(t, fleet(c.object)), Policy: testPolicy(t)})))
		})
	}
}

// A variable that nothing sets is told once for each place, for all Kustomizations that are built from it, and what the
// base has is known.
func TestUnsetVariables(t *testing.T) {
	t.Parallel()
	files := func(use string) map[string]string {
		kustomization := func(name string) string {
			return "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: " + name + ", namespace: apps}\nspec:\n  interval: 40s\n  timeout: 20m\n" +
				"  retryInterval: 1m\n  path: ./apps\n  sourceRef: {kind: GitRepository, name: flux-system, namespace: flux-system}\n  postBuild: {substitute: {a: b}}\n"
		}
		all := fleet(kustomization("one"), kustomization("two"))
		all["apps/deployment.yaml"] = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: " + use + "\n"
		return all
	}
	unset := func(c Check) []string {
		var found []string
		for _, line := range lines(c) {
			if strings.Contains(line, string(RuleVariable)) {
				found = append(found, line)
			}
		}
		return found
	}
	clean, broken := side(t, files("${none:=2}")), side(t, files("${none}"))
	message := "5:13 unset-variable: variable none has no value and no default in 2 objects: Flux applies nothing of it, or, before kustomize-controller 1.9, takes it for empty"
	c := New(Input{Base: &clean, Head: broken, Policy: testPolicy(t)})
	assert.Equal(t, []string{message}, unset(c))
	assert.Equal(t, LevelError, c.Fresh()[0].Level)
	assert.Equal(t, "apps/deployment.yaml:5:13", c.Fresh()[0].At.String())
	assert.Equal(t, []string{"known " + message}, unset(New(Input{Base: &broken, Head: broken, Policy: testPolicy(t)})))
	assert.Empty(t, unset(New(Input{Head: clean, Policy: testPolicy(t)})))
}

// What the base has, too, is known, wherever its lines have moved; a second one of the kind is new.
func TestKnownFindings(t *testing.T) {
	t.Parallel()
	bad := "  interval: 10m\n  timeout: 2m\n"
	base, head := side(t, fleet(source("a", bad))), side(t, fleet("# moved\n"+source("a", bad), source("b", bad+"  ref: {branch: x}\n")))
	c := New(Input{Base: &base, Head: head, Policy: testPolicy(t)})
	assert.Equal(t, []string{
		"known 9:13 policy: interval 10m of GitRepository apps/a: policy per-environment makes it 1m in development",
		"19:13 policy: interval 10m of GitRepository apps/b: policy per-environment makes it 1m in development",
	}, lines(c))
	assert.Len(t, c.Fresh(), 1)
	assert.Equal(t, []flux.Ref{{Group: "source.toolkit.fluxcd.io", Kind: "GitRepository", Namespace: "apps", Name: "b"}}, c.Clusters[0].Added)
	assert.Empty(t, c.Clusters[0].Changes)
	assert.Equal(t, Delta[float64]{6, 12}, c.Git)
}

// A value that a patch takes over decides nothing any more, and the branch that added the patch did that.
func TestDeadOnTheBranch(t *testing.T) {
	t.Parallel()
	files := func(patch string) map[string]string {
		return map[string]string{
			"clusters/development/flux-system/gotk-sync.yaml": "# written by flux bootstrap\n",
			"clusters/development/kustomization.yaml":         "resources: [a.yaml]\n" + patch,
			"clusters/development/a.yaml":                     source("a", "  interval: 7m\n  timeout: 2m\n"),
		}
	}
	base := side(t, files(""))
	head := side(t, files("patches:\n- target: {kind: GitRepository}\n  patch: |\n    - {op: replace, path: /spec/interval, value: 40s}\n"))
	c := New(Input{Base: &base, Head: head, Policy: testPolicy(t)})
	require.Len(t, c.Fresh(), 1)
	assert.Equal(t, RuleDead, c.Fresh()[0].Rule)
	assert.Equal(t, "clusters/development/a.yaml:8:13", c.Fresh()[0].At.String())
	require.Len(t, c.Clusters[0].Changes, 1)
	assert.Equal(t, "clusters/development/kustomization.yaml:5:50", c.Clusters[0].Changes[0].At.String())
	c = New(Input{Base: &head, Head: head, Policy: testPolicy(t)})
	assert.Empty(t, c.Fresh())
	assert.Len(t, c.Findings, 1)
}

// What a patch sets to the same text is not called another value.
func TestDeadBesideItsOwnText(t *testing.T) {
	t.Parallel()
	head := side(t, map[string]string{
		"clusters/development/flux-system/gotk-sync.yaml": "# written by flux bootstrap\n",
		"clusters/development/kustomization.yaml":         "resources: [a.yaml]\npatches:\n- target: {kind: GitRepository}\n  patch: |\n    - {op: replace, path: /spec/interval, value: 40s}\n",
		"clusters/development/a.yaml":                     source("a", "  interval: 40s\n  timeout: 2m\n"),
	})
	c := New(Input{Head: head, Policy: testPolicy(t)})
	require.Len(t, c.Findings, 1)
	assert.Equal(t, "40s decides nothing: every object that is made of it gets its value from elsewhere", c.Findings[0].Message)
}

// A cluster that is new costs all that it asks, one that is gone nothing any more.
func TestClustersComeAndGo(t *testing.T) {
	t.Parallel()
	one := fleet(source("a", "  interval: 1m\n  timeout: 2m\n"))
	two := map[string]string{}
	for p, content := range one {
		two[p] = content
		two[strings.Replace(p, "development", "production", 1)] = content
	}
	small, large := side(t, one), side(t, two)
	grown := New(Input{Base: &small, Head: large, Policy: testPolicy(t)})
	assert.Equal(t, Delta[float64]{60, 120}, grown.Git)
	assert.True(t, grown.Clusters[1].New)
	assert.Len(t, grown.Clusters[1].Added, 1)
	shrunk := New(Input{Base: &large, Head: small, Policy: testPolicy(t)})
	assert.Equal(t, Delta[float64]{120, 60}, shrunk.Git)
	assert.True(t, shrunk.Clusters[1].Gone)
	assert.Len(t, shrunk.Clusters[1].Removed, 1)
	require.Len(t, shrunk.Hosts, 1)
	assert.Equal(t, Delta[int]{2, 1}, shrunk.Hosts[0].Sources)
}

// A timeout that the policy keeps is not told, whoever wrote it down; one that a branch makes longer is, and so is one of an
// object without an environment.
func TestTimeoutsThatAreKept(t *testing.T) {
	t.Parallel()
	with := func(timeout string) Side { return side(t, fleet(source("a", "  interval: 1m\n"+timeout))) }
	long, short := with("  timeout: 10m\n"), with("  timeout: 2m\n")
	told := []string{"9:12 timeout: timeout 10m of GitRepository apps/a is not shorter than the interval of 1m"}
	assert.Empty(t, lines(New(Input{Head: long, Policy: testPolicy(t)})))
	assert.Empty(t, lines(New(Input{Base: &long, Head: long, Policy: testPolicy(t)})))
	assert.Equal(t, told, lines(New(Input{Base: &short, Head: long, Policy: testPolicy(t)})))
	nowhere := fleet(source("a", "  interval: 1m\n  timeout: 10m\n"))
	files := map[string]string{}
	for name, content := range nowhere {
		files[strings.Replace(name, "development", "elsewhere", 1)] = content
	}
	assert.Equal(t, told, lines(New(Input{Head: side(t, files), Policy: testPolicy(t)})))
}

// What is not built has no objects, but its manifests are read.
func TestUnitsOfWhatIsNotBuilt(t *testing.T) {
	t.Parallel()
	files := fleet(source("a", "  interval: 1m\n  timeout: 2m\n"), "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: apps, namespace: apps}\nspec:\n  interval: 40s\n  timeout: 20m\n"+
		"  retryInterval: 1m\n  path: ./apps\n  prune: true\n  sourceRef: {kind: GitRepository, name: flux-system, namespace: flux-system}\n")
	files["apps/kustomization.yaml"] = "resources: [b.yaml, none.yaml]\n"
	files["apps/b.yaml"] = source("b", "  interval: 1d\n  timeout: 2m\n")
	c := New(Input{Head: side(t, files), Policy: testPolicy(t)})
	require.Len(t, c.Findings, 1)
	assert.Equal(t, "apps/b.yaml:8:13", c.Findings[0].At.String())
	assert.Contains(t, c.Findings[0].Message, "interval of GitRepository apps/b: \"1d\" is not a duration")
	known := side(t, files)
	assert.True(t, New(Input{Base: &known, Head: known, Policy: testPolicy(t)}).Findings[0].Known)
}

// Of values that decide nothing those are told that may be of the objects that were asked for.
func TestDeadOfWhatIsAskedFor(t *testing.T) {
	t.Parallel()
	head := side(t, map[string]string{
		"clusters/development/flux-system/gotk-sync.yaml": "# written by flux bootstrap\n",
		"clusters/development/kustomization.yaml":         "resources: [a.yaml, b.yaml]\npatches:\n- target: {kind: GitRepository}\n  patch: |\n    - {op: replace, path: /spec/interval, value: 40s}\n",
		"clusters/development/a.yaml":                     source("a", "  interval: 7m\n  timeout: 2m\n"),
		"clusters/development/b.yaml":                     source("b", "  interval: 7m\n  timeout: 2m\n"),
	})
	dead := func() (files []string) {
		for _, f := range New(Input{Head: head, Policy: testPolicy(t)}).Findings {
			if f.Rule == RuleDead {
				files = append(files, f.At.File)
			}
		}
		return files
	}
	assert.Equal(t, []string{"clusters/development/a.yaml", "clusters/development/b.yaml"}, dead())
	head.Chosen = func(_ int, ref flux.Ref) bool { return ref.Name == "b" }
	assert.Equal(t, []string{"clusters/development/b.yaml"}, dead())
}
