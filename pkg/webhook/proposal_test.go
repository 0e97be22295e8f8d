package webhook

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
	"sigs.k8s.io/yaml"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// One Receiver for each host and namespace, however many sources there are.
func TestOneReceiverForEachHostAndNamespace(t *testing.T) {
	t.Parallel()
	c := New(Input{Objects: []flux.Object{
		app("b", "https://github.com/acme/b"), app("a", "ssh://git@github.com/acme/a"), app("covered", "https://github.com/acme/c"),
		app("a", "https://github.com/acme/a", in("web")), app("lab", "https://gitlab.com/acme/lab"),
		object("OCIRepository", "a", at("oci://ghcr.io/acme/a")),
		receiver("github-com", to("GitRepository", "covered")), // its name is taken
	}})
	var got []string
	for _, p := range c.Proposals {
		got = append(got, fmt.Sprintf("%s/%s %s %s %v", p.Manifest.Metadata.Namespace, p.Manifest.Metadata.Name, p.Manifest.Spec.Type, p.Manifest.Spec.SecretRef.Name, p.Sources))
	}
	assert.Equal(t, []string{
		"apps/ghcr-io github ghcr-io-webhook [OCIRepository apps/a]",
		"apps/github-com-2 github github-com-2-webhook [GitRepository apps/a GitRepository apps/b]",
		"apps/gitlab-com gitlab gitlab-com-webhook [GitRepository apps/lab]",
		"web/github-com github github-com-webhook [GitRepository web/a]",
	}, got)
}

func TestManifest(t *testing.T) {
	t.Parallel()
	c := New(Input{Objects: []flux.Object{
		app("app", "https://github.com/Acme/App"), app("app-dev", "https://github.com/acme/app", on(flux.RefBranch, "develop")),
		app("app-too", "https://github.com/acme/app.git"), app("release", "https://github.com/acme/app", on(flux.RefSemver, ">=1.0")),
	}})
	require.Len(t, c.Proposals, 1)
	p := c.Proposals[0]
	text, err := yaml.Marshal(p.Manifest)
	require.NoError(t, err)
	assert.Equal(t, strings.TrimLeft(`
apiVersion: notification.toolkit.fluxcd.io/v1
kind: Receiver
metadata:
  name: github-com
  namespace: apps
spec:
  events:
  - ping
  - push
  resourceFilter: |-
    has(req.ref) && has(req.repository) && (
      res.kind == "GitRepository" && res.metadata.name in ["app", "app-too"] && req.repository.full_name.lowerAscii() == "acme/app" && req.ref == "refs/heads/main"
      || res.kind == "GitRepository" && res.metadata.name == "app-dev" && req.repository.full_name.lowerAscii() == "acme/app" && req.ref == "refs/heads/develop"
      || res.kind == "GitRepository" && res.metadata.name == "release" && req.repository.full_name.lowerAscii() == "acme/app" && req.ref.startsWith("refs/tags/")
    )
  resources:
  - kind: GitRepository
    name: app
  - kind: GitRepository
    name: app-dev
  - kind: GitRepository
    name: app-too
  - kind: GitRepository
    name: release
  secretRef:
    name: github-com-webhook
  type: github
`, "\n"), string(text))
	assert.Equal(t, `kubectl -n apps create secret generic github-com-webhook --from-literal=token="$(head -c 32 /dev/urandom | sha256sum | cut -d' ' -f1)"`, p.SecretCommand())
	assert.Equal(t, `kubectl -n apps get secret github-com-webhook -o go-template='{{.data.token | base64decode}}'`, p.TokenCommand())
	assert.Equal(t, `kubectl -n apps get receiver github-com -o jsonpath='{.status.webhookPath}'`, p.PathCommand())
	assert.True(t, p.NeedsToken())
	assert.Contains(t, p.Steps(), "Content type: application/json")
}

// TestFilters holds what is written for one source of each make; hack/e2e has the real notification-controller ask it.
func TestFilters(t *testing.T) {
	t.Parallel()
	branch, tag, semver := on(flux.RefBranch, "main"), on(flux.RefTag, "v1"), on(flux.RefSemver, "1.x")
	oci := func(url string, change ...func(*flux.Object)) flux.Object {
		return object("OCIRepository", "a", append([]func(*flux.Object){at("oci://" + url)}, change...)...)
	}
	for _, tc := range []struct {
		object flux.Object
		events []string
		want   string
	}{
		{app("a", "https://github.com/acme/a"), []string{"ping", "push"}, `has(req.ref) && has(req.repository)
&& req.repository.full_name.lowerAscii() == "acme/a" && req.ref == "refs/heads/main"`},
		{app("a", "https://github.com/acme/a", on(flux.RefNone, "")), []string{"ping", "push"}, `has(req.ref) && has(req.repository)
&& req.repository.full_name.lowerAscii() == "acme/a" && req.ref == "refs/heads/master"`},
		{app("a", "https://gitea.example.com/git/acme/a", tag), []string{"push"}, `has(req.ref) && has(req.repository)
&& req.repository.full_name.lowerAscii() == "acme/a" && req.ref == "refs/tags/v1"`},
		{app("a", "https://gitlab.com/acme/team/a", branch), []string{"Push Hook"}, `has(req.ref) && has(req.project)
&& req.project.path_with_namespace.lowerAscii() == "acme/team/a" && req.ref == "refs/heads/main"`},
		{app("a", "https://gitlab.example.com/lab/acme/a", semver), []string{"Push Hook", "Tag Push Hook"}, `has(req.ref) && has(req.project)
&& "/lab/acme/a".endsWith("/" + req.project.path_with_namespace.lowerAscii()) && req.ref.startsWith("refs/tags/")`},
		{app("a", "https://bitbucket.org/acme/a", branch), []string{"repo:push"}, `has(req.push) && has(req.repository)
&& req.repository.full_name.lowerAscii() == "acme/a" && req.push.changes.exists(c, c.new != null && c.new.type == "branch" && c.new.name == "main")`},
		{app("a", "https://bitbucket.org/acme/a", semver), []string{"repo:push"}, `has(req.push) && has(req.repository)
&& req.repository.full_name.lowerAscii() == "acme/a" && req.push.changes.exists(c, c.new != null && c.new.type == "tag")`},
		{app("a", "https://bitbucket.example.com/scm/ACME/a.git", branch), []string{"diagnostics:ping", "repo:refs_changed"}, `has(req.changes) && has(req.repository)
&& req.repository.project.key.lowerAscii() == "acme" && req.repository.slug.lowerAscii() == "a" && req.changes.exists(c, c.ref.id == "refs/heads/main")`},
		{app("a", "https://dev.azure.com/acme/Web%20Shop/_git/a", branch), nil, `has(req.resource) && has(req.resource.refUpdates) && has(req.resource.repository)
&& req.resource.repository.name.lowerAscii() == "a" && req.resource.repository.project.name.lowerAscii() == "web shop" && req.resource.refUpdates.exists(u, u.name == "refs/heads/main")`},
		{app("a", "https://dev.azure.com/acme/_git/a", branch), nil, `has(req.resource) && has(req.resource.refUpdates) && has(req.resource.repository)
&& req.resource.repository.name.lowerAscii() == "a" && req.resource.repository.project.name.lowerAscii() == "a" && req.resource.refUpdates.exists(u, u.name == "refs/heads/main")`},
		{oci("ghcr.io/acme/a", tag), []string{"ping", "package"}, ""},
		{oci("harbor.example.com/acme/a", tag), nil, `has(req.event_data) && has(req.event_data.repository) && has(req.event_data.resources)
&& req.event_data.repository.repo_full_name.lowerAscii() == "acme/a" && req.event_data.resources.exists(r, r.tag == "v1")`},
		{object("ImageRepository", "a", at("acme/a")), nil, `has(req.push_data) && has(req.repository)
&& req.repository.repo_name.lowerAscii() == "acme/a"`},
		{oci("quay.io/acme/a"), nil, `has(req.repository) && has(req.updated_tags)
&& req.repository.lowerAscii() == "acme/a" && req.updated_tags.exists(t, t == "latest")`},
		{oci("acme.azurecr.io/a", tag), nil, `has(req.target) && has(req.target.repository) && has(req.target.tag)
&& req.target.repository.lowerAscii() == "a" && req.target.tag == "v1"`},
		{oci("europe-docker.pkg.dev/acme/images/a", tag), nil, `has(req.tag)
&& req.tag.startsWith("europe-docker.pkg.dev/acme/images/a:") && req.tag.endsWith(":v1")`},
		{oci("nexus.example.com/acme/a", tag), nil, ""},
		{app("a", "https://git.example.com/acme/a"), nil, ""},
	} {
		c := New(Input{Objects: []flux.Object{tc.object}})
		require.Len(t, c.Proposals, 1, tc.object.Remote.URL)
		assert.Equal(t, tc.want, c.Proposals[0].Manifest.Spec.ResourceFilter, tc.object.Remote.URL)
		assert.Equal(t, tc.events, c.Proposals[0].Manifest.Spec.Events, tc.object.Remote.URL)
	}
}

// Every make has what a proposal needs, and says where the URL goes.
func TestMakesAreWhole(t *testing.T) {
	t.Parallel()
	for _, m := range makes {
		steps := strings.Join(m.steps, "\n")
		assert.NotEmpty(t, m.title, m.name)
		assert.NotEmpty(t, m.receiver, m.name)
		assert.NotEmpty(t, m.verifies, m.name)
		assert.Contains(t, steps, "URL", m.name)
		needs := m.verifies != byNothing && m.name != GCR
		assert.Equal(t, needs, strings.Contains(steps, "TOKEN"), "%s: the token is entered where it is verified", m.name)
		assert.Equal(t, m.name == GCR, strings.Contains(SecretCommand("apps", "hook", m.receiver), "audience"), m.name)
	}
}

// TestNothingIsLeftUncovered: once what is proposed is there, every source that can be called for is covered, nothing
// else is proposed, and no Receiver that was there is written over.
func TestNothingIsLeftUncovered(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		objects := fleetOf(t)
		input := Input{Objects: objects, Notifiers: flux.Notifiers{{OneNamespace: rapid.Bool().Draw(t, "one namespace"), Namespace: rapid.SampledFrom([]string{"", "", "apps"}).Draw(t, "one that is read")}}, HostTypes: map[string]HostType{}}
		if name := rapid.SampledFrom(append(HostTypes(), "")).Draw(t, "host type"); name != "" {
			input.HostTypes["git.example.com"] = HostType(name)
		}
		before := New(input)
		names := map[flux.Ref]bool{}
		for _, o := range objects {
			names[o.Ref] = true
		}
		for _, o := range applied(before.Proposals) {
			if names[o.Ref] {
				t.Fatalf("%s is there already", o.Ref)
			}
			names[o.Ref] = true
		}
		input.Objects = slices.Concat(objects, applied(before.Proposals))
		after := New(input)
		if len(after.Proposals) > 0 {
			t.Fatalf("still proposed: %+v", after.Proposals)
		}
		for i, s := range after.Sources {
			was := before.Sources[i]
			named := slices.ContainsFunc(before.Proposals, func(p Proposal) bool { return slices.Contains(p.Sources, s.Object.Ref) })
			if want := was.State; !named && s.State != want {
				t.Fatalf("%s was %s and is %s", s.Object.Ref, want, s.State)
			}
			if named && (was.State != Uncovered && was.State != Broken || s.State != Covered) {
				t.Fatalf("%s was %s and is %s: %s", s.Object.Ref, was.State, s.State, s.Why)
			}
			if was.State == Uncovered && !named {
				t.Fatalf("%s is in no proposal", s.Object.Ref)
			}
		}
	})
}

func fleetOf(t *rapid.T) []flux.Object {
	urls := []string{
		"https://github.com/acme/%s", "https://gitlab.com/acme/%s", "https://git.example.com/%s", "https://git-example.com/%s", "https://bitbucket.org/acme/%s",
		"oci://ghcr.io/acme/%s", "oci://harbor.example.com/%s", "acme/%s", "https://dev.azure.com/acme/%[1]s/_git/%[1]s", "https://[::1]/%s", "${url}/%s", "",
	}
	namespaces := rapid.SampledFrom([]string{"apps", "web", "flux-system"})
	kind := rapid.SampledFrom(kinds)
	label := rapid.SampledFrom([]string{"a", "b"})
	var objects []flux.Object
	for i := range rapid.IntRange(1, 12).Draw(t, "sources") {
		name := fmt.Sprintf("s%d", i)
		url := rapid.SampledFrom(urls).Draw(t, "url")
		if strings.Contains(url, "%") {
			url = fmt.Sprintf(url, name)
		}
		o := object(kind.Draw(t, "kind"), name, at(url), in(namespaces.Draw(t, "namespace")))
		o.Remote.Ref = rapid.SampledFrom([]flux.RemoteRef{{}, {Kind: flux.RefBranch, Value: "main"}, {Kind: flux.RefSemver, Value: "1.x"}, {Kind: flux.RefCommit, Value: "abc"}, {Kind: flux.RefName, Value: `refs/heads/"`}}).Draw(t, "ref")
		o.Suspended = rapid.IntRange(0, 9).Draw(t, "suspended") == 0
		o.Labels = map[string]string{"team": label.Draw(t, "team")}
		objects = append(objects, o)
	}
	for i := range rapid.IntRange(0, 4).Draw(t, "receivers") {
		target := flux.Target{Kind: kind.Draw(t, "kind"), Namespace: namespaces.Draw(t, "of"), Name: fmt.Sprintf("s%d", i)}
		if rapid.Bool().Draw(t, "by label") {
			target.Name, target.MatchLabels = "*", map[string]string{"team": label.Draw(t, "team")}
		}
		name := rapid.SampledFrom([]string{"github-com", "git-example-com", "hook"}).Draw(t, "name") + []string{"", "-2", "-3", "-x"}[i]
		target.APIVersion = ref(target.Kind, "", "").Group + "/v1" // by which it is somebody's own work
		r := receiver(name, target)
		r.Namespace = namespaces.Draw(t, "in")
		r.Hook = flux.Hook{Type: rapid.SampledFrom([]string{"github", "gitlab", "bitbucket", "generic", "quay"}).Draw(t, "type"), Secret: "token"}
		r.Hook.Events = rapid.SampledFrom([][]string{nil, {"push"}, {"Push Hook"}, {"repo:push"}}).Draw(t, "events")
		r.Hook.Filter = rapid.SampledFrom([]string{"", "true", "false", "req.a == 1"}).Draw(t, "filter")
		r.Status.Ready = rapid.SampledFrom([]string{"True", "False", ""}).Draw(t, "ready")
		objects = append(objects, r)
	}
	return objects
}

// Azure takes 5 to 50 letters and digits as the name of a registry's webhook (az acr webhook create --help).
func TestNameOfAzuresWebhook(t *testing.T) {
	t.Parallel()
	steps := strings.Join(ACR.made().steps, "\n")
	assert.Regexp(t, `--name [a-zA-Z0-9]{5,50} `, steps)
}
