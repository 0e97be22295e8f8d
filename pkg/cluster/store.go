package cluster

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Store is what writing needs of an API server. Errors are those of k8s.io/apimachinery/pkg/api/errors, and
// those of the connection.
type Store interface {
	// Patch sends a JSON merge patch for an object under a field manager, "" is the store's, and returns the object as it is then.
	Patch(ctx context.Context, o flux.Object, patch []byte, manager string) (flux.Object, error)
	// Get reads an object as it is now, in its version, or "" in the one that is served. It keeps its managedFields.
	Get(ctx context.Context, o flux.Object) (flux.Object, error)
	// List reads all objects of an object's kind in its namespace.
	List(ctx context.Context, like flux.Object) ([]flux.Object, error)
}

// store is the Store of a cluster.
type store struct {
	client       *Client
	fieldManager string
	dryRun       bool
	timeout      time.Duration // of each patch
}

// Store is the API server as a Store, with the options' field manager, dry run and request timeout.
func (c *Client) Store(o WriteOptions) Store {
	return store{client: c, fieldManager: o.FieldManager, dryRun: o.DryRun, timeout: cmp.Or(o.RequestTimeout, 30*time.Second)}
}

// Patch implements Store.
func (s store) Patch(ctx context.Context, o flux.Object, patch []byte, manager string) (flux.Object, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	request := s.client.rest.Patch(types.MergePatchType).AbsPath(objectPath(o)...).Param("fieldManager", cmp.Or(manager, s.fieldManager)).Body(patch).MaxRetries(0)
	if s.dryRun {
		request.Param("dryRun", "All")
	}
	data, err := answer(o.Kind, request.Do(ctx))
	if err != nil {
		return flux.Object{}, err
	}
	return decodeWhole(data)
}

// decodeWhole keeps managedFields also of what bears no mark of ours: whoever takes a change back needs them.
func decodeWhole(data []byte) (flux.Object, error) {
	o, err := flux.Decode(data)
	if err != nil {
		return flux.Object{}, err
	}
	return o, o.KeepManagedFields(data)
}

// Get implements Store.
func (s store) Get(ctx context.Context, o flux.Object) (flux.Object, error) {
	version, err := s.version(ctx, o)
	if err != nil {
		return flux.Object{}, err
	}
	data, err := s.client.one(ctx, o.Kind, append(path(o.KindRow(), version, o.Namespace), o.Name))
	if err != nil {
		return flux.Object{}, err
	}
	return decodeWhole(data)
}

// List implements Store.
func (s store) List(ctx context.Context, like flux.Object) ([]flux.Object, error) {
	version, err := s.version(ctx, like)
	if err != nil {
		return nil, err
	}
	objects, unread, err := s.client.objects(ctx, like.KindRow(), version, like.Namespace, "")
	if err == nil && len(unread) > 0 { // its record may say which rules are needed
		err = unread[0].err
	}
	return join(objects), err
}

// version is an object's, or the one in which its kind is served where nobody knows: of a version that is not served the
// API server says that the object does not exist.
func (s store) version(ctx context.Context, o flux.Object) (string, error) {
	if o.Version != "" {
		return o.Version, nil
	}
	kinds, err := s.client.discover(ctx)
	if err != nil {
		return "", err
	}
	if kinds.use(o.Kind) == "" {
		return "", fmt.Errorf("the API server does not serve %s", o.Kind)
	}
	return kinds.use(o.Kind), nil
}
