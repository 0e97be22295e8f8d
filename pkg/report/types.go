package report

import (
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// APIVersion of all documents that fluxtune writes.
const APIVersion = "fluxtune.github.io/v1alpha1"

// Head names the type of a document.
type Head struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
}

// Ref names the Flux object that an item is about.
type Ref struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Namespace  string `json:"namespace"`
	Name       string `json:"name"`
	// Cluster is the kubeconfig's context, or the root in a checkout, where several are looked at.
	Cluster string `json:"cluster,omitempty"`
}

// Change is one field of an object: its value before and after, null where the field is absent.
type Change struct {
	Field string  `json:"field"`
	From  *string `json:"from"`
	To    *string `json:"to"`
}

// Missing is something that could not be read, and why. A document that has any is incomplete.
type Missing struct {
	Cluster string `json:"cluster,omitempty"`
	What    string `json:"what"`
	Why     string `json:"why"`
}

// ObjectList is what get shows.
type ObjectList struct {
	Head
	Items    []Object  `json:"items"`
	Missing  []Missing `json:"missing,omitempty"`
	Warnings []string  `json:"warnings,omitempty"`
}

// Object is one Flux object: what is set (null where a field is absent), and what Flux uses
// (effective; empty where the kind has no such field).
type Object struct {
	Ref               Ref       `json:"ref"`
	Environment       string    `json:"environment"`
	EnvironmentSource string    `json:"environmentSource"`
	EnvironmentVia    string    `json:"environmentVia,omitempty"`
	Interval          *string   `json:"interval"`
	Timeout           *string   `json:"timeout"`
	RetryInterval     *string   `json:"retryInterval"`
	ChartInterval     *string   `json:"chartInterval,omitempty"`
	Effective         Effective `json:"effective"`
	Suspended         bool      `json:"suspended"`
	// Ready is True, False or Unknown, as the controller reports it.
	Ready   string `json:"ready"`
	Message string `json:"message,omitempty"`
	// SourceChanged is when the source's artifact was written last, which is when it changed or, after a restart of
	// source-controller, later; absent for image scans. For a Kustomization or a HelmRelease,
	// that of the source it uses.
	SourceChanged *time.Time `json:"sourceChanged"`
	Lasting
	// Session of the last apply whose change is still recorded on the object.
	Session string `json:"session,omitempty"`
}

// Lasting says whether a change of an object's interval, or the changes planned, will last.
type Lasting struct {
	// Sticks is sticks, held (by a rule), reverted (undone by its owner) or unknown.
	Sticks string `json:"sticks,omitempty"`
	// SticksMessage says why.
	SticksMessage string `json:"sticksMessage,omitempty"`
	// Owner applies the object; absent where nobody does.
	Owner *Owner `json:"owner,omitempty"`
	// Fields says it for each changed field, where they differ.
	Fields []LastingField `json:"fields,omitempty"`
	// RevertedWithin is the interval at which a change is undone, without jitter: "10m".
	RevertedWithin string `json:"revertedWithin,omitempty"`
}

// LastingField says whether the change of one field will last, and why.
type LastingField struct {
	Field   string `json:"field"`
	Sticks  string `json:"sticks"`
	Message string `json:"message,omitempty"`
}

// Owner is what applies an object.
type Owner struct {
	Group     string `json:"group,omitempty"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
}

// Effective are the durations that Flux uses: what is set, or the controller's default.
type Effective struct {
	Interval      string `json:"interval"`
	Timeout       string `json:"timeout,omitempty"`
	RetryInterval string `json:"retryInterval,omitempty"`
	ChartInterval string `json:"chartInterval,omitempty"`
}

// Plan is what plan shows: an item for every object that was looked at.
type Plan struct {
	Head
	Policy string     `json:"policy,omitempty"`
	Items  []PlanItem `json:"items"`
	// Pins are the owners whose spec.ignore apply would change, so that they leave the changed fields alone.
	Pins    []PlanPin   `json:"pins,omitempty"`
	Summary PlanSummary `json:"summary"`
	// Course is how the changes go when they are made; absent where nothing changes.
	Course   *PlanCourse `json:"course,omitempty"`
	Missing  []Missing   `json:"missing,omitempty"`
	Warnings []string    `json:"warnings,omitempty"`
}

// PlanCourse is how the changes of a plan go along dependencies.
type PlanCourse struct {
	// Steps along spec.dependsOn: so many objects at most are changed one after the other, each when the one before is ready again.
	Steps int `json:"steps"`
	// Takes about as long in all, as "1m40s".
	Takes string `json:"takes"`
	// NotReady are the objects that may be not ready for a while, and cannot be spared.
	NotReady []PlanNotReady `json:"notReady"`
	// Fetches are the charts that the changes have fetched again, by host, the most first; absent where none is.
	Fetches []PlanFetches `json:"fetches,omitempty"`
	// Builds counts the charts that the changes have built again from the files of a GitRepository or Bucket: of these only
	// what they depend on is fetched.
	Builds int `json:"builds,omitempty"`
}

// PlanFetches are charts that are fetched again from one host.
type PlanFetches struct {
	// Host of the HelmRepositories; "" where the source was not read.
	Host   string `json:"host"`
	Charts int    `json:"charts"`
}

// PlanNotReady is an object that may be not ready for a while, what of, and why that cannot be spared.
type PlanNotReady struct {
	Object string `json:"object"` // KIND NAMESPACE/NAME
	On     string `json:"dependsOn"`
	Why    string `json:"why"`
}

// PlanPin is an owner, and the rules of ours that it will have.
type PlanPin struct {
	Ref     Ref `json:"ref"`
	Objects int `json:"objects"` // that the rules name
	Rules   int `json:"rules"`
}

// PlanItem says what would be done with one object, and why.
type PlanItem struct {
	Ref               Ref    `json:"ref"`
	Environment       string `json:"environment"`
	EnvironmentSource string `json:"environmentSource"`
	EnvironmentVia    string `json:"environmentVia,omitempty"`
	// Interval is how often Flux looks at it now; "" where it never does.
	Interval string   `json:"interval"`
	Action   string   `json:"action"` // change, unchanged or skip
	Reason   string   `json:"reason"` // one word, stable
	Message  string   `json:"message"`
	Changes  []Change `json:"changes"`
	Notes    []string `json:"notes,omitempty"`
	// Fit is what a fitted interval was chosen by; absent of what was not fitted.
	Fit *PlanItemFit `json:"fit,omitempty"`
	Lasting

	left string // what stays as it is beside the changes, and why
	// standing says that it does not change and is as an apply set it, which something sets again, or may.
	standing bool
	object   flux.Object
}

// PlanSummary counts a plan.
type PlanSummary struct {
	Counts
	Environments []EnvironmentSummary `json:"environments"`
	// GitRequests per hour, now and when the plan is carried out.
	GitRequests *budget.Rates `json:"gitRequests,omitempty"`
	// Webhooks are the sources that a Receiver covers: their polling can be relaxed.
	Webhooks *BudgetWebhooks `json:"webhooks,omitempty"`
	// Fit is what fitted intervals come to; absent where none were fitted.
	Fit *PlanFit `json:"fit,omitempty"`
}

// Counts are numbers of objects by action.
type Counts struct {
	Objects   int `json:"objects"`
	Change    int `json:"change"`
	Unchanged int `json:"unchanged"`
	Skip      int `json:"skip"`
}

// EnvironmentSummary counts the objects of one environment; its name is "" for objects without one.
type EnvironmentSummary struct {
	Environment string `json:"environment"`
	Counts
	// GitRequests per hour, Latency from commit to applied and DriftCorrection, now and when the plan is
	// carried out; absent where there is nothing to tell.
	GitRequests     *budget.Rates        `json:"gitRequests,omitempty"`
	Latency         *BudgetLatency       `json:"latency,omitempty"`
	DriftCorrection *budget.Pair[string] `json:"driftCorrection,omitempty"`
}

// Results are what apply, revert and forget did.
type Results struct {
	Head
	// Session is the id of this apply, by which revert --session finds its work; absent where nothing was written.
	Session string   `json:"session,omitempty"`
	Policy  string   `json:"policy,omitempty"`
	DryRun  string   `json:"dryRun,omitempty"`
	Items   []Result `json:"items"`
	// Rules are the Kustomizations whose spec.ignore gained or lost rules, or was to.
	Rules    []Result      `json:"rules,omitempty"`
	Summary  ResultSummary `json:"summary"`
	Missing  []Missing     `json:"missing,omitempty"`
	Warnings []string      `json:"warnings,omitempty"`

	// Done is the word for an object that was written.
	Done string `json:"-"`
}

// Result is what was done with one object.
type Result struct {
	Ref Ref `json:"ref"`
	// Action is configured (by apply), restored (by revert) or forgotten (by forget) where something was written;
	// released where a revert had no value to restore, and dropped the record; unchanged; skipped (left alone); failed
	// (refused); notAttempted; or uncertain: sent, and no answer came.
	Action  string   `json:"action"`
	Changes []Change `json:"changes"`
	Message string   `json:"message,omitempty"`
	Error   string   `json:"error,omitempty"`
	// Kept is what a revert could not take back, and why.
	Kept string `json:"kept,omitempty"`
	// NotReady is what Flux has not been seen to do yet about a change that is made.
	NotReady string `json:"notReady,omitempty"`
	// AlsoChanged are fields of the spec that admission (a policy or webhook) changed, too, as the API server's answers say: no
	// record has them, so that a revert does not take that back.
	AlsoChanged []string `json:"alsoChanged,omitempty"`

	object flux.Object
	done   string // the action where it is written
	undone string // who undoes it where it is written, or may; "" where it lasts
	tried  bool   // it was to be written
	// runEnded says that the run ended before it came to it.
	runEnded bool
	// rules says of an owner that rules of ours came or went, takenBack that they were set and taken away again.
	rules, takenBack bool
}

// ResultSummary counts results.
type ResultSummary struct {
	Changed int `json:"changed"`
	// Released are those of which a revert dropped the record and found no value to restore.
	Released     int `json:"released"`
	Unchanged    int `json:"unchanged"`
	Skipped      int `json:"skipped"`
	Failed       int `json:"failed"`
	NotAttempted int `json:"notAttempted"`
	Uncertain    int `json:"uncertain"`
	// Partial are the objects of which a revert took something back and left something as it is, or in which an apply wrote
	// something that is not as planned. They count nowhere else.
	Partial int `json:"partial"`
	// NotReady are those of the changed that Flux has not been seen ready again.
	NotReady int `json:"notReady"`
}
