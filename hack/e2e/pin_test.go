package e2e

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// A rule that somebody else wrote.
const othersRule = `, ignore: [{paths: ["/metadata/labels/theirs"], target: {kind: Kustomization}}]`

// TestPin is done by somebody with the tuner's role and no other right.
func TestPin(t *testing.T) {
	t.Parallel()
	m := newTeam(t, othersRule, appsInGit, development).ready()
	m.Apply(t, m.must(t, "rbac", "tuner"))
	tuner := m.name + "-tuner"
	m.Kubectl(t, "create", "clusterrolebinding", tuner, "--clusterrole=fluxtune-tuner", "--user="+tuner)
	m.reconciles(1)
	asInGit := []string{m.object("gitrepository", "app"), m.object("kustomization", "app")}
	rules := m.field("kustomization", "root", ".spec.ignore")

	m.must(t, "apply", "ks,gitrepo", "app", "-n", m.name, "--yes", "--managed=pin", "--wait-timeout=1m", "--as", tuner)
	assert.Contains(t, m.field("kustomization", "root", ".spec.ignore"), "theirs", "others' rules stay")
	m.reconciles(1)
	assert.Equal(t, "held by spec.ignore of Kustomization "+m.name+"/root", m.plan()["Kustomization/app"].SticksMessage)

	m.push(strings.ReplaceAll(appsInGit, "path: ./,", "path: ./new,"))
	m.eventually("kustomization", "app", ".spec.path", "./new", time.Minute)
	m.reconciles(3)
	assert.Equal(t, "1m", m.field("kustomization", "app", ".spec.interval"), "while another change from Git arrives")
	assert.Equal(t, "1m", m.field("gitrepository", "app", ".spec.interval"))
	assert.Equal(t, "2m", m.field("gitrepository", "app", ".spec.timeout"))
	record(t, "apply --managed=pin", "held", "there after 3 reconciles and another change from Git")

	m.push(appsInGit)
	m.eventually("kustomization", "app", ".spec.path", "./", time.Minute)
	m.must(t, "revert", "-n", m.name, "--yes", "--wait", "--wait-timeout=1m", "--as", tuner)
	assert.Equal(t, asInGit, []string{m.object("gitrepository", "app"), m.object("kustomization", "app")}, "as a fresh apply from Git makes them")
	assert.Equal(t, rules, m.field("kustomization", "root", ".spec.ignore"))
	assert.Empty(t, m.field("kustomization", "root", ".metadata.annotations.fluxtune\\.github\\.io/pins"))
	m.reconciles(2)
	assert.Equal(t, asInGit, []string{m.object("gitrepository", "app"), m.object("kustomization", "app")}, "and they stay so")
	m.push(strings.ReplaceAll(appsInGit, "interval: 5m", "interval: 7m"))
	m.eventually("kustomization", "app", ".spec.interval", "7m", time.Minute)
	m.eventually("gitrepository", "app", ".spec.interval", "7m", time.Minute)
	record(t, "revert of a pin", "Git's values", "equal to a fresh apply, no drift, Git decides again")
}

func TestCrashBetweenRuleAndChange(t *testing.T) {
	t.Parallel()
	measures(t)
	m := newTeam(t, "", appsInGit, development).ready()
	half := func() {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			// The second change would come after 100 s: the rule alone is there.
			m.run(ctx, "apply", "ks,gitrepo", "app", "-n", m.name, "--yes", "--managed=pin", "--patches-per-second=0.01")
		}()
		m.eventually("kustomization", "root", ".spec.ignore[0].paths[0]", "/spec/interval", time.Minute)
		cancel()
		<-done
	}
	half()
	m.must(t, "apply", "ks,gitrepo", "app", "-n", m.name, "--yes", "--managed=pin", "--wait-timeout=1m")
	m.reconciles(2)
	assert.Equal(t, "1m", m.field("kustomization", "app", ".spec.interval"), "running again heals it")
	m.must(t, "revert", "-n", m.name, "--yes", "--wait", "--wait-timeout=1m")
	require.Equal(t, "5m", m.field("kustomization", "app", ".spec.interval"))
	half()
	m.must(t, "revert", "-n", m.name, "--yes", "--wait", "--wait-timeout=1m")
	assert.Empty(t, m.field("kustomization", "root", ".spec.ignore"), "revert heals it too")
	assert.NotContains(t, m.object("kustomization", "app"), tune.RecordAnnotation)
}
