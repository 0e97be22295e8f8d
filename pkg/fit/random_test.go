package fit_test

import (
	"math/rand/v2"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/fit"
)

// kinds of random fleets, by how their shares lie.
const (
	oneHost  = iota
	nested   // credentials within hosts
	deep     // three levels
	overlaps // any sets, and a poll costs each share differently
	shapes
)

// randomProblem draws a fleet of at most n sources. Its shares lie between what the longest and the shortest intervals
// ask, so that they can be kept and mostly bind.
func randomProblem(r *rand.Rand, n, shape int) fit.Problem {
	p := fit.Problem{}
	hosts := 1
	if shape != oneHost {
		hosts = 1 + r.IntN(3)
	}
	credentials := 1 + r.IntN(3)
	for range 1 + r.IntN(n) {
		s := fit.Source{Min: randomInterval(r)}
		s.Max = s.Min
		if r.IntN(6) > 0 {
			s.Max += randomInterval(r)
		}
		if r.IntN(5) > 0 {
			s.Activity = 10 / (1 + 1000*r.Float64()*r.Float64())
		}
		cost := float64(1 + r.IntN(6))
		host := r.IntN(hosts)
		switch shape {
		case oneHost:
			s.Loads = []fit.Load{{Share: 0, Requests: cost}}
		case nested, deep:
			s.Loads = []fit.Load{{Share: host, Requests: cost}}
			if credential := r.IntN(credentials + 1); credential > 0 {
				s.Loads = append(s.Loads, fit.Load{Share: hosts + host*credentials + credential - 1, Requests: cost})
			}
			if shape == deep {
				s.Loads = append(s.Loads, fit.Load{Share: hosts + hosts*credentials, Requests: cost})
			}
		case overlaps:
			for k := range hosts + credentials {
				if r.IntN(2) == 0 {
					s.Loads = append(s.Loads, fit.Load{Share: k, Requests: float64(1 + r.IntN(6))})
				}
			}
		}
		p.Sources = append(p.Sources, s)
	}
	p.Shares = make([]float64, hosts+hosts*credentials+1)
	longest := p.Used(each(p, func(s fit.Source) time.Duration { return s.Max }))
	shortest := p.Used(each(p, func(s fit.Source) time.Duration { return s.Min }))
	for k := range p.Shares {
		p.Shares[k] = longest[k] + (shortest[k]-longest[k])*(0.02+1.1*r.Float64()*r.Float64()) + 1e-6
	}
	return p
}

// randomInterval is on the ladder, or any number of seconds.
func randomInterval(r *rand.Rand) time.Duration {
	if r.IntN(2) == 0 {
		return []time.Duration{10 * time.Second, 30 * time.Second, time.Minute, 3 * time.Minute, 5 * time.Minute, 30 * time.Minute}[r.IntN(6)]
	}
	return time.Duration(1+r.IntN(3600)) * time.Second
}

func each(p fit.Problem, interval func(fit.Source) time.Duration) []time.Duration {
	out := make([]time.Duration, len(p.Sources))
	for i, s := range p.Sources {
		out[i] = interval(s)
	}
	return out
}
