package cmd

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// What becomes of an object while a question of revert or forget is open is what is done and told, and not what the question showed.
func TestWhatObjectsBecomeWhileItAsks(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	apply := func(t *testing.T, ns, session string) outcome {
		t.Helper()
		i := on(c)
		i.session = session
		return i.run(t.Context(), "apply", "-n", ns, "--yes", "--set", "*.GitRepository.interval=1m")
	}
	declare := func(every string) func(*testing.T, string) {
		return func(t *testing.T, ns string) {
			c.Apply(t, gitRepository(ns, "src", "interval: "+every+", timeout: 2m"))
		}
	}
	another := func(t *testing.T, ns string) { apply(t, ns, "another") }
	for name, tc := range map[string]struct {
		args      []string
		meanwhile func(t *testing.T, ns string)
		code      int
		stays     string // spec.interval
		says      []string
	}{
		"its declarer sets what was set": {[]string{"revert"}, declare("1m"), 0, "1m", []string{"0 restored, 0 unchanged, 0 left alone, 0 failed, 1 released."}},
		"its declarer sets something":    {[]string{"revert"}, declare("2m"), 0, "2m", []string{"1 released."}},
		"it is as it was": {[]string{"revert"}, func(t *testing.T, ns string) {
			c.Kubectl(t, "patch", "gitrepository", "src", "-n", ns, "--type=merge", "-p", `{"spec":{"interval":"5m"}}`)
		}, 0, "5m", []string{"1 released."}},
		"a session keeps it":         {[]string{"revert"}, another, exitFailed, "1m", []string{"1 left alone", "changed since the plan was made: session another has tuned it, too"}},
		"a session keeps it, of one": {[]string{"revert", "--session", "first"}, another, exitFailed, "1m", []string{"1 not taken back whole", "spec.interval stays 1m: session another set it later", "revert"}},
		"its record is taken away": {[]string{"revert"}, func(t *testing.T, ns string) {
			c.Kubectl(t, "annotate", "gitrepository", "src", "-n", ns, tune.RecordAnnotation+"-")
		},
			exitFailed, "1m", []string{"1 left alone", "the record of what it was is gone since the plan was made", "spec.interval stays 1m, and was to become 5m"}},
		"a session that nobody asks to forget": {[]string{"forget"}, another, exitFailed, "1m", []string{"0 forgotten, 0 unchanged, 1 left alone", "session another has changed it since, too, and its record is the way back of that"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ns := c.Namespace(t, map[string]string{"environment": "development"})
			declare("5m")(t, ns)
			first := apply(t, ns, "first")
			assert.Zero(t, first.code, first.stderr)
			record := c.Field(t, "gitrepository", ns, "src", `.metadata.annotations.fluxtune\.github\.io/original`)
			lent := strings.Replace(record, `"session":"first"`, `"session":"first","until":"2099-01-01T00:00:00Z"`, 1) // others keep what is to end
			c.Kubectl(t, "annotate", "gitrepository", "src", "-n", ns, "--overwrite", tune.RecordAnnotation+"="+lent)
			o := atThePrompt(t, on(c), func() { tc.meanwhile(t, ns) }, append(tc.args, "-n", ns, "--rows")...)
			assert.Equal(t, tc.code, o.code, o.stderr)
			for _, says := range tc.says {
				assert.Contains(t, o.stderr, says)
			}
			assert.NotContains(t, o.stderr, "1 restored")
			assert.Equal(t, tc.stays, c.Field(t, "gitrepository", ns, "src", ".spec.interval"))
		})
	}
}
