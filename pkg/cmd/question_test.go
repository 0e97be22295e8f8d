package cmd

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
)

// asking are options that ask on a terminal of a width, in which what is answered can be read; shown is what was written there.
func asking(answer string, width int) (o WriteOptions, shown *bytes.Buffer) {
	shown = &bytes.Buffer{}
	r := testRoot()
	r.IOStreams = genericiooptions.IOStreams{In: strings.NewReader(answer), ErrOut: terminal.NewMessages(shown, func() int { return width })}
	r.StderrTerminal = true
	return WriteOptions{OutputOptions: OutputOptions{root: r, printer: &printer{layout: report.Layout{Width: width}}}, PatchFlags: PatchFlags{DryRun: dryRunNone}}, shown
}

// Whoever answers ends the line of the question: what is said next begins at the left, and is broken only where the terminal ends.
func TestWhatFollowsAQuestionBeginsALine(t *testing.T) {
	t.Parallel()
	const question = "Change 1 object (0 in production, 1 faster) in context \"one\"?"
	o, shown := asking("n\n", 80)
	err := o.confirm(t.Context(), question, 1)
	require.EqualError(t, err, "not confirmed: nothing was changed")
	_, err = o.root.ErrOut.Write([]byte("error: not confirmed: nothing was changed\n"))
	require.NoError(t, err)
	assert.True(t, strings.HasSuffix(shown.String(), "error: not confirmed: nothing was changed\n"), "%q", shown)

	o, shown = asking("", 80) // Ctrl-D ends no line
	require.Error(t, o.confirm(t.Context(), question, 1))
	assert.True(t, strings.HasSuffix(shown.String(), "[y/N] \n"), "%q", shown)
}

// So is what rewrite says.
func TestWhatFollowsTheQuestionOfRewriteBeginsALine(t *testing.T) {
	t.Parallel()
	w, shown := asking("y\n", 80)
	w.root.StdinTerminal = true
	require.NoError(t, RewriteOptions{root: w.root}.confirm(t.Context(), 4))
	const line = "error: clusters/staging/infrastructure.yaml has changed since it was read: run\n"
	_, err := w.root.ErrOut.Write([]byte(line))
	require.NoError(t, err)
	assert.True(t, strings.HasSuffix(shown.String(), line), "%q", shown)
}

// A question is broken between words: it may take more rows than its letters fill.
func TestRowsOfAQuestion(t *testing.T) {
	t.Parallel()
	o, _ := asking("", 20)
	assert.Equal(t, 3, o.rowsAsked("aaaaaaaaaaa bbbbbbbbbbbb cccccccccc?", 1))
	assert.Zero(t, o.rowsAsked("a?", 0), "nothing to ask")
}
