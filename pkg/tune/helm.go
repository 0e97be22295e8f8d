package tune

import (
	"fmt"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// upgradeWay is what an upgrade of a release does to a field of an object of its chart.
type upgradeWay int

const (
	// setsAll: objects are applied on the server, or replaced: each upgrade sets what the chart has.
	setsAll upgradeWay = iota
	// setsChanges: of custom resources, as Flux's objects are, Helm patches what differs between the last manifest and the
	// new one. The live value does not count (helm.sh/helm/v4 pkg/kube/client.go, createPatch; Upgrade does not ask for
	// the merge of three).
	setsChanges
	// setsSome: one of the two.
	setsSome
)

// upgradeWayOf tells it by who has written an object: server-side apply leaves an entry with the operation Apply, what Helm
// does else one with Update. A release stays what it was, unless it is told to change (helm.sh/helm/v4
// pkg/action/upgrade.go, getUpgradeServerSideValue); those from before Helm 4 are merged. Where there are both entries, the
// Apply may also be that of a drift that was corrected.
func upgradeWayOf(o flux.Object, owner flux.Ref) upgradeWay {
	applied, updated := false, false
	for _, w := range writersFor(o, owner) {
		applied, updated = applied || w.Apply, updated || !w.Apply
	}
	switch {
	case applied == updated:
		return setsSome
	case applied:
		return setsAll
	default:
		return setsChanges
	}
}

// byHelmCommand judges what the helm command installed. It does not force conflicts unless it is told to
// (helm.sh/helm/v4 pkg/action/upgrade.go, ForceConflicts), and our name at the field is one.
func byHelmCommand(o flux.Object, owner flux.Ref) FieldStick {
	release := owner.Namespace + "/" + owner.Name
	message := fmt.Sprintf("undone by a helm upgrade of %s: the next one, or the one that changes it in the chart", release)
	switch upgradeWayOf(o, owner) {
	case setsAll:
		message = fmt.Sprintf("undone by the next helm upgrade of %s that has --force-conflicts; without, that upgrade stops there", release)
	case setsChanges:
		message = fmt.Sprintf("undone by the next helm upgrade of %s that changes it in the chart", release)
	case setsSome:
	}
	return FieldStick{Verdict: Reverted, Message: message}
}

// byUpgrade judges a field of what a HelmRelease applies, where its drift is not corrected. helm-controller forces conflicts
// whenever it applies on the server.
func byUpgrade(o, release flux.Object) FieldStick {
	way := upgradeWayOf(o, release.Ref)
	switch {
	case release.Upgrade.Force || release.Upgrade.ServerSide == "enabled":
		way = setsAll
	case release.Upgrade.ServerSide == "disabled":
		way = setsChanges
	}
	message := fmt.Sprintf("undone by an upgrade of %s: the next one, or the one that changes it in the chart", release.Ref)
	switch way {
	case setsAll:
		message = fmt.Sprintf("undone by the next upgrade of %s", release.Ref)
	case setsChanges:
		message = fmt.Sprintf("undone by the next upgrade of %s that changes it in the chart", release.Ref)
	case setsSome:
	}
	return FieldStick{Verdict: Reverted, Message: message}
}

// replacedBy is what has a HelmRelease replace an object of its chart, with all that the chart does not set: "upgrade" or "rollback"; ""
// where nothing does. What is applied on the server is not replaced (helm-controller internal/action, upgrade.go and rollback.go;
// helm.sh/helm/v4 pkg/kube/client.go, replaceResource, puts the object of the chart).
func (j *Judge) replacedBy(o flux.Object, owner flux.Ref) string {
	release, known := j.object(owner)
	if !known || owner.Kind != "HelmRelease" || release.AppliesElsewhere {
		return ""
	}
	return release.Upgrade.Replaces(upgradeWayOf(o, owner) == setsAll)
}

func (j *Judge) byHelmRelease(o flux.Object, owner flux.Ref, f flux.Field) FieldStick {
	release, here, why := j.applier(owner)
	if !here {
		return why
	}
	upgrade, left := byUpgrade(o, release), j.leaves(o, owner, f)
	within := release.Effective(flux.Interval)
	switch {
	case !release.DetectsDrift || release.Suspended || left.byOthers || bears(o, driftMark, "disabled"):
		return upgrade // what keeps drift from being corrected does not hold an upgrade back
	case left.unsure:
		upgrade.Message += fmt.Sprintf(", or %s if none of its rules leaves the field to others", Within(within))
		return upgrade
	default:
		return FieldStick{Verdict: Reverted, Within: within, Message: fmt.Sprintf("undone %s by %s, which corrects drift", Within(within), owner)}
	}
}
