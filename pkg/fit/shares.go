package fit

import (
	"fmt"
	"slices"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
)

// ShareUse is what one share gets.
type ShareUse struct {
	policy.Share
	Limit   float64 // of the host, per hour
	Allowed float64 // the share of it
	Used    float64 // as planned, with what is not fitted
	Fixed   float64 // the part of it that is not fitted
	Sources int     // that were fitted
	// Idle says that nothing that was chosen counts to it, nor asks as often as what was: it is in nobody's way, however much it gets.
	Idle bool
	// Mixed says that its credential is a Secret of some that count to it, and a provider of others: these are two for a budget.
	Mixed bool
}

// Above tells whether a share gets more than it is.
func (u ShareUse) Above() bool { return u.Used > u.Allowed*(1+grain) }

// open begins with the shares that something counts to. The error names one of a host without a limit.
func (f *fitter) open() error {
	for _, s := range f.in.Shares {
		polled, chosen, mixed := f.counted(s)
		if !polled {
			f.unpolled = append(f.unpolled, s)
			continue
		}
		limit, ok := f.in.Limits.Of(s.Host)
		if !ok {
			return fmt.Errorf("the share of %s is %g%% of a limit, and %s has none: say what it should get with --limit %s, or in spec.limits of the policy", s, s.Percent, s.Host, terminal.Quoted(s.Host+"=5000/h"))
		}
		f.uses = append(f.uses, ShareUse{Share: s, Limit: limit.PerHour, Allowed: limit.PerHour * s.Percent / 100, Idle: !chosen, Mixed: mixed})
		f.problem.Shares = append(f.problem.Shares, limit.PerHour*s.Percent/100)
	}
	return nil
}

// counted tells whether anything counts to a share, whether something that was chosen does, and whether its credential is a Secret of
// some and a provider of others.
func (f *fitter) counted(s policy.Share) (polled, chosen, mixed bool) {
	var secret, provider bool
	for n, c := range f.in.Clusters {
		for i := range c.Budget.Items {
			item := &c.Budget.Items[i]
			if !f.counts(s, n, item) {
				continue
			}
			polled, chosen = true, chosen || c.chose(item)
			bySecret := item.Remote.Secret == s.Credential
			secret, provider = secret || bySecret, provider || !bySecret
		}
	}
	return polled, chosen, secret && provider && s.Credential != ""
}

// chose tells whether an object was asked for, or asks as often as one that was.
func (c *Cluster) chose(item *budget.Item) bool {
	_, free := c.Free[item.Object.Ref]
	return free || c.Chosen[item.Object.Ref] || slices.ContainsFunc(item.Follows, func(of flux.Ref) bool { return c.Chosen[of] })
}

// counts tells whether the polls of a cluster's object count against a share: under the plan, once that is undone, or once it does not
// fail any more.
func (f *fitter) counts(s policy.Share, cluster int, item *budget.Item) bool {
	return f.in.Clusters[cluster].asks(item) > 0 && f.in.Limits.Counts(item.Asker(), s)
}

// loads are the shares that an object counts to, where one poll of it costs so much: none where that is nothing, and it asks only
// while it fails.
func (f *fitter) loads(cluster int, item *budget.Item, cost float64, isFree bool) []Load {
	if cost == 0 {
		return nil
	}
	var loads []Load
	ref := item.Object.Ref
	canBe := !flux.CostsOnly(ref.Group, ref.Kind) || len(item.Follows) > 0
	unasked := canBe && !f.in.Clusters[cluster].chose(item)
	for k, use := range f.uses {
		if !f.counts(use.Share, cluster, item) {
			continue
		}
		loads = append(loads, Load{Share: k, Requests: cost})
		if isFree {
			f.uses[k].Sources++
		} else {
			f.uses[k].Fixed += cost
			f.fixtures = append(f.fixtures, fixture{share: k, cluster: cluster, ref: ref, requests: cost, unasked: unasked})
		}
	}
	return loads
}

// reduced is what there is to choose where some shares cannot be kept (their excesses): what counts to one of these has its
// longest interval, also as what is there, takes its part of the other shares, and is not waited for. A share to which nothing counts that has a
// choice is in nobody's way, and left out.
func (p Problem) reduced(excesses []Excess, there []time.Duration) (Problem, []time.Duration) {
	lost, matters := make([]bool, len(p.Shares)), make([]bool, len(p.Shares))
	for _, x := range excesses {
		lost[x.Share] = true
	}
	out, there := Problem{Sources: slices.Clone(p.Sources)}, slices.Clone(there)
	for i := range out.Sources {
		s := &out.Sources[i]
		if slices.ContainsFunc(s.Loads, func(l Load) bool { return lost[l.Share] }) {
			s.Min, s.Activity, there[i] = s.Max, 0, s.Max
		}
		for _, l := range s.Loads {
			matters[l.Share] = matters[l.Share] || s.Min < s.Max
		}
	}
	place := make([]int, len(p.Shares))
	for k, share := range p.Shares {
		if place[k] = len(out.Shares); matters[k] {
			out.Shares = append(out.Shares, share)
		}
	}
	for i := range out.Sources {
		var loads []Load
		for _, l := range out.Sources[i].Loads {
			if matters[l.Share] {
				loads = append(loads, Load{Share: place[l.Share], Requests: l.Requests})
			}
		}
		out.Sources[i].Loads = loads
	}
	return out, there
}
