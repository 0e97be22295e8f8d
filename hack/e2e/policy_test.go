package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// scale divides all intervals of the default policy, so that minutes see enough polls: 5m becomes 25s.
const scale = 12

// countsOfTheDefaultPolicy applies the default policy to a fleet that polls for real, and counts
// requests before and after beside what the plan promised.
func countsOfTheDefaultPolicy(t *testing.T) {
	w := start(t)
	const projects = 6
	var namespaces []string
	for _, environment := range []string{"development", "staging", "production"} {
		ns := w.namespace(t, map[string]string{"environment": environment})
		namespaces = append(namespaces, ns)
		var manifests strings.Builder
		for i := range projects {
			name := fmt.Sprintf("%s-%d", ns, i)
			_, err := w.git.Push(t.Context(), name, map[string]string{"README": name})
			require.NoError(t, err)
			manifests.WriteString(gitRepository(ns, fmt.Sprintf("project-%d", i), w.git.URL(name), "branch: main", 5*time.Minute/scale))
		}
		w.Apply(t, manifests.String())
	}
	for _, ns := range namespaces {
		w.Kubectl(t, "wait", "gitrepository", "--all", "-n", ns, "--for=condition=Ready", "--timeout=2m")
	}
	policy := []string{
		fmt.Sprintf("--set=development.GitRepository.interval=%s", time.Minute/scale),
		fmt.Sprintf("--set=staging.GitRepository.interval=%s", 3*time.Minute/scale),
		fmt.Sprintf("--set=production.GitRepository.interval=%s", 5*time.Minute/scale),
	}
	var now, planned float64
	for _, ns := range namespaces {
		b := w.budget(t, ns, policy...)
		now += b.Summary.GitRequests.Now
		planned += b.Summary.GitRequests.Planned
	}
	count := func() (n int) {
		for _, ns := range namespaces {
			for i := range projects {
				r := w.git.Requests(fmt.Sprintf("%s-%d", ns, i))
				n += r.InfoRefs + r.UploadPack
			}
		}
		return n
	}
	perHour := func() float64 {
		before, start := count(), time.Now()
		time.Sleep(30 * time.Minute / scale) // six polls of what is polled every 5m: one more or less at the edges is little
		return float64(count()-before) / time.Since(start).Hours()
	}
	before := perHour()
	for _, ns := range namespaces {
		w.must(t, append([]string{"apply", "-n", ns, "--yes", "--wait", "--patches-per-second=0"}, policy...)...)
	}
	time.Sleep(5 * time.Minute / scale) // each change was reconciled at once: let the phases spread again
	after := perHour()
	assert.InEpsilon(t, now, before, 0.1)
	assert.InEpsilon(t, planned, after, 0.1)
	record(t, fmt.Sprintf("Git requests/h, %d sources at %s", 3*projects, 5*time.Minute/scale), fmt.Sprintf("%.0f", now), fmt.Sprintf("%.0f (%+.1f%%)", before, 100*(before/now-1)))
	record(t, fmt.Sprintf("the same under the default policy (intervals / %d)", scale), fmt.Sprintf("%.0f", planned), fmt.Sprintf("%.0f (%+.1f%%)", after, 100*(after/planned-1)))
}
