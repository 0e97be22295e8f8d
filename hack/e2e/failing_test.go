package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestRequestsOfFailingSources: what fails is asked again after a time that doubles from 750 ms to 15 m, not
// at its interval.
func TestRequestsOfFailingSources(t *testing.T) {
	t.Parallel()
	measures(t)
	w := start(t)
	ns := w.Namespace(t, development)
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
	predicted := func(kind string) (sum float64) {
		for _, item := range w.budget(t, ns).Items {
			if strings.HasPrefix(item.Ref.Name, kind) {
				sum += item.Requests.Now
			}
		}
		return sum
	}
	for _, span := range []struct{ from, to time.Duration }{{time.Minute, 6 * time.Minute}, {6 * time.Minute, 16 * time.Minute}} {
		time.Sleep(time.Until(begun.Add(span.from)))
		expected, before := map[string]float64{}, map[string]int{}
		for _, kind := range kinds {
			expected[kind], before[kind] = predicted(kind), count(kind)
		}
		time.Sleep(time.Until(begun.Add(span.to))) // the measurement itself
		for _, kind := range kinds {
			hours := (span.to - span.from).Hours()
			claimRate(t, fmt.Sprintf("Git requests/h, %d x %s every %s, minutes %.0f to %.0f", perKind, strings.ReplaceAll(kind, "-", " "), polledEvery, span.from.Minutes(), span.to.Minutes()),
				expected[kind], float64(count(kind)-before[kind])/hours)
		}
	}
}
