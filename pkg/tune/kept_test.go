package tune

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

func TestKept(t *testing.T) {
	t.Parallel()
	minute, five, three := "1m", "5m", "3m"
	object := func(name string, interval *string, annotations map[string]string) flux.Object {
		return flux.Object{
			Ref: flux.Ref{Group: "source.toolkit.fluxcd.io", Kind: "GitRepository", Namespace: "apps", Name: name}, Version: "v1",
			Interval: interval, Annotations: annotations,
		}
	}
	wrote := func(name string) Item {
		return Item{Object: object(name, &five, nil), Changes: []Change{{Field: flux.Interval, From: &five, To: &minute}}}
	}
	unchanged := Item{Object: object("unchanged", &minute, nil), Changes: []Change{{Field: flux.Interval, From: &minute, To: &minute}}}
	anew := object("anew", &minute, nil) // by its maker's own choice
	anew.UID = "2"
	before := wrote("anew")
	before.Object.UID = "1"
	later := Record{Steps: []Step{step("s2", move(flux.Interval, "5m", "1m"))}}
	kept := Kept([]Item{wrote("bare"), wrote("back"), wrote("chosen"), wrote("later"), wrote("gone"), wrote("overwritten"), before, unchanged}, []flux.Object{
		anew, object("bare", &minute, nil), object("back", &five, nil), object("chosen", &three, nil),
		object("later", &minute, map[string]string{RecordAnnotation: later.String()}), object("overwritten", &minute, map[string]string{RecordAnnotation: "{"}), object("unchanged", &minute, nil),
	})
	assert.Equal(t, []Item{wrote("bare"), wrote("overwritten")}, kept)
}

// Our name without a record is what somebody has taken the record from; those who never were tuned, or forgot, do not bear it.
func TestUnrecorded(t *testing.T) {
	t.Parallel()
	tuned := object(t, "ks", interval("1m"), ownedBy(flux.Interval, updates(DefaultManager)))
	assert.True(t, Unrecorded(tuned))
	assert.False(t, Unrecorded(object(t, "ks", interval("1m"), ownedBy(flux.Interval, updates("kubectl-edit")))))
	tuned.Annotations = map[string]string{RecordAnnotation: Record{Steps: []Step{step("s1", move(flux.Interval, "5m", "1m"))}}.String()}
	assert.False(t, Unrecorded(tuned))
}
