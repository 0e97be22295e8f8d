package manifest

import (
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

const production = "clusters/production/"

// productionAlone is a cluster with one Kustomization, apps, and other contents of files.
func productionAlone(contents map[string]string) map[string]string {
	files := sharedFiles()
	maps.DeleteFunc(files, func(file, _ string) bool { return !below(file, "clusters/production/flux-system") })
	files[production+"apps.yaml"] = kustomizationNamed("apps", "./apps", "flux-system", "")
	files["apps/a.yaml"] = repositoryNamed("a", "4m")
	maps.Copy(files, contents)
	return files
}

// kustomizationNamed is one of Flux with more lines of its spec.
func kustomizationNamed(name, path, source, more string) string {
	return "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: " + name + "\n  namespace: flux-system\nspec:\n  interval: 5m\n  timeout: 5m\n" +
		"  path: " + path + "\n  sourceRef: {kind: GitRepository, name: " + source + "}\n" + more
}

func repositoryNamed(name, interval string) string {
	return "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata:\n  name: " + name + "\n  namespace: x\nspec:\n  interval: " + interval + "\n  url: https://example.com/" + name + "\n"
}

const elsewhere = "  kubeConfig: {secretRef: {name: k}}\n"

// rewriteA gives x/a another interval in the first cluster, and returns the files that change for it.
func rewriteA(t *testing.T, files map[string]string) []string {
	t.Helper()
	r, after, target := tryA(t, files)
	require.Empty(t, r.Refused)
	require.Equal(t, "5m", fleetValues(after.Read(after.Roots()))[target])
	return sortedKeys(r.Files)
}

// tryA is rewriteA where that may be refused.
func tryA(t *testing.T, files map[string]string) (Rewriting, *Tree, Target) {
	t.Helper()
	tree := NewTree(files)
	fleets := tree.Read(tree.Roots())
	require.NotEmpty(t, fleets)
	target := Target{0, flux.Ref{Group: sourceGroup, Kind: gitRepositoryKind, Namespace: "x", Name: "a"}, flux.Interval}
	require.Contains(t, fleetValues(fleets), target)
	r, err := tree.Rewrite(fleets, tree.Decide(fleets), []Want{wantInterval(target, "5m")})
	require.NoError(t, err)
	return r, tree.With(r.Files), target
}

// What one patch gives to all Kustomizations stays where one of them is not built: what that makes would follow, too.
func TestPatchesOfKustomizationsThatAreNotBuilt(t *testing.T) {
	t.Parallel()
	patching := func(value string) string {
		return "resources: [flux-system/gotk-sync.yaml, apps.yaml, more.yaml]\npatches:\n- target: {kind: Kustomization, name: (apps|more)}\n  patch: |\n    - op: add\n      path: /spec/" + value + "\n"
	}
	patches := patching("patches\n      value: [{target: {kind: GitRepository}, patch: '- {op: replace, path: /spec/interval, value: 4m}'}]")
	variables := patching("postBuild\n      value: {substitute: {poll: 4m}}")
	for name, more := range map[string]map[string]string{
		"all is built":       {"more.yaml": kustomizationNamed("more", "./more", "flux-system", "")},
		"another cluster":    {"more.yaml": kustomizationNamed("more", "./more", "flux-system", elsewhere)},
		"another repository": {"more.yaml": kustomizationNamed("more", "./more", "other", "") + "---\n" + strings.Replace(repositoryNamed("other", "9m"), "namespace: x", "namespace: flux-system", 1)},
		"an artifact":        {"more.yaml": strings.Replace(kustomizationNamed("more", "./more", "other", ""), gitRepositoryKind, "OCIRepository", 1)},
		"no path":            {"more.yaml": kustomizationNamed("more", "./nope", "flux-system", "")},
		"broken":             {"more.yaml": kustomizationNamed("more", "./more", "flux-system", ""), "more/broken.yaml": "a: ["},
		"a remote base":      {"more.yaml": kustomizationNamed("more", "./more", "flux-system", ""), "more/kustomization.yaml": "resources: [b.yaml, 'https://example.com/x//y?ref=v1']\n"},
	} {
		for how, kustomization := range map[string]string{"patches": patches, "variables": variables} {
			t.Run(name+", "+how, func(t *testing.T) {
				t.Parallel()
				files := productionAlone(map[string]string{production + "kustomization.yaml": kustomization, "more/b.yaml": repositoryNamed("b", "5m")})
				if how == "variables" {
					files["apps/a.yaml"] = repositoryNamed("a", "${poll:=1m}")
				}
				for file, text := range more {
					if !strings.Contains(file, "/") {
						file = production + file
					}
					files[file] = text
				}
				r, _, _ := tryA(t, files)
				if name == "all is built" && how == "variables" {
					assert.Equal(t, []string{production + "kustomization.yaml"}, sortedKeys(r.Files))
					return
				}
				assert.NotContains(t, r.Files, production+"kustomization.yaml")
				if how == "patches" { // what comes with the patch wins over all that could be written elsewhere
					assert.NotEmpty(t, r.Refused)
				}
			})
		}
	}
}

// The files of what is not built stay however the Kustomizations in it name them.
func TestFilesBehindWhatIsNotBuilt(t *testing.T) {
	t.Parallel()
	const hub = production + "hub.yaml"
	inner := func(path, more string) string { return kustomizationNamed("inner", path, "flux-system", more) }
	component := map[string]string{"m/kustomization.yaml": "resources: []\n", "comp/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [../base/a.yaml]\n"}
	onOther := kustomizationNamed("hub", "./hubks", "flux-system", elsewhere)
	patching := func(patch string) map[string]string {
		return map[string]string{hub: onOther + "  patches:\n  - target: {kind: Kustomization}\n    patch: |\n      " + patch + "\n", "hubks/inner.yaml": inner("./m", "")}
	}
	for name, edits := range map[string]map[string]string{
		"a component":                         {hub: onOther, "hubks/inner.yaml": inner("./m", "  components: [../comp]\n")},
		"a component of a broken hub":         {hub: kustomizationNamed("hub", "./hubks", "flux-system", ""), "hubks/x.yaml": "a: [", "hubks/inner.yaml": inner("./m", "  components: [../comp]\n")},
		"a component behind a variable":       {hub: onOther, "hubks/inner.yaml": inner("./m", "  components: ['../${c}']\n")},
		"a component of another root":         {"clusters/staging/flux-system/gotk-sync.yaml": strings.ReplaceAll(sharedFiles()[production+"flux-system/gotk-sync.yaml"], "production", "staging"), "clusters/staging/x.yaml": "a: [", "clusters/staging/st.yaml": inner("./m", "  components: [../comp]\n")},
		"a component in a patch":              {hub: onOther, "hubks/kustomization.yaml": "resources: [inner.yaml]\npatches: [{path: p.yaml}]\n", "hubks/inner.yaml": inner("./m", ""), "hubks/p.yaml": "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: inner, namespace: flux-system}\nspec: {components: [../comp]}\n"},
		"a path that is a variable":           {hub: onOther, "hubks/inner.yaml": inner("${p}", "")},
		"a path with a variable":              {hub: onOther, "hubks/inner.yaml": inner("./${p}", "")},
		"a source with a variable":            {hub: onOther, "hubks/inner.yaml": strings.Replace(inner("./nope", ""), "name: flux-system}", "name: '${s}'}", 1)},
		"a path that a patch replaces":        patching("[{op: replace, path: /spec/path, value: ./base}]"),
		"a spec that a patch replaces":        patching("- {op: replace, path: /spec, value: {path: ./base}}"),
		"a path that a merge patch replaces":  patching("{apiVersion: kustomize.toolkit.fluxcd.io/v1, kind: Kustomization, metadata: {name: x}, spec: {path: ./base}}"),
		"a path that a kustomization patches": {hub: onOther, "hubks/kustomization.yaml": "resources: [inner.yaml]\npatches: [{target: {kind: Kustomization}, patch: '[{\"op\": \"replace\", \"path\": \"/spec/path\", \"value\": \"./base\"}]'}]\n", "hubks/inner.yaml": inner("./m", "")},
		"a path that a file patches":          {hub: onOther, "hubks/kustomization.yaml": "resources: [inner.yaml]\npatches: [{target: {kind: Kustomization}, path: p.yaml}]\n", "hubks/inner.yaml": inner("./m", ""), "hubks/p.yaml": "- op: replace\n  path: /spec/path\n  value: ./base\n"},
		"a path that is replaced":             {hub: onOther, "hubks/kustomization.yaml": "resources: [inner.yaml]\nreplacements: [{source: {kind: ConfigMap, name: p, fieldPath: data.p}, targets: [{select: {kind: Kustomization}, fieldPaths: [spec.path]}]}]\n", "hubks/inner.yaml": inner("./m", "")},
		"no path":                             {hub: onOther, "hubks/inner.yaml": inner("./nope", "")},
		"no path, of a broken hub":            {hub: kustomizationNamed("hub", "./hubks", "flux-system", ""), "hubks/x.yaml": "a: [", "hubks/inner.yaml": inner("./nope", "")},
		"a variable, of a broken hub":         {hub: kustomizationNamed("hub", "./hubks", "flux-system", ""), "hubks/x.yaml": "a: [", "hubks/inner.yaml": inner("./${p}", "")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := productionAlone(map[string]string{production + "apps.yaml": kustomizationNamed("apps", "./base", "flux-system", ""), "base/a.yaml": repositoryNamed("a", "4m")})
			maps.Copy(files, component)
			maps.Copy(files, edits)
			assert.Equal(t, []string{production + "apps.yaml"}, rewriteA(t, files))
		})
	}
}

// A ConfigMap's variable stays where something that is not built may take it, in whatever cluster.
func TestVariablesOfWhatIsNotBuilt(t *testing.T) {
	t.Parallel()
	const vars = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: vars, namespace: flux-system}\ndata:\n  poll: 4m\n"
	from := "  postBuild: {substituteFrom: [{kind: ConfigMap, name: vars}]}\n"
	broken := kustomizationNamed("broken", "./broken", "flux-system", "")
	staging := strings.ReplaceAll(sharedFiles()[production+"flux-system/gotk-sync.yaml"], "production", "staging")
	for name, edits := range map[string]map[string]string{
		"all is built":          {"broken/b.yaml": repositoryNamed("b", "5m")},
		"it names nothing":      {"broken/x.yaml": "a: [", "broken/inner.yaml": kustomizationNamed("inner", "./m", "flux-system", ""), "m/b.yaml": repositoryNamed("b", "${poll}")},
		"a Kustomization in it": {"broken/x.yaml": "a: [", "broken/inner.yaml": kustomizationNamed("inner", "./m", "flux-system", from), "m/b.yaml": repositoryNamed("b", "${poll}")},
		"one behind no path":    {"broken/x.yaml": "a: [", "broken/inner.yaml": kustomizationNamed("inner", "./nope", "flux-system", "")},
		"one in another cluster": {"clusters/staging/flux-system/gotk-sync.yaml": staging, "clusters/staging/bad.yaml": kustomizationNamed("bad", "./bad", "flux-system", from), "bad/x.yaml": "a: [", "bad/b.yaml": repositoryNamed("b", "${poll}"),
			"clusters/staging/vars.yaml": kustomizationNamed("vars", "./vars", "flux-system", ""), "broken/b.yaml": repositoryNamed("b", "5m")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := productionAlone(map[string]string{
				production + "apps.yaml": kustomizationNamed("apps", "./apps", "flux-system", from), "apps/a.yaml": repositoryNamed("a", "${poll}"), production + "broken.yaml": broken,
				production + "vars.yaml": kustomizationNamed("vars", "./vars", "flux-system", ""), "vars/cm.yaml": vars,
			})
			maps.Copy(files, edits)
			want := production + "apps.yaml"
			if name == "all is built" || name == "it names nothing" {
				want = "vars/cm.yaml"
			}
			changed := rewriteA(t, files)
			require.Len(t, changed, 1)
			assert.Equal(t, want == "vars/cm.yaml", changed[0] == "vars/cm.yaml", changed[0])
		})
	}
}

// What is fetched follows the patches beside it, unless these name their objects.
func TestPatchesBesideWhatIsFetched(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		target string
		edited bool
	}{
		"all of a kind": {"kind: GitRepository", false},
		"an expression": {"kind: GitRepository, name: '.*'", false},
		"one":           {"kind: GitRepository, name: a", true},
		"some":          {"kind: GitRepository, name: (a|b)", true},
	} {
		for _, base := range []string{"'https://example.com/x//y?ref=v1'", "b.yaml"} {
			for how, patch := range map[string]string{
				"inline": "patches:\n- target: {" + c.target + "}\n  patch: |\n    - op: replace\n      path: /spec/interval\n      value: 3m\nnamePrefix: ''\n",
				"a file": "patches:\n- target: {" + c.target + "}\n  path: p.yaml\n",
			} {
				t.Run(name+", "+how+", "+base, func(t *testing.T) {
					t.Parallel()
					r, _, _ := tryA(t, productionAlone(map[string]string{
						"apps/kustomization.yaml": "resources: [a.yaml, " + base + "]\n" + patch, "apps/p.yaml": "- op: replace\n  path: /spec/interval\n  value: 3m\n",
						"apps/b.yaml": strings.Replace(repositoryNamed("bb", "9m"), "GitRepository", "Bucket", 1),
					}))
					require.Empty(t, r.Refused)
					edited := c.edited || base == "b.yaml"
					if how == "a file" && edited {
						assert.Equal(t, []string{"apps/p.yaml"}, sortedKeys(r.Files))
						return
					}
					assert.Equal(t, []string{"apps/kustomization.yaml"}, sortedKeys(r.Files))
					content := string(r.Files["apps/kustomization.yaml"])
					assert.Equal(t, how == "inline" && !edited, strings.Contains(content, "value: 3m"))
					assert.Equal(t, !edited, strings.Contains(content, "namespace: x\n"), content) // there may be one of its name elsewhere
				})
			}
		}
	}
}
