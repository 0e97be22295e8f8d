package manifest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// sharedFiles are a checkout of two clusters whose overlays share a base. Production sets another interval than the base.
func sharedFiles() map[string]string {
	files := map[string]string{
		"apps/base/kustomization.yaml": "resources:\n- api.yaml\n",
		"apps/base/api.yaml": "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata:\n  name: api\n  namespace: apps\nspec:\n" +
			"  interval: 5m\n  timeout: 1d\n  url: https://github.com/example/api\n",
	}
	for _, name := range []string{"development", "production"} {
		files["apps/"+name+"/kustomization.yaml"] = "resources:\n- ../base\n- ns.yaml\n"
		files["apps/"+name+"/ns.yaml"] = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: apps\n"
		files["clusters/"+name+"/flux-system/gotk-sync.yaml"] = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata:\n  name: flux-system\n  namespace: flux-system\nspec:\n" +
			"  interval: 1m\n  url: ssh://git@github.com/example/fleet\n---\n" +
			"apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: flux-system\n  namespace: flux-system\nspec:\n" +
			"  interval: 1m\n  timeout: 3m\n  path: ./clusters/" + name + "\n  sourceRef:\n    kind: GitRepository\n    name: flux-system\n"
		files["clusters/"+name+"/apps.yaml"] = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: apps\n  namespace: flux-system\nspec:\n" +
			"  interval: 1m\n  timeout: 2m\n  retryInterval: 1m\n  path: ./apps/" + name + "\n  postBuild:\n    substitute:\n      tier: " + name + "\n  sourceRef:\n    kind: GitRepository\n    name: flux-system\n"
	}
	files["apps/production/kustomization.yaml"] += "patches:\n- target:\n    kind: GitRepository\n  patch: |\n    - op: add\n      path: /spec/interval\n      value: 7m\n"
	return files
}

// ways to break a checkout, by what is wrong: edits of files, each an old and a new text; an empty old text adds.
func breakages() map[string]map[string][2]string {
	production := "clusters/production/apps.yaml"
	return map[string]map[string][2]string{
		"a variable without a value": {"apps/production/ns.yaml": {"  name: apps\n", "  name: apps\n  labels:\n    team: ${team}\n"}},
		"a missing resource":         {"apps/production/kustomization.yaml": {"- ns.yaml\n", "- ns.yaml\n- none.yaml\n"}},
		"a missing base":             {"apps/production/kustomization.yaml": {"- ../base\n", "- ../bas\n"}},
		"a duplicate resource":       {"apps/production/kustomization.yaml": {"- ns.yaml\n", "- ns.yaml\n- ../base/api.yaml\n"}},
		"broken YAML":                {"apps/production/ns.yaml": {"", "  ]: {\n"}},
		"a broken kustomization":     {"apps/production/kustomization.yaml": {"", "]: {\n"}},
		"a broken base's kustomization": {
			"apps/production/kustomization.yaml": {"- ../base\n", "- ../middle\n"}, "apps/middle/kustomization.yaml": {"", "resources: [\n"},
		},
		"a patch without a target":                       {"apps/production/kustomization.yaml": {"- target:\n    kind: GitRepository\n  patch", "- patch"}},
		"a wrong path":                                   {production: {"./apps/production", "./apps/prodution"}},
		"a path with a variable":                         {production: {"./apps/production", "./apps/${nowhere}"}, "clusters/production/more.yaml": {"", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n"}},
		"another cluster":                                {production: {"  sourceRef:", "  kubeConfig: {secretRef: {name: production}}\n  sourceRef:"}},
		"another branch of the same repository":          {production: {"    name: flux-system\n", "    name: again\n---\napiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata:\n  name: again\n  namespace: flux-system\nspec:\n  interval: 7m\n  url: https://github.com/example/fleet.git\n  ref: {branch: next}\n"}},
		"another branch through the port of HTTPS":       {production: {"    name: flux-system\n", "    name: again\n---\napiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata:\n  name: again\n  namespace: flux-system\nspec:\n  interval: 7m\n  url: ssh://git@ssh.github.com:443/Example/fleet.git\n  ref: {branch: next}\n"}},
		"an artifact, which may be made of the checkout": {production: {"    kind: GitRepository\n", "    kind: OCIRepository\n"}},
		"an ExternalArtifact of who knows what":          {production: {"    kind: GitRepository\n", "    kind: ExternalArtifact\n"}},
		"a bucket":                                       {production: {"    kind: GitRepository\n    name: flux-system\n", "    kind: Bucket\n    name: fleet\n"}},
		"a GitRepository that no file has":               {production: {"    name: flux-system\n", "    name: elsewhere\n"}},
		"a base by the URL of the checkout":              {"apps/production/kustomization.yaml": {"- ../base\n", "- https://github.com/example/fleet//apps/base?ref=main\n"}},
		"a base as git clones it":                        {"apps/production/kustomization.yaml": {"- ../base\n", "- git@github.com:example/fleet.git/apps/base?ref=main\n"}},
		"a base by the short name of GitHub":             {"apps/production/kustomization.yaml": {"- ../base\n", "- github.com/Example/fleet/apps/base\n"}},
		"a root that is broken":                          {"clusters/production/more.yaml": {"", "]: {\n"}},
		"a root with a wrong path":                       {"clusters/production/flux-system/gotk-sync.yaml": {"./clusters/production", "./clusters/prod"}},
		"a ResourceSet":                                  {production: {"", resourceSet}, "apps/production/kustomization.yaml": {"- ns.yaml\n", "- ns.yaml\n- none.yaml\n"}},
		"a ResourceSet with steps":                       {production: {"", strings.Replace(resourceSet, "  resources:\n", "  steps:\n  - name: apps\n    resources:\n", 1)}, "apps/production/kustomization.yaml": {"- ns.yaml\n", "- ns.yaml\n- none.yaml\n"}},
		"only a ResourceSet":                             {production: {"*", resourceSet}},
	}
}

const resourceSet = "---\napiVersion: fluxcd.controlplane.io/v1\nkind: ResourceSet\nmetadata: {name: all, namespace: flux-system}\nspec:\n  inputs: [{tier: production}]\n  resources:\n" +
	"  - apiVersion: kustomize.toolkit.fluxcd.io/v1\n    kind: Kustomization\n    metadata: {name: made, namespace: flux-system}\n" +
	"    spec: {interval: 7m, path: './apps/<< inputs.tier >>', sourceRef: {kind: GitRepository, name: flux-system}}\n"

func broken(t *testing.T, edits map[string][2]string) *Tree {
	t.Helper()
	files := sharedFiles()
	for file, edit := range edits {
		switch edit[0] {
		case "":
			files[file] += edit[1]
		case "*":
			files[file] = edit[1]
		default:
			require.Contains(t, files[file], edit[0])
			files[file] = strings.Replace(files[file], edit[0], edit[1], 1)
		}
	}
	return NewTree(files)
}

// What cannot be built, or is not, may use the files of its folder and all that these name. Its values are not known: so
// nobody who looks for a shared file to edit takes one of these, and nothing in them is called dead.
func TestWhatIsNotBuiltKeepsItsFiles(t *testing.T) {
	t.Parallel()
	for name, edits := range breakages() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree := broken(t, edits)
			fleets := tree.Read(tree.Roots())
			require.Len(t, fleets, 2)
			d := tree.Decide(fleets)
			to := "1m"
			target := Target{0, flux.Ref{Group: sourceGroup, Kind: gitRepositoryKind, Namespace: "apps", Name: "api"}, flux.Interval}
			require.Contains(t, fleetValues(fleets), target)
			r, err := tree.Rewrite(fleets, d, []Want{wantInterval(target, to)})
			require.NoError(t, err)
			assert.Empty(t, r.Refused)
			require.NotEmpty(t, r.Files, "development can be patched where production does not look")
			for file := range r.Files {
				assert.Contains(t, file, "development", "%v", sortedKeys(r.Files))
			}
			after := tree.With(r.Files)
			assert.Equal(t, to, fleetValues(after.Read(after.Roots()))[target])
			// Now that development has a value of its own, nothing that is built follows the base.
			fleets = after.Read(after.Roots())
			d = after.Decide(fleets)
			for _, s := range after.Dead(fleets, d, nil) {
				assert.Contains(t, s.File, "development", "%s is called dead", s)
			}
			var undecided []string
			for _, s := range after.Undecided(fleets, d, nil) {
				undecided = append(undecided, s.String()+" "+s.Text)
			}
			assert.Contains(t, undecided, "apps/base/api.yaml:7:13 5m")
		})
	}
}

// Without anything that is not built, the base's value decides nothing where all overlays have their own.
func TestDeadWhereAllIsBuilt(t *testing.T) {
	t.Parallel()
	files := sharedFiles()
	files["apps/development/kustomization.yaml"] = strings.ReplaceAll(files["apps/production/kustomization.yaml"], "7m", "1m")
	tree := NewTree(files)
	fleets := tree.Read(tree.Roots())
	dead := map[string]bool{}
	for _, s := range tree.Dead(fleets, tree.Decide(fleets), nil) {
		dead[s.String()] = true
	}
	assert.Contains(t, sortedKeys(dead), "apps/base/api.yaml:7:13")
}

func wantInterval(target Target, to string) Want {
	return Want{Root: target.Root, Ref: target.Ref, Changes: []tune.Change{{Field: flux.Interval, To: &to}}}
}

// Who chooses a part of the objects has only these changed, now and when a patch of another overlay goes. Who chooses all
// gets the smallest change.
func TestRewritePartSparesWhatOthersShare(t *testing.T) {
	t.Parallel()
	tree := NewTree(sharedFiles())
	fleets := tree.Read(tree.Roots())
	d := tree.Decide(fleets)
	target := Target{0, flux.Ref{Group: sourceGroup, Kind: gitRepositoryKind, Namespace: "apps", Name: "api"}, flux.Interval}
	changed := func(chosen Chosen) []string {
		r, err := tree.RewritePart(fleets, d, []Want{wantInterval(target, "1m")}, chosen)
		require.NoError(t, err)
		require.Empty(t, r.Refused)
		return sortedKeys(r.Files)
	}
	assert.Equal(t, []string{"apps/base/api.yaml"}, changed(nil))
	assert.Equal(t, []string{"apps/base/api.yaml"}, changed(func(int, flux.Ref) bool { return true }))
	assert.Equal(t, []string{"apps/development/kustomization.yaml"}, changed(func(root int, _ flux.Ref) bool { return root == 0 }))

	// A scalar of a patch that only chosen objects are built with is changed in its place.
	own := Target{1, target.Ref, flux.Interval}
	r, err := tree.RewritePart(fleets, d, []Want{wantInterval(own, "9m")}, func(root int, _ flux.Ref) bool { return root == 1 })
	require.NoError(t, err)
	require.Len(t, r.Values, 1)
	assert.Equal(t, "apps/production/kustomization.yaml", r.Values[0].File)
}

// Where there is no other place, the shared scalar is changed all the same.
func TestRewritePartFallsBack(t *testing.T) {
	t.Parallel()
	files := sharedFiles()
	delete(files, "apps/development/kustomization.yaml")
	files["apps/development/all.yaml"] = "x"
	files["clusters/development/apps.yaml"] = strings.ReplaceAll(files["clusters/development/apps.yaml"], "./apps/development", "./apps/base")
	files["clusters/development/apps.yaml"] += "sops: {mac: x}\n"
	files["apps/base/kustomization.yaml"] = "{resources: [api.yaml]}\n"
	tree := NewTree(files)
	fleets := tree.Read(tree.Roots())
	target := Target{0, flux.Ref{Group: sourceGroup, Kind: gitRepositoryKind, Namespace: "apps", Name: "api"}, flux.Interval}
	r, err := tree.RewritePart(fleets, tree.Decide(fleets), []Want{wantInterval(target, "1m")}, func(root int, _ flux.Ref) bool { return root == 0 })
	require.NoError(t, err)
	assert.Empty(t, r.Refused)
	assert.Equal(t, []string{"apps/base/api.yaml"}, sortedKeys(r.Files))
}

// The same holds for a scalar that several objects follow, all of which want it.
func TestRewritePartFallsBackTogether(t *testing.T) {
	t.Parallel()
	files := productionAlone(map[string]string{
		production + "kustomization.yaml": "resources:\n- flux-system/gotk-sync.yaml\n- apps.yaml\npatches:\n- target: {kind: Kustomization, name: apps}\n  patch: |\n    - op: add\n      path: /spec/patches\n      value:\n      - target: {kind: GitRepository}\n" +
			"        patch: \"- {op: replace, path: /spec/interval, value: 4m}\"\n",
		"apps/b.yaml": repositoryNamed("b", "4m"),
	})
	tree := NewTree(files)
	fleets := tree.Read(tree.Roots())
	var wants []Want
	for _, name := range []string{"a", "b"} {
		wants = append(wants, wantInterval(Target{0, flux.Ref{Group: sourceGroup, Kind: gitRepositoryKind, Namespace: "x", Name: name}, flux.Interval}, "5m"))
	}
	r, err := tree.RewritePart(fleets, tree.Decide(fleets), wants, func(_ int, ref flux.Ref) bool { return ref.Namespace == "x" })
	require.NoError(t, err)
	assert.Empty(t, r.Refused)
	require.Len(t, r.Values, 1)
	assert.Equal(t, production+"kustomization.yaml", r.Values[0].File)
}

// Days are refused in manifests that nothing is built of yet, too.
func TestRefusedValues(t *testing.T) {
	t.Parallel()
	tree := broken(t, breakages()["a variable without a value"])
	fleets := tree.Read(tree.Roots())
	refused := tree.RefusedValues(fleets)
	require.Len(t, refused, 1)
	assert.Equal(t, "apps/base/api.yaml:8:12", refused[0].String())
	assert.Equal(t, flux.Timeout, refused[0].Field)
	assert.Contains(t, refused[0].Why, `"1d" is not a duration`)
	sound := NewTree(sharedFiles())
	assert.Empty(t, sound.RefusedValues(sound.Read(sound.Roots())))
}
