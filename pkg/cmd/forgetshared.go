package cmd

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// proposeForShared says how one goes on with objects of which the session that is to be forgotten is not the only one: the other
// sessions are taken back first, where a revert of each leaves nothing of it, or all that their records know is dropped.
func (o ForgetOptions) proposeForShared(f fleet, judge *tune.Judge, shared []flux.Object) {
	care := &tune.Options{Judge: judge, Graph: f.graph}
	var sessions, namespaces []string
	byNamespace := map[string][]string{}
	for _, object := range shared {
		if byNamespace[object.Namespace] == nil {
			namespaces = append(namespaces, object.Namespace)
		}
		byNamespace[object.Namespace] = append(byNamespace[object.Namespace], terminal.Quoted(object.Kind+"/"+object.Name))
		record, _ := tune.ReadRecord(object)
		others := record.Sessions(o.Session)
		if slices.ContainsFunc(others, func(session string) bool {
			r := tune.DecideRestore(object, tune.RestoreOptions{Session: session, Care: care})
			return r.Action != tune.ActionChange || r.Record.HasSession(session)
		}) {
			continue // somebody changed it since, and each revert leaves that alone
		}
		for _, session := range others {
			if !slices.Contains(sessions, session) {
				sessions = append(sessions, session)
			}
		}
	}
	say := func(why, command string) { _, _ = fmt.Fprintf(o.root.ErrOut, "%s: %s %s\n", why, o.root.name, command) }
	for _, session := range sessions {
		say("Take the other session back first", "revert"+o.scopeFlags(o.root)+" --session "+terminal.Quoted(session))
	}
	why := "Keep what is there, and drop the records of all sessions"
	if len(sessions) > 0 {
		why = "Or keep what is there, and drop the records of all sessions"
	}
	for _, namespace := range namespaces {
		say(why, fmt.Sprintf("forget%s -n %s %s", o.inCluster(o.root).connection(), terminal.Quoted(namespace), strings.Join(byNamespace[namespace], " ")))
	}
}
