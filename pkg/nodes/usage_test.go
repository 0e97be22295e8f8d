package nodes

import (
	"io"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/client-go/rest"

	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
)

const servedUsage = `{"kind":"NodeMetricsList","items":[{"metadata":{"name":"n"},"usage":{"cpu":"250m","memory":"1Gi"}}]}`

// metricsServer answers for the group of metrics with what answer gives for a path: a status and a body.
func metricsServer(t *testing.T, o Options, answer func(path string) (int, string)) *Counter {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		code, body := answer(r.URL.Path)
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	o.Usage, o.Limits = true, kube.Limits{Backoff: time.Millisecond}
	c, err := New(&rest.Config{Host: server.URL}, o)
	require.NoError(t, err)
	c.nodes = map[string]Node{"n": {Name: "n"}}
	return c
}

func aboutUsage(c Count) []Missing {
	return slices.DeleteFunc(c.Missing, func(m Missing) bool { return m.What != WhatUsage })
}

// What metrics do not say is not known: it is neither 0 nor passed over in silence. What was known stays, and says as of when.
func TestMetricsThatSayNothingAreMissing(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		code                int
		body                string
		known, answers, any bool
	}{
		"served":               {200, servedUsage, true, true, true},
		"without cpu":          {200, `{"kind":"NodeMetricsList","items":[{"metadata":{"name":"n"},"usage":{"memory":"1Gi"}}]}`, false, true, false},
		"without anything":     {200, `{"kind":"NodeMetricsList","items":[{"metadata":{"name":"n"}}]}`, false, true, false},
		"of no node":           {200, `{"kind":"NodeMetricsList","items":[]}`, false, true, false},
		"of other nodes":       {200, strings.ReplaceAll(servedUsage, `"n"`, `"new"`), false, true, true},
		"no number":            {200, strings.ReplaceAll(servedUsage, "250m", "much"), false, true, false},
		"below 0":              {200, strings.ReplaceAll(servedUsage, "250m", "-5"), false, true, false},
		"more than fits":       {200, strings.ReplaceAll(servedUsage, "250m", "1e30"), false, true, false},
		"memory without end":   {200, strings.ReplaceAll(servedUsage, "1Gi", "9999999999Gi"), false, true, false},
		"a null":               {200, strings.ReplaceAll(servedUsage, `"250m"`, "null"), false, true, false},
		"of no time":           {200, strings.ReplaceAll(servedUsage, `"usage"`, `"timestamp":"yesterday","usage"`), true, true, true},
		"another answer":       {200, `{"ok":true}`, false, false, false},
		"no JSON":              {200, `<html>`, false, false, false},
		"nobody serves it":     {503, "no endpoints", false, false, false},
		"that is not known":    {404, "404 page not found", false, false, false},
		"with too many errors": {500, "", false, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked, broken atomic.Int32
			c := metricsServer(t, Options{}, func(string) (int, string) {
				if asked.Add(1); broken.Load() > 0 {
					return 503, ""
				}
				return test.code, test.body
			})
			c.readUsage(t.Context())
			first := c.Count()
			assert.Equal(t, test.known, first.Nodes[0].Usage != nil)
			assert.Equal(t, test.answers, first.UsageKnown)
			assert.Equal(t, test.answers, len(aboutUsage(first)) == 0, "what single nodes lack is told of those that are shown")
			assert.LessOrEqual(t, asked.Load(), int32(2), "nobody waits for it")
			broken.Store(1)
			c.readUsage(t.Context())
			again := c.Count()
			assert.Equal(t, test.known, again.Nodes[0].Usage != nil)
			require.Len(t, aboutUsage(again), 1)
			assert.Equal(t, test.answers, !aboutUsage(again)[0].Since.IsZero())
			usable := func(u *Usage) bool { return u != nil }
			assert.Equal(t, test.any, slices.ContainsFunc(slices.Collect(maps.Values(c.usage)), usable))
			said := test.answers && strings.Contains(test.body, `"name":"n"`)
			assert.Equal(t, said, again.Nodes[0].Measured, "what is no amount is not nothing")
		})
	}
}

// Metrics that are not served any more are no metrics of now.
func TestMetricsThatAreNoMoreServedVanish(t *testing.T) {
	t.Parallel()
	var gone atomic.Bool
	c := metricsServer(t, Options{UsageAsked: true}, func(string) (int, string) {
		if gone.Load() {
			return 404, "404 page not found"
		}
		return 200, servedUsage
	})
	c.readUsage(t.Context())
	require.NotNil(t, c.Count().Nodes[0].Usage)
	gone.Store(true)
	c.readUsage(t.Context())
	count := c.Count()
	assert.Nil(t, count.Nodes[0].Usage)
	require.Len(t, aboutUsage(count), 1)
	assert.True(t, aboutUsage(count)[0].Optional)
	gone.Store(false)
	c.readUsage(t.Context())
	assert.NotNil(t, c.Count().Nodes[0].Usage)
}

// Who waits for CPU and memory is told that they have not come yet.
func TestMetricsThatHaveNotComeAreCounted(t *testing.T) {
	t.Parallel()
	for _, asked := range []bool{true, false} {
		c := metricsServer(t, Options{UsageAsked: asked}, func(string) (int, string) { return 200, servedUsage })
		c.part(WhatPods, "").known(time.Now())
		c.part(WhatNodes, "").known(time.Now())
		assert.Equal(t, asked, c.Count().Counting)
		c.readUsage(t.Context())
		assert.False(t, c.Count().Partial())
	}
}

// A refusal says nothing of what is served: a right to metrics that nobody has is missing only where there are metrics.
func TestMetricsThatAreRefusedAreMissingWhereTheyAreServed(t *testing.T) {
	t.Parallel()
	for _, discovery := range []int{200, 403, 404, 503} {
		c := metricsServer(t, Options{UsageAsked: true}, func(path string) (int, string) {
			if path == "/apis/metrics.k8s.io" {
				return discovery, `{"kind":"APIGroup","apiVersion":"v1","name":"metrics.k8s.io"}`
			}
			return 403, `{"kind":"Status","status":"Failure","code":403,"reason":"Forbidden"}`
		})
		c.readUsage(t.Context())
		missing := aboutUsage(c.Count())
		require.Len(t, missing, 1)
		assert.Equal(t, discovery == 404, missing[0].Optional, discovery)
		if discovery != 404 {
			assert.Equal(t, kube.Forbidden, missing[0].Reason, discovery)
		}
	}
}

// A share of something that is not said is not known, and one of nothing has no number.
func TestSharesOfWhatANodeHas(t *testing.T) {
	t.Parallel()
	c := metricsServer(t, Options{}, nil)
	half, none, over := 50.0, 0.0, math.Inf(1)
	for name, test := range map[string]struct {
		allocatable corev1.ResourceList
		cpu         *float64
	}{
		"said":            {corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("500m")}, &half},
		"not said":        {corev1.ResourceList{corev1.ResourcePods: resource.MustParse("20")}, nil},
		"none":            {corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("0")}, &over},
		"less than none":  {corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("-1")}, nil},
		"more than there": {corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1e30")}, nil},
	} {
		node := c.slim(&corev1.Node{Status: corev1.NodeStatus{Allocatable: test.allocatable}})
		usage := Usage{CPU: 250, Memory: 1 << 30}.of(node)
		assert.Equal(t, test.cpu, usage.CPUPercent, name)
		assert.Nil(t, usage.MemoryPercent, name)
	}
	nothing := int64(0)
	assert.Equal(t, &none, Usage{}.of(Node{cpu: &nothing}).CPUPercent)
}

// What no number can hold, or is below 0, is no number of pods: Kubernetes itself makes 0, or less, of some of them
// (resource.Quantity.Value of 1e20 is 0).
func TestNumbersOfPodsThatThereCannotBeAreNotKnown(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		"110": 110, "0": 0, "1k": 1000, "1.5": 2, // rounded up, as the scheduler does
		"-1": -1, "-1m": -1, "1e20": -1, "100E": -1, "9223372036854775807": -1, "9223372036854775808": -1, "99999999999999999999": -1,
	} {
		got := podsOf(corev1.ResourceList{corev1.ResourcePods: resource.MustParse(text)})
		if want < 0 {
			assert.Nil(t, got, text)
			continue
		}
		require.NotNil(t, got, text)
		assert.Equal(t, want, *got, text)
	}
}

// A sample says when it was taken, by the cluster's clock: one of long ago is not one of now, and nobody knows of when one is
// that says no time, or one to come.
func TestSamplesSayHowOldTheyAre(t *testing.T) {
	t.Parallel()
	for _, off := range []time.Duration{0, -20 * time.Minute, 20 * time.Minute} { // the cluster's clock
		said := ""
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", time.Now().Add(off).UTC().Format(http.TimeFormat))
			_, _ = io.WriteString(w, strings.ReplaceAll(servedUsage, `"usage"`, `"timestamp":`+said+`,"window":"20.5s","usage"`))
		}))
		t.Cleanup(server.Close)
		c, err := New(&rest.Config{Host: server.URL}, Options{Usage: true})
		require.NoError(t, err)
		c.nodes = map[string]Node{"n": {Name: "n"}}
		for _, ago := range []time.Duration{-5 * time.Minute, 0, 5 * time.Minute, 6 * time.Minute, 50000 * time.Hour} {
			said = `"` + time.Now().Add(off-ago).Format(time.RFC3339) + `"`
			c.readUsage(t.Context())
			usage := c.Count().Nodes[0].Usage
			assert.Equal(t, ago > 5*time.Minute, usage.Old(), ago)
			assert.Equal(t, 20500*time.Millisecond, usage.Window)
			assert.InDelta(t, max(0, ago), usage.Age, float64(3*time.Second))
			assert.False(t, usage.At.IsZero())
		}
		for _, said = range []string{`null`, `""`, `"yesterday"`, `"0001-01-01T00:00:00Z"`, `"` + time.Now().Add(off+6*time.Minute).Format(time.RFC3339) + `"`} {
			c.readUsage(t.Context())
			usage := c.Count().Nodes[0].Usage
			assert.True(t, usage.Old() && usage.At.IsZero(), said)
		}
	}
}

// Of two samples of one node nobody knows which is right.
func TestTwoSamplesOfANodeAreNoAmount(t *testing.T) {
	t.Parallel()
	c := metricsServer(t, Options{}, func(string) (int, string) {
		item := strings.TrimSuffix(servedUsage[strings.Index(servedUsage, `[`)+1:], "]}")
		return 200, strings.Replace(servedUsage, "[", "["+strings.ReplaceAll(item, "250m", "9")+",", 1)
	})
	c.readUsage(t.Context())
	node := c.Count().Nodes[0]
	assert.Nil(t, node.Usage)
	assert.True(t, node.Measured)
}

// Details come after the pods: where a server is not there, nobody waits for them.
func TestNobodyWaitsForDetailsOfADeadServer(t *testing.T) {
	t.Parallel()
	c := metricsServer(t, Options{Pending: true, Flux: true}, nil)
	c.part(WhatNodes, "").known(time.Now())
	c.part(WhatDetails, "")
	c.part(WhatPods, "").known(time.Now())
	assert.True(t, c.Count().Counting)
	c.fail(WhatPods, "", assert.AnError)
	c.part(WhatPods, "").Read = false
	assert.False(t, c.Count().Counting)
}

// Details of a pod that came in the place of another of its name are not that one's.
func TestDetailsOfAnotherPodOfTheNameAreNotTheRows(t *testing.T) {
	t.Parallel()
	c := metricsServer(t, Options{Pending: true, Flux: true}, nil)
	p := c.part(WhatPods, "a")
	p.known(time.Now())
	p.byName = map[string]pod{"web-0": {name: "web-0", node: "n1"}, "web-1": {name: "web-1", node: "n1"}}
	c.details["a"] = []detail{{namespace: "a", name: "web-0", node: "n2", pending: true}, {namespace: "a", name: "web-1", node: "n1", pending: true}}
	assert.Equal(t, map[string]Pods{"n1": {Total: 2, Pending: 1}}, c.Count().Pods)
}
