package tune

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
)

var (
	parentRef  = flux.Ref{Group: "kustomize.toolkit.fluxcd.io", Kind: "Kustomization", Namespace: "flux-system", Name: "apps"}
	releaseRef = flux.Ref{Group: "helm.toolkit.fluxcd.io", Kind: "HelmRelease", Namespace: "ops", Name: "platform"}
)

// parent is the Kustomization that applies objects every ten minutes.
func parent(t testing.TB, changes ...func(*flux.Object)) flux.Object {
	return object(t, "Kustomization", append([]func(*flux.Object){interval("10m"), func(o *flux.Object) {
		o.Ref, o.Path = parentRef, "./apps"
		o.SourceRef = flux.Ref{Group: "source.toolkit.fluxcd.io", Kind: "GitRepository", Namespace: "flux-system", Name: "fleet"}
	}}, changes...)...)
}

// child bears the labels of the parent; it sets the given fields.
func child(fields ...flux.Field) func(*flux.Object) {
	return func(o *flux.Object) {
		o.Labels = map[string]string{"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
		for _, f := range fields {
			ownedBy(f, applies("kustomize-controller"))(o)
		}
	}
}

func ignoring(rules ...flux.IgnoreRule) func(*flux.Object) {
	return func(o *flux.Object) { o.Ignore = rules }
}

// pinningParent is the parent with a rule of ours for some fields of the object.
func pinningParent(t testing.TB, fields ...flux.Field) flux.Object {
	rules := Rules([]Need{{Object: object(t, "ks").Ref, Fields: fields}})
	note := `{"rules":["` + digest(rules[0]) + `"]}`
	return parent(t, ignoring(rules...), annotated(PinsAnnotation, note))
}

// applied makes a parent that is ready, and has applied a Kustomization of a name, an hour after noon for the last time.
func applied(name string) func(*flux.Object) {
	return func(o *flux.Object) {
		o.Generation = 1
		o.Status = flux.Status{Ready: "True", ObservedGeneration: 1, Managed: 1, LastReconciled: noon.Add(time.Hour), Inventory: []flux.Ref{{Group: o.Group, Kind: "Kustomization", Namespace: "apps", Name: name}}}
	}
}

func release(changes ...func(*flux.Object)) func(testing.TB) flux.Object {
	return func(t testing.TB) flux.Object {
		return object(t, "HelmRelease", append([]func(*flux.Object){interval("15m"), func(o *flux.Object) { o.Ref = releaseRef }}, changes...)...)
	}
}

// operated marks an object as applied by a ResourceSet that sets the given fields beside the interval.
func operated(fields ...flux.Field) func(*flux.Object) {
	return func(o *flux.Object) {
		marked("resourceset.fluxcd.controlplane.io/name", "apps", "resourceset.fluxcd.controlplane.io/namespace", "flux-system")(o)
		for _, f := range fields {
			ownedBy(f, applies("flux-operator"))(o)
		}
	}
}

// resourceSet is the one of operated, with annotations of the Flux Operator.
func resourceSet(annotations ...string) flux.Object {
	o := flux.Object{Ref: flux.Ref{Group: flux.OperatorGroup, Kind: "ResourceSet", Namespace: "flux-system", Name: "apps"}, Annotations: make(map[string]string)}
	for i := 0; i < len(annotations); i += 2 {
		o.Annotations[flux.OperatorGroup+"/"+annotations[i]] = annotations[i+1]
	}
	return o
}

// bearing adds a label to those that an object has.
func bearing(key, value string) func(*flux.Object) {
	return func(o *flux.Object) {
		o.Labels = maps.Clone(o.Labels)
		if o.Labels == nil {
			o.Labels = make(map[string]string)
		}
		o.Labels[key] = value
	}
}

func prunes(o *flux.Object) { o.Prunes = true }

// versionOfWriter is the apiVersion with which an object was written.
func versionOfWriter(apiVersion string) func(*flux.Object) {
	return func(o *flux.Object) {
		for i := range o.Writers {
			o.Writers[i].Version = apiVersion
		}
	}
}

func marked(pairs ...string) func(*flux.Object) {
	return func(o *flux.Object) {
		o.Labels = make(map[string]string)
		for i := 0; i < len(pairs); i += 2 {
			o.Labels[pairs[i]] = pairs[i+1]
		}
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	const reverted = "undone within about 10m by Kustomization flux-system/apps"
	helm := func(o *flux.Object) {
		marked("helm.toolkit.fluxcd.io/name", "platform", "helm.toolkit.fluxcd.io/namespace", "ops")(o)
		writtenBy(noon, applies("helm-controller"))(o)
	}
	helmed := func(managers ...flux.Manager) func(*flux.Object) {
		return func(o *flux.Object) {
			o.Annotations = map[string]string{"meta.helm.sh/release-name": "web", "meta.helm.sh/release-namespace": "apps"}
			writtenBy(noon, managers...)(o)
		}
	}
	clientSide := func(o *flux.Object) {
		helm(o)
		o.Writers = []flux.Writer{{Manager: updates("helm-controller")}}
	}
	upgrading := func(serverSide string, force bool) func(*flux.Object) {
		return func(o *flux.Object) { o.Upgrade = flux.Upgrade{ServerSide: serverSide, Force: force} }
	}
	versioned := func(manager, version string) func(*flux.Object) {
		m := applies(manager)
		m.Version = "kustomize.toolkit.fluxcd.io/" + version
		return func(o *flux.Object) { child()(o); writtenBy(noon, m)(o) }
	}
	ofVersion := func(version string) flux.IgnoreRule {
		return flux.IgnoreRule{Paths: []string{"/spec/interval"}, Target: &flux.IgnoreTarget{Kind: "Kustomization", Version: version}}
	}
	drift := func(o *flux.Object) { o.DetectsDrift = true }
	const (
		nextUpgrade    = "undone by the next upgrade of HelmRelease ops/platform"
		anotherUpgrade = nextUpgrade + " that changes it in the chart"
		someUpgrade    = "undone by an upgrade of HelmRelease ops/platform: the next one, or the one that changes it in the chart"
		replaced       = nextUpgrade + ", which replaces the whole object (force)"
		notListed      = "has the labels of Kustomization flux-system/apps, which does not list it: one of that name in another cluster may apply it"
	)
	rule := func(paths ...string) flux.IgnoreRule { return flux.IgnoreRule{Paths: paths} }
	tookOver := Record{Steps: []Step{step("s", map[flux.Field]Move{flux.Timeout: {From: ptr("3m"), To: ptr("2m"), Owners: []flux.Manager{applies("kustomize-controller")}}})}}
	ownChoice := Record{Steps: []Step{step("s", map[flux.Field]Move{flux.Interval: {To: ptr("5m")}})}}
	overHand := Record{Steps: []Step{{Session: "s", Manager: "tuner", Fields: map[flux.Field]Move{flux.Interval: {From: ptr("6m"), To: ptr("1m"), Owners: []flux.Manager{updates("kubectl-edit")}}}}}}
	heldByUs := Record{Steps: []Step{step("s", map[flux.Field]Move{flux.Timeout: {From: ptr("3m"), To: ptr("2m"), Pinned: true}})}}
	const mayComeBack = ", which may undo the change"
	for _, tc := range []struct {
		name    string
		known   []flux.Object
		object  flux.Object
		fields  []flux.Field
		verdict Verdict
		within  time.Duration
		message string
	}{
		{name: "a timeout that the chart does not set, of a release that replaces", known: []flux.Object{release(upgrading("", true))(t)}, object: object(t, "ks", clientSide, ownedBy(flux.Interval, updates("helm-controller"))), fields: []flux.Field{flux.Timeout},
			verdict: Reverted, message: replaced},
		{name: "a timeout that the chart does not set, of a release that replaces since it is told not to apply", known: []flux.Object{release(upgrading("disabled", true))(t)}, object: object(t, "ks", helm, ownedBy(flux.Interval, applies("helm-controller"))), fields: []flux.Field{flux.Timeout},
			verdict: Reverted, message: replaced},
		{name: "a timeout that the chart does not set, of a release that is applied on the server", known: []flux.Object{release(upgrading("", true))(t)}, object: object(t, "ks", helm, ownedBy(flux.Interval, applies("helm-controller"))), fields: []flux.Field{flux.Timeout},
			verdict: Sticks, message: "HelmRelease ops/platform does not set spec.timeout"},
		{name: "a timeout that the chart does not set, of a release that is to be", known: []flux.Object{release(upgrading("enabled", true))(t)}, object: object(t, "ks", clientSide), fields: []flux.Field{flux.Timeout},
			verdict: Sticks, message: "HelmRelease ops/platform does not set spec.timeout"},
		{name: "a timeout that the chart does not set, where drift is corrected", known: []flux.Object{release(upgrading("", true), drift)(t)}, object: object(t, "ks", clientSide), fields: []flux.Field{flux.Timeout},
			verdict: Reverted, message: replaced},
		{name: "a timeout that the chart does not set, of a release whose rollback replaces", known: []flux.Object{release(func(o *flux.Object) { o.Upgrade.ForceRollback = true })(t)}, object: object(t, "ks", clientSide), fields: []flux.Field{flux.Timeout},
			verdict: Reverted, message: "undone by the next rollback of HelmRelease ops/platform, which replaces the whole object (force)"},
		{name: "a timeout that the chart does not set, of a release whose rollback applies on the server", known: []flux.Object{release(func(o *flux.Object) {
			o.Upgrade.ForceRollback, o.Upgrade.ServerSideRollback = true, "enabled"
		})(t)}, object: object(t, "ks", clientSide), fields: []flux.Field{flux.Timeout},
			verdict: Sticks, message: "HelmRelease ops/platform does not set spec.timeout"},
		{name: "a timeout that the chart does not set, of a release whose rollback replaces what was applied", known: []flux.Object{release(func(o *flux.Object) {
			o.Upgrade.ForceRollback, o.Upgrade.ServerSideRollback = true, "disabled"
		})(t)}, object: object(t, "ks", helm, ownedBy(flux.Interval, applies("helm-controller"))), fields: []flux.Field{flux.Timeout},
			verdict: Reverted, message: "undone by the next rollback of HelmRelease ops/platform, which replaces the whole object (force)"},
		{name: "nobody's", object: object(t, "ks"), verdict: Sticks},
		{name: "set in Git", known: []flux.Object{parent(t)}, object: object(t, "ks", child(flux.Interval)), verdict: Reverted, within: 10 * time.Minute, message: reverted},
		{name: "taken over by somebody since, but an interval is always in Git", known: []flux.Object{parent(t)}, object: object(t, "ks", child()), verdict: Reverted, within: 10 * time.Minute, message: reverted},
		{name: "an interval that Git does not set, where it need not", known: []flux.Object{parent(t)}, object: object(t, "helmrepo", func(o *flux.Object) { o.Interval = nil }, child(flux.Timeout)),
			verdict: Sticks, message: "Kustomization flux-system/apps does not set spec.interval"},
		{name: "an interval that Git does not set, and we did", known: []flux.Object{parent(t)}, object: object(t, "helmrepo", child(flux.Timeout), ownedBy(flux.Interval, updates("fluxtune")), recorded(ownChoice.String())),
			verdict: Sticks, message: "Kustomization flux-system/apps does not set spec.interval"},
		{name: "an interval that Git does not set, where the API server does", known: []flux.Object{parent(t)}, object: object(t, "receiver", interval("10m"), child(), writtenBy(noon, applies("kustomize-controller"))),
			verdict: Sticks, message: "Kustomization flux-system/apps does not set spec.interval"},
		{name: "an interval of a Receiver that Git sets", known: []flux.Object{parent(t)}, object: object(t, "receiver", child(flux.Interval)), verdict: Reverted, within: 10 * time.Minute, message: reverted},
		{name: "an interval that Git sets, where it need not", known: []flux.Object{parent(t)}, object: object(t, "helmrepo", child(flux.Interval)), verdict: Reverted, within: 10 * time.Minute, message: reverted},
		{name: "an interval of which nobody knows whether Git sets it", known: []flux.Object{parent(t)}, object: object(t, "helmrepo", child()), verdict: Reverted, within: 10 * time.Minute, message: reverted},
		{name: "a timeout that Git does not set", known: []flux.Object{parent(t)}, object: object(t, "ks", child(flux.Interval)), fields: []flux.Field{flux.Timeout},
			verdict: Sticks, message: "Kustomization flux-system/apps does not set spec.timeout"},
		{name: "a timeout that nobody sets, under a rule of ours: what Git sets cannot be seen", known: []flux.Object{pinningParent(t, flux.Timeout)},
			object: object(t, "ks", child(flux.Interval), timeout("2m"), ownedBy(flux.Timeout, updates("fluxtune")), recorded(heldByUs.String())), fields: []flux.Field{flux.Timeout},
			verdict: Held, message: "held by spec.ignore of Kustomization flux-system/apps"},
		{name: "a rule of ours that a killed run left: no record needs it", known: []flux.Object{pinningParent(t, flux.Timeout)},
			object: object(t, "ks", child(flux.Interval)), fields: []flux.Field{flux.Timeout}, verdict: Reverted, within: 10 * time.Minute, message: reverted},
		{name: "a timeout that we took over from Git", known: []flux.Object{parent(t)}, fields: []flux.Field{flux.Timeout},
			object:  object(t, "ks", child(flux.Interval), timeout("2m"), ownedBy(flux.Timeout, updates("fluxtune")), recorded(tookOver.String())),
			verdict: Reverted, within: 10 * time.Minute, message: reverted},
		{name: "the worst field decides", known: []flux.Object{parent(t)}, object: object(t, "ks", child(flux.Interval)), fields: []flux.Field{flux.Timeout, flux.Interval},
			verdict: Reverted, within: 10 * time.Minute, message: reverted},
		{name: "suspended parent", known: []flux.Object{parent(t, suspend)}, object: object(t, "ks", child(flux.Interval)), verdict: Reverted, message: "undone when Kustomization flux-system/apps is resumed"},
		{name: "lost parent", object: object(t, "ks", child(flux.Interval)), verdict: Unknown, message: "applied by Kustomization flux-system/apps, which was not read"},
		{name: "frozen", known: []flux.Object{parent(t)}, object: object(t, "ks", annotated("kustomize.toolkit.fluxcd.io/reconcile", "disabled"), child(flux.Interval)),
			verdict: Held, message: "held: reconcile: disabled on the object keeps every update from Git away"},
		{name: "frozen by a label, in another case", known: []flux.Object{parent(t)}, object: object(t, "ks", child(flux.Interval), bearing("kustomize.toolkit.fluxcd.io/reconcile", "Disabled")),
			verdict: Held, message: "held: reconcile: disabled on the object keeps every update from Git away"},
		{name: "frozen the other way", known: []flux.Object{parent(t)}, object: object(t, "ks", annotated("kustomize.toolkit.fluxcd.io/ssa", "Ignore"), child(flux.Interval)),
			verdict: Held, message: "held: ssa: Ignore on the object keeps every update from Git away"},
		{name: "Merge does not help", known: []flux.Object{parent(t)}, object: object(t, "ks", annotated("kustomize.toolkit.fluxcd.io/ssa", "Merge"), child(flux.Interval)),
			verdict: Reverted, within: 10 * time.Minute, message: reverted},
		{name: "only created, says somebody beside Git", known: []flux.Object{parent(t)}, object: object(t, "ks", annotated("kustomize.toolkit.fluxcd.io/ssa", "IfNotPresent"), child(flux.Interval)),
			verdict: Reverted, within: 10 * time.Minute, message: reverted},
		{name: "only created", known: []flux.Object{parent(t)}, object: object(t, "ks", annotated("kustomize.toolkit.fluxcd.io/ssa", "IfNotPresent"), child(flux.Interval, "metadata.kustomize.toolkit.fluxcd.io/ssa")),
			verdict: Sticks, message: "Kustomization flux-system/apps only creates it (ssa: IfNotPresent)"},
		{name: "a rule for all objects", known: []flux.Object{parent(t, ignoring(rule("/spec/interval")))}, object: object(t, "ks", child(flux.Interval)),
			verdict: Held, message: "held by spec.ignore of Kustomization flux-system/apps"},
		{name: "a rule for the whole spec", known: []flux.Object{parent(t, ignoring(rule("/spec")))}, object: object(t, "ks", child(flux.Interval)),
			verdict: Held, message: "held by spec.ignore of Kustomization flux-system/apps"},
		{name: "a rule for another field", known: []flux.Object{parent(t, ignoring(rule("/spec/inter", "/spec/timeout")))}, object: object(t, "ks", child(flux.Interval)),
			verdict: Reverted, within: 10 * time.Minute, message: reverted},
		{name: "HelmRelease", known: []flux.Object{release()(t)}, object: object(t, "ks", helm), verdict: Reverted, message: "undone by the next upgrade of HelmRelease ops/platform"},
		{name: "HelmRelease that corrects drift", known: []flux.Object{release(func(o *flux.Object) { o.DetectsDrift = true })(t)}, object: object(t, "ks", helm),
			verdict: Reverted, within: 15 * time.Minute, message: "undone within about 15m by HelmRelease ops/platform, which corrects drift"},
		{name: "HelmRelease that corrects other drift", known: []flux.Object{release(func(o *flux.Object) { o.DetectsDrift = true }, ignoring(rule("/spec/interval")))(t)}, object: object(t, "ks", helm),
			verdict: Reverted, message: "undone by the next upgrade of HelmRelease ops/platform"},
		{name: "HelmRelease that ignores another field", known: []flux.Object{release(func(o *flux.Object) { o.DetectsDrift = true }, ignoring(rule("/spec/timeout")))(t)}, object: object(t, "ks", helm),
			verdict: Reverted, within: 15 * time.Minute, message: "undone within about 15m by HelmRelease ops/platform, which corrects drift"},
		{name: "object that a HelmRelease does not look at", known: []flux.Object{release(func(o *flux.Object) { o.DetectsDrift = true })(t)}, object: object(t, "ks", helm, bearing("helm.toolkit.fluxcd.io/driftDetection", "disabled")),
			verdict: Reverted, message: "undone by the next upgrade of HelmRelease ops/platform"},
		{name: "HelmRelease that ignores the whole object", known: []flux.Object{release(drift, ignoring(rule("")))(t)}, object: object(t, "ks", helm), verdict: Reverted, message: nextUpgrade},
		{name: "a rule for the whole object means nothing to kustomize-controller", known: []flux.Object{parent(t, ignoring(rule("")))}, object: object(t, "ks", child(flux.Interval)),
			verdict: Reverted, within: 10 * time.Minute, message: reverted},
		{name: "HelmRelease that ignores another version", known: []flux.Object{release(drift, ignoring(ofVersion("v1")))(t)}, object: object(t, "ks", helm, versionOfWriter("kustomize.toolkit.fluxcd.io/v1beta2")),
			verdict: Reverted, within: 15 * time.Minute, message: "undone within about 15m by HelmRelease ops/platform, which corrects drift"},
		{name: "HelmRelease that ignores one version, and nobody knows the chart's", known: []flux.Object{release(drift, ignoring(ofVersion("v1")))(t)}, object: object(t, "ks", helm),
			verdict: Reverted, message: nextUpgrade + ", or within about 15m if none of its rules leaves the field to others"},
		{name: "HelmRelease that applies elsewhere", known: []flux.Object{release(drift, func(o *flux.Object) { o.AppliesElsewhere = true })(t)}, object: object(t, "ks", helm),
			verdict: Unknown, message: "applied by a HelmRelease ops/platform, perhaps of another cluster: the one here applies elsewhere"},
		{name: "HelmRelease that merges what its chart changes", known: []flux.Object{release()(t)}, object: object(t, "ks", clientSide), verdict: Reverted, message: anotherUpgrade},
		{name: "HelmRelease that merges, as its spec says", known: []flux.Object{release(upgrading("disabled", false))(t)}, object: object(t, "ks", helm), verdict: Reverted, message: anotherUpgrade},
		{name: "HelmRelease that will apply on the server", known: []flux.Object{release(upgrading("enabled", false))(t)}, object: object(t, "ks", clientSide), verdict: Reverted, message: nextUpgrade},
		{name: "HelmRelease that replaces", known: []flux.Object{release(upgrading("disabled", true))(t)}, object: object(t, "ks", clientSide), verdict: Reverted, message: nextUpgrade},
		{name: "HelmRelease that merges and has corrected drift before: the two cannot be told apart", known: []flux.Object{release(upgrading("auto", false))(t)},
			object: object(t, "ks", clientSide, writtenBy(noon, applies("helm-controller"))), verdict: Reverted, message: someUpgrade},
		{name: "HelmRelease, and nobody knows who wrote the object", known: []flux.Object{release()(t)},
			object: object(t, "ks", marked("helm.toolkit.fluxcd.io/name", "platform", "helm.toolkit.fluxcd.io/namespace", "ops")), verdict: Reverted, message: someUpgrade},
		{name: "HelmRelease of what the helm command installed before", known: []flux.Object{release()(t)}, object: object(t, "ks", clientSide, writtenBy(noon, updates("helm"))), verdict: Reverted, message: anotherUpgrade},
		{name: "suspended HelmRelease", known: []flux.Object{release(suspend, func(o *flux.Object) { o.DetectsDrift = true })(t)}, object: object(t, "ks", helm),
			verdict: Reverted, message: "undone by the next upgrade of HelmRelease ops/platform"},
		{name: "lost HelmRelease", object: object(t, "ks", helm), verdict: Unknown, message: "applied by HelmRelease ops/platform, which was not read"},
		{name: "FluxInstance that could not be read", object: object(t, "ks", marked("fluxcd.controlplane.io/name", "flux", "fluxcd.controlplane.io/namespace", "flux-system")),
			verdict: Reverted, within: time.Hour, message: "undone by FluxInstance flux-system/flux, within about 1h unless it says otherwise"},
		{name: "ResourceSet that could not be read", object: object(t, "ks", operated()),
			verdict: Reverted, within: time.Hour, message: "undone by ResourceSet flux-system/apps, within about 1h unless it says otherwise"},
		{name: "ResourceSet", known: []flux.Object{resourceSet()}, object: object(t, "ks", operated()),
			verdict: Reverted, within: time.Hour, message: "undone within about 1h by ResourceSet flux-system/apps"},
		{name: "ResourceSet with an interval", known: []flux.Object{resourceSet("reconcileEvery", "10m")}, object: object(t, "ks", operated()),
			verdict: Reverted, within: 10 * time.Minute, message: "undone within about 10m by ResourceSet flux-system/apps"},
		{name: "ResourceSet with what is no interval", known: []flux.Object{resourceSet("reconcileEvery", "often")}, object: object(t, "ks", operated()),
			verdict: Reverted, within: time.Hour, message: "undone within about 1h by ResourceSet flux-system/apps"},
		{name: "ResourceSet without an interval", known: []flux.Object{resourceSet("reconcileEvery", "0s")}, object: object(t, "ks", operated()),
			verdict: Reverted, message: "undone by the next change of ResourceSet flux-system/apps"},
		{name: "disabled ResourceSet", known: []flux.Object{resourceSet("reconcile", "Disabled")}, object: object(t, "ks", operated()),
			verdict: Reverted, message: "undone when ResourceSet flux-system/apps has no reconcile: disabled any more"},
		{name: "object that a ResourceSet leaves alone", known: []flux.Object{resourceSet()}, object: object(t, "ks", operated(), annotated("fluxcd.controlplane.io/reconcile", "disabled")),
			verdict: Unknown, message: "reconcile: disabled on the object keeps every update of ResourceSet flux-system/apps away only from Flux Operator 0.59 on"},
		{name: "object that a FluxInstance does not leave alone", object: object(t, "ks", annotated("fluxcd.controlplane.io/reconcile", "disabled"), marked("fluxcd.controlplane.io/name", "flux", "fluxcd.controlplane.io/namespace", "flux-system")),
			verdict: Reverted, within: time.Hour, message: "undone by FluxInstance flux-system/flux, within about 1h unless it says otherwise"},
		{name: "a timeout that a ResourceSet does not set", known: []flux.Object{resourceSet()}, object: object(t, "ks", operated()), fields: []flux.Field{flux.Timeout},
			verdict: Sticks, message: "ResourceSet flux-system/apps does not set spec.timeout"},
		{name: "a timeout that a ResourceSet sets", known: []flux.Object{resourceSet()}, object: object(t, "ks", operated(flux.Timeout)), fields: []flux.Field{flux.Timeout},
			verdict: Reverted, within: time.Hour, message: "undone within about 1h by ResourceSet flux-system/apps"},
		{name: "Argo CD", object: object(t, "ks", annotated("argocd.argoproj.io/tracking-id", "fleet:kustomize.toolkit.fluxcd.io/Kustomization:apps/web")),
			verdict: Unknown, message: `applied by Argo CD application "fleet", which may undo the change (self-heal)`},
		{name: "bootstrapped: the flux command and Git", known: []flux.Object{parent(t)}, fields: []flux.Field{flux.Timeout},
			object:  object(t, "ks", child(flux.Interval), ownedBy(flux.Timeout, applies("flux"), applies("kustomize-controller"))),
			verdict: Reverted, within: 10 * time.Minute, message: reverted},
		{name: "the flux command alone", known: []flux.Object{parent(t)}, fields: []flux.Field{flux.Timeout}, object: object(t, "ks", child(flux.Interval), timeout("4m"), ownedBy(flux.Timeout, applies("flux"))),
			verdict: Unknown, message: "flux set spec.timeout last, and Kustomization flux-system/apps may set it too"},
		{name: "a hand over what Git may set", known: []flux.Object{parent(t)}, fields: []flux.Field{flux.Timeout}, object: object(t, "ks", child(flux.Interval), timeout("4m"), ownedBy(flux.Timeout, updates("kubectl-edit"))),
			verdict: Unknown, message: "kubectl-edit set spec.timeout last, and Kustomization flux-system/apps may set it too"},
		{name: "applied by Git, without marks", object: object(t, "ks", ownedBy(flux.Interval, applies("kustomize-controller"))), verdict: Unknown, message: "applied by kustomize-controller" + mayComeBack},
		{name: "applied by two that nobody knows", object: object(t, "ks", ownedBy(flux.Interval, applies("terraform"), applies("crossplane"), applies("terraform"))),
			verdict: Unknown, message: "applied by terraform and crossplane" + mayComeBack},
		{name: "held against Git, and applied by another", known: []flux.Object{parent(t, ignoring(rule("/spec/interval")))}, object: object(t, "ks", child(flux.Interval), ownedBy(flux.Interval, applies("terraform"))),
			verdict: Unknown, message: "applied by terraform" + mayComeBack},
		{name: "updated by a controller", object: object(t, "ks", ownedBy(flux.Interval, updates("fleet-controller"))), verdict: Unknown, message: "applied by fleet-controller" + mayComeBack},
		{name: "a hand's", object: object(t, "ks", ownedBy(flux.Interval, updates("kubectl-edit"))), verdict: Sticks},
		{name: "a hand over what another applies", object: object(t, "ks", ownedBy(flux.Interval, updates("kubectl-edit")), writtenBy(noon, applies("terraform"), updates("alice"))),
			verdict: Unknown, message: "kubectl-edit set spec.interval last, and terraform and alice may set it too"},
		{name: "a change of ours in place of a hand's, over what another applies", verdict: Unknown, message: "kubectl-edit set spec.interval last, and helm-controller may set it too",
			object: object(t, "ks", interval("1m"), ownedBy(flux.Interval, updates("tuner")), recorded(overHand.String()), writtenBy(noon, applies("helm-controller")))},
		{name: "a field that another does not set, of what it applies", fields: []flux.Field{flux.Timeout}, verdict: Sticks,
			object: object(t, "ks", ownedBy(flux.Interval, applies("terraform")))},
		{name: "held against Git, and a hand over what another applies", known: []flux.Object{parent(t, ignoring(rule("/spec/interval")))}, verdict: Unknown,
			object: object(t, "ks", child(), ownedBy(flux.Interval, updates("kubectl-edit")), writtenBy(noon, applies("terraform"), applies("kustomize-controller"))), message: "kubectl-edit set spec.interval last, and terraform may set it too"},
		{name: "a hand over an orphan", known: []flux.Object{parent(t, applied("other"))}, verdict: Sticks,
			object: object(t, "ks", child(), ownedBy(flux.Interval, updates("kubectl-edit")), writtenBy(noon, applies("kustomize-controller")))},
		{name: "a hand's, and rules of ours under a name of one's own", object: object(t, "ks", ownedBy(flux.Interval, updates("kubectl")),
			annotated(PinsAnnotation, `{"manager":"tuner"}`), ownedBy(flux.IgnoreField, updates("tuner"))), verdict: Sticks},
		{name: "a parent that applies to another cluster", known: []flux.Object{parent(t, func(o *flux.Object) { o.AppliesElsewhere = true })}, object: object(t, "ks", child(flux.Interval)),
			verdict: Unknown, message: "applied by a Kustomization flux-system/apps, perhaps of another cluster: the one here applies elsewhere"},
		{name: "of another cluster, by its field manager", known: nil, object: object(t, "ks", child(flux.Interval, flux.Timeout)), fields: []flux.Field{flux.Timeout},
			verdict: Unknown, message: "applied by Kustomization flux-system/apps, which was not read"},
		{name: "an orphan", known: []flux.Object{parent(t, applied("other"))}, object: object(t, "ks", child(flux.Interval)), verdict: Sticks},
		{name: "an orphan of a parent that prunes, kept by its mark", known: []flux.Object{parent(t, applied("other"), prunes)},
			object: object(t, "ks", annotated("kustomize.toolkit.fluxcd.io/prune", "Disabled"), child(flux.Interval)), verdict: Sticks},
		{name: "the labels of a parent, by a hand that has copied them", known: []flux.Object{parent(t, applied("other"), prunes)},
			object: object(t, "ks", child(), ownedBy(flux.Interval, updates("kubectl-create"))), verdict: Sticks},
		{name: "not listed, and its parent would have pruned it", known: []flux.Object{parent(t, applied("other"), prunes)}, object: object(t, "ks", child(flux.Interval)),
			verdict: Unknown, message: notListed},
		{name: "not listed, and applied since its parent last was", known: []flux.Object{parent(t, applied("other"))},
			object: object(t, "ks", child(), writtenBy(noon.Add(2*time.Hour), applies("kustomize-controller"))), verdict: Unknown, message: notListed},
		{name: "not listed, and applied before its parent was there", known: []flux.Object{parent(t, applied("other"), func(o *flux.Object) { o.Created = noon.Add(time.Minute) })},
			object: object(t, "ks", child(flux.Interval)), verdict: Unknown, message: notListed},
		{name: "not listed, and nobody knows when its parent last applied", known: []flux.Object{parent(t, applied("other"), func(o *flux.Object) { o.Status.LastReconciled = time.Time{} })},
			object: object(t, "ks", child(flux.Interval)), verdict: Unknown, message: notListed},
		{name: "not listed, and nobody knows when it was applied", known: []flux.Object{parent(t, applied("other"))},
			object: object(t, "ks", child(), writtenBy(time.Time{}, applies("kustomize-controller"))), verdict: Unknown, message: notListed},
		{name: "not listed, and nobody knows who wrote it", known: []flux.Object{parent(t, applied("other"))}, object: object(t, "ks", child()), verdict: Unknown, message: notListed},
		{name: "of a set that kubectl applies", object: object(t, "ks", bearing("applyset.kubernetes.io/part-of", "applyset-x-v1")),
			verdict: Unknown, message: "its label applyset.kubernetes.io/part-of says that it is of a set that kubectl apply --applyset applies, and may undo the change"},
		{name: "a rule for the version that Git has", known: []flux.Object{parent(t, ignoring(ofVersion("v1beta2")))}, object: object(t, "ks", versioned("kustomize-controller", "v1beta2")),
			verdict: Held, message: "held by spec.ignore of Kustomization flux-system/apps"},
		{name: "a rule for the version that was read, and not for Git's", known: []flux.Object{parent(t, ignoring(ofVersion("v1")))}, object: object(t, "ks", versioned("kustomize-controller", "v1beta2")),
			verdict: Reverted, within: 10 * time.Minute, message: reverted},
		{name: "a rule for a version, and nobody knows Git's", known: []flux.Object{parent(t, ignoring(ofVersion("v1")))}, object: object(t, "ks", versioned("terraform", "v1")),
			verdict: Unknown, message: "a rule in spec.ignore of Kustomization flux-system/apps is for one version of the API, and which one the applied manifest has is not known"},
		{name: "a rule for a version of another kind", known: []flux.Object{parent(t, ignoring(flux.IgnoreRule{Paths: []string{"/spec/interval"}, Target: &flux.IgnoreTarget{Kind: "GitRepository", Version: "v1"}}))},
			object: object(t, "ks", child()), verdict: Reverted, within: 10 * time.Minute, message: reverted},
		{name: "a rule for the version of a manifest that nobody has applied yet", known: []flux.Object{parent(t, ignoring(ofVersion("v1")))}, object: object(t, "ks", child(), version("")),
			verdict: Held, message: "held by spec.ignore of Kustomization flux-system/apps"},
		{name: "an orphan that another applies", known: []flux.Object{parent(t, applied("other"))}, object: object(t, "ks", child(flux.Interval), ownedBy(flux.Interval, applies("terraform"))),
			verdict: Unknown, message: "applied by terraform" + mayComeBack},
		{name: "in the inventory", known: []flux.Object{parent(t, applied("web"))}, object: object(t, "ks", child(flux.Interval)), verdict: Reverted, within: 10 * time.Minute, message: reverted},
		{name: "not in an inventory that is not ready", known: []flux.Object{parent(t, applied("other"), func(o *flux.Object) { o.Status.Ready = "False" })}, object: object(t, "ks", child(flux.Interval)),
			verdict: Reverted, within: 10 * time.Minute, message: reverted},
		{name: "not in an inventory that is out of date", known: []flux.Object{parent(t, applied("other"), func(o *flux.Object) { o.Generation = 2 })}, object: object(t, "ks", child(flux.Interval)),
			verdict: Reverted, within: 10 * time.Minute, message: reverted},
		{name: "the mark of the Flux Operator alone", object: object(t, "ks", bearing("app.kubernetes.io/managed-by", "flux-operator")),
			verdict: Unknown, message: "its label app.kubernetes.io/managed-by says that flux-operator applies it, and may undo the change"},
		{name: "somebody's own word for who manages it", object: object(t, "ks", bearing("app.kubernetes.io/managed-by", "team-a")), verdict: Sticks},
		{name: "Helm", object: object(t, "ks", helmed(applies("helm"))), verdict: Reverted,
			message: "undone by the next helm upgrade of apps/web that has --force-conflicts; without, that upgrade stops there"},
		{name: "Helm that merges what its chart changes", object: object(t, "ks", helmed(updates("helm"))), verdict: Reverted,
			message: "undone by the next helm upgrade of apps/web that changes it in the chart"},
		{name: "Helm, and nobody knows who wrote the object", object: object(t, "ks", helmed()), verdict: Reverted,
			message: "undone by a helm upgrade of apps/web: the next one, or the one that changes it in the chart"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if tc.fields == nil {
				tc.fields = []flux.Field{flux.Interval}
			}
			got := NewJudge(flux.Snapshot{Related: tc.known}).Judge(tc.object, tc.fields)
			assert.Equal(t, tc.verdict, got.Verdict)
			assert.Equal(t, tc.within, got.Within)
			assert.Equal(t, tc.message, got.Message)
		})
	}
}

// Of an owner that is not known it is told whether it is not there, could not be read, or was not read; whoever only asked
// for sources must not read that something could not be read.
func TestOwnersThatAreNotKnown(t *testing.T) {
	t.Parallel()
	web := object(t, "gitrepo", child(flux.Interval))
	place := flux.Place{Kind: "Kustomization"}
	for want, s := range map[string]flux.Snapshot{
		"is not in this cluster": {Looked: []flux.Place{place}},
		"could not be read":      {Tried: []flux.Place{place}},
		"was not read":           {Looked: []flux.Place{{Kind: "GitRepository"}}},
	} {
		j := NewJudge(s)
		assert.Equal(t, "applied by Kustomization flux-system/apps, which "+want, j.Judge(web, []flux.Field{flux.Interval}).Message)
		assert.Equal(t, "Kustomization flux-system/apps "+want, j.cannotPin(parent(t).Ref))
		chart := object(t, "hc", func(o *flux.Object) { o.SourceRef = parent(t).Ref })
		_, message := Options{Judge: j}.chartUnknown(chart.Ref, chart.SourceRef)
		assert.Contains(t, message, "Kustomization flux-system/apps "+want)
	}
}

func TestHome(t *testing.T) {
	t.Parallel()
	fleet := object(t, "GitRepository", func(o *flux.Object) {
		o.Namespace, o.Name = "flux-system", "fleet"
		o.Remote = flux.Remote{URL: "https://github.com/acme/fleet", Ref: flux.RemoteRef{Kind: flux.RefBranch, Value: "main"}}
	})
	web := object(t, "ks", child(flux.Interval))
	judge := func(known ...flux.Object) Stick {
		return NewJudge(flux.Snapshot{Related: known}).Judge(web, []flux.Field{flux.Interval})
	}
	assert.Equal(t, "Kustomization flux-system/apps: path ./apps of https://github.com/acme/fleet (branch main)", judge(parent(t), fleet).Home)
	assert.Equal(t, "Kustomization flux-system/apps: path ./apps of GitRepository flux-system/fleet", judge(parent(t)).Home)
	assert.Equal(t, "Kustomization flux-system/apps", judge().Home)
}

func TestManaged(t *testing.T) {
	t.Parallel()
	s := flux.Snapshot{Related: []flux.Object{parent(t)}}
	web := object(t, "ks", child(flux.Interval))
	decide := func(managed Managed, known ...flux.Object) Item {
		if known != nil {
			s := flux.Snapshot{Related: known}
			return Decide(web, preset(t, "per-environment"), inDevelopment, Options{Judge: NewJudge(s), Managed: managed})
		}
		return Decide(web, preset(t, "per-environment"), inDevelopment, Options{Judge: NewJudge(s), Managed: managed})
	}
	skipped := decide(ManagedSkip)
	assert.Equal(t, ActionSkip, skipped.Action)
	assert.Equal(t, ReasonSetInGit, skipped.Reason)
	assert.Equal(t, "would be undone within about 10m by Kustomization flux-system/apps", skipped.Message)
	assert.Empty(t, skipped.Changes)
	assert.Equal(t, ActionChange, decide(ManagedPatch).Action)
	assert.Equal(t, ActionChange, decide(ManagedPin).Action)
	lost := decide(ManagedSkip, object(t, "gitrepo"))
	assert.Equal(t, ReasonOwnerUnknown, lost.Reason)
	assert.Equal(t, "left to its owner: applied by Kustomization flux-system/apps, which was not read", lost.Message)
	assert.Equal(t, ActionChange, decide(ManagedPatch, object(t, "gitrepo")).Action)
	inGit := decide(ManagedPin, parent(t, ownedBy(flux.IgnoreField, applies("kustomize-controller"))))
	assert.Equal(t, ReasonCannotPin, inGit.Reason)
	assert.Equal(t, "cannot be pinned: spec.ignore of Kustomization flux-system/apps is itself set by kustomize-controller: add the rule there", inGit.Message)
	cannot := decide(ManagedPin, object(t, "gitrepo"))
	assert.Equal(t, ReasonCannotPin, cannot.Reason)
	assert.Equal(t, "cannot be pinned: applied by Kustomization flux-system/apps, which was not read", cannot.Message)
}

var inDevelopment = policy.Assignment{Environment: "development", Known: true, Source: policy.SourceNamespace}

func TestRetriesExhausted(t *testing.T) {
	t.Parallel()
	p, err := policy.Parse("p.yaml", []byte(`{apiVersion: fluxtune.github.io/v1alpha1, kind: TuningPolicy, metadata: {name: p},
spec: {environments: [{name: development, kinds: {HelmRelease: {interval: 1m}}}]}}`))
	assert.NoError(t, err)
	stalled := object(t, "hr", func(o *flux.Object) { o.Status.Stalled = true })
	assert.Equal(t, ReasonRetriesExhausted, Decide(stalled, p, inDevelopment, Options{}).Reason)
	assert.Equal(t, ActionChange, Decide(stalled, p, inDevelopment, Options{IncludeFailed: true}).Action)
	for reason, want := range map[string]string{
		"RetriesExceeded":       "its retries are used up, and a change makes it try again (--include-failed tunes it too)",
		"MissingRollbackTarget": "it gave up (MissingRollbackTarget), and a change makes it try again (--include-failed tunes it too)",
		"AccessDenied":          "it gave up (AccessDenied), and a change makes it try again (--include-failed tunes it too)",
		"InvalidCELExpression":  "it gave up (InvalidCELExpression), and a change makes it try again (--include-failed tunes it too)",
		"":                      "it gave up, and a change makes it try again (--include-failed tunes it too)",
	} {
		stalled.Status.StalledReason = reason
		assert.Equal(t, want, Decide(stalled, p, inDevelopment, Options{}).Message, reason)
	}
}

// A release that failed and tries again counts its failures anew after a change.
func TestFailuresAreCountedAnew(t *testing.T) {
	t.Parallel()
	p := ruling(map[string]policy.Settings{"HelmRelease": {Interval: "1m"}, "Kustomization": {Interval: "1m"}})
	for name, tc := range map[string]struct {
		kind, ready, reason string
		want                bool
	}{
		"install failed": {"hr", "False", "InstallFailed", true},
		"rolled back":    {"hr", "False", "RollbackSucceeded", true},
		"no chart":       {"hr", "False", "ArtifactFailed", false},
		"waits":          {"hr", "False", "DependencyNotReady", false},
		"ready":          {"hr", "True", "UpgradeSucceeded", false},
		"no release":     {"ks", "False", "UpgradeFailed", false},
	} {
		item := Decide(object(t, tc.kind, func(o *flux.Object) { o.Status.Ready, o.Status.ReadyReason = tc.ready, tc.reason }), p, inDevelopment, Options{})
		assert.Equal(t, ActionChange, item.Action, name)
		assert.Equal(t, tc.want, slices.Contains(item.Notes, failuresNote), name)
	}
}

func TestNeedsOwners(t *testing.T) {
	t.Parallel()
	web := object(t, "ks", child(flux.Interval))
	assert.False(t, NeedsOwners(flux.Snapshot{Objects: []flux.Object{object(t, "ks")}}))
	assert.True(t, NeedsOwners(flux.Snapshot{Objects: []flux.Object{web}}))
	assert.False(t, NeedsOwners(flux.Snapshot{Objects: []flux.Object{web, parent(t)}}))
	assert.False(t, NeedsOwners(flux.Snapshot{Objects: []flux.Object{object(t, "ks", annotated("argocd.argoproj.io/tracking-id", "a:b"))}}), "nothing of Flux to look up")
}
