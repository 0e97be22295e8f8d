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
	// Notifiers are the notification-controllers, whose flags say what Receivers may notify.
	Notifiers flux.Notifiers
	// Partial says that objects that may poll the same hosts were not read, Beyond that other clusters may poll them.
	Partial, Beyond bool
	// Now is when the objects were read: it tells how long something has been failing. The zero time where
	// that does not matter.
	Now time.Time
}

// Budget is what intervals cost and buy.
type Budget struct {
	// Git requests per hour: those over git smart HTTP and SSH.
	Git Rates
	// Requests of all protocols to all hosts per hour.
	Requests Rates
	Hosts    []Host
	// Fetched are what hosts get from a new pod of source-controller that nothing polls.
	Fetched      map[string]Burst
	Repositories []Repository
	Credentials  []Credential
	APIServer    APIServer
	Workers      []Workers
	Environments []Environment
	Webhooks     Webhooks
	Failing      Failing
	// Includes counts the GitRepositories that include others.
	Includes int
	// Rollouts counts the Kustomizations and HelmReleases whose latency is known and that wait until what they apply is healthy.
	Rollouts int
	// Scheduled counts the ResourceSetInputProviders that ask a host by spec.schedule: how often that is, is not known.
	Scheduled int
	Items     []Item
	// Idle are the objects that were asked for, only explain others and are in no item: never due, they ask nobody.
	Idle []flux.Ref
	// Defaults names the controllers whose flags were not read, so that their defaults are assumed.
	Defaults []string
	// Partial says that objects that may poll the same hosts were not read, Beyond that other clusters may poll them.
	Partial, Beyond bool
	// bursts are what hosts get when all is due at once.
	bursts map[string]Bursts
	// limits say which ports share that of their host.
	limits Limits
	// others are what objects ask that were read, and not asked for.
	others map[Asker]Rates
	// JitterPercent that the latencies count with: source-controller's.
	JitterPercent int
}

// Item is what one object costs and buys.
type Item struct {
	Object      flux.Object
	Environment string
	Interval    Pair[time.Duration]
	// Reconciles per hour that the interval and how long they take make, or that failing does.
	Reconciles Rates
	// Failure says how it goes on where it is not ready.
	Failure Failure
	// Follows are the objects whose intervals decide how often it asks, where its own does not: the HelmRelease of a HelmChart that is made,
	// the Kustomizations that an Alert tells of.
	Follows []flux.Ref
	// Requests per hour to its host; Cost says which. The zero Cost asks nothing.
	Requests Rates
	Cost     Cost
	// Bytes per hour that are transferred while nothing changes, by the size of the artifact (weigh).
	Bytes Rates
	// size of what each reconcile transfers, in bytes; 0 where it is not known.
	size int64
	// mended is what it would ask if it did not fail.
	mended Rates
	// perPoll is what one poll asks while it does not fail.
	perPoll float64
	// Remote is what it polls, or what the source polls that it goes to itself; Address is its URL in a
	// form that can be compared.
	Remote  flux.Remote
	Address flux.Address
	// APIRequests per hour to the kube-apiserver; ownAPI are those of them that are not for what it manages.
	APIRequests, ownAPI Rates
	// Delivery of a Kustomization or HelmRelease; nil for other kinds.
	Delivery *Delivery
	// Fetched is from what is pushed to a source's artifact; zero for other kinds, and where it is not known.
	Fetched Pair[Latency]
	// Receiver that brings at once what is new at its own address; "" without one, or where calls seem not to arrive.
	Receiver string
	// AtOnce says that nobody waits for its poll: a Receiver brings all that is new in it (webhook.Notice, Everything).
	AtOnce bool
	// Uncalled says that a Receiver notifies it, and that no call is known which shows that its host does: it counts as polled.
	Uncalled bool
	Observed *flux.Observation
	// Drift is how long a Kustomization takes at most to correct drift: its interval, with jitter.
	Drift Pair[time.Duration]
}

// Webhooks are the sources for whose poll nobody waits: Receivers bring all that is new in them at once, so their polling
// can be relaxed.
type Webhooks struct {
	Sources int
	// Requests per hour that polling them costs all the same.
	Requests Rates
	// Uncalled are sources with a Receiver that count as polled, since no call is known.
	Uncalled int
}

// New works a budget out. It takes time proportional to the number of objects.
func New(in Input) Budget {
	f := newFleet(in)
	items := make([]Item, 0, len(f.shown))
	var idle []flux.Ref
	for _, s := range f.shown {
		if f.linksOnly(s.object) {
			idle = append(idle, s.object.Ref)
			continue
		}
		items = append(items, f.item(s))
	}
	b := sumUp(items, f.others(in.Others), f.bursts(items), in.Limits, in.Environments)
	b.Partial, b.Beyond, b.Idle = in.Partial, in.Beyond, idle
	b.JitterPercent = f.settings.Jitter(flux.SourceController)
	b.APIServer = f.apiServer(b.Items)
	b.Workers = f.workers(in.Others)
	b.Defaults = missing(b.Workers)
	return b
}

// others adds up what objects ask of hosts that only explain those that were asked for: the hosts get that, too. They stay
// as they are, but for what follows from these.
func (f *fleet) others(items []tune.Item) map[Asker]Rates {
	asked := map[Asker]Rates{}
	for i := range items {
		s := f.byRef[items[i].Object.Ref]
		if s == nil || f.linksOnly(s.object) {
			continue
		}
		s.reconciles = f.dueBeside(s)
		item := Item{Object: *s.object, Interval: s.interval, Reconciles: s.reconciles, Failure: s.failure}
		f.ask(s, &item)
		if item.Requests != (Rates{}) {
			asked[item.Asker()] = sum(asked[item.Asker()], item.Requests)
		}
	}
	return asked
}

// sumUp adds up what items cost. Others are what hosts are asked beside them.
func sumUp(items []Item, others map[Asker]Rates, bursts map[string]Bursts, limits Limits, environments []string) Budget {
	weigh(items)
	b := Budget{Items: items, others: others, bursts: bursts, limits: limits}
	for i := range items {
		item := &items[i]
		b.Failing.add(item)
		if len(item.Object.Polling.Includes) > 0 {
			b.Includes++
		}
		if item.Object.Waits && item.Delivery != nil && item.Delivery.Known {
			b.Rollouts++
		}
		if o := item.Object; o.Kind == flux.ResourceSetInputProviderKind && o.Polling.NoInterval && !o.Suspended && item.Cost.Protocol != "" {
			b.Scheduled++
		}
		b.Requests = sum(b.Requests, item.Requests)
		if item.Cost.Protocol == Git {
			b.Git = sum(b.Git, item.Requests)
		}
		if item.AtOnce && item.Requests != (Rates{}) {
			b.Webhooks.Sources++
			b.Webhooks.Requests = sum(b.Webhooks.Requests, item.Requests)
		}
		if item.Uncalled && item.Requests != (Rates{}) {
			b.Webhooks.Uncalled++
		}
	}
	b.Hosts = hosts(items, others, bursts, limits)
	b.Fetched = fetched(b.Hosts, bursts)
	b.Repositories = repositories(items)
	b.Credentials = credentials(items)
	b.Environments = byEnvironment(items, environments)
	return b
}

// linksOnly tells whether an object only explains others: it is never due, and asks nobody.
func (f *fleet) linksOnly(o *flux.Object) bool {
	switch o.Kind {
	case flux.ExternalArtifactKind, flux.ArtifactGeneratorKind, flux.ProviderKind:
		return true
	case flux.ImagePolicyKind:
		return o.Polling.NoInterval
	case flux.AlertKind:
		return f.provider(o) == nil
	default:
		return false
	}
}

func (f *fleet) item(s *subject) Item {
	item := Item{Object: *s.object, Environment: s.environment, Interval: s.interval, Reconciles: s.reconciles}
	if s.interval != (Pair[time.Duration]{}) {
		item.Failure = s.failure
	}
	if s.notice.Own() {
		item.Receiver, item.AtOnce = s.notice.Receiver.String(), s.notice.Everything()
	}
	item.Uncalled = s.notice.Uncalled()
	for _, of := range s.follows {
		item.Follows = append(item.Follows, of.object.Ref)
	}
	f.ask(s, &item)
	s.askAPI(&item)
	if s.object.Kind == "Kustomization" {
		item.Drift = pair(func(m moment) time.Duration { return f.settings.longest(s.object, *s.interval.at(m)) })
	}
	if s.object.KindRow().Consumer {
		d := f.deliver(s)
		item.Delivery = &d
	}
	if s.object.KindRow().Source && s.interval != (Pair[time.Duration]{}) {
		item.Fetched = f.polled(s, s.interval, 0).latency
	}
	if o, ok := f.observed[s.object.Ref]; ok {
		item.Observed = &o
	}
	return item
}

// ask fills in what an object asks of a host, and which; nothing for what asks nobody, be it well or not.
func (f *fleet) ask(s *subject, item *Item) {
	cost, polls := f.cost(s)
	asks := polls
	item.perPoll = cost.Unchanged
	item.mended = times(f.slowed(s, Rates{Now: perHour(item.Interval.Now), Planned: perHour(item.Interval.Planned)}), cost.Unchanged)
	if item.Failure != NoFailure {
		cost, asks = failed(s.object, item.Failure, cost)
	}
	if !polls && !asks {
		return
	}
	item.Cost = cost
	item.Remote = f.remote(s)
	item.Address = f.address(s.object, item.Remote, cost.Protocol)
	if asks {
		item.Requests = times(item.Reconciles, cost.Unchanged)
		item.size = f.size(s)
	}
}

// PerPoll is how many requests one poll makes under the plan while it does not fail; 0 where it is never due or asks nothing.
func (i Item) PerPoll() float64 {
	if i.Interval.Planned <= 0 {
		return 0
	}
	return i.perPoll
}

// Planned is how many requests an hour it makes under the plan, or would make if it did not fail: whichever is more.
func (i Item) Planned() float64 { return max(i.Requests.Planned, i.mended.Planned) }

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
