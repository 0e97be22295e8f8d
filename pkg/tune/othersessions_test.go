package tune

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
)

// A plan under another policy than that which set what it changes says whose that is: each would take away what the other wants.
func TestPlanNamesSessionsOfOtherPolicies(t *testing.T) {
	t.Parallel()
	p := preset(t, policy.DefaultName)
	tuned := func(name, every string, steps ...Step) flux.Object {
		data, err := json.Marshal(Record{Steps: steps})
		require.NoError(t, err)
		return object(t, "GitRepository", named("dev", name), interval(every), timeout("2m"), recorded(string(data)))
	}
	by := func(user, session, under string, ago time.Duration) Step {
		return Step{Session: session, By: user, Policy: under, Time: noon.Add(-ago), Fields: move(flux.Interval, "10m", "5m")}
	}
	warnings := func(objects ...flux.Object) []string {
		return NewPlan(objects, p, defaultResolver(p), Options{}).Warnings
	}
	alice, bob := by("alice", "s1", "relaxed", 2*time.Hour), by("bob", "s2", "mine", time.Hour)
	assert.Equal(t, []string{"2 objects would be changed that another policy set: session s1 of alice (policy relaxed, 2026-03-01 10:00:00 UTC)"},
		warnings(tuned("a", "5m", alice), tuned("b", "5m", alice)))
	assert.Equal(t, []string{"2 objects would be changed that another policy set: sessions s2 of bob (policy mine, 2026-03-01 11:00:00 UTC), s1 of alice (policy relaxed, 2026-03-01 10:00:00 UTC)"},
		warnings(tuned("a", "5m", alice), tuned("b", "5m", bob)))
	assert.Empty(t, warnings(tuned("a", "5m", by("alice", "s1", policy.DefaultName, 0))), "the same policy wants the same")
	assert.Empty(t, warnings(tuned("a", "3m", alice)), "somebody has changed it since")
	assert.Empty(t, warnings(tuned("a", "1m", Step{Session: "s1", Policy: "relaxed", Time: noon, Fields: move(flux.Interval, "10m", "1m")})), "it stays as it is")
}
