package cmd

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

const pin = "--managed=pin"

// The rules of a pin follow from the records, so that the order in which sessions are taken back does not matter.
func TestPinsFollowTheRecords(t *testing.T) {
	t.Parallel()
	for name, order := range map[string][]int{"the last first": {1, 0}, "the first first": {0, 1}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newGitFleet(t)
			f.observe(t)
			a, o := f.tuned(t, "a", pin, "--policy", gitPolicy(t, "interval: 1m"))
			require.Zero(t, o.code, o.stderr)
			ignore, _ := f.rules(t)
			require.Contains(t, ignore, `["/spec/interval"]`)
			b, o := f.tuned(t, "b", pin, "--policy", gitPolicy(t, "interval: 30s, timeout: 4m"))
			require.Zero(t, o.code, o.stderr)
			ignore, _ = f.rules(t)
			require.Contains(t, ignore, `["/spec/interval","/spec/timeout"]`)
			sessions := []string{a, b}
			for _, i := range order {
				f.revert(t, "--session", sessions[i])
			}
			ignore, note := f.rules(t)
			assert.Empty(t, ignore, "Git decides again")
			assert.Empty(t, note)
			assert.Equal(t, "5m", f.interval(t))
			assert.Equal(t, "2m", f.field(t, "gitrepository", f.apps, "app", ".spec.timeout"))
			assert.NotContains(t, f.owners(t, "kustomization", f.flux, "root"), "fluxtune")
		})
	}
}

// Who may not list Kustomizations in all namespaces takes a pin back all the same, also of a kind that has another API
// version: in a version that is not served the API server says that the owner does not exist.
func TestTenantTakesAPinOfAnotherVersionBack(t *testing.T) {
	t.Parallel()
	tuner, _, err := role(tunerRole)
	require.NoError(t, err)
	for name, rights := range map[string]rbacv1.ClusterRole{"lists in one namespace": tuner, "may not list": withoutVerb(tuner, "helmreleases", "list")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := bed.Cluster(t)
			ns := c.Namespace(t, map[string]string{"environment": "development"})
			f := gitFleet{Cluster: c, apps: ns, flux: ns}
			f.root(t, "")
			f.observe(t)
			f.push(t, fmt.Sprintf("apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: app, namespace: %s, labels: %s}\nspec: {interval: 5m, timeout: 2m, chartRef: {kind: OCIRepository, name: app}}\n", ns, f.labels()))
			_, o := f.tuned(t, "a", "hr", pin, "--set", "development.HelmRelease.interval=1m")
			require.Zero(t, o.code, o.stderr)
			ignore, _ := f.rules(t)
			require.Contains(t, ignore, `"kind":"HelmRelease"`)
			grant(t, c, ns, ns, rights)
			assert.Contains(t, f.revert(t, "hr", "app", "--as", ns, "--dry-run").stderr, "Kustomization "+ns+"/root, whose rules hold 1 of these, could not be read")
			o = f.revert(t, "hr", "app", "--as", ns)
			assert.Contains(t, o.stderr, "1 restored", o.stdout)
			ignore, note := f.rules(t)
			assert.Empty(t, ignore, "%s%s", o.stdout, o.stderr)
			assert.Empty(t, note)
		})
	}
}

// Whoever dropped a record by hand, or might not change the owner, left a rule: doctor names it, and what it proposes takes it away.
func TestRulesThatNothingNeedsAreNamed(t *testing.T) {
	t.Parallel()
	f := newGitFleet(t)
	f.observe(t)
	_, o := f.tuned(t, "a", pin, "--policy", gitPolicy(t, "interval: 1m"))
	require.Zero(t, o.code, o.stderr)
	pins := func() (check report.Check, found bool) {
		for _, check := range decode[report.Diagnosis](t, on(f.Cluster).must(t, "doctor", "-n", f.apps, "-o", "json")).Checks {
			if check.Name == "pins" {
				return check, true
			}
		}
		return check, false
	}
	_, found := pins()
	require.False(t, found, "the record needs it")
	f.Kubectl(t, "annotate", "gitrepository", "app", "-n", f.apps, tune.RecordAnnotation+"-")
	check, found := pins()
	require.True(t, found)
	assert.Equal(t, "1 Kustomization with rules of fluxtune in spec.ignore that no object needs any more: Kustomization "+f.flux+"/root", check.Message)
	require.Equal(t, []string{"kubectl fluxtune revert -n " + f.apps + " --kubeconfig " + f.Kubeconfig() + " --expired"}, check.Run)
	o = on(f.Cluster).must(t, append(words(strings.TrimPrefix(check.Run[0], "kubectl fluxtune ")), "--yes")...)
	ignore, note := f.rules(t)
	assert.Empty(t, ignore, "%s%s", o.stdout, o.stderr)
	assert.Empty(t, note)
	assert.Contains(t, o.stderr, "The rules in spec.ignore of 1 Kustomization changed.")
	_, found = pins()
	assert.False(t, found)
	o = on(f.Cluster).must(t, "revert", "-n", f.apps, "--expired", "--yes")
	assert.Contains(t, o.stderr, "No session is overdue")
}

// A rule that somebody took away is what its object lacks, and none that nobody needs: doctor says so, and what it proposes sets it again.
func TestDoctorNamesLostPins(t *testing.T) {
	t.Parallel()
	f := newGitFleet(t)
	f.observe(t)
	_, o := f.tuned(t, "a", pin)
	require.Zero(t, o.code, o.stderr)
	checks := func() (pins []report.Check) {
		for _, check := range decode[report.Diagnosis](t, on(f.Cluster).must(t, "doctor", "-n", f.apps, "-o", "json")).Checks {
			if strings.HasSuffix(check.Name, "pins") {
				pins = append(pins, check)
			}
		}
		return pins
	}
	require.Empty(t, checks())
	f.Kubectl(t, "patch", "kustomization", "root", "-n", f.flux, "--type=json", "-p", `[{"op":"remove","path":"/spec/ignore"}]`)
	named := "1 object whose rules in spec.ignore somebody took away, so that Git sets again what fluxtune has set: GitRepository " + f.apps + "/app"
	found := checks()
	require.Len(t, found, 1)
	assert.Equal(t, [2]string{"lost pins", named}, [2]string{found[0].Name, found[0].Message})
	require.Len(t, found[0].Run, 1)
	f.push(t, f.app("interval: 5m, timeout: 3m")) // and kustomize-controller sets the interval again
	require.Equal(t, "5m", f.interval(t))
	found = checks()
	require.Len(t, found, 1)
	assert.Equal(t, [2]string{"lost pins", named}, [2]string{found[0].Name, found[0].Message})
	words := append(words(strings.TrimPrefix(found[0].Run[0], "kubectl fluxtune ")), "--yes")
	words[0] = "apply"
	on(f.Cluster).must(t, words...)
	ignore, _ := f.rules(t)
	assert.Contains(t, ignore, "/spec/interval")
	assert.Empty(t, checks())
}

// A record that somebody broke is named by doctor, too, and what it proposes drops it.
func TestDoctorNamesRecordsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	f := newFreeFleet(t)
	records := func() (check report.Check, found bool) {
		for _, check := range decode[report.Diagnosis](t, on(f.Cluster).must(t, "doctor", "-n", f.apps, "-o", "json")).Checks {
			if check.Name == "records" {
				return check, true
			}
		}
		return check, false
	}
	f.tuned(t, "a")
	_, found := records()
	require.False(t, found, "it can be read")
	f.Kubectl(t, "annotate", "gitrepository", "app", "-n", f.apps, "--overwrite", tune.RecordAnnotation+"={broken")
	check, found := records()
	require.True(t, found)
	assert.Equal(t, report.CheckWarning, check.Status)
	assert.Equal(t, "1 record cannot be read: GitRepository "+f.apps+"/app", check.Message)
	require.Equal(t, []string{"kubectl fluxtune forget GitRepository/app -n " + f.apps + " --kubeconfig " + f.Kubeconfig()}, check.Run)
	o := on(f.Cluster).must(t, append(words(strings.TrimPrefix(check.Run[0], "kubectl fluxtune ")), "--yes")...)
	assert.Contains(t, o.stderr, "1 forgotten")
	_, found = records()
	assert.False(t, found)
	assert.Equal(t, "1m", f.interval(t))
}

// While an apply waits for an owner to notice its rules, nobody else's command takes these away: a revert says that it leaves
// them, and the apply comes to its end as planned.
func TestRulesThatAnApplyWaitsFor(t *testing.T) {
	t.Parallel()
	f := newGitFleet(t)
	f.Apply(t, gitRepository(f.apps, "own", "interval: 5m, timeout: 2m"))
	f.tuned(t, "before", "gitrepo", "own")
	i := on(f.Cluster)
	i.session = "pins"
	pinned := make(chan outcome, 1)
	go func() {
		pinned <- i.run(t.Context(), "apply", "gitrepo", "app", "-n", f.apps, "--yes", "--patches-per-second=0", pin)
	}()
	require.Eventually(t, func() bool { ignore, _ := f.rules(t); return ignore != "" }, time.Minute, 50*time.Millisecond)
	o := f.revert(t, "--session", "before")
	assert.Zero(t, o.code, o.stderr)
	assert.Contains(t, o.stderr, "1 restored")
	assert.Contains(t, o.stderr, "Warning: spec.ignore of Kustomization "+f.flux+"/root keeps rules that no object needs (GitRepository "+f.apps+"/app): session pins has set rules there")
	assert.NotContains(t, o.stderr, "The rules in spec.ignore")
	o = on(f.Cluster).must(t, "revert", "-n", f.apps, "--expired", "--yes")
	assert.Contains(t, o.stderr, "No session is overdue")
	for _, check := range decode[report.Diagnosis](t, on(f.Cluster).must(t, "doctor", "-n", f.apps, "-o", "json")).Checks {
		assert.True(t, check.Name != "pins" || check.Status == report.CheckOK, "it is on its way")
	}
	f.observe(t)
	o = <-pinned
	assert.Zero(t, o.code, o.stderr)
	assert.Contains(t, o.stderr, "1 configured")
	assert.Equal(t, "1m", f.interval(t))
	_, note := f.rules(t)
	assert.NotContains(t, note, "waiting")
	f.revert(t)
	ignore, note := f.rules(t)
	assert.Empty(t, ignore)
	assert.Empty(t, note)
}

// Of a program that was killed before it changed anything the rules go with a revert of the objects, or when its time is over.
func TestRulesOfAKilledApply(t *testing.T) {
	t.Parallel()
	f := newGitFleet(t)
	f.killedWhileItWaits(t)
	const remedy = "if it was killed, with a revert of what it was to change, or with any after 2026-11-22 12:10:00 UTC"
	o := f.revert(t, "--expired")
	assert.Contains(t, o.stderr, remedy)
	assert.Contains(t, on(f.Cluster).must(t, "sessions", "-n", f.apps).stderr, remedy)
	assert.Contains(t, onOneLine(on(f.Cluster).run(t.Context(), "doctor", "-n", f.apps).stdout), remedy)
	o = f.revert(t, "--session", "20261122-120000-test")
	assert.Contains(t, o.stderr, "was tuned by it")
	assert.Contains(t, o.stderr, remedy)
	ignore, _ := f.rules(t)
	require.NotEmpty(t, ignore)
	later := on(f.Cluster)
	later.now = func() time.Time { return noon.Add(11 * time.Minute) }
	o = later.must(t, "revert", "-n", f.apps, "--expired", "--yes")
	assert.Contains(t, o.stderr, "The rules in spec.ignore of 1 Kustomization changed.")
	ignore, note := f.rules(t)
	assert.Empty(t, ignore)
	assert.Empty(t, note)

	f.killedWhileItWaits(t)
	o = f.revert(t)
	assert.Contains(t, o.stderr, "The rules in spec.ignore of 1 Kustomization changed.")
	ignore, note = f.rules(t)
	assert.Empty(t, ignore)
	assert.Empty(t, note)
}

// killedWhileItWaits leaves a rule that nothing needs, and the note that somebody waits for it.
func (f gitFleet) killedWhileItWaits(t *testing.T) {
	t.Helper()
	ctx, kill := context.WithCancel(t.Context())
	killed, stop := context.WithCancel(t.Context())
	i := on(f.Cluster)
	i.insisted = killed
	ended := make(chan outcome, 1)
	go func() {
		ended <- i.run(ctx, "apply", "gitrepo", "app", "-n", f.apps, "--yes", "--patches-per-second=0", pin)
	}()
	require.Eventually(t, func() bool { ignore, _ := f.rules(t); return ignore != "" }, time.Minute, 50*time.Millisecond)
	stop()
	kill()
	<-ended
	ignore, _ := f.rules(t)
	require.NotEmpty(t, ignore)
}

// A rule of ours that somebody edited is theirs: it stays, and whoever takes the pin back is told what it still does.
func TestEditedRuleIsNamed(t *testing.T) {
	t.Parallel()
	f := newGitFleet(t)
	f.observe(t)
	_, o := f.tuned(t, "a", pin, "--policy", gitPolicy(t, "interval: 1m"))
	require.Zero(t, o.code, o.stderr)
	f.Kubectl(t, "patch", "kustomization", "root", "-n", f.flux, "--type=json", "-p", `[{"op":"add","path":"/spec/ignore/0/paths/-","value":"/spec/url"}]`)
	o = f.revert(t)
	assert.Contains(t, o.stderr, "Warning: spec.ignore of Kustomization "+f.flux+"/root keeps a rule that is not fluxtune's, or not any more: it leaves spec.interval of 1 to the cluster, so that Git does not set it")
	ignore, note := f.rules(t)
	assert.Contains(t, ignore, "/spec/url", "it is not ours any more")
	assert.Empty(t, note)
}

// Whoever adds a rule of their own owns the whole list from then on, as the API server sees it. Theirs stays; ours are found and go.
func TestRulesOfAListThatSomebodyHasAddedTo(t *testing.T) {
	t.Parallel()
	f := newGitFleet(t)
	f.observe(t)
	_, o := f.tuned(t, "a", pin, "--policy", gitPolicy(t, "interval: 1m"))
	require.Zero(t, o.code, o.stderr)
	pinned, _ := f.rules(t)
	f.Kubectl(t, "patch", "kustomization", "root", "-n", f.flux, "--field-manager=jane", "--type=json", "-p", `[{"op":"add","path":"/spec/ignore/-","value":{"target":{"kind":"Deployment"},"paths":["/spec/replicas"]}}]`)
	o = on(f.Cluster).must(t, "apply", "-n", f.apps, "--policy", gitPolicy(t, "interval: 1m"), "--yes")
	assert.NotContains(t, o.stdout+o.stderr, "no rule of fluxtune")
	ignore, note := f.rules(t)
	assert.Contains(t, ignore, strings.TrimSuffix(pinned, "]"))
	assert.NotEmpty(t, note)
	o = f.revert(t)
	assert.Contains(t, o.stderr, "1 restored, 0 unchanged, 0 left alone, 0 failed.\nThe rules in spec.ignore of 1 Kustomization changed.\n")
	assert.NotContains(t, o.stderr, "Warning")
	ignore, note = f.rules(t)
	assert.JSONEq(t, `[{"paths":["/spec/replicas"],"target":{"kind":"Deployment"}}]`, ignore)
	assert.Empty(t, note)
	assert.Contains(t, f.owners(t, "kustomization", f.flux, "root"), "jane")
}

// A pin that its owner does not notice in time changes nothing, and leaves no rule.
func TestPinThatIsNotNoticed(t *testing.T) {
	t.Parallel()
	f := newGitFleet(t) // and nobody observes
	session, o := f.tuned(t, "one", pin, "--wait-timeout=2s")
	assert.Equal(t, exitFailed, o.code)
	results := decode[report.Results](t, o)
	assert.Equal(t, report.ResultSummary{NotAttempted: 1}, results.Summary)
	assert.Empty(t, session, "no object was changed")
	assert.Contains(t, o.stderr, "Not attempted: GitRepository "+f.apps+"/app: Kustomization "+f.flux+"/root could not be made to leave it alone: it has not noticed its rules in time")
	assert.Equal(t, "5m", f.interval(t))
	ignore, note := f.rules(t)
	assert.Empty(t, ignore)
	assert.Empty(t, note)
}

// Ctrl-C while an apply waits for owners is no owner's fault.
func TestPinThatIsInterrupted(t *testing.T) {
	t.Parallel()
	f := newGitFleet(t) // and nobody observes
	ctx, interrupt := context.WithCancel(t.Context())
	ended := make(chan outcome, 1)
	go func() {
		ended <- on(f.Cluster).run(ctx, "apply", "gitrepo", "app", "-n", f.apps, "--yes", "--patches-per-second=0", pin)
	}()
	require.Eventually(t, func() bool { ignore, _ := f.rules(t); return ignore != "" }, time.Minute, 50*time.Millisecond)
	interrupt()
	o := <-ended
	assert.Equal(t, exitInterrupted, o.code)
	assert.NotContains(t, o.stdout+o.stderr, "in time")
	assert.Contains(t, o.stdout+o.stderr, "interrupted before it had noticed")
	ignore, note := f.rules(t)
	assert.Empty(t, ignore)
	assert.Empty(t, note)
}

// marks make what applies root be known as somebody else than kustomize-controller.
var marks = map[string][2]string{
	"by a HelmRelease": {"label", "helm.toolkit.fluxcd.io/name=apps"},
	"by Helm":          {"annotate", "meta.helm.sh/release-name=apps"},
	"by Argo CD":       {"annotate", "argocd.argoproj.io/tracking-id=fleet:x"},
}

// Rules on a Kustomization that others apply may be wiped at their next turn, where those are not known to leave them alone.
func TestPinsOnOwnersThatOthersApply(t *testing.T) {
	t.Parallel()
	for name, mark := range marks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newGitFleet(t)
			f.observe(t)
			f.Kubectl(t, mark[0], "kustomization", "root", "-n", f.flux, mark[1])
			item := f.item(t, "gitrepo/app", pin)
			assert.Equal(t, "CannotPin", item.Reason)
			assert.Contains(t, item.Message, "cannot be pinned: Kustomization "+f.flux+"/root is itself applied by ")
			_, o := f.tuned(t, "one", pin)
			assert.Zero(t, o.code, o.stderr)
			ignore, note := f.rules(t)
			assert.Empty(t, ignore+note)
			assert.Equal(t, "5m", f.interval(t))
		})
	}
}

// The Flux Operator applies on the server, and leaves alone what it does not set.
func TestPinsOnOwnersOfTheFluxOperator(t *testing.T) {
	t.Parallel()
	f := newGitFleet(t)
	operator := func(every string) {
		f.ApplyAs(t, fmt.Sprintf(`
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: root, namespace: %s, labels: {resourceset.fluxcd.controlplane.io/name: apps, resourceset.fluxcd.controlplane.io/namespace: %s}}
spec: {interval: %s, path: ./apps, prune: true, sourceRef: {kind: GitRepository, name: fleet}}
`, f.flux, f.flux, every), testbed.ApplyOptions{Manager: "flux-operator"})
	}
	operator("10m")
	f.observe(t)
	_, o := f.tuned(t, "one", pin)
	require.Zero(t, o.code, o.stderr)
	before, _ := f.rules(t)
	require.Contains(t, before, "/spec/interval")
	operator("10m")
	operator("11m")
	after, note := f.rules(t)
	assert.Equal(t, before, after)
	assert.NotEmpty(t, note)
	assert.Equal(t, "1m", f.interval(t))
	f.revert(t)
	ignore, note := f.rules(t)
	assert.Empty(t, ignore+note)
}

// The same when it becomes so after the plan was made: the owner is looked at again after a conflict.
func TestPinsOnOwnersThatOthersApplySince(t *testing.T) {
	t.Parallel()
	f := newGitFleet(t)
	f.observe(t)
	o := atThePrompt(t, on(f.Cluster), func() {
		f.Kubectl(t, "annotate", "kustomization", "root", "-n", f.flux, "argocd.argoproj.io/tracking-id=fleet:x")
	}, "apply", "-n", f.apps, pin)
	assert.Equal(t, exitFailed, o.code)
	assert.Contains(t, o.stderr, "Left alone: Kustomization "+f.flux+"/root: Kustomization "+f.flux+"/root is itself applied by Application ")
	assert.Contains(t, o.stderr, "Not attempted: GitRepository "+f.apps+"/app: ")
	ignore, note := f.rules(t)
	assert.Empty(t, ignore+note)
	assert.Equal(t, "5m", f.interval(t))
}

// Before anything is written the plan says that a pin will hold, and whose rules will be changed; what a revert did
// to them is told beside the objects.
func TestPlansAndResultsNameTheOwner(t *testing.T) {
	t.Parallel()
	f := newGitFleet(t)
	f.observe(t)
	root := "Kustomization " + f.flux + "/root"
	plan := decode[report.Plan](t, on(f.Cluster).must(t, "plan", "gitrepo", "-n", f.apps, pin, "-o", "json"))
	require.Len(t, plan.Items, 1)
	assert.Equal(t, [2]string{"held", "held by a rule that apply adds to spec.ignore of " + root}, [2]string{plan.Items[0].Sticks, plan.Items[0].SticksMessage})
	require.Len(t, plan.Pins, 1)
	assert.Equal(t, report.PlanPin{Ref: report.Ref{APIVersion: "kustomize.toolkit.fluxcd.io/v1", Kind: "Kustomization", Namespace: f.flux, Name: "root"}, Objects: 1, Rules: 1}, plan.Pins[0])

	i := on(f.Cluster)
	i.stdin, i.terminal = strings.NewReader("y\n"), true
	o := i.must(t, "apply", "-n", f.apps, pin)
	assert.Contains(t, o.stderr, "Change 1 object (0 in production, 1 faster) and spec.ignore of Kustomization "+f.flux+"/root")
	assert.Contains(t, o.stderr, "1 configured, 0 unchanged, 0 left alone, 0 failed.\nThe rules in spec.ignore of 1 Kustomization changed.\n")

	back := f.revert(t)
	require.Zero(t, back.code, back.stderr)
	assert.Contains(t, back.stderr, "1 restored, 0 unchanged, 0 left alone, 0 failed.\nThe rules in spec.ignore of 1 Kustomization changed.\n")
	assert.Regexp(t, `root +configured +bears no rule of fluxtune any more`, back.stdout)
}

// Rules that Git has adopted in the meantime are Git's.
func TestUnpinLeavesWhatGitHasAdopted(t *testing.T) {
	t.Parallel()
	f := newGitFleet(t)
	f.observe(t)
	_, o := f.tuned(t, "one", pin)
	require.Zero(t, o.code, o.stderr)
	ignore, _ := f.rules(t)
	require.NotEmpty(t, ignore)
	f.push(t, fmt.Sprintf(`
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: root, namespace: %s}
spec: {interval: 10m, path: ./apps, prune: true, sourceRef: {kind: GitRepository, name: fleet}, ignore: %s}
`, f.flux, ignore))
	item := f.item(t, "gitrepo/app", pin)
	assert.Equal(t, [2]string{"held", "held by spec.ignore of Kustomization " + f.flux + "/root"}, [2]string{item.Sticks, item.SticksMessage})
	assert.NotContains(t, item.SticksMessage, "apply adds", "Git's rule is there already")
	forget := on(f.Cluster).must(t, "forget", "-n", f.apps, "--dry-run")
	assert.NotContains(t, forget.stderr, "Git sets what it sets again", "its rule keeps it from doing so")
	assert.Contains(t, forget.stderr, "keeps a rule that is not fluxtune's, or not any more")
	o = f.revert(t)
	assert.Zero(t, o.code, o.stderr)
	assert.Contains(t, o.stderr, "keeps a rule that is not fluxtune's, or not any more")
	assert.Contains(t, o.stdout, "the rules that fluxtune added are declared by kustomize-controller now: they stay, and the note of them is gone")
	left, note := f.rules(t)
	assert.Equal(t, ignore, left)
	assert.Empty(t, note)
	assert.NotContains(t, f.owners(t, "kustomization", f.flux, "root"), "fluxtune")
}

// A Kustomization that is looked at, and whose rules change, is told once.
func TestOwnersThatAreSelectedToo(t *testing.T) {
	t.Parallel()
	f := gitFleetOn(t, bed.Own(t))
	f.observe(t)
	f.Kubectl(t, "label", "namespace", f.flux, "environment=production")
	_, o := f.tuned(t, "one", pin)
	require.Zero(t, o.code, o.stderr)
	results := decode[report.Results](t, on(f.Cluster).must(t, "revert", "-A", "--yes", "--dry-run", "-o", "json"))
	assert.Len(t, results.Rules, 1)
	assert.Len(t, results.Items, 1)
	back := on(f.Cluster).run(t.Context(), "revert", "-A", "--yes")
	require.Zero(t, back.code, back.stderr)
	assert.Contains(t, back.stderr, "The rules in spec.ignore of 1 Kustomization changed.")
	assert.Equal(t, 1, strings.Count(back.stdout, "root "), back.stdout)
}

// An object that Git has deleted needs no rule any more.
func TestRulesOfDeletedObjects(t *testing.T) {
	t.Parallel()
	f := newGitFleet(t)
	f.observe(t)
	_, o := f.tuned(t, "one", pin)
	require.Zero(t, o.code, o.stderr)
	f.Kubectl(t, "delete", "gitrepository", "app", "-n", f.apps)
	o = f.revert(t)
	assert.Zero(t, o.code, o.stderr)
	assert.Contains(t, o.stderr, "The rules in spec.ignore of 1 Kustomization changed.")
	ignore, note := f.rules(t)
	assert.Empty(t, ignore+note)
}

// Where Git sets spec.ignore of its own, our rules are gone, and with the next revert all that spoke of them.
func TestRulesThatGitReplaces(t *testing.T) {
	t.Parallel()
	f := newGitFleet(t)
	f.observe(t)
	session, o := f.tuned(t, "one", pin)
	require.Zero(t, o.code, o.stderr)
	f.push(t, fmt.Sprintf(`
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: root, namespace: %s}
spec: {interval: 10m, path: ./apps, prune: true, sourceRef: {kind: GitRepository, name: fleet}, ignore: [{paths: [/metadata/labels/x]}]}
`, f.flux))
	f.push(t, f.app("interval: 5m, timeout: 2m")) // and kustomize-controller applies what it has in Git
	assert.Equal(t, "PinLost", f.item(t, "gitrepo/app").Reason)
	list := decode[report.SessionList](t, on(f.Cluster).must(t, "sessions", "-n", f.apps, "-o", "json"))
	require.Len(t, list.Items, 1)
	assert.Equal(t, [2]int{0, 1}, [2]int{list.Items[0].Stand, list.Items[0].Back}, "it does not stand any more")
	o = f.revert(t, "--session", session)
	assert.Zero(t, o.code, o.stderr)
	ignore, note := f.rules(t)
	assert.JSONEq(t, `[{"paths":["/metadata/labels/x"]}]`, ignore)
	assert.Empty(t, note)
	assert.Nil(t, f.recordOf(t))
	assert.Equal(t, "5m", f.interval(t))
	assert.Contains(t, on(f.Cluster).must(t, "sessions", "-n", f.apps).stderr, "No sessions")
}

// Hundreds of siblings are pinned by a few rules, and judged in the time that it takes to look them up.
func TestManySiblingsArePinned(t *testing.T) {
	t.Parallel()
	f := gitFleetOn(t, bed.Own(t))
	f.observe(t)
	// The annotation passed 256 KiB at about 720 objects with names like these when it held the rules.
	const n = 900
	long := strings.Repeat("a-name-as-long-as-they-can-be-", 6)
	f.push(t, f.named(long+"0", "interval: 5m, timeout: 2m"))
	f.Copies(t, "gitrepositories", f.Object(t, "gitrepository", f.apps, long+"0"), n-1, func(i int) string { return fmt.Sprint(long, i+1) })
	start := time.Now()
	_, o := f.tuned(t, "one", pin, "--wait-timeout=2m")
	require.Zero(t, o.code, o.stderr)
	t.Logf("pinned %d in %s", n, time.Since(start))
	assert.Equal(t, report.ResultSummary{Changed: n + 1}, decode[report.Results](t, o).Summary)
	ignore, note := f.rules(t)
	assert.Equal(t, 1, strings.Count(ignore, "paths"))
	assert.Less(t, len(note), 1000)
	start = time.Now()
	back := f.revert(t)
	require.Zero(t, back.code, back.stderr)
	t.Logf("reverted in %s", time.Since(start))
	ignore, note = f.rules(t)
	assert.Empty(t, ignore+note)
}
