package flux

import "k8s.io/apimachinery/pkg/labels"

// Controllers are the controllers of a cluster by name, each with its shards, with the defaults of those that were not found.
type Controllers map[string][]Shard

// Shard is a controller, and which objects it watches.
type Shard struct {
	Controller
	watches labels.Selector
}

// NewControllers lays the controllers that were found over the defaults.
func NewControllers(found []Controller) Controllers {
	by := Controllers{}
	for _, c := range found {
		selector, err := labels.Parse(c.Watches)
		if err != nil {
			selector = labels.Everything()
		}
		by[c.Name] = append(by[c.Name], Shard{c, selector})
	}
	for _, c := range DefaultControllers() {
		if len(by[c.Name]) == 0 {
			by[c.Name] = []Shard{{c, labels.Everything()}}
		}
	}
	return by
}

// Of is the controller that reconciles an object: the shard that watches it, or the first one where
// none does; the zero Controller for kinds that have none.
func (by Controllers) Of(o *Object) Controller {
	if o.Kind == ResourceSetInputProviderKind {
		return FluxOperator()
	}
	shards := by[ControllerOf(o.Kind)]
	for _, c := range shards {
		if c.watches.Matches(labels.Set(o.Labels)) && (c.Namespace == "" || c.Namespace == o.Namespace) {
			return c.Controller
		}
	}
	if len(shards) == 0 {
		return Controller{}
	}
	return shards[0].Controller
}

// Jitter is the most that any shard of a controller has, in percent.
func (by Controllers) Jitter(name string) int {
	percent := 0
	for _, c := range by[name] {
		percent = max(percent, c.JitterPercent)
	}
	return percent
}
