package report

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
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

// The lines that are proposed for several clusters are one block: one file has them. What is proposed of a cluster is for that one, and not
// for all of a like name.
func TestTheLinesForAllClustersAreOneBlock(t *testing.T) {
	t.Parallel()
	of := func(context string, namespaces ...string) Diagnosed {
		all := make(map[string]map[string]string)
		for _, name := range namespaces {
			all[name] = nil
		}
		s, r, p := doctored(all, nil)
		d := NewDiagnosis(nil, Rights{}, nil).WithProposal(NewProposal(p, s, r, []policy.Named{{What: "context", Name: context}}), "", "policy-2.yaml")
		d.Cluster = context
		return Diagnosed{Diagnosis: d}
	}
	closing := Closing{of("prod-eu", "web-dev", "flux-system"), of("prod-us", "development", "api-dev", "infra"), of("other")}
	var out bytes.Buffer
	closing.DrawLines(&out, Layout{})
	assert.Equal(t, `
Lines for a policy of your own, below the line "spec:" of the file that this writes:
  kubectl fluxtune policy per-environment > policy-2.yaml

  namespaces:
    development: ["*-dev", "development"] # 3 objects
  clusters:
    production: ["prod-eu", "prod-us"] # 2 objects
`, out.String())
	out.Reset()
	require.NoError(t, closing[0].WithoutLines().Draw(&out, Layout{}))
	assert.NotContains(t, out.String(), "policy-2.yaml")
	out.Reset()
	Closing{of("other")}.DrawLines(&out, Layout{})
	assert.Empty(t, out.String())
}

// Where the policy gives a cluster one environment, and its namespaces are called after others, somebody meant another cluster.
func TestNamespacesCalledAfterOtherEnvironments(t *testing.T) {
	t.Parallel()
	s, _, p := doctored(map[string]map[string]string{"development": nil, "staging": nil, "production": nil, "infra": nil}, nil)
	p = p.WithPatterns([]policy.Pattern{{Text: "prod-*", Environment: "production"}}, nil).In(policy.Named{What: "context", Name: "prod-us"})
	r := policy.NewResolver(p, s, "")
	c := Access{}.EnvironmentsCheck(p, s, r, NewProposal(p, s, r, nil), "-A")
	assert.Equal(t, CheckWarning, c.Status)
	assert.Equal(t, "4 objects: production 4; 2 namespaces are called after another environment than the policy gives the cluster (development gets production; staging gets production)", c.Message)
	assert.Equal(t, "label these namespaces, or name them in spec.namespaces of the policy, which counts before spec.clusters", c.Remedy)
}
