package cmd

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
)

// A flag that is given an empty value is a variable of a script that is not set: no command takes it for a wish.
func TestNoCommandTakesAnEmptyFlag(t *testing.T) {
	t.Parallel()
	r := testRoot()
	all := newRoot(r.System, Build{}, "kubectl fluxtune")
	tried := 0
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
			if harmlessEmpty(f.Name) || f.Value.Type() != "string" && !strings.HasPrefix(f.Value.Type(), "string") {
				return
			}
			tried++
			path := append(strings.Fields(strings.TrimPrefix(cmd.CommandPath(), all.CommandPath())), "--"+f.Name+"=")
			o := invocation{}.run(t.Context(), path...)
			assert.Equal(t, exitFailed, min(o.code, exitFailed), path)
			assert.Contains(t, o.stderr, "--"+f.Name+" is given without a value", path)
		})
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(all)
	assert.Greater(t, tried, 40)
}

func TestNamesOfNodes(t *testing.T) {
	t.Parallel()
	names, err := nodeNames([]string{"a", "node/b", "nodes/c", "no/d"})
	assert.NoError(t, err)
	assert.Equal(t, []string{"a", "b", "c", "d"}, names)
	for _, bad := range []string{"pod/a", "node/", "node/a/b"} {
		_, err := nodeNames([]string{bad})
		assert.ErrorContains(t, err, "write NAME or node/NAME", bad)
	}
}
