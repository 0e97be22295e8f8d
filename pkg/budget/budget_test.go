package budget

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

func ptr(s string) *string { return &s }

func ref(kind, name string) flux.Ref {
	k, _ := flux.ParseKind(kind)
	return flux.Ref{Group: k.Group, Kind: k.Name, Namespace: "apps", Name: name}
}

// source is a GitRepository on branch main, polled at an interval that the plan changes to another; ""
// leaves it.
func source(name, url, interval, becomes string, change ...func(*flux.Object)) tune.Item {
	o := flux.Object{Ref: ref("GitRepository", name), Interval: ptr(interval)}
	o.Remote = flux.Remote{URL: url, Ref: flux.RemoteRef{Kind: flux.RefBranch, Value: "main"}}
	return item(o, becomes, change...)
}

func kustomization(name, from, interval, becomes string, change ...func(*flux.Object)) tune.Item {
	o := flux.Object{Ref: ref("Kustomization", name), Interval: ptr(interval), SourceRef: ref("GitRepository", from)}
	return item(o, becomes, change...)
}

func item(o flux.Object, becomes string, change ...func(*flux.Object)) tune.Item {
	for _, c := range change {
		c(&o)
	}
	i := tune.Item{Object: o, Assignment: policy.Assignment{Environment: "dev"}}
	if becomes != "" {
		i.Changes = []tune.Change{{Field: flux.Interval, From: o.Interval, To: ptr(becomes)}}
	}
	return i
}

func steady(perHour float64) Rates { return Rates{Now: perHour, Planned: perHour} }

func TestCosts(t *testing.T) {
	t.Parallel()
	withRef := func(kind flux.RefKind) func(*flux.Object) {
		return func(o *flux.Object) { o.Remote.Ref = flux.RemoteRef{Kind: kind, Value: "v"} }
	}
	of := func(kind, url string, change ...func(*flux.Object)) tune.Item {
		return item(flux.Object{Ref: ref(kind, "x"), Interval: ptr("1m"), Remote: flux.Remote{URL: url}}, "", change...)
	}
	version := func(v string, verify bool) func(*flux.Object) {
		return func(o *flux.Object) { o.Polling.Version, o.Polling.Verifies = v, verify }
	}
	submodules := func(o *flux.Object) { o.Polling.Submodules = true }
	const url, oci = "https://github.com/acme/app", "oci://ghcr.io/acme/app"
	chartOf := func(s string) func(*flux.Object) {
		return func(o *flux.Object) { o.SourceRef, o.Remote = ref("HelmRepository", s), flux.Remote{} }
	}
	ociCharts := of("HelmRepository", oci, func(o *flux.Object) { o.Name, o.OCI = "oci", true })
	for name, tc := range map[string]struct {
		item     tune.Item
		requests float64 // per hour
		protocol Protocol
		address  string
	}{
		"branch":       {of("GitRepository", url, withRef(flux.RefBranch)), 60, Git, "github.com/acme/app"},
		"no ref":       {of("GitRepository", url), 60, Git, "github.com/acme/app"},
		"tag":          {of("GitRepository", url, withRef(flux.RefTag)), 60, Git, "github.com/acme/app"},
		"name":         {of("GitRepository", url, withRef(flux.RefName)), 60, Git, "github.com/acme/app"},
		"semver":       {of("GitRepository", url, withRef(flux.RefSemver)), 120, Git, "github.com/acme/app"},
		"commit":       {of("GitRepository", url, withRef(flux.RefCommit)), 120, Git, "github.com/acme/app"},
		"suspended":    {of("GitRepository", url, func(o *flux.Object) { o.Suspended = true }), 0, Git, "github.com/acme/app"},
		"deleting":     {of("GitRepository", url, func(o *flux.Object) { o.Deleting = true }), 0, Git, "github.com/acme/app"},
		"no interval":  {of("GitRepository", url, func(o *flux.Object) { o.Interval = nil }), 0, Git, "github.com/acme/app"},
		"interval 0":   {of("GitRepository", url, func(o *flux.Object) { o.Interval = ptr("0s") }), 0, Git, "github.com/acme/app"},
		"no duration":  {of("GitRepository", url, func(o *flux.Object) { o.Interval = ptr("soon") }), 0, Git, "github.com/acme/app"},
		"huge":         {of("GitRepository", url, func(o *flux.Object) { o.Interval = ptr("8760h") }), 1.0 / 8760, Git, "github.com/acme/app"},
		"tiny":         {of("GitRepository", url, func(o *flux.Object) { o.Interval = ptr("1ms") }), 3.6e6, Git, "github.com/acme/app"},
		"OCI tag":      {of("OCIRepository", oci, withRef(flux.RefTag)), 180, OCI, "ghcr.io/acme/app"},
		"OCI semver":   {of("OCIRepository", oci, withRef(flux.RefSemver)), 360, OCI, "ghcr.io/acme/app"},
		"OCI digest":   {of("OCIRepository", oci, withRef(flux.RefDigest)), 0, "", ""},
		"helm index":   {of("HelmRepository", "https://charts.example.com/stable/"), 60, Helm, "charts.example.com/stable"},
		"helm OCI":     {of("HelmRepository", oci, func(o *flux.Object) { o.OCI = true }), 0, "", ""},
		"chart":        {of("HelmChart", "", chartOf("index")), 0, "", ""},
		"OCI chart":    {of("HelmChart", "", chartOf("oci")), 180, OCI, "ghcr.io/acme/app"},
		"OCI range":    {of("HelmChart", "", chartOf("oci"), version("1.x", false)), 180, OCI, "ghcr.io/acme/app"},
		"OCI exact":    {of("HelmChart", "", chartOf("oci"), version("1.2.3", false)), 0, "", ""},
		"OCI minor":    {of("HelmChart", "", chartOf("oci"), version("1.2", false)), 180, OCI, "ghcr.io/acme/app"},
		"OCI verified": {of("HelmChart", "", chartOf("oci"), version("1.2.3", true)), 360, OCI, "ghcr.io/acme/app"},
		"OCI both":     {of("HelmChart", "", chartOf("oci"), version("1.x", true)), 540, OCI, "ghcr.io/acme/app"},
		"verified":     {of("HelmChart", "", chartOf("index"), version("1.2.3", true)), 0, "", ""},
		"submodules":   {of("GitRepository", url, withRef(flux.RefBranch), submodules), 60, Git, "github.com/acme/app"},
		"sub semver":   {of("GitRepository", url, withRef(flux.RefSemver), submodules), 240, Git, "github.com/acme/app"},
		"sub commit":   {of("GitRepository", url, withRef(flux.RefCommit), submodules), 240, Git, "github.com/acme/app"},
		"helm unset":   {of("HelmRepository", "https://charts.example.com/stable/", func(o *flux.Object) { o.Interval = nil }), 60, Helm, "charts.example.com/stable"},
		"helm 0s":      {of("HelmRepository", "https://charts.example.com/stable/", func(o *flux.Object) { o.Interval = ptr("0s") }), 60, Helm, "charts.example.com/stable"},
		"bucket":       {of("Bucket", "minio.example.com:9000", func(o *flux.Object) { o.Remote.Bucket = "b" }), 240, Bucket, "minio.example.com:9000/b"},
		"bucket eu":    {of("Bucket", "minio.example.com:9000", func(o *flux.Object) { o.Remote.Bucket, o.Polling.Region = "b", true }), 180, Bucket, "minio.example.com:9000/b"},
		"bucket azure": {of("Bucket", "https://b.blob.core.windows.net", func(o *flux.Object) { o.Remote.Bucket, o.Remote.Provider = "b", "azure" }), 180, Bucket, "b.blob.core.windows.net/b"},
		"image":        {of("ImageRepository", "acme/app"), 180, Image, "docker.io/acme/app"},
		"automation":   {of("ImageUpdateAutomation", "", func(o *flux.Object) { o.SourceRef = ref("GitRepository", "monorepo") }), 60, Git, "git.example.com/mono"},
		"consumer":     {of("HelmRelease", ""), 0, "", ""},
		"receiver":     {of("Receiver", ""), 0, "", ""},
		"unknown kind": {tune.Item{Object: flux.Object{Ref: flux.Ref{Kind: "Widget"}, Interval: ptr("1m")}}, 0, "", ""},
	} {
		others := []tune.Item{ociCharts, source("monorepo", "https://git.example.com/mono.git", "5m", "")}
		b := New(Input{Items: []tune.Item{tc.item}, Others: others})
		got := b.Items[0]
		assert.Equal(t, steady(tc.requests), got.Requests, name)
		assert.Equal(t, tc.protocol, got.Cost.Protocol, name)
		assert.Equal(t, tc.address, got.Address.String(), name)
		assert.Equal(t, steady(tc.requests), b.Requests, name)
	}
}

// The fleet that this project started with, under each of its configurations: 26 projects in three
// environments, one repository for each project.
func TestFleetNumbers(t *testing.T) {
	t.Parallel()
	intervals := map[string][3]string{
		"before": {"5m", "5m", "5m"}, "fast": {"30s", "30s", "30s"}, "per-environment": {"1m", "3m", "5m"},
	}
	budgetOf := func(from, to string) Budget {
		var items []tune.Item
		for e, environment := range []string{"development", "staging", "production"} {
			for p := range 26 {
				i := source(fmt.Sprintf("%s-%d", environment, p), fmt.Sprintf("https://github.com/acme/project-%02d", p), intervals[from][e], intervals[to][e])
				i.Assignment.Environment = environment
				items = append(items, i)
			}
		}
		return New(Input{Items: items, Limits: NewLimits(nil, nil), Environments: []string{"development", "staging", "production"}})
	}
	b := budgetOf("before", "fast")
	assert.Equal(t, Rates{Now: 936, Planned: 9360}, b.Git)
	assert.Equal(t, 22464.0, b.Git.Now*24)
	assert.InDelta(t, 187.2, b.Hosts[0].Used.Planned, 1e-9)

	b = budgetOf("fast", "per-environment")
	assert.Equal(t, Rates{Now: 9360, Planned: 2392}, b.Git)
	assert.InDelta(t, 47.84, b.Hosts[0].Used.Planned, 1e-9)
	assert.Equal(t, -74.0, float64(int((b.Git.Planned/b.Git.Now-1)*100)))
	assert.Equal(t, []Rates{{Now: 3120, Planned: 1560}, {Now: 3120, Planned: 520}, {Now: 3120, Planned: 312}},
		[]Rates{b.Environments[0].Git, b.Environments[1].Git, b.Environments[2].Git})
	// Each project's repository is polled three times; one source at 1m would do.
	assert.Len(t, b.Repositories, 26)
	assert.Equal(t, Rates{Now: 240, Planned: 32}, b.Repositories[0].Saving)
	assert.Equal(t, Rates{Now: 240, Planned: 32}, b.Repositories[0].SavingAcross)

	// 78 sources at half a second keep two workers busy for more than half of their time.
	assert.InDelta(t, 65, b.Workers[0].Busy.Now, 1e-9)
	assert.Empty(t, b.Workers[0].Advice)
}

func TestHosts(t *testing.T) {
	t.Parallel()
	semver := func(o *flux.Object) { o.Remote.Ref = flux.RemoteRef{Kind: flux.RefSemver, Value: "1.x"} }
	b := New(Input{
		Items: []tune.Item{
			source("a", "https://github.com/acme/a", "1m", "30s"),
			source("b", "ssh://git@github.com/acme/b.git", "1m", "", semver),
			source("c", "https://git.example.com:8443/c", "10m", ""),
			source("d", "git@nowhere:d", "1h", ""),
			source("s", "https://idle.example.com/s", "1m", "30s", func(o *flux.Object) { o.Suspended = true }),
			item(flux.Object{Ref: ref("HelmRepository", "h"), Interval: ptr("1h"), Remote: flux.Remote{URL: "https://github.com/charts"}}, ""),
		},
		Limits: NewLimits([]policy.Limit{{Host: "git.example.com", PerHour: 12}}, nil),
	})
	for i := range b.Hosts {
		b.Hosts[i].Bursts = Bursts{} // TestBursts
	}
	github, example := Limit{PerHour: 5000, From: LimitPreset}, Limit{PerHour: 12, From: LimitPolicy}
	assert.Equal(t, []Host{
		{
			Name: "github.com", Sources: 3, Requests: Rates{121, 181}, Limit: &github, Used: Rates{2.42, 3.62}, Clones: steady(60),
			Protocols: []ProtocolLoad{{Git, 2, Rates{120, 180}}, {Helm, 1, steady(1)}},
		},
		{Name: "git.example.com:8443", Sources: 1, Requests: steady(6), Limit: &example, Used: steady(50), Protocols: []ProtocolLoad{{Git, 1, steady(6)}}},
		{Name: "", Sources: 1, Requests: steady(1), Protocols: []ProtocolLoad{{Git, 1, steady(1)}}},
	}, b.Hosts)
	percent, host, found := b.Used(true)
	assert.True(t, found)
	assert.Equal(t, 50.0, percent)
	assert.Equal(t, "git.example.com:8443", host.Name)
	assert.True(t, b.Changes())
	assert.Equal(t, Rates{127, 187}, b.Git)
	assert.Equal(t, Rates{128, 188}, b.Requests)
}

func TestLimits(t *testing.T) {
	t.Parallel()
	mine := []policy.Limit{{Host: "github.com", PerHour: 100}, {Host: "a.org", PerHour: 1}, {Host: "b.org:8443", PerHour: 3}}
	for name, tc := range map[string]struct {
		policy, flags []policy.Limit
		host          string
		want          Limit
		found         bool
	}{
		"preset":              {nil, nil, "github.com", Limit{PerHour: 5000, From: LimitPreset}, true},
		"policy over preset":  {mine, nil, "github.com", Limit{PerHour: 100, From: LimitPolicy}, true},
		"flag over policy":    {mine, []policy.Limit{{Host: "a.org", PerHour: 2}}, "a.org", Limit{PerHour: 2, From: LimitFlag}, true},
		"none":                {nil, []policy.Limit{{Host: "github.com"}}, "github.com", Limit{PerHour: 0, From: LimitFlag}, false},
		"other port":          {mine, nil, "a.org:8443", Limit{PerHour: 1, From: LimitPolicy}, true},
		"port of its own":     {mine, nil, "b.org:8443", Limit{PerHour: 3, From: LimitPolicy}, true},
		"without that port":   {mine, nil, "b.org", Limit{}, false},
		"nobody limits":       {mine, nil, "c.org", Limit{}, false},
		"no host":             {mine, nil, "", Limit{}, false},
		"a subdomain of some": {mine, nil, "ssh.github.com", Limit{}, false},
	} {
		got, found := NewLimits(tc.policy, tc.flags).find(tc.host)
		assert.Equal(t, tc.found, found, name)
		assert.Equal(t, tc.want, got, name)
	}
	assert.True(t, IsYardstick("github.com", Limit{PerHour: 5000}))
	assert.False(t, IsYardstick("github.com", Limit{PerHour: 15000}))
	assert.False(t, IsYardstick("git.example.com", Limit{PerHour: 5000}))
}

func TestRepositoriesAndCredentials(t *testing.T) {
	t.Parallel()
	const url = "https://github.com/acme/app"
	secret := func(name, namespace string) func(*flux.Object) {
		return func(o *flux.Object) { o.Remote.Secret, o.Namespace = name, namespace }
	}
	tag := func(o *flux.Object) { o.Remote.Ref = flux.RemoteRef{Kind: flux.RefTag, Value: "v1"} }
	b := New(Input{Items: []tune.Item{
		source("a", url, "5m", "1m", secret("token", "dev")),
		source("b", url+".git", "3m", "", secret("token", "prod")),
		source("c", "ssh://git@github.com/acme/app", "2m", "", secret("key", "prod")),
		source("d", url, "1m", "", tag),
		source("e", "https://github.com/acme/other", "10m", "", func(o *flux.Object) { o.Remote.Provider = "azure" }),
	}})
	require := []Repository{
		{
			Address: flux.Address{Host: "github.com", Path: "acme/app"}, Protocol: Git,
			Objects: []flux.Located{
				{Ref: flux.Ref{Group: "source.toolkit.fluxcd.io", Kind: "GitRepository", Namespace: "dev", Name: "a"}},
				{Ref: flux.Ref{Group: "source.toolkit.fluxcd.io", Kind: "GitRepository", Namespace: "prod", Name: "b"}},
				{Ref: flux.Ref{Group: "source.toolkit.fluxcd.io", Kind: "GitRepository", Namespace: "prod", Name: "c"}},
				{Ref: ref("GitRepository", "d")},
			},
			Refs:     []flux.RemoteRef{{Kind: flux.RefBranch, Value: "main"}, {Kind: flux.RefTag, Value: "v1"}},
			Requests: Rates{12 + 20 + 30 + 60, 60 + 20 + 30 + 60},
			// d looks for another ref, c has another key; of the others the fastest stays, if a namespace may
			// refer to another.
			SavingAcross: Rates{12, 20},
		},
		{Address: flux.Address{Host: "github.com", Path: "acme/other"}, Protocol: Git, Objects: []flux.Located{{Ref: ref("GitRepository", "e")}},
			Refs: []flux.RemoteRef{{Kind: flux.RefBranch, Value: "main"}}, Requests: steady(6)},
	}
	assert.Equal(t, require, b.Repositories)
	assert.Equal(t, []Credential{
		{Host: "github.com", Secret: "token", Namespaces: 2, Clusters: 1, Sources: 2, Requests: Rates{32, 80}},
		{Host: "github.com", Namespaces: 1, Clusters: 1, Sources: 1, Requests: steady(60)},
		{Host: "github.com", Secret: "key", Namespaces: 1, Clusters: 1, Sources: 1, Requests: steady(30)},
		{Host: "github.com", Provider: "azure", Namespaces: 1, Clusters: 1, Sources: 1, Requests: steady(6)},
	}, b.Credentials)
}

func TestAPIServerAndDrift(t *testing.T) {
	t.Parallel()
	manages := func(n int) func(*flux.Object) { return func(o *flux.Object) { o.Status.Managed = n } }
	b := New(Input{Items: []tune.Item{
		kustomization("a", "web", "5m", "1m", manages(10)),
		kustomization("b", "web", "10m", "", manages(3)),
		kustomization("new", "web", "10m", ""),
		kustomization("suspended", "web", "1m", "30s", manages(100), func(o *flux.Object) { o.Suspended = true }),
	}})
	assert.Equal(t, APIServer{
		Kustomizations: 3, Managed: 13, WithoutInventory: 1,
		Reconciles: Rates{24, 72},
		Requests:   Rates{12*20 + 6*6 + 216, 60*20 + 6*6 + 600}, Own: Rates{12*9 + 2*6*9, 60*8 + 12 + 2*6*9},
	}, b.APIServer)
	assert.Equal(t, Pair[time.Duration]{10*time.Minute + 30*time.Second, 10*time.Minute + 30*time.Second}, b.Environments[0].Drift)
}

// What is exactly at a share of a limit is not above it, whatever crumbs its sum has.
func TestPercentHasNoCrumbs(t *testing.T) {
	t.Parallel()
	sum := 0.0
	for range 21 {
		sum += 60.0 / 7
	}
	assert.NotEqual(t, 180.0, sum)
	assert.Equal(t, 50.0, Percent(sum, 360))
	assert.Equal(t, 9.2, Percent(460, 5000))
	assert.Greater(t, Percent(180.000001, 360), 50.0)
	var items []tune.Item
	for i := range 21 {
		every := "7m"
		items = append(items, tune.Item{Object: flux.Object{Ref: flux.Ref{Group: "source.toolkit.fluxcd.io", Kind: "GitRepository", Namespace: "apps", Name: fmt.Sprint(i)}, Version: "v1", Interval: &every, Remote: flux.Remote{URL: fmt.Sprintf("https://h.com/acme/%d", i)}}})
	}
	b := New(Input{Items: items, Limits: Limits{"h.com": {PerHour: 360}}})
	assert.Equal(t, Rates{Now: 50, Planned: 50}, b.Hosts[0].Used)
}
