package cmd

import (
	"context"
	"slices"

	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

// need is what the commands ask of a resource.
type need struct {
	report.Right
	verbs []string
}

// needs are those of all commands in a namespace ("" for all), as far as the cluster serves the kinds. They are
// asked for where the commands ask: what belongs to no namespace, or is read from all of them, in the cluster.
func needs(served map[string]string, namespace string) []need {
	var list []need
	add := func(kinds []flux.Kind, where, commands, alike string, verbs ...string) {
		for _, k := range kinds {
			if served[k.Name] != "" {
				list = append(list, need{report.NewRight(k.Group, k.Resource, where, commands, alike), verbs})
			}
		}
	}
	add(flux.Kinds(), namespace, "get, plan; patch: apply, revert", report.AlikeKinds, "get", "list", "patch")
	add(flux.OperatorKinds(), "", "plan: what undoes changes", report.AlikeOperator, "list")
	add(flux.CostKinds(), namespace, "budget", report.AlikeCosts, "list")
	labels := []string{"get"}
	if namespace == "" {
		labels = append(labels, "list")
	}
	return append(list,
		need{report.NewRight("", "namespaces", namespace, "environments by label", ""), labels},
		need{report.NewRight("apps", "deployments", "", "budget: the controllers", ""), []string{"list"}},
		need{report.NewRight("", "nodes", "", "nodes; watch: -w", ""), []string{"list", "watch"}},
		need{report.NewRight(report.MetricsGroup, "nodes", "", "nodes: CPU and memory", report.AlikeMetrics), []string{"list"}},
		need{report.NewRight("", "pods", namespace, "nodes; watch: -w", ""), []string{"list", "watch"}},
	)
}

// fluxNamespace is where the controllers' Deployments are looked for by those who may not list all.
const fluxNamespace = "flux-system"

// rights asks the API server for all that the commands need.
func (o *DoctorOptions) rights(ctx context.Context, served map[string]string) (report.Rights, error) {
	answers, err := o.answers(ctx, needs(served, o.Namespace))
	if err != nil {
		return report.Rights{}, err
	}
	for i, n := range answers {
		if n.Resource != "deployments" || len(n.Denied) == 0 {
			continue
		}
		n.Right = report.NewRight(n.Group, n.Resource, fluxNamespace, n.For, "")
		again, err := o.answers(ctx, []need{n})
		if err != nil {
			return report.Rights{}, err
		}
		if len(again[0].Denied) == 0 {
			answers[i] = again[0]
		}
	}
	user, _ := o.Client.WhoAmI(ctx) // the rights are those of whoever asks
	rights := report.Rights{User: user, Rows: []report.Right{}}
	for _, n := range answers {
		rights.Rows = append(rights.Rows, n.Right)
	}
	return rights, nil
}

// nearby is the context's own namespace, where the caller of a doctor for all namespaces may list a kind of Flux although none in
// all of them: what a tenant has. "" where that is not so.
func (o *DoctorOptions) nearby(ctx context.Context, rights report.Rights, served map[string]string) (string, error) {
	own, _, err := o.root.config.ToRawKubeConfigLoader().Namespace()
	if err != nil || o.Namespace != "" || rights.MayAny(report.AlikeKinds, "list") || oneNamespace(own) != nil {
		return "", err
	}
	answers, err := o.answers(ctx, needs(served, own))
	if err != nil {
		return "", err
	}
	there := report.Rights{}
	for _, n := range answers {
		there.Rows = append(there.Rows, n.Right)
	}
	if there.MayAny(report.AlikeKinds, "list") {
		return own, nil
	}
	return "", nil
}

// answers fills in what is allowed, with one round of questions for each place.
func (o *DoctorOptions) answers(ctx context.Context, list []need) ([]need, error) {
	byPlace := make(map[string][]cluster.Right)
	var places []string
	for _, n := range list {
		if byPlace[n.Namespace] == nil {
			places = append(places, n.Namespace)
		}
		for _, verb := range n.verbs {
			byPlace[n.Namespace] = append(byPlace[n.Namespace], cluster.Right{Group: n.Group, Resource: n.Resource, Verb: verb})
		}
	}
	denied := make(map[string][]cluster.Right)
	for _, place := range places {
		var err error
		if denied[place], err = o.Client.Denied(ctx, place, byPlace[place]); err != nil {
			return nil, err
		}
	}
	for i, n := range list {
		for _, verb := range n.verbs {
			if slices.Contains(denied[n.Namespace], cluster.Right{Group: n.Group, Resource: n.Resource, Verb: verb}) {
				list[i].Denied = append(list[i].Denied, verb)
			} else {
				list[i].Allowed = append(list[i].Allowed, verb)
			}
		}
	}
	return list, nil
}
