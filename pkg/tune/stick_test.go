package tune

import (
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
		o.Managers = make(map[flux.Field]flux.Manager)
		for _, f := range fields {
			o.Managers[f] = flux.Manager{Name: "kustomize-controller", Apply: true}
		}
	}
}

func ignoring(rules ...flux.IgnoreRule) func(*flux.Object) {
	return func(o *flux.Object) { o.Ignore = rules }
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
		o.Managers = make(map[flux.Field]flux.Manager)
		for _, f := range fields {
			o.Managers[f] = flux.Manager{Name: "flux-operator", Apply: true}
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
	return func(o *flux.Object) { o.Labels[key] = value }
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
	const reverted = "reverted within 10m by Kustomization flux-system/apps"
	helm := marked("helm.toolkit.fluxcd.io/name", "platform", "helm.toolkit.fluxcd.io/namespace", "ops")
	rule := func(paths ...string) flux.IgnoreRule { return flux.IgnoreRule{Paths: paths} }
	for _, tc := range []struct {
		name    string
		known   []flux.Object
		object  flux.Object
		fields  []flux.Field
		verdict Verdict
		within  time.Duration
		message string
	}{
		{name: "nobody's", object: object(t, "ks"), verdict: Sticks},
		{name: "set in Git", known: []flux.Object{parent(t)}, object: object(t, "ks", child(flux.Interval)), verdict: Reverted, within: 10 * time.Minute, message: reverted},
		{name: "taken over by somebody since, but an interval is always in Git", known: []flux.Object{parent(t)}, object: object(t, "ks", child()), verdict: Reverted, within: 10 * time.Minute, message: reverted},
		{name: "a timeout that Git does not set", known: []flux.Object{parent(t)}, object: object(t, "ks", child(flux.Interval)), fields: []flux.Field{flux.Timeout},
			verdict: Sticks, message: "Kustomization flux-system/apps does not set spec.timeout"},
		{name: "a timeout that we took over from Git", known: []flux.Object{parent(t)}, fields: []flux.Field{flux.Timeout},
			object:  object(t, "ks", child(flux.Interval), annotated(RecordAnnotation, `{"steps":[{"session":"s","policy":"p","time":"2026-01-01T00:00:00Z","fields":{"spec.timeout":{"from":"3m","to":"2m"}}}]}`)),
			verdict: Reverted, within: 10 * time.Minute, message: reverted},
		{name: "the worst field decides", known: []flux.Object{parent(t)}, object: object(t, "ks", child(flux.Interval)), fields: []flux.Field{flux.Timeout, flux.Interval},
			verdict: Reverted, within: 10 * time.Minute, message: reverted},
		{name: "suspended parent", known: []flux.Object{parent(t, suspend)}, object: object(t, "ks", child(flux.Interval)), verdict: Sticks, message: "sticks while Kustomization flux-system/apps is suspended"},
		{name: "lost parent", object: object(t, "ks", child(flux.Interval)), verdict: Unknown, message: "applied by Kustomization flux-system/apps, which could not be found"},
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
		{name: "HelmRelease", known: []flux.Object{release()(t)}, object: object(t, "ks", helm), verdict: Sticks, message: "sticks until the next upgrade of HelmRelease ops/platform"},
		{name: "HelmRelease that corrects drift", known: []flux.Object{release(func(o *flux.Object) { o.DetectsDrift = true })(t)}, object: object(t, "ks", helm),
			verdict: Reverted, within: 15 * time.Minute, message: "reverted within 15m by HelmRelease ops/platform, which corrects drift"},
		{name: "HelmRelease that corrects other drift", known: []flux.Object{release(func(o *flux.Object) { o.DetectsDrift = true }, ignoring(rule("/spec/interval")))(t)}, object: object(t, "ks", helm),
			verdict: Held, message: "held until the next upgrade of HelmRelease ops/platform by its spec.driftDetection.ignore"},
		{name: "HelmRelease that ignores another field", known: []flux.Object{release(func(o *flux.Object) { o.DetectsDrift = true }, ignoring(rule("/spec/timeout")))(t)}, object: object(t, "ks", helm),
			verdict: Reverted, within: 15 * time.Minute, message: "reverted within 15m by HelmRelease ops/platform, which corrects drift"},
		{name: "object that a HelmRelease does not look at", known: []flux.Object{release(func(o *flux.Object) { o.DetectsDrift = true })(t)}, object: object(t, "ks", helm, bearing("helm.toolkit.fluxcd.io/driftDetection", "disabled")),
			verdict: Held, message: "held until the next upgrade of HelmRelease ops/platform: driftDetection: disabled on the object"},
		{name: "suspended HelmRelease", known: []flux.Object{release(suspend, func(o *flux.Object) { o.DetectsDrift = true })(t)}, object: object(t, "ks", helm),
			verdict: Sticks, message: "sticks while HelmRelease ops/platform is suspended"},
		{name: "lost HelmRelease", object: object(t, "ks", helm), verdict: Unknown, message: "applied by HelmRelease ops/platform, which could not be found"},
		{name: "FluxInstance that could not be read", object: object(t, "ks", marked("fluxcd.controlplane.io/name", "flux", "fluxcd.controlplane.io/namespace", "flux-system")),
			verdict: Reverted, within: time.Hour, message: "reverted by FluxInstance flux-system/flux, within 1h unless it says otherwise"},
		{name: "ResourceSet that could not be read", object: object(t, "ks", operated()),
			verdict: Reverted, within: time.Hour, message: "reverted by ResourceSet flux-system/apps, within 1h unless it says otherwise"},
		{name: "ResourceSet", known: []flux.Object{resourceSet()}, object: object(t, "ks", operated()),
			verdict: Reverted, within: time.Hour, message: "reverted within 1h by ResourceSet flux-system/apps"},
		{name: "ResourceSet with an interval", known: []flux.Object{resourceSet("reconcileEvery", "10m")}, object: object(t, "ks", operated()),
			verdict: Reverted, within: 10 * time.Minute, message: "reverted within 10m by ResourceSet flux-system/apps"},
		{name: "ResourceSet with what is no interval", known: []flux.Object{resourceSet("reconcileEvery", "often")}, object: object(t, "ks", operated()),
			verdict: Reverted, within: time.Hour, message: "reverted within 1h by ResourceSet flux-system/apps"},
		{name: "ResourceSet without an interval", known: []flux.Object{resourceSet("reconcileEvery", "0s")}, object: object(t, "ks", operated()),
			verdict: Sticks, message: "sticks until the next change of ResourceSet flux-system/apps"},
		{name: "disabled ResourceSet", known: []flux.Object{resourceSet("reconcile", "Disabled")}, object: object(t, "ks", operated()),
			verdict: Sticks, message: "sticks while ResourceSet flux-system/apps has reconcile: disabled"},
		{name: "object that a ResourceSet leaves alone", known: []flux.Object{resourceSet()}, object: object(t, "ks", operated(), annotated("fluxcd.controlplane.io/reconcile", "disabled")),
			verdict: Held, message: "held: reconcile: disabled on the object keeps every update of ResourceSet flux-system/apps away"},
		{name: "object that a FluxInstance does not leave alone", object: object(t, "ks", annotated("fluxcd.controlplane.io/reconcile", "disabled"), marked("fluxcd.controlplane.io/name", "flux", "fluxcd.controlplane.io/namespace", "flux-system")),
			verdict: Reverted, within: time.Hour, message: "reverted by FluxInstance flux-system/flux, within 1h unless it says otherwise"},
		{name: "a timeout that a ResourceSet does not set", known: []flux.Object{resourceSet()}, object: object(t, "ks", operated()), fields: []flux.Field{flux.Timeout},
			verdict: Sticks, message: "ResourceSet flux-system/apps does not set spec.timeout"},
		{name: "a timeout that a ResourceSet sets", known: []flux.Object{resourceSet()}, object: object(t, "ks", operated(flux.Timeout)), fields: []flux.Field{flux.Timeout},
			verdict: Reverted, within: time.Hour, message: "reverted within 1h by ResourceSet flux-system/apps"},
		{name: "Argo CD", object: object(t, "ks", annotated("argocd.argoproj.io/tracking-id", "fleet:kustomize.toolkit.fluxcd.io/Kustomization:apps/web")),
			verdict: Unknown, message: `Argo CD application "fleet" applies it, and may undo it (self-heal)`},
		{name: "Helm", object: object(t, "ks", func(o *flux.Object) {
			o.Annotations = map[string]string{"meta.helm.sh/release-name": "web", "meta.helm.sh/release-namespace": "apps"}
		}), verdict: Sticks, message: "sticks until the next helm upgrade of apps/web"},
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

func TestRuleTargets(t *testing.T) {
	t.Parallel()
	web := object(t, "GitRepository", marked("team", "web"))
	for _, tc := range []struct {
		target *flux.IgnoreTarget
		want   bool
	}{
		{nil, true},
		{&flux.IgnoreTarget{}, true},
		{&flux.IgnoreTarget{Kind: "GitRepository", Name: "web", Namespace: "apps"}, true},
		{&flux.IgnoreTarget{Group: `source\.toolkit\.fluxcd\.io`, Version: "v1"}, true},
		{&flux.IgnoreTarget{Name: "w.*"}, true},
		{&flux.IgnoreTarget{Name: "we"}, false},
		{&flux.IgnoreTarget{Name: "web|shop"}, true},
		{&flux.IgnoreTarget{Name: "["}, false},
		{&flux.IgnoreTarget{Kind: "Kustomization"}, false},
		{&flux.IgnoreTarget{Namespace: "other"}, false},
		{&flux.IgnoreTarget{LabelSelector: "team=web"}, true},
		{&flux.IgnoreTarget{LabelSelector: "team=shop"}, false},
		{&flux.IgnoreTarget{LabelSelector: "=="}, false},
		{&flux.IgnoreTarget{AnnotationSelector: "frozen"}, false},
	} {
		assert.Equal(t, tc.want, selects(tc.target, web), "%+v", tc.target)
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
	assert.Equal(t, "would be reverted within 10m by Kustomization flux-system/apps", skipped.Message)
	assert.Empty(t, skipped.Changes)
	assert.Equal(t, ActionChange, decide(ManagedPatch).Action)
	assert.Equal(t, ActionChange, decide(ManagedPin).Action)
	inGit := decide(ManagedPin, parent(t, func(o *flux.Object) {
		o.Managers = map[flux.Field]flux.Manager{"spec.ignore": {Name: "kustomize-controller", Apply: true}}
	}))
	assert.Equal(t, ReasonCannotPin, inGit.Reason)
	assert.Equal(t, "cannot be pinned: spec.ignore of Kustomization flux-system/apps is itself set in Git: add the rule there", inGit.Message)
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
}

func TestNeedsOwners(t *testing.T) {
	t.Parallel()
	web := object(t, "ks", child(flux.Interval))
	assert.False(t, NeedsOwners(flux.Snapshot{Objects: []flux.Object{object(t, "ks")}}))
	assert.True(t, NeedsOwners(flux.Snapshot{Objects: []flux.Object{web}}))
	assert.False(t, NeedsOwners(flux.Snapshot{Objects: []flux.Object{web, parent(t)}}))
	assert.False(t, NeedsOwners(flux.Snapshot{Objects: []flux.Object{object(t, "ks", annotated("argocd.argoproj.io/tracking-id", "a:b"))}}), "nothing of Flux to look up")
}
