package policy

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Share is the part of a host's limit that intervals are fitted to.
type Share struct {
	// Host as in a Limit.
	Host string
	// Credential is the name of a Secret or of a provider that goes to the host: the share is that of the credential
	// alone, within the host's; "" for the whole host.
	Credential string
	// Percent of the host's limit, more than 0 and at most 100.
	Percent float64
}

// Patterns of shares; a value must match the whole of its pattern.
const (
	// ShareHostPattern is that of a host, or of a credential behind it: github.com/flux-bot.
	ShareHostPattern = `^` + hostForm + `(/` + subdomain + `)?$`
	// PercentPattern is that of more than 0% and at most 100%.
	PercentPattern = `^(100|[1-9][0-9]?(\.[0-9]{1,3})?|0\.[0-9]{0,2}[1-9])%$`
)

var (
	shareHostRule = rule{regexp.MustCompile(ShareHostPattern), "a host, or a credential of one: write it like github.com, git.example.com:8443 or github.com/SECRET"}
	percentRule   = rule{regexp.MustCompile(PercentPattern), "a share of a limit: write it like 60%, more than 0% and at most 100%"}
)

// String writes what a share is of: github.com, github.com/flux-bot.
func (s Share) String() string {
	if s.Credential == "" {
		return s.Host
	}
	return s.Host + "/" + s.Credential
}

// Compare orders shares: those of a host before those of its credentials.
func (s Share) Compare(o Share) int {
	return cmp.Or(strings.Compare(s.Host, o.Host), strings.Compare(s.Credential, o.Credential))
}

// newShare is a share of checked texts.
func newShare(of, percent string) (Share, error) {
	host, credential, _ := strings.Cut(of, "/")
	n, err := ParsePercent(percent)
	return Share{Host: flux.ParseHost(host), Credential: credential, Percent: n}, err
}

// ParsePercent reads a share of a limit like 60% and returns it in percent. The error says what is accepted.
func ParsePercent(s string) (float64, error) {
	if !percentRule.pattern.MatchString(s) {
		return 0, fmt.Errorf("%q is not %s", s, percentRule.says)
	}
	return strconv.ParseFloat(strings.TrimSuffix(s, "%"), 64)
}

// ParseShare reads a share as flags have it: github.com=60%, github.com/flux-bot=20%.
func ParseShare(s string) (Share, error) {
	of, percent, found := strings.Cut(s, "=")
	switch {
	case !found:
		return Share{}, fmt.Errorf("%q has no share: write it like github.com=60%%", s)
	case !shareHostRule.pattern.MatchString(of):
		return Share{}, fmt.Errorf("%q is not %s", of, shareHostRule.says)
	}
	return newShare(of, percent)
}

// ParseShares reads shares as flags have them. The error says which of them is wrong, or which two are of one host or credential,
// in whatever spelling: one of these would be forgotten.
func ParseShares(texts []string) ([]Share, error) {
	return parseEach(texts, ParseShare, Share.String)
}

// WithFit returns a copy of the policy with one share more, or in the place of its own. The copy's Overrides name it.
func (p Policy) WithFit(share Share) Policy {
	p.Fit = slices.DeleteFunc(slices.Clone(p.Fit), func(s Share) bool { return s.Compare(share) == 0 })
	p.Fit = append(p.Fit, share)
	sorting.By(p.Fit, Share.Compare)
	p.Overrides = append(slices.Clip(p.Overrides), fmt.Sprintf("fit %s=%g%%", share, share.Percent))
	return p
}

// shares are those of a checked document, sorted.
func (s Shares) shares() []Share {
	var shares []Share
	for of, percent := range s {
		share, err := newShare(of, string(percent))
		if err != nil {
			continue // the validator has refused it
		}
		shares = append(shares, share)
	}
	sorting.By(shares, Share.Compare)
	return shares
}

func (v *validator) checkShares(path string, shares Shares) {
	of := func(name string) string {
		host, credential, _ := strings.Cut(name, "/")
		return flux.ParseHost(host) + "/" + credential
	}
	checkHosts(v, path, shares, shareHostRule, percentRule, of, "share")
}
