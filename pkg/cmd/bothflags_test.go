package cmd

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// A namespace beside all of them is refused by every command that takes both, before anything is read or written: with kubectl -A wins
// without a word.
func TestANamespaceAndAllOfThem(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"get", "plan", "budget", "apply --yes", "revert --yes", "forget --yes", "sessions", "receivers", "alerts", "rewrite -f .", "nodes", "doctor"} {
		for _, flags := range []string{" -A -n apps", " --namespace=apps --all-namespaces"} {
			o := invocation{}.run(t.Context(), words(command+flags)...)
			assert.NotZero(t, o.code)
			assert.Contains(t, o.stderr, "error: -n apps and -A (--all-namespaces) exclude each other: leave out -A for that namespace alone, or -n for all of them\n", command)
		}
	}
	o := invocation{}.run(t.Context(), words("plan -f testdata/fit/fleet.yaml -n dev --all-namespaces=false")...)
	assert.Zero(t, o.code, o.stderr)
}

// What a flag takes is said in words, and not in those of Go.
func TestFlagsOfAnotherType(t *testing.T) {
	t.Parallel()
	for flag, want := range map[string]string{
		"--patches-per-second=1/s": `error: --patches-per-second "1/s": it takes a number, like 5 or 0.5`,
		"--wait=maybe":             `error: --wait "maybe": it takes true or false`,
	} {
		assert.Contains(t, invocation{}.run(t.Context(), "apply", flag).stderr, want)
	}
}
