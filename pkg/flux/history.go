package flux

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"slices"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
)

// history is status.history: that of a Kustomization (fluxcd/pkg apis/meta, Snapshot) or of a HelmRelease, whose entries
// have no durations (helm-controller api/v2, Snapshot). Newest first.
type history []snapshot

type snapshot struct {
	Digest                 string    `json:"digest"`
	FirstReconciled        time.Time `json:"firstReconciled"`
	LastReconciled         time.Time `json:"lastReconciled"`
	LastReconciledDuration string    `json:"lastReconciledDuration"`
	LastReconciledStatus   string    `json:"lastReconciledStatus"`
	TotalReconciliations   int64     `json:"totalReconciliations"`

	Metadata struct {
		Revision string `json:"revision"` // that of the last reconcile (kustomize-controller internal/controller/kustomization_controller.go)
	} `json:"metadata"`
	ChartVersion string    `json:"chartVersion"`
	LastDeployed time.Time `json:"lastDeployed"`
	Status       string    `json:"status"` // Helm's of the release
	Action       string    `json:"action"` // since helm-controller 1.5
	TestHooks    map[string]struct {
		Phase string `json:"phase"`
	} `json:"testHooks"`
}

// failed tells whether the last reconcile of an entry has failed; the entries of a HelmRelease do not tell.
func (e snapshot) failed() bool {
	return e.LastReconciledStatus != "" && e.LastReconciledStatus != meta.ReconciliationSucceededReason
}

// durations fills in how long reconciles took.
func (h history) durations(status *Status) {
	for i, e := range h {
		d, err := time.ParseDuration(e.LastReconciledDuration)
		if err != nil {
			continue
		}
		if i == 0 { // newest first (fluxcd/pkg apis/meta, History.Latest)
			status.LastReconcile, status.LastReconciled = d, e.LastReconciled
		}
		status.SlowestReconcile = max(status.SlowestReconcile, d)
		if e.failed() {
			continue
		}
		if status.LastApplied == 0 {
			status.LastApplied = d
		}
		status.SlowestApplied = max(status.SlowestApplied, d)
		if status.Rollout == 0 && e.TotalReconciliations == 1 && e.LastReconciledStatus != "" {
			status.Rollout = d
		}
	}
}

// changes are when contents came, oldest first, and nothing is missing since the first of them. It may be later than the
// first that is remembered: see contents. Failures is how often the upgrade of a HelmRelease has failed.
func (h history) changes(failures int) []Change {
	if slices.ContainsFunc(h, func(e snapshot) bool { return e.ChartVersion != "" }) {
		return h.releases(failures)
	}
	return h.contents()
}

// releases are those of a HelmRelease. It is deployed anew with other values, too: only another version of the chart is
// something that a source brought, and none is that a version which failed makes room for the one before and is tried again
// (spec.upgrade.remediation). What is remembered is all since the oldest release (helm-controller api/v2, Truncate, keeps up to the
// previous one that was deployed), so that the first time is when that one was deployed, and the others when the version
// changed. That one may be a way back itself: then the version that failed had come before, as more failures tell than are
// remembered.
func (h history) releases(failures int) []Change {
	ordered := slices.Clone(h)
	slices.Reverse(ordered) // a way back may come in the same second
	sorting.By(ordered, func(a, b snapshot) int { return a.LastDeployed.Compare(b.LastDeployed) })
	var changes []Change
	var version string // that the source brought last
	var before snapshot
	attempts := 0
	known := map[string]bool{}
	for _, e := range ordered {
		if e.LastDeployed.IsZero() {
			continue
		}
		back := known[e.ChartVersion] && e.remedies(before)
		if len(changes) == 0 || e.ChartVersion != version && !back {
			changes = append(changes, Change{e.LastDeployed.UTC(), version, e.ChartVersion})
			version, attempts = e.ChartVersion, 0
		}
		if e.ChartVersion == version {
			attempts++
		}
		known[e.ChartVersion], before = true, e
	}
	if len(changes) > 1 && failures > attempts {
		changes = changes[:len(changes)-1]
	}
	return changes
}

// remedies tells whether a release may be the way back from the one before it, which failed, or whose tests did. That the source
// went back then looks the same. Where the way back failed, only its action tells: Helm calls what it came after superseded
// (helm.sh/helm/v4 pkg/action/rollback.go).
func (e snapshot) remedies(before snapshot) bool {
	if e.Action == "rollback" || before.Status == "failed" {
		return true
	}
	for _, hook := range before.TestHooks {
		if hook.Phase == "Failed" {
			return true
		}
	}
	return false
}

// stay is from when to when a content was applied, and the revision that it was applied from last.
type stay struct {
	first, last time.Time
	revision    string
}

// contents are those of a Kustomization. There is an entry for each content and outcome, so that one which failed at first is
// there twice. A content that comes back has its entry of before, which then moves to the front and keeps the time at which it
// came first (Upsert). So all is known only since the later of two times: when contents last took turns, and when the oldest
// entry was written last, where others may have been dropped behind it. The first change is the one that came then.
func (h history) contents() []Change {
	stays := h.stays()
	turned, dropped := lastTurn(stays), h.dropped()
	since := turned
	if dropped.After(since) {
		since = dropped
	}
	var changes []Change
	for _, s := range stays {
		if s.first.After(since) {
			changes = append(changes, Change{s.first, before(stays, s.first), s.revision})
		}
	}
	sorting.By(changes, func(a, b Change) int { return a.At.Compare(b.At) })
	if !since.IsZero() && (turned.Equal(since) || len(changes) == 0) { // what came back then has a first time long before
		return append([]Change{{At: since}}, changes...)
	}
	return changes
}

// stays are from when to when each content was there, by digest.
func (h history) stays() map[string]*stay {
	stays := map[string]*stay{}
	for _, e := range h {
		first, last := e.FirstReconciled.UTC(), e.LastReconciled.UTC()
		if e.FirstReconciled.IsZero() {
			continue
		}
		known := stays[e.Digest]
		switch {
		case known == nil:
			stays[e.Digest] = &stay{first, last, e.Metadata.Revision}
		default:
			if first.Before(known.first) {
				known.first = first
			}
			if last.After(known.last) {
				known.last, known.revision = last, e.Metadata.Revision
			}
		}
	}
	return stays
}

// lastTurn is when a content last made room for one that had been there before it: where it was last there after one that is newer
// had come first. The zero time where none has.
func lastTurn(stays map[string]*stay) (at time.Time) {
	for _, newer := range stays {
		for _, older := range stays {
			if older.last.Before(newer.last) && older.last.After(newer.first) && older.last.After(at) {
				at = older.last
			}
		}
	}
	return at
}

// dropped is until when entries may be missing: a full history drops those that were written before all others (Upsert). The zero
// time where none is.
func (h history) dropped() time.Time {
	if len(h) < meta.HistoryMaxSize {
		return time.Time{}
	}
	return h[len(h)-1].LastReconciled.UTC()
}

// before is the revision of the content that was there last before a time.
func before(stays map[string]*stay, at time.Time) string {
	var latest stay
	for _, s := range stays {
		if s.last.Before(at) && s.last.After(latest.last) {
			latest = *s
		}
	}
	return latest.revision
}
