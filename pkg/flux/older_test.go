package flux

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestOlder(t *testing.T) {
	t.Parallel()
	object := func(kind, api string) *Object {
		return &Object{Ref: Ref{Kind: kind}, Version: api, ResourceVersion: "7"}
	}
	for _, tc := range []struct {
		image        string
		object       *Object
		than         string
		older, known bool
	}{
		{"1.3.0", object("HelmRelease", "v2"), "1.4.0", true, true},
		{"1.4.0", object("HelmRelease", "v2"), "1.4.0", false, true},
		{"1.4.0-rc.1", object("HelmRelease", "v2"), "1.4.0", false, true},
		{"latest", object("HelmRelease", "v2"), "1.4.0", false, false},
		{"", object("HelmRelease", "v2beta2"), "1.4.0", true, true},
		{"", object("HelmRelease", "v2beta2"), "0.37.0", false, false},
		{"", object("HelmRelease", "v2beta1"), "0.37.0", true, true},
		{"0.36.0", object("HelmRelease", "v2beta2"), "0.37.0", true, true},
		{"", &Object{Ref: Ref{Kind: "HelmRelease"}, Version: "v2beta1"}, "0.37.0", false, false}, // a file
		{"", object("Kustomization", "v2beta1"), "0.37.0", false, false},
	} {
		by := NewControllers([]Controller{{Name: ControllerOf(tc.object.Kind), Version: tc.image}})
		older, known := by.Older(tc.object, tc.than)
		assert.Equal(t, tc.older, older, "%+v", tc)
		assert.Equal(t, tc.known, known, "%+v", tc)
	}
	assert.False(t, Controller{}.Before("1.9.0"))
	assert.True(t, Controller{Version: "1.8.3"}.Before("1.9.0"))
}
