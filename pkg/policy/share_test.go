package policy

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWithFit(t *testing.T) {
	t.Parallel()
	p := Policy{Name: "own"}
	for _, expr := range []string{"github.com=60%", "GitHub.com/flux-bot=20%", "a.org=1.25%", "GITHUB.com=50%", "registry-1.docker.io=10%"} {
		share, err := ParseShare(expr)
		require.NoError(t, err)
		p = p.WithFit(share)
	}
	assert.Equal(t, []Share{{"a.org", "", 1.25}, {"docker.io", "", 10}, {"github.com", "", 50}, {"github.com", "flux-bot", 20}}, p.Fit)
	assert.Equal(t, "own with fit github.com=60%, fit github.com/flux-bot=20%, fit a.org=1.25%, fit github.com=50%, fit docker.io=10%", p.Title())
}

// Of two shares of one host, or of one credential of it, one would be forgotten: they are refused, however the host is written.
func TestParseSharesOfOneHost(t *testing.T) {
	t.Parallel()
	got, err := ParseShares([]string{"github.com=60%", "github.com/bot=20%", "github.com/other=20%"})
	require.NoError(t, err)
	assert.Equal(t, []Share{{"github.com", "", 60}, {"github.com", "bot", 20}, {"github.com", "other", 20}}, got)
	for _, second := range []string{"github.com=20%", "github.com=60%", "GITHUB.com=20%", "github.com:443=20%", "ssh.github.com=20%"} {
		_, err := ParseShares([]string{"github.com=60%", "github.com/bot=20%", second})
		require.EqualError(t, err, `"github.com=60%" and "`+second+`" are both of github.com: give one of them`)
	}
	_, err = ParseShares([]string{"bücher.example/bot=1%", "XN--bcher-kva.example./bot=2%"})
	require.EqualError(t, err, `"bücher.example/bot=1%" and "XN--bcher-kva.example./bot=2%" are both of xn--bcher-kva.example/bot: give one of them`)
	_, err = ParseShares([]string{"ssh.github.com/bot=1%", "github.com/bot=2%"})
	require.EqualError(t, err, `"ssh.github.com/bot=1%" and "github.com/bot=2%" are both of github.com/bot: give one of them`)
}

func TestParseShareRefuses(t *testing.T) {
	t.Parallel()
	for expr, want := range map[string]string{
		"github.com":             `"github.com" has no share: write it like github.com=60%`,
		"github.com=60":          `"60" is not a share of a limit: write it like 60%, more than 0% and at most 100%`,
		"github.com=0%":          `"0%" is not a share of a limit: write it like 60%, more than 0% and at most 100%`,
		"github.com=101%":        `"101%" is not a share of a limit: write it like 60%, more than 0% and at most 100%`,
		"github.com=0.000%":      `"0.000%" is not a share of a limit: write it like 60%, more than 0% and at most 100%`,
		"https://github.com=60%": `"https://github.com" is not a host, or a credential of one: write it like github.com, git.example.com:8443 or github.com/SECRET`,
		"github.com/a b=60%":     `"github.com/a b" is not a host, or a credential of one: write it like github.com, git.example.com:8443 or github.com/SECRET`,
	} {
		_, err := ParseShare(expr)
		require.EqualError(t, err, want)
	}
}
