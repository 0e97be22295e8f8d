package e2e

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
)

// shape is Kustomizations that depend on each other: name to what it depends on.
type shape map[string][]string

// chain is n Kustomizations, each of which depends on the one before. Names are in the order of the chain, or
// against it.
func chain(prefix string, n int, backwards bool) shape {
	s := shape{}
	name := func(i int) string {
		if backwards {
			i = n - 1 - i
		}
		return fmt.Sprintf("%s-%02d", prefix, i)
	}
	for i := range n {
		s[name(i)] = nil
		if i > 0 {
			s[name(i)] = []string{name(i - 1)}
		}
	}
	return s
}

// tree is n Kustomizations of which each is depended on by three others at most.
func tree(prefix string, n int) shape {
	s := shape{}
	for i := range n {
		name := fmt.Sprintf("%s-%02d", prefix, i)
		s[name] = nil
		if i > 0 {
			s[name] = []string{fmt.Sprintf("%s-%02d", prefix, (i-1)/3)}
		}
	}
	return s
}

// fleetOf76 is a chain of 20, a tree of 20 and six groups in which five depend on one.
func fleetOf76() shape {
	s := chain("chain", 20, false)
	add := func(other shape) {
		for name, on := range other {
			s[name] = on
		}
	}
	add(tree("tree", 20))
	for g := range 6 {
		base := fmt.Sprintf("group%d-base", g)
		s[base] = nil
		for i := range 5 {
			s[fmt.Sprintf("group%d-app%d", g, i)] = []string{base}
		}
	}
	return s
}

// leavesFirst sorts names so that whatever depends on another comes before it.
func (s shape) leavesFirst() []string {
	level := map[string]int{}
	var depth func(name string) int
	depth = func(name string) int {
		d := 0
		for _, on := range s[name] {
			d = max(d, depth(on)+1)
		}
		level[name] = d
		return d
	}
	var names []string
	for name := range s {
		depth(name)
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		if level[a] != level[b] {
			return level[b] - level[a]
		}
		return strings.Compare(a, b)
	})
	return names
}

// quiet is a cluster of its own, in which nothing happens but what the test does.
type quiet struct {
	world
	t *testing.T
	// requeue is --requeue-dependency, after which controllers look at a dependency again.
	requeue time.Duration
}

func startQuiet(t *testing.T, also ...string) quiet {
	t.Helper()
	q := quiet{t: t, requeue: 5 * time.Second}
	if os.Getenv("FLUXTUNE_E2E") != "" {
		q.requeue = 30 * time.Second // Flux's default
	}
	q.Cluster = testbed.StartT(t, testbed.Options{})
	dir, err := os.MkdirTemp(q.Dir(), "git")
	require.NoError(t, err)
	q.git, err = testbed.StartGit(dir)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, q.git.Close()) })
	requeue := []string{"--requeue-dependency=" + q.requeue.String()}
	q.flux, err = q.StartFlux(context.Background(), testbed.FluxOptions{
		Also:  also,
		Flags: map[string][]string{testbed.UnitKustomizeController: requeue, testbed.UnitHelmController: requeue},
	})
	require.NoError(t, err)
	return q
}

// kustomizations creates a shape at an interval of 10m, with so many ConfigMaps in each, and returns its
// namespace when all are ready.
func (q quiet) kustomizations(s shape, objects int) string {
	q.t.Helper()
	ns := q.Namespace(q.t, development)
	var maps strings.Builder
	for i := range objects {
		_, _ = fmt.Fprintf(&maps, "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: config-%d}\ndata: {value: one}\n", i)
	}
	_, err := q.git.Push(q.t.Context(), ns, map[string]string{"deploy/config.yaml": maps.String()})
	require.NoError(q.t, err)
	q.Apply(q.t, gitRepository(ns, "app", q.git.URL(ns), "branch: main", 10*time.Minute))
	var manifests strings.Builder
	for name := range s {
		_, _ = fmt.Fprintf(&manifests, `---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: %[2]s, namespace: %[1]s}
spec: {interval: 10m, timeout: 2m, path: ./deploy, prune: true, targetNamespace: %[1]s, namePrefix: %[2]s-, sourceRef: {kind: GitRepository, name: app}}
`, ns, name)
	}
	q.Kubectl(q.t, "wait", "gitrepository", "app", "-n", ns, "--for=condition=Ready", "--timeout=1m")
	q.Apply(q.t, manifests.String())
	q.Kubectl(q.t, "wait", "kustomization", "--all", "-n", ns, "--for=condition=Ready", "--timeout=5m")
	// With dependsOn from the start each level would wait for --requeue-dependency.
	for _, name := range s.leavesFirst() {
		if len(s[name]) > 0 {
			q.Kubectl(q.t, "patch", "kustomization", name, "-n", ns, "--type=merge", "-p", `{"spec":{"dependsOn":[{"name":"`+strings.Join(s[name], `"},{"name":"`)+`"}]}}`)
		}
	}
	watchReady(q.t, q.Cluster, ns).settled(q.t, 10*time.Minute)
	time.Sleep(time.Second)
	return ns
}

// reconcileTakes is the longest last reconcile in a namespace.
func (q quiet) reconcileTakes(ns string) string {
	q.t.Helper()
	durations := strings.Fields(q.Kubectl(q.t, "get", "kustomization", "-n", ns, "-o", "jsonpath={.items[*].status.history[0].lastReconciledDuration}"))
	slices.SortFunc(durations, func(a, b string) int { return int(parse(q.t, a) - parse(q.t, b)) })
	return fmt.Sprintf("reconciles of %s to %s, median %s", durations[0], durations[len(durations)-1], durations[len(durations)/2])
}

// TestExploreShakes measures by shape, length of a reconcile and pace.
func TestExploreShakes(t *testing.T) {
	explores(t)
	shapes := map[string]shape{
		"chain, names in its order": chain("link", 20, false), "chain, names against its order": chain("link", 20, true),
		"tree of 20": tree("tree", 20), "76": fleetOf76(),
	}
	q := startQuiet(t)
	for name, s := range shapes {
		for _, objects := range []int{1, 40} {
			for _, pace := range []string{"5", "0"} {
				t.Run(fmt.Sprintf("%s, %d objects, pace %s", name, objects, pace), func(t *testing.T) {
					q := q
					q.t = t
					ns := q.kustomizations(s, objects)
					r := watchReady(t, q.Cluster, ns)
					begun := time.Now()
					out, errOut, code := q.run(t.Context(), "apply", "-n", ns, "--yes", "--set=development.Kustomization.interval=5m", "--patches-per-second="+pace)
					took := time.Since(begun)
					require.Zero(t, code, "%s%s", out, errOut)
					time.Sleep(2 * q.requeue)
					more := r.settled(t, 10*time.Minute)
					t.Logf("%s; apply took %s; all ready %s after 2 x requeue; %s", r.summary(), took.Round(100*time.Millisecond), more.Round(100*time.Millisecond), q.reconcileTakes(ns))
					q.Kubectl(t, "delete", "kustomization", "--all", "-n", ns, "--wait=true")
				})
			}
		}
	}
}

// TestApplyIsCalm: what was ready stays ready while intervals change.
func TestApplyIsCalm(t *testing.T) {
	t.Parallel()
	shapes := []struct {
		name    string
		shape   shape
		objects int
		full    bool
	}{
		{"a chain of 20", chain("link", 20, false), 1, false},
		{"a chain of 20 with slow reconciles", chain("link", 20, false), 40, true},
		{"a tree of 20", tree("tree", 20), 1, true},
		{"a tree of 20 with slow reconciles", tree("tree", 20), 40, true},
		{"76 Kustomizations", fleetOf76(), 1, true},
	}
	q := startQuiet(t)
	for _, tc := range shapes {
		t.Run(tc.name, func(t *testing.T) {
			if tc.full {
				measures(t)
			}
			q := q
			q.t = t
			ns := q.kustomizations(tc.shape, tc.objects)
			r := watchReady(t, q.Cluster, ns)
			begun := time.Now()
			// At 1m, ordinary reconciles would fall into the time that is watched.
			q.must(t, "apply", "-n", ns, "--yes", "--set=development.Kustomization.interval=5m")
			took := time.Since(begun)
			time.Sleep(2 * q.requeue)
			r.settled(t, 10*time.Minute)
			for _, l := range r.lost() {
				t.Logf("%s%s", l.object, r.story(l.object))
			}
			assert.Empty(t, r.lost(), r.summary())
			record(t, "apply to "+tc.name+", 10m -> 5m: Kustomizations that lose Ready", "0 of "+fmt.Sprint(len(tc.shape)), r.summary()+", took "+took.Round(time.Second).String())
			q.Kubectl(t, "delete", "kustomization", "--all", "-n", ns, "--wait=true")
		})
	}
}

// TestExploreSuspendedDependency: what becomes of the dependents of a suspended Kustomization whose spec changes?
func TestExploreSuspendedDependency(t *testing.T) {
	explores(t)
	t.Parallel()
	q := startQuiet(t)
	ns := q.kustomizations(shape{"base": nil, "app": {"base"}}, 1)
	r := watchReady(t, q.Cluster, ns)
	patch := func(name, spec string) {
		q.Kubectl(t, "patch", "kustomization", name, "-n", ns, "--type=merge", "--field-manager=fluxtune", "-p", `{"spec":{`+spec+`}}`)
	}
	patch("base", `"suspend":true`)
	time.Sleep(2 * time.Second)
	patch("app", `"interval":"9m"`)
	time.Sleep(q.requeue + 2*time.Second)
	t.Logf("suspended only: base%s\napp%s", r.story("Kustomization/base"), r.story("Kustomization/app"))
	patch("base", `"interval":"9m"`)
	time.Sleep(2 * time.Second)
	patch("app", `"interval":"8m"`)
	time.Sleep(2*q.requeue + 2*time.Second)
	t.Logf("and changed: base%s\napp%s", r.story("Kustomization/base"), r.story("Kustomization/app"))
	patch("base", `"suspend":false`)
	time.Sleep(2*q.requeue + 2*time.Second)
	t.Logf("resumed: base%s\napp%s", r.story("Kustomization/base"), r.story("Kustomization/app"))
}
