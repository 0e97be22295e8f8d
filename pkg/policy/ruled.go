package policy

import "github.com/fluxtune/kubectl-fluxtune/pkg/flux"

// Ruled are the kinds of which a policy rules intervals of some objects, by environment.
type Ruled map[string]map[string]bool

// Add takes in an object of an environment: with its own kind, and with that which rules its chart's interval.
func (r Ruled) Add(environment string, o flux.Object) {
	if r[environment] == nil {
		r[environment] = make(map[string]bool)
	}
	r[environment][o.Kind] = true
	for _, t := range o.KindRow().Tunables {
		if t.PolicyKind != "" && o.Has(t.Field) {
			r[environment][t.PolicyKind] = true
		}
	}
}

// Looks tells whether an object of the environment and kind is among them: as Policy.Warnings asks.
func (r Ruled) Looks(environment, kind string) bool { return r[environment][kind] }
