package flux

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTargetRefused(t *testing.T) {
	t.Parallel()
	labels := map[string]string{"team": "web"}
	for _, tc := range []struct {
		target Target
		want   string
	}{
		{Target{Kind: "GitRepository", Name: "web"}, ""},
		{Target{Kind: "ArtifactGenerator", Name: "web"}, ""},
		{Target{Kind: "ImageRepository", Name: "*", MatchLabels: labels}, ""},
		{Target{Kind: "ImageRepository", Name: "*"}, "the name * needs matchLabels"},
		{Target{Kind: "ImageRepository", Name: "*", MatchLabels: map[string]string{}}, ""},
		{Target{Kind: "Kustomization", Name: "web"}, "it has no apiVersion, which this kind needs"},
		{Target{Kind: "Kustomization", Name: "web", APIVersion: "kustomize.toolkit.fluxcd.io/v1"}, ""},
	} {
		assert.Equal(t, tc.want, tc.target.Refused(), "%+v", tc.target)
	}
}

func TestDelivers(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*Object)
		want   bool
	}{
		"ready":       {func(o *Object) { o.Status.Ready = "True" }, true},
		"not known":   {func(*Object) {}, true},
		"not ready":   {func(o *Object) { o.Status.Ready = "False" }, false},
		"being made":  {func(o *Object) { o.Status.Ready = "Unknown" }, false},
		"suspended":   {func(o *Object) { o.Suspended = true }, false},
		"deleted":     {func(o *Object) { o.Deleting = true }, false},
		"no Receiver": {func(o *Object) { o.Kind = "GitRepository" }, false},
	} {
		o := Object{Ref: Ref{Kind: "Receiver", Namespace: "apps", Name: "github"}}
		tc.change(&o)
		assert.Equal(t, tc.want, o.Delivers(), name)
	}
}

// Who set the annotation reconcile.fluxcd.io/requestedAt last stands in metadata.managedFields.
func TestRequested(t *testing.T) {
	t.Parallel()
	at := func(minute int) time.Time { return time.Date(2026, 11, 22, 12, minute, 0, 0, time.UTC) }
	const annotation = `"f:metadata": {"f:annotations": {"f:reconcile.fluxcd.io/requestedAt": {}}}`
	for name, tc := range map[string]struct {
		entries string
		want    Request
		called  time.Time
	}{
		"nobody":  {``, Request{}, time.Time{}},
		"webhook": {`{"manager": "notification-controller", "operation": "Update", "time": "2026-11-22T12:01:00Z", "fieldsV1": {` + annotation + `}}`, Request{NotificationController, at(1)}, at(1)},
		"flux":    {`{"manager": "flux", "operation": "Update", "time": "2026-11-22T12:01:00Z", "fieldsV1": {` + annotation + `}}`, Request{"flux", at(1)}, time.Time{}},
		"another field": {`{"manager": "notification-controller", "operation": "Update", "time": "2026-11-22T12:01:00Z",
			"fieldsV1": {"f:metadata": {"f:annotations": {"f:team": {}}}}}`, Request{}, time.Time{}},
		"the newest of two owners": {`{"manager": "notification-controller", "operation": "Update", "time": "2026-11-22T12:03:00Z", "fieldsV1": {` + annotation + `}},
			{"manager": "kubectl", "operation": "Apply", "time": "2026-11-22T12:02:00Z", "fieldsV1": {` + annotation + `}}`, Request{NotificationController, at(3)}, at(3)},
	} {
		o, err := Decode([]byte(`{"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository", "metadata": {"name": "a", "namespace": "b", "managedFields": [` + tc.entries + `]}}`))
		require.NoError(t, err, name)
		if !o.Requested.At.IsZero() {
			o.Requested.At = o.Requested.At.UTC()
		}
		assert.Equal(t, tc.want, o.Requested, name)
		assert.Equal(t, tc.called, o.Requested.Called(), name)
	}
}
