package tune

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
)

func TestSummarize(t *testing.T) {
	t.Parallel()
	item := func(kind, environment string, action Action, reason Reason, changes []Change, notes ...string) Item {
		return Item{
			Object: object(t, kind), Assignment: policy.Assignment{Environment: environment},
			Action: action, Reason: reason, Message: string(reason) + " of " + kind, Changes: changes, Notes: notes,
		}
	}
	faster := []Change{change(flux.Interval, "5m", "1m")}
	plan := Plan{Items: []Item{
		item("ks", "", ActionSkip, ReasonNoEnvironment, nil),
		item("ks", "zeta", ActionSkip, ReasonOtherEnvironment, nil),
		item("ks", "production", ActionUnchanged, ReasonMatchesPolicy, nil),
		item("ks", "production", ActionSkip, ReasonSuspended, nil),
		item("GitRepository", "production", ActionSkip, ReasonSuspended, nil),
		item("GitRepository", "development", ActionChange, ReasonPolicyDiffers, faster, "b"),
		item("ks", "development", ActionChange, ReasonPolicyDiffers, []Change{faster[0], change(flux.Timeout, "", "2m")}, "b", "a"),
		// The same moves, written otherwise.
		item("ks", "development", ActionChange, ReasonPolicyDiffers, []Change{change(flux.Interval, "300s", "60s"), change(flux.Timeout, "", "2m0s")}, "a"),
		item("ks", "alpha", ActionChange, ReasonPolicyDiffers, faster, "a"),
	}}
	want := Summary{
		Counts: Counts{Objects: 9, Change: 4, Unchanged: 1, Skip: 4},
		Environments: []EnvironmentSummary{
			{Environment: "development", Counts: Counts{Objects: 3, Change: 3}, Moves: []MoveCount{
				{Kind: "GitRepository", Change: faster[0], Count: 1},
				{Kind: "Kustomization", Change: faster[0], Count: 2},
				{Kind: "Kustomization", Change: change(flux.Timeout, "", "2m"), Count: 2},
			}},
			{Environment: "production", Counts: Counts{Objects: 3, Unchanged: 1, Skip: 2}},
			{Environment: "alpha", Counts: Counts{Objects: 1, Change: 1}, Moves: []MoveCount{{Kind: "Kustomization", Change: faster[0], Count: 1}}},
			{Environment: "zeta", Counts: Counts{Objects: 1, Skip: 1}},
			{Environment: "", Counts: Counts{Objects: 1, Skip: 1}},
		},
		Reasons: []ReasonCount{
			{ReasonSuspended, "Suspended of ks", 2, true},
			{ReasonOtherEnvironment, "EnvironmentNotInPolicy of ks", 1, false},
			{ReasonNoEnvironment, "NoEnvironment of ks", 1, false},
		},
		Notes: []NoteCount{{"Kustomization", "a", 3}, {"GitRepository", "b", 1}, {"Kustomization", "b", 1}},
	}
	assert.Equal(t, want, Summarize(plan, []string{"development", "staging", "production"}))
	assert.Equal(t, Summary{}, Summarize(Plan{}, []string{"development"}))
}
