package budget

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Host is what one host gets.
type Host struct {
	Name    string // "" where a URL names none
	Sources int    // objects that poll it; suspended ones do not
	// Requests per hour, of all protocols.
	Requests  Rates
	Protocols []ProtocolLoad
	// Others are the requests per hour of objects that were read and are not among those that were asked for, as they are
	// now: Used counts what the plan makes of them.
	Others float64
	// Limit of the host; nil without one. Used is in percent of it, and counts the others, too, and all ports of the name
	// where the limit is the name's.
	Limit *Limit
	Used  Rates
	// Receivers is how many of the sources get all that is new in them at once by one.
	Receivers int
	// Clones per hour: reconciles that transfer a whole repository.
	Clones Rates
	// Bytes per hour that are transferred while nothing changes, by the size of the artifacts: of clones and of index files.
	Bytes Rates
	// Clusters say what each asks, the one that asks most first; nil where one is looked at.
	Clusters []ClusterLoad
	Bursts
}

// ClusterLoad is what a cluster asks of a host.
type ClusterLoad struct {
	Cluster string
	// Sources that poll the host.
	Sources int
	// Requests per hour, of all protocols.
	Requests Rates
	// Used is their share of the host's limit, in percent; 0 without one.
	Used Rates
}

// ProtocolLoad is a host's requests by protocol.
type ProtocolLoad struct {
	Protocol Protocol
	Sources  int
	Requests Rates
}

// Repository is what is polled at one address, by however many objects.
type Repository struct {
	Address  flux.Address
	Protocol Protocol
	// Objects that poll it: each one for itself, there is no sharing between them.
	Objects  []flux.Located
	Refs     []flux.RemoteRef // what they look for, each once
	Requests Rates
	// Saving in requests per hour, if those shared one source that differ in nothing but how it is called
	// and how often it polls, with the shortest of their intervals: those of one namespace, and those of
	// all together, which takes references across namespaces.
	Saving, SavingAcross Rates
}

// Credential is what goes to a host under one credential. Secrets of one name in several namespaces and clusters are
// taken for the same credential; none is read.
type Credential struct {
	Host string
	// Secret is the name of spec.secretRef, Provider that of a cloud identity; both "" for none.
	Secret, Provider string
	// Namespaces of all clusters, and Clusters; 1 where no cluster has a name.
	Namespaces, Clusters int
	Sources              int
	Requests             Rates
}

// grouped collects items under keys, and gives them back in the order in which they came first.
type grouped[K comparable, V any] struct {
	byKey map[K]*V
	order []*V
}

func (g *grouped[K, V]) get(key K, fresh func() V) *V {
	if v, ok := g.byKey[key]; ok {
		return v
	}
	if g.byKey == nil {
		g.byKey = map[K]*V{}
	}
	v := fresh()
	g.byKey[key] = &v
	g.order = append(g.order, &v)
	return &v
}

func (g *grouped[K, V]) sorted(compare func(a, b V) int) []V {
	list := make([]V, 0, len(g.order))
	for _, v := range g.order {
		list = append(list, *v)
	}
	sorting.By(list, compare)
	return list
}

func hosts(items []Item, others map[Asker]Rates, bursts map[string]Bursts, limits Limits) []Host {
	var g grouped[string, Host]
	clusters := map[string]bool{}
	for _, item := range items {
		clusters[item.Object.Cluster] = true
		if item.Requests == (Rates{}) {
			continue
		}
		h := g.get(item.Address.Host, func() Host { return Host{Name: item.Address.Host} })
		h.Sources++
		h.Requests = sum(h.Requests, item.Requests)
		h.add(item.Cost.Protocol, item.Requests)
		h.addCluster(item.Object.Cluster, item.Requests)
		h.Bytes = sum(h.Bytes, item.Bytes)
		if item.Cost.Clones {
			h.Clones = sum(h.Clones, item.Reconciles)
		}
		if item.AtOnce {
			h.Receivers++
		}
	}
	for by, requests := range others { // what follows from the plan is to be seen, whoever asks
		if requests.Now != requests.Planned {
			g.get(by.Host, func() Host { return Host{Name: by.Host} })
		}
	}
	list := g.sorted(func(a, b Host) int { return cmp.Or(busiest(a.Requests, b.Requests), strings.Compare(a.Name, b.Name)) })
	for i := range list {
		list[i].Bursts = bursts[list[i].Name]
		if limit, ok := limits.find(list[i].Name); ok {
			list[i].Limit = &limit
		}
	}
	for by, requests := range others {
		if i := slices.IndexFunc(list, func(h Host) bool { return h.Name == by.Host }); i >= 0 {
			list[i].Others += requests.Now
		}
	}
	use(list, others, limits)
	for i := range list {
		list[i].rankClusters(len(clusters) > 1)
	}
	return list
}

func (h *Host) addCluster(name string, requests Rates) {
	i := slices.IndexFunc(h.Clusters, func(c ClusterLoad) bool { return c.Cluster == name })
	if i < 0 {
		i = len(h.Clusters)
		h.Clusters = append(h.Clusters, ClusterLoad{Cluster: name})
	}
	h.Clusters[i].Sources++
	h.Clusters[i].Requests = sum(h.Clusters[i].Requests, requests)
}

// rankClusters puts the clusters in order, with their shares of the limit; where one is looked at there is nothing to tell.
func (h *Host) rankClusters(several bool) {
	if !several {
		h.Clusters = nil
		return
	}
	for i, c := range h.Clusters {
		if h.Limit != nil {
			h.Clusters[i].Used = shareOf(c.Requests, h.Limit.PerHour)
		}
	}
	sorting.By(h.Clusters, func(a, b ClusterLoad) int {
		return cmp.Or(busiest(a.Requests, b.Requests), strings.Compare(a.Cluster, b.Cluster))
	})
}

// Percent is how much of a limit requests are, without the crumbs that sums of fractions leave: exactly at a share is not above it.
func Percent(requests, limit float64) float64 {
	const digits = 1e9
	return math.Round(requests/limit*100*digits) / digits
}

// shareOf is so for now and planned.
func shareOf(requests Rates, limit float64) Rates {
	return Rates{Now: Percent(requests.Now, limit), Planned: Percent(requests.Planned, limit)}
}

// use says how much of its limit each host uses. The limit of a name is one for all its ports.
func use(list []Host, others map[Asker]Rates, limits Limits) {
	used := map[string]Rates{}
	for _, h := range list {
		key := limits.key(h.Name)
		used[key] = sum(used[key], h.Requests)
	}
	for by, requests := range others {
		key := limits.key(by.Host)
		used[key] = sum(used[key], requests)
	}
	for i, h := range list {
		if h.Limit != nil {
			list[i].Used = shareOf(used[limits.key(h.Name)], h.Limit.PerHour)
		}
	}
}

func (h *Host) add(p Protocol, requests Rates) {
	i := slices.IndexFunc(h.Protocols, func(l ProtocolLoad) bool { return l.Protocol == p })
	if i < 0 {
		i = len(h.Protocols)
		h.Protocols = append(h.Protocols, ProtocolLoad{Protocol: p})
	}
	h.Protocols[i].Sources++
	h.Protocols[i].Requests = sum(h.Protocols[i].Requests, requests)
}

// share is what two sources have to have in common to be replaced by one. The fingerprint is of the
// whole spec (ref, ignore, sparse checkout, includes, credential, verification ...).
type share struct {
	flux.Address
	Protocol
	cluster          string // what is in one cannot use what is in another
	namespace, kind  string
	ref              flux.RemoteRef
	secret, provider string
	fingerprint      uint64
}

// sharing works out what sharing saves: everything but the requests of the fastest.
type sharing map[share]Rates

func (most sharing) saved(k share, requests Rates) Rates {
	before := most[k]
	most[k] = Rates{Now: max(before.Now, requests.Now), Planned: max(before.Planned, requests.Planned)}
	return Rates{Now: requests.Now + before.Now - most[k].Now, Planned: requests.Planned + before.Planned - most[k].Planned}
}

func repositories(items []Item) []Repository {
	type key struct {
		flux.Address
		Protocol
	}
	var g grouped[key, Repository]
	within, across := sharing{}, sharing{}
	for _, item := range items {
		if item.Requests == (Rates{}) {
			continue
		}
		r := g.get(key{item.Address, item.Cost.Protocol}, func() Repository { return Repository{Address: item.Address, Protocol: item.Cost.Protocol} })
		r.Objects = append(r.Objects, item.Object.Located())
		r.Requests = sum(r.Requests, item.Requests)
		if !slices.Contains(r.Refs, item.Remote.Ref) {
			r.Refs = append(r.Refs, item.Remote.Ref)
		}
		if !shareable(item) {
			continue
		}
		k := share{
			item.Address, item.Cost.Protocol, item.Object.Cluster, item.Object.Namespace, item.Object.Kind,
			item.Remote.Ref, item.Remote.Secret, item.Remote.Provider, item.Remote.Fingerprint,
		}
		r.Saving = sum(r.Saving, within.saved(k, item.Requests))
		k.namespace = ""
		r.SavingAcross = sum(r.SavingAcross, across.saved(k, item.Requests))
	}
	return g.sorted(func(a, b Repository) int {
		return cmp.Or(busiest(a.Requests, b.Requests), strings.Compare(a.Address.String(), b.Address.String()), strings.Compare(string(a.Protocol), string(b.Protocol)))
	})
}

// shareable: automations, charts, policies and inputs poll for themselves whatever they refer to.
func shareable(item Item) bool {
	switch item.Object.Kind {
	case "GitRepository", "OCIRepository", "Bucket", "HelmRepository", "ImageRepository":
		return true
	default:
		return false
	}
}

func credentials(items []Item) []Credential {
	type key struct{ host, secret, provider string }
	var g grouped[key, Credential]
	type namespace struct{ cluster, name string }
	namespaces, clusters := map[key]map[namespace]bool{}, map[key]map[string]bool{}
	for _, item := range items {
		if item.Requests == (Rates{}) {
			continue
		}
		k := key{item.Address.Host, item.Remote.Secret, item.Remote.Provider}
		c := g.get(k, func() Credential { return Credential{Host: k.host, Secret: k.secret, Provider: k.provider} })
		c.Sources++
		c.Requests = sum(c.Requests, item.Requests)
		if namespaces[k] == nil {
			namespaces[k], clusters[k] = map[namespace]bool{}, map[string]bool{}
		}
		namespaces[k][namespace{item.Object.Cluster, item.Object.Namespace}] = true
		clusters[k][item.Object.Cluster] = true
		c.Namespaces, c.Clusters = len(namespaces[k]), len(clusters[k])
	}
	return g.sorted(func(a, b Credential) int {
		return cmp.Or(busiest(a.Requests, b.Requests), strings.Compare(a.Host, b.Host), strings.Compare(a.Secret, b.Secret), strings.Compare(a.Provider, b.Provider))
	})
}
