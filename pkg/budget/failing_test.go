package budget

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

func sourceController() flux.Controller { return flux.DefaultControllers()[0] }

func TestRetries(t *testing.T) {
	t.Parallel()
	c := sourceController()
	for name, tc := range map[string]struct {
		failing, over time.Duration
		want          float64
	}{
		"not known":         {0, time.Hour, 4},
		"for hours":         {5 * time.Hour, time.Hour, 4},
		"the first second":  {time.Nanosecond, time.Second, 1},      // at 0.75 s
		"the first minute":  {time.Nanosecond, time.Minute, 6},      // 0.75, 2.25, 5.25, 11.25, 23.25, 47.25
		"ten minutes later": {10 * time.Minute, 5 * time.Minute, 1}, // at 767.25 s
		"a quarter later":   {15 * time.Minute, 5 * time.Minute, 0}, // the next is at 1535.25 s
		"never more often":  {10 * time.Minute, time.Hour, 4},       // at 767.25, 1535.25, 2435.25, 3335.25 s
	} {
		assert.Equal(t, tc.want, Retries(c, tc.failing, tc.over), name)
	}
	assert.Zero(t, Retries(flux.Controller{}, 0, time.Hour))
}

// Fifteen sources that never worked asked a real source-controller's Git server 180 times an hour, and
// later 60 times. The delays explain both: each is tried once in the five minutes that end a quarter of an
// hour after the start, and once in fifteen minutes from then on.
func TestRetriesAsMeasured(t *testing.T) {
	t.Parallel()
	const sources = 15
	c := sourceController()
	perHour := func(failing, over time.Duration) float64 { return sources * Retries(c, failing, over) / over.Hours() }
	assert.InEpsilon(t, 180, perHour(10*time.Minute, 5*time.Minute), 0.01)
	assert.InEpsilon(t, 60, perHour(time.Hour, 15*time.Minute), 0.01)
}

// Windows that follow each other add up, the delays never exceed the longest, and there is no more than
// the doubling allows.
func TestRetriesAddUp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		seconds := func(name string, most int) time.Duration {
			return time.Duration(rapid.IntRange(1, most).Draw(t, name)) * time.Second
		}
		c := flux.Controller{MinRetryDelay: seconds("min", 60)}
		c.MaxRetryDelay = c.MinRetryDelay + seconds("more", 3600)
		failing, first, second := seconds("failing", 20000), seconds("first", 20000), seconds("second", 20000)
		whole := Retries(c, failing, first+second)
		assert.InDelta(t, whole, Retries(c, failing, first)+Retries(c, failing+first, second), 1e-6)
		assert.LessOrEqual(t, whole, float64(first+second)/float64(c.MinRetryDelay)+1)
		assert.GreaterOrEqual(t, whole, float64(first+second)/float64(c.MaxRetryDelay)-2)
	})
}

func failing(reason, message string) func(*flux.Object) {
	return func(o *flux.Object) {
		o.Status.Ready, o.Status.ReadyReason, o.Status.ReadyMessage = "False", reason, message
	}
}

// Whatever fails is not due at its interval of 10s.
func TestFailingSources(t *testing.T) {
	t.Parallel()
	const url = "https://git.example.com/app"
	const gone = "failed to checkout and determine revision: unable to clone 'https://git.example.com/app': couldn't find remote ref 'refs/heads/gone'"
	withRef := func(kind flux.RefKind) func(*flux.Object) {
		return func(o *flux.Object) { o.Remote.Ref = flux.RemoteRef{Kind: kind, Value: "v"} }
	}
	worked := func(o *flux.Object) { o.Status.SourceChanged = time.Unix(1, 0) }
	stalled := func(o *flux.Object) { o.Status.Stalled = true }
	other := func(kind string, change ...func(*flux.Object)) tune.Item {
		return item(flux.Object{Ref: ref(kind, "x"), Interval: ptr("10s"), Remote: flux.Remote{URL: url}}, "", change...)
	}
	git := func(change ...func(*flux.Object)) tune.Item { return source("x", url, "10s", "5s", change...) }
	for name, tc := range map[string]struct {
		item     tune.Item
		way      Failure
		requests float64
	}{
		"404":                         {git(failing("GitOperationFailed", "repository not found")), BackOff, 4},
		"404, semver":                 {git(withRef(flux.RefSemver), failing("GitOperationFailed", "repository not found")), BackOff, 4},
		"a branch that never was":     {git(failing("GitOperationFailed", gone)), BackOff, 4},
		"a branch that is gone":       {git(worked, failing("GitOperationFailed", gone)), BackOff, 8},
		"no version in the range":     {git(withRef(flux.RefSemver), failing("GitOperationFailed", "no match found for semver: 9.x")), BackOff, 8},
		"a commit that is not there":  {git(withRef(flux.RefCommit), failing("GitOperationFailed", "unable to resolve commit object for 'v'")), BackOff, 8},
		"a signature that is refused": {git(failing("InvalidCommitSignature", "signature verification failed")), BackOff, 12},
		"no Secret":                   {git(failing("AuthenticationFailed", "secret not found")), BackOff, 0},
		"an include is missing":       {git(failing("NoArtifact", "no artifact available for include")), Waiting, 0},
		"stalled":                     {git(stalled, failing("URLInvalid", "no URL")), Stopped, 0},
		"not yet":                     {git(func(o *flux.Object) { o.Status.Ready = "Unknown" }), NoFailure, 360},
		"suspended":                   {git(suspended, failing("GitOperationFailed", "")), NoFailure, 0},
		"index":                       {other("HelmRepository", failing("Failed", "404")), BackOff, 4},
		"registry":                    {other("OCIRepository", failing("OCIArtifactPullFailed", "404")), BackOff, 24},
		"images":                      {other("ImageRepository", failing("ReadOperationFailed", "404")), BackOff, 12},
		"automation":                  {other("ImageUpdateAutomation", failing("GitOperationFailed", "404")), BackOff, 4},
	} {
		b := New(Input{Items: []tune.Item{tc.item}})
		assert.Equal(t, tc.way, b.Items[0].Failure, name)
		assert.Equal(t, tc.requests, b.Requests.Now, name)
		if tc.way != NoFailure {
			assert.Equal(t, b.Requests.Now, b.Requests.Planned, "%s: another interval changes nothing", name)
		}
	}
}

// Flags and the time since it fails count; consumers retry at their own intervals.
func TestFailingPace(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	broken := source("x", "https://git.example.com/app", "10s", "", failing("GitOperationFailed", "404"), func(o *flux.Object) { o.Status.FailingSince = noon })
	quick := sourceController()
	quick.MinRetryDelay, quick.MaxRetryDelay, quick.Found = time.Second, 30*time.Second, true
	assert.Equal(t, 4.0, New(Input{Items: []tune.Item{broken}}).Requests.Now, "without a clock")
	assert.Equal(t, 12.0, New(Input{Items: []tune.Item{broken}, Now: noon.Add(time.Second)}).Requests.Now)
	assert.Equal(t, 4.0, New(Input{Items: []tune.Item{broken}, Now: noon.Add(5 * time.Hour)}).Requests.Now)
	assert.Equal(t, 120.0, New(Input{Items: []tune.Item{broken}, Controllers: []flux.Controller{quick}}).Requests.Now)

	managed := func(o *flux.Object) { o.Status.Managed = 10 }
	retry := func(o *flux.Object) { o.RetryInterval = ptr("1m") }
	release := func(change ...func(*flux.Object)) tune.Item {
		return item(flux.Object{Ref: ref("HelmRelease", "x"), Interval: ptr("10m")}, "5m", change...)
	}
	for name, tc := range map[string]struct {
		item       tune.Item
		way        Failure
		reconciles Rates
		api        float64
	}{
		"unhealthy":          {kustomization("x", "web", "10m", "", managed, retry, failing("HealthCheckFailed", "timeout")), Retrying, steady(60), 60*28 + 12},
		"no retry interval":  {kustomization("x", "web", "10m", "5m", managed, failing("ReconciliationFailed", "x")), Retrying, Rates{6, 12}, 6*28 + 6},
		"does not build":     {kustomization("x", "web", "10m", "", managed, retry, failing("BuildFailed", "x")), Retrying, steady(60), 0},
		"dependency":         {kustomization("x", "web", "10m", "", managed, failing("DependencyNotReady", "x")), Waiting, steady(120), 0},
		"source has nothing": {kustomization("x", "web", "10m", "", managed, failing("ArtifactFailed", "Source is not ready, artifact not found, retrying in 30s")), Waiting, steady(120), 0},
		"source changes":     {kustomization("x", "web", "10m", "", managed, failing("ArtifactFailed", "Source is not ready, artifact digest changed, retrying in 30s")), Waiting, steady(120), 0},
		"release":            {release(failing("InstallFailed", "x")), BackOff, steady(4), 0},
		"release retries":    {release(failing("UpgradeFailed", "x"), func(o *flux.Object) { o.Polling.Retry.Upgrade = ptr("2m") }), Retrying, steady(30), 0},
		"release gave up":    {release(failing("InstallFailed", "x"), func(o *flux.Object) { o.Status.Stalled = true }), Stopped, Rates{}, 0},
	} {
		b := New(Input{Items: []tune.Item{tc.item}})
		assert.Equal(t, tc.way, b.Items[0].Failure, name)
		assert.Equal(t, tc.reconciles, b.Items[0].Reconciles, name)
		assert.Equal(t, tc.api, b.APIServer.Requests.Now, name)
	}
}

// Before 1.4, helm-controller looks at a source that is not ready after the interval of the release; at dependencies, and at an
// artifact that is gone, sooner.
func TestOlderControllersWaitForSources(t *testing.T) {
	t.Parallel()
	release := func(reason, message string) tune.Item {
		return item(flux.Object{Ref: ref("HelmRelease", "x"), Interval: ptr("1h")}, "10m", failing(reason, message))
	}
	for name, tc := range map[string]struct {
		item    tune.Item
		version string
		want    Rates
	}{
		"its source":            {release("SourceNotReady", "x"), "v1.3.0", Rates{1, 6}},
		"its source, since":     {release("SourceNotReady", "x"), "v1.4.0", steady(120)},
		"its source, somehow":   {release("SourceNotReady", "x"), "", steady(120)},
		"dependencies":          {release("DependencyNotReady", "x"), "v1.3.0", steady(120)},
		"an artifact not found": {release("ArtifactFailed", "Source not ready: artifact not found. Retrying in 30s"), "v1.3.0", steady(120)},
	} {
		c := flux.DefaultControllers()[2]
		c.Version, c.Found = tc.version, true
		b := New(Input{Items: []tune.Item{tc.item}, Controllers: []flux.Controller{c}})
		assert.Equal(t, tc.want, b.Items[0].Reconciles, name)
		assert.Equal(t, Waiting, b.Items[0].Failure, name)
	}
}

func TestFailingIsCounted(t *testing.T) {
	t.Parallel()
	const url = "https://git.example.com/app"
	stalled := func(o *flux.Object) { o.Status.Stalled = true }
	b := New(Input{Items: []tune.Item{
		source("a", url, "1m", "", failing("GitOperationFailed", "404")),
		source("b", url, "1m", "", failing("URLInvalid", ""), stalled),
		source("c", url, "1m", "", failing("NotFound", "")),
		source("d", url, "1m", "", failing("GitOperationFailed", "404"), suspended),
		source("e", url, "1m", ""),
		kustomization("k", "a", "1m", ""),
	}})
	assert.Equal(t, Failing{BackOff: 1, Waiting: 1, Stopped: 1, Requests: steady(4), Mended: steady(180)}, b.Failing)
	assert.Equal(t, "GitRepository apps/a fails: GitOperationFailed", b.Items[5].Delivery.Why)
}

// Failures of one reason are told apart by their messages, where the controllers go on in different ways.
func TestFailuresOfOneReason(t *testing.T) {
	t.Parallel()
	const ssh, https = "ssh://git@github.com/acme/app", "https://github.com/acme/app"
	automation := func(message string) tune.Item {
		return item(flux.Object{Ref: ref("ImageUpdateAutomation", "a"), Interval: ptr("1m"), SourceRef: ref("GitRepository", "repo")}, "", failing("GitOperationFailed", message))
	}
	policy := func(message string) tune.Item {
		return costKind(flux.ImagePolicyKind, "p", flux.Polling{Made: []flux.Ref{ref("ImageRepository", "i")}}, failing("DependencyNotReady", message))
	}
	release := func(message string) tune.Item {
		return item(flux.Object{Ref: ref("HelmRelease", "r"), Interval: ptr("1h")}, "", failing("ArtifactFailed", message))
	}
	const push, first = "failed to update source: authorization failed", "failed to checkout source: authentication required"
	for name, tc := range map[string]struct {
		item   tune.Item
		url    string
		way    Failure
		asks   float64 // each attempt
		clones float64 // an hour
	}{
		"a push that is refused":              {automation(push), https, BackOff, 3, 4},
		"a push that is refused over SSH":     {automation(push), ssh, BackOff, 2, 4},
		"a clone that is refused":             {automation(first), https, BackOff, 1, 0},
		"an ImageRepository that is gone":     {policy("failed to get the referred ImageRepository: not found"), https, BackOff, 0, 0},
		"one that was never scanned":          {policy("referenced ImageRepository has not been scanned yet"), https, Waiting, 0, 0},
		"an artifact that comes back":         {release("Source not ready: artifact not found. Retrying in 30s"), https, Waiting, 0, 0},
		"an artifact that cannot be unpacked": {release("Could not load chart: x"), https, BackOff, 0, 0},
	} {
		b := New(Input{Items: []tune.Item{tc.item}, Others: []tune.Item{source("repo", tc.url, "1m", "")}})
		assert.Equal(t, tc.way, b.Items[0].Failure, name)
		assert.Equal(t, steady(4*tc.asks), b.Requests, name)
		if tc.asks > 0 {
			assert.Equal(t, steady(tc.clones), b.Hosts[0].Clones, name)
		}
	}
}

// Where helm-controller retries on failure by default, what names no strategy is tried again each 5m; what names another
// one is not.
func TestRetryOnFailureByDefault(t *testing.T) {
	t.Parallel()
	release := func(reason string, retry flux.HelmRetry, action ...string) *flux.Object {
		o := &flux.Object{Ref: flux.Ref{Kind: "HelmRelease"}}
		o.Status.LastAction = strings.Join(action, "")
		o.Status.Ready, o.Status.ReadyReason, o.Polling.Retry = "False", reason, retry
		return o
	}
	every := "2m"
	gate := flux.Controller{RetryOnFailure: true}
	for _, tc := range []struct {
		object *flux.Object
		by     flux.Controller
		want   Failure
		every  *string
	}{
		{release("InstallFailed", flux.HelmRetry{}), flux.Controller{}, BackOff, nil},
		{release("InstallFailed", flux.HelmRetry{}), gate, Retrying, flux.RetryDefault()},
		{release("UpgradeFailed", flux.HelmRetry{InstallNamed: true}), gate, Retrying, flux.RetryDefault()},
		{release("UpgradeFailed", flux.HelmRetry{UpgradeNamed: true}), gate, BackOff, nil},
		{release("UpgradeFailed", flux.HelmRetry{Upgrade: &every, UpgradeNamed: true}), gate, Retrying, &every},
		{release("TestFailed", flux.HelmRetry{}), gate, BackOff, nil}, // which action it was is not known
		{release("TestFailed", flux.HelmRetry{}, "install"), gate, Retrying, flux.RetryDefault()},
		{release("TestFailed", flux.HelmRetry{Upgrade: &every, UpgradeNamed: true}, "upgrade"), flux.Controller{}, Retrying, &every},
		{release("TestFailed", flux.HelmRetry{Upgrade: &every, UpgradeNamed: true}, "install"), flux.Controller{}, BackOff, nil},
		{release("RollbackFailed", flux.HelmRetry{UpgradeNamed: true}, "upgrade"), gate, BackOff, nil},
		{release("ValuesError", flux.HelmRetry{}, "upgrade"), gate, BackOff, nil},
		{release("ArtifactFailed", flux.HelmRetry{}, "upgrade"), gate, BackOff, nil},
	} {
		assert.Equal(t, tc.want, failure(tc.object, tc.by))
		assert.Equal(t, tc.every, helmRetry(tc.object, tc.by))
	}
}

// What asks nothing while it is well has an artifact. Without one, or where the next cannot be had, each attempt asks.
func TestWhatAsksNothingWhileWell(t *testing.T) {
	t.Parallel()
	repository := func(oci bool) tune.Item {
		o := flux.Object{Ref: ref("HelmRepository", "r"), Interval: ptr("1h"), OCI: oci, Remote: flux.Remote{URL: "oci://ghcr.io/charts"}}
		if !oci {
			o.Remote.URL = "https://charts.example.com"
		}
		return item(o, "", suspended)
	}
	chart := func(version string, change ...func(*flux.Object)) tune.Item {
		o := flux.Object{Ref: ref("HelmChart", "c"), Interval: ptr("1m"), SourceRef: ref("HelmRepository", "r")}
		o.Polling.Version = version
		return item(o, "", change...)
	}
	digest := func(change ...func(*flux.Object)) tune.Item {
		o := flux.Object{Ref: ref("OCIRepository", "o"), Interval: ptr("1m"), Remote: flux.Remote{URL: "oci://ghcr.io/a", Ref: flux.RemoteRef{Kind: flux.RefDigest, Value: "v"}}}
		return item(o, "", change...)
	}
	const pull, files = "ChartPullError", "ValuesFilesError"
	const download = "failed to download chart for remote reference: 401"
	for name, tc := range map[string]struct {
		oci      bool
		item     tune.Item
		attempt  float64
		wellAsks float64
	}{
		"a chart that cannot be pulled":   {true, chart("1.2.3", failing(pull, download)), 3, 0},
		"a chart that is refused":         {true, chart("1.2.3", failing(files, "no such file")), 9, 0},
		"a chart of a range, pulled":      {true, chart("1.x", failing(pull, download)), 6, 180},
		"a chart of a range, not listed":  {true, chart("1.x", failing(pull, "failed to get chart version for remote reference: 401")), 3, 180},
		"a chart of an index":             {false, chart("1.2.3", failing(pull, download)), 1, 0},
		"a version that no index has":     {false, chart("1.2.3", failing("InvalidChartReference", "no 1.2.3")), 0, 0},
		"a repository that is not there":  {true, chart("1.2.3", failing("SourceUnavailable", "x")), 0, 0},
		"a digest that cannot be pulled":  {true, digest(failing("OCIArtifactPullFailed", "401")), 3, 0},
		"a digest whose layer is refused": {true, digest(failing("OCIArtifactLayerOperationFailed", "no layer")), 4, 0},
		"a chart that is well":            {true, chart("1.2.3"), 0, 0},
		"a digest that is well":           {true, digest(), 0, 0},
	} {
		b := New(Input{Items: []tune.Item{tc.item}, Others: []tune.Item{repository(tc.oci)}})
		assert.Equal(t, steady(4*tc.attempt), b.Requests, name)
		assert.Equal(t, steady(4*tc.attempt), b.Failing.Requests, name)
		assert.Equal(t, tc.wellAsks, b.Items[0].mended.Now, name)
		if tc.attempt > 0 {
			assert.Equal(t, tc.attempt, b.Hosts[0].Fetches.Requests, "%s: a new pod fails as well", name)
		}
		others := New(Input{Others: []tune.Item{tc.item, repository(tc.oci)}})
		assert.Equal(t, 4*tc.attempt, others.Asks(policy.Share{Host: b.Items[0].Address.Host}), name)
	}
}

// What failed last and is tried again just now fails for a budget, too: a Kustomization that waits for its health is Unknown
// most of the time.
func TestFailingWhileItIsTriedAgain(t *testing.T) {
	t.Parallel()
	again := func(reason string) func(*flux.Object) {
		return func(o *flux.Object) {
			o.Status.Ready, o.Status.ReadyReason = "Unknown", "Progressing"
			o.Status.Failed = flux.Failed{Reason: reason, Message: "why"}
		}
	}
	retry := func(o *flux.Object) { o.RetryInterval = ptr("1m") }
	release := item(flux.Object{Ref: ref("HelmRelease", "x"), Interval: ptr("10m")}, "5m", again("UpgradeFailed"))
	app := kustomization("app", "web", "10m", "", func(o *flux.Object) { o.DependsOn = []flux.Ref{ref("Kustomization", "x")} })
	b := New(Input{Items: []tune.Item{
		kustomization("x", "web", "10m", "5m", retry, again("HealthCheckFailed")), release,
		source("web", "https://git.example.com/app", "10s", "", again("GitOperationFailed")), app,
	}})
	assert.Equal(t, []Failure{Retrying, BackOff, BackOff, NoFailure}, []Failure{b.Items[0].Failure, b.Items[1].Failure, b.Items[2].Failure, b.Items[3].Failure})
	assert.Equal(t, steady(60), b.Items[0].Reconciles)
	assert.Equal(t, steady(4), b.Items[1].Reconciles)
	assert.Equal(t, steady(4), b.Items[2].Requests)
	assert.Equal(t, Failing{BackOff: 2, Retrying: 1, Requests: steady(4), Mended: steady(360)}, b.Failing)
}
