package cmd

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/fit"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/manifest"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// fitFiles fits the clusters of a checkout. What no edit brings about keeps what it asks: that is found by trying, comes off
// the shares, and the rest is fitted again, until nothing new is refused. So it is where a share cannot be kept, with what comes
// nearest to it: what is said to be too much counts what keeps its interval.
func (o FleetOptions) fitFiles(ctx context.Context, fs fleets, opts tune.Options, now time.Time) (fleets, *fit.Fitting, error) {
	for {
		fitting, excess := o.fitOnce(ctx, fs, opts, now)
		var tooMuch *fit.ExcessError
		switch {
		case errors.As(excess, &tooMuch):
			fitting = tooMuch.Nearest
		case excess != nil:
			return fs, nil, o.withRefused(excess, fs)
		}
		refused, err := o.tryRewrite(ctx, fs, fitting, opts)
		switch {
		case err != nil:
			return fs, nil, err
		case len(refused) > 0:
			fs = fs.keeping(refused)
		case excess != nil:
			return fs, nil, o.withRefused(excess, fs)
		default:
			return fs.sorted(fitting, opts), fitting, nil
		}
	}
}

// tryRewrite makes the edits for what is planned, and gives those that cannot be made. Nothing is written.
func (o FleetOptions) tryRewrite(ctx context.Context, fs fleets, fitting *fit.Fitting, opts tune.Options) ([]manifest.Refusal, error) {
	var wants []manifest.Want
	chosen := map[chosenObject]bool{}
	for _, f := range fs.all {
		f.inFiles(chosen)
		wants = append(wants, f.wants(f.plan(f.fitted(fitting, opts)))...)
	}
	if len(wants) == 0 {
		return nil, nil
	}
	rewriting, err := o.Files.rewriting(ctx, wants, chosen)
	return rewriting.Refused, err
}

// wants are the changes of a plan for files.
func (f fleet) wants(plan tune.Plan) []manifest.Want {
	var wants []manifest.Want
	for _, item := range plan.Changed() {
		wants = append(wants, manifest.Want{Root: f.place, Ref: item.Object.Ref, Changes: item.Changes})
	}
	return wants
}

// rewriting finds the edits for what is wanted of the objects that were asked for.
func (c *checkout) rewriting(ctx context.Context, wants []manifest.Want, chosen map[chosenObject]bool) (manifest.Rewriting, error) {
	return awaited(ctx, func() (manifest.Rewriting, error) {
		return c.tree.RewritePart(c.fleets, c.decide(), wants, c.part(chosen))
	})
}

// at is the fleet at a place of the checkout; false where it is none of these.
func (fs fleets) at(place int) (fleet, bool) {
	i := slices.IndexFunc(fs.all, func(f fleet) bool { return f.place == place })
	if i < 0 {
		return fleet{}, false
	}
	return fs.all[i], true
}

// keeping are the fleets with objects that no edit changes. Of an object all values or none are refused.
func (fs fleets) keeping(refused []manifest.Refusal) fleets {
	fs.refused = slices.Concat(fs.refused, refused)
	fs.all = slices.Clone(fs.all)
	for i := range fs.all {
		f := &fs.all[i]
		kept := maps.Clone(f.kept)
		for _, r := range refused {
			if r.Root != f.place {
				continue
			}
			if kept == nil {
				kept = map[flux.Ref]string{}
			}
			if kept[r.Ref] == "" || r.Field == flux.Interval {
				kept[r.Ref] = r.Why
			}
		}
		f.kept = kept
	}
	return fs
}

// sorted tells apart what is refused: what the policy wants, and what only the fitting wanted.
func (fs fleets) sorted(fitting *fit.Fitting, opts tune.Options) fleets {
	wanted := map[chosenObject]bool{}
	for _, f := range fs.all {
		for _, item := range f.plan(f.fitted(fitting, opts)).Items {
			wanted[chosenObject{f.place, item.Object.Ref}] = item.Reason == tune.ReasonNotRewritable
		}
	}
	all := fs.refused
	fs.refused = nil
	for _, r := range all {
		if wanted[chosenObject{r.Root, r.Ref}] {
			fs.refused = append(fs.refused, r)
		} else {
			fs.unfitted = append(fs.unfitted, r)
		}
	}
	return fs
}

// tellUnfitted says what was not fitted, since no edit changes it.
func (o FleetOptions) tellUnfitted(r *root, fs fleets) {
	if what := o.someRefused(fs.unfitted); what != "" {
		_, _ = fmt.Fprintf(r.ErrOut, "Note: %s\n", terminal.Printable("what no edit of the files changes is not fitted, and what it asks comes off the shares: "+what))
	}
}

// withRefused says of a fitting that fails what came off the shares, since no edit changes it.
func (o FleetOptions) withRefused(err error, fs fleets) error {
	if what := o.someRefused(fs.refused); what != "" {
		return fmt.Errorf("%w; no edit of the files changes %s", err, what)
	}
	return err
}

// someRefused names the first source among what is refused, how many objects there are besides, and why; "" where there is none.
func (o FleetOptions) someRefused(refused []manifest.Refusal) string {
	var first *manifest.Refusal
	objects := map[chosenObject]bool{}
	for i, r := range refused {
		objects[chosenObject{r.Root, r.Ref}] = true
		if object, _ := flux.ParseManifestKind(r.Ref.Group, r.Ref.Kind); first == nil && object.Source {
			first = &refused[i]
		}
	}
	if first == nil {
		return ""
	}
	others := ""
	if n := len(objects) - 1; n > 0 {
		others = fmt.Sprintf(" (and %d more)", n)
	}
	return fmt.Sprintf("%s in %s%s: %s", first.Ref, o.Files.fleets[first.Root].Root, others, first.Why)
}
