package sim

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// ReadResource reads a Kustomization as a real API server has it, as far as the simulation knows of it.
func ReadResource(data []byte) (*Resource, error) {
	var o struct {
		Metadata struct {
			Name          string            `json:"name"`
			Namespace     string            `json:"namespace"`
			Annotations   map[string]string `json:"annotations"`
			ManagedFields []managedEntry    `json:"managedFields"`
		} `json:"metadata"`
		Spec struct {
			Interval      *string           `json:"interval"`
			Timeout       *string           `json:"timeout"`
			RetryInterval *string           `json:"retryInterval"`
			Ignore        []flux.IgnoreRule `json:"ignore"`
			Suspend       bool              `json:"suspend"`
		} `json:"spec"`
	}
	if err := json.Unmarshal(data, &o); err != nil {
		return nil, fmt.Errorf("reading a Kustomization: %w", err)
	}
	r := newResource(flux.Ref{Group: group, Kind: "Kustomization", Namespace: o.Metadata.Namespace, Name: o.Metadata.Name}, nil, new(time.Time))
	for f, value := range map[flux.Field]*string{flux.Interval: o.Spec.Interval, flux.Timeout: o.Spec.Timeout, flux.RetryInterval: o.Spec.RetryInterval} {
		if value != nil {
			r.Fields[f] = *value
		}
	}
	r.Ignore, r.suspended, r.Annotations = o.Spec.Ignore, o.Spec.Suspend, o.Metadata.Annotations
	var main []managedEntry
	for _, e := range o.Metadata.ManagedFields {
		if e.Subresource == "" {
			main = append(main, e)
		}
	}
	var err error
	r.Owners, err = readOwners(main)
	return r, err
}

// State writes what the simulation knows of a resource, a line for each thing, for comparing it with a real one.
func (r *Resource) State() []string {
	var lines []string
	for _, p := range fieldPaths {
		if value, there := r.Value(p); there {
			lines = append(lines, fmt.Sprintf("%s: %s", p, value))
		}
	}
	for _, key := range []string{tune.RecordAnnotation, tune.PinsAnnotation, tune.OptOutAnnotation} {
		if value, there := r.Annotations[key]; there {
			lines = append(lines, key+": "+sorted(value))
		}
	}
	if r.suspended {
		lines = append(lines, "suspended")
	}
	for _, k := range r.owners() {
		paths := slices.DeleteFunc(slices.Sorted(maps.Keys(r.Owners[k])), func(p Path) bool {
			return !slices.Contains(fieldPaths[:], p) && !strings.HasPrefix(string(p), annotationPrefix+flux.Group+"/")
		})
		if len(paths) > 0 {
			lines = append(lines, fmt.Sprintf("owned by %s (apply %t): %s", k.Manager, k.Apply, paths))
		}
	}
	return lines
}

// sorted writes JSON with its lists of owners sorted: the API server sorts them by time.
func sorted(text string) string {
	var value any
	if json.Unmarshal([]byte(text), &value) != nil {
		return text
	}
	sortOwners(value)
	data, err := json.Marshal(value)
	if err != nil {
		return text
	}
	return string(data)
}

func sortOwners(value any) {
	switch v := value.(type) {
	case map[string]any:
		if owners, ok := v["owners"].([]any); ok {
			slices.SortFunc(owners, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
		}
		for _, child := range v {
			sortOwners(child)
		}
	case []any:
		for _, child := range v {
			sortOwners(child)
		}
	}
}
