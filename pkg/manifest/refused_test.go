package manifest

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// applied is a checkout of which Kustomization flux-system/apps applies the folder apps.
func applied(spec string, files map[string]string) map[string]string {
	all := map[string]string{
		"clusters/a/flux-system/gotk-sync.yaml": "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: flux-system, namespace: flux-system}\n" +
			"spec: {interval: 1m, url: 'https://github.com/example/fleet'}\n---\n" +
			"apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: flux-system, namespace: flux-system}\n" +
			"spec: {path: ./clusters/a, interval: 1m, sourceRef: {kind: GitRepository, name: flux-system}}\n",
		"clusters/a/apps.yaml": "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: apps, namespace: flux-system}\n" +
			"spec:\n  path: ./apps\n  interval: 5m\n  sourceRef: {kind: GitRepository, name: flux-system}\n" + spec,
		"apps/web.yaml": gitRepository("web", "  namespace: apps\n"),
	}
	maps.Copy(all, files)
	return all
}

func gitRepository(name, metadata string) string {
	return "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata:\n  name: " + name + "\n" + metadata + "spec:\n  interval: 5m\n  url: https://github.com/example/web\n"
}

var webSource = flux.Ref{Group: sourceGroup, Kind: gitRepositoryKind, Namespace: "apps", Name: "web"}

const secretHead = "apiVersion: v1\nkind: Secret\nmetadata: {name: key, namespace: apps}\n"

// The API server takes a duration that Go cannot read: its Kustomization applies it with all the rest.
func TestDurationsThatOnlyGoCannotRead(t *testing.T) {
	t.Parallel()
	for value, held := range map[string]bool{"3000000h": false, "1d": true} {
		tree := NewTree(applied("", map[string]string{"apps/x.yaml": strings.Replace(gitRepository("x", "  namespace: apps\n"), "5m", value, 1)}))
		fleet := tree.Read(tree.Roots())[0]
		assert.Equal(t, held, fleet.HeldOrSuspended(webSource, flux.Interval) != "", value)
		x := fleet.object(flux.Ref{Group: sourceGroup, Kind: gitRepositoryKind, Namespace: "apps", Name: "x"})
		assert.Equal(t, !held, strings.HasSuffix(x.Refused(flux.Tunable{Field: flux.Interval}), ": the API server takes it, and Flux then cannot read any object of the kind"), value)
	}
}

// What kustomize builds and kustomize-controller refuses afterwards is applied in no part, and that is told as Flux's failure.
func TestWhatTheControllerRefusesIsNotApplied(t *testing.T) {
	t.Parallel()
	sealed := map[string]string{"apps/key.yaml": secretHead + "data: {a: 'ENC[x]'}\nsops: {version: 3.9.0}\n"}
	for name, test := range map[string]struct {
		spec  string
		files map[string]string
		why   string // "" where Flux applies it
	}{
		"sound":             {},
		"no apiVersion":     {files: map[string]string{"apps/x.yaml": "kind: ConfigMap\nmetadata: {name: x, namespace: apps}\n"}, why: "no apiVersion"},
		"no namespace":      {files: map[string]string{"apps/x.yaml": gitRepository("x", "")}, why: "GitRepository x has no namespace, and Kustomization flux-system/apps has no targetNamespace"},
		"nor of a workload": {files: map[string]string{"apps/x.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\n"}, why: "Deployment x has no namespace"},
		"given to it":       {spec: "  targetNamespace: apps\n", files: map[string]string{"apps/x.yaml": gitRepository("x", "")}},
		"of the cluster":    {files: map[string]string{"apps/x.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: apps}\n"}},
		"not known":         {files: map[string]string{"apps/x.yaml": "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: x}\n"}},
		"encrypted":         {files: sealed, why: "Secret apps/key is encrypted with SOPS, and Kustomization flux-system/apps has no spec.decryption"},
		"decrypted":         {spec: "  decryption: {provider: sops}\n", files: sealed},
		"not to be": {files: map[string]string{"apps/key.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: key, namespace: apps, annotations: {kustomize.toolkit.fluxcd.io/decrypt: disabled}}\n" +
			"data: {a: 'ENC[x]'}\nsops: {version: 3.9.0}\n"}},
		"as text, which it applies": {files: map[string]string{"apps/key.yaml": secretHead + "stringData: {a: 'ENC[x]'}\nsops: {version: 3.9.0}\n"}},
		"twice by substitution": {spec: "  postBuild: {substitute: {a: web}}\n", files: map[string]string{"apps/x.yaml": gitRepository("${a}", "  namespace: apps\n")},
			why: "two objects are GitRepository apps/web"},
		"a path out of it": {files: map[string]string{"apps/kustomization.yaml": "resources: [web.yaml, ../../base]\n", "base/kustomization.yaml": "resources: [x.yaml]\n", "base/x.yaml": gitRepository("x", "  namespace: apps\n")},
			why: `has "../../base", which is not in the checkout`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree := NewTree(applied(test.spec, test.files))
			f := tree.Read(tree.Roots())[0]
			applies := f.Manifest(webSource) != nil
			assert.Equal(t, test.why == "", applies, "%v", f.Snapshot.Gaps)
			if test.why == "" {
				assert.Empty(t, f.Snapshot.Gaps)
				return
			}
			require.Len(t, f.Snapshot.Gaps, 1)
			assert.Equal(t, "what Kustomization flux-system/apps applies", f.Snapshot.Gaps[0].What)
			assert.Contains(t, f.Snapshot.Gaps[0].Why, test.why)
			assert.False(t, f.Snapshot.Gaps[0].Harmless)
			require.Len(t, tree.Unbuilt(tree.Read(tree.Roots())), 1)
			assert.True(t, tree.Unbuilt(tree.Read(tree.Roots()))[0].Broken)
		})
	}
}

// Where a build fails only for what Flux would fetch, Flux builds it: what it applies is not known, and that is nobody's mistake.
func TestWhatFluxFetchesIsNotKnown(t *testing.T) {
	t.Parallel()
	for name, kustomization := range map[string]string{
		"a patch for a remote base": "resources: [web.yaml, 'github.com/stefanprodan/podinfo//kustomize?ref=6.5.0']\n" +
			"patches:\n- patch: |\n    apiVersion: apps/v1\n    kind: Deployment\n    metadata: {name: podinfo}\n    spec: {replicas: 2}\n",
		"a remote file of a generator for another one's": "resources: [web.yaml]\nnamespace: apps\nconfigMapGenerator:\n- {name: rules, literals: [a=b]}\n- {name: rules, behavior: merge, files: ['rules.txt=https://example.com/rules.txt']}\n",
		"a remote patch": "resources: [web.yaml]\npatches: [{path: 'https://example.com/patch.yaml'}]\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree := NewTree(applied("", map[string]string{"apps/kustomization.yaml": kustomization}))
			fleets := tree.Read(tree.Roots())
			assert.False(t, fleets[0].Snapshot.Incomplete(), "%v", fleets[0].Snapshot.Gaps)
			require.NotEmpty(t, fleets[0].Snapshot.Gaps)
			assert.Contains(t, fleets[0].Snapshot.Gaps[0].Why, "not in the checkout")
			unbuilt := tree.Unbuilt(fleets)
			require.Len(t, unbuilt, 1)
			assert.False(t, unbuilt[0].Broken)
			assert.True(t, unbuilt[0].files["apps/web.yaml"])
		})
	}
}

// A generator's remote files are no reason not to build the rest. Of what it generates nothing is known: no variable comes from it.
func TestRemoteFilesOfGenerators(t *testing.T) {
	t.Parallel()
	variables := func(spec string) string {
		return spec + "  postBuild: {substituteFrom: [{kind: ConfigMap, name: vars}]}\n"
	}
	for name, generator := range map[string]string{
		"a file":         "files: [here.txt=web.yaml, 'there.txt=https://example.com/there.txt']",
		"only that":      "files: ['https://example.com/there.txt']",
		"variables":      "envs: ['https://example.com/there.env'], literals: [poll=1m]",
		"the old form":   "env: 'https://example.com/there.env'",
		"with options":   "envs: ['https://example.com/there.env'], options: {disableNameSuffixHash: true, annotations: {a: b}}",
		"with its hash":  "envs: ['https://example.com/there.env'], options: {disableNameSuffixHash: false}",
		"two of a list":  "files: &f ['https://example.com/there.txt']}\n- {name: other, namespace: apps, files: *f",
		"create it says": "behavior: create, envs: ['https://example.com/there.env']",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree := NewTree(applied(variables(""), map[string]string{
				"apps/kustomization.yaml": "resources: [web.yaml]\ngeneratorOptions: {disableNameSuffixHash: true}\nconfigMapGenerator:\n- {name: vars, namespace: flux-system, " + generator + "}\nsecretGenerator:\n- {name: key, namespace: apps, files: ['https://example.com/key']}\n",
				"apps/web.yaml":           strings.Replace(gitRepository("web", "  namespace: apps\n"), "interval: ", "interval: ${poll:=7m} # ", 1),
			}))
			fleets := tree.Read(tree.Roots())
			require.NotNil(t, fleets[0].Manifest(webSource), "%v", fleets[0].Snapshot.Gaps)
			assert.Contains(t, string(fleets[0].Manifest(webSource)), "${poll", "%v", fleets[0].Snapshot.Gaps)
			assert.Empty(t, tree.Unbuilt(fleets))
			var what []string
			for _, g := range fleets[0].Snapshot.Gaps {
				what = append(what, g.What)
				assert.True(t, g.Harmless, "%v", g)
			}
			assert.Contains(t, what, `"https://example.com/key" in apps/kustomization.yaml`)
			assert.Contains(t, what, "variables of Kustomization flux-system/apps")
		})
	}
}

// Artifacts of which the name comes from a path, and those that are made of others, have files of the checkout that are not known.
func TestArtifactsThatAreNotFollowedMayUseTheFiles(t *testing.T) {
	t.Parallel()
	const generator = "apiVersion: source.extensions.fluxcd.io/v1beta1\nkind: ArtifactGenerator\nmetadata: {name: all, namespace: flux-system}\nspec:\n"
	const fleet = "  sources: [{alias: fleet, kind: GitRepository, name: flux-system}]\n"
	for name, generators := range map[string]string{
		"by a path pattern": generator + fleet + "  pathPattern: '@fleet/apps/{app}'\n  artifacts: [{name: '{app}', copy: [{from: '@fleet/apps/{app}/**', to: '@artifact/'}]}]\n",
		"of an artifact": generator + fleet + "  artifacts: [{name: all, copy: [{from: '@fleet/apps/web/**', to: '@artifact/'}]}]\n---\n" +
			"apiVersion: source.extensions.fluxcd.io/v1beta1\nkind: ArtifactGenerator\nmetadata: {name: second, namespace: flux-system}\nspec:\n" +
			"  sources: [{alias: all, kind: ExternalArtifact, name: all}]\n  artifacts: [{name: web, copy: [{from: '@all/**', to: '@artifact/'}]}]\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := applied("", map[string]string{
				"apps/web/web.yaml":         gitRepository("web", "  namespace: apps\n"),
				"clusters/b/generator.yaml": generators,
				"clusters/b/web.yaml":       "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: web, namespace: flux-system}\nspec: {path: ./, interval: 5m, sourceRef: {kind: ExternalArtifact, name: web}}\n",
			})
			delete(files, "apps/web.yaml")
			sync := files["clusters/a/flux-system/gotk-sync.yaml"]
			files["clusters/b/flux-system/gotk-sync.yaml"] = strings.ReplaceAll(sync, "./clusters/a", "./clusters/b")
			tree := NewTree(files)
			fleets := tree.Read(tree.Roots())
			require.Len(t, fleets, 2)
			user := tree.outskirts(fleets).user("apps/web/web.yaml")
			require.NotNil(t, user, "%v", fleets[1].Snapshot.Gaps)
			assert.Equal(t, "what Kustomization flux-system/web applies", user.What)
		})
	}
}

// Who reads why a folder is not built learns the file and the line, not of a folder that is there all the same.
func TestBrokenFilesAreNamed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ content, want string }{
		"broken YAML": {gitRepository("web", "  namespace: apps\n") + "  bad: [\n  x\n", "base/web.yaml:"},
		"a template":  {strings.Replace(gitRepository("web", "  namespace: apps\n"), "interval: 5m", "interval: {{ poll }}", 1), "base/web.yaml:7: it cannot be read as YAML: a key is no text: is it a template?"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := NewTree(applied("", map[string]string{"apps/web.yaml": c.content}))
			whole := folder.Read(folder.Roots())[0]
			require.Len(t, whole.Snapshot.Gaps, 1)
			assert.Contains(t, whole.Snapshot.Gaps[0].Why, "apps/web.yaml")
			tree := NewTree(applied("", map[string]string{"apps/kustomization.yaml": "resources: [../base, 'https://example.com/x.yaml']\n", "base/kustomization.yaml": "resources: [web.yaml]\n", "base/web.yaml": c.content}))
			f := tree.Read(tree.Roots())[0]
			require.NotEmpty(t, f.Snapshot.Gaps)
			assert.Contains(t, f.Snapshot.Gaps[0].Why, c.want)
			assert.NotContains(t, f.Snapshot.Gaps[0].Why, "does not exist")
			assert.False(t, f.Snapshot.Gaps[0].Harmless)
		})
	}
}

// What is on the disk and left out is not told as if it were not there; a root may be named by where it is on the disk.
func TestWhatIsLeftOutIsSaid(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeFiles(t, dir, applied("", map[string]string{"apps/kustomization.yaml": "resources: [link.yaml]\n", "module/.git": "gitdir: x\n", "module/a/x.yaml": "a: b\n"}))
	require.NoError(t, os.Symlink("web.yaml", filepath.Join(dir, "apps/link.yaml")))
	require.NoError(t, os.Symlink("apps", filepath.Join(dir, "linked")))
	tree, err := Open(dir)
	require.NoError(t, err)
	f := tree.Read(tree.Roots())[0]
	require.NotEmpty(t, f.Snapshot.Gaps)
	assert.Contains(t, f.Snapshot.Gaps[0].Why, `has "link.yaml", which is not in the checkout: it is a symbolic link, and Flux leaves these out`)
	_, err = tree.RootAt("linked")
	require.EqualError(t, err, `the folder "linked" is not in the checkout: it is a symbolic link, and Flux leaves these out`)
	_, err = tree.RootAt("module/a")
	require.EqualError(t, err, `the folder "module/a" is not in the checkout: it is in a submodule, and these are not read`)
	root, err := tree.RootAt(filepath.Join(dir, "clusters/a"))
	require.NoError(t, err)
	assert.Equal(t, "clusters/a", root.Path)
	_, err = tree.RootAt(filepath.Join(dir, "nowhere"))
	require.ErrorContains(t, err, "is not in the checkout")
}
