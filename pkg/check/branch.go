package check

import (
	"fmt"

	"github.com/fluxtune/kubectl-fluxtune/pkg/manifest"
)

// branchFacts are what is wrong with a branch as a change of what is on the clusters: the base has none of it.
func branchFacts(in Input, pairs []pairing) []fact {
	if in.Base == nil {
		return nil
	}
	var facts []fact
	locator := manifest.NewLocator(in.Head.Tree)
	for _, p := range pairs {
		if p.was == nil || p.is == nil {
			continue
		}
		was, is := in.Base.Fleets[p.was.Root], in.Head.Fleets[p.is.Root]
		t := manifest.NewTransition(was, is)
		first, ended := is.Root.First(), p.ended
		if of, says, replaced := t.Replaced(); replaced {
			first, ended = of, says
		}
		if ended != "" {
			facts = append(facts, fact{
				rule: RuleLost, at: locator.Locate(manifest.Fleet{Root: is.Root}, is.Root.First(), "spec", "path"), cluster: p.name, ref: first,
				says: who + " " + ended, id: fmt.Sprintf("%s %s", RuleLost, p.name),
			})
		}
		for _, f := range t.Fixed() {
			facts = append(facts, fact{
				rule: RuleImmutable, at: f.At, cluster: p.name, ref: f.By,
				says: fmt.Sprintf("%s applies nothing: the API server refuses %s", who, f.Why), id: fmt.Sprintf("%s %s %s", RuleImmutable, p.name, f.By),
			})
		}
	}
	return facts
}
