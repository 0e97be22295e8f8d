package budget

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// sources are so many of a host, of which metrics say that a poll takes so long.
func sources(host string, n int, took time.Duration, observed map[flux.Ref]flux.Observation, more ...func(*flux.Object)) []tune.Item {
	var items []tune.Item
	for i := range n {
		s := source(fmt.Sprintf("%s-%d", host, i), fmt.Sprintf("https://%s/acme/%d", host, i), "5m", "", more...)
		if took > 0 {
			observed[s.Object.Ref] = flux.Observation{Mean: took}
		}
		items = append(items, s)
	}
	return items
}

func TestBursts(t *testing.T) {
	t.Parallel()
	observed := map[flux.Ref]flux.Observation{}
	in := Input{
		Items:       append(sources("a.org", 30, 100*time.Millisecond, observed), sources("b.org", 10, 300*time.Millisecond, observed)...),
		Observed:    observed,
		Controllers: []flux.Controller{{Name: flux.SourceController, Concurrent: 4, Found: true}},
	}
	b := New(in)
	require.Len(t, b.Hosts, 2)
	// 30 x 0.1s and 10 x 0.3s are 6s of work, for four workers 1.5s.
	assert.Equal(t, Burst{Requests: 30, PerSecond: 20, Connections: 4, Lasts: 1500 * time.Millisecond}, b.Hosts[0].Polls)
	assert.InDelta(t, 10/1.5, b.Hosts[1].Polls.PerSecond, 1e-9)
	// A fetch takes a second at least: 40s of work, and asks twice: without an artifact refs are not listed before.
	assert.Equal(t, Burst{Requests: 60, PerSecond: 6, Connections: 4, Lasts: 10 * time.Second}, b.Hosts[0].Fetches)

	together := Together([]Budget{b, b}, nil, nil)
	assert.Equal(t, Burst{Requests: 60, PerSecond: 40, Connections: 8, Lasts: 1500 * time.Millisecond}, together.Hosts[0].Polls, "each cluster has workers of its own")

	suspended := New(Input{Items: sources("a.org", 3, 0, nil, func(o *flux.Object) { o.Suspended = true })})
	assert.Empty(t, suspended.bursts)
}

// What a new pod of source-controller asks, as counted at the hosts (hack/e2e, TestFirstFetches).
func TestFetches(t *testing.T) {
	t.Parallel()
	charts := func(name string, oci bool) tune.Item {
		return item(flux.Object{Ref: ref("HelmRepository", name), Interval: ptr("10m"), OCI: oci, Remote: flux.Remote{URL: map[bool]string{true: "oci://ghcr.io/charts", false: "https://charts.org"}[oci]}}, "")
	}
	chart := func(from, version string) tune.Item {
		return item(flux.Object{Ref: ref("HelmChart", "c"), Interval: ptr("10m"), SourceRef: ref("HelmRepository", from), Polling: flux.Polling{Version: version}}, "")
	}
	oci := func(kind flux.RefKind) tune.Item {
		return item(flux.Object{Ref: ref("OCIRepository", "o"), Interval: ptr("10m"), Remote: flux.Remote{URL: "oci://ghcr.io/app", Ref: flux.RemoteRef{Kind: kind}}}, "")
	}
	bucket := func(provider string) tune.Item {
		return item(flux.Object{Ref: ref("Bucket", "b"), Interval: ptr("10m"), Remote: flux.Remote{URL: "s3.org", Provider: provider}}, "")
	}
	others := []tune.Item{charts("oci", true), charts("http", false), source("git", "https://git.org/a", "1m", "")}
	fromGit := chart("git", "*")
	fromGit.Object.SourceRef = ref("GitRepository", "git")
	for name, tc := range map[string]struct {
		item    tune.Item
		host    string
		polled  bool
		want    float64
		atLeast bool
	}{
		"tag":                        {oci(flux.RefTag), "ghcr.io", true, 7, false},
		"semver":                     {oci(flux.RefSemver), "ghcr.io", true, 10, true},
		"digest":                     {oci(flux.RefDigest), "ghcr.io", false, 4, false},
		"chart of a registry":        {chart("oci", "*"), "ghcr.io", true, 12, true},
		"exact chart of a registry":  {chart("oci", "1.2.3"), "ghcr.io", false, 9, false},
		"chart of an index":          {chart("http", "1.2.3"), "charts.org", false, 1, false},
		"chart of a GitRepository":   {fromGit, "git.org", false, 0, false},
		"index":                      {charts("http", false), "charts.org", true, 1, false},
		"HelmRepository of type oci": {charts("oci", true), "ghcr.io", false, 0, false},
		"Bucket of S3":               {bucket("aws"), "s3.org", true, 7, true},
		"Bucket of Google":           {bucket("gcp"), "s3.org", true, 5, true},
		"Bucket of Azure":            {bucket("azure"), "s3.org", true, 4, true},
		"semver of a GitRepository":  {source("s", "https://git.org/a", "1m", "", func(o *flux.Object) { o.Remote.Ref.Kind = flux.RefSemver }), "git.org", true, 2, false},
		"submodules of a branch":     {source("s", "https://git.org/a", "1m", "", func(o *flux.Object) { o.Polling.Submodules = true }), "git.org", true, 4, true},
	} {
		b := New(Input{Items: []tune.Item{tc.item}, Others: others})
		got := b.Fetched[tc.host]
		if tc.polled {
			require.NotEmpty(t, b.Hosts, name)
			got = b.Hosts[0].Fetches
			assert.Empty(t, b.Fetched, name)
		} else {
			assert.Empty(t, b.Hosts, name)
		}
		assert.Equal(t, []any{tc.want, tc.atLeast}, []any{got.Requests, got.AtLeast}, name)
	}
}

// Image scans are no fetches of source-controller, and a restart of a container scans nothing.
func TestScansAreABurstOfTheirOwn(t *testing.T) {
	t.Parallel()
	items := []tune.Item{item(flux.Object{Ref: ref("OCIRepository", "o"), Interval: ptr("10m"), Remote: flux.Remote{URL: "oci://ghcr.io/app", Ref: flux.RemoteRef{Kind: flux.RefTag}}}, "")}
	for i := range 200 {
		items = append(items, item(flux.Object{Ref: ref("ImageRepository", fmt.Sprint(i)), Interval: ptr("10m"), Remote: flux.Remote{URL: "ghcr.io/app"}}, ""))
	}
	for _, b := range []Budget{New(Input{Items: items}), Together([]Budget{New(Input{Items: items})}, nil, nil)} {
		require.Len(t, b.Hosts, 1)
		h := b.Hosts[0]
		assert.Equal(t, []float64{3, 7, 600}, []float64{h.Polls.Requests, h.Fetches.Requests, h.Scans.Requests})
		assert.Equal(t, []int{1, 1, 4}, []int{h.Polls.Connections, h.Fetches.Connections, h.Scans.Connections})
	}
	assert.Empty(t, New(Input{Items: items[1:]}).Hosts[0].Fetches)
}

func TestBytes(t *testing.T) {
	t.Parallel()
	sized := func(kind flux.RefKind) func(*flux.Object) {
		return func(o *flux.Object) { o.Remote.Ref.Kind, o.Status.ArtifactSize = kind, 2_000_000 }
	}
	for kind, want := range map[flux.RefKind]float64{
		flux.RefBranch: 0, flux.RefTag: 0, flux.RefSemver: 12 * 2_000_000, flux.RefCommit: 12 * 2_000_000,
	} {
		b := New(Input{Items: sources("a.org", 1, 0, nil, sized(kind))})
		assert.Equal(t, steady(want), b.Hosts[0].Bytes, kind)
	}
	// An automation clones what its source polls; what has no artifact yet is as large as the same elsewhere, in another
	// cluster, too; what nobody knows is told.
	semver := sources("a.org", 1, 0, nil, sized(flux.RefSemver))
	bare := sources("a.org", 1, 0, nil, func(o *flux.Object) { o.Remote.Ref.Kind, o.Namespace = flux.RefSemver, "other" })
	push := item(flux.Object{Ref: ref("ImageUpdateAutomation", "i"), Interval: ptr("5m"), SourceRef: semver[0].Object.Ref, Polling: flux.Polling{Push: flux.Push{Branch: "auto"}}}, "")
	for name, b := range map[string]Budget{
		"an automation":           New(Input{Items: []tune.Item{push}, Others: semver}),
		"the same without":        Together([]Budget{New(Input{Items: bare}), New(Input{Items: sources("a.org", 1, 0, nil, sized(flux.RefBranch))})}, nil, nil),
		"the same elsewhere":      Together([]Budget{New(Input{Items: bare}), New(Input{Items: semver})}, nil, nil),
		"both, and an automation": New(Input{Items: append(append(semver, bare...), push)}),
	} {
		want := map[string]float64{"an automation": 24e6, "the same without": 0, "the same elsewhere": 48e6, "both, and an automation": 72e6}[name]
		assert.Equal(t, steady(want), b.Hosts[0].Bytes, name)
		assert.Equal(t, want == 0, b.Cloning().Unsized == 1, name)
		assert.Equal(t, steady(want), b.Cloning().Bytes, name)
	}
	index := item(flux.Object{Ref: ref("HelmRepository", "h"), Interval: ptr("10m"), Remote: flux.Remote{URL: "https://charts.org"}, Status: flux.Status{ArtifactSize: 1000}}, "")
	helm := New(Input{Items: []tune.Item{index}})
	assert.Equal(t, steady(6000), helm.Hosts[0].Bytes)
	assert.Zero(t, helm.Cloning(), "an index file is no clone")
	index.Object.Status.ArtifactSize = 0
	assert.Zero(t, New(Input{Items: []tune.Item{index}}).Cloning())
}
