package cluster

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Store is what writing needs of an API server. Errors are those of k8s.io/apimachinery/pkg/api/errors, and
// those of the connection.
type Store interface {
	// Patch sends a JSON merge patch for an object. Where whole is false, the answer may hold metadata only.
	Patch(ctx context.Context, o flux.Object, patch []byte, whole bool) (flux.Object, error)
	// Get reads an object as it is now.
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

// metadataAnswer spares the API server from sending back the whole object.
const metadataAnswer = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"

// Patch implements Store.
func (s store) Patch(ctx context.Context, o flux.Object, patch []byte, whole bool) (flux.Object, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	request := s.client.rest.Patch(types.MergePatchType).AbsPath(objectPath(o)...).Param("fieldManager", s.fieldManager).Body(patch)
	if !whole {
		request.SetHeader("Accept", metadataAnswer)
	}
	if s.dryRun {
		request.Param("dryRun", "All")
	}
	data, err := answer(request.Do(ctx))
	if err != nil {
		return flux.Object{}, err
	}
	if whole {
		patched, err := flux.Decode(data)
		if err != nil {
			return flux.Object{}, err
		}
		return patched, patched.KeepManagedFields(data) // whoever takes the change back needs them, also without our mark
	}
	var patched struct {
		Metadata struct {
			Generation      int64  `json:"generation"`
			ResourceVersion string `json:"resourceVersion"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal(data, &patched); err != nil {
		return flux.Object{}, fmt.Errorf("reading the API server's answer: %w", err)
	}
	o.Generation, o.ResourceVersion = patched.Metadata.Generation, patched.Metadata.ResourceVersion
	return o, nil
}

// Get implements Store.
func (s store) Get(ctx context.Context, o flux.Object) (flux.Object, error) {
	return s.client.object(ctx, o.KindRow(), o.Version, o.Namespace, o.Name)
}

// List implements Store.
func (s store) List(ctx context.Context, like flux.Object) ([]flux.Object, error) {
	return s.client.objects(ctx, like.KindRow(), like.Version, like.Namespace, "")
}
