package flux

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// How many inputs a provider exports tells how many it asks for.
func TestExportedInputs(t *testing.T) {
	t.Parallel()
	o, err := Decode([]byte(`{"apiVersion":"fluxcd.controlplane.io/v1","kind":"ResourceSetInputProvider","status":{"exportedInputs":[{"id":"1"},{"id":"2"}]}}`))
	require.NoError(t, err)
	assert.Equal(t, 2, o.Status.Exported)
}

func TestDecodePolling(t *testing.T) {
	t.Parallel()
	sources := func(kind, namespace, name string) Ref {
		return Ref{Group: sourceGroup, Kind: kind, Namespace: namespace, Name: name}
	}
	for name, tc := range map[string]struct {
		kind, spec string
		want       Polling
	}{
		"nothing":          {"source.toolkit.fluxcd.io/v1 GitRepository", `"url":"https://example.com"`, Polling{}},
		"submodules":       {"source.toolkit.fluxcd.io/v1 GitRepository", `"recurseSubmodules":true`, Polling{Submodules: true}},
		"verify":           {"source.toolkit.fluxcd.io/v1 GitRepository", `"verify":{"mode":"HEAD"}`, Polling{Verifies: true}},
		"include":          {"source.toolkit.fluxcd.io/v1 GitRepository", `"include":[{"repository":{"name":"base"},"toPath":"base"}]`, Polling{Includes: []Ref{sources("GitRepository", "apps", "base")}}},
		"files are passed": {"source.toolkit.fluxcd.io/v1 GitRepository", `"ignore":"*.md"`, Polling{}},
		"chart":            {"source.toolkit.fluxcd.io/v1 HelmChart", `"chart":"web","version":"1.2.3","verify":{"provider":"cosign"}`, Polling{Chart: "web", Version: "1.2.3", Verifies: true}},
		"release":          {"helm.toolkit.fluxcd.io/v2 HelmRelease", `"chart":{"spec":{"chart":"web","version":"1.x"}}`, Polling{Chart: "web", Version: "1.x"}},
		"release retries": {"helm.toolkit.fluxcd.io/v2 HelmRelease", `"install":{"strategy":{"name":"RetryOnFailure","retryInterval":"1m"}},"upgrade":{"strategy":{"name":"RetryOnFailure"}}`,
			Polling{Retry: HelmRetry{Install: ptr("1m"), Upgrade: ptr("5m"), InstallNamed: true, UpgradeNamed: true}}},
		"automation": {"image.toolkit.fluxcd.io/v1 ImageUpdateAutomation", `"git":{"commit":{},"checkout":{"ref":{"branch":"main","tag":"v1"}},"push":{"branch":"updates","refspec":"refs/x:refs/y"}}`,
			Polling{Push: Push{HasCheckout: true, Checkout: RemoteRef{RefTag, "v1"}, CheckoutBranch: "main", Branch: "updates", Refspec: "refs/x:refs/y"}}},
		"policy":        {"image.toolkit.fluxcd.io/v1 ImagePolicy", `"imageRepositoryRef":{"name":"web"}`, Polling{NoInterval: true, Made: []Ref{{Group: imageGroup, Kind: "ImageRepository", Namespace: "apps", Name: "web"}}}},
		"policy always": {"image.toolkit.fluxcd.io/v1 ImagePolicy", `"digestReflectionPolicy":"Always","interval":"5m"`, Polling{}},
		"artifact": {"source.toolkit.fluxcd.io/v1 ExternalArtifact", `"sourceRef":{"apiVersion":"source.extensions.fluxcd.io/v1beta1","kind":"ArtifactGenerator","name":"all"}`,
			Polling{Made: []Ref{{Group: watcherGroup, Kind: ArtifactGeneratorKind, Namespace: "apps", Name: "all"}}}},
		"generator": {"source.extensions.fluxcd.io/v1beta1 ArtifactGenerator", `"sources":[{"alias":"a","kind":"GitRepository","name":"x","namespace":"flux-system"},{"alias":"b","kind":"OCIRepository","name":"y"}]`,
			Polling{Made: []Ref{sources("GitRepository", "flux-system", "x"), sources("OCIRepository", "apps", "y")}}},
		"chart of a revision":   {"source.toolkit.fluxcd.io/v1 HelmChart", `"chart":"./charts/app","reconcileStrategy":"Revision"`, Polling{Chart: "./charts/app", ByRevision: true}},
		"release of a revision": {"helm.toolkit.fluxcd.io/v2 HelmRelease", `"chart":{"spec":{"chart":"./charts/app","reconcileStrategy":"Revision"}}`, Polling{Chart: "./charts/app", ByRevision: true}},
		"inputs by a schedule":  {"fluxcd.controlplane.io/v1 ResourceSetInputProvider", `"type":"Static","schedule":[{"cron":"0 6 * * *"}]`, Polling{Type: "Static", NoInterval: true}},
		"inputs":                {"fluxcd.controlplane.io/v1 ResourceSetInputProvider", `"type":"GitHubBranch","url":"https://github.com/acme/app"`, Polling{Type: "GitHubBranch"}},
		"provider":              {"notification.toolkit.fluxcd.io/v1beta3 Provider", `"type":"github","address":"https://github.com/acme/app"`, Polling{Type: "github"}},
		"alert": {"notification.toolkit.fluxcd.io/v1beta3 Alert", `"providerRef":{"name":"host"},"eventSeverity":"error","eventSources":[{"kind":"Kustomization","name":"*","matchLabels":{"a":"b"}},{"kind":"HelmRelease","name":"x","namespace":"y"}],"inclusionList":["i"],"exclusionList":["e"]`,
			Polling{Made: []Ref{{Group: notificationGroup, Kind: ProviderKind, Namespace: "apps", Name: "host"}}, Notify: &Notify{ErrorsOnly: true, Include: []string{"i"}, Exclude: []string{"e"}, Sources: []EventSource{
				{Kind: "Kustomization", Namespace: "apps", Name: "*", MatchLabels: map[string]string{"a": "b"}}, {Kind: "HelmRelease", Namespace: "y", Name: "x"},
			}}}},
	} {
		var apiVersion, kind string
		_, err := fmt.Sscan(tc.kind, &apiVersion, &kind)
		require.NoError(t, err)
		o, err := Decode(fmt.Appendf(nil, `{"apiVersion":%q,"kind":%q,"metadata":{"name":"x","namespace":"apps"},"spec":{%s}}`, apiVersion, kind, tc.spec))
		require.NoError(t, err, name)
		assert.Equal(t, tc.want, o.Polling, name)
		assert.NotEmpty(t, o.KindRow().Name, name)
	}
}

// The Flux Operator takes a ResourceSetInputProvider's interval from an annotation, 10m without one.
func TestInputProviderInterval(t *testing.T) {
	t.Parallel()
	for annotations, want := range map[string]string{
		``: "10m0s false",
		`"fluxcd.controlplane.io/reconcileEvery":"2m"`:                                               "2m0s false",
		`"fluxcd.controlplane.io/reconcileEvery":"soon"`:                                             "10m0s false",
		`"fluxcd.controlplane.io/reconcileEvery":"0s"`:                                               "0s false",
		`"fluxcd.controlplane.io/reconcile":"Disabled","fluxcd.controlplane.io/reconcileEvery":"2m"`: "2m0s true",
	} {
		o, err := Decode([]byte(`{"apiVersion":"fluxcd.controlplane.io/v1","kind":"ResourceSetInputProvider","metadata":{"name":"x","annotations":{` + annotations + `}},"spec":{"type":"GitHubTag"}}`))
		require.NoError(t, err)
		assert.Equal(t, want, fmt.Sprint(o.Effective(Interval), " ", o.Suspended), annotations)
	}
}

// Only what makes two sources different in what they fetch, with what, and what they make of it counts.
func TestFingerprint(t *testing.T) {
	t.Parallel()
	of := func(spec string) uint64 {
		o, err := Decode([]byte(`{"kind":"GitRepository","spec":{` + spec + `}}`))
		require.NoError(t, err)
		return o.Remote.Fingerprint
	}
	const base = `"url":"https://example.com/app","ref":{"branch":"main"},"secretRef":{"name":"key"},"interval":"1m"`
	for _, same := range []string{
		`"secretRef":{"name":"key"},"interval":"5m","ref":{"branch":"main"},"url":"ssh://git@example.com/app"`,
		base + `,"timeout":"2m"`, base + `,"suspend":true`, base + `,"suspend":false`,
	} {
		assert.Equal(t, of(base), of(same), same)
	}
	for _, other := range []string{
		`"ignore":"*.md"`, `"sparseCheckout":["deploy"]`, `"include":[{"repository":{"name":"base"}}]`, `"recurseSubmodules":true`,
		`"verify":{"mode":"HEAD"}`, `"proxySecretRef":{"name":"p"}`, `"serviceAccountName":"s"`, `"provider":"github"`, `"ref":{"branch":"next"}`, `"secretRef":{"name":"other"}`,
	} {
		assert.NotEqual(t, of(base), of(base+","+other), other)
	}
	assert.Zero(t, Object{}.Remote.Fingerprint)
}
