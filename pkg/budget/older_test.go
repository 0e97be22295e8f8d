package budget

import (
	"testing"

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
