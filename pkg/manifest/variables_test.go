package manifest

import (
	"slices"
	"strings"
	"testing"

	"github.com/fluxcd/pkg/kustomize"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// variableTree is a Kustomization with this postBuild that applies these objects, beside a release of its own.
func variableTree(postBuild, objects, more string) *Tree {
	return NewTree(variableFiles(postBuild, objects, more))
}

func variableFiles(postBuild, objects, more string) map[string]string {
	return map[string]string{
		"clusters/a/flux-system/gotk-sync.yaml": "# written by flux bootstrap\n",
		"clusters/a/apps.yaml": "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: apps\n  namespace: flux-system\nspec:\n  interval: 10m\n  path: ./apps\n" +
			"  sourceRef: {kind: GitRepository, name: flux-system}\n" + postBuild + more,
		"apps/release.yaml": release,
		"apps/objects.yaml": objects,
	}
}

const oneValue = "  postBuild: {substitute: {poll: 4m}}\n"

func configMap(name, data string) string {
	return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + name + ", namespace: flux-system}\ndata: {" + data + "}\n"
}

// With kustomize-controller 1.9, nothing of a Kustomization is applied that has a variable without a value and without
// a default, of whatever kind the object is.
func TestUnsetVariables(t *testing.T) {
	t.Parallel()
	object := func(value string) string {
		return "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: apps}\nspec:\n  other: ${poll}\n  paused: " + value + "\n"
	}
	flux := func(value string) string {
		return "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: other, namespace: apps}\nspec:\n  timeout: 1m\n  interval: " + value + "\n"
	}
	const rest = ": Flux applies nothing of it (before kustomize-controller 1.9, or with its feature gate StrictPostBuildSubstitutions off, it is empty; " + howVersionTells + ")"
	for name, c := range map[string]struct {
		postBuild, objects, more string
		// why is the beginning of the gap's reason; "" where all is applied.
		why string
	}{
		"a value":                            {oneValue, flux("${poll}"), "", ""},
		"a default":                          {oneValue, flux("${none:=7m}"), "", ""},
		"another default":                    {oneValue, flux("${none:-7m}"), "", ""},
		"a default without a value":          {oneValue, object(`"${none:-}${none:?a}${none=a}${none:+b}"`), "", ""},
		"none":                               {oneValue, flux("${none}"), "", "no value and no default for variable none (apps/objects.yaml:6:13)" + rest},
		"none in a text":                     {oneValue, flux("x${none^^}y"), "", "no value and no default for variable none (apps/objects.yaml:6:14)" + rest},
		"the length of none":                 {oneValue, flux("${#none}m"), "", "no value and no default for variable none (apps/objects.yaml:6:13)" + rest},
		"none as the default of another":     {oneValue, flux("${poll:=${none}}"), "", "no value and no default for variable none (apps/objects.yaml:6:21)" + rest},
		"none in an object of another kind":  {oneValue, object("${none}"), "", "no value and no default for variable none (apps/objects.yaml:6:11)" + rest},
		"a default in one, none in another":  {oneValue, object(`"${none:=a}"`) + "---\n" + flux("${none}"), "", "no value and no default for variable none (apps/objects.yaml:13:13)" + rest},
		"several":                            {oneValue, object(`"${d}${b}"`) + "---\n" + flux("${a}${c}"), "", "no value and no default for variables d (apps/objects.yaml:6:12), b (apps/objects.yaml:6:16), a (apps/objects.yaml:13:13), 1 more: Flux applies nothing"},
		"in a patch of the Kustomization":    {oneValue, object("1"), "  patches:\n  - patch: |\n      - {op: add, path: /spec/x, value: 'a${none}'}\n    target: {kind: Deployment}\n", "no value and no default for variable none (in Deployment apps/web)" + rest},
		"escaped":                            {oneValue, object("$${none}"), "", ""},
		"disabled":                           {oneValue, strings.Replace(object("${none}"), "namespace: apps", "namespace: apps, annotations: {kustomize.toolkit.fluxcd.io/substitute: disabled}", 1), "", ""},
		"no postBuild":                       {"", object("${none}"), "", ""},
		"an empty postBuild":                 {"  postBuild: {substitute: {}}\n", object("${none}"), "", ""},
		"always":                             {"  postBuild: {substituteStrategy: Always}\n", object("1") + "---\n" + flux("${none}"), "", "no value and no default for variables poll (apps/objects.yaml:5:10), none (apps/objects.yaml:13:13)"},
		"a Secret may have it":               {"  postBuild: {substitute: {poll: 4m}, substituteFrom: [{kind: Secret, name: x}]}\n", object("${none}") + "---\n" + flux("${none}"), "", ""},
		"an unknown ConfigMap may have it":   {"  postBuild: {substitute: {poll: 4m}, substituteFrom: [{kind: ConfigMap, name: x, optional: true}]}\n", flux("${none}"), "", ""},
		"a known ConfigMap does not":         {"  postBuild: {substitute: {poll: 4m}, substituteFrom: [{kind: ConfigMap, name: x}]}\n", flux("${none}"), "---\n" + configMap("x", "a: b"), "no value and no default for variable none (apps/objects.yaml:6:13)" + rest},
		"its own ConfigMap does not":         {"  postBuild: {substitute: {poll: 4m}, substituteFrom: [{kind: ConfigMap, name: x}]}\n", flux("${none}") + "---\n" + configMap("x", "a: b"), "", "no value and no default for variable none (apps/objects.yaml:6:13)" + rest},
		"a brace is missing in another kind": {oneValue, object(`"${poll"`), "", "Deployment apps/web: substituting variables: "},
		"the shell's variables":              {oneValue, object(`"${1}"`), "", "no value and no default for variable 1 (apps/objects.yaml:6:12)" + rest},
		"a name that Flux refuses":           {"  postBuild: {substitute: {po-ll: 4m}}\n", flux("1m"), "", `HelmRelease apps/other: "po-ll" is no name for a variable`},
		"a key that Flux refuses":            {"  postBuild: {substituteFrom: [{kind: ConfigMap, name: x}]}\n", flux("1m"), "---\n" + configMap("x", "values.yaml: b"), `HelmRelease apps/other: "values.yaml" is no name for a variable`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree := variableTree(c.postBuild, c.objects, c.more)
			f := tree.Read(tree.Roots())[0]
			why := ""
			for _, g := range f.Snapshot.Gaps {
				if !g.Harmless {
					assert.Equal(t, "what Kustomization flux-system/apps applies", g.What)
					why += g.Why
				}
			}
			if c.why == "" {
				assert.Empty(t, why)
				assert.NotEmpty(t, string(f.Manifest(webRelease)))
				return
			}
			assert.True(t, strings.HasPrefix(why, c.why), "%q\n%q", why, c.why)
			assert.Empty(t, string(f.Manifest(webRelease)), "Flux applies nothing of it")
		})
	}
}

var webRelease = flux.Ref{Group: "helm.toolkit.fluxcd.io", Kind: "HelmRelease", Namespace: "apps", Name: "web"}

// The Kustomization that applies itself fails on its own variables: what it would apply is unknown, and no round undoes that.
func TestUnsetVariablesOfTheRoot(t *testing.T) {
	t.Parallel()
	tree := NewTree(map[string]string{
		"clusters/a/flux-system/gotk-sync.yaml": "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: flux-system, namespace: flux-system}\n" +
			"spec: {path: ./clusters/a, interval: 1m, sourceRef: {kind: GitRepository, name: flux-system}, postBuild: {substitute: {a: b}}}\n",
		"clusters/a/web.yaml": strings.Replace(release, "5m", `"${none}"`, 1),
	})
	f := tree.Read(tree.Roots())[0]
	require.Len(t, f.Snapshot.Gaps, 1)
	assert.Equal(t, "what Kustomization flux-system/flux-system applies", f.Snapshot.Gaps[0].What)
	assert.Contains(t, f.Snapshot.Gaps[0].Why, "none (clusters/a/web.yaml:4:19)")
	assert.Empty(t, f.Snapshot.Objects)
	require.Len(t, f.Unset(), 1)
	assert.Equal(t, "none", f.Unset()[0].Name)
}

// Which uses of a variable without a value fail is what Flux's own strict substitution says.
func TestUnsetVariablesAreFluxsOwn(t *testing.T) {
	t.Parallel()
	for _, use := range []string{"${x}", "${x:=a}", "${x:-a}", "${x-a}", "${x=a}", "${x:+a}", "${x+a}", "${x:?a}", "${x?a}", "${#x}", "${x^^}", "${x,}", "${x/a/b}",
		"${x:0:1}", "${x%a}", "${x##a}", "$${x}", "${set:=${x}}", "${x:=${set}}", "$x", "${", "${1}", "${x", "${set}"} {
		t.Run(use, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			writeFiles(t, dir, map[string]string{"r.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: apps}\nspec: {a: '" + use + "'}\n", "kustomization.yaml": "resources: [r.yaml]\n"})
			resources, err := kustomize.SecureBuild(dir, dir, false)
			require.NoError(t, err)
			ks := unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"postBuild": map[string]any{"substitute": map[string]any{"set": "v"}}}}}
			_, theirs := kustomize.SubstituteVariables(t.Context(), nil, ks, resources.Resources()[0], kustomize.SubstituteWithDryRun(true), kustomize.SubstituteWithStrict(true))
			tree := variableTree("  postBuild: {substitute: {set: v}}\n", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: apps}\nspec: {a: '"+use+"'}\n", "")
			f := tree.Read(tree.Roots())[0]
			assert.Equal(t, theirs != nil, f.Snapshot.Incomplete(), "%v, %v", theirs, f.Snapshot.Gaps)
		})
	}
}

// A checkout that installs an older kustomize-controller has empty values in the place of variables that nothing sets.
func TestVariablesBeforeStrict(t *testing.T) {
	t.Parallel()
	const web = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: web, namespace: apps}\nspec: {interval: 5m, url: \"https://github.com/acme/web${none}\"}\n"
	for image, applied := range map[string]bool{"v1.8.5": true, "v0.35.1": true, "v1.9.0": false, "v1.10.1": false, "": false} {
		files := variableFiles(oneValue, web, "")
		if image != "" {
			files["clusters/a/flux-system/gotk-components.yaml"] = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: kustomize-controller, namespace: flux-system}\n" +
				"spec: {template: {spec: {containers: [{name: manager, image: \"ghcr.io/fluxcd/kustomize-controller:" + image + "\"}]}}}\n"
		}
		tree := NewTree(files)
		f := tree.Read(tree.Roots())[0]
		found := slices.ContainsFunc(f.Snapshot.Objects, func(o flux.Object) bool { return o.Name == "web" && o.Kind == "GitRepository" })
		assert.Equal(t, applied, found, image)
		assert.Len(t, f.Unset(), 1, "named in any case")
	}
}

// What is read without its places is the same.
func TestReadValues(t *testing.T) {
	t.Parallel()
	tree := variableTree(oneValue, "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: web, namespace: apps}\nspec: {interval: \"${poll}\", url: \"https://github.com/acme/web${none}\"}\n", "")
	whole, values := tree.Read(tree.Roots())[0], tree.ReadValues(tree.Roots())[0]
	require.NotEmpty(t, whole.Snapshot.Objects)
	assert.Equal(t, whole.Snapshot, values.Snapshot)
	assert.Equal(t, whole.Unset(), values.Unset(), "also where variables stand")
}

// What a cluster runs is told by what it applies, and by its FluxInstance; an old cluster or an example beside it does not
// count, and the feature gate counts before the version.
func TestEachClusterRunsItsOwnController(t *testing.T) {
	t.Parallel()
	const web = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: web, namespace: apps}\nspec: {interval: 5m, url: \"https://github.com/acme/web${none}\"}\n"
	deployment := func(version, args string) string {
		return "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: kustomize-controller, namespace: flux-system}\n" +
			"spec: {template: {spec: {containers: [{name: manager, image: \"ghcr.io/fluxcd/kustomize-controller:" + version + "\", args: [" + args + "]}]}}}\n"
	}
	instance := func(version, more string) string {
		return "apiVersion: fluxcd.controlplane.io/v1\nkind: FluxInstance\nmetadata: {name: flux, namespace: flux-system}\nspec:\n  distribution: {version: \"" + version + "\", registry: ghcr.io/fluxcd}\n" + more
	}
	gate := func(value string) string {
		return "  kustomize:\n    patches:\n    - target: {kind: Deployment, name: kustomize-controller}\n      patch: |\n        - {op: add, path: /spec/template/spec/containers/0/args/-, value: \"--feature-gates=StrictPostBuildSubstitutions=" + value + "\"}\n"
	}
	for name, c := range map[string]struct {
		file, content string
		applied       bool
	}{
		"an example that nothing applies": {"docs/example.yaml", deployment("v1.8.5", ""), false},
		"another cluster":                 {"clusters/old/flux-system/gotk-components.yaml", deployment("v1.8.5", ""), false},
		"its own":                         {"clusters/a/flux-system/gotk-components.yaml", deployment("v1.8.5", ""), true},
		"a gate that is off":              {"clusters/a/flux-system/gotk-components.yaml", deployment("v1.9.5", "--feature-gates=A=true,StrictPostBuildSubstitutions=false"), true},
		"a gate that is on":               {"clusters/a/flux-system/gotk-components.yaml", deployment("v1.8.5", "--feature-gates=StrictPostBuildSubstitutions=true"), false},
		"a FluxInstance of 2.7":           {"clusters/a/flux.yaml", instance("2.7.x", ""), true},
		"one of 2.9":                      {"clusters/a/flux.yaml", instance("2.9.x", ""), false},
		"one of 2":                        {"clusters/a/flux.yaml", instance("2.x", ""), false},
		"one below 2.9":                   {"clusters/a/flux.yaml", instance(">=2.6.0 <2.9.0", ""), true},
		"one with a variable":             {"clusters/a/flux.yaml", instance("${version:=x}", ""), false},
		"one with the gate off":           {"clusters/a/flux.yaml", instance("2.x", gate("false")), true},
		"one of 2.7 with the gate on":     {"clusters/a/flux.yaml", instance("2.7.x", gate("true")), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := variableFiles(oneValue, web, "")
			files[c.file] = c.content
			files["clusters/old/flux-system/gotk-sync.yaml"] = "#\n"
			tree := NewTree(files)
			f := tree.Read(tree.Roots())[0]
			require.Equal(t, "clusters/a", f.Root.Path)
			found := slices.ContainsFunc(f.Snapshot.Objects, func(o flux.Object) bool { return o.Name == "web" && o.Kind == "GitRepository" })
			assert.Equal(t, c.applied, found)
		})
	}
}

// Of variables with several values the last counts (LoadVariables of fluxcd/pkg kustomize): what a Secret may have behind a
// ConfigMap is not known.
func TestLaterVariablesWin(t *testing.T) {
	t.Parallel()
	const cm, missing, secret = "{kind: ConfigMap, name: vars}", "{kind: ConfigMap, name: none, optional: true}", "{kind: Secret, name: secret}"
	plain := func(keys string) string {
		return "---\napiVersion: v1\nkind: Secret\nmetadata: {name: secret, namespace: flux-system}\n" + keys
	}
	for name, c := range map[string]struct{ from, use, more, want string }{
		"a ConfigMap":                           {cm, "${poll}", "", "4m"},
		"a Secret before":                       {secret + ", " + cm, "${poll}", "", "4m"},
		"a Secret behind":                       {cm + ", " + secret, "${poll}", "", "${poll:=4m}"},
		"one that is here, with the variable":   {cm + ", " + secret, "${poll}", plain("stringData: {poll: 30s}\n"), "${poll:=4m}"},
		"one with it in data":                   {cm + ", " + secret, "${poll}", plain("data: {poll: MzBz}\n"), "${poll:=4m}"},
		"one that is encrypted, with it":        {cm + ", " + secret, "${poll}", plain("stringData: {poll: 'ENC[AES256_GCM,data:a]'}\nsops: {mac: x}\n"), "${poll:=4m}"},
		"one with another variable":             {cm + ", " + secret, "${poll}", plain("stringData: {other: 30s}\n"), "4m"},
		"a ConfigMap that is not here":          {cm + ", " + missing, "${poll}", "", "${poll:=4m}"},
		"another ConfigMap behind all":          {cm + ", " + secret + ", " + cm, "${poll}", "", "4m"},
		"the Kustomization's own":               {cm + ", " + secret, "${own}", "", "6m"},
		"a default, and a Secret that may have": {cm + ", " + secret, "${none:=8m}", "", "${none}"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := variableFiles("  postBuild: {substitute: {own: 6m}, substituteFrom: ["+c.from+"]}\n",
				"apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: web, namespace: apps}\nspec: {interval: '"+c.use+"', url: 'https://github.com/acme/web'}\n", "")
			files["clusters/a/vars.yaml"] = configMap("vars", "poll: 4m") + c.more
			if c.more != "" {
				files["clusters/a/apps.yaml"] = strings.Replace(files["clusters/a/apps.yaml"], "spec:\n", "spec:\n  decryption: {provider: sops}\n", 1)
			}
			tree := NewTree(files)
			fleets := tree.Read(tree.Roots())
			web := flux.Ref{Group: sourceGroup, Kind: gitRepositoryKind, Namespace: "apps", Name: "web"}
			object := fleets[0].object(web)
			require.NotNil(t, object, "%v", fleets[0].Snapshot.Gaps)
			assert.Equal(t, c.want, *object.Value(flux.Interval))
			_, decided := tree.Decide(fleets).Scalar(Target{0, web, flux.Interval})
			assert.Equal(t, !strings.Contains(c.want, "${"), decided)
		})
	}
}

// Most fleets list a Secret that is not in Git behind their ConfigMap: names, paths and addresses stay known.
func TestNamesBeforeAnUnknownSecret(t *testing.T) {
	t.Parallel()
	files := variableFiles("  postBuild: {substituteFrom: [{kind: ConfigMap, name: vars}, {kind: Secret, name: secret}]}\n",
		"apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: web, namespace: apps}\nspec: {interval: 5m, url: 'https://github.com/acme/${env}'}\n", "")
	files["clusters/a/vars.yaml"] = configMap("vars", "env: prod")
	tree := NewTree(files)
	object := tree.Read(tree.Roots())[0].object(flux.Ref{Group: sourceGroup, Kind: gitRepositoryKind, Namespace: "apps", Name: "web"})
	require.NotNil(t, object)
	assert.Equal(t, "https://github.com/acme/prod", object.Remote.URL)
}

// The data of a ConfigMap that Git does not update are not known, and not edited: they need not be what the cluster has.
func TestConfigMapsThatDoNotFollowGit(t *testing.T) {
	t.Parallel()
	web := Target{0, flux.Ref{Group: sourceGroup, Kind: gitRepositoryKind, Namespace: "apps", Name: "web"}, flux.Interval}
	for mark, held := range map[string]bool{
		"kustomize.toolkit.fluxcd.io/ssa: IfNotPresent": true, "kustomize.toolkit.fluxcd.io/ssa: Ignore": true,
		"kustomize.toolkit.fluxcd.io/reconcile: disabled": true, "kustomize.toolkit.fluxcd.io/ssa: Merge": false,
	} {
		t.Run(mark, func(t *testing.T) {
			t.Parallel()
			files := variableFiles("  postBuild: {substituteFrom: [{kind: ConfigMap, name: vars}]}\n",
				"apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: web, namespace: apps}\nspec:\n  interval: ${poll}\n  url: https://github.com/acme/web\n", "")
			files["clusters/a/vars.yaml"] = strings.Replace(configMap("vars", "poll: 4m"), "namespace: flux-system", "namespace: flux-system, annotations: {"+mark+"}", 1)
			tree := NewTree(files)
			fleets := tree.Read(tree.Roots())
			want := map[bool]string{true: "${poll}", false: "4m"}[held]
			assert.Equal(t, want, *fleets[0].object(web.Ref).Value(flux.Interval))
			assert.Equal(t, held, slices.ContainsFunc(fleets[0].Snapshot.Gaps, func(g flux.Gap) bool {
				return g.What == "variables of Kustomization flux-system/apps" && strings.Contains(g.Why, "ConfigMap flux-system/vars has ssa: IfNotPresent")
			}), "%v", fleets[0].Snapshot.Gaps)
			r, err := tree.Rewrite(fleets, tree.Decide(fleets), []Want{wantInterval(web, "1m")})
			require.NoError(t, err)
			assert.Equal(t, held, r.Files["clusters/a/vars.yaml"] == nil)
		})
	}
}

// What a Secret may decide follows the ConfigMap before it, too, as far as anybody knows: that is not edited for others.
func TestShadowedVariablesAreNotChangedForOthers(t *testing.T) {
	t.Parallel()
	object := func(name string) string {
		return "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: " + name + ", namespace: apps}\nspec:\n  interval: ${poll}\n  url: https://github.com/acme/web\n"
	}
	files := variableFiles("  postBuild: {substituteFrom: [{kind: ConfigMap, name: vars}]}\n", object("web"), "")
	files["clusters/a/others.yaml"] = strings.NewReplacer("name: apps", "name: others", "path: ./apps", "path: ./others",
		"name: vars}", "name: vars}, {kind: Secret, name: secret}").Replace(files["clusters/a/apps.yaml"])
	files["clusters/a/vars.yaml"] = configMap("vars", "poll: 4m")
	files["others/objects.yaml"] = object("other")
	tree := NewTree(files)
	fleets := tree.Read(tree.Roots())
	web := Target{0, flux.Ref{Group: sourceGroup, Kind: gitRepositoryKind, Namespace: "apps", Name: "web"}, flux.Interval}
	r, err := tree.Rewrite(fleets, tree.Decide(fleets), []Want{wantInterval(web, "1m")})
	require.NoError(t, err)
	assert.NotContains(t, r.Files, "clusters/a/vars.yaml")
	assert.NotContains(t, r.Files, "others/objects.yaml")
	assert.NotEmpty(t, r.Files)
}
