package policy

import (
	"encoding/json"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// schemaErrors validates documents against the schema, as an editor would.
func schemaErrors(t testing.TB) func(document []byte) error {
	t.Helper()
	var schema jsonschema.Schema
	require.NoError(t, json.Unmarshal(JSONSchema(), &schema))
	resolved, err := schema.Resolve(nil)
	require.NoError(t, err)
	return func(document []byte) error {
		var value any
		if err := yaml.Unmarshal(document, &value); err != nil {
			return err
		}
		return resolved.Validate(value)
	}
}

// boundPatterns asks the schema alone whether a text is a bound, with the unit h or without.
func boundPatterns(t testing.TB) func(s string, noHours bool) bool {
	t.Helper()
	var schema jsonschema.Schema
	require.NoError(t, json.Unmarshal(JSONSchema(), &schema))
	resolved := map[bool]*jsonschema.Resolved{}
	for noHours, name := range map[bool]string{false: "DurationOrBound", true: "DurationOrBoundWithoutHours"} {
		require.NotNil(t, schema.Defs[name])
		var err error
		resolved[noHours], err = schema.Defs[name].Resolve(nil)
		require.NoError(t, err)
	}
	return func(s string, noHours bool) bool { return resolved[noHours].Validate(s) == nil }
}

func TestSchemaAcceptsPresets(t *testing.T) {
	t.Parallel()
	check := schemaErrors(t)
	for _, name := range PresetNames() {
		document, err := PresetYAML(name)
		require.NoError(t, err)
		assert.NoError(t, check(document), name)
	}
	assert.NoError(t, check([]byte(validDocument)))
}

func TestSchemaRefusesWhatParseRefuses(t *testing.T) {
	t.Parallel()
	check := schemaErrors(t)
	for name, tc := range badDocuments(t) {
		if !tc.beyondSchema {
			assert.Error(t, check([]byte(tc.document)), name)
		}
	}
}
