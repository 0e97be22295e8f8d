package cmd

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/manifest"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// ExportFlags are what the user of export types.
type ExportFlags struct {
	FleetFlags
	As string
}

// ExportOptions are what export needs to run.
type ExportOptions struct {
	FleetOptions
	// Rules writes spec.ignore instead of patches.
	Rules bool
	root  *root
}

const (
	exportPatches = "patches"
	exportIgnore  = "ignore"
)

func newExport(r *root) *cobra.Command {
	var flags ExportFlags
	cmd := &cobra.Command{
		Use:   "export " + selectionUsage,
		Short: "Write what the cluster has besides Git as YAML for Git",
		Long: long(`
			Find the intervals and timeouts of live objects that are not those of who applies them: what apply
			--managed=pin has set and holds with rules, and what somebody has set by hand. Write them as YAML
			to paste into Git, where the repository is not at hand (where it is, see rewrite -f):

			  -o patches  spec.patches of the Kustomization that applies the objects, to set the values in Git
			  -o ignore   spec.ignore of it: the cluster keeps them, whatever Git has (kustomize-controller 1.9)

			One document for each Kustomization. What other owners apply is named on stderr: a HelmRelease
			has the values in its chart's. Nothing is written to the cluster.

			A patch that matches nothing is no error, and a cluster does not tell how its files are written:
			kustomize patches before the same kustomization sets namespaces, prefixes and suffixes of names, and
			before variables. So patches name no namespace where they need none, and names without the prefix and
			suffix of the Kustomization's spec; a prefix of its kustomization.yaml, or a variable in a name, they
			cannot know. So before you take back what apply did, with forget or with revert, see that Git has the
			values: get -f . --context NAME, in the checkout with the patches, builds it as Flux does and shows only
			what is still another on the cluster. The cluster alone does not tell: what has Git's value already, or
			what a rule leaves alone, is not applied anew, and is still exported.`),
		Example: examples(`
			# All exceptions of the cluster, to be set in Git
			kubectl fluxtune export -A

			# Those of one namespace, as rules that leave them to the cluster
			kubectl fluxtune export -n apps -o ignore`),
		RunE: runE(r, flags.toOptions),
	}
	flags.add(cmd)
	r.completeFleet(cmd)
	return cmd
}

func (f *ExportFlags) add(cmd *cobra.Command) {
	f.FleetFlags.add(cmd)
	cmd.Flags().StringVarP(&f.As, "output", "o", exportPatches, "What to write: patches to set the values in Git, or rules (ignore) that leave them to the cluster.")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{exportPatches + "\tset the values in Git", exportIgnore + "\tleave them to the cluster"}, noFiles))
}

func (f *ExportFlags) toOptions(r *root, args []string) (o ExportOptions, err error) {
	o.root, o.Rules = r, f.As == exportIgnore
	if f.As != exportPatches && f.As != exportIgnore {
		return o, fmt.Errorf("-o %q: it is one of %s, %s", f.As, exportPatches, exportIgnore)
	}
	o.FleetOptions, err = f.FleetFlags.toOptions(r, args)
	o.related = true
	return o, err
}

func (o ExportOptions) run(ctx context.Context) error {
	f, err := o.read(ctx)
	if err != nil {
		return err
	}
	o.root.warn(nil, f.snapshot.Gaps)
	byOwner := map[flux.Ref][]manifest.Exception{}
	var owners, others []flux.Ref
	for _, object := range f.objects {
		fields := tune.Exceptions(object)
		if len(fields) == 0 {
			continue
		}
		owner, _ := object.Owner()
		if owner.Kind != "Kustomization" {
			others = append(others, object.Ref)
			_, _ = fmt.Fprintf(o.root.ErrOut, "Note: %s is applied by %s, which has no patches: set %s there\n", object.Ref, owner, fieldValues(object, fields))
			continue
		}
		if byOwner[owner] == nil {
			owners = append(owners, owner)
		}
		byOwner[owner] = append(byOwner[owner], manifest.Exception{Object: object, Fields: fields})
	}
	sorting.By(owners, flux.Ref.Compare)
	if len(owners)+len(others) == 0 && !f.snapshot.Incomplete() {
		_, _ = fmt.Fprintf(o.root.ErrOut, "Nothing to export: all values %s that something applies are its own%s.\n", o.where(), o.elsewhere())
	}
	known := f.snapshot.Known()
	for i, owner := range owners {
		text := manifest.ExportPatches(applier(owner, f.snapshot, known), byOwner[owner])
		if o.Rules {
			if text, err = manifest.ExportRules(owner, byOwner[owner]); err != nil {
				return err
			}
		}
		if i > 0 {
			_, _ = fmt.Fprintln(o.root.document(), "---")
		}
		_, _ = fmt.Fprintf(o.root.document(), "# %s of %s: add what is below spec to its manifest%s.\n%s",
			plural(len(byOwner[owner]), "object"), owner, writtenWhere(known, owner), text)
	}
	return f.complete()
}

// applier is what the cluster knows of a Kustomization: its inventory, where it was read, and the objects that bear its
// labels.
func applier(owner flux.Ref, snapshot flux.Snapshot, known map[flux.Ref]*flux.Object) manifest.Applier {
	a := manifest.Applier{Ref: owner}
	if object := known[owner]; object != nil {
		a.Objects = slices.Clone(object.Status.Inventory)
		a.Complete = object.Status.Managed > 0
		a.NamePrefix, a.NameSuffix, a.TargetNamespace = object.NamePrefix, object.NameSuffix, object.TargetNamespace
	}
	for object := range snapshot.All() {
		if by, _ := object.Owner(); by == owner && !slices.Contains(a.Objects, object.Ref) {
			a.Objects = append(a.Objects, object.Ref)
		}
	}
	return a
}

// writtenWhere says where a Kustomization's manifest is, as far as the cluster knows.
func writtenWhere(known map[flux.Ref]*flux.Object, owner flux.Ref) string {
	object := known[owner]
	if object == nil {
		return ""
	}
	parent, applied := object.Owner()
	above, found := known[parent]
	switch {
	case !applied:
		return ""
	case !found || above.Path == "":
		return fmt.Sprintf(", which %s applies", parent)
	default:
		return fmt.Sprintf(", which %s applies from path %s", parent, above.Path)
	}
}

func fieldValues(object flux.Object, fields []flux.Field) string {
	var set []string
	for _, f := range fields {
		set = append(set, fieldName(f)+" "+flux.ShortDuration(*object.Value(f)))
	}
	return strings.Join(set, " and ")
}
