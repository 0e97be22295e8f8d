package cmd

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// scribble makes the record of a GitRepository one that nobody can read.
func (f gitFleet) scribble(t *testing.T, name, record string) {
	t.Helper()
	f.Kubectl(t, "annotate", "gitrepository", name, "-n", f.apps, "--overwrite", tune.RecordAnnotation+"="+record)
}

// A session is taken back whole whatever records cannot be read that do not name it; one that does is a failure, as it may be the
// session's.
func TestUnreadableRecordsBesideASession(t *testing.T) {
	t.Parallel()
	f := newFreeFleet(t)
	f.Apply(t, gitRepository(f.apps, "bad", "interval: 5m, timeout: 2m"))
	session, _ := f.tuned(t, "one")
	f.scribble(t, "bad", `{"steps": `)
	warning := "Warning: the record of GitRepository " + f.apps + "/bad could not be read: "
	o := f.revert(t, "--session", session)
	assert.Zero(t, o.code, o.stderr)
	assert.Equal(t, 1, strings.Count(o.stderr, warning), o.stderr)
	assert.Contains(t, o.stderr, "1 restored, 0 unchanged, 0 left alone, 0 failed.")
	assert.Equal(t, "5m", f.interval(t))

	for _, command := range []string{"revert", "forget"} {
		o = on(f.Cluster).run(t.Context(), command, "-n", f.apps, "--session", session, "--yes")
		assert.Equal(t, exitFailed, o.code)
		assert.Contains(t, o.stderr, warning)
		assert.Contains(t, o.stderr, `no Flux object in namespace "`+f.apps+`" was tuned by it`)
	}

	f.tuned(t, "one", "gitrepository/app")
	f.scribble(t, "bad", `{"steps": [{"session": "`+session+`"`)
	o = on(f.Cluster).run(t.Context(), "forget", "-n", f.apps, "--session", session, "--yes")
	assert.Equal(t, exitFailed, o.code)
	assert.Equal(t, 1, strings.Count(o.stderr, warning), o.stderr)
	assert.Contains(t, o.stderr, "1 forgotten, 0 unchanged, 0 left alone, 0 failed.")
	o = f.revert(t, "--session", session)
	assert.Equal(t, exitFailed, o.code)
	assert.Contains(t, o.stderr, "0 restored, 0 unchanged, 0 left alone, 1 failed.")
}

// At its end apply --for names what it changed and cannot take back, as somebody has made the record unreadable, with what it was.
func TestApplyForOfWhatNobodyCanRead(t *testing.T) {
	t.Parallel()
	for name, record := range map[string]string{"that names it": `{"steps": [{"session": "20261122-120000-test"`, "that does not": "scribbled"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFreeFleet(t)
			f.Apply(t, gitRepository(f.apps, "bad", "interval: 5m, timeout: 2m"))
			l := f.applyFor(t, on(f.Cluster))
			f.scribble(t, "bad", record)
			l.ctrlC()
			o := <-l.result
			assert.Equal(t, exitFailed, o.code, o.stderr)
			assert.Contains(t, o.stderr, "1 object still holds what it set, as the record of that is not there any more (taken away, forgotten, or overwritten):\n"+
				"  GitRepository "+f.apps+"/bad: spec.interval 1m, was 5m\n")
			assert.NotContains(t, o.stderr, "everything is as it was")
			assert.NotContains(t, o.stderr, "Try again with", "it would come to the same")
			assert.Equal(t, "5m", f.interval(t))
		})
	}
}
