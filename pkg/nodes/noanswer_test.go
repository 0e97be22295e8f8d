package nodes_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
	"github.com/fluxtune/kubectl-fluxtune/pkg/nodes"
)

// noLists are what gateways answer with status 200 where they do not let somebody through, and what else is no list of
// what was asked for.
func noLists() map[string]string {
	return map[string]string{
		"nothing":            `{}`,
		"an error":           `{"error":"login required"}`,
		"null":               `null`,
		"a refusal":          `{"kind":"Status","apiVersion":"v1","status":"Failure","message":"no","code":403,"reason":"Forbidden"}`,
		"a refusal, late":    `{"apiVersion":"v1","code":403,"message":"no","reason":"Forbidden","status":"Failure","kind":"Status"}`,
		"a success":          `{"kind":"Status","apiVersion":"v1","status":"Success"}`,
		"another list":       `{"kind":"ConfigMapList","apiVersion":"v1","metadata":{"resourceVersion":"7"},"items":[]}`,
		"another, full":      `{"items":[{"metadata":{"name":"x","namespace":"y"},"spec":{"nodeName":"z"}}],"kind":"ConfigMapList","metadata":{"resourceVersion":"7"}}`,
		"of no version":      `{"kind":"%sList","apiVersion":"v1","items":[]}`,
		"of no kind":         `{"apiVersion":"v1","metadata":{"resourceVersion":"7"},"items":[]}`,
		"one object":         `{"kind":"%s","apiVersion":"v1","metadata":{"resourceVersion":"7","name":"x"}}`,
		"an empty table":     `{"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":{"resourceVersion":"7"},"columnDefinitions":[],"rows":null}`,
		"a table of nothing": `{"kind":"Table","metadata":{"resourceVersion":"7"}}`,
	}
}

// Whatever list a gateway answers with something else: what is counted is right, or says that it is not all.
func TestWhatIsNoListIsNoEmptyList(t *testing.T) {
	t.Parallel()
	for _, asked := range []struct{ resource, kind string }{
		{"pods", "Pod"}, {"pods/a", "Pod"}, {"nodes", "Node"}, {"namespaces", "Namespace"}, {"v1beta1", "NodeMetrics"},
	} {
		for name, body := range noLists() {
			if strings.Contains(body, "%s") {
				body = fmt.Sprintf(body, asked.kind)
			}
			passes := 3
			if asked.kind == "NodeMetrics" {
				passes = 1 // it is asked for once
				if name == "of no version" {
					continue // that is what metrics-server answers
				}
			}
			for pass := range passes { // the first answers, which are in order
				for _, each := range []bool{false, true} {
					t.Run(fmt.Sprint(asked.resource, ", ", name, ", ", pass, each), func(t *testing.T) {
						t.Parallel()
						synctest.Test(t, func(t *testing.T) { countWith(t, asked.resource, body, pass, each) })
					})
				}
			}
		}
	}
}

// countWith counts once while a server answers the requests of a resource with something else, all but the first ones.
func countWith(t *testing.T, resource, body string, pass int, each bool) {
	s := newSimulated()
	defer s.end()
	for i := range 10 {
		namespace, name := "ab"[i%2:i%2+1], fmt.Sprint("p", i)
		s.put(namespace+"/"+name, &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Spec: corev1.PodSpec{NodeName: "n1"},
		})
	}
	s.faults = []*fault{{resource: resource, verb: "list", kind: "pass", left: pass}, {resource: resource, verb: "list", kind: body, left: 1000}}
	usage := resource == "v1beta1"
	counter := newCounter(t, s.config(), nodes.Options{Pending: true, Flux: true, Usage: usage, UsageAsked: usage, Limits: quick()})
	if each {
		counter = counter.ByNamespace()
	}
	count := counter.Once(t.Context())
	assert.NotContains(t, count.Pods, "z", "what is not of the kind that was asked for counts for nothing")
	assert.LessOrEqual(t, count.Total, 10)
	assert.True(t, count.Total == 10 || count.AtLeast, "%d pods", count.Total)
	assert.True(t, len(count.Nodes) == 2 || !count.NodesKnown, "%d nodes", len(count.Nodes))
	for _, m := range count.Missing {
		want := kube.Malformed
		if strings.Contains(body, `"Failure"`) {
			want = kube.Forbidden
		}
		assert.Contains(t, []kube.Reason{want}, m.Reason, m.Err)
	}
	if !count.Partial() {
		assertExact(t, s.truth(), count)
		assert.False(t, usage)
	}
}

// How many items are left is an estimate of the server's, and nothing breaks where it is wrong.
func TestAnyNumberOfRemainingPods(t *testing.T) {
	t.Parallel()
	for _, left := range []string{"-7", "-9223372036854775808", "9223372036854775807", "99999999999999999999", "1000000000000", "2147483647", "1e9", `"x"`, "null", "{}"} {
		synctest.Test(t, func(t *testing.T) {
			s := newSimulated()
			defer s.end()
			s.apply(action{Do: "create", Namespace: "a", Name: "web-0", Node: "n1"})
			s.faults = []*fault{{resource: "pods", verb: "list", kind: `{"kind":"Table","metadata":{"resourceVersion":"7","remainingItemCount":` + left +
				`},"columnDefinitions":[{"name":"Name"},{"name":"Status"},{"name":"Node"}],"rows":[{"cells":["x","Running","n1"]}]}`, left: 1}}
			count := newCounter(t, s.config(), nodes.Options{Pending: true, Flux: true, Limits: quick()}).AtOnce().Once(t.Context())
			assertExact(t, s.truth(), count)
			assert.Empty(t, count.Missing, left)
		})
	}
}
