package report

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/fluxtune/kubectl-fluxtune/pkg/check"
)

// How much more a rate becomes is told from what it is, and not from what is shown of it.
func TestPercentMore(t *testing.T) {
	t.Parallel()
	for want, rate := range map[string]check.Delta[float64]{
		"x2880": {Before: 2.0 / 24, After: 240}, "+900%": {Before: 12, After: 120}, "x11": {Before: 12, After: 132},
		"-100%": {Before: 12}, "new": {After: 3}, "-50%": {Before: 12, After: 6},
	} {
		assert.Equal(t, want, newCheckHost(check.HostLoad{Requests: rate}).more)
	}
}
