package flux

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func upper(s string) string { return strings.ToUpper(s) }
func lower(s string) string { return strings.ToLower(s) }

func ptr(s string) *string { return &s }

// object is one of a kind, with an interval of ten minutes and nothing else; change states the difference.
func object(t *testing.T, kind string, change func(*Object)) Object {
	t.Helper()
	k, err := ParseKind(kind)
	require.NoError(t, err)
	o := Object{Ref: Ref{Group: k.Group, Kind: k.Name, Namespace: "apps", Name: "web"}, Version: k.Versions[0], Interval: ptr("10m")}
	if change != nil {
		change(&o)
	}
	return o
}

func TestRefString(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "Kustomization apps/web", Ref{Group: "g", Kind: "Kustomization", Namespace: "apps", Name: "web"}.String())
	assert.Equal(t, "Kustomization web", Ref{Kind: "Kustomization", Name: "web"}.String())
}

// Each reference comes before the next one: namespace first, then kinds as in the table with unknown
// ones last and by name, then name, then group.
func TestRefCompare(t *testing.T) {
	t.Parallel()
	ordered := []Ref{
		{Kind: "Kustomization", Name: "z"},
		{Kind: "GitRepository", Namespace: "a", Name: "z"},
		{Kind: "Bucket", Namespace: "a", Name: "b"},
		{Kind: "Kustomization", Namespace: "a", Name: "a"},
		{Group: "a", Kind: "Kustomization", Namespace: "a", Name: "b"},
		{Group: "b", Kind: "Kustomization", Namespace: "a", Name: "b"},
		{Kind: "Receiver", Namespace: "a", Name: "a"},
		{Kind: "Alert", Namespace: "a", Name: "z"},
		{Kind: "Provider", Namespace: "a", Name: "a"},
		{Kind: "GitRepository", Namespace: "b", Name: "a"},
	}
	for i, a := range ordered {
		for j, b := range ordered {
			switch c := a.Compare(b); {
			case i < j:
				assert.Negative(t, c, "%s and %s", a, b)
			case i > j:
				assert.Positive(t, c, "%s and %s", a, b)
			default:
				assert.Zero(t, c, "%s and itself", a)
			}
		}
	}
}

func TestGroupVersion(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "helm.toolkit.fluxcd.io/v2", object(t, "hr", nil).GroupVersion())
}

func TestKindRow(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "kustomizations", object(t, "ks", nil).KindRow().Resource)
	assert.Equal(t, Kind{}, Object{Ref: Ref{Group: "apps", Kind: "Deployment"}}.KindRow())
}

func TestValue(t *testing.T) {
	t.Parallel()
	o := Object{Interval: ptr("1m"), Timeout: ptr("2m"), RetryInterval: ptr("3m"), ChartInterval: ptr("4m")}
	assert.Equal(t, ptr("1m"), o.Value(Interval))
	assert.Equal(t, ptr("2m"), o.Value(Timeout))
	assert.Equal(t, ptr("3m"), o.Value(RetryInterval))
	assert.Equal(t, ptr("4m"), o.Value(ChartInterval))
	assert.Nil(t, o.Value("spec.prune"))
}

func TestHas(t *testing.T) {
	t.Parallel()
	withChart := func(o *Object) { o.HasChart = true }
	for _, tc := range []struct {
		kind   string
		change func(*Object)
		want   []Field
	}{
		{"GitRepository", nil, []Field{Interval, Timeout}},
		{"HelmChart", nil, []Field{Interval}},
		{"Kustomization", nil, []Field{Interval, Timeout, RetryInterval}},
		{"HelmRelease", withChart, []Field{Interval, Timeout, ChartInterval}},
		{"HelmRelease", nil, []Field{Interval, Timeout}}, // chartRef
		{"Receiver", withChart, []Field{Interval}},
	} {
		var got []Field
		for _, f := range []Field{Interval, Timeout, RetryInterval, ChartInterval, "spec.suspend"} {
			if object(t, tc.kind, tc.change).Has(f) {
				got = append(got, f)
			}
		}
		assert.Equal(t, tc.want, got, tc.kind)
	}
}

// The defaults are those of the API types' getters and of the CRDs' schemas.
func TestEffective(t *testing.T) {
	t.Parallel()
	every := func(interval string) func(*Object) { return func(o *Object) { o.Interval = ptr(interval) } }
	timeout := func(interval, timeout string) func(*Object) {
		return func(o *Object) { o.Interval, o.Timeout = ptr(interval), ptr(timeout) }
	}
	for _, tc := range []struct {
		name   string
		kind   string
		change func(*Object)
		field  Field
		want   time.Duration
	}{
		{"interval", "GitRepository", every("1m30s"), Interval, 90 * time.Second},
		{"absent interval", "GitRepository", func(o *Object) { o.Interval = nil }, Interval, 0},
		{"absent interval with a default", "HelmRepository", func(o *Object) { o.Interval = nil }, Interval, time.Minute},
		{"absent interval that is ignored", "HelmRepository", func(o *Object) { o.Interval, o.OCI = nil, true }, Interval, 0},
		{"unreadable interval", "GitRepository", every("soon"), Interval, 0},
		{"receiver", "Receiver", every("1m"), Interval, time.Minute},
		{"receiver without", "Receiver", func(o *Object) { o.Interval = nil }, Interval, 10 * time.Minute},
		{"receiver has no timeout", "Receiver", nil, Timeout, 0},

		{"git timeout", "GitRepository", nil, Timeout, time.Minute},
		{"git timeout is not bound to the interval", "GitRepository", every("10s"), Timeout, time.Minute},
		{"git timeout set", "GitRepository", timeout("1m", "5m"), Timeout, 5 * time.Minute},
		{"oci timeout", "OCIRepository", nil, Timeout, time.Minute},
		{"bucket timeout", "Bucket", nil, Timeout, time.Minute},
		{"helm repository timeout", "HelmRepository", nil, Timeout, time.Minute},
		{"helm chart has no timeout", "HelmChart", nil, Timeout, 0},

		{"kustomization timeout is the interval less 30s", "Kustomization", every("5m"), Timeout, 4*time.Minute + 30*time.Second},
		{"at 1m30s", "Kustomization", every("1m30s"), Timeout, time.Minute},
		{"at 1m it is 30s", "Kustomization", every("1m"), Timeout, 30 * time.Second},
		{"below it stays 30s", "Kustomization", every("30s"), Timeout, 30 * time.Second},
		{"an explicit timeout is 30s at least", "Kustomization", timeout("5m", "10s"), Timeout, 30 * time.Second},
		{"an explicit timeout", "Kustomization", timeout("5m", "31s"), Timeout, 31 * time.Second},
		{"a timeout that is none", "Kustomization", timeout("5m", "soon"), Timeout, 0},
		{"a timeout that is a variable", "Kustomization", timeout("5m", "${timeout}"), Timeout, 0},
		{"a timeout that follows what is not known", "Kustomization", every("${poll}"), Timeout, 0},
		{"a retry that follows what is not known", "Kustomization", every("1d"), RetryInterval, 0},
		{"a fixed timeout beside what is not known", "HelmRelease", every("${poll}"), Timeout, 5 * time.Minute},
		{"a negative interval", "GitRepository", every("-5m"), Interval, 0},
		{"an unreadable interval with a default", "HelmRepository", every("1d"), Interval, 0},
		{"retry is the interval", "Kustomization", every("5m"), RetryInterval, 5 * time.Minute},
		{"retry set", "Kustomization", func(o *Object) { o.RetryInterval = ptr("20s") }, RetryInterval, 20 * time.Second},

		{"helm release timeout", "HelmRelease", every("1m"), Timeout, 5 * time.Minute},
		{"helm release timeout set", "HelmRelease", timeout("1m", "15m"), Timeout, 15 * time.Minute},
		{"chart interval is the release's", "HelmRelease", every("7m"), ChartInterval, 7 * time.Minute},
		{"chart interval set", "HelmRelease", func(o *Object) { o.ChartInterval = ptr("1h") }, ChartInterval, time.Hour},
		{"helm release has no retry", "HelmRelease", nil, RetryInterval, 0},

		{"image timeout is the interval", "ImageRepository", every("5m"), Timeout, 5 * time.Minute},
		{"image timeout is a second at least", "ImageRepository", every("100ms"), Timeout, time.Second},
		{"explicit too", "ImageRepository", timeout("5m", "10ms"), Timeout, time.Second},
		{"image automation has no timeout", "ImageUpdateAutomation", nil, Timeout, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tc.want.String(), object(t, tc.kind, tc.change).Effective(tc.field).String())
		})
	}
}

func TestEffectiveWith(t *testing.T) {
	t.Parallel()
	o := object(t, "Kustomization", func(o *Object) { o.Timeout = ptr("8m") })
	assert.Equal(t, 8*time.Minute, o.EffectiveWith(Timeout, o.Timeout, ptr("1m")))
	assert.Equal(t, 90*time.Second, o.EffectiveWith(Timeout, nil, ptr("2m")), "unset, it follows the new interval")
	assert.Equal(t, 30*time.Second, o.EffectiveWith(Timeout, ptr("1s"), nil))
	assert.Equal(t, 30*time.Second, o.EffectiveWith(Timeout, nil, nil), "no interval at all")
	assert.Zero(t, Object{}.EffectiveWith(Timeout, ptr("1m"), ptr("1m")), "an unknown kind")
}

func TestRefused(t *testing.T) {
	t.Parallel()
	text := func(s string) *string { return &s }
	for name, c := range map[string]struct {
		kind  string
		value *string
		want  string
	}{
		"a duration":               {"GitRepository", text("5m"), ""},
		"a variable":               {"GitRepository", text("${poll}"), ""},
		"days":                     {"GitRepository", text("1d"), `"1d" is not a duration that Flux accepts`},
		"words":                    {"Kustomization", text("5 min"), `"5 min" is not a duration`},
		"negative":                 {"Kustomization", text("-5m"), `"-5m" is not a duration`},
		"empty":                    {"HelmRelease", text(""), `"" is not a duration`},
		"zero":                     {"Kustomization", text("0s"), `with "0s" Flux never looks again by itself`},
		"absent":                   {"Kustomization", nil, "it is not set, and Flux requires it"},
		"absent with a default":    {"HelmRepository", nil, ""},
		"zero that is the default": {"HelmRepository", text("0s"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kind, err := ParseKind(c.kind)
			require.NoError(t, err)
			o := Object{Ref: Ref{Group: kind.Group, Kind: kind.Name}, Interval: c.value}
			got := o.Refused(kind.Tunables[0])
			if c.want == "" {
				assert.Empty(t, got)
			}
			assert.Contains(t, got, c.want)
		})
	}
}
