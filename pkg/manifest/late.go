package manifest

import (
	"fmt"
	"maps"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// late are the Kustomizations of the head whose variables stay as they are on the base, as they apply their objects then: a
// ConfigMap of theirs does not arrive. Why says what is in the way.
type late struct {
	deployments map[flux.Ref]*deployment
	why         map[flux.Ref]string
}

// newLate finds those of a Transition.
func newLate(t Transition) late {
	l := late{map[flux.Ref]*deployment{}, map[flux.Ref]string{}}
	if t.head.tree == nil || t.base.tree == nil {
		return l
	}
	configMaps, before := collectConfigMaps(t.head.deployments, nil), collectConfigMaps(t.base.deployments, nil)
	stuck := map[flux.Ref]string{}
	for _, by := range sortedRefs(t.head.deployments) {
		for _, o := range t.head.deployments[by].objects {
			if o.ref.Kind != "ConfigMap" || o.ref.Group != "" || maps.Equal(configMaps[o.ref], before[o.ref]) {
				continue
			}
			if why := t.stalled(by); why != "" {
				stuck[o.ref] = fmt.Sprintf("%s, which gives it a variable, stays as it was: %s", o.ref, why)
			}
		}
	}
	for ref := range stuck {
		if data, was := before[ref]; was {
			configMaps[ref] = data
		} else {
			delete(configMaps, ref)
		}
	}
	for _, by := range sortedRefs(t.head.deployments) {
		d := *t.head.deployments[by]
		for _, ref := range sortedRefs(stuck) {
			if d.takesVariables(ref) && d.built.err == nil {
				d.objects = d.apply(t.head.tree, configMaps, true)
				l.deployments[by], l.why[by] = &d, stuck[ref]
				break
			}
		}
	}
	return l
}

// Late is an object that both states have as it is with the variables that it has on the base, and says why it keeps these; ""
// where the head's arrive.
func (t Transition) Late(o flux.Object) (flux.Object, string) {
	by := t.head.owners[o.Ref]
	late := t.late()
	d := late.deployments[by]
	if d == nil {
		return o, ""
	}
	there, found := d.decoded(o.Ref)
	if !found {
		return o, ""
	}
	return there, late.why[by]
}
