package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// The arguments that make this program the client that apply and revert are compared with.
const (
	bareApply  = "bare-apply"
	bareRevert = "bare-revert"
)

// bareManager owns what the bare client writes.
const bareManager = "bench"

// patchAll is the least that a client must do: list the names, and send each object the merge patches that apply or
// revert send, 24 objects at a time.
func patchAll(ctx context.Context, verb, kubeconfig, interval string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	config.QPS = -1
	config.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	client, err := rest.UnversionedRESTClientFor(config)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(24)
	for _, collection := range []string{"apis/source.toolkit.fluxcd.io/v1/%sgitrepositories", "apis/kustomize.toolkit.fluxcd.io/v1/%skustomizations"} {
		names, err := list(ctx, client, fmt.Sprintf(collection, ""))
		if err != nil {
			return err
		}
		for _, o := range names {
			path := fmt.Sprintf(collection, "namespaces/"+o.Namespace+"/") + "/" + o.Name
			group.Go(func() error {
				if verb == bareRevert {
					return restore(ctx, client, path, o.ResourceVersion, interval)
				}
				_, err := patch(ctx, client, path, fmt.Sprintf(`{"metadata":{"resourceVersion":%q,"annotations":{"fluxtune.github.io/bench":"{\"steps\":[{\"session\":\"20261122-101500-k3xq\",\"policy\":\"per-environment\",\"time\":\"2026-11-22T10:15:00Z\",\"fields\":{\"spec.interval\":{\"from\":\"5m\",\"to\":\"%s\"}}}]}"}},"spec":{"interval":%q}}`,
					o.ResourceVersion, interval, interval))
				return err
			})
		}
	}
	return group.Wait()
}

// restore sends the two patches of a revert: the values, then the annotation and the name in metadata.managedFields.
func restore(ctx context.Context, client rest.Interface, path, version, interval string) error {
	data, err := patch(ctx, client, path, fmt.Sprintf(`{"metadata":{"resourceVersion":%q},"spec":{"interval":%q}}`, version, interval))
	if err != nil {
		return err
	}
	var now struct {
		Metadata struct {
			ResourceVersion string
			ManagedFields   []metav1.ManagedFieldsEntry
		}
	}
	if err := json.Unmarshal(data, &now); err != nil {
		return err
	}
	managed, err := json.Marshal(slices.DeleteFunc(now.Metadata.ManagedFields, func(e metav1.ManagedFieldsEntry) bool { return e.Manager == bareManager }))
	if err != nil {
		return err
	}
	_, err = patch(ctx, client, path, fmt.Sprintf(`{"metadata":{"resourceVersion":%q,"annotations":{"fluxtune.github.io/bench":null},"managedFields":%s}}`, now.Metadata.ResourceVersion, managed))
	return err
}

func patch(ctx context.Context, client rest.Interface, path, body string) ([]byte, error) {
	return client.Patch(types.MergePatchType).AbsPath(path).Param("fieldManager", bareManager).Body([]byte(body)).Do(ctx).Raw()
}

type name struct{ Namespace, Name, ResourceVersion string }

func list(ctx context.Context, client rest.Interface, path string) ([]name, error) {
	data, err := client.Get().AbsPath(path).SetHeader("Accept", "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1").Do(ctx).Raw()
	if err != nil {
		return nil, err
	}
	var items struct {
		Items []struct{ Metadata name }
	}
	if err := json.Unmarshal(data, &items); err != nil {
		return nil, err
	}
	names := make([]name, 0, len(items.Items))
	for _, i := range items.Items {
		names = append(names, i.Metadata)
	}
	return names, nil
}
