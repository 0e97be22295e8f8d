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
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
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

// holdsAll tells whether all objects of a kind are selected.
func (s Selection) holdsAll(k flux.Kind) bool {
	named := len(s.Kinds) == 0 || slices.ContainsFunc(s.Kinds, func(o flux.Kind) bool { return o.Name == k.Name })
	return named && s.Namespace == "" && s.LabelSelector == "" && len(s.Names) == 0
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
// those that apply its objects, what the Flux Operator applies its objects from, and the objects that rules of
// fluxtune name. Sources take their environment from their users; whether a change sticks depends on what applies an
// object. What may not be read is a harmless gap.
func (c *Client) ReadRelated(ctx context.Context, sel Selection, snapshot *flux.Snapshot) error {
	s, err := c.discover(ctx)
	if err != nil {
		return err
	}
	var kinds []flux.Kind
	for _, k := range flux.Kinds() {
		if k.Consumer && s[k.Name] != "" && !sel.holdsAll(k) {
			kinds = append(kinds, k)
		}
	}
	if len(kinds) == 0 {
		return c.explain(ctx, s, snapshot)
	}
	found, err := c.readKinds(ctx, s, Selection{Kinds: kinds})
	if err != nil {
		return err
	}
	for _, gap := range found.Gaps {
		gap.Harmless = true
		snapshot.Gaps = append(snapshot.Gaps, gap)
	}
	snapshot.Relate(found.Objects)
	return c.explain(ctx, s, snapshot)
}

// explain adds what is known by name only: sources of owners, objects that our rules name, namespaces, and objects of
// the Flux Operator.
func (c *Client) explain(ctx context.Context, s served, snapshot *flux.Snapshot) error {
	c.readOwnersSources(ctx, s, snapshot)
	if err := c.ReadPinned(ctx, snapshot); err != nil {
		return err
	}
	if err := c.readNamespaces(ctx, snapshot); err != nil {
		return err
	}
	return c.readOperators(ctx, s, snapshot)
}

// ReadPinned adds to a snapshot the objects that rules of fluxtune name, in the Kustomizations that it holds: their
// records say which rules are needed. Those that could not be read are noted; those that do not exist are not.
func (c *Client) ReadPinned(ctx context.Context, snapshot *flux.Snapshot) error {
	known := snapshot.Known()
	missing := make(map[place][]flux.Ref)
	for _, owner := range slices.Concat(snapshot.Objects, snapshot.Related) {
		for _, rule := range tune.OurRules(owner) {
			for _, ref := range tune.Targets(rule) {
				k, ok := flux.ParseManifestKind(ref.Group, ref.Kind)
				if _, there := known[ref]; ok && !there && !slices.ContainsFunc(snapshot.Unread, func(r flux.Ref) bool { return r == ref }) {
					missing[place{k.Name, ref.Namespace}] = append(missing[place{k.Name, ref.Namespace}], ref)
				}
			}
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return c.readPlaces(ctx, missing, snapshot)
}

// place is where objects are: a kind, by its name, in a namespace.
type place struct{ kind, namespace string }

// readPlaces lists some kinds in some namespaces, for the objects wanted there.
func (c *Client) readPlaces(ctx context.Context, wanted map[place][]flux.Ref, snapshot *flux.Snapshot) error {
	s, err := c.discover(ctx)
	if err != nil {
		return err
	}
	for at, refs := range wanted {
		kind, err := flux.ParseKind(at.kind)
		if err != nil {
			return err
		}
		objects, err := c.objects(ctx, kind, s[kind.Name], at.namespace, "")
		switch {
		case err == nil:
			snapshot.Relate(objects)
		case unreachable(err) || ctx.Err() != nil:
			return fmt.Errorf("listing %s: %w", scope(kind.Resource, at.namespace), err)
		default:
			snapshot.Unread = append(snapshot.Unread, refs...)
		}
	}
	return nil
}

// ReadSources adds the sources that the snapshot's objects use and that it does not hold. What may not be read goes by
// its name.
func (c *Client) ReadSources(ctx context.Context, snapshot *flux.Snapshot) error {
	known := snapshot.Known()
	wanted := make(map[place][]flux.Ref)
	for _, o := range snapshot.Objects {
		if _, there := known[o.SourceRef]; there || o.SourceRef.Name == "" {
			continue
		}
		if _, ok := flux.ParseManifestKind(o.SourceRef.Group, o.SourceRef.Kind); ok {
			at := place{o.SourceRef.Kind, o.SourceRef.Namespace}
			wanted[at] = append(wanted[at], o.SourceRef)
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	unread := snapshot.Unread
	err := c.readPlaces(ctx, wanted, snapshot)
	snapshot.Unread = unread
	return err
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
			snapshot.Relate(found)
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
	known := snapshot.Known()
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
			snapshot.Relate([]flux.Object{found})
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
	return c.readOneByOne(ctx, snapshot)
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
			data, err := c.raw(groupCtx, []string{"api", "v1", "namespaces", name})
			switch {
			case err == nil:
				_, labels[i], err = decodeNamespace(data)
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
		snapshot.Gaps = append(snapshot.Gaps, flux.Gap{What: "labels of namespace " + strings.Join(snapshot.Refused, ", "), Why: why})
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
