package manifest

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// source-watcher knows no optional copies: what is not there fails, whatever stands beside it.
func TestMissingCopiesFail(t *testing.T) {
	t.Parallel()
	tree := NewTree(map[string]string{"apps/web.yaml": "x: y\n"})
	for _, from := range []string{"apps/none.yaml", "none/**"} {
		var op copyOperation
		require.NoError(t, json.Unmarshal([]byte(`{"from": "@fleet/`+from+`", "to": "@artifact/", "optional": true}`), &op))
		assert.NotEmpty(t, tree.copy("", from, op, map[string]string{}), from)
	}
}
