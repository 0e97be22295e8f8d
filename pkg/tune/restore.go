package tune

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
)

// RestoreOptions are the choices of one revert.
type RestoreOptions struct {
	// Session takes back only what the apply with this id did; "" takes back everything.
	Session string
	// Force restores fields too that somebody else changed since, and objects whatever a change sets off.
	Force bool
	// Care knows what a change of an object sets off or breaks off: by that an apply would leave it alone, and so does a revert. Nil:
	// nothing is looked at.
	Care *Options
}

// Restore is the way back of one object: what is written, what stays and why, and what is left of the
// record.
type Restore struct {
	Object     flux.Object
	Assignment policy.Assignment
	Action     Action
	Reason     Reason
	// Message is the reason in a sentence.
	Message string
	// Changes bring fields back to what they were.
	Changes []Change
	// Kept are the fields that cannot be taken back.
	Kept []KeptField
	// Notes are fields that need nothing: their owners set them, or they are gone.
	Notes []string
	// Record is what stays on the object; nil where nothing does.
	Record *Record
	// Freed are the fields that we own no more, and who owned them before us.
	Freed map[flux.Field][]flux.Manager
}

// KeptField is a field that a revert leaves as it is, and why.
type KeptField struct {
	Field flux.Field
	Why   string
	// Later is the session that set it later, and that a revert of takes it back; "" where there is none.
	Later string
}

// KeptMessage says which fields stay as they are; "" where none does.
func (r Restore) KeptMessage() string {
	var why []string
	for _, k := range r.Kept {
		why = append(why, k.Why)
	}
	return strings.Join(why, "; ")
}

// Later are the sessions that set fields again which are to be taken back, each once.
func (r Restore) Later() []string {
	var sessions []string
	for _, k := range r.Kept {
		if k.Later != "" && !slices.Contains(sessions, k.Later) {
			sessions = append(sessions, k.Later)
		}
	}
	return sessions
}

// Followed tells whether no value is restored, since later sessions set them all: only the record becomes shorter.
func (r Restore) Followed() bool {
	return r.Action == ActionChange && len(r.Changes) == 0 && len(r.Later()) > 0
}

// Restores plans the way back of every object that bears a record, of the session if one is named; the others are
// left out, and so are records that cannot be read and do not name it. Where all is to be taken back, objects that bear our
// name and no record are among them: that they cannot be is told like that of a record that cannot be read.
func Restores(objects []flux.Object, opts RestoreOptions) []Restore {
	var all []Restore
	for _, o := range objects {
		if opts.Session == "" && Unrecorded(o) {
			all = append(all, Restore{Object: o, Action: ActionSkip, Reason: ReasonBadRecord, Message: "it bears the name of fluxtune, and no record of what was there before (somebody took that away, or wrote under that name): " +
				"set what is to be; forget keeps what there is, and takes the name off"})
			continue
		}
		if !Tuned(o) || !mayBear(o, opts.Session) {
			continue
		}
		if r := DecideRestore(o, opts); r.Reason != ReasonOtherSession {
			all = append(all, r)
		}
	}
	return all
}

// DecideRestore plans the way back of one object. A field goes back to what its owner last chose: the value
// before the first of our moves that follow each other. What somebody chose since is left alone, and its
// part of the record stays. A session that another one followed is taken out of the record, and the field
// stays as the later one set it, until that one is taken back too.
func DecideRestore(o flux.Object, opts RestoreOptions) Restore {
	r := Restore{Object: o, Action: ActionSkip, Freed: make(map[flux.Field][]flux.Manager)}
	record, err := ReadRecord(o)
	switch {
	case err != nil:
		r.Reason, r.Message = ReasonBadRecord, err.Error()
		return r
	case record == nil:
		r.Action, r.Reason, r.Message = ActionUnchanged, ReasonNotTuned, "not tuned by fluxtune"
		return r
	case opts.Session != "" && !record.HasSession(opts.Session):
		r.Reason, r.Message = ReasonOtherSession, fmt.Sprintf("tuned by session %s", record.LastSession())
		return r
	case o.Deleting:
		r.Reason, r.Message = ReasonDeleting, "being deleted"
		return r
	}
	left := record.clone()
	for _, f := range record.Fields() {
		r.field(o, record, &left, f, opts)
	}
	r.keepWhatFollows(o, record, &left)
	left.tidy()
	if len(left.Steps) > 0 {
		r.Record = &left
	}
	if len(r.Changes) == 0 && r.Record != nil && r.Record.String() == record.String() {
		r.Reason, r.Message = ReasonChangedSince, r.KeptMessage()
		return r
	}
	if reason, why := r.setsOff(opts); reason != "" {
		return Restore{Object: o, Action: ActionSkip, Reason: reason, Message: why}
	}
	if len(r.Changes) > 0 && triesAnew(o) {
		r.Notes = append(r.Notes, failuresNote)
	}
	r.Action, r.Reason, r.Message = ActionChange, ReasonTuned, "tuned by session "+record.LastSession()
	return r
}

// setsOff is the reason not to take an object back now: its change would do more than change a value. At the end of an apply --for nobody
// is there to see what comes of it.
func (r Restore) setsOff(opts RestoreOptions) (Reason, string) {
	if opts.Care == nil || opts.Force || len(r.Changes) == 0 {
		return "", ""
	}
	care := *opts.Care
	care.TakesBack = true
	if reason, why := retriesExhausted(subject{object: r.Object, options: care}); reason != "" {
		return reason, why
	}
	return firstOf(Item{Object: r.Object, Changes: r.Changes}, care, upgrades, failingChart, rollingOut)
}

// Deferred tells whether an object is not taken back for what its change would set off or break off: another try may.
func (r Restore) Deferred() bool {
	return r.Action == ActionSkip && slices.Contains([]Reason{ReasonRollingOut, ReasonRetriesExhausted, ReasonUpgrades, ReasonFailingChart, ReasonChartUnknown}, r.Reason)
}

// field decides about one field, and takes out of the record what is taken back of it.
func (r *Restore) field(o flux.Object, record, left *Record, f flux.Field, opts RestoreOptions) {
	c := record.chain(f)
	first := 0
	if opts.Session != "" {
		first = slices.IndexFunc(c, func(l link) bool { return record.Steps[l.step].Session == opts.Session })
		if first < 0 {
			left.dropSession(f, opts.Session, c) // an owner's later choice has ended what it did
			return
		}
	}
	free := func(owners []flux.Manager) { left.cut(f, 0); r.Freed[f] = owners }
	s, keep, owner := record.standingOf(c, o, f)
	switch {
	case !o.Has(f): // a HelmRelease that takes its chart from a chartRef now
		free(nil)
		r.Notes = append(r.Notes, fmt.Sprintf("%s is gone together with its chart template: nothing to restore", f))
	case s == released:
		free(notYet(owner, o.OwnersOf(f))) // whoever owned it before us has lost it to its owner
		r.Notes = append(r.Notes, fmt.Sprintf("%s is %s, as %s sets it now", f, Show(o.Value(f)), owner.Name))
	case s == restored && keep == 0:
		free(c[0].Owners)
	case s == edited && !opts.Force && nobodys(o, f) && c[first].From == nil:
		r.keep(f, "%s is %s, and nobody owns it: the API server (a default of the CRD, or admission) fills it in where it is not set, as it was before (forget drops the record)", f, Show(o.Value(f)))
	case s == edited && !opts.Force:
		r.keep(f, "%s (--force restores %s, forget keeps what is there)", since(f, c[len(c)-1].To, o.Value(f), owner), Show(c[first].From))
	case s != edited && keep <= first: // taken back already
		left.cut(f, c[first].step)
	case s != edited && opts.Session != "" && first < keep-1 && !opts.Force:
		left.splice(f, c, first)
		later := record.Steps[c[keep-1].step].Session
		r.keep(f, "%s stays %s: session %s set it later; reverting that one restores %s", f, Show(o.Value(f)), later, left.before(f, later))
		r.Kept[len(r.Kept)-1].Later = later
	default:
		// It may be that already: where sessions went back and forth, a value stands for more than one of them.
		if !equal(o.Value(f), c[first].From) {
			r.Changes = append(r.Changes, Change{Field: f, From: o.Value(f), To: c[first].From})
		}
		left.cut(f, c[first].step)
		if first == 0 {
			free(c[0].Owners)
		}
	}
}

// keepWhatFollows keeps timeouts and retry intervals that would become shorter than they are now, since they follow the
// interval and that stays as a later session, or somebody, set it. The step that the interval is left to takes them back
// with it.
func (r *Restore) keepWhatFollows(o flux.Object, record, left *Record) {
	if len(left.chain(flux.Interval)) == 0 || !slices.ContainsFunc(r.Kept, func(k KeptField) bool { return k.Field == flux.Interval }) {
		return
	}
	c := left.chain(flux.Interval)
	step := c[len(c)-1].step
	r.Changes = slices.DeleteFunc(r.Changes, func(change Change) bool {
		f := change.Field
		shorter := o.EffectiveWith(f, nil, o.Interval)
		follows := shorter < o.EffectiveWith(f, nil, record.chain(flux.Interval)[0].From)
		if change.To != nil || !follows || shorter >= o.Effective(f) {
			return false
		}
		left.Steps[step].Fields[f] = Move{From: change.To, To: change.From, Owners: r.Freed[f], Pinned: record.chain(f).pinned(), Held: record.chain(f).held()}
		delete(r.Freed, f)
		r.keep(f, "%s stays %s: it follows the interval where it is not set, and would be %s with the interval that stays (%s)",
			f, Show(change.From), flux.FormatDuration(shorter), flux.FormatDuration(o.Effective(flux.Interval)))
		return true
	})
	if len(r.Changes) == 0 {
		r.Changes = nil
	}
}

func (r *Restore) keep(f flux.Field, format string, args ...any) {
	r.Kept = append(r.Kept, KeptField{Field: f, Why: fmt.Sprintf(format, args...)})
}

// nobodys tells whether a field has a value that no manager has set: metadata.managedFields names whoever sets a field, and not what a
// mutating policy or webhook adds to a request (kubernetes.io, "Server-Side Apply").
func nobodys(o flux.Object, f flux.Field) bool {
	return o.Value(f) != nil && len(o.Owners) > 0 && len(o.OwnersOf(f)) == 0
}

// since says what somebody has done with a field since it was set.
func since(f flux.Field, set, now *string, who flux.Manager) string {
	if flux.SameDuration(set, now) {
		return fmt.Sprintf("%s is %s, as it was set, and somebody%s has set it to the same since", f, Show(now), by(who))
	}
	return fmt.Sprintf("%s was set to %s and is now %s: somebody%s changed it since", f, Show(set), Show(now), by(who))
}

// notYet is a manager, where it is not among the owners: kubectl apply does not own what it found as it has declared it.
func notYet(m flux.Manager, owners []flux.Manager) []flux.Manager {
	if slices.Contains(owners, m) {
		return nil
	}
	return []flux.Manager{m}
}

func by(m flux.Manager) string {
	if m.Name == "" || nameless(m) {
		return ""
	}
	return " (" + m.Name + ")"
}

// splice takes one move out of a chain: the next one begins where it began.
func (r *Record) splice(f flux.Field, c chain, i int) {
	delete(r.Steps[c[i].step].Fields, f)
	next := c[i+1].Move
	next.From, next.Owners, next.Pinned, next.Held = c[i].From, c[i].Owners, next.Pinned || c[i].Pinned, next.Held || c[i].Held
	r.Steps[c[i+1].step].Fields[f] = next
}

// before is what a field would be without a session's move, and whose value that is where it is another session's.
func (r *Record) before(f flux.Field, session string) string {
	c := r.chain(f)
	i := slices.IndexFunc(c, func(l link) bool { return r.Steps[l.step].Session == session })
	if i <= 0 {
		return Show(c[max(0, i)].From)
	}
	return fmt.Sprintf("%s, of session %s", Show(c[i].From), r.Steps[c[i-1].step].Session)
}

// dropSession takes a session's moves of a field out that are not in the chain any more.
func (r *Record) dropSession(f flux.Field, session string, c chain) {
	for i, step := range r.Steps {
		inChain := slices.ContainsFunc(c, func(l link) bool { return l.step == i })
		if step.Session == session && !inChain {
			delete(step.Fields, f)
		}
	}
}

// Show writes a field's value for people: in its shortest form, or "<unset>".
func Show(value *string) string {
	if value == nil {
		return "<unset>"
	}
	return flux.ShortDuration(*value)
}

func equal(a, b *string) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}
