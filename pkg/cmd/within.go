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
// To try that takes half a second and 100 MB for 10,000 objects, which scripts are spared: in a pipe it is the fit alone.
func (o PlanOptions) within(ctx context.Context, p planned, hosts []string) string {
	if o.fit != nil {
		return o.root.repeated("budget")
	}
	var fits, sets string
	o.Policy.Fit, o.fit = nil, &fitOptions{}
	for _, host := range hosts {
		share := policy.Share{Host: host, Percent: 80}
		o.Policy.Fit = append(o.Policy.Fit, share)
		fits += " --fit " + terminal.Quoted(share.String()+"=80%")
	}
	if o.printer.layout.Width == 0 {
		return o.root.whole() + fits
	}
	in, err := o.fitInput(ctx, p.whole(), o.Options, o.root.Now())
	switch {
	case err != nil || canFit(in):
		return o.root.whole() + fits
	case o.Files == nil && o.partial(): // what was not read is not known
		return o.root.whole()
	}
	for _, l := range o.longer(p.cost, hosts) {
		sets += " --set " + terminal.Quoted(l.set)
		if l.free(in); canFit(in) {
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

// canFit tells whether shares can be kept.
func canFit(in fit.Input) bool {
	_, err := fit.New(in)
	var tooMuch *fit.ExcessError
	return !errors.As(err, &tooMuch)
}

// lengthening lets the sources of a kind in an environment poll as seldom as each 30m.
type lengthening struct {
	environment, kind string
	set               string // as --set takes it
}

// longer are those for the sources of hosts of which the policy says how long an interval may be: in the order of the environments, the
// fastest first.
func (o PlanOptions) longer(b budget.Budget, hosts []string) []lengthening {
	var all []lengthening
	for _, e := range o.Policy.Environments {
		for _, item := range b.Items {
			kind := item.Object.Kind
			bound := e.Value(kind, flux.IntervalSetting)
			if item.Environment != e.Name || !item.Object.KindRow().Source || bound.Max == 0 || bound.Max >= fit.LongestOpen || !slices.Contains(hosts, item.Address.Host) {
				continue
			}
			l := lengthening{e.Name, kind, e.Name + "." + kind + ".interval=at most 30m"}
			if bound.Min > 0 {
				l.set = e.Name + "." + kind + ".interval=" + bound.MinText + " to 30m"
			}
			if !slices.Contains(all, l) {
				all = append(all, l)
			}
		}
	}
	return all
}

// free gives what is fitted the longer end.
func (l lengthening) free(in fit.Input) {
	for _, c := range in.Clusters {
		for _, item := range c.Budget.Items {
			if bound, free := c.Free[item.Object.Ref]; free && item.Environment == l.environment && item.Object.Kind == l.kind {
				bound.Max = fit.LongestOpen
				c.Free[item.Object.Ref] = bound
			}
		}
	}
}
