package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
)

// Client reads from and writes to one cluster. It is safe for concurrent use.
type Client struct {
	kube *kube.Client   // reads, again where that can help
	rest rest.Interface // writes, once, over the same connections

	config *rest.Config

	// kinds is what the API server served when it was last asked.
	mu      sync.Mutex
	kinds   served
	kindsAt time.Time
}

// NewClient makes a client for a cluster. It does not limit the rate of requests itself, as client-go
// would (5/s): reads are few and the API server's priority and fairness protects it; writes are paced
// by ApplyOptions.
func NewClient(config *rest.Config) (*Client, error) {
	reader, err := kube.New(config, kube.Limits{})
	if err != nil {
		return nil, fmt.Errorf("making a client for %s: %w", config.Host, err)
	}
	config = rest.CopyConfig(config)
	config.QPS = -1
	config.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	config.AcceptContentTypes, config.ContentType = "application/json", "application/json"
	client, err := rest.UnversionedRESTClientForConfigAndClient(config, reader.HTTP(false))
	if err != nil {
		return nil, fmt.Errorf("making a client for %s: %w", config.Host, err)
	}
	return &Client{kube: reader, rest: client, config: config}, nil
}

// identifyWithin is how long it may take to read which cluster this is, of one that has answered: what was read tells, too.
const identifyWithin = 10 * time.Second

// Seen is the cluster as this client sees it, to be compared with others: some of the objects that were read are its
// witnesses.
func (c *Client) Seen(ctx context.Context, objects []flux.Object) kube.Seen {
	limited, cancel := context.WithTimeoutCause(ctx, identifyWithin, kube.ErrLate)
	defer cancel()
	uid, err := c.kube.Cluster(limited) // who may not read it has witnesses
	const few = 3                       // are enough: one that both see tells
	seen, names := kube.Seen{Client: c.kube, UID: uid, Untold: err}, map[string][]kube.Witness{}
	for _, o := range objects {
		collection := urlPath(path(o.KindRow(), o.Version, o.Namespace))
		if len(names[collection]) == 0 {
			seen.Collections = append(seen.Collections, collection)
		}
		if len(names[collection]) < few {
			names[collection] = append(names[collection], kube.Witness{Collection: collection, Name: o.Name})
		}
	}
	seen.Witnesses = func(_ context.Context, collection string) []kube.Witness { return names[collection] }
	return seen
}

// served maps each kind's name to the API versions that the cluster serves, the one to use first; kinds that it does not
// serve are absent.
type served map[string][]string

// use is the API version in which a kind is read; "" where the cluster does not serve it.
func (s served) use(kind string) string {
	if len(s[kind]) == 0 {
		return ""
	}
	return s[kind][0]
}

// flux tells whether any of Flux's own kinds is served: the Flux Operator alone is not enough.
func (s served) flux() bool {
	return slices.ContainsFunc(flux.Kinds(), func(k flux.Kind) bool { return s.use(k.Name) != "" })
}

// noteServed tells Receivers which of the kinds and versions that they name are served.
func (s served) noteServed(objects []flux.Object) {
	for i := range objects {
		objects[i].NoteServed("the cluster", func(k flux.Kind) []string { return s[k.Name] })
		objects[i].NoteUnserved("the cluster", func(kind string) bool { return s.use(kind) != "" })
	}
}

// kindsFor is how long an answer about kinds is taken for true: one command asks once. An older one would hide a CRD just
// installed.
const kindsFor = 5 * time.Second

// discover tells which of Flux's kinds the API server serves.
func (c *Client) discover(ctx context.Context) (served, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kinds != nil && time.Since(c.kindsAt) < kindsFor {
		return c.kinds, nil
	}
	s, err := c.askKinds(ctx)
	if err == nil {
		c.kinds, c.kindsAt = s, time.Now()
	}
	return s, err
}

// askKinds asks, in two requests where the API server aggregates discovery (Kubernetes 1.26 and newer).
func (c *Client) askKinds(ctx context.Context) (served, error) {
	client := discovery.NewDiscoveryClient(c.rest)
	groups, resources, _, err := client.GroupsAndMaybeResourcesWithContext(ctx)
	if err != nil {
		return nil, fmt.Errorf("asking the API server for its kinds: %w", err)
	}
	if !slices.ContainsFunc(groups.Groups, func(g metav1.APIGroup) bool { return g.Name != "" }) {
		return nil, fmt.Errorf("asking the API server for its kinds: it names no group: %w", kube.ErrMalformed) // every one has some
	}
	known := slices.Concat(flux.Kinds(), flux.OperatorKinds(), flux.CostKinds())
	versions := make(map[string][]string)
	for _, group := range groups.Groups {
		if !slices.ContainsFunc(known, func(k flux.Kind) bool { return k.Group == group.Name }) {
			continue
		}
		for _, v := range group.Versions {
			list, ok := resources[schema.GroupVersion{Group: group.Name, Version: v.Version}]
			if !ok {
				list, err = client.ServerResourcesForGroupVersionWithContext(ctx, v.GroupVersion)
				if err == nil && len(list.APIResources) == 0 {
					err = fmt.Errorf("it names none: %w", kube.ErrMalformed)
				}
				if err != nil {
					return nil, fmt.Errorf("asking the API server for the kinds of %s: %w", v.GroupVersion, err)
				}
			}
			for _, r := range list.APIResources {
				if !strings.Contains(r.Name, "/") {
					versions[r.Kind] = append(versions[r.Kind], v.Version)
				}
			}
		}
	}
	s := make(served)
	for _, k := range known {
		if use := k.ServedVersion(versions[k.Name]); use != "" {
			others := slices.DeleteFunc(versions[k.Name], func(v string) bool { return v == use })
			s[k.Name] = append([]string{use}, others...)
		}
	}
	return s, nil
}

// path returns the URL path of a kind's collection in a namespace, or in all of them ("").
func path(k flux.Kind, version, namespace string) []string {
	p := []string{"apis", k.Group, version}
	if namespace != "" {
		p = append(p, "namespaces", namespace)
	}
	return append(p, k.Resource)
}

func objectPath(o flux.Object) []string {
	return append(path(o.KindRow(), o.Version, o.Namespace), o.Name)
}

// ServerVersion asks for the Kubernetes version of the API server: "v1.36.3".
func (c *Client) ServerVersion(ctx context.Context) (string, error) {
	data, err := c.raw(ctx, []string{"version"})
	if err != nil {
		return "", fmt.Errorf("asking the API server for its version: %w", err)
	}
	var v struct {
		GitVersion string `json:"gitVersion"`
	}
	if err := json.Unmarshal(data, &v); err != nil {
		return "", fmt.Errorf("reading the API server's version: %w", err)
	}
	if v.GitVersion == "" {
		return "", fmt.Errorf("reading the API server's version: it says none: %w", kube.ErrMalformed)
	}
	return v.GitVersion, nil
}
