package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/check"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/manifest"
)

// The specification's schema, in a module that has it among its tests' files.
const (
	sarifModule = "github.com/securego/gosec/v2@v2.30.0"
	sarifFile   = "report/sarif/testdata/sarif-schema-2.1.0.json"
	sarifSum    = "c3b4bb2d6093897483348925aaa73af03b3e3f4bd4ca38cef26dcb4212a2682e"
)

func sarifSchema(t *testing.T) *jsonschema.Resolved {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", sarifModule)
	cmd.Dir = t.TempDir()
	out, err := cmd.Output()
	require.NoError(t, err, "%s", out)
	var module struct{ Dir string }
	require.NoError(t, json.Unmarshal(out, &module))
	data, err := os.ReadFile(filepath.Join(module.Dir, filepath.FromSlash(sarifFile)))
	require.NoError(t, err)
	sum := sha256.Sum256(data)
	require.Equal(t, sarifSum, hex.EncodeToString(sum[:]))
	// It is of draft 4, and has nothing in it that draft 7 reads otherwise.
	data = bytes.Replace(data, []byte("http://json-schema.org/draft-04/schema#"), []byte("http://json-schema.org/draft-07/schema#"), 1)
	var schema jsonschema.Schema
	require.NoError(t, json.Unmarshal(data, &schema))
	resolved, err := schema.Resolve(nil)
	require.NoError(t, err)
	return resolved
}

func sarifExample() BranchCheck {
	c := check.Check{Findings: []check.Finding{
		{Rule: check.RuleUnit, Level: check.LevelError, Message: "m", At: manifest.Position{File: "a b/ü.yaml", Line: 3, Column: 5, Length: 2}},
		{Rule: check.RuleDuplicate, Level: check.LevelWarning, Message: "m", Known: true, Objects: []check.Object{{Cluster: "c", Ref: flux.Ref{Kind: "GitRepository", Name: "x"}}}},
		{Rule: check.RuleSemver, Level: check.LevelNote, Message: "m", At: manifest.Position{File: "a:b.yaml", Line: 1, Column: 1}},
	}}
	return NewCheck(c, "p", &CheckBase{Revision: "main", Commit: "c"}, "", nil, nil)
}

func TestSARIFValidates(t *testing.T) {
	t.Parallel()
	schema := sarifSchema(t)
	data, err := json.Marshal(sarifExample().SARIF("v1.2.3"))
	require.NoError(t, err)
	validate := func(data []byte) error {
		var document any
		require.NoError(t, json.Unmarshal(data, &document))
		return schema.Validate(document)
	}
	require.NoError(t, validate(data))
	empty, err := json.Marshal(NewCheck(check.Check{}, "p", nil, "", nil, nil).SARIF(""))
	require.NoError(t, err)
	require.NoError(t, validate(empty))
	for _, wrong := range [][2]string{{`"level":"error"`, `"level":"fatal"`}, {`"startLine":3`, `"startLine":0`}, {`"message":{"text":"m"}`, `"message":{}`}, {`"version":"2.1.0"`, `"version":"2"`}} {
		broken := bytes.Replace(data, []byte(wrong[0]), []byte(wrong[1]), 1)
		require.NotEqual(t, string(data), string(broken), wrong[0])
		assert.Error(t, validate(broken), "the schema does not see %s", wrong[1])
	}
}

func TestSARIFLocations(t *testing.T) {
	t.Parallel()
	results := sarifExample().SARIF("").Runs[0].Results
	assert.Equal(t, SARIFPhysical{SARIFArtifact{"a%20b/%C3%BC.yaml"}, SARIFRegion{3, 5, 7}}, results[0].Locations[0].PhysicalLocation)
	assert.Empty(t, results[1].Locations)
	assert.Equal(t, "./a:b.yaml", results[2].Locations[0].PhysicalLocation.ArtifactLocation.URI)
	assert.Equal(t, []string{"new", "unchanged", "new"}, []string{results[0].BaselineState, results[1].BaselineState, results[2].BaselineState})
}
