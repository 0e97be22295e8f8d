package report

import "github.com/fluxtune/kubectl-fluxtune/pkg/check"

// BranchCheck is what check shows: what a branch changes, and what is wrong with it. Every delta is a value on the base and
// on the branch; rates are per hour, rounded to a hundredth; durations are written as Flux writes them.
type BranchCheck struct {
	Head
	Policy string `json:"policy"`
	// Base is absent where there is nothing to compare with.
	Base    *CheckBase   `json:"base,omitempty"`
	Summary CheckSummary `json:"summary"`
	// Scope says which clusters and objects were chosen, which is what all numbers are of; absent where all were.
	Scope string `json:"scope,omitempty"`
	// Clusters that were compared, also those in which nothing changes.
	Clusters    []CheckCluster    `json:"clusters"`
	Hosts       []CheckHost       `json:"hosts"`
	Credentials []CheckCredential `json:"credentials"`
	Findings    []CheckFinding    `json:"findings"`
	Missing     []Missing         `json:"missing,omitempty"`
	Warnings    []string          `json:"warnings,omitempty"`

	prefix string // of the checkout in its repository
}

// CheckBase is what the branch is compared with.
type CheckBase struct {
	Revision string `json:"revision"` // as it was asked for
	// Commit is where the branch left it.
	Commit string `json:"commit"`
}

// CheckSummary is the whole in a few numbers.
type CheckSummary struct {
	// Changed counts the objects whose values change.
	Changed int `json:"changed"`
	Added   int `json:"added"`
	Removed int `json:"removed"`
	// Unknown counts the objects of which one side does not tell whether it has them.
	Unknown int `json:"unknown"`
	// Kept counts the objects in which the files differ, and not the cluster.
	Kept int `json:"kept"`
	// Incomplete says on which side something is not built: what is counted is then what is known, and may be more.
	Incomplete check.Delta[bool] `json:"incomplete"`
	// GitRequests per hour of all clusters, over git smart HTTP and SSH; Requests of all protocols; APIRequests to
	// the kube-apiservers for status, events and dependencies: files do not tell how many objects are applied.
	GitRequests check.Delta[float64] `json:"gitRequests"`
	Requests    check.Delta[float64] `json:"requests"`
	APIRequests check.Delta[float64] `json:"apiRequests"`
	// Findings that the base does not have, by level, and those that it has.
	Errors   int `json:"errors"`
	Warnings int `json:"warnings"`
	Notes    int `json:"notes"`
	Known    int `json:"known"`
}

// CheckCluster is what changes of one cluster.
type CheckCluster struct {
	Cluster string `json:"cluster"`
	// From is the folder that it has on the base, where the branch moved it.
	From string `json:"from,omitempty"`
	// New and Gone say that only the branch or only the base has it.
	New     bool          `json:"new,omitempty"`
	Gone    bool          `json:"gone,omitempty"`
	Changes []CheckChange `json:"changes"`
	Added   []Ref         `json:"added"`
	Removed []Ref         `json:"removed"`
	// Unknown are neither added nor removed: one side has them, and the other cannot build what applies them. They cost on
	// both what they cost on the one.
	Unknown []CheckUnknown `json:"unknown"`
	// Kept stay on the cluster as the base has them, although the files differ: Flux does not apply what the branch has, or
	// does not take them away. They cost on both sides what they cost on the base.
	Kept []CheckKept `json:"kept"`
	// Missing is what is not known of each side. Where there is any, costs and times are of what is known.
	Missing      check.Delta[[]Missing] `json:"missing"`
	Environments []CheckEnvironment     `json:"environments"`
	Controllers  []CheckController      `json:"controllers"`

	folderGone bool // it is gone since the branch has nothing in its folder
}

// CheckChange is a field that gets another value; null is absent.
type CheckChange struct {
	Ref         Ref     `json:"ref"`
	Environment string  `json:"environment"`
	Field       string  `json:"field"`
	Before      *string `json:"before"`
	After       *string `json:"after"`
	// DecidedBy is the scalar that decides it on the branch.
	DecidedBy string `json:"decidedBy,omitempty"`
}

// CheckUnknown is an object that only one side is known to have.
type CheckUnknown struct {
	Ref Ref `json:"ref"`
	// On is the side that does not tell: base or branch.
	On string `json:"on"`
	// What may have it there, and why that is not known.
	What string `json:"what"`
	Why  string `json:"why"`
}

// CheckKept is an object that a branch changes in the files only.
type CheckKept struct {
	Ref Ref `json:"ref"`
	// Files says how the files differ: changed, added or removed.
	Files string `json:"files"`
	// Why the cluster does not follow them.
	Why string `json:"why"`
}

// CheckEnvironment is what an environment of a cluster costs and what it gets for it. Latency is the time from commit
// to applied; durations are "" where they are not known.
type CheckEnvironment struct {
	Environment     string               `json:"environment"`
	GitRequests     check.Delta[float64] `json:"gitRequests"`
	Latency         check.Delta[string]  `json:"latency"`
	WorstLatency    check.Delta[string]  `json:"worstLatency"`
	DriftCorrection check.Delta[string]  `json:"driftCorrection"`
}

// CheckController is how busy a controller's workers are with one kind, with the controllers' defaults and assumed
// durations: files do not tell them.
type CheckController struct {
	Controller  string               `json:"controller"`
	Kind        string               `json:"kind"`
	Reconciles  check.Delta[float64] `json:"reconciles"`
	BusyPercent check.Delta[float64] `json:"busyPercent"`
}

// CheckHost is what one host gets from all clusters.
type CheckHost struct {
	Host        string                `json:"host"` // "" where a URL names none
	Sources     check.Delta[int]      `json:"sources"`
	Requests    check.Delta[float64]  `json:"requests"`
	Clones      check.Delta[float64]  `json:"clones"`
	Limit       *BudgetLimit          `json:"limit,omitempty"`
	UsedPercent *check.Delta[float64] `json:"usedPercent,omitempty"`

	more string // how much more or less the requests are, before they are rounded
}

// CheckCredential is what goes to a host under one credential. Secrets are named, never read.
type CheckCredential struct {
	Host     string               `json:"host"`
	Secret   string               `json:"secret,omitempty"`
	Provider string               `json:"provider,omitempty"`
	Sources  check.Delta[int]     `json:"sources"`
	Requests check.Delta[float64] `json:"requests"`

	more string
}

// CheckFinding is what is wrong at one place.
type CheckFinding struct {
	Rule    string `json:"rule"`
	Level   string `json:"level"` // error, warning or note
	Message string `json:"message"`
	// File is relative to the checkout; absent where nobody knows the place.
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	// Length of what stands there, in characters.
	Length  int           `json:"length,omitempty"`
	Objects []CheckObject `json:"objects,omitempty"`
	// Known says that the base has it, too.
	Known bool `json:"known"`
}

// CheckObject is an object of a cluster.
type CheckObject struct {
	Cluster   string `json:"cluster"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}
