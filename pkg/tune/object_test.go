package tune

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
)

func ptr(s string) *string { return &s }

// object is one of a kind, with an interval of five minutes and nothing else; the changes state the
// difference.
func object(t testing.TB, kind string, changes ...func(*flux.Object)) flux.Object {
	t.Helper()
	k, err := flux.ParseKind(kind)
	require.NoError(t, err)
	o := flux.Object{
		Ref:     flux.Ref{Group: k.Group, Kind: k.Name, Namespace: "apps", Name: "web"},
		Version: k.Versions[0], ResourceVersion: "7", Interval: ptr("5m"),
	}
	for _, change := range changes {
		change(&o)
	}
	return o
}

func interval(s string) func(*flux.Object) { return func(o *flux.Object) { o.Interval = ptr(s) } }
func timeout(s string) func(*flux.Object)  { return func(o *flux.Object) { o.Timeout = ptr(s) } }
func retry(s string) func(*flux.Object)    { return func(o *flux.Object) { o.RetryInterval = ptr(s) } }
func annotated(key, value string) func(*flux.Object) {
	return func(o *flux.Object) { o.Annotations = map[string]string{key: value} }
}

// version is an object's resourceVersion.
func version(v string) func(*flux.Object) { return func(o *flux.Object) { o.ResourceVersion = v } }

// ownedBy adds an owner of a field to those that an object has, and to those who have written it, at noon.
func ownedBy(f flux.Field, managers ...flux.Manager) func(*flux.Object) {
	return func(o *flux.Object) {
		for _, m := range managers {
			o.Owners = append(o.Owners, flux.FieldOwner{Field: f, Manager: m})
			writtenBy(noon, m)(o)
		}
	}
}

// writtenBy adds those who wrote an object, and when.
func writtenBy(at time.Time, managers ...flux.Manager) func(*flux.Object) {
	return func(o *flux.Object) {
		for _, m := range managers {
			o.Writers = append(o.Writers, flux.Writer{Manager: m, Time: at})
		}
	}
}

// applies is who applies fields by server-side apply, updates who updated them.
func applies(name string) flux.Manager { return flux.Manager{Name: name, Apply: true} }
func updates(name string) flux.Manager { return flux.Manager{Name: name} }
func slowest(d time.Duration) func(*flux.Object) {
	return func(o *flux.Object) { o.Status.SlowestReconcile = d }
}
func waits(o *flux.Object)     { o.Waits = true }
func deleting(o *flux.Object)  { o.Deleting = true }
func suspend(o *flux.Object)   { o.Suspended = true }
func oci(o *flux.Object)       { o.OCI = true }
func generated(o *flux.Object) { o.Generated = true }

// chart gives a HelmRelease a chart template; "" leaves its interval unset.
func chart(interval string) func(*flux.Object) {
	return func(o *flux.Object) {
		o.HasChart, o.ChartInterval = true, optional(interval)
	}
}

func preset(t testing.TB, name string) policy.Policy {
	t.Helper()
	p, err := policy.Preset(name)
	require.NoError(t, err)
	return p
}

// ruling is a policy with one environment, "development".
func ruling(kinds map[string]policy.Settings) policy.Policy {
	return policy.Policy{Name: "own", Environments: []policy.Environment{{Name: "development", Kinds: kinds}}}
}

func in(environment string) policy.Assignment {
	return policy.Assignment{Environment: environment, Known: true, Source: policy.SourceNamespace}
}

// optional is a field's value; "" is absent.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func change(f flux.Field, from, to string) Change {
	return Change{Field: f, From: optional(from), To: optional(to)}
}
