package budget

import (
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Failure says how a controller goes on with an object that is not ready. The strings are part of the
// JSON output.
type Failure string

// The ways to go on. NoFailure: it is due at its interval.
const (
	NoFailure Failure = ""
	// BackOff: it is tried again after --min-retry-delay, and each time after twice as long, up to
	// --max-retry-delay, whatever its interval is.
	BackOff Failure = "backOff"
	// Retrying: it is tried again at an interval of its own for that.
	Retrying Failure = "retryInterval"
	// Waiting: it looks again whether what it needs is there, every --requeue-dependency; before helm-controller 1.4 at a source
	// only at its interval.
	Waiting Failure = "waiting"
	// Stopped: its controller has given up until it changes.
	Stopped Failure = "stalled"
)

// failure tells how an object that is not ready goes on.
//
// Sources, charts and image objects return an error, so that the controller's rate limiter decides
// (source-controller internal/reconcile/reconcile.go ComputeReconcileResult, where only errors of the type
// Stalling end it; fluxcd/pkg runtime/controller/rate_limiter.go), and so do inputs (Flux Operator
// internal/controller/resourcesetinputprovider_controller.go). A GitRepository waits for what it
// includes (gitrepository_controller.go fetchIncludes). kustomize-controller
// (kustomization_controller.go Reconcile) and helm-controller (helmrelease_controller.go) wait for
// dependencies and sources; the former tries again at the retry interval, the latter only where its
// strategy is RetryOnFailure, or where it names none and the controller c retries on failure by default.
func failure(o *flux.Object, c flux.Controller) Failure {
	switch {
	case o.Status.Stalled:
		return Stopped
	case o.Status.Ready != "False":
		return NoFailure
	}
	switch o.Kind {
	case "GitRepository":
		if reason := o.Status.ReadyReason; reason == "NotFound" || reason == "NoArtifact" {
			return Waiting
		}
		return BackOff
	case "OCIRepository", "Bucket", "HelmRepository", "HelmChart", "ImageRepository", "ImageUpdateAutomation", flux.ResourceSetInputProviderKind:
		return BackOff
	case flux.ImagePolicyKind:
		// It waits for the first scan; an ImageRepository that is gone is an error (imagepolicy_controller.go).
		if o.Status.ReadyReason == dependencyNotReady && !strings.Contains(o.Status.ReadyMessage, "failed to get the referred ImageRepository") {
			return Waiting
		}
		return BackOff
	case "Kustomization":
		if o.Status.ReadyReason == dependencyNotReady || awaitsSource.MatchString(o.Status.ReadyMessage) {
			return Waiting
		}
		return Retrying
	case "HelmRelease":
		if strings.HasSuffix(o.Status.ReadyReason, "NotReady") || strings.Contains(o.Status.ReadyMessage, "artifact not found. Retrying in") {
			return Waiting
		}
		if helmRetry(o, c) != nil {
			return Retrying
		}
		return BackOff
	default:
		return NoFailure
	}
}

// awaitsSource is what kustomize-controller says of a source that is not ready: it has no artifact, or since 1.10 another one meanwhile
// (internal/controller/kustomization_controller.go, Reconcile).
var awaitsSource = regexp.MustCompile(`artifact (not found|digest changed), retrying in`)

const dependencyNotReady = "DependencyNotReady" // fluxcd/pkg apis/meta, DependencyNotReadyReason

// actionsFail are the reasons of a HelmRelease of which an action has failed: what fails before them goes by back-off, whatever its
// strategy is (helm-controller internal/reconcile/atomic_release.go, Reconcile; internal/controller/helmrelease_controller.go).
var actionsFail = []string{"InstallFailed", "UpgradeFailed", "TestFailed", "RollbackFailed", "UninstallFailed"}

// helmRetry is the interval at which a HelmRelease tries again what failed; nil where its strategy is
// another. That of what was attempted last counts (api/v2, GetActiveRetry).
func helmRetry(o *flux.Object, c flux.Controller) *string {
	retry, reason := o.Polling.Retry, o.Status.ReadyReason
	if !slices.Contains(actionsFail, reason) {
		return nil
	}
	every, named := retry.Install, retry.InstallNamed
	switch action := o.Status.LastAction; {
	case action == "install", action == "" && reason == "InstallFailed":
	case action == "upgrade", action == "" && reason == "UpgradeFailed":
		every, named = retry.Upgrade, retry.UpgradeNamed
	default:
		return nil
	}
	if !named && c.RetryOnFailure {
		return flux.RetryDefault()
	}
	return every
}

// Retries is how often what has been failing for a time is tried again in the time after, by a
// controller whose flags are c. A time of 0 means that it is not known: then all delays are the longest,
// which they are after 26 minutes with the default flags.
//
// The n-th attempt is MinRetryDelay x (2^n - 1) after the first (k8s.io/client-go util/workqueue,
// ItemExponentialFailureRateLimiter); how long the attempts themselves take is left out. A restart of the
// controller begins anew.
func Retries(c flux.Controller, failing, over time.Duration) float64 {
	if c.MaxRetryDelay <= 0 {
		return 0
	}
	settled := float64(over) / float64(c.MaxRetryDelay)
	if failing <= 0 || c.MinRetryDelay <= 0 {
		return settled
	}
	n, at, delay := 0.0, time.Duration(0), c.MinRetryDelay
	for delay < c.MaxRetryDelay {
		at += delay
		if at > failing+over {
			return n
		}
		if at > failing {
			n++
		}
		delay *= 2
	}
	evenly := func(t time.Duration) float64 { return math.Floor(max(0, float64(t-at)) / float64(c.MaxRetryDelay)) }
	return n + evenly(failing+over) - evenly(failing)
}

// due is how often an object is reconciled, now and under the plan. What it waits for, an interval or a delay, begins when
// a reconcile has ended (sigs.k8s.io/controller-runtime pkg/internal/controller/controller.go, AddWithOpts with After), so
// that long ones come less often; how long they take counts where metrics or status.history tell.
func (f *fleet) due(s *subject) Rates {
	if s.object.Kind == flux.AlertKind {
		return f.statuses(s)
	}
	return f.slowed(s, f.waits(s))
}

// slowed is how often an object is reconciled that would be at rates if a reconcile took no time.
func (f *fleet) slowed(s *subject, rates Rates) Rates {
	took, from := f.duration(s)
	if from == Assumed {
		return rates
	}
	return pair(func(m moment) float64 {
		perHour := *rates.at(m)
		return perHour / (1 + perHour*took.Hours())
	})
}

// waits is how often an hour holds what an object waits from one reconcile to the next.
func (f *fleet) waits(s *subject) Rates {
	interval := Rates{Now: perHour(s.interval.Now), Planned: perHour(s.interval.Planned)}
	if interval == (Rates{}) { // suspended, or of no interval
		return interval
	}
	c := f.settings.Of(s.object)
	steady := func(perHour float64) Rates { return Rates{Now: perHour, Planned: perHour} }
	switch s.failure {
	case BackOff:
		failing := time.Duration(0)
		// Each attempt of an input makes its condition anew, so that this tells of the last one only.
		if since := s.object.Status.FailingSince; !since.IsZero() && !f.now.IsZero() && s.object.Kind != flux.ResourceSetInputProviderKind {
			failing = f.now.Sub(since)
		}
		return steady(Retries(c, failing, time.Hour))
	case Waiting:
		if older, _ := f.settings.Older(s.object, flux.WaitsLess); older && s.object.Kind == "HelmRelease" && s.object.Status.ReadyReason == "SourceNotReady" {
			return interval
		}
		return steady(perHour(c.RequeueDependency))
	case Stopped:
		return Rates{}
	case Retrying:
		return Rates{Now: perHour(s.retry.Now), Planned: perHour(s.retry.Planned)}
	default:
		return interval
	}
}

// failed is what an attempt asks that fails as the last one did; false where it asks nothing.
func failed(o *flux.Object, way Failure, c Cost) (Cost, bool) {
	reason := o.Status.ReadyReason
	if way == Waiting || asksNothing(o.Kind, reason) {
		return c, false
	}
	c.Note = "fails: " + reason + ", back-off"
	if o.Kind == flux.ResourceSetInputProviderKind {
		return failedInput(c), c.Protocol != ""
	}
	if strings.Contains(o.Status.ReadyMessage, refusedLogin) {
		c.Unchanged, c.AtLeast = registryCall, true
		return c, true
	}
	c.Unchanged += refetched(o, c)
	if c.Protocol == "" || c.Unchanged == 0 {
		return c, false
	}
	if o.Kind == "ImageUpdateAutomation" && strings.Contains(o.Status.ReadyMessage, refusedPush) {
		c.Clones, c.Unchanged = true, c.Refused+listCalls
		return c, true
	}
	if c.Protocol != Git || !brokenOff(reason, o.Status.ReadyMessage) {
		if o.Kind == "GitRepository" { // what it fetched was refused: it is fetched again
			c.Unchanged = c.Refused
		}
		return c, true
	}
	// The first request of a clone fails. Where a ref of a repository is gone that was there before, the
	// refs are listed, and then the clone is tried all the same (fluxcd/pkg git/gogit/clone.go cloneBranch,
	// cloneTag).
	c.Clones, c.AtLeast, c.Unchanged = false, false, 1
	if strings.Contains(o.Status.ReadyMessage, "couldn't find remote ref") && !o.Status.SourceChanged.IsZero() {
		c.Unchanged = 2
	}
	return c, true
}

// refetched is what an attempt of an artifact or chart asks beyond what one asks that is well: it has no artifact, or not the
// next one, and tries to have it.
//
// Of an OCIRepository HEAD is refused, so that GET is tried, with a token of its own; the manifest of a digest is asked for
// at once (source-controller ocirepository_controller.go getRevision). A chart is downloaded once its version is known
// (internal/helm/chart/builder_remote.go downloadFromRepository).
func refetched(o *flux.Object, c Cost) float64 {
	reason, message := o.Status.ReadyReason, o.Status.ReadyMessage
	switch {
	case o.Kind == "OCIRepository" && (reason == "OCIArtifactPullFailed" || reason == "VerificationError"):
		return registryCall
	case o.Kind == "OCIRepository" && reason == "OCIArtifactLayerOperationFailed":
		return ociPull
	case o.Kind != "HelmChart" || reason == "InvalidChartReference" || reason == "ChartVerificationError":
		return 0
	case strings.Contains(message, "failed to get chart version"):
		return 0
	case c.Protocol == Helm: // the index is an artifact of its HelmRepository
		return chartFile
	case reason == "ChartPullError" || reason == "AuthenticationFailed":
		return registryCall
	default: // it was there, and was refused
		return chartPull
	}
}

// refusedPush is in the message of an automation that has cloned and may not push: it clones again each time, and then asks
// whether it may (image-automation-controller internal/controller/imageupdateautomation_controller.go).
const refusedPush = "failed to update source"

// refusedLogin is in the message of a chart whose registry refuses the login, after which nothing else is asked (source-controller
// v1.7.4 internal/controller/helmchart_controller.go, buildFromHelmRepository).
const refusedLogin = "failed to login to OCI registry"

// asksNothing tells whether an attempt fails before any host is asked: for want of a Secret or of the
// source. An authentication that a registry refuses is another reason for all but HelmCharts.
func asksNothing(kind, reason string) bool {
	switch reason {
	case "SourceUnavailable", "NoSourceArtifact", "SourceManagerFailed", dependencyNotReady:
		return true
	case "AuthenticationFailed": // source-controller api/v1, AuthenticationFailedReason
		return kind != "HelmChart"
	default:
		return false
	}
}

// brokenOff tells whether a Git operation failed at its first request, and not after a clone.
func brokenOff(reason, message string) bool {
	return reason == "GitOperationFailed" && !strings.Contains(message, "no match found for semver") &&
		!strings.Contains(message, "unable to resolve commit object") && !strings.Contains(message, "sparse checkout")
}

// Failing counts what fails, and what that costs.
type Failing struct {
	// BackOff, Retrying, Waiting and Stopped count objects; suspended ones do not count.
	BackOff, Retrying, Waiting, Stopped int
	// Requests per hour to hosts of those that are tried again, and what all of them would ask if they
	// were well.
	Requests, Mended Rates
}

func (f *Failing) add(item *Item) {
	switch item.Failure {
	case BackOff:
		f.BackOff++
	case Retrying:
		f.Retrying++
	case Waiting:
		f.Waiting++
	case Stopped:
		f.Stopped++
	default:
		return
	}
	f.Requests = sum(f.Requests, item.Requests)
	f.Mended = sum(f.Mended, item.mended)
}
