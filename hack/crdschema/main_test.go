package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
)

func TestSchemasAreUpToDate(t *testing.T) {
	dir, err := testbed.Build(t.Context(), os.Stderr, testbed.UnitCRDs)
	require.NoError(t, err)
	t.Chdir("../..")
	want, err := generate(dir)
	require.NoError(t, err)
	got, err := os.ReadFile("pkg/crd/schemas.json")
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got), "the CRDs of the test bed have changed: run go generate ./pkg/crd")
}
