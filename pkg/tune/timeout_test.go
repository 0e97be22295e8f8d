package tune

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
)

func TestGuardTimeout(t *testing.T) {
	t.Parallel()
	const (
		half     = time.Minute // of the timeout wanted in most cases, 2m
		tooShort = ": it waits for health, and 2m may be too short for that"
	)
	for _, tc := range []struct {
		name             string
		object           flux.Object
		wanted, interval string // "" = the policy says nothing, and the interval stays
		set, kept        string
	}{
		{name: "nothing is known against it", object: object(t, "ks", timeout("5m")), wanted: "2m", set: "2m"},
		{name: "fast so far", object: object(t, "ks", timeout("5m"), slowest(2*time.Second)), wanted: "2m", set: "2m"},
		{name: "exactly half", object: object(t, "ks", timeout("5m"), slowest(half)), wanted: "2m", set: "2m"},
		{
			name: "more than half", object: object(t, "ks", timeout("5m"), slowest(half+time.Millisecond)), wanted: "2m",
			kept: "timeout kept at 5m: a reconcile took 1m0.001s, more than half of 2m",
		},
		{
			name: "told in milliseconds", object: object(t, "ks", timeout("5m"), slowest(90*time.Second+123*time.Microsecond)), wanted: "2m",
			kept: "timeout kept at 5m: a reconcile took 1m30s, more than half of 2m",
		},
		{name: "waits", object: object(t, "ks", timeout("5m"), waits), wanted: "2m", kept: "timeout kept at 5m" + tooShort},
		{name: "waits, and is fast so far", object: object(t, "ks", timeout("5m"), waits, slowest(time.Second)), wanted: "2m", kept: "timeout kept at 5m" + tooShort},
		{
			name: "slowness is the better evidence", object: object(t, "ks", timeout("5m"), waits, slowest(3*time.Minute)), wanted: "2m",
			kept: "timeout kept at 5m: a reconcile took 3m, more than half of 2m",
		},
		{name: "equal", object: object(t, "ks", timeout("120s"), waits, slowest(time.Hour)), wanted: "2m", set: "2m"},
		{name: "growth is never guarded", object: object(t, "ks", timeout("1m"), waits, slowest(time.Hour)), wanted: "2m", set: "2m"},
		{name: "below the controller's minimum nothing shrinks", object: object(t, "ks", timeout("20s"), waits, slowest(time.Hour)), wanted: "10s", set: "10s"},
		{name: "the policy says nothing", object: object(t, "ks", timeout("5m"), waits, slowest(time.Hour)), interval: "1m"},

		// Unset, the timeout is 4m30s at 5m.
		{name: "unset, no evidence", object: object(t, "ks"), wanted: "2m", interval: "1m", set: "2m"},
		{name: "unset and following, no evidence", object: object(t, "ks"), interval: "1m"},
		{name: "unset, would grow", object: object(t, "ks", waits), wanted: "10m", interval: "1m", set: "10m"},
		{
			name: "unset, waits: pinned at today's", object: object(t, "ks", waits), wanted: "2m", interval: "1m",
			set: "4m30s", kept: "timeout kept at 4m30s" + tooShort,
		},
		{
			name: "unset and following, slow: pinned at today's", object: object(t, "ks", slowest(16*time.Second)), interval: "1m",
			set: "4m30s", kept: "timeout kept at 4m30s: a reconcile took 16s, more than half of 30s",
		},
		{name: "unset and following, exactly half", object: object(t, "ks", slowest(15*time.Second)), interval: "1m"},
		{
			name: "unset, the interval grows: pinned, for it would follow", object: object(t, "ks", waits), wanted: "2m", interval: "10m",
			set: "4m30s", kept: "timeout kept at 4m30s" + tooShort,
		},
		{name: "unset, the interval stays: left unset", object: object(t, "ks", waits), wanted: "2m", kept: "timeout kept at 4m30s" + tooShort},
		{name: "unset with a default of its own: left unset", object: object(t, "hr", waits), wanted: "2m", interval: "1m", kept: "timeout kept at 5m" + tooShort},
		{name: "a source has no history", object: object(t, "GitRepository", timeout("5m")), wanted: "2m", interval: "1m", set: "2m"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			interval := tc.object.Interval
			if tc.interval != "" {
				interval = &tc.interval
			}
			set, kept := guardTimeout(tc.object, optional(tc.wanted), interval)
			assert.Equal(t, optional(tc.set), set)
			assert.Equal(t, tc.kept, kept)
		})
	}
}

// A kept timeout shows in the item whatever else changes, and is not noted a second time as shrinking.
func TestDecideKeepsTimeouts(t *testing.T) {
	t.Parallel()
	p := preset(t, policy.DefaultName)
	const kept = "timeout kept at 4m30s: it waits for health, and 2m may be too short for that"

	got := Decide(object(t, "ks", waits), p, in("development"), Options{})
	assert.Equal(t, Item{
		Object: object(t, "ks", waits), Assignment: in("development"),
		Action: ActionChange, Reason: ReasonPolicyDiffers, Message: `differs from policy "per-environment"`,
		Changes: []Change{change(flux.Interval, "5m", "1m"), change(flux.Timeout, "", "4m30s")},
		Kept:    kept,
		Notes:   []string{"retryInterval is unset and follows the interval: 5m -> 1m"},
	}, got)

	// Once that is done, a second plan finds nothing to do.
	again := Decide(object(t, "ks", waits, interval("1m"), timeout("4m30s")), p, in("development"), Options{})
	assert.Equal(t, Item{
		Object: object(t, "ks", waits, interval("1m"), timeout("4m30s")), Assignment: in("development"),
		Action: ActionSkip, Reason: ReasonTimeoutKept, Message: kept, Kept: kept,
	}, again)
}
