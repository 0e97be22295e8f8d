package flux

import (
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

type documentStatus struct {
	ObservedGeneration int64       `json:"observedGeneration"`
	Conditions         []condition `json:"conditions"`
	Artifact           *struct {
		LastUpdateTime time.Time `json:"lastUpdateTime"`
		Size           int64     `json:"size"`
		Revision       string    `json:"revision"`
	} `json:"artifact"`
	LastScanResult *struct {
		Revision string `json:"revision"`
	} `json:"lastScanResult"`
	ExportedInputs []struct{} `json:"exportedInputs"`
	History        history    `json:"history"`
	// How often the upgrade that is wanted now has failed (helm-controller api/v2, HelmReleaseStatus).
	UpgradeFailures            int    `json:"upgradeFailures"`
	LastAttemptedReleaseAction string `json:"lastAttemptedReleaseAction"`
	Inventory                  struct {
		Entries inventory `json:"entries"`
	} `json:"inventory"`
}

type condition struct {
	Type    string                 `json:"type"`
	Status  metav1.ConditionStatus `json:"status"`
	Reason  string                 `json:"reason"`
	Message string                 `json:"message"`
	// When status, reason or message last changed (fluxcd/pkg runtime/conditions/setter.go).
	LastTransitionTime time.Time `json:"lastTransitionTime"`
	// Flux leaves status.observedGeneration behind while an object fails.
	ObservedGeneration int64 `json:"observedGeneration"`
}

func (s documentStatus) status() Status {
	status := Status{
		ObservedGeneration: s.ObservedGeneration, Exported: len(s.ExportedInputs), LastAction: s.LastAttemptedReleaseAction,
		Managed: s.Inventory.Entries.count, Inventory: s.Inventory.Entries.flux,
	}
	var lastTried, fetchFailed time.Time
	for _, c := range s.Conditions {
		if c.Type == "FetchFailed" && c.Status == metav1.ConditionTrue { // source-controller api/v1, FetchFailedCondition
			fetchFailed = c.LastTransitionTime
		}
		if c.Type == meta.StalledCondition {
			if status.Stalled = c.Status == metav1.ConditionTrue; status.Stalled {
				status.StalledReason = c.Reason
			}
		}
		if c.Type == meta.ReadyCondition {
			status.Ready, status.ReadyReason, status.ReadyMessage = string(c.Status), c.Reason, WithoutSecrets(c.Message)
			lastTried = c.LastTransitionTime
			// A condition gets the generation of the object as it was read when it was set, which may be a newer one than
			// was reconciled (fluxcd/pkg runtime/conditions/setter.go, runtime/patch/patch.go). Who is ready has noted what
			// it is done with; who fails leaves that behind.
			if c.Status == metav1.ConditionFalse || status.ObservedGeneration == 0 && c.Status == metav1.ConditionTrue {
				status.ObservedGeneration = max(status.ObservedGeneration, c.ObservedGeneration)
			}
		}
	}
	if status.Ready == string(metav1.ConditionUnknown) {
		status.Failed = s.failedBefore()
	}
	switch {
	case status.Ready != string(metav1.ConditionFalse) && status.Failed == (Failed{}):
	case !fetchFailed.IsZero():
		status.FailingSince = fetchFailed
	default:
		status.FailingSince = lastTried
	}
	if s.Artifact != nil {
		status.SourceChanged, status.ArtifactSize, status.Revision = s.Artifact.LastUpdateTime, s.Artifact.Size, s.Artifact.Revision
	} else if s.LastScanResult != nil {
		status.Revision = s.LastScanResult.Revision
	}
	s.History.durations(&status)
	status.Changes = s.History.changes(s.UpgradeFailures)
	return status
}

// failedBefore is why the last attempt that ended failed, while another is under way. A Kustomization tells that in the entry of
// status.history that was written last (kustomize-controller internal/controller/kustomization_controller.go: each attempt
// makes Ready Unknown until it ends, and waits for health meanwhile).
func (s documentStatus) failedBefore() Failed {
	for _, c := range s.Conditions {
		if c.fails() {
			return Failed{c.Reason, WithoutSecrets(c.Message)}
		}
	}
	if len(s.History) > 0 && s.History[0].failed() {
		return Failed{Reason: s.History[0].LastReconciledStatus}
	}
	return Failed{}
}

// fails tells whether a condition says of an object that it failed; it stays until an attempt has succeeded. Those of sources:
// source-controller api/v1, condition_types.go. Released is a HelmRelease's, which becomes Unknown when it is tried again
// (helm-controller internal/reconcile/atomic_release.go).
func (c condition) fails() bool {
	switch c.Type {
	case "FetchFailed", "BuildFailed", "StorageOperationFailed", "IncludeUnavailable":
		return c.Status == metav1.ConditionTrue
	case "SourceVerified", "Released":
		return c.Status == metav1.ConditionFalse
	default:
		return false
	}
}
