package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

// fitted are repositories to which commits come at known rates, polled by two sets of sources that ask equally much: one
// with intervals fitted to the rates, one with one interval for all. Both poll the same repositories, at Git servers of
// their own.
type fitted struct {
	world
	t              *testing.T
	fit, uniform   *testbed.GitServer
	perHour        map[string]float64
	fitNS, otherNS string
	activity       string // the file

	mu     sync.Mutex
	pushed map[string][]time.Time // when each commit could be seen
}

// uniformInterval makes 16 sources ask 2,880/h; four rates, four repositories each.
const uniformInterval = 20 * time.Second

var ratesPerHour = []float64{360, 120, 30, 6}

func newFitted(t *testing.T) *fitted {
	t.Helper()
	w := start(t)
	f := &fitted{world: w, t: t, perHour: map[string]float64{}, pushed: map[string][]time.Time{}, fitNS: w.namespace(t, development), otherNS: w.namespace(t, development)}
	dir := t.TempDir()
	for _, g := range []**testbed.GitServer{&f.fit, &f.uniform} {
		var err error
		*g, err = testbed.StartGit(dir)
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, (*g).Close()) })
	}
	var manifests, activity strings.Builder
	for i, rate := range ratesPerHour {
		for j := range 4 {
			name := fmt.Sprintf("rate%d-%d", i, j)
			f.perHour[name] = rate
			_, err := f.fit.Push(t.Context(), name, map[string]string{"README": name})
			require.NoError(t, err)
			manifests.WriteString(gitRepository(f.fitNS, name, f.fit.URL(name), "branch: main", uniformInterval))
			manifests.WriteString(gitRepository(f.otherNS, name, f.uniform.URL(name), "branch: main", uniformInterval))
			_, _ = fmt.Fprintf(&activity, "- {kind: GitRepository, namespace: %s, name: %s, perHour: %g}\n", f.fitNS, name, rate)
		}
	}
	w.Apply(t, manifests.String())
	for _, ns := range []string{f.fitNS, f.otherNS} {
		w.Kubectl(t, "wait", "gitrepository", "--all", "-n", ns, "--for=condition=Ready", "--timeout=2m")
	}
	f.activity = filepath.Join(dir, "activity.yaml")
	require.NoError(t, os.WriteFile(f.activity, []byte(activity.String()), 0o600))
	return f
}

// args fit the sources to what they ask with one interval.
func (f *fitted) args(verb string) []string {
	host := hostOf(f.fit.URL(""))
	return []string{verb, "-n", f.fitNS, "--fit", host + "=100%", "--limit", fmt.Sprintf("%s=%.0f/h", host, 16*time.Hour.Seconds()/uniformInterval.Seconds()),
		"--activity", f.activity, "--set", "development.GitRepository.interval=2s to 2m"}
}

// commits come to a repository at its rate, at random, until the time is over.
func (f *fitted) commits(name string, random *rand.Rand, until time.Time) {
	for {
		next := time.Now().Add(time.Duration(random.ExpFloat64() / f.perHour[name] * float64(time.Hour)))
		if next.After(until) {
			return
		}
		time.Sleep(time.Until(next))
		_, err := f.fit.Push(f.t.Context(), name, map[string]string{"README": next.String()})
		assert.NoError(f.t, err)
		f.mu.Lock()
		f.pushed[name] = append(f.pushed[name], time.Now())
		f.mu.Unlock()
	}
}

// waited is the mean time from the commits to the poll that finds each.
func (f *fitted) waited(g *testbed.GitServer) time.Duration {
	f.t.Helper()
	var sum time.Duration
	commits := 0
	for name, times := range f.pushed {
		polls := g.Lists(name)
		for _, at := range times {
			for len(polls) > 0 && polls[0].Before(at) {
				polls = polls[1:]
			}
			require.NotEmpty(f.t, polls, "nobody has found a commit to %s", name)
			sum += polls[0].Sub(at)
			commits++
		}
	}
	return sum / time.Duration(commits)
}

// polls are those of all repositories so far, without the clones: each of those lists refs once more.
func (f *fitted) polls(g *testbed.GitServer) (n float64) {
	for name := range f.perHour {
		r := g.Requests(name)
		n += float64(r.InfoRefs - r.UploadPack)
	}
	return n
}

// TestFitOnRealSources: intervals fitted to how often commits come find them as soon as was said, and sooner than one
// interval for all at equally many requests.
func TestFitOnRealSources(t *testing.T) {
	t.Parallel()
	measures(t)
	f := newFitted(t)
	var plan report.Plan
	require.NoError(t, json.Unmarshal([]byte(f.must(t, append(f.args("plan"), "-o", "json")...)), &plan))
	require.NotNil(t, plan.Summary.Fit)
	t.Logf("%+v", *plan.Summary.Fit)
	f.must(t, append(f.args("apply"), "--yes", "--wait", "--patches-per-second=0")...)
	time.Sleep(time.Minute) // each change was reconciled at once: let the phases spread

	begun, before := time.Now(), map[*testbed.GitServer]float64{f.fit: f.polls(f.fit), f.uniform: f.polls(f.uniform)}
	var all sync.WaitGroup
	for i, name := range slices.Sorted(maps.Keys(f.perHour)) {
		all.Go(func() { f.commits(name, rand.New(rand.NewPCG(uint64(i), 1)), begun.Add(15*time.Minute)) })
	}
	all.Wait()
	hours := time.Since(begun).Hours()
	asked := map[*testbed.GitServer]float64{f.fit: (f.polls(f.fit) - before[f.fit]) / hours, f.uniform: (f.polls(f.uniform) - before[f.uniform]) / hours}
	time.Sleep(2*time.Minute + 10*time.Second) // the longest interval: every commit is found
	fit, uniform := f.waited(f.fit), f.waited(f.uniform)
	predicted, uniformPredicted := parse(t, plan.Summary.Fit.Wait), parse(t, plan.Summary.Fit.UniformWait)
	assert.InEpsilon(t, predicted, fit, 0.1)
	assert.InEpsilon(t, uniformPredicted, uniform, 0.1)
	assert.Less(t, fit, uniform*9/10)
	assert.LessOrEqual(t, asked[f.fit], asked[f.uniform]*1.05)
	commits := 0
	for _, times := range f.pushed {
		commits += len(times)
	}
	record(t, fmt.Sprintf("fit: mean wait of %d commits at known rates", commits), predicted.String(), fmt.Sprintf("%.1fs, at %.0f polls/h", fit.Seconds(), asked[f.fit]))
	record(t, "fit: the same with one interval for all", uniformPredicted.String(), fmt.Sprintf("%.1fs, at %.0f polls/h", uniform.Seconds(), asked[f.uniform]))
}
