package e2e

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/dynamic"
	"pgregory.net/rapid"

	"github.com/fluxtune/kubectl-fluxtune/hack/sim"
	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

const (
	// replays is how many histories the full form replays, and replaysInShort the short one.
	replays        = 300
	replaysInShort = 12
	replaySteps    = 6
	replaySeed     = 20261125
	// replaysAtOnce share the API server and kustomize-controller, each in its own namespaces.
	replaysAtOnce = 8
)

// TestSimulationIsTrue replays random histories on the simulation that pkg/cluster's property test runs on and on the
// real kube-apiserver and kustomize-controller, and compares the two after each step: values, rules, annotations and
// who owns what.
func TestSimulationIsTrue(t *testing.T) {
	t.Parallel()
	c := testbed.StartT(t, testbed.Options{})
	_, err := c.StartFlux(t.Context(), testbed.FluxOptions{Flags: map[string][]string{
		// What the parents apply is not itself reconciled: nobody but the histories touches it.
		testbed.UnitKustomizeController: {"--concurrent=8", "--watch-label-selector=!" + childLabel},
	}})
	require.NoError(t, err)
	client, err := cluster.NewClient(c.Config())
	require.NoError(t, err)
	resources, err := dynamic.NewForConfig(c.Config())
	require.NoError(t, err)
	files := &artifacts{content: make(map[string][]byte)}
	server := httptest.NewServer(files)
	t.Cleanup(server.Close)

	n := replaysInShort
	if os.Getenv("FLUXTUNE_E2E") == "full" {
		n = replays
	}
	started := time.Now()
	numbers := make(chan int)
	var running sync.WaitGroup
	for range replaysAtOnce {
		running.Go(func() {
			for i := range numbers {
				l := sim.NewLayout(fmt.Sprintf("replay-%d-", i))
				histories := rapid.Custom(func(t *rapid.T) sim.History { return sim.Draw(t, l, replaySteps) })
				real := &realWorld{Layout: l, client: client, resources: resources, files: files, url: server.URL,
					versions: make(map[flux.Ref]int), revisions: make(map[flux.Ref]string)}
				replay(t, real, histories.Example(replaySeed+i))
			}
		})
	}
	for i := range n {
		numbers <- i
	}
	close(numbers)
	running.Wait()
	t.Logf("%d histories replayed in %s", n, time.Since(started).Round(time.Second))
}

// replay runs one history on both, until they differ.
func replay(t *testing.T, real *realWorld, history sim.History) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
	defer cancel()
	model := sim.NewWorld(real.Layout)
	model.Now = time.Unix(0, 0) // as in the real world, what happens is later than the time of sessions, which have none here
	var done []string
	same := func(err error) bool {
		var actual []string
		if err == nil {
			actual, err = real.state(ctx)
		}
		return assert.NoError(t, err, "%s\n%s", real.Layout.A, strings.Join(done, "\n")) &&
			assert.Equal(t, state(model), actual, "%s: the simulation and the real thing differ after\n%s", real.Layout.A, strings.Join(done, "\n"))
	}
	if !same(real.begin(ctx, model)) {
		return
	}
	defer func() { assert.NoError(t, real.end(ctx)) }()
	for _, step := range history {
		done = append(done, step.String())
		if step.Command == nil {
			if !same(real.act(ctx, model, step.Event)) {
				return
			}
			continue
		}
		said, meanwhile := runOn(model, step)
		out, err := real.run(ctx, step, meanwhile)
		if !same(err) || !assert.Equal(t, outcomes(said), outcomes(out), "%s: what is said differs after\n%s", real.Layout.A, strings.Join(done, "\n")) {
			return
		}
	}
}

// moment is what happens within a command, and the simulation as it is just then; nil where nothing does.
type moment struct {
	event  sim.Event
	before *sim.World
}

// runOn carries a command out on the simulation.
func runOn(model *sim.World, step sim.Step) (cluster.Outcomes, *moment) {
	var meanwhile *moment
	s := &sim.Store{
		Store: sim.Server{World: model, Manager: step.Command.Manager}, Forbidden: step.Command.Forbidden(model.Layout), Fault: step.Fault, At: step.At, Eager: true,
		Sleep: func(time.Duration) { model.Settle() },
		Meanwhile: func(ref flux.Ref) {
			e := step.Event
			if e.What == sim.DeleteIt {
				if e.Ref = ref; ref.Namespace == model.System || ref.Name == "" {
					return
				}
			}
			if e, happens := model.Resolve(e); happens {
				meanwhile = &moment{e, model.Clone()}
				model.Do(e)
			}
		},
	}
	planned := step.Command.Plan(step.Command.Snapshot(model.Layout, model.Objects()))
	out := planned.Carry(context.Background(), s)
	model.Settle()
	return out, meanwhile
}

// outcomes are what is said of each object, but for the words.
func outcomes(out cluster.Outcomes) map[string]string {
	said := make(map[string]string)
	for _, r := range append(out.Objects, out.Owners...) {
		said[r.Write.Target().String()] = string(r.Outcome)
	}
	return said
}

// artifacts serves what sources have fetched.
type artifacts struct {
	mu      sync.Mutex
	content map[string][]byte
}

func (a *artifacts) put(path string, data []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.content[path] = data
}

// ServeHTTP implements http.Handler.
func (a *artifacts) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	data, found := a.content[r.URL.Path]
	a.mu.Unlock()
	if !found {
		http.NotFound(w, r)
		return
	}
	_, _ = w.Write(data)
}

// objects are the Kustomizations of a real world as a command reads them.
func (w *realWorld) objects(ctx context.Context) ([]flux.Object, error) {
	kind, err := flux.ParseKind("Kustomization")
	if err != nil {
		return nil, err
	}
	var all []flux.Object
	for _, namespace := range []string{w.System, w.A, w.B} {
		s, err := w.client.Read(ctx, cluster.Selection{Namespace: namespace, Kinds: []flux.Kind{kind}})
		if err != nil {
			return nil, err
		}
		all = append(all, s.Objects...)
	}
	flux.Sort(all)
	return all, nil
}

// run carries a command out on the real API server; what happens meanwhile is what happened on the simulation.
func (w *realWorld) run(ctx context.Context, step sim.Step, meanwhile *moment) (cluster.Outcomes, error) {
	all, err := w.objects(ctx)
	if err != nil {
		return cluster.Outcomes{}, err
	}
	var failed error
	note := func(err error) { failed = cmp.Or(failed, err) }
	s := &sim.Store{
		Store: w.client.Store(cluster.WriteOptions{FieldManager: cmp.Or(step.Command.Manager, tune.DefaultManager)}), Forbidden: step.Command.Forbidden(w.Layout),
		Fault: step.Fault, At: step.At, Eager: true,
		Sleep: func(time.Duration) { note(w.settle(ctx)) },
		Meanwhile: func(flux.Ref) {
			if meanwhile != nil {
				note(w.do(ctx, meanwhile.before, meanwhile.event))
			}
		},
	}
	planned := step.Command.Plan(step.Command.Snapshot(w.Layout, all))
	out := planned.Carry(ctx, s)
	note(w.settle(ctx))
	return out, failed
}
