package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSchemaIsUpToDate(t *testing.T) {
	t.Chdir("../..")
	want, err := generate()
	require.NoError(t, err)
	got, err := os.ReadFile("pkg/policy/schema.json")
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got), "the types of pkg/policy have changed: run go generate ./pkg/policy")
}
