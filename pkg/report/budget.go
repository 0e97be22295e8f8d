package report

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"cmp"
	"math"
	"strings"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
	"github.com/fluxtune/kubectl-fluxtune/pkg/fit"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// NewBudget reports a budget under a policy.
func NewBudget(b budget.Budget, policyName string, gaps []flux.Gap, warnings []string) Budget {
	r := Budget{
		Head:   Head{APIVersion, "Budget"},
		Policy: policyName,
		Summary: BudgetSummary{
			Objects: len(b.Items), GitRequests: rounded(b.Git), Requests: rounded(b.Requests), APIRequests: rounded(b.APIServer.Requests),
			Webhooks: BudgetWebhooks{b.Webhooks.Sources, rounded(b.Webhooks.Requests)},
			Failing:  BudgetFailing{b.Failing.BackOff, b.Failing.Retrying, b.Failing.Waiting, b.Failing.Stopped, rounded(b.Failing.Requests), rounded(b.Failing.Mended)},
		},
		Hosts:        make([]BudgetHost, 0, len(b.Hosts)),
		Repositories: make([]BudgetRepository, 0, len(b.Repositories)),
		Credentials:  make([]BudgetCredential, 0, len(b.Credentials)),
		APIServer: BudgetAPIServer{
			b.APIServer.Kustomizations, b.APIServer.HelmReleases, b.APIServer.Managed, b.APIServer.WithoutInventory, b.APIServer.Elsewhere, rounded(b.APIServer.Reconciles), rounded(b.APIServer.Requests), rounded(b.APIServer.Own),
		},
		Controllers:  make([]BudgetWorkers, 0, len(b.Workers)),
		Environments: make([]BudgetEnvironment, 0, len(b.Environments)),
		Items:        make([]BudgetItem, 0, len(b.Items)),
		Notes:        budgetNotes(b),
		Missing:      missing(gaps),
	}
	for _, h := range b.Hosts {
		r.Hosts = append(r.Hosts, newBudgetHost(h))
	}
	for _, repository := range b.Repositories {
		r.Repositories = append(r.Repositories, newBudgetRepository(repository))
	}
	for _, c := range b.Credentials {
		credential := BudgetCredential{Host: c.Host, Secret: c.Secret, Provider: c.Provider, Namespaces: c.Namespaces, Sources: c.Sources, Requests: rounded(c.Requests)}
		if c.Clusters > 1 {
			credential.Clusters = c.Clusters
		}
		r.Credentials = append(r.Credentials, credential)
	}
	for _, w := range b.Workers {
		r.Controllers = append(r.Controllers, BudgetWorkers{
			w.Cluster, w.Controller, w.Shard, w.Kind, w.Concurrent, w.Default, w.Objects, rounded(w.Reconciles),
			about(w.Duration), string(w.From), rounded(w.Busy), w.Advice,
		})
		if w.Advice != "" {
			warnings = append(warnings, w.Advice)
		}
	}
	r.Environments = NewBudgetEnvironments(b.Environments)
	for _, item := range b.Items {
		r.Items = append(r.Items, newBudgetItem(item))
	}
	sorting.By(r.Items, costlier)
	r.Warnings = uniqueSorted(warnings)
	return r
}

// costlier has the object first that asks more of hosts, and then the one that asks more of the kube-apiserver, now or as planned.
func costlier(a, b BudgetItem) int {
	most := func(r budget.Rates) float64 { return max(r.Now, r.Planned) }
	return cmp.Or(cmp.Compare(most(b.Requests), most(a.Requests)), cmp.Compare(most(b.APIRequests), most(a.APIRequests)))
}

// NewGitHubRateLimit reports GitHub's answer.
func NewGitHubRateLimit(l cluster.RateLimit) *GitHubRateLimit {
	return &GitHubRateLimit{API: l.API, Limit: l.Limit, Used: l.Used, Remaining: l.Remaining, Reset: l.Reset}
}

func newBudgetHost(h budget.Host) BudgetHost {
	r := BudgetHost{
		Host: h.Name, Sources: h.Sources, Requests: rounded(h.Requests), Clones: rounded(h.Clones), Bytes: rounded(h.Bytes), Polls: newBurst(h.Polls), Fetches: newBurst(h.Fetches), Receivers: h.Receivers, Others: round(h.Others),
		PerDay:    rounded(budget.Rates{Now: h.Requests.Now * 24, Planned: h.Requests.Planned * 24}),
		Protocols: make([]BudgetProtocol, 0, len(h.Protocols)),
	}
	for _, p := range h.Protocols {
		r.Protocols = append(r.Protocols, BudgetProtocol{string(p.Protocol), p.Sources, rounded(p.Requests)})
	}
	for _, c := range h.Clusters {
		cluster := BudgetCluster{Cluster: c.Cluster, Sources: c.Sources, Requests: rounded(c.Requests)}
		if h.Limit != nil {
			used := rounded(c.Used)
			cluster.UsedPercent = &used
		}
		r.Clusters = append(r.Clusters, cluster)
	}
	if h.Limit != nil {
		used := rounded(h.Used)
		r.UsedPercent = &used
		r.Limit = &BudgetLimit{PerHour: h.Limit.PerHour, From: string(h.Limit.From), Yardstick: budget.IsYardstick(h.Name, *h.Limit)}
	}
	return r
}

func newBurst(b budget.Burst) BudgetBurst {
	return BudgetBurst{round(b.Requests), round(b.PerSecond), b.Connections, about(b.Lasts)}
}

func newBudgetRepository(repository budget.Repository) BudgetRepository {
	r := BudgetRepository{
		Address: repository.Address.String(), Protocol: string(repository.Protocol),
		Requests: rounded(repository.Requests), Saving: rounded(repository.Saving), SavingAcross: rounded(repository.SavingAcross),
	}
	for _, ref := range repository.Refs {
		r.Refs = append(r.Refs, showRef(ref))
	}
	for _, o := range repository.Objects {
		r.Objects = append(r.Objects, o.String())
	}
	return r
}

func showRef(ref flux.RemoteRef) string {
	if ref.Kind == flux.RefNone {
		return "default"
	}
	return string(ref.Kind) + " " + ref.Value
}

// WithFit says in a note what fitted intervals come to, as a plan does; nothing where none were fitted.
func (b Budget) WithFit(f *fit.Fitting) Budget {
	if f == nil {
		return b
	}
	lines := shareLines(f.Shares, "")
	if f.Failing > 0 {
		lines = append(lines, failingLine(f.Failing))
	}
	if len(lines) > 0 {
		b.Notes = append(b.Notes, "The policy fits intervals (spec.fit), and what is planned is what plan makes of it: "+strings.Join(lines, "; ")+".")
	}
	return b
}

// NewBudgetEnvironments reports environments; plan shows them too.
func NewBudgetEnvironments(environments []budget.Environment) []BudgetEnvironment {
	list := make([]BudgetEnvironment, 0, len(environments))
	for _, e := range environments {
		r := BudgetEnvironment{
			Environment: e.Name, Sources: e.Sources, GitRequests: rounded(e.Git), APIRequests: rounded(e.APIRequests),
			Consumers: e.Consumers, Unknown: e.Unknown, Webhooks: e.Receivers,
		}
		if e.Consumers > 0 {
			r.Latency = newBudgetLatency(e.Latency)
		}
		if e.Drift.Now > 0 || e.Drift.Planned > 0 {
			r.DriftCorrection = &budget.Pair[string]{Now: about(e.Drift.Now), Planned: about(e.Drift.Planned)}
		}
		list = append(list, r)
	}
	return list
}

func newBudgetLatency(l budget.Pair[budget.Latency]) *BudgetLatency {
	return &BudgetLatency{
		Typical: budget.Pair[string]{Now: about(l.Now.Typical), Planned: about(l.Planned.Typical)},
		Worst:   budget.Pair[string]{Now: about(l.Now.Worst), Planned: about(l.Planned.Worst)},
	}
}

func newBudgetItem(item budget.Item) BudgetItem {
	r := BudgetItem{
		Ref: NewRef(item.Object), Environment: item.Environment, Receiver: item.Receiver,
		Interval:   budget.Pair[string]{Now: due(item.Interval.Now), Planned: due(item.Interval.Planned)},
		Reconciles: rounded(item.Reconciles), Requests: rounded(item.Requests), APIRequests: rounded(item.APIRequests),
		Address: item.Address.String(), Protocol: string(item.Cost.Protocol), Asks: item.Cost.Note, AtLeast: item.Cost.AtLeast, Failure: string(item.Failure),
	}
	if item.Cost.Protocol == budget.Git {
		r.RefKind = string(item.Remote.Ref.Kind)
	}
	if d := item.Delivery; d != nil {
		r.LatencyUnknown, r.DependsOn = d.Why, d.Depth
		r.Receiver = cmp.Or(r.Receiver, d.Receiver)
		if d.Known {
			r.Latency = newBudgetLatency(d.Latency)
		}
	}
	if o := item.Observed; o != nil {
		r.Observed = &BudgetObservation{Reconciles: round(o.PerHour), Duration: about(o.Mean), Over: about(o.Over)}
	}
	return r
}

func due(interval time.Duration) string {
	if interval <= 0 {
		return ""
	}
	return flux.FormatDuration(interval)
}

// about rounds a duration to what can be meant: whole seconds from ten on, tenths from one on.
func about(d time.Duration) string {
	switch {
	case d >= 10*time.Second:
		d = d.Round(time.Second)
	case d >= time.Second:
		d = d.Round(100 * time.Millisecond)
	default:
		d = d.Round(time.Millisecond)
	}
	return flux.FormatDuration(d)
}

func rounded(r budget.Rates) budget.Rates {
	return budget.Rates{Now: round(r.Now), Planned: round(r.Planned)}
}

func round(f float64) float64 { return math.Round(f*100) / 100 }
