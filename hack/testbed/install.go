package testbed

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery"
	"sigs.k8s.io/yaml"
)

// installCRDs creates the CRDs and waits until discovery lists each of them in
// each version: a client that maps kinds right after this finds them all.
func (c *Cluster) installCRDs(ctx context.Context, dir string, opts Options) error {
	crds, err := readCRDs(dir, opts)
	if err != nil {
		return err
	}
	resource := c.client.Resource(schema.GroupVersionResource{
		Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions",
	})
	group, groupCtx := errgroup.WithContext(ctx)
	for _, crd := range crds {
		group.Go(func() error {
			_, err := resource.Create(groupCtx, crd, metav1.CreateOptions{FieldManager: "flux"})
			if err != nil {
				return fmt.Errorf("installing the CRD %q: %w", crd.GetName(), err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return c.awaitServed(ctx, crds)
}

func readCRDs(dir string, opts Options) ([]*unstructured.Unstructured, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil {
		return nil, fmt.Errorf("reading CRDs in %q: %w", dir, err)
	}
	var crds []*unstructured.Unstructured
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("reading CRDs: %w", err)
		}
		crd := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(data, &crd.Object); err != nil {
			return nil, fmt.Errorf("reading the CRD %q: %w", file, err)
		}
		if slices.Contains(opts.WithoutCRDs, crd.GetName()) {
			continue
		}
		crds = append(crds, crd)
	}
	more, err := decode(opts.MoreCRDs)
	if err != nil {
		return nil, fmt.Errorf("reading further CRDs: %w", err)
	}
	return append(crds, more...), nil
}

// awaitServed polls discovery until it lists every version of every CRD, with its schema.
func (c *Cluster) awaitServed(ctx context.Context, crds []*unstructured.Unstructured) error {
	client, err := discovery.NewDiscoveryClientForConfig(c.config)
	if err != nil {
		return fmt.Errorf("waiting for the CRDs: %w", err)
	}
	var missing []string
	err = wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, time.Minute, true, func(context.Context) (bool, error) {
		var err error
		missing, err = unserved(client, crds)
		return err == nil && len(missing) == 0, nil
	})
	if err != nil {
		return fmt.Errorf("waiting for the CRDs %q to be served: %w", missing, err)
	}
	return nil
}

func unserved(client discovery.DiscoveryInterface, crds []*unstructured.Unstructured) ([]string, error) {
	_, lists, err := client.ServerGroupsAndResources()
	if err != nil {
		return nil, fmt.Errorf("reading discovery: %w", err)
	}
	served := map[string]bool{}
	for _, list := range lists {
		for _, r := range list.APIResources {
			served[list.GroupVersion+"/"+r.Name] = true
		}
	}
	schemas, err := client.OpenAPIV3().Paths()
	if err != nil {
		return nil, fmt.Errorf("reading the schemas that are served: %w", err)
	}
	var missing []string
	for _, crd := range crds {
		group, _, _ := unstructured.NestedString(crd.Object, "spec", "group")
		plural, _, _ := unstructured.NestedString(crd.Object, "spec", "names", "plural")
		versions, _, _ := unstructured.NestedSlice(crd.Object, "spec", "versions")
		for _, v := range versions {
			version, _ := v.(map[string]any)
			name := fmt.Sprintf("%s/%s/%s", group, version["name"], plural)
			if _, published := schemas[fmt.Sprintf("apis/%s/%s", group, version["name"])]; !served[name] || !published {
				missing = append(missing, name)
			}
		}
	}
	return missing, nil
}
