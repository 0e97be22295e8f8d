package cmd

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

const top = "../.."

// The script of the action leaves its three reports, and fails as it was asked to.
func TestCheckAction(t *testing.T) {
	t.Parallel()
	source, err := filepath.Abs(top)
	require.NoError(t, err)
	plugin, err := os.Executable()
	require.NoError(t, err)
	dir := writeBranch(t)
	for name, c := range map[string]struct {
		env  []string
		code int
	}{
		"findings":          {[]string{"BASE=main"}, 1},
		"told only":         {[]string{"BASE=main", "FAIL_ON_FINDINGS=false"}, 0},
		"nothing new":       {[]string{"BASE=HEAD"}, 0},
		"without a base":    {[]string{"BASE=", "FAIL_ON_FINDINGS=false"}, 0},
		"too many requests": {[]string{"BASE=HEAD", "FAIL_ABOVE=2%"}, 4},
		"hostile":           {[]string{"BASE=$(touch " + dir + "/pwned)"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			into := t.TempDir()
			cmd := exec.CommandContext(t.Context(), "bash", filepath.Join(source, ".github/actions/check/check.sh"))
			cmd.Env = append(os.Environ(), append(c.env, "SOURCE="+source, "FLUXTUNE="+plugin, runAsPlugin+"=1", "CHECKOUT="+dir, "POLICY=per-environment", "RUNNER_TEMP="+into,
				"GITHUB_OUTPUT="+into+"/output", "GITHUB_STEP_SUMMARY="+into+"/summary")...)
			out, err := cmd.CombinedOutput()
			assert.Equal(t, c.code, cmd.ProcessState.ExitCode(), "%s %v", out, err)
			assert.NoFileExists(t, filepath.Join(dir, "pwned"))
			if name == "hostile" {
				return
			}
			summary, err := os.ReadFile(into + "/summary")
			require.NoError(t, err)
			assert.Contains(t, string(summary), "### Flux intervals")
			outputs, err := os.ReadFile(into + "/output")
			require.NoError(t, err)
			for _, format := range []string{"markdown", "sarif", "json"} {
				found := regexp.MustCompile(`(?m)^` + format + `=(.+)$`).FindStringSubmatch(string(outputs))
				require.NotNil(t, found, format)
				info, err := os.Stat(found[1])
				require.NoError(t, err)
				assert.Positive(t, info.Size())
			}
		})
	}
}

// The action hands every input over as a variable, and the script's outputs are those that it declares.
func TestCheckActionDeclaresWhatItUses(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(filepath.Join(top, ".github/actions/check/action.yml"))
	require.NoError(t, err)
	var action struct {
		Inputs, Outputs map[string]struct{ Value string }
		Runs            struct {
			Using string
			Steps []struct {
				Uses, Run string
				Env       map[string]string
			}
		}
	}
	require.NoError(t, yaml.Unmarshal(data, &action))
	assert.Equal(t, "composite", action.Runs.Using)
	used := ""
	for _, step := range action.Runs.Steps {
		assert.NotContains(t, step.Run, "${{", "an expression in a script")
		for _, value := range step.Env {
			used += value
		}
	}
	for input := range action.Inputs {
		assert.Contains(t, used, "inputs."+input)
	}
	for output, o := range action.Outputs {
		assert.Equal(t, "${{ steps.check.outputs."+output+" }}", o.Value)
	}
}

// The hooks of pre-commit call commands and flags that there are.
func TestPreCommitHooks(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(filepath.Join(top, ".pre-commit-hooks.yaml"))
	require.NoError(t, err)
	var hooks []struct {
		ID, Entry, Language string
		PassFilenames       *bool `json:"pass_filenames"`
	}
	require.NoError(t, yaml.Unmarshal(data, &hooks))
	require.Len(t, hooks, 2)
	for _, hook := range hooks {
		fields := strings.Fields(hook.Entry)
		assert.Equal(t, "kubectl-fluxtune", fields[0])
		assert.FileExists(t, filepath.Join(top, "cmd", fields[0], "main.go"), "go install gives the program its folder's name")
		assert.Equal(t, "golang", hook.Language)
		assert.False(t, *hook.PassFilenames)
		command, args, err := Tree().Find(fields[1:])
		require.NoError(t, err)
		require.NoError(t, command.ParseFlags(args), hook.ID)
	}
}

// As pre-commit runs it: in a hook of Git, on a commit that is being made.
func TestCheckInAHook(t *testing.T) {
	dir := writeBranch(t)
	file := filepath.Join(dir, "clusters/production/apps.yaml")
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, []byte(strings.Replace(string(content), "interval: 10m", "interval: 1w", 1)), 0o644))
	runGit(t, dir, "add", "-A")
	t.Setenv("GIT_DIR", ".git")
	t.Setenv("GIT_INDEX_FILE", ".git/index")
	t.Chdir(dir)
	o := invocation{}.run(t.Context(), "check", "--filename", ".", "--base", "HEAD", "--exit-code")
	assert.Equal(t, 1, o.code, o.stderr)
	assert.Contains(t, o.stdout, "clusters/production/apps.yaml:7:13: error: interval of Kustomization flux-system/apps")
}
