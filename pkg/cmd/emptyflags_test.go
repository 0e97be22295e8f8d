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

// Without a namespace nodes counts all pods, which nobody means who names one.
func TestANamespaceThatIsEmptyIsNone(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"nodes", "-n", ""}, {"get", "-n", ""}, {"apply", "--namespace="}, {"nodes", "--sort-by", ""}} {
		o := invocation{}.run(t.Context(), args...)
		assert.Equal(t, exitFailed, o.code, args)
		assert.Contains(t, o.stderr, " is given without a value", args)
	}
}

// What is no number or no time is said in plain words.
func TestWhatIsNoNumberIsSaidInPlainWords(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		`--top "abc": it takes a whole number`: {"nodes", "--top", "abc"}, "--top -1: it takes a number of rows, like 5": {"nodes", "--top", "-1"},
		`--timeout "soon": it takes a time, like 5m`: {"nodes", "--timeout", "soon"},
	} {
		o := invocation{}.run(t.Context(), args...)
		assert.Equal(t, exitFailed, o.code, args)
		assert.Contains(t, o.stderr, want, args)
	}
}

// A time that has passed already, or is none, is a variable of a script that was reckoned wrong: no command takes it for a wish.
func TestNoCommandTakesATimeThatIsNone(t *testing.T) {
	t.Parallel()
	r := testRoot()
	all := newRoot(r.System, Build{}, "kubectl fluxtune")
	tried := 0
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
			if f.Value.Type() != "duration" {
				return
			}
			tried++
			for _, none := range []string{"0s", "-1m0s"} {
				path := append(strings.Fields(strings.TrimPrefix(cmd.CommandPath(), all.CommandPath())), "--"+f.Name+"="+none)
				o := invocation{}.run(t.Context(), path...)
				assert.Equal(t, exitFailed, o.code, path)
				assert.Contains(t, o.stderr, "--"+f.Name+" "+none+": it takes a time above 0, like 5m", path)
			}
		})
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(all)
	assert.GreaterOrEqual(t, tried, 6)
	o := invocation{}.run(t.Context(), "get", "--request-timeout=-5s")
	assert.Equal(t, exitFailed, o.code)
	assert.Contains(t, o.stderr, `--request-timeout "-5s": write it like 30s or 2m; 0 is no limit`)
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

// What is no JSONPath is told before anything is read: that may take a minute for each try of a server that does not answer.
func TestSortByIsReadFirst(t *testing.T) {
	t.Parallel()
	for _, args := range []string{"get", "plan", "budget", "get --all-contexts"} {
		o := invocation{}.run(t.Context(), append(strings.Fields(args), "--sort-by", "{x")...)
		assert.Equal(t, exitFailed, o.code, args)
		assert.Contains(t, o.stderr, `reading --sort-by "{x": a brace is not closed`, args)
	}
}
