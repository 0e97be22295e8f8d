package check

import (
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// applied is a cluster whose Kustomization apps/apps applies the folder apps.
func applied(spec string, files map[string]string) map[string]string {
	if !strings.Contains(spec, "prune: ") {
		spec += "  prune: true\n"
	}
	all := fleet("apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: apps, namespace: apps}\nspec:\n  interval: 40s\n  timeout: 20m\n" +
		"  retryInterval: 1m\n  path: ./apps\n  sourceRef: {kind: GitRepository, name: flux-system, namespace: flux-system}\n" + spec)
	maps.Copy(all, files)
	return all
}

func refs(unknown []Unknown) (list []string) {
	for _, u := range unknown {
		on := "branch"
		if u.OnBase {
			on = "base"
		}
		list = append(list, u.Ref.String()+" on the "+on)
	}
	return list
}

func names(refs []flux.Ref) (list []string) {
	for _, ref := range refs {
		list = append(list, ref.String())
	}
	return list
}

// What cannot be built on one side is neither removed nor added, and nothing gets cheaper or faster by that.
func TestWhatIsNotBuiltIsUnknown(t *testing.T) {
	t.Parallel()
	web := map[string]string{"apps/web.yaml": source("web", "  interval: ${poll}\n  timeout: 2m\n")}
	substitute := "  postBuild: {substitute: {poll: 1m}}\n"
	whole := applied(substitute, web)
	plus := func(files map[string]string) map[string]string {
		all := maps.Clone(whole)
		maps.Copy(all, files)
		return all
	}
	without := func(file string) map[string]string {
		all := maps.Clone(whole)
		delete(all, file)
		return all
	}
	elsewhere := applied(substitute, web)
	for name, content := range elsewhere {
		elsewhere[name] = strings.Replace(content, "name: flux-system, namespace: flux-system}", "name: other, namespace: flux-system}", 1)
	}
	const sync = "clusters/development/flux-system/gotk-sync.yaml"
	elsewhere[sync] = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: flux-system, namespace: flux-system}\n" +
		"spec: {interval: 1m, path: ./clusters/development, sourceRef: {kind: GitRepository, name: flux-system}}\n"
	nested := applied("", map[string]string{
		"apps/more.yaml": "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: more, namespace: apps}\nspec:\n  interval: 40s\n  timeout: 20m\n" +
			"  retryInterval: 1m\n  path: ./more\n  sourceRef: {kind: GitRepository, name: flux-system, namespace: flux-system}\n",
		"more/web.yaml": source("web", "  interval: 1m\n  timeout: 2m\n"),
	})
	nestedBroken := maps.Clone(nested)
	nestedBroken["apps/kustomization.yaml"] = "resources: [more.yaml, none.yaml]\n"
	moved := without("apps/web.yaml")
	moved["apps/more.yaml"] = strings.Replace(strings.Replace(nested["apps/more.yaml"], "./more", "./new", 1), "name: more", "name: new", 1)
	moved["new/kustomization.yaml"] = "resources: [web.yaml, none.yaml]\n"
	moved["new/web.yaml"] = source("web", "  interval: 1m\n  timeout: 2m\n")

	synced := func(path string) map[string]string {
		return plus(map[string]string{"clusters/development/flux-system/gotk-sync.yaml": "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: flux-system, namespace: flux-system}\n" +
			"spec: {interval: 1m, timeout: 3m, path: " + path + ", sourceRef: {kind: GitRepository, name: flux-system}}\n"})
	}

	const object = "GitRepository apps/web"
	for name, c := range map[string]struct {
		has, lacks map[string]string
		want       []string
		why        string
	}{
		"a variable without a value":    {whole, applied("  postBuild: {substitute: {polls: 1m}}\n", web), []string{object}, "no value and no default for variable poll"},
		"a file that is not there":      {whole, plus(map[string]string{"apps/kustomization.yaml": "resources: [web.yaml, none.yaml]\n"}), []string{object}, "none.yaml"},
		"a file that cannot be read":    {whole, plus(map[string]string{"apps/web.yaml": "a: [\n"}), []string{object}, "yaml"},
		"a path that is not there":      {whole, applied(substitute, nil), []string{object}, `its path "./apps" is not in the checkout`},
		"another repository":            {plus(map[string]string{sync: elsewhere[sync]}), elsewhere, []string{object}, "its source is GitRepository flux-system/other"},
		"a remote base":                 {whole, plus(map[string]string{"apps/kustomization.yaml": "resources: [\"https://github.com/example/base?ref=v1\"]\n"}), []string{object}, "it is not in the checkout, and nothing is fetched"},
		"a value of another type":       {whole, plus(map[string]string{"apps/web.yaml": source("web", "  interval: {a: b}\n")}), []string{object}, "interval"},
		"the root":                      {whole, plus(map[string]string{"clusters/development/kustomization.yaml": "resources: [none.yaml]\n"}), []string{object, "Kustomization apps/apps"}, "none.yaml"},
		"the root's path":               {synced("./clusters/development"), synced("./clusters/develop"), []string{object, "Kustomization apps/apps", "Kustomization flux-system/flux-system"}, `its path "./clusters/develop" is not in the checkout`},
		"the root's path from the top":  {synced("./clusters/development"), synced("./cluster/development"), []string{object, "Kustomization apps/apps", "Kustomization flux-system/flux-system"}, `its path "./cluster/development" is not in the checkout`},
		"what applies what applies it":  {nested, nestedBroken, []string{object, "Kustomization apps/more"}, "none.yaml"},
		"moved to what cannot be built": {whole, moved, []string{object}, "none.yaml"},
		"the object alone":              {whole, plus(map[string]string{"apps/kustomization.yaml": "resources: []\n"}), nil, ""},
		"its file":                      {plus(map[string]string{"apps/other.yaml": source("other", "  interval: 1m\n")}), whole, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			has, lacks := side(t, c.has), side(t, c.lacks)
			on := func(side string) (list []string) {
				for _, what := range c.want {
					list = append(list, what+" on the "+side)
				}
				return list
			}
			forth := New(Input{Base: &has, Head: lacks, Policy: testPolicy(t)})
			back := New(Input{Base: &lacks, Head: has, Policy: testPolicy(t)})
			require.Len(t, forth.Clusters, 1)
			assert.Equal(t, on("branch"), refs(forth.Clusters[0].Unknown))
			assert.Equal(t, on("base"), refs(back.Clusters[0].Unknown))
			assert.Equal(t, Delta[bool]{false, c.want != nil}, forth.Incomplete)
			assert.Equal(t, Delta[bool]{c.want != nil, false}, back.Incomplete)
			if c.want == nil {
				assert.Len(t, forth.Clusters[0].Removed, 1)
				assert.Len(t, back.Clusters[0].Added, 1)
				assert.Less(t, forth.Git.After, forth.Git.Before)
				return
			}
			for _, what := range c.want {
				assert.NotContains(t, names(forth.Clusters[0].Removed), what)
				assert.NotContains(t, names(back.Clusters[0].Added), what)
			}
			assert.Contains(t, forth.Clusters[0].Unknown[0].Gap.Why, c.why)
			assert.GreaterOrEqual(t, forth.Git.After, forth.Git.Before, "the cluster keeps it")
			for _, e := range forth.Clusters[0].Environments {
				assert.Equal(t, e.Typical.Before, e.Typical.After)
			}
		})
	}
}

// What is not known of the cluster's own Kustomization says nothing of what another one has stopped applying.
func TestBuiltKustomizationLosesAnObject(t *testing.T) {
	t.Parallel()
	web := map[string]string{"apps/kustomization.yaml": "resources: [web.yaml]\n", "apps/web.yaml": source("web", "  interval: 1m\n  timeout: 2m\n")}
	base, files := applied("", web), applied("", map[string]string{"apps/kustomization.yaml": "resources: []\n"})
	base["clusters/development/kustomization.yaml"] = "resources: [objects.yaml]\n"
	files["clusters/development/kustomization.yaml"] = "resources: [objects.yaml, \"https://github.com/example/base?ref=v1\"]\n"
	was := side(t, base)
	c := New(Input{Base: &was, Head: side(t, files), Policy: testPolicy(t)})
	assert.Equal(t, []string{"GitRepository apps/web"}, names(c.Clusters[0].Removed))
	assert.Empty(t, c.Clusters[0].Unknown)
}

// An object may have moved to a ResourceSet, also to one that both sides have, with other inputs, and in another Kustomization.
func TestMovedToAResourceSet(t *testing.T) {
	t.Parallel()
	set := func(names string) string {
		return "apiVersion: fluxcd.controlplane.io/v1\nkind: ResourceSet\nmetadata: {name: sources, namespace: apps}\nspec:\n  inputs: [" + names + "]\n  resources:\n" +
			"  - apiVersion: source.toolkit.fluxcd.io/v1\n    kind: GitRepository\n    metadata: {name: << inputs.name >>, namespace: apps}\n    spec: {interval: 1m, url: \"https://github.com/example/web\"}\n"
	}
	at := func(file, inputs string, web bool) Side {
		files := applied("", map[string]string{"apps/kustomization.yaml": "resources: []\n"})
		if web {
			files["apps/kustomization.yaml"], files["apps/web.yaml"] = "resources: [web.yaml]\n", source("web", "  interval: 1m\n  timeout: 2m\n")
		}
		if inputs != "" && file == "apps/set.yaml" {
			files["apps/kustomization.yaml"] = strings.Replace(files["apps/kustomization.yaml"], "]", ", set.yaml]", 1)
			files["apps/kustomization.yaml"] = strings.Replace(files["apps/kustomization.yaml"], "[,", "[", 1)
		}
		if inputs != "" {
			files[file] = set(inputs)
		}
		return side(t, files)
	}
	const one, two = "{name: api}", "{name: api}, {name: web}"
	for name, c := range map[string]struct {
		file, before, after string
		unknown             bool
	}{
		"changed":                       {"apps/set.yaml", one, two, true},
		"the same":                      {"apps/set.yaml", one, one, false},
		"new":                           {"apps/set.yaml", "", two, true},
		"of another Kustomization":      {"clusters/development/set.yaml", one, two, true},
		"of another, new":               {"clusters/development/set.yaml", "", two, true},
		"of another, which is the same": {"clusters/development/set.yaml", two, two, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base := at(c.file, c.before, true)
			got := New(Input{Base: &base, Head: at(c.file, c.after, false), Policy: testPolicy(t)})
			assert.Equal(t, c.unknown, len(got.Clusters[0].Unknown) == 1)
			assert.Equal(t, c.unknown, len(got.Clusters[0].Removed) == 0)
			assert.Equal(t, c.unknown, got.Incomplete.After)
			assert.Equal(t, c.unknown, got.Git.Before == got.Git.After)
		})
	}
}

// A cluster that is not found any more is gone with its folder; where that is there, something in it may be wrong.
func TestClusterThatIsNotFoundAnyMore(t *testing.T) {
	t.Parallel()
	files := map[string]string{}
	for _, cluster := range []string{"development", "production"} {
		files["clusters/"+cluster+"/apps.yaml"] = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: apps, namespace: apps}\nspec:\n  interval: 5m\n  timeout: 20m\n" +
			"  retryInterval: 5m\n  path: ./apps/" + cluster + "\n  sourceRef: {kind: GitRepository, name: flux-system, namespace: flux-system}\n"
		files["apps/"+cluster+"/web.yaml"] = source("web", "  interval: 5m\n  timeout: 2m\n")
	}
	base := side(t, files)
	require.Len(t, base.Clusters, 2)
	for name, c := range map[string]struct {
		edit func(map[string]string)
		want []string
	}{
		"its file cannot be read": {func(m map[string]string) { m["clusters/production/apps.yaml"] = "a: [\n" }, []string{"GitRepository apps/web on the branch", "Kustomization apps/apps on the branch"}},
		"its path is not there": {func(m map[string]string) {
			m["clusters/production/apps.yaml"] = strings.Replace(m["clusters/production/apps.yaml"], "apps/production", "apps/prod", 1)
		}, []string{"GitRepository apps/web on the branch", "Kustomization apps/apps on the branch"}},
		"its folder is gone": {func(m map[string]string) { delete(m, "clusters/production/apps.yaml") }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			changed := maps.Clone(files)
			c.edit(changed)
			got := New(Input{Base: &base, Head: side(t, changed), Policy: testPolicy(t)})
			require.Len(t, got.Clusters, 2)
			assert.Equal(t, c.want, refs(got.Clusters[1].Unknown))
			assert.Equal(t, c.want == nil, len(got.Clusters[1].Removed) == 2)
			assert.Equal(t, c.want != nil, got.Incomplete.After)
			if c.want != nil {
				assert.InDelta(t, got.Git.Before, got.Git.After, 0)
			}
		})
	}
}

// A path of gotk-sync.yaml that is not there is told where it stands.
func TestMissingPathOfTheRoot(t *testing.T) {
	t.Parallel()
	synced := func(path string) map[string]string {
		files := applied("", map[string]string{"apps/web.yaml": source("web", "  interval: 1m\n  timeout: 2m\n")})
		files["clusters/development/flux-system/gotk-sync.yaml"] = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: flux-system, namespace: flux-system}\n" +
			"spec:\n  interval: 1m\n  prune: true\n  path: " + path + "\n  sourceRef: {kind: GitRepository, name: flux-system}\n"
		return files
	}
	base := side(t, synced("./clusters/development"))
	var found []string
	for _, f := range New(Input{Base: &base, Head: side(t, synced("./clusters/develop")), Policy: testPolicy(t)}).Findings {
		if f.Rule == RulePath {
			found = append(found, f.At.String()+" "+f.Message)
		}
	}
	assert.Equal(t, []string{"clusters/development/flux-system/gotk-sync.yaml:7:9 path \"./clusters/develop\" of Kustomization flux-system/flux-system is not in the checkout"}, found)
}

// A Kustomization for another cluster takes its files from the same checkout.
func TestMissingPathForAnotherCluster(t *testing.T) {
	t.Parallel()
	head := side(t, applied("  kubeConfig: {secretRef: {name: edge}}\n", nil))
	var found []string
	for _, f := range New(Input{Head: head, Policy: testPolicy(t)}).Findings {
		if f.Rule == RulePath {
			found = append(found, f.At.String()+" "+f.Message)
		}
	}
	assert.Equal(t, []string{"clusters/development/objects.yaml:8:9 path \"./apps\" of Kustomization apps/apps is not in the checkout"}, found)
}

// What only costs, and carries nothing that is tuned, is added and removed as all else is, and not where both sides have it.
func TestWhatOnlyCostsIsComparedToo(t *testing.T) {
	t.Parallel()
	const provider = "apiVersion: notification.toolkit.fluxcd.io/v1beta3\nkind: Provider\nmetadata: {name: one, namespace: apps}\nspec: {type: slack, channel: c}\n"
	with := side(t, fleet(source("web", "  interval: 40s\n  timeout: 2m\n"), provider))
	without := side(t, fleet(source("web", "  interval: 40s\n  timeout: 2m\n")))
	of := func(base, head Side) ClusterChange {
		c := New(Input{Base: &base, Head: head, Policy: testPolicy(t)})
		require.Len(t, c.Clusters, 1)
		return c.Clusters[0]
	}
	assert.Empty(t, of(with, with).Added)
	assert.Empty(t, of(with, with).Removed)
	assert.Equal(t, []string{"Provider apps/one"}, names(of(without, with).Added))
	assert.Equal(t, []string{"Provider apps/one"}, names(of(with, without).Removed))
}
