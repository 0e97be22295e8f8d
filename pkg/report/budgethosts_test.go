package report

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
)

// Whatever hosts there are, an overview shows each that is above its limit, or counts it among those that it does not show; and none
// without a limit before one that has one.
func TestOverviewShowsHostsAboveTheirLimits(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		b := Budget{}
		above, limited := 0, 0
		for i := range rapid.IntRange(0, 9).Draw(rt, "hosts") {
			h := BudgetHost{Host: fmt.Sprintf("host%d.example.com", i), Sources: 1, Requests: budget.Rates{Now: float64(1000 - i), Planned: float64(1000 - i)}}
			if rapid.Bool().Draw(rt, "limit") {
				limited++
				used := budget.Rates{Now: float64(rapid.IntRange(0, 200).Draw(rt, "now")), Planned: float64(rapid.IntRange(0, 200).Draw(rt, "planned"))}
				h.Limit, h.UsedPercent = &BudgetLimit{PerHour: 1000}, &used
				if max(used.Now, used.Planned) > 100 {
					above++
				}
			}
			b.Hosts = append(b.Hosts, h)
		}
		l := Layout{Width: 80, Height: 24}
		var drawn bytes.Buffer
		require.NoError(rt, b.hostOverview(fewHosts, l).Draw(&drawn, l))
		shown, over, bare, hidden := 0, 0, 0, 0
		for _, h := range b.Hosts {
			if !strings.Contains(drawn.String(), h.Host) {
				continue
			}
			shown++
			switch {
			case h.Limit == nil:
				bare++
			case max(h.UsedPercent.Now, h.UsedPercent.Planned) > 100:
				over++
			}
		}
		if at := strings.Index(drawn.String(), " more, "); at >= 0 {
			_, err := fmt.Sscanf(drawn.String()[at:], " more, %d over", &hidden)
			require.NoError(rt, err)
		}
		assert.Equal(rt, above, over+hidden, drawn.String())
		assert.Equal(rt, min(limited, shown), shown-bare, drawn.String())
	})
}

// What a row says of the requests and what it says of the limit add up: what is not shown stands beside them.
func TestHostsAddUp(t *testing.T) {
	t.Parallel()
	used := budget.Rates{Now: 61, Planned: 59}
	b := Budget{Hosts: []BudgetHost{{Host: "github.com", Sources: 17, Requests: budget.Rates{Now: 204, Planned: 105}, Others: 2846, Limit: &BudgetLimit{PerHour: 5000}, UsedPercent: &used}}}
	for _, l := range []Layout{{}, {Width: 80, Height: 24}} {
		for _, table := range []Table{b.HostTable(), b.hostOverview(fewHosts, l)} {
			var drawn bytes.Buffer
			require.NoError(t, table.Draw(&drawn, l))
			assert.Regexp(t, `NOT SHOWN(.*\n)+.*204 -> 105 .*2,846`, drawn.String())
		}
	}
	b.Hosts[0].Others = 0
	var drawn bytes.Buffer
	require.NoError(t, b.HostTable().Draw(&drawn, Layout{Width: 120}))
	assert.NotContains(t, drawn.String(), "NOT SHOWN")
}

// Which cluster asks a host is said of those hosts first that get more than their limits, as in the table above.
func TestClustersOfHostsAboveTheirLimitsComeFirst(t *testing.T) {
	t.Parallel()
	host := func(name string, perHour, percent float64) BudgetHost {
		h := BudgetHost{Host: name, Sources: 4, Requests: budget.Rates{Now: perHour, Planned: perHour}}
		for _, c := range []string{"a", "b"} {
			h.Clusters = append(h.Clusters, BudgetCluster{Cluster: c, Requests: budget.Rates{Now: perHour / 2, Planned: perHour / 2}})
		}
		if percent > 0 {
			h.Limit, h.UsedPercent = &BudgetLimit{PerHour: 100 * perHour / percent}, &budget.Rates{Now: percent, Planned: percent}
		}
		return h
	}
	b := Budget{Hosts: []BudgetHost{host("github.com", 800, 16), host("ghcr.io", 400, 0), host("gitea.example.com", 90, 180), host("gitlab.example.com", 60, 102)}}
	lines := b.clusters(Layout{Width: 80, Height: 24})
	require.Len(t, lines, 2)
	assert.Contains(t, lines[0], "gitea.example.com: a 45/h")
	assert.Contains(t, lines[1], "gitlab.example.com: a 30/h")
}
