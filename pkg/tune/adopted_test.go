package tune

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
)

// Where a rule of the team's own leaves the interval to the cluster, kustomize-controller puts our value into what it applies for another
// reason, and owns it beside us (fluxcd/pkg ssa v0.76.2 manager_apply.go, computeDriftedPaths: driftAdopt). Nobody has chosen that
// value but us: a revert takes it back, and Git never would.
func TestRestoreOfWhatIsAdoptedUnderARuleOfOthers(t *testing.T) {
	t.Parallel()
	parent := object(t, "ks", named("flux-system", "apps"), func(o *flux.Object) {
		o.Ignore = []flux.IgnoreRule{{Paths: []string{"/spec/interval"}, Target: &flux.IgnoreTarget{Kind: "GitRepository"}}}
	})
	marks := map[string]string{"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
	before := object(t, "gitrepo", named("flux-system", "web"), interval("5m"), func(o *flux.Object) { o.Labels = marks }, ownedBy(flux.Interval, applies("kustomize-controller")))
	judge := NewJudge(flux.Snapshot{Objects: []flux.Object{parent, before}})
	item := Decide(before, ruling(map[string]policy.Settings{"GitRepository": {Interval: "1m"}}), in("development"), Options{Judge: judge, Managed: ManagedSkip})
	require.Equal(t, ActionChange, item.Action)
	require.False(t, item.Pinned())
	record := ApplyWrite{Item: item, Stamp: Stamp{Session: "first", Time: time.Now()}}.record(before, nil)

	tuned := object(t, "gitrepo", named("flux-system", "web"), interval("1m"), func(o *flux.Object) { o.Labels = marks }, annotated(RecordAnnotation, record.String()))
	tuned.Owners = []flux.FieldOwner{{Field: flux.Interval, Manager: updates("fluxtune")}, {Field: flux.Interval, Manager: applies("kustomize-controller")}}
	r := DecideRestore(tuned, RestoreOptions{})
	assert.Equal(t, ActionChange, r.Action)
	require.Len(t, r.Changes, 1)
	assert.Equal(t, "5m", Show(r.Changes[0].To))
	assert.Empty(t, r.Kept)

	elsewhere := tuned // Git's own choice ends what we did, also under the rule: who applies another value takes the field from us
	elsewhere.Interval = ptr("2m")
	elsewhere.Owners = []flux.FieldOwner{{Field: flux.Interval, Manager: applies("kustomize-controller")}}
	r = DecideRestore(elsewhere, RestoreOptions{})
	assert.Empty(t, r.Changes)
}
