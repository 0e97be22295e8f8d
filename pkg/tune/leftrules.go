package tune

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// RulesLeft warns of pinned objects whose fields rules of others keep leaving to the cluster when ours are gone: somebody
// has edited one of ours, or set one of their own beside it. A line for each owner.
func RulesLeft(j *Judge, restores []Restore) []string {
	kept := make(map[flux.Ref]map[flux.Field]int)
	var owners []flux.Ref
	for _, r := range restores {
		record, err := ReadRecord(r.Object)
		owner, owned := r.Object.Owner()
		if err != nil || record == nil || !owned || r.Action != ActionChange {
			continue
		}
		for _, f := range record.Pinned() {
			if byOthers, _ := j.rules[owner].leaves(r.Object, f); !byOthers {
				continue
			}
			if kept[owner] == nil {
				kept[owner] = make(map[flux.Field]int)
				owners = append(owners, owner)
			}
			kept[owner][f]++
		}
	}
	slices.SortFunc(owners, flux.Ref.Compare)
	var warnings []string
	for _, owner := range owners {
		var what []string
		for f, n := range kept[owner] {
			what = append(what, fmt.Sprintf("%s of %d", f, n))
		}
		slices.Sort(what)
		warnings = append(warnings, fmt.Sprintf("spec.ignore of %s keeps a rule that is not fluxtune's, or not any more: it leaves %s to the cluster, so that Git does not set it", owner, strings.Join(what, ", ")))
	}
	return warnings
}
