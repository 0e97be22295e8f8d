package tune

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// What fluxtune set is an exception under whatever field manager it did so; what somebody else keeps setting is none.
func TestExceptions(t *testing.T) {
	t.Parallel()
	record := func(manager string) func(*flux.Object) {
		s := step("s", map[flux.Field]Move{flux.Interval: {From: ptr("10m"), To: ptr("1m")}})
		s.Manager = manager
		return recorded(Record{Steps: []Step{s}}.String())
	}
	for _, tc := range []struct {
		name    string
		owner   string
		changes []func(*flux.Object)
		want    []flux.Field
	}{
		{name: "ours", owner: "fluxtune", changes: []func(*flux.Object){record("")}, want: []flux.Field{flux.Interval}},
		{name: "ours under another name", owner: "ci-tuner", changes: []func(*flux.Object){record("ci-tuner")}, want: []flux.Field{flux.Interval}},
		{name: "the name of no record", owner: "ci-tuner", changes: []func(*flux.Object){record("")}},
		{name: "a hand's", owner: "kubectl-edit", want: []flux.Field{flux.Interval}},
		{name: "Git's", owner: "kustomize-controller"},
	} {
		o := object(t, "gitrepo", append([]func(*flux.Object){child(), interval("1m"), ownedBy(flux.Interval, updates(tc.owner))}, tc.changes...)...)
		assert.Equal(t, tc.want, Exceptions(o), tc.name)
	}
	assert.Empty(t, Exceptions(object(t, "gitrepo", child())), "of owners that were not read nothing is known")
	assert.Empty(t, Exceptions(object(t, "gitrepo", ownedBy(flux.Interval, updates("kubectl-edit")))), "nobody applies it")
}
