package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

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
	// Unlabelled: nobody needs the labels of the namespaces.
	Unlabelled bool
}

// holdsAll tells whether all objects of a kind are selected.
func (s Selection) holdsAll(k flux.Kind) bool {
	named := len(s.Kinds) == 0 || slices.ContainsFunc(s.Kinds, func(o flux.Kind) bool { return o.Name == k.Name })
	return named && s.Namespace == "" && s.LabelSelector == "" && len(s.Names) == 0
}

// kinds are those that are selected.
func (s Selection) kinds() []flux.Kind {
	if len(s.Names) == 0 && len(s.Kinds) == 0 {
		return flux.Kinds()
	}
	var list []flux.Kind
	for _, k := range flux.Kinds() {
		if slices.ContainsFunc(s.Kinds, func(o flux.Kind) bool { return o.Name == k.Name }) ||
			slices.ContainsFunc(s.Names, func(n Name) bool { return n.Kind.Name == k.Name }) {
			list = append(list, k)
		}
	}
	return list
}

// names tells whether an object of a selected kind is among the names, where there are any.
func (s Selection) names(o flux.Object) bool {
	return len(s.Names) == 0 || slices.ContainsFunc(s.Names, func(n Name) bool { return n.Kind.Name == o.Kind && n.Name == o.Name })
}

// Name is one object in the selection's namespace.
type Name struct {
	Kind flux.Kind
	Name string
}

func (n Name) in(namespace string) string {
	if namespace == "" {
		return n.Kind.Name + " " + n.Name
	}
	return n.Kind.Name + " " + namespace + "/" + n.Name
}

// NotFound is the gap of a name that a namespace does not have, or none where it is "", in the API server's words.
func NotFound(n Name, namespace string) flux.Gap {
	err := apierrors.NewNotFound(schema.GroupResource{Group: n.Kind.Group, Resource: n.Kind.Resource}, n.Name)
	where := "in any namespace"
	if namespace != "" {
		where = fmt.Sprintf("in namespace %q", namespace)
	}
	return flux.Gap{What: n.in(namespace), Why: fmt.Sprintf("%s %s", err, where), NotFound: true}
}

// ErrNoFlux is why nothing can be read of a cluster that is reached.
var ErrNoFlux = errors.New("the cluster serves none of Flux's kinds")

// Read reads the selected Flux objects and the labels of their namespaces. What could not be read is
// in the Snapshot's gaps. It is an error where the cluster cannot be reached, or serves none of Flux's
// kinds.
func (c *Client) Read(ctx context.Context, sel Selection) (flux.Snapshot, error) {
	s, err := c.discover(ctx)
	if err != nil {
		return flux.Snapshot{}, err
	}
	if !s.flux() {
		return flux.Snapshot{}, fmt.Errorf("%w: is Flux installed there? (flux check, or look at your --context)", ErrNoFlux)
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
	s.noteServed(snapshot.Objects)
	flux.Sort(snapshot.Objects)
	if sel.Unlabelled {
		return snapshot, nil
	}
	if err := c.readNamespaces(ctx, &snapshot); err != nil {
		return flux.Snapshot{}, err
	}
	return snapshot, nil
}

func (c *Client) readKinds(ctx context.Context, s served, sel Selection) (flux.Snapshot, error) {
	kinds, asked := sel.Kinds, true
	if len(kinds) == 0 {
		kinds, asked = flux.Kinds(), false
	}
	parts := make([]part, len(kinds))
	group, groupCtx := errgroup.WithContext(ctx)
	for i, k := range kinds {
		version := s.use(k.Name)
		if version == "" {
			parts[i].gaps = []flux.Gap{{What: k.Resource, Why: fmt.Sprintf("the cluster does not serve %s.%s", k.Resource, k.Group), Harmless: !asked, Unserved: k.Name}}
			parts[i].looked = []flux.Place{{Kind: k.Name}} // there can be none
			continue
		}
		group.Go(func() error {
			objects, unread, err := c.objects(groupCtx, k, version, sel.Namespace, sel.LabelSelector)
			if err == nil {
				parts[i] = partOf(objects, unread)
				if sel.LabelSelector == "" {
					parts[i].looked = []flux.Place{{Kind: k.Name, Namespace: sel.Namespace}}
				}
				return nil
			}
			if unreachable(err) || groupCtx.Err() != nil {
				return fmt.Errorf("listing %s: %w", scope(k.Resource, sel.Namespace), err)
			}
			parts[i].gaps = []flux.Gap{{What: scope(k.Resource, sel.Namespace), Why: err.Error(), Forbidden: apierrors.IsForbidden(err)}}
			parts[i].tried = []flux.Place{{Kind: k.Name, Namespace: sel.Namespace}}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return flux.Snapshot{}, err
	}
	return assemble(parts), nil
}

// part is what was read of one kind.
type part struct {
	objects       []*flux.Object
	gaps          []flux.Gap
	looked, tried []flux.Place
}

// partOf is what was read of a kind, with what of it cannot be read.
func partOf(objects []*flux.Object, unread []undecoded) part {
	p := part{objects: objects}
	for _, u := range unread {
		p.gaps, p.tried = append(p.gaps, u.gap()), append(p.tried, u.place())
	}
	return p
}

func assemble(parts []part) flux.Snapshot {
	var s flux.Snapshot
	lists := make([][]*flux.Object, len(parts))
	for i, p := range parts {
		lists[i] = p.objects
		s.Gaps, s.Looked, s.Tried = append(s.Gaps, p.gaps...), append(s.Looked, p.looked...), append(s.Tried, p.tried...)
	}
	s.Objects = join(lists...)
	return s
}

func (c *Client) readNames(ctx context.Context, s served, sel Selection) (flux.Snapshot, error) {
	var snapshot flux.Snapshot
	for _, n := range sel.Names {
		version := s.use(n.Kind.Name)
		if version == "" {
			snapshot.Gaps = append(snapshot.Gaps, flux.Gap{What: n.Kind.Name + " " + n.Name, Why: fmt.Sprintf("the cluster does not serve %s.%s", n.Kind.Resource, n.Kind.Group), Unserved: n.Kind.Name})
			continue
		}
		o, err := c.object(ctx, n.Kind, version, sel.Namespace, n.Name)
		switch {
		case err == nil:
			snapshot.Objects = append(snapshot.Objects, o)
		case unreachable(err) || ctx.Err() != nil:
			return flux.Snapshot{}, fmt.Errorf("reading %s %s/%s: %w", n.Kind.Name, sel.Namespace, n.Name, err)
		case apierrors.IsNotFound(err):
			snapshot.Looked = append(snapshot.Looked, flux.Place{Kind: n.Kind.Name, Namespace: sel.Namespace, Name: n.Name})
			snapshot.Gaps = append(snapshot.Gaps, NotFound(n, sel.Namespace))
		default:
			snapshot.Gaps = append(snapshot.Gaps, flux.Gap{What: n.in(sel.Namespace), Why: err.Error()})
			snapshot.Tried = append(snapshot.Tried, flux.Place{Kind: n.Kind.Name, Namespace: sel.Namespace, Name: n.Name})
		}
	}
	return snapshot, nil
}

func scope(resource, namespace string) string {
	if namespace == "" {
		return resource + " in all namespaces"
	}
	return fmt.Sprintf("%s in namespace %q", resource, namespace)
}

// Manifest reads the whole of an object, without its managed fields.
func (c *Client) Manifest(ctx context.Context, o flux.Object) (map[string]any, error) {
	data, err := c.one(ctx, o.Kind, objectPath(o))
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
