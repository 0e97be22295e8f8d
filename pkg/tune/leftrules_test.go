package tune

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Rules that Git has adopted are Git's for all who ask: they hold also what no record needs, they stay when we go, and
// nothing is to be pinned beside them.
func TestAdoptedRulesAreGits(t *testing.T) {
	t.Parallel()
	pinned := Record{Steps: []Step{step("s", map[flux.Field]Move{flux.Interval: {From: ptr("10m"), To: ptr("1m"), Pinned: true}})}}
	web := object(t, "gitrepo", child(flux.Interval), interval("1m"), recorded(pinned.String()))
	shop := object(t, "gitrepo", child(flux.Interval), named("apps", "shop")) // taken back since
	rules := Rules([]Need{need(web, flux.Interval), need(shop, flux.Interval)})
	owner := pinning(t, rules...)
	ownedBy(flux.IgnoreField, applies("kustomize-controller"))(&owner)
	j := NewJudge(flux.Snapshot{Objects: []flux.Object{web, shop}, Related: []flux.Object{owner}})

	assert.Empty(t, OurRules(owner))
	for _, o := range []flux.Object{web, shop} {
		s := j.Judge(o, []flux.Field{flux.Interval})
		assert.Equal(t, Held, s.Verdict, o.Ref)
		assert.False(t, s.Pinned, "%s: Git's rule holds it, not ours", o.Ref)
	}
	restores := []Restore{{Object: web, Action: ActionChange}}
	assert.Equal(t, []string{"spec.ignore of Kustomization flux-system/apps keeps a rule that is not fluxtune's, or not any more: it leaves spec.interval of 1 to the cluster, so that Git does not set it"}, RulesLeft(j, restores))
	assert.Empty(t, j.ComesBack(web), "Git's rule stays when the record goes")

	own := NewJudge(flux.Snapshot{Objects: []flux.Object{web, shop}, Related: []flux.Object{pinning(t, rules...)}})
	assert.Equal(t, []flux.Field{flux.Interval}, own.ComesBack(web))
	assert.Empty(t, RulesLeft(own, restores))
	assert.Empty(t, own.ComesBack(shop), "it has no record")
	gone := NewJudge(flux.Snapshot{Objects: []flux.Object{web}, Related: []flux.Object{parent(t)}})
	assert.Empty(t, gone.ComesBack(web), "the rule is gone already")
}
