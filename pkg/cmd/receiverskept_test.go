package cmd

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

// What receivers proposes lasts: polled less often as its plans say, sources stay so under the policy as it says.
func TestReceiversAdviceLasts(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	const user = `
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: %[2]s, namespace: %[1]s}
spec: {interval: 3m, timeout: 2m, prune: true, path: ./, sourceRef: {kind: GitRepository, name: both, namespace: %[3]s}}
---
`
	spaces, manifests := map[string]string{}, ""
	for _, environment := range []string{"development", "staging", "production"} {
		spaces[environment] = c.Namespace(t, map[string]string{"environment": environment})
		manifests += gitRepository(spaces[environment], "app", "interval: 1m, timeout: 2m")
	}
	spaces[""] = c.Namespace(t, nil)
	manifests += gitRepository(spaces[""], "app", "interval: 1m, timeout: 2m") + gitRepository(spaces[""], "both", "interval: 1m, timeout: 2m") +
		fmt.Sprintf(user, spaces["development"], "fast", spaces[""]) + fmt.Sprintf(user, spaces["production"], "slow", spaces[""])
	for _, ns := range spaces {
		manifests += fmt.Sprintf(`
apiVersion: notification.toolkit.fluxcd.io/v1
kind: Receiver
metadata: {name: github, namespace: %s}
spec: {type: github, secretRef: {name: token}, events: [push], resources: [{kind: GitRepository, name: app}, {kind: GitRepository, name: both}]}
---
`, ns)
	}
	c.Apply(t, strings.ReplaceAll(manifests, "metadata: {", "metadata: {labels: {advice: lasts}, ")) // other tests have the same cluster
	for _, ns := range spaces {
		c.ApplyAs(t, fmt.Sprintf(readyReceiver, ns), testbed.ApplyOptions{Subresource: "status"})
		callFor(t, c, ns, "app")
	}
	callFor(t, c, spaces[""], "both")
	i := on(c)
	for name, policy := range map[string]string{"per-environment": "", "relaxed": " --policy relaxed"} {
		list := decode[report.ReceiverList](t, i.must(t, words("receivers -A -l advice=lasts -o json"+policy)...))
		require.Len(t, list.Plans, 4, name)
		for _, plan := range list.Plans {
			assert.NotContains(t, i.must(t, words(strings.TrimPrefix(plan, "kubectl fluxtune "))...).stderr, "longer than recommended", "what is recommended for who waits for polls")
			applied := i.must(t, append(words(strings.Replace(strings.TrimPrefix(plan, "kubectl fluxtune "), "plan", "apply", 1)), "--yes")...)
			assert.NotContains(t, applied.stderr, "longer than recommended")
		}
		assert.Equal(t, list.PolicySets, decode[report.ReceiverList](t, i.must(t, words("receivers -A -l advice=lasts -o json"+policy)...)).PolicySets, name)
		for args, lasts := range map[string]bool{" --set '" + strings.Join(list.PolicySets, "' --set '") + "'": true, "": false} {
			planned := decode[report.Plan](t, i.must(t, words("plan -A -l advice=lasts gitrepositories -o json"+policy+args)...))
			assert.Equal(t, lasts, planned.Summary.Change == 0, "%s:%s", name, args)
		}
		assert.Contains(t, i.must(t, words("receivers -A -l advice=lasts"+policy)...).stdout, "5 sources: 5 with a webhook", name)
		i.must(t, "revert", "-A", "-l", "advice=lasts", "--yes")
	}
}
