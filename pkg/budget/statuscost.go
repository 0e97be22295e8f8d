package budget

import (
	"fmt"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// A commit status costs requests of the Git host's REST API with every reconcile of a Kustomization that an Alert names, and not
// only with commits: kustomize-controller sends an event at the end of each one, as an update of the status
// (internal/controller/kustomization_controller.go, Reconcile), notification-controller's limit of equal messages lets it
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
			if f.sent(*n, k) != (Rates{}) {
				kustomizations = append(kustomizations, k)
			}
		}
	}
	return kustomizations
}

// statuses is how often an hour an Alert has its Provider look at a commit's statuses.
func (f *fleet) statuses(alert *subject) (events Rates) {
	for _, k := range alert.follows {
		events = sum(events, f.sent(*alert.object.Polling.Notify, k))
	}
	return events
}

// sent is how often an hour an Alert sends an event of a Kustomization. What waits for others sends none that has to do with a
// commit. What was not asked for stays as it is.
func (f *fleet) sent(n flux.Notify, k *subject) Rates {
	due := f.due(k)
	if !k.shown {
		due.Planned = due.Now
	}
	switch status := k.object.Status; {
	case k.failure == NoFailure && n.Sends(k.object, false, reconciled+k.interval.Now.String()):
		return due
	case k.failure != Retrying || status.ReadyReason == "ArtifactFailed" || !n.Sends(k.object, true, status.ReadyMessage):
		return Rates{}
	case status.ReadyReason == "HealthCheckFailed": // its message tells how long that took
		return due
	default:
		return Rates{Now: min(due.Now, equalMessages), Planned: min(due.Planned, equalMessages)}
	}
}

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
