package flux

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Names, short names and versions as in the CRDs of Flux 2.9 (+kubebuilder:resource and the api
// modules' version packages).
func TestKinds(t *testing.T) {
	t.Parallel()
	type row struct {
		name, resource, group string
		versions, short       []string
		source, consumer      bool
		tunables              []Field
	}
	toolkit := []string{"v1", "v1beta2", "v1beta1"}
	want := []row{
		{"GitRepository", "gitrepositories", "source.toolkit.fluxcd.io", toolkit, []string{"gitrepo"}, true, false, []Field{Interval, Timeout}},
		{"OCIRepository", "ocirepositories", "source.toolkit.fluxcd.io", []string{"v1", "v1beta2"}, []string{"ocirepo"}, true, false, []Field{Interval, Timeout}},
		{"Bucket", "buckets", "source.toolkit.fluxcd.io", toolkit, nil, true, false, []Field{Interval, Timeout}},
		{"HelmRepository", "helmrepositories", "source.toolkit.fluxcd.io", toolkit, []string{"helmrepo"}, true, false, []Field{Interval, Timeout}},
		{"HelmChart", "helmcharts", "source.toolkit.fluxcd.io", toolkit, []string{"hc"}, true, false, []Field{Interval}},
		{"Kustomization", "kustomizations", "kustomize.toolkit.fluxcd.io", toolkit, []string{"ks"}, false, true, []Field{Interval, Timeout, RetryInterval}},
		{"HelmRelease", "helmreleases", "helm.toolkit.fluxcd.io", []string{"v2", "v2beta2", "v2beta1"}, []string{"hr"}, false, true, []Field{Interval, Timeout, ChartInterval}},
		{"ImageRepository", "imagerepositories", "image.toolkit.fluxcd.io", toolkit, []string{"imgrepo", "imagerepo"}, false, false, []Field{Interval, Timeout}},
		{"ImageUpdateAutomation", "imageupdateautomations", "image.toolkit.fluxcd.io", toolkit, []string{"iua", "imgupd", "imgauto"}, false, false, []Field{Interval}},
		{"Receiver", "receivers", "notification.toolkit.fluxcd.io", toolkit, nil, false, false, []Field{Interval}},
	}
	var got []row
	for _, k := range Kinds() {
		r := row{k.Name, k.Resource, k.Group, k.Versions, k.Short, k.Source, k.Consumer, nil}
		for _, tunable := range k.Tunables {
			r.tunables = append(r.tunables, tunable.Field)
		}
		got = append(got, r)
	}
	assert.Equal(t, want, got)
}

func TestKindsIsACopy(t *testing.T) {
	t.Parallel()
	Kinds()[0] = Kind{}
	assert.Equal(t, "GitRepository", Kinds()[0].Name)
}

func TestKindNames(t *testing.T) {
	t.Parallel()
	assert.Equal(t, []string{
		"GitRepository", "OCIRepository", "Bucket", "HelmRepository", "HelmChart",
		"Kustomization", "HelmRelease", "ImageRepository", "ImageUpdateAutomation", "Receiver",
	}, KindNames())
}

// Only the timeouts of sources and of ImageRepositories refuse the unit h.
func TestNoHours(t *testing.T) {
	t.Parallel()
	var refuse []string
	for _, k := range Kinds() {
		for _, tunable := range k.Tunables {
			if tunable.NoHours {
				refuse = append(refuse, k.Name+" "+string(tunable.Field))
			}
		}
	}
	assert.Equal(t, []string{
		"GitRepository spec.timeout", "OCIRepository spec.timeout", "Bucket spec.timeout",
		"HelmRepository spec.timeout", "ImageRepository spec.timeout",
	}, refuse)
}

func TestTunable(t *testing.T) {
	t.Parallel()
	row, err := ParseKind("HelmRelease")
	require.NoError(t, err)

	chart, ok := row.Tunable(ChartInterval)
	require.True(t, ok)
	assert.Equal(t, "HelmChart", chart.PolicyKind)
	assert.Equal(t, IntervalSetting, chart.Setting)
	assert.Equal(t, []string{"spec", "chart", "spec", "interval"}, chart.Field.Path())
	assert.Equal(t, 7*time.Minute, chart.Default(7*time.Minute))

	_, ok = row.Tunable(RetryInterval)
	assert.False(t, ok)
}

func TestParseKind(t *testing.T) {
	t.Parallel()
	for _, k := range Kinds() {
		forms := append([]string{
			k.Name, k.Resource, k.Name + "." + k.Group, k.Resource + "." + k.Group,
			k.Resource + "." + k.Versions[len(k.Versions)-1] + "." + k.Group,
		}, k.Short...)
		for _, short := range k.Short {
			forms = append(forms, short+"."+k.Group)
		}
		for _, form := range forms {
			for _, spelling := range []string{form, upper(form), lower(form)} {
				got, err := ParseKind(spelling)
				require.NoError(t, err, spelling)
				assert.Equal(t, k.Name, got.Name, spelling)
			}
		}
	}
}

func TestParseKindRefuses(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"", ".", "Deployment", "gitrepos", "kustomizations.kustomize.config.k8s.io",
		"gitrepositories.helm.toolkit.fluxcd.io", "gitrepositories.v3.source.toolkit.fluxcd.io",
		"gitrepositories.source", "Alert", "imagepolicies",
	} {
		_, err := ParseKind(name)
		require.EqualError(t, err, `unknown kind "`+name+`": it is one of GitRepository, OCIRepository, Bucket, HelmRepository, `+
			`HelmChart, Kustomization, HelmRelease, ImageRepository, ImageUpdateAutomation, Receiver`)
	}
}

func TestParseManifestKind(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		group, kind string
		want        bool
	}{
		{"kustomize.toolkit.fluxcd.io", "Kustomization", true},
		{"kustomize.config.k8s.io", "Kustomization", false}, // kustomize's own file of that name
		{"source.toolkit.fluxcd.io", "gitrepository", false},
		{"source.toolkit.fluxcd.io", "ExternalArtifact", false},
		{"", "", false},
	} {
		got, ok := ParseManifestKind(tc.group, tc.kind)
		assert.Equal(t, tc.want, ok, "%s %s", tc.group, tc.kind)
		if !tc.want {
			assert.Equal(t, Kind{}, got)
		}
	}
}

// Alerts and Providers are v1 since notification-controller 1.10, where an API server warns of the version before.
func TestAlertsAreAskedForInTheirNewestVersion(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{AlertKind, ProviderKind} {
		assert.Equal(t, "v1", row(t, kind).ServedVersion([]string{"v1beta3", "v1"}), kind)
		assert.Equal(t, "v1beta3", row(t, kind).ServedVersion([]string{"v1beta3"}), kind)
		_, wrong := Mistyped(notificationGroup, "v1", kind)
		assert.False(t, wrong, kind)
	}
}

func TestServedVersion(t *testing.T) {
	t.Parallel()
	row, err := ParseKind("gitrepo")
	require.NoError(t, err)
	for _, tc := range []struct {
		served []string
		want   string
	}{
		{nil, ""},
		{[]string{"v1beta1"}, "v1beta1"},
		{[]string{"v1beta1", "v1beta2", "v1"}, "v1"},
		{[]string{"v2", "v1beta2"}, "v1beta2"},
		{[]string{"v3", "v2"}, "v3"},
	} {
		assert.Equal(t, tc.want, row.ServedVersion(tc.served), "%q", tc.served)
	}
}
