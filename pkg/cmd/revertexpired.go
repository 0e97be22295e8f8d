package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// revertExpired takes back the sessions whose time is over, the newest first, and rules that no record needs: what a killed
// program left, or a user who may not change their owner.
func (o RevertOptions) revertExpired(ctx context.Context, f fleet) error {
	bad := tune.BadRecords(f.objects)
	sessions := tune.Sessions(f.objects, nil)
	o.root.warn(o.tellStrayEnds(o.root, o.beside(f.objects, sessions)), bad)
	failed := complete(o.expiredOf(f.objects))
	o.proposeForget(f.objects)
	overdue := 0
	var undecided []string
	for _, s := range sessions {
		if s.Undecided(o.now()) {
			undecided = append(undecided, s.ID)
		}
		if !s.Overdue(o.now()) {
			continue
		}
		overdue++
		o.Session = s.ID
		now, err := o.readTuned(ctx) // the one before changed objects
		if err == nil {
			now.all[0].place = f.place
			now.all[0].objects = tune.Readable(now.all[0].objects) // the others are told of
			err = o.revert(ctx, now.all[0])
		}
		if gone, chose := (sessionGone{}), (othersChose{}); errors.As(err, &gone) || errors.As(err, &chose) {
			err = nil // somebody was faster; or it is named, and stays until a person, or the end of another session, decides
		}
		failed = errors.Join(failed, err)
		if ctx.Err() != nil {
			break
		}
	}
	o.root.proposeDecision(undecided, o.scopeFlags(o.root))
	if overdue == 0 && len(bad) == 0 && !f.snapshot.Incomplete() {
		if len(o.leftRules(f, o.now())) > 0 {
			return o.restore(ctx, f, nil, nil)
		}
		o.tellAwaited(f, nil, nil)
		_, _ = fmt.Fprintf(o.root.ErrOut, "No session is overdue %s%s.\n", o.where(), o.elsewhere())
	}
	if overdue == 0 { // a document is promised, also of nothing
		failed = errors.Join(failed, o.show(report.NewResults("", cluster.Restored, nil).With(cluster.Outcomes{}, f.snapshot.Gaps)))
	}
	if failed != nil {
		return failed
	}
	return f.complete()
}

// beside are the objects that bear no overdue session: the others get their annotations with what is taken back of them.
func (o RevertOptions) beside(objects []flux.Object, sessions []tune.Session) []flux.Object {
	return slices.DeleteFunc(slices.Clone(objects), func(object flux.Object) bool {
		record, err := tune.ReadRecord(object)
		return err == nil && slices.ContainsFunc(sessions, func(s tune.Session) bool { return s.Overdue(o.now()) && record.HasSession(s.ID) })
	})
}

// expiredOf are the records that cannot be read of objects where something is over: those keep it from being taken back. The others are
// no failure, as another try makes nothing else of them.
func (o RevertOptions) expiredOf(objects []flux.Object) []flux.Gap {
	return tune.BadRecords(slices.DeleteFunc(slices.Clone(objects), func(object flux.Object) bool { return !tune.Expired(object, o.now()) }))
}

// proposeForget says how records go that cannot be read, of the first namespaces with any.
func (o RevertOptions) proposeForget(objects []flux.Object) {
	const most = 3
	var namespaces []string
	names := map[string][]string{}
	for _, object := range objects {
		if _, err := tune.ReadRecord(object); err == nil {
			continue
		}
		if names[object.Namespace] == nil {
			namespaces = append(namespaces, object.Namespace)
		}
		names[object.Namespace] = append(names[object.Namespace], terminal.Quoted(object.Kind+"/"+object.Name))
	}
	for _, namespace := range namespaces[:min(len(namespaces), most)] {
		_, _ = fmt.Fprintf(o.root.ErrOut, "What cannot be read is dropped, once the values are as they should be, with: %s forget%s -n %s %s\n", o.root.name, o.inCluster(o.root).connection(), terminal.Quoted(namespace), strings.Join(names[namespace], " "))
	}
}

// proposeDecision says of sessions that are over, but for what others changed since, how somebody decides about that.
func (r *root) proposeDecision(sessions []string, scope string) {
	for _, session := range sessions {
		_, _ = fmt.Fprintf(r.ErrOut, "Session %s is over, but for what others changed since. That is restored with: %s revert%s --session %s --force\n", session, r.name, scope, terminal.Quoted(session))
		_, _ = fmt.Fprintf(r.ErrOut, "Or it is kept as it is with: %s forget%s --session %s\n", r.name, scope, terminal.Quoted(session))
	}
}

// strayEnds tell of annotations for monitoring that no record has, each with what puts it right.
func (o FleetOptions) strayEnds(r *root, objects []flux.Object) tune.StrayEnds {
	return tune.NewStrayEnds(objects, "kubectl"+o.inCluster(r).connection())
}

// tellStrayEnds warns of them.
func (o FleetOptions) tellStrayEnds(r *root, objects []flux.Object) []string {
	return o.strayEnds(r, objects).Warning(r.name + " doctor" + o.inCluster(r).connection())
}
