package kube

import (
	"context"
	"encoding/json"
	"fmt"
)

// AcceptOneMetadata asks for the metadata of one object only.
const AcceptOneMetadata = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json"

// Cluster tells clusters apart, whatever they are called: the UID of the namespace kube-system, which lives as long as its
// cluster. Who may not read that namespace gets the API server's refusal.
func (c *Client) Cluster(ctx context.Context) (uid string, err error) {
	data, err := c.Raw(ctx, Request{Path: "/api/v1/namespaces/kube-system", Accept: AcceptOneMetadata})
	if err != nil {
		return "", err
	}
	var namespace struct {
		Metadata struct{ UID string }
	}
	if err := json.Unmarshal(data, &namespace); err != nil {
		return "", fmt.Errorf("reading the namespace kube-system: %w", err)
	}
	return namespace.Metadata.UID, nil
}
