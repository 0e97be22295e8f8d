package webhook

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Which hosts can call which types, and what of a push they take: each row as notification-controller 1.9 answers
// (internal/server/receiver_handlers.go, validate).
func TestTypesAndEvents(t *testing.T) {
	t.Parallel()
	const (
		gitHub, gitLab, bitbucket, codeberg = "https://github.com/acme/app", "https://gitlab.com/acme/app", "https://bitbucket.org/acme/app", "https://codeberg.org/acme/app"
		azure, somewhere                    = "https://dev.azure.com/acme/shop/_git/app", "https://git.example.com/acme/app"
		ghcr, harbor, ecr                   = "oci://ghcr.io/acme/app", "oci://harbor.example.com/acme/app", "oci://1.dkr.ecr.eu-west-1.amazonaws.com/app"
	)
	semver := on(flux.RefSemver, "1.x")
	for _, tc := range []struct {
		kind, url string
		change    func(*flux.Object)
		receiver  string // TYPE EVENT,EVENT
		want      Fault
		why       string
	}{
		{"GitRepository", gitHub, nil, "github ping,push", "", ""},
		{"GitRepository", gitHub, nil, "github PUSH", "", ""},
		{"GitRepository", gitHub, nil, "github", "", ""},
		{"GitRepository", gitHub, nil, "github pull_request", NoPushEvent, `its events (pull_request) leave out "push"`},
		{"GitRepository", gitHub, nil, "github *", NoPushEvent, `its events (*) leave out "push"`},
		{"GitRepository", gitHub, nil, "github release", NoPushEvent, `its events (release) leave out "push"`},
		{"GitRepository", gitHub, semver, "github release", "", ""},
		{"GitRepository", gitHub, semver, "github workflow_run", NoPushEvent, `its events (workflow_run) leave out "push"`},
		{"GitRepository", gitHub, on(flux.RefName, "refs/pull/7/head"), "github pull_request", "", ""},
		{"GitRepository", gitHub, nil, "gitlab Push Hook", WrongType, "its type is gitlab, and GitHub sends no X-Gitlab-Token"},
		{"GitRepository", gitHub, nil, "bitbucket repo:push", WrongType, "its type is bitbucket, and GitHub sends no X-Event-Key"},
		{"GitRepository", gitHub, nil, "bitbucket", "", ""},
		{"GitRepository", gitHub, nil, "harbor", WrongType, "its type is harbor, and GitHub sends no token in the header Authorization"},
		{"GitRepository", gitHub, nil, "gcr", WrongType, "its type is gcr, and GitHub sends no token of Google's"},
		{"GitRepository", gitHub, nil, "nexus", WrongType, "its type is nexus, and GitHub sends no X-Nexus-Webhook-Signature"},
		{"GitRepository", gitHub, nil, "generic push", "", ""},
		{"GitRepository", gitHub, nil, "generic-hmac", "", ""},
		{"GitRepository", gitHub, nil, "generic-oidc", "", ""},
		{"GitRepository", gitHub, nil, "quay", "", ""},
		{"GitRepository", gitHub, nil, "dockerhub", "", ""},
		{"GitRepository", gitHub, nil, "acr", "", ""},
		{"GitRepository", codeberg, nil, "github push", "", ""},
		{"GitRepository", codeberg, nil, "gitlab", WrongType, "its type is gitlab, and Gitea or Forgejo sends no X-Gitlab-Token"},
		{"GitRepository", gitLab, nil, "gitlab Push Hook,Tag Push Hook", "", ""},
		{"GitRepository", gitLab, nil, "gitlab System Hook", "", ""},
		{"GitRepository", gitLab, nil, "gitlab push", NoPushEvent, `its events (push) leave out "Push Hook"`},
		{"GitRepository", gitLab, semver, "gitlab Push Hook", NoPushEvent, `its events (Push Hook) leave out "Tag Push Hook"`},
		{"GitRepository", gitLab, nil, "github push", WrongType, "its type is github, and GitLab sends no X-Hub-Signature"},
		{"GitRepository", gitLab, nil, "harbor", "", ""},
		{"GitRepository", bitbucket, nil, "bitbucket repo:push", "", ""},
		{"GitRepository", bitbucket, nil, "bitbucket repo:refs_changed", NoPushEvent, `its events (repo:refs_changed) leave out "repo:push"`},
		{"GitRepository", bitbucket, nil, "github push", WrongType, "its type is github, and Bitbucket Cloud sends no X-GitHub-Event"},
		{"GitRepository", bitbucket, nil, "github", "", ""},
		{"GitRepository", azure, nil, "generic", "", ""},
		{"GitRepository", azure, nil, "github", WrongType, "its type is github, and Azure DevOps sends no X-Hub-Signature"},
		{"GitRepository", somewhere, nil, "gitlab Push Hook", "", ""},
		{"GitRepository", somewhere, nil, "gitlab push", NoPushEvent, `its events (push) leave out "Push Hook"`},
		{"GitRepository", somewhere, nil, "bitbucket repo:push", "", ""},
		{"GitRepository", somewhere, nil, "bitbucket repo:refs_changed", "", ""},
		{"OCIRepository", ghcr, nil, "github package", "", ""},
		{"OCIRepository", ghcr, nil, "github registry_package", "", ""},
		{"OCIRepository", ghcr, nil, "github push", NoPushEvent, `its events (push) leave out "package"`},
		{"OCIRepository", ghcr, nil, "gcr", WrongType, "its type is gcr, and GitHub's registry sends no token of Google's"},
		{"OCIRepository", "oci://eu.gcr.io/acme/app", nil, "gcr", "", ""},
		{"OCIRepository", "oci://quay.io/acme/app", nil, "quay", "", ""},
		{"OCIRepository", "oci://quay.io/acme/app", nil, "gcr", WrongType, "its type is gcr, and Quay sends no token of Google's"},
		{"OCIRepository", harbor, nil, "harbor", "", ""},
		{"OCIRepository", ecr, nil, "github push", "", ""},
		{"HelmRepository", "https://acme.github.io/charts", nil, "github page_build", "", ""},
	} {
		name := tc.kind + " " + tc.url + " " + tc.receiver
		source := object(tc.kind, "app", at(tc.url), on(flux.RefBranch, "main"))
		if tc.kind != "GitRepository" {
			source.Remote.Ref = flux.RemoteRef{}
		}
		if tc.change != nil {
			tc.change(&source)
		}
		kind, events, _ := strings.Cut(tc.receiver, " ")
		r := receiver("hook", to(tc.kind, "app"))
		r.Hook = flux.Hook{Type: kind, Secret: "token"}
		if events != "" {
			r.Hook.Events = strings.Split(events, ",")
		}
		c := New(Input{Objects: []flux.Object{source, r}})
		if tc.want == "" {
			assert.Equal(t, Covered, c.Sources[0].State, "%s: %s", name, c.Sources[0].Why)
			assert.Empty(t, c.Receivers[0].Problems, name)
			continue
		}
		assert.Equal(t, Broken, c.Sources[0].State, name)
		assert.Equal(t, "Receiver apps/hook: "+tc.why, c.Sources[0].Why, name)
		require.Len(t, c.Receivers[0].Problems, 1, name)
		assert.Equal(t, tc.want, c.Receivers[0].Problems[0].Fault, name)
		assert.Contains(t, c.Receivers[0].Problems[0].Message, "answered with 400", name)
		assert.NotEmpty(t, c.Receivers[0].Problems[0].Remedy, name)
		assert.Empty(t, Notices([]*flux.Object{&source, &r}, nil), "%s: no command counts with it", name)
	}
}

// What a name only suggests is not held against a Receiver, nor what calls disprove.
func TestTypesOfHostsThatAreGuessed(t *testing.T) {
	t.Parallel()
	r := receiver("hook", to("GitRepository", "app"))
	r.Hook = flux.Hook{Type: "github", Secret: "token"}
	guessed := app("app", "https://gitlab.example.com/acme/app")
	s := one(t, Input{Objects: []flux.Object{guessed, r}})
	assert.Equal(t, Unknown, s.State)
	assert.Equal(t, "Receiver apps/hook: its type is github, and GitLab sends no X-Hub-Signature (is gitlab.example.com that? --host-type says what it is)", s.Why)
	for host, want := range map[HostType]State{Gitea: Covered, GitLab: Broken, GenericHMAC: Covered} {
		assert.Equal(t, want, one(t, Input{Objects: []flux.Object{guessed, r}, HostTypes: map[string]HostType{"gitlab.example.com": host}}).State, host)
	}
	called := app("app", "https://gitlab.com/acme/app", func(o *flux.Object) { o.Requested = flux.Request{By: flux.NotificationController, At: noon} })
	assert.Equal(t, Covered, one(t, Input{Objects: []flux.Object{called, r}}).State, "somebody calls in the host's place")
}

func TestFiltersThatLeaveOut(t *testing.T) {
	t.Parallel()
	const own = `has(req.ref) && has(req.repository)
&& req.repository.full_name.lowerAscii() == "acme/app" && req.ref == "refs/heads/main"`
	branch, tagged := on(flux.RefBranch, "main"), on(flux.RefSemver, "1.x")
	for filter, want := range map[string]State{
		"":                                       Covered,
		"true":                                   Covered,
		"false":                                  Broken,
		"!true":                                  Broken,
		"!(false || false)":                      Covered,
		own:                                      Covered,
		strings.Replace(own, "main", "other", 1): Broken,
		strings.Replace(own, "acme/app", "acme/other", 1):     Broken,
		`res.metadata.name == "app"`:                          Covered,
		`res.metadata.name == 'somebody-else'`:                Broken,
		`"app" == res.metadata.name`:                          Covered,
		`res.metadata.name != "app"`:                          Broken,
		`res.metadata.name in ["a", "app"]`:                   Covered,
		`res.metadata.name in ["a", "b"]`:                     Broken,
		`res.kind == "OCIRepository"`:                         Broken,
		`req.ref == "refs/heads/other"`:                       Broken,
		"req.ref ==\n 'refs/heads/main' // of all":            Covered,
		`req.ref.endsWith("/main")`:                           Covered,
		`req.ref.matches("^refs/heads/(main|next)$")`:         Covered,
		`req.ref.matches("^refs/tags/")`:                      Broken,
		`req.ref.startsWith("refs/tags/")`:                    Broken,
		`req.ref.contains("heads")`:                           Covered,
		`req.repository.full_name == "acme/app"`:              Covered,
		`req.repository.full_name == "Acme/App"`:              Unknown,
		`req.repository.full_name.startsWith("ACME/")`:        Unknown,
		`req.repository.full_name != "ACME/other"`:            Covered,
		`has(req.ref) && req.ref == "refs/heads/main"`:        Covered,
		`req.sender.login != "bot"`:                           Unknown,
		`req.sender.login != "bot" && false`:                  Broken,
		`req.sender.login != "bot" || true`:                   Covered,
		`req.ref == "refs/heads/" + res.metadata.name`:        Unknown,
		`req.commits.exists(c, c.message == "x" || false)`:    Unknown,
		`req.ref == "refs/heads/other" ? true : false`:        Unknown,
		`res.metadata.name == r"app"`:                         Covered,
		`res.metadata.name == "a\u0070p"`:                     Covered,
		`res.metadata.name == """somebody"else"""`:            Unknown,
		`"a && b" == req.x && res.metadata.name == "another"`: Broken,
		`nonsense((`:                Broken,
		`res.metadata.name == "app`: Broken,
		`)`:                         Broken,
	} {
		for place, r := range map[string]flux.Object{
			"Receiver": with(receiver("hook", to("GitRepository", "app")), func(o *flux.Object) { o.Hook = flux.Hook{Type: "github", Secret: "token", Filter: filter} }),
			"resource": with(receiver("hook", to("GitRepository", "app")), func(o *flux.Object) {
				o.Hook, o.Targets[0].Filter = flux.Hook{Type: "github", Secret: "token"}, filter
			}),
		} {
			c := New(Input{Objects: []flux.Object{object("GitRepository", "app", at("https://github.com/acme/app"), branch), r}})
			assert.Equal(t, want, c.Sources[0].State, "%s: %s: %s", place, filter, c.Sources[0].Why)
			assert.Equal(t, want == Broken, len(c.Receivers[0].Problems) > 0, "%s: %s", place, filter)
			assert.Equal(t, want == Covered, c.Sources[0].Relax, filter)
		}
	}
	for filter, want := range map[string]State{
		`req.ref.startsWith("refs/tags/")`:  Covered,
		`req.ref.startsWith("refs/tags/v")`: Unknown,
		`req.ref == "refs/tags/v1"`:         Unknown,
		`req.ref == "refs/heads/main"`:      Broken,
		`req.ref.startsWith("refs/heads/")`: Broken,
		`req.ref.contains("tags")`:          Covered,
	} {
		r := receiver("hook", to("GitRepository", "app"))
		r.Hook = flux.Hook{Type: "github", Secret: "token", Filter: filter}
		assert.Equal(t, want, one(t, Input{Objects: []flux.Object{object("GitRepository", "app", at("https://github.com/acme/app"), tagged), r}}).State, filter)
	}
	r := receiver("hook", to("GitRepository", "app"))
	r.Hook = flux.Hook{Type: "github", Secret: "token", Filter: `req.sender.login != "bot"`}
	called := app("app", "https://github.com/acme/app", func(o *flux.Object) { o.Requested = flux.Request{By: flux.NotificationController, At: noon} })
	assert.Equal(t, Covered, one(t, Input{Objects: []flux.Object{called, r}}).State, "a call came through it")
}

// What cannot be made, or never gets ready, is told of files, where no status tells it.
func TestInvalidReceivers(t *testing.T) {
	t.Parallel()
	source := app("app", "https://github.com/acme/app")
	for why, hook := range map[string]flux.Hook{
		"its type github needs a Secret, and it has no secretRef": {Type: "github"},
		`its filter is no expression in CEL: a "(" has no end`:    {Type: "github", Secret: "token", Filter: "nonsense(("},
		"its filter has 100001 characters, and an expression in CEL at most 100000": {
			Type: "github", Secret: "token", Filter: "true" + strings.Repeat(" ", maxFilter-3)},
	} {
		c := New(Input{Objects: []flux.Object{source, with(receiver("hook", to("GitRepository", "app")), func(o *flux.Object) { o.Hook = hook })}})
		assert.Equal(t, Broken, c.Sources[0].State)
		assert.Equal(t, "Receiver apps/hook: "+why, c.Sources[0].Why)
		require.Len(t, c.Receivers[0].Problems, 1)
		assert.Equal(t, Invalid, c.Receivers[0].Problems[0].Fault)
		if hook.Filter != "" {
			assert.Equal(t, why+": each call is answered with 503, or with 404 while the Receiver is new", c.Receivers[0].Problems[0].Message)
		}
	}
	refused := with(receiver("hook", to("GitRepository", "app")), func(o *flux.Object) { o.Unfit = "spec.type: unsupported value" })
	assert.Equal(t, "Receiver apps/hook: the API server refuses it: spec.type: unsupported value", one(t, Input{Objects: []flux.Object{source, refused}}).Why)
}

// Where Receivers could not be read, nobody knows what they notify, and none is missing.
func TestReceiversThatWereNotRead(t *testing.T) {
	t.Parallel()
	const why = "Receivers of other namespaces could not be read"
	unread := func(namespace string) string {
		if namespace == "apps" {
			return why
		}
		return ""
	}
	c := New(Input{Unread: unread, Objects: []flux.Object{
		app("app", "https://github.com/acme/app"), app("b", "https://github.com/acme/b"), app("c", "https://github.com/acme/c", in("web")),
		object("Bucket", "s3", at("s3.example.com")), receiver("hook", to("GitRepository", "b")),
	}})
	var got []string
	for _, s := range c.Sources {
		got = append(got, fmt.Sprintf("%s %s %s", s.Object.Name, s.State, s.Why))
	}
	assert.Equal(t, []string{"app unknown " + why, "b covered ", "s3 unknown " + why, "c uncovered "}, got)
	require.Len(t, c.Proposals, 1)
	assert.Equal(t, "web", c.Proposals[0].Manifest.Metadata.Namespace)
}

// Where nothing can take a call, nothing is proposed.
func TestNoReceiversAnywhere(t *testing.T) {
	t.Parallel()
	c := New(Input{Nowhere: true, Objects: []flux.Object{app("app", "https://github.com/acme/app")}})
	assert.Equal(t, Nothing, c.Sources[0].State)
	assert.Equal(t, "the cluster does not serve Receivers: notification-controller is not installed", c.Sources[0].Why)
	assert.Equal(t, c.Sources[0].Why, c.Untaken)
	assert.Empty(t, c.Proposals)
	assert.False(t, c.Sources[0].RelaxLater)
}

// A filter that is too long makes a Receiver fail for all that it names.
func TestFiltersAreShortEnough(t *testing.T) {
	t.Parallel()
	var objects []flux.Object
	for i := range 2000 {
		objects = append(objects, app(fmt.Sprintf("one-%d", i), fmt.Sprintf("https://github.com/acme/r%d", i)))
	}
	c := New(Input{Objects: objects})
	names := map[string]bool{}
	sources := 0
	for _, p := range c.Proposals {
		assert.LessOrEqual(t, len(p.Manifest.Spec.ResourceFilter), maxFilter)
		names[p.Manifest.Metadata.Name] = true
		sources += len(p.Sources)
	}
	assert.Len(t, names, 4)
	assert.Equal(t, 2000, sources)
	c = New(Input{Objects: objects, NoFilter: true})
	require.Len(t, c.Proposals, 1)
	assert.Empty(t, c.Proposals[0].Manifest.Spec.ResourceFilter)
}
