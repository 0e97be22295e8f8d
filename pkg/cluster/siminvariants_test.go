package cluster_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/hack/sim"
	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

var applier = sim.Owner{Manager: "kustomize-controller", Apply: true}

// wrote holds a patch of ours against what must never be, at the moment at which it arrives.
func (m *machine) wrote(r *sim.Resource, values map[sim.Path]*string) {
	_, touched := values[sim.Path(flux.IgnoreField)]
	m.ruled[r.Ref] = m.ruled[r.Ref] || touched
	if touched && r.Owners[applier][sim.Path(flux.IgnoreField)] {
		m.complaint("spec.ignore of %s is set in Git, and was written", r.Ref)
	}
	optOut, marked := r.Annotations[tune.OptOutAnnotation]
	if marked && optOut != tune.OptInValue && m.command.Verb == sim.VerbApply && r.Ref.Namespace != m.touched.System {
		m.complaint("%s is opted out (%s), and was written", r.Ref, optOut)
	}
	m.adoptedUnseen(r)
	m.take(r, values)
	for _, f := range sim.Tunables {
		value, touched := values[sim.Path(f)]
		now, there := r.Fields[f]
		if touched && ((value == nil && there) || (value != nil && (!there || *value != now))) {
			m.wroteField(r, f, now)
		}
	}
	record, named := values[sim.AnnotationPath(tune.RecordAnnotation)]
	if named && m.command.Verb == sim.VerbForget {
		for f, by := range r.LastWriter { // what we set is the owner's own from now on
			m.forced[r.Ref] = m.forced[r.Ref] || by == sim.ByUs
			r.LastWriter[f] = sim.ByHand
		}
	}
	if named {
		m.hold(r, values, record)
	}
}

func (m *machine) complaint(format string, args ...any) {
	m.complaints = append(m.complaints, fmt.Sprintf("%s: ", m.command)+fmt.Sprintf(format, args...))
}

// wroteField holds a change of a field by us against who decides it.
func (m *machine) wroteField(r *sim.Resource, f flux.Field, now string) {
	c := m.command
	if c.Verb == sim.VerbApply && c.Managed == tune.ManagedSkip && !m.resent[r.Ref] && m.keptByOwner(r, f) && !(m.heldByUs(r, f) && m.recordedPin(r, f)) {
		m.complaint("%s %s is set by its owner, and was written without leave", r.Ref, f)
	}
	if c.Verb == sim.VerbApply && c.Managed == tune.ManagedPin && m.fault != sim.Meanwhile && m.fault != sim.Beside && m.keptByOwner(r, f) && !m.heldByUs(r, f) {
		m.complaint("%s %s is set by its owner, and was written before a rule was in place", r.Ref, f)
	}
	ownUndone := admission[m.fault] && r.LastWriter[f] == sim.ByUs
	if seen := m.seen[r.Ref][f]; seen != now && !ownUndone && !(m.meant.Ref == r.Ref && m.meant.Field == f) {
		m.complaint("%s %s was %q when the plan was made, is %q, and was overwritten", r.Ref, f, seen, now)
	}
	if c.Verb == sim.VerbRevert && r.LastWriter[f] != sim.ByUs {
		m.forced[r.Ref] = true
		// What a hand applied with the value that we had pinned, kustomize-controller takes over: that looks as if it had
		// adopted ours.
		takenOver := m.handled[r.Ref] && m.recordedPin(r, f) && r.Owners[applier][sim.Path(f)]
		if !c.Force && !takenOver {
			m.complaint("%s %s is its owner's later choice %q, and was taken back", r.Ref, f, now)
		}
	}
	// A hand that says what is there already owns it beside us.
	m.forced[r.Ref] = m.forced[r.Ref] || c.Force && r.OwnedBeside(sim.Path(f))
	if c.Verb == sim.VerbForget {
		m.complaint("%s %s was changed by forget", r.Ref, f)
	}
	if later := m.laterSession(r, f, now); c.Verb == sim.VerbRevert && c.Session != "" && !c.Force && later != "" && later != c.Session {
		m.complaint("%s %s is as session %s set it, and was taken back", r.Ref, f, later)
	}
	delete(m.held[r.Ref], f)
}

// laterSession is the last that set a field, where its value stands; "" where it does not.
func (m *machine) laterSession(r *sim.Resource, f flux.Field, now string) string {
	record, err := m.record(r)
	if err != nil || record == nil {
		return ""
	}
	session := ""
	for _, step := range record.Steps {
		if move, moves := step.Fields[f]; moves {
			session = ""
			if move.To != nil && *move.To == now {
				session = step.Session
			}
		}
	}
	return session
}

// hold notes what an apply sets under a rule of ours, and drops what a record names no more.
func (m *machine) hold(r *sim.Resource, values map[sim.Path]*string, text *string) {
	if len(m.held[r.Ref]) == 0 && m.command.Verb != sim.VerbApply {
		return
	}
	var record *tune.Record
	var err error
	if text != nil {
		record, err = m.recordOf(r, *text)
	}
	if err != nil {
		m.complaint("%s got a record that cannot be read: %v", r.Ref, err)
		return
	}
	for f, session := range m.held[r.Ref] {
		if record == nil || !slices.ContainsFunc(record.Steps, func(s tune.Step) bool { _, names := s.Fields[f]; return names && s.Session == session }) {
			delete(m.held[r.Ref], f)
		}
	}
	for _, f := range sim.Tunables {
		_, sets := values[sim.Path(f)]
		// Whoever cannot see the rule is told that the value may be undone; unless an earlier step needs the rule.
		blind := m.command.Tenant && m.command.Managed == tune.ManagedPatch && !slices.Contains(record.Pinned(), f)
		// What a killed run left holds nothing: it goes at the end.
		leftover := m.command.Managed != tune.ManagedPin && !m.recordedPin(r, f)
		undoes := !record.HasSession(m.command.Session)
		if sets && m.command.Verb == sim.VerbApply && !undoes && m.heldByUs(r, f) && !m.heldByThem(r, f) && !blind && !leftover {
			if m.held[r.Ref] == nil {
				m.held[r.Ref] = make(map[flux.Field]string)
			}
			m.held[r.Ref][f] = m.command.Session
		}
	}
}

// recordedPin tells whether the record of an object says that a field is pinned.
func (m *machine) recordedPin(r *sim.Resource, f flux.Field) bool {
	record, err := m.record(r)
	return err == nil && slices.Contains(record.Pinned(), f)
}

// applied: what we set under a rule, and nobody took back, still stands after a reconcile; unless its owner has taken
// the rules away.
func (m *machine) applied(parent, before, after *sim.Resource) {
	if before.Ref == m.touched.Apps && len(tune.OurRules(before.Object())) > len(tune.OurRules(after.Object())) {
		m.release(before.Ref)
	}
	for f := range m.held[before.Ref] {
		was, is := before.Fields[f], after.Fields[f]
		if before.LastWriter[f] == sim.ByUs && was != is {
			m.complaint("%s %s was set to %q under a rule, and a reconcile of %s made it %q", before.Ref, f, was, parent.Ref, is)
		}
	}
}

// release forgets what rules of a parent held: somebody took them away.
func (m *machine) release(parent flux.Ref) {
	for ref, at := range m.touched.ParentOf {
		if at == parent {
			delete(m.held, ref)
		}
	}
}

// keptByOwner tells whether something sets a field again by itself: Git by a parent that is there, or an unknown
// applier.
func (m *machine) keptByOwner(r *sim.Resource, f flux.Field) bool {
	w := m.touched
	// Where Git has come to say what we had set, nothing differs and nothing is applied: no owner is to be seen.
	unseen := r.LastWriter[f] == sim.ByUs && !r.OwnedBeside(sim.Path(f)) && !m.takenFromGit(r, f)
	if parent := w.Resources[w.ParentOf[r.Ref]]; parent != nil && r.FromGit[f] && !unseen && !sim.IgnoredFields(theirRules(parent), r.Ref)[sim.Path(f)] {
		return true
	}
	return r.Owners[sim.Owner{Manager: sim.Stranger, Apply: true}][sim.Path(f)]
}

// takenFromGit tells whether the record says that a parent owned a field before us.
func (m *machine) takenFromGit(r *sim.Resource, f flux.Field) bool {
	record, err := m.record(r)
	return err != nil || record != nil && slices.ContainsFunc(record.Steps, func(s tune.Step) bool {
		return slices.ContainsFunc(s.Fields[f].Owners, func(m flux.Manager) bool { return m.Name == applier.Manager })
	})
}

// underRule tells whether a rule holds a field, known to the parent or not.
func (m *machine) underRule(r *sim.Resource, f flux.Field) bool {
	parent := m.touched.Resources[m.touched.ParentOf[r.Ref]]
	return parent != nil && sim.IgnoredFields(parent.Ignore, r.Ref)[sim.Path(f)]
}

// heldByUs tells whether a rule holds a field, and the parent knows it.
func (m *machine) heldByUs(r *sim.Resource, f flux.Field) bool {
	parent := m.touched.Resources[m.touched.ParentOf[r.Ref]]
	return parent != nil && sim.IgnoredFields(parent.Ignore, r.Ref)[sim.Path(f)] && (parent.Suspended() || sim.IgnoredFields(parent.Observed, r.Ref)[sim.Path(f)])
}

// heldByThem tells whether a rule that is none of ours leaves a field of an object to others: it may go at any time.
func (m *machine) heldByThem(r *sim.Resource, f flux.Field) bool {
	parent := m.touched.Resources[m.touched.ParentOf[r.Ref]]
	return parent != nil && sim.IgnoredFields(theirRules(parent), r.Ref)[sim.Path(f)]
}

// checkReport holds what is said against what the server holds.
func (m *machine) checkReport(t failing, s *sim.Store, out cluster.Outcomes) {
	for _, r := range out.Objects {
		ref := r.Write.Target().Ref
		written := s.Written[ref] > 0
		if m.command.Verb == sim.VerbRevert && s.Fault == sim.DoubledChanged && written {
			// Whose the value is that the patch sent twice has met, nobody can tell: admission's looks like that of a hand under our name. So it
			// is left alone, and that is what is said.
			m.resent[ref], m.forced[ref] = true, true
			if r.Outcome == cluster.Skipped {
				continue
			}
		}
		if r.Outcome == cluster.Uncertain && (s.Fault == sim.Lost || s.Fault == sim.Refused) {
			continue
		}
		if r.Err != nil && strings.Contains(r.Err.Error(), "was taken away from") && s.Fault == sim.Beside {
			m.fail(t, "%s: somebody else's command has taken a rule away that was waited for: %s: %v", m.command, ref, r.Err)
		}
		if r.Err != nil && strings.Contains(r.Err.Error(), "does not become") && !admission[s.Fault] {
			m.fail(t, "%s: %s: %v", m.command, ref, r.Err)
		}
		if r.Err != nil && (strings.Contains(r.Err.Error(), "could not be taken back") || strings.Contains(r.Err.Error(), "not all of it is done")) {
			m.handled[ref] = true // the values come back; which run-once tool owned them beside, nobody knows
		}
		if r.Outcome == cluster.Failed && strings.HasSuffix(r.Err.Error(), ": it was taken back") {
			m.checkTakenBack(t, s, r)
			continue
		}
		// Of two who do just the same, the one that comes too late cannot tell that from its own patch, sent twice.
		same := !written && m.besides[ref] > 0 && m.command.Verb != sim.VerbApply
		if said := r.Outcome == cluster.Configured; said != written && !(said && same) {
			m.fail(t, "%s: %s is reported %s (%s %v), and was written %d times", m.command, ref, r.Outcome, r.Why, r.Err, s.Written[ref])
		}
	}
	for _, parent := range m.touched.Parents {
		listed := slices.ContainsFunc(out.Owners, func(r cluster.Result) bool { return r.Write.Target().Ref == parent })
		if m.ruled[parent] && !listed {
			m.fail(t, "%s: the rules of %s were written, and nothing says so", m.command, parent)
		}
	}
}

// checkTakenBack: what admission made something else of is as it was before the command, also its record.
func (m *machine) checkTakenBack(t failing, s *sim.Store, result cluster.Result) {
	ref := result.Write.Target().Ref
	r := m.touched.Resources[ref]
	switch {
	case m.meant.Ref == ref:
		return
	case !admission[s.Fault]:
		m.fail(t, "%s: %s: %v, and admission changed nothing", m.command, ref, result.Err)
	case !maps.Equal(byOthers(r, r.Fields), byOthers(r, m.seen[ref])) || r.Annotations[tune.RecordAnnotation] != m.records[ref]:
		m.fail(t, "%s: %s is said to be taken back, was %v with %q, and is %v with %q", m.command, ref,
			m.seen[ref], m.records[ref], r.Fields, r.Annotations[tune.RecordAnnotation])
	}
	for f, by := range r.LastWriter {
		if by == sim.ByUs { // it is again who it was
			r.LastWriter[f] = m.writers[ref][f]
		}
	}
}

// byOthers are the fields that no parent has set again: its rules have changed meanwhile.
func byOthers(r *sim.Resource, fields map[flux.Field]string) map[flux.Field]string {
	fields = maps.Clone(fields)
	maps.DeleteFunc(fields, func(f flux.Field, _ string) bool { return r.LastWriter[f] == sim.ByApplier })
	return fields
}

var admission = map[sim.Fault]bool{sim.Changed: true, sim.Stripped: true, sim.LostChanged: true, sim.LostStripped: true, sim.ChangedOn: true, sim.StrippedOn: true,
	sim.DoubledChanged: true, sim.DoubledStripped: true, sim.ChangedKilled: true}

// checkPinned: of what was set under a rule, and is said to be done, Git has undone nothing by the end; also where somebody
// else's command came between.
func (m *machine) checkPinned(t failing, out cluster.Outcomes) {
	if m.fault != sim.None && m.fault != sim.Beside {
		return // something else took the rules away, or the object
	}
	for _, result := range out.Objects {
		apply, ok := result.Write.(tune.ApplyWrite)
		if !ok || !apply.Item.Pinned() || result.Outcome != cluster.Configured || result.Err != nil {
			continue
		}
		r := m.touched.Resources[result.Write.Target().Ref]
		if record, err := m.record(r); err != nil || !record.HasSession(m.command.Session) {
			continue // somebody has taken it back, or forgotten it, right after it was done
		}
		for _, c := range apply.Item.Changes {
			// A field that somebody took away since its parent applied it shows no owner: no rule of ours is said to hold it.
			held := slices.ContainsFunc(apply.Item.Stick.Fields, func(f tune.FieldStick) bool { return f.Field == c.Field && f.Pinned })
			if now, set := r.Fields[c.Field]; held && r.LastWriter[c.Field] == sim.ByApplier && (!set || c.To == nil || now != *c.To) {
				m.fail(t, "%s: %s %s is said to be done under a rule, and its parent has made it %q", m.command, r.Ref, c.Field, now)
			}
		}
	}
}

// checkKept: what a revert finds changed by somebody's hand, and leaves so, it names.
func (m *machine) checkKept(t failing, s *sim.Store, before map[flux.Ref]*tune.Record, planned sim.Planned) {
	if m.command.Verb != sim.VerbRevert || m.command.Session != "" || m.command.Force || s.Fault == sim.Meanwhile || s.Fault == sim.Beside {
		return
	}
	for _, restore := range planned.Restores {
		r := m.touched.Resources[restore.Object.Ref]
		record := before[restore.Object.Ref]
		for _, f := range record.Fields() {
			named := slices.ContainsFunc(restore.Kept, func(k tune.KeptField) bool { return k.Field == f }) ||
				// Whoever declared it before has declared it again: then there is nothing to restore.
				slices.ContainsFunc(restore.Notes, func(note string) bool { return strings.HasPrefix(note, string(f)+" is ") })
			original := original(record, f)
			now, set := r.Fields[f]
			restored := set == (original != nil) && (!set || *original == now)
			if r.LastWriter[f] == sim.ByHand && !restored && !named {
				m.fail(t, "%s: somebody set %s %s to %q since, and nothing says so", m.command, restore.Object.Ref, f, now)
			}
		}
	}
}

// checkToldOnce: what the plan of a revert says will stay is not an error of the run, too.
func (m *machine) checkToldOnce(t failing, planned sim.Planned, out cluster.Outcomes) {
	kept := make(map[flux.Ref][]tune.KeptField)
	for _, restore := range planned.Restores {
		kept[restore.Object.Ref] = restore.Kept
	}
	for _, result := range out.Objects {
		ref := result.Write.Target().Ref
		for _, k := range kept[ref] {
			if result.Err != nil && strings.Contains(result.Err.Error(), k.Why) || result.Back == nil && strings.Contains(result.Why, k.Why) {
				m.fail(t, "%s: of %s it is told twice that %s", m.command, ref, k.Why)
			}
		}
	}
}

// original is what the owner of a field last chose: the value before the first of our moves that follow each other.
func original(record *tune.Record, f flux.Field) *string {
	var first, last *string
	moved := false
	for _, step := range record.Steps {
		m, moves := step.Fields[f]
		if !moves {
			continue
		}
		if !moved || (last == nil) != (m.From == nil) || last != nil && *last != *m.From {
			first = m.From
		}
		last, moved = m.To, true
	}
	return first
}

// checkRules: a rule of ours is there if and only if a record needs it, or a session that was killed may be waiting for it; none
// freezes what Git has set; and those of others are as they put them.
func (m *machine) checkRules(t failing, s *sim.Store, out cluster.Outcomes) {
	needs := tune.Needs(flux.Each(m.touched.Objects()))
	for _, parent := range m.touched.Parents {
		if slices.ContainsFunc(out.Owners, func(r cluster.Result) bool { return r.Write.Target().Ref == parent && r.Outcome != cluster.Configured }) {
			continue // it says that they could not be brought in order
		}
		r := m.touched.Resources[parent]
		have, want := pairs(tune.OurRules(r.Object())), pairs(needs.Pin(r.Object()).Rules)
		waiting := tune.Waiting(r.Object(), s.Now)
		for session := range waiting {
			if !m.broken[session] {
				m.fail(t, "%s: session %s has come to its end, and is noted as waiting", parent, session)
			}
		}
		for pair := range have {
			if !want[pair] && len(waiting) == 0 {
				m.fail(t, "%s has a rule of ours that no record needs: %s", parent, pair)
			}
		}
		if len(waiting) == 0 {
			m.checkFrozen(t, r)
		}
		adopted := slices.ContainsFunc(r.Object().OwnersOf(flux.IgnoreField), func(o flux.Manager) bool { return o.Apply })
		for pair := range want {
			if !have[pair] && !adopted && tune.Pinning(r.Object()) {
				m.fail(t, "%s lacks a rule that a record needs: %s", parent, pair)
			}
		}
		// What Git has, and has not applied since, it will put back.
		adopted = adopted || m.touched.Git[m.touched.Root][parent].Ignore != nil
		if theirs := m.untouched.Resources[parent].Ignore; !adopted && !slices.EqualFunc(theirRules(r), theirs, flux.IgnoreRule.Equal) {
			m.fail(t, "%s has rules of others %v, and they wrote %v", parent, theirRules(r), theirs)
		}
	}
}

// checkFrozen: no rule of ours keeps a value that a parent has set itself since. The record does not say so: it is asked of who wrote
// the value, for what records need is what is looked at. What a hand said with our value, the parent has taken over.
func (m *machine) checkFrozen(t failing, parent *sim.Resource) {
	ours := tune.OurRules(parent.Object())
	for _, ref := range m.touched.InGit {
		r := m.touched.Resources[ref]
		if m.touched.ParentOf[ref] != parent.Ref || r == nil {
			continue
		}
		for f := range r.Fields {
			if sim.IgnoredFields(ours, ref)[sim.Path(f)] && r.LastWriter[f] == sim.ByApplier && !m.handled[ref] {
				m.fail(t, "%s: a rule of %s freezes %s %s, which that has set to %q since", m.command, parent.Ref, ref, f, r.Fields[f])
			}
		}
	}
}
