package flux

import (
	"fmt"
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
		{Target{Kind: "GitRepository", Name: "web", APIVersion: "kustomize.toolkit.fluxcd.io/v1"},
			`Flux has no kind "GitRepository" in kustomize.toolkit.fluxcd.io: is source.toolkit.fluxcd.io meant?`},
		{Target{Kind: "GitRepository", Name: "web", APIVersion: "v1"}, `Flux has no API group "v1": is source.toolkit.fluxcd.io meant?`},
		{Target{Kind: "GitRepository", Name: "web", APIVersion: "source.toolkit.fluxcd.io"}, "its version is missing: is source.toolkit.fluxcd.io/v1 meant?"},
		{Target{Kind: "GitRepository", Name: "web", APIVersion: "source.toolkit.fluxcd.io/v1beta2"}, ""}, // who reads it knows
		{Target{Kind: "Deployment", Name: "web", APIVersion: "apps/v1"}, ""},
	} {
		why, _ := tc.target.Refusal(nil, "apps")
		assert.Equal(t, tc.want, why, "%+v", tc.target)
	}
}

// notification-controller asks for exactly the version that is written.
func TestNoteServed(t *testing.T) {
	t.Parallel()
	served := map[string][]string{"GitRepository": {"v1", "v1beta2"}, "Bucket": {"v1"}}
	to := func(kind, apiVersion string) Target { return Target{APIVersion: apiVersion, Kind: kind, Name: "a"} }
	o := Object{Targets: []Target{
		to("GitRepository", "source.toolkit.fluxcd.io/v1beta2"), to("Bucket", ""), to("Bucket", "source.toolkit.fluxcd.io/v1"),
		to("Bucket", "source.toolkit.fluxcd.io/v1beta2"), to("Bucket", "s3.example.com/v1beta1"), to("HelmChart", "source.toolkit.fluxcd.io/v1beta2"),
	}}
	o.NoteServed("the cluster", func(k Kind) []string { return served[k.Name] })
	for i, want := range []string{"", "", "", "the cluster does not serve source.toolkit.fluxcd.io/v1beta2 of this kind: it has v1", "", ""} {
		why, _ := o.Targets[i].Refusal(nil, "apps")
		assert.Equal(t, want, why, "%+v", o.Targets[i])
	}
}

// A kind of another group is another kind, unless only Flux's can be meant.
func TestTargetNames(t *testing.T) {
	t.Parallel()
	for apiVersion, want := range map[string]bool{
		"": true, "source.toolkit.fluxcd.io/v1": true, "source.toolkit.fluxcd.io/v1beta2": true, "source.toolkit.fluxcd.oi/v1": true, "v1": true,
		"s3.example.com/v1beta1": false,
	} {
		target := Target{APIVersion: apiVersion, Kind: "Bucket", Namespace: "apps", Name: "a"}
		kind, known := target.Row()
		assert.Equal(t, want, known && kind.Name == "Bucket", apiVersion)
		assert.Equal(t, want, target.Covers(Object{Ref: Ref{Group: sourceGroup, Kind: "Bucket", Namespace: "apps", Name: "a"}}), apiVersion)
	}
}

func TestDelivers(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*Object)
		want   bool
	}{
		"ready":       {func(o *Object) { o.Status.Ready = "True" }, true},
		"in files":    {func(*Object) {}, true},
		"no status":   {func(o *Object) { o.ResourceVersion = "7" }, false},
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
		"webhook": {`{"manager": "notification-controller", "operation": "Update", "time": "2026-11-22T12:01:00Z", "fieldsV1": {` + annotation + `}}`, Request{NotificationController, at(1), false}, at(1)},
		"flux":    {`{"manager": "flux", "operation": "Update", "time": "2026-11-22T12:01:00Z", "fieldsV1": {` + annotation + `}}`, Request{"flux", at(1), false}, time.Time{}},
		"another field": {`{"manager": "notification-controller", "operation": "Update", "time": "2026-11-22T12:01:00Z",
			"fieldsV1": {"f:metadata": {"f:annotations": {"f:team": {}}}}}`, Request{}, time.Time{}},
		"before the last change of who owns the address": {`{"manager": "notification-controller", "operation": "Update", "time": "2026-11-22T12:01:00Z", "fieldsV1": {` + annotation + `}},
			{"manager": "kustomize-controller", "operation": "Apply", "time": "2026-11-22T12:02:00Z", "fieldsV1": {"f:spec": {"f:url": {}}}}`, Request{NotificationController, at(1), true}, time.Time{}},
		"before a change of others": {`{"manager": "notification-controller", "operation": "Update", "time": "2026-11-22T12:01:00Z", "fieldsV1": {` + annotation + `}},
			{"manager": "kustomize-controller", "operation": "Apply", "time": "2026-11-22T12:01:00Z", "fieldsV1": {"f:spec": {"f:url": {}}}},
			{"manager": "fluxtune", "operation": "Update", "time": "2026-11-22T12:02:00Z", "fieldsV1": {"f:spec": {"f:interval": {}}}}`, Request{NotificationController, at(1), false}, at(1)},
		"the newest of two owners": {`{"manager": "notification-controller", "operation": "Update", "time": "2026-11-22T12:03:00Z", "fieldsV1": {` + annotation + `}},
			{"manager": "kubectl", "operation": "Apply", "time": "2026-11-22T12:02:00Z", "fieldsV1": {` + annotation + `}}`, Request{NotificationController, at(3), false}, at(3)},
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

// Controllers name the URL that they could not read, with all that somebody wrote into it.
func TestNoSecretInMessages(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]string{
		"unable to list remote for 'https://bot:s3cr3t@git.example.com/acme/app': denied": "unable to list remote for 'https://bot:...@git.example.com/acme/app': denied",
		"unable to list remote for 'https://ghp_token@github.com/acme/app'":               "unable to list remote for 'https://...@github.com/acme/app'",
		"dial ssh://git:pw@git.example.com:2222/app and ssh://git@github.com/acme/app":    "dial ssh://git:...@git.example.com:2222/app and ssh://git@github.com/acme/app",
		"https://git.example.com:8443/acme/app: see team@example.com":                     "https://git.example.com:8443/acme/app: see team@example.com",
	} {
		assert.Equal(t, want, WithoutSecrets(message))
	}
}

// What somebody typed or wrote as a URL is shown without what lets others in, also where it is none.
func TestNoSecretInShownURLs(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"http://bot:s3cr3t@127.0.0.1:8080/metrics":                   "http://bot:...@127.0.0.1:8080/metrics",
		"https://ghp_token@github.com/acme/app":                      "https://...@github.com/acme/app",
		"https://bot:it's@git.example.com/app":                       "https://bot:...@git.example.com/app",
		"https://bot:a/b@git.example.com/app":                        "https://...@git.example.com/app",
		"https://bot:a\"b@git.example.com/app":                       "https://...@git.example.com/app",
		"bot:s3cr3t@git.example.com":                                 "...@git.example.com",
		"https://x.example.com/m?ref=v1&access_token=s3cr3t&n=1":     "https://x.example.com/m?ref=v1&access_token=...&n=1",
		"https://x.example.com/m?X-Amz-Signature=s3cr3t#code=s3cr3t": "https://x.example.com/m?X-Amz-Signature=...#code=...",
		"ssh://git@github.com/acme/app?ref=main":                     "ssh://git@github.com/acme/app?ref=main",
		"https://10.0.0.1/api/v1/pods?limit=500&labelSelector=a%3Db": "https://10.0.0.1/api/v1/pods?limit=500&labelSelector=a%3Db",
		"git@github.com:acme/app":                                    "git@github.com:acme/app",
		"":                                                           "",
		"no URL: a b":                                                "no URL: a b",
	} {
		assert.Equal(t, want, ShownURL(raw))
	}
}

// The path of a webhook can be all the secret there is: no object that was read has it.
func TestNoMessageHasTheSecretPath(t *testing.T) {
	t.Parallel()
	const path = "/hook/0f7f3fdf1b1b0d9f8a37e0a9f4ac0f16a8b4ffa2c6ec5a7e7d9ff0f0d4d5a6b7"
	o, err := Decode([]byte(`{"apiVersion":"notification.toolkit.fluxcd.io/v1","kind":"Receiver","metadata":{"name":"hub","namespace":"apps"},"spec":{"type":"dockerhub"},
		"status":{"webhookPath":"` + path + `","conditions":[{"type":"Ready","status":"True","reason":"Succeeded","message":"Receiver initialized for path: ` + path + `"}]}}`))
	require.NoError(t, err)
	assert.Equal(t, "Receiver initialized for path: /hook/...", o.Status.ReadyMessage)
	assert.NotContains(t, fmt.Sprintf("%+v %+v", o, o.Hook), path)
}
