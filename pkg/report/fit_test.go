package report

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/fit"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// Where all stays as it is, the plan says how much the best would be better.
func TestKeptLine(t *testing.T) {
	t.Parallel()
	f := fit.Fitting{Kept: true, Wait: 76 * time.Second, Best: 72 * time.Second, Requests: 40}
	assert.Equal(t, "what is there fits: a commit waits 1m16s on average, 1m12s with the best intervals, at 40 requests/h of 3 sources: nothing is changed for less than 10%", keptLine(&f, "3 sources"))
	f.Best = f.Wait
	assert.Equal(t, "what is there fits: a commit waits 1m16s on average, as with the best intervals, at 40 requests/h of 3 sources", keptLine(&f, "3 sources"))
	f.Changed, f.Best, f.Before = 2, 72*time.Second, 90*time.Second
	assert.Equal(t, "only 2 sources get another interval (the longest where nobody waits, or that of most equal sources), and the rest fits as it is: a commit waits 1m16s on average (1m30s now), 1m12s with the best intervals, "+
		"at 40 requests/h of 3 sources: nothing else is changed for less than 10%", keptLine(&f, "3 sources"))
	f.Wait, f.Best = 0, 0
	assert.Equal(t, "nobody waits for the 3 sources: each has its longest interval", waitLine(&f, "3 sources"))
}

// One interval for all is compared with where it keeps every share, and several are told.
func TestWaitLine(t *testing.T) {
	t.Parallel()
	f := fit.Fitting{Wait: 76 * time.Second, Before: 150 * time.Second, UniformWait: 76 * time.Second, Uniform: 152 * time.Second, Requests: 40}
	assert.Equal(t, "a commit waits 1m16s on average (2m30s now), at 40 requests/h of 3 sources; one interval for all, 2m32s or the nearest allowed, would be as good", waitLine(&f, "3 sources"))
	f.UniformWait, f.Before = 2*f.UniformWait, f.Wait
	assert.Equal(t, "a commit waits 1m16s on average (as now; 2m32s with one interval for all: 2m32s, or the nearest allowed), at 40 requests/h of 3 sources", waitLine(&f, "3 sources"))
	f.Before = 30 * time.Second
	assert.Equal(t, "a commit waits longer, 1m16s on average (30s now; 2m32s with one interval for all: 2m32s, or the nearest allowed), at 40 requests/h of 3 sources", waitLine(&f, "3 sources"), "worse than today")
	f.Uniform = 0
	assert.Equal(t, "a commit waits longer, 1m16s on average (30s now; 2m32s with one interval for all that count to the same shares), at 40 requests/h of 3 sources", waitLine(&f, "3 sources"))
	f.UniformWait = f.Wait
	assert.Contains(t, waitLine(&f, "3 sources"), "of 3 sources; one interval for all that count to the same shares would be as good")
	f.Kept, f.Changed, f.Best = true, 1, f.Wait
	assert.Contains(t, waitLine(&f, "3 sources"), "the rest fits as it is: a commit waits longer, 1m16s on average (30s now), as with the best intervals")
}

// Costs and Fit stand on one screen and count a failing source differently: that is said.
func TestFitSaysHowFailingObjectsCount(t *testing.T) {
	t.Parallel()
	f := fit.Fitting{Sources: 3, Wait: time.Minute, Failing: 1}
	assert.Contains(t, fitLines(&f, limits{}, ""), "1 object that fails counts to its share as if it was mended; in the costs with the requests that it makes while it fails")
	f.Failing = 0
	assert.NotContains(t, strings.Join(fitLines(&f, limits{}, ""), "\n"), "mended")
}

func TestCompare(t *testing.T) {
	t.Parallel()
	for want, r := range map[string]budget.Rates{
		"": {Now: 5, Planned: 5}, ": about the same": {Now: 1240, Planned: 1238}, ": 1% fewer": {Now: 1000, Planned: 994}, ": 1% more": {Now: 1000, Planned: 1005.1}, ": 74% fewer": {Now: 100, Planned: 26},
	} {
		assert.Equal(t, want, Compare(r))
	}
	assert.Equal(t, ": about the same", Compare(budget.Rates{Now: 1240, Planned: 1244}))
}

// One reason is told once, however many words the JSON has for it; and what is known of nothing is said so.
func TestFitLinesOfWhatIsNotFitted(t *testing.T) {
	t.Parallel()
	f := fit.Fitting{Sources: 3, Wait: time.Minute, Evidence: map[fit.Evidence]int{fit.FromNothing: 3}, Unfitted: map[tune.Reason]int{tune.ReasonKindNotInPolicy: 6, tune.ReasonNoEnvironment: 1, tune.ReasonSuspended: 1}}
	assert.Equal(t, []string{"not fitted, of what asks hosts: 6 that the policy says nothing about, 1 without environment, 1 suspended"}, unfittedLines(&f))
	assert.Contains(t, fitLines(&f, limitsFor(23, 0), ""), "nobody knows how often they change")
	f.Evidence = map[fit.Evidence]int{fit.FromNothing: 2, fit.FromHistory: 1}
	assert.Contains(t, fitLines(&f, limitsFor(23, 0), ""), "how often they change is known of 1 of them")
	f.Quiet = 1
	assert.Contains(t, fitLines(&f, limitsFor(23, 0), ""), "how often they change is known of 1 of them; 1 gets no commits")
	f.Unfitted = map[tune.Reason]int{tune.ReasonNotRewritable: 2, tune.ReasonRecordFull: 1}
	assert.Equal(t, []string{"not fitted, of what asks hosts: 2 that no edit of the files changes, 1 left alone (--rows says why)"}, unfittedLines(&f), "no word of the JSON")
}

// What a fit buys and how long a commit takes is said whole on the lowest screen: in fewer words, of fewer environments.
func TestLittleRoomCutsNoSentence(t *testing.T) {
	t.Parallel()
	wait := budget.Pair[budget.Latency]{Now: budget.Latency{Typical: 152 * time.Second, Worst: 318 * time.Second}, Planned: budget.Latency{Typical: 17 * time.Second, Worst: 62 * time.Second}}
	o := Overview{Fitting: &fit.Fitting{Sources: 3, Wait: 76 * time.Second, Before: 30 * time.Second, UniformWait: 152 * time.Second, Requests: 1240, Undone: 2, Failing: 1, Unfitted: map[tune.Reason]int{fit.NotAskedFor: 2}}}
	for _, name := range []string{"development", "staging", "preproduction", "production"} {
		o.Budget.Environments = append(o.Budget.Environments, budget.Environment{Name: name, Consumers: 1, Latency: wait})
	}
	for lines := 1; lines < textLines; lines++ {
		limits := limits{height: screen, environments: 4, named: 1, lines: lines, labels: mostLabels}
		text := strings.Join(o.notes(Layout{Width: 80}, limits), "\n")
		assert.NotContains(t, text, "…")
		assert.Contains(t, text, "a commit waits longer, 1m16s on average (30s now)\n")
		assert.Contains(t, text, "development 2m32s -> 17s")
		assert.Contains(t, text, fmt.Sprintf("; %d more", 4-lines))
	}
	last := o.notes(Layout{Width: 80}, limits{height: screen, environments: 4, named: 1, lines: 1, labels: mostLabels})
	assert.Len(t, last, 5, "a line each: %s", last)
}
