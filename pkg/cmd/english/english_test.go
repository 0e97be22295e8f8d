package english_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	_ "k8s.io/kubectl/pkg/cmd/get" // translates its help texts when it is initialized

	"github.com/fluxtune/kubectl-fluxtune/pkg/cmd/english"
)

// Set after the translations were loaded it would help nobody.
func TestEnglish(t *testing.T) {
	t.Parallel()
	require.NoError(t, english.Err)
}
