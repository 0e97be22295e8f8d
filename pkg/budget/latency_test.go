package budget

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

const second = time.Second

func took(last, slowest time.Duration) func(*flux.Object) {
	return func(o *flux.Object) {
		o.Status.LastReconcile, o.Status.SlowestReconcile = last, slowest
		o.Status.LastApplied, o.Status.SlowestApplied = last, slowest
	}
}

func after(names ...string) func(*flux.Object) {
	return func(o *flux.Object) {
		for _, name := range names {
			o.DependsOn = append(o.DependsOn, ref("Kustomization", name))
		}
	}
}

func suspended(o *flux.Object) { o.Suspended = true }

func same(typical, worst time.Duration) Pair[Latency] {
	return Pair[Latency]{Now: Latency{typical, worst}, Planned: Latency{typical, worst}}
}

// A fetch takes a second, and a reconcile without history another one.
func TestDeliver(t *testing.T) {
	t.Parallel()
	const url = "https://github.com/acme/app"
	web := ref("GitRepository", "web")
	release := func(change ...func(*flux.Object)) tune.Item {
		return item(flux.Object{Ref: ref("HelmRelease", "r"), Interval: ptr("10m"), SourceRef: ref("HelmRepository", "charts"), Polling: flux.Polling{Chart: "web"}}, "", change...)
	}
	named := func(name, from, chart string) tune.Item {
		return release(func(o *flux.Object) { o.Name, o.SourceRef, o.Polling.Chart = name, ref("HelmRepository", from), chart })
	}
	afterRelease := func(name string) func(*flux.Object) {
		return func(o *flux.Object) { o.DependsOn = append(o.DependsOn, ref("HelmRelease", name)) }
	}
	made := func(name string) flux.Ref {
		return flux.Ref{Group: "source.toolkit.fluxcd.io", Kind: flux.ExternalArtifactKind, Namespace: "apps", Name: name}
	}
	artifact := func(name string, of ...string) tune.Item {
		o := flux.Object{Ref: made(name)}
		for _, from := range of {
			o.Polling.Made = append(o.Polling.Made, ref("GitRepository", from))
		}
		return item(o, "")
	}
	pinned := func(o *flux.Object) { o.Remote.Ref = flux.RemoteRef{Kind: flux.RefCommit, Value: "0a1b"} }
	others := []tune.Item{
		source("commit", url, "1m", "", pinned),
		source("includes", url, "1m", "", pinned, func(o *flux.Object) { o.Polling.Includes = []flux.Ref{ref("GitRepository", "other")} }),
		item(flux.Object{Ref: ref("OCIRepository", "digest"), Interval: ptr("1m"), Remote: flux.Remote{URL: "oci://ghcr.io/a", Ref: flux.RemoteRef{Kind: flux.RefDigest, Value: "sha256:0a"}}}, ""),
		artifact("pinned", "commit"), artifact("mixed", "commit", "other", "commit"),
		kustomization("broken", "web", "10m", "", failing("HealthCheckFailed", "timeout"), took(600*second, 600*second)),
		kustomization("behind", "web", "10m", "", failing("DependencyNotReady", "x"), after("broken")),
		source("web", url, "5m", "1m"),
		source("other", url, "2m", ""),
		source("stopped", url, "1m", "", suspended),
		source("never", url, "0s", ""),
		item(flux.Object{Ref: ref("HelmRepository", "charts"), Interval: ptr("20m")}, ""),
		item(flux.Object{Ref: ref("HelmRepository", "oci"), Interval: ptr("20m"), OCI: true}, ""),
		item(flux.Object{Ref: ref("HelmChart", "of-index"), Interval: ptr("1m"), SourceRef: ref("HelmRepository", "charts")}, ""),
		item(flux.Object{Ref: ref("HelmChart", "of-oci"), Interval: ptr("4m"), SourceRef: ref("HelmRepository", "oci")}, ""),
		named("twin", "charts", "web"), named("db", "charts", "db"), named("elsewhere", "more", "web"),
		kustomization("infra", "web", "10m", "", took(2*second, 5*second)),
		kustomization("crds", "web", "10m", "", after("infra"), took(3*second, 40*second)),
		kustomization("slow", "web", "10m", "", took(72*second, 100*second)),
		kustomization("elsewhere", "other", "10m", ""),
		kustomization("ring", "web", "10m", "", after("ring-2")),
		kustomization("ring-2", "web", "10m", "", after("ring")),
	}
	for name, tc := range map[string]struct {
		item tune.Item
		want Delivery
	}{
		"the source's interval, not its own": {kustomization("k", "web", "1h", "30s", took(2*second, 10*second)), Delivery{
			Source: web, Known: true,
			Latency: Pair[Latency]{Latency{153 * second, 326 * second}, Latency{33 * second, 74 * second}}}},
		// What it took to apply something new, and not what the last look at the same content took.
		"a rollout that is on record": {kustomization("k", "other", "1m", "", took(2*second, 240*second), func(o *flux.Object) { o.Status.Rollout = 40 * second }), Delivery{
			Source: ref("GitRepository", "other"), Known: true, Latency: same(101*second, 367*second)}},
		"no history": {kustomization("k", "other", "1m", ""), Delivery{Source: ref("GitRepository", "other"), Known: true, Latency: same(62*second, 128*second)}},
		// Looks again after 30 s, when infra is ready.
		"dependsOn": {kustomization("k", "other", "1m", "", after("elsewhere")), Delivery{
			Source: ref("GitRepository", "other"), Known: true, Depth: 1, Latency: same(92*second, 158*second)}},
		// infra at 2 s (5 s at worst), crds at 33 s (70 s at worst), so after 60 s and 90 s.
		"dependsOn, two levels": {kustomization("k", "web", "1m", "", after("crds", "infra")), Delivery{
			Source: web, Known: true, Depth: 2,
			Latency: Pair[Latency]{Latency{(150 + 1 + 60 + 1) * second, (315 + 1 + 90 + 1) * second}, Latency{(30 + 1 + 60 + 1) * second, (63 + 1 + 90 + 1) * second}}}},
		"a slow dependency": {kustomization("k", "web", "1m", "", after("slow")), Delivery{
			Source: web, Known: true, Depth: 1,
			Latency: Pair[Latency]{Latency{(150 + 1 + 90 + 1) * second, (315 + 1 + 120 + 1) * second}, Latency{(30 + 1 + 90 + 1) * second, (63 + 1 + 120 + 1) * second}}}},
		// Another source's revision concerns it at worst only.
		"dependency with another source": {kustomization("k", "other", "1m", "", after("infra")), Delivery{
			Source: ref("GitRepository", "other"), Known: true, Depth: 1, Latency: same(62*second, 158*second)}},
		"dependency that was not read": {kustomization("k", "other", "1m", "", after("gone")), Delivery{
			Source: ref("GitRepository", "other"), Known: true, Latency: same(62*second, 128*second)}},
		"what it depends on fails": {kustomization("k", "web", "1m", "", after("infra", "broken")), Delivery{
			Source: web, Why: "it depends on Kustomization apps/broken, which fails: HealthCheckFailed"}},
		"what that depends on fails": {kustomization("k", "other", "1m", "", after("behind")), Delivery{
			Source: ref("GitRepository", "other"), Why: "it depends on Kustomization apps/broken, which fails: HealthCheckFailed"}},
		"it fails itself, for a timeout": {kustomization("k", "other", "1m", "", failing("HealthCheckFailed", "timeout"), func(o *flux.Object) {
			o.Status.LastReconcile, o.Status.SlowestReconcile, o.Status.LastApplied, o.Status.SlowestApplied = 600*second, 600*second, 3*second, 5*second
		}), Delivery{Source: ref("GitRepository", "other"), Known: true, Latency: same(64*second, 132*second)}},
		"pinned to a commit": {kustomization("k", "commit", "1m", ""), Delivery{Source: ref("GitRepository", "commit"), Why: "GitRepository apps/commit is pinned to a commit"}},
		"pinned to a digest": {kustomization("k", "", "1m", "", func(o *flux.Object) { o.SourceRef = ref("OCIRepository", "digest") }), Delivery{
			Source: ref("OCIRepository", "digest"), Why: "OCIRepository apps/digest is pinned to a digest"}},
		"pinned, and includes what is not": {kustomization("k", "includes", "1m", ""), Delivery{
			Source: ref("GitRepository", "includes"), Known: true, Latency: same(32*second, 192*second)}},
		"made of what is pinned": {kustomization("k", "", "1m", "", func(o *flux.Object) { o.SourceRef = made("pinned") }), Delivery{
			Source: made("pinned"), Why: "GitRepository apps/commit is pinned to a commit"}},
		"made of that, and of what is not": {kustomization("k", "", "1m", "", func(o *flux.Object) { o.SourceRef = made("mixed") }), Delivery{
			Source: made("mixed"), Known: true, Latency: same(62*second, 128*second)}},
		"suspended":         {kustomization("k", "web", "1m", "", suspended), Delivery{Why: "suspended"}},
		"suspended source":  {kustomization("k", "stopped", "1m", ""), Delivery{Source: ref("GitRepository", "stopped"), Why: "GitRepository apps/stopped is suspended"}},
		"source not polled": {kustomization("k", "never", "1m", ""), Delivery{Source: ref("GitRepository", "never"), Why: "GitRepository apps/never is never polled"}},
		"source not read":   {kustomization("k", "gone", "1m", ""), Delivery{Why: "GitRepository apps/gone was not read"}},
		"no source":         {kustomization("k", "x", "1m", "", func(o *flux.Object) { o.SourceRef = flux.Ref{} }), Delivery{Why: "it has no source"}},
		"chart of an index": {release(), Delivery{Source: ref("HelmRepository", "charts"), Known: true, Latency: same(602*second, 1262*second)}},
		"chart of a registry": {release(func(o *flux.Object) {
			o.SourceRef, o.HasChart, o.ChartInterval = ref("HelmRepository", "oci"), true, ptr("2m")
		}), Delivery{
			Source: ref("HelmRepository", "oci"), Known: true, Latency: same(62*second, 128*second)}},
		// A release asks whether another one is ready, whatever its source and its chart; typically only releases of one
		// chart are not ready at the same time.
		"release after one with another source": {release(afterRelease("elsewhere")), Delivery{
			Source: ref("HelmRepository", "charts"), Known: true, Depth: 1, Latency: same(602*second, 1292*second)}},
		"release after one of another chart": {release(afterRelease("db")), Delivery{
			Source: ref("HelmRepository", "charts"), Known: true, Depth: 1, Latency: same(602*second, 1292*second)}},
		"release after one of the same chart": {release(afterRelease("twin")), Delivery{
			Source: ref("HelmRepository", "charts"), Known: true, Depth: 1, Latency: same(632*second, 1292*second)}},
		"chartRef to a chart of an index": {release(func(o *flux.Object) { o.SourceRef = ref("HelmChart", "of-index") }), Delivery{
			Source: ref("HelmRepository", "charts"), Known: true, Latency: same(602*second, 1262*second)}},
		"chartRef to a chart of a registry": {release(func(o *flux.Object) { o.SourceRef = ref("HelmChart", "of-oci") }), Delivery{
			Source: ref("HelmChart", "of-oci"), Known: true, Latency: same(122*second, 254*second)}},
	} {
		b := New(Input{Items: []tune.Item{tc.item}, Others: others})
		assert.Equal(t, &tc.want, b.Items[0].Delivery, name)
	}
	forever := New(Input{Items: []tune.Item{kustomization("k", "s", "2562047h", ""), source("s", url, "2562047h", "")}})
	assert.Equal(t, never+2*second, forever.Items[0].Delivery.Latency.Now.Worst)
	assert.Equal(t, never, forever.Environments[0].Drift.Now)
	ring := New(Input{Items: []tune.Item{kustomization("k", "web", "1m", "", after("ring"))}, Others: others})
	assert.True(t, ring.Items[0].Delivery.Known, "a circle ends")
	assert.Nil(t, New(Input{Items: others}).Items[0].Delivery, "a source delivers nothing to itself")
}

func TestReceivers(t *testing.T) {
	t.Parallel()
	receiver := func(name string, change func(*flux.Object), targets ...flux.Target) tune.Item {
		o := flux.Object{Ref: ref("Receiver", name), Targets: targets}
		change(&o)
		return item(o, "")
	}
	as := func(ready string) func(*flux.Object) { return func(o *flux.Object) { o.Status.Ready = ready } }
	toWeb := flux.Target{Kind: "GitRepository", Namespace: "apps", Name: "web"}
	labelled := flux.Target{Kind: "GitRepository", Namespace: "apps", Name: "*", MatchLabels: map[string]string{"team": "web"}}
	for name, tc := range map[string]struct {
		receivers []tune.Item
		covered   string
	}{
		"none":         {nil, ""},
		"by name":      {[]tune.Item{receiver("github", as("True"), toWeb)}, "Receiver apps/github"},
		"by label":     {[]tune.Item{receiver("github", as(""), labelled)}, "Receiver apps/github"},
		"not ready":    {[]tune.Item{receiver("github", as("False"), toWeb)}, ""},
		"suspended":    {[]tune.Item{receiver("github", suspended, toWeb)}, ""},
		"two":          {[]tune.Item{receiver("b", as("True"), toWeb), receiver("a", as("True"), labelled)}, "Receiver apps/a"},
		"unknown kind": {[]tune.Item{receiver("github", as("True"), flux.Target{Kind: "ImagePolicy", Namespace: "apps", Name: "web"})}, ""},
		"no version":   {[]tune.Item{receiver("github", as("True"), flux.Target{Kind: "Kustomization", Namespace: "apps", Name: "web"})}, ""},
		"not there":    {[]tune.Item{receiver("github", as("True"), flux.Target{Kind: "GitRepository", Namespace: "apps", Name: "gone"})}, ""},
	} {
		b := New(Input{
			Items: []tune.Item{
				source("web", "https://github.com/acme/app", "10m", "1m", func(o *flux.Object) { o.Labels = map[string]string{"team": "web"} }),
				kustomization("web", "web", "10m", "", took(2*second, 3*second)),
			},
			Others: tc.receivers,
		})
		assert.Equal(t, tc.covered, b.Items[0].Receiver, name)
		assert.Empty(t, b.Items[1].Receiver, "%s: no call reaches the Kustomization", name)
		assert.Equal(t, tc.covered, b.Items[1].Delivery.Receiver, name)
		if tc.covered == "" {
			assert.Equal(t, Webhooks{}, b.Webhooks, name)
			continue
		}
		assert.Equal(t, Webhooks{Sources: 1, Requests: Rates{6, 60}}, b.Webhooks, name)
		assert.Equal(t, same(3*second, 4*second), b.Items[1].Delivery.Latency, name)
		assert.Equal(t, 1, b.Environments[0].Receivers, name)
	}
}

// What a webhook does not bring at once, somebody waits for: what is included, what nobody is known to have called for, and
// what notification-controller may not notify.
func TestDoubtfulReceivers(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	receiver := item(flux.Object{Ref: ref("Receiver", "github"), Created: noon.Add(-48 * time.Hour), Targets: []flux.Target{{Kind: "GitRepository", Namespace: "apps", Name: "web"}}}, "")
	elsewhere := receiver
	elsewhere.Object.Namespace = "flux-system"
	changed := func(o *flux.Object) { o.Status.SourceChanged = noon }
	includes := func(o *flux.Object) { o.Polling.Includes = []flux.Ref{ref("GitRepository", "shared")} }
	nothing := func(*flux.Object) {}
	served := func(by string) func(*flux.Object) {
		return func(o *flux.Object) {
			if o.ResourceVersion = "1"; by != "" {
				o.Requested = flux.Request{By: by, At: noon}
			}
		}
	}
	for name, tc := range map[string]struct {
		receiver     tune.Item
		change       func(*flux.Object)
		oneNamespace bool
		own, atOnce  bool
	}{
		"of files":            {receiver, nothing, true, true, true},
		"called":              {receiver, served(flux.NotificationController), true, true, true},
		"no call yet":         {receiver, served(""), true, false, false},
		"asked for by flux":   {receiver, served("flux"), true, false, false},
		"never called":        {receiver, changed, false, false, false},
		"includes":            {receiver, includes, false, true, false},
		"another namespace":   {elsewhere, nothing, false, true, true},
		"that is not allowed": {elsewhere, nothing, true, false, false},
		"pinned":              {receiver, func(o *flux.Object) { o.Remote.Ref.Kind = flux.RefCommit }, false, false, false},
	} {
		b := New(Input{Notifiers: flux.Notifiers{{OneNamespace: tc.oneNamespace}}, Items: []tune.Item{source("web", "https://github.com/acme/app", "10m", "", tc.change), kustomization("web", "web", "10m", "")}, Others: []tune.Item{tc.receiver}})
		assert.Equal(t, tc.own, b.Items[0].Receiver != "", name)
		assert.Equal(t, tc.atOnce, b.Items[0].AtOnce, name)
		assert.Equal(t, tc.own, b.Items[1].Delivery.Known && b.Items[1].Delivery.Latency.Now.Typical < time.Minute, name)
		assert.Equal(t, tc.atOnce, b.Webhooks.Sources == 1, name)
		assert.Equal(t, tc.atOnce, b.Hosts[0].Receivers == 1, name)
		uncalled := tc.receiver.Object.Namespace == "apps" && name != "pinned" && !tc.own
		assert.Equal(t, []bool{uncalled, uncalled}, []bool{b.Items[0].Uncalled, b.Webhooks.Uncalled == 1}, name)
	}
}

func TestEnvironments(t *testing.T) {
	t.Parallel()
	in := func(environment string, i tune.Item) tune.Item {
		i.Assignment.Environment = environment
		return i
	}
	const url = "https://github.com/acme/app"
	b := New(Input{
		Environments: []string{"dev", "prod"},
		Items: []tune.Item{
			in("", source("none", url, "1h", "")),
			in("qa", source("qa", url, "30m", "")),
			in("prod", kustomization("d", "dev", "10m", "")),
			in("dev", source("dev", url, "4m", "1m")),
			in("dev", kustomization("a", "dev", "5m", "1m", took(1*second, 9*second))),
			in("dev", kustomization("b", "dev", "3m", "", took(3*second, 3*second))),
			in("dev", kustomization("c", "dev", "3m", "", took(9*second, 9*second))),
			in("dev", kustomization("lost", "gone", "3m", "")),
			in("dev", kustomization("off", "dev", "3m", "", suspended)),
		},
	})
	for i := range b.Environments {
		assert.Positive(t, b.Environments[i].APIRequests.Now)
		b.Environments[i].APIRequests = Rates{}
	}
	assert.Equal(t, []Environment{
		{
			Name: "dev", Sources: 1, Git: Rates{15, 60}, Consumers: 3, Unknown: 1,
			Latency: Pair[Latency]{Latency{124 * second, 262 * second}, Latency{34 * second, 73 * second}},
			Drift:   Pair[time.Duration]{315 * second, 189 * second},
			Fetched: Pair[Latency]{Latency{121 * second, 253 * second}, Latency{31 * second, 64 * second}},
		},
		{Name: "prod", Consumers: 1, Latency: Pair[Latency]{Latency{122 * second, 254 * second}, Latency{32 * second, 65 * second}}, Drift: Pair[time.Duration]{630 * second, 630 * second}},
		{Name: "qa", Sources: 1, Git: steady(2), Fetched: same(901*second, 1891*second)},
		{Name: "", Sources: 1, Git: steady(1), Fetched: same(1801*second, 3781*second)},
	}, b.Environments)
}

func TestWorkers(t *testing.T) {
	t.Parallel()
	const url = "https://github.com/acme/app"
	input := Input{Items: []tune.Item{
		source("a", url, "1m", "1s"),
		source("b", url, "1m", ""),
		kustomization("k", "a", "1m", "", took(30*second, 40*second)),
		kustomization("l", "a", "1m", "", took(90*second, 90*second)),
		kustomization("off", "a", "1s", "", suspended),
	}}
	git := Workers{
		Controller: flux.SourceController, Kind: "GitRepository", Concurrent: 2, Default: true, Objects: 2, Reconciles: Rates{120, 3660},
		Duration: 500 * time.Millisecond, From: Assumed, Busy: Rates{120 * 0.5 / 72, 3660 * 0.5 / 72}, Behind: 1,
	}
	apply := Workers{
		Controller: flux.KustomizeController, Kind: "Kustomization", Concurrent: 4, Default: true, Objects: 2, Reconciles: steady(40 + 24),
		Duration: 52500 * time.Millisecond, From: History, Busy: steady((40*30 + 24*90) / 144.0), Behind: 2,
	}
	b := New(input)
	assert.InDeltaSlice(t, []float64{git.Busy.Now, git.Busy.Planned}, []float64{b.Workers[0].Busy.Now, b.Workers[0].Busy.Planned}, 1e-9)
	git.Busy = b.Workers[0].Busy
	assert.Equal(t, []Workers{git, apply}, b.Workers)
	assert.Equal(t, []string{flux.KustomizeController, flux.SourceController}, b.Defaults)

	input.Controllers = []flux.Controller{
		{Name: flux.KustomizeController, Concurrent: 1, JitterPercent: 10, RequeueDependency: 5 * second, Found: true},
		{Name: flux.SourceController, Concurrent: 20, JitterPercent: 0, Found: true},
	}
	input.Observed = map[flux.Ref]flux.Observation{
		ref("GitRepository", "a"): {PerHour: 59, Mean: 100 * time.Millisecond},
		ref("GitRepository", "b"): {PerHour: 60, Mean: 300 * time.Millisecond},
	}
	b = New(input)
	assert.Empty(t, b.Defaults)
	assert.Equal(t, 0, b.JitterPercent)
	assert.Equal(t, Observed, b.Workers[0].From)
	assert.InDelta(t, 200*time.Millisecond, b.Workers[0].Duration, float64(time.Millisecond))
	assert.InDelta(t, 3360/36.0, b.Workers[1].Busy.Now, 1e-9)
	assert.Equal(t, "the 1 Kustomization workers of kustomize-controller are 93% busy: give it --concurrent=2, or lengthen intervals", b.Workers[1].Advice)
	assert.Equal(t, 66*second, b.Environments[0].Drift.Now, "its own jitter")
	assert.Equal(t, 59.0, b.Items[0].Observed.PerHour)

	input.Controllers, input.Observed = nil, nil
	five := func(interval, becomes string) (items []tune.Item) {
		for i := range 5 {
			items = append(items, source(fmt.Sprint(i), url, interval, becomes))
		}
		return items
	}
	input.Items = five("1m", "100ms")
	assert.Equal(t, "the 2 GitRepository workers of source-controller would be 250% busy (at 500ms each, which is assumed: --observe measures it): give it --concurrent=8, or lengthen intervals",
		New(input).Workers[0].Advice)
	assert.Len(t, New(input).Overloaded(), 1)
	assert.Contains(t, New(input).Overloaded()[0], "the latencies would not be reached, since the 2 GitRepository workers of source-controller would be 250% busy")
	assert.Contains(t, New(input).Overloaded()[0], "; the flags of source-controller were not read, and its defaults are assumed")
	read := input
	read.Controllers = []flux.Controller{{Name: flux.SourceController, Concurrent: 2, Found: true}}
	assert.NotContains(t, New(read).Overloaded()[0], "were not read")
	assert.NotContains(t, New(read).Overloaded()[0], "go first", "all are changed")
	read.Items = append(five("1m", "100ms"), source("calm", url, "1m", ""))
	read.Others = []tune.Item{source("other", url, "1m", ""), source("suspended", url, "1m", "", suspended)}
	const starve = "; those that the plan changes go first, and the 2 others may not be polled any more until source-controller is restarted (Flux 2.8 and newer)"
	for version, want := range map[string]bool{"": true, "1.8.0": true, "1.9.6": true, "1.7.4": false} {
		read.Controllers[0].Version = version
		assert.Equal(t, want, strings.HasSuffix(New(read).Overloaded()[0], starve), "%s: %s", version, New(read).Overloaded()[0])
	}
	input.Items = five("100ms", "100ms")
	assert.Empty(t, New(input).Overloaded(), "the plan does not touch it")
	input.Items = five("100ms", "1m")
	assert.Empty(t, New(input).Overloaded())
	assert.Contains(t, New(input).Workers[0].Advice, "are 250% busy")
	assert.Contains(t, New(input).Workers[0].Advice, ": the plan brings that down to 2%")
}

// Controllers that watch their own namespace do not help those of another one.
func TestWorkersOfNamespaces(t *testing.T) {
	t.Parallel()
	in := Input{Items: sources("a.org", 10, 0, nil)}
	for _, namespace := range []string{"b", "c", "apps"} {
		in.Controllers = append(in.Controllers, flux.Controller{Name: flux.SourceController, Concurrent: 2, Namespace: namespace, Found: true})
	}
	b := New(in)
	assert.Len(t, b.Workers, 1)
	assert.Equal(t, []any{2, "apps"}, []any{b.Workers[0].Concurrent, b.Workers[0].Shard})
	assert.Equal(t, 2, b.Hosts[0].Polls.Connections)
}

// The interval begins when a reconcile has ended, and an object keeps at most one worker.
func TestLongReconciles(t *testing.T) {
	t.Parallel()
	const url = "https://github.com/acme/app"
	managed := func(o *flux.Object) { o.Status.Managed = 10 }
	retry := func(o *flux.Object) { o.RetryInterval = ptr("1m") }
	b := New(Input{Items: []tune.Item{
		kustomization("k", "a", "10m", "", managed, retry, failing("HealthCheckFailed", "timeout"), took(10*time.Minute, 10*time.Minute)),
	}})
	assert.InDelta(t, 3600.0/660, b.Items[0].Reconciles.Now, 1e-9)
	assert.InDelta(t, 3600.0/660*(20+9), b.APIServer.Requests.Now, 1e-9)
	assert.InDelta(t, 600.0/660*25, b.Workers[0].Busy.Now, 1e-9)
	assert.Empty(t, b.Workers[0].Advice)

	item := source("a", url, "30s", "90s")
	b = New(Input{Items: []tune.Item{item}, Observed: map[flux.Ref]flux.Observation{item.Object.Ref: {Mean: 30 * second}}})
	assert.Equal(t, Rates{60, 30}, b.Requests)
	assert.Equal(t, 1.0, b.Items[0].PerPoll())
	assert.Equal(t, 60.0, New(Input{Others: []tune.Item{item}, Observed: map[flux.Ref]flux.Observation{item.Object.Ref: {Mean: 30 * second}}}).Asks(policy.Share{Host: "github.com"}))

	release := tune.Item{Object: flux.Object{Ref: ref("HelmRelease", "r"), Interval: ptr("1m")}}
	failing("InstallFailed", "timeout")(&release.Object)
	b = New(Input{Items: []tune.Item{release}, Observed: map[flux.Ref]flux.Observation{release.Object.Ref: {Mean: 10 * time.Minute}}})
	assert.InDelta(t, 3600.0/1500, b.Items[0].Reconciles.Now, 1e-9, "back-off, too, waits after the attempt")
}

// Whatever the intervals and durations are, and however they are known, no object keeps more than one worker.
func TestNoObjectKeepsTwoWorkers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		millis := func(name string) time.Duration {
			return time.Duration(rapid.IntRange(1, 3_600_000).Draw(t, name)) * time.Millisecond
		}
		var in Input
		in.Observed = map[flux.Ref]flux.Observation{}
		for i := range rapid.IntRange(1, 5).Draw(t, "objects") {
			name := fmt.Sprint(i)
			var o tune.Item
			if rapid.Bool().Draw(t, "source") {
				o = source(name, "https://github.com/acme/app", millis("interval").String(), millis("becomes").String())
			} else {
				o = kustomization(name, "none", millis("interval").String(), millis("becomes").String())
			}
			if rapid.Bool().Draw(t, "history") {
				o.Object.Status.LastReconcile = millis("took")
			}
			if rapid.Bool().Draw(t, "observed") {
				in.Observed[o.Object.Ref] = flux.Observation{Mean: millis("mean")}
			}
			if rapid.Bool().Draw(t, "fails") {
				failing(rapid.SampledFrom([]string{"HealthCheckFailed", "GitOperationFailed", "DependencyNotReady", "NoArtifact"}).Draw(t, "reason"), "x")(&o.Object)
			}
			in.Items = append(in.Items, o)
		}
		for _, w := range New(in).Workers {
			for _, busy := range []float64{w.Busy.Now, w.Busy.Planned} {
				if most := float64(w.Objects) * 100 / float64(w.Concurrent); busy > most+1e-6 {
					t.Fatalf("%d %ss keep %d workers %g%% busy, more than %g%%", w.Objects, w.Kind, w.Concurrent, busy, most)
				}
			}
		}
	})
}

// helm-controller gives the charts that it makes the interval of their HelmRelease.
func TestGeneratedChartFollowsItsRelease(t *testing.T) {
	t.Parallel()
	chart := flux.Object{Ref: ref("HelmChart", "apps-web"), Interval: ptr("10m"), Generated: true, SourceRef: ref("HelmRepository", "oci")}
	chart.Labels = map[string]string{"helm.toolkit.fluxcd.io/name": "web", "helm.toolkit.fluxcd.io/namespace": "apps"}
	release := flux.Object{Ref: ref("HelmRelease", "web"), Interval: ptr("10m"), HasChart: true, SourceRef: ref("HelmRepository", "oci")}
	repository := item(flux.Object{Ref: ref("HelmRepository", "oci"), OCI: true, Remote: flux.Remote{URL: "oci://ghcr.io/charts"}}, "")
	b := New(Input{Items: []tune.Item{{Object: chart}, item(release, "5m"), repository}})
	assert.Equal(t, Rates{Now: 18, Planned: 36}, b.Requests)
	assert.Equal(t, []flux.Ref{release.Ref}, b.Items[0].Follows)

	// A choice of releases does not have their charts in it, which follow all the same, and one without releases leaves charts as they are.
	chosen := New(Input{Items: []tune.Item{item(release, "5m")}, Others: []tune.Item{{Object: chart}, repository}})
	require.Len(t, chosen.Hosts, 1)
	assert.Equal(t, 36.0, chosen.Asks(policy.Share{Host: "ghcr.io"}))
	other := New(Input{Items: []tune.Item{repository}, Others: []tune.Item{{Object: chart}, item(release, "5m")}})
	assert.Equal(t, 18.0, other.Asks(policy.Share{Host: "ghcr.io"}))
	assert.Equal(t, []any{"HelmChart", 0}, []any{b.Workers[0].Kind, b.Workers[0].Behind}, "it changes with it")
}
