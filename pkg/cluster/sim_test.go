package cluster_test

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	"pgregory.net/rapid"

	"github.com/fluxtune/kubectl-fluxtune/hack/sim"
	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// machine is one history: the world that fluxtune works on, and the one that it never touched.
type machine struct {
	touched, untouched *sim.World
	log                []string
	// complaints are the promises that a write broke, as soon as it did.
	complaints []string
	// forced are objects that somebody made different from what their owners chose, on purpose: by revert --force, or
	// by forgetting what they had chosen.
	forced map[flux.Ref]bool
	// held are the fields that an apply set under a rule of ours, and its session: they are to stay until that one is
	// taken back.
	held map[flux.Ref]map[flux.Field]string
	// handled are the objects on which somebody changed by hand what an apply had set: whose name the field bore before
	// nobody can tell any more where it then became what it was.
	handled map[flux.Ref]bool
	// hidden are the objects whose metadata.managedFields somebody took away: who owned what before nobody can tell any more.
	hidden map[flux.Ref]bool
	// resent are the objects of which a patch that restores was sent twice by a proxy, and changed by admission.
	resent map[flux.Ref]bool
	// command under way, and what the fields were when it read them.
	command sim.Command
	fault   sim.Fault
	// meant is what somebody set within it under our name, just as it was to be sent: that looks like our patch, of which admission has
	// dropped the record, and is taken back.
	meant   sim.Event
	seen    map[flux.Ref]map[flux.Field]string
	records map[flux.Ref]string
	writers map[flux.Ref]map[flux.Field]sim.Writer
	// ruled are the parents whose rules it has written.
	ruled map[flux.Ref]bool
	// besides are the objects that somebody else's command wrote meanwhile, or of which somebody took the record away.
	besides map[flux.Ref]int
	// took is what the command has written, where it takes back or forgets.
	took map[flux.Ref]*taken
	// now is the time. Some of it passes between two steps: what a killed command left is found before and after it counts.
	now time.Time
	// broken are sessions that did not come to their end, or could not write by then: they may be noted as waiting.
	broken map[string]bool
	// read are the records by their texts: each is looked at many times.
	read map[string]readRecord
}

type readRecord struct {
	record *tune.Record
	err    error
}

// betweenSteps is shorter than a session may wait for its rules.
const betweenSteps = 4 * time.Minute

// failing is a test of one history, or of many.
type failing interface {
	Helper()
	Fatalf(format string, args ...any)
}

func newMachine() *machine {
	l := sim.NewLayout("")
	m := &machine{touched: sim.NewWorld(l), untouched: sim.NewWorld(l), forced: make(map[flux.Ref]bool), held: make(map[flux.Ref]map[flux.Field]string),
		handled: make(map[flux.Ref]bool), hidden: make(map[flux.Ref]bool), resent: make(map[flux.Ref]bool), now: time.Unix(0, 0), broken: make(map[string]bool), read: make(map[string]readRecord)}
	m.touched.Twin, m.touched.Wrote, m.touched.Applied = m.untouched, m.wrote, m.applied
	return m
}

// both lets an owner, Git or a controller act in both worlds.
func (m *machine) both(e sim.Event) {
	e, happens := m.touched.Resolve(e)
	if !happens {
		return
	}
	m.touched.Now = m.touched.Now.Add(time.Second)
	m.untouched.Now = m.touched.Now
	if e.What == sim.Rules && e.Ref == m.touched.Apps || e.Applies {
		for _, rule := range e.Rules { // what Git, or who declares it, leaves to others from now on may be what our rule has kept from it
			for _, ref := range tune.Targets(rule) {
				m.forced[ref] = true
			}
		}
	}
	if e.What == sim.Edit || e.What == sim.Apply || e.What == sim.Declare {
		r := m.touched.Resources[e.Ref]
		recorded := r.Annotations[tune.RecordAnnotation] != ""
		// What it says under a rule of ours, the parent does not take back: nothing differs any more.
		m.handled[e.Ref] = m.handled[e.Ref] || recorded || m.underRule(r, e.Field)
		// It declares an interval only: what else it declared before our change, nobody can tell.
		m.forced[e.Ref] = m.forced[e.Ref] || recorded && e.Manager == "flux"
		// What a copy of the object had kubectl apply take away, with the record.
		m.forced[e.Ref] = m.forced[e.Ref] || e.What == sim.Declare && strings.Contains(r.Annotations[corev1.LastAppliedConfigAnnotation], tune.RecordAnnotation)
	}
	if r := m.touched.Resources[e.Ref]; e.What == sim.Hide {
		for _, f := range sim.Tunables { // what a hand declared just as we had set it, nothing tells any more
			m.forced[e.Ref] = m.forced[e.Ref] || declaredBeside(r, f) && m.laterSession(r, f, r.Fields[f]) != ""
		}
	}
	if e.What == sim.Unrecord {
		m.unrecorded(m.touched.Resources[e.Ref])
	}
	if e.What == sim.Unpin || e.What == sim.Rules && e.Ref == m.touched.Infra && !e.WithOurs {
		m.release(e.Ref)
	}
	m.untouched.Do(m.untouched.WithoutUs(e)) // first, for it reconciles with the other, and is to know by then
	m.touched.Do(e)
	m.hidden[e.Ref] = m.hidden[e.Ref] || e.What == sim.Hide
	switch r := m.touched.Resources[e.Ref]; {
	case r == nil:
	case !r.Tracked():
		m.unproven(r, sim.Tunables...)
	case e.What == sim.Edit && e.Manager != "":
		m.unproven(r, e.Field)
	case e.What == sim.Replace: // what a hand declared just as we had set it, the copy tells no more
		m.unproven(r, slices.DeleteFunc(slices.Clone(sim.Tunables), func(f flux.Field) bool { return r.OwnedBeside(sim.Path(f)) })...)
	}
}

// declaredBeside tells whether somebody beside the commands owns a field, or has applied it by a name of theirs, which they never do.
func declaredBeside(r *sim.Resource, f flux.Field) bool {
	for k, set := range r.Owners {
		if k.Apply && set[sim.Path(f)] {
			return true
		}
	}
	return r.OwnedBeside(sim.Path(f))
}

// unrecorded: what an apply has set stays where its record goes, unless a revert has put it back already: that one takes our name away, too.
// Which run-once tool owned what an owner has set back, nobody knows any more.
func (m *machine) unrecorded(r *sim.Resource) {
	record, err := m.record(r)
	for _, f := range record.Fields() {
		back := original(record, f)
		now, set := r.Fields[f]
		m.forced[r.Ref] = m.forced[r.Ref] || set != (back != nil) || set && now != *back
		m.handled[r.Ref] = m.handled[r.Ref] || r.LastWriter[f] != sim.ByUs
	}
	m.forced[r.Ref] = m.forced[r.Ref] || err != nil || m.command.Verb != sim.VerbRevert || m.command.Session != ""
	m.besides = map[flux.Ref]int{r.Ref: 1}
	delete(m.held, r.Ref)
}

// unproven: of an object of which nobody is known to own fields, or by a name of ours, values that we had set are ours: so a revert
// leaves them that ends before the record is written.
func (m *machine) unproven(r *sim.Resource, fields ...flux.Field) {
	record, err := tune.ReadRecord(r.Object())
	if err != nil || record == nil {
		return
	}
	for _, step := range record.Steps {
		for f, move := range step.Fields {
			if now, set := r.Fields[f]; set && slices.Contains(fields, f) && move.To != nil && *move.To == now && r.LastWriter[f] != sim.ByUs {
				r.LastWriter[f], m.forced[r.Ref] = sim.ByUs, true
			}
		}
	}
}

// run carries a command out, on a server on which something may go wrong.
func (m *machine) run(step sim.Step) (*sim.Store, sim.Planned, cluster.Outcomes) {
	c := *step.Command
	c.Time = m.touched.Now
	m.command, m.fault, m.seen, m.records = c, step.Fault, make(map[flux.Ref]map[flux.Field]string), make(map[flux.Ref]string)
	m.writers, m.ruled, m.besides = make(map[flux.Ref]map[flux.Field]sim.Writer), make(map[flux.Ref]bool), nil
	m.took, m.meant = make(map[flux.Ref]*taken), sim.Event{}
	for ref, r := range m.touched.Resources {
		m.seen[ref], m.records[ref], m.writers[ref] = maps.Clone(r.Fields), r.Annotations[tune.RecordAnnotation], maps.Clone(r.LastWriter)
	}
	planned := c.Plan(c.Snapshot(m.touched.Layout, m.touched.Objects()))
	s := &sim.Store{
		Now:   m.now,
		Store: sim.Server{World: m.touched, Manager: c.Manager}, Forbidden: c.Forbidden(m.touched.Layout), Fault: step.Fault, At: step.At,
		Meanwhile: func(ref flux.Ref) {
			if step.Beside != nil {
				m.beside(*step.Beside)
				return
			}
			e := step.Event
			if e.What == sim.DeleteIt || e.What == sim.Unrecord {
				if e.Ref = ref; ref.Namespace == m.touched.System || ref.Name == "" {
					return // a list, or a parent
				}
			}
			m.means(e, planned)
			m.both(e)
			if e.What == sim.Unpin { // the command may set them anew, as it has planned
				for _, child := range m.touched.InGit {
					m.handled[child] = m.handled[child] || m.touched.ParentOf[child] == e.Ref
				}
			}
		},
		Sleep: func(time.Duration) { m.touched.Settle() },
		Eager: step.Fault == sim.Beside && step.At%2 == 0, // then parents do not wait for the other command to end
	}
	out := planned.Carry(context.Background(), s)
	m.touched.Settle()
	m.broken[c.Session] = m.broken[c.Session] || s.Dead || step.Fault != sim.None && step.Fault != sim.Beside
	return s, planned, out
}

// means notes what somebody sets under our name just as it is planned.
func (m *machine) means(e sim.Event, planned sim.Planned) {
	for _, w := range planned.Run.Writes {
		apply, ok := w.(tune.ApplyWrite)
		if ok && e.AsUs && e.Ref == w.Target().Ref && text(apply.Item.Planned(e.Field)) == e.Value {
			m.meant, m.forced[e.Ref] = e, true
		}
	}
}

// beside is a command that somebody else runs while another one is under way.
func (m *machine) beside(c sim.Command) {
	command, fault, seen, records, writers, ruled, took := m.command, m.fault, m.seen, m.records, m.writers, m.ruled, m.took
	s, _, _ := m.run(sim.Step{Command: &c})
	m.besides = s.Written
	m.command, m.fault, m.seen, m.records, m.writers, m.ruled, m.took = command, fault, seen, records, writers, ruled, took
}

// step is a command, perhaps with something that goes wrong in it, or an event.
func (m *machine) step(t failing, step sim.Step) {
	m.log = append(m.log, step.String())
	m.now = m.now.Add(betweenSteps)
	m.touched.Now, m.untouched.Now = m.now, m.now
	if step.Command == nil {
		m.both(step.Event)
		return
	}
	var before map[flux.Ref]*tune.Record
	if step.Command.Verb == sim.VerbRevert {
		before = m.recordsNow()
	}
	s, planned, out := m.run(step)
	if s.Dead { // nobody reads what it would have said
		return
	}
	m.checkReport(t, s, out)
	m.checkOwnersTold(t, s, out)
	m.checkPinned(t, out)
	m.checkKept(t, s, before, planned)
	m.checkToldOnce(t, planned, out)
	m.checkTold(t, s, planned, out)
	// What happens after the records were read is for the next command.
	blind := step.Command.Tenant || step.Beside != nil && step.Beside.Tenant // it says that it could not compare them
	if !blind && s.Fault != sim.Forbidden && s.Fault != sim.LostForbidden && s.Fault != sim.Meanwhile {
		m.checkRules(t, s, out)
	}
}

// adoptedUnseen: under a rule that no record names, that of a program which was killed, may not take it away again, or is
// about to write the records, the parent may have adopted a value of ours: then it looks as if Git said it.
func (m *machine) adoptedUnseen(r *sim.Resource) {
	record, err := m.record(r)
	if err != nil || record == nil {
		return
	}
	for _, f := range sim.Tunables {
		adopted := r.Owners[applier][sim.Path(f)] && r.LastWriter[f] == sim.ByUs
		m.handled[r.Ref] = m.handled[r.Ref] || adopted && !slices.Contains(record.Pinned(), f)
	}
}

func (m *machine) fail(t failing, format string, args ...any) {
	t.Helper()
	t.Fatalf("%s\n%s", fmt.Sprintf(format, args...), strings.Join(m.log, "\n"))
}

// checkWayBack takes everything back, and compares with the world in which fluxtune never was.
func (m *machine) checkWayBack(t failing) {
	m.now = m.now.Add(24 * time.Hour) // whoever was killed waits no more
	for _, c := range []sim.Command{{Verb: sim.VerbRevert, Manager: "cron"}, {Verb: sim.VerbForget, Manager: "cron"}} {
		m.step(t, sim.Step{Command: &c})
		if c.Verb == sim.VerbRevert {
			m.checkNothingStays(t)
		}
	}
	for _, parent := range []flux.Ref{m.touched.Root, m.touched.Apps, m.touched.Infra} {
		for _, w := range []*sim.World{m.untouched, m.touched} {
			w.Resume(parent)
			w.Fetch(parent)
		}
	}
	m.complain(t)
	for _, ref := range m.untouched.Refs() {
		got, want := m.touched.Resources[ref], m.untouched.Resources[ref]
		concede(got, want, m.handled[ref])
		switch {
		case got == nil:
			m.fail(t, "%s is gone", ref)
		case m.hidden[ref] && got.Values() == want.Values() && !ourNameLeft(got, want): // who else owned what before, nobody can tell
		case m.forced[ref]: // an owner's choice was taken back on purpose
		case got.Lasting(m.handled[ref]) != want.Lasting(m.handled[ref]):
			m.fail(t, "after everything was taken back %s is\n%s\nand would be\n%s", ref, got.Lasting(false), want.Lasting(false))
		}
	}
}

// checkNothingStays: a full revert that nothing disturbs leaves in a record only what somebody else has set since, and what
// follows an interval of somebody's.
func (m *machine) checkNothingStays(t failing) {
	for ref, r := range m.touched.Resources {
		record, err := m.record(r)
		if record == nil || err != nil || m.resent[ref] {
			continue
		}
		ours := func(f flux.Field) bool {
			theirs := slices.ContainsFunc(r.Object().OwnersOf(f), func(o flux.Manager) bool { return o.Apply || !slices.Contains(sim.Managers, o.Name) })
			return r.LastWriter[f] == sim.ByUs && !theirs
		}
		fields := record.Fields()
		if slices.Contains(fields, flux.Interval) && !ours(flux.Interval) {
			continue
		}
		if i := slices.IndexFunc(fields, ours); i >= 0 {
			m.fail(t, "a full revert leaves %s of %s as fluxtune has set it: %q", fields[i], ref, r.Fields[fields[i]])
		}
	}
}

// concede: where a value of ours made a parent apply its own again, it may own what Git sets although a hand had said the
// same before, and own no more what Git has dropped and a hand keeps; never the other way round. What a run-once tool applied under a rule of ours, the parent does not take back as long as it
// is what Git says: it stays its own beside that tool, in which case what Git drops stays either way. So it does where a
// hand took a field away that such a tool owned too, and Git has set it again before it was dropped. And where Git dropped a
// field while it had our value, the parent gets it back beside that tool, which keeps it either way.
func concede(got, want *sim.Resource, handled bool) {
	if got == nil || want.Owners[applier] == nil {
		return
	}
	tool := sim.Owner{Manager: "flux", Apply: true}
	for _, f := range sim.Tunables {
		p := sim.Path(f)
		owned := got.Owners[applier][p]
		_, wanted := want.Fields[f]
		switch {
		case want.FromGit[f] && owned:
			want.Owners[applier][p] = true
		case handled && !want.FromGit[f] && !wanted && got.Owners[tool][p]:
			delete(got.Fields, f)
			delete(got.Owners[applier], p)
		case !want.FromGit[f] && owned && got.Owners[tool][p] && want.Owners[tool][p]:
			delete(got.Owners[applier], p)
			delete(want.Owners[applier], p)
		case !want.FromGit[f] && !owned, handled && !owned && got.Owners[tool][p]:
			delete(want.Owners[applier], p)
		}
	}
}

// ourNameLeft tells whether a resource bears a field manager of ours that it would not.
func ourNameLeft(got, want *sim.Resource) bool {
	for owner := range got.Owners {
		if slices.Contains(sim.Managers, owner.Manager) && want.Owners[owner] == nil {
			return true
		}
	}
	return false
}

func (m *machine) complain(t failing) {
	if len(m.complaints) > 0 {
		m.fail(t, "%s", m.complaints[0])
	}
}

// TestSequences looks for histories in which a promise does not hold: 20,000 of them, the same in every run. Others are
// looked at with -rapid.seed=N.
func TestSequences(t *testing.T) {
	l := sim.NewLayout("")
	for i := range 2 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				for range i { // other histories from the same seed
					rapid.Uint64().Draw(t, "offset")
				}
				m := newMachine()
				for _, step := range sim.Draw(t, l, 9) {
					m.step(t, step)
					m.complain(t)
				}
				m.checkWayBack(t)
			})
		})
	}
}

// TestRuleThatIsWaitedFor: somebody else's revert comes between a rule and the change that needs it. No record names the rule
// yet, and it stays.
func TestRuleThatIsWaitedFor(t *testing.T) {
	t.Parallel()
	for request := 3; request <= 5; request++ { // after the rules of both owners, before the first change
		_, told := pinBeside(t, newMachine(), request)
		assert.Empty(t, told)
	}
}

// TestRuleTakenAwayMeanwhile: where it takes longer than it may, the rule is taken away, is there again at the end, and the
// object says what happened.
func TestRuleTakenAwayMeanwhile(t *testing.T) {
	t.Parallel()
	for request := 3; request <= 5; request++ {
		m := newMachine()
		wrote := m.touched.Wrote
		m.touched.Wrote = func(r *sim.Resource, values map[sim.Path]*string) {
			wrote(r, values)
			m.now = m.now.Add(time.Hour)
		}
		pinned, told := pinBeside(t, m, request)
		assert.Equal(t, 3, pinned)
		assert.Len(t, told, 3)
		for _, err := range told {
			assert.ErrorContains(t, err, "the rule that keeps it was taken away")
		}
	}
}

// pinBeside pins while somebody else reverts before a request. It returns how many objects were pinned, and what is told of
// them.
func pinBeside(t *testing.T, m *machine, request int) (pinned int, told []error) {
	t.Helper()
	_, _, out := m.run(sim.Step{
		Command: &sim.Command{Verb: sim.VerbApply, Managed: tune.ManagedPin, Session: "s1"},
		Fault:   sim.Beside, At: request, Beside: &sim.Command{Verb: sim.VerbRevert},
	})
	for _, r := range out.Objects {
		assert.Equal(t, cluster.Configured, r.Outcome, "request %d: %s: %v", request, r.Write.Target().Ref, r.Err)
		if r.Write.(tune.ApplyWrite).Item.Pinned() {
			pinned++
		}
		if r.Err != nil {
			told = append(told, r.Err)
		}
	}
	return pinned, told
}

// TestFoundHistories are histories that were found once, and that other random choices may not come to again.
func TestFoundHistories(t *testing.T) {
	t.Parallel()
	apply := func(session string, policy int, managed tune.Managed) *sim.Command {
		return &sim.Command{Verb: sim.VerbApply, Session: session, Policy: policy, Shorten: true, Managed: managed}
	}
	own := sim.NewLayout("").Free[0]
	for name, history := range map[string]sim.History{
		"forget drops a record that somebody else's pin has just written": {
			{Command: apply("s1", 4, tune.ManagedPatch)},
			{Command: &sim.Command{Verb: sim.VerbForget}, Fault: sim.Beside, At: 1, Beside: apply("s2", 2, tune.ManagedPin)},
		},
		"a value under a rule, whose owner is getting more of them": {
			{Command: &sim.Command{Verb: sim.VerbApply, Session: "s1", Namespace: "a", Tenant: true, Managed: tune.ManagedSkip}},
			{Command: &sim.Command{Verb: sim.VerbApply, Session: "s2", Policy: 1, Managed: tune.ManagedSkip}},
			{Command: &sim.Command{Verb: sim.VerbApply, Session: "s3", Policy: 0, Managed: tune.ManagedPin}, Fault: sim.Lost, At: 1},
			{Command: &sim.Command{Verb: sim.VerbApply, Session: "s4", Policy: 3, Shorten: true, Managed: tune.ManagedPin}, Fault: sim.Beside, At: 3, Beside: &sim.Command{Verb: sim.VerbApply, Session: "s5", Policy: 2, Shorten: true, Namespace: "b", Managed: tune.ManagedSkip}},
		},
		"a field under a rule that a hand has removed, and that is set again": {
			{Command: &sim.Command{Verb: sim.VerbApply, Session: "s1", Policy: 1, Shorten: true, Namespace: "a", Managed: tune.ManagedPin}, Fault: sim.Meanwhile, At: 7, Event: sim.Event{What: sim.Edit, Ref: sim.NewLayout("").Children()[0], Field: flux.Timeout}},
			{Command: &sim.Command{Verb: sim.VerbApply, Session: "s2", Policy: 1, Tenant: true, Namespace: "a", Managed: tune.ManagedSkip}},
			{Command: &sim.Command{Verb: sim.VerbApply, Session: "s3", Policy: 0, Managed: tune.ManagedSkip}},
		},
		"a rule that is there already, and that the owner has not observed": {
			{Command: apply("s1", 0, tune.ManagedPin), Fault: sim.Beside, At: 3, Beside: apply("s2", 0, tune.ManagedPin)},
		},
		"the same value by somebody else beside ours, and a write that admission changes": {
			{Command: &sim.Command{Verb: sim.VerbApply, Session: "s1", Policy: 0, Managed: tune.ManagedSkip, Lends: true}},
			{Event: sim.Event{What: sim.Apply, Ref: own, Field: flux.Interval, Value: "1m", Manager: sim.Stranger}},
			{Command: &sim.Command{Verb: sim.VerbApply, Session: "s2", Policy: 1, Managed: tune.ManagedPatch}, Fault: sim.Changed, At: 2},
		},
		"the same value by a tool that runs once, and a write that admission changes": {
			{Command: &sim.Command{Verb: sim.VerbApply, Session: "s1", Policy: 3, Managed: tune.ManagedSkip, Lends: true}},
			{Event: sim.Event{What: sim.Apply, Ref: own, Field: flux.Interval, Value: "2m", Manager: "kubectl"}},
			{Command: &sim.Command{Verb: sim.VerbApply, Session: "s2", Policy: 0, Managed: tune.ManagedSkip}, Fault: sim.Changed, At: 1},
		},
		"a rule that somebody counts on while another one takes it away": {
			{Command: &sim.Command{Verb: sim.VerbApply, Session: "s1", Policy: 0, Managed: tune.ManagedPatch, Lends: true}, Fault: sim.Killed, At: 4},
			{Command: &sim.Command{Verb: sim.VerbApply, Session: "s2", Policy: 0, Managed: tune.ManagedPin}, Fault: sim.Beside, At: 1, Beside: &sim.Command{Verb: sim.VerbRevert, Force: true}},
			{Command: &sim.Command{Verb: sim.VerbRevert, Force: true}, Fault: sim.Beside, At: 7, Beside: &sim.Command{Verb: sim.VerbApply, Session: "s3", Policy: 0, Managed: tune.ManagedPin}},
		},
		"a rule that somebody has taken away, of a field that Git has set since": {
			{Command: apply("s1", 0, tune.ManagedPin)},
			{Command: apply("s2", 1, tune.ManagedPin)},
			{Event: sim.Event{What: sim.Unpin, Ref: sim.NewLayout("").Apps}},
			{Event: sim.Event{What: sim.Commit, Ref: sim.NewLayout("").InGit[1], Field: flux.Interval, Value: "7m"}},
			{Event: sim.Event{What: sim.Reconcile, Ref: sim.NewLayout("").Apps}},
			{Command: &sim.Command{Verb: sim.VerbRevert, Namespace: "a", Name: "web", Session: "s2"}},
		},
		"a pin that admission keeps from being recorded, where an earlier rule was taken away and Git has set the field since": {
			{Command: &sim.Command{Verb: sim.VerbApply, Session: "s1", Policy: 0, Namespace: "a", Tenant: true, Managed: tune.ManagedSkip, Lends: true, Manager: "bob"}, Fault: sim.Meanwhile, At: 1, Event: sim.Event{What: sim.Apply, Ref: sim.NewLayout("").InGit[0], Field: flux.Interval, Value: "1m", Manager: "kubectl"}},
			{Command: &sim.Command{Verb: sim.VerbApply, Session: "s2", Policy: 1, Shorten: true, Managed: tune.ManagedPin, Manager: "cron"}, Fault: sim.DoubledOn, At: 2},
			{Event: sim.Event{What: sim.Unpin, Ref: sim.NewLayout("").Apps}},
			{Command: &sim.Command{Verb: sim.VerbApply, Session: "s3", Policy: 3, Shorten: true, Namespace: "a", Managed: tune.ManagedPin}, Fault: sim.Stripped, At: 6},
		},
		"a field under somebody else's rule that a hand has removed, and whose value its owner adopts": {
			{Event: sim.Event{What: sim.Edit, Ref: sim.NewLayout("").InGit[2], Field: flux.RetryInterval}},
			{Command: &sim.Command{Verb: sim.VerbApply, Session: "s1", Policy: 1, Shorten: true, Namespace: "b", Managed: tune.ManagedPatch}},
			{Event: sim.Event{What: sim.Reconcile, Ref: sim.NewLayout("").Infra}},
		},
		"what admission made of a value under somebody else's rule, and its owner adopts": {
			{Command: &sim.Command{Verb: sim.VerbApply, Session: "s1", Policy: 3, Shorten: true, Managed: tune.ManagedPin, Lends: true}, Fault: sim.ChangedOn, At: 2},
			{Event: sim.Event{What: sim.Unpin, Ref: sim.NewLayout("").Infra}},
			{Command: &sim.Command{Verb: sim.VerbRevert, Managed: tune.ManagedSkip}},
		},
		"a rule of another manager, taken back where the note of it is dropped": {
			{Command: apply("s1", 0, tune.ManagedPin)},
			{Command: &sim.Command{Verb: sim.VerbRevert, Force: true, Manager: "bob"}, Fault: sim.StrippedOn, At: 2},
		},
		"a choice under the name of the session's manager": {
			{Command: apply("s1", 0, tune.ManagedSkip)},
			{Event: sim.Event{What: sim.Edit, Ref: own, Field: flux.Interval, Value: "7m", AsUs: true}},
			{Command: &sim.Command{Verb: sim.VerbRevert}},
		},
		"a choice under the name of another session's manager, where Git sets the field": {
			{Command: &sim.Command{Verb: sim.VerbApply, Session: "s1", Managed: tune.ManagedPatch, Manager: "bob"}},
			{Event: sim.Event{What: sim.Edit, Ref: sim.NewLayout("").InGit[0], Field: flux.Timeout, Value: "1m", AsUs: true}},
			{Command: apply("s2", 4, tune.ManagedSkip)},
		},
		"a choice under our name of an object without a record, and a write that admission changes": {
			{Event: sim.Event{What: sim.Edit, Ref: sim.NewLayout("").InGit[1], Field: flux.Timeout, Value: "1m", AsUs: true}},
			{Command: &sim.Command{Verb: sim.VerbApply, Session: "s1", Policy: 4, Managed: tune.ManagedSkip}},
			{Command: &sim.Command{Verb: sim.VerbApply, Session: "s2", Managed: tune.ManagedPatch, Manager: "bob"}, Fault: sim.ChangedOn, At: 1},
		},
		"a program that ends while it takes back what admission has changed": {
			{Command: &sim.Command{Verb: sim.VerbApply, Session: "s1", Policy: 4, Managed: tune.ManagedPin, Manager: "bob"}, Fault: sim.ChangedKilled, At: 5},
			{Command: &sim.Command{Verb: sim.VerbRevert, Manager: "cron"}},
		},
		"a choice under our name before the first patch": {
			{Command: apply("s1", 2, tune.ManagedSkip), Fault: sim.Meanwhile, At: 1, Event: sim.Event{What: sim.Edit, Ref: own, Field: flux.Interval, Value: "1m", AsUs: true}},
		},
		"the same value declared since, and a copy of the object that replaces it": {
			{Command: apply("s1", 0, tune.ManagedSkip)},
			{Event: sim.Event{What: sim.Declare, Ref: own, Field: flux.Interval, Value: "1m"}},
			{Event: sim.Event{What: sim.Replace, Ref: own}},
			{Command: &sim.Command{Verb: sim.VerbRevert}},
		},
		"an object of which nobody owns anything, and a write that admission changes": {
			{Event: sim.Event{What: sim.Hide, Ref: own}},
			{Command: &sim.Command{Verb: sim.VerbApply, Session: "s1", Managed: tune.ManagedSkip, Name: "own"}, Fault: sim.Changed, At: 1},
			{Command: &sim.Command{Verb: sim.VerbApply, Session: "s2", Managed: tune.ManagedSkip, Name: "own"}, Fault: sim.Stripped, At: 1},
			{Command: &sim.Command{Verb: sim.VerbApply, Session: "s3", Managed: tune.ManagedSkip, Name: "own"}, Fault: sim.LostStripped, At: 1},
			{Command: &sim.Command{Verb: sim.VerbApply, Session: "s4", Managed: tune.ManagedSkip, Name: "own"}, Fault: sim.ChangedOn, At: 1},
		},
		"an object of which nobody owned anything, applied since": {
			{Event: sim.Event{What: sim.Hide, Ref: own}},
			{Command: apply("s1", 0, tune.ManagedSkip)},
			{Event: sim.Event{What: sim.Label, Ref: own}},
			{Command: apply("s2", 1, tune.ManagedSkip)},
			{Command: &sim.Command{Verb: sim.VerbRevert}},
		},
		"two sessions of which admission makes the same": {
			{Command: &sim.Command{Verb: sim.VerbApply, Session: "s1", Policy: 0, Namespace: "a", Tenant: true, Managed: tune.ManagedSkip, Lends: true, Manager: "bob"}, Fault: sim.ChangedOn, At: 1},
			{Command: &sim.Command{Verb: sim.VerbApply, Session: "s2", Policy: 1, Shorten: true, Namespace: "a", Managed: tune.ManagedPin, Manager: "cron"}, Fault: sim.ChangedOn, At: 1},
			{Command: &sim.Command{Verb: sim.VerbRevert, Manager: "cron"}},
		},
		"a copy of an object that replaces it, and the next session": {
			{Event: sim.Event{What: sim.Declare, Ref: own, Field: flux.Interval, Value: "9m"}},
			{Command: apply("s1", 0, tune.ManagedSkip)},
			{Event: sim.Event{What: sim.Replace, Ref: own}},
			{Command: apply("s2", 1, tune.ManagedSkip)},
			{Command: &sim.Command{Verb: sim.VerbRevert}},
		},
		"the same value declared since": {
			{Command: apply("s1", 0, tune.ManagedSkip)},
			{Event: sim.Event{What: sim.Declare, Ref: own, Field: flux.Interval, Value: "1m"}},
			{Command: &sim.Command{Verb: sim.VerbRevert}},
		},
		"a record that somebody takes away when the values are back": {
			{Command: &sim.Command{Verb: sim.VerbApply, Session: "s1", Namespace: "a", Name: "own", Managed: tune.ManagedSkip}},
			{Command: &sim.Command{Verb: sim.VerbRevert}, Fault: sim.Meanwhile, At: 2, Event: sim.Event{What: sim.Unrecord}},
		},
		"rules of a list to which somebody has added one": {
			{Command: apply("s1", 0, tune.ManagedPin)},
			{Event: sim.Event{What: sim.AddRule, Ref: sim.NewLayout("").Apps, Manager: "jane"}},
			{Event: sim.Event{What: sim.AddRule, Ref: sim.NewLayout("").Infra, Manager: "acme-controller"}},
			{Command: &sim.Command{Verb: sim.VerbApply, Session: "s2", Namespace: "b", Name: "tool", Managed: tune.ManagedSkip}},
			{Command: &sim.Command{Verb: sim.VerbRevert, Namespace: "a", Name: "web"}},
			{Command: &sim.Command{Verb: sim.VerbRevert}},
		},
		"a list that somebody has written, and a note of that which admission keeps out of a revert": {
			{Command: apply("s1", 0, tune.ManagedPin)},
			{Event: sim.Event{What: sim.AddRule, Ref: sim.NewLayout("").Apps, Manager: "jane"}},
			{Event: sim.Event{What: sim.AddRule, Ref: sim.NewLayout("").Infra, Manager: "jane"}},
			{Command: &sim.Command{Verb: sim.VerbRevert, Force: true}, Fault: sim.StrippedOn, At: 1},
		},
		"a list that somebody has written, and a note of that which admission keeps out": {
			{Command: apply("s1", 0, tune.ManagedPin)},
			{Event: sim.Event{What: sim.AddRule, Ref: sim.NewLayout("").Apps, Manager: "jane"}},
			{Command: &sim.Command{Verb: sim.VerbRevert, Force: true}, Fault: sim.LostForbidden, At: 6},
			{Command: apply("s2", 0, tune.ManagedSkip), Fault: sim.StrippedOn, At: 1},
		},
		"a rule that somebody adds when ours have been taken away": {
			{Command: apply("s1", 0, tune.ManagedPin)},
			{Event: sim.Event{What: sim.Unpin, Ref: sim.NewLayout("").Infra}},
			{Event: sim.Event{What: sim.AddRule, Ref: sim.NewLayout("").Infra, Manager: "jane"}},
			{Command: &sim.Command{Verb: sim.VerbRevert}},
		},
		"values that are back, and no answer, where the record may not be written any more": {
			{Command: apply("s1", 0, tune.ManagedSkip)},
			{Command: &sim.Command{Verb: sim.VerbRevert, Namespace: "a", Name: "own"}, Fault: sim.LostForbidden, At: 1},
		},
		"a pin that was planned before another one": {
			{Command: apply("s1", 0, tune.ManagedPin), Fault: sim.Beside, At: 1, Beside: apply("s2", 4, tune.ManagedPin)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine()
			for _, step := range history {
				m.step(t, step)
				m.complain(t)
			}
			m.checkWayBack(t)
		})
	}
}

// TestManagersOfSessions: by whatever names sessions write and are taken back, nothing of them is left.
func TestManagersOfSessions(t *testing.T) {
	t.Parallel()
	apply := func(session string, policy int, managed tune.Managed) *sim.Command {
		return &sim.Command{Verb: sim.VerbApply, Session: session, Policy: policy, Shorten: true, Managed: managed}
	}
	by := func(manager string, c *sim.Command) *sim.Command {
		c.Manager = manager
		return c
	}
	for name, history := range map[string]sim.History{
		"a session of another manager, taken back by a third": {
			{Command: apply("s1", 0, tune.ManagedSkip)},
			{Command: by("bob", apply("s2", 1, tune.ManagedSkip))},
			{Command: by("cron", &sim.Command{Verb: sim.VerbRevert, Session: "s2"})},
			{Command: by("bob", &sim.Command{Verb: sim.VerbRevert, Session: "s1"})},
		},
		"a value that another manager keeps when its session ends": {
			{Command: by("bob", &sim.Command{Verb: sim.VerbApply, Session: "s1", Shorten: true, Managed: tune.ManagedSkip, Lends: true})},
			{Command: by("cron", apply("s2", 0, tune.ManagedSkip))},
			{Command: by("bob", &sim.Command{Verb: sim.VerbRevert, Session: "s1"})},
			{Command: by("cron", &sim.Command{Verb: sim.VerbRevert, Session: "s2"})},
		},
		"what follows the interval, of two managers": {
			{Command: by("bob", &sim.Command{Verb: sim.VerbApply, Session: "s1", Managed: tune.ManagedSkip})},
			{Command: by("cron", &sim.Command{Verb: sim.VerbApply, Session: "s2", Policy: 1, Managed: tune.ManagedSkip})},
			{Command: &sim.Command{Verb: sim.VerbRevert, Session: "s1"}},
			{Command: &sim.Command{Verb: sim.VerbRevert, Session: "s2"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine()
			for _, step := range history {
				m.step(t, step)
				m.complain(t)
			}
			assert.Empty(t, m.recordsNow())
			m.checkWayBack(t)
		})
	}
}

func TestMain(m *testing.M) {
	flag.Parse()
	debug.SetGCPercent(1000) // short lives by the million
	for name, value := range map[string]string{"rapid.checks": "10000", "rapid.seed": "20261125"} {
		if !isSet(name) {
			_ = flag.Set(name, value)
		}
	}
	os.Exit(m.Run())
}

func isSet(name string) bool {
	set := false
	flag.Visit(func(f *flag.Flag) { set = set || f.Name == name })
	return set
}

// record is that of an object, which nobody may change; nil where it has none.
func (m *machine) record(r *sim.Resource) (*tune.Record, error) {
	text, there := r.Annotations[tune.RecordAnnotation]
	if !there {
		return nil, nil
	}
	return m.recordOf(r, text)
}

// recordOf is what a text would be as the record of an object.
func (m *machine) recordOf(r *sim.Resource, text string) (*tune.Record, error) {
	known, ok := m.read[text]
	if !ok { // all are of one kind
		known.record, known.err = tune.ReadRecord(flux.Object{Ref: r.Ref, Annotations: map[string]string{tune.RecordAnnotation: text}})
		m.read[text] = known
	}
	return known.record, known.err
}

// recordsNow are the records of the objects, as they are.
func (m *machine) recordsNow() map[flux.Ref]*tune.Record {
	records := make(map[flux.Ref]*tune.Record)
	for ref, r := range m.touched.Resources {
		if record, err := m.record(r); err == nil && record != nil {
			records[ref] = record
		}
	}
	return records
}

func pairs(rules []flux.IgnoreRule) map[string]bool {
	set := make(map[string]bool)
	for _, r := range rules {
		for _, ref := range tune.Targets(r) {
			for _, p := range r.Paths {
				set[ref.String()+p] = true
			}
		}
	}
	return set
}

func theirRules(r *sim.Resource) []flux.IgnoreRule {
	rules := slices.Clone(r.Ignore)
	for _, our := range tune.OurRules(r.Object()) { // they come last
		for i, rule := range slices.Backward(rules) {
			if rule.Equal(our) {
				rules = slices.Delete(rules, i, i+1)
				break
			}
		}
	}
	return rules
}
