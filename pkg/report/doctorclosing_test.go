package report

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What doctor says of many clusters ends with those that need something, the worst first, in so few lines that a terminal shows
// them all.
func TestClosingNamesWhatNeedsSomethingWorstFirst(t *testing.T) {
	t.Parallel()
	ok := Check{Name: "nodes", Status: CheckOK, Message: "works"}
	labels := Check{Name: "environments", Status: CheckWarning, Message: "2 objects: 2 without"}
	closing := Closing{
		{Diagnosis: Diagnosis{Cluster: "calm", Checks: []Check{ok}}},
		{Diagnosis: Diagnosis{Cluster: "unlabelled", Checks: []Check{ok, labels}}},
		{Diagnosis: Diagnosis{Cluster: "twice", Checks: []Check{labels, {Name: "webhooks", Status: CheckWarning, Message: "none"}}}},
		{Diagnosis: Diagnosis{Cluster: "late", Checks: []Check{labels, {Name: "sessions", Status: CheckWarning, Message: "1 session overdue: a-1 (for 2h)"}}}},
		{Diagnosis: Diagnosis{Cluster: "bare", Checks: []Check{labels, {Name: "Flux", Status: CheckFailed, Message: "not installed"}, {Name: "get, plan", Status: CheckFailed, Message: "refused"}}}},
		{Diagnosis: Diagnosis{Cluster: "last"}, Skipped: true},
		{Diagnosis: Diagnosis{Cluster: "dead"}, Err: "connection refused"},
	}
	list := closing.List()
	assert.Equal(t, []Missing{{"last", "the cluster", "interrupted"}, {"dead", "the cluster", "connection refused"}}, list.Missing)
	assert.Len(t, list.Items, 5)
	assert.Equal(t, "calm", list.Items[0].Cluster)

	var out strings.Builder
	require.NoError(t, closing.Draw(&out, Layout{Width: 80}))
	assert.Equal(t, `CLUSTER      NEEDS                                       ALSO
dead         not read: connection refused
last         not looked at: interrupted
bare         Flux: not installed                         get, plan; environments
late         sessions: 1 session overdue: a-1 (for 2h)   environments
twice        environments: 2 objects: 2 without          webhooks
unlabelled   environments: 2 objects: 2 without
Nothing to do in 1 cluster.
`, out.String())

	many := Closing{{Diagnosis: Diagnosis{Cluster: "calm"}}}
	for i := range 100 {
		many = append(many, Diagnosed{Diagnosis: Diagnosis{Cluster: fmt.Sprintf("c%d", i), Checks: []Check{labels}}})
	}
	out.Reset()
	require.NoError(t, many.Draw(&out, Layout{Width: 80}))
	assert.LessOrEqual(t, strings.Count(out.String(), "\n"), 14)
	assert.Contains(t, out.String(), "88 more clusters with less; nothing to do in 1 cluster.\n")

	out.Reset()
	require.NoError(t, Closing{{Diagnosis: Diagnosis{Cluster: "unlabelled", Checks: []Check{ok, labels}}}}.Draw(&out, Layout{Width: 80}))
	assert.Equal(t, "CLUSTER      NEEDS\nunlabelled   environments: 2 objects: 2 without\n", out.String(), "nothing has anything else")

	out.Reset()
	require.NoError(t, Closing{{Diagnosis: Diagnosis{Cluster: "a"}}, {Diagnosis: Diagnosis{Cluster: "b"}}}.Draw(&out, Layout{}))
	assert.Equal(t, "Nothing to do in 2 clusters.\n", out.String())
}
