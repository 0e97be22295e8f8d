package alerts

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
)

// Input is what rules are made from.
type Input struct {
	// Items are the objects with what they cost: those of a budget.Budget.
	Items []budget.Item
	// Idle are further objects: they are never due, but may be reconciled all the same, and then have the same metrics.
	Idle   []flux.Ref
	Limits budget.Limits
	// Shares are the parts of limits that a policy fits intervals to: more is an alarm.
	Shares []policy.Share
	// Above is the part of a limit, in percent, that is an alarm where there is no share.
	Above float64
	// Namespace that the objects are in; "" for all.
	Namespace string
	// Cluster are the flags that have commands ask the same cluster, and Under those that give them the same policy and limits;
	// with a space before each, and "" where these are the defaults.
	Cluster, Under string
	// PolicyFile is the file of the policy, as it was named; "" where it is none.
	PolicyFile string
}

// The names of the alerts.
const (
	HostAboveShare      = "FluxtuneHostAboveShare"
	CredentialAbove     = "FluxtuneCredentialAboveShare"
	WorkersBusy         = "FluxtuneWorkersBusy"
	SlowReconcile       = "FluxtuneReconcileExceedsInterval"
	SourceNotPolled     = "FluxtuneSourceNotPolled"
	SourceNeverPolled   = "FluxtuneSourceNeverPolled"
	SessionOverdue      = "FluxtuneSessionOverdue"
	MetricsMissing      = "FluxtuneMetricsMissing"
	ControllerRestarts  = "FluxtuneControllerRestarts"
	reconcilesTotal     = "fluxtune:reconciles:total"
	hostRequests        = "fluxtune:host_requests:per_hour"
	credentialRequests  = "fluxtune:credential_requests:per_hour"
	reconcileCount      = "gotk_reconcile_duration_seconds_count"
	reconcileSeconds    = "gotk_reconcile_duration_seconds_sum"
	evaluation          = time.Minute
	observed            = time.Hour
	scrapeAndEvaluation = 2 * time.Minute
)

// Result is the rules, and what they cannot see.
type Result struct {
	Rules Rules
	// Notes tell people what is not watched, and why: one sentence each.
	Notes []string
}

// New makes the rules. They are in the same order, and written in the same way, for the same objects. There are none
// where no controller's metrics tell of any object.
func New(in Input) Result {
	var items []budget.Item
	in.Idle = slices.Clone(in.Idle)
	for _, i := range in.Items {
		switch {
		case unreconciled(i):
			in.Idle = append(in.Idle, i.Object.Ref)
		case flux.ControllerOf(i.Object.Kind) != "":
			items = append(items, i)
		}
	}
	sorting.By(items, func(a, b budget.Item) int { return a.Object.Compare(b.Object.Ref) })
	if len(items) == 0 {
		return Result{}
	}
	in.Items, items = items, in.Items
	requests, notes := in.requests(items)
	polls, unwatched := in.polls()
	notes = append(notes, unwatched...)
	rules := slices.Concat([]Rule{in.reconciles()}, requests, in.workers(), []Rule{in.slow()}, polls, in.neverPolled(), in.missing(), []Rule{in.restarts(), in.sessions()})
	return Result{Rules: Rules{Groups: []Group{{Name: in.group(), Interval: duration(evaluation), Rules: rules}}}, Notes: notes}
}

// unreconciled tells of a HelmRepository of type oci that source-controller passes it over: no series is about it, though
// kube-state-metrics knows it (source-controller internal/predicates/helmrepository_type_predicate.go). Before 1.2 it has an interval.
func unreconciled(i budget.Item) bool {
	return i.Object.OCI && i.Interval == (budget.Pair[time.Duration]{})
}

// group is the name of the group, which is one of its own for each namespace.
func (in Input) group() string { return strings.TrimSuffix("fluxtune-"+in.Namespace, "-") }

// kinds are those of the objects, or of those whose controller it is, in the order of the table of kinds.
func (in Input) kinds(controller string) []string {
	var kinds []string
	for _, i := range in.Items {
		if kind := i.Object.Kind; !slices.Contains(kinds, kind) && (controller == "" || flux.ControllerOf(kind) == controller) {
			kinds = append(kinds, kind)
		}
	}
	order := append(flux.KindNames(), flux.ImagePolicyKind)
	sorting.By(kinds, func(a, b string) int { return cmp.Compare(slices.Index(order, a), slices.Index(order, b)) })
	return kinds
}

// controllers are those of the objects, sorted.
func (in Input) controllers() []string {
	var names []string
	for _, i := range in.Items {
		names = append(names, flux.ControllerOf(i.Object.Kind))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// reconciles records how often each process reconciled each object, with its own namespace in exported_namespace. Each
// process is apart: a controller that starts anew, in another pod, begins at 0, and one that lost an object to another shard
// goes on telling what it had counted (fluxcd/pkg runtime/controller/metrics.go forgets what is deleted only). Two jobs may
// scrape one process, so the most counts.
func (in Input) reconciles() Rule {
	return Rule{Record: reconcilesTotal, Expr: fmt.Sprintf("max by (%s, instance) (%s)", identity,
		sameNamespace(metric(reconcileCount, in.kinds(""), in.Namespace, func(s string) string { return s })))}
}

// plural counts things: 1 object, 2 objects.
func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
