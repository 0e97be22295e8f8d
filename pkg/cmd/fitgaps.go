package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/fit"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// fitWarnings say what a share does not count, which is what was not read, and which shares and rules of --activity are about
// nothing.
func (o FleetOptions) fitWarnings(fitting *fit.Fitting) []string {
	if fitting == nil {
		return nil
	}
	warnings := slices.Concat(idleShares(fitting.Shares), mixedShares(fitting.Shares), o.unpolledShares(fitting.Unpolled))
	rules := fitting.Mistaken
	if !o.partial() {
		rules = slices.Concat(rules, fitting.Unmatched)
	}
	for _, line := range rules {
		warnings = append(warnings, "--activity: "+line)
	}
	if !o.partial() {
		return warnings
	}
	return append(warnings, "the shares of the hosts count only what was read; what else polls them comes on top: -A without a choice of kinds or names counts all, and --env and -l choose among them")
}

// idleShares say of shares that are exceeded, and that nothing that was chosen counts to, that the others were fitted without them.
func idleShares(shares []fit.ShareUse) []string {
	var warnings []string
	for _, s := range shares {
		if s.Idle && s.Above() {
			warnings = append(warnings, fmt.Sprintf("%s is above its share of %g%%: it gets %s requests/h, and the share is %s; nothing that was chosen counts to it, and the other shares are fitted without it",
				s.Share, s.Percent, report.Rate(s.Used), report.Rate(s.Allowed)))
		}
	}
	return warnings
}

// mixedShares say of shares that two credentials with one name have them together.
func mixedShares(shares []fit.ShareUse) []string {
	var warnings []string
	for _, s := range shares {
		if s.Mixed {
			warnings = append(warnings, fmt.Sprintf("the share of %s is of the Secret %s and of the provider %[2]s together, which budget shows apart", s.Share, s.Credential))
		}
	}
	return warnings
}

// unpolledShares say of shares that nothing that was read counts to them, and stop nobody: a choice of objects leaves out what does, and a
// policy may be for more clusters than one. Else they are mistyped.
func (o FleetOptions) unpolledShares(shares []policy.Share) []string {
	var warnings []string
	for _, s := range shares {
		from, what := "spec.fit of the policy:", "nothing that was read polls it"
		if o.fit != nil && slices.ContainsFunc(o.fit.asked, func(asked policy.Share) bool { return asked.Compare(s) == 0 }) {
			from = "--fit"
		}
		if s.Credential != "" {
			what = "nothing that was read polls the host with this credential (spec.secretRef or spec.provider)"
		}
		if o.partial() {
			what += "; -A, or another choice of objects, reads more"
		}
		warnings = append(warnings, fmt.Sprintf("%s %s=%g%%: %s", from, s, s.Percent, what))
	}
	return warnings
}

// unshared names what could not be read and may poll the hosts whose shares are fitted: clusters, and kinds of those that were
// read; "" where that is all there.
func (o FleetOptions) unshared(fs fleets) string {
	if o.fit == nil {
		return ""
	}
	var names []string
	for _, g := range fs.missing {
		names = append(names, g.Cluster)
	}
	for _, f := range fs.all {
		for _, resource := range f.unread() {
			if (resource == "providers" || resource == "alerts") && !o.statusesCount(f) {
				continue
			}
			names = append(names, flux.InCluster(f.options.Cluster, resource))
		}
	}
	return strings.Join(names, ", ")
}

// statusesCount tells whether commit statuses may count to a share, as far as can be told without those Alerts and Providers that could
// not be listed: not to that of a host which answers no REST, nor where no Alert tells of Kustomizations.
func (o FleetOptions) statusesCount(f fleet) bool {
	if !slices.ContainsFunc(o.Policy.Fit, func(s policy.Share) bool { return budget.RESTHost(s.Host) == s.Host }) {
		return false
	}
	for object := range f.snapshot.All() {
		if n := object.Polling.Notify; n != nil && !object.Suspended && slices.ContainsFunc(n.Sources, func(e flux.EventSource) bool { return e.Kind == "Kustomization" }) {
			return true
		}
	}
	return slices.Contains(f.unread(), "alerts")
}

// unread are the resources that ask hosts and were asked for, and that could not be listed.
func (f fleet) unread() []string {
	var resources []string
	for _, k := range slices.Concat(flux.Kinds(), flux.CostKinds()) {
		tried := flux.Place{Kind: k.Name, Namespace: f.options.Selection.Namespace}
		if k.AsksHosts() && slices.Contains(f.snapshot.Tried, tried) && !slices.Contains(resources, k.Resource) {
			resources = append(resources, k.Resource)
		}
	}
	return resources
}

// nothingRead tells whether of the kinds that were asked for, and that the cluster has, none could be listed.
func (f fleet) nothingRead() bool {
	at := f.options.Selection
	if len(f.snapshot.Tried) == 0 || len(at.Names) > 0 {
		return false
	}
	kinds := at.Kinds
	if len(kinds) == 0 {
		kinds = flux.Kinds()
	}
	return !slices.ContainsFunc(kinds, func(k flux.Kind) bool {
		return f.snapshot.Serves(k.Name) && !slices.Contains(f.snapshot.Tried, flux.Place{Kind: k.Name, Namespace: at.Namespace})
	})
}

// fitMissing says that a share does not count what could not be read.
func (o FleetOptions) fitMissing(fs fleets) []string {
	what := o.unshared(fs)
	if what == "" {
		return nil
	}
	return []string{fmt.Sprintf("the shares of --fit count nothing of %s, which could not be read: what these poll comes on top, and apply refuses", what)}
}

// sharesKnown is an error where what could not be read may poll the hosts whose shares are fitted.
func (o FleetOptions) sharesKnown(fs fleets) error {
	what := o.unshared(fs)
	if what == "" {
		return nil
	}
	remedy := "try again, or name the other clusters with --contexts"
	if len(fs.missing) == 0 {
		remedy = "it takes the right to list them, which the role viewer has (rbac viewer prints it)"
	}
	return fmt.Errorf("the shares of --fit count all that polls the hosts, and %s could not be read: %s; nothing was changed", what, remedy)
}

// ofAll says whether a plan of all objects keeps the shares that one of a choice does not, and gives the command. It is known where all
// were read: of namespaces, kinds and names only those are that were chosen. In a checkout an edit may be refused yet.
func (o FleetOptions) ofAll(ctx context.Context, fs fleets, opts tune.Options, now time.Time) string {
	open := "whether a plan of all objects fits is told by " + o.fit.whole
	all := o.everything()
	switch {
	case o.Files == nil && o.partial(), o.Files != nil && o.Files.named:
		return open
	case o.Files != nil:
		all.Selection.Namespace = ""
	}
	fs.all = slices.Clone(fs.all)
	for i := range fs.all {
		if o.Files == nil {
			fs.all[i].objects = fs.all[i].snapshot.Objects
			continue
		}
		f, err := all.readRoot(fs.all[i].place)
		if err != nil {
			return open
		}
		fs.all[i] = f
	}
	_, err := all.fitOnce(ctx, fs, opts, now)
	var tooMuch *fit.ExcessError
	switch {
	case errors.As(err, &tooMuch):
		return "a plan of all objects does not fit either"
	case err != nil, o.Files != nil && o.Files.tree != nil:
		return open
	default:
		return "a plan of all objects fits: " + o.fit.whole
	}
}
