package e2e

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

var development = map[string]string{"environment": "development"}

// The objects in Git: one whose timeout Git does not set, one whose Git sets both.
const appsInGit = `
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: app, namespace: NS}
spec: {interval: 5m, timeout: 1m, url: "http://127.0.0.1:1/app.git", ref: {branch: main}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: app, namespace: NS}
spec: {interval: 5m, path: ./, prune: true, sourceRef: {kind: GitRepository, name: app}}
`

func (m *team) plan(args ...string) map[string]report.PlanItem {
	m.t.Helper()
	var p report.Plan
	require.NoError(m.t, json.Unmarshal([]byte(m.must(m.t, append([]string{"plan", "-n", m.name, "-o", "json"}, args...)...)), &p))
	items := make(map[string]report.PlanItem)
	for _, item := range p.Items {
		items[item.Ref.Kind+"/"+item.Ref.Name] = item
	}
	return items
}

func (m *team) ready() *team {
	m.t.Helper()
	m.eventually("kustomization", "app", ".spec.interval", "5m", time.Minute)
	return m
}

func TestReverted(t *testing.T) {
	t.Parallel()
	m := newTeam(t, "", appsInGit, development).ready()
	item := m.plan()["Kustomization/app"]
	assert.Equal(t, "skip", item.Action, "by default nothing is changed that would be undone")
	assert.Equal(t, "SetInGit", item.Reason)
	assert.Equal(t, "5s", item.RevertedWithin)
	assert.Equal(t, &report.Owner{Group: "kustomize.toolkit.fluxcd.io", Kind: "Kustomization", Namespace: m.name, Name: "root"}, item.Owner)

	m.must(t, "apply", "-n", m.name, "--yes", "--managed=patch", "ks", "app")
	before := m.reconciled()
	took := m.eventually("kustomization", "app", ".spec.interval", "5m", time.Minute)
	// One may have been under way when the patch came; another may have begun when it was seen to be gone.
	assert.LessOrEqual(t, m.reconciled()-before, 3, "reverted by the parent's next reconcile")
	if full() { // where the machine does little else
		assert.Less(t, took, rootInterval+rootInterval/20+5*time.Second, "reverted within the parent's interval, its jitter, and a reconcile")
	}
	// Git does not set the timeout: nobody takes ours away. It is what it was, and does not shrink with the interval.
	assert.Equal(t, "4m30s", m.field("kustomization", "app", ".spec.timeout"))
	record(t, "Kustomization set in Git, patched", "undone within 5s", "undone after "+took.Round(100*time.Millisecond).String())
}

func TestSticks(t *testing.T) {
	t.Parallel()
	m := newTeam(t, "", appsInGit, development).ready()
	// Not from Git at all, and a field that Git does not set.
	item := m.plan("--managed=patch")
	assert.Equal(t, string(tune.Sticks), item["GitRepository/root"].Sticks)
	m.must(t, "apply", "gitrepo", "root", "-n", m.name, "--yes", "--set", "development.GitRepository.interval=1m")
	m.must(t, "apply", "ks", "app", "-n", m.name, "--yes", "--managed=patch", "--shorten-timeouts", "--set", "development.Kustomization.interval=5m")
	m.reconciles(3)
	assert.Equal(t, "1m", m.field("gitrepository", "root", ".spec.interval"))
	assert.Equal(t, "2m", m.field("kustomization", "app", ".spec.timeout"))
	record(t, "object that Git does not hold", "sticks", "there after 3 reconciles")
	record(t, "timeout that Git does not set", "sticks", "there after 3 reconciles")
}

// ssa: IfNotPresent counts where it comes from Git, and not where somebody puts it on the live object.
func TestIfNotPresent(t *testing.T) {
	t.Parallel()
	m := newTeam(t, "", appsInGit+`---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: once, namespace: NS, annotations: {kustomize.toolkit.fluxcd.io/ssa: IfNotPresent}}
spec: {interval: 5m, path: ./, prune: true, sourceRef: {kind: GitRepository, name: app}}
`, development).ready()
	m.eventually("kustomization", "once", ".spec.interval", "5m", time.Minute)
	m.Kubectl(t, "annotate", "kustomization", "app", "-n", m.name, "kustomize.toolkit.fluxcd.io/ssa=IfNotPresent", "--field-manager=somebody")
	items := m.plan("--managed=patch")
	assert.Equal(t, string(tune.Reverted), items["Kustomization/app"].Sticks)
	assert.Equal(t, string(tune.Sticks), items["Kustomization/once"].Sticks)
	m.must(t, "apply", "ks", "app", "once", "-n", m.name, "--yes", "--managed=patch")
	m.eventually("kustomization", "app", ".spec.interval", "5m", time.Minute)
	m.reconciles(3)
	assert.Equal(t, "1m", m.field("kustomization", "once", ".spec.interval"))
	record(t, "ssa: IfNotPresent in Git", "sticks", "there after 3 reconciles")
	record(t, "ssa: IfNotPresent on the live object only", "undone", "undone")
}

func TestHeld(t *testing.T) {
	t.Parallel()
	m := newTeam(t, `, ignore: [{paths: ["/spec/interval"], target: {kind: GitRepository, name: app}}]`, appsInGit, development).ready()
	m.Kubectl(t, "annotate", "kustomization", "app", "-n", m.name, "kustomize.toolkit.fluxcd.io/ssa=Ignore", "--field-manager=somebody")
	items := m.plan()
	assert.Equal(t, string(tune.Held), items["Kustomization/app"].Sticks)
	assert.Equal(t, string(tune.Reverted), items["GitRepository/app"].Sticks, "the rule does not cover the timeout")
	m.between()
	m.must(t, "apply", "ks", "app", "-n", m.name, "--yes")
	m.between()
	m.must(t, "apply", "gitrepo", "app", "-n", m.name, "--yes", "--set", "development.GitRepository.timeout=1m")
	m.reconciles(3)
	assert.Equal(t, "1m", m.field("kustomization", "app", ".spec.interval"))
	assert.Equal(t, "1m", m.field("gitrepository", "app", ".spec.interval"))
	record(t, "ssa: Ignore on the object", "held", "there after 3 reconciles")
	record(t, "spec.ignore of the parent", "held", "there after 3 reconciles")
}
