package cmd

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

// live is what a test needs to know of a Flux object in the cluster.
type live struct {
	Kind     string
	Metadata struct {
		Name, Namespace, ResourceVersion string
		Generation                       int64
		Annotations                      map[string]string
	}
	Spec json.RawMessage
}

type spec struct{ Interval, Timeout string }

func (l live) durations(t *testing.T) (interval, timeout time.Duration) {
	t.Helper()
	var s spec
	require.NoError(t, json.Unmarshal(l.Spec, &s))
	interval, err := time.ParseDuration(s.Interval)
	require.NoError(t, err)
	timeout, err = time.ParseDuration(s.Timeout)
	require.NoError(t, err)
	return interval, timeout
}

// objects reads Flux objects with kubectl, independently of what is tested.
func objects(t *testing.T, c *testbed.Cluster, args ...string) []live {
	t.Helper()
	args = append([]string{"get", "gitrepositories,kustomizations", "-o", "json"}, args...)
	var list struct{ Items []live }
	require.NoError(t, json.Unmarshal([]byte(c.Kubectl(t, args...)), &list))
	return list.Items
}

func TestFleet(t *testing.T) {
	t.Parallel()
	c := bed.Own(t, testbed.Fleet(testbed.FleetOptions{}))
	before := objects(t, c, "-A")
	require.Len(t, before, 156)
	user := on(c)

	plan := decode[report.Plan](t, user.must(t, "plan", "-A", "-o", "json"))
	assert.Equal(t, 156, len(plan.Items))
	assert.Equal(t, report.Counts{Objects: 156, Change: 104, Unchanged: 52}, plan.Summary.Counts)
	moves := make(map[string]int)
	for _, item := range plan.Items {
		for _, change := range item.Changes {
			moves[item.Environment+" "+item.Ref.Kind+" "+change.Field+" "+report.Arrow(change)]++
		}
	}
	assert.Equal(t, map[string]int{
		"development GitRepository spec.interval 5m -> 1m": 26,
		"development Kustomization spec.interval 5m -> 1m": 26,
		"staging GitRepository spec.interval 5m -> 3m":     26,
		"staging Kustomization spec.interval 5m -> 3m":     26,
		// Unset, it would follow the interval. Timeouts are as they were.
		"development Kustomization spec.retryInterval <unset> -> 5m": 26,
		"staging Kustomization spec.retryInterval <unset> -> 5m":     26,
	}, moves)
	assert.Equal(t, exitChanges, user.run(t.Context(), "plan", "-A", "--exit-code").code)
	assert.Equal(t, before, objects(t, c, "-A"), "plan writes nothing")

	applied := user.must(t, "apply", "-A", "--yes", "--patches-per-second", "0", "-o", "json")
	assert.Equal(t, report.ResultSummary{Changed: 104, Unchanged: 52}, decode[report.Results](t, applied).Summary)
	tuned := objects(t, c, "-A")
	want := map[string]time.Duration{"development": time.Minute, "staging": 3 * time.Minute, "production": 5 * time.Minute}
	for _, o := range tuned {
		interval, timeout := o.durations(t)
		assert.Equal(t, want[o.Metadata.Namespace], interval, o.Metadata.Name)
		assert.Equal(t, map[string]time.Duration{"GitRepository": 5 * time.Minute, "Kustomization": 3 * time.Minute}[o.Kind], timeout, o.Metadata.Name)
	}

	again := user.must(t, "apply", "-A", "--yes", "-o", "json")
	assert.Equal(t, report.ResultSummary{Unchanged: 156}, decode[report.Results](t, again).Summary)
	assert.Equal(t, tuned, objects(t, c, "-A"), "a second apply touches nothing, no resourceVersion either")
	assert.Equal(t, exitDone, user.run(t.Context(), "plan", "-A", "--exit-code").code)

	user.must(t, "revert", "-A", "--yes", "--patches-per-second", "0")
	reverted := objects(t, c, "-A")
	for i := range reverted {
		assert.Equal(t, string(before[i].Spec), string(reverted[i].Spec), before[i].Metadata.Name)
		assert.Equal(t, before[i].Metadata.Annotations, reverted[i].Metadata.Annotations)
	}
}

func TestPresetsOnFleet(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	ns := c.Namespace(t, map[string]string{"env": "PROD"})
	c.Apply(t, gitRepository(ns, "app", "interval: 30s"))
	user := on(c)
	for preset, change := range map[string][]string{
		"per-environment": {"spec.interval 30s -> 5m", "spec.timeout 1m -> 2m"},
		"fast":            {"spec.timeout 1m -> 2m"},
		"relaxed":         {"spec.interval 30s -> 5m", "spec.timeout 1m -> 5m"},
	} {
		plan := decode[report.Plan](t, user.must(t, "plan", "-n", ns, "--policy", preset, "-o", "json"))
		require.Len(t, plan.Items, 1)
		assert.Equal(t, "production", plan.Items[0].Environment)
		assert.Equal(t, change, arrows(plan.Items[0].Changes), preset)
	}
}

func arrows(changes []report.Change) []string {
	list := []string{}
	for _, c := range changes {
		list = append(list, c.Field+" "+report.Arrow(c))
	}
	return slices.Clip(list)
}
