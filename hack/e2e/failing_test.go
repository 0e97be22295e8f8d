package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestRequestsOfSubmodules counts what repositories with a submodule are asked, and the submodules with them.
func TestRequestsOfSubmodules(t *testing.T) {
	t.Parallel()
	measures(t)
	w := start(t)
	ns := w.Namespace(t, development)
	kinds := map[string]string{"branch": "branch: main", "semver": `semver: ">=1.0.0"`, "commit": ""}
	var manifests strings.Builder
	for kind, ref := range kinds {
		for i := range perKind {
			name := fmt.Sprintf("%s-%d", kind, i)
			repository, submodule := ns+"-"+name, ns+"-"+name+"-sub"
			_, err := w.git.Push(t.Context(), submodule, map[string]string{"README": submodule})
			require.NoError(t, err)
			_, err = w.git.Push(t.Context(), repository, map[string]string{"README": name})
			require.NoError(t, err)
			require.NoError(t, w.git.AddSubmodule(t.Context(), repository, "sub", submodule))
			require.NoError(t, w.git.Tag(t.Context(), repository, "v1.0.0"))
			if kind == "commit" {
				sha, err := w.git.Head(t.Context(), repository)
				require.NoError(t, err)
				ref = "branch: main, commit: " + sha
			}
			m := gitRepository(ns, name, w.git.URL(repository), ref, polledEvery)
			manifests.WriteString(strings.Replace(m, "spec: {", "spec: {recurseSubmodules: true, ", 1))
		}
	}
	w.Apply(t, manifests.String())
	w.Kubectl(t, "wait", "gitrepository", "--all", "-n", ns, "--for=condition=Ready", "--timeout=2m")
	predicted := map[string]float64{}
	for _, item := range w.budget(t, ns).Items {
		kind, _, _ := strings.Cut(item.Ref.Name, "-")
		predicted[kind] += item.Requests.Now
	}
	count := func(kind string) (n int) {
		for i := range perKind {
			for _, suffix := range []string{"", "-sub"} {
				r := w.git.Requests(fmt.Sprintf("%s-%s-%d%s", ns, kind, i, suffix))
				n += r.InfoRefs + r.UploadPack
			}
		}
		return n
	}
	before := map[string]int{}
	for kind := range kinds {
		before[kind] = count(kind)
	}
	begun := time.Now()
	time.Sleep(window) // the measurement itself
	hours := time.Since(begun).Hours()
	for kind := range kinds {
		claimRate(t, fmt.Sprintf("Git requests/h, %d x %s with a submodule every %s, unchanged", perKind, kind, polledEvery), predicted[kind], float64(count(kind)-before[kind])/hours)
	}
}

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
