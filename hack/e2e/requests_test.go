package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
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

// counted is a group of objects that are polled at the same interval, and where their requests are counted.
type counted struct {
	what      string
	kind      string // of the objects, whose names begin with the prefix
	prefix    string
	every     time.Duration
	predicted float64 // requests per hour
	requests  func() int
}

// look reads how much was asked so far, and what the controllers did for that.
func (w world) look(t *testing.T, ns string, c counted) (requests int, work testbed.Work) {
	t.Helper()
	work, err := w.flux.Work(t.Context(), func(labels map[string]string) bool {
		return labels["kind"] == c.kind && labels["namespace"] == ns && strings.HasPrefix(labels["name"], c.prefix)
	})
	require.NoError(t, err)
	return c.requests(), work
}

// count holds what is asked in a window to what was predicted, within 5%. The next poll comes an interval after the end
// of the last: what reconciles took on this machine lengthens the interval.
func (w world) count(t *testing.T, ns string, groups []counted) {
	t.Helper()
	type state struct {
		requests int
		work     testbed.Work
	}
	look := func() (all []state) {
		for _, c := range groups {
			requests, work := w.look(t, ns, c)
			all = append(all, state{requests, work})
		}
		return all
	}
	time.Sleep(polledEvery / 2) // away from the polls, which come together
	before, begun := look(), time.Now()
	time.Sleep(window) // the measurement itself
	after, hours := look(), time.Since(begun).Hours()
	for i, c := range groups {
		var took time.Duration
		if n := after[i].work.Reconciles - before[i].work.Reconciles; n > 0 {
			took = (after[i].work.Took - before[i].work.Took) / time.Duration(n)
		}
		c.claim(t, float64(after[i].requests-before[i].requests)/hours, took)
	}
}

// claim holds a rate per hour to what was predicted: nothing where nothing was.
func (c counted) claim(t *testing.T, rate float64, took time.Duration) {
	t.Helper()
	off := "exact"
	if c.predicted == 0 {
		assert.Zero(t, rate, c.what)
		if rate > 0 {
			off = "not predicted"
		}
	} else {
		assert.InEpsilon(t, c.predicted*float64(c.every)/float64(c.every+took), rate, 0.05, "%s; a reconcile took %s", c.what, took)
		off = fmt.Sprintf("%+.1f%%", 100*(rate/c.predicted-1))
		if took > c.every/100 {
			off += fmt.Sprintf("; reconciles took %s", took.Round(100*time.Millisecond))
		}
	}
	record(t, c.what, fmt.Sprintf("%.0f", c.predicted), fmt.Sprintf("%.0f (%s)", rate, off))
}

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
	var groups []counted
	for kind := range kinds {
		groups = append(groups, counted{
			what: fmt.Sprintf("Git requests/h, %d x %s every %s, unchanged", perKind, kind, polledEvery), kind: "GitRepository", prefix: kind + "-",
			every: polledEvery, predicted: predicted[kind], requests: func() int { return w.asked(ns + "-" + kind + "-%d") },
		})
	}
	w.count(t, ns, groups)
}

// asked is how often the repositories of a kind were asked; the pattern takes their numbers.
func (w world) asked(pattern string) (n int) {
	for i := range perKind {
		r := w.git.Requests(fmt.Sprintf(pattern, i))
		n += r.InfoRefs + r.UploadPack
	}
	return n
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
	var groups []counted
	for kind := range kinds {
		pattern := ns + "-" + kind + "-%d"
		groups = append(groups, counted{
			what: fmt.Sprintf("Git requests/h, %d x %s with a submodule every %s, unchanged", perKind, kind, polledEvery), kind: "GitRepository", prefix: kind + "-",
			every: polledEvery, predicted: predicted[kind], requests: func() int { return w.asked(pattern) + w.asked(pattern+"-sub") },
		})
	}
	w.count(t, ns, groups)
}
