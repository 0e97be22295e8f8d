package cmd

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
)

// Who pastes an example does not make production faster than the default policy has it.
func TestExamplesKeepProductionCalm(t *testing.T) {
	t.Parallel()
	texts := map[string]string{}
	for _, file := range []string{"../../README.md", "../../hack/docs/tuning.md"} {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		texts[file] = string(data)
	}
	for _, sub := range Tree().Commands() {
		texts[sub.Name()] = invocation{}.must(t, sub.Name(), "--help").stdout
	}
	set, found := regexp.MustCompile(`--set[ =](?:'([^']+)'|(\w[^\s'`+"`"+`]+=\S+))`), 0
	for name, text := range texts {
		for line := range strings.Lines(text) {
			p, err := policy.Preset(policy.DefaultName)
			require.NoError(t, err)
			for _, m := range set.FindAllStringSubmatch(line, -1) {
				p, err = p.Set(m[1] + m[2])
				require.NoError(t, err, "%s: %s", name, line)
				found++
			}
			production, _ := p.Lookup("production")
			for kind, s := range production.Kinds {
				if s.Interval != "" {
					b, err := policy.ParseBound(s.Interval, false)
					require.NoError(t, err)
					assert.GreaterOrEqual(t, b.Min, 5*time.Minute, "%s: %s of production: %s", name, kind, line)
				}
			}
		}
	}
	assert.Greater(t, found, 5)
}
