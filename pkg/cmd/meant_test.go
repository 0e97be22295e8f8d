package cmd

import (
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

// A plan with which a host would get more than its limit is not to be applied next: one that fits is to be looked at.
func TestNextOfAPlanAboveALimit(t *testing.T) {
	t.Parallel()
	const plan = "plan -f testdata/fit/fleet.yaml --default-env development --policy fast --limit github.com="
	assert.Contains(t, invocation{}.must(t, words(plan+"10/h")...).stdout, "--fit github.com=80%")
	assert.NotContains(t, invocation{}.must(t, words(plan+"100000/h")...).stdout, "--fit")
}
