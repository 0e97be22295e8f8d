package tune

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
)

// helm036 is a HelmRelease as helm-controller 0.36 (Flux 2.1) leaves it behind, with the status, reason and message of Ready.
func helm036(t *testing.T, status, reason, message string) flux.Object {
	t.Helper()
	return decoded(t, fmt.Sprintf(`{"apiVersion":"helm.toolkit.fluxcd.io/v2beta1","kind":"HelmRelease",
"metadata":{"name":"web","namespace":"apps","generation":3,"resourceVersion":"7"},
"spec":{"interval":"5m","chart":{"spec":{"chart":"web","version":"1.0.0","interval":"10m","sourceRef":{"kind":"HelmRepository","name":"charts"}}}},
"status":{"observedGeneration":3,"conditions":[{"type":"Ready","status":%q,"reason":%q,"message":%q}]}}`, status, reason, message))
}

func decoded(t *testing.T, json string) flux.Object {
	t.Helper()
	o, err := flux.Decode([]byte(json))
	require.NoError(t, err)
	return o
}

// runs is a graph whose controllers tell the version of helm-controller.
func runs(helm string) *Graph {
	all := flux.DefaultControllers()
	for i := range all {
		if all[i].Name == flux.HelmController {
			all[i].Version = helm
		}
	}
	return &Graph{Controllers: flux.NewControllers(all)}
}

func TestAnyChangeUpgradesAnOldRelease(t *testing.T) {
	t.Parallel()
	p := ruling(map[string]policy.Settings{"HelmRelease": {Interval: "10m"}})
	old := helm036(t, "True", "ReconciliationSucceeded", "Release reconciliation succeeded")
	newer := old
	newer.Version = "v2"
	file := old
	file.ResourceVersion = ""
	for name, tc := range map[string]struct {
		object flux.Object
		opts   Options
		want   Reason
	}{
		"no newer API is served":                     {old, Options{}, ReasonUpgrades},
		"a newer one is":                             {newer, Options{}, ReasonPolicyDiffers},
		"the image is old, the CRDs are newer":       {newer, Options{Graph: runs("0.36.2")}, ReasonUpgrades},
		"the image is newer":                         {newer, Options{Graph: runs("0.37.0")}, ReasonPolicyDiffers},
		"its manifest is for both":                   {file, Options{}, ReasonUpgrades},
		"it is asked for":                            {old, Options{IncludeUpgrades: true}, ReasonPolicyDiffers},
		"what the CRDs tell of an image without tag": {old, Options{Graph: runs("")}, ReasonUpgrades},
	} {
		item := Decide(tc.object, p, in("development"), tc.opts)
		assert.Equal(t, tc.want, item.Reason, "%s: %s", name, item.Message)
	}
}

func TestARevertOfAnOldReleaseUpgradesIt(t *testing.T) {
	t.Parallel()
	care := Options{}
	r := Restore{Object: helm036(t, "True", "ReconciliationSucceeded", ""), Changes: []Change{{Field: flux.Timeout, From: ptr("2m"), To: ptr("5m")}}}
	reason, why := r.setsOff(RestoreOptions{Care: &care})
	assert.Equal(t, ReasonUpgrades, reason)
	assert.Contains(t, why, ForceTakesBack)
}

func TestAnOldReleaseGivesUpWithoutStalling(t *testing.T) {
	t.Parallel()
	p := ruling(map[string]policy.Settings{"HelmRelease": {Interval: "10m"}})
	for _, tc := range []struct {
		reason, message string
		want            Reason
	}{
		{"UpgradeFailed", "upgrade retries exhausted", ReasonRetriesExhausted},
		{"InstallFailed", "install retries exhausted", ReasonRetriesExhausted},
		{"RollbackFailed", "Helm rollback failed", ReasonRetriesExhausted},
		{"UninstallFailed", "Helm uninstall failed", ReasonRetriesExhausted},
		{"UpgradeFailed", "Helm upgrade failed", ReasonUpgrades}, // retries are left
	} {
		item := Decide(helm036(t, "False", tc.reason, tc.message), p, in("development"), Options{})
		assert.Equal(t, tc.want, item.Reason, tc.message)
	}
	newer := helm036(t, "False", "RollbackFailed", "Helm rollback failed")
	newer.Version = "v2"
	assert.Equal(t, ReasonPolicyDiffers, Decide(newer, p, in("development"), Options{}).Reason, "it says Stalled where it gave up")
}

func TestValuesFileMakesAChangeAnUpgrade(t *testing.T) {
	t.Parallel()
	o := decoded(t, `{"apiVersion":"helm.toolkit.fluxcd.io/v2beta2","kind":"HelmRelease","metadata":{"name":"web","namespace":"apps","resourceVersion":"7"},
"spec":{"interval":"5m","chart":{"spec":{"chart":"web","valuesFile":"values-prod.yaml","sourceRef":{"kind":"HelmRepository","name":"charts"}}}}}`)
	assert.Equal(t, ReasonUpgrades, Decide(o, ruling(map[string]policy.Settings{"HelmRelease": {Interval: "10m"}}), in("development"), Options{}).Reason)
	c := decoded(t, `{"apiVersion":"source.toolkit.fluxcd.io/v1beta2","kind":"HelmChart","metadata":{"name":"web","namespace":"apps","resourceVersion":"7"},
"spec":{"interval":"5m","chart":"web","valuesFile":"values-prod.yaml","sourceRef":{"kind":"HelmRepository","name":"charts"}}}`)
	assert.Equal(t, ReasonUpgrades, Decide(c, ruling(map[string]policy.Settings{"HelmChart": {Interval: "10m"}}), in("development"), Options{}).Reason)
}

// helm-controller looks at a HelmChart that it has changed again after --requeue-dependency, and before 1.4 only after a whole interval.
func TestForecastOfAChartThatAnOldHelmControllerWaitsFor(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		api, image string
		again      time.Duration
		why        string
	}{
		{"v2", "1.4.0", 30 * time.Second, "helm-controller changes that with it, and looks at it again after 30s"},
		{"v2", "1.3.0", time.Hour, "helm-controller before 1.4.0 changes that with it, and looks at it again after its interval, 1h (flux reconcile helmrelease makes it sooner)"},
		{"v2beta2", "", time.Hour, "helm-controller before 1.4.0 changes that with it, and looks at it again after its interval, 1h (flux reconcile helmrelease makes it sooner)"},
		{"v2", "", time.Hour, "helm-controller changes that with it, and looks at it again after 30s, or, before 1.4.0, after its interval, 1h"},
	} {
		web := object(t, "hr", chart(""), interval("30m"), func(o *flux.Object) { o.Version, o.Status.Ready = tc.api, "True" })
		after := object(t, "hr", named("apps", "after"), func(o *flux.Object) { o.DependsOn, o.Status.Ready = []flux.Ref{web.Ref}, "True" })
		g := NewGraph(flux.Each([]flux.Object{web, after}))
		g.Controllers = runs(tc.image).Controllers
		item := Decide(web, ruling(map[string]policy.Settings{"HelmRelease": {Interval: "1h"}}), in("development"), Options{Graph: g})
		calm := g.Forecast([]Item{item}, nil, 5)
		require.Len(t, calm.Disturbed, 2, tc)
		assert.Equal(t, tc.why, calm.Disturbed[0].Why)
		assert.Equal(t, tc.again, calm.Disturbed[0].Again)
		_, again, _ := g.chartShakes(&item)
		assert.Equal(t, tc.again, again, "what depends on it waits as long")
	}
}
