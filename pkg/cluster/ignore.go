package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
)

// SupportsIgnore tells whether Kustomizations have spec.ignore (kustomize-controller 1.9 and newer), by
// the schema that the API server publishes, and by the images of the controllers where these can be read: an older one passes over what
// the CRDs of a newer one let in.
func (c *Client) SupportsIgnore(ctx context.Context) (bool, error) {
	has, err := c.supports(ctx, "kustomize.toolkit.fluxcd.io", "Kustomization", "ignore")
	if err != nil || !has {
		return false, err
	}
	deployments, _, err := c.Controllers(ctx)
	return err == nil && !passOverIgnore(deployments), err
}

// passOverIgnore tells whether a kustomize-controller is from before spec.ignore, as the tag of its image says.
func passOverIgnore(deployments []Deployment) bool {
	return slices.ContainsFunc(deployments, func(d Deployment) bool {
		return d.Controller.Name == flux.KustomizeController && d.Controller.Before("1.9.0")
	})
}

// SupportsResourceFilter tells whether Receivers have spec.resourceFilter (notification-controller 1.5 and newer), by the
// schema that the API server publishes.
func (c *Client) SupportsResourceFilter(ctx context.Context) (bool, error) {
	return c.supports(ctx, "notification.toolkit.fluxcd.io", "Receiver", "resourceFilter")
}

// supports tells whether the spec of a kind has a field.
func (c *Client) supports(ctx context.Context, group, kind, field string) (bool, error) {
	s, err := c.discover(ctx)
	if err != nil {
		return false, err
	}
	reading := "reading the schema of " + kind + "s"
	data, err := c.raw(ctx, []string{"openapi", "v3", "apis", group, s.use(kind)})
	if apierrors.IsNotFound(err) { // for a moment, after the API server started or the CRD changed
		return false, fmt.Errorf("%s: the API server has not published it yet: run again: %w", reading, err)
	}
	if err != nil {
		return false, fmt.Errorf("%s: %w", reading, err)
	}
	var document struct {
		Components struct {
			Schemas map[string]struct {
				Kinds []struct {
					Kind string `json:"kind"`
				} `json:"x-kubernetes-group-version-kind"`
				Properties struct {
					Spec struct {
						Properties map[string]json.RawMessage `json:"properties"`
					} `json:"spec"`
				} `json:"properties"`
			} `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(data, &document); err != nil {
		return false, fmt.Errorf("%s: %w", reading, err)
	}
	if len(document.Components.Schemas) == 0 {
		return false, fmt.Errorf("%s: there is none in it: %w", reading, kube.ErrMalformed)
	}
	for _, schema := range document.Components.Schemas {
		for _, k := range schema.Kinds {
			if _, has := schema.Properties.Spec.Properties[field]; has && k.Kind == kind {
				return true, nil
			}
		}
	}
	return false, nil
}
