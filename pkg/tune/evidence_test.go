package tune

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// What the API server did not keep is taken back, too, of an object whose metadata.managedFields name nobody.
func TestUndoWhereNobodyIsNoted(t *testing.T) {
	t.Parallel()
	before := object(t, "ks", interval("10m"))
	changes := []Change{change(flux.Interval, "10m", "1m"), change(flux.RetryInterval, "", "10m")}
	w := ApplyWrite{Item: Item{Object: before, Action: ActionChange, Changes: changes}, Stamp: Stamp{Session: "s1"}}
	record := Record{Steps: []Step{step("s1", map[flux.Field]Move{flux.Interval: {From: ptr("10m"), To: ptr("1m")}, flux.RetryInterval: {To: ptr("10m")}})}}

	pruned := object(t, "ks", interval("1m"), recorded(record.String()))
	require.Error(t, w.Verify(before, pruned))
	next := w.Undo(before, pruned).Next(pruned)
	require.NoError(t, next.Err)
	assert.JSONEq(t, `{"metadata":{"resourceVersion":"7"},"spec":{"interval":"10m"}}`, string(next.Patch))

	next = w.Undo(before, pruned).Next(object(t, "ks", interval("7m"), recorded(record.String())))
	assert.JSONEq(t, `{"metadata":{"resourceVersion":"7","annotations":{"fluxtune.github.io/original":null}}}`, string(next.Patch), "somebody has set it since")

	lost := pruned
	lost.Generation = before.Generation + 1
	require.Error(t, w.VerifyLater(before, lost))
	lost.Generation++
	require.NoError(t, w.VerifyLater(before, lost), "somebody else has written, too")
	stripped := object(t, "ks", interval("1m"), retry("10m"))
	stripped.Generation = before.Generation + 1
	require.ErrorContains(t, w.VerifyLater(before, stripped), "dropped the annotation")
}

// What the API server knows nobody of is nobody's choice: a value of ours is taken back, and of another one nobody is named.
func TestRestoreOfWhatNobodyIsKnownToOwn(t *testing.T) {
	t.Parallel()
	record := Record{Steps: []Step{step("s1", move(flux.Interval, "5m", "1m"))}}
	for _, owner := range []flux.Manager{updates("before-first-apply"), updates("ancient-changes")} {
		r := DecideRestore(object(t, "ks", interval("1m"), recorded(record.String()), ownedBy(flux.Interval, owner)), RestoreOptions{})
		assert.Equal(t, []Change{change(flux.Interval, "1m", "5m")}, r.Changes, owner.Name)
		r = DecideRestore(object(t, "ks", interval("7m"), recorded(record.String()), ownedBy(flux.Interval, owner)), RestoreOptions{})
		assert.Equal(t, "spec.interval was set to 1m and is now 7m: somebody changed it since (--force restores 5m, forget keeps what is there)", r.KeptMessage())
	}
}

// Another value under the name of the session's manager is a choice, but for what admission was seen to make of ours.
func TestRestoreOfAChoiceUnderOurName(t *testing.T) {
	t.Parallel()
	moves := move(flux.Interval, "10m", "1m")
	o := func() flux.Object {
		record := Record{Steps: []Step{step("s1", moves)}}
		return object(t, "ks", interval("45s"), recorded(record.String()), ownedBy(flux.Interval, updates("fluxtune")))
	}
	r := DecideRestore(o(), RestoreOptions{})
	assert.Empty(t, r.Changes)
	assert.Equal(t, "spec.interval was set to 1m and is now 45s: somebody (fluxtune) changed it since (--force restores 10m, forget keeps what is there)", r.KeptMessage())
	r = DecideRestore(o(), RestoreOptions{Force: true})
	assert.Equal(t, []Change{change(flux.Interval, "45s", "10m")}, r.Changes)

	moves[flux.Interval] = Move{From: ptr("10m"), To: ptr("1m"), Became: ptr("45s")}
	r = DecideRestore(o(), RestoreOptions{})
	assert.Equal(t, []Change{change(flux.Interval, "45s", "10m")}, r.Changes)
}

// kubectl replace notes as declared what it has read: that is our value, and nobody's choice.
func TestRestoreOfWhatACopyDeclares(t *testing.T) {
	t.Parallel()
	record := Record{Steps: []Step{step("s1", move(flux.Interval, "10m", "1m"))}}
	tuned := func(annotations string) flux.Object {
		o := object(t, "ks", interval("1m"), recorded(record.String()), ownedBy(flux.Interval, updates("fluxtune")))
		o.Annotations[corev1.LastAppliedConfigAnnotation] = fmt.Sprintf(`{"metadata":{"annotations":{%s}},"spec":{"interval":"1m"}}`, annotations)
		o.ManagedFields = []byte(`[{"manager":"kubectl-replace","operation":"Update","time":"2027-01-01T00:00:00Z","fieldsType":"FieldsV1",
			"fieldsV1":{"f:metadata":{"f:annotations":{"f:kubectl.kubernetes.io/last-applied-configuration":{}}}}}]`)
		return o
	}
	assert.Equal(t, []Change{change(flux.Interval, "1m", "10m")}, DecideRestore(tuned(fmt.Sprintf("%q:%q", RecordAnnotation, record)), RestoreOptions{}).Changes)
	assert.Empty(t, DecideRestore(tuned(""), RestoreOptions{}).Changes, "a manifest is somebody's")
	next := (&record).with(step("s2", move(flux.Interval, "1m", "30s")), tuned(fmt.Sprintf("%q:%q", RecordAnnotation, record)))
	require.Len(t, next.Steps, 2)
	assert.Contains(t, next.Steps[0].Fields, flux.Interval, "the way back to what its owner had chosen")
}
