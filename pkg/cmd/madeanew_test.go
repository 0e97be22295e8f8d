package cmd

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed/faults"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// anew deletes an object, and makes another one by its name.
func (f gitFleet) anew(t *testing.T, name, spec string) {
	t.Helper()
	f.Kubectl(t, "delete", "gitrepository", name, "-n", f.apps)
	f.Apply(t, gitRepository(f.apps, name, spec))
}

// What somebody deleted and made anew holds its maker's own choice, also where that is what the session had set.
func TestApplyForOfWhatIsMadeAnew(t *testing.T) {
	t.Parallel()
	f := newFreeFleet(t)
	f.Apply(t, gitRepository(f.apps, "later", "interval: 5m, timeout: 2m"))
	l := f.applyFor(t, on(f.Cluster))
	f.anew(t, "later", "interval: 1m, timeout: 2m")
	l.ctrlC()
	o := <-l.result
	assert.Zero(t, o.code, o.stderr)
	assert.Contains(t, o.stderr, "what is still there is as it was. 1 object that it changed was deleted meanwhile: GitRepository "+f.apps+"/later\n")
}

// What happens between the two patches of a revert is not told as done where it is not.
func TestRevertBetweenItsPatches(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		between func(t *testing.T, f gitFleet)
		stays   string // spec.interval
		says    string
	}{
		"its record is taken away": {func(t *testing.T, f gitFleet) {
			f.Kubectl(t, "annotate", "gitrepository", "app", "-n", f.apps, tune.RecordAnnotation+"-")
		}, "5m", "interval 1m -> 5m"},
		"it is made anew": {func(t *testing.T, f gitFleet) { f.anew(t, "app", "interval: 9m, timeout: 2m") }, "9m", "deleted since it was planned, and made anew"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFreeFleet(t)
			before := f.owners(t, "gitrepository", f.apps, "app")
			f.tuned(t, "one")
			var patches atomic.Int32
			proxy := faults.Start(t, f.Config(), func(r *http.Request, _ int) faults.Fault {
				if r.Method == http.MethodPatch && patches.Add(1) == 2 {
					tc.between(t, f)
				}
				return faults.Fault{}
			})
			o := invocation{kubeconfig: proxy.Kubeconfig(t, "through", f.apps)}.run(t.Context(), "revert", "-n", f.apps, "--yes")
			assert.Contains(t, strings.Join(strings.Fields(o.stdout), " "), tc.says, o.stderr)
			assert.Equal(t, tc.stays, f.interval(t))
			assert.Equal(t, before, f.owners(t, "gitrepository", f.apps, "app"))
		})
	}
}
