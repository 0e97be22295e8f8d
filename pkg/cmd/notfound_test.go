package cmd

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// What one cluster of a checkout has is found: it is an error only where none has it, and that is told once.
func TestWhatOneOfSeveralClustersHasIsFound(t *testing.T) {
	t.Parallel()
	dir := writeCheckout(t)
	writeInto(t, dir, map[string]string{"clusters/staging/only.yaml": strings.NewReplacer("name: apps", "name: only-stg", "%s", "staging").Replace(`apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: apps
  namespace: flux-system
spec: {interval: 10m, timeout: 2m, path: ./apps/%s, prune: true, sourceRef: {kind: GitRepository, name: flux-system}}
`)})
	for _, command := range []string{"get", "plan", "plan --exit-code=false", "trace", "budget", "rewrite --dry-run"} {
		found := invocation{}.run(t.Context(), append(words(command), "-f", dir, "ks", "only-stg")...)
		assert.Zero(t, found.code, "%s: %s", command, found.stderr)
		assert.NotContains(t, found.stderr, "not found", command)
		one := invocation{}.run(t.Context(), append(words(command), "-f", dir, "ks", "only-stg", "--root", "clusters/production")...)
		assert.NotZero(t, one.code, "%s: %s", command, one.stderr)
		none := invocation{}.run(t.Context(), append(words(command), "-f", dir, "ks", "only-stg", "nosuch")...)
		assert.Equal(t, 1, none.code, command)
		assert.Contains(t, none.stderr, `error: kustomizations.kustomize.toolkit.fluxcd.io "nosuch" not found in any namespace`+"\n", command)
		assert.Equal(t, 1, strings.Count(none.stderr, "not found"), command)
		assert.Contains(t, invocation{}.run(t.Context(), append(words(command), "-f", dir, "-n", "apps", "ks", "nosuch")...).stderr, `"nosuch" not found in namespace "apps"`, command)
	}
}
