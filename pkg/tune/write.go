package tune

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Write is something to be written to one object, in one patch or several. What is still to be sent follows from the
// object as it is: so it is found again after a conflict, a lost answer or the end of the program, and what
// was written is known by looking.
type Write interface {
	// Target is the object as it was when the write was planned.
	Target() flux.Object
	// Next is what to send to the object as it is now.
	Next(now flux.Object) Next
}

// Verifier is a write that is held against the API server's answer: admission may change what was sent, or drop it.
type Verifier interface {
	Write
	// Verify says what of a patch for an object that was like before has not arrived; nil where all of it has.
	Verify(before, answer flux.Object) error
	// VerifyLater does so where the answer did not come and the object was read again: before is what the patch was made
	// for. It is nil, too, where the patch has not arrived, or where others have written since.
	VerifyLater(before, now flux.Object) error
	// Undo takes back what has arrived, of an object that was like before, or what of that does harm alone; nil where that is left
	// to the next run.
	Undo(before, answer flux.Object) Write
}

// Next is the next thing to do with an object.
type Next struct {
	// Patch is a JSON merge patch (RFC 7386) with the resourceVersion that it was made for; nil: nothing is
	// left to send. After each the object is looked at again.
	Patch []byte
	// Manager is the field manager of the patch; "" is that of the run.
	Manager string
	// Aside says that the patch only notes something for others who come to the object at the same time: of whether it was
	// written, nobody is told.
	Aside bool
	// State says how things stand where no patch is left.
	State State
	// Why an object is left alone, or what is to be known of one that is done.
	Why string
	Err error
	// Back is the way back that the patch goes, or, where no patch is left, what stays of it: as it was decided on the object as it
	// is. Nil: none.
	Back *Restore
}

// State says how a write stands where nothing is left to send.
type State int

// The states of a write.
const (
	StateWritten   State = iota // it is as the write wants it, because of the write: it bears its mark
	StateAsWanted               // it is as the write wants it; because of the write, if one was sent
	StateUnchanged              // it is as the write wants it, because of somebody else
	StateLeftAlone              // it must not be written any more
	StateLost                   // nothing tells any more how to write it; that is so after it was written, too
)

// Stamp is what an apply leaves in the record of each object that it changes.
type Stamp struct {
	Session string
	Policy  string
	By      string
	Time    time.Time // by the API server's clock
	// Until is when the changes are to be taken back; the zero time where they are to stay.
	Until time.Time
	// Manager is the field manager of the changes; "" is DefaultManager.
	Manager string
}

// ApplyWrite changes one object as a plan says.
type ApplyWrite struct {
	Item  Item
	Stamp Stamp
	// Decide plans the object again, by what is known by then of it and of its environment.
	Decide func(flux.Object) Item
}

// Target is the object as it was planned.
func (w ApplyWrite) Target() flux.Object { return w.Item.Object }

// Next sends the planned changes while they are what the plan would be now, and leaves the object alone where it would
// be another: nobody has said yes to that.
func (w ApplyWrite) Next(now flux.Object) Next {
	record, err := ReadRecord(now)
	if err != nil {
		return Next{State: StateLeftAlone, Why: err.Error()}
	}
	if record.HasSession(w.Stamp.Session) {
		return Next{State: StateWritten}
	}
	if next, same := w.again(now); !same {
		return next
	}
	patch, err := w.patch(now, record)
	return Next{Patch: patch, Err: err}
}

// again plans anew. It tells whether the plan is still the same, or else what that means.
func (w ApplyWrite) again(now flux.Object) (Next, bool) {
	fresh := w.Decide(now)
	switch {
	case fresh.Action == ActionUnchanged && fresh.Assignment.Environment != w.Item.Assignment.Environment:
		return Next{State: StateLeftAlone, Why: "changed since the plan was made: " + w.since(fresh)}, false
	case fresh.Action == ActionUnchanged || fresh.repins:
		return Next{State: StateUnchanged, Why: fresh.Message}, false
	case fresh.Action == ActionSkip:
		return Next{State: StateLeftAlone, Why: fresh.Message}, false
	case !slices.EqualFunc(fresh.Changes, w.Item.Changes, sameChange) || !slices.Equal(fresh.Keeps, w.Item.Keeps):
		return Next{State: StateLeftAlone, Why: "changed since the plan was made: " + w.since(fresh)}, false
	}
	planned, _ := w.Item.need()
	needed, _ := fresh.need()
	if slices.ContainsFunc(needed.Fields, func(f flux.Field) bool { return !slices.Contains(planned.Fields, f) }) {
		return Next{State: StateLeftAlone, Why: "since the plan was made, " + fresh.Stick.Message}, false
	}
	if by := fresh.Stick.Owner; by != w.Item.Stick.Owner && by != (flux.Ref{}) { // the rules are the other owner's
		return Next{State: StateLeftAlone, Why: fmt.Sprintf("since the plan was made, %s has come to apply it", by)}, false
	}
	return Next{}, true
}

func sameChange(a, b Change) bool {
	return a.Field == b.Field && flux.SameDuration(a.From, b.From) && flux.SameDuration(a.To, b.To)
}

// since names what of an object differs from the plan: its environment, or its tunable fields.
func (w ApplyWrite) since(fresh Item) string {
	if was, is := w.Item.Assignment.Environment, fresh.Assignment.Environment; was != is {
		return fmt.Sprintf("environment %s -> %s", cmp.Or(was, "none"), cmp.Or(is, "none"))
	}
	return changesSince(w.Item.Object, fresh.Object, "what the policy wants of it is something else now")
}

// changesSince names the tunable fields that differ between two versions of an object; where none does, it says what else is.
func changesSince(before, after flux.Object, otherwise string) string {
	var list []string
	for _, t := range after.KindRow().Tunables {
		if from, to := before.Value(t.Field), after.Value(t.Field); !flux.SameDuration(from, to) {
			list = append(list, fmt.Sprintf("%s %s -> %s", t.Field, Show(from), Show(to)))
		}
	}
	if len(list) == 0 {
		return otherwise
	}
	return strings.Join(list, ", ")
}

// PutBack says which of the changed fields that were to last are something else by now, after all was written: "interval
// 1m -> 5m"; "" where all of them stand. Who applies the object compares it with a dry run to see what its rules leave
// alone, and a change between the two is none that they cover (fluxcd/pkg ssa, ApplyAll, computeDriftedPaths).
func (w ApplyWrite) PutBack(now flux.Object) string {
	var list []string
	for _, c := range w.Item.Changes {
		lasts := slices.ContainsFunc(w.Item.Stick.Fields, func(s FieldStick) bool { return s.Field == c.Field && s.Verdict.lasts() })
		if is := now.Value(c.Field); lasts && !flux.SameDuration(is, c.To) {
			list = append(list, fmt.Sprintf("%s %s -> %s", c.Field, Show(c.To), Show(is)))
		}
	}
	return strings.Join(list, ", ")
}

func (w ApplyWrite) patch(now flux.Object, record *Record) ([]byte, error) {
	next := w.record(now, record)
	return mergePatch(now, w.Item.Changes, annotate(now, &next), nil)
}

// record is an object's with the step that the write is.
func (w ApplyWrite) record(now flux.Object, record *Record) Record {
	step := Step{
		Session: w.Stamp.Session, Policy: w.Stamp.Policy, By: w.Stamp.By, Time: w.Stamp.Time.UTC().Truncate(time.Millisecond), // sessions of one second have an order
		Fields: make(map[flux.Field]Move),
	}
	if w.Stamp.Manager != DefaultManager {
		step.Manager = w.Stamp.Manager
	}
	if !w.Stamp.Until.IsZero() {
		until := w.Stamp.Until.UTC().Truncate(time.Second)
		step.Until = &until
	}
	move := func(f flux.Field, from, to *string) {
		stick := w.Item.Stick.of(f)
		step.Fields[f] = Move{From: from, To: to, Pinned: stick.Pinned, Held: stick.Verdict == Held && !stick.Pinned}
	}
	for _, c := range w.Item.Changes {
		move(c.Field, now.Value(c.Field), c.To)
	}
	for _, l := range w.Item.Keeps { // the chain goes on, and the session that set it can end without it
		move(l.Field, now.Value(l.Field), now.Value(l.Field))
	}
	return record.with(step, now)
}

// mergePatch writes changed fields, annotations and metadata.managedFields (nil: as it is) as a merge patch.
func mergePatch(now flux.Object, changes []Change, annotations map[string]any, managedFields []metav1.ManagedFieldsEntry) ([]byte, error) {
	return patchOf(now, annotations, managedFields, func(patch map[string]any) {
		for _, c := range changes {
			var value any // null removes the field
			if c.To != nil {
				value = *c.To
			}
			set(patch, c.Field.Path(), value)
		}
	})
}

func patchOf(now flux.Object, annotations map[string]any, managedFields []metav1.ManagedFieldsEntry, fill func(map[string]any)) ([]byte, error) {
	metadata := map[string]any{"resourceVersion": now.ResourceVersion}
	if len(annotations) > 0 {
		metadata["annotations"] = annotations
	}
	if managedFields != nil {
		metadata["managedFields"] = managedFields
	}
	patch := map[string]any{"metadata": metadata}
	fill(patch)
	data, err := json.Marshal(patch)
	if err != nil {
		return nil, fmt.Errorf("writing the patch for %s: %w", now.Ref, err)
	}
	return data, nil
}

func set(object map[string]any, path []string, value any) {
	for _, step := range path[:len(path)-1] {
		next, ok := object[step].(map[string]any)
		if !ok {
			next = map[string]any{}
			object[step] = next
		}
		object = next
	}
	object[path[len(path)-1]] = value
}

// Changed returns a copy of an object's manifest with changes made.
func Changed(manifest map[string]any, changes []Change) map[string]any {
	changed := runtime.DeepCopyJSON(manifest)
	for _, c := range changes {
		if c.To == nil {
			unstructured.RemoveNestedField(changed, c.Field.Path()...)
			continue
		}
		set(changed, c.Field.Path(), *c.To)
	}
	return changed
}
