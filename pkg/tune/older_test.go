package tune

import (
	"fmt"
	"testing"

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
	return &Graph{Controllers: flux.NewControllers([]flux.Controller{{Name: flux.HelmController, Version: helm}})}
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
