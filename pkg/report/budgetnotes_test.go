package report

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

func costing(kind, name, url string, change func(*flux.Object)) tune.Item {
	k, err := flux.ParseKind(kind)
	if err != nil {
		k.Name = kind
	}
	every := "1m"
	o := flux.Object{Ref: flux.Ref{Group: k.Group, Kind: k.Name, Namespace: "apps", Name: name}, Interval: &every, Remote: flux.Remote{URL: url}}
	change(&o)
	return tune.Item{Object: o}
}

// A budget says what it takes for granted, and what it does not count.
func TestBudgetNamesItsAssumptions(t *testing.T) {
	t.Parallel()
	const url = "https://git.example.com/app"
	fails := func(reason string, stalled bool) func(*flux.Object) {
		return func(o *flux.Object) {
			o.Status.Ready, o.Status.ReadyReason, o.Status.Stalled = "False", reason, stalled
		}
	}
	nothing := func(*flux.Object) {}
	semver := func(o *flux.Object) {
		o.Remote.Ref, o.Polling.Submodules = flux.RemoteRef{Kind: flux.RefSemver, Value: "1.x"}, true
	}
	releases := func(o *flux.Object) { o.ComparesDrift, o.Status.Managed = true, 20 }
	inputs := func(o *flux.Object) {
		o.Group, o.Polling.Type = flux.OperatorGroup, "GitHubBranch"
	}
	nightly := func(o *flux.Object) {
		inputs(o)
		o.Polling.NoInterval = true
	}
	provider := func(o *flux.Object) { o.Polling.Type = "github" }
	alert := func(o *flux.Object) {
		o.Polling.Made = []flux.Ref{{Kind: flux.ProviderKind, Namespace: "apps", Name: "status"}}
		o.Polling.Notify = &flux.Notify{Sources: []flux.EventSource{{Kind: "Kustomization", Namespace: "apps", Name: "*"}}}
	}
	waits := func(o *flux.Object) {
		o.Waits, o.SourceRef = true, flux.Ref{Group: "source.toolkit.fluxcd.io", Kind: "GitRepository", Namespace: "apps", Name: "a"}
	}
	includes := func(o *flux.Object) { o.Polling.Includes = []flux.Ref{{Name: "a"}} }
	b := NewBudget(budget.New(budget.Input{Items: []tune.Item{
		costing("GitRepository", "a", url, nothing),
		costing("GitRepository", "fails", url, fails("GitOperationFailed", false)),
		costing("GitRepository", "stalled", url, fails("URLInvalid", true)),
		costing("GitRepository", "waits", url, fails("NoArtifact", false)),
		costing("GitRepository", "submodules", url, semver),
		costing("GitRepository", "includes", url, includes),
		costing("Kustomization", "retries", "", fails("HealthCheckFailed", false)),
		costing("HelmRelease", "waits-too", "", waits),
		costing("OCIRepository", "oci", "oci://ghcr.io/acme/app", nothing),
		costing("HelmRelease", "drift", "", releases),
		costing("HelmRelease", "spoke", "", func(o *flux.Object) { releases(o); o.AppliesElsewhere = true }),
		costing(flux.ResourceSetInputProviderKind, "inputs", "https://github.com/acme/app", inputs),
		costing(flux.ResourceSetInputProviderKind, "nightly", "https://github.com/acme/app", nightly),
		costing(flux.ProviderKind, "status", "https://ghe.example.com/acme/app", provider),
		costing(flux.AlertKind, "statuses", "", alert),
	}}), "p", nil, nil)
	b.NotCounted([]string{`imagepolicies in namespace "apps"`})
	notes := strings.Join(b.Notes, "\n")
	for _, want := range []string{
		"1 object is failing and tried again in back-off, whatever the interval is: each time after twice as long as before, from --min-retry-delay to --max-retry-delay of the controllers (750ms and 15m by default)",
		"1 object is failing and tried again at the retry interval",
		"1 object is waiting for others and looks again every --requeue-dependency (30s by default)",
		"1 object is stalled and counted with nothing",
		"As things are that makes 4 requests/h to hosts; if all was well, it would be 180.",
		"1 object waits until what is applied is healthy (spec.wait, healthChecks, Helm)",
		"A longer rollout comes on top, also at worst.",
		"1 GitRepository includes others (spec.include) without watching them",
		"What is asked by REST counts against the host's limit for its API",
		"api.github.com gets 60 requests/h without a credential: GitHub allows such only 60/h for each address, and not 5,000",
		"1 ResourceSetInputProvider asks by its spec.schedule, and not at an interval: it is counted with nothing.",
		"1 Alert has commit statuses written: 60 requests/h by REST, since each reconcile of a Kustomization that an Alert names asks for the statuses of its commit, also where nothing is new (what is new takes one more). Shorter Kustomization intervals multiply them.",
		"Assumed: polls find nothing new. A registry hands out a token for each question, which makes 3 requests of one. 2 objects ask at least what is counted",
		`Not counted, since they could not be read: imagepolicies in namespace "apps".`,
	} {
		assert.Contains(t, notes, want)
	}
	assert.Equal(t, BudgetFailing{
		BackOff: 1, RetryInterval: 1, Waiting: 1, Stalled: 1, Requests: budget.Rates{Now: 4, Planned: 4}, Mended: budget.Rates{Now: 180, Planned: 180},
	}, b.Summary.Failing)
	assert.Equal(t, []string{"kube-apiserver: 3,840 requests/h: 2,400 for the 20 objects of 1 Kustomization and 1 HelmRelease with drift detection (a GET and a dry run for each, every time; more with wait, healthChecks and substituteFrom), 1,440 for status, events and dependencies of all that is reconciled. 1 have no inventory: their objects count nothing. 1 apply to other clusters (spec.kubeConfig): their objects are not counted."}, b.apiServerLine())

	quiet := NewBudget(budget.New(budget.Input{Items: []tune.Item{costing("GitRepository", "a", url, nothing)}}), "p", nil, nil)
	quiet.NotCounted(nil)
	assert.Equal(t, []string{"Assumed: polls find nothing new."}, quiet.Notes[:1])
	assert.Equal(t, []string{"kube-apiserver: 12 requests/h for status, events and dependencies of all that is reconciled."}, quiet.apiServerLine())
}

// What is planned for objects that plan leaves to their owners is said in each form, and only where there are such.
func TestBudgetSaysWhatIsPlannedForOwners(t *testing.T) {
	t.Parallel()
	budgetOf := func(labels map[string]string) Budget {
		item := costing("GitRepository", "a", "https://git.example.com/app", func(o *flux.Object) { o.Labels = labels })
		item.Changes = []tune.Change{{Field: flux.Interval, To: new("2m")}}
		return NewBudget(budget.New(budget.Input{Items: []tune.Item{item}}), "fast", nil, nil)
	}
	owned := budgetOf(map[string]string{"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"})
	assert.Contains(t, owned.Notes, plannedNote)
	var shown strings.Builder
	assert.NoError(t, owned.DrawOverview(&shown, "", Layout{}))
	assert.Contains(t, shown.String(), plannedNote)
	free := budgetOf(nil)
	assert.NotContains(t, free.Notes, plannedNote)
	shown.Reset()
	assert.NoError(t, free.DrawOverview(&shown, "", Layout{}))
	assert.NotContains(t, shown.String(), plannedNote)
}

// What a URL without .git costs at GitLab, and what a new pod of image-reflector-controller asks, is told where there is any.
func TestRedirectsAndScansAreTold(t *testing.T) {
	t.Parallel()
	nothing := func(*flux.Object) {}
	items := []tune.Item{costing("GitRepository", "a", "https://gitlab.com/acme/app", nothing)}
	for i := range 20 {
		items = append(items, costing("ImageRepository", "i"+strings.Repeat("x", i), "ghcr.io/acme/app", nothing))
	}
	notes := strings.Join(NewBudget(budget.New(budget.Input{Items: items}), "p", nil, nil).Notes, "\n")
	assert.Contains(t, notes, "1 object is polled at a URL of GitLab without .git at its end")
	assert.Contains(t, notes, "scans all ImageRepositories at once, at ghcr.io (60 requests at least, up to 24/s)")
	quiet := strings.Join(NewBudget(budget.New(budget.Input{Items: []tune.Item{costing("GitRepository", "a", "https://gitlab.com/acme/app.git", nothing), items[1]}}), "p", nil, nil).Notes, "\n")
	assert.NotContains(t, quiet, ".git at its end")
	assert.NotContains(t, quiet, "scans all")
}

// What clones transfer is told for now and as planned, and of clones alone: an index file is none, whatever its size.
func TestClonesNote(t *testing.T) {
	t.Parallel()
	slower := func(name string, size int64) tune.Item {
		item := costing("GitRepository", name, "https://git.example.com/"+name, func(o *flux.Object) {
			o.Remote.Ref, o.Status.ArtifactSize = flux.RemoteRef{Kind: flux.RefSemver, Value: "1.x"}, size
		})
		item.Action, item.Changes = tune.ActionChange, []tune.Change{{Field: flux.Interval, From: item.Object.Interval, To: ptr("2m")}}
		return item
	}
	index := func(name string, size int64) tune.Item {
		return costing("HelmRepository", name, "https://charts.example.com/"+name, func(o *flux.Object) { o.Status.ArtifactSize = size })
	}
	note := func(items ...tune.Item) string { return clonesNote(budget.New(budget.Input{Items: items}).Cloning()) }
	assert.Contains(t, note(slower("a", 10e6), index("b", 50e6), index("c", 0)), "60 -> 30 clones/h while nothing changes, about 600 -> 300 MB/h:")
	assert.Contains(t, note(slower("a", 10e6), slower("b", 0), index("c", 0)), "120 -> 60 clones/h while nothing changes, at least 600 -> 300 MB/h (the size of 1 object is not known):")
	assert.Contains(t, note(slower("a", 1), index("b", 50e6)), "60 -> 30 clones/h while nothing changes: semver")
	assert.Empty(t, note(index("b", 50e6)))
}
