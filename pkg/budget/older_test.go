package budget

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// Controllers of Flux 2.1 ask where those of today do not.
func TestOldControllersAskMore(t *testing.T) {
	t.Parallel()
	fleet := source("fleet", "https://github.com/acme/fleet", "10m", "")
	automation := func(api string) tune.Item {
		return item(flux.Object{Ref: ref("ImageUpdateAutomation", "auto"), Version: api, ResourceVersion: "7", Interval: ptr("1m"), SourceRef: fleet.Object.Ref}, "")
	}
	digest := item(flux.Object{Ref: ref("OCIRepository", "digest"), Interval: ptr("1m"),
		Remote: flux.Remote{URL: "oci://ghcr.io/acme/app", Ref: flux.RemoteRef{Kind: flux.RefDigest, Value: "sha256:0"}}}, "")
	of := func(i tune.Item, c ...flux.Controller) float64 {
		return New(Input{Items: []tune.Item{fleet, i}, Controllers: c}).Items[1].Requests.Now
	}
	assert.Equal(t, 120., of(automation("v1beta1")), "it clones every time")
	assert.Equal(t, 60., of(automation("v1")))
	assert.Equal(t, 120., of(automation("v1"), flux.Controller{Name: flux.ImageAutomationController, Version: "0.37.1"}))
	assert.Equal(t, 180., of(digest, flux.Controller{Name: flux.SourceController, Version: "1.1.2"}), "it asks for the digest of a digest")
	assert.Zero(t, of(digest, flux.Controller{Name: flux.SourceController, Version: "1.2.0"}))
	assert.Zero(t, of(digest))
	login := func(secret, provider string) tune.Item {
		return item(flux.Object{Ref: ref("HelmRepository", "charts"), Interval: ptr("10m"), OCI: true,
			Remote: flux.Remote{URL: "oci://ghcr.io/acme/charts", Secret: secret, Provider: provider}}, "")
	}
	before, since := flux.Controller{Name: flux.SourceController, Version: "1.1.2"}, flux.Controller{Name: flux.SourceController, Version: "1.2.0"}
	assert.Equal(t, 18., of(login("token", ""), before), "it logs in each time")
	assert.Equal(t, 18., of(login("", "aws"), before))
	assert.Zero(t, of(login("", ""), before))
	assert.Zero(t, of(login("token", ""), since))
	assert.Zero(t, of(login("token", "")))
}

// Before source-controller 1.8 a chart of a registry logs in at each reconcile where its HelmRepository has a credential, also where
// its one version asks nothing else.
func TestOldChartsLogIn(t *testing.T) {
	t.Parallel()
	const refusedLogin = "failed to login to OCI registry: 401"
	for name, tc := range map[string]struct {
		by, secret, provider, version string
		change                        func(*flux.Object)
		want                          float64
		atLeast                       bool
	}{
		"exact, 1.1":              {"1.1.2", "token", "", "1.2.3", nil, 18, true},
		"exact, 1.7":              {"1.7.4", "token", "", "1.2.3", nil, 18, true},
		"exact, of a cloud":       {"1.7.4", "", "aws", "1.2.3", nil, 18, true},
		"exact, for everybody":    {"1.7.4", "", "", "1.2.3", nil, 0, false},
		"exact, 1.8":              {"1.8.0", "token", "", "1.2.3", nil, 0, false},
		"exact, of a version ?":   {"", "token", "", "1.2.3", nil, 0, false},
		"range":                   {"1.7.4", "token", "", "1.x", nil, 36, true},
		"range, for everybody":    {"1.7.4", "", "", "1.x", nil, 18, true},
		"verified":                {"1.7.4", "token", "", "1.2.3", func(o *flux.Object) { o.Polling.Verifies = true }, 54, true},
		"range, login is refused": {"1.7.4", "token", "", "1.x", failing("AuthenticationFailed", refusedLogin), 12, true},
		"exact, login is refused": {"1.7.4", "token", "", "1.2.3", failing("AuthenticationFailed", refusedLogin), 12, true},
	} {
		charts := item(flux.Object{Ref: ref("HelmRepository", "charts"), Interval: ptr("10m"), OCI: true,
			Remote: flux.Remote{URL: "oci://ghcr.io/acme/charts", Secret: tc.secret, Provider: tc.provider}}, "")
		chart := item(flux.Object{Ref: ref("HelmChart", "c"), Interval: ptr("10m"), SourceRef: charts.Object.Ref, Polling: flux.Polling{Version: tc.version}}, "")
		if tc.change != nil {
			tc.change(&chart.Object)
		}
		b := New(Input{Items: []tune.Item{chart}, Others: []tune.Item{charts}, Controllers: []flux.Controller{{Name: flux.SourceController, Version: tc.by, MaxRetryDelay: 15 * time.Minute}}})
		assert.Equal(t, steady(tc.want), b.Requests, name)
		if tc.want == 0 {
			assert.Empty(t, b.Hosts, name)
			continue
		}
		assert.Equal(t, tc.atLeast, b.Items[0].Cost.AtLeast, name)
		assert.Equal(t, "ghcr.io", b.Hosts[0].Name, name)
	}
}
