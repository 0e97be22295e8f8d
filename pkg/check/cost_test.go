package check

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
)

// The limit of a name is one for all its ports, unless a port has its own: as in a budget.
func TestPortsShareTheLimitOfTheirName(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		limits budget.Limits
		want   map[string]float64
	}{
		"of the name": {budget.Limits{"git.example.com": {PerHour: 100}}, map[string]float64{"git.example.com": 120, "git.example.com:7999": 120}},
		"of a port":   {budget.Limits{"git.example.com": {PerHour: 100}, "git.example.com:7999": {PerHour: 120}}, map[string]float64{"git.example.com": 60, "git.example.com:7999": 50}},
	} {
		host := func(name string) budget.Host {
			limit, _ := tc.limits.Of(name)
			return budget.Host{Name: name, Limit: &limit, Requests: budget.Rates{Now: 60, Planned: 60}}
		}
		b := budget.Budget{Hosts: []budget.Host{host("git.example.com"), host("git.example.com:7999")}}
		var c Check
		c.count([]pairing{{budget: Delta[budget.Budget]{Before: b, After: b}}}, tc.limits)
		got := map[string]float64{}
		for _, h := range c.Hosts {
			assert.Equal(t, h.Used.Before, h.Used.After, name)
			got[h.Host] = h.Used.After
		}
		assert.Equal(t, tc.want, got, name)
	}
}
