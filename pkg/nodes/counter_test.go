package nodes

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"k8s.io/client-go/tools/cache"
)

// A row knows less of a pod than the event of its end: what was counted is taken away, and no more.
func TestLiveHandlerTakesAwayWhatItCounted(t *testing.T) {
	t.Parallel()
	live, changes := newTally(), 0
	h := liveHandler(live, func() { changes++ })
	pod := func(name, node string) *Pod { return &Pod{Namespace: "team", Name: name, Node: node} }
	more := func(p *Pod) *Pod {
		p.Pending, p.Terminating, p.App = true, true, "source-controller"
		return p
	}
	h.OnAdd(pod("a", "one"), true)
	h.OnAdd(pod("b", "one"), true)
	h.OnDelete(more(pod("a", "one")))
	h.OnAdd(more(pod("c", "one")), false)
	want := Pods{Total: 2, Terminating: 1, Pending: 1, Flux: []string{"source-controller"}}
	assert.Equal(t, map[string]Pods{"one": want}, live.pods())

	h.OnUpdate(pod("b", "elsewhere"), pod("b", "two"))
	h.OnDelete(cache.DeletedFinalStateUnknown{Key: "team/c", Obj: pod("c", "elsewhere")})
	assert.Equal(t, map[string]Pods{"two": {Total: 1}}, live.pods())
	h.OnDelete(pod("never seen", "two"))
	assert.Equal(t, 1, live.size())
	assert.Equal(t, 7, changes)
}

// A shared informer may take a pod of the same version for the same pod, so rows bear their list's.
func TestRowsBearTheVersionOfTheirList(t *testing.T) {
	t.Parallel()
	all := &listing{versions: map[string]string{}}
	row := &Pod{Namespace: "team", Name: "a"}
	all.add("team", "42", []*Pod{row})
	assert.Equal(t, "42", row.GetObjectMeta().GetResourceVersion())
}
