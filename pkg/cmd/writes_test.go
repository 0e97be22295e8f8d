package cmd

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestNoFileIsWritten runs every command in a home, a working directory and a temporary directory of
// its own, and looks for what it left there. completion kubectl --install, which places the file that
// it names, has tests of its own.
func TestNoFileIsWritten(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	ns := c.Namespace(t, map[string]string{"environment": "development"})
	c.Apply(t, gitRepository(ns, "app", "interval: 5m"))
	self, err := os.Executable()
	require.NoError(t, err)
	kubeconfig, err := os.ReadFile(c.Kubeconfig())
	require.NoError(t, err)
	checkout, branch := writeCheckout(t), writeBranch(t)
	var used []string
	for _, args := range []string{
		"", "get -n NS", "get -n NS -o yaml", "plan -n NS", "plan -n NS -o diff", "plan -n NS -o custom-columns=NAME:.ref.name",
		"budget -n NS", "apply -n NS --yes --dry-run=server", "apply -n NS --yes", "sessions -n NS", "receivers -n NS", "alerts -n NS", "forget -n NS --yes", "revert -n NS --yes",
		"trace -f CHECKOUT", "check -f BRANCH --base HEAD", "export -n NS", "rewrite -f CHECKOUT --dry-run", "nodes", "nodes --all-contexts -o csv", "doctor -n NS", "policy", "policy fast", "policy schema", "rbac", "version", "options",
		"completion bash", "completion zsh", "completion fish", "completion powershell", "completion kubectl", "__complete get -n NS gitrepo/",
	} {
		box := t.TempDir()
		home := filepath.Join(box, "home")
		for _, dir := range []string{"home/.kube", "tmp", "here"} {
			require.NoError(t, os.MkdirAll(filepath.Join(box, dir), 0o755))
		}
		require.NoError(t, os.WriteFile(filepath.Join(home, ".kube", "config"), kubeconfig, 0o600))
		words := strings.Fields(strings.NewReplacer("NS", ns, "CHECKOUT", checkout, "BRANCH", branch).Replace(args))
		cmd := exec.CommandContext(t.Context(), self, words...)
		cmd.Dir = filepath.Join(box, "here")
		cmd.Env = []string{runAsPlugin + "=1", "HOME=" + home, "TMPDIR=" + filepath.Join(box, "tmp"), "PATH=" + os.Getenv("PATH")}
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s: %s", args, out)
		var files []string
		require.NoError(t, fs.WalkDir(os.DirFS(box), ".", func(path string, entry fs.DirEntry, err error) error {
			if !entry.IsDir() {
				files = append(files, path)
			}
			return err
		}))
		assert.Equal(t, []string{"home/.kube/config"}, files, args)
		left, err := os.ReadFile(filepath.Join(home, ".kube", "config"))
		require.NoError(t, err)
		assert.Equal(t, string(kubeconfig), string(left), args)
		used = append(used, strings.SplitN(args+" ", " ", 2)[0])
	}
	for _, command := range newRoot(testRoot().System, Build{}, pluginName).Commands() {
		assert.Contains(t, used, command.Name(), "every command is tried")
	}
}

// TestWhatCanWriteFiles names every function of the program that could write a file.
func TestWhatCanWriteFiles(t *testing.T) {
	t.Parallel()
	writing := []string{
		"Chmod", "Chtimes", "CopyFS", "Create", "CreateTemp", "Link", "Mkdir", "MkdirAll", "MkdirTemp", "OpenFile", "OpenRoot",
		"Remove", "RemoveAll", "Rename", "Symlink", "Truncate", "WriteFile",
	}
	found := map[string][]string{}
	for _, root := range []string{"../../cmd", ".."} {
		require.NoError(t, filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				return err
			}
			for _, d := range file.Decls {
				function, _ := d.(*ast.FuncDecl)
				ast.Inspect(d, func(n ast.Node) bool {
					selector, ok := n.(*ast.SelectorExpr)
					if !ok || function == nil {
						return true
					}
					if from, ok := selector.X.(*ast.Ident); ok && from.Name == "os" && slices.Contains(writing, selector.Sel.Name) {
						name := filepath.Base(path) + " " + function.Name.Name
						found[name] = append(found[name], selector.Sel.Name)
					}
					return true
				})
			}
			return nil
		}))
	}
	assert.Equal(t, map[string][]string{
		"completionscript.go place": {"CreateTemp", "Remove", "Chmod", "Rename"},
		"write.go stage":            {"CreateTemp", "Remove"}, // rewrite, of a checkout
		"write.go Write":            {"Remove", "Rename"},
		"write.go takeBack":         {"Rename"},
		"beside.go silence":         {"OpenFile"}, // the null device
	}, found)
}
