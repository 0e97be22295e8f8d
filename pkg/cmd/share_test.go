package cmd

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/alerts"
	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/fit"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
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
	of := func(hosts ...string) (limits []policy.Limit) {
		for _, host := range hosts {
			limits = append(limits, policy.Limit{Host: host, PerHour: 600})
		}
		return limits
	}
	for text, want := range map[string]float64{
		"git.example.com=1%": 60, "git.example.com:7999=1%": 12, "git.example.com:8443=1%": 12, "git.example.com/bot=1%": 24, "git.example.com/app=1%": 12,
		"git.example.com/github=1%": 12, "git.example.com/azure=1%": 12, "git.example.com:7999/bot=1%": 12,
	} {
		countsToShare(t, items, budget.NewLimits(of("git.example.com"), nil), text, want)
	}
	for text, want := range map[string]float64{ // one port has a limit of its own: it is apart
		"git.example.com=1%": 48, "git.example.com:7999=1%": 12, "git.example.com:8443=1%": 12, "git.example.com/bot=1%": 12, "git.example.com:7999/bot=1%": 12,
	} {
		countsToShare(t, items, budget.NewLimits(of("git.example.com", "git.example.com:7999"), nil), text, want)
	}
}

// An IPv6 address shares its limit with its ports, as a name does.
func TestPortsOfAnIPv6Host(t *testing.T) {
	t.Parallel()
	limits := budget.NewLimits([]policy.Limit{{Host: "[2001:db8::1]", PerHour: 600}}, nil)
	for _, host := range []string{"[2001:db8::1]", "[2001:db8::1]:7999"} {
		key, limited := limits.Key(host)
		assert.True(t, limited, host)
		assert.Equal(t, "[2001:db8::1]", key)
		assert.True(t, limits.Counts(budget.Asker{Host: host}, policy.Share{Host: "[2001:db8::1]"}), host)
	}
}

func countsToShare(t *testing.T, items []tune.Item, limits budget.Limits, text string, want float64) {
	t.Helper()
	share, err := policy.ParseShare(text)
	require.NoError(t, err)
	for n := range len(items) + 1 { // all are asked for, some, or none
		b := budget.New(budget.Input{Items: items[:n], Others: items[n:], Limits: limits})
		assert.Equal(t, want, b.Asks(share), "%s: budget, %d others", share, len(items)-n)
		use := fit.ShareUse{Share: share, Limit: 600, Allowed: 6}
		said := (&together{budgets: []budget.Budget{b}, limits: limits, wrote: true}).exceeded(&fit.Fitting{Shares: []fit.ShareUse{use}})
		require.Len(t, said, 1, text)
		assert.Contains(t, said[0], fmt.Sprintf("%s gets %s requests/h, which are %.0f%% of its limit", share, report.Rate(want), want/6), "apply, %d others", len(items)-n)
	}
	b := budget.New(budget.Input{Items: items, Limits: limits})
	if share.Credential == "" {
		i := slices.IndexFunc(b.Hosts, func(h budget.Host) bool { return h.Name == share.Host })
		key, _ := limits.Key(share.Host)
		whole := b.Asks(policy.Share{Host: key})
		assert.Equal(t, whole/6, b.Hosts[i].Used.Now, "%s: all ports share the limit of the name, but those with their own", share)
	}
	share.Percent = 50
	fitting, err := fit.New(fit.Input{Clusters: []fit.Cluster{{Budget: b}}, Shares: []policy.Share{share}, Limits: limits})
	require.NoError(t, err)
	assert.Equal(t, want, fitting.Shares[0].Fixed, "%s: fit", share)

	made := alerts.New(alerts.Input{Items: b.Items, Limits: limits, Shares: []policy.Share{share}, Above: 80})
	var counted []string
	whole := map[string]bool{} // limits about which there is an alarm
	for _, rule := range made.Rules.Groups[0].Rules {
		if rule.Record != "" && rule.Labels["credential"] == "" && rule.Labels["host"] != "" {
			whole[rule.Labels["host"]] = true
		}
		if rule.Labels["host"] == share.Host && rule.Labels["credential"] == share.Credential {
			for _, item := range items {
				if isAbout(rule.Expr, item.Object.Name) {
					counted = append(counted, item.Object.Name)
				}
			}
		}
	}
	assert.Len(t, counted, int(want/12), "%s: alerts count %v", share, counted)
	for _, item := range b.Items {
		if key, limited := limits.Key(item.Address.Host); limited {
			assert.True(t, whole[key] || whole[item.Address.Host], "%s: no alarm about the limit of %s", share, key)
		}
	}
}

// The commands of a runbook have the policy and the limits that made the alarm, as these were written: so they come to its
// numbers.
func TestRunbooksComeToTheNumbersOfTheAlarm(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "fleet.yaml")
	require.NoError(t, os.WriteFile(file, []byte(`apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: a, namespace: apps}
spec: {interval: 5m, url: "https://git.example.com/a", ref: {branch: main}}
`), 0o600))
	for _, given := range []string{"--limit git.example.com=20000/m", "--limit git.example.com=5000/d", "--limit git.example.com=999999999/s", "--policy " + fittingPolicy(t, 60, 300) + " --default-env development --limit git.example.com=700/h --limit github.com=9/h"} {
		o := invocation{}.run(t.Context(), append([]string{"alerts", "-f", file, "-o", "rules"}, words(given)...)...)
		require.Zero(t, o.code, o.stderr)
		found := regexp.MustCompile(`kubectl fluxtune (budget .*?) --rows names who asks most: `).FindStringSubmatch(strings.Join(strings.Fields(o.stdout), " "))
		require.NotNil(t, found, o.stdout)
		assert.Equal(t, "budget -A "+given, found[1])
		assert.NotRegexp(t, `\de\+\d`, o.stdout)
		again := strings.Replace(found[1], "-A", "-f "+file, 1)
		asked := decode[report.Budget](t, invocation{}.must(t, append(words(again), "-o", "json", "--default-env", "development")...))
		require.Len(t, asked.Hosts, 1)
		limits, err := parseLimits([]string{regexp.MustCompile(`git.example.com=\S+/\w`).FindString(given)})
		require.NoError(t, err)
		assert.InDelta(t, limits[0].PerHour, asked.Hosts[0].Limit.PerHour, 0.01)
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
	of := func(limit float64) budget.Budget {
		return budget.New(budget.Input{
			Items: []tune.Item{source("a")}, Others: []tune.Item{source("b"), source("c")}, Limits: budget.NewLimits([]policy.Limit{{Host: "git.example.com", PerHour: limit}}, nil),
		})
	}
	require.EqualError(t, BudgetOptions{FailAbove: 50}.judge(of(60)), "git.example.com gets 36 requests/h (24/h of them by what is not shown), 60% of its limit of 60/h: more than --fail-above 50%")
	require.ErrorContains(t, BudgetOptions{FailAbove: 61}.judge(of(59)), " 61.02% of its limit of 59/h: more than --fail-above 61%")
}
