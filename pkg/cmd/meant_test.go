package cmd

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// A flag that is mistyped is answered with the one that was meant, where that can be told.
func TestMistypedFlags(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"plan --polcy fast":        "error: unknown flag: --polcy: did you mean --policy?\n",
		"plan --namespce dev":      "error: unknown flag: --namespce: did you mean --namespace?\n",
		"apply --shorten":          "error: unknown flag: --shorten: did you mean --shorten-timeouts?\n",
		"get --xyz":                "error: unknown flag: --xyz: kubectl fluxtune get --help lists the flags\n",
		"plan --p fast":            "error: unknown flag: --p: kubectl fluxtune plan --help lists the flags\n",
		"nodes -Z":                 "error: unknown shorthand flag: 'Z' in -Z: kubectl fluxtune nodes --help lists the flags\n",
		"budget --fit github.com=": "error: unknown flag: --fit: budget counts with the shares in spec.fit of --policy; plan has --fit\n",
	} {
		assert.Equal(t, want, invocation{}.run(t.Context(), words(args)...).stderr, args)
	}
}

// A plan with which a host would get more than its limit is not to be applied next: one that fits is to be looked at. The command that is
// named works as it stands, also where the policy has to allow longer intervals for it; where nothing helps, budget tells who asks.
func TestNextOfAPlanAboveALimit(t *testing.T) {
	t.Parallel()
	const plan = "plan -f testdata/fit/fleet.yaml --default-env development --limit github.com="
	next := func(limit string, more ...string) string {
		out := invocation{width: 400}.must(t, append(words(plan+limit), more...)...).stdout
		_, command, _ := strings.Cut(out, "\nNext ")
		return strings.TrimSpace(command)
	}
	works := func(command string) {
		assert.True(t, strings.HasPrefix(command, "kubectl fluxtune plan "), command)
		assert.Contains(t, command, "--fit github.com=80%")
		assert.Zero(t, invocation{}.run(t.Context(), unquoted(strings.TrimPrefix(command, "kubectl fluxtune "))...).code, command)
	}
	assert.NotContains(t, next("100000/h"), "--fit")
	for _, limit := range []string{"350/h", "200/h", "100/h"} {
		works(next(limit))
		assert.Contains(t, next(limit), "--set 'development.GitRepository.interval=at most 30m'", limit)
	}
	enough := next("135/h", "--set", "*.GitRepository.interval=at least 5m", "--set", "development.GitRepository.interval=at most 4m")
	works(enough)
	assert.NotContains(t, enough, "at most 30m", "the policy lets it fit")
	assert.Contains(t, next("1/h"), "kubectl fluxtune budget ", "no interval is long enough")
}

// unquoted are the words of a command that has single quotes at most, around whole words.
func unquoted(command string) (args []string) {
	for i, part := range strings.Split(command, "'") {
		if i%2 == 1 {
			args = append(args, part)
			continue
		}
		args = append(args, strings.Fields(part)...)
	}
	return args
}
