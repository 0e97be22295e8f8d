package cmd

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

// Whoever changes what will be undone is told so before and after: how many, within what time, and by whom.
func TestWhatDoesNotLastIsSaid(t *testing.T) {
	t.Parallel()
	f := newGitFleet(t)
	root := "Kustomization " + f.flux + "/root"
	plan := on(f.Cluster).must(t, "plan", "-n", f.apps, "--managed=patch")
	assert.Contains(t, plan.stdout, "Undone       1 of 1 change within about 10m, by "+root)
	assert.Regexp(t, `Costs +until it is undone, Git requests`, plan.stdout)
	i := on(f.Cluster)
	i.stdin, i.terminal = strings.NewReader("y\n"), true
	o := i.must(t, "apply", "-n", f.apps, "--managed=patch")
	assert.Contains(t, o.stdout, "Undone       1 of 1 change within about 10m, by "+root)
	assert.Contains(t, o.stderr, "Change 1 object (0 in production, 1 faster; 1 is undone within about 10m by "+root+")")
	assert.Contains(t, o.stderr, "1 of 1 change is undone within about 10m, by "+root+".\n")
	list := decode[report.SessionList](t, on(f.Cluster).must(t, "sessions", "-n", f.apps, "-o", "json"))
	require.Len(t, list.Items, 1)
	assert.Equal(t, [2]int{1, 1}, [2]int{list.Items[0].Stand, list.Items[0].Undone})
	assert.Contains(t, on(f.Cluster).must(t, "sessions", "-n", f.apps).stdout, "yes (1 will be undone)")
	assert.Regexp(t, `app +configured +.* undone within about 10m by `+root, o.stdout)
	again := on(f.Cluster).must(t, "plan", "-n", f.apps).stdout
	assert.Contains(t, again, "0 to change, 1 as the policy wants")
	assert.Contains(t, again, "Undone       1 that is as the policy wants, within about 10m, by "+root)
	assert.Regexp(t, `=.* app .* undone within about 10m by `+root, again)
	assert.Contains(t, again, "Next         kubectl fluxtune plan -f YOUR-CHECKOUT\n")
}

// losePins has somebody take the rules away.
func (f gitFleet) losePins(t *testing.T) {
	t.Helper()
	f.Kubectl(t, "patch", "kustomization", "root", "-n", f.flux, "--type=json", "-p", `[{"op":"remove","path":"/spec/ignore"}]`)
}

// Rules that are to be written again are something to do.
func TestLostPinsAreChanges(t *testing.T) {
	t.Parallel()
	f := newGitFleet(t)
	f.observe(t)
	_, o := f.tuned(t, "one", pin)
	require.Zero(t, o.code, o.stderr)
	f.losePins(t)
	plan := on(f.Cluster).run(t.Context(), "plan", "-n", f.apps, pin, "--exit-code")
	assert.Equal(t, exitChanges, plan.code)
	assert.Contains(t, plan.stdout, "1 to change")
	assert.Contains(t, plan.stdout, "rule set again")
	assert.Contains(t, plan.stdout, "Next         kubectl fluxtune apply --kubeconfig ")
	item := f.item(t, "gitrepo/app", pin)
	assert.Equal(t, [3]string{"change", "PinLost", "held"}, [3]string{item.Action, item.Reason, item.Sticks})
	assert.Empty(t, item.Changes)
	i := on(f.Cluster)
	i.stdin, i.terminal = strings.NewReader("y\n"), true
	o = i.must(t, "apply", "-n", f.apps, pin)
	assert.Contains(t, o.stderr, "Write the rules for 1 object again in spec.ignore of Kustomization "+f.flux+"/root")
	assert.Contains(t, o.stderr, "0 configured, 1 unchanged, 0 left alone, 0 failed.\nThe rules in spec.ignore of 1 Kustomization changed.\n")
	assert.NotContains(t, o.stderr, "Session ")
	ignore, _ := f.rules(t)
	assert.NotEmpty(t, ignore)
	assert.Zero(t, on(f.Cluster).run(t.Context(), "plan", "-n", f.apps, pin, "--exit-code").code)
}

// Where Git has set the values again, too, nothing is pinned, and nobody says so.
func TestLostPinsOfValuesThatGitHasSet(t *testing.T) {
	t.Parallel()
	f := newGitFleet(t)
	f.observe(t)
	_, o := f.tuned(t, "one", pin)
	require.Zero(t, o.code, o.stderr)
	f.losePins(t)
	f.push(t, f.app("interval: 5m, timeout: 2m"))
	item := f.item(t, "gitrepo/app")
	assert.Equal(t, [2]string{"skip", "PinLost"}, [2]string{item.Action, item.Reason})
	assert.Contains(t, item.Message, "the rule in spec.ignore that kept its values is gone")
	list := decode[report.SessionList](t, on(f.Cluster).must(t, "sessions", "-n", f.apps, "-o", "json"))
	require.Len(t, list.Items, 1)
	assert.Equal(t, [4]int{0, 1, 0, 1}, [4]int{list.Items[0].Stand, list.Items[0].Back, list.Items[0].Pinned, list.Items[0].PinsLost})
	forget := on(f.Cluster).must(t, "forget", "-n", f.apps, "--dry-run")
	assert.NotContains(t, forget.stderr, "pinned")
	assert.NotContains(t, forget.stderr, "spec.ignore")
	o = f.revert(t)
	assert.Zero(t, o.code, o.stderr)
	assert.NotContains(t, o.stderr, "spec.ignore", "there were no rules that could change")
	assert.Regexp(t, `root +configured +had no rule of fluxtune any more`, o.stdout)
	_, note := f.rules(t)
	assert.Empty(t, note)
}

// Rules that an owner does not notice are taken away again, and that is said.
func TestPinsThatAreTakenAwayAgain(t *testing.T) {
	t.Parallel()
	f := newGitFleet(t) // and nobody observes
	o := on(f.Cluster).run(t.Context(), "apply", "-n", f.apps, pin, "--yes", "--wait-timeout=2s")
	assert.Equal(t, exitFailed, o.code)
	assert.Regexp(t, `root +unchanged +its rules were set, and taken away again: it has not noticed them in time`, o.stdout)
	assert.Contains(t, o.stderr, "The rules in spec.ignore of 1 Kustomization were set, and taken away again.\n")
	assert.NotContains(t, o.stderr, "1 Kustomization changed")
}

// What stays is said before the question, why, and what takes it back; after it, it counts once.
func TestRevertOfASessionThatOthersFollow(t *testing.T) {
	t.Parallel()
	f := newFreeFleet(t)
	a, _ := f.tuned(t, "first")
	b, _ := f.tuned(t, "second", "--set", "development.GitRepository.interval=30s")
	i := on(f.Cluster)
	i.stdin, i.terminal = strings.NewReader("n\n"), true
	o := i.run(t.Context(), "revert", "-n", f.apps, "--session", a)
	stays := "spec.interval stays 30s: session " + b + " set it later; reverting that one restores 5m"
	assert.Contains(t, o.stdout, stays)
	assert.Contains(t, o.stderr, "Take session "+a+" out of the records of 1 object, whose values stay in context \"testbed\", in about 1s? [y/N] ")
	assert.Contains(t, o.stderr, "kubectl fluxtune revert --kubeconfig "+f.Kubeconfig()+" -n "+f.apps+" --session "+b)
	o = f.revert(t, "--session", a)
	assert.Equal(t, exitFailed, o.code)
	assert.Contains(t, o.stderr, "0 restored, 0 unchanged, 0 left alone, 0 failed, 1 not taken back whole.\n")
	assert.Equal(t, 1, strings.Count(o.stderr, stays), o.stderr)
	assert.Contains(t, o.stderr, "kubectl fluxtune revert --kubeconfig "+f.Kubeconfig()+" -n "+f.apps+" --session "+b)
	assert.Equal(t, "30s", f.interval(t))
}

// What Git sets is changed where it lives: the next command is for a checkout, under the same policy.
func TestNextIsTheCheckoutWhereGitSetsEverything(t *testing.T) {
	t.Parallel()
	f := newGitFleet(t)
	f.observe(t)
	plan := on(f.Cluster).must(t, "plan", "-n", f.apps, "--policy", "fast")
	assert.Contains(t, plan.stdout, " 0 to change")
	assert.Contains(t, plan.stdout, "Next         kubectl fluxtune plan -f YOUR-CHECKOUT --policy fast\n")
}
