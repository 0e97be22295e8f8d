package e2e

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
)

// transition is a change of an object's Ready condition, as a watch showed it.
type transition struct {
	at             time.Time
	object         string // Kind/name
	status, reason string
	message        string
	// generation is the object's, observed the one that its controller has acted on.
	generation, observed int64
}

// loss is an object that was Ready=True and went Ready=False.
type loss struct {
	object  string
	after   time.Duration // from the beginning of the watch
	lasted  time.Duration // not True in all, from the first False on
	reasons []string
	open    bool // not True again when it was asked
	ours    bool // a change of a spec was being reconciled, of itself or of what it waited for
}

// readiness is how Ready went of every Kustomization and HelmRelease in a namespace.
type readiness struct {
	mu          sync.Mutex
	begun       time.Time
	initial     map[string]string // Kind/name to the status at the beginning
	last        map[string]transition
	transitions []transition
}

// watchReady records transitions from now on, until the test ends.
func watchReady(t *testing.T, c *testbed.Cluster, ns string) *readiness {
	t.Helper()
	client, err := dynamic.NewForConfig(c.Config())
	require.NoError(t, err)
	r := &readiness{begun: time.Now(), initial: map[string]string{}, last: map[string]transition{}}
	ctx, cancel := context.WithCancel(context.Background())
	var watches sync.WaitGroup
	t.Cleanup(func() { cancel(); watches.Wait() })
	for _, resource := range []schema.GroupVersionResource{
		{Group: "kustomize.toolkit.fluxcd.io", Version: "v1", Resource: "kustomizations"},
		{Group: "helm.toolkit.fluxcd.io", Version: "v2", Resource: "helmreleases"},
	} {
		objects := client.Resource(resource).Namespace(ns)
		list, err := objects.List(ctx, metav1.ListOptions{})
		require.NoError(t, err)
		for i := range list.Items {
			now := readyOf(&list.Items[i])
			r.initial[now.object], r.last[now.object] = now.status, now
		}
		watch, err := objects.Watch(ctx, metav1.ListOptions{ResourceVersion: list.GetResourceVersion()})
		require.NoError(t, err)
		watches.Go(func() {
			defer watch.Stop()
			for event := range watch.ResultChan() {
				if o, ok := event.Object.(*unstructured.Unstructured); ok {
					r.note(readyOf(o))
				}
			}
		})
	}
	return r
}

// readyOf reads the Ready condition; its status is Unknown where there is none.
func readyOf(o *unstructured.Unstructured) transition {
	now := transition{at: time.Now(), object: o.GetKind() + "/" + o.GetName(), status: "Unknown", generation: o.GetGeneration()}
	now.observed, _, _ = unstructured.NestedInt64(o.Object, "status", "observedGeneration")
	conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, condition := range conditions {
		if c, ok := condition.(map[string]any); ok && c["type"] == "Ready" {
			now.status, now.reason, now.message = fmt.Sprint(c["status"]), fmt.Sprint(c["reason"]), fmt.Sprint(c["message"])
		}
	}
	return now
}

func (r *readiness) note(now transition) {
	r.mu.Lock()
	defer r.mu.Unlock()
	last := r.last[now.object]
	if last.status != now.status || last.reason != now.reason || last.observed != now.observed || last.generation != now.generation {
		r.transitions = append(r.transitions, now)
	}
	r.last[now.object] = now
}

// lost are the objects that were Ready=True when the watch began and went Ready=False since, in that order.
func (r *readiness) lost() []loss {
	r.mu.Lock()
	defer r.mu.Unlock()
	byObject := map[string]*loss{}
	since := map[string]time.Time{} // not True
	seen := map[string]time.Time{}  // when the newest spec was observed; zero while it is not
	for _, now := range r.transitions {
		if now.observed != now.generation {
			seen[now.object] = time.Time{}
		} else if at, changed := seen[now.object]; changed && at.IsZero() {
			seen[now.object] = now.at
		}
		if r.initial[now.object] != "True" {
			continue
		}
		l := byObject[now.object]
		switch now.status {
		case "False":
			if l == nil {
				l = &loss{object: now.object, after: now.at.Sub(r.begun)}
				byObject[now.object] = l
			}
			if !slices.Contains(l.reasons, now.reason) {
				l.reasons = append(l.reasons, now.reason)
			}
			if !l.open {
				l.open, since[now.object] = true, now.at
				l.ours = l.ours || now.byAChange(seen)
			}
		case "True":
			if l != nil && l.open {
				l.open = false
				l.lasted += now.at.Sub(since[now.object])
			}
		}
	}
	var all []loss
	for _, l := range byObject {
		if l.open {
			l.lasted += time.Since(since[l.object])
		}
		all = append(all, *l)
	}
	slices.SortFunc(all, func(a, b loss) int { return cmp.Or(cmp.Compare(a.after, b.after), cmp.Compare(a.object, b.object)) })
	return all
}

// dependency is what kustomize-controller and helm-controller say of what an object waits for.
var dependency = regexp.MustCompile(`dependency '[^'/]+/([^']+)'`)

// byAChange tells whether a loss of Ready came of a change: an object whose spec had changed was reconciled, or one
// that waited for such an object. Otherwise both were reconciled because their intervals were over.
func (now transition) byAChange(seen map[string]time.Time) bool {
	// A dependent says what it saw a moment later.
	changing := func(object string) bool {
		at, changed := seen[object]
		return changed && (at.IsZero() || now.at.Sub(at) < 3*time.Second)
	}
	kind, _, _ := strings.Cut(now.object, "/")
	named := dependency.FindStringSubmatch(now.message)
	return now.reason != "DependencyNotReady" || changing(now.object) || named == nil || changing(kind+"/"+named[1])
}

// settled waits until everything is Ready=True at its newest generation, and tells how long that took.
func (r *readiness) settled(t *testing.T, limit time.Duration) time.Duration {
	t.Helper()
	begun := time.Now()
	for {
		r.mu.Lock()
		unsettled := 0
		for _, now := range r.last {
			if now.status != "True" || now.observed != now.generation {
				unsettled++
			}
		}
		r.mu.Unlock()
		if unsettled == 0 {
			return time.Since(begun)
		}
		require.Less(t, time.Since(begun), limit, "%d objects are not ready", unsettled)
		time.Sleep(100 * time.Millisecond)
	}
}

// summary is one line: how many were lost, for how long, and why.
func (r *readiness) summary() string {
	lost := r.lost()
	var durations []time.Duration
	reasons := map[string]int{}
	for _, l := range lost {
		durations = append(durations, l.lasted.Round(100*time.Millisecond))
		for _, reason := range l.reasons {
			reasons[reason]++
		}
	}
	slices.Sort(durations)
	if len(lost) == 0 {
		return fmt.Sprintf("0 of %d lost Ready", len(r.initial))
	}
	return fmt.Sprintf("%d of %d lost Ready, for %s to %s, median %s, %v", len(lost), len(r.initial),
		durations[0], durations[len(durations)-1], durations[len(durations)/2], reasons)
}

// story is every transition of one object, for a log.
func (r *readiness) story(object string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var b strings.Builder
	for _, now := range r.transitions {
		if now.object == object {
			_, _ = fmt.Fprintf(&b, "\n  %6.2fs generation %d observed %d Ready=%s %s: %.120s", now.at.Sub(r.begun).Seconds(), now.generation, now.observed, now.status, now.reason, now.message)
		}
	}
	return b.String()
}

func TestLost(t *testing.T) {
	t.Parallel()
	begun := time.Now().Add(-time.Minute)
	r := &readiness{begun: begun, initial: map[string]string{"a": "True", "b": "True", "c": "False", "d": "True", "K/e": "True", "K/f": "True", "K/g": "True", "K/h": "True"}, last: map[string]transition{}}
	for _, now := range []transition{
		{at: begun.Add(1 * time.Second), object: "a", status: "Unknown", reason: "Progressing"},
		{at: begun.Add(2 * time.Second), object: "a", status: "True", reason: "Succeeded"},
		{at: begun.Add(3 * time.Second), object: "b", status: "False", reason: "DependencyNotReady"},
		{at: begun.Add(3 * time.Second), object: "c", status: "False", reason: "BuildFailed"},
		{at: begun.Add(8 * time.Second), object: "b", status: "Unknown", reason: "Progressing"},
		{at: begun.Add(9 * time.Second), object: "b", status: "True", reason: "Succeeded"},
		{at: begun.Add(20 * time.Second), object: "b", status: "False", reason: "BuildFailed"},
		{at: begun.Add(21 * time.Second), object: "b", status: "True", reason: "Succeeded"},
		{at: begun.Add(25 * time.Second), object: "K/e", status: "True", generation: 2, observed: 1},
		{at: begun.Add(30 * time.Second), object: "d", status: "False", reason: "DependencyNotReady"},
		{at: begun.Add(31 * time.Second), object: "K/f", status: "False", reason: "DependencyNotReady", message: "dependency 'ns/e' is not ready"},
		{at: begun.Add(32 * time.Second), object: "K/e", status: "True", generation: 2, observed: 2},
		{at: begun.Add(33 * time.Second), object: "K/g", status: "False", reason: "DependencyNotReady", message: "dependency 'ns/e' is not ready"},
		{at: begun.Add(40 * time.Second), object: "K/h", status: "False", reason: "DependencyNotReady", message: "dependency 'ns/e' is not ready"},
	} {
		r.note(now)
	}
	lost := r.lost()
	require.Len(t, lost, 5, "a was not False, c had not been ready")
	assert.Equal(t, loss{object: "b", after: 3 * time.Second, lasted: 7 * time.Second, reasons: []string{"DependencyNotReady", "BuildFailed"}, ours: true}, lost[0])
	assert.True(t, lost[1].open, "d has not come back")
	assert.InDelta(t, 30, lost[1].lasted.Seconds(), 1)
	assert.Equal(t, []bool{true, true, false}, []bool{lost[2].ours, lost[3].ours, lost[4].ours}, "f while e was reconciled, g a moment later, h long after")
}

// TestGenerationOfConditions: conditions bear the generation that the object had when they were written, not the one
// that is being reconciled; status.observedGeneration bears that.
func TestGenerationOfConditions(t *testing.T) {
	timed(t)
	measures(t)
	var maps strings.Builder
	for i := range 300 { // so many that a reconcile takes seconds
		_, _ = fmt.Fprintf(&maps, "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: config-%d, namespace: NS}\n", i)
	}
	m := newTeam(t, "", sourcesInGit("interval: 5m", "app")+maps.String(), development)
	m.eventually("gitrepository", "app", ".spec.interval", "5m", 3*time.Minute)
	m.reconciles(1)
	client, err := dynamic.NewForConfig(m.Config())
	require.NoError(t, err)
	roots := schema.GroupVersionResource{Group: "kustomize.toolkit.fluxcd.io", Version: "v1", Resource: "kustomizations"}
	watch, err := client.Resource(roots).Namespace(m.name).Watch(t.Context(), metav1.ListOptions{FieldSelector: "metadata.name=root"})
	require.NoError(t, err)
	defer watch.Stop()
	patched, early := int64(0), 0
	for event := range watch.ResultChan() {
		o := event.Object.(*unstructured.Unstructured)
		conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
		observed, _, _ := unstructured.NestedInt64(o.Object, "status", "observedGeneration")
		var ready map[string]any
		for _, c := range conditions {
			if c := c.(map[string]any); c["type"] == "Ready" {
				ready = c
			}
		}
		t.Logf("generation %d, status.observedGeneration %d, Ready=%s (%v) of generation %v", o.GetGeneration(), observed, ready["status"], ready["reason"], ready["observedGeneration"])
		if patched == 0 && ready["status"] == "Unknown" { // a reconcile is under way
			m.patchAs("fluxtune", "kustomization", "root", ruleOfFluxtune)
			patched = o.GetGeneration() + 1
		}
		if patched == 0 || o.GetGeneration() < patched {
			continue
		}
		if observed == patched {
			break
		}
		if ready["status"] == "True" && ready["observedGeneration"] == patched {
			early++ // the end of the reconcile that was under way
		}
	}
	assert.Positive(t, early, "the reconcile of the old spec claims the new generation")
}
