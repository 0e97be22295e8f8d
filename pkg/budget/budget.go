package budget

import (
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// Input is what a budget is made from.
type Input struct {
	// Items are the objects to judge, each with what the plan does to it.
	Items []tune.Item
	// Others are further objects that explain them: sources, Receivers, dependencies. They cost nothing
	// here.
	Others []tune.Item
	Limits Limits
	// Controllers that were found; the defaults stand in for the others.
	Controllers []flux.Controller
	// Observed is what metrics say about reconciles; nil without them.
	Observed map[flux.Ref]flux.Observation
	// Environments give the order of the environments.
	Environments []string
}

// Budget is what intervals cost and buy.
type Budget struct {
	// Git requests per hour: those over git smart HTTP and SSH.
	Git Rates
	// Requests of all protocols to all hosts per hour.
	Requests     Rates
	Hosts        []Host
	Repositories []Repository
	Credentials  []Credential
	APIServer    APIServer
	Workers      []Workers
	Environments []Environment
	Webhooks     Webhooks
	Items        []Item
	// Defaults names the controllers whose flags were not read, so that their defaults are assumed.
	Defaults []string
	// JitterPercent that the latencies count with: source-controller's.
	JitterPercent int
}

// Item is what one object costs and buys.
type Item struct {
	Object      flux.Object
	Environment string
	Interval    Pair[time.Duration]
	// Reconciles per hour that the interval makes.
	Reconciles Rates
	// Requests per hour to its host; Cost says which. The zero Cost asks nothing.
	Requests Rates
	Cost     Cost
	// Remote is what it polls, or what the source polls that it goes to itself; Address is its URL in a
	// form that can be compared.
	Remote  flux.Remote
	Address Address
	// APIRequests per hour to the kube-apiserver.
	APIRequests Rates
	// Delivery of a Kustomization or HelmRelease; nil for other kinds.
	Delivery *Delivery
	// Receiver that notifies it; "" without one.
	Receiver string
	Observed *flux.Observation
}

// Webhooks are the sources that Receivers cover. A webhook brings a commit at once, so their polling
// can be relaxed.
type Webhooks struct {
	Sources int
	// Requests per hour that polling them costs all the same.
	Requests Rates
}

// New works a budget out. It takes time proportional to the number of objects.
func New(in Input) Budget {
	f := newFleet(in)
	b := Budget{JitterPercent: f.settings[flux.SourceController].JitterPercent, Items: make([]Item, 0, len(f.shown))}
	for _, s := range f.shown {
		item := f.item(s)
		b.Items = append(b.Items, item)
		b.Requests = sum(b.Requests, item.Requests)
		if item.Cost.Protocol == Git {
			b.Git = sum(b.Git, item.Requests)
		}
		if item.Receiver != "" && item.Requests != (Rates{}) {
			b.Webhooks.Sources++
			b.Webhooks.Requests = sum(b.Webhooks.Requests, item.Requests)
		}
	}
	b.Hosts = hosts(b.Items, in.Limits)
	b.Repositories = repositories(b.Items)
	b.Credentials = credentials(b.Items)
	b.APIServer = apiServer(b.Items)
	b.Workers = f.workers()
	b.Environments = f.environments(b.Items, in.Environments)
	b.Defaults = missing(b.Workers)
	return b
}

func (f *fleet) item(s *subject) Item {
	item := Item{Object: *s.object, Environment: s.environment, Interval: s.interval, Reconciles: s.reconciles()}
	if s.receiver != nil {
		item.Receiver = s.receiver.Ref.String()
	}
	if cost, ok := f.cost(s); ok {
		item.Cost = cost
		item.Requests = times(item.Reconciles, cost.Unchanged)
		item.Remote = f.remote(s)
		item.Address = ParseAddress(item.Remote.URL, cost.Protocol == Image)
		if cost.Protocol == Bucket {
			item.Address.Path = item.Remote.Bucket
		}
	}
	if s.object.Kind == "Kustomization" {
		item.APIRequests = times(item.Reconciles, applyRequests*float64(s.object.Status.Managed))
	}
	if s.object.KindRow().Consumer {
		d := f.deliver(s)
		item.Delivery = &d
	}
	if o, ok := f.observed[s.object.Ref]; ok {
		item.Observed = &o
	}
	return item
}

// Used is the highest share of a limit that any host uses, in percent, and that host; false where no
// host that is asked has a limit.
func (b Budget) Used(plannedToo bool) (percent float64, host Host, found bool) {
	for _, h := range b.Hosts {
		if h.Limit == nil {
			continue
		}
		used := h.Used.Now
		if plannedToo {
			used = h.Used.Planned
		}
		if !found || used > percent {
			percent, host, found = used, h, true
		}
	}
	return percent, host, found
}

// Changes tells whether the plan changes any interval.
func (b Budget) Changes() bool {
	for _, item := range b.Items {
		if item.Interval.Now != item.Interval.Planned {
			return true
		}
	}
	return false
}
