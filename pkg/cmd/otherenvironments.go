package cmd

import (
	"fmt"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// tellOtherEnvironments counts what bears a session ("" is any), and what --env leaves out by the policy of this run: an apply may have had
// another one, or labels have changed since. It names the command, verb, that does the same to that.
func (o WriteOptions) tellOtherEnvironments(f fleet, session, verb, done string) {
	n := 0
	for _, object := range f.otherEnvironments() {
		record, err := tune.ReadRecord(object)
		if err == nil && record != nil && (session == "" || record.HasSession(session)) {
			n++
		}
	}
	if n == 0 {
		return
	}
	what, again, stay := "that fluxtune has tuned", "", "stays: its"
	if session != "" {
		what, again = "of session "+session, " --session "+terminal.Quoted(session)
	}
	if n > 1 {
		stay = "stay: their"
	}
	_, _ = fmt.Fprintf(o.root.ErrOut, "%s environment is another, or none, under this policy. That is %s with: %s %s%s%s\n",
		flux.InCluster(o.Cluster, fmt.Sprintf("%s %s %s", plural(n, "more object"), what, stay)), done, o.root.name, verb, o.scopeFlags(o.root), again)
}

// otherEnvironments are the objects that labels choose and environments do not.
func (f fleet) otherEnvironments() []flux.Object {
	any, chosen := f.options, make(map[flux.Ref]bool)
	if len(any.Environments) == 0 {
		return nil
	}
	for _, object := range f.objects {
		chosen[object.Ref] = true
	}
	any.Environments = nil
	var others []flux.Object
	for _, object := range any.fleetOf(f.snapshot).objects {
		if !chosen[object.Ref] {
			others = append(others, object)
		}
	}
	return others
}
