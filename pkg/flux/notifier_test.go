package flux

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// Each notification-controller is apart: what one does not do another one may.
func TestNotifiers(t *testing.T) {
	t.Parallel()
	const refs = "notification-controller runs with --no-cross-namespace-refs, and it names another namespace"
	const alone = "notification-controller reads namespace a alone (--watch-all-namespaces=false), and it names another"
	for name, tc := range map[string]struct {
		all         Notifiers
		looks       bool   // at b
		within      string // b notifies b
		from, cross string // a notifies b, b notifies a
		crosses     bool
	}{
		"none":                   {nil, true, "", "", "", true},
		"the defaults":           {Notifiers{{}}, true, "", "", "", true},
		"no cross references":    {Notifiers{{OneNamespace: true}}, true, "", refs, refs, false},
		"a version":              {Notifiers{{Version: "1.9.2"}}, true, "", "", "", true},
		"one namespace":          {Notifiers{{Namespace: "a"}}, false, "", alone, "", false},
		"a namespace each":       {Notifiers{{Namespace: "a"}, {Namespace: "b"}}, true, "", alone, "notification-controller reads namespace b alone (--watch-all-namespaces=false), and it names another", false},
		"one beside one for all": {Notifiers{{Namespace: "a"}, {}}, true, "", "", "", true},
		"locked for all":         {Notifiers{{Namespace: "a"}, {OneNamespace: true}}, true, "", refs, refs, false},
	} {
		assert.Equal(t, tc.looks, tc.all.Look("b"), name)
		assert.Equal(t, tc.within, tc.all.Refused("b", "b"), name)
		assert.Equal(t, tc.from, tc.all.Refused("a", "b"), name)
		assert.Equal(t, tc.cross, tc.all.Refused("b", "a"), name)
		assert.Equal(t, tc.crosses, tc.all.Cross(), name)
	}
}

// A version that is not known is no old one.
func TestOldNotifiers(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]string{"": "", "latest": "", "1.8.3": "", "1.9.0": "", "1.8.2": "1.8.2", "0.33.0": "0.33.0", "1.8.3-rc.1": ""} {
		assert.Equal(t, want, Notifiers{{Version: "1.9.2"}, {Version: version}}.Before("apps", "1.8.3"), version)
		assert.Equal(t, want != "", Notifiers{{Version: version}}.AllBefore("apps", "1.8.3"), version)
		assert.False(t, Notifiers{{Version: "1.9.2"}, {Version: version}}.AllBefore("apps", "1.8.3"), version)
	}
	other := Notifiers{{Version: "1.8.2", Namespace: "flux-system"}}
	assert.Equal(t, []string{"1.8.2", ""}, []string{other.Before("flux-system", "1.8.3"), other.Before("apps", "1.8.3")})
	assert.Equal(t, []bool{true, false}, []bool{other.AllBefore("flux-system", "1.8.3"), other.AllBefore("apps", "1.8.3")})
	assert.False(t, Notifiers(nil).AllBefore("apps", "1.8.3"))
}
