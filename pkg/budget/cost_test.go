package budget

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// TestAutomations: what an ImageUpdateAutomation asks at an interval of 1m depends on what it checks out
// and where it pushes.
func TestAutomations(t *testing.T) {
	t.Parallel()
	branch := func(name string) flux.RemoteRef { return flux.RemoteRef{Kind: flux.RefBranch, Value: name} }
	for name, tc := range map[string]struct {
		source flux.RemoteRef
		push   flux.Push
		want   float64
	}{
		"the source's branch":                 {branch("main"), flux.Push{}, 60},
		"pushes to the same":                  {branch("main"), flux.Push{Branch: "main"}, 60},
		"pushes to another":                   {branch("main"), flux.Push{Branch: "updates"}, 120},
		"pushes by a refspec":                 {branch("main"), flux.Push{Refspec: "refs/heads/main:refs/heads/auto"}, 120},
		"checks out another":                  {branch("main"), flux.Push{HasCheckout: true, Checkout: branch("next"), CheckoutBranch: "next"}, 60},
		"checks out another and pushes there": {branch("main"), flux.Push{HasCheckout: true, Checkout: branch("next"), CheckoutBranch: "next", Branch: "next"}, 60},
		"checks out another and pushes back":  {branch("main"), flux.Push{HasCheckout: true, Checkout: branch("next"), CheckoutBranch: "next", Branch: "main"}, 120},
		"default branch":                      {flux.RemoteRef{}, flux.Push{Branch: "master"}, 60},
		"not the default branch":              {flux.RemoteRef{}, flux.Push{Branch: "main"}, 120},
		"a tag":                               {flux.RemoteRef{Kind: flux.RefTag, Value: "v1"}, flux.Push{Branch: "main"}, 120},
		"semver":                              {flux.RemoteRef{Kind: flux.RefSemver, Value: "1.x"}, flux.Push{Branch: "main"}, 120},
		"a ref name, looked up and cloned":    {flux.RemoteRef{Kind: flux.RefName, Value: "refs/heads/main"}, flux.Push{Branch: "main"}, 180},
	} {
		b := New(Input{
			Items: []tune.Item{item(flux.Object{
				Ref: ref("ImageUpdateAutomation", "a"), Interval: ptr("1m"), SourceRef: ref("GitRepository", "repo"), Polling: flux.Polling{Push: tc.push},
			}, "")},
			Others: []tune.Item{source("repo", "https://github.com/acme/app", "5m", "", func(o *flux.Object) {
				o.Remote.Ref = tc.source
				if tc.source.Kind == flux.RefBranch {
					o.Polling.Branch = tc.source.Value
				}
			})},
		})
		assert.Equal(t, steady(tc.want), b.Requests, name)
		assert.Equal(t, tc.want > 60, b.Items[0].Cost.Clones, name)
	}
}

// A GitRepository may name a branch beside what it checks out: an automation that pushes there does not switch.
func TestAutomationsOfATagOnABranch(t *testing.T) {
	t.Parallel()
	for push, want := range map[string]float64{"": 60, "main": 60, "updates": 120} {
		b := New(Input{
			Items: []tune.Item{item(flux.Object{
				Ref: ref("ImageUpdateAutomation", "a"), Interval: ptr("1m"), SourceRef: ref("GitRepository", "repo"), Polling: flux.Polling{Push: flux.Push{Branch: push}},
			}, "")},
			Others: []tune.Item{source("repo", "https://github.com/acme/app", "5m", "", func(o *flux.Object) {
				o.Remote.Ref, o.Polling.Branch = flux.RemoteRef{Kind: flux.RefTag, Value: "v1"}, "main"
			})},
		})
		assert.Equal(t, steady(want), b.Requests, push)
	}
}

func costKind(kind, name string, p flux.Polling, change ...func(*flux.Object)) tune.Item {
	o := flux.Object{Ref: flux.Ref{Kind: kind, Namespace: "apps", Name: name}, Polling: p}
	for _, k := range flux.CostKinds() {
		if k.Name == kind {
			o.Group = k.Group
		}
	}
	return item(o, "", change...)
}

func at(url string) func(*flux.Object) { return func(o *flux.Object) { o.Remote.URL = url } }

// What only budgets read: REST goes to a host of its own at GitHub, with the limit that GitHub enforces.
func TestKindsThatOnlyCost(t *testing.T) {
	t.Parallel()
	images := ref("ImageRepository", "web")
	b := New(Input{
		Items: []tune.Item{
			costKind(flux.ImagePolicyKind, "always", flux.Polling{Made: []flux.Ref{images}}),
			costKind(flux.ImagePolicyKind, "quick", flux.Polling{Made: []flux.Ref{images}}, func(o *flux.Object) { o.Interval = ptr("1m") }),
			costKind(flux.ImagePolicyKind, "never", flux.Polling{Made: []flux.Ref{images}, NoInterval: true}),
			costKind(flux.ResourceSetInputProviderKind, "branches", flux.Polling{Type: "GitHubBranch"}, at("https://github.com/acme/app")),
			costKind(flux.ResourceSetInputProviderKind, "enterprise", flux.Polling{Type: "GitHubPullRequest"}, at("https://ghe.example.com/acme/app")),
			costKind(flux.ResourceSetInputProviderKind, "merges", flux.Polling{Type: "GitLabMergeRequest"}, at("https://gitlab.com/acme/app")),
			costKind(flux.ResourceSetInputProviderKind, "tags", flux.Polling{Type: "OCIArtifactTag"}, at("oci://ghcr.io/acme/app")),
			costKind(flux.ResourceSetInputProviderKind, "static", flux.Polling{Type: "Static"}),
			costKind(flux.ProviderKind, "status", flux.Polling{Type: "github"}),
			costKind(flux.ProviderKind, "chat", flux.Polling{Type: "slack"}),
			costKind(flux.ArtifactGeneratorKind, "all", flux.Polling{}),
		},
		Others: []tune.Item{item(flux.Object{Ref: images, Remote: flux.Remote{URL: "ghcr.io/acme/web"}}, "")},
		Limits: NewLimits(nil, nil),
	})
	got := map[string]string{}
	requests := map[string]float64{}
	for _, i := range b.Items {
		got[i.Object.Name] = string(i.Cost.Protocol) + " " + i.Address.String()
		requests[i.Object.Name] = i.Requests.Now
	}
	assert.Equal(t, map[string]string{
		"always": "image ghcr.io/acme/web", "quick": "image ghcr.io/acme/web",
		"branches": "rest api.github.com/acme/app", "enterprise": "rest ghe.example.com/acme/app", "merges": "rest gitlab.com/acme/app",
		"tags": "image ghcr.io/acme/app", "static": " ",
	}, withSpace(got))
	assert.Equal(t, map[string]float64{"always": 18, "quick": 180, "branches": 6, "enterprise": 6, "merges": 6, "tags": 18, "static": 0}, requests)
	assert.Zero(t, b.Git, "REST is not Git")
	for _, h := range b.Hosts {
		if h.Name == "api.github.com" {
			assert.Equal(t, &Limit{PerHour: 5000, From: LimitPreset}, h.Limit)
			assert.False(t, IsYardstick(h.Name, *h.Limit), "it is GitHub's own")
		}
	}
}

// withSpace leaves what an address without a URL looks like out of the comparison.
func withSpace(m map[string]string) map[string]string {
	for k, v := range m {
		if v == " " || v == "" {
			m[k] = " "
		}
	}
	return m
}

// A HelmRelease that detects drift asks as a Kustomization does; one that does not asks nothing.
func TestDriftDetectionAsksTheAPIServer(t *testing.T) {
	t.Parallel()
	release := func(name string, compares bool, managed int, change ...func(*flux.Object)) tune.Item {
		o := flux.Object{Ref: ref("HelmRelease", name), Interval: ptr("5m"), ComparesDrift: compares}
		o.Status.Managed = managed
		return item(o, "", change...)
	}
	b := New(Input{Items: []tune.Item{
		kustomization("k", "web", "10m", "", func(o *flux.Object) { o.Status.Managed = 5 }),
		release("off", false, 20),
		release("on", true, 20),
		release("old", true, 0),
		release("failed", true, 7, func(o *flux.Object) { o.Status.Ready, o.Status.ReadyReason = "False", "UpgradeFailed" }),
		kustomization("hub", "web", "1m", "", func(o *flux.Object) { o.Status.Managed, o.AppliesElsewhere = 30, true }),
		release("spoke", true, 40, func(o *flux.Object) { o.AppliesElsewhere = true }),
		kustomization("waits", "web", "1m", "", func(o *flux.Object) {
			o.Status.Managed, o.Status.Ready, o.Status.ReadyReason = 9, "False", "DependencyNotReady"
		}),
	}})
	assert.Equal(t, 2, b.APIServer.Elsewhere, "other clusters are asked")
	b.APIServer.Elsewhere = 0
	assert.Equal(t, APIServer{
		Kustomizations: 1, HelmReleases: 2, Managed: 25, WithoutInventory: 1, Reconciles: steady(6 + 12 + 12),
		Requests: steady(2*(6*5+12*20) + 786), Own: steady(6*8 + 6 + 3*12*5 + 60*8 + 12 + 12*5),
	}, b.APIServer)
}

// Each shard has workers of its own: that one of them is too busy is not hidden by an idle one.
func TestShards(t *testing.T) {
	t.Parallel()
	const key = "sharding.fluxcd.io/key"
	shard := func(name string) func(*flux.Object) {
		return func(o *flux.Object) { o.Labels = map[string]string{key: name} }
	}
	b := New(Input{
		Items: []tune.Item{
			source("a", "https://github.com/acme/a", "1s", "", shard("hot")),
			source("b", "https://github.com/acme/b", "10m", "", shard("idle")),
			source("c", "https://github.com/acme/c", "10m", ""),
		},
		Controllers: []flux.Controller{
			{Name: flux.SourceController, Concurrent: 2, JitterPercent: 5, Found: true, Watches: "!" + key},
			{Name: flux.SourceController, Concurrent: 1, JitterPercent: 10, Found: true, Watches: key + "=hot"},
			{Name: flux.SourceController, Concurrent: 10, JitterPercent: 5, Found: true, Watches: key + " in (idle)"},
		},
	})
	got := map[string]Workers{}
	for _, w := range b.Workers {
		got[w.Shard] = w
	}
	assert.Len(t, got, 3)
	assert.Equal(t, steady(50), got[key+"=hot"].Busy)
	assert.Equal(t, 1, got[key+"=hot"].Concurrent)
	assert.Less(t, got[key+" in (idle)"].Busy.Now, 0.1)
	assert.Equal(t, 1, got["!"+key].Objects)
	assert.Equal(t, 10, b.JitterPercent)
}

// Two sources are one only where nothing but their URL's spelling and their polling differs.
func TestSharing(t *testing.T) {
	t.Parallel()
	const url = "https://github.com/acme/app"
	spec := func(fingerprint uint64) func(*flux.Object) {
		return func(o *flux.Object) { o.Remote.Fingerprint = fingerprint }
	}
	in := func(namespace string) func(*flux.Object) { return func(o *flux.Object) { o.Namespace = namespace } }
	b := New(Input{Items: []tune.Item{
		source("a", url, "1m", ""),
		source("b", url+".git", "2m", ""),
		source("c", url, "1m", "", spec(1)),
		source("d", url, "3m", "", in("other")),
	}})
	assert.Equal(t, steady(30), b.Repositories[0].Saving)
	assert.Equal(t, steady(50), b.Repositories[0].SavingAcross)
}

// Over SSH refs and pack come in one session, so that a clone is one connection; over HTTP it is two requests. A ref name is
// looked up before it is cloned.
func TestGitTransports(t *testing.T) {
	t.Parallel()
	type calls struct{ unchanged, refused, fresh float64 }
	for name, tc := range map[string]struct {
		change    func(*flux.Object)
		http, ssh calls
	}{
		"branch":     {withRef(flux.RefBranch, false), calls{1, 3, 2}, calls{1, 2, 1}},
		"name":       {withRef(flux.RefName, false), calls{1, 3, 3}, calls{1, 2, 2}},
		"semver":     {withRef(flux.RefSemver, false), calls{2, 2, 2}, calls{1, 1, 1}},
		"commit":     {withRef(flux.RefCommit, false), calls{2, 2, 2}, calls{1, 1, 1}},
		"submodules": {withRef(flux.RefSemver, true), calls{4, 4, 4}, calls{2, 2, 2}},
		"an automation that pushes to another branch": {func(o *flux.Object) {
			o.Ref, o.SourceRef, o.Polling.Push.Branch = ref("ImageUpdateAutomation", "x"), ref("GitRepository", "repo"), "other"
		}, calls{2, 2, 0}, calls{1, 1, 0}}, // no fetch of a new source-controller pod
	} {
		for url, want := range map[string]calls{"https://github.com/acme/app": tc.http, "ssh://git@github.com/acme/app": tc.ssh} {
			b := New(Input{Items: []tune.Item{source("x", url, "1m", "", tc.change)}, Others: []tune.Item{source("repo", url, "1m", "")}})
			assert.Equal(t, want, calls{b.Items[0].Cost.Unchanged, b.Items[0].Cost.Refused, b.Hosts[0].Fetches.Requests}, "%s %s", name, url)
		}
	}
}

func withRef(kind flux.RefKind, submodules bool) func(*flux.Object) {
	return func(o *flux.Object) {
		o.Remote.Ref, o.Polling.Submodules = flux.RemoteRef{Kind: kind, Value: "v"}, submodules
	}
}

// An endpoint of AWS that names its region is not asked for it.
func TestRegionOfABucket(t *testing.T) {
	t.Parallel()
	for endpoint, want := range map[string]float64{
		"s3.amazonaws.com": 4, "minio.example.com": 4, "s3.eu-central-1.example.com": 4, "s3-external-1.amazonaws.com": 4,
		"s3.eu-central-1.amazonaws.com": 3, "s3-us-west-2.amazonaws.com": 3, "s3.dualstack.eu-west-1.amazonaws.com": 3, "s3-fips.us-gov-west-1.amazonaws.com": 3,
		"s3.cn-north-1.amazonaws.com.cn": 3, "https://s3.eu-central-1.amazonaws.com": 3,
	} {
		b := New(Input{Items: []tune.Item{item(flux.Object{Ref: ref("Bucket", "b"), Interval: ptr("1h"), Remote: flux.Remote{URL: endpoint, Bucket: "b", Provider: "aws"}}, "")}})
		assert.Equal(t, steady(want), b.Requests, endpoint)
	}
}

// GitLab answers each poll of a URL without .git with a redirect. What a host is that is not its own, a webhook tells.
func TestRedirectsOfGitLab(t *testing.T) {
	t.Parallel()
	const own = "https://git.example.com/acme/app"
	hook := func(kind string) tune.Item {
		return item(flux.Object{Ref: ref("Receiver", "r"), Hook: flux.Hook{Type: kind, Secret: "token"}, Targets: []flux.Target{{Kind: "GitRepository", Namespace: "apps", Name: "told"}}}, "")
	}
	for name, tc := range map[string]struct {
		url    string
		others []tune.Item
		change func(*flux.Object)
		want   []float64 // unchanged, refused, of a new pod
	}{
		"branch":             {"https://gitlab.com/acme/app", nil, withRef(flux.RefBranch, false), []float64{2, 5, 3}},
		"a slash at the end": {"https://gitlab.com/acme/app/", nil, withRef(flux.RefBranch, false), []float64{2, 5, 3}},
		"semver":             {"https://gitlab.com/acme/app", nil, withRef(flux.RefSemver, false), []float64{3, 3, 3}},
		"name":               {"https://gitlab.com/acme/app", nil, withRef(flux.RefName, false), []float64{2, 5, 5}},
		"with .git":          {"https://gitlab.com/acme/app.git", nil, withRef(flux.RefBranch, false), []float64{1, 3, 2}},
		"SSH":                {"ssh://git@gitlab.com/acme/app", nil, withRef(flux.RefBranch, false), []float64{1, 2, 1}},
		"not known":          {own, nil, withRef(flux.RefBranch, false), []float64{1, 3, 2}},
		"known by a webhook": {own, []tune.Item{hook("gitlab"), source("told", own, "1m", "")}, withRef(flux.RefBranch, false), []float64{2, 5, 3}},
		"another's webhook":  {own, []tune.Item{hook("github"), source("told", own, "1m", "")}, withRef(flux.RefBranch, false), []float64{1, 3, 2}},
		"an automation": {"https://gitlab.com/acme/app", []tune.Item{source("repo", "https://gitlab.com/acme/app", "1m", "")}, func(o *flux.Object) {
			o.Ref, o.SourceRef, o.Polling.Push.Branch = ref("ImageUpdateAutomation", "x"), ref("GitRepository", "repo"), "other"
		}, []float64{3, 3, 0}},
	} {
		b := New(Input{Items: []tune.Item{source("x", tc.url, "1m", "", tc.change)}, Others: tc.others})
		c := b.Items[0].Cost
		assert.Equal(t, tc.want, []float64{c.Unchanged, c.Refused, b.Hosts[0].Fetches.Requests}, name)
		assert.Equal(t, c.Unchanged > 1, c.Redirected, name)
	}
}

// The Flux Operator lists in pages of 100, and of some types asks for each of what it lists.
func TestInputCosts(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		kind     string
		exported int
		want     Cost
	}{
		"branches":                 {"GitHubBranch", 7, Cost{Protocol: REST, Unchanged: 1}},
		"many branches":            {"GitHubBranch", 250, Cost{Protocol: REST, Unchanged: 3}},
		"artifact tags":            {"OCIArtifactTag", 100, Cost{Protocol: Image, Unchanged: 303}},
		"of nobody knows how many": {"ECRArtifactTag", 0, Cost{Protocol: Image, Unchanged: 3}},
		"environments":             {"GitLabEnvironment", 12, Cost{Protocol: REST, Unchanged: 13}},
		"Azure's tags":             {"AzureDevOpsTag", 4, Cost{Protocol: REST, Unchanged: 5}},
		"Azure's branches":         {"AzureDevOpsBranch", 4, Cost{Protocol: REST, Unchanged: 1}},
		"many of Azure's branches": {"AzureDevOpsBranch", 250, Cost{Protocol: REST, Unchanged: 1}},
		"many of Azure's tags":     {"AzureDevOpsTag", 250, Cost{Protocol: REST, Unchanged: 253}},
		"Azure's requests":         {"AzureDevOpsPullRequest", 4, Cost{Protocol: REST, Unchanged: 1}},
		"many of Azure's requests": {"AzureDevOpsPullRequest", 250, Cost{Protocol: REST, Unchanged: 3}},
		"of Gitea":                 {"GiteaBranch", 0, Cost{Protocol: REST, Unchanged: 2}},
		"many of Gitea":            {"GiteaPullRequest", 100, Cost{Protocol: REST, Unchanged: 3}},
		"many of Gitea's tags":     {"GiteaTag", 101, Cost{Protocol: REST, Unchanged: 4}},
		"many of a service":        {"ExternalService", 250, Cost{Protocol: REST, Unchanged: 1}},
		"AWS's requests":           {"AWSCodeCommitPullRequest", 4, Cost{Protocol: REST, Unchanged: 5}},
		"AWS's tags are refs":      {"AWSCodeCommitTag", 4, Cost{Protocol: Git, Unchanged: 1}},
	} {
		b := New(Input{Items: []tune.Item{costKind(flux.ResourceSetInputProviderKind, "x", flux.Polling{Type: tc.kind}, at("https://git.example.com/acme/app"), func(o *flux.Object) { o.Status.Exported = tc.exported })}})
		got := b.Items[0].Cost
		assert.Equal(t, tc.want, Cost{Protocol: got.Protocol, Unchanged: got.Unchanged}, name)
		once := tc.want.Protocol == Git || strings.HasSuffix(tc.kind, "AzureDevOpsBranch") || tc.kind == "ExternalService"
		assert.Equal(t, !once, got.AtLeast, name)
	}
}

// An input that fails is tried again in the Flux Operator's back-off, whatever its interval is, by one of its ten workers. What
// its first request was, and whether it came to one, nothing tells; nor since when it fails, as each attempt makes its state anew.
func TestInputsThatFail(t *testing.T) {
	t.Parallel()
	input := func(kind string, exported int, interval string) tune.Item {
		return costKind(flux.ResourceSetInputProviderKind, kind, flux.Polling{Type: kind}, at("https://git.example.com/acme/app"),
			failing("ReconciliationFailed", "401"), func(o *flux.Object) {
				o.Status.Exported, o.Interval, o.Status.FailingSince = exported, &interval, time.Unix(1_700_000_000, 0)
			})
	}
	for name, tc := range map[string]struct {
		item tune.Item
		want float64
	}{
		"a rare one":    {input("GitHubBranch", 250, "1h"), 4},
		"an often one":  {input("GitHubBranch", 1, "1m"), 4},
		"of a registry": {input("OCIArtifactTag", 100, "10m"), 12},
		"stopped": {costKind(flux.ResourceSetInputProviderKind, "x", flux.Polling{Type: "GitHubBranch"}, at("https://git.example.com/acme/app"),
			failing("InvalidSpec", "x"), func(o *flux.Object) { o.Status.Stalled = true }), 0},
	} {
		b := New(Input{Items: []tune.Item{tc.item}, Now: time.Unix(1_700_000_030, 0)})
		assert.Equal(t, steady(tc.want), b.Requests, name)
		assert.Empty(t, b.Workers, name)
	}
	many := make([]tune.Item, 0, 30)
	for i := range 30 {
		many = append(many, costKind(flux.ResourceSetInputProviderKind, string(rune('a'+i)), flux.Polling{Type: "GitHubBranch"}, at("https://git.example.com/acme/app")))
	}
	assert.Equal(t, 10, New(Input{Items: many}).Hosts[0].Polls.Connections)
}

// AWS CodeCommit answers what lists requests on another host than Git.
func TestInputsOfCodeCommit(t *testing.T) {
	t.Parallel()
	const url = "https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/app"
	for kind, want := range map[string]string{"AWSCodeCommitPullRequest": "codecommit.eu-west-1.amazonaws.com", "AWSCodeCommitBranch": "git-codecommit.eu-west-1.amazonaws.com"} {
		b := New(Input{Items: []tune.Item{costKind(flux.ResourceSetInputProviderKind, "x", flux.Polling{Type: kind}, at(url))}})
		assert.Equal(t, want, b.Hosts[0].Name)
	}
}
