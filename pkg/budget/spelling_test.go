package budget_test

import (
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
	"github.com/fluxtune/kubectl-fluxtune/pkg/webhook"
)

// What is said of a host in one spelling is said of what polls it in any other: limits and shares of flags and of policies, and types.
func TestSpellingsOfAHost(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		host := rapid.SampledFrom([][]string{
			{"git.example.com"}, {"git_server"}, {"10.0.0.1"}, {"bücher.example", "xn--bcher-kva.example", "bücher。example"},
			{"git.日本語.example", "git.xn--wgv71a119e.example"}, {"fd00::1", "fd00:0::1", "fd00:0:0:0:0:0:0:1"}, {"::ffff:10.0.0.1", "::ffff:a00:1"},
		}).Draw(t, "host")
		port := rapid.SampledFrom([]string{"", ":8443", ":08443"}).Draw(t, "port")
		url := "https://" + spelling(t, host, true) + port + "/acme/app"
		said := spelling(t, host, false)
		if !strings.Contains(said, ":") || strings.HasSuffix(said, "]") { // an address without brackets takes no port
			said += rapid.SampledFrom([]string{"", port}).Draw(t, "port that is said")
		}
		at := flux.ParseAddress(url, false)

		limits, err := policy.ParseLimits([]string{said + "=100/h"})
		require.NoError(t, err)
		share, err := policy.ParseShare(said + "/bot=50%")
		require.NoError(t, err)
		types, err := webhook.ParseHostTypes([]string{said + "=gitea"})
		require.NoError(t, err)
		p, err := policy.Parse("own.yaml", []byte("apiVersion: fluxtune.github.io/v1alpha1\nkind: TuningPolicy\nmetadata:\n  name: own\nspec:\n"+
			"  environments:\n  - name: production\n  limits:\n    \""+said+"\": 100/h\n  fit:\n    \""+said+"/bot\": 50%\n"))
		require.NoError(t, err)
		require.Equal(t, limits, p.Limits)
		require.Equal(t, []policy.Share{share}, p.Fit)

		known := budget.NewLimits(nil, limits)
		limit, ok := known.Of(at.Host)
		require.True(t, ok, "a limit of %s is none of %s", said, url)
		require.InDelta(t, 100, limit.PerHour, 0)
		require.Empty(t, known.Unmatched([]string{at.Host}))
		require.True(t, known.Counts(budget.Asker{Host: at.Host, Secret: "bot"}, share), "a share of %s is none of %s", said, url)
		source := flux.Object{Ref: flux.Ref{Group: "source.toolkit.fluxcd.io", Kind: "GitRepository", Namespace: "apps", Name: "a"}, Remote: flux.Remote{URL: url}}
		require.Equal(t, webhook.Gitea, webhook.New(webhook.Input{Objects: []flux.Object{source}, HostTypes: types}).Sources[0].HostType, "a type of %s is none of %s", said, url)
	})
}

// spelling writes a host in one of the ways that there are; an address of IPv6 in brackets if it has to be.
func spelling(t *rapid.T, names []string, brackets bool) string {
	name := strings.Map(func(r rune) rune {
		if rapid.Bool().Draw(t, "upper") {
			return unicode.ToUpper(r)
		}
		return r
	}, rapid.SampledFrom(names).Draw(t, "name"))
	switch {
	case strings.Contains(name, ":"):
		if brackets || rapid.Bool().Draw(t, "brackets") {
			name = "[" + name + "]"
		}
	case rapid.Bool().Draw(t, "dot"):
		name += "."
	}
	return name
}
