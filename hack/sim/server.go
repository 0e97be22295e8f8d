package sim

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// Server is the API server of a world; it implements cluster.Store. It knows what matters here: merge patches with a
// resourceVersion, who owns a field, and annotations.
type Server struct {
	World *World
	// Manager is the field manager of patches; "" is that of fluxtune.
	Manager string
}

func resource(ref flux.Ref) schema.GroupResource {
	return schema.GroupResource{Group: ref.Group, Resource: ref.Kind}
}

func (s Server) find(ref flux.Ref) (*Resource, error) {
	r := s.World.Resources[ref]
	if r == nil {
		return nil, apierrors.NewNotFound(resource(ref), ref.Name)
	}
	return r, nil
}

// Get implements cluster.Store.
func (s Server) Get(_ context.Context, o flux.Object) (flux.Object, error) {
	r, err := s.find(o.Ref)
	if err != nil {
		return flux.Object{}, err
	}
	return r.whole(), nil
}

// List implements cluster.Store.
func (s Server) List(_ context.Context, like flux.Object) ([]flux.Object, error) {
	var list []flux.Object
	for _, ref := range s.World.Refs() {
		if ref.Kind == like.Kind && ref.Namespace == like.Namespace {
			list = append(list, s.World.Resources[ref].Object())
		}
	}
	return list, nil
}

// mergePatch is what the plugin sends, as far as it is known here.
type mergePatch struct {
	Metadata struct {
		ResourceVersion string             `json:"resourceVersion"`
		Annotations     map[string]*string `json:"annotations"`
		ManagedFields   []managedEntry     `json:"managedFields"`
	} `json:"metadata"`
	Spec map[string]json.RawMessage `json:"spec"`
}

// Patch implements cluster.Store. As the real one (measured) it takes metadata.managedFields first, and then makes the
// sender the owner of what the patch changes.
func (s Server) Patch(_ context.Context, o flux.Object, patch []byte, manager string) (flux.Object, error) {
	r, err := s.find(o.Ref)
	if err != nil {
		return flux.Object{}, err
	}
	var p mergePatch
	if err := json.Unmarshal(patch, &p); err != nil {
		return flux.Object{}, apierrors.NewBadRequest(err.Error())
	}
	if p.Metadata.ResourceVersion != fmt.Sprint(r.version) {
		return flux.Object{}, apierrors.NewConflict(resource(o.Ref), o.Name, errors.New("it was changed"))
	}
	values, err := p.values()
	if err != nil {
		return flux.Object{}, apierrors.NewBadRequest(err.Error())
	}
	if s.World.Wrote != nil {
		s.World.Wrote(r, values)
	}
	if p.Metadata.ManagedFields != nil {
		if r.Owners, err = readOwners(p.Metadata.ManagedFields); err != nil {
			return flux.Object{}, apierrors.NewBadRequest(err.Error())
		}
		r.changed(true, false)
	}
	r.update(cmp.Or(manager, s.Manager, tune.DefaultManager), values, ByUs)
	return r.whole(), nil
}

func (p mergePatch) values() (map[Path]*string, error) {
	values := make(map[Path]*string)
	for key, value := range p.Metadata.Annotations {
		values[AnnotationPath(key)] = value
	}
	for key, raw := range p.Spec {
		text := string(raw)
		switch {
		case text == "null":
			values[Path("spec."+key)] = nil
			continue
		case key != "ignore":
			if err := json.Unmarshal(raw, &text); err != nil {
				return nil, err
			}
		}
		values[Path("spec."+key)] = &text
	}
	return values, nil
}
