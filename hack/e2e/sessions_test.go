package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pinnedInGit sets everything that sessions change, and something that Git drops in the end.
const pinnedInGit = `
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: app, namespace: NS}
spec: {interval: 5m, timeout: 4m, suspend: false, path: ./none, prune: true, sourceRef: {kind: GitRepository, name: none}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: never-pinned, namespace: NS, annotations: {fluxtune.github.io/tune: disabled}}
spec: {interval: 5m, timeout: 4m, suspend: false, path: ./none, prune: true, sourceRef: {kind: GitRepository, name: none}}
`

// pinned is a team with three sessions of pins on one object: of the interval, of both fields, of the timeout.
func newPinned(t *testing.T) *team {
	t.Helper()
	m := newTeam(t, "", pinnedInGit, development)
	m.eventually("kustomization", "app", ".spec.interval", "5m", time.Minute)
	for i, set := range []string{"interval=3m timeout=4m", "interval=2m timeout=3m", "interval=2m timeout=2m30s"} {
		interval, timeout, _ := strings.Cut(set, " ")
		args := []string{"apply", "ks", "app", "-n", m.name, "--yes", "--managed=pin", "--shorten-timeouts", "--wait-timeout=1m", "--set=development.Kustomization." + interval, "--set=development.Kustomization." + timeout}
		stdout, stderr, code := m.runAs(t.Context(), fmt.Sprintf("session-%c", 'a'+i), args...)
		require.Zero(t, code, "%s%s", stdout, stderr)
	}
	m.reconciles(1)
	require.Equal(t, "2m 2m30s", m.field("kustomization", "app", ".spec.interval")+" "+m.field("kustomization", "app", ".spec.timeout"))
	return m
}

// gitDecides checks that nothing of a pin is left: no rule, no annotation, no name in managedFields, and what
// Git takes away goes away, as it does from an object that was never pinned.
func (m *team) gitDecides() {
	m.t.Helper()
	assert.Empty(m.t, m.field("kustomization", "root", ".spec.ignore"), "no rule is left")
	assert.NotContains(m.t, m.object("kustomization", "root")+m.object("kustomization", "app"), "fluxtune.github.io/original")
	assert.NotContains(m.t, m.object("kustomization", "root"), "fluxtune.github.io/pins")
	for _, name := range []string{"root", "app"} {
		assert.NotContains(m.t, m.field("kustomization", name, ".metadata.managedFields[*].manager"), "fluxtune", "managedFields of "+name)
	}
	m.push(strings.ReplaceAll(m.apps, "timeout: 4m, ", ""))
	m.eventually("kustomization", "never-pinned", ".spec.timeout", "", time.Minute)
	m.reconciles(1)
	assert.Equal(m.t, m.field("kustomization", "never-pinned", ".spec.timeout"), m.field("kustomization", "app", ".spec.timeout"), "Git takes a field away")
	m.push(strings.ReplaceAll(m.apps, "interval: 5m", "interval: 7m"))
	m.eventually("kustomization", "app", ".spec.interval", "7m", time.Minute)
}

// TestSessionsInEveryOrder reverts pins session by session; the order must not matter.
func TestSessionsInEveryOrder(t *testing.T) {
	t.Parallel()
	for _, order := range []string{"a b c", "c b a", "b a c", "b c a", "a c b", "c a b"} {
		t.Run(strings.ReplaceAll(order, " ", ""), func(t *testing.T) {
			t.Parallel()
			if order != "b a c" { // the middle one first: a step whose neighbours both stay
				measures(t)
			}
			m := newPinned(t)
			for _, session := range strings.Fields(order) {
				_, stderr, code := m.run(t.Context(), "revert", "-n", m.name, "--yes", "--session", "session-"+session, "--wait", "--wait-timeout=1m")
				t.Logf("revert of session %s: exit code %d: %s\n%s %s", session, code, stderr, m.field("kustomization", "app", ".spec.interval"), m.field("kustomization", "app", ".spec.timeout"))
			}
			m.reconciles(1)
			assert.Equal(t, "5m 4m", m.field("kustomization", "app", ".spec.interval")+" "+m.field("kustomization", "app", ".spec.timeout"))
			m.gitDecides()
			if !t.Failed() {
				record(t, "pins of three sessions, reverted in the order "+order, "Git decides", "no rule, no name of ours, Git takes a field away")
			}
		})
	}
}

// TestOwnerThatWaitsForAnUnhealthyObject does not observe its rules within --wait-timeout: they must not stay.
func TestOwnerThatWaitsForAnUnhealthyObject(t *testing.T) {
	t.Parallel()
	// No controller runs that would make pods of it.
	m := newTeam(t, ", wait: true", pinnedInGit+`---
apiVersion: apps/v1
kind: Deployment
metadata: {name: unhealthy, namespace: NS}
spec: {selector: {matchLabels: {app: x}}, template: {metadata: {labels: {app: x}}, spec: {containers: [{name: x, image: x}]}}}
`, development)
	m.eventually("kustomization", "app", ".spec.interval", "5m", time.Minute)
	stdout, stderr, code := m.run(t.Context(), "apply", "ks", "app", "-n", m.name, "--yes", "--managed=pin", "--wait-timeout=5s")
	t.Logf("exit code %d\n%s%s", code, stdout, stderr)
	assert.Equal(t, 1, code)
	assert.Equal(t, "5m", m.field("kustomization", "app", ".spec.interval"), "not changed without a rule in force")
	assert.Empty(t, m.field("kustomization", "root", ".spec.ignore"), "no rule without a change that needs it")
	if !t.Failed() {
		record(t, "apply --managed=pin, the owner does not observe its rules in time", "nothing changed, no rule stays", "nothing changed, no rule stays")
	}
}

// killed starts the plugin as a program of its own and kills it as soon as the rule is there.
func (m *team) killed(args ...string) {
	m.t.Helper()
	program := exec.CommandContext(m.t.Context(), os.Args[0], append(args, "--kubeconfig", m.Kubeconfig())...)
	program.Env = append(os.Environ(), asPlugin+"=true")
	require.NoError(m.t, program.Start())
	m.eventually("kustomization", "root", ".spec.ignore[0].paths[0]", "/spec/interval", time.Minute)
	require.NoError(m.t, program.Process.Kill())
	_ = program.Wait()
}

// TestKilledBetweenRuleAndChange: kill -9, apply again, and the revert that this apply prints.
func TestKilledBetweenRuleAndChange(t *testing.T) {
	t.Parallel()
	m := newTeam(t, "", pinnedInGit, development)
	m.eventually("kustomization", "app", ".spec.interval", "5m", time.Minute)
	// The second write would come after 100 s: the rule alone is there.
	m.killed("apply", "ks", "app", "-n", m.name, "--yes", "--managed=pin", "--patches-per-second=0.01")
	assert.Equal(t, "5m", m.field("kustomization", "app", ".spec.interval"))
	stdout, stderr, code := m.runAs(t.Context(), "second", "apply", "ks", "app", "-n", m.name, "--yes", "--managed=pin", "--wait-timeout=1m")
	require.Zero(t, code, "%s%s", stdout, stderr)
	m.reconciles(1)
	require.Equal(t, "1m", m.field("kustomization", "app", ".spec.interval"))
	m.must(t, "revert", "-n", m.name, "--yes", "--session=second", "--wait", "--wait-timeout=1m")
	m.reconciles(1)
	m.gitDecides()
	// And where nobody applies again.
	m.push(pinnedInGit)
	m.eventually("kustomization", "app", ".spec.interval", "5m", time.Minute)
	m.eventually("kustomization", "app", ".spec.timeout", "4m", time.Minute)
	m.killed("apply", "ks", "app", "-n", m.name, "--yes", "--managed=pin", "--patches-per-second=0.01")
	m.must(t, "revert", "-n", m.name, "--yes", "--wait", "--wait-timeout=1m")
	m.reconciles(1)
	m.gitDecides()
	if !t.Failed() {
		record(t, "kill -9 between rule and change", "apply or revert heals it", "no rule, no name of ours, Git takes a field away")
	}
}

// TestPinnedObjectThatGitDeletes: its rules go with it, so that Git decides when it creates it again. The owner is in
// another namespace than the objects, as it is in most fleets, and a revert names theirs.
func TestPinnedObjectThatGitDeletes(t *testing.T) {
	t.Parallel()
	w := start(t)
	tenant := w.namespace(t, development)
	inGit := `
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: app, namespace: ` + tenant + `}
spec: {interval: 5m, timeout: 4m, url: "http://127.0.0.1:1/app.git", ref: {branch: main}}
`
	nothing := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: nothing, namespace: NS}\n"
	m := newTeam(t, "", inGit, nil)
	of := &team{world: w, t: t, name: tenant}
	of.eventually("gitrepository", "app", ".spec.interval", "5m", time.Minute)
	m.must(t, "apply", "-n", tenant, "--yes", "--managed=pin", "--wait-timeout=1m")
	require.Equal(t, "1m", of.field("gitrepository", "app", ".spec.interval"))
	m.push(nothing)
	of.eventually("gitrepository", "app", ".metadata.name", "", time.Minute)
	assert.NotEmpty(t, m.field("kustomization", "root", ".spec.ignore"), "nobody has looked yet")
	m.must(t, "revert", "-n", tenant, "--yes", "--wait", "--wait-timeout=1m")
	assert.Empty(t, m.field("kustomization", "root", ".spec.ignore"), "no rule without an object that needs it")
	assert.NotContains(t, m.object("kustomization", "root"), "fluxtune.github.io/pins")
	assert.NotContains(t, m.field("kustomization", "root", ".metadata.managedFields[*].manager"), "fluxtune")
	m.push(inGit)
	of.eventually("gitrepository", "app", ".spec.interval", "5m", time.Minute)
	m.push(strings.ReplaceAll(inGit, "interval: 5m, timeout: 4m", "interval: 6m"))
	of.eventually("gitrepository", "app", ".spec.interval", "6m", time.Minute)
	m.reconciles(1)
	assert.Equal(t, "60s", of.field("gitrepository", "app", ".spec.timeout"), "Git takes a field away")
	if !t.Failed() {
		record(t, "pinned object deleted in Git, reverted, created again", "Git decides", "no rule, no name of ours on its owner in another namespace")
	}
}

// TestSlowClone: a repository whose clone takes longer than the policy's timeout keeps its own, unless somebody
// asks for the shorter one. Nothing shows before the next commit.
func TestSlowClone(t *testing.T) {
	t.Parallel()
	w := start(t)
	ns := w.namespace(t, development)
	m := &team{world: w, t: t, name: ns}
	m.push(sourcesInGit("interval: 5m", "x"))
	w.git.SlowClones(ns, 4*time.Second)
	w.Apply(t, strings.Replace(gitRepository(ns, "slow", w.git.URL(ns), "branch: main", time.Hour), "timeout: 1m", "timeout: 50s", 1))
	w.Kubectl(t, "wait", "gitrepository", "slow", "-n", ns, "--for=condition=Ready", "--timeout=1m")
	policy := []string{"-n", ns, "--yes", "--set=development.GitRepository.timeout=2s", "--set=development.GitRepository.interval=5s"}
	m.must(t, append([]string{"apply", "--wait", "--wait-timeout=1m"}, policy...)...)
	assert.Equal(t, "5s", m.field("gitrepository", "slow", ".spec.interval"))
	assert.Equal(t, "50s", m.field("gitrepository", "slow", ".spec.timeout"), "not shortened without proof")
	sha, err := w.git.Push(t.Context(), ns, map[string]string{"README": "two"})
	require.NoError(t, err)
	took := m.eventually("gitrepository", "slow", ".status.artifact.revision", "main@sha1:"+sha, time.Minute)
	record(t, "clone of 4s, timeout 50s, the policy's is 2s: the next commit", "arrives", "arrived after "+took.Round(100*time.Millisecond).String())
	m.must(t, append([]string{"apply", "--wait", "--wait-timeout=1m", "--shorten-timeouts"}, policy...)...)
	assert.Equal(t, "2s", m.field("gitrepository", "slow", ".spec.timeout"))
	assert.Equal(t, "True", m.field("gitrepository", "slow", `.status.conditions[?(@.type=="Ready")].status`), "it lists refs in time")
	_, err = w.git.Push(t.Context(), ns, map[string]string{"README": "three"})
	require.NoError(t, err)
	m.eventually("gitrepository", "slow", `.status.conditions[?(@.type=="Ready")].reason`, "GitOperationFailed", time.Minute)
	record(t, "the same with --shorten-timeouts", "fails at the next commit", "GitOperationFailed at the next commit")
	m.must(t, "revert", "-n", ns, "--yes")
	assert.Equal(t, "50s", m.field("gitrepository", "slow", ".spec.timeout"))
}
