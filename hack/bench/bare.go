package main

import (
	"context"
	"encoding/json"
	"fmt"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// bareApply is the argument that makes this program the client that apply is compared with.
const bareApply = "bare-apply"

// patchAll is the least that a client must do: list the names, and send each object a merge patch of
// the size that apply sends, 24 at a time.
func patchAll(ctx context.Context, kubeconfig, interval string) error {
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
			body := fmt.Sprintf(`{"metadata":{"resourceVersion":%q,"annotations":{"fluxtune.github.io/bench":"{\"steps\":[{\"session\":\"20261122-101500-k3xq\",\"policy\":\"per-environment\",\"time\":\"2026-11-22T10:15:00Z\",\"fields\":{\"spec.interval\":{\"from\":\"5m\",\"to\":\"%s\"}}}]}"}},"spec":{"interval":%q}}`,
				o.ResourceVersion, interval, interval)
			path := fmt.Sprintf(collection, "namespaces/"+o.Namespace+"/") + "/" + o.Name
			group.Go(func() error {
				return client.Patch(types.MergePatchType).AbsPath(path).Param("fieldManager", "bench").Body([]byte(body)).Do(ctx).Error()
			})
		}
	}
	return group.Wait()
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
