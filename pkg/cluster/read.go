package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Selection says which objects to read.
type Selection struct {
	Namespace     string // "" for all
	LabelSelector string
	// Kinds to read; none means all that the cluster serves.
	Kinds []flux.Kind
	// Names, where there are any, are read one by one instead of lists.
	Names []Name
}

// Name is one object in the selection's namespace.
type Name struct {
	Kind flux.Kind
	Name string
}

func (n Name) in(namespace string) string { return n.Kind.Name + " " + namespace + "/" + n.Name }

// NotFound is the gap of a name that a namespace does not have, in the API server's words.
func NotFound(n Name, namespace string) flux.Gap {
	err := apierrors.NewNotFound(schema.GroupResource{Group: n.Kind.Group, Resource: n.Kind.Resource}, n.Name)
	return flux.Gap{What: n.in(namespace), Why: fmt.Sprintf("%s in namespace %q", err, namespace), NotFound: true}
}

// Read reads the selected Flux objects and the labels of their namespaces. What could not be read is
// in the Snapshot's gaps. It is an error where the cluster cannot be reached, or serves none of Flux's
// kinds.
func (c *Client) Read(ctx context.Context, sel Selection) (flux.Snapshot, error) {
	s, err := c.discover(ctx)
	if err != nil {
		return flux.Snapshot{}, err
	}
	if !s.flux() {
		return flux.Snapshot{}, fmt.Errorf("the cluster serves none of Flux's kinds: is Flux installed there? (flux check, or look at your --context)")
	}
	var snapshot flux.Snapshot
	if len(sel.Names) > 0 {
		snapshot, err = c.readNames(ctx, s, sel)
	} else {
		snapshot, err = c.readKinds(ctx, s, sel)
	}
	if err != nil {
		return flux.Snapshot{}, err
	}
	flux.Sort(snapshot.Objects)
	if err := c.readNamespaces(ctx, &snapshot); err != nil {
		return flux.Snapshot{}, err
	}
	return snapshot, nil
}

// ReadRelated adds to a snapshot the Kustomizations and HelmReleases of all namespaces, the sources of
// those that apply its objects, and what the Flux Operator applies its objects from. Sources take their
// environment from their users; whether a change sticks depends on what applies an object. What may not
// be read is a harmless gap.
func (c *Client) ReadRelated(ctx context.Context, snapshot *flux.Snapshot) error {
	s, err := c.discover(ctx)
	if err != nil {
		return err
	}
	var kinds []flux.Kind
	for _, k := range flux.Kinds() {
		if k.Consumer && s[k.Name] != "" {
			kinds = append(kinds, k)
		}
	}
	found, err := c.readKinds(ctx, s, Selection{Kinds: kinds})
	if err != nil {
		return err
	}
	for _, gap := range found.Gaps {
		gap.Harmless = true
		snapshot.Gaps = append(snapshot.Gaps, gap)
	}
	snapshot.Related = found.Objects
	c.readOwnersSources(ctx, s, snapshot)
	if err := c.readNamespaces(ctx, snapshot); err != nil {
		return err
	}
	return c.readOperators(ctx, s, snapshot)
}

// readOperators adds the objects of the Flux Operator, where one of them applies an object of the
// snapshot. Only their metadata is asked for: a ResourceSet can be large.
func (c *Client) readOperators(ctx context.Context, s served, snapshot *flux.Snapshot) error {
	for _, k := range flux.OperatorKinds() {
		owns := func(o flux.Object) bool { ref, _ := o.Owner(); return ref.Group == k.Group && ref.Kind == k.Name }
		version := s[k.Name]
		if version == "" || !slices.ContainsFunc(snapshot.Objects, owns) {
			continue
		}
		var found []flux.Object
		q := query{path: path(k, version, ""), accept: metadataOnly}
		err := c.list(ctx, q, func() { found = nil }, func(data []byte) error {
			o, err := flux.Decode(data)
			o.Group, o.Kind, o.Version = k.Group, k.Name, version // the answer's is PartialObjectMetadata
			found = append(found, o)
			return err
		})
		switch {
		case err == nil:
			snapshot.Related = append(snapshot.Related, found...)
		case unreachable(err) || ctx.Err() != nil:
			return fmt.Errorf("listing %s: %w", scope(k.Resource, ""), err)
		default:
			snapshot.Gaps = append(snapshot.Gaps, flux.Gap{What: scope(k.Resource, ""), Why: err.Error(), Harmless: true, Forbidden: apierrors.IsForbidden(err)})
		}
	}
	return nil
}

// readOwnersSources adds the sources of the Kustomizations that apply the snapshot's objects, to tell
// where in Git a value lives. One that cannot be read goes by its name.
func (c *Client) readOwnersSources(ctx context.Context, s served, snapshot *flux.Snapshot) {
	known := make(map[flux.Ref]flux.Object)
	for _, o := range slices.Concat(snapshot.Objects, snapshot.Related) {
		known[o.Ref] = o
	}
	for _, o := range snapshot.Objects {
		ref, _ := o.Owner()
		source := known[ref].SourceRef
		row, ok := flux.ParseManifestKind(source.Group, source.Kind)
		if _, read := known[source]; read || !ok || s[row.Name] == "" {
			continue
		}
		found, err := c.object(ctx, row, s[row.Name], source.Namespace, source.Name)
		known[source] = found // once, also where it failed
		if err == nil {
			snapshot.Related = append(snapshot.Related, found)
		}
	}
}

func (c *Client) readKinds(ctx context.Context, s served, sel Selection) (flux.Snapshot, error) {
	kinds, asked := sel.Kinds, true
	if len(kinds) == 0 {
		kinds, asked = flux.Kinds(), false
	}
	lists := make([][]flux.Object, len(kinds))
	gaps := make([]*flux.Gap, len(kinds))
	group, groupCtx := errgroup.WithContext(ctx)
	for i, k := range kinds {
		version := s[k.Name]
		if version == "" {
			gaps[i] = &flux.Gap{What: k.Resource, Why: fmt.Sprintf("the cluster does not serve %s.%s", k.Resource, k.Group), Harmless: !asked}
			continue
		}
		group.Go(func() error {
			objects, err := c.objects(groupCtx, k, version, sel.Namespace, sel.LabelSelector)
			lists[i] = objects
			if err == nil {
				return nil
			}
			if unreachable(err) || groupCtx.Err() != nil {
				return fmt.Errorf("listing %s: %w", scope(k.Resource, sel.Namespace), err)
			}
			gaps[i] = &flux.Gap{What: scope(k.Resource, sel.Namespace), Why: err.Error(), Forbidden: apierrors.IsForbidden(err)}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return flux.Snapshot{}, err
	}
	return assemble(lists, gaps), nil
}

func assemble(lists [][]flux.Object, gaps []*flux.Gap) flux.Snapshot {
	s := flux.Snapshot{Objects: slices.Concat(lists...)}
	for _, gap := range gaps {
		if gap != nil {
			s.Gaps = append(s.Gaps, *gap)
		}
	}
	return s
}

func (c *Client) readNames(ctx context.Context, s served, sel Selection) (flux.Snapshot, error) {
	var snapshot flux.Snapshot
	for _, n := range sel.Names {
		version := s[n.Kind.Name]
		if version == "" {
			snapshot.Gaps = append(snapshot.Gaps, flux.Gap{What: n.Kind.Name + " " + n.Name, Why: fmt.Sprintf("the cluster does not serve %s.%s", n.Kind.Resource, n.Kind.Group)})
			continue
		}
		o, err := c.object(ctx, n.Kind, version, sel.Namespace, n.Name)
		switch {
		case err == nil:
			snapshot.Objects = append(snapshot.Objects, o)
		case unreachable(err) || ctx.Err() != nil:
			return flux.Snapshot{}, fmt.Errorf("reading %s %s/%s: %w", n.Kind.Name, sel.Namespace, n.Name, err)
		case apierrors.IsNotFound(err):
			snapshot.Gaps = append(snapshot.Gaps, NotFound(n, sel.Namespace))
		default:
			snapshot.Gaps = append(snapshot.Gaps, flux.Gap{What: n.in(sel.Namespace), Why: err.Error()})
		}
	}
	return snapshot, nil
}

// metadataOnly asks for labels without spec and status.
const metadataOnly = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"

// readNamespaces fills in the labels of all namespaces, or, where listing them is forbidden, of those
// that the snapshot's objects need, one by one.
func (c *Client) readNamespaces(ctx context.Context, snapshot *flux.Snapshot) error {
	if snapshot.Namespaces == nil {
		snapshot.Namespaces = make(map[string]map[string]string)
		err := c.list(ctx, query{path: []string{"api", "v1", "namespaces"}, accept: metadataOnly}, func() {},
			func(data []byte) error {
				name, labels, err := decodeNamespace(data)
				snapshot.Namespaces[name] = labels
				return err
			})
		if err == nil {
			return nil
		}
		if !apierrors.IsForbidden(err) {
			return fmt.Errorf("listing namespaces: %w", err)
		}
	}
	var refused []string
	for _, name := range neededNamespaces(*snapshot) {
		if _, known := snapshot.Namespaces[name]; known {
			continue
		}
		data, err := c.raw(ctx, []string{"api", "v1", "namespaces", name})
		switch {
		case err == nil:
			if _, snapshot.Namespaces[name], err = decodeNamespace(data); err != nil {
				return err
			}
		case apierrors.IsForbidden(err):
			refused = append(refused, name)
		case !apierrors.IsNotFound(err):
			return fmt.Errorf("reading namespace %q: %w", name, err)
		}
	}
	if len(refused) > 0 {
		snapshot.Gaps = append(snapshot.Gaps, flux.Gap{
			What: "labels of namespace " + strings.Join(refused, ", "),
			Why:  "forbidden: an environment that only they name stays unknown (ask for get on namespaces, or use --default-env)",
		})
	}
	return nil
}

func neededNamespaces(s flux.Snapshot) []string {
	var names []string
	for _, o := range slices.Concat(s.Objects, s.Related) {
		names = append(names, o.Namespace)
		if o.TargetNamespace != "" {
			names = append(names, o.TargetNamespace)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func decodeNamespace(data []byte) (name string, labels map[string]string, err error) {
	var n struct {
		Metadata struct {
			Name   string            `json:"name"`
			Labels map[string]string `json:"labels"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal(data, &n); err != nil {
		return "", nil, fmt.Errorf("reading a namespace: %w", err)
	}
	return n.Metadata.Name, n.Metadata.Labels, nil
}

func scope(resource, namespace string) string {
	if namespace == "" {
		return resource + " in all namespaces"
	}
	return fmt.Sprintf("%s in namespace %q", resource, namespace)
}

// Manifest reads the whole of an object, without its managed fields.
func (c *Client) Manifest(ctx context.Context, o flux.Object) (map[string]any, error) {
	data, err := c.raw(ctx, objectPath(o))
	if err != nil {
		return nil, err
	}
	var manifest map[string]any
	if err := json.Unmarshal(data, &manifest); err != nil {
		return nil, fmt.Errorf("reading %s: %w", o.Ref, err)
	}
	if metadata, ok := manifest["metadata"].(map[string]any); ok {
		delete(metadata, "managedFields")
	}
	return manifest, nil
}

// Namespaces lists the names of all namespaces, sorted.
func (c *Client) Namespaces(ctx context.Context) ([]string, error) {
	var names []string
	q := query{path: []string{"api", "v1", "namespaces"}, accept: metadataOnly}
	err := c.list(ctx, q, func() { names = nil }, func(data []byte) error {
		name, _, err := decodeNamespace(data)
		names = append(names, name)
		return err
	})
	slices.Sort(names)
	return names, err
}
