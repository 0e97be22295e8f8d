package budget

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

func includes(names ...string) func(*flux.Object) {
	return func(o *flux.Object) {
		for _, name := range names {
			o.Polling.Includes = append(o.Polling.Includes, ref("GitRepository", name))
		}
	}
}

// A commit in what a GitRepository includes waits for both intervals at worst: 60 s and 120 s, each with
// 5% of jitter and a second to fetch, and a second to apply. A webhook takes the included one's wait away
// only.
func TestIncludedLatency(t *testing.T) {
	t.Parallel()
	const url = "https://github.com/acme/app"
	receiver := func(name string) tune.Item {
		return item(flux.Object{Ref: ref("Receiver", "hook-"+name), Targets: []flux.Target{{Kind: "GitRepository", Namespace: "apps", Name: name}}}, "")
	}
	for name, tc := range map[string]struct {
		others []tune.Item
		want   Latency
	}{
		"nothing included":     {[]tune.Item{source("app", url, "2m", "")}, Latency{62 * second, 128 * second}},
		"included":             {[]tune.Item{source("app", url, "2m", "", includes("base")), source("base", url, "1m", "")}, Latency{62 * second, (63 + 1 + 126 + 1 + 1) * second}},
		"webhook of the base":  {[]tune.Item{source("app", url, "2m", "", includes("base")), source("base", url, "1m", ""), receiver("base")}, Latency{62 * second, (1 + 126 + 1 + 1) * second}},
		"webhook of the other": {[]tune.Item{source("app", url, "2m", "", includes("base")), source("base", url, "1m", ""), receiver("app")}, Latency{2 * second, (63 + 1 + 126 + 1 + 1) * second}},
		"two levels":           {[]tune.Item{source("app", url, "2m", "", includes("base")), source("base", url, "1m", "", includes("core")), source("core", url, "4m", "")}, Latency{62 * second, (252 + 1 + 63 + 1 + 126 + 1 + 1) * second}},
		"what was not read":    {[]tune.Item{source("app", url, "2m", "", includes("gone"))}, Latency{62 * second, 128 * second}},
		"what includes itself": {[]tune.Item{source("app", url, "2m", "", includes("app"))}, Latency{62 * second, time.Duration(11*127+1) * second}},
	} {
		b := New(Input{Items: []tune.Item{kustomization("k", "app", "10m", "")}, Others: tc.others})
		assert.Equal(t, tc.want, b.Items[0].Delivery.Latency.Now, name)
	}
	b := New(Input{Items: []tune.Item{source("app", url, "2m", "", includes("base")), source("base", url, "1m", "")}})
	assert.Equal(t, 1, b.Includes)
}

// An ArtifactGenerator watches its sources, and a Kustomization the artifacts that it makes: it takes as
// long as the slowest source, and once more to make the artifact.
func TestGeneratedArtifacts(t *testing.T) {
	t.Parallel()
	const url = "https://github.com/acme/app"
	link := func(kind, name string, made ...flux.Ref) tune.Item {
		return costKind(kind, name, flux.Polling{Made: made})
	}
	generator := link(flux.ArtifactGeneratorKind, "g", ref("GitRepository", "fast"), ref("GitRepository", "slow")).Object.Ref
	artifact := flux.Ref{Group: "source.toolkit.fluxcd.io", Kind: flux.ExternalArtifactKind, Namespace: "apps", Name: "a"}
	made := link(flux.ExternalArtifactKind, "a", generator)
	consumer := kustomization("k", "x", "10m", "", func(o *flux.Object) { o.SourceRef = artifact })
	both := link(flux.ArtifactGeneratorKind, "g", ref("GitRepository", "fast"), ref("GitRepository", "slow"))
	that := func(i tune.Item, changes ...func(*flux.Object)) tune.Item {
		for _, change := range changes {
			change(&i.Object)
		}
		return i
	}
	annotated := func(key, value string) func(*flux.Object) {
		return func(o *flux.Object) { o.Annotations = map[string]string{key: value} }
	}
	hook := func(name string) tune.Item {
		return item(flux.Object{Ref: ref("Receiver", "hook-"+name), Targets: []flux.Target{{Kind: "GitRepository", Namespace: "apps", Name: name}}}, "")
	}
	fast, slow := source("fast", url, "1m", ""), source("slow", url, "4m", "")
	for name, tc := range map[string]struct {
		others   []tune.Item
		latency  Latency
		why      string
		receiver string
	}{
		"the slowest counts":     {[]tune.Item{made, both, fast, slow}, Latency{(120 + 1 + 1 + 1) * second, (252 + 1 + 1 + 1) * second}, "", ""},
		"webhook of one":         {[]tune.Item{made, both, fast, slow, hook("fast")}, Latency{(120 + 1 + 1 + 1) * second, (252 + 1 + 1 + 1) * second}, "", ""},
		"webhooks of both":       {[]tune.Item{made, both, fast, slow, hook("fast"), hook("slow")}, Latency{3 * second, 3 * second}, "", "Receiver apps/hook-fast"},
		"a source was not read":  {[]tune.Item{made, both, fast}, Latency{}, "GitRepository apps/slow was not read", ""},
		"its maker was not read": {[]tune.Item{made, fast, slow}, Latency{}, "ArtifactGenerator apps/g was not read", ""},
		"nothing was read":       {nil, Latency{}, "ExternalArtifact apps/a was not read", ""},
		"made by somebody else":  {[]tune.Item{link(flux.ExternalArtifactKind, "a")}, Latency{}, "what makes ExternalArtifact apps/a is not known", ""},
		"disabled":               {[]tune.Item{made, that(both, annotated("source.extensions.fluxcd.io/reconcile", "Disabled")), fast, slow}, Latency{}, "ArtifactGenerator apps/g is disabled", ""},
		"failing":                {[]tune.Item{made, that(both, failing("BuildFailed", "no match")), fast, slow}, Latency{}, "ArtifactGenerator apps/g fails: BuildFailed", ""},
		"stalled":                {[]tune.Item{made, that(both, failing("AccessDenied", "x"), func(o *flux.Object) { o.Status.Stalled = true }), fast, slow}, Latency{}, "ArtifactGenerator apps/g fails: AccessDenied", ""},
		"made of itself":         {[]tune.Item{made, link(flux.ArtifactGeneratorKind, "g", artifact)}, Latency{}, "ExternalArtifact apps/a is made of itself", ""},
	} {
		b := New(Input{Items: []tune.Item{consumer}, Others: tc.others})
		d := b.Items[0].Delivery
		assert.Equal(t, tc.latency, d.Latency.Now, name)
		assert.Equal(t, tc.why, d.Why, name)
		assert.Equal(t, tc.receiver, d.Receiver, name)
	}
}

// What is pushed under another version does not reach a chart of one exact version.
func TestExactChartWaitsForNothing(t *testing.T) {
	t.Parallel()
	release := func(version string) tune.Item {
		return item(flux.Object{
			Ref: ref("HelmRelease", "r"), Interval: ptr("10m"), HasChart: true, SourceRef: ref("HelmRepository", "charts"), Polling: flux.Polling{Version: version},
		}, "")
	}
	charts := item(flux.Object{Ref: ref("HelmRepository", "charts"), Interval: ptr("20m")}, "")
	for version, why := range map[string]string{"1.x": "", "": "", "1.2.3": "its chart has the exact version 1.2.3"} {
		b := New(Input{Items: []tune.Item{release(version)}, Others: []tune.Item{charts}})
		assert.Equal(t, why, b.Items[0].Delivery.Why, version)
		assert.Equal(t, why == "", b.Items[0].Delivery.Known, version)
	}
}

// A poll that has looked just before a push goes on, and the interval begins at its end: how long it takes counts twice where that is
// known, as of a semver, which each poll clones.
func TestTheLengthOfAPollCounts(t *testing.T) {
	t.Parallel()
	const url = "https://github.com/acme/app"
	receiver := item(flux.Object{Ref: ref("Receiver", "hook"), Targets: []flux.Target{{Kind: "GitRepository", Namespace: "apps", Name: "web"}}}, "")
	including := source("app", url, "2m", "", func(o *flux.Object) { o.Polling.Includes = []flux.Ref{ref("GitRepository", "web")} })
	web := source("web", url, "1m", "", func(o *flux.Object) { o.Remote.Ref = flux.RemoteRef{Kind: flux.RefSemver, Value: "1.x"} })
	for name, tc := range map[string]struct {
		from   string
		others []tune.Item
		took   time.Duration
		want   Latency
	}{
		"clones of a minute":    {"web", nil, time.Minute, Latency{(60 + 60 + 1) * second, (60 + 63 + 60 + 1) * second}},
		"polls of no time":      {"web", nil, 100 * time.Millisecond, Latency{30050*time.Millisecond + 2*second, 63100*time.Millisecond + 2*second}},
		"not known":             {"web", nil, 0, Latency{32 * second, 65 * second}},
		"called during a poll":  {"web", []tune.Item{receiver}, time.Minute, Latency{(60 + 1) * second, (60 + 60 + 1) * second}},
		"that includes another": {"app", []tune.Item{including}, time.Minute, Latency{62 * second, (60 + 63 + 60 + 126 + 1 + 1) * second}},
	} {
		in := Input{Items: []tune.Item{kustomization("k", tc.from, "10m", "")}, Others: append([]tune.Item{web}, tc.others...)}
		if tc.took > 0 {
			in.Observed = map[flux.Ref]flux.Observation{web.Object.Ref: {Mean: tc.took}}
		}
		assert.Equal(t, tc.want, New(in).Items[0].Delivery.Latency.Now, name)
	}
}

// Sources alone tell how long a commit takes to their artifact, of which the middle one is typical: 5m is 2m30s and a second to fetch.
func TestSourcesAloneTellTheirLatency(t *testing.T) {
	t.Parallel()
	const url = "https://github.com/acme/app"
	b := New(Input{Items: []tune.Item{
		source("a", url, "1m", "5m"), source("b", url, "1m", "5m"), source("c", url, "2m", ""),
		source("stopped", url, "1h", "", suspended),
	}})
	assert.Equal(t, Pair[Latency]{Now: Latency{31 * second, 127 * second}, Planned: Latency{151 * second, 316 * second}}, b.Environments[0].Fetched)
}
