package report

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// stuck is an item whose change something sets again, or may.
func stuck(t *testing.T, name string, action tune.Action, verdict tune.Verdict) tune.Item {
	t.Helper()
	message := map[tune.Verdict]string{tune.Reverted: "undone within about 10m by Kustomization flux-system/apps", tune.Unknown: "applied by argo, which may undo the change"}[verdict]
	item := tune.Item{Object: object(t, "ks", "dev", name, nil), Action: action, Stick: tune.Stick{FieldStick: tune.FieldStick{Verdict: verdict, Message: message}}}
	if verdict == tune.Reverted {
		item.Stick.Owner, item.Stick.Within = flux.Ref{Kind: "Kustomization", Namespace: "flux-system", Name: "apps"}, 10*time.Minute
	}
	item.Standing = action == tune.ActionUnchanged
	return item
}

// What will not last is said in the plan, the question and the result, also of what may not last, and of what was changed before.
func TestUndone(t *testing.T) {
	t.Parallel()
	items := []tune.Item{stuck(t, "a", tune.ActionChange, tune.Reverted), stuck(t, "b", tune.ActionChange, tune.Unknown), stuck(t, "c", tune.ActionUnchanged, tune.Reverted), stuck(t, "d", tune.ActionUnchanged, tune.Unknown)}
	u := NewUndone(items)
	assert.Equal(t, "1 is undone within about 10m by Kustomization flux-system/apps, 1 may be undone", u.Clause())
	assert.Equal(t, "1 of 2 changes is undone within about 10m, by Kustomization flux-system/apps. 1 of 2 changes may be undone.", u.Sentence())
	assert.Equal(t, []string{"1 that is as the policy wants, within about 10m, by Kustomization flux-system/apps", "1 that is as the policy wants may be undone (-o wide says by whom)"}, undoneBefore(items).before(1))

	plan := NewPlan(tune.Plan{Items: items}, nil, nil)
	var cells []string
	for _, item := range plan.Items {
		cells = append(cells, sticksCell(item).Text)
	}
	assert.Equal(t, []string{items[0].Stick.Message, items[1].Stick.Message, items[2].Stick.Message, items[3].Stick.Message}, cells)

	writes := func(outcome cluster.Outcome) []string {
		var out cluster.Outcomes
		for _, item := range items[:2] {
			out.Objects = append(out.Objects, cluster.Result{Write: tune.ApplyWrite{Item: item}, Outcome: outcome})
		}
		results := NewResults("fast", cluster.Configured, PlannedItems(items[:2])).With(out, nil)
		return []string{results.Items[0].why(), results.Items[1].why()}
	}
	assert.Equal(t, []string{items[0].Stick.Message, items[1].Stick.Message}, writes(cluster.Configured))
	assert.Equal(t, []string{"", ""}, writes(cluster.Failed), "what was not written is not undone")
}
