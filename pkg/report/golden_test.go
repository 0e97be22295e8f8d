package report

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares what was written with testdata/<name>.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, got, 0o600))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err, "go test ./pkg/report -update writes it")
	assert.Equal(t, string(want), string(got), name)
}

func goldenJSON(t *testing.T, name string, document any) {
	t.Helper()
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	require.NoError(t, encoder.Encode(document))
	golden(t, name, b.Bytes())
}

func goldenTable(t *testing.T, name string, table Table, l Layout) {
	t.Helper()
	golden(t, name, []byte(draw(t, table, l)))
}

// lines makes the text of a table readable in a test: one string a line.
func lines(s ...string) string { return strings.Join(s, "\n") + "\n" }

func draw(t *testing.T, table Table, l Layout) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, table.Draw(&b, l))
	return b.String()
}
