package flux

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// manifests are the documents of testdata/decode by file name without extension, as JSON.
func manifests(t testing.TB) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("testdata/decode/*.yaml")
	require.NoError(t, err)
	documents := make(map[string][]byte, len(files))
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		document, err := yaml.YAMLToJSON(data)
		require.NoError(t, err, file)
		documents[strings.TrimSuffix(filepath.Base(file), ".yaml")] = document
	}
	return documents
}

func TestDecode(t *testing.T) {
	t.Parallel()
	halfPastNine := time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)
	source := func(kind, namespace, name string) Ref {
		return Ref{Group: "source.toolkit.fluxcd.io", Kind: kind, Namespace: namespace, Name: name}
	}
	in := func(group, version, kind, name string) Object {
		return Object{Ref: Ref{Group: group + ".toolkit.fluxcd.io", Kind: kind, Namespace: "apps", Name: name}, Version: version}
	}
	want := map[string]Object{
		"gitrepository": func() Object {
			o := in("source", "v1", "GitRepository", "web")
			o.ResourceVersion, o.UID, o.Generation = "4711", "1d7a2b3c-0000-4000-8000-000000000001", 3
			o.Labels = map[string]string{"environment": "development", "kustomize.toolkit.fluxcd.io/name": "flux-system"}
			o.Annotations = map[string]string{"fluxtune.github.io/tune": "disabled"}
			o.Interval, o.Timeout = ptr("1m0s"), ptr("60s")
			o.Remote = Remote{URL: "https://git.example.com/apps/web.git", Ref: RemoteRef{RefBranch, "main"}, Secret: "git-auth", Provider: "github"}
			o.Polling.Branch = "main"
			o.Owners = []FieldOwner{
				{Interval, Manager{Name: "flux", Apply: true, Version: "source.toolkit.fluxcd.io/v1"}},
				{Timeout, Manager{Name: "flux", Apply: true, Version: "source.toolkit.fluxcd.io/v1"}},
				{Interval, Manager{Name: "kustomize-controller", Apply: true, Version: "source.toolkit.fluxcd.io/v1"}},
				{Timeout, Manager{Name: "kubectl-edit", Version: "source.toolkit.fluxcd.io/v1beta2"}},
			}
			o.Writers = []Writer{
				{Manager{Name: "flux", Apply: true, Version: "source.toolkit.fluxcd.io/v1"}, halfPastNine},
				{Manager: Manager{Name: "kustomize-controller", Apply: true, Version: "source.toolkit.fluxcd.io/v1"}},
				{Manager: Manager{Name: "kubectl-edit", Version: "source.toolkit.fluxcd.io/v1beta2"}},
			}
			o.Status = Status{
				ObservedGeneration: 3, Ready: "True", ReadyReason: "Succeeded",
				ReadyMessage: "stored artifact for revision 'main@sha1:0a1b'", SourceChanged: halfPastNine, Revision: "main@sha1:0a1b",
			}
			return o
		}(),
		"ocirepository": func() Object {
			o := in("source", "v1beta2", "OCIRepository", "podinfo")
			o.Interval, o.Suspended = ptr("5m"), true
			o.Remote = Remote{URL: "oci://ghcr.io/stefanprodan/manifests/podinfo", Ref: RemoteRef{RefSemver, "6.x"}}
			return o
		}(),
		"bucket-being-deleted": func() Object {
			o := in("source", "v1", "Bucket", "assets")
			o.Interval, o.Deleting = ptr("10m"), true
			o.Remote = Remote{URL: "minio.example.com", Bucket: "assets"}
			return o
		}(),
		"helmrepository": func() Object {
			o := in("source", "v1", "HelmRepository", "charts")
			o.Interval = ptr("1h")
			o.Remote.URL = "https://charts.example.com"
			return o
		}(),
		"helmrepository-oci": func() Object {
			o := in("source", "v1", "HelmRepository", "charts")
			o.OCI = true
			o.Remote.URL = "oci://ghcr.io/example/charts"
			return o
		}(),
		"helmchart": func() Object {
			o := in("source", "v1", "HelmChart", "web")
			o.Interval, o.SourceRef = ptr("10m"), source("HelmRepository", "apps", "charts")
			o.Polling.Chart, o.Polling.Version = "web", "*"
			return o
		}(),
		"helmchart-generated": func() Object {
			o := in("source", "v1", "HelmChart", "apps-web")
			o.Namespace = "charts"
			o.Labels = map[string]string{"helm.toolkit.fluxcd.io/name": "web", "helm.toolkit.fluxcd.io/namespace": "apps"}
			o.Interval, o.SourceRef, o.Generated = ptr("10m"), source("GitRepository", "charts", "monorepo"), true
			o.Polling.Chart = "./charts/web"
			o.Status.SourceChanged = halfPastNine
			return o
		}(),
		"kustomization": func() Object {
			o := in("kustomize", "v1", "Kustomization", "web")
			o.ResourceVersion, o.Generation = "99", 2
			o.Interval, o.Timeout, o.RetryInterval = ptr("5m"), ptr("3m"), ptr("1m")
			o.SourceRef, o.TargetNamespace, o.Waits = source("GitRepository", "flux-system", "monorepo"), "web-dev", true
			o.Reads = Reads{ChecksAll: true}
			o.Path = "./deploy"
			o.Status = Status{
				ObservedGeneration: 1, Ready: "Unknown", ReadyReason: "Progressing", ReadyMessage: "Reconciliation in progress",
				SlowestReconcile: 72500 * time.Millisecond, LastApplied: 512300 * time.Microsecond, SlowestApplied: 2 * time.Second, LastReconcile: 512300 * time.Microsecond, LastReconciled: halfPastNine, Managed: 4,
				Changes: []Change{{At: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)}},
				Inventory: []Ref{
					{Group: "source.toolkit.fluxcd.io", Kind: "GitRepository", Namespace: "web-dev", Name: "web"},
					{Group: "kustomize.toolkit.fluxcd.io", Kind: "Kustomization", Namespace: "web-dev", Name: "web.v1"},
				},
			}
			o.AppliesElsewhere, o.Prunes = true, true
			o.DependsOn = []Ref{
				{Group: "kustomize.toolkit.fluxcd.io", Kind: "Kustomization", Namespace: "apps", Name: "infra"},
				{Group: "kustomize.toolkit.fluxcd.io", Kind: "Kustomization", Namespace: "flux-system", Name: "crds"},
			}
			return o
		}(),
		"kustomization-health-checks": func() Object {
			o := in("kustomize", "v1beta2", "Kustomization", "web")
			o.Interval, o.SourceRef, o.Waits = ptr("10m0s"), source("OCIRepository", "apps", "podinfo"), true
			o.Reads = Reads{Checks: 2}
			o.HealthChecks = []Ref{{Group: "helm.toolkit.fluxcd.io", Kind: "HelmRelease", Namespace: "apps", Name: "web"}}
			o.Annotations = map[string]string{"kustomize.toolkit.fluxcd.io/ssa": "IfNotPresent"}
			o.Ignore = []IgnoreRule{{Paths: []string{"/spec/replicas"}}}
			o.Owners = []FieldOwner{
				{IgnoreField, Manager{Name: "kustomize-controller", Apply: true}}, {ssaField, Manager{Name: "kustomize-controller", Apply: true}},
				{Interval, Manager{Name: "fluxtune"}}, {IgnoreField, Manager{Name: "fluxtune"}},
			}
			o.Writers, o.Prunes = []Writer{{Manager: Manager{Name: "kustomize-controller", Apply: true}}, {Manager: Manager{Name: "fluxtune"}}}, true
			return o
		}(),
		"helmrelease-chart": func() Object {
			o := in("helm", "v2", "HelmRelease", "web")
			o.Interval, o.Timeout, o.ChartInterval, o.HasChart = ptr("10m"), ptr("15m"), ptr("1h"), true
			o.SourceRef, o.TargetNamespace, o.Waits = source("HelmRepository", "sources", "charts"), "web-prod", true
			o.Polling.Chart, o.Polling.Version = "web", "1.x"
			o.Upgrade = Upgrade{ServerSide: "enabled", Force: true, ForceRollback: true, ServerSideRollback: "disabled"}
			o.DetectsDrift, o.ComparesDrift, o.Ignore = true, true, []IgnoreRule{{Paths: []string{"/spec/interval"}, Target: &IgnoreTarget{Kind: "GitRepository"}}}
			o.Status = Status{ObservedGeneration: 4, Ready: "False", ReadyReason: "InstallFailed", ReadyMessage: "Helm install failed"}
			return o
		}(),
		"helmrelease-chartref": func() Object {
			o := in("helm", "v2", "HelmRelease", "web")
			o.Interval, o.SourceRef, o.Waits = ptr("10m"), source("OCIRepository", "apps", "podinfo"), true
			return o
		}(),
		"helmrelease-v2beta1": func() Object {
			o := in("helm", "v2beta1", "HelmRelease", "web")
			o.Interval, o.HasChart, o.SourceRef = ptr("5m"), true, source("GitRepository", "apps", "monorepo")
			o.Polling.Chart = "./charts/web"
			return o
		}(),
		"imagerepository": func() Object {
			o := in("image", "v1beta2", "ImageRepository", "web")
			o.Interval = ptr("6h") // a scan is no change
			o.Remote.URL = "ghcr.io/example/web"
			return o
		}(),
		"imageupdateautomation": func() Object {
			o := in("image", "v1", "ImageUpdateAutomation", "web")
			o.Interval, o.SourceRef = ptr("30m"), source("GitRepository", "apps", "monorepo")
			return o
		}(),
		"receiver": func() Object {
			o := in("notification", "v1", "Receiver", "github")
			o.Targets = []Target{
				{Kind: "GitRepository", Name: "web", Namespace: "apps"},
				{Kind: "GitRepository", Name: "*", Namespace: "charts", MatchLabels: map[string]string{"team": "web"}},
			}
			o.Hook = Hook{Type: "github", Secret: "token", Events: []string{"ping", "push"}}
			return o
		}(),
	}
	kinds := make(map[string]bool)
	for name, document := range manifests(t) {
		got, err := Decode(document)
		require.NoError(t, err, name)
		got.Remote.Fingerprint = 0 // TestFingerprint
		for _, at := range [...]*time.Time{&got.Status.SourceChanged, &got.Status.FailingSince, &got.Status.LastReconciled} {
			if *at = at.UTC(); at.IsZero() {
				*at = time.Time{}
			}
		}
		for i, w := range got.Writers {
			if got.Writers[i].Time = w.Time.UTC(); w.Time.IsZero() {
				got.Writers[i].Time = time.Time{}
			}
		}
		assert.Positive(t, got.Size, name)
		if _, ours := want[name].Annotations["fluxtune.github.io/tune"]; ours {
			assert.NotEmpty(t, got.ManagedFields, "%s bears an annotation of ours", name)
		} else {
			assert.Empty(t, got.ManagedFields, name)
		}
		assert.Equal(t, got.Served(), got.Rest != nil, name)
		got.Size, got.ManagedFields, got.Rest = 0, nil, nil
		assert.Equal(t, want[name], got, name)
		kinds[got.Kind] = true
	}
	assert.Len(t, kinds, len(Kinds()), "a manifest of every kind")
}

func TestDecodeOddities(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, in string
		want     Object
	}{
		{"nothing", `{}`, Object{}},
		{"null", `null`, Object{}},
		{"a core object has no group", `{"apiVersion":"v1","kind":"Secret"}`, Object{Ref: Ref{Kind: "Secret"}, Version: "v1"}},
		{"nulls everywhere", `{"kind":"Kustomization","metadata":{"labels":null},"spec":{"interval":null,"chart":null,"healthChecks":null,"sourceRef":null},"status":null}`,
			Object{Ref: Ref{Kind: "Kustomization"}}},
		{"a reference without a name is none", `{"kind":"Kustomization","spec":{"sourceRef":{"kind":"GitRepository"}}}`, Object{Ref: Ref{Kind: "Kustomization"}}},
		{"a field has its name in its own case", `{"kind":"Kustomization","Spec":{"interval":"1m"},"spec":{"Interval":"1m"}}`, Object{Ref: Ref{Kind: "Kustomization"}}},
		{"of two fields of one name the last counts", `{"kind":"Kustomization","spec":{"path":"a","path":"b"}}`, Object{Ref: Ref{Kind: "Kustomization"}, Path: "b"}},
		{"oci is a type of HelmRepository only", `{"kind":"Bucket","spec":{"type":"oci"}}`, Object{Ref: Ref{Kind: "Bucket"}}},
		{"generated charts are HelmCharts only", `{"kind":"GitRepository","metadata":{"labels":{"helm.toolkit.fluxcd.io/name":"web"}}}`,
			Object{Ref: Ref{Kind: "GitRepository"}, Labels: map[string]string{"helm.toolkit.fluxcd.io/name": "web"}}},
		{"an upgrade that waits is enough", `{"kind":"HelmRelease","spec":{"install":{"disableWait":true},"upgrade":{"disableWait":false}}}`,
			Object{Ref: Ref{Kind: "HelmRelease"}, Waits: true}},
		{"variables and mistakes where a word is wanted", `{"kind":"HelmRelease","spec":{"install":{"disableWait":true},"upgrade":{"disableWait":true,"force":"${force}","serverSideApply":true},"prune":"${prune}"}}`,
			Object{Ref: Ref{Kind: "HelmRelease"}, Upgrade: Upgrade{ServerSide: "true"}}},
		{"an artifact counts before a scan", `{"status":{"artifact":{"lastUpdateTime":null},"lastScanResult":{"scanTime":"2026-03-01T09:30:00Z"}}}`, Object{}},
	} {
		got, err := Decode([]byte(tc.in))
		require.NoError(t, err, tc.name)
		assert.Equal(t, len(tc.in), got.Size, tc.name)
		got.Size = 0
		assert.Equal(t, tc.want, got, tc.name)
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	const head = `{"apiVersion":"kustomize.toolkit.fluxcd.io/v1","kind":"Kustomization","metadata":{"name":"web","namespace":"apps"},`
	for _, tc := range []struct{ name, in, want string }{
		{"a number for a path", head + `"spec":{"path":60}}`, "reading Kustomization apps/web: "},
		{"a word for a switch", head + `"spec":{"suspend":"yes"}}`, "reading Kustomization apps/web: "},
		{"a broken chart template", head + `"spec":{"chart":{"spec":{"version":60}}}}`, "reading Kustomization apps/web: "},
		{"no date", `{"kind":"Kustomization","metadata":{"name":"web","namespace":"apps","creationTimestamp":"yesterday"}}`, "reading Kustomization apps/web: "},
		{"a file without a namespace", `{"kind":"Bucket","metadata":{"name":"assets"},"spec":[]}`, "reading Bucket assets: "},
		{"cut off", head, "reading Kustomization apps/web: jsontext: unexpected EOF"},
		{"empty", ``, "reading a Flux object: jsontext: unexpected EOF"},
		{"a list", `[]`, "reading a Flux object: "},
	} {
		_, err := Decode([]byte(tc.in))
		require.Error(t, err, tc.name)
		assert.True(t, strings.HasPrefix(err.Error(), tc.want), "%s: %s", tc.name, err)
	}
}

// What stands in the place of a duration is read as it is, and refused: nobody loses sight of the object.
func TestDecodeOfANumberForADuration(t *testing.T) {
	t.Parallel()
	o, err := Decode([]byte(`{"apiVersion":"helm.toolkit.fluxcd.io/v2","kind":"HelmRelease","metadata":{"name":"web"},"spec":{"interval":300,"timeout":true,"chart":{"spec":{"interval":1.5}}}}`))
	require.NoError(t, err)
	for field, want := range map[Field]string{Interval: "300", Timeout: "true", ChartInterval: "1.5"} {
		require.NotNil(t, o.Value(field))
		assert.Equal(t, want, *o.Value(field))
		tunable, _ := o.KindRow().Tunable(field)
		assert.Contains(t, o.Refused(tunable), "is not a duration that Flux accepts")
	}
}

// Whatever bytes come, Decode answers; and what it accepts once more as JSON, it reads the same.
func FuzzDecode(f *testing.F) {
	for _, document := range manifests(f) {
		f.Add(document)
	}
	for _, odd := range []string{``, `null`, `{}`, `[]`, `{"spec":{"chart":"web"}}`, `{"spec":{"chart":{"spec":null}}}`, `{"status":{"history":[null]}}`} {
		f.Add([]byte(odd))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := Decode(data)
		if err != nil {
			assert.Equal(t, Object{}, o)
			return
		}
		for _, field := range []Field{Interval, Timeout, RetryInterval, ChartInterval} {
			o.Effective(field)
		}
		compact, err := json.Marshal(json.RawMessage(data))
		require.NoError(t, err)
		again, err := Decode(compact)
		require.NoError(t, err)
		o.Size, o.ManagedFields, again.Size, again.ManagedFields = 0, nil, 0, nil // they are about the bytes
		assert.Equal(t, o, again)
	})
}

// What a controller is done with, successfully or not; one that it has begun does not count.
func TestDecodeGenerations(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, status string
		observed     int64
	}{
		{"nothing", `{}`, 0},
		{"done", `{"observedGeneration":3,"conditions":[{"type":"Ready","status":"True","observedGeneration":3}]}`, 3},
		{"failed: observedGeneration stays behind", `{"observedGeneration":2,"conditions":[{"type":"Ready","status":"False","observedGeneration":3}]}`, 3},
		{"patched while it was reconciled: a condition has the new generation", `{"observedGeneration":2,"conditions":[{"type":"Ready","status":"True","observedGeneration":3}]}`, 2},
		{"begun", `{"observedGeneration":2,"conditions":[{"type":"Ready","status":"Unknown","observedGeneration":3}]}`, 2},
		{"begun, as another condition says", `{"observedGeneration":2,"conditions":[{"type":"Reconciling","status":"True","observedGeneration":3},{"type":"Ready","status":"True","observedGeneration":2}]}`, 2},
	} {
		o, err := Decode([]byte(`{"kind":"Kustomization","status":` + tc.status + `}`))
		require.NoError(t, err, tc.name)
		assert.Equal(t, tc.observed, o.Status.ObservedGeneration, tc.name)
	}
}

// A failure began when fetching failed first: Ready is set anew by every attempt.
func TestDecodeFailingSince(t *testing.T) {
	t.Parallel()
	const ready = `{"type":"Ready","status":"False","lastTransitionTime":"2026-03-01T10:00:00Z"}`
	at := func(hour int) time.Time { return time.Date(2026, 3, 1, hour, 0, 0, 0, time.UTC) }
	for _, tc := range []struct {
		name, conditions string
		want             time.Time
	}{
		{"fetching failed first", ready + `,{"type":"FetchFailed","status":"True","lastTransitionTime":"2026-03-01T08:00:00Z"}`, at(8)},
		{"in any order", `{"type":"FetchFailed","status":"True","lastTransitionTime":"2026-03-01T08:00:00Z"},` + ready, at(8)},
		{"fetching works", ready + `,{"type":"FetchFailed","status":"False","lastTransitionTime":"2026-03-01T08:00:00Z"}`, at(10)},
		{"nothing tells of fetching", ready, at(10)},
		{"ready", `{"type":"Ready","status":"True","lastTransitionTime":"2026-03-01T10:00:00Z"}`, time.Time{}},
	} {
		o, err := Decode([]byte(`{"kind":"GitRepository","status":{"conditions":[` + tc.conditions + `]}}`))
		require.NoError(t, err, tc.name)
		assert.True(t, tc.want.Equal(o.Status.FailingSince), "%s: %s", tc.name, o.Status.FailingSince)
	}
}

// Of a history only the newest entry tells when and how long the last reconcile was.
func TestDecodeHistory(t *testing.T) {
	t.Parallel()
	o, err := Decode([]byte(`{"status":{"history":[
		{"lastReconciled":"2026-03-01T09:30:00Z","lastReconciledDuration":"soon"},
		{"lastReconciled":"2026-03-01T08:30:00Z","lastReconciledDuration":"3s"}]}}`))
	require.NoError(t, err)
	assert.Zero(t, o.Status.LastReconcile)
	assert.Zero(t, o.Status.LastReconciled)
	assert.Equal(t, 3*time.Second, o.Status.SlowestReconcile)
	assert.Zero(t, o.Status.Rollout)
}

// Each further reconcile of a content overwrites how long the first one took, so that only what was reconciled once tells
// how long it took to apply something new.
func TestDecodeRollout(t *testing.T) {
	t.Parallel()
	o, err := Decode([]byte(`{"status":{"history":[
		{"lastReconciledDuration":"300ms","totalReconciliations":9},
		{"lastReconciledDuration":"40s","totalReconciliations":1,"lastReconciledStatus":"ReconciliationSucceeded"},
		{"lastReconciledDuration":"4m","totalReconciliations":1,"lastReconciledStatus":"ReconciliationSucceeded"},
		{"lastReconciledDuration":"2s","totalReconciliations":1,"lastReconciledStatus":"BuildFailed"}]}}`))
	require.NoError(t, err)
	assert.Equal(t, 300*time.Millisecond, o.Status.LastReconcile)
	assert.Equal(t, 40*time.Second, o.Status.Rollout, "the newest")
	assert.Equal(t, 4*time.Minute, o.Status.SlowestReconcile)
}

// Every owner of a field counts, in the order of the entries; what owns a subresource does not.
func TestOwnersOf(t *testing.T) {
	t.Parallel()
	o, err := Decode([]byte(`{"kind":"HelmRelease","metadata":{"managedFields":[
		{"manager":"a","operation":"Apply","apiVersion":"v2","fieldsV1":{"f:spec":{"f:interval":{},"f:chart":{"f:spec":{"f:interval":{}}}}}},
		{"manager":"b","operation":"Update","fieldsV1":{"f:spec":{"f:interval":{},"f:retryInterval":{}},"f:metadata":{"f:labels":{"f:kustomize.toolkit.fluxcd.io/ssa":{}}}}},
		{"manager":"c","operation":"Update","subresource":"status","fieldsV1":{"f:spec":{"f:interval":{}}}},
		{"manager":"d","operation":"Update"},
		{"manager":"e","operation":"Update","fieldsV1":{"f:metadata":{"f:finalizers":{"v:\"finalizers.fluxcd.io\"":{}}}}},
		{"manager":"g","operation":"Update","fieldsV1":{"f:spec":{"f:suspend":{}}}},
		{"manager":"f","operation":"Update","fieldsV1":{"f:spec":{"f:url":{}}}}]}}`))
	require.NoError(t, err)
	a, b := Manager{Name: "a", Apply: true, Version: "v2"}, Manager{Name: "b"}
	assert.Equal(t, []Manager{a, b}, o.OwnersOf(Interval))
	assert.Equal(t, []Manager{a}, o.OwnersOf(ChartInterval))
	assert.Equal(t, []Manager{b}, o.OwnersOf(RetryInterval))
	assert.Equal(t, []Manager{b}, o.SSAOwners())
	assert.Empty(t, o.OwnersOf(Timeout))
	assert.Equal(t, []Writer{{Manager: a}, {Manager: b}, {Manager: Manager{Name: "f"}}}, o.Writers, "who has written a status or a finalizer is none, or has suspended it")
	assert.Empty(t, o.ManagedFields, "it bears no annotation of ours")
}

// metadata.managedFields are kept as they are, of objects that fluxtune has to do with.
func TestDecodeKeepsManagedFields(t *testing.T) {
	t.Parallel()
	const fields = `[{"manager":"x","operation":"Update","time":"2026-03-01T09:30:00Z","fieldsV1":{"f:spec":{"f:other":{}}}}]`
	for annotation, want := range map[string]string{"fluxtune.github.io/original": fields, "fluxtune.github.io/pins": fields, "fluxtuned": ""} {
		o, err := Decode([]byte(`{"metadata":{"annotations":{"` + annotation + `":""},"managedFields":` + fields + `}}`))
		require.NoError(t, err)
		assert.Equal(t, want, string(o.ManagedFields), annotation)
	}
}

func TestGeneratedChartOfAnOldHelmController(t *testing.T) {
	t.Parallel()
	chart := func(labels, manager string) Object {
		o, err := Decode([]byte(`{"apiVersion":"source.toolkit.fluxcd.io/v1beta2","kind":"HelmChart","metadata":{"name":"apps-web","namespace":"apps",
"labels":{` + labels + `},"managedFields":[{"manager":"` + manager + `","operation":"Update","fieldsV1":{"f:spec":{"f:interval":{}}}}]},"spec":{"chart":"web","interval":"5m"}}`))
		require.NoError(t, err)
		return o
	}
	assert.True(t, chart("", "helm-controller").Generated, "0.36 puts no labels on it")
	assert.True(t, chart(`"team":"web"`, "helm-controller").Generated, "but those of spec.chart.metadata")
	assert.False(t, chart(`"helm.toolkit.fluxcd.io/name":"charts","helm.toolkit.fluxcd.io/namespace":"apps"`, "helm-controller").Generated, "a release installs it")
	assert.False(t, chart("", "kubectl-client-side-apply").Generated)
}
