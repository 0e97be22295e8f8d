package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

type step struct {
	Name, ID, Uses, Run, If string
	With                    map[string]any
	Env                     map[string]string
}

type job struct {
	Needs       any
	If          string
	Permissions map[string]string
	Steps       []step
}

type workflow struct {
	Permissions *map[string]string
	Concurrency struct {
		Cancel bool `json:"cancel-in-progress"`
		Queue  string
	}
	Jobs map[string]job
}

// workflows reads every workflow and composite action of the repository.
func workflows(t *testing.T) map[string]workflow {
	t.Helper()
	all := make(map[string]workflow)
	files, err := filepath.Glob("../../.github/workflows/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		var w workflow
		require.NoError(t, yaml.Unmarshal(read(t, file), &w))
		all[filepath.Base(file)] = w
	}
	var action struct{ Runs struct{ Steps []step } }
	require.NoError(t, yaml.Unmarshal(read(t, "../../.github/actions/check/action.yml"), &action))
	all["action.yml"] = workflow{Jobs: map[string]job{"check": {Steps: action.Runs.Steps}}}
	return all
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	return data
}

// TestActionsArePinnedByCommit: a tag can be moved by whoever owns the action, a commit cannot.
func TestActionsArePinnedByCommit(t *testing.T) {
	t.Parallel()
	pinned := regexp.MustCompile(`^\s*(- )?uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`)
	uses := regexp.MustCompile(`^\s*(- )?(if: .*)?uses: `)
	count := 0
	for _, pattern := range []string{"workflows/*.yaml", "actions/*/action.yml"} {
		files, err := filepath.Glob("../../.github/" + pattern)
		require.NoError(t, err)
		for _, file := range files {
			for line := range strings.Lines(string(read(t, file))) {
				if line = strings.TrimRight(line, "\n"); uses.MatchString(line) {
					count++
					assert.Regexp(t, pinned, line, file)
				}
			}
		}
	}
	assert.Greater(t, count, 8)
}

// TestJobsGetOnlyWhatTheyNeed: no rights but those that a job names, no token left in the checkout for what a build
// runs, and nothing that an event says inside a script.
func TestJobsGetOnlyWhatTheyNeed(t *testing.T) {
	t.Parallel()
	for file, w := range workflows(t) {
		if file != "action.yml" {
			require.NotNil(t, w.Permissions, file)
			assert.Empty(t, *w.Permissions, file)
		}
		for name, j := range w.Jobs {
			if file != "action.yml" {
				assert.NotEmpty(t, j.Permissions, "%s: %s", file, name)
			}
			for _, s := range j.Steps {
				assert.NotContains(t, s.Run, "${{", "%s: %s", file, name)
				if strings.HasPrefix(s.Uses, "actions/checkout@") {
					assert.Equal(t, false, s.With["persist-credentials"], "%s: %s", file, name)
				}
				// A cache that another workflow wrote could end up in what is published.
				if file == "release.yaml" && strings.HasPrefix(s.Uses, "actions/setup-go@") {
					assert.Equal(t, false, s.With["cache"], name)
				}
				assert.False(t, file == "release.yaml" && strings.HasPrefix(s.Uses, "actions/cache@"), name)
			}
		}
	}
}

// TestTheOrderOfARelease: what can fail comes before what others see, and the job that runs what a build brings along
// may write nothing.
func TestTheOrderOfARelease(t *testing.T) {
	t.Parallel()
	release := workflows(t)["release.yaml"]
	assert.False(t, release.Concurrency.Cancel)
	assert.Equal(t, "max", release.Concurrency.Queue, "a tag that waits is released, too")
	jobs := release.Jobs
	var order []string
	for _, name := range []string{"build", "publish", "plugins", "krew-index"} {
		require.Contains(t, jobs, name)
		for _, s := range jobs[name].Steps {
			action, _, _ := strings.Cut(s.Uses, "@")
			order = append(order, name+": "+action+s.Run)
		}
	}
	assert.Equal(t, []string{
		"build: actions/checkout", "build: actions/setup-go",
		"build: hack/release/tag.sh", "build: make install-test", "build: actions/upload-artifact",
		"publish: actions/checkout", "publish: actions/download-artifact",
		"publish: hack/release/draft.sh", "publish: actions/attest-build-provenance", "publish: hack/release/publish.sh",
		"plugins: actions/checkout", "plugins: actions/download-artifact", "plugins: hack/release/plugins.sh",
		"krew-index: actions/checkout", "krew-index: rajatjindal/krew-release-bot",
	}, order)
	assert.Equal(t, map[string]string{"contents": "read"}, jobs["build"].Permissions)
	assert.Equal(t, map[string]string{"contents": "write", "id-token": "write", "attestations": "write"}, jobs["publish"].Permissions)
	assert.Equal(t, map[string]string{"contents": "write", "pull-requests": "write"}, jobs["plugins"].Permissions)
	assert.Equal(t, map[string]string{"contents": "read"}, jobs["krew-index"].Permissions)
	assert.Equal(t, "build", jobs["publish"].Needs)
	for _, name := range []string{"plugins", "krew-index"} {
		assert.Equal(t, []any{"build", "publish"}, jobs[name].Needs, name)
		assert.Contains(t, jobs[name].If, "needs.build.outputs.newest == 'true'", name)
	}
}

// TestNoManifestNamesWhatWasNeverReleased: plugins/ makes this repository a Krew index, for which a snapshot's archives
// do not exist.
func TestNoManifestNamesWhatWasNeverReleased(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../plugins/fluxtune.yaml")
	if os.IsNotExist(err) {
		assert.Contains(t, string(read(t, "../../plugins/README.md")), "no release yet")
		return
	}
	require.NoError(t, err)
	var m manifest
	require.NoError(t, yaml.Unmarshal(data, &m))
	what, err := judge(m.Spec.Version, nil)
	require.NoError(t, err)
	assert.True(t, what.newest, "plugins/fluxtune.yaml names %s, which is no final release", m.Spec.Version)
}
