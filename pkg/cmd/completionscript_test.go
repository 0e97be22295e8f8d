package cmd

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// runAsPlugin makes the test's own program the plugin, so that programs that run it can be tested
// without building it.
const runAsPlugin = "FLUXTUNE_TEST_RUN_AS_PLUGIN"

func TestCompletionKubectlOptions(t *testing.T) {
	t.Parallel()
	var f CompletionKubectlFlags
	parseEvery(t, newCompletionKubectl(testRoot()), func(cmd *cobra.Command) {
		cmd.Flags().BoolVar(&f.Install, "install", false, "")
	}, map[string]string{"install": "true"})
	r := testRoot()
	r.Getenv = func(name string) string { return "the " + name }
	o, err := f.toOptions(r, nil)
	require.NoError(t, err)
	self, err := os.Executable()
	require.NoError(t, err)
	assert.Equal(t, &CompletionKubectlOptions{
		Install: true, Executable: self, Path: "the PATH", Windows: runtime.GOOS == "windows", root: r,
	}, o)
}

// krewFolder is what Krew makes of this test's program: the file in store, and a link to it in bin.
func krewFolder(t *testing.T) (bin string) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	root := t.TempDir()
	bin = filepath.Join(root, "bin")
	store := filepath.Join(root, "store", "fluxtune", "v0.0.0-test")
	for _, dir := range []string{bin, store} {
		require.NoError(t, os.MkdirAll(dir, 0o755))
	}
	stored := filepath.Join(store, "kubectl-fluxtune")
	require.NoError(t, os.Link(self, stored), "a temporary directory on another file system")
	require.NoError(t, os.Symlink(stored, filepath.Join(bin, "kubectl-fluxtune")))
	return bin
}

// TestCompletionBehindKubectl presses Tab as kubectl's own completion scripts do.
func TestCompletionBehindKubectl(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	ns := c.Namespace(t, map[string]string{"environment": "development"})
	c.Apply(t, gitRepository(ns, "api", "interval: 5m")+gitRepository(ns, "app", "interval: 5m"))
	bin := krewFolder(t)
	kubectl := func(args ...string) (stdout, stderr string) {
		cmd := exec.CommandContext(t.Context(), c.KubectlPath(), args...)
		cmd.Env = []string{runAsPlugin + "=1", "PATH=" + bin + ":/usr/bin:/bin", "KUBECONFIG=" + c.Kubeconfig(), "HOME=" + t.TempDir()}
		var out, errOut strings.Builder
		cmd.Stdout, cmd.Stderr = &out, &errOut
		require.NoError(t, cmd.Run(), "%v: %s", args, &errOut)
		return out.String(), errOut.String()
	}

	before, _ := kubectl("__completeNoDesc", "fluxtune", "get", "-n", ns, "gitrepo", "")
	assert.NotContains(t, before, "api", "kubectl has nobody to ask yet")

	_, said := kubectl("fluxtune", "completion", "kubectl", "--install")
	assert.Contains(t, said, "wrote "+filepath.Join(bin, "kubectl_complete-fluxtune"))

	for _, test := range []struct{ line, want string }{
		{"fluxtune get -n NS gitrepo ", "api app :4"},
		{"fluxtune plan -n NS gitrepo/ap", "gitrepo/api gitrepo/app :4"},
		{"fluxtune plan --env ", "development staging production :4"},
		{"fluxtune plan --env=s", "development staging production :4"},
		{"fluxtune vers", "version :4"},
	} {
		line := strings.Split(strings.ReplaceAll(test.line, "NS", ns), " ")
		out, _ := kubectl(append([]string{"__completeNoDesc"}, line...)...)
		assert.Equal(t, test.want, strings.Join(strings.Fields(out), " "), test.line)
	}
	kubectl("fluxtune", "completion", "kubectl", "--install") // it may be placed again
}

func TestCompletionInstallRefuses(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	require.NoError(t, err)
	bin, nowhere := krewFolder(t), t.TempDir()
	file := filepath.Join(bin, "kubectl_complete-fluxtune")
	install := func(path string) error {
		return (&CompletionKubectlOptions{Install: true, Executable: self, Path: path, root: testRoot()}).run(t.Context())
	}
	require.ErrorContains(t, install(nowhere), "kubectl-fluxtune is in no directory on PATH as the file that runs now ("+self+")")

	require.NoError(t, os.WriteFile(filepath.Join(nowhere, "kubectl-fluxtune"), nil, 0o755))
	require.NoError(t, install(nowhere+":"+bin), "another plugin of this name, earlier on PATH")
	require.FileExists(t, file)

	require.NoError(t, os.WriteFile(file, []byte("somebody's own"), 0o755))
	require.EqualError(t, install(bin), `"`+file+`" is there already and not ours: remove it first`)

	require.NoError(t, os.Remove(file))
	require.NoError(t, os.Chmod(bin, 0o555))
	if os.Geteuid() == 0 {
		t.Skip("root may write everywhere")
	}
	require.EqualError(t, install(bin), `placing kubectl_complete-fluxtune beside the plugin in "`+bin+`": permission denied: run it as somebody who may write there, or print it to another directory on PATH`)
}

func TestCompletionScripts(t *testing.T) {
	t.Parallel()
	for shell, holds := range map[string]string{
		"bash":       "complete -o default -F __start_kubectl-fluxtune kubectl-fluxtune",
		"zsh":        "#compdef kubectl-fluxtune",
		"fish":       "complete -c kubectl-fluxtune",
		"powershell": "Register-ArgumentCompleter -CommandName 'kubectl-fluxtune'",
		"kubectl":    `exec "$plugin" __complete "$@"`,
	} {
		o := invocation{}.must(t, "completion", shell)
		assert.Contains(t, o.stdout, holds, shell)
		assert.Empty(t, o.stderr, shell)
	}
	windows := (&CompletionKubectlOptions{Windows: true}).script()
	assert.Contains(t, windows, `@"%~dp0kubectl-fluxtune.exe" __complete %*`)
}

// TestFluxPlugin: Flux's CLI runs flux-NAME from its plugin directory, and asks it for completions with
// __complete (github.com/fluxcd/flux2, internal/plugin).
func TestFluxPlugin(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "flux-tune")
	require.NoError(t, os.Symlink(self, file))
	run := func(args ...string) string {
		cmd := exec.CommandContext(t.Context(), file, args...)
		cmd.Env = []string{runAsPlugin + "=1", "HOME=" + t.TempDir()}
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
		return string(out)
	}
	for _, args := range [][]string{{"--help"}, {"plan", "--help"}, {"completion", "--help"}} {
		help := run(args...)
		assert.Contains(t, help, "flux tune", args)
		assert.NotContains(t, help, "kubectl fluxtune", args)
	}
	assert.NotContains(t, run("completion", "--help"), "completion kubectl", "it has no such command")
	assert.Contains(t, run("completion", "bash"), "__start_flux-tune")
	assert.Equal(t, "development\nstaging\nproduction\n:4\n", strings.SplitAfter(run("__completeNoDesc", "plan", "--env", ""), ":4\n")[0])
}
