package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

// budget asks the plugin what a namespace costs.
func (w world) budget(t *testing.T, ns string, args ...string) report.Budget {
	t.Helper()
	var b report.Budget
	require.NoError(t, json.Unmarshal([]byte(w.must(t, append([]string{"budget", "-n", ns, "-o", "json"}, args...)...)), &b))
	return b
}

const (
	// polledEvery is long beside a clone, because the next poll is counted from the end of the last.
	polledEvery = 30 * time.Second
	// perKind is how many repositories share a kind of ref: together they smooth the edges of the
	// window.
	perKind = 8
	window  = 5 * time.Minute
)

// countsOfRefs counts at the Git server what repositories with each kind of ref ask in a window, while
// nothing changes, and compares that with the budget.
func countsOfRefs(t *testing.T) {
	w := start(t)
	ns := w.namespace(t, development)
	kinds := map[string]string{"branch": "branch: main", "tag": `tag: v1.0.0`, "semver": `semver: ">=1.0.0"`, "commit": ""}
	var manifests strings.Builder
	for kind, ref := range kinds {
		for i := range perKind {
			name := fmt.Sprintf("%s-%d", kind, i)
			sha, err := w.git.Push(t.Context(), ns+"-"+name, map[string]string{"README": name})
			require.NoError(t, err)
			require.NoError(t, w.git.Tag(t.Context(), ns+"-"+name, "v1.0.0"))
			ref := ref
			if kind == "commit" {
				ref = "branch: main, commit: " + sha
			}
			manifests.WriteString(gitRepository(ns, name, w.git.URL(ns+"-"+name), ref, polledEvery))
		}
	}
	w.Apply(t, manifests.String())
	w.Kubectl(t, "wait", "gitrepository", "--all", "-n", ns, "--for=condition=Ready", "--timeout=2m")
	predicted := predictedByRef(w.budget(t, ns))
	time.Sleep(polledEvery / 2) // away from the polls, which come together
	before := w.counts(ns, kinds)
	start := time.Now()
	time.Sleep(window) // the measurement itself
	hours := time.Since(start).Hours()
	for kind, count := range w.counts(ns, kinds) {
		claimRate(t, fmt.Sprintf("Git requests/h, %d x %s every %s, unchanged", perKind, kind, polledEvery), predicted[kind], float64(count-before[kind])/hours)
	}
}

func gitRepository(ns, name, url, ref string, every time.Duration) string {
	return fmt.Sprintf(`
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: %s, namespace: %s}
spec: {interval: %s, timeout: 1m, url: %q, ref: {%s}}
---
`, name, ns, every, url, ref)
}

// predictedByRef sums the budget's requests per hour by kind of ref.
func predictedByRef(b report.Budget) map[string]float64 {
	sums := make(map[string]float64)
	for _, item := range b.Items {
		if item.Requests.Now > 0 {
			sums[item.RefKind] += item.Requests.Now
		}
	}
	return sums
}

func (w world) counts(ns string, kinds map[string]string) map[string]int {
	counts := make(map[string]int)
	for kind := range kinds {
		for i := range perKind {
			r := w.git.Requests(fmt.Sprintf("%s-%s-%d", ns, kind, i))
			counts[kind] += r.InfoRefs + r.UploadPack
		}
	}
	return counts
}

// extraRequests is what a poll of a branch costs more when it finds a change: GET info/refs and POST
// git-upload-pack of a clone (budget, refCosts).
const extraRequests = 2

// countsOfAChangingRepository: each change makes one poll clone.
func countsOfAChangingRepository(t *testing.T) {
	w := start(t)
	ns := w.namespace(t, development)
	const repositories, changes = perKind, 4
	var manifests strings.Builder
	push := func(version int) {
		for i := range repositories {
			_, err := w.git.Push(t.Context(), fmt.Sprintf("%s-%d", ns, i), map[string]string{"README": fmt.Sprint(version)})
			require.NoError(t, err)
		}
	}
	push(0)
	for i := range repositories {
		manifests.WriteString(gitRepository(ns, fmt.Sprintf("changing-%d", i), w.git.URL(fmt.Sprintf("%s-%d", ns, i)), "branch: main", polledEvery))
	}
	w.Apply(t, manifests.String())
	w.Kubectl(t, "wait", "gitrepository", "--all", "-n", ns, "--for=condition=Ready", "--timeout=2m")
	count := func() (n int) {
		for i := range repositories {
			r := w.git.Requests(fmt.Sprintf("%s-%d", ns, i))
			n += r.InfoRefs + r.UploadPack
		}
		return n
	}
	b := w.budget(t, ns)
	before, start := count(), time.Now()
	for change := range changes {
		push(change + 1)
		time.Sleep(window / changes)
	}
	hours := time.Since(start).Hours()
	counted := float64(count() - before)
	predicted := b.Summary.GitRequests.Now*hours + repositories*changes*extraRequests
	assert.InEpsilon(t, predicted, counted, 0.05)
	record(t, fmt.Sprintf("Git requests in %s, %d x branch every %s, %d changes each", window, repositories, polledEvery, changes),
		fmt.Sprintf("%.0f", predicted), fmt.Sprintf("%.0f (%+.1f%%)", counted, 100*(counted/predicted-1)))
}

// countsOfSubmodules counts what repositories with a submodule are asked, and the submodules with them.
func countsOfSubmodules(t *testing.T) {
	w := start(t)
	ns := w.namespace(t, development)
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
