package report

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
	"github.com/fluxtune/kubectl-fluxtune/pkg/nodes"
)

// Numbers that stay on the screen are not said to be unknown: it is said as of when they are.
func TestUsageThatIsOldSaysAsOfWhen(t *testing.T) {
	t.Parallel()
	missing := nodes.Missing{What: nodes.WhatUsage, Reason: kube.Unavailable, Err: assert.AnError}
	said := func() []string {
		list, err := NewNodeList([]ClusterCount{{Count: nodes.Count{NodesKnown: true, Missing: []nodes.Missing{missing}}}}, NodeOptions{})
		require.NoError(t, err)
		return list.Gaps()
	}
	assert.Equal(t, []string{"CPU and memory are not known (server not available)"}, said())
	missing.Since = time.Date(2026, 5, 4, 12, 30, 0, 0, time.Local)
	assert.Equal(t, []string{"CPU and memory could not be read again (server not available, as of 12:30:00)"}, said())
}

// The clock of a picture says as of when it is where nothing of a cluster is followed any more: what else is old, a line says.
func TestAPictureIsOldWhereNothingIsFollowed(t *testing.T) {
	t.Parallel()
	since := time.Date(2026, 5, 4, 12, 30, 0, 0, time.Local)
	missing := []nodes.Missing{{What: nodes.WhatUpdates, Reason: kube.Unavailable, Err: assert.AnError, Since: since}}
	for _, test := range []struct {
		name  string
		count nodes.Count
		asOf  time.Time
	}{
		{"all is lost", nodes.Count{AtLeast: true, Total: 1, Missing: missing}, since},
		{"pods are followed", nodes.Count{Missing: missing}, time.Time{}},
		{"nodes are followed", nodes.Count{NodesKnown: true, AtLeast: true, Missing: missing}, time.Time{}},
	} {
		list, err := NewNodeList([]ClusterCount{{Count: test.count}}, NodeOptions{})
		require.NoError(t, err)
		assert.Equal(t, test.asOf, list.AsOf(), test.name)
		assert.Equal(t, []string{"updates are interrupted, as of 12:30:00 (" + assert.AnError.Error() + ")"}, list.Gaps(), test.name)
	}
}
