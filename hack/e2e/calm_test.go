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
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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

// quiet is a cluster in which nothing happens but what the test does: one of its own, or, in the short form, the one
// of all tests.
type quiet struct {
	world
	t *testing.T
	// requeue is --requeue-dependency, after which controllers look at a dependency again.
	requeue time.Duration
}

func startQuiet(t *testing.T, requeue time.Duration, also ...string) quiet {
	t.Helper()
	q := quiet{t: t, requeue: requeue}
	q.Cluster = testbed.StartT(t, testbed.Options{})
	dir, err := os.MkdirTemp(q.Dir(), "git")
	require.NoError(t, err)
	q.git, err = testbed.StartGit(dir)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, q.git.Close()) })
	q.flux, err = q.StartFlux(context.Background(), testbed.FluxOptions{
		Also:  also,
		Flags: map[string][]string{testbed.UnitKustomizeController: {requeueFlag(requeue)}, testbed.UnitHelmController: {requeueFlag(requeue)}},
	})
	require.NoError(t, err)
	return q
}

func requeueFlag(d time.Duration) string { return "--requeue-dependency=" + d.String() }

// kustomizations creates a shape at an interval of 10m, with so many ConfigMaps in each, and returns its
// namespace when all are ready.
func (q quiet) kustomizations(s shape, objects int) string {
	q.t.Helper()
	ns := q.namespace(q.t, development)
	var maps strings.Builder
	for i := range objects {
		_, _ = fmt.Fprintf(&maps, "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: config-%d}\ndata: {value: one}\n", i)
	}
	_, err := q.git.Push(q.t.Context(), ns, map[string]string{"deploy/config.yaml": maps.String()})
	require.NoError(q.t, err)
	// With the policy's timeout: what becomes of a source is no matter of this test.
	q.Apply(q.t, strings.Replace(gitRepository(ns, "app", q.git.URL(ns), "branch: main", 10*time.Minute), "timeout: 1m", "timeout: 2m", 1))
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
			q.patchAs(q.t, "flux", "kustomization", ns, name, `{"spec":{"dependsOn":[{"name":"`+strings.Join(s[name], `"},{"name":"`)+`"}]}}`)
		}
	}
	watchReady(q.t, q.Cluster, ns).settled(q.t, 10*time.Minute)
	time.Sleep(time.Second)
	return ns
}

// reconcileTakes is how long the last reconciles in a namespace took.
func (q quiet) reconcileTakes(ns string) string {
	q.t.Helper()
	list, err := q.Objects(q.t, "kustomization", ns).List(q.t.Context(), metav1.ListOptions{})
	require.NoError(q.t, err)
	var durations []time.Duration
	for i := range list.Items {
		durations = append(durations, parse(q.t, testbed.FieldOf(q.t, &list.Items[i], ".status.history[0].lastReconciledDuration")).Round(time.Millisecond))
	}
	slices.Sort(durations)
	return fmt.Sprintf("reconciles of %s to %s, median %s", durations[0], durations[len(durations)-1], durations[len(durations)/2])
}

// done takes the Kustomizations of a namespace away, so that they do not reconcile any more.
func (q quiet) done(ns string) {
	q.Kubectl(q.t, "delete", "kustomization", "--all", "-n", ns, "--wait=true")
}

// TestExploreShakes measures by shape, length of a reconcile and pace.
func TestExploreShakes(t *testing.T) {
	explores(t)
	shapes := map[string]shape{
		"chain, names in its order": chain("link", 20, false), "chain, names against its order": chain("link", 20, true),
		"tree of 20": tree("tree", 20), "76": fleetOf76(),
	}
	q := startQuiet(t, 30*time.Second)
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
					q.done(ns)
				})
			}
		}
	}
}

// apply changes the intervals of a shape from 10m to 1m, and checks that nothing that was ready becomes Ready=False
// because of that. At 1m objects are reconciled at times that have nothing to do with the change; what that does to
// their dependents is counted apart.
func (q quiet) apply(name string, s shape, objects int) {
	t := q.t
	ns := q.kustomizations(s, objects)
	r := watchReady(t, q.Cluster, ns)
	begun := time.Now()
	q.must(t, "apply", "-n", ns, "--yes")
	took := time.Since(begun)
	reconciles := q.reconcileTakes(ns)
	time.Sleep(2 * q.requeue)
	r.settled(t, 10*time.Minute)
	ours := 0
	for _, l := range r.lost() {
		t.Logf("%s%s", l.object, r.story(l.object))
		if l.ours {
			ours++
		}
	}
	for object := range r.initial {
		_, name, _ := strings.Cut(object, "/")
		require.Equal(t, "1m", q.read(t, "kustomization", ns, name, ".spec.interval"))
	}
	assert.Zero(t, ours, r.summary())
	what := fmt.Sprintf("apply to %s, 10m -> 1m, --requeue-dependency=%s: objects that lose Ready by it", name, q.requeue)
	record(t, what, "0 of "+fmt.Sprint(len(s)), fmt.Sprintf("%d, took %s (%s); by ordinary reconciles meanwhile: %d", ours, took.Round(time.Second), reconciles, len(r.lost())-ours))
	q.done(ns)
}

// TestApplyIsCalm: what was ready stays ready while intervals change.
func TestApplyIsCalm(t *testing.T) {
	t.Parallel()
	if !full() {
		q := quiet{world: start(t), t: t, requeue: requeueOfTheWorld()}
		q.apply("a chain of 8", chain("link", 8, false), 1)
		return
	}
	for _, requeue := range []time.Duration{5 * time.Second, 30 * time.Second} {
		t.Run(requeue.String(), func(t *testing.T) {
			t.Parallel()
			q := startQuiet(t, requeue)
			for _, tc := range []struct {
				name  string
				shape shape
			}{{"a chain of 20", chain("link", 20, false)}, {"a tree of 20", tree("tree", 20)}, {"76 Kustomizations", fleetOf76()}} {
				for name, objects := range map[string]int{"": 1, " of 40 objects": 40} {
					t.Run(tc.name+name, func(t *testing.T) {
						q := q
						q.t = t
						q.apply(tc.name+name, tc.shape, objects)
					})
				}
			}
		})
	}
}

// TestExploreSuspendedDependency: what becomes of the dependents of a suspended Kustomization whose spec changes?
func TestExploreSuspendedDependency(t *testing.T) {
	explores(t)
	t.Parallel()
	q := startQuiet(t, 5*time.Second)
	ns := q.kustomizations(shape{"base": nil, "app": {"base"}}, 1)
	r := watchReady(t, q.Cluster, ns)
	patch := func(name, spec string) {
		q.patchAs(t, "fluxtune", "kustomization", ns, name, `{"spec":{`+spec+`}}`)
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
