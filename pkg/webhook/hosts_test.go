package webhook

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// A make of Git is none of a registry, and the other way round; a type that is said of a host holds for what it has.
func TestHostTypesByKind(t *testing.T) {
	t.Parallel()
	oci, charts := object("OCIRepository", "x", at("oci://gitea.example.com/acme/x")), object("HelmRepository", "c", at("https://harbor.example.com/chartrepo/Team"))
	git := app("r", "https://harbor.example.com/acme/r")
	c := New(Input{Objects: []flux.Object{oci, charts, git}, HostTypes: map[string]HostType{"gitea.example.com": Gitea, "harbor.example.com": Harbor}})
	got := map[string]HostType{}
	for _, s := range c.Sources {
		got[s.Object.Name] = s.HostType
	}
	assert.Equal(t, map[string]HostType{"x": GenericHMAC, "c": Harbor, "r": GenericHMAC}, got)
	for _, p := range c.Proposals {
		if p.HostType == Harbor {
			assert.Contains(t, p.Manifest.Spec.ResourceFilter, `req.event_data.repository.repo_full_name.lowerAscii().startsWith("team/")`)
		} else {
			assert.Empty(t, p.Manifest.Spec.ResourceFilter)
		}
	}
	for _, s := range c.Sources {
		if s.Object.Name == "x" {
			assert.Equal(t, []string{"--host-type says gitea, which is nothing for the kind OCIRepository: the host's name decides for this one"}, s.Notes)
		}
	}
	pages := object("HelmRepository", "p", at("https://acme.github.io/charts"))
	p := New(Input{Objects: []flux.Object{pages}, HostTypes: map[string]HostType{"acme.github.io": GitHub}}).Proposals[0]
	assert.Empty(t, p.Manifest.Spec.ResourceFilter, "the repository stands in no URL")
}

// A webhook comes from a server, at whichever port Git is.
func TestPortsOfAHost(t *testing.T) {
	t.Parallel()
	objects := []flux.Object{app("a", "https://bitbucket.example.com/scm/PROJ/repo.git"), app("b", "ssh://git@bitbucket.example.com:7999/proj/repo.git")}
	c := New(Input{Objects: objects})
	require.Equal(t, []string{"apps/bitbucket-example-com bitbucket-example-com-webhook"}, namesOf(c))
	assert.Equal(t, "bitbucket.example.com", c.Proposals[0].Host)
	assert.NotContains(t, c.Proposals[0].Manifest.Spec.ResourceFilter, "res.kind", "it is one repository")
	for _, s := range New(Input{Objects: objects, HostTypes: map[string]HostType{"bitbucket.example.com": GitLab}}).Sources {
		assert.Equal(t, GitLab, s.HostType)
	}
	c = New(Input{Objects: objects, HostTypes: map[string]HostType{"bitbucket.example.com:7999": Gitea}})
	assert.Len(t, c.Proposals, 2, "other makes are other servers")
}

// A host that is an address of IPv6 has one spelling, which holds at all of its ports.
func TestPortsOfAnIPv6Host(t *testing.T) {
	t.Parallel()
	objects := []flux.Object{app("a", "https://[fd00::1]/acme/a"), app("b", "https://[FD00::0:1]:8443/acme/b")}
	c := New(Input{Objects: objects})
	require.Equal(t, []string{"apps/fd00--1 fd00--1-webhook"}, namesOf(c))
	assert.Equal(t, "[fd00::1]", c.Proposals[0].Host)
	for _, host := range []string{"[fd00::1]", "fd00::1", "FD00:0::1"} {
		types, err := ParseHostTypes([]string{host + "=gitea"})
		require.NoError(t, err)
		for _, s := range New(Input{Objects: objects, HostTypes: types}).Sources {
			assert.Equal(t, Gitea, s.HostType, host)
		}
	}
}

// Of two types that are said of one host one would be forgotten.
func TestHostTypesOfOneHost(t *testing.T) {
	t.Parallel()
	_, err := ParseHostTypes([]string{"bücher.example=gitea", "xn--bcher-kva.example.=gitlab"})
	require.EqualError(t, err, `"bücher.example=gitea" and "xn--bcher-kva.example.=gitlab" are both of xn--bcher-kva.example: give one of them`)
	types, err := ParseHostTypes([]string{"ssh.github.com=github", "git.example.com:8443=gitea", "git.example.com=gitlab"})
	require.NoError(t, err)
	assert.Equal(t, map[string]HostType{"github.com": GitHub, "git.example.com:8443": Gitea, "git.example.com": GitLab}, types)
}

// What no call announces is proposed nothing.
func TestUnannounced(t *testing.T) {
	t.Parallel()
	oci := func(url string) flux.Object { return object("OCIRepository", "a", at(url)) }
	for _, tc := range []struct {
		object flux.Object
		why    string
	}{
		{app("a", "git@github.com:Acme/Fleet.git"), "Flux takes no URL of this form: write ssh://git@github.com/Acme/Fleet.git"},
		{app("a", "git@ssh.dev.azure.com:v3/org/proj/repo"), "Flux takes no URL of this form: write ssh://git@ssh.dev.azure.com/v3/org/proj/repo"},
		{app("a", "https://github.com/acme/a", on(flux.RefName, "refs/pull/1/head")), "no push announces refs/pull/1/head"},
		{app("a", "https://gitlab.com/acme/a", on(flux.RefName, "refs/merge-requests/1/head")), "no push announces refs/merge-requests/1/head"},
		{app("a", "https://github.com/x/g8.wiki.git"), "a host does not announce what is pushed to a wiki"},
		{app("a", "https://gist.github.com/0123.git"), "GitHub calls nobody for a gist"},
		{oci("oci://mirror.gcr.io/library/nginx"), "Google's mirror of Docker Hub calls nobody"},
		{object("ImageRepository", "a", at("nginx")), "an official image of Docker Hub: only Docker could have somebody called"},
	} {
		c := New(Input{Objects: []flux.Object{tc.object}, HostTypes: map[string]HostType{"mirror.gcr.io": GCR}})
		assert.Equal(t, []any{Nothing, tc.why}, []any{c.Sources[0].State, c.Sources[0].Why}, tc.object.Remote.URL)
		assert.Empty(t, c.Proposals)
		assert.False(t, c.Sources[0].RelaxLater)
	}
	pull := app("a", "https://github.com/acme/a", on(flux.RefName, "refs/pull/1/head"))
	for event, want := range map[string]State{"push": Broken, "pull_request": Covered} {
		r := receiver("hook", to("GitRepository", "a"))
		r.Hook = flux.Hook{Type: "github", Secret: "token", Events: []string{event}}
		assert.Equal(t, want, one(t, Input{Objects: []flux.Object{pull, r}}).State, event)
	}
}

// Azure DevOps takes IDs in its URLs, and its calls have both.
func TestAzureByIDs(t *testing.T) {
	t.Parallel()
	c := New(Input{Objects: []flux.Object{app("a", "https://dev.azure.com/org/4F0FA1C8-0000-0000-0000-000000000001/_git/9d1e0c7b-0000-0000-0000-000000000002")}})
	assert.Equal(t, `has(req.resource) && has(req.resource.refUpdates) && has(req.resource.repository)
&& req.resource.repository.id.lowerAscii() == "9d1e0c7b-0000-0000-0000-000000000002" && req.resource.repository.project.id.lowerAscii() == "4f0fa1c8-0000-0000-0000-000000000001" && req.resource.refUpdates.exists(u, u.name == "refs/heads/main")`,
		c.Proposals[0].Manifest.Spec.ResourceFilter)
	assert.Len(t, New(Input{Objects: append(applied(c.Proposals), c.Sources[0].Object)}).Kept, 1)
}

// Two that notify one source have it polled twice.
func TestTwoReceiversForOne(t *testing.T) {
	t.Parallel()
	s := one(t, Input{Objects: []flux.Object{app("a", "https://github.com/acme/a"), receiver("both1", to("GitRepository", "a")), receiver("both2", to("GitRepository", "a"))}})
	assert.Equal(t, []string{"2 Receivers notify it: a push that all of them are called for polls it 2 times"}, s.Notes)
}

// Whose the sources are stands beside a proposal, and can be chosen.
func TestOwners(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"https://github.com/Acme/app": "acme", "https://gitlab.com/acme/team/app": "acme", "https://bitbucket.example.com/scm/PROJ/app.git": "proj",
		"https://dev.azure.com/org/shop/_git/app": "org", "https://org.visualstudio.com/shop/_git/app": "org", "oci://acme.azurecr.io/team/app": "acme",
		"oci://eu.gcr.io/project/app": "project", "https://harbor.example.com/chartrepo/team": "team", "https://git.example.com/app": "git.example.com",
	} {
		assert.Equal(t, want, owner(flux.ParseAddress(url, false), ""), url)
	}
	objects := []flux.Object{app("a", "https://github.com/acme/a"), app("b", "https://github.com/Acme/b"), app("c", "https://github.com/rook/c"), app("d", "https://github.com/acme/a")}
	c := New(Input{Objects: objects})
	assert.Equal(t, []Owner{{"acme", 3, []string{"acme/a", "acme/b"}}, {"rook", 1, []string{"rook/c"}}}, c.Proposals[0].Owners)
	chosen := New(Input{Objects: objects, Owners: []string{"rook"}})
	require.Len(t, chosen.Proposals, 1)
	assert.Len(t, chosen.Proposals[0].Sources, 1)
	assert.Equal(t, []bool{false, true}, []bool{chosen.Sources[0].RelaxLater, chosen.Sources[2].RelaxLater})
	assert.Len(t, New(Input{Objects: append(objects, applied(c.Proposals)...), Owners: []string{"rook"}}).Kept[0].Sources, 4, "what is there stays")
}

// Commands that create something at a host name it after the Receiver: each runs once.
func TestNamesAtHosts(t *testing.T) {
	t.Parallel()
	c := New(Input{Objects: []flux.Object{
		object("OCIRepository", "a", at("oci://gcr.io/acme/a")), object("OCIRepository", "b", at("oci://eu.gcr.io/acme/b")), object("OCIRepository", "c", at("oci://acme.azurecr.io/c")),
	}})
	require.Len(t, c.Proposals, 3)
	text := strings.Join(append(append(c.Proposals[0].Steps(), c.Proposals[1].Steps()...), c.Proposals[2].Steps()...), "\n")
	assert.Contains(t, text, "subscriptions create flux-apps-gcr-io ")
	assert.Contains(t, text, "subscriptions create flux-apps-eu-gcr-io ")
	assert.Contains(t, text, "--registry acme --name fluxappsacmeazurecrio ")
	assert.Regexp(t, `^[a-z0-9]{5,50}$`, hookName(strings.Repeat("long-", 30)))
}

// A step of a pipeline signs something else each time, with a token that stands in no log.
func TestPipelineStep(t *testing.T) {
	t.Parallel()
	steps := strings.Join(GenericHMAC.made().steps, "\n")
	assert.Contains(t, steps, "date +%s")
	assert.Contains(t, steps, "--header @-")
	assert.Contains(t, steps, `"$TOKEN"`)
}

// Whether another namespace may be named is not taken for granted; where it may not, a Receiver is proposed that can.
func TestOtherNamespaces(t *testing.T) {
	t.Parallel()
	a := app("a", "https://github.com/acme/a")
	r := with(receiver("hook", to("GitRepository", "a")), in("flux-system"))
	r.NoteUnsure("the flags could not be read")
	s := one(t, Input{Objects: []flux.Object{a, r}})
	assert.Equal(t, []any{Unknown, "Receiver flux-system/hook: the flags could not be read"}, []any{s.State, s.Why})
	assert.Empty(t, Notices([]*flux.Object{&a, &r}, nil), "no command counts with it")
	a.Requested = flux.Request{By: flux.NotificationController, At: noon}
	assert.Equal(t, Covered, one(t, Input{Objects: []flux.Object{a, r}}).State, "a call came through")
	assert.Contains(t, Notices([]*flux.Object{&a, &r}, nil), a.Ref, "and every command counts with it")
	c := New(Input{Objects: []flux.Object{a, r}, Notifiers: locked})
	assert.Equal(t, Broken, c.Sources[0].State)
	require.Equal(t, []string{"apps/github-com github-com-webhook"}, namesOf(c))
	c = New(Input{Objects: []flux.Object{app("a", "https://github.com/acme/a"), app("b", "https://github.com/acme/b", in("flux-system"))}, Notifiers: flux.Notifiers{{Namespace: "flux-system"}}})
	assert.Equal(t, []State{Nothing, Uncovered}, []State{c.Sources[0].State, c.Sources[1].State})
	assert.Contains(t, c.Sources[0].Why, "--watch-all-namespaces=false")
	hook, there := with(receiver("hook", to("GitRepository", "a")), in("flux-system")), app("a", "https://github.com/acme/a")
	c = New(Input{Objects: []flux.Object{there, hook}, Notifiers: flux.Notifiers{{Namespace: "apps"}}})
	assert.Equal(t, "Receiver flux-system/hook: no notification-controller looks at its namespace (--watch-all-namespaces=false)", c.Sources[0].Why)
	assert.Len(t, c.Receivers[0].Problems, 1)
	assert.Equal(t, []string{"apps/github-com github-com-webhook"}, namesOf(c), "one beside it works")
	c = New(Input{Objects: []flux.Object{there, hook}, Notifiers: flux.Notifiers{{Namespace: "flux-system"}}})
	assert.Equal(t, "Receiver flux-system/hook: notification-controller reads namespace flux-system alone (--watch-all-namespaces=false), and it names another", c.Sources[0].Why)
	assert.Empty(t, c.Proposals, "none does")
	assert.Empty(t, Notices([]*flux.Object{&there, &hook}, flux.Notifiers{{Namespace: "flux-system"}}))
}

// A Receiver of Google's type can be ready and refuse each call: what its Secret needs since notification-controller 1.9 is seen
// by nobody but that. So it counts once a call came through.
func TestGoogleReceivers(t *testing.T) {
	t.Parallel()
	source := object("ImageRepository", "a", at("europe-docker.pkg.dev/acme/images/a"))
	r := with(receiver("hook", to("ImageRepository", "a")), func(o *flux.Object) { o.Hook, o.ResourceVersion = flux.Hook{Type: "gcr", Secret: "token"}, "7" })
	s := one(t, Input{Objects: []flux.Object{source, r}})
	assert.Equal(t, []any{Unknown, "Receiver apps/hook: whether its Secret has the email and the audience that notification-controller 1.9 asks for is not known, and no call is known that came through"}, []any{s.State, s.Why})
	for version, want := range map[string]State{"1.8.2": Covered, "1.8.4": Covered, "1.9.0": Unknown, "": Unknown} {
		assert.Equal(t, want, one(t, Input{Objects: []flux.Object{source, r}, Notifiers: flux.Notifiers{{Version: version}}}).State, version)
	}
	source.Requested = flux.Request{By: flux.NotificationController, At: noon}
	assert.Equal(t, Covered, one(t, Input{Objects: []flux.Object{source, r}}).State)
}

// A tag is pushed by its name, also where a source follows the commit that an annotated one points at.
func TestDereferencedTags(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{"refs/tags/v1^{}": "refs/tags/v1", "refs/tags/v1": "refs/tags/v1", "refs/heads/main": "refs/heads/main"} {
		source := app("a", "https://github.com/acme/a", on(flux.RefName, value))
		assert.Equal(t, wanted{value: want}, wants(&source))
	}
	source := app("a", "https://github.com/acme/a", on(flux.RefName, "refs/tags/v1^{}"))
	right := with(receiver("hook", to("GitRepository", "a")), func(o *flux.Object) {
		o.Hook = flux.Hook{Type: "github", Secret: "token", Filter: `has(req.ref) && req.ref == "refs/tags/v1"`}
	})
	assert.Equal(t, Covered, one(t, Input{Objects: []flux.Object{source, right}}).State)
}

// What a pipeline at a Git host pushes to a registry can be announced by the Git host: nobody knows.
func TestGitHostsThatCallForRegistries(t *testing.T) {
	t.Parallel()
	source := object("ImageRepository", "a", at("acme.azurecr.io/web"))
	r := with(receiver("hook", to("ImageRepository", "a")), func(o *flux.Object) {
		o.Hook = flux.Hook{Type: "github", Secret: "token", Events: []string{"workflow_run"}}
	})
	s := one(t, Input{Objects: []flux.Object{source, r}})
	assert.Equal(t, []any{Unknown, "Receiver apps/hook: its type is github, and Azure Container Registry sends no X-Hub-Signature: it is for somebody else to call, as a pipeline does, and no call is known that came through"}, []any{s.State, s.Why})
	source.Requested = flux.Request{By: flux.NotificationController, At: noon}
	assert.Equal(t, Covered, one(t, Input{Objects: []flux.Object{source, r}}).State)
}
