package manifest

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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
	assert.Equal(t, []string{".sourceignore", "a.yaml", "gone.yaml", "kept.txt"}, tree.Files())
	assert.Equal(t, []string{"local/kept.yaml", "secret.dec.yaml", "sub/gone.yaml"}, tree.Ignored)
}

// Git tracks what was added by force, whatever its ignore files say; Git itself tells what it tracks.
func TestOpenKeepsTrackedFilesThatAreIgnored(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"2", "3", "4"} {
		t.Run("index version "+version, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			writeFiles(t, dir, map[string]string{
				".gitignore": "*.yaml\n", "apps/forced.yaml": "a: 1", "apps/forced-too.yaml": "b: 1", "ignored.yaml": "c: 1", "plain.yml": "d: 1", "apps/deeper/x.yml": "",
			})
			git(t, dir, "init", "--quiet")
			git(t, dir, "add", "--force", "apps", ".gitignore", "plain.yml")
			if version == "3" { // entries with extended flags
				writeFiles(t, dir, map[string]string{"later.yml": ""})
				git(t, dir, "add", "--intent-to-add", "later.yml")
			} else {
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
