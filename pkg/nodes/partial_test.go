package nodes_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed/faults"
	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
	"github.com/fluxtune/kubectl-fluxtune/pkg/nodes"
)

// at makes a rule for the pods of one namespace.
func at(namespace string, fault func(seen int) faults.Fault) faults.Rule {
	return func(r *http.Request, seen int) faults.Fault {
		if strings.HasPrefix(r.URL.Path, "/api/v1/namespaces/"+namespace+"/pods") {
			return fault(seen)
		}
		return faults.Fault{}
	}
}

func always(fault faults.Fault) func(int) faults.Fault {
	return func(int) faults.Fault { return fault }
}

func once(fault faults.Fault) func(int) faults.Fault {
	return func(seen int) faults.Fault {
		if seen == 0 {
			return fault
		}
		return faults.Fault{}
	}
}

func TestFaultsThatPassAreMended(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]faults.Fault{
		"cut half way":               {Cut: 3000},
		"stalled half way":           {Stall: 3000},
		"503":                        {Status: http.StatusServiceUnavailable},
		"503 with Retry-After":       {Status: http.StatusServiceUnavailable, RetryAfter: 1},
		"429 with Retry-After":       {Status: http.StatusTooManyRequests, RetryAfter: 1},
		"502 from a load balancer":   {Status: http.StatusBadGateway, Body: "<html>oops</html>"},
		"half a table, nicely ended": {Body: `{"kind":"Table","columnDefinitions":[{"name":"Name"},{"name":"Status"},{"name":"Node"}],"rows":[{"cells":["a","Running","b"`},
		"slow":                       {Delay: 300 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proxy := faults.Start(t, bed.Cluster(t).Config(), at("team-004", once(fault)))
			count := newCounter(t, proxy.Config(), nodes.Options{Pending: true, Flux: true, Limits: limitsFor(fault)}).ByNamespace().Once(within(t, time.Minute))
			assertExact(t, seeded.Counts(), count)
		})
	}
}

func limitsFor(fault faults.Fault) kube.Limits {
	if fault.Stall > 0 || fault.Delay >= time.Hour {
		return quick()
	}
	return patient()
}

// A list of nodes that was cut, also with a clean end, is asked for again as those of pods are.
func TestAListOfNodesThatWasCutIsAskedForAgain(t *testing.T) {
	t.Parallel()
	for _, accept := range []string{"application/vnd.kubernetes.protobuf", "application/json"} {
		for name, fault := range map[string]faults.Fault{"reset": {Cut: 3000}, "clean": {Cut: 3000, Clean: true}, "at once": {Cut: 2, Clean: true}} {
			fault.Accept = accept
			proxy := faults.Start(t, bed.Cluster(t).Config(), func(r *http.Request, seen int) faults.Fault {
				if r.URL.Path == "/api/v1/nodes" && seen == 0 {
					return fault
				}
				return faults.Fault{}
			})
			count := newCounter(t, proxy.Config(), nodes.Options{Pending: true, Flux: true}).Once(within(t, time.Minute))
			require.NoError(t, count.Err(), "%s, %s", accept, name)
			assertExact(t, seeded.Counts(), count)
		}
	}
}

// Pages that a gateway gives again are no more pods: what is shown never exceeds what is there.
func TestPagesThatRepeatCountForNothing(t *testing.T) {
	t.Parallel()
	page := `{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"7","continue":"abc"},"items":[` +
		strings.TrimSuffix(strings.Repeat(`{"metadata":{"name":"p","namespace":"a"},"spec":{"nodeName":"n"}},`, 100), ",") + `]}`
	proxy := faults.Start(t, bed.Cluster(t).Config(), func(r *http.Request, _ int) faults.Fault {
		if r.URL.Path == "/api/v1/pods" {
			return faults.Fault{Body: page}
		}
		return faults.Fault{Status: http.StatusForbidden}
	})
	count := newCounter(t, proxy.Config(), nodes.Options{}).Once(within(t, 5*time.Second))
	assert.Zero(t, count.Total)
	assert.True(t, count.AtLeast)
	assert.ErrorContains(t, count.Err(), "the server repeats the pages of the list")
}

func TestRetryAfterIsKept(t *testing.T) {
	t.Parallel()
	fault := faults.Fault{Status: http.StatusTooManyRequests, RetryAfter: 1}
	proxy := faults.Start(t, bed.Cluster(t).Config(), at("team-004", once(fault)))
	start := time.Now()
	newCounter(t, proxy.Config(), nodes.Options{}).ByNamespace().Once(within(t, time.Minute))
	assert.GreaterOrEqual(t, time.Since(start), time.Second)
}

func TestFaultsThatStayAreTold(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault  faults.Fault
		reason kube.Reason
		seen   bool
	}{
		"cut half way":     {faults.Fault{Cut: 5000}, kube.Unavailable, true},
		"stalled half way": {faults.Fault{Stall: 5000}, kube.Unavailable, true},
		"503":              {faults.Fault{Status: http.StatusServiceUnavailable}, kube.Unavailable, false},
		"429":              {faults.Fault{Status: http.StatusTooManyRequests}, kube.Throttled, false},
		"never an answer":  {faults.Fault{Delay: time.Hour}, kube.Unavailable, false},
		"404":              {faults.Fault{Status: http.StatusNotFound}, kube.NotFound, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proxy := faults.Start(t, bed.Cluster(t).Config(), at("team-004", always(test.fault)))
			count := newCounter(t, proxy.Config(), nodes.Options{Limits: limitsFor(test.fault)}).ByNamespace().Once(within(t, time.Minute))
			require.Len(t, count.Missing, 1)
			missing := count.Missing[0]
			assert.Equal(t, nodes.WhatPods, missing.What)
			assert.Equal(t, "team-004", missing.Namespace)
			assert.Equal(t, test.reason, missing.Reason, missing.Err)
			assert.ErrorContains(t, missing.Err, `listing pods in namespace "team-004"`)
			assert.Equal(t, test.seen, missing.Seen > 0, "seen: %d", missing.Seen)
			assert.True(t, count.AtLeast)
			assert.Equal(t, 1, count.Namespaces.Total-count.Namespaces.Done)
			want := seeded.Counts()
			assert.Equal(t, want.Total-want.Namespaces["team-004"]+missing.Seen, count.Total)
		})
	}
}

func TestTheDeadlineLeavesWhatIsKnown(t *testing.T) {
	t.Parallel()
	proxy := faults.Start(t, bed.Cluster(t).Config(), func(r *http.Request, _ int) faults.Fault {
		if strings.HasSuffix(r.URL.Path, "1/pods") { // team-001, -011, -021
			return faults.Fault{Stall: 5000}
		}
		return faults.Fault{}
	})
	start := time.Now()
	count := newCounter(t, proxy.Config(), nodes.Options{Limits: kube.Limits{Stall: time.Minute}}).ByNamespace().Once(within(t, 10*time.Second))
	assert.Less(t, time.Since(start), 15*time.Second)
	require.Len(t, count.Missing, 3)
	for _, missing := range count.Missing {
		assert.Equal(t, kube.Timeout, missing.Reason)
		assert.Positive(t, missing.Seen)
	}
	assert.True(t, count.NodesKnown)
	assert.Positive(t, count.Total)
}

func TestOneRequestHasItsOwnLimit(t *testing.T) {
	t.Parallel()
	proxy := faults.Start(t, bed.Cluster(t).Config(), at("team-004", once(faults.Fault{Delay: time.Hour})))
	limits := quick()
	limits.Stall, limits.Request = time.Minute, 5*time.Second
	count := newCounter(t, proxy.Config(), nodes.Options{Limits: limits}).ByNamespace().Once(within(t, time.Minute))
	assert.Equal(t, seeded.Counts().Total, count.Total)
	assert.False(t, count.Partial())
}

func TestADeadServerEndsSoonAndLeavesNothing(t *testing.T) {
	t.Parallel()
	proxy := faults.Start(t, bed.Cluster(t).Config(), func(*http.Request, int) faults.Fault {
		return faults.Fault{Delay: time.Hour}
	})
	count := newCounter(t, proxy.Config(), nodes.Options{Limits: quick()}).ByNamespace().Once(within(t, time.Minute))
	assert.True(t, count.Empty())
	assert.ErrorContains(t, count.Err(), "the server does not answer")
}

func TestForbiddenNamespacesAreNamed(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	group := "most-readers"
	user := configOf(t, c.KubeconfigFor(t, "most", group))
	allow(t, c, "scope", group, "", "namespaces,nodes", "list")
	c.Kubectl(t, "create", "clusterrole", group+"-pods", "--verb=list", "--resource=pods")
	var bindings strings.Builder
	for i := 1; i <= 28; i++ {
		fmt.Fprintf(&bindings, "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\n"+
			"metadata: {name: %[1]s, namespace: team-%03[2]d}\n"+
			"roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: %[1]s-pods}\n"+
			"subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: %[1]s}]\n", group, i)
	}
	c.Apply(t, bindings.String())
	var count nodes.Count
	require.Eventually(t, func() bool {
		count = newCounter(t, user, nodes.Options{}).Once(within(t, time.Minute))
		return count.Namespaces.Done == 28
	}, 20*time.Second, 50*time.Millisecond)
	var names []string
	for _, missing := range count.Missing {
		assert.Equal(t, kube.Forbidden, missing.Reason)
		names = append(names, missing.Namespace)
	}
	assert.Subset(t, names, []string{"team-029", "team-030", "flux-system"})
	want := seeded.Counts()
	assert.Equal(t, want.Total-want.Namespaces["team-029"]-want.Namespaces["team-030"]-want.Namespaces["flux-system"], count.Total)
}

func TestWithoutNamespacesAllPodsAreListedAtOnce(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	allow(t, c, "pods", "pod-readers", "", "pods", "list,watch")
	user := configOf(t, c.KubeconfigFor(t, "pod-reader", "pod-readers"))
	want := seeded.Counts()

	t.Run("once", func(t *testing.T) {
		t.Parallel()
		proxy := faults.Start(t, user, nil)
		count := newCounter(t, proxy.Config(), nodes.Options{}).Once(within(t, time.Minute))
		assert.Equal(t, want.Total, count.Total)
		assert.False(t, count.AtLeast)
		assert.Equal(t, nodes.Progress{Done: 1}, count.Namespaces)
		lists := 0
		for _, request := range proxy.Requests() {
			if strings.HasPrefix(request, "GET /api/v1/pods?") && !strings.Contains(request, "limit=1&") && !strings.HasSuffix(request, "limit=1") {
				lists++
			}
		}
		assert.Equal(t, 1, lists)

		require.Len(t, count.Missing, 1, "nodes may not be listed either")
		assert.Equal(t, nodes.WhatNodes, count.Missing[0].What)
		assert.Equal(t, kube.Forbidden, count.Missing[0].Reason)
		assert.False(t, count.NodesKnown)
		for name, n := range want.Nodes {
			assert.Equal(t, n.Pods, count.Pods[name].Total, name)
		}
	})
	t.Run("an expired page begins again", func(t *testing.T) {
		t.Parallel()
		proxy := faults.Start(t, user, func(r *http.Request, seen int) faults.Fault {
			return faults.Fault{Gone: r.URL.Query().Has("continue") && r.URL.Path == "/api/v1/pods" && seen == 0}
		})
		counter := startWatch(t, proxy.Config(), nodes.Options{})
		await(t, counter, 20*time.Second, "all pods", func(n nodes.Count) bool { return n.Total == want.Total && !n.AtLeast })
	})
	t.Run("an answer that breaks off leaves its rows", func(t *testing.T) {
		t.Parallel()
		proxy := faults.Start(t, user, func(r *http.Request, _ int) faults.Fault {
			if r.URL.Path == "/api/v1/pods" && !r.URL.Query().Has("limit") {
				return faults.Fault{Cut: 100_000}
			}
			return faults.Fault{}
		})
		count := newCounter(t, proxy.Config(), nodes.Options{}).Once(within(t, time.Minute))
		assert.Positive(t, count.Total)
		assert.Less(t, count.Total, want.Total)
		assert.True(t, count.AtLeast)
		assert.Equal(t, kube.Unavailable, count.Missing[0].Reason)
	})
	t.Run("watching", func(t *testing.T) {
		t.Parallel()
		counter := startWatch(t, user, nodes.Options{})
		count := await(t, counter, 20*time.Second, "all pods, by their own names", func(n nodes.Count) bool { return n.Total == want.Total && !n.AtLeast })
		for name, n := range want.Nodes {
			assert.Equal(t, n.Pods, count.Pods[name].Total, name)
		}
	})
}

func TestOnlyTheOwnNamespaceWhenNothingElseIsAllowed(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	allow(t, c, "pods", "team-five", "team-005", "pods", "list")
	user := configOf(t, c.KubeconfigFor(t, "five", "team-five"))
	want := seeded.Counts().Namespaces["team-005"]

	count := newCounter(t, user, nodes.Options{Fallback: "team-005", Pending: true, Flux: true}).Once(within(t, time.Minute))
	assert.Equal(t, want, count.Total)
	assert.True(t, count.AtLeast)
	assert.True(t, count.PendingKnown && count.FluxKnown)
	require.Len(t, count.Missing, 2)
	assert.Equal(t, nodes.WhatNodes, count.Missing[0].What)
	assert.Equal(t, nodes.WhatNamespaces, count.Missing[1].What)
	assert.ErrorContains(t, count.Missing[1].Err, `only the pods in namespace "team-005" are counted`)

	asked := newCounter(t, user, nodes.Options{Namespaces: []string{"team-005"}}).Once(within(t, time.Minute))
	assert.Equal(t, want, asked.Total)
	assert.False(t, asked.AtLeast, "what was asked for is complete")
}

func TestServersWithoutTables(t *testing.T) {
	t.Parallel()
	const (
		narrow  = `{"kind":"Table","metadata":{"resourceVersion":"7"},"columnDefinitions":[{"name":"Name"},{"name":"Created At"}],"rows":[{"cells":["a","b"]}]}`
		damaged = `{"kind":"Table","metadata":{"resourceVersion":"7"},"columnDefinitions":[{"name":"Name"},{"name":"Status"},{"name":"Node"}],"rows":[{"cells":["a","Running"]}]}`
	)
	asTables := func(body string) faults.Rule {
		return func(r *http.Request, _ int) faults.Fault {
			if strings.HasSuffix(r.URL.Path, "/pods") && strings.Contains(r.Header.Get("Accept"), "as=Table") {
				return faults.Fault{Body: body}
			}
			return faults.Fault{}
		}
	}
	for name, rule := range map[string]faults.Rule{
		"plain objects instead":    func(*http.Request, int) faults.Fault { return faults.Fault{Accept: "application/json"} },
		"tables without nodes":     asTables(narrow),
		"tables whose row was cut": asTables(damaged),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proxy := faults.Start(t, bed.Cluster(t).Config(), rule)
			count := newCounter(t, proxy.Config(), nodes.Options{Pending: true, Flux: true}).Once(within(t, time.Minute))
			assertExact(t, seeded.Counts(), count)
		})
	}
}
