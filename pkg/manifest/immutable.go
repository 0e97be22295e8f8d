package manifest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Fixed is a ConfigMap that is immutable on the cluster, and that the head has with other data or mutable. The API server refuses both
// (kubernetes pkg/apis/core/validation, ValidateConfigMapUpdate), so that the Kustomization applies nothing. What is in Secrets is not
// compared.
type Fixed struct {
	Ref flux.Ref
	// By applies it.
	By flux.Ref
	// Why says what is refused.
	Why string
	// At is where the head has it.
	At Position
}

// newFixed finds those of a Transition. A Kustomization with spec.force, and an object with its mark, makes it anew (fluxcd/pkg ssa,
// manager_apply.go).
func newFixed(t Transition) map[flux.Ref]Fixed {
	was := map[flux.Ref]json.RawMessage{}
	for _, by := range inOrder(t.base.deployments) {
		for _, o := range t.base.deployments[by].objects {
			if was[o.ref] == nil && isConfigMap(o) && isImmutable(o.json) {
				was[o.ref] = o.json
			}
		}
	}
	found := map[flux.Ref]Fixed{}
	if len(was) == 0 {
		return found
	}
	locator := NewLocator(t.head.tree)
	for _, by := range sortedRefs(t.head.deployments) {
		d := t.head.deployments[by]
		for _, o := range d.objects {
			before := was[o.ref]
			if before == nil || !isConfigMap(o) || found[by].Why != "" || d.untouched(o) || t.head.lifecycle(by).Force || d.forced(o) {
				continue
			}
			f := Fixed{Ref: o.ref, By: by}
			key := "data"
			switch {
			case !sameContents(before, o.json):
				f.Why = fmt.Sprintf("other data for %s, which is immutable", o.ref)
			case !isImmutable(o.json):
				key, f.Why = "immutable", fmt.Sprintf("to make %s mutable again", o.ref)
			default:
				continue
			}
			if file, n := locator.document(d, o.ref); n != nil {
				f.At = position(file, n, []string{key})
			}
			found[by] = f
		}
	}
	return found
}

func isConfigMap(o appliedObject) bool {
	return o.ref.Kind == "ConfigMap" && o.ref.Group == "" && !o.partial && o.json != nil
}

// forced tells whether an object has the mark by which kustomize-controller makes it anew where the API server takes no change.
func (d *deployment) forced(o appliedObject) bool {
	if !bytes.Contains(o.json, []byte(kustomizeGroup+"/force")) {
		return false
	}
	object, err := o.decode()
	object = d.marked(object)
	mark := kustomizeGroup + "/force"
	return err == nil && (strings.EqualFold(object.Annotations[mark], "enabled") || strings.EqualFold(object.Labels[mark], "enabled"))
}

// sameContents tells whether two ConfigMaps have the same data, as far as that can be told: what is encrypted is not compared.
func sameContents(a, b json.RawMessage) bool {
	var was, is struct {
		Data       map[string]string `json:"data"`
		BinaryData map[string]string `json:"binaryData"`
		SOPS       json.RawMessage   `json:"sops"`
	}
	if json.Unmarshal(a, &was) != nil || json.Unmarshal(b, &is) != nil || was.SOPS != nil || is.SOPS != nil {
		return true
	}
	return maps.Equal(was.Data, is.Data) && maps.Equal(was.BinaryData, is.BinaryData)
}

// Fixed are the ConfigMaps because of which Kustomizations of the head apply nothing, in the order of these. What applies nothing
// for another reason comes to none.
func (t Transition) Fixed() []Fixed {
	var list []Fixed
	fixed := t.fixed()
	for _, by := range sortedRefs(fixed) {
		if !t.suspended(by) && t.starved(by) == nil && t.frozen(by) == "" {
			list = append(list, fixed[by])
		}
	}
	return list
}

// refused says why the API server takes nothing that a Kustomization of the head applies; "" where it does.
func (t Transition) refused(by flux.Ref) string {
	if why := t.head.refused[by]; why != "" {
		return why
	}
	if f, is := t.fixed()[by]; is {
		return refusal(by, f.Why)
	}
	return ""
}
