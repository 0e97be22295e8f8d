package cluster

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// kept is a store that has objects as somebody left them, and notes what is written.
type kept struct {
	objects map[flux.Ref]flux.Object
	patches map[flux.Ref][]string
	// after is what an object has become when a patch of it was answered.
	after map[flux.Ref]flux.Object
}

func (s *kept) Patch(_ context.Context, o flux.Object, patch []byte, _ string) (flux.Object, error) {
	s.patches[o.Ref] = append(s.patches[o.Ref], string(patch))
	if after, changes := s.after[o.Ref]; changes {
		s.objects[o.Ref] = after
	}
	return s.objects[o.Ref], nil
}

func (s *kept) Get(_ context.Context, o flux.Object) (flux.Object, error) {
	return s.objects[o.Ref], nil
}

func (s *kept) List(_ context.Context, like flux.Object) (list []flux.Object, err error) {
	for _, o := range s.objects {
		if o.Kind == like.Kind {
			list = append(list, o)
		}
	}
	return list, nil
}

// pinnedIn is a GitRepository that a Kustomization "owner" applies, with a record that says it was pinned from 5m to 1m.
func pinnedIn(name, now, session string, by flux.Manager) flux.Object {
	return flux.Object{
		Ref: flux.Ref{Group: "source.toolkit.fluxcd.io", Kind: "GitRepository", Namespace: "apps", Name: name}, Version: "v1", ResourceVersion: "1", Interval: &now,
		Labels:      map[string]string{"kustomize.toolkit.fluxcd.io/name": "owner", "kustomize.toolkit.fluxcd.io/namespace": "apps"},
		Annotations: map[string]string{tune.RecordAnnotation: `{"steps":[{"session":"` + session + `","policy":"p","time":"2026-01-01T00:00:00Z","fields":{"spec.interval":{"from":"5m","to":"1m","pinned":true}}}]}`},
		Owners:      []flux.FieldOwner{{Field: flux.Interval, Manager: by}},
	}
}

// A pin does not come back on a field that Git has taken back, when another object of the same owner is reverted.
func TestSettleLeavesGitWhatIsGits(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0).UTC()
	clock := Clock{Now: func() time.Time { return now }, Sleep: func(_ context.Context, d time.Duration) error { now = now.Add(d); return nil }}
	owner := object("apps", "owner", "")
	owner.ResourceVersion = "9"
	taken, held := pinnedIn("taken", "3m", "s1", flux.Manager{Name: "kustomize-controller", Apply: true}), pinnedIn("held", "1m", "s2", flux.Manager{Name: "fluxtune"})
	free := held.WithValue(flux.Interval, taken.Interval)
	free.Annotations = nil
	s := &kept{objects: map[flux.Ref]flux.Object{owner.Ref: owner, taken.Ref: taken, held.Ref: held}, patches: make(map[flux.Ref][]string), after: map[flux.Ref]flux.Object{held.Ref: free}}
	decide := func(o flux.Object) tune.Restore { return tune.DecideRestore(o, tune.RestoreOptions{Session: "s2"}) }
	Carry(context.Background(), s, Run{Writes: []tune.Write{tune.RestoreWrite{Restore: decide(held), Decide: decide}}, Owners: []flux.Object{owner}}, WriteOptions{}, clock)
	require.NotEmpty(t, s.patches[held.Ref])
	assert.Empty(t, s.patches[owner.Ref], "it gets no rule")
}

// What an apply has set under a rule that somebody has taken away, and that Git has set back by the end, it does not say is done.
func TestNoteUndone(t *testing.T) {
	t.Parallel()
	owner := object("apps", "owner", "")
	pinned := tune.Stick{Owner: owner.Ref, Fields: []tune.FieldStick{{Field: flux.Interval, Pinned: true}}}
	results := func() (list []Result) {
		for _, name := range []string{"undone", "stands"} {
			o := pinnedIn(name, "5m", "s1", flux.Manager{})
			list = append(list, Result{Write: tune.ApplyWrite{Item: tune.Item{Object: o, Action: tune.ActionChange, Stick: pinned}}, Outcome: Configured})
		}
		return list
	}()
	noteUndone(results, owner.Ref, []flux.Ref{results[0].Write.Target().Ref})
	require.EqualError(t, results[0].Err, "the rule that keeps it is gone from Kustomization apps/owner, and something has set it back: pin it again")
	assert.NoError(t, results[1].Err)
}
