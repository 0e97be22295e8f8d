package policy

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Of two rates for one host one would be forgotten: they are refused, however the host is written.
func TestParseLimitsOfOneHost(t *testing.T) {
	t.Parallel()
	got, err := ParseLimits([]string{"github.com=1/h", "github.com:8443=2/h", "git.example.com=3/h"})
	require.NoError(t, err)
	assert.Equal(t, []Limit{{"github.com", 1, false}, {"github.com:8443", 2, false}, {"git.example.com", 3, false}}, got)
	for _, second := range []string{"github.com=6000/h", "github.com=200/h", "GITHUB.com=6000/h", "github.com:443=none", "ssh.github.com=6000/h"} {
		for _, texts := range [][]string{{"github.com=200/h", "a.org=1/h", second}, {second, "github.com=200/h"}} {
			_, err := ParseLimits(texts)
			require.EqualError(t, err, `"`+texts[0]+`" and "`+texts[len(texts)-1]+`" are both of github.com: give one of them`)
		}
	}
}

func TestParseLimit(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Limit{
		"github.com=5000/h":            {"github.com", 5000, false},
		"GitHub.com=15/s":              {"github.com", 54000, false},
		"git.example.com:8443=240/d":   {"git.example.com:8443", 10, false},
		"[2001:db8::1]:8443=1/m":       {"[2001:db8::1]:8443", 60, false},
		"github.com=none":              {"github.com", 0, false},
		"github.com=999999999/s":       {"github.com", 3599999996400, false},
		"registry-1.docker.io=100/h":   {"docker.io", 100, false},
		"index.docker.io=100/h":        {"docker.io", 100, false},
		"localhost=1/h":                {"localhost", 1, false},
		"registry.internal:5000=100/m": {"registry.internal:5000", 6000, false},
		"bücher.example=1/h":           {"xn--bcher-kva.example", 1, false},
		"Bücher.example.:8443=1/h":     {"xn--bcher-kva.example:8443", 1, false},
		"github.com.=1/h":              {"github.com", 1, false},
		"git_server:3000=1/h":          {"git_server:3000", 1, false},
		"2001:DB8::1=1/h":              {"[2001:db8::1]", 1, false},
	} {
		got, err := ParseLimit(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	for text, want := range map[string]string{
		"github.com":               `"github.com" has no rate: write it like github.com=5000/h`,
		"github.com=":              `"" is not a rate: write it like 5000/h (requests per s, m, h or d), or none`,
		"github.com=-1/h":          `"-1/h" is not a rate: write it like 5000/h (requests per s, m, h or d), or none`,
		"github.com=1.5/h":         `"1.5/h" is not a rate: write it like 5000/h (requests per s, m, h or d), or none`,
		"github.com=5000/w":        `"5000/w" is not a rate: write it like 5000/h (requests per s, m, h or d), or none`,
		"https://github.com=1/h":   `"https://github.com" is not a host: write it like github.com or git.example.com:8443`,
		".=1/h":                    `"." is not a host: write it like github.com or git.example.com:8443`,
		"git@github.com=1/h":       `"git@github.com" is not a host: write it like github.com or git.example.com:8443`,
		"fd00:1:8443=1/h":          `"fd00:1:8443" is not a host: write it like github.com or git.example.com:8443`,
		"bü cher.example=1/h":      `"bü cher.example" is not a host: write it like github.com or git.example.com:8443`,
		"=1/h":                     `"" is not a host: write it like github.com or git.example.com:8443`,
		"github.com/acme/app=10/h": `"github.com/acme/app" is not a host: write it like github.com or git.example.com:8443`,
	} {
		_, err := ParseLimit(text)
		assert.EqualError(t, err, want, text)
	}
}
