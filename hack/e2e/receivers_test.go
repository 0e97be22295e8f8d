package e2e

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

// hook is a Receiver as receivers -o yaml printed it, applied, with its Secret, and what a host knows of it.
type hook struct {
	url, token string
}

// receivers are what the plugin says of a namespace.
func (w world) receivers(t *testing.T, ns string, flags ...string) report.ReceiverList {
	t.Helper()
	var list report.ReceiverList
	require.NoError(t, json.Unmarshal([]byte(w.must(t, append([]string{"receivers", "-n", ns, "-o", "json"}, flags...)...)), &list))
	return list
}

// shell runs a command that the plugin printed, with the real kubectl.
func (w world) shell(t *testing.T, command string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), "sh", "-c", command)
	c.Env = append(os.Environ(), "KUBECONFIG="+w.Kubeconfig(), "PATH="+filepath.Dir(w.KubectlPath())+string(os.PathListSeparator)+os.Getenv("PATH"))
	out, err := c.Output()
	require.NoError(t, err, command)
	return string(out)
}

// follow does what the plugin says: it creates the Secrets, applies what -o yaml printed, and reads paths and tokens.
func (w world) follow(t *testing.T, ns string, flags ...string) map[string]hook {
	t.Helper()
	proposals := w.receivers(t, ns, flags...).Proposals
	require.NotEmpty(t, proposals)
	for _, p := range proposals {
		w.shell(t, p.SecretCommand)
	}
	w.Apply(t, w.must(t, append([]string{"receivers", "-n", ns, "-o", "yaml"}, flags...)...))
	w.Kubectl(t, "wait", "receiver", "--all", "-n", ns, "--for=condition=Ready", "--timeout=1m")
	hooks := map[string]hook{}
	for _, p := range proposals {
		h := hook{url: w.flux.ReceiverURL() + w.shell(t, p.PathCommand)}
		h.token = w.shell(t, fmt.Sprintf("kubectl -n %s get secret %s-webhook -o go-template='{{.data.token | base64decode}}'", p.Namespace, p.Name))
		if p.TokenCommand != "" {
			assert.Equal(t, h.token, w.shell(t, p.TokenCommand))
		}
		hooks[p.Host] = h
	}
	return hooks
}

func digest(algorithm func() hash.Hash, token, body string) string {
	mac := hmac.New(algorithm, []byte(token))
	_, _ = mac.Write([]byte(body))
	return hex.EncodeToString(mac.Sum(nil))
}

// call posts a body as a host does, and returns the status of the answer.
func (h hook) call(t *testing.T, body string, headers map[string]string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.url, bytes.NewBufferString(body))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/json")
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response.StatusCode
}

func gitHubHeaders(token, body string) map[string]string {
	return map[string]string{"X-GitHub-Event": "push", "X-Hub-Signature-256": "sha256=" + digest(sha256.New, token, body)}
}

// at is the name of the Git server's host, and says that it is a Gitea.
func (d delivery) at() (host, flag string) {
	u, err := url.Parse(d.git.URL(d.name))
	require.NoError(d.t, err)
	return u.Hostname(), "--host-type=" + u.Host + "=gitea"
}

func (d delivery) pushed(branch string) string {
	return fmt.Sprintf(`{"ref": "refs/heads/%s", "repository": {"full_name": %q}}`, branch, d.name)
}

// TestWebhook: with the Receiver that receivers prints, a signed push is applied in two seconds, though the source
// polls each hour; a call that is not signed, or wrongly, is refused and touches nothing.
func TestWebhook(t *testing.T) {
	timed(t)
	d := newDelivery(t, "1h", "1h")
	host, gitea := d.at()
	_, without := d.predicted()
	assert.Greater(t, without, time.Hour, "without a webhook")
	h := d.follow(t, d.name, gitea)[host]
	_, uncalled := d.predicted()
	assert.Equal(t, without, uncalled, "nobody knows that the host calls")

	polls := d.git.Requests(d.name).InfoRefs
	d.push("two")
	body := d.pushed("main")
	for name, headers := range map[string]map[string]string{
		"unsigned":         {"X-GitHub-Event": "push"},
		"by another token": gitHubHeaders("another", body),
		"of another body":  gitHubHeaders(h.token, body+" "),
		"another event":    {"X-GitHub-Event": "issues", "X-Hub-Signature-256": "sha256=" + digest(sha256.New, h.token, body)},
	} {
		assert.Equal(t, http.StatusBadRequest, h.call(t, body, headers), name)
	}
	assert.Equal(t, http.StatusNotFound, hook{url: h.url + "0"}.call(t, body, gitHubHeaders(h.token, body)), "another path")
	for name, other := range map[string]string{
		"another branch": d.pushed("develop"), "another repository": strings.Replace(body, d.name, "acme/other", 1), "a ping": `{"zen": "Flow"}`,
	} {
		assert.Equal(t, http.StatusOK, h.call(t, other, gitHubHeaders(h.token, other)), name)
	}
	time.Sleep(time.Second)
	assert.Equal(t, "one", d.read(t, "configmap", d.name, "app", ".data.value"))
	assert.Empty(t, d.read(t, "gitrepository", d.name, "app", `.metadata.annotations.reconcile\.fluxcd\.io/requestedAt`))
	assert.Equal(t, polls, d.git.Requests(d.name).InfoRefs, "what is refused or left out makes nothing poll")
	assert.Nil(t, d.receivers(t, d.name, gitea).Items[0].Called)

	begun := time.Now()
	require.Equal(t, http.StatusOK, h.call(t, body, gitHubHeaders(h.token, body)))
	d.await("two", time.Minute)
	took := time.Since(begun)
	assert.Less(t, took, limitOfAWebhook())
	typical, worst := d.predicted()
	assert.Less(t, worst, time.Minute, "the budget knows of the Receiver")
	record(t, "commit to applied by a webhook, source 1h", fmt.Sprintf("%s, at most %s", typical, worst), took.Round(100*time.Millisecond).String())

	list := d.receivers(t, d.name, gitea)
	require.NotNil(t, list.Items[0].Called, "managedFields tell when it was called for")
	assert.WithinDuration(t, begun, *list.Items[0].Called, took+2*time.Second)
	assert.Equal(t, "covered", list.Items[0].State)
	assert.Empty(t, list.Proposals)
	assert.Empty(t, list.Receivers[0].Problems)
}

// limitOfAWebhook is how long a push may take. In the full form the machine does nothing else; in the short form many tests
// share it, and what is held is that the call brings the commit, and not the poll an hour later.
func limitOfAWebhook() time.Duration {
	if full() {
		return 2 * time.Second
	}
	return time.Minute
}

// TestLostCall: where the host does not call, the poll finds the commit.
func TestLostCall(t *testing.T) {
	timed(t)
	d := newDelivery(t, "10s", "1h")
	_, polled := d.predicted()
	_, gitea := d.at()
	d.follow(t, d.name, gitea)
	d.justPolled()
	d.push("two")
	took := d.await("two", time.Minute)
	assert.Greater(t, took, 7*time.Second, "nobody called")
	if full() { // on a machine that is busy a reconcile takes many times as long
		assert.Less(t, took, polled+2*time.Second)
	}
	record(t, "commit to applied where the call got lost, source 10s", "at most "+polled.String(), took.Round(100*time.Millisecond).String())
}

// TestEveryHostType: notification-controller takes what is printed for each make of host, and the filter lets in what a
// source waits for, and leaves out the rest.
func TestEveryHostType(t *testing.T) {
	t.Parallel()
	w := start(t)
	ns := w.namespace(t, development)
	bearer := func(header string) func(string, string) map[string]string {
		return func(token, _ string) map[string]string { return map[string]string{header: token} }
	}
	event := func(header, value string, more func(token, body string) map[string]string) func(string, string) map[string]string {
		return func(token, body string) map[string]string {
			headers := more(token, body)
			headers[header] = value
			return headers
		}
	}
	signed := func(header, prefix string, algorithm func() hash.Hash) func(string, string) map[string]string {
		return func(token, body string) map[string]string {
			return map[string]string{header: prefix + digest(algorithm, token, body)}
		}
	}
	open := func(string, string) map[string]string { return map[string]string{} }
	const git, registry = "GitRepository", "OCIRepository"
	types := []struct {
		hostType, kind, path string
		headers              func(token, body string) map[string]string
		body, other          string // other is left out; "" where there is no filter
		open                 bool   // nothing is verified
	}{
		{"github", git, "acme/a", event("X-GitHub-Event", "push", signed("X-Hub-Signature-256", "sha256=", sha256.New)),
			`{"ref": "refs/heads/main", "repository": {"full_name": "Acme/A"}}`, `{"ref": "refs/heads/dev", "repository": {"full_name": "Acme/A"}}`, false},
		{"gitea", git, "acme/a", event("X-GitHub-Event", "push", signed("X-Hub-Signature", "sha1=", sha1.New)),
			`{"ref": "refs/heads/main", "repository": {"full_name": "acme/a"}}`, `{"ref": "refs/heads/main", "repository": {"full_name": "acme/b"}}`, false},
		{"gitlab", git, "lab/acme/a", event("X-Gitlab-Event", "Push Hook", bearer("X-Gitlab-Token")),
			`{"ref": "refs/heads/main", "project": {"path_with_namespace": "acme/a"}}`, `{"ref": "refs/heads/main", "project": {"path_with_namespace": "acme/b"}}`, false},
		{"bitbucket-cloud", git, "acme/a", event("X-Event-Key", "repo:push", signed("X-Hub-Signature", "sha256=", sha256.New)),
			`{"repository": {"full_name": "acme/a"}, "push": {"changes": [{"new": null}, {"new": {"type": "branch", "name": "main"}}]}}`,
			`{"repository": {"full_name": "acme/a"}, "push": {"changes": [{"new": null}, {"new": {"type": "tag", "name": "main"}}]}}`, false},
		{"bitbucket", git, "scm/acme/a", event("X-Event-Key", "repo:refs_changed", signed("X-Hub-Signature", "sha256=", sha256.New)),
			`{"repository": {"slug": "a", "project": {"key": "ACME"}}, "changes": [{"ref": {"id": "refs/heads/main"}}]}`,
			`{"repository": {"slug": "a", "project": {"key": "ACME"}}, "changes": [{"ref": {"id": "refs/heads/dev"}}]}`, false},
		{"azure-devops", git, "acme/shop/_git/a", open,
			`{"resource": {"refUpdates": [{"name": "refs/heads/main"}], "repository": {"name": "a", "project": {"name": "Shop"}}}}`,
			`{"resource": {"refUpdates": [{"name": "refs/heads/main"}], "repository": {"name": "a", "project": {"name": "Other"}}}}`, true},
		{"ghcr", registry, "acme/a", event("X-GitHub-Event", "package", signed("X-Hub-Signature-256", "sha256=", sha256.New)), `{"action": "published"}`, "", false},
		{"harbor", registry, "acme/a", bearer("Authorization"),
			`{"type": "PUSH_ARTIFACT", "event_data": {"repository": {"repo_full_name": "acme/a"}, "resources": [{"tag": "v1"}]}}`,
			`{"type": "PUSH_ARTIFACT", "event_data": {"repository": {"repo_full_name": "acme/a"}, "resources": [{"tag": "v2"}]}}`, false},
		{"dockerhub", registry, "acme/a", open,
			`{"push_data": {"tag": "v1"}, "repository": {"repo_name": "acme/a", "repo_url": "https://hub.docker.com/r/acme/a"}}`,
			`{"push_data": {"tag": "v2"}, "repository": {"repo_name": "acme/a", "repo_url": "https://hub.docker.com/r/acme/a"}}`, true},
		{"quay", registry, "acme/a", open,
			`{"repository": "acme/a", "docker_url": "quay.io/acme/a", "updated_tags": ["v0", "v1"]}`, `{"repository": "acme/a", "docker_url": "quay.io/acme/a", "updated_tags": ["v2"]}`, true},
		{"acr", registry, "acme/a", open, `{"action": "push", "target": {"repository": "acme/a", "tag": "v1"}}`, `{"action": "push", "target": {"repository": "acme/b", "tag": "v1"}}`, true},
		{"nexus", registry, "acme/a", signed("X-Nexus-Webhook-Signature", "", sha1.New), `{"action": "CREATED", "repositoryName": "docker"}`, "", false},
		{"generic-hmac", git, "acme/a", signed("X-Signature", "sha256=", sha256.New), `{}`, "", false},
	}
	var flags []string
	var manifests strings.Builder
	for _, tc := range types {
		host := tc.hostType + ".invalid" // nothing answers there
		flags = append(flags, "--host-type="+host+"="+tc.hostType)
		spec := fmt.Sprintf(`{interval: 1h, url: "https://%s/%s", ref: {branch: main}}`, host, tc.path)
		if tc.kind == registry {
			spec = fmt.Sprintf(`{interval: 1h, url: "oci://%s/%s", ref: {tag: v1}}`, host, tc.path)
		}
		_, _ = fmt.Fprintf(&manifests, "---\napiVersion: source.toolkit.fluxcd.io/v1\nkind: %s\nmetadata: {name: %s, namespace: %s}\nspec: %s\n", tc.kind, tc.hostType, ns, spec)
	}
	w.Apply(t, manifests.String())
	hooks := w.follow(t, ns, flags...)
	for _, tc := range types {
		h := hooks[tc.hostType+".invalid"]
		asked := func() bool {
			return w.read(t, strings.ToLower(tc.kind), ns, tc.hostType, `.metadata.annotations.reconcile\.fluxcd\.io/requestedAt`) != ""
		}
		if !tc.open {
			assert.Equal(t, http.StatusBadRequest, h.call(t, tc.body, event("X-GitHub-Event", "push", open)("", "")), "%s: unsigned", tc.hostType)
			assert.Equal(t, http.StatusBadRequest, h.call(t, tc.body, tc.headers("another", tc.body)), "%s: wrongly signed", tc.hostType)
		}
		if tc.other != "" {
			assert.Equal(t, http.StatusOK, h.call(t, tc.other, tc.headers(h.token, tc.other)), "%s: something else", tc.hostType)
		}
		assert.False(t, asked(), tc.hostType)
		assert.Equal(t, http.StatusOK, h.call(t, tc.body, tc.headers(h.token, tc.body)), tc.hostType)
		assert.True(t, asked(), tc.hostType)
	}
	for _, s := range w.receivers(t, ns, flags...).Items {
		assert.Equal(t, "covered", s.State, s.Ref.Name)
		assert.NotNil(t, s.Called, s.Ref.Name)
	}
}
