package testbed

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"
)

// ApplyOptions says who applies, and what.
type ApplyOptions struct {
	// Manager is the field manager; "" is kubectl's own, "kubectl".
	Manager string
	// Namespace is that of objects that name none; "" is "default".
	Namespace string
	// Subresource is what is applied of an object, such as "status"; "" is the object itself.
	Subresource string
}

// Apply applies YAML documents as `kubectl apply --server-side --force-conflicts` does.
func (c *Cluster) Apply(tb testing.TB, manifests string) {
	tb.Helper()
	c.ApplyAs(tb, manifests, ApplyOptions{})
}

// ApplyAs does so as another field manager, or applies a subresource. It asks the API server itself: a start of kubectl
// costs ten times what the request does.
func (c *Cluster) ApplyAs(tb testing.TB, manifests string, opts ApplyOptions) {
	tb.Helper()
	if err := c.apply(tb.Context(), manifests, opts); err != nil {
		tb.Fatalf("applying manifests: %v", err)
	}
}

func (c *Cluster) apply(ctx context.Context, manifests string, opts ApplyOptions) error {
	objects, err := decode(manifests)
	if err != nil {
		return err
	}
	var parts []string
	if opts.Subresource != "" {
		parts = append(parts, opts.Subresource)
	}
	for _, o := range objects {
		gvk := o.GroupVersionKind()
		mapping, err := c.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
		if err != nil {
			return fmt.Errorf("%s %s: %w", gvk.Kind, o.GetName(), err)
		}
		resource := dynamic.ResourceInterface(c.client.Resource(mapping.Resource))
		if mapping.Scope.Name() == "namespace" {
			resource = c.client.Resource(mapping.Resource).Namespace(cmp.Or(o.GetNamespace(), opts.Namespace, metav1.NamespaceDefault))
		}
		data, err := o.MarshalJSON()
		if err != nil {
			return fmt.Errorf("%s %s: %w", gvk.Kind, o.GetName(), err)
		}
		force := true
		_, err = resource.Patch(ctx, o.GetName(), types.ApplyPatchType, data, metav1.PatchOptions{
			FieldManager: cmp.Or(opts.Manager, "kubectl"), Force: &force, FieldValidation: metav1.FieldValidationStrict,
		}, parts...)
		if err != nil {
			return fmt.Errorf("%s %s: %w", gvk.Kind, o.GetName(), err)
		}
	}
	return nil
}

// decode reads YAML documents; those that hold nothing are passed over, and a list stands for its items.
func decode(manifests string) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	for documents := utilyaml.NewYAMLReader(bufio.NewReader(strings.NewReader(manifests))); ; {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading YAML: %w", err)
		}
		o := &unstructured.Unstructured{}
		if err := yaml.UnmarshalStrict(document, &o.Object); err != nil {
			return nil, fmt.Errorf("reading YAML: %w: %s", err, bytes.TrimSpace(document))
		}
		switch {
		case len(o.Object) == 0:
		case o.IsList():
			list, err := o.ToList()
			if err != nil {
				return nil, fmt.Errorf("reading YAML: %w", err)
			}
			for i := range list.Items {
				objects = append(objects, &list.Items[i])
			}
		default:
			objects = append(objects, o)
		}
	}
}
