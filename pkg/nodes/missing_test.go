package nodes

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"

	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
)

// Of two reasons why something is missing the one goes first that a user has to see to before the other can be mended.
func TestWhichReasonGoesFirst(t *testing.T) {
	t.Parallel()
	first := map[kube.Reason]struct {
		than []kube.Reason
		why  string
	}{
		kube.Unresolved: {[]kube.Reason{
			kube.Untrusted, kube.Unauthorized, kube.Malformed, kube.Unavailable, kube.Throttled, kube.Timeout, kube.Forbidden, kube.Error, kube.Expired, kube.NotFound,
		}, "no server has been found: all else is of another address"},
		kube.Untrusted: {[]kube.Reason{
			kube.Unauthorized, kube.Malformed, kube.Unavailable, kube.Throttled, kube.Timeout, kube.Forbidden, kube.Error, kube.Expired, kube.NotFound,
		}, "nothing is said to a server that is not trusted"},
		kube.Unauthorized: {[]kube.Reason{
			kube.Malformed, kube.Unavailable, kube.Throttled, kube.Timeout, kube.Forbidden, kube.Error, kube.Expired, kube.NotFound,
		}, "who is not logged in may get no answer, or another's"},
		kube.Malformed: {[]kube.Reason{
			kube.Unavailable, kube.Throttled, kube.Timeout, kube.Forbidden, kube.Error, kube.Expired, kube.NotFound,
		}, "what answers is no API server: neither are its refusals"},
		kube.Unavailable: {[]kube.Reason{
			kube.Throttled, kube.Timeout, kube.Forbidden, kube.Error, kube.Expired, kube.NotFound,
		}, "a server that is down refuses nothing for good"},
		kube.Throttled: {[]kube.Reason{
			kube.Timeout, kube.Forbidden, kube.Error, kube.Expired, kube.NotFound,
		}, "the server says why it takes so long"},
		kube.Timeout: {[]kube.Reason{
			kube.Forbidden, kube.Error, kube.Expired, kube.NotFound,
		}, "with more time more is known, whatever is refused"},
		kube.Forbidden: {[]kube.Reason{kube.Error, kube.Expired, kube.NotFound}, "a right can be asked for"},
		kube.Error:     {[]kube.Reason{kube.Expired, kube.NotFound}, "nobody knows what it was"},
		kube.Expired:   {[]kube.Reason{kube.NotFound}, "it is there, and can be read anew"},
	}
	pairs := 0
	for reason, f := range first {
		for _, other := range f.than {
			pairs++
			require.NotContains(t, first[other].than, reason, "%s and %s: one is first", reason, other)
			for _, what := range [][2]string{{WhatPods, WhatPods}, {WhatPods, WhatNodes}, {WhatNodes, WhatPods}, {WhatNamespaces, WhatPods}} {
				a, b := Missing{What: what[0], Reason: reason, Namespace: "z"}, Missing{What: what[1], Reason: other, Namespace: "a"}
				for _, all := range [][]Missing{{a, b}, {b, a}} {
					assert.Equal(t, reason, settle(all)[0].Reason, "%s of %s before %s of %s: %s", reason, what[0], other, what[1], f.why)
				}
			}
		}
	}
	reasons := len(first) + 1 // NotFound goes before none
	assert.Equal(t, reasons*(reasons-1)/2, pairs, "each pair")
}

// What is shown beside the count never stands for why there is none.
func TestWhatIsMissingOfTheCountGoesFirst(t *testing.T) {
	t.Parallel()
	refused := Missing{What: WhatPods, Reason: kube.NotFound}
	for _, other := range []Missing{
		{What: WhatUsage, Reason: kube.Unresolved}, {What: WhatDetails, Reason: kube.Unresolved}, {What: WhatUpdates, Reason: kube.Unresolved},
		{What: WhatAllocatable, Reason: kube.NotFound}, {What: WhatPods, Reason: kube.Unresolved, Optional: true},
	} {
		for _, all := range [][]Missing{{refused, other}, {other, refused}} {
			assert.Equal(t, []Missing{refused, other}, settle(slices.Clone(all)))
		}
	}
	assert.Equal(t, kube.Forbidden, settle([]Missing{{Reason: "of a later version"}, {Reason: kube.Forbidden}})[0].Reason)
}

// Updates of nodes and of pods are told together where they are equally old, and apart where they are not: what is said of the
// one is not true of the other then. Of pods the oldest part counts.
func TestWhatIsOldIsTold(t *testing.T) {
	t.Parallel()
	then := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	lost := func(of string, reason kube.Reason, after int) Missing {
		return Missing{What: WhatUpdates, Of: of, Reason: reason, Since: then.Add(time.Duration(after) * time.Second)}
	}
	for name, test := range map[string]struct{ all, told []Missing }{
		"equally old": {[]Missing{lost(WhatNodes, kube.Unavailable, 0), lost(WhatPods, kube.Unavailable, 0)}, []Missing{lost("", kube.Unavailable, 0)}},
		"nodes older": {
			[]Missing{lost(WhatPods, kube.Unavailable, 9), lost(WhatNodes, kube.Unavailable, 0)},
			[]Missing{lost(WhatPods, kube.Unavailable, 9), lost(WhatNodes, kube.Unavailable, 0)},
		},
		"for two reasons": {
			[]Missing{lost(WhatPods, kube.Forbidden, 0), lost(WhatNodes, kube.Unavailable, 0)},
			[]Missing{lost(WhatNodes, kube.Unavailable, 0), lost(WhatPods, kube.Forbidden, 0)},
		},
		"parts of pods": {
			[]Missing{lost(WhatPods, kube.Forbidden, 5), lost(WhatNodes, kube.Forbidden, 2), lost(WhatPods, kube.Forbidden, 2)},
			[]Missing{lost("", kube.Forbidden, 2)},
		},
		"nodes alone": {[]Missing{lost(WhatNodes, kube.Unavailable, 0)}, []Missing{lost(WhatNodes, kube.Unavailable, 0)}},
	} {
		assert.Equal(t, test.told, settle(test.all), name)
	}
}

// A server that is not there: the first that is missing says so, whatever else was asked for.
func TestADeadServersReasonGoesFirst(t *testing.T) {
	t.Parallel()
	c, err := New(&rest.Config{Host: "https://127.0.0.1:1"}, Options{
		Pending: true, Flux: true, Usage: true, UsageAsked: true, Limits: kube.Limits{Tries: 1, Stall: time.Second},
	})
	require.NoError(t, err)
	count := c.Once(t.Context())
	require.True(t, count.Empty())
	assert.Equal(t, WhatPods, count.Missing[0].What)
	assert.Equal(t, kube.Unavailable, count.Missing[0].Reason)
	assert.ErrorContains(t, count.Missing[0].Err, "listing the pods of all namespaces")
	assert.Equal(t, WhatUsage, count.Missing[len(count.Missing)-1].What)
}

// A reason that hundreds of namespaces have is one line that can be read, not hundreds of them.
func TestACauseOfManyIsShort(t *testing.T) {
	t.Parallel()
	var all []Missing
	for n := range 40 {
		all = append(all, newMissing(WhatDetails, fmt.Sprint(n), fmt.Errorf("listing pods in namespace n%02d", n)))
	}
	settled := settle(all)
	require.Len(t, settled, 1)
	assert.Equal(t, "listing pods in namespace n00; listing pods in namespace n01; listing pods in namespace n02; and 37 more", settled[0].Err.Error())
}
