package report

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/fluxtune/kubectl-fluxtune/pkg/fit"
)

// Where all stays as it is, the plan says how much the best would be better.
func TestKeptLine(t *testing.T) {
	t.Parallel()
	f := fit.Fitting{Kept: true, Wait: 76 * time.Second, Best: 72 * time.Second, Requests: 40}
	assert.Equal(t, "what is there fits: a commit waits 1m16s on average, 1m12s with the best intervals, at 40 requests/h of 3 sources: nothing is changed for less than 10%", keptLine(&f, "3 sources"))
	f.Best = f.Wait
	assert.Equal(t, "what is there fits: a commit waits 1m16s on average, as with the best intervals, at 40 requests/h of 3 sources", keptLine(&f, "3 sources"))
	f.Wait, f.Best = 0, 0
	assert.Equal(t, "what is there fits at 40 requests/h of 3 sources, and nobody waits for a commit: nothing is changed", keptLine(&f, "3 sources"))
}
