package budget

import (
	"slices"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
)

// Limit is what a host should get at most, in requests per hour, and who says so.
type Limit struct {
	PerHour float64
	From    LimitSource
}

// LimitSource says where a limit comes from. The strings are part of the JSON output.
type LimitSource string

// The sources of limits, in the order in which they count.
const (
	LimitFlag   LimitSource = "flag"
	LimitPolicy LimitSource = "policy"
	LimitPreset LimitSource = "preset"
)

// Limits are limits by host.
type Limits map[string]Limit

// These hosts have a limit where nobody gives them one: 5,000/h, GitHub's limit for the REST API of an
// authenticated user (docs.github.com, "Rate limits for the REST API"). At GitHubREST that is what GitHub
// enforces; without a credential it is 60/h for each address there, which a note says. Git over HTTP and SSH is not REST, and what limits it is not published, so at presetHost it
// is a cautious yardstick and not the host's word.
const (
	presetHost    = "github.com"
	presetPerHour = 5000
)

// GitHubREST is the host that answers what github.com is asked by REST.
const GitHubREST = "api.github.com"

// NewLimits lays the limits of flags over those of a policy and the preset. A limit of 0 takes away what
// is below.
func NewLimits(fromPolicy, fromFlags []policy.Limit) Limits {
	preset := Limit{PerHour: presetPerHour, From: LimitPreset}
	limits := Limits{presetHost: preset, GitHubREST: preset}
	lay := func(list []policy.Limit, from LimitSource) {
		for _, l := range list {
			from := from
			if l.Flag {
				from = LimitFlag
			}
			limits[l.Host] = Limit{PerHour: l.PerHour, From: from}
		}
	}
	lay(fromPolicy, LimitPolicy)
	lay(fromFlags, LimitFlag)
	return limits
}

// Of is the limit of a host; false where it has none.
func (l Limits) Of(host string) (Limit, bool) { return l.find(host) }

// Key is the name that the limit of a host is under: its own, or that without the port; false where it has no limit.
func (l Limits) Key(host string) (string, bool) {
	_, ok := l.find(host)
	return l.key(host), ok
}

// find is the limit of a host, by its name with port or without; false where it has none.
func (l Limits) find(host string) (Limit, bool) {
	limit, ok := l[l.key(host)]
	return limit, ok && limit.PerHour > 0
}

// key is under which name a host's limit is, or would be: its own, or that without the port where it has none of its own.
func (l Limits) key(host string) string {
	if _, own := l[host]; !own {
		return flux.Address{Host: host}.Name()
	}
	return host
}

// Counts tells whether what somebody asks counts to a share: the host is that of the share, by the share's port or by any that
// has no limit of its own, and the credential is named by its Secret or its provider.
func (l Limits) Counts(a Asker, s policy.Share) bool {
	apart := a.Host != s.Host && l.key(a.Host) == a.Host // another limit is that of this port
	return SameHost(a.Host, s.Host) && !apart && (s.Credential == "" || s.Credential == a.Secret || s.Credential == a.Provider)
}

// Unmatched are the hosts of limits from flags that none of the polled hosts is meant by, sorted. A policy's may be for other
// clusters.
func (l Limits) Unmatched(polled []string) []string {
	var unmatched []string
	for host, limit := range l {
		if limit.From == LimitFlag && !slices.ContainsFunc(polled, func(p string) bool { return SameHost(p, host) }) {
			unmatched = append(unmatched, host)
		}
	}
	slices.Sort(unmatched)
	return unmatched
}

// IsYardstick tells whether a host's limit is GitHub's for REST, against which Git traffic is measured
// only for want of a better number.
func IsYardstick(host string, l Limit) bool {
	return host == presetHost && l.PerHour == presetPerHour
}

// SameHost tells whether a limit or share of a host is about an address's host: by its name with port, or without one.
func SameHost(address, of string) bool {
	return address == of || flux.Address{Host: address}.Name() == of
}
