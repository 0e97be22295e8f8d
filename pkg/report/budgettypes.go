package report

import (
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
)

// Budget is what budget shows. Every pair is a value as it is now and as it would be under the policy.
// Rates are per hour, rounded to a hundredth; durations are written as Flux writes them.
type Budget struct {
	Head
	Policy       string              `json:"policy"`
	Summary      BudgetSummary       `json:"summary"`
	Hosts        []BudgetHost        `json:"hosts"`
	Repositories []BudgetRepository  `json:"repositories"`
	Credentials  []BudgetCredential  `json:"credentials"`
	APIServer    BudgetAPIServer     `json:"apiServer"`
	Controllers  []BudgetWorkers     `json:"controllers"`
	Environments []BudgetEnvironment `json:"environments"`
	// GitHub is the host's own answer for its REST API; absent unless asked for.
	GitHub *GitHubRateLimit `json:"github,omitempty"`
	Items  []BudgetItem     `json:"items"`
	// Notes say what the numbers mean and what they do not.
	Notes    []string  `json:"notes"`
	Missing  []Missing `json:"missing,omitempty"`
	Warnings []string  `json:"warnings,omitempty"`
}

// BudgetSummary is the whole in a few numbers.
type BudgetSummary struct {
	Objects int `json:"objects"`
	// GitRequests per hour, over git smart HTTP and SSH.
	GitRequests budget.Rates `json:"gitRequests"`
	// Requests per hour of all protocols to all hosts.
	Requests budget.Rates `json:"requests"`
	// APIRequests per hour to the kube-apiserver.
	APIRequests budget.Rates `json:"apiRequests"`
	// Webhooks are the sources that a Receiver covers, and what polling them costs all the same.
	Webhooks BudgetWebhooks `json:"webhooks"`
	// Failing are the objects that are not due at their intervals.
	Failing BudgetFailing `json:"failing"`
}

// BudgetFailing counts the objects that are not ready by how their controllers go on with them, and what
// they ask of hosts.
type BudgetFailing struct {
	BackOff       int          `json:"backOff"`
	RetryInterval int          `json:"retryInterval"`
	Waiting       int          `json:"waiting"`
	Stalled       int          `json:"stalled"`
	Requests      budget.Rates `json:"requests"`
	// Mended is what they would ask if they were well.
	Mended budget.Rates `json:"mended"`
}

// BudgetWebhooks counts the sources that Receivers cover.
type BudgetWebhooks struct {
	Sources  int          `json:"sources"`
	Requests budget.Rates `json:"requests"`
}

// BudgetHost is what one host gets.
type BudgetHost struct {
	Host      string           `json:"host"` // "" where a URL names none
	Sources   int              `json:"sources"`
	Requests  budget.Rates     `json:"requests"`
	PerDay    budget.Rates     `json:"perDay"`
	Protocols []BudgetProtocol `json:"protocols"`
	// Clones per hour: reconciles that transfer a whole repository.
	Clones budget.Rates `json:"clones"`
	// Bytes per hour that are transferred while nothing changes, by the size of the artifacts: of clones (of semver and commit) and index files.
	Bytes budget.Rates `json:"bytes"`
	// Polls are what comes when all sources are due at once, Fetches when source-controller has no artifacts, too.
	Polls   BudgetBurst  `json:"burstOfPolls"`
	Fetches BudgetBurst  `json:"burstOfFetches"`
	Limit   *BudgetLimit `json:"limit,omitempty"`
	// Others are the requests per hour of objects that were read beside those that were asked for, as they are now.
	Others float64 `json:"others,omitempty"`
	// UsedPercent of the limit, with what the others ask; absent without one.
	UsedPercent *budget.Rates `json:"usedPercent,omitempty"`
	// Clusters say what each asks, the one that asks most first; absent where one is looked at.
	Clusters []BudgetCluster `json:"clusters,omitempty"`
	// Receivers is how many of the sources a Receiver covers.
	Receivers int `json:"receivers"`
}

// BudgetCluster is what a cluster asks of a host.
type BudgetCluster struct {
	Cluster  string       `json:"cluster"`
	Sources  int          `json:"sources"`
	Requests budget.Rates `json:"requests"`
	// UsedPercent of the host's limit; absent without one.
	UsedPercent *budget.Rates `json:"usedPercent,omitempty"`
}

// BudgetBurst is what a host gets when all that poll it are due at once: after a restart of the controllers, or when a
// policy was applied without a pace.
type BudgetBurst struct {
	Requests    float64 `json:"requests"`
	PerSecond   float64 `json:"perSecond"`
	Connections int     `json:"connections"`
	Lasts       string  `json:"lasts"`
}

// BudgetProtocol is a host's requests by protocol: git, oci, helm, bucket or image.
type BudgetProtocol struct {
	Protocol string       `json:"protocol"`
	Sources  int          `json:"sources"`
	Requests budget.Rates `json:"requests"`
}

// BudgetLimit is what a host should get per hour at most.
type BudgetLimit struct {
	PerHour float64 `json:"perHour"`
	From    string  `json:"from"` // flag, policy or preset
	// Yardstick says that the limit is GitHub's for REST, which Git traffic does not count against.
	Yardstick bool `json:"yardstick"`
}

// BudgetRepository is what is polled at one address.
type BudgetRepository struct {
	Address  string       `json:"address"`
	Protocol string       `json:"protocol"`
	Refs     []string     `json:"refs"`
	Objects  []string     `json:"objects"` // KIND NAMESPACE/NAME
	Requests budget.Rates `json:"requests"`
	// Saving per hour, if objects of one namespace shared one source that differ only in how often they
	// poll.
	Saving budget.Rates `json:"saving"`
	// SavingAcross is the same for objects of all namespaces together.
	SavingAcross budget.Rates `json:"savingAcrossNamespaces"`
}

// BudgetCredential is what goes to a host under one credential. Secrets are named, never read.
type BudgetCredential struct {
	Host       string `json:"host"`
	Secret     string `json:"secret,omitempty"`
	Provider   string `json:"provider,omitempty"`
	Namespaces int    `json:"namespaces"`
	// Clusters whose sources have it, where several are looked at.
	Clusters int          `json:"clusters,omitempty"`
	Sources  int          `json:"sources"`
	Requests budget.Rates `json:"requests"`
}

// BudgetAPIServer is what reconciles ask of the kube-apiserver.
type BudgetAPIServer struct {
	Kustomizations int `json:"kustomizations"`
	// HelmReleases that detect drift.
	HelmReleases int `json:"helmReleases"`
	Managed      int `json:"managed"`
	// WithoutInventory counts those of both whose objects are not known.
	WithoutInventory int `json:"withoutInventory"`
	// Elsewhere counts those that apply to another cluster (spec.kubeConfig) and ask its kube-apiserver for the objects: they are in
	// no other number here but Requests and Own.
	Elsewhere  int          `json:"elsewhere,omitempty"`
	Reconciles budget.Rates `json:"reconciles"`
	// Requests per hour of all that is reconciled; Own are those of them for status and events, the others are for the managed objects.
	Requests budget.Rates `json:"requests"`
	Own      budget.Rates `json:"own"`
}

// BudgetWorkers are the workers of a controller for one kind.
type BudgetWorkers struct {
	Cluster    string `json:"cluster,omitempty"` // where several are looked at
	Controller string `json:"controller"`
	// Shard is the label selector of what it watches; absent where there is only one.
	Shard      string `json:"shard,omitempty"`
	Kind       string `json:"kind"`
	Concurrent int    `json:"concurrent"`
	// Default says that the controller's flags were not read and its defaults are assumed.
	Default      bool         `json:"default"`
	Objects      int          `json:"objects"`
	Reconciles   budget.Rates `json:"reconciles"`
	Duration     string       `json:"duration"`
	DurationFrom string       `json:"durationFrom"` // observed, history or assumed
	BusyPercent  budget.Rates `json:"busyPercent"`
	// Advice where they are too busy.
	Advice string `json:"advice,omitempty"`
}

// BudgetEnvironment is what an environment costs and what it gets for it.
type BudgetEnvironment struct {
	Environment string       `json:"environment"`
	Sources     int          `json:"sources"`
	GitRequests budget.Rates `json:"gitRequests"`
	APIRequests budget.Rates `json:"apiRequests"`
	// Consumers are the Kustomizations and HelmReleases whose latency is known.
	Consumers int `json:"consumers"`
	// Unknown counts those whose latency is not, Webhooks those that a Receiver delivers to.
	Unknown  int `json:"unknown"`
	Webhooks int `json:"webhooks"`
	// Latency from commit to applied: typical is the median, worst the longest; absent without
	// consumers.
	Latency *BudgetLatency `json:"latency,omitempty"`
	// DriftCorrection is how long it takes at most until drift is corrected; absent without
	// Kustomizations.
	DriftCorrection *budget.Pair[string] `json:"driftCorrection,omitempty"`
}

// BudgetLatency is the time from commit to applied.
type BudgetLatency struct {
	Typical budget.Pair[string] `json:"typical"`
	Worst   budget.Pair[string] `json:"worst"`
}

// BudgetItem is what one object costs and buys.
type BudgetItem struct {
	Ref         Ref    `json:"ref"`
	Environment string `json:"environment"`
	// Interval that the controller uses; "" where it is never due.
	Interval   budget.Pair[string] `json:"interval"`
	Reconciles budget.Rates        `json:"reconciles"`
	Address    string              `json:"address,omitempty"`
	Protocol   string              `json:"protocol,omitempty"`
	RefKind    string              `json:"refKind,omitempty"`
	// Asks says what a reconcile asks of the host.
	Asks string `json:"asks,omitempty"`
	// AtLeast says that it may ask more than can be known.
	AtLeast bool `json:"atLeast,omitempty"`
	// Failure says how its controller goes on with it while it is not ready: backOff, retryInterval,
	// waiting or stalled.
	Failure     string         `json:"failure,omitempty"`
	Requests    budget.Rates   `json:"requests"`
	APIRequests budget.Rates   `json:"apiRequests"`
	Latency     *BudgetLatency `json:"latency,omitempty"`
	// LatencyUnknown says why there is none.
	LatencyUnknown string `json:"latencyUnknown,omitempty"`
	// DependsOn is how many levels of dependencies are below.
	DependsOn int `json:"dependsOn,omitempty"`
	// Receiver that covers the object, or the source that it waits for.
	Receiver string             `json:"receiver,omitempty"`
	Observed *BudgetObservation `json:"observed,omitempty"`
}

// BudgetObservation is what the controllers' metrics say.
type BudgetObservation struct {
	Reconciles float64 `json:"reconciles"` // per hour
	Duration   string  `json:"duration"`
	Over       string  `json:"over"`
}

// GitHubRateLimit is GitHub's own answer about its REST API.
type GitHubRateLimit struct {
	API       string    `json:"api"`
	Limit     int       `json:"limit"`
	Used      int       `json:"used"`
	Remaining int       `json:"remaining"`
	Reset     time.Time `json:"reset"`
}
