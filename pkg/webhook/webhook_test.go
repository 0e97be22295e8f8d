package webhook

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

func ref(kind, namespace, name string) flux.Ref {
	k, _ := flux.ParseKind(kind)
	return flux.Ref{Group: k.Group, Kind: k.Name, Namespace: namespace, Name: name}
}

func object(kind, name string, change ...func(*flux.Object)) flux.Object {
	every := "5m"
	o := flux.Object{Ref: ref(kind, "apps", name), Interval: &every}
	for _, c := range change {
		c(&o)
	}
	return o
}

func at(url string) func(*flux.Object) { return func(o *flux.Object) { o.Remote.URL = url } }

func on(kind flux.RefKind, value string) func(*flux.Object) {
	return func(o *flux.Object) { o.Remote.Ref = flux.RemoteRef{Kind: kind, Value: value} }
}

func in(namespace string) func(*flux.Object) {
	return func(o *flux.Object) { o.Namespace = namespace }
}

// app is a GitRepository on branch main of a host.
func app(name, url string, change ...func(*flux.Object)) flux.Object {
	return object("GitRepository", name, append([]func(*flux.Object){at(url), on(flux.RefBranch, "main")}, change...)...)
}

func receiver(name string, targets ...flux.Target) flux.Object {
	return object("Receiver", name, func(o *flux.Object) { o.Targets, o.Status.Ready = targets, "True" })
}

// with is an object with changes.
func with(o flux.Object, change ...func(*flux.Object)) flux.Object {
	for _, c := range change {
		c(&o)
	}
	return o
}

func to(kind, name string) flux.Target {
	return flux.Target{Kind: kind, Namespace: "apps", Name: name}
}

// locked is a notification-controller with --no-cross-namespace-refs.
var locked = flux.Notifiers{{OneNamespace: true}}

func one(t *testing.T, in Input) Source {
	t.Helper()
	c := New(in)
	require.NotEmpty(t, c.Sources)
	return c.Sources[0]
}

// applied are proposals as the objects that they become.
func applied(proposals []Proposal) []flux.Object {
	var objects []flux.Object
	for _, p := range proposals {
		spec := p.Manifest.Spec
		o := flux.Object{Ref: ref("Receiver", p.Manifest.Metadata.Namespace, p.Manifest.Metadata.Name)}
		o.Hook = flux.Hook{Type: spec.Type, Secret: spec.SecretRef.Name, Events: spec.Events, Filter: spec.ResourceFilter}
		o.Suspended = spec.Suspend == true
		for _, r := range p.Manifest.Spec.Resources {
			o.Targets = append(o.Targets, flux.Target{Kind: r.Kind, Namespace: o.Namespace, Name: r.Name})
		}
		objects = append(objects, o)
	}
	return objects
}

func TestHostTypes(t *testing.T) {
	t.Parallel()
	git := func(url string, change ...func(*flux.Object)) flux.Object { return app("a", url, change...) }
	provider := func(name string) func(*flux.Object) { return func(o *flux.Object) { o.Remote.Provider = name } }
	oci := func(url string) flux.Object { return object("OCIRepository", "a", at("oci://"+url)) }
	image := func(name string) flux.Object { return object("ImageRepository", "a", at(name)) }
	for _, tc := range []struct {
		object  flux.Object
		host    string
		want    HostType
		guessed bool
	}{
		{git("https://github.com/acme/app"), "github.com", GitHub, false},
		{git("ssh://git@ssh.github.com:443/acme/app.git"), "github.com", GitHub, false},
		{git("https://acme.ghe.com/acme/app"), "acme.ghe.com", GitHub, false},
		{git("https://code.example.com/acme/app", provider("github")), "code.example.com", GitHub, false},
		{git("https://github.example.com/acme/app"), "github.example.com", GitHub, true},
		{git("https://gitlab.com/acme/app.git"), "gitlab.com", GitLab, false},
		{git("https://gitlab.example.com:8443/acme/app"), "gitlab.example.com:8443", GitLab, true},
		{git("https://bitbucket.org/acme/app"), "bitbucket.org", BitbucketCloud, false},
		{git("https://bitbucket.example.com/scm/acme/app.git"), "bitbucket.example.com", Bitbucket, true},
		{git("https://git.example.com/scm/acme/app.git"), "git.example.com", Bitbucket, true},
		{git("ssh://git@stash.example.com:7999/acme/app.git"), "stash.example.com:7999", Bitbucket, true},
		{git("https://dev.azure.com/acme/shop/_git/app"), "dev.azure.com", AzureDevOps, false},
		{git("ssh://git@ssh.dev.azure.com/v3/acme/shop/app"), "dev.azure.com", AzureDevOps, false},
		{git("https://acme.visualstudio.com/shop/_git/app"), "dev.azure.com", AzureDevOps, false},
		{git("ssh://acme@vs-ssh.visualstudio.com/v3/acme/shop/app"), "dev.azure.com", AzureDevOps, false},
		{git("https://git.example.com/tfs/shop/_git/app"), "git.example.com", AzureDevOps, false},
		{git("https://codeberg.org/acme/app"), "codeberg.org", Gitea, false},
		{git("https://forgejo.example.com/acme/app"), "forgejo.example.com", Gitea, true},
		{git("https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/app"), "git-codecommit.eu-west-1.amazonaws.com", GenericHMAC, false},
		{git("https://git.example.com/acme/app"), "git.example.com", GenericHMAC, true},
		{oci("ghcr.io/acme/app"), "ghcr.io", GHCR, false},
		{oci("registry-1.docker.io/acme/app"), "docker.io", DockerHub, false},
		{image("acme/app"), "docker.io", DockerHub, false},
		{oci("quay.io/acme/app"), "quay.io", Quay, false},
		{oci("acme.azurecr.io/app"), "acme.azurecr.io", ACR, false},
		{oci("eu.gcr.io/acme/app"), "eu.gcr.io", GCR, false},
		{image("europe-docker.pkg.dev/acme/images/app"), "europe-docker.pkg.dev", GCR, false},
		{oci("harbor.example.com/acme/app"), "harbor.example.com", Harbor, true},
		{oci("nexus.example.com/acme/app"), "nexus.example.com", Nexus, true},
		{oci("registry.gitlab.com/acme/app"), "registry.gitlab.com", GenericHMAC, false},
		{oci("123456789012.dkr.ecr.eu-west-1.amazonaws.com/app"), "123456789012.dkr.ecr.eu-west-1.amazonaws.com", GenericHMAC, false},
		{oci("registry.example.com/acme/app"), "registry.example.com", GenericHMAC, true},
	} {
		s := one(t, Input{Objects: []flux.Object{tc.object}})
		assert.Equal(t, Uncovered, s.State, tc.object.Remote.URL)
		assert.Equal(t, []any{tc.host, tc.want, tc.guessed}, []any{s.Host, s.HostType, s.Guessed}, tc.object.Remote.URL)
	}
}

func TestTheUserKnowsHostsBetter(t *testing.T) {
	t.Parallel()
	types, err := ParseHostTypes([]string{"git.example.com=Gitea", "charts.example.com=harbor"})
	require.NoError(t, err)
	c := New(Input{HostTypes: types, Objects: []flux.Object{
		app("a", "https://git.example.com/acme/a"),
		object("HelmRepository", "charts", at("https://charts.example.com/stable")),
	}})
	assert.Equal(t, []HostType{Gitea, Harbor}, []HostType{c.Sources[0].HostType, c.Sources[1].HostType})
	assert.Len(t, c.Proposals, 2)
	for expr, want := range map[string]string{
		"git.example.com":      `"git.example.com": write it like git.example.com=gitlab`,
		"git.example.com=svn":  `"git.example.com=svn": unknown type "svn": it is one of github, gitea, gitlab, bitbucket-cloud, bitbucket, azure-devops, ghcr, harbor, dockerhub, quay, acr, gcr, nexus, generic-hmac`,
		"=github":              `"=github": write it like git.example.com=gitlab`,
		"git.example.com=":     `"git.example.com=": unknown type "": it is one of github, gitea, gitlab, bitbucket-cloud, bitbucket, azure-devops, ghcr, harbor, dockerhub, quay, acr, gcr, nexus, generic-hmac`,
		"git.example.com =git": `"git.example.com =git": unknown type "git": it is one of github, gitea, gitlab, bitbucket-cloud, bitbucket, azure-devops, ghcr, harbor, dockerhub, quay, acr, gcr, nexus, generic-hmac`,
	} {
		_, err := ParseHostTypes([]string{expr})
		require.EqualError(t, err, want)
	}
}

func TestStates(t *testing.T) {
	t.Parallel()
	const url = "https://github.com/acme/app"
	suspended := func(o *flux.Object) { o.Suspended = true }
	labelled := flux.Target{Kind: "GitRepository", Namespace: "apps", Name: "*", MatchLabels: map[string]string{"team": "web"}}
	ready := func(status, message string) func(*flux.Object) {
		return func(o *flux.Object) { o.Status.Ready, o.Status.ReadyMessage = status, message }
	}
	toApp := receiver("github", to("GitRepository", "app"))
	unserved, wrongGroup, labelledWrong, foreign := to("GitRepository", "app"), to("GitRepository", "app"), to("GitRepository", "*"), to("GitRepository", "app")
	unserved.APIVersion, unserved.Unserved = "source.toolkit.fluxcd.io/v1beta2", "the cluster does not serve that"
	wrongGroup.APIVersion, labelledWrong.APIVersion, foreign.APIVersion = "helm.toolkit.fluxcd.io/v2", "helm.toolkit.fluxcd.io/v2", "example.com/v1"
	labelledWrong.MatchLabels = map[string]string{}
	for name, tc := range map[string]struct {
		objects      []flux.Object
		oneNamespace bool
		state        State
		why          string
	}{
		"none":                   {[]flux.Object{app("app", url)}, false, Uncovered, ""},
		"by name":                {[]flux.Object{app("app", url), toApp}, false, Covered, ""},
		"another name":           {[]flux.Object{app("app", url), receiver("github", to("GitRepository", "web"))}, false, Uncovered, ""},
		"another kind":           {[]flux.Object{app("app", url), receiver("github", to("OCIRepository", "app"))}, false, Uncovered, ""},
		"by label":               {[]flux.Object{app("app", url, func(o *flux.Object) { o.Labels = map[string]string{"team": "web"} }), receiver("github", labelled)}, false, Covered, ""},
		"other label":            {[]flux.Object{app("app", url), receiver("github", labelled)}, false, Uncovered, ""},
		"* without labels":       {[]flux.Object{app("app", url), receiver("github", to("GitRepository", "*"))}, false, Uncovered, ""},
		"* with empty labels":    {[]flux.Object{app("app", url), receiver("github", flux.Target{Kind: "GitRepository", Namespace: "apps", Name: "*", MatchLabels: map[string]string{}})}, false, Covered, ""},
		"from another namespace": {[]flux.Object{app("app", url), with(toApp, in("flux-system"))}, false, Covered, ""},
		"not allowed":            {[]flux.Object{app("app", url), with(toApp, in("flux-system"))}, true, Broken, "Receiver flux-system/github: notification-controller runs with --no-cross-namespace-refs, and it names another namespace"},
		"the same is":            {[]flux.Object{app("app", url), toApp}, true, Covered, ""},
		"not ready": {[]flux.Object{app("app", url), with(toApp, ready("False", "no token"))}, false, Broken,
			"Receiver apps/github: it is not ready: no token"},
		"a version that is not served": {[]flux.Object{app("app", url), receiver("github", unserved)}, false, Broken, "Receiver apps/github: " + unserved.Unserved},
		"a wrong group": {[]flux.Object{app("app", url), receiver("github", wrongGroup)}, false, Broken,
			`Receiver apps/github: Flux has no kind "GitRepository" in helm.toolkit.fluxcd.io: is source.toolkit.fluxcd.io meant?`},
		"a wrong group by label": {[]flux.Object{app("app", url), receiver("github", labelledWrong)}, false, Broken,
			`Receiver apps/github: Flux has no kind "GitRepository" in helm.toolkit.fluxcd.io: is source.toolkit.fluxcd.io meant?`},
		"of something else":     {[]flux.Object{app("app", url), receiver("github", foreign)}, false, Uncovered, ""},
		"not known":             {[]flux.Object{app("app", url), with(toApp, ready("", ""))}, false, Covered, ""},
		"Receiver suspended":    {[]flux.Object{app("app", url), with(toApp, suspended)}, false, Broken, "Receiver apps/github: it is suspended"},
		"one of two works":      {[]flux.Object{app("app", url), with(toApp, suspended), receiver("z", to("GitRepository", "app"))}, false, Covered, ""},
		"Receiver goes":         {[]flux.Object{app("app", url), with(toApp, func(o *flux.Object) { o.Deleting = true })}, false, Uncovered, ""},
		"suspended":             {[]flux.Object{app("app", url, suspended), toApp}, false, Nothing, "suspended"},
		"pinned to a commit":    {[]flux.Object{app("app", url, on(flux.RefCommit, "abc"))}, false, Nothing, "pinned to a commit"},
		"pinned to a digest":    {[]flux.Object{object("OCIRepository", "app", at("oci://ghcr.io/acme/app"), on(flux.RefDigest, "sha256:abc"))}, false, Nothing, "pinned to a digest"},
		"charts over https":     {[]flux.Object{object("HelmRepository", "app", at("https://charts.example.com"))}, false, Nothing, "nothing announces what is new in a HelmRepository; where something can, say what with --host-type"},
		"charts over https, by": {[]flux.Object{object("HelmRepository", "app", at("https://charts.example.com")), receiver("generic", to("HelmRepository", "app"))}, false, Covered, ""},
		"charts in a registry":  {[]flux.Object{object("HelmRepository", "app", at("oci://ghcr.io/acme"), func(o *flux.Object) { o.OCI = true })}, false, Nothing, "nothing new comes to a HelmRepository of type oci: its charts list their tags themselves"},
		"bucket":                {[]flux.Object{object("Bucket", "app", at("minio.example.com"))}, false, Nothing, "nothing announces what is new in a Bucket; where something can, say what with --host-type"},
		"variable":              {[]flux.Object{app("app", "https://github.com/${org}/app")}, false, Nothing, "its URL has a variable whose value is not here"},
		"no URL":                {[]flux.Object{app("app", "")}, false, Nothing, "its URL names no host"},
	} {
		s := one(t, Input{Objects: tc.objects, Notifiers: flux.Notifiers{{OneNamespace: tc.oneNamespace}}})
		assert.Equal(t, tc.state, s.State, name)
		assert.Equal(t, tc.why, s.Why, name)
	}
}

// What a GitRepository includes is not watched: a Receiver for that does not reach it.
func TestIncludes(t *testing.T) {
	t.Parallel()
	includes := func(o *flux.Object) { o.Polling.Includes = []flux.Ref{ref("GitRepository", "apps", "base")} }
	whole, base := app("all", "https://github.com/acme/all", includes), app("base", "https://github.com/acme/base")
	c := New(Input{Objects: []flux.Object{whole, base, receiver("github", to("GitRepository", "base"))}})
	assert.Equal(t, []State{Uncovered, Covered}, []State{c.Sources[0].State, c.Sources[1].State})
	assert.Equal(t, []string{"a Receiver notifies GitRepository apps/base, which it includes; that does not reach this one: a commit there waits for the interval of this one"}, c.Sources[0].Notes)
	assert.False(t, c.Sources[0].Relax, "a commit of the base would wait longer")
	assert.True(t, c.Sources[1].Relax)
	c = New(Input{Objects: []flux.Object{whole, base, receiver("github", to("GitRepository", "base"), to("GitRepository", "all"))}})
	assert.Equal(t, []string{"it includes GitRepository apps/base, which Flux does not watch: a commit there waits for the interval of this one, too"}, c.Sources[0].Notes)
	assert.False(t, c.Sources[0].Relax)
}

func TestRelax(t *testing.T) {
	t.Parallel()
	every := func(interval string) func(*flux.Object) { return func(o *flux.Object) { o.Interval = &interval } }
	const url = "https://github.com/acme/app"
	for name, tc := range map[string]struct {
		object flux.Object
		want   bool
	}{
		"short":     {app("app", url, every("1m")), true},
		"long":      {app("app", url, every("10m")), false},
		"suspended": {app("app", url, every("1m"), func(o *flux.Object) { o.Suspended = true }), false},
		"bucket":    {object("Bucket", "app", at("minio.example.com")), false},
	} {
		without := one(t, Input{Objects: []flux.Object{tc.object}})
		assert.Equal(t, []bool{false, tc.want}, []bool{without.Relax, without.RelaxLater}, "%s: nothing announces it before there is a Receiver", name)
		covered := one(t, Input{Objects: []flux.Object{tc.object, receiver("r", to("GitRepository", "app"))}})
		assert.Equal(t, []bool{tc.want, false}, []bool{covered.Relax, covered.RelaxLater}, name)
		for by, now := range map[string]bool{flux.NotificationController: tc.want, "flux": false, "": false} {
			live := tc.object
			live.ResourceVersion, live.Requested = "7", flux.Request{By: by, At: noon}
			r := receiver("r", to("GitRepository", "app"))
			covered = one(t, Input{Objects: []flux.Object{live, r}})
			assert.Equal(t, []bool{now, tc.want && !now}, []bool{covered.Relax, covered.RelaxLater}, "%s: asked for by %q", name, by)
		}
	}
	for name, c := range map[string]Source{
		"broken":  one(t, Input{Objects: []flux.Object{app("app", url, every("1m")), with(receiver("r", to("GitRepository", "app")), func(o *flux.Object) { o.Suspended = true })}}),
		"unknown": one(t, Input{Objects: []flux.Object{app("app", url, every("1m"))}, Unread: func(string) string { return "some were not read" }}),
	} {
		assert.Equal(t, []bool{false, false}, []bool{c.Relax, c.RelaxLater}, name)
	}
}

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func TestSuspects(t *testing.T) {
	t.Parallel()
	ago := func(d time.Duration) time.Time { return noon.Add(-d) }
	hour := time.Hour
	r := receiver("github", to("GitRepository", "app"))
	r.Created = ago(10 * hour)
	user := func(changes ...time.Time) flux.Object {
		return object("Kustomization", "app", func(o *flux.Object) {
			o.SourceRef = ref("GitRepository", "apps", "app")
			for _, at := range changes {
				o.Status.Changes = append(o.Status.Changes, flux.Change{At: at})
			}
		})
	}
	older := app("older", "https://github.com/acme/older", func(o *flux.Object) { o.Status.SourceChanged = ago(100 * hour) })
	const never = "it changed since there is the Receiver, and was never called for: does its host call, and with the right URL and token?"
	for name, tc := range map[string]struct {
		created, changed time.Time
		by               string
		asked            time.Time
		others           []flux.Object
		why              string
	}{
		"never called":                           {ago(20 * hour), ago(hour), "", time.Time{}, nil, never},
		"not changed since there is a Receiver":  {ago(20 * hour), ago(11 * hour), "", time.Time{}, nil, ""},
		"its first artifact":                     {ago(hour), ago(hour - time.Minute), "", time.Time{}, nil, ""},
		"never changed":                          {ago(20 * hour), time.Time{}, "", time.Time{}, nil, ""},
		"called for":                             {ago(20 * hour), ago(hour), flux.NotificationController, ago(hour + 2*time.Second), nil, ""},
		"called for later":                       {ago(20 * hour), ago(hour), flux.NotificationController, ago(time.Minute), nil, ""},
		"changed long after the call":            {ago(20 * hour), ago(hour), flux.NotificationController, ago(3 * hour), nil, "its last change came 2h after its last call: a poll found it, no webhook"},
		"somebody asked since: nothing is known": {ago(20 * hour), ago(hour), "flux", ago(time.Minute), nil, ""},
		"made anew, its users have nothing new":  {ago(20 * hour), ago(hour), "", time.Time{}, []flux.Object{user(ago(9 * hour))}, ""},
		"its users had something new":            {ago(20 * hour), ago(hour), "", time.Time{}, []flux.Object{user(ago(9*hour), ago(hour-time.Second))}, never},
		"one of its users had":                   {ago(20 * hour), ago(hour), "", time.Time{}, []flux.Object{user(ago(9 * hour)), user(ago(hour - time.Second))}, never},
	} {
		o := app("app", "https://github.com/acme/app", func(o *flux.Object) {
			o.Created, o.Status.SourceChanged, o.Requested = tc.created, tc.changed, flux.Request{By: tc.by, At: tc.asked}
		})
		c := New(Input{Objects: append([]flux.Object{o, r, older}, tc.others...)})
		s := c.Sources[0]
		assert.Equal(t, Covered, s.State, name)
		assert.Equal(t, tc.why, s.Why, name)
		assert.Equal(t, tc.why != "", s.Suspect, name)
		assert.Equal(t, tc.why == "", s.Relax, "%s: a source that may not be called for is not relaxed", name)
		if tc.why != "" {
			require.Len(t, c.Receivers[0].Problems, 1, name)
			assert.Equal(t, NeverCalled, c.Receivers[0].Problems[0].Fault)
		} else {
			assert.Empty(t, c.Receivers[0].Problems, name)
		}
	}
	r.Hook = flux.Hook{Type: "github", Secret: "token", Filter: `req.ref == "refs/heads/main"`}
	s := one(t, Input{Objects: []flux.Object{app("app", "https://github.com/acme/app", func(o *flux.Object) { o.Status.SourceChanged = noon }), r, older}})
	const filter = "; or does the filter of Receiver apps/github leave it out, as it does where the host's content type is not application/json?"
	assert.Equal(t, never+filter, s.Why)
	r.Hook.Filter, r.Targets[0].Filter = "", `req.ref == "refs/heads/main"`
	c := New(Input{Objects: []flux.Object{app("app", "https://github.com/acme/app", func(o *flux.Object) { o.Status.SourceChanged = noon }), r, older}})
	assert.Equal(t, never+filter, c.Sources[0].Why, "a resource can have a filter of its own")
	assert.Contains(t, c.Receivers[0].Problems[0].Remedy, "--log-level=debug")
	r.Created = time.Time{}
	s = one(t, Input{Objects: []flux.Object{app("app", "https://github.com/acme/app", func(o *flux.Object) { o.Status.SourceChanged = noon }), r, older}})
	assert.False(t, s.Suspect, "files tell nothing of calls")
}

func TestProblems(t *testing.T) {
	t.Parallel()
	source := app("app", "https://github.com/acme/app")
	charts := object("HelmRepository", "charts", at("oci://ghcr.io/acme"), func(o *flux.Object) { o.OCI = true })
	other := to("GitRepository", "app")
	other.Namespace = "web"
	kustomization := to("Kustomization", "app")
	versioned := kustomization
	versioned.APIVersion = "kustomize.toolkit.fluxcd.io/v1"
	unserved, foreign, elsewhere := to("GitRepository", "app"), to("GitRepository", "app"), to("Bucket", "s3")
	unserved.APIVersion, unserved.Unserved = "source.toolkit.fluxcd.io/v1beta2", "the cluster does not serve that"
	foreign.APIVersion, elsewhere.APIVersion = "example.com/v1", "s3.example.com/v1"
	nobody := to("GitRepository", "*")
	nobody.MatchLabels = map[string]string{"team": "web", "env": "dev"}
	token := func(o *flux.Object) {
		o.Status = flux.Status{Ready: "False", ReadyReason: "TokenNotFound", ReadyMessage: "no token"}
		o.Hook = flux.Hook{Type: "github", Secret: "hook"}
	}
	for name, tc := range map[string]struct {
		receiver flux.Object
		in       Input
		want     []Problem
	}{
		"all well": {receiver("r", to("GitRepository", "app")), Input{}, nil},
		"suspended in files": {with(receiver("r", to("GitRepository", "app")), func(o *flux.Object) { o.Suspended, o.Status.Ready = true, "" }), Input{},
			[]Problem{{Suspended, "it is suspended: each call is answered with 503", "take spec.suspend out of its manifest"}}},
		"a Secret that cannot be": {with(receiver("r", to("GitRepository", "app")), token, func(o *flux.Object) { o.Hook.Secret = "--server=https://evil.example" }), Input{},
			[]Problem{{NotReady, "it is not ready: no token", `correct spec.secretRef.name: no Secret can be called "--server=https://evil.example"`}}},
		"suspended": {with(receiver("r", to("GitRepository", "app")), func(o *flux.Object) { o.Suspended, o.ResourceVersion = true, "7" }), Input{},
			[]Problem{{Suspended, "it is suspended: each call is answered with 503", "flux resume receiver r -n apps"}}},
		"suspended, and applied": {with(receiver("r", to("GitRepository", "app")), func(o *flux.Object) { o.Suspended, o.ResourceVersion = true, "7" }), Input{Origin: func(flux.Object) string { return "hooks" }},
			[]Problem{{Suspended, "it is suspended: each call is answered with 503", "take spec.suspend out of its manifest, or where that has none: flux resume receiver r -n apps"}}},
		"suspended from the start": {with(receiver("r", to("GitRepository", "app")), func(o *flux.Object) { o.Suspended, o.Status.Ready, o.ResourceVersion = true, "", "7" }), Input{},
			[]Problem{{Suspended, "it is suspended: each call is answered with 404", "flux resume receiver r -n apps"}}},
		"no Secret": {with(receiver("r", to("GitRepository", "app")), token), Input{},
			[]Problem{{NotReady, "it is not ready: no token", `kubectl -n apps create secret generic hook --from-literal=token="$(head -c 32 /dev/urandom | sha256sum | cut -d' ' -f1)"`}}},
		"a Secret without a token": {with(receiver("r", to("GitRepository", "app")), token, func(o *flux.Object) {
			o.Status.ReadyMessage = "invalid 'apps/hook' secret data: required fields 'token'"
		}), Input{},
			[]Problem{{NotReady, "it is not ready: invalid 'apps/hook' secret data: required fields 'token'", `kubectl -n apps patch secret hook -p "{\"stringData\":{\"token\":\"$(head -c 32 /dev/urandom | sha256sum | cut -d' ' -f1)\"}}"`}}},
		"not ready": {with(receiver("r", to("GitRepository", "app")), func(o *flux.Object) { o.Status.Ready = "False" }), Input{},
			[]Problem{{NotReady, "it is not ready", "kubectl -n apps describe receiver r"}}},
		"no status": {with(receiver("r", to("GitRepository", "app")), func(o *flux.Object) { o.Status.Ready, o.ResourceVersion = "", "7" }), Input{},
			[]Problem{{NotReady, "it has no status yet: each call is answered with 404", "kubectl -n apps describe receiver r"}}},
		"no such object": {receiver("r", to("GitRepository", "app"), to("GitRepository", "gone")), Input{},
			[]Problem{{NoSuchObject, "GitRepository apps/gone does not exist: each call is answered with 500, and some hosts stop calling what fails", "take it out, or create it"}}},
		"perhaps such an object":  {receiver("r", to("GitRepository", "app"), to("GitRepository", "gone")), Input{Read: func(string, string) bool { return false }}, nil},
		"kinds that are not read": {receiver("r", to("GitRepository", "app"), flux.Target{APIVersion: "image.toolkit.fluxcd.io/v1", Kind: "ImagePolicy", Namespace: "apps", Name: "gone"}), Input{}, nil},
		"nothing matches": {receiver("r", to("GitRepository", "app"), nobody), Input{},
			[]Problem{{NothingMatches, `no GitRepository in namespace "apps" has the labels env=dev,team=web`, "label the objects, or name them"}}},
		"no labels": {receiver("r", to("GitRepository", "app"), to("GitRepository", "*")), Input{},
			[]Problem{{CannotBeNotified, "GitRepository apps/* cannot be notified: the name * needs matchLabels; each call is answered with 500", "write matchLabels ({} means all), or take it out"}}},
		"no version": {receiver("r", to("GitRepository", "app"), kustomization), Input{},
			[]Problem{{CannotBeNotified, "Kustomization apps/app cannot be notified: it has no apiVersion, which this kind needs; each call is answered with 500", "write its apiVersion, or take it out"}}},
		"a version": {receiver("r", to("GitRepository", "app"), versioned), Input{Objects: []flux.Object{object("Kustomization", "app")}}, nil},
		"another version": {receiver("r", to("GitRepository", "app"), unserved), Input{},
			[]Problem{{CannotBeNotified, "GitRepository apps/app cannot be notified: the cluster does not serve that; each call is answered with 500", "correct its apiVersion, or take it out"}}},
		"another group": {receiver("r", foreign), Input{},
			[]Problem{{CannotBeNotified, "GitRepository apps/app is not notified: the Receiver names one of example.com/v1, and Flux's is of source.toolkit.fluxcd.io", "correct its apiVersion, or take it out"}}},
		"something else": {receiver("r", elsewhere), Input{}, nil},
		"another namespace": {receiver("r", to("GitRepository", "app"), other), Input{Notifiers: locked},
			[]Problem{{OtherNamespace, "GitRepository web/app is not notified: " + locked.Refused("apps", "web") + "; each call is answered with 500", "put a Receiver into namespace web"}}},
		"from anybody": {with(receiver("r", to("OCIRepository", "image")), func(o *flux.Object) { o.Hook = flux.Hook{Type: "gcr", Secret: "hook"} }),
			Input{Notifiers: flux.Notifiers{{Version: "1.8.2"}}, Objects: []flux.Object{object("OCIRepository", "image", at("oci://gcr.io/acme/image"))}},
			[]Problem{{Unverified, "anybody who knows its path can call: notification-controller 1.8.2 does not verify Google's signature (CVE-2026-40109)", "update it to 1.9 or newer; its Secret needs email and audience then"}}},
		"from any account": {with(receiver("r", to("OCIRepository", "image")), func(o *flux.Object) { o.Hook = flux.Hook{Type: "gcr", Secret: "hook"} }),
			Input{Notifiers: flux.Notifiers{{Version: "1.8.4"}}, Objects: []flux.Object{object("OCIRepository", "image", at("oci://gcr.io/acme/image"))}},
			[]Problem{{Unverified, "anybody with an account at Google who knows its path can call, unless its Secret, which is not read, has email and audience: notification-controller 1.8.4 does not ask for them", "give its Secret email and audience, and update notification-controller to 1.9 or newer"}}},
		"from one account": {with(receiver("r", to("OCIRepository", "image")), func(o *flux.Object) { o.Hook = flux.Hook{Type: "gcr", Secret: "hook"} }),
			Input{Notifiers: flux.Notifiers{{Version: "1.9.0"}}, Objects: []flux.Object{object("OCIRepository", "image", at("oci://gcr.io/acme/image"))}}, nil},
		"a kind too new for it": {receiver("r", to("GitRepository", "app"), to("ArtifactGenerator", "parts")), Input{Notifiers: flux.Notifiers{{Version: "1.7.5"}}, Read: func(string, string) bool { return false }},
			[]Problem{{CannotBeNotified, "ArtifactGenerator apps/parts cannot be notified: it has no apiVersion, which this kind needs before notification-controller 1.8; each call is answered with 500", "write its apiVersion, or take it out"}}},
		"a kind that it knows": {receiver("r", to("GitRepository", "app"), to("ArtifactGenerator", "parts")), Input{Notifiers: flux.Notifiers{{Version: "1.7.5"}, {Version: "1.8.0"}}, Read: func(string, string) bool { return false }}, nil},
		"never polled": {receiver("r", to("GitRepository", "app"), to("HelmRepository", "charts")), Input{},
			[]Problem{{CannotBeNotified, "HelmRepository apps/charts is of type oci, to which nothing new comes: a call brings nothing", "name the HelmCharts that come from it"}}},
	} {
		tc.in.Objects = append(tc.in.Objects, source, charts, tc.receiver)
		c := New(tc.in)
		require.Len(t, c.Receivers, 1, name)
		assert.Equal(t, tc.want, c.Receivers[0].Problems, name)
	}
}
