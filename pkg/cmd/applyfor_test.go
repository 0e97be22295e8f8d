package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// lasting is an apply whose session lasts.
type lasting struct {
	t      *testing.T
	ctrlC  func()
	told   *lockedBuffer
	result <-chan outcome
}

// applyFor changes the fleet for two hours, and returns once that is done: what is interrupted before ends as interrupted.
func (f gitFleet) applyFor(t *testing.T, i invocation, flags ...string) lasting {
	t.Helper()
	l := startApplyFor(t, i, append([]string{"-n", f.apps, "--yes", "--patches-per-second=0"}, flags...)...)
	l.awaitEnd()
	return l
}

// startApplyFor begins to change a fleet for two hours.
func startApplyFor(t *testing.T, i invocation, flags ...string) lasting {
	t.Helper()
	ctx, ctrlC := context.WithCancel(t.Context())
	t.Cleanup(ctrlC)
	ended := make(chan outcome, 1)
	l := lasting{t, ctrlC, new(lockedBuffer), ended}
	i.stderr = l.told
	go func() { ended <- i.run(ctx, append([]string{"apply", "--for", "2h"}, flags...)...) }()
	return l
}

// await returns when it has said something.
func (l lasting) await(text string) {
	l.t.Helper()
	require.Eventually(l.t, func() bool { return strings.Contains(l.told.String(), text) }, 60*time.Second, 20*time.Millisecond, "it never says %q", text)
}

// awaitEnd returns when everything is changed, and it waits for its end.
func (l lasting) awaitEnd() {
	l.t.Helper()
	l.await("It ends at ")
}

// Somebody may have taken it back first: a colleague, or the cron job.
func TestApplyForThatSomebodyEnded(t *testing.T) {
	t.Parallel()
	for _, verb := range []string{"revert", "forget"} {
		t.Run(verb, func(t *testing.T) {
			t.Parallel()
			f := newFreeFleet(t)
			l := f.applyFor(t, on(f.Cluster))
			dry := on(f.Cluster).must(t, verb, "-n", f.apps, "--dry-run")
			assert.Equal(t, verb == "revert", strings.Contains(dry.stderr, "this revert would do that now"), dry.stderr)
			by := on(f.Cluster).must(t, verb, "-n", f.apps, "--yes")
			assert.Equal(t, verb == "revert", regexp.MustCompile(`Session 20261122-120000-test of \S+ is to end at \S+ \S+ UTC and take 1 object back: this revert does that now\.\n`).MatchString(by.stderr), by.stderr)
			assert.Equal(t, verb == "forget", regexp.MustCompile(`Session 20261122-120000-test of \S+ is to end at \S+ \S+ UTC and take 1 object back: without the records it cannot, and what it set stays\.\n`).MatchString(by.stderr), by.stderr)
			var o outcome
			select { // by itself, long before its time
			case o = <-l.result:
			case <-time.After(time.Minute):
				require.Fail(t, "it waits for the end of what somebody has ended")
			}
			assert.Equal(t, map[string]int{"revert": 0, "forget": exitFailed}[verb], o.code, o.stderr)
			assert.Contains(t, o.stderr, "No object bears session 20261122-120000-test any more: somebody else has reverted or forgotten it, or taken its annotations away.")
			assert.Contains(t, o.stderr, "Session 20261122-120000-test is over: nothing bears it any more.")
			assert.Equal(t, verb == "forget", strings.Contains(o.stderr, "By that 1 object still holds what it set"), o.stderr)
		})
	}
}

// What nothing can take back any more is named, with what it was, and is no success.
func TestApplyForNamesWhatKeepsItsValue(t *testing.T) {
	t.Parallel()
	f := newFreeFleet(t)
	for _, name := range []string{"bare", "deleted"} {
		f.Apply(t, gitRepository(f.apps, name, "interval: 5m"))
	}
	l := f.applyFor(t, on(f.Cluster))
	f.Kubectl(t, "annotate", "gitrepository", "bare", "-n", f.apps, tune.RecordAnnotation+"-")
	f.Kubectl(t, "delete", "gitrepository", "deleted", "-n", f.apps)
	l.ctrlC()
	o := <-l.result
	assert.Equal(t, exitFailed, o.code, o.stderr)
	assert.Contains(t, o.stderr, "Session 20261122-120000-test is over, but 1 object still holds what it set, as the record of that is not there any more (taken away, forgotten, or overwritten):\n"+
		"  GitRepository "+f.apps+"/bare: spec.interval 1m, was 5m, spec.timeout 2m, was 1m\n")
	assert.NotContains(t, o.stderr, "everything is as it was")
	assert.Equal(t, "5m", f.interval(t))
}

// It is named as well where something else is left: what somebody changed, and what a later session set.
func TestApplyForNamesWhatKeepsItsValueBesides(t *testing.T) {
	t.Parallel()
	for name, meanwhile := range map[string]func(f gitFleet){
		"changed since": func(f gitFleet) { f.edit(t, "7m") },
		"a later session": func(f gitFleet) {
			i := on(f.Cluster)
			i.now = func() time.Time { return noon.Add(time.Minute) }
			i.must(t, "apply", "gitrepo", "app", "-n", f.apps, "--yes", "--set", "development.GitRepository.interval=2m")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFreeFleet(t)
			f.Apply(t, gitRepository(f.apps, "bare", "interval: 5m"))
			l := f.applyFor(t, on(f.Cluster))
			f.Kubectl(t, "annotate", "gitrepository", "bare", "-n", f.apps, tune.RecordAnnotation+"-")
			meanwhile(f)
			l.ctrlC()
			o := <-l.result
			assert.Equal(t, exitFailed, o.code, o.stderr)
			assert.Contains(t, o.stderr, "1 object still holds what it set, as the record of that is not there any more (taken away, forgotten, or overwritten):\n"+
				"  GitRepository "+f.apps+"/bare: spec.interval 1m, was 5m, spec.timeout 2m, was 1m\n")
		})
	}
}

// A machine that sleeps keeps no time of its own: the clock on the wall says when the session ends.
func TestApplyForOverAClockThatJumps(t *testing.T) {
	t.Parallel()
	f := newFreeFleet(t)
	var asleep atomic.Int64
	i := on(f.Cluster)
	i.now = func() time.Time { return noon.Add(time.Duration(asleep.Load())) }
	l := f.applyFor(t, i)
	asleep.Store(int64(8 * time.Hour))
	select {
	case o := <-l.result:
		assert.Zero(t, o.code, o.stderr)
		assert.Equal(t, "5m", f.interval(t))
	case <-time.After(20 * time.Second):
		assert.Fail(t, "it goes on")
	}
}

// The time counts from the answer, however long the question was open.
func TestApplyForCountsFromTheAnswer(t *testing.T) {
	t.Parallel()
	f := newFreeFleet(t)
	var passed atomic.Int64
	answers, answer := io.Pipe()
	i := on(f.Cluster)
	i.terminal, i.stdin, i.now = true, answers, func() time.Time { return noon.Add(time.Duration(passed.Load())) }
	l := startApplyFor(t, i, "-n", f.apps)
	l.await("[y/N]")
	assert.Contains(t, l.told.String(), " for 2h (until about 2026-11-22 14:00:00 UTC, then it is taken back)? [y/N]")
	passed.Store(int64(50 * time.Minute))
	_, err := answer.Write([]byte("y\n"))
	require.NoError(t, err)
	l.awaitEnd()
	assert.Contains(t, l.told.String(), "It ends at "+noon.Add(170*time.Minute).Format("2006-01-02 15:04:05 MST")+", in 2h. ")
	step := f.recordOf(t).Steps[0]
	assert.Equal(t, noon.Add(170*time.Minute).UTC(), step.Until.UTC())
	assert.Equal(t, noon.Add(50*time.Minute).UTC(), step.Time.UTC())
	l.ctrlC()
	assert.Zero(t, (<-l.result).code)
}

// Nor does the time pass while an owner of pinned objects has yet to notice its rules: what is changed stays as long as it was to.
func TestApplyForCountsFromTheFirstChange(t *testing.T) {
	t.Parallel()
	f := newGitFleet(t)
	var passed atomic.Int64
	i := on(f.Cluster)
	i.now = func() time.Time { return noon.Add(time.Duration(passed.Load())) }
	l := startApplyFor(t, i, "-n", f.apps, "--yes", "--patches-per-second=0", pin)
	require.Eventually(t, func() bool { ignore, _ := f.rules(t); return ignore != "" }, time.Minute, 50*time.Millisecond)
	passed.Store(int64(3 * time.Hour)) // the session would be over
	f.observe(t)
	l.awaitEnd()
	assert.Contains(t, l.told.String(), "It ends at "+noon.Add(5*time.Hour).Format("2006-01-02 15:04:05 MST")+", in 2h. ")
	assert.Equal(t, noon.Add(5*time.Hour).UTC(), f.recordOf(t).Steps[0].Until.UTC())
	l.ctrlC()
	assert.Zero(t, (<-l.result).code)
	assert.Equal(t, "5m", f.interval(t))
}

// What was changed is taken back whatever chose it: by then it may bear another label.
func TestApplyForTakesBackWhatIsChosenNoMore(t *testing.T) {
	t.Parallel()
	f := newFreeFleet(t)
	context1 := f.Kubectl(t, "config", "current-context")
	f.Kubectl(t, "label", "gitrepository", "app", "-n", f.apps, "team=web")
	l := f.applyFor(t, on(f.Cluster), "--contexts", context1, "-l", "team=web", "--env", "development")
	f.Kubectl(t, "label", "gitrepository", "app", "-n", f.apps, "team-")
	l.ctrlC()
	o := <-l.result
	assert.Contains(t, o.stderr, "is over: everything is as it was.")
	assert.Equal(t, "5m", f.interval(t))
}

// What is changed for a while is as it was when that is over, by the clock or by Ctrl-C.
func TestApplyFor(t *testing.T) {
	t.Parallel()
	for name, how := range map[string]struct{ ctrlC bool }{"by its time": {}, "by Ctrl-C": {ctrlC: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFreeFleet(t)
			before := f.Kubectl(t, "get", "gitrepository", "app", "-n", f.apps, "--show-managed-fields", "-o", "jsonpath={.spec}{.metadata.annotations}{.metadata.managedFields[*].manager}{.metadata.managedFields[*].fieldsV1}")
			var passed atomic.Int64
			i := on(f.Cluster)
			i.now = func() time.Time { return noon.Add(time.Duration(passed.Load())) }
			l := f.applyFor(t, i)
			record := f.recordOf(t)
			if assert.NotNil(t, record) && assert.NotNil(t, record.Steps[0].Until) {
				assert.True(t, record.Steps[0].Until.After(noon))
			}
			if how.ctrlC { // the other may be over by now
				require.NotNil(t, record)
				assert.Equal(t, record.Steps[0].Until.Format(time.RFC3339), f.Kubectl(t, "get", "gitrepository", "app", "-n", f.apps, "-o", `jsonpath={.metadata.annotations.fluxtune\.github\.io/until}`))
				l.ctrlC()
			} else {
				passed.Store(int64(2 * time.Hour))
			}
			o := <-l.result
			assert.Zero(t, o.code, o.stderr)
			assert.Contains(t, o.stderr, "Ctrl-C ends it now.")
			assert.Contains(t, o.stderr, "Session 20261122-120000-test is over: everything is as it was.")
			assert.Equal(t, before, f.Kubectl(t, "get", "gitrepository", "app", "-n", f.apps, "--show-managed-fields", "-o", "jsonpath={.spec}{.metadata.annotations}{.metadata.managedFields[*].manager}{.metadata.managedFields[*].fieldsV1}"))
		})
	}
}

// Ctrl-C while it is still being changed takes back what was, and says that it did not come to its end.
func TestApplyForInterruptedWhileApplied(t *testing.T) {
	t.Parallel()
	f := newFreeFleet(t)
	f.Apply(t, gitRepository(f.apps, "later", "interval: 5m"))
	l := startApplyFor(t, on(f.Cluster), "-n", f.apps, "--yes", "--patches-per-second=0.001")
	require.Eventually(t, func() bool { return f.interval(t) == "1m" }, 60*time.Second, 20*time.Millisecond)
	l.ctrlC()
	o := <-l.result
	assert.Equal(t, exitInterrupted, o.code, o.stderr)
	assert.NotContains(t, o.stderr, "It ends at ")
	assert.Contains(t, o.stderr, "Interrupted: 1 object was not attempted: GitRepository "+f.apps+"/later.\n", "it is taken back, so that there is no rest to do")
	assert.Contains(t, o.stderr, "Session 20261122-120000-test is over: everything is as it was.")
	assert.Equal(t, "5m", f.interval(t))
}

// Nor is anything changed after its end, as by a machine that slept meanwhile: it would be taken back at once.
func TestApplyForPastItsEnd(t *testing.T) {
	t.Parallel()
	f := newFreeFleet(t)
	f.Apply(t, gitRepository(f.apps, "later", "interval: 5m"))
	var asleep atomic.Int64
	i := on(f.Cluster)
	i.now = func() time.Time { return noon.Add(time.Duration(asleep.Load())) }
	l := startApplyFor(t, i, "-n", f.apps, "--yes", "--patches-per-second=0.2")
	require.Eventually(t, func() bool { return f.interval(t) == "1m" }, 60*time.Second, 20*time.Millisecond)
	asleep.Store(int64(8 * time.Hour))
	o := <-l.result
	assert.Equal(t, exitFailed, o.code, o.stderr)
	assert.Contains(t, o.stderr, "Not attempted: GitRepository "+f.apps+"/later: the session had come to its end by then\n")
	assert.Contains(t, o.stderr, "Its end, 2026-11-22 14:00:00 UTC, has passed.\n")
	assert.NotContains(t, o.stderr, "It ends at ")
	assert.Contains(t, o.stderr, "Session 20261122-120000-test is over: everything is as it was.")
	assert.Equal(t, "5m", f.interval(t))
	assert.Equal(t, "1", f.Kubectl(t, "get", "gitrepository", "later", "-n", f.apps, "-o", "jsonpath={.metadata.generation}"), "it was never changed")
}

// Waiting until Flux has seen the changes does not put their end off.
func TestApplyForPastItsEndWhileItWaits(t *testing.T) {
	t.Parallel()
	f := newFreeFleet(t)
	var asleep atomic.Int64
	i := on(f.Cluster)
	i.now = func() time.Time { return noon.Add(time.Duration(asleep.Load())) }
	l := startApplyFor(t, i, "-n", f.apps, "--yes", "--wait", "--wait-timeout=10m")
	require.Eventually(t, func() bool { return f.interval(t) == "1m" }, 60*time.Second, 20*time.Millisecond)
	asleep.Store(int64(8 * time.Hour))
	require.Eventually(t, func() bool { return f.interval(t) == "5m" }, 30*time.Second, 200*time.Millisecond, "it waits for its changes")
	o := <-l.result
	assert.Equal(t, exitFailed, o.code, o.stderr)
	assert.Regexp(t, "its controller has not observed the change yet|nobody has looked yet", o.stderr) // by when the time was over
	assert.Contains(t, o.stderr, "Its end, 2026-11-22 14:00:00 UTC, has passed.\n")
	assert.Contains(t, o.stderr, "Session 20261122-120000-test is over: everything is as it was.")
}

// When the terminal goes, nothing can be written to it any more.
func TestApplyForWithoutATerminal(t *testing.T) {
	t.Parallel()
	n, err := untroubled{gone{}}.Write([]byte("x"))
	assert.Equal(t, 1, n)
	assert.NoError(t, err)
}

// Whatever somebody chose meanwhile stays.
func TestApplyForLeavesLaterChoices(t *testing.T) {
	t.Parallel()
	f := newFreeFleet(t)
	l := f.applyFor(t, on(f.Cluster))
	f.edit(t, "7m")
	l.ctrlC()
	o := <-l.result
	assert.Equal(t, exitFailed, o.code)
	assert.Contains(t, o.stderr, "somebody (kubectl-patch) changed it since")
	assert.NotContains(t, o.stderr, "Try again with", "it would come to the same")
	scope := " --kubeconfig " + f.Kubeconfig() + " -n " + f.apps
	decide := "Session 20261122-120000-test is over, but for what others changed since. That is restored with: kubectl fluxtune revert" + scope +
		" --session 20261122-120000-test --force\nOr it is kept as it is with: kubectl fluxtune forget" + scope + " --session 20261122-120000-test"
	assert.Contains(t, o.stderr, decide)
	assert.Equal(t, "7m", f.interval(t))

	// Later, whoever looks is told the same; a cron job goes on.
	record := f.recordOf(t)
	until := noon.Add(-time.Hour)
	record.Steps[0].Until = &until
	f.annotate(t, *record)
	expired := f.revert(t, "--expired")
	assert.Zero(t, expired.code, expired.stderr)
	assert.Contains(t, expired.stderr, decide)
	sessions := on(f.Cluster).must(t, "sessions", "-n", f.apps)
	assert.Contains(t, sessions.stderr, decide)
	assert.NotContains(t, sessions.stdout, "overdue")
	doctor := on(f.Cluster).run(t.Context(), "doctor", "-n", f.apps)
	assert.Contains(t, doctor.stdout, "1 session over, but for what others changed since: 20261122-120000-test")
	f.revert(t, "--session", "20261122-120000-test", "--force")
	assert.Equal(t, "5m", f.interval(t))
}

// A session whose time is over ends also where another one has set the same fields since, and is not over: that is as it was
// meant.
func TestExpiredUnderASessionThatIsNot(t *testing.T) {
	t.Parallel()
	f := newFreeFleet(t)
	f.tuned(t, "expires")
	f.tuned(t, "later", "--set", "development.GitRepository.interval=40s")
	record := f.recordOf(t)
	require.Len(t, record.Steps, 2)
	until := noon.Add(-time.Hour)
	record.Steps[0].Until = &until
	f.annotate(t, *record)
	o := f.revert(t, "--expired")
	assert.Zero(t, o.code, o.stderr)
	assert.Contains(t, o.stderr, "session later set it later")
	assert.Regexp(t, `(?m)^What stays was set by session later of \S+\. That is taken back with: kubectl fluxtune revert .* --session later$`, o.stderr)
	assert.Equal(t, "40s", f.interval(t))
	f.revert(t, "--session", "later")
	assert.Equal(t, "5m", f.interval(t))
}

// Somebody's apply for good of the value that a session has set for a while outlasts that session.
func TestApplyOfWhatIsBorrowed(t *testing.T) {
	t.Parallel()
	f := newFreeFleet(t)
	l := f.applyFor(t, on(f.Cluster))
	plan := on(f.Cluster).must(t, "plan", "-n", f.apps, "--rows")
	assert.Contains(t, plan.stdout, "as the policy wants until "+noon.Add(2*time.Hour).UTC().Format("2006-01-02 15:04:05 MST")+", then session 20261122-120000-test takes it back: apply keeps it")
	assert.Contains(t, plan.stdout, "Policy per-environment, 1 object in namespace \""+f.apps+"\": 0 to change, 1 to keep, 0 as the policy wants, 0 left alone.")
	const stays = "1 object as session 20261122-120000-test set it: apply keeps that, and the session does not take it back at 2026-11-22 14:00:00 UTC"
	assert.Contains(t, onOneLine(plan.stdout), stays)
	asked := on(f.Cluster)
	asked.terminal, asked.stdin = true, strings.NewReader("n\n")
	assert.Contains(t, asked.run(t.Context(), "apply", "-n", f.apps).stderr, "Keep for good the values of 1 object that session 20261122-120000-test would take back (0 in production) in context ")
	f.Apply(t, gitRepository(f.apps, "other", "interval: 5m"))
	asked.stdin = strings.NewReader("n\n")
	both := asked.run(t.Context(), "apply", "-n", f.apps)
	assert.Contains(t, both.stderr, "Change 1 object (0 in production, 1 faster), and keep for good the values of 1 that session 20261122-120000-test would take back (0 in production) in context ")
	assert.Contains(t, onOneLine(both.stdout), "1 to change, 1 to keep, 0 as the policy wants")
	assert.Contains(t, onOneLine(both.stdout), stays)
	asked.stdin = strings.NewReader("n\n")
	longer := asked.run(t.Context(), "apply", "-n", f.apps, "--for", "3h").stderr
	assert.Contains(t, longer, ", and keep the values of 1 that session ")
	f.Kubectl(t, "delete", "gitrepository", "other", "-n", f.apps)

	f.tuned(t, "for-good")
	require.Equal(t, "for-good", f.recordOf(t).LastSession())
	l.ctrlC()
	o := <-l.result
	assert.Contains(t, o.stderr, "session for-good set it later")
	assert.Equal(t, "1m", f.interval(t))
	f.revert(t, "--session", "for-good")
	assert.Equal(t, "5m", f.interval(t))
}

// What a session holds that should have ended is not said to end: how it is taken back comes first.
func TestPlanOfWhatIsOverdue(t *testing.T) {
	t.Parallel()
	f := newFreeFleet(t)
	f.tuned(t, "killed")
	record := f.recordOf(t)
	until := noon.Add(-10 * time.Second)
	record.Steps[0].Until = &until
	f.annotate(t, *record)
	plan := on(f.Cluster).must(t, "plan", "-n", f.apps, "--rows")
	assert.Contains(t, plan.stdout, "as the policy wants, but session killed should have taken it back at 2026-11-22 11:59:50 UTC: apply keeps it")
	assert.NotContains(t, plan.stdout, "as the policy wants until")
	assert.Contains(t, onOneLine(plan.stdout), "1 object as session killed set it, which should have ended at 2026-11-22 11:59:50 UTC: apply keeps that")
	scope := " --kubeconfig " + f.Kubeconfig() + " -n " + f.apps
	assert.Regexp(t, `(?m)^Next +kubectl fluxtune revert`+scope+` --expired\n +kubectl fluxtune apply `, plan.stdout)
}

// Alarms about what a session has made faster for a while are those for when it is over; and no object is no success, so that
// nobody loads rules for nothing.
func TestAlertsWhileASessionLasts(t *testing.T) {
	t.Parallel()
	f := newFreeFleet(t)
	f.tuned(t, "lasts")
	record := f.recordOf(t)
	until := noon.Add(time.Hour)
	record.Steps[0].Until = &until
	f.annotate(t, *record)
	o := on(f.Cluster).must(t, "alerts", "-n", f.apps)
	assert.Contains(t, o.stdout, "interval: 5m\n")
	assert.NotContains(t, o.stdout, "interval: 1m\n          severity")
	assert.Contains(t, o.stderr, "Note: 1 source is polled more often for a session of apply --for: the rules count with the longer intervals that come back\n")
	none := on(f.Cluster).run(t.Context(), "alerts", "-n", f.apps+"-none")
	assert.Equal(t, exitFailed, none.code)
	assert.Empty(t, none.stdout)
	assert.Contains(t, none.stderr, "there is no object to make rules of")
}

// onOneLine is a text without its line breaks.
func onOneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// What takes longer than it is to last is refused.
func TestTooShort(t *testing.T) {
	t.Parallel()
	assert.NoError(t, tooShort(0, time.Hour, 1))
	assert.NoError(t, tooShort(time.Minute, 59*time.Second, 1))
	assert.EqualError(t, tooShort(4*time.Second, 12*time.Second, 1),
		"--for 4s: the changes alone take about 12s, so that they would end before they are made: give it more time, choose fewer objects, or a higher --patches-per-second; nothing was changed")
}

// What a later session set stays when the time is over, and nothing is left to be tried again.
func TestApplyForUnderALaterSession(t *testing.T) {
	t.Parallel()
	f := newFreeFleet(t)
	l := f.applyFor(t, on(f.Cluster))
	f.tuned(t, "later", "--set", "development.GitRepository.interval=40s")
	l.ctrlC()
	o := <-l.result
	assert.Equal(t, exitFailed, o.code)
	assert.Contains(t, o.stderr, "Session 20261122-120000-test is over: its changes are taken back but for what later sessions set, which stays until they are reverted. See them with: kubectl fluxtune sessions --kubeconfig "+f.Kubeconfig()+" -n "+f.apps)
	assert.NotContains(t, o.stderr, "Try again with")
	f.revert(t, "--session", "later")
	assert.Equal(t, "5m", f.interval(t))
}

// A session that nobody could end is named as overdue, and ended from anywhere; others stay.
func TestExpiredSessions(t *testing.T) {
	t.Parallel()
	f := newFreeFleet(t)
	f.tuned(t, "stays")
	f.tuned(t, "expires", "--set", "development.GitRepository.interval=40s")
	record := f.recordOf(t)
	require.Len(t, record.Steps, 2)
	until := noon.Add(-time.Hour)
	record.Steps[1].Until = &until
	f.annotate(t, *record)

	sessions := on(f.Cluster).must(t, "sessions", "-n", f.apps)
	assert.Regexp(t, `(?m)^expires .* overdue 60m$`, sessions.stdout)
	doctor := on(f.Cluster).run(t.Context(), "doctor", "-n", f.apps)
	assert.Contains(t, doctor.stdout, "1 session overdue: expires (for 60m)")
	assert.Contains(t, doctor.stdout, "kubectl fluxtune revert -n "+f.apps+" --kubeconfig "+f.Kubeconfig()+" --expired")

	assert.Contains(t, sessions.stderr, "1 session should have ended. Take that back with: kubectl fluxtune revert --kubeconfig "+f.Kubeconfig()+" -n "+f.apps+" --expired")

	o := f.revert(t, "--expired")
	assert.Zero(t, o.code, o.stderr)
	assert.Equal(t, "1m", f.interval(t), "as the other session set it")
	o = f.revert(t, "--expired")
	assert.Zero(t, o.code)
	assert.Contains(t, o.stderr, "No session is overdue in namespace ")
	list := decode[report.SessionList](t, on(f.Cluster).must(t, "sessions", "-n", f.apps, "-o", "json"))
	require.Len(t, list.Items, 1)
	assert.Equal(t, "stays", list.Items[0].Session)
}

// gone is a terminal that is not there any more.
type gone struct{}

func (gone) Write([]byte) (int, error) { return 0, errors.New("input/output error") }

// annotate writes a record as it stands, as if another clock had written it.
func (f gitFleet) annotate(t *testing.T, record tune.Record) {
	t.Helper()
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": map[string]string{tune.RecordAnnotation: record.String()}}})
	require.NoError(t, err)
	f.Kubectl(t, "patch", "gitrepository", "app", "-n", f.apps, "--type=merge", "--field-manager=fluxtune", "-p", string(patch))
}

func TestApplyForRefuses(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		args []string
		err  string
	}{
		{[]string{"apply", "--for", "-1h", "--yes"}, "--for -1h0m0s: it takes a time above 0, like 5m"},
		{[]string{"apply", "--for", "1000h", "--yes"}, "--for 1000h: it takes 720h at most, like 2h"},
		{[]string{"apply", "--for", "10ms", "--yes"}, "--for 10ms: it takes 1s at least, like 2h"},
		{[]string{"apply", "--for", "1h", "--dry-run=server"}, "--for 1h: a dry run changes nothing that could be taken back: leave out --for, or --dry-run"},
		{[]string{"revert", "--expired", "--session", "x", "--yes"}, "--expired and --session both choose sessions: give one of them"},
	} {
		o := invocation{}.run(t.Context(), tc.args...)
		assert.Equal(t, exitFailed, o.code)
		assert.Contains(t, o.stderr, tc.err)
	}
}

// The line that counts has numbers as all others have them, and says what has changed.
func TestLiveLine(t *testing.T) {
	t.Parallel()
	asked := budget.Rates{Now: 288, Planned: 2880}
	begun := held{requests: asked.Planned, seen: noon, due: noon.Add(20 * time.Second)}
	line := func(sources int, passed time.Duration) string {
		h := begun
		h.sources = sources
		return h.line(65*time.Second, asked, noon.Add(passed))
	}
	assert.Equal(t, "1m5s left (Ctrl-C ends it), no new revisions, 2,880 requests/h (288 before)", line(0, 0))
	assert.Equal(t, "1m5s left (Ctrl-C ends it), 1 source has a new revision, 2,880 requests/h (288 before)", line(1, 0))
	assert.Equal(t, "1m5s left (Ctrl-C ends it), 2 sources have new revisions, 2,880 requests/h (288 before)", line(2, 20*time.Second))
	assert.Equal(t, "1m5s left (Ctrl-C ends it), no answer from the cluster for 1m50s, 2,880 requests/h (288 before)", line(2, 110*time.Second), "nobody knows")
	begun.unread = true
	assert.Equal(t, "1m5s left (Ctrl-C ends it), but not all may be read any more, and taking it back needs that", line(0, 0))
	assert.Equal(t, noon.Add(17*time.Second), nextLook(noon, noon.Add(time.Second)).Add(-15*time.Second), "a pause of 20s, as long as the look, and what it may take more")
}

// A question ends a sentence as a full stop does.
func TestSentence(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "It failed: is it there?", sentence("It failed: is it there?"))
	assert.Equal(t, "It failed.", sentence("It failed"))
}

// A source has changed when it holds something else, and not when it was looked at again or written anew.
func TestChangedRevisions(t *testing.T) {
	t.Parallel()
	source := func(name, revision string, at time.Time) flux.Object {
		return flux.Object{Ref: flux.Ref{Kind: "GitRepository", Name: name}, Status: flux.Status{Revision: revision, SourceChanged: at}}
	}
	before := revisions([]flux.Object{source("same", "a", noon), source("other", "a", noon), source("none", "", noon)})
	now := revisions([]flux.Object{source("same", "a", noon.Add(time.Hour)), source("other", "b", noon), source("none", "b", noon), source("new", "b", noon)})
	assert.Equal(t, 1, changedRevisions(before, now))
}

// forget --session keeps what others made of one session, and takes nobody else's way back.
func TestForgetOfOneSession(t *testing.T) {
	t.Parallel()
	f := newFreeFleet(t)
	apply := func(session, policy string) {
		i := on(f.Cluster)
		i.session = session
		i.must(t, "apply", "-n", f.apps, "--yes", "--set", policy)
	}
	apply("one", "*.GitRepository.interval=4m")
	i := on(f.Cluster)
	gone := i.run(t.Context(), "forget", "-n", f.apps, "--session", "other", "--yes")
	assert.Equal(t, exitFailed, gone.code)
	assert.Contains(t, gone.stderr, `--session "other": no Flux object`)
	apply("two", "*.GitRepository.interval=6m")
	both := i.run(t.Context(), "forget", "-n", f.apps, "--session", "one", "--yes")
	assert.Contains(t, both.stderr, "is left alone: session two changed it, too, and its record is the way back of both")
	assert.Contains(t, both.stderr, `error: --session "one": nothing is forgotten: what it changed in 1 object other sessions changed, too`)
	f.Apply(t, gitRepository(f.apps, "other", "interval: 5m, timeout: 2m"))
	alone := on(f.Cluster)
	alone.session = "one"
	alone.must(t, "apply", "gitrepository", "other", "-n", f.apps, "--yes", "--set", "*.GitRepository.interval=4m")
	part := i.run(t.Context(), "forget", "-n", f.apps, "--session", "one", "--yes")
	assert.Contains(t, part.stderr, "1 forgotten, 0 unchanged, 1 left alone, 0 failed.")
	i.must(t, "revert", "-n", f.apps, "--session", "two", "--yes")
	o := i.must(t, "forget", "-n", f.apps, "--session", "one", "--yes")
	assert.Contains(t, o.stderr, "1 forgotten")
	assert.Equal(t, "4m", f.interval(t))
}

// What is told of a session is seconds old in a small fleet, and a minute at most; a large one is not read all the time.
func TestPauseBeforeLook(t *testing.T) {
	t.Parallel()
	assert.Equal(t, 5*time.Second, pauseBeforeLook(100*time.Millisecond))
	assert.Equal(t, 20*time.Second, pauseBeforeLook(time.Second))
	assert.Equal(t, time.Minute, pauseBeforeLook(time.Hour))
}

// Contexts that lead to one cluster are one, also for a session that ends by itself.
func TestApplyForOfOneClusterUnderTwoNames(t *testing.T) {
	t.Parallel()
	f := newFleetOfTwo(t)
	l := startApplyFor(t, f.invocation(), "--contexts", "east,again", "--yes", "--patches-per-second=0")
	l.awaitEnd()
	assert.Contains(t, l.told.String(), "Context again is the same cluster as east, which counts once, with the rights of east.")
	assert.Equal(t, "1m 10m", f.intervals(t))
	l.ctrlC()
	o := <-l.result
	assert.Zero(t, o.code, o.stderr)
	assert.Equal(t, "5m 10m", f.intervals(t))
}

// What is being deleted keeps what was set until its finalizers are done: it is named, and is no session that is overdue.
func TestApplyForOfWhatIsBeingDeleted(t *testing.T) {
	t.Parallel()
	f := newFreeFleet(t)
	f.Apply(t, gitRepository(f.apps, "leaving", "interval: 5m"))
	f.Kubectl(t, "patch", "gitrepository", "leaving", "-n", f.apps, "--type=merge", "-p", `{"metadata":{"finalizers":["example.org/waits"]}}`)
	l := f.applyFor(t, on(f.Cluster))
	f.Kubectl(t, "delete", "gitrepository", "leaving", "-n", f.apps, "--wait=false")
	l.ctrlC()
	o := <-l.result
	assert.Zero(t, o.code, o.stderr)
	assert.Contains(t, onOneLine(o.stderr), "Session 20261122-120000-test is over, but 1 object is being deleted, and holds what it set until it is gone (finalizers are waited for): GitRepository "+f.apps+"/leaving")
	assert.NotContains(t, o.stderr, "everything is as it was")
	late := on(f.Cluster)
	late.now = func() time.Time { return noon.Add(5 * time.Hour) }
	o = late.must(t, "sessions", "-n", f.apps)
	assert.Contains(t, o.stdout, "being deleted")
	assert.NotContains(t, o.stdout+o.stderr, "overdue")
	o = late.must(t, "revert", "-n", f.apps, "--expired", "--yes")
	assert.Contains(t, o.stderr, "No session is overdue")
	f.Kubectl(t, "patch", "gitrepository", "leaving", "-n", f.apps, "--type=merge", "-p", `{"metadata":{"finalizers":null}}`)
}

// What somebody deleted meanwhile is not as it was: that is told, and is no failure. Scripts get one document, of the changes.
func TestApplyForOfWhatIsDeleted(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"", "yaml", "json", "jsonpath={.session}{\"\\n\"}"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			f := newFreeFleet(t)
			f.Apply(t, gitRepository(f.apps, "later", "interval: 5m"))
			var flags []string
			if format != "" {
				flags = []string{"-o", format}
			}
			l := f.applyFor(t, on(f.Cluster), flags...)
			f.Kubectl(t, "delete", "gitrepository", "later", "-n", f.apps)
			l.ctrlC()
			o := <-l.result
			assert.Zero(t, o.code, o.stderr)
			assert.Equal(t, "5m", f.interval(t))
			assert.Contains(t, o.stderr, "Session 20261122-120000-test is over: what is still there is as it was. 1 object that it changed was deleted meanwhile: GitRepository "+f.apps+"/later\n")
			switch {
			case format == "yaml":
				assert.Equal(t, 1, strings.Count(o.stdout, "kind: Results"), o.stdout)
				assert.NotContains(t, o.stdout, "restored")
			case format == "json":
				assert.Equal(t, "20261122-120000-test", decode[report.Results](t, o).Session)
			case format != "":
				assert.Equal(t, "20261122-120000-test\n", o.stdout)
			}
		})
	}
}
