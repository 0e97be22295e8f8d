package flux

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// history is status.history: that of a Kustomization (fluxcd/pkg apis/meta, Snapshot) or of a HelmRelease, whose entries
// have no durations (helm-controller api/v2, Snapshot). Newest first.
type history []struct {
	Digest                 string      `json:"digest"`
	FirstReconciled        metav1.Time `json:"firstReconciled"`
	LastReconciled         metav1.Time `json:"lastReconciled"`
	LastReconciledDuration string      `json:"lastReconciledDuration"`

	ChartVersion string      `json:"chartVersion"`
	LastDeployed metav1.Time `json:"lastDeployed"`
}

// changes are when each content came first, oldest first. A Kustomization has an entry for each content and outcome
// (Upsert), so that one which failed at first is there twice. A release is deployed anew with other values, too: only
// another version of the chart is something that a source brought.
func (h history) changes() []time.Time {
	first := make(map[string]time.Time, len(h))
	for _, e := range h {
		what, at := e.Digest, e.FirstReconciled.Time
		if e.ChartVersion != "" {
			what, at = e.ChartVersion, e.LastDeployed.Time
		}
		if known, ok := first[what]; !at.IsZero() && (!ok || at.Before(known)) {
			first[what] = at.UTC()
		}
	}
	var changes []time.Time
	for _, at := range first {
		changes = append(changes, at)
	}
	slices.SortFunc(changes, time.Time.Compare)
	return changes
}
