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
	// A fetch takes a second at least: 40s of work, and asks three times.
	assert.Equal(t, Burst{Requests: 90, PerSecond: 9, Connections: 4, Lasts: 10 * time.Second}, b.Hosts[0].Fetches)

	together := Together([]Budget{b, b}, nil, nil)
	assert.Equal(t, Burst{Requests: 60, PerSecond: 40, Connections: 8, Lasts: 1500 * time.Millisecond}, together.Hosts[0].Polls, "each cluster has workers of its own")

	suspended := New(Input{Items: sources("a.org", 3, 0, nil, func(o *flux.Object) { o.Suspended = true })})
	assert.Empty(t, suspended.bursts)
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
	index := item(flux.Object{Ref: ref("HelmRepository", "h"), Interval: ptr("10m"), Remote: flux.Remote{URL: "https://charts.org"}, Status: flux.Status{ArtifactSize: 1000}}, "")
	assert.Equal(t, steady(6000), New(Input{Items: []tune.Item{index}}).Hosts[0].Bytes)
}
