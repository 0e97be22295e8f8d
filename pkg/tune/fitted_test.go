package tune_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// A fitted interval takes the place of the policy's, and of nothing else: the timeout is the policy's, an object that is
// left alone stays so, and one that has what was fitted is unchanged.
func TestFitted(t *testing.T) {
	t.Parallel()
	p, err := policy.Preset(policy.DefaultName)
	require.NoError(t, err)
	fitted := policy.Bound{Min: 20 * time.Second, Max: 20 * time.Second, MinText: "20s", MaxText: "20s"}
	in := policy.Assignment{Environment: "development", Known: true}
	text := func(s string) *string { return &s }
	object := func(interval string) flux.Object {
		return flux.Object{
			Ref:      flux.Ref{Group: "source.toolkit.fluxcd.io", Kind: "GitRepository", Namespace: "apps", Name: "web"},
			Interval: &interval, Timeout: text("1m"),
		}
	}
	opts := tune.Options{Fitted: map[flux.Ref]policy.Bound{object("").Ref: fitted}}

	item := tune.Decide(object("30s"), p, in, opts)
	assert.Equal(t, []tune.Change{{flux.Interval, text("30s"), text("20s")}, {flux.Timeout, text("1m"), text("2m")}}, item.Changes)

	same := object("20s")
	same.Timeout = text("2m")
	assert.Equal(t, tune.ActionUnchanged, tune.Decide(same, p, in, opts).Action)

	suspended := object("30s")
	suspended.Suspended = true
	assert.Equal(t, tune.ReasonSuspended, tune.Decide(suspended, p, in, opts).Reason)

	other := object("30s")
	other.Name = "other"
	assert.Equal(t, []tune.Change{{flux.Timeout, text("1m"), text("2m")}}, tune.Decide(other, p, in, opts).Changes, "the policy's bound is kept")
}
