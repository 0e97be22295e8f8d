package cmd

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var advised = regexp.MustCompile(`kubectl fluxtune ((?:revert|forget) [^\n]*)`)

// advice are the commands that an outcome proposes on stderr.
func advice(o outcome) []string {
	var commands []string
	for _, found := range advised.FindAllStringSubmatch(o.stderr, -1) {
		commands = append(commands, found[1])
	}
	return commands
}

// Whatever forget --session and revert --session propose leads to an end, and does what is said of it.
func TestAdviceLeadsToAnEnd(t *testing.T) {
	t.Parallel()
	const forget, revert = "forget --session ", "revert --session "
	for name, tc := range map[string]struct {
		edit    string // what somebody makes of the spec in the end
		command string
		advice  []string // without its scope
		follow  int
		// again is what the command comes to after that; "" where that was the end.
		again    string
		interval string
	}{
		"forget, the later one taken back":       {command: forget + "one", advice: []string{revert + "two", "forget GitRepository/app"}, again: "1 forgotten", interval: "4m"},
		"forget, all records dropped":            {command: forget + "one", advice: []string{revert + "two", "forget GitRepository/app"}, follow: 1, interval: "6m"},
		"forget, the earlier one taken back":     {command: forget + "two", advice: []string{revert + "one", "forget GitRepository/app"}, again: "1 forgotten", interval: "6m"},
		"forget, changed since":                  {edit: `"interval":"7m"`, command: forget + "one", advice: []string{"forget GitRepository/app"}, interval: "7m"},
		"forget, a field of it changed since":    {edit: `"timeout":"7m"`, command: forget + "one", advice: []string{"forget GitRepository/app"}, interval: "6m"},
		"revert, the later one taken back":       {command: revert + "one", advice: []string{revert + "two"}, interval: "5m"},
		"revert, a field of it changed since":    {edit: `"timeout":"7m"`, command: revert + "one", advice: []string{revert + "two"}, interval: "5m"},
		"revert of the later one":                {command: revert + "two", interval: "4m", follow: -1},
		"revert of what was changed, with force": {edit: `"interval":"7m"`, command: revert + "one --force", interval: "5m", follow: -1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFreeFleet(t)
			f.tuned(t, "one", "--set", "*.GitRepository.interval=4m")
			f.tuned(t, "two", "--set", "*.GitRepository.interval=6m", "--set", "*.GitRepository.timeout=3m")
			if tc.edit != "" {
				f.Kubectl(t, "patch", "gitrepository", "app", "-n", f.apps, "--type=merge", "-p", `{"spec":{`+tc.edit+`}}`)
			}
			run := func(command string) outcome {
				return on(f.Cluster).run(t.Context(), append(strings.Fields(command), "--yes", "-n", f.apps)...)
			}
			o := run(tc.command)
			scope := " --kubeconfig " + f.Kubeconfig() + " -n " + f.apps
			var got []string
			for _, command := range advice(o) {
				got = append(got, strings.Replace(command, scope, "", 1))
			}
			assert.Equal(t, tc.advice, got, o.stderr)
			if tc.follow >= 0 {
				require.Greater(t, len(advice(o)), tc.follow, o.stderr)
				o = run(advice(o)[tc.follow])
			}
			if tc.again != "" {
				o = run(tc.command)
				assert.Contains(t, o.stderr, tc.again)
				assert.Zero(t, o.code, o.stderr)
			}
			assert.Equal(t, tc.interval, f.interval(t))
			session := strings.Fields(tc.command)[2]
			assert.False(t, f.recordOf(t).HasSession(session), o.stderr)
		})
	}
}
