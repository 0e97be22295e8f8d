package cmd

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A command that is proposed ends its line, so that a narrow terminal gives it lines of its own, which can be pasted: of no
// message is there prose, or another command, behind it.
func TestProposedCommandsStandAlone(t *testing.T) {
	t.Parallel()
	proposals := 0
	eachText(t, func(file, text string, _ ast.Node) {
		_, command, proposes := strings.Cut(text, " with: %")
		if !proposes || strings.Contains(file, "checktable.go") {
			return
		}
		proposals++
		assert.NotRegexp(t, `with:|[.;:,]( |\n|$)`, strings.TrimSuffix(command, "\n"), "%s: %q", file, text)
	})
	assert.Greater(t, proposals, 5)
}

// renamed are the files whose texts all become those of the program as it was called, before anybody sees them: what alerts and
// doctor say. Of other files only help is. What check says of its rules is read where no program was called.
var renamed = []string{"../alerts/", "../check/finding.go", "../report/access.go", "../report/doctor", "../report/receivers.go", "alerts.go", "doctor.go", "doctornext.go", "root.go"}

// The program has a name for whoever calls it by another file, and a command that is proposed says which cluster is meant: so
// nobody writes one as a text but those that are seen to.
func TestNoTextNamesTheProgram(t *testing.T) {
	t.Parallel()
	named := 0
	eachText(t, func(file, text string, within ast.Node) {
		if !strings.Contains(text, pluginName) {
			return
		}
		named++
		if slices.ContainsFunc(renamed, func(prefix string) bool { return strings.HasPrefix(file, prefix) }) {
			return
		}
		if call, is := within.(*ast.CallExpr); is {
			name := ""
			switch f := call.Fun.(type) {
			case *ast.Ident:
				name = f.Name
			case *ast.SelectorExpr:
				name = f.Sel.Name
			}
			if name == "long" || name == "examples" || strings.HasSuffix(name, "Var") { // of help
				return
			}
		}
		if slices.Contains([]string{"main.go", "completionscript.go"}, file) { // which are about kubectl and the name itself
			return
		}
		assert.Fail(t, "a text that is shown names the program", "%s: %q", file, text)
	})
	assert.Greater(t, named, 30)
}

// eachText calls a function for each string of the sources, with the call that it is an argument of; nil for others.
func eachText(t *testing.T, do func(file, text string, within ast.Node)) {
	t.Helper()
	for _, folder := range []string{".", "../alerts", "../cluster", "../check", "../fit", "../manifest", "../report", "../tune"} {
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		require.NoError(t, err)
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			source, err := os.ReadFile(file)
			require.NoError(t, err)
			parsed, err := parser.ParseFile(token.NewFileSet(), file, source, 0)
			require.NoError(t, err)
			calls := map[ast.Node]ast.Node{}
			ast.Inspect(parsed, func(n ast.Node) bool {
				if call, is := n.(*ast.CallExpr); is {
					for _, arg := range call.Args {
						ast.Inspect(arg, func(inner ast.Node) bool { calls[inner] = call; return true })
					}
				}
				literal, is := n.(*ast.BasicLit)
				if !is || literal.Kind != token.STRING {
					return true
				}
				text, err := strconv.Unquote(literal.Value)
				require.NoError(t, err)
				do(file, text, calls[n])
				return true
			})
		}
	}
}
