package cmd

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
	"github.com/fluxtune/kubectl-fluxtune/hack/testbed/faults"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// free is the fleet with a GitRepository app that nothing applies.
func newFreeFleet(t *testing.T) gitFleet {
	t.Helper()
	return freeFleetOn(t, bed.Cluster(t))
}

func freeFleetOn(t *testing.T, c *testbed.Cluster) gitFleet {
	t.Helper()
	f := gitFleet{Cluster: c, apps: c.Namespace(t, map[string]string{"environment": "development"})}
	f.Apply(t, gitRepository(f.apps, "app", "interval: 5m, timeout: 2m"))
	return f
}

func (f gitFleet) edit(t *testing.T, interval string) {
	t.Helper()
	f.Kubectl(t, "patch", "gitrepository", "app", "-n", f.apps, "--type=merge", "-p", `{"spec":{"interval":"`+interval+`"}}`)
}

func TestRevertRestoresTheOwnersLastChoice(t *testing.T) {
	t.Parallel()
	f := newFreeFleet(t)
	f.tuned(t, "one")
	require.Equal(t, "1m", f.interval(t))
	f.edit(t, "10m")
	f.tuned(t, "two")
	require.Equal(t, "1m", f.interval(t))
	o := f.revert(t)
	assert.Zero(t, o.code, o.stderr)
	assert.Equal(t, "10m", f.interval(t), "not the 5m from before")
	assert.Nil(t, f.recordOf(t))
}

func TestForgetKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	f := newFreeFleet(t)
	f.tuned(t, "one")
	o := on(f.Cluster).must(t, "forget", "-n", f.apps, "--yes")
	assert.Contains(t, o.stderr, "1 forgotten")
	assert.Equal(t, "1m", f.interval(t))
	assert.NotContains(t, f.owners(t, "gitrepository", f.apps, "app"), "fluxtune")
	assert.Contains(t, on(f.Cluster).must(t, "revert", "-n", f.apps, "--yes").stderr, "Nothing to revert")
}

func TestRevertOfASessionThatAnotherFollowed(t *testing.T) {
	t.Parallel()
	f := newFreeFleet(t)
	a, _ := f.tuned(t, "a")
	b, _ := f.tuned(t, "b", "--set", "development.GitRepository.interval=30s")
	o := f.revert(t, "--session", a)
	assert.Equal(t, exitFailed, o.code, "what was asked for was not done")
	assert.Contains(t, o.stderr, "1 not taken back whole.")
	assert.Contains(t, o.stderr, "Not taken back: GitRepository "+f.apps+"/app: spec.interval stays 30s: session "+b+" set it later; reverting that one restores 5m")
	assert.Equal(t, "30s", f.interval(t))
	o = f.revert(t, "--session", b)
	assert.Zero(t, o.code, o.stderr)
	assert.Equal(t, "5m", f.interval(t), "the order does not matter")
	assert.Nil(t, f.recordOf(t))
}

func TestRevertNamesWhatSomebodyChangedSince(t *testing.T) {
	t.Parallel()
	f := newFreeFleet(t)
	f.tuned(t, "one")
	f.edit(t, "7m")
	o := f.revert(t)
	assert.Equal(t, exitFailed, o.code)
	assert.Contains(t, o.stderr, "Not taken back: GitRepository "+f.apps+"/app: spec.interval was set to 1m and is now 7m: somebody (kubectl-patch) changed it since (--force restores 5m, forget keeps what is there)")
	assert.Equal(t, "7m", f.interval(t))
}

// Who sets a field is seen by the owner of it, also where the value is the one that we had set.
func TestRevertLeavesWhatItsOwnerSetSince(t *testing.T) {
	t.Parallel()
	t.Run("in Git", func(t *testing.T) {
		t.Parallel()
		f := newGitFleet(t)
		_, o := f.tuned(t, "one", "--managed=patch")
		require.Zero(t, o.code, o.stderr)
		require.Equal(t, "1m", f.interval(t))
		f.push(t, f.app("interval: 1m, timeout: 2m"))
		o = f.revert(t)
		assert.Zero(t, o.code, o.stderr)
		assert.Equal(t, "1m", f.interval(t), "Git says so now")
		assert.Nil(t, f.recordOf(t))
		assert.Equal(t, []string{"kustomize-controller"}, f.owners(t, "gitrepository", f.apps, "app"))
	})
	for _, manager := range []string{"bob", "fluxtune"} { // who applies by our name is somebody else all the same
		t.Run("applied by somebody, by the name of "+manager, func(t *testing.T) {
			t.Parallel()
			f := newFreeFleet(t)
			f.tuned(t, "one")
			_, err := f.RunKubectl(t.Context(), gitRepository(f.apps, "app", "interval: 7m"), "apply", "--server-side", "-f", "-", "--field-manager="+manager, "--force-conflicts")
			require.NoError(t, err)
			o := f.revert(t)
			assert.Equal(t, exitFailed, o.code)
			assert.Contains(t, o.stderr, "somebody ("+manager+") changed it since")
			assert.Equal(t, "7m", f.interval(t))
			assert.NotNil(t, f.recordOf(t), "who wants 5m back can have it")
			o = f.revert(t, "--force")
			assert.Zero(t, o.code, o.stderr)
			assert.Equal(t, "5m", f.interval(t))
		})
	}
	t.Run("by hand", func(t *testing.T) {
		t.Parallel()
		f := newFreeFleet(t)
		f.tuned(t, "one")
		f.edit(t, "7m")
		f.edit(t, "1m")
		o := f.revert(t)
		assert.Equal(t, exitFailed, o.code)
		assert.Contains(t, o.stderr, "somebody (kubectl-patch) has set it to the same since")
		assert.Equal(t, "1m", f.interval(t))
	})
}

// Whoever declares a field says what it is to be: by kubectl apply, too.
func TestRevertLeavesWhatIsDeclared(t *testing.T) {
	t.Parallel()
	declare := func(t *testing.T, f gitFleet, interval string, how ...string) {
		t.Helper()
		_, err := f.RunKubectl(t.Context(), gitRepository(f.apps, "app", "interval: "+interval+", timeout: 2m"), append([]string{"apply", "-f", "-"}, how...)...)
		require.NoError(t, err)
	}
	fleet := func(t *testing.T, how ...string) gitFleet {
		t.Helper()
		c := bed.Cluster(t)
		f := gitFleet{Cluster: c, apps: c.Namespace(t, map[string]string{"environment": "development"})}
		declare(t, f, "5m", how...)
		_, o := f.tuned(t, "one", "--managed=patch")
		require.Zero(t, o.code, o.stderr)
		require.Equal(t, "1m", f.interval(t))
		return f
	}
	t.Run("again, server-side", func(t *testing.T) {
		t.Parallel()
		f := fleet(t, "--server-side")
		declare(t, f, "8m", "--server-side", "--force-conflicts")
		o := f.revert(t)
		assert.Zero(t, o.code, o.stderr)
		assert.Equal(t, "8m", f.interval(t))
		assert.Nil(t, f.recordOf(t), "there is nothing to restore")
	})
	t.Run("as it was set, client-side", func(t *testing.T) {
		t.Parallel()
		f := fleet(t)
		declare(t, f, "1m")
		o := f.revert(t)
		assert.Equal(t, exitFailed, o.code)
		assert.Contains(t, o.stderr, "somebody (kubectl-client-side-apply) has set it to the same since (--force restores 5m, forget keeps what is there)")
		assert.Equal(t, "1m", f.interval(t))
		assert.Zero(t, f.revert(t, "--force").code)
		assert.Equal(t, "5m", f.interval(t))
	})
	t.Run("as it was set, by a clock that is behind", func(t *testing.T) {
		t.Parallel()
		c := bed.Cluster(t)
		f := gitFleet{Cluster: c, apps: c.Namespace(t, map[string]string{"environment": "development"})}
		declare(t, f, "5m")
		const ahead = 5 * time.Minute
		proxy := faults.Start(t, f.Config(), func(*http.Request, int) faults.Fault { return faults.Fault{Ahead: -ahead} })
		here := invocation{kubeconfig: proxy.Kubeconfig(t, "through", f.apps), now: func() time.Time { return time.Now().Add(ahead) }}
		here.must(t, "apply", "-n", f.apps, "--yes")
		require.Equal(t, "1m", f.interval(t))
		assert.WithinDuration(t, time.Now(), f.recordOf(t).Steps[0].Time, time.Minute, "the API server's clock")
		time.Sleep(3 * time.Second) // it writes times to the second
		declare(t, f, "1m")
		assert.Equal(t, exitFailed, here.run(t.Context(), "revert", "-n", f.apps, "--yes").code)
		assert.Equal(t, "1m", f.interval(t))
	})
	for _, manager := range []string{"kubectl-client-side-apply", "ci", "argocd-controller"} {
		t.Run("again, client-side by "+manager, func(t *testing.T) {
			t.Parallel()
			f := fleet(t, "--field-manager="+manager)
			declare(t, f, "8m", "--field-manager="+manager)
			o := f.revert(t)
			assert.Zero(t, o.code, o.stderr)
			assert.Equal(t, "8m", f.interval(t))
			assert.Nil(t, f.recordOf(t), "there is nothing to restore")
		})
	}
	t.Run("as it was set, client-side by a pipeline", func(t *testing.T) {
		t.Parallel()
		f := fleet(t)
		declare(t, f, "1m", "--field-manager=ci")
		o := f.revert(t)
		assert.Equal(t, exitFailed, o.code)
		assert.Contains(t, o.stderr, "somebody (ci) has set it to the same since (--force restores 5m, forget keeps what is there)")
		assert.Equal(t, "1m", f.interval(t))
	})
	t.Run("as it was set, client-side by a controller", func(t *testing.T) {
		t.Parallel()
		f := fleet(t, "--field-manager=argocd-controller")
		declare(t, f, "1m", "--field-manager=argocd-controller")
		o := f.revert(t)
		assert.Zero(t, o.code, o.stderr)
		assert.Equal(t, "1m", f.interval(t))
		assert.Nil(t, f.recordOf(t), "there is nothing to restore")
	})
	t.Run("before, client-side", func(t *testing.T) {
		t.Parallel()
		f := fleet(t)
		assert.Zero(t, f.revert(t).code)
		assert.Equal(t, "5m", f.interval(t))
	})
}

// A record that nobody can read is not "no record".
func TestRecordsThatCannotBeReadAreNamed(t *testing.T) {
	t.Parallel()
	f := newFreeFleet(t)
	f.tuned(t, "one")
	f.Kubectl(t, "annotate", "gitrepository", "app", "-n", f.apps, "--overwrite", `fluxtune.github.io/original={"steps":[`)
	for _, args := range []string{"sessions", "revert --expired --yes"} {
		o := on(f.Cluster).run(t.Context(), append(strings.Fields(args), "-n", f.apps)...)
		assert.Equal(t, args == "sessions", o.code == exitFailed, args)
		assert.Contains(t, o.stderr, "Warning: the record of GitRepository "+f.apps+"/app could not be read", args)
		assert.NotContains(t, o.stderr, "No session", args)
	}
	list := decode[report.SessionList](t, on(f.Cluster).run(t.Context(), "sessions", "-n", f.apps, "-o", "json"))
	assert.Len(t, list.Missing, 1)
}

// A cron job goes on beside records that nobody can read, and takes back what else is over; where one is of something that is over, it fails.
func TestExpiredBesideRecordsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	f := newFreeFleet(t)
	for _, name := range []string{"bad", "worse"} {
		f.Apply(t, gitRepository(f.apps, name, "interval: 5m"))
		f.Kubectl(t, "annotate", "gitrepository", name, "-n", f.apps, "fluxtune.github.io/original={not json", "fluxtune.github.io/until=2026-11-22T14:00:00Z")
	}
	const warning = "could not be read (annotation fluxtune.github.io/original): GitRepository "
	forget := "with: kubectl fluxtune forget --kubeconfig " + f.Kubeconfig() + " -n " + f.apps + " GitRepository/bad GitRepository/worse\n"
	f.tuned(t, "one", "gitrepository/app")
	record := f.recordOf(t)
	until := noon.Add(-time.Hour)
	record.Steps[0].Until = &until
	f.annotate(t, *record)
	o := f.revert(t, "--expired")
	assert.Zero(t, o.code, o.stderr)
	assert.Equal(t, 1, strings.Count(o.stderr, "Warning: the records of 2 objects "+warning), o.stderr)
	assert.Contains(t, o.stderr, forget)
	assert.Equal(t, "5m", f.interval(t))
	assert.Contains(t, on(f.Cluster).run(t.Context(), "sessions", "-n", f.apps).stderr, "Warning: the records of 2 objects "+warning)

	f.Kubectl(t, "annotate", "gitrepository", "bad", "-n", f.apps, "--overwrite", "fluxtune.github.io/until=2026-11-22T11:00:00Z")
	o = f.revert(t, "--expired")
	assert.Equal(t, exitFailed, o.code, o.stderr)
	assert.Contains(t, o.stderr, forget)
}

// What was never ready cannot become so again: nobody waits for it.
func TestWhatWasNeverReadyIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	ns := c.Namespace(t, map[string]string{"environment": "development"})
	c.Apply(t, fmt.Sprintf(`
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: base, namespace: %[1]s}
spec: {interval: 5m, path: ./, prune: true, sourceRef: {kind: GitRepository, name: x}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: top, namespace: %[1]s}
spec: {interval: 5m, path: ./, prune: true, sourceRef: {kind: GitRepository, name: x}, dependsOn: [{name: base}]}
`, ns))
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute) // of five that the wait took
	defer cancel()
	o := on(c).run(ctx, "apply", "-n", ns, "--yes")
	assert.Zero(t, o.code, o.stderr)
	assert.Contains(t, o.stderr, "2 configured")
}

// A revert leaves nothing of ours: not our name either, by which whoever applies the object would be kept from
// removing the field, or would conflict with us.
func TestRevertLeavesNoNameBehind(t *testing.T) {
	t.Parallel()
	f := newGitFleet(t)
	before := f.Kubectl(t, "get", "gitrepository", "app", "-n", f.apps, "--show-managed-fields", "-o", "jsonpath={.metadata.managedFields[*].manager} {.metadata.managedFields[*].fieldsV1}")
	_, o := f.tuned(t, "one", "--managed=patch", "--policy", gitPolicy(t, "interval: 1m, timeout: 4m"))
	require.Zero(t, o.code, o.stderr)
	require.Contains(t, f.owners(t, "gitrepository", f.apps, "app"), "fluxtune")
	o = f.revert(t)
	require.Zero(t, o.code, o.stderr)
	assert.Equal(t, before, f.Kubectl(t, "get", "gitrepository", "app", "-n", f.apps, "--show-managed-fields", "-o", "jsonpath={.metadata.managedFields[*].manager} {.metadata.managedFields[*].fieldsV1}"),
		"metadata.managedFields are as they were")

	_, err := f.RunKubectl(t.Context(), f.app("interval: 8m"), "apply", "--server-side", "-f", "-", "--field-manager=kustomize-controller")
	require.NoError(t, err, "its owner applies it without a conflict")
	assert.Equal(t, "8m", f.interval(t))
	assert.Equal(t, "60s", f.field(t, "gitrepository", f.apps, "app", ".spec.timeout"), "and can remove a field: the default is back")
}

func TestEverySessionCanBeTakenBack(t *testing.T) {
	t.Parallel()
	f := newFreeFleet(t)
	var sessions []string
	for i := range 9 {
		s, o := f.tuned(t, fmt.Sprintf("s%d", i+1), "--set", fmt.Sprintf("development.GitRepository.interval=%ds", 50-i))
		require.Zero(t, o.code, o.stderr)
		sessions = append(sessions, s)
	}
	for i := 8; i >= 1; i-- {
		o := f.revert(t, "--session", sessions[i])
		require.Zero(t, o.code, o.stderr)
		assert.Equal(t, fmt.Sprintf("%ds", 51-i), f.interval(t), "what session %d had set", i)
	}
	f.revert(t, "--session", sessions[0])
	assert.Equal(t, "5m", f.interval(t))
}

// What was written is written, whether Flux has been seen to notice or not; and the way back is told.
func TestWaitThatTimesOutTellsTheWayBack(t *testing.T) {
	t.Parallel()
	f := newFreeFleet(t)
	session, o := f.tuned(t, "20261122-120000-wait", "--wait", "--wait-timeout=1s")
	assert.Equal(t, exitFailed, o.code)
	results := decode[report.Results](t, o)
	assert.Equal(t, report.ResultSummary{Changed: 1, NotReady: 1}, results.Summary)
	assert.Equal(t, "configured", results.Items[0].Action)
	assert.Contains(t, o.stderr, "Session "+session+". Take it back with: kubectl fluxtune revert --kubeconfig "+f.Kubeconfig()+" -n "+f.apps+" --session "+session)
	assert.Zero(t, f.revert(t, "--session", session).code)
	assert.Equal(t, "5m", f.interval(t))
}

// Our own patch, whose answer was lost, is found by its record: what would be planned for the object now does not
// matter, such as a timeout that is kept.
func TestLostAnswerOfAPlanThatKeepsATimeout(t *testing.T) {
	t.Parallel()
	f := newFreeFleet(t)
	f.Apply(t, fmt.Sprintf(`
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: slow, namespace: %s}
spec: {interval: 5m, timeout: 9m, retryInterval: 1m, wait: true, path: ./deploy, prune: true, sourceRef: {kind: GitRepository, name: app}}
`, f.apps))
	proxy := faults.Start(t, f.Config(), func(r *http.Request, seen int) faults.Fault {
		if r.Method == http.MethodPatch && strings.HasSuffix(r.URL.Path, "/slow") && seen == 0 {
			return faults.Fault{Cut: 1}
		}
		return faults.Fault{}
	})
	through := invocation{kubeconfig: proxy.Kubeconfig(t, "through", f.apps)}
	o := through.must(t, "apply", "ks/slow", "-n", f.apps, "--yes", "-o", "json")
	results := decode[report.Results](t, o)
	assert.Equal(t, "configured", results.Items[0].Action)
	assert.NotEmpty(t, results.Session)
	assert.Equal(t, "1m", f.field(t, "kustomization", f.apps, "slow", ".spec.interval"))
}

// The records say who it was also where the API server was away for a moment when it was asked; where it does not tell, that is
// said, and not left out.
func TestSessionsSayWho(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		refuses  int // so often in a row
		by, told string
	}{
		"away for a moment": {2, "admin", ""},
		"never tells":       {1000, "unknown", "Warning: sessions will not say who changed this: asking the API server who you are: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFreeFleet(t)
			proxy := faults.Start(t, f.Config(), func(r *http.Request, seen int) faults.Fault {
				if strings.HasSuffix(r.URL.Path, "/selfsubjectreviews") && seen < tc.refuses {
					return faults.Fault{Status: http.StatusServiceUnavailable}
				}
				return faults.Fault{}
			})
			i := invocation{kubeconfig: proxy.Kubeconfig(t, "through", f.apps)}
			o := i.must(t, "apply", "-n", f.apps, "--yes")
			assert.Contains(t, o.stderr, tc.told)
			assert.Equal(t, tc.told != "", strings.Contains(o.stderr, "who changed this"))
			assert.Regexp(t, `20261122-120000-test +0s +`+tc.by+` `, i.must(t, "sessions", "-n", f.apps).stdout)
		})
	}
}

// An end that is left without its record is named by each command that an alarm leads to, and what they say puts it right.
func TestEndsWithoutARecordAreNamed(t *testing.T) {
	t.Parallel()
	f := newFreeFleet(t)
	f.Kubectl(t, "annotate", "gitrepository", "app", "-n", f.apps, "fluxtune.github.io/until=2026-11-22T10:00:00Z")
	command := ""
	for _, args := range [][]string{{"sessions"}, {"revert", "--expired", "--yes"}, {"doctor"}} {
		o := on(f.Cluster).must(t, append(args, "-n", f.apps)...)
		said := o.stderr + o.stdout
		at := strings.Index(said, "annotate gitrepositories.source.toolkit.fluxcd.io app -n "+f.apps+" fluxtune.github.io/until-")
		require.Positive(t, at, "%v: %s", args, said)
		command, _, _ = strings.Cut(said[at:], "\n")
	}
	f.Kubectl(t, strings.Fields(command)...)
	assert.NotContains(t, on(f.Cluster).must(t, "sessions", "-n", f.apps).stderr, "until")
}

// When a session is over, the API server's clock tells: whoever looks, others' sessions do not end early.
func TestASessionIsOverByTheAPIServersClock(t *testing.T) {
	t.Parallel()
	f := newFreeFleet(t)
	const ahead = 5 * time.Minute
	f.Kubectl(t, "patch", "gitrepository", "app", "-n", f.apps, "--field-manager=fluxtune", "--type=merge", "-p", `{"spec": {"interval": "1m"}}`)
	until := time.Now().Add(ahead / 2).UTC().Truncate(time.Second)
	record := tune.Record{Steps: []tune.Step{{Session: "other", Time: time.Now().UTC(), Until: &until,
		Fields: map[flux.Field]tune.Move{flux.Interval: {From: new("5m"), To: new("1m")}}}}}
	f.Kubectl(t, "annotate", "gitrepository", "app", "-n", f.apps, tune.RecordAnnotation+"="+record.String(), tune.UntilAnnotation+"="+until.Format(time.RFC3339))
	proxy := faults.Start(t, f.Config(), func(*http.Request, int) faults.Fault { return faults.Fault{Ahead: -ahead} })
	i := invocation{kubeconfig: proxy.Kubeconfig(t, "through", f.apps), now: func() time.Time { return time.Now().Add(ahead) }}
	o := i.must(t, "revert", "--expired", "-n", f.apps, "--yes")
	assert.Contains(t, o.stderr, "No session is overdue")
	assert.Equal(t, "1m", f.interval(t))
	for _, format := range []string{"json", "yaml"} { // also where nothing is to be done
		o = i.must(t, "revert", "--expired", "-n", f.apps, "--yes", "-o", format)
		assert.Contains(t, o.stderr, "No session is overdue")
		assert.Contains(t, o.stdout, "Results", "a document")
	}
	assert.NotContains(t, i.must(t, "sessions", "-n", f.apps).stderr, "should have ended")
	i.now = func() time.Time { return time.Now().Add(2 * ahead) } // half of that has passed
	assert.Contains(t, i.must(t, "sessions", "-n", f.apps).stderr, "1 session should have ended")
	second := record
	second.Steps = slices.Clone(record.Steps)
	second.Steps[0].Session = "another"
	f.Apply(t, gitRepository(f.apps, "second", "interval: 5m"))
	f.Kubectl(t, "patch", "gitrepository", "second", "-n", f.apps, "--field-manager=fluxtune", "--type=merge", "-p", `{"spec": {"interval": "1m"}}`)
	f.Kubectl(t, "annotate", "gitrepository", "second", "-n", f.apps, tune.RecordAnnotation+"="+second.String(), tune.UntilAnnotation+"="+until.Format(time.RFC3339))
	o = i.must(t, "revert", "--expired", "-n", f.apps, "--yes", "-o", "json")
	var document report.Results
	require.NoError(t, json.Unmarshal([]byte(o.stdout), &document), "one document, whatever the number of sessions: %s", o.stdout)
	assert.Len(t, document.Items, 2)
	assert.Equal(t, 2, document.Summary.Changed)
	assert.Equal(t, "5m", f.interval(t))
}
