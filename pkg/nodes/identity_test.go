package nodes_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"
	"pgregory.net/rapid"

	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
	"github.com/fluxtune/kubectl-fluxtune/pkg/nodes"
)

// viewer is a cluster of a node and two pods in each of its namespaces, as the API server shows it to a user with few
// rights. The namespace kube-system is for nobody.
type viewer struct {
	of                        string // the cluster, which all UIDs begin with
	namespaces                []string
	listNodes, listNamespaces bool
	allPods                   bool
	podsIn                    []string
	getPods                   bool
}

// ServeHTTP implements http.Handler.
func (v viewer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	asked, _ := strings.CutPrefix(r.URL.Query().Get("fieldSelector"), "metadata.name=")
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/api/v1/"), "/")
	var namespace, name string
	if len(parts) > 2 && parts[0] == "namespaces" {
		namespace, parts = parts[1], parts[2:]
	}
	if len(parts) > 1 {
		name = parts[1]
	}
	may, get := false, false
	var objects []string // namespace/name
	switch parts[0] {
	case "nodes":
		may, get, objects = v.listNodes, v.listNodes, []string{"/n1"}
	case "namespaces":
		may = v.listNamespaces
		for _, namespace := range v.namespaces {
			objects = append(objects, "/"+namespace)
		}
	case "pods":
		may = v.allPods || namespace != "" && slices.Contains(v.podsIn, namespace)
		get = may && v.getPods
		for _, in := range v.namespaces {
			if namespace == "" || namespace == in {
				objects = append(objects, in+"/p1", in+"/p2")
			}
		}
	}
	if name != "" {
		may, asked = get, name
	}
	if !may {
		w.WriteHeader(http.StatusForbidden)
		_, _ = fmt.Fprint(w, `{"kind":"Status","status":"Failure","code":403,"reason":"Forbidden"}`)
		return
	}
	var items []string
	kind := map[string]string{"nodes": "Node", "namespaces": "Namespace", "pods": "Pod"}[parts[0]]
	for _, o := range objects {
		namespace, called, _ := strings.Cut(o, "/")
		if asked == "" || strings.Contains(asked, "status.phase") || asked == called {
			items = append(items, fmt.Sprintf(`{"kind":%q,"metadata":{"namespace":%q,"name":%q,"uid":%q},"spec":{"nodeName":"n1"}}`, kind, namespace, called, v.of+parts[0]+o))
		}
	}
	switch {
	case name != "" && len(items) == 0:
		w.WriteHeader(http.StatusNotFound)
		_, _ = fmt.Fprint(w, `{"kind":"Status","status":"Failure","code":404,"reason":"NotFound"}`)
	case name != "":
		_, _ = fmt.Fprint(w, items[0])
	default:
		_, _ = fmt.Fprintf(w, `{"kind":%q,"metadata":{"resourceVersion":"1"},"items":[%s]}`, kind+"List", strings.Join(items, ","))
	}
}

// RoundTrip implements http.RoundTripper, without a connection.
func (v viewer) RoundTrip(r *http.Request) (*http.Response, error) {
	answer := httptest.NewRecorder()
	v.ServeHTTP(answer, r)
	return answer.Result(), nil
}

func (v viewer) counter(t require.TestingT, o nodes.Options) *nodes.Counter {
	config := &rest.Config{Host: "http://" + v.of}
	config.Wrap(func(http.RoundTripper) http.RoundTripper { return v })
	c, err := nodes.New(config, o)
	require.NoError(t, err)
	return c
}

// Two users of one cluster who may read a pod or a node both are told that it is one, however much more each of them may
// read that the other may not; users of two clusters never are.
func TestTwoWhoSeeOneObjectAreOfOneCluster(t *testing.T) {
	t.Parallel()
	var all []string
	for i := range 12 {
		all = append(all, fmt.Sprintf("team-%03d", i))
	}
	rapid.Check(t, func(rt *rapid.T) {
		same := rapid.Bool().Draw(rt, "same")
		var users [2]viewer
		var seen [2]kube.Seen
		for i := range users {
			v := viewer{
				of: "one", namespaces: all, listNamespaces: true, listNodes: rapid.Bool().Draw(rt, "nodes"),
				allPods: rapid.Bool().Draw(rt, "all pods"), getPods: rapid.Bool().Draw(rt, "get pods"),
				podsIn: rapid.SliceOfNDistinct(rapid.SampledFrom(all), 0, len(all), func(s string) string { return s }).Draw(rt, "pods in"),
			}
			if !same && i == 1 {
				v.of = "two"
			}
			v.listNamespaces = !v.allPods || rapid.Bool().Draw(rt, "list namespaces")
			counter := v.counter(rt, nodes.Options{Identify: true})
			counter.Once(t.Context())
			users[i], seen[i] = v, counter.Seen()
		}
		a, b := users[0], users[1]
		share := a.listNodes && b.listNodes || a.allPods && (b.allPods || len(b.podsIn) > 0) || b.allPods && len(a.podsIn) > 0 ||
			slices.ContainsFunc(a.podsIn, func(s string) bool { return slices.Contains(b.podsIn, s) })
		want := kube.Untold
		if share && same {
			want = kube.SameCluster
		} else if share {
			want = kube.OtherCluster
		}
		if got := kube.Compare(t.Context(), seen[0], seen[1]); got != want {
			rt.Fatalf("%+v and %+v: %v, not %v", a, b, got, want)
		}
	})
}

// A namespace that does not exist is told to users who may list namespaces and not get them, too.
func TestWhoMayOnlyListNamespacesIsToldWhichAreNotThere(t *testing.T) {
	t.Parallel()
	for _, list := range []bool{true, false} {
		v := viewer{of: "one", namespaces: []string{"team-001"}, listNodes: true, allPods: true, listNamespaces: list}
		count := v.counter(t, nodes.Options{Namespaces: []string{"team-001", "tema-002"}}).Once(t.Context())
		assert.Equal(t, 2, count.Total)
		assert.Equal(t, list, count.Partial(), "who may not list them either is not told")
		if list {
			require.Len(t, count.Missing, 1)
			m := count.Missing[0]
			assert.Equal(t, []string{nodes.WhatNamespaces, "tema-002", string(kube.NotFound)}, []string{m.What, m.Namespace, string(m.Reason)})
		}
	}
}
