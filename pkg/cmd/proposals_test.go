package cmd

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
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
			ast.Inspect(parsed, func(n ast.Node) bool {
				literal, is := n.(*ast.BasicLit)
				if !is || literal.Kind != token.STRING {
					return true
				}
				text, err := strconv.Unquote(literal.Value)
				require.NoError(t, err)
				_, command, proposes := strings.Cut(text, " with: %")
				if !proposes || strings.Contains(file, "checktable.go") {
					return true
				}
				proposals++
				assert.NotRegexp(t, `with:|[.;:,]( |\n|$)`, strings.TrimSuffix(command, "\n"), "%s: %q", file, text)
				return true
			})
		}
	}
	assert.Greater(t, proposals, 5)
}
