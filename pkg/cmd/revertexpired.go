package cmd

import (
	"context"
	"errors"
	"fmt"

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
	o.root.warn(o.tellStrayEnds(o.root, f.objects), bad)
	failed := complete(bad)
	overdue := 0
	var undecided []string
	for _, s := range tune.Sessions(f.objects, nil) {
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
