package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// eachWithSession does something in each cluster. A session that nothing bears in one of several is no error there; it is one
// where nothing bears it in any.
func (o WriteOptions) eachWithSession(ctx context.Context, fs fleets, do func(WriteOptions, fleet) error) error {
	looked, last, without := 0, sessionGone{}, 0
	var there []string
	err := o.eachCluster(ctx, fs, func(w WriteOptions, f fleet) error {
		err := do(w, f)
		looked++
		gone, is := errors.AsType[sessionGone](err)
		if !is || len(fs.all) == 1 {
			return err
		}
		last, without, there = gone, without+1, append(there, gone.there...)
		_, _ = fmt.Fprintf(o.root.ErrOut, "Nothing was tuned by session %s %s.\n", gone.session, gone.where)
		return nil
	})
	if err == nil && without == looked && without > 0 {
		slices.Sort(there)
		return sessionGone{last.session, fs.where(o.FleetOptions), slices.Compact(there)}
	}
	return err
}

// sessionGone says that nothing bears a session: it was mistyped, or is taken back already.
type sessionGone struct {
	session, where string
	there          []string // the sessions that are known where it was looked for, as a shell takes them
}

// noSuchSession is it in one cluster.
func (f fleet) noSuchSession(session, where string) sessionGone {
	return sessionGone{session, where, report.NewSessionList("", tune.Sessions(f.objects, nil), nil).Names()}
}

// Error implements error.
func (e sessionGone) Error() string {
	if n := len(e.there); n > 0 {
		names, more := strings.Join(e.there[:min(n, fewSessions)], ", "), ""
		if n > fewSessions {
			more = fmt.Sprintf(" and %d more", n-fewSessions)
		}
		return fmt.Sprintf("--session %q: no Flux object %s was tuned by it, but by %s%s (sessions tells of each, with -A --all-contexts of all clusters)", e.session, e.where, names, more)
	}
	return fmt.Sprintf("--session %q: no Flux object %s was tuned by it: sessions lists those that stand, with -A --all-contexts those of all clusters", e.session, e.where)
}

// fewSessions is how many are named beside one that is not there.
const fewSessions = 3
