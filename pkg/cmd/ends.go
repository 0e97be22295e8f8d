package cmd

import (
	"fmt"
	"slices"

	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// tellEnds names the sessions, or the one that is named, that would take objects back by themselves, and says what becomes of that.
func (o WriteOptions) tellEnds(objects []flux.Object, session, becomes string) {
	for _, s := range tune.Sessions(objects, nil) {
		if s.Until.IsZero() || session != "" && s.ID != session {
			continue
		}
		when := "is to end at"
		if s.Until.Before(o.now()) {
			when = "should have ended at"
		}
		_, _ = fmt.Fprintf(o.root.ErrOut, "Session %s %s %s and take %s back: %s.\n",
			whose(s), when, tune.ShowTime(s.Until), plural(s.Objects, "object"), becomes)
	}
}

// whose is how a session is called together with its user, as far as that is known.
func whose(s tune.Session) string {
	if s.By == "" {
		return s.ID
	}
	return s.ID + " of " + s.By
}

// changedOf are the objects of restores that are carried out.
func changedOf(restores []tune.Restore) (objects []flux.Object) {
	for _, r := range restores {
		if r.Action == tune.ActionChange {
			objects = append(objects, r.Object)
		}
	}
	return objects
}

// asGone are ways back as they were gone, in the place of those that were planned: they may find sessions that the plan could not know.
func asGone(planned []tune.Restore, out cluster.Outcomes) []tune.Restore {
	tried := make(map[flux.Ref]bool)
	var gone []tune.Restore
	for _, r := range out.Objects {
		tried[r.Write.Target().Ref] = true
		if r.Back != nil {
			gone = append(gone, *r.Back)
		}
	}
	return append(slices.DeleteFunc(slices.Clone(planned), func(r tune.Restore) bool { return tried[r.Object.Ref] }), gone...)
}
