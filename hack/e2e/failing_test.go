package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// countsOfFailingSources: what fails is asked again after a time that doubles from 750 ms to 15 m, not at its interval.
func countsOfFailingSources(t *testing.T) {
	w := start(t)
	ns := w.namespace(t, development)
	kinds := []string{"missing-repository", "missing-branch"}
	var manifests strings.Builder
	for i := range perKind {
		present := fmt.Sprintf("%s-missing-branch-%d", ns, i)
		_, err := w.git.Push(t.Context(), present, map[string]string{"README": present})
		require.NoError(t, err)
		manifests.WriteString(gitRepository(ns, fmt.Sprintf("missing-branch-%d", i), w.git.URL(present), "branch: none", polledEvery))
		absent := fmt.Sprintf("%s-missing-repository-%d", ns, i)
		manifests.WriteString(gitRepository(ns, fmt.Sprintf("missing-repository-%d", i), w.git.URL(absent), "branch: main", polledEvery))
	}
	w.Apply(t, manifests.String())
	begun := time.Now()
	count := func(kind string) (n int) {
		for i := range perKind {
			r := w.git.Requests(fmt.Sprintf("%s-%s-%d", ns, kind, i))
			n += r.InfoRefs + r.UploadPack
		}
		return n
	}
	retries := func(age, over time.Duration) float64 {
		return perKind * budget.Retries(flux.Controller{MinRetryDelay: 750 * time.Millisecond, MaxRetryDelay: 15 * time.Minute}, age, over)
	}
	// Attempts come at 47, 95, 191, 383 and 767 s, and later by what they take: the edges lie in the middle between them.
	for _, span := range []struct{ from, to time.Duration }{{67 * time.Second, 270 * time.Second}, {270 * time.Second, 540 * time.Second}} {
		time.Sleep(time.Until(begun.Add(span.from)))
		before := map[string]int{}
		for _, kind := range kinds {
			before[kind] = count(kind)
		}
		time.Sleep(time.Until(begun.Add(span.to))) // the measurement itself
		for _, kind := range kinds {
			counted := count(kind) - before[kind]
			expected := retries(span.from, span.to-span.from)
			assert.InDelta(t, expected, counted, 0, kind)
			record(t, fmt.Sprintf("Git requests, %d x %s every %s, seconds %.0f to %.0f", perKind, strings.ReplaceAll(kind, "-", " "), polledEvery, span.from.Seconds(), span.to.Seconds()),
				fmt.Sprintf("%.0f", expected), fmt.Sprint(counted))
		}
	}
	// What the budget says of the hour that follows: it has to know for how long they have been failing.
	rate := map[string]float64{}
	for _, item := range w.budget(t, ns).Items {
		rate[strings.TrimRight(item.Ref.Name, "-0123456789")] += item.Requests.Now
	}
	for _, kind := range kinds {
		assert.InEpsilon(t, retries(time.Since(begun), time.Hour), rate[kind], 0.05, "requests in the next hour, %s", kind)
	}
}
