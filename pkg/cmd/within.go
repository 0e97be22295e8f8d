package cmd

import (
	"context"
	"errors"
	"slices"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/fit"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
)

// exceeded are the hosts that get more than their limits by what is planned, and not by what is there.
func exceeded(b budget.Budget) []string {
	var hosts []string
	for _, h := range b.Hosts {
		if h.Limit != nil && h.Used.Planned > 100 && h.Used.Planned > h.Used.Now {
			hosts = append(hosts, h.Name)
		}
	}
	return hosts
}

// within is what to run instead of a plan with which hosts would get more than their limits: one that is fitted to a share of them, with
// longer intervals where those of the policy do not let it; or, where this one was fitted or nothing lets it, what tells who asks for how much.
func (o PlanOptions) within(ctx context.Context, p planned, hosts []string) string {
	if o.fit != nil {
		return o.root.repeated("budget")
	}
	var fits, sets string
	var shares []policy.Share
	for _, host := range hosts {
		share := policy.Share{Host: host, Percent: 80}
		shares = append(shares, share)
		fits += " --fit " + terminal.Quoted(share.String()+"=80%")
	}
	fs := p.whole()
	if o.canFit(ctx, fs, shares) {
		return o.root.whole() + fits
	}
	if o.Files == nil && o.partial() { // what was not read is not known
		return o.root.whole()
	}
	for _, set := range o.longer(p.cost, hosts) {
		sets += " --set " + terminal.Quoted(set)
		if !fs.set(set) {
			break
		}
		if o.canFit(ctx, fs, shares) {
			return o.root.whole() + sets + fits
		}
	}
	return o.root.repeated("budget")
}

// whole are the fleets with all that was read in the place of what was asked for.
func (p planned) whole() fleets {
	fs := p.fleets
	fs.all = slices.Clone(fs.all)
	for i := range fs.all {
		fs.all[i].objects = fs.all[i].snapshot.Objects
	}
	return fs
}

// set lays a value over the policy of each fleet; false where the policy does not take it.
func (fs fleets) set(expr string) bool {
	for i := range fs.all {
		p, err := fs.all[i].options.Policy.Set(expr)
		if err != nil {
			return false
		}
		fs.all[i].options.Policy = p
	}
	return true
}

// canFit tells whether a plan keeps shares.
func (o PlanOptions) canFit(ctx context.Context, fs fleets, shares []policy.Share) bool {
	o.Policy.Fit, o.fit = shares, &fitOptions{}
	var err error
	if o.Files != nil && o.Files.tree != nil {
		_, _, err = o.fitFiles(ctx, fs, o.Options, o.root.Now())
	} else {
		_, err = o.fitOnce(ctx, fs, o.Options, o.root.Now())
	}
	var tooMuch *fit.ExcessError
	return !errors.As(err, &tooMuch)
}

// longer are the values that let the sources of hosts poll as seldom as each 30m, one for each kind in an environment of which the policy
// says how long an interval may be: in the order of the environments, the fastest first.
func (o PlanOptions) longer(b budget.Budget, hosts []string) []string {
	var sets []string
	for _, e := range o.Policy.Environments {
		for _, item := range b.Items {
			kind := item.Object.Kind
			bound := e.Value(kind, flux.IntervalSetting)
			if item.Environment != e.Name || !item.Object.KindRow().Source || bound.Max == 0 || bound.Max >= fit.LongestOpen || !slices.Contains(hosts, item.Address.Host) {
				continue
			}
			set := e.Name + "." + kind + ".interval=at most 30m"
			if bound.Min > 0 {
				set = e.Name + "." + kind + ".interval=" + bound.MinText + " to 30m"
			}
			if !slices.Contains(sets, set) {
				sets = append(sets, set)
			}
		}
	}
	return sets
}
