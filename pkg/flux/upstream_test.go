package flux

import (
	"cmp"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	helm "github.com/fluxcd/helm-controller/api/v2"
	automation "github.com/fluxcd/image-automation-controller/api/v1"
	reflector "github.com/fluxcd/image-reflector-controller/api/v1"
	kustomize "github.com/fluxcd/kustomize-controller/api/v1"
	notification "github.com/fluxcd/notification-controller/api/v1"
	"github.com/fluxcd/pkg/version"
	source "github.com/fluxcd/source-controller/api/v1"
	watcher "github.com/fluxcd/source-watcher/api/v2/v1beta1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// upstream is what Flux's own type of a kind says about a field.
type upstream struct {
	kind  string
	field Field
	// extra is more of a spec, as JSON: `,"type":"x"`.
	extra string
	// get decodes an object into Flux's type and asks its Get method; nil where there is none, and the
	// CRD's default counts.
	get func(t *testing.T, object []byte) time.Duration
	// spec is the struct in whose comments the CRD's markers of the field are, and any method of a type in
	// the same package.
	spec   any
	method any
}

// asked makes a get of a method expression.
func asked[T any](get func(*T) time.Duration) func(*testing.T, []byte) time.Duration {
	return func(t *testing.T, data []byte) time.Duration {
		t.Helper()
		o := new(T)
		require.NoError(t, json.Unmarshal(data, o))
		return get(o)
	}
}

func upstreams() []upstream {
	git, oci, bucket := (*source.GitRepository).GetArtifact, (*source.OCIRepository).GetArtifact, (*source.Bucket).GetArtifact
	chart := (*source.HelmChart).GetArtifact
	return []upstream{
		{"GitRepository", Interval, "", asked(func(o *source.GitRepository) time.Duration { return o.GetRequeueAfter() }), source.GitRepositorySpec{}, git},
		{"GitRepository", Timeout, "", nil, source.GitRepositorySpec{}, git},
		{"OCIRepository", Interval, "", asked(func(o *source.OCIRepository) time.Duration { return o.GetRequeueAfter() }), source.OCIRepositorySpec{}, oci},
		{"OCIRepository", Timeout, "", nil, source.OCIRepositorySpec{}, oci},
		{"Bucket", Interval, "", asked((*source.Bucket).GetRequeueAfter), source.BucketSpec{}, bucket},
		{"Bucket", Timeout, "", nil, source.BucketSpec{}, bucket},
		{"HelmRepository", Interval, "", asked(func(o *source.HelmRepository) time.Duration { return o.GetRequeueAfter() }), source.HelmRepositorySpec{}, source.HelmRepository.GetTimeout},
		{"HelmRepository", Timeout, "", asked(func(o *source.HelmRepository) time.Duration { return o.GetTimeout() }), source.HelmRepositorySpec{}, source.HelmRepository.GetTimeout},
		{"HelmChart", Interval, "", asked(func(o *source.HelmChart) time.Duration { return o.GetRequeueAfter() }), source.HelmChartSpec{}, chart},
		{"Kustomization", Interval, "", asked(func(o *kustomize.Kustomization) time.Duration { return o.GetRequeueAfter() }), kustomize.KustomizationSpec{}, kustomize.Kustomization.GetTimeout},
		{"Kustomization", Timeout, "", asked(func(o *kustomize.Kustomization) time.Duration { return o.GetTimeout() }), kustomize.KustomizationSpec{}, kustomize.Kustomization.GetTimeout},
		{"Kustomization", RetryInterval, "", asked(func(o *kustomize.Kustomization) time.Duration { return o.GetRetryInterval() }), kustomize.KustomizationSpec{}, kustomize.Kustomization.GetTimeout},
		{"HelmRelease", Interval, "", asked(func(o *helm.HelmRelease) time.Duration { return o.GetRequeueAfter() }), helm.HelmReleaseSpec{}, helm.HelmRelease.GetTimeout},
		{"HelmRelease", Timeout, "", asked(func(o *helm.HelmRelease) time.Duration { return o.GetTimeout().Duration }), helm.HelmReleaseSpec{}, helm.HelmRelease.GetTimeout},
		{"HelmRelease", ChartInterval, `,"chart":{"spec":{CHART}}`, asked(func(o *helm.HelmRelease) time.Duration {
			return o.Spec.Chart.GetInterval(o.Spec.Interval).Duration
		}), helm.HelmChartTemplateSpec{}, helm.HelmRelease.GetTimeout},
		{"ImageRepository", Interval, "", asked(func(o *reflector.ImageRepository) time.Duration { return o.GetRequeueAfter() }), reflector.ImageRepositorySpec{}, reflector.ImageRepository.GetTimeout},
		{"ImageRepository", Timeout, "", asked(func(o *reflector.ImageRepository) time.Duration { return o.GetTimeout() }), reflector.ImageRepositorySpec{}, reflector.ImageRepository.GetTimeout},
		{"ImageUpdateAutomation", Interval, "", asked(func(o *automation.ImageUpdateAutomation) time.Duration { return o.GetRequeueAfter() }), automation.ImageUpdateAutomationSpec{}, automation.ImageUpdateAutomation.GetRequeueAfter},
		{"Receiver", Interval, "", asked((*notification.Receiver).GetInterval), notification.ReceiverSpec{}, (*notification.Receiver).GetInterval},
		{ImagePolicyKind, Interval, `,"digestReflectionPolicy":"Always"`, asked((*reflector.ImagePolicy).GetInterval), reflector.ImagePolicySpec{}, (*reflector.ImagePolicy).GetInterval},
		{ImagePolicyKind, Interval, `,"digestReflectionPolicy":"IfNotPresent"`, asked((*reflector.ImagePolicy).GetInterval), reflector.ImagePolicySpec{}, (*reflector.ImagePolicy).GetInterval},
		{ImagePolicyKind, Interval, "", asked((*reflector.ImagePolicy).GetInterval), reflector.ImagePolicySpec{}, (*reflector.ImagePolicy).GetInterval},
	}
}

// TestTableAgainstFluxsTypes holds defaults, minima and units of the table to Flux's own types: their Get
// methods, with the field and the interval unset and set, and the markers that their CRDs are made from.
func TestTableAgainstFluxsTypes(t *testing.T) {
	t.Parallel()
	checked := map[string]bool{}
	for _, u := range upstreams() {
		checked[u.kind+" "+string(u.field)] = true
		row := row(t, u.kind)
		tunable, ok := row.Tunable(u.field)
		require.True(t, ok, "%s %s", u.kind, u.field)
		markers := markersOf(t, u)
		assert.Equal(t, !strings.Contains(markers.pattern, "|h)"), tunable.NoHours, "%s %s: %s", u.kind, u.field, markers.pattern)
		intervals := []string{"", "5s", "30s", "45s", "1m30s", "10m"}
		if u.field == Interval {
			intervals = []string{""}
		}
		for _, interval := range intervals {
			for _, value := range []string{"", "0s", "500ms", "10s", "31s", "2m", "20m"} {
				data := manifest(row, u, interval, value, "")
				object, err := Decode(data)
				require.NoError(t, err, "%s", data)
				// The API server fills in the CRD's default where the field is absent.
				served := manifest(row, u, interval, value, markers.def)
				var want time.Duration
				if u.get != nil {
					want = u.get(t, served)
				} else { // the CRD's default is all that there is
					want, err = time.ParseDuration(cmp.Or(value, markers.def))
					require.NoError(t, err, "%s %s has a default", u.kind, u.field)
				}
				assert.Equal(t, want.String(), object.Effective(u.field).String(), "%s %s of %s", u.kind, u.field, data)
			}
		}
	}
	for _, k := range Kinds() {
		for _, tunable := range k.Tunables {
			assert.True(t, checked[k.Name+" "+string(tunable.Field)], "%s %s is held against nothing", k.Name, tunable.Field)
		}
	}
}

func row(t *testing.T, kind string) Kind {
	t.Helper()
	for _, k := range append(Kinds(), CostKinds()...) {
		if k.Name == kind {
			return k
		}
	}
	require.Fail(t, "no row", kind)
	return Kind{}
}

// manifest is an object of a kind as JSON; "" leaves a field out, or gives it its default.
func manifest(row Kind, u upstream, interval, value, def string) []byte {
	if value == "" {
		value = def
	}
	fields, chart := "", ""
	set := func(name, value string) string {
		if value == "" {
			return ""
		}
		return fmt.Sprintf(`,%q:%q`, name, value)
	}
	switch u.field {
	case Interval:
		fields = set("interval", value)
	case ChartInterval:
		fields, chart = set("interval", interval), strings.TrimPrefix(set("interval", value), ",")
	default:
		fields = set("interval", interval) + set(strings.TrimPrefix(string(u.field), "spec."), value)
	}
	extra := strings.ReplaceAll(u.extra, "CHART", chart)
	return fmt.Appendf(nil, `{"apiVersion":"%s/%s","kind":%q,"metadata":{"name":"x","namespace":"apps"},"spec":{"suspend":false%s%s}}`,
		row.Group, row.Versions[0], row.Name, fields, extra)
}

// markers are what controller-gen makes a field of a CRD from.
type markers struct{ def, pattern string }

var (
	defaultMarker = regexp.MustCompile(`\+kubebuilder:default:?="?([^"\s]+)"?`)
	patternMarker = regexp.MustCompile("\\+kubebuilder:validation:Pattern=[\"`]?([^\"`\\s]+)")
)

// markersOf reads the comment above a field in the source that a method of its package was compiled
// from.
func markersOf(t *testing.T, u upstream) markers {
	t.Helper()
	file, _ := runtime.FuncForPC(reflect.ValueOf(u.method).Pointer()).FileLine(reflect.ValueOf(u.method).Pointer())
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
	require.NoError(t, err)
	name := reflect.TypeOf(u.spec).Name()
	field := string(u.field)[strings.LastIndex(string(u.field), ".")+1:]
	var found *ast.Field
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok || spec.Name.Name != name {
			return true
		}
		for _, f := range spec.Type.(*ast.StructType).Fields.List {
			if f.Tag != nil && strings.Contains(f.Tag.Value, `json:"`+field) {
				found = f
			}
		}
		return false
	})
	require.NotNil(t, found, "%s.%s in %s", name, field, file)
	var m markers
	comment := ""
	for _, c := range found.Doc.List {
		comment += c.Text + "\n"
	}
	if match := defaultMarker.FindStringSubmatch(comment); match != nil {
		m.def = match[1]
	}
	match := patternMarker.FindStringSubmatch(comment)
	require.NotNil(t, match, "%s.%s has a pattern:\n%s", name, field, comment)
	m.pattern = match[1]
	return m
}

// A failed install or upgrade is tried again as GetRetry and GetRetryInterval say.
func TestHelmRetryAgainstFluxsTypes(t *testing.T) {
	t.Parallel()
	for _, strategy := range []string{
		``, `"strategy":{"name":"RemediateOnFailure"}`, `"strategy":{"name":"RetryOnFailure"}`, `"strategy":{"name":"RetryOnFailure","retryInterval":"45s"}`,
	} {
		data := fmt.Appendf(nil, `{"kind":"HelmRelease","spec":{"install":{%[1]s},"upgrade":{%[1]s}}}`, strategy)
		var release helm.HelmRelease
		require.NoError(t, json.Unmarshal(data, &release))
		install, upgrade := helm.Install{}, helm.Upgrade{}
		if release.Spec.Install != nil {
			install = *release.Spec.Install
		}
		if release.Spec.Upgrade != nil {
			upgrade = *release.Spec.Upgrade
		}
		o, err := Decode(data)
		require.NoError(t, err)
		for got, retry := range map[**string]helm.Retry{&o.Polling.Retry.Install: install.GetRetry(false), &o.Polling.Retry.Upgrade: upgrade.GetRetry(false)} {
			if retry == nil {
				assert.Nil(t, *got, strategy)
				continue
			}
			require.NotNil(t, *got, strategy)
			every, err := time.ParseDuration(**got)
			require.NoError(t, err)
			assert.Equal(t, retry.GetRetryInterval(), every, strategy)
		}
	}
}

// What lies between a source and who uses it is not due itself: it watches.
func TestCostKindsAgainstFluxsTypes(t *testing.T) {
	t.Parallel()
	for kind, types := range map[string]any{ExternalArtifactKind: source.ExternalArtifact{}, ArtifactGeneratorKind: watcher.ArtifactGenerator{}} {
		assert.Equal(t, kind, reflect.TypeOf(types).Name())
		assert.Empty(t, row(t, kind).Tunables)
	}
	assert.Equal(t, source.GroupVersion.String(), row(t, ExternalArtifactKind).Group+"/"+row(t, ExternalArtifactKind).Versions[0])
	assert.Equal(t, watcher.GroupVersion.String(), row(t, ArtifactGeneratorKind).Group+"/"+row(t, ArtifactGeneratorKind).Versions[0])
	assert.Equal(t, reflector.GroupVersion.String(), row(t, ImagePolicyKind).Group+"/"+row(t, ImagePolicyKind).Versions[0])
}

// source-controller asks a registry for tags unless fluxcd/pkg's ParseVersion reads the version.
func TestExactVersion(t *testing.T) {
	t.Parallel()
	for _, v := range []string{
		"", "*", "1", "1.2", "1.2.3", "v1.2.3", "01.2.3", "1.2.x", "1.x", ">=1.2.3", "~1.2.3", "^1.2.3", "1.2.3 - 2.0.0", "=1.2.3", "1.2.3-rc.1",
		"1.2.3-rc.1+build.5", "1.2.3+5", "1.2.3.4", "1-a.b.c", "1.2-rc.1", " 1.2.3", "1.2.3-", "v", "latest", "1.2.3-rc_1", "1.2.3 || 2.0.0", "1.*.3",
	} {
		_, err := version.ParseVersion(v)
		assert.Equal(t, err == nil, ExactVersion(v), "%q", v)
	}
}
