package manifest

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fluxcd/pkg/sourceignore"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

func TestTreeLeavesOutWhatNoArtifactHolds(t *testing.T) {
	t.Parallel()
	tree := NewTree(map[string]string{
		".gitignore":              "*.dec.yaml\n/local/\n!local/kept.yaml\n",
		"sub/.gitignore":          "gone.yaml\n",
		".sourceignore":           "docs/\n/*.txt\n!/kept.txt\n",
		".sops.yaml":              "creation_rules: []\n",
		"clusters/.sops.yaml":     "creation_rules: []\n",
		".github/workflows/a.yml": "on: push\n",
		"a.yaml":                  "", "secret.dec.yaml": "", "local/kept.yaml": "", "sub/gone.yaml": "", "gone.yaml": "",
		"docs/b.yaml": "", "apps/docs/c.yaml": "", "no.txt": "", "kept.txt": "", "picture.png": "",
	})
	// With a pattern of one's own, those of source-controller no longer count, but for Git's files.
	assert.Equal(t, []string{".github/workflows/a.yml", ".sops.yaml", ".sourceignore", "a.yaml", "clusters/.sops.yaml", "gone.yaml", "kept.txt", "picture.png"}, tree.Files())
	assert.Equal(t, []string{"local/kept.yaml", "secret.dec.yaml", "sub/gone.yaml"}, tree.Ignored)

	tree = NewTree(map[string]string{".sops.yaml": "", "clusters/.sops.yaml": "", ".github/workflows/a.yml": "", "picture.png": "", "cloudbuild.yaml": "", "deep/.sourceignore": "# nothing\n", "a.yaml": ""})
	assert.Equal(t, []string{"a.yaml", "deep/.sourceignore"}, tree.Files())
}

// What is taken is what source-controller's own reading of ignore files leaves.
func TestTakenFilesAreSourceControllersOwn(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"a.yaml": "", "apps/a.yaml": "", "apps/b.yaml": "", "apps/b/c.yaml": "", "-apps/a.yaml": "", "clusters/a/x.yaml": "", "cloudbuild.yaml": "", "apps/cloudbuild.yaml": "", ".github/x.yml": "", "x.png": "",
	}
	ignore := func(s string) *string { return &s }
	for name, c := range map[string]struct {
		ignores map[string]string
		spec    *string
	}{
		"nothing":            {nil, nil},
		"an empty ignore":    {nil, ignore("")},
		"only a comment":     {nil, ignore("# nothing\n\n")},
		"a pattern":          {nil, ignore("apps/b.yaml\n")},
		"all but":            {nil, ignore("/*\n!/clusters\n")},
		"a file":             {map[string]string{".sourceignore": "apps/\n"}, nil},
		"back in":            {map[string]string{".sourceignore": "*.yaml\n", "-apps/.sourceignore": "!a.yaml\n"}, nil},
		"the spec wins":      {map[string]string{".sourceignore": "*.yaml\n"}, ignore("!/apps/*.yaml\n")},
		"a file in a folder": {map[string]string{"apps/.sourceignore": "/b\n"}, ignore("x.png\n")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := maps.Clone(files)
			maps.Copy(all, c.ignores)
			dir := t.TempDir()
			writeFiles(t, dir, all)
			patterns, err := sourceignore.LoadIgnorePatterns(dir, nil)
			require.NoError(t, err)
			if c.spec != nil {
				patterns = append(patterns, sourceignore.ReadPatterns(strings.NewReader(*c.spec), nil)...)
			}
			matcher := sourceignore.NewDefaultMatcher(patterns, nil) // SourceIgnoreFilter of fluxcd/pkg artifact/storage
			if len(patterns) > 0 {
				matcher = sourceignore.NewMatcher(append(sourceignore.VCSPatterns(nil), patterns...))
			}
			var want []string
			for _, p := range sortedKeys(all) {
				if !matcher.Match(strings.Split(p, "/"), false) {
					want = append(want, p)
				}
			}
			var s gitSource
			s.Spec.Ignore = c.spec
			assert.Equal(t, want, NewTree(all).takenBy(s).Files())
			if c.spec == nil {
				assert.Equal(t, want, NewTree(all).Files())
			}
		})
	}
}

// Flux applies nothing that its source leaves out.
func TestSourcesAreFollowed(t *testing.T) {
	t.Parallel()
	named := func(name string) string { return strings.Replace(release, "name: web", "name: "+name, 1) }
	for name, c := range map[string]struct {
		spec string // more of the GitRepository's
		want []string
		gaps []string
	}{
		"nothing":            {"", []string{"web"}, nil},
		"an empty folder":    {"  ignore: |\n    *.yaml\n    !/clusters/**\n", nil, nil},
		"ignore":             {"  ignore: |\n    /apps/web.yaml\n", []string{"cloud"}, nil},
		"all but":            {"  ignore: |\n    /*\n    !/clusters\n", nil, []string{`what Kustomization flux-system/apps applies: GitRepository flux-system/flux-system leaves its path "./apps" out of the artifact (spec.ignore, spec.sparseCheckout)`}},
		"itself":             {"  ignore: |\n    gotk-sync.yaml\n", []string{"cloud", "web"}, nil},
		"sparse":             {"  sparseCheckout: [./clusters, apps/web]\n", []string{"web"}, nil},
		"sparse, without":    {"  sparseCheckout: [clusters]\n", nil, []string{`what Kustomization flux-system/apps applies: GitRepository flux-system/flux-system leaves its path "./apps" out of the artifact (spec.ignore, spec.sparseCheckout)`}},
		"a file of patterns": {"", nil, []string{`what Kustomization flux-system/apps applies: GitRepository flux-system/flux-system leaves its path "./apps" out of the artifact (.sourceignore)`}},
		"and back in":        {"  ignore: |\n    !/apps/web.yaml\n", []string{"web"}, nil},
		"include":            {"  include: [{repository: {name: x}}]\n", []string{"web"}, []string{"the files of GitRepository flux-system/flux-system: it includes those of other repositories (spec.include), which are not in the checkout"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := map[string]string{
				"clusters/a/flux-system/gotk-sync.yaml": "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: flux-system, namespace: flux-system}\nspec:\n  interval: 1m\n  url: https://example.com/x\n" + c.spec +
					"---\napiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: flux-system, namespace: flux-system}\nspec: {path: ./clusters/a, interval: 1m, sourceRef: {kind: GitRepository, name: flux-system}}\n",
				"clusters/a/apps.yaml": strings.Replace(kustomizationOfApps, "name: repo", "name: flux-system", 1),
				"apps/web.yaml":        release,
				"apps/cloudbuild.yaml": named("cloud"),
			}
			if name == "a file of patterns" || name == "and back in" {
				files[".sourceignore"] = "apps/\n"
			}
			tree := NewTree(files)
			f := tree.Read(tree.Roots())[0]
			var got, gaps []string
			for _, o := range f.Snapshot.Objects {
				if o.Kind == "HelmRelease" {
					got = append(got, o.Name)
				}
			}
			for _, g := range f.Snapshot.Gaps {
				gaps = append(gaps, g.What+": "+g.Why)
			}
			assert.Equal(t, c.want, got)
			assert.Equal(t, c.gaps, gaps)
		})
	}
}

// What a source of another kind leaves out is read all the same, and that is said.
func TestIgnoreOfAnOCIRepository(t *testing.T) {
	t.Parallel()
	tree := NewTree(map[string]string{
		"main/ks.yaml":     strings.Replace(kustomizationOfApps, "GitRepository, name: repo", "OCIRepository, name: repo", 1),
		"main/source.yaml": "apiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nmetadata: {name: repo, namespace: flux-system}\nspec: {interval: 1m, url: oci://example.com/x, ignore: web.yaml}\n",
		"apps/web.yaml":    release,
	})
	f := tree.Read(tree.Roots())[0]
	assert.NotEmpty(t, string(f.Manifest(webRelease)))
	assert.Equal(t, []flux.Gap{{What: "the files of OCIRepository flux-system/repo", Why: "its spec.ignore or spec.sparseCheckout is not followed here: what it leaves out is read", Harmless: true}}, f.Snapshot.Gaps)
}

// What a source leaves out is neither probed nor edited, and what it takes is edited as ever.
func TestRewriteOfWhatASourceTakes(t *testing.T) {
	t.Parallel()
	tree := NewTree(map[string]string{
		"clusters/a/flux-system/gotk-sync.yaml": "#\n",
		"clusters/a/source.yaml":                "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: flux-system, namespace: flux-system}\nspec:\n  interval: 1m\n  url: https://example.com/x\n  ignore: /apps/old\n",
		"clusters/a/apps.yaml":                  strings.Replace(kustomizationOfApps, "name: repo", "name: flux-system", 1),
		"apps/web.yaml":                         release,
		"apps/old/web.yaml":                     strings.Replace(release, "name: web", "name: old", 1),
	})
	fleets := tree.Read(tree.Roots())
	from, to := "5m", "3m"
	got, err := tree.Rewrite(fleets, tree.Decide(fleets), []Want{{Ref: webRelease, Changes: []tune.Change{{Field: flux.Interval, From: &from, To: &to}}}})
	require.NoError(t, err)
	assert.Equal(t, map[string][]byte{"apps/web.yaml": []byte(strings.Replace(release, "5m", "3m", 1))}, got.Files)
}

// Git tracks what was added by force, whatever its ignore files say; Git itself tells what it tracks.
func TestOpenKeepsTrackedFilesThatAreIgnored(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"2", "3", "4", "split", "sha256", "folder"} {
		t.Run("index version "+version, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "fleet")
			writeFiles(t, dir, map[string]string{
				".gitignore": "*.yaml\n", "apps/forced.yaml": "a: 1", "apps/forced-too.yaml": "b: 1", "ignored.yaml": "c: 1", "plain.yml": "d: 1", "apps/deeper/x.yml": "",
			})
			top, format := dir, "sha1"
			switch version {
			case "sha256":
				format = version
			case "folder":
				top = filepath.Dir(dir)
			}
			git(t, top, "init", "--quiet", "--object-format="+format)
			git(t, dir, "add", "--force", "apps", ".gitignore", "plain.yml")
			switch version {
			case "3": // entries with extended flags
				writeFiles(t, dir, map[string]string{"later.yml": ""})
				git(t, dir, "add", "--intent-to-add", "later.yml")
			case "split":
				git(t, dir, "update-index", "--split-index")
			case "2", "4":
				git(t, dir, "update-index", "--index-version", version)
			}
			tree, err := Open(dir)
			require.NoError(t, err)
			want := []string{"apps/deeper/x.yml", "apps/forced-too.yaml", "apps/forced.yaml", "plain.yml"}
			if version == "3" {
				want = []string{"apps/deeper/x.yml", "apps/forced-too.yaml", "apps/forced.yaml", "later.yml", "plain.yml"}
			}
			assert.Equal(t, want, tree.Files())
			assert.Equal(t, []string{"ignored.yaml"}, tree.Ignored)
		})
	}
}

// What Git ignores is what Git itself says, with patterns that our own reading does not know and files of patterns that are in no
// folder of the checkout; where that cannot be asked, and where the folder as a whole is ignored, the .gitignore files are read.
func TestOpenIgnoresWhatGitIgnores(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ignore map[string]string
		config string
		want   []string
	}{
		"all but":           {map[string]string{".gitignore": "*\n!*/\n!a.yaml\n"}, "", []string{"apps/a.yaml"}},
		"negated class":     {map[string]string{".gitignore": "# none\n", "apps/.gitignore": "[!a.]*.yaml\n"}, "", []string{"apps/a.yaml"}},
		"what is not in it": {map[string]string{"apps/.gitignore": "[!b]*.yaml\n"}, "", []string{"apps/b.yaml"}},
		"named class":       {map[string]string{"apps/.gitignore": "[[:alpha:]].y[[:alpha:]]ml\n"}, "", nil},
		"byte order mark":   {map[string]string{".gitignore": "\ufeffb.yaml\n"}, "", []string{"apps/a.yaml"}},
		"info/exclude":      {map[string]string{".git/info/exclude": "b.yaml\n"}, "", []string{"apps/a.yaml"}},
		"excludesFile":      {map[string]string{".git/mine": "apps\n"}, ".git/mine", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			git(t, dir, "init", "-q")
			git(t, dir, "config", "core.fsmonitor", "touch ../hooked; false")
			if c.config != "" {
				git(t, dir, "config", "core.excludesFile", c.config)
			}
			writeFiles(t, dir, map[string]string{"apps/a.yaml": "", "apps/b.yaml": ""})
			writeFiles(t, dir, c.ignore)
			tree, err := Open(dir)
			require.NoError(t, err)
			assert.Equal(t, c.want, tree.Files())
			assert.NoFileExists(t, filepath.Join(filepath.Dir(dir), "hooked"))
			assert.NoFileExists(t, filepath.Join(dir, "hooked"))
		})
	}
	t.Run("the folder itself", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		git(t, dir, "init", "-q")
		writeFiles(t, dir, map[string]string{".gitignore": "build/\n", "build/deep/a.yaml": "", "build/a.yaml": "", "build/b.dec.yaml": "", "build/.gitignore": "*.dec.yaml\n"})
		for folder, want := range map[string][]string{"build": {"a.yaml", "deep/a.yaml"}, "build/deep": {"a.yaml"}} {
			tree, err := Open(filepath.Join(dir, folder))
			require.NoError(t, err)
			assert.Equal(t, want, tree.Files())
		}
	})
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", args...)
	cmd.Dir = dir
	cmd.Env = []string{"HOME=" + dir, "GIT_CONFIG_NOSYSTEM=1", "PATH=/usr/bin:/bin:/usr/local/bin"}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}

func FuzzParseIndex(f *testing.F) {
	f.Add([]byte("DIRC\x00\x00\x00\x02\x00\x00\x00\x01"))
	f.Add([]byte("DIRC\x00\x00\x00\x04\xff\xff\xff\xff" + string(make([]byte, 200))))
	f.Fuzz(func(_ *testing.T, data []byte) { parseIndex(data) })
}

// A folder that may not be listed, as a container's data are, hinders nobody where Git ignores it.
func TestOpenPassesOverUnreadableFoldersThatGitIgnores(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 {
		t.Skip("root may list every folder")
	}
	for name, c := range map[string]struct {
		ignore string
		fails  bool
	}{"ignored": {"data/\n", false}, "what is in it is ignored": {"/data/*\n", false}, "not ignored": {"other/\n", true}, "not all of it": {"data/*.log\n", true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			data := filepath.Join(dir, "data")
			require.NoError(t, os.WriteFile(filepath.Join(dir, ".gitignore"), []byte(c.ignore), 0o600))
			require.NoError(t, os.WriteFile(filepath.Join(dir, "a.yaml"), nil, 0o600))
			require.NoError(t, os.Mkdir(data, 0o000))
			t.Cleanup(func() { _ = os.Chmod(data, 0o700) })
			tree, err := Open(dir)
			if c.fails {
				require.ErrorContains(t, err, "data: permission denied")
				return
			}
			require.NoError(t, err)
			assert.Contains(t, tree.Files(), "a.yaml")
		})
	}
}
