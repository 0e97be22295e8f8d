package e2e

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// nestedParent is a Kustomization that somebody else applies, and that applies the source "app".
const nestedParent = `
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: parent, namespace: NS}
spec: {interval: 5s, timeout: 30s, path: ./nested, prune: true, sourceRef: {kind: GitRepository, name: root}%s}
`

// pushNested puts what the nested parent applies into Git.
func (m *team) pushNested(apps string) {
	m.t.Helper()
	m.pushFile("nested/apps.yaml", apps)
}

const ruleOfFluxtune = `{"spec":{"ignore":[{"paths":["/spec/interval"],"target":{"kind":"GitRepository","name":"app"}}]}}`

// TestRulesOnAnAppliedParent: a rule stays that is patched onto a Kustomization which is itself applied, unless its
// own parent sets rules.
func TestRulesOnAnAppliedParent(t *testing.T) {
	t.Parallel()
	measures(t)
	for name, tc := range map[string]struct {
		spec, interval string
		owner          []string
	}{
		"Git sets no rules": {"", "1m", []string{"fluxtune Update"}},
		"Git sets rules":    {`, ignore: [{paths: ["/metadata/labels/theirs"], target: {kind: Kustomization}}]`, "5m", []string{"kustomize-controller Apply"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newTeam(t, "", fmt.Sprintf(nestedParent, tc.spec), development)
			m.pushNested(sourcesInGit("interval: 5m", "app"))
			m.eventually("gitrepository", "app", ".spec.interval", "5m", time.Minute)
			m.patchAs("fluxtune", "kustomization", "parent", ruleOfFluxtune)
			m.patchAs("fluxtune", "gitrepository", "app", `{"spec":{"interval":"1m"}}`)
			// A change in Git makes the grandparent apply the parent.
			m.push(strings.Replace(fmt.Sprintf(nestedParent, tc.spec), "timeout: 30s", "timeout: 31s", 1))
			m.eventually("kustomization", "parent", ".spec.timeout", "31s", time.Minute)
			m.reconciles(2)
			m.eventually("gitrepository", "app", ".spec.interval", tc.interval, time.Minute)
			assert.Equal(t, tc.owner, owners(t, m.managedObject("kustomization", "parent"), "ignore"))
		})
	}
}

// TestExploreRulesOnAParentOfHelm: the same for a parent that a HelmRelease applies.
func TestExploreRulesOnAParentOfHelm(t *testing.T) {
	explores(t)
	t.Parallel()
	for _, drift := range []string{"disabled", "warn", "enabled"} {
		for name, spec := range map[string]string{
			"chart without rules": "",
			"chart with rules":    `, ignore: [{paths: ["/metadata/labels/theirs"], target: {kind: Kustomization}}]`,
		} {
			t.Run(drift+" "+name, func(t *testing.T) {
				t.Parallel()
				m := newTeam(t, "", sourcesInGit("interval: 10m", "other"), development)
				m.pushNested(sourcesInGit("interval: 5m", "app"))
				r := startRegistry(t)
				template := strings.ReplaceAll(fmt.Sprintf(nestedParent, spec), "NS", m.name)
				require.NoError(t, r.PushChart(context.Background(), "charts", "app", "1.0.0", map[string]string{"parent.yaml": template}))
				m.Apply(t, helmRelease(m.name, "app", r.Host(), "1.0.0", "10s", "1h", ", driftDetection: {mode: "+drift+"}"))
				m.Kubectl(t, "wait", "helmrelease", "app", "-n", m.name, "--for=condition=Ready", "--timeout=2m")
				m.eventually("gitrepository", "app", ".spec.interval", "5m", time.Minute)
				m.patchAs("fluxtune", "kustomization", "parent", ruleOfFluxtune)
				show := func(when string) {
					o := m.managedObject("kustomization", "parent")
					t.Logf("%s: rules %s owners %q, of interval %q", when, m.field("kustomization", "parent", ".spec.ignore"), owners(t, o, "ignore"), owners(t, o, "interval"))
				}
				show("patched")
				before, err := m.flux.Reconciles(t.Context(), "HelmRelease", m.name, "app")
				require.NoError(t, err)
				require.Eventually(t, func() bool {
					n, err := m.flux.Reconciles(t.Context(), "HelmRelease", m.name, "app")
					return err == nil && n >= before+3
				}, 2*time.Minute, time.Second)
				show("after 3 reconciles")
				require.NoError(t, r.PushChart(context.Background(), "charts", "app", "1.0.1", map[string]string{"parent.yaml": strings.Replace(template, "timeout: 30s", "timeout: 31s", 1)}))
				m.patchAs("flux", "helmrelease", "app", `{"spec":{"chart":{"spec":{"version":"1.0.1"}}}}`)
				m.eventually("kustomization", "parent", ".spec.timeout", "31s", time.Minute)
				show("after an upgrade")
				time.Sleep(15 * time.Second)
				show("after an upgrade and a reconcile")
			})
		}
	}
}

// helmRelease comes with the HelmRepository of the registry that its chart is in.
func helmRelease(ns, name, host, version, interval, chartInterval, spec string) string {
	return fmt.Sprintf(`
apiVersion: source.toolkit.fluxcd.io/v1
kind: HelmRepository
metadata: {name: registry, namespace: %[1]s}
spec: {type: oci, insecure: true, url: "oci://%[3]s/charts"}
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: %[2]s, namespace: %[1]s}
spec:
  {interval: %[5]s, chart: {spec: {chart: app, version: %[4]q, interval: %[6]s, sourceRef: {kind: HelmRepository, name: registry}}}%[7]s}
---
`, ns, name, host, version, interval, chartInterval, spec)
}

// TestRuleOfManyNames: one rule holds all the names in it. How long do reconciles take?
func TestRuleOfManyNames(t *testing.T) {
	t.Parallel()
	if !full() {
		explores(t)
	}
	objects := 200 // more would take the machine from what is measured beside
	if os.Getenv("FLUXTUNE_E2E") == "explore" {
		objects = 2000
	}
	var manifests strings.Builder
	var all []string
	for i := range objects {
		all = append(all, fmt.Sprintf("app-%04d", i))
	}
	manifests.WriteString(sourcesInGit("interval: 5m", all...))
	m := newTeam(t, "", manifests.String(), development)
	m.eventually("gitrepository", all[objects-1], ".spec.interval", "5m", 5*time.Minute)
	again := func() { // a reconcile of so many objects takes longer than reconciles waits
		before := m.reconciled()
		require.Eventually(t, func() bool { return m.reconciled() > before }, 5*time.Minute, 200*time.Millisecond)
	}
	took := func(what string) {
		again()
		var durations []string
		for range 3 {
			again()
			durations = append(durations, m.field("kustomization", "root", ".status.history[0].lastReconciledDuration"))
		}
		t.Logf("%s: %v", what, durations)
	}
	took("no rules")
	quoted := strings.Join(all, "|")
	m.patchAs("fluxtune", "kustomization", "root", fmt.Sprintf(`{"spec":{"ignore":[{"paths":["/spec/interval"],"target":{"kind":"GitRepository","name":%q}}]}}`, quoted))
	took("one rule of all names")
	m.patchAs("fluxtune", "gitrepository", all[0], `{"spec":{"interval":"1m"}}`)
	m.patchAs("fluxtune", "gitrepository", all[objects-1], `{"spec":{"interval":"1m"}}`)
	again()
	again()
	assert.Equal(t, "1m", m.field("gitrepository", all[0], ".spec.interval"))
	assert.Equal(t, "1m", m.field("gitrepository", all[objects-1], ".spec.interval"))
	var rules []string
	for _, name := range all {
		rules = append(rules, fmt.Sprintf(`{"paths":["/spec/interval"],"target":{"kind":"GitRepository","name":%q}}`, name))
	}
	m.patchAs("fluxtune", "kustomization", "root", `{"spec":{"ignore":[`+strings.Join(rules, ",")+`]}}`)
	took("a rule for each name")
	m.patchAs("fluxtune", "kustomization", "root", `{"spec":{"ignore":null}}`)
	took("no rules again")
}
