package tune

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// TestArrived: an object shows whether it is what a patch has made of it, or what somebody else has.
func TestArrived(t *testing.T) {
	t.Parallel()
	one, five := "1m", "5m0s"
	before := flux.Object{Ref: flux.Ref{Group: "kustomize.toolkit.fluxcd.io", Kind: "Kustomization", Namespace: "a", Name: "web"}, Generation: 7,
		Interval: &one, Timeout: &one, Annotations: map[string]string{RecordAnnotation: "r", "other": "x"}}
	ours := []flux.FieldOwner{{Field: flux.Interval, Manager: flux.Manager{Name: DefaultManager}}}
	values := `{"metadata":{"resourceVersion":"1"},"spec":{"interval":"5m","timeout":null}}`
	for name, c := range map[string]struct {
		patch  string
		change func(*flux.Object)
		is     bool
	}{
		"values":            {values, func(o *flux.Object) { o.Interval, o.Timeout, o.Generation, o.Owners = &five, nil, 8, ours }, true},
		"a status":          {values, func(*flux.Object) {}, false},
		"one of the values": {values, func(o *flux.Object) { o.Interval, o.Generation, o.Owners = &five, 8, ours }, false},
		"by somebody else": {values, func(o *flux.Object) {
			o.Interval, o.Timeout, o.Generation, o.Owners = &five, nil, 8, []flux.FieldOwner{{Field: flux.Interval, Manager: flux.Manager{Name: "kubectl-patch"}}}
		}, false},
		"values, and nobody is noted": {values, func(o *flux.Object) { o.Interval, o.Timeout, o.Generation = &five, nil, 8 }, true},
		"and somebody else since":     {values, func(o *flux.Object) { o.Interval, o.Timeout, o.Generation, o.Owners = &five, nil, 9, ours }, false},
		"and the record is gone": {values, func(o *flux.Object) {
			o.Interval, o.Timeout, o.Generation, o.Owners, o.Annotations = &five, nil, 8, ours, nil
		}, false},
		"the record":                    {`{"metadata":{"annotations":{"` + RecordAnnotation + `":null}}}`, func(o *flux.Object) { o.Annotations = map[string]string{"other": "y"} }, true},
		"the record, and more":          {`{"metadata":{"annotations":{"` + RecordAnnotation + `":null}}}`, func(o *flux.Object) { o.Annotations, o.Generation = nil, 8 }, false},
		"owners, which nobody can tell": {`{"metadata":{"managedFields":[{}]}}`, func(*flux.Object) {}, false},
		"rules": {`{"spec":{"ignore":[{"paths":["/spec/interval"]}]}}`, func(o *flux.Object) {
			o.Ignore, o.Generation = []flux.IgnoreRule{{Paths: []string{"/spec/interval"}}}, 8
			o.Owners = []flux.FieldOwner{{Field: flux.IgnoreField, Manager: flux.Manager{Name: DefaultManager}}}
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := before
			c.change(&now)
			assert.Equal(t, c.is, Arrived(before, now, []byte(c.patch), ""))
		})
	}
}
