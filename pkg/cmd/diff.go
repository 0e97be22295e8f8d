package cmd

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// showDiff prints a unified diff of each object that changes, as kubectl diff does: without managed
// fields, without the record that an apply adds, and without passwords in URLs.
func (o FleetOptions) showDiff(ctx context.Context, r *root, items []tune.Item, color bool) error {
	for _, item := range items {
		if item.Action != tune.ActionChange {
			continue
		}
		live, err := o.manifestOf(ctx, item.Object)
		if err != nil {
			return fmt.Errorf("reading %s: %w", item.Object.Ref, err)
		}
		before, err := terminal.MarshalYAML(live)
		if err != nil {
			return fmt.Errorf("writing %s as YAML: %w", item.Object.Ref, err)
		}
		after, err := terminal.MarshalYAML(tune.Changed(live, item.Changes))
		if err != nil {
			return fmt.Errorf("writing %s as YAML: %w", item.Object.Ref, err)
		}
		name := diffName(item.Object)
		if o.Cluster != "" {
			name = o.Cluster + "/" + name
		}
		diff := flux.WithoutSecrets(terminal.Diff(o.before()+"/"+name, "planned/"+name, before, after)) // what stands beside a change may have a password
		if _, err := fmt.Fprint(r.document(), terminal.PaintDiff(diff, color)); err != nil {
			return err
		}
	}
	return nil
}

// before is where the objects are as they are now.
func (o FleetOptions) before() string {
	if o.Files != nil {
		return "files"
	}
	return "live"
}

// manifestOf is an object as it is in the cluster, or in the files.
func (o FleetOptions) manifestOf(ctx context.Context, object flux.Object) (map[string]any, error) {
	if o.Files == nil {
		return o.Client.Manifest(ctx, object)
	}
	var m map[string]any
	err := json.Unmarshal(o.Files.fleet().Manifest(object.Ref), &m)
	return m, err
}

// diffName names an object as kubectl diff names its files.
func diffName(o flux.Object) string {
	return fmt.Sprintf("%s.%s.%s.%s.%s", o.Group, o.Version, o.Kind, o.Namespace, o.Name)
}
