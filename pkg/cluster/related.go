package cluster

import (
	"context"
	"fmt"
	"maps"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// ReadRelated adds to a snapshot the Kustomizations and HelmReleases of all namespaces, the sources of
// those that apply its objects, what the Flux Operator applies its objects from, and the objects that rules of
// fluxtune name, and what the artifacts are made of that anything uses. Sources take their environment from their users; whether a change sticks depends on what applies an
// object. What may not be read is a harmless gap.
func (c *Client) ReadRelated(ctx context.Context, sel Selection, snapshot *flux.Snapshot) error {
	s, err := c.discover(ctx)
	if err != nil {
		return err
	}
	var kinds []flux.Kind
	for _, k := range flux.Kinds() {
		if k.Consumer && s.use(k.Name) != "" && !sel.holdsAll(k) {
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
	snapshot.Looked, snapshot.Tried = append(snapshot.Looked, found.Looked...), append(snapshot.Tried, found.Tried...)
	return c.explain(ctx, s, snapshot)
}

// explain adds what is known by name only: sources of owners, objects that our rules name, namespaces, and objects of
// the Flux Operator.
func (c *Client) explain(ctx context.Context, s served, snapshot *flux.Snapshot) error {
	c.readOwnersSources(ctx, s, snapshot)
	if err := c.ReadPinned(ctx, snapshot); err != nil {
		return err
	}
	if err := c.readArtifacts(ctx, s, snapshot); err != nil {
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
	missing := make(map[flux.Place][]flux.Ref)
	for owner := range snapshot.All() {
		for _, rule := range tune.OurRules(*owner) {
			for _, ref := range tune.Targets(rule) {
				k, ok := flux.ParseManifestKind(ref.Group, ref.Kind)
				if _, there := known[ref]; ok && !there && !slices.ContainsFunc(snapshot.Unread, func(r flux.Ref) bool { return r == ref }) {
					at := flux.Place{Kind: k.Name, Namespace: ref.Namespace}
					missing[at] = append(missing[at], ref)
				}
			}
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return c.readPlaces(ctx, missing, snapshot)
}

// readPlaces lists some kinds in some namespaces, for the objects wanted there.
func (c *Client) readPlaces(ctx context.Context, wanted map[flux.Place][]flux.Ref, snapshot *flux.Snapshot) error {
	s, err := c.discover(ctx)
	if err != nil {
		return err
	}
	for at, refs := range wanted {
		read, err := c.readPlace(ctx, s, at, snapshot)
		if err != nil {
			return err
		}
		if !read {
			snapshot.Unread = append(snapshot.Unread, refs...)
		}
	}
	return nil
}

// readPlace adds to a snapshot what is in a place. It tells whether that may be read.
func (c *Client) readPlace(ctx context.Context, s served, at flux.Place, snapshot *flux.Snapshot) (bool, error) {
	kind, err := flux.ParseKind(at.Kind)
	if err != nil {
		return false, err
	}
	var objects []*flux.Object
	var unread []undecoded
	what := scope(kind.Resource, at.Namespace)
	if at.Name == "" {
		objects, unread, err = c.objects(ctx, kind, s.use(kind.Name), at.Namespace, "")
	} else {
		what = Name{kind, at.Name}.in(at.Namespace)
		var o flux.Object
		if o, err = c.object(ctx, kind, s.use(kind.Name), at.Namespace, at.Name); err == nil {
			objects = []*flux.Object{&o}
		}
	}
	switch {
	case err == nil, apierrors.IsNotFound(err):
		snapshot.Relate(join(objects))
		snapshot.Looked = append(snapshot.Looked, at)
		for _, u := range unread {
			snapshot.Tried = append(snapshot.Tried, u.place())
		}
		return true, nil
	case unreachable(err) || ctx.Err() != nil:
		return false, fmt.Errorf("reading %s: %w", what, err)
	default:
		snapshot.Tried = append(snapshot.Tried, at)
		return false, nil
	}
}

// byName is how many objects of a place are asked for one by one; more are listed.
const byName = 5

// ReadCharts adds to a snapshot what tells whether charts can be fetched again: the HelmCharts that helm-controller makes
// for its HelmReleases, and what those and its own HelmCharts are fetched from. What may not be read is not known.
func (c *Client) ReadCharts(ctx context.Context, snapshot *flux.Snapshot) error {
	s, err := c.discover(ctx)
	if err != nil {
		return err
	}
	known := snapshot.Known()
	wanted := make(map[flux.Place][]flux.Ref)
	spaces := make(map[string]map[string]bool) // of each kind
	for _, o := range snapshot.Objects {
		for _, ref := range tune.ChartSources(o) {
			row, ok := flux.ParseManifestKind(ref.Group, ref.Kind)
			if _, there := known[ref]; there || !ok || s.use(row.Name) == "" || snapshot.LookedFor(ref) {
				continue
			}
			at := flux.Place{Kind: ref.Kind, Namespace: ref.Namespace}
			if !slices.Contains(wanted[at], ref) {
				wanted[at] = append(wanted[at], ref)
			}
			if spaces[ref.Kind] == nil {
				spaces[ref.Kind] = make(map[string]bool)
			}
			spaces[ref.Kind][ref.Namespace] = true
		}
	}
	for kind, namespaces := range spaces {
		if len(namespaces) <= byName {
			continue
		}
		if read, err := c.readPlace(ctx, s, flux.Place{Kind: kind}, snapshot); err != nil {
			return err
		} else if read {
			maps.DeleteFunc(wanted, func(at flux.Place, _ []flux.Ref) bool { return at.Kind == kind })
		}
	}
	for at, refs := range wanted {
		if len(refs) > byName {
			if _, err := c.readPlace(ctx, s, at, snapshot); err != nil {
				return err
			}
			continue
		}
		for _, ref := range refs {
			if _, err := c.readPlace(ctx, s, flux.Place{Kind: ref.Kind, Namespace: ref.Namespace, Name: ref.Name}, snapshot); err != nil {
				return err
			}
		}
	}
	return nil
}

// ReadSources adds the sources that the snapshot's objects use and that it does not hold. What may not be read goes by
// its name.
func (c *Client) ReadSources(ctx context.Context, snapshot *flux.Snapshot) error {
	known := snapshot.Known()
	wanted := make(map[flux.Place][]flux.Ref)
	for _, o := range snapshot.Objects {
		if _, there := known[o.SourceRef]; there || o.SourceRef.Name == "" {
			continue
		}
		if _, ok := flux.ParseManifestKind(o.SourceRef.Group, o.SourceRef.Kind); ok {
			at := flux.Place{Kind: o.SourceRef.Kind, Namespace: o.SourceRef.Namespace}
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
		version := s.use(k.Name)
		if version == "" || !slices.ContainsFunc(snapshot.Objects, owns) {
			continue
		}
		q := query{path: path(k, version, ""), kind: k.Name, accept: metadataOnly}
		found, err := list(ctx, c, q, func(data []byte) (flux.Object, error) {
			o, err := flux.Decode(data)
			o.Group, o.Kind, o.Version = k.Group, k.Name, version // the answer's is PartialObjectMetadata
			return o, err
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

// readArtifacts adds the ExternalArtifacts and ArtifactGenerators, where anything uses an ExternalArtifact: the sources
// that it is made of take their environment from who uses it.
func (c *Client) readArtifacts(ctx context.Context, s served, snapshot *flux.Snapshot) error {
	uses := func(o flux.Object) bool { return o.SourceRef.Kind == flux.ExternalArtifactKind }
	if !slices.ContainsFunc(snapshot.Objects, uses) && !slices.ContainsFunc(snapshot.Related, uses) {
		return nil
	}
	var kinds []flux.Kind
	for _, k := range flux.CostKinds() {
		if (k.Name == flux.ExternalArtifactKind || k.Name == flux.ArtifactGeneratorKind) && s.use(k.Name) != "" {
			kinds = append(kinds, k)
		}
	}
	if len(kinds) == 0 {
		return nil
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
	snapshot.Looked, snapshot.Tried = append(snapshot.Looked, found.Looked...), append(snapshot.Tried, found.Tried...)
	return nil
}

// readOwnersSources adds the sources of the Kustomizations that apply the snapshot's objects, to tell
// where in Git a value lives. One that cannot be read goes by its name.
func (c *Client) readOwnersSources(ctx context.Context, s served, snapshot *flux.Snapshot) {
	known := snapshot.Known()
	for _, o := range snapshot.Objects {
		ref, _ := o.Owner()
		var source flux.Ref
		if owner := known[ref]; owner != nil {
			source = owner.SourceRef
		}
		row, ok := flux.ParseManifestKind(source.Group, source.Kind)
		if _, read := known[source]; read || !ok || s.use(row.Name) == "" {
			continue
		}
		found, err := c.object(ctx, row, s.use(row.Name), source.Namespace, source.Name)
		known[source] = &found // once, also where it failed
		if err == nil {
			snapshot.Relate([]flux.Object{found})
		}
	}
}
