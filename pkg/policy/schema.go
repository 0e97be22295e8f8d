package policy

import _ "embed" // schema.json

// APIVersion and Kind open every policy document.
const (
	APIVersion = "fluxtune.github.io/v1alpha1"
	Kind       = "TuningPolicy"
)

// TuningPolicy says how often Flux polls and reconciles, environment by environment.
type TuningPolicy struct {
	// The version of this schema.
	APIVersion string `json:"apiVersion"`
	// The kind of this document.
	Kind string `json:"kind"`
	// What names the policy.
	Metadata Metadata `json:"metadata"`
	// The policy itself.
	Spec Spec `json:"spec"`
}

// Metadata names the policy.
type Metadata struct {
	// Name of the policy. Plans show it, and tuned objects remember it in an annotation.
	Name string `json:"name"`
}

// Spec is the policy itself: settings for every environment, and what each environment wants otherwise.
type Spec struct {
	// One line that says what the policy is for. Lists of policies show it.
	Description string `json:"description,omitempty"`
	// Printed with every plan that is made from the policy.
	Note string `json:"note,omitempty"`
	// The label keys that say which environment an object or a namespace belongs to. The first key that
	// is present counts. Default: fluxtune.github.io/environment, environment, env,
	// app.kubernetes.io/environment.
	LabelKeys []string `json:"labelKeys,omitempty"`
	// Clusters whose objects belong to an environment, by patterns of names: prod-*, with * for any text and ?
	// for one character. They are compared with the kubeconfig's context and its cluster; for a checkout,
	// with the folder that Flux reads first and each folder on the way to it. They count where nothing says
	// more about an object. Where several match, the one with the most letters besides * and ? counts.
	Clusters Patterns `json:"clusters,omitempty"`
	// Namespaces whose objects belong to an environment, by patterns of names, as in *-stg. They count behind
	// the labels of the object and of its namespace.
	Namespaces Patterns `json:"namespaces,omitempty"`
	// Settings for every environment, by kind. A kind that is named neither here nor in the environment
	// is left alone.
	Kinds Kinds `json:"kinds,omitempty"`
	// Whether timeouts may be made shorter than they are. Without it they are filled in and lengthened,
	// never shortened.
	ShortenTimeouts bool `json:"shortenTimeouts,omitempty"`
	// How many requests each host should get from Flux at most, for the budget. Without an entry
	// github.com has 5000/h; none takes that away.
	Limits Limits `json:"limits,omitempty"`
	// Shares of the hosts' limits. Where a host has one, the intervals of the sources that poll it are fitted within the
	// bounds of their environments: what changes often is polled often, and together they ask no more than the share.
	Fit Shares `json:"fit,omitempty"`
	// The environments that the policy knows, at least one. Objects of other environments are left alone.
	Environments []EnvironmentSpec `json:"environments"`
}

// Patterns maps an environment, by its name or an alias, to patterns of names. A pattern is of one environment.
type Patterns map[string][]string

// EnvironmentSpec is one environment and what it wants.
type EnvironmentSpec struct {
	// Name of the environment. It is compared with label values; upper and lower case are the same.
	Name string `json:"name"`
	// Other label values that mean this environment; upper and lower case are the same. A name or an
	// alias belongs to one environment only.
	Aliases []string `json:"aliases,omitempty"`
	// The range in which the intervals that the policy sets in the environment should lie: the ends of a
	// bound, not what it leaves alone. One outside is a warning, not an error.
	Recommended *RangeSpec `json:"recommended,omitempty"`
	// The environment's own settings, by kind. Each one takes the place of the same setting in
	// spec.kinds; the others stay.
	Kinds Kinds `json:"kinds,omitempty"`
}

// RangeSpec is a range of durations, both ends included. An end that is left out is open.
type RangeSpec struct {
	// The shortest interval that is recommended.
	Min Duration `json:"min,omitempty"`
	// The longest interval that is recommended.
	Max Duration `json:"max,omitempty"`
}

// Kinds maps the name of a Flux kind, such as GitRepository, to its settings. HelmChart's interval also
// rules the chart template of a HelmRelease (spec.chart.spec.interval), since helm-controller makes a
// HelmChart from it.
type Kinds map[string]KindSettings

// KindSettings are the durations that a policy gives to a kind, each one exactly or as a bound. Each kind
// takes those that it has a field for; a setting that is left out leaves the field alone.
type KindSettings struct {
	// How often the controller polls or reconciles. A source's interval decides how soon a commit is
	// applied; the interval of a Kustomization or HelmRelease decides how soon drift is corrected. The
	// interval of HelmChart is also given to the chart template of HelmReleases
	// (spec.chart.spec.interval).
	Interval DurationOrBound `json:"interval,omitempty"`
	// How long one poll or reconcile may take. The timeout of a source and of an ImageRepository takes
	// the units ms, s and m, but no h.
	Timeout DurationOrBound `json:"timeout,omitempty"`
	// How soon a Kustomization is tried again after a failure.
	RetryInterval DurationOrBound `json:"retryInterval,omitempty"`
}

// Limits maps a host, such as github.com or git.example.com:8443, to the requests that it should get at
// most.
type Limits map[string]Rate

// Rate is a number of requests for each second, minute, hour or day: 5000/h, 15/s. Or none.
type Rate string

// Shares maps a host, such as github.com, to the share of its limit that polls should get at most. A name behind the host,
// as in github.com/flux-bot, is that of a credential: the Secret or the provider that a source names. Its share lies
// within the host's.
type Shares map[string]Percent

// Percent is more than 0% and at most 100%: 60%, 12.5%.
type Percent string

// Duration is written as Flux writes it: 30s, 5m or 1h30m, with the units ms, s, m and h. It is longer
// than zero.
type Duration string

// DurationOrBound is an exact duration such as 1m, or a bound: at most 1m, at least 5m, 1m to 3m. A value
// inside the bound stays as it is; one outside is set to the end that is nearest to it. An unset field
// counts as what Flux uses for it.
type DurationOrBound string

// Patterns of the document's names; a value must match the whole of its pattern.
const (
	// NamePattern is that of a Kubernetes object's name (RFC 1123 subdomain).
	NamePattern = `^` + subdomain + `$`
	// EnvironmentPattern is that of a label's value, since that is what an environment's name and
	// aliases are compared with.
	EnvironmentPattern = `^` + labelName + `$`
	// LabelKeyPattern is that of a label's key: a name, behind a domain and a slash or alone.
	LabelKeyPattern = `^(` + subdomain + `/)?` + labelName + `$`

	labelName = `[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?`
	dnsLabel  = `[a-z0-9]([-a-z0-9]*[a-z0-9])?`
	subdomain = dnsLabel + `(\.` + dnsLabel + `)*`
)

//go:generate go run -C ../.. ./hack/schema pkg/policy/schema.json

//go:embed schema.json
var jsonSchema string

// JSONSchema returns the JSON Schema of the policy document, for editors. Parse refuses
// whatever the schema refuses, and more: names that come twice, ranges and bounds that are upside down.
func JSONSchema() []byte { return []byte(jsonSchema) }

// DefaultLabelKeys returns the label keys that are read where a policy names none, in their order.
func DefaultLabelKeys() []string {
	return []string{"fluxtune.github.io/environment", "environment", "env", "app.kubernetes.io/environment"}
}
