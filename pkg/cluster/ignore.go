package cluster

import (
	"context"
	"encoding/json"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
)

// SupportsIgnore tells whether Kustomizations have spec.ignore (kustomize-controller 1.9 and newer), by
// the schema that the API server publishes.
func (c *Client) SupportsIgnore(ctx context.Context) (bool, error) {
	s, err := c.discover(ctx)
	if err != nil {
		return false, err
	}
	data, err := c.raw(ctx, []string{"openapi", "v3", "apis", "kustomize.toolkit.fluxcd.io", s.use("Kustomization")})
	if apierrors.IsNotFound(err) { // for a moment, after the API server started or the CRD changed
		return false, fmt.Errorf("reading the schema of Kustomizations: the API server has not published it yet: run again: %w", err)
	}
	if err != nil {
		return false, fmt.Errorf("reading the schema of Kustomizations: %w", err)
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
		return false, fmt.Errorf("reading the schema of Kustomizations: %w", err)
	}
	if len(document.Components.Schemas) == 0 {
		return false, fmt.Errorf("reading the schema of Kustomizations: there is none in it: %w", kube.ErrMalformed)
	}
	for _, schema := range document.Components.Schemas {
		for _, kind := range schema.Kinds {
			if _, has := schema.Properties.Spec.Properties["ignore"]; has && kind.Kind == "Kustomization" {
				return true, nil
			}
		}
	}
	return false, nil
}
