package policy

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Limit is how many requests a host should get.
type Limit struct {
	// Host as flux.ParseHost writes it: in lower case and in ASCII, with its port where that is no protocol's default.
	Host string
	// PerHour is the rate in requests per hour; 0 = explicitly none.
	PerHour float64
	// Flag says that it was given for this one call, and not by the policy's author.
	Flag bool
}

// Patterns of limits; a value must match the whole of its pattern.
const (
	// HostPattern is that of a host's name or address, with a port behind a colon or alone. A name may be an international one,
	// and an address of IPv6 without a port needs no brackets.
	HostPattern = `^` + hostForm + `$`
	// RatePattern is that of a number of requests for each second, minute, hour or day.
	RatePattern = `^([1-9][0-9]{0,8}/[smhd]|none)$`
)

const (
	hostLetter = `([A-Za-z0-9_]|[^\x00-\x7F])`
	hostForm   = `((` + hostLetter + `(([-.]|` + hostLetter + `)*` + hostLetter + `)?\.?|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?|` +
		`[0-9A-Fa-f:]*::[0-9A-Fa-f:.]*|([0-9A-Fa-f]{1,4}:){6,7}[0-9A-Fa-f.]+)`
)

const noLimit = "none"

var (
	hostRule = rule{regexp.MustCompile(HostPattern), "a host: write it like github.com or git.example.com:8443"}
	rateRule = rule{regexp.MustCompile(RatePattern), "a rate: write it like 5000/h (requests per s, m, h or d), or none"}
)

// ParseRate reads a rate like 5000/h and returns it in requests per hour; 0 for "none". The error says
// what is accepted.
func ParseRate(s string) (perHour float64, err error) {
	if !rateRule.pattern.MatchString(s) {
		return 0, fmt.Errorf("%q is not %s", s, rateRule.says)
	}
	if s == noLimit {
		return 0, nil
	}
	number, unit, _ := strings.Cut(s, "/")
	n, err := strconv.Atoi(number)
	if err != nil {
		return 0, fmt.Errorf("%q is not %s", s, rateRule.says)
	}
	switch unit {
	case "s":
		return float64(n) * 3600, nil
	case "m":
		return float64(n) * 60, nil
	case "d":
		return float64(n) / 24, nil
	default:
		return float64(n), nil
	}
}

// ParseLimit reads a limit as flags have it: github.com=5000/h.
func ParseLimit(s string) (Limit, error) {
	host, rate, found := strings.Cut(s, "=")
	if !found {
		return Limit{}, fmt.Errorf("%q has no rate: write it like github.com=5000/h", s)
	}
	if !hostRule.pattern.MatchString(host) {
		return Limit{}, fmt.Errorf("%q is not %s", host, hostRule.says)
	}
	perHour, err := ParseRate(rate)
	if err != nil {
		return Limit{}, err
	}
	return Limit{Host: flux.ParseHost(host), PerHour: perHour}, nil
}

// ParseLimits reads limits as flags have them. The error says which of them is wrong, or which two are of one host, in whatever
// spelling: one of these would be forgotten.
func ParseLimits(texts []string) ([]Limit, error) {
	return parseEach(texts, ParseLimit, func(l Limit) string { return l.Host })
}

// parseEach reads texts of which no two may be of the same.
func parseEach[T any](texts []string, parse func(string) (T, error), of func(T) string) ([]T, error) {
	var all []T
	first := map[string]string{}
	for _, text := range texts {
		one, err := parse(text)
		if err != nil {
			return nil, err
		}
		what := of(one)
		if other, twice := first[what]; twice {
			return nil, fmt.Errorf("%q and %q are both of %s: give one of them", other, text, what)
		}
		first[what] = text
		all = append(all, one)
	}
	return all, nil
}

// WithLimit returns a copy of the policy with one limit more, or in the place of another.
func (p Policy) WithLimit(limit Limit) Policy {
	p.Limits = slices.DeleteFunc(slices.Clone(p.Limits), func(l Limit) bool { return l.Host == limit.Host })
	p.Limits = append(p.Limits, limit)
	sorting.By(p.Limits, func(a, b Limit) int { return strings.Compare(a.Host, b.Host) })
	return p
}

// limits are those of a checked document, sorted by host.
func (l Limits) limits() []Limit {
	var limits []Limit
	for host, rate := range l {
		perHour, err := ParseRate(string(rate))
		if err != nil {
			continue // the validator has refused it
		}
		limits = append(limits, Limit{Host: flux.ParseHost(host), PerHour: perHour})
	}
	sorting.By(limits, func(a, b Limit) int { return strings.Compare(a.Host, b.Host) })
	return limits
}

func (v *validator) checkLimits(path string, limits Limits) {
	checkHosts(v, path, limits, hostRule, rateRule, flux.ParseHost, "limit")
}

// checkHosts checks what is said of hosts: what each may be written like, and that no two are of one; of tells which. What names it.
func checkHosts[Text ~string](v *validator, path string, texts map[string]Text, host, text rule, of func(string) string, what string) {
	taken := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		at := join(path, name)
		if v.isFaulty(at) {
			continue
		}
		if !host.pattern.MatchString(name) {
			v.at(at, "%q is not %s", name, host.says)
			continue
		}
		if first, twice := taken[of(name)]; twice {
			v.at(at, "the %s of %q is there already: both are of one host", what, first)
		}
		taken[of(name)] = name
		v.checkText(at, string(texts[name]), text)
	}
}
