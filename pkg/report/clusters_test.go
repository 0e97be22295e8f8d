package report

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/fit"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// What tells clusters apart stays in sight: contexts of EKS differ in the name at their end.
func TestGroupsTellClustersApart(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ clusters, want []string }{
		{[]string{"arn:aws:eks:eu-central-1:123456789012:cluster/prod", "arn:aws:eks:eu-central-1:123456789012:cluster/stage"}, []string{"...prod 1", "...stage 1"}},
		{[]string{"gke_acme_europe-west1_prod", "gke_acme_europe-west1_stage"}, []string{"...prod 1", "...stage 1"}},
		{[]string{"arn:aws:eks:eu-central-1:123456789012:cluster/prod", "kind"}, []string{"arn:aws:ek…ster/prod 1", "kind 1"}},
		{[]string{"arn:aws:eks:eu-central-1:1:cluster/prod", "arn:aws:eks:eu-west-1:1:cluster/prod", "dev"}, []string{"…central-1…ster/prod 1", "…west-1:1:…ster/prod 1"}},
		{[]string{"prod-eu", "prod-us"}, []string{"prod-eu 1", "prod-us 1"}},
		{[]string{"a", ""}, []string{"a 1"}},
	} {
		var groups []ChangeGroup
		for i, name := range tc.clusters {
			groups = append(groups, ChangeGroup{Environment: fmt.Sprintf("e%d", i), Kind: "GitRepository", Objects: 1, Interval: "5m -> 1m", clusters: []string{name}})
		}
		shown := draw(t, groupTable(groups, Layout{Width: 80}), Layout{Width: 80})
		for _, want := range tc.want {
			assert.Contains(t, shown, want, shown)
		}
	}
	const one = "arn:aws:eks:eu-central-1:123456789012:cluster/prod"
	assert.Equal(t, map[string]string{one: "...prod"}, withoutPrefix([]string{one}))
}

// Pods of several clusters that start again are several.
func TestBurstsOfSeveralClusters(t *testing.T) {
	t.Parallel()
	cluster := func(name string) budget.Budget {
		var items []tune.Item
		for i := range 30 {
			item := costing("GitRepository", fmt.Sprintf("app%d", i), fmt.Sprintf("https://github.com/acme/app%d", i), func(o *flux.Object) { o.Cluster = name })
			items = append(items, item)
		}
		return budget.New(budget.Input{Items: items})
	}
	notes := func(clusters ...budget.Budget) string {
		return strings.Join(burstNotes(budget.Together(clusters, nil, nil)), "\n")
	}
	assert.Contains(t, notes(cluster("a"), cluster("b"), cluster("c")), "from 3 new source-controller pods, one in each of 3 clusters, which have no artifacts, ")
	assert.Contains(t, notes(cluster("a"), cluster("b"), cluster("c")), "(a restart of the controllers of 3 clusters, ")
	assert.Contains(t, notes(cluster(""), cluster("")), "from a new source-controller pod, which has no artifacts, ")
}

// What is of all clusters and what is of one is told apart.
func TestLatencyOfOneClusterAmongSeveral(t *testing.T) {
	t.Parallel()
	o := Overview{Together: true, Budget: budget.Budget{Environments: []budget.Environment{{Name: "staging", Consumers: 1}}}}
	o.Budget.Environments[0].Latency.Now.Typical, o.Budget.Environments[0].Latency.Planned.Typical = 100, 200e9
	o.Fitting = &fit.Fitting{Sources: 3, Wait: time.Minute, UniformWait: 2 * time.Minute}
	assert.Contains(t, strings.Join(o.buys(limits{}), ""), "commit to applied in this cluster, median: staging")
	assert.Contains(t, o.fit(limits{})[0], "with all clusters changed, a commit waits 1m on average")
	o.Together = false
	assert.Contains(t, strings.Join(o.buys(limits{}), ""), "commit to applied, median: staging")
	assert.Regexp(t, "^a commit waits", o.fit(limits{})[0])
}

// The overview of a budget names clusters in few letters that tell them apart.
func TestBudgetOverviewTellsClustersApart(t *testing.T) {
	t.Parallel()
	b := Budget{Hosts: []BudgetHost{{Host: "github.com", Clusters: []BudgetCluster{
		{Cluster: "arn:aws:eks:eu-central-1:123456789012:cluster/platform"}, {Cluster: "arn:aws:eks:eu-west-1:123456789012:cluster/platform"}, {Cluster: "dev"},
	}}}}
	assert.Equal(t, []string{"github.com: …central-1…/platform 0/h, …west-1:12…/platform 0/h, dev 0/h"}, b.clusters(Layout{Width: 80}))
	assert.Contains(t, b.clusters(Layout{})[0], "arn:aws:eks:eu-west-1:123456789012:cluster/platform 0/h")
}
