package budget

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// all are the Kustomizations of a namespace, as an Alert names them.
func all(namespace string) flux.EventSource {
	return flux.EventSource{Kind: "Kustomization", Namespace: namespace, Name: "*"}
}

func alertTo(provider string, n flux.Notify, change ...func(*flux.Object)) []tune.Item {
	to := costKind(flux.ProviderKind, "host", flux.Polling{Type: provider}, at("https://github.com/acme/app"))
	return []tune.Item{costKind(flux.AlertKind, "statuses", flux.Polling{Notify: &n, Made: []flux.Ref{to.Object.Ref}}, change...), to}
}

// Each reconcile of a Kustomization that an Alert names asks the Git host for the statuses of its commit: measured with 18
// reconciles, no commit and 18 requests.
func TestCommitStatusesComeWithReconciles(t *testing.T) {
	t.Parallel()
	failing := func(reason string) func(*flux.Object) {
		return func(o *flux.Object) {
			o.Status.Ready, o.Status.ReadyReason, o.Status.ReadyMessage = "False", reason, "it is wrong"
			o.RetryInterval = ptr("1m")
		}
	}
	moved := func(reason, message string) func(*flux.Object) {
		return func(o *flux.Object) {
			failing(reason)(o)
			o.Status.ReadyMessage = message
		}
	}
	named := func(name string) flux.EventSource {
		return flux.EventSource{Kind: "Kustomization", Namespace: "apps", Name: name}
	}
	notify := func(sources ...flux.EventSource) flux.Notify { return flux.Notify{Sources: sources} }
	suspended := func(o *flux.Object) { o.Suspended = true }
	for name, tc := range map[string]struct {
		provider string
		notify   flux.Notify
		change   func(*flux.Object) // of the second Kustomization
		want     Rates
	}{
		"all of the namespace":        {"github", notify(all("apps")), nil, Rates{12 + 6, 60 + 6}},
		"named twice, sent once":      {"github", notify(all("apps"), named("a")), nil, Rates{12 + 6, 60 + 6}},
		"by name":                     {"github", notify(named("a")), nil, Rates{12, 60}},
		"of another namespace":        {"github", notify(all("other")), nil, Rates{}},
		"of another kind":             {"github", notify(flux.EventSource{Kind: "HelmRelease", Namespace: "apps", Name: "*"}), nil, Rates{}},
		"by label":                    {"github", notify(flux.EventSource{Kind: "Kustomization", Namespace: "apps", Name: "*", MatchLabels: map[string]string{"team": "b"}}), func(o *flux.Object) { o.Labels = map[string]string{"team": "b"} }, steady(6)},
		"suspended":                   {"github", notify(all("apps")), suspended, Rates{12, 60}},
		"errors only":                 {"github", flux.Notify{Sources: []flux.EventSource{all("apps")}, ErrorsOnly: true}, nil, Rates{}},
		"errors only, and one fails":  {"github", flux.Notify{Sources: []flux.EventSource{all("apps")}, ErrorsOnly: true}, failing("HealthCheckFailed"), steady(60)},
		"an equal message each time":  {"github", notify(named("b")), failing("BuildFailed"), steady(12)},
		"a path that is gone":         {"github", notify(named("b")), moved("ArtifactFailed", "kustomization path not found: stat /tmp/kustomization-1931908412/apps: no such file or directory"), steady(60)},
		"a directory in the message":  {"github", notify(named("b")), moved("BuildFailed", "error decrypting sources: /tmp/kustomization-252548195/apps/.env"), steady(60)},
		"an artifact that is refused": {"github", notify(named("b")), moved("ArtifactFailed", "failed to untar"), steady(12)},
		"no source":                   {"github", notify(named("b")), moved("ArtifactFailed", `gitrepositories.source.toolkit.fluxcd.io "repo" not found`), Rates{}},
		"a source that is not read":   {"github", notify(named("b")), moved("ArtifactFailed", "unable to get source 'apps/repo': timeout"), Rates{}},
		"no artifact":                 {"github", notify(named("b")), moved("ArtifactFailed", "Source artifact not found, retrying in 30s"), Rates{}},
		"waits for another":           {"github", notify(named("b")), failing("DependencyNotReady"), Rates{}},
		"excluded":                    {"github", flux.Notify{Sources: []flux.EventSource{all("apps")}, Exclude: []string{"^Reconciliation finished"}}, nil, Rates{}},
		"not included":                {"github", flux.Notify{Sources: []flux.EventSource{all("apps")}, Include: []string{"failed", "("}}, nil, Rates{}},
		"included":                    {"github", flux.Notify{Sources: []flux.EventSource{all("apps")}, Include: []string{"finished in .*s"}}, nil, Rates{18, 66}},
		"Gitea is asked for more":     {"gitea", notify(named("b")), nil, steady(12)},
		"GitLab":                      {"gitlab", notify(named("b")), nil, steady(6)},
		"chat":                        {"slack", notify(all("apps")), nil, Rates{}},
		"comments, which want a key":  {"githubpullrequestcomment", notify(all("apps")), nil, Rates{}},
		"dispatches, which are fresh": {"githubdispatch", notify(all("apps")), nil, Rates{}},
	} {
		second := kustomization("b", "repo", "10m", "")
		if tc.change != nil {
			tc.change(&second.Object)
		}
		items := append([]tune.Item{kustomization("a", "repo", "5m", "1m"), second}, alertTo(tc.provider, tc.notify)...)
		b := New(Input{Items: items, Limits: NewLimits(nil, nil)})
		assert.Equal(t, tc.want, b.Requests, name)
		if tc.want == (Rates{}) {
			assert.Empty(t, b.Hosts, name)
			continue
		}
		assert.Equal(t, "api.github.com", b.Hosts[0].Name, name)
		assert.Equal(t, &Limit{PerHour: 5000, From: LimitPreset}, b.Hosts[0].Limit, name)
		assert.Equal(t, []ProtocolLoad{{REST, 1, tc.want}}, b.Hosts[0].Protocols, name)
		assert.Zero(t, b.Git, name)
	}
}

// What is turned off sends nothing, and what may not name another namespace does not.
func TestWhatSendsNoStatuses(t *testing.T) {
	t.Parallel()
	n := flux.Notify{Sources: []flux.EventSource{all("apps"), all("other")}}
	other := kustomization("far", "repo", "10m", "", func(o *flux.Object) { o.Namespace = "other" })
	asked := func(oneNamespace bool, items ...tune.Item) Rates {
		return New(Input{Items: append([]tune.Item{kustomization("a", "repo", "5m", ""), other}, items...), Notifiers: flux.Notifiers{{OneNamespace: oneNamespace}}}).Requests
	}
	assert.Equal(t, steady(18), asked(false, alertTo("github", n)...))
	assert.Equal(t, steady(12), asked(true, alertTo("github", n)...))
	assert.Zero(t, asked(false, alertTo("github", n, func(o *flux.Object) { o.Suspended = true })...))
	off := alertTo("github", n)
	off[1].Object.Suspended = true
	assert.Zero(t, asked(false, off...))
	assert.Zero(t, asked(false, alertTo("github", n)[0]), "its Provider is not known")
}

// A plan that holds the Kustomizations alone shows what it makes of the host that is asked for statuses, too.
func TestStatusesOfWhatIsNotShown(t *testing.T) {
	t.Parallel()
	alert := alertTo("github", flux.Notify{Sources: []flux.EventSource{all("apps")}})
	b := New(Input{Items: []tune.Item{kustomization("a", "repo", "5m", "1m")}, Others: append(alert, kustomization("b", "repo", "10m", "1m")), Limits: Limits{GitHubREST: {PerHour: 100}}})
	assert.Equal(t, GitHubREST, b.Hosts[0].Name)
	assert.InDelta(t, 18, b.Hosts[0].Others, 0.01)
	assert.Equal(t, Rates{18, 66}, b.Hosts[0].Used, "what is not shown stays as it is")
	alone := New(Input{Items: append(alert, source("s", "https://git.example.com/a", "1m", "")), Others: []tune.Item{kustomization("b", "repo", "10m", "1m")}})
	assert.Equal(t, steady(6+60), alone.Requests)
}

// With the feature gate DisableCommitStatusEvent only what fails is told.
func TestStatusesWithoutTheEvent(t *testing.T) {
	t.Parallel()
	fails := func(o *flux.Object) {
		o.Status.Ready, o.Status.ReadyReason, o.Status.ReadyMessage, o.RetryInterval = "False", "HealthCheckFailed", "it is wrong", ptr("1m")
	}
	b := New(Input{
		Items: append([]tune.Item{kustomization("a", "repo", "5m", "1m"), kustomization("b", "repo", "10m", "", fails)},
			alertTo("github", flux.Notify{Sources: []flux.EventSource{all("apps")}})...),
		Controllers: []flux.Controller{{Name: flux.KustomizeController, TellsFailuresOnly: true}},
	})
	assert.Equal(t, steady(60), b.Requests)
}

// Which events reach a Provider that writes commit statuses depends on the version of notification-controller.
func TestStatusesByVersion(t *testing.T) {
	t.Parallel()
	of := func(reason string) tune.Item {
		return kustomization("a", "repo", "1m", "", func(o *flux.Object) {
			if o.RetryInterval = ptr("1m"); reason != "" {
				o.Status.Ready, o.Status.ReadyReason, o.Status.ReadyMessage = "False", reason, "it is wrong"
			}
		})
	}
	alert := alertTo("github", flux.Notify{Sources: []flux.EventSource{all("apps")}})
	for version, want := range map[string][3]float64{ // well, failing, waiting for others
		"1.7.5": {60, 60, 12}, "1.8.0": {0, 0, 0}, "1.8.1": {60, 0, 0}, "1.8.4": {60, 0, 0}, "1.9.0": {60, 60, 0}, "": {60, 60, 0},
	} {
		for i, reason := range []string{"", "HealthCheckFailed", "DependencyNotReady"} {
			b := New(Input{Items: append([]tune.Item{of(reason)}, alert...), Notifiers: flux.Notifiers{{Version: version}},
				Controllers: []flux.Controller{{Name: flux.KustomizeController, RequeueDependency: 30 * time.Second}}})
			assert.Equal(t, steady(want[i]), b.Requests, "%s %s", version, reason)
		}
	}
	assert.Zero(t, New(Input{Items: append([]tune.Item{of("DependencyNotReady")},
		alertTo("github", flux.Notify{Sources: []flux.EventSource{all("apps")}, ErrorsOnly: true})...), Notifiers: flux.Notifiers{{Version: "1.7.5"}}}).Requests, "it is no error")
}
