package check

import "fmt"

// broken finds files that are no YAML, and keep what a cluster applies from being built.
func (l *linter) broken(c Cluster) {
	for _, b := range l.side.Fleets[c.Root].Broken() {
		whom := who
		if b.Kustomization.Name == "" {
			whom = fmt.Sprintf("what the folder %q holds", c.Name)
		}
		l.facts = append(l.facts, fact{
			rule: RuleYAML, at: b.At, cluster: c.Name, ref: b.Kustomization,
			says: fmt.Sprintf("it cannot be read as YAML: %s: Flux applies nothing of %s", b.Why, whom),
			id:   fmt.Sprintf("%s %s %s", RuleYAML, l.moved.file(b.At.File), b.Why),
		})
	}
}
