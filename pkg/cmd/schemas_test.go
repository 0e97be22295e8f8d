package cmd

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/stretchr/testify/require"
)

// TestDocumentsMatchTheirSchemas: what -o json writes is what the published schemas say, also where something is missing.
func TestDocumentsMatchTheirSchemas(t *testing.T) {
	t.Parallel()
	c := bed.Own(t)
	goldenFleet(t, c)
	seen := make(map[string]bool)
	for _, args := range []string{
		"version", "doctor", "doctor --all-contexts", "get -A", "get -n golden-empty", "plan -A", "plan -n golden-empty", "plan -A --managed=pin --shorten-timeouts",
		"budget -A", "budget -n golden-empty", "apply -A --yes --dry-run=server", "apply -n golden-dev --yes", "sessions -A", "revert -n golden-dev --yes --dry-run",
		"revert -A --yes", "forget -A --yes", "sessions -A", "receivers -A", "nodes", "nodes --group-by zone", "nodes -n nowhere", "get -A NoSuchKind/x",
		"get -f " + writeCheckout(t) + " --root clusters/production --context " + strings.TrimSpace(c.Kubectl(t, "config", "current-context")),
		"trace -f " + writeCheckout(t), "check --base main -f " + writeBranch(t), "check --base main -f " + writeUnbuiltBranch(t),
	} {
		o := on(c).run(t.Context(), append(words(args), "-o", "json")...)
		if o.stdout == "" {
			require.NotZero(t, o.code, "%s: %s", args, o.stderr)
			continue
		}
		var document struct{ Kind string }
		require.NoError(t, json.Unmarshal([]byte(o.stdout), &document), args)
		seen[document.Kind] = true
		var value any
		require.NoError(t, json.Unmarshal([]byte(o.stdout), &value))
		require.NoError(t, documentSchema(t, document.Kind).Validate(value), "%s: %s", args, o.stdout)
	}
	published, err := filepath.Glob("../../hack/docs/reference/*.schema.json")
	require.NoError(t, err)
	for _, file := range published {
		kind := strings.TrimSuffix(filepath.Base(file), ".schema.json")
		found := false
		for k := range seen {
			found = found || strings.ToLower(k) == kind
		}
		require.True(t, found, "no command wrote a %s", kind)
	}
}

func documentSchema(t *testing.T, kind string) *jsonschema.Resolved {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../../hack/docs/reference", strings.ToLower(kind)+".schema.json"))
	require.NoError(t, err, "make docs writes it")
	var schema jsonschema.Schema
	require.NoError(t, json.Unmarshal(data, &schema))
	resolved, err := schema.Resolve(nil)
	require.NoError(t, err)
	return resolved
}
