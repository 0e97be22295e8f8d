package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"
)

// kubectl completes a plugin's arguments by running a file of this name that it finds on PATH
// (k8s.io/kubectl, pkg/cmd/plugin/plugin_completion.go). Krew links one file a plugin, so this one has
// to be placed by the plugin itself.
const completionScriptName = "kubectl_complete-fluxtune"

// completionMark tells our scripts from other files of their name.
const completionMark = "Written by kubectl fluxtune completion kubectl"

// newCompletion replaces cobra's command of this name: people call the plugin through kubectl, which
// has completion of its own.
func newCompletion(r *root) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "completion",
		Short: "Set up tab completion",
		Long: long(`
			Set up tab completion of commands, kinds, names, namespaces, environments and policies.

			Behind kubectl, completion is kubectl's (kubectl completion --help): it runs a small
			script beside the plugin, which "completion kubectl --install" places there.
			The other scripts complete the program when it is called by its file's name.`),
		Example: examples(`
			# Complete behind kubectl fluxtune: once, and again after a move of the plugin
			kubectl fluxtune completion kubectl --install

			# Complete behind kubectl-fluxtune, in this shell
			source <(kubectl fluxtune completion bash)`),
		Args: noSuchCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	if r.name == pluginName {
		cmd.AddCommand(newCompletionKubectl(r))
	} else { // Flux's CLI asks its plugins by itself
		cmd.Long = long(`
			Set up tab completion of commands, kinds, names, namespaces, environments and policies.

			Behind flux, completion is that of Flux's CLI (flux completion --help), which asks the plugin.
			These scripts complete the program when it is called by its file's name.`)
		cmd.Example = examples(`
			# Complete the program itself, in this shell
			source <(kubectl fluxtune completion bash)`)
	}
	for _, s := range shells() {
		cmd.AddCommand(&cobra.Command{
			Use:               s.name,
			Short:             "Print the completion script for " + s.name,
			Long:              "Print the completion script for " + s.name + ". It completes the program called by its file's name.",
			Example:           examples(s.example),
			Args:              cobra.NoArgs,
			ValidArgsFunction: cobra.NoFileCompletions,
			RunE:              func(cmd *cobra.Command, _ []string) error { return s.generate(cmd.Root(), r.Out) },
		})
	}
	return cmd
}

// shell is one that cobra writes completion scripts for.
type shell struct {
	name     string
	generate func(*cobra.Command, io.Writer) error
	example  string // how it loads a script
}

func shells() []shell {
	return []shell{
		{"bash", func(root *cobra.Command, out io.Writer) error { return root.GenBashCompletionV2(out, true) }, `
			# In this shell; needs the package bash-completion
			source <(kubectl fluxtune completion bash)

			# In every shell
			kubectl fluxtune completion bash > /etc/bash_completion.d/kubectl-fluxtune`},
		{"zsh", (*cobra.Command).GenZshCompletion, `
			# In this shell, behind compinit
			source <(kubectl fluxtune completion zsh)

			# In every shell
			kubectl fluxtune completion zsh > "${fpath[1]}/_kubectl-fluxtune"`},
		{"fish", func(root *cobra.Command, out io.Writer) error { return root.GenFishCompletion(out, true) }, `
			# In this shell
			kubectl fluxtune completion fish | source

			# In every shell
			kubectl fluxtune completion fish > ~/.config/fish/completions/kubectl-fluxtune.fish`},
		{"powershell", (*cobra.Command).GenPowerShellCompletionWithDesc, `
			# In this shell; in every shell from your profile
			kubectl fluxtune completion powershell | Out-String | Invoke-Expression`},
	}
}

// CompletionKubectlFlags are what the user typed.
type CompletionKubectlFlags struct {
	Install bool
}

// CompletionKubectlOptions place or print the script.
type CompletionKubectlOptions struct {
	Install bool
	// Executable is the running program's file, with symbolic links or without.
	Executable string
	// Path is the list of directories in which kubectl looks.
	Path    string
	Windows bool
	root    *root
}

func newCompletionKubectl(r *root) *cobra.Command {
	var f CompletionKubectlFlags
	cmd := &cobra.Command{
		Use:   "kubectl",
		Short: "Print or place the script that kubectl completes this plugin with",
		Long: long(`
			Print the script that kubectl runs to complete the arguments of this plugin, or place it
			beside the plugin. kubectl itself must be completed in your shell:
			see kubectl completion --help.`),
		Example: examples(`
			# Beside the plugin, in the directory on PATH in which kubectl finds it
			kubectl fluxtune completion kubectl --install

			# Somewhere else on PATH
			kubectl fluxtune completion kubectl > ~/bin/` + completionScriptName + `
			chmod +x ~/bin/` + completionScriptName),
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              runE(r, f.toOptions),
	}
	cmd.Flags().BoolVar(&f.Install, "install", false, "Place the script beside the plugin instead of printing it.")
	return cmd
}

// toOptions finds out where the plugin is.
func (f *CompletionKubectlFlags) toOptions(r *root, _ []string) (*CompletionKubectlOptions, error) {
	executable, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding the plugin's own file: %w", err)
	}
	return &CompletionKubectlOptions{
		Install: f.Install, Executable: executable, Path: r.Getenv("PATH"), Windows: runtime.GOOS == "windows", root: r,
	}, nil
}

// run prints the script, or places it.
func (o *CompletionKubectlOptions) run(context.Context) error {
	if !o.Install {
		_, err := fmt.Fprint(o.root.Out, o.script())
		return err
	}
	dir, err := o.directory()
	if err != nil {
		return err
	}
	file := filepath.Join(dir, o.suffixed(completionScriptName, ".cmd"))
	old, err := os.ReadFile(file)
	if err == nil && !strings.Contains(string(old), completionMark) {
		return fmt.Errorf("%q is there already and not ours: remove it first", file)
	}
	if err := place(file, o.script()); err != nil {
		return fmt.Errorf("placing %s beside the plugin in %q: %w: run it as somebody who may write there, or print it to another directory on PATH", filepath.Base(file), dir, cause(err))
	}
	_, err = fmt.Fprintf(o.root.ErrOut, "wrote %s\ntry it: kubectl fluxtune get <Tab> (kubectl's own completion must be on: kubectl completion --help)\n", file)
	return err
}

// directory is the one on PATH in which kubectl finds the plugin that runs now. Krew has a link there;
// where it points to is not on PATH.
func (o *CompletionKubectlOptions) directory() (string, error) {
	self, err := os.Stat(o.Executable)
	if err != nil {
		return "", fmt.Errorf("looking at the plugin's own file: %w", err)
	}
	for _, dir := range filepath.SplitList(o.Path) {
		found, err := os.Stat(filepath.Join(dir, o.suffixed("kubectl-fluxtune", ".exe")))
		if err == nil && os.SameFile(self, found) {
			return filepath.Abs(dir)
		}
	}
	return "", fmt.Errorf("kubectl-fluxtune is in no directory on PATH as the file that runs now (%s): put it on PATH first, kubectl looks for both files there", o.Executable)
}

func (o *CompletionKubectlOptions) suffixed(name, suffix string) string {
	if o.Windows {
		return name + suffix
	}
	return name
}

// script runs the plugin beside it.
func (o *CompletionKubectlOptions) script() string {
	if o.Windows {
		return "@rem " + completionMark + ".\r\n@\"%~dp0kubectl-fluxtune.exe\" __complete %*\r\n"
	}
	return `#!/bin/sh
# ` + completionMark + `.
# kubectl runs it when Tab is pressed behind "kubectl fluxtune".
plugin=${0%/*}/kubectl-fluxtune
[ -x "$plugin" ] || plugin=kubectl-fluxtune
exec "$plugin" __complete "$@"
`
}

// place writes an executable file whole or not at all.
func place(file, content string) error {
	temp, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+"-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temp.Name()) }() // is gone where the rename did its work
	_, err = temp.WriteString(content)
	if err := errors.Join(err, temp.Close()); err != nil {
		return err
	}
	if err := os.Chmod(temp.Name(), 0o755); err != nil {
		return err
	}
	return os.Rename(temp.Name(), file)
}

// cause leaves out the name of the temporary file.
func cause(err error) error {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}
