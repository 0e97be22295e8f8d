package budget

import "github.com/fluxtune/kubectl-fluxtune/pkg/policy"

// Asker is who asks a host: those with one credential. Secret and Provider are both "" for none, and both set where a
// provider takes what it needs from a Secret.
type Asker struct{ Host, Secret, Provider string }

// Asker is who an item asks its host as.
func (i Item) Asker() Asker { return Asker{i.Address.Host, i.Remote.Secret, i.Remote.Provider} }

// PolledHosts are the hosts that anything polls, also what was read and not asked for; as often as objects do.
func (b Budget) PolledHosts() []string {
	var names []string
	for _, h := range b.Hosts {
		names = append(names, h.Name)
	}
	for by := range b.others {
		names = append(names, by.Host)
	}
	return names
}

// Asks is how many requests an hour count to a share as is planned: also those of objects that were read and not asked for, as
// they are, or follow from the plan.
func (b Budget) Asks(s policy.Share) float64 {
	asked := 0.0
	for i := range b.Items {
		if b.limits.Counts(b.Items[i].Asker(), s) {
			asked += b.Items[i].Requests.Planned
		}
	}
	for by, requests := range b.others {
		if b.limits.Counts(by, s) {
			asked += requests.Planned
		}
	}
	return asked
}
