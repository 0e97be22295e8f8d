package budget

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// A commit status costs requests of the Git host's REST API with every reconcile of a Kustomization that an Alert names, and not
// only with commits: kustomize-controller sends an event at the end of each one, as an update of the status, unless its feature gate
// DisableCommitStatusEvent is on (internal/controller/kustomization_controller.go, Reconcile), notification-controller's limit of equal messages lets it
// through, since it tells how long the reconcile took (internal/server/event_server.go, eventKeyFunc), and the Provider asks
// for the statuses of the commit each time, to write one where it is another (internal/notifier/github.go and the like;
// measured, see hack/e2e). Other kinds send such events only when something is new.

// statusCalls are what a Provider asks for each event: the statuses; a client of Gitea asks for the server's version first
// (code.gitea.io/sdk client.go, NewClient).
func statusCalls(provider string) float64 {
	if provider == "gitea" {
		return 2 * restCalls
	}
	return restCalls
}

// The versions of notification-controller differ in which events reach such a Provider (internal/server/event_handlers.go,
// getNotificationParams). Since 1.8.0 it drops those that do not tell of a commit: of 1.8.0 all (CHANGELOG, 1.8.1), until 1.8.4 errors,
// and since 1.8.0 that a Kustomization waits for others. An annotation of the object that names a commit is not looked at.
const (
	dropsWaiting = "1.8.0"
	keepsWell    = "1.8.1"
	keepsErrors  = "1.9.0"
)

// reconciled is what the message of a successful reconcile looks like, with which an Alert's patterns are compared.
const reconciled = "Reconciliation finished in 1.234567891s, next run in "

// equalMessages is how often an hour notification-controller lets one message through (--rate-limit-interval, 5m by default).
const equalMessages = 12

// told are the Kustomizations of which an Alert has its Provider look at the commits' statuses.
func (f *fleet) told(alert *flux.Object) (kustomizations []*subject) {
	n := alert.Polling.Notify
	provider := f.provider(alert)
	if n == nil || alert.Suspended || alert.Deleting || provider == nil || provider.Suspended || provider.Deleting {
		return nil
	}
	looked := map[string]bool{}
	for _, source := range n.Sources {
		if looked[source.Namespace] || f.notifiers.Refused(alert.Namespace, source.Namespace) != "" {
			continue
		}
		looked[source.Namespace] = true
		for _, k := range f.kustomizations[source.Namespace] {
			if f.sent(alert, k) != (Rates{}) {
				kustomizations = append(kustomizations, k)
			}
		}
	}
	return kustomizations
}

// statuses is how often an hour an Alert has its Provider look at a commit's statuses.
func (f *fleet) statuses(alert *subject) (events Rates) {
	for _, k := range alert.follows {
		events = sum(events, f.sent(alert.object, k))
	}
	return events
}

// sent is how often an hour an Alert sends an event of a Kustomization. What was not asked for stays as it is.
func (f *fleet) sent(alert *flux.Object, k *subject) Rates {
	due := f.due(k)
	if !k.shown {
		due.Planned = due.Now
	}
	seldom := Rates{Now: min(due.Now, equalMessages), Planned: min(due.Planned, equalMessages)}
	n, status := alert.Polling.Notify, k.object.Status
	before := func(version string) bool { return f.notifiers.AllBefore(alert.Namespace, version) }
	switch k.failure {
	case NoFailure:
		if f.settings.Of(k.object).TellsFailuresOnly {
			return Rates{}
		}
		if (!before(keepsWell) || before(dropsWaiting)) && n.Sends(k.object, false, reconciled+k.interval.Now.String()) {
			return due
		}
	case Waiting:
		waits := "Dependencies do not meet ready condition, retrying in " + f.settings.Of(k.object).RequeueDependency.String()
		if before(dropsWaiting) && status.ReadyReason == dependencyNotReady && n.Sends(k.object, false, waits) {
			return seldom
		}
	case Retrying:
		switch {
		case before(keepsErrors) && !before(dropsWaiting), withoutSource(status), !n.Sends(k.object, true, status.ReadyMessage):
		case status.ReadyReason == "HealthCheckFailed", temporary.MatchString(status.ReadyMessage): // another message each time
			return due
		default:
			return seldom
		}
	}
	return Rates{}
}

// withoutSource tells whether a Kustomization fails since its source is not there, or could not be read: then no event is sent
// (kustomize-controller internal/controller/kustomization_controller.go, Reconcile and getSource). The same reason has an artifact that
// could not be had, and a path that is not in it, of which one is.
func withoutSource(s flux.Status) bool {
	return s.ReadyReason == "ArtifactFailed" &&
		(strings.HasSuffix(s.ReadyMessage, " not found") || strings.HasPrefix(s.ReadyMessage, "unable to get source "))
}

// temporary is the directory that kustomize-controller makes for each attempt, and names in some messages: also in "kustomization
// path not found: stat /tmp/kustomization-1931908412/apps" (internal/controller/tmpdir.go).
var temporary = regexp.MustCompile(`/kustomization-[0-9]+(/|\b)`)

// provider is that of an Alert, where it writes commit statuses; nil where it does not, and where it was not read.
func (f *fleet) provider(alert *flux.Object) *flux.Object {
	if len(alert.Polling.Made) == 0 {
		return nil
	}
	if s := f.byRef[alert.Polling.Made[0]]; s != nil && flux.WritesStatuses(s.object.Polling.Type) {
		return s.object
	}
	return nil
}

// statusCost is that of an event that an Alert sends.
func (f *fleet) statusCost(s *subject) (Cost, bool) {
	provider := f.provider(s.object)
	if provider == nil {
		return Cost{}, false
	}
	n := len(s.follows)
	what := fmt.Sprintf("commit statuses: asks at each reconcile of %d Kustomizations", n)
	if n == 1 {
		what = "commit statuses: asks at each reconcile of 1 Kustomization"
	}
	c, ok := call(REST, statusCalls(provider.Polling.Type), what)
	c.Assumed = time.Duration(0) // no worker is kept busy
	return c, ok
}
