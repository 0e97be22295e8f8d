package cmd

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// counted counts objects, and names their kinds where some were chosen.
func (o FleetOptions) counted(n int) string {
	var kinds []string
	for _, k := range o.Selection.Kinds {
		kinds = append(kinds, k.Name)
	}
	if len(kinds) == 0 {
		return plural(n, "Flux object")
	}
	return plural(n, "Flux object") + " of kind " + strings.Join(kinds, ", ")
}

// tellOtherKinds counts what fluxtune has tuned of the kinds that were not chosen, where some were, and names the command that does the
// same to that. What cannot be read of them is not told: nobody asked for it.
func (o FleetOptions) tellOtherKinds(ctx context.Context, r *root, f fleet, verb, done string) {
	if len(o.Selection.Kinds) == 0 {
		return
	}
	all, err := f.options.everything().read(ctx)
	if err != nil {
		return
	}
	n := 0
	for _, object := range all.objects {
		chosen := slices.ContainsFunc(o.Selection.Kinds, func(k flux.Kind) bool { return k.Name == object.Ref.Kind })
		if !chosen && tune.Tuned(object) {
			n++
		}
	}
	if n == 0 {
		return
	}
	stay := "stays"
	if n > 1 {
		stay = "stay"
	}
	_, _ = fmt.Fprintf(r.ErrOut, "%s of other kinds that fluxtune has tuned %s. That is %s with: %s %s%s\n",
		flux.InCluster(f.options.Cluster, plural(n, "object")), stay, done, r.name, verb, f.options.scopeFlags(r))
}
