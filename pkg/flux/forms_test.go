package flux

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"time"

	helm "github.com/fluxcd/helm-controller/api/v2"
	automation "github.com/fluxcd/image-automation-controller/api/v1"
	reflector "github.com/fluxcd/image-reflector-controller/api/v1"
	kustomize "github.com/fluxcd/kustomize-controller/api/v1"
	notification "github.com/fluxcd/notification-controller/api/v1"
	older "github.com/fluxcd/notification-controller/api/v1beta3"
	source "github.com/fluxcd/source-controller/api/v1"
	watcher "github.com/fluxcd/source-watcher/api/v2/v1beta1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"
)

// filled sets all fields of one of Flux's types, those of its spec and of its status too.
func filled(v reflect.Value, depth int) {
	switch v.Interface().(type) {
	case metav1.Time:
		v.Set(reflect.ValueOf(metav1.NewTime(time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC))))
		return
	case metav1.Duration:
		v.Set(reflect.ValueOf(metav1.Duration{Duration: time.Minute}))
		return
	case metav1.FieldsV1:
		return
	}
	if v.Type().Name() == "JSON" { // of k8s.io/apiextensions-apiserver: any
		v.FieldByName("Raw").SetBytes([]byte(`{"a":1}`))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(1)
	case reflect.Pointer:
		if depth > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			filled(v.Elem(), depth-1)
		}
	case reflect.Slice:
		if depth > 0 {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
			filled(v.Index(0), depth-1)
		}
	case reflect.Map:
		if depth > 0 {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			filled(key, depth-1)
			filled(value, depth-1)
			v.Set(reflect.MakeMap(v.Type()))
			v.SetMapIndex(key, value)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				filled(v.Field(i), depth)
			}
		}
	}
}

// Each of Flux's kinds is read whatever of it is set: a field of one kind may be of another type in another kind.
func TestDecodeReadsAllThatFluxsTypesHave(t *testing.T) {
	t.Parallel()
	for kind, object := range map[string]any{
		"GitRepository": &source.GitRepository{}, "OCIRepository": &source.OCIRepository{}, "Bucket": &source.Bucket{},
		"HelmRepository": &source.HelmRepository{}, "HelmChart": &source.HelmChart{}, ExternalArtifactKind: &source.ExternalArtifact{},
		"Kustomization": &kustomize.Kustomization{}, "HelmRelease": &helm.HelmRelease{},
		"ImageRepository": &reflector.ImageRepository{}, ImagePolicyKind: &reflector.ImagePolicy{}, "ImageUpdateAutomation": &automation.ImageUpdateAutomation{},
		"Receiver": &notification.Receiver{}, AlertKind: &older.Alert{}, ProviderKind: &older.Provider{},
		ArtifactGeneratorKind: &watcher.ArtifactGenerator{},
	} {
		filled(reflect.ValueOf(object).Elem(), 8)
		data, err := json.Marshal(object)
		require.NoError(t, err)
		o, err := Decode(data)
		require.NoError(t, err, "%s: %s", kind, data)
		assert.Equal(t, "x", o.Name, kind)
	}
}

// Of what an ArtifactGenerator has made and an ExternalArtifact tells nothing is taken for what other kinds say by the same name.
func TestDecodeReadsAStatusInTheFormThatItKnows(t *testing.T) {
	t.Parallel()
	for kind, status := range map[string]string{
		ArtifactGeneratorKind: `{"observedGeneration":3,"inventory":[{"name":"web","namespace":"apps","digest":"a","filename":"b"}],"conditions":[{"type":"Ready","status":"True","reason":"Succeeded"}]}`,
		ExternalArtifactKind:  `{"observedGeneration":3,"exportedInputs":{"tag":"1.2.3"},"conditions":[{"type":"Ready","status":"True","reason":"Succeeded"}]}`,
	} {
		o, err := Decode(fmt.Appendf(nil, `{"kind":%q,"metadata":{"name":"a","namespace":"apps"},"status":%s}`, kind, status))
		require.NoError(t, err)
		assert.Equal(t, Status{ObservedGeneration: 3, Ready: "True", ReadyReason: "Succeeded"}, o.Status, kind)
	}
}

// anyJSON is a value of any form, of few names.
func anyJSON(names []string) *rapid.Generator[any] {
	leaf := rapid.OneOf(rapid.Just[any](nil), rapid.Map(rapid.Bool(), func(v bool) any { return v }),
		rapid.Map(rapid.IntRange(-1, 1<<40), func(v int) any { return v }), rapid.Map(rapid.Float64Range(-2, 2), func(v float64) any { return v }),
		rapid.Map(rapid.SampledFrom([]string{"", "x", "True", "5m", "2026-03-01T09:30:00Z"}), func(v string) any { return v }))
	value := leaf
	for range 3 {
		inner := value
		value = rapid.OneOf(leaf, rapid.Map(rapid.SliceOfN(inner, 0, 3), func(v []any) any { return v }),
			rapid.Map(rapid.MapOfN(rapid.SampledFrom(names), inner, 0, 4), func(v map[string]any) any { return v }))
	}
	return value
}

// Whatever a status says, the object is read: what its names and its spec say is what it is without the status.
func TestNoStatusLosesAnObject(t *testing.T) {
	t.Parallel()
	names := []string{"observedGeneration", "conditions", "artifact", "lastUpdateTime", "lastScanResult", "exportedInputs", "history", "upgradeFailures",
		"lastAttemptedReleaseAction", "inventory", "entries", "id", "type", "status", "lastTransitionTime", "testHooks", "firstReconciled", "metadata"}
	rapid.Check(t, func(t *rapid.T) {
		object := map[string]any{"apiVersion": kustomizeGroup + "/v1", "kind": "Kustomization",
			"metadata": map[string]any{"name": "a", "namespace": "apps", "resourceVersion": "1"}, "spec": map[string]any{"interval": "5m", "suspend": true}}
		without, err := json.Marshal(object)
		require.NoError(t, err)
		want, err := Decode(without)
		require.NoError(t, err)
		object["status"] = anyJSON(names).Draw(t, "status")
		data, err := json.Marshal(object)
		require.NoError(t, err)
		got, err := Decode(data)
		require.NoError(t, err)
		got.Status, got.Size, want.Size = want.Status, 0, 0
		assert.Equal(t, want, got)
	})
}

// What a status says in the form that is known is read also beside what is not.
func TestAStatusIsReadFieldByField(t *testing.T) {
	t.Parallel()
	o, err := Decode([]byte(`{"kind":"GitRepository","metadata":{"name":"a"},"status":{"observedGeneration":7,"inventory":[1],"artifact":{"revision":"main"},"history":"none"}}`))
	require.NoError(t, err)
	assert.Equal(t, Status{ObservedGeneration: 7, Revision: "main"}, o.Status)
}

// A field of a served object whose form is not known costs that field, unless it decides what may be changed.
func TestServedSpecInAnotherForm(t *testing.T) {
	t.Parallel()
	decode := func(resourceVersion, spec string) (Object, error) {
		return Decode(fmt.Appendf(nil, `{"apiVersion":"source.toolkit.fluxcd.io/v1","kind":"GitRepository","metadata":{"name":"a","namespace":"apps","resourceVersion":%q},"spec":%s}`, resourceVersion, spec))
	}
	o, err := decode("1", `{"interval":"5m","verify":[1],"region":{"a":1},"url":"https://a"}`)
	require.NoError(t, err)
	assert.Equal(t, ptr("5m"), o.Interval)
	assert.Equal(t, "https://a", o.Remote.URL)
	assert.Contains(t, o.Rest, "region", "a change of it is seen")
	for _, spec := range []string{`{"interval":["5m"]}`, `{"interval":"5m","suspend":"yes"}`, `{"interval":"5m","kubeConfig":1}`, `[]`} {
		o, err = decode("1", spec)
		require.ErrorContains(t, err, "GitRepository apps/a", spec)
		assert.Equal(t, "a", o.Name, "what it is can be told")
	}
	_, err = decode("", `{"interval":"5m","region":{"a":1}}`)
	require.Error(t, err, "of a manifest it is an error that is told")
}
