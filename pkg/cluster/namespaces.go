package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// metadataOnly asks for labels without spec and status.
const metadataOnly = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"

// readNamespaces fills in the labels of all namespaces, or, where listing them is forbidden, of those
// that the snapshot's objects need, one by one.
func (c *Client) readNamespaces(ctx context.Context, snapshot *flux.Snapshot) error {
	if snapshot.Namespaces == nil {
		snapshot.Namespaces = make(map[string]map[string]string)
		found, err := list(ctx, c, query{path: []string{"api", "v1", "namespaces"}, kind: "Namespace", accept: metadataOnly}, decodeNamespace)
		for _, n := range found {
			snapshot.Namespaces[n.name] = n.labels
		}
		if err == nil {
			snapshot.AllNamespaces = true
			return nil
		}
		if !apierrors.IsForbidden(err) {
			return fmt.Errorf("listing namespaces: %w", err)
		}
	}
	return c.readOneByOne(ctx, snapshot)
}

// ReadLabels reads the labels of a snapshot's namespaces anew. Where that fails, they are what they were.
func (c *Client) ReadLabels(ctx context.Context, snapshot *flux.Snapshot) error {
	fresh := flux.Snapshot{Objects: snapshot.Objects, Related: snapshot.Related}
	if err := c.readNamespaces(ctx, &fresh); err != nil {
		return err
	}
	snapshot.Namespaces, snapshot.Refused = fresh.Namespaces, fresh.Refused
	return nil
}

// namespacesAtOnce is how many namespaces are read side by side.
const namespacesAtOnce = 8

// readOneByOne fills in the labels of the namespaces that the snapshot's objects need, where they may not be
// listed. Each is asked for once.
func (c *Client) readOneByOne(ctx context.Context, snapshot *flux.Snapshot) error {
	names := slices.DeleteFunc(neededNamespaces(*snapshot), func(name string) bool {
		_, known := snapshot.Namespaces[name]
		return known || slices.Contains(snapshot.Refused, name)
	})
	labels := make([]map[string]string, len(names))
	refused := make([]bool, len(names))
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(namespacesAtOnce)
	for i, name := range names {
		group.Go(func() error {
			data, err := c.one(groupCtx, "Namespace", []string{"api", "v1", "namespaces", name})
			switch {
			case err == nil:
				found, err := decodeNamespace(data)
				labels[i] = found.labels
				return err
			case apierrors.IsForbidden(err):
				refused[i] = true
			case !apierrors.IsNotFound(err):
				return fmt.Errorf("reading namespace %q: %w", name, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i, name := range names {
		if refused[i] {
			snapshot.Refused = append(snapshot.Refused, name)
		} else {
			snapshot.Namespaces[name] = labels[i]
		}
	}
	const why = "forbidden: an environment that only they name stays unknown (ask for get on namespaces, or use --default-env)"
	snapshot.Gaps = slices.DeleteFunc(snapshot.Gaps, func(g flux.Gap) bool { return g.Why == why })
	if len(snapshot.Refused) > 0 {
		slices.Sort(snapshot.Refused)
		snapshot.Gaps = append(snapshot.Gaps, flux.Gap{What: "labels of namespace " + strings.Join(snapshot.Refused, ", "), Why: why, Labels: true})
	}
	return nil
}

func neededNamespaces(s flux.Snapshot) []string {
	var names []string
	for o := range s.All() {
		names = append(names, o.Namespace)
		if o.TargetNamespace != "" {
			names = append(names, o.TargetNamespace)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// namespace is what matters of one.
type namespace struct {
	name   string
	labels map[string]string
}

func decodeNamespace(data []byte) (namespace, error) {
	var n struct {
		Metadata struct {
			Name   string            `json:"name"`
			Labels map[string]string `json:"labels"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal(data, &n); err != nil {
		return namespace{}, fmt.Errorf("reading a namespace: %w", err)
	}
	return namespace{n.Metadata.Name, n.Metadata.Labels}, nil
}

// Namespaces lists the names of all namespaces, sorted.
func (c *Client) Namespaces(ctx context.Context) ([]string, error) {
	q := query{path: []string{"api", "v1", "namespaces"}, kind: "Namespace", accept: metadataOnly}
	names, err := list(ctx, c, q, func(data []byte) (string, error) {
		found, err := decodeNamespace(data)
		return found.name, err
	})
	slices.Sort(names)
	return names, err
}
