package kube

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

// rights are what a user may do with a collection.
type rights struct{ get, list bool }

// cluster is what the server of one cluster tells a user.
type cluster struct {
	uids map[string]string // by path
	may  map[string]rights // by collection
}

// ServeHTTP implements http.Handler.
func (c cluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	refuse := func(code int, reason string) {
		w.WriteHeader(code)
		_, _ = fmt.Fprintf(w, `{"kind":"Status","status":"Failure","code":%d,"reason":%q}`, code, reason)
	}
	if may, isCollection := c.may[r.URL.Path]; isCollection {
		name, _ := strings.CutPrefix(r.URL.Query().Get("fieldSelector"), "metadata.name=")
		uid := c.uids[r.URL.Path+"/"+name]
		switch {
		case !may.list:
			refuse(http.StatusForbidden, "Forbidden")
		case uid == "":
			_, _ = w.Write([]byte(`{"kind":"PartialObjectMetadataList","metadata":{"resourceVersion":"7"},"items":[]}`))
		default:
			_, _ = fmt.Fprintf(w, `{"kind":"PartialObjectMetadataList","metadata":{"resourceVersion":"7"},"items":[{"metadata":{"name":%q,"uid":%q}}]}`, name, uid)
		}
		return
	}
	collection := r.URL.Path[:strings.LastIndex(r.URL.Path, "/")]
	switch uid := c.uids[r.URL.Path]; {
	case !c.may[collection].get:
		refuse(http.StatusForbidden, "Forbidden")
	case uid == "":
		refuse(http.StatusNotFound, "NotFound")
	case uid == "-":
		_, _ = w.Write([]byte(`{"kind":"PartialObjectMetadata","metadata":{}}`))
	default:
		_, _ = fmt.Fprintf(w, `{"kind":"PartialObjectMetadata","metadata":{"uid":%q}}`, uid)
	}
}

const (
	namespaces = "/api/v1/namespaces"
	nodes      = "/api/v1/nodes"
)

// Whatever two users may read: that two connections lead to one cluster, or to two, is only said where it is so.
func TestClustersAreOnlyTheSameByProof(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		same := rapid.Bool().Draw(rt, "same")
		truth := []map[string]string{
			{namespaces + "/kube-system": "one", nodes + "/n1": "n1-of-one", nodes + "/only-in-one": "o"},
			{namespaces + "/kube-system": "two", nodes + "/n1": "n1-of-two"},
		}
		var seen []Seen
		told := true
		for i := range 2 {
			c := cluster{uids: truth[i], may: map[string]rights{}}
			if same {
				c.uids = truth[0]
			}
			for _, collection := range []string{namespaces, nodes} {
				c.may[collection] = rights{rapid.Bool().Draw(rt, "get"), rapid.Bool().Draw(rt, "list")}
			}
			if rapid.IntRange(0, 4).Draw(rt, "other nodes") == 0 {
				delete(c.uids, nodes+"/n1")
			}
			client := serve(t, quick(), c.ServeHTTP)
			one := Seen{Client: client, Collections: []string{nodes}, Witnesses: func(context.Context, string) []Witness {
				return []Witness{{nodes, "only-in-one"}, {nodes, "n1"}}
			}}
			one.UID, _ = client.Cluster(t.Context())
			told = told && one.UID != ""
			seen = append(seen, one)
		}
		switch got := Compare(t.Context(), seen[0], seen[1]); {
		case got == SameCluster && !same, got == OtherCluster && same, told && got == Untold, got == NotCompared:
			rt.Fatalf("the same cluster: %v; said: %v", same, got)
		}
	})
}

// Gateways say of what a user may not see that it is not there, and some leave out UIDs: neither tells that a cluster is another
// one.
func TestWhatAGatewayHidesIsNoProof(t *testing.T) {
	t.Parallel()
	all := rights{get: true, list: true}
	seen := func(uids map[string]string, names ...string) Seen {
		c := cluster{uids: uids, may: map[string]rights{namespaces: {}, nodes: all}}
		return Seen{Client: serve(t, quick(), c.ServeHTTP), Collections: []string{nodes}, Witnesses: func(context.Context, string) (all []Witness) {
			for _, name := range names {
				all = append(all, Witness{nodes, name})
			}
			return all
		}}
	}
	admin := seen(map[string]string{nodes + "/n1": "1", nodes + "/n2": "2"}, "n1", "n2")
	for name, test := range map[string]struct {
		other Seen
		want  Sameness
	}{
		"sees none":               {seen(nil), Untold},
		"sees another of them":    {seen(map[string]string{nodes + "/n2": "2"}, "n2"), SameCluster},
		"sees others":             {seen(map[string]string{nodes + "/n9": "9"}, "n9"), OtherCluster},
		"sees others of the name": {seen(map[string]string{nodes + "/n1": "of another"}, "n1"), OtherCluster},
		"sees what says no UID":   {seen(map[string]string{nodes + "/n1": "-", nodes + "/n2": "-"}, "n1"), Untold},
	} {
		assert.Equal(t, test.want, Compare(t.Context(), admin, test.other), name)
		assert.Equal(t, test.want, Compare(t.Context(), test.other, admin), name)
	}
}

// Nobody who can read nothing is told anything.
func TestWhatCannotBeReadTellsNothing(t *testing.T) {
	t.Parallel()
	seen := func(may rights) Seen {
		c := cluster{uids: map[string]string{nodes + "/n1": "n1"}, may: map[string]rights{namespaces: {}, nodes: may}}
		return Seen{
			Client: serve(t, quick(), c.ServeHTTP), Collections: []string{nodes},
			Witnesses: func(context.Context, string) []Witness { return []Witness{{nodes, "n1"}} },
		}
	}
	assert.Equal(t, Untold, Compare(t.Context(), seen(rights{}), seen(rights{})))
	assert.Equal(t, Untold, Compare(t.Context(), seen(rights{get: true}), seen(rights{})))
	assert.Equal(t, SameCluster, Compare(t.Context(), seen(rights{get: true}), seen(rights{list: true})))
}

// Of many collections a few are asked: those that both have read first, then others.
func TestPromisingCollections(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ one, other, want string }{
		"nothing was read":             {"", "a b", ""},
		"the other has read nothing":   {"a b", "", "a b"},
		"what both have read is first": {"a b c", "c", "c a b"},
		"in the order of the one":      {"a b c", "c b a", "a b c"},
		"a few of each":                {"a b c d e f g h i j k l", "g h i j k l", "g h i j a b c d"},
		"what only the other has read": {"a", "b", "a"},
	} {
		assert.Equal(t, test.want, strings.Join(promising(strings.Fields(test.one), strings.Fields(test.other)), " "), name)
	}
}
