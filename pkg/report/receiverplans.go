package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
	"github.com/fluxtune/kubectl-fluxtune/pkg/webhook"
)

// ReceiverPlans is how plans are asked for that have sources polled less often.
type ReceiverPlans struct {
	// Command plans for the objects of a namespace: "kubectl fluxtune plan".
	Command string
	// Policy that the sources are under, and Resolve, which tells their environments under it or one that differs.
	Policy  policy.Policy
	Resolve func(policy.Policy) *policy.Resolver
}

// environment is that for objects which have none: the last one that the policy has is the slowest.
func (p ReceiverPlans) environment() string {
	names := p.Policy.EnvironmentNames()
	return names[len(names)-1]
}

// keeping is what the policy has to be changed by, as --set takes it, so that it leaves sources as they are when they are polled as
// seldom as webhooks allow, or as they are now where that is less often. A bound that is moved may make another environment the fastest
// that uses a source, whose bound counts then.
func (p ReceiverPlans) keeping(sources []webhook.Source) []string {
	sets := map[[2]string]string{} // by environment and kind
	for more := true; more; {
		more = false
		resolver := p.Resolve(p.Policy)
		for _, s := range sources {
			every := max(s.Object.Effective(flux.Interval), webhook.Relaxed)
			environment, known := p.Policy.Lookup(resolver.Resolve(s.Object).Environment)
			bound := environment.Value(s.Object.Kind, flux.IntervalSetting)
			if !known || bound.IsZero() || bound.Contains(every) || bound.Min > every {
				continue
			}
			set := fmt.Sprintf("%s.%s.interval=%s", environment.Name, s.Object.Kind, bound.UpTo(every))
			changed, err := p.Policy.Set(set)
			if err != nil { // none: it is the policy's own, and longer
				continue
			}
			p.Policy, sets[[2]string{environment.Name, s.Object.Kind}], more = changed, set, true
		}
	}
	return append([]string{}, slices.Sorted(maps.Values(sets))...)
}

// relaxedPlan is one for a namespace, or for a kind in it.
type relaxedPlan struct {
	namespace, kinds, command string
	names                     int // that the command has
}

func commands(plans []relaxedPlan) []string {
	all := []string{}
	for _, p := range plans {
		all = append(all, p.command)
	}
	return all
}

// relaxing are the plans that have some sources polled less often: one for each namespace, and where these are many, one for
// each kind. A policy cannot say which sources have a webhook, so each is named: a kind would reach others, too, also such as are made
// later.
func (p ReceiverPlans) relaxing(sources []webhook.Source, which func(webhook.Source) bool, r *policy.Resolver) []relaxedPlan {
	chosen := map[string][]webhook.Source{}
	for _, s := range sources {
		if which(s) {
			chosen[s.Object.Namespace] = append(chosen[s.Object.Namespace], s)
		}
	}
	var plans []relaxedPlan
	for _, namespace := range sortedKeys(chosen) {
		all := chosen[namespace]
		if len(all) <= mostNames {
			plans = append(plans, p.plan(namespace, all, r))
			continue
		}
		of := map[string][]webhook.Source{}
		for _, s := range all {
			of[s.Object.Kind] = append(of[s.Object.Kind], s)
		}
		for _, kind := range sortedKeys(of) {
			plans = append(plans, p.plan(namespace, of[kind], r))
		}
	}
	return plans
}

// plan is that for some sources of a namespace.
func (p ReceiverPlans) plan(namespace string, sources []webhook.Source, r *policy.Resolver) relaxedPlan {
	var names, kinds []string
	var assumed []string // flags by which each of them has an environment of the policy
	for _, s := range sources {
		names = append(names, terminal.Quoted(s.Object.Kind+"/"+s.Object.Name))
		if !slices.Contains(kinds, s.Object.Kind) {
			kinds = append(kinds, s.Object.Kind)
		}
		if in := r.Resolve(s.Object); !in.Known {
			flag := " --default-env " + terminal.Quoted(p.environment())
			if in.Environment != "" {
				flag = " --env-alias " + terminal.Quoted(in.Environment+"="+usually(p.Policy, in.Environment))
			}
			if !slices.Contains(assumed, flag) {
				assumed = append(assumed, flag)
			}
		}
	}
	plan := relaxedPlan{namespace, strings.Join(kinds, ", "), fmt.Sprintf("%s -n %s %s", p.Command, terminal.Quoted(namespace), strings.Join(names, " ")), len(names)}
	for _, kind := range kinds {
		plan.command += fmt.Sprintf(" --set '*.%s.interval=at least %s'", kind, flux.FormatDuration(webhook.Relaxed))
	}
	plan.command += strings.Join(assumed, "")
	return plan
}
