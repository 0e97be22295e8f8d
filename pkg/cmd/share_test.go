package cmd

import (
	"fmt"
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/alerts"
	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/fit"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// What counts to a share is the same for a fit, for the budget, for alarms, and for what is said after an apply: whoever
// has the credential as a Secret or as a provider, at the host by whatever port, or at one port.
func TestCountsToAShare(t *testing.T) {
	t.Parallel()
	every := "5m" // 12 requests an hour
	source := func(name, url, secret, provider string) tune.Item {
		return tune.Item{Object: flux.Object{
			Ref: flux.Ref{Group: "source.toolkit.fluxcd.io", Kind: "GitRepository", Namespace: "apps", Name: name}, Version: "v1", Interval: &every,
			Remote: flux.Remote{URL: url, Secret: secret, Provider: provider, Ref: flux.RemoteRef{Kind: flux.RefBranch, Value: "main"}},
		}}
	}
	items := []tune.Item{
		source("a", "https://git.example.com/a", "bot", ""), source("b", "https://git.example.com/b", "app", "github"), source("c", "https://git.example.com/c", "", ""),
		source("d", "ssh://git@git.example.com:7999/d", "bot", ""), source("e", "https://git.example.com:8443/e", "", "azure"), source("f", "https://elsewhere.example.com/f", "bot", ""),
	}
	limits := budget.NewLimits([]policy.Limit{{Host: "git.example.com", PerHour: 600}}, nil)
	for text, want := range map[string]float64{
		"git.example.com=1%": 60, "git.example.com:7999=1%": 12, "git.example.com:8443=1%": 12, "git.example.com/bot=1%": 24, "git.example.com/app=1%": 12,
		"git.example.com/github=1%": 12, "git.example.com/azure=1%": 12, "git.example.com:7999/bot=1%": 12,
	} {
		share, err := policy.ParseShare(text)
		require.NoError(t, err)
		for n := range len(items) + 1 { // all are asked for, some, or none
			b := budget.New(budget.Input{Items: items[:n], Others: items[n:], Limits: limits})
			assert.Equal(t, want, b.Asks(share), "%s: budget, %d others", share, len(items)-n)
			use := fit.ShareUse{Share: share, Limit: 600, Allowed: 6}
			said := (&together{budgets: []budget.Budget{b}, limits: limits, wrote: true}).exceeded(&fit.Fitting{Shares: []fit.ShareUse{use}})
			require.Len(t, said, 1, text)
			assert.Contains(t, said[0], fmt.Sprintf("%s gets %.0f requests/h, which are %.0f%% of its limit", share, want, want/6), "apply, %d others", len(items)-n)
		}
		b := budget.New(budget.Input{Items: items, Limits: limits})
		if share.Credential == "" {
			i := slices.IndexFunc(b.Hosts, func(h budget.Host) bool { return h.Name == share.Host })
			assert.Equal(t, 10.0, b.Hosts[i].Used.Now, "%s: all ports share the limit of the name", share)
		}
		share.Percent = 50
		fitting, err := fit.New(fit.Input{Clusters: []fit.Cluster{{Budget: b}}, Shares: []policy.Share{share}, Limits: limits})
		require.NoError(t, err)
		assert.Equal(t, want, fitting.Shares[0].Fixed, "%s: fit", share)

		made := alerts.New(alerts.Input{Items: b.Items, Limits: limits, Shares: []policy.Share{share}, Above: 80, Where: "-A"})
		var counted []string
		for _, rule := range made.Rules.Groups[0].Rules {
			if rule.Labels["host"] == share.Host && rule.Labels["credential"] == share.Credential {
				for _, item := range items {
					if isAbout(rule.Expr, item.Object.Name) {
						counted = append(counted, item.Object.Name)
					}
				}
			}
		}
		assert.Len(t, counted, int(want/12), "%s: alerts count %v", share, counted)
	}
}

// isAbout tells whether an expression is about an object of a name.
func isAbout(expr, name string) bool {
	return regexp.MustCompile(`name=~?"(\w\|)*` + name + `(\|\w)*"`).MatchString(expr)
}

// The requests that --fail-above names are those that the percentage is of.
func TestFailAboveCountsAll(t *testing.T) {
	t.Parallel()
	every := "5m"
	source := func(name string) tune.Item {
		return tune.Item{Object: flux.Object{
			Ref: flux.Ref{Group: "source.toolkit.fluxcd.io", Kind: "GitRepository", Namespace: "apps", Name: name}, Version: "v1", Interval: &every,
			Remote: flux.Remote{URL: "https://git.example.com/" + name},
		}}
	}
	b := budget.New(budget.Input{
		Items: []tune.Item{source("a")}, Others: []tune.Item{source("b"), source("c")}, Limits: budget.NewLimits([]policy.Limit{{Host: "git.example.com", PerHour: 60}}, nil),
	})
	require.EqualError(t, BudgetOptions{FailAbove: 50}.judge(b), "git.example.com gets 36 requests/h (24/h of them by what is not shown), 60% of its limit of 60/h: more than --fail-above 50%")
}
