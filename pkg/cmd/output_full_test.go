package cmd

import (
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

// fullDisk takes nothing.
type fullDisk struct{}

var errFull = errors.New("no space left on device")

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }

// Whatever the format is: what could not be written is an error.
func TestAFullDiskIsAnError(t *testing.T) {
	t.Parallel()
	list, err := report.NewNodeList(groupedCounts(), report.NodeOptions{})
	require.NoError(t, err)
	r := &root{System: System{IOStreams: genericiooptions.IOStreams{Out: fullDisk{}, ErrOut: io.Discard}, Getenv: func(string) string { return "" }}, config: genericclioptions.NewConfigFlags(true)}
	for _, format := range []string{"table", "wide", "json", "yaml", "name", "jsonpath={.items[0].name}", "custom-columns=N:.name"} {
		p, err := OutputFlags{Output: format, AllowMissingTemplateKeys: true, formats: []string{"table", "wide", "json", "yaml", "name", "jsonpath", "custom-columns"}}.toPrinter(r)
		require.NoError(t, err, format)
		err = p.print(list, list.Names(), func(l report.Layout) error { return list.Draw(fullDisk{}, noon, l) })
		require.ErrorIs(t, err, errFull, format)
	}
}
