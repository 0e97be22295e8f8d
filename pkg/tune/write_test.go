package tune

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

var stamp = Stamp{Session: "a1b2", Policy: "fast", By: "alice", Time: time.Date(2026, 3, 1, 13, 0, 0, 999, time.FixedZone("CET", 3600))}

func TestApplyPatch(t *testing.T) {
	t.Parallel()
	const first = `{\"session\":\"a1b2\",\"policy\":\"fast\",\"by\":\"alice\",\"time\":\"2026-03-01T12:00:00Z\",\"fields\":`
	earlier := Record{Steps: []Step{step("s0", move(flux.Interval, "10m", "5m"))}}
	for _, tc := range []struct {
		name    string
		object  flux.Object
		changes []Change
		stick   Stick
		manager string
		want    string
	}{
		{
			name: "two fields", object: object(t, "ks"), changes: []Change{change(flux.Interval, "5m", "1m"), change(flux.Timeout, "", "2m")}, manager: "fluxtune",
			want: `{"metadata":{"annotations":{"fluxtune.github.io/original":"{\"steps\":[` + first +
				`{\"spec.interval\":{\"from\":\"5m\",\"to\":\"1m\"},\"spec.timeout\":{\"from\":null,\"to\":\"2m\"}}}]}"},"resourceVersion":"7"},` +
				`"spec":{"interval":"1m","timeout":"2m"}}`,
		},
		{
			name: "a chart interval beside the interval", object: object(t, "hr", chart("")), changes: []Change{change(flux.Interval, "5m", "1m"), change(flux.ChartInterval, "", "10m")},
			want: `{"metadata":{"annotations":{"fluxtune.github.io/original":"{\"steps\":[` + first +
				`{\"spec.chart.spec.interval\":{\"from\":null,\"to\":\"10m\"},\"spec.interval\":{\"from\":\"5m\",\"to\":\"1m\"}}}]}"},"resourceVersion":"7"},` +
				`"spec":{"chart":{"spec":{"interval":"10m"}},"interval":"1m"}}`,
		},
		{
			name: "on top of an earlier record", object: object(t, "ks", recorded(earlier.String())), changes: []Change{change(flux.Interval, "5m", "1m")},
			want: `{"metadata":{"annotations":{"fluxtune.github.io/original":"{\"steps\":[` +
				`{\"session\":\"s0\",\"policy\":\"fast\",\"time\":\"2026-03-01T12:00:00Z\",\"fields\":{\"spec.interval\":{\"from\":\"10m\",\"to\":\"5m\"}}},` +
				first + `{\"spec.interval\":{\"from\":\"5m\",\"to\":\"1m\"}}}]}"},"resourceVersion":"7"},"spec":{"interval":"1m"}}`,
		},
		{
			name: "owners, a pin and another field manager", object: object(t, "ks", ownedBy(flux.Interval, flux.Manager{Name: "kustomize-controller", Apply: true, Version: "kustomize.toolkit.fluxcd.io/v1"})),
			changes: []Change{change(flux.Interval, "5m", "1m")}, manager: "alice",
			stick: Stick{Fields: []FieldStick{{Field: flux.Interval, Verdict: Held, Pinned: true}}},
			want: `{"metadata":{"annotations":{"fluxtune.github.io/original":"{\"steps\":[{\"session\":\"a1b2\",\"policy\":\"fast\",\"by\":\"alice\",\"time\":\"2026-03-01T12:00:00Z\",\"manager\":\"alice\",\"fields\":` +
				`{\"spec.interval\":{\"from\":\"5m\",\"to\":\"1m\",\"owners\":[{\"manager\":\"kustomize-controller\",\"apply\":true,\"apiVersion\":\"kustomize.toolkit.fluxcd.io/v1\"}],\"pinned\":true}}}]}"},` +
				`"resourceVersion":"7"},"spec":{"interval":"1m"}}`,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := stamp
			s.Manager = tc.manager
			next := asPlanned(Item{Object: tc.object, Action: ActionChange, Changes: tc.changes, Stick: tc.stick}, s).Next(tc.object)
			require.NoError(t, next.Err)
			assert.Equal(t, tc.want, string(next.Patch))
		})
	}
}

// asPlanned is a write of what would still be planned.
func asPlanned(item Item, stamp Stamp) ApplyWrite {
	return ApplyWrite{Item: item, Stamp: stamp, Decide: func(flux.Object) Item { return item }}
}

// An apply sends what was planned while it is still what would be planned now; its own record says that it was written.
func TestApplyNext(t *testing.T) {
	t.Parallel()
	p := preset(t, "fast")
	decide := func(o flux.Object) Item { return Decide(o, p, in("development"), Options{}) }
	planned := object(t, "ks", timeout("2m"), retry("1m"))
	w := ApplyWrite{Item: decide(planned), Stamp: stamp, Decide: decide}
	assert.Equal(t, planned, w.Target())
	ours := Record{Steps: []Step{step(stamp.Session, move(flux.Interval, "5m", "1m"))}}
	newer := func(changes ...func(*flux.Object)) flux.Object {
		return object(t, "ks", append([]func(*flux.Object){version("8"), timeout("2m"), retry("1m")}, changes...)...)
	}
	for _, tc := range []struct {
		name  string
		now   flux.Object
		sends bool
		want  Next
	}{
		{name: "as planned", now: planned, sends: true},
		{name: "changed in what does not matter", now: newer(labelled("by", "somebody")), sends: true},
		{name: "written otherwise", now: newer(interval("300s")), sends: true},
		{name: "already ours", now: newer(interval("1m"), recorded(ours.String())), want: Next{State: StateWritten}},
		{name: "ours, and a timeout would be kept now", now: newer(interval("1m"), timeout("9m"), recorded(ours.String())), want: Next{State: StateWritten}},
		{name: "ours, and changed by others since", now: newer(interval("9m"), recorded(ours.String())), want: Next{State: StateWritten}},
		{name: "as the policy wants it, by itself", now: newer(interval("60s")), want: Next{State: StateUnchanged, Why: `matches policy "fast"`}},
		{name: "another value", now: newer(interval("7m")), want: Next{State: StateLeftAlone, Why: "changed since the plan was made: spec.interval 5m -> 7m"}},
		{name: "another field", now: newer(timeout("1m")), want: Next{State: StateLeftAlone, Why: "changed since the plan was made: spec.timeout 2m -> 1m"}},
		{name: "opted out", now: newer(annotated(OptOutAnnotation, "disabled")), want: Next{State: StateLeftAlone, Why: "opted out by fluxtune.github.io/tune: disabled"}},
		{name: "an unreadable record", now: newer(recorded("{")), want: Next{State: StateLeftAlone,
			Why: "reading annotation fluxtune.github.io/original: jsontext: unexpected EOF after offset 1: restore the object by hand, then run forget on it"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got := w.Next(tc.now)
			if !tc.sends {
				assert.Equal(t, tc.want, got)
				return
			}
			require.NoError(t, got.Err)
			var sent struct {
				Metadata struct{ ResourceVersion string }
				Spec     struct{ Interval string }
			}
			require.NoError(t, json.Unmarshal(got.Patch, &sent))
			assert.Equal(t, tc.now.ResourceVersion, sent.Metadata.ResourceVersion)
			assert.Equal(t, "1m", sent.Spec.Interval)
		})
	}
}

// An object of another environment, which it fits, is named all the same: it was planned for the one that it had.
func TestApplyNextNamesAnotherEnvironment(t *testing.T) {
	t.Parallel()
	p, o := preset(t, "per-environment"), object(t, "ks", timeout("2m"), retry("1m"))
	w := ApplyWrite{Item: Decide(o, p, in("development"), Options{}), Stamp: stamp,
		Decide: func(o flux.Object) Item { return Decide(o, p, in("production"), Options{}) }}
	assert.Equal(t, Next{State: StateLeftAlone, Why: "changed since the plan was made: environment development -> production"}, w.Next(o))
}

// Who sets a field may have changed since the plan was made, and then nobody has said yes.
func TestApplyNextJudgesAgain(t *testing.T) {
	t.Parallel()
	j := NewJudge(flux.Snapshot{Related: []flux.Object{parent(t)}})
	p := preset(t, "fast")
	for managed, why := range map[Managed]string{
		ManagedSkip: "would be undone within about 10m by Kustomization flux-system/apps",
		ManagedPin:  "since the plan was made, undone within about 10m by Kustomization flux-system/apps",
	} {
		decide := func(o flux.Object) Item { return Decide(o, p, in("development"), Options{Judge: j, Managed: managed}) }
		w := ApplyWrite{Item: decide(object(t, "gitrepo", timeout("2m"))), Stamp: stamp, Decide: decide}
		require.Equal(t, ActionChange, w.Item.Action)
		now := object(t, "gitrepo", timeout("2m"), version("8"), child(flux.Interval))
		assert.Equal(t, Next{State: StateLeftAlone, Why: why}, w.Next(now), managed)
	}
	other := parent(t, named("flux-system", "other"))
	j = NewJudge(flux.Snapshot{Related: []flux.Object{parent(t), other}})
	opts := Options{Judge: j, Managed: ManagedPin}
	planned := NewPlan([]flux.Object{object(t, "gitrepo", timeout("2m"), child(flux.Interval))}, p, defaultResolver(p), opts).Items[0]
	require.True(t, planned.Pinned())
	w := ApplyWrite{Item: planned, Stamp: stamp, Decide: func(o flux.Object) Item { return Decide(o, p, in("development"), opts) }}
	now := object(t, "gitrepo", timeout("2m"), version("8"), child(flux.Interval))
	now.Labels["kustomize.toolkit.fluxcd.io/name"] = "other"
	assert.Equal(t, Next{State: StateLeftAlone, Why: "since the plan was made, Kustomization flux-system/other has come to apply it"}, w.Next(now))
}

// restoring is the way back of an object.
func restoring(o flux.Object, opts RestoreOptions) RestoreWrite {
	return RestoreWrite{Restore: DecideRestore(o, opts), Decide: func(o flux.Object) Restore { return DecideRestore(o, opts) }}
}

func TestRestorePatches(t *testing.T) {
	t.Parallel()
	two := Record{Steps: []Step{step("s0", move(flux.Interval, "10m", "5m")), step("s1", moves(move(flux.Interval, "5m", "1m"), move(flux.Timeout, "", "2m")))}}
	const (
		drop   = `{"metadata":{"annotations":{"fluxtune.github.io/original":null},"resourceVersion":"7"}}`
		s0Left = `{"metadata":{"annotations":{"fluxtune.github.io/original":"{\"steps\":[{\"session\":\"s0\",\"policy\":\"fast\",\"time\":\"2026-03-01T12:00:00Z\",` +
			`\"fields\":{\"spec.interval\":{\"from\":\"10m\",\"to\":\"5m\"}}}]}"},"resourceVersion":"7"}}`
	)
	tuned := object(t, "ks", interval("1m"), timeout("2m"), recorded(two.String()))
	w := restoring(tuned, RestoreOptions{})
	next := w.Next(tuned)
	assert.Equal(t, `{"metadata":{"resourceVersion":"7"},"spec":{"interval":"10m","timeout":null}}`, string(next.Patch), "values first")
	next = w.Next(object(t, "ks", interval("10m"), recorded(two.String())))
	assert.Equal(t, drop, string(next.Patch), "then the record")
	assert.Equal(t, Next{State: StateAsWanted}, w.Next(object(t, "ks", interval("10m"))))

	one := restoring(tuned, RestoreOptions{Session: "s1"})
	assert.Equal(t, `{"metadata":{"resourceVersion":"7"},"spec":{"interval":"5m","timeout":null}}`, string(one.Next(tuned).Patch))
	assert.Equal(t, s0Left, string(one.Next(object(t, "ks", recorded(two.String()))).Patch))

	of := Record{Steps: []Step{step("s1", move(flux.ChartInterval, "", "1m"))}}
	release := object(t, "hr", chart("1m"), recorded(of.String()))
	assert.Equal(t, `{"metadata":{"resourceVersion":"7"},"spec":{"chart":{"spec":{"interval":null}}}}`, string(restoring(release, RestoreOptions{}).Next(release).Patch))
}

// Only what a rule of ours will hold is recorded as pinned: what is changed although it will be undone is not.
func TestOnlyPinsAreRecordedAsPinned(t *testing.T) {
	t.Parallel()
	web := object(t, "gitrepo", timeout("2m"), child(flux.Interval))
	j := NewJudge(flux.Snapshot{Objects: []flux.Object{web}, Related: []flux.Object{parent(t)}})
	p := preset(t, "fast")
	for managed, want := range map[Managed]bool{ManagedPatch: false, ManagedPin: true} {
		plan := NewPlan([]flux.Object{web}, p, defaultResolver(p), Options{Judge: j, Managed: managed})
		require.Len(t, plan.Changed(), 1, managed)
		assert.Equal(t, want, plan.Items[0].Pinned(), managed)
		next := asPlanned(plan.Items[0], stamp).Next(web)
		assert.Equal(t, want, strings.Contains(string(next.Patch), `pinned`), managed)
	}
}

// A revert takes back what somebody said yes to, and nothing else.
func TestRestoreNext(t *testing.T) {
	t.Parallel()
	one := Record{Steps: []Step{step("s1", moves(move(flux.Interval, "5m", "1m"), move(flux.Timeout, "", "2m")))}}
	w := restoring(object(t, "ks", interval("1m"), timeout("2m"), recorded(one.String())), RestoreOptions{})
	more := Record{Steps: append(one.Steps, step("s2", move(flux.RetryInterval, "", "20s")))}
	keeps := Record{Steps: append(one.Steps, step("s2", moves(move(flux.Interval, "1m", "1m"), move(flux.Timeout, "2m", "2m"))))}
	const lost = "not taken back: the record of what it was is gone since the plan was made (taken away, forgotten, or the object was made anew): spec.interval stays 1m, and was to become 5m"
	for _, tc := range []struct {
		name string
		now  flux.Object
		want Next
	}{
		{"taken back by somebody else", object(t, "ks", version("8")), Next{State: StateAsWanted}},
		{"deleting", object(t, "ks", version("8"), deleting, recorded(one.String())), Next{State: StateLeftAlone, Why: "being deleted"}},
		{"tuned again since", object(t, "ks", version("8"), interval("1m"), timeout("2m"), retry("20s"), recorded(more.String())),
			Next{State: StateLeftAlone, Why: "changed since the plan was made: spec.retryInterval <unset> -> 20s"}},
		{"changed since", object(t, "ks", version("8"), interval("7m"), timeout("9m"), recorded(one.String())), Next{State: StateLeftAlone, Why: "" +
			"spec.interval was set to 1m and is now 7m: somebody changed it since (--force restores 5m, forget keeps what is there); " +
			"spec.timeout was set to 2m and is now 9m: somebody changed it since (--force restores <unset>, forget keeps what is there)"}},
		{"of another session now", object(t, "ks", version("8"), recorded("{")), Next{State: StateLeftAlone,
			Why: "reading annotation fluxtune.github.io/original: jsontext: unexpected EOF after offset 1: restore the object by hand, then run forget on it"}},
		{"its record is gone, and what was set stays", object(t, "ks", version("8"), interval("1m")), Next{State: StateLost, Why: lost}},
		{"a session has kept the values since", object(t, "ks", version("8"), interval("1m"), timeout("2m"), recorded(keeps.String())),
			Next{State: StateLeftAlone, Why: "changed since the plan was made: session s2 has tuned it, too"}},
		{"the values are back, and a session has kept that since", object(t, "ks", version("8"), interval("5m"), recorded(keeps.String())),
			Next{State: StateLeftAlone, Why: "changed since the plan was made: session s2 has tuned it, too"}},
	} {
		next := w.Next(tc.now)
		next.Back = nil
		assert.Equal(t, tc.want, next, tc.name)
	}
	single := restoring(w.Target(), RestoreOptions{Session: "s1"})
	assert.Equal(t, Next{State: StateAsWanted}, single.Next(object(t, "ks", recorded(Record{Steps: more.Steps[1:]}.String()))))
	assert.Equal(t, Next{State: StateLost, Why: lost}, single.Next(object(t, "ks", interval("1m"), recorded(Record{Steps: more.Steps[1:]}.String()))), "it is another session's only")

	kept := single.Next(object(t, "ks", interval("1m"), timeout("2m"), recorded(keeps.String())))
	require.NoError(t, kept.Err)
	assert.Empty(t, kept.Back.Changes, "what it does is decided now, and not when it was planned")
	assert.Equal(t, "spec.interval stays 1m: session s2 set it later; reverting that one restores 5m; spec.timeout stays 2m: session s2 set it later; reverting that one restores <unset>", kept.Back.KeptMessage())
	forced := restoring(w.Target(), RestoreOptions{Session: "s1", Force: true})
	assert.Equal(t, StateLeftAlone, forced.Next(object(t, "ks", interval("1m"), timeout("2m"), recorded(keeps.String()))).State)
	other := Record{Steps: []Step{step("s1", moves(move(flux.Interval, "9m", "1m"), move(flux.Timeout, "", "2m")))}}
	assert.Equal(t, Next{State: StateLeftAlone, Why: "changed since the plan was made: its record is another one now"},
		w.Next(object(t, "ks", interval("1m"), timeout("2m"), recorded(other.String()))))
}

// What the plan says will stay is not said again when the rest is done; what stays beside is.
func TestRestoreNextOfAPart(t *testing.T) {
	t.Parallel()
	both := Record{Steps: []Step{step("s1", moves(move(flux.Interval, "5m", "1m"), move(flux.Timeout, "", "2m")))}}
	left := Record{Steps: []Step{step("s1", move(flux.Interval, "5m", "1m"))}}
	w := restoring(object(t, "ks", interval("7m"), timeout("2m"), recorded(both.String())), RestoreOptions{})
	assert.Equal(t, ActionChange, w.Restore.Action)
	assert.Len(t, w.Restore.Kept, 1)
	assert.Equal(t, StateAsWanted, w.Next(object(t, "ks", interval("7m"), recorded(left.String()))).State)
	more := w.Next(object(t, "ks", version("8"), interval("7m"), timeout("9m"), recorded(both.String())))
	assert.Equal(t, StateLeftAlone, more.State)
	assert.Len(t, more.Back.Kept, 2)
	assert.Equal(t, "spec.interval was set to 1m and is now 7m: somebody changed it since (--force restores 5m, forget keeps what is there); spec.timeout was set to 2m and is now 9m: somebody changed it since (--force restores <unset>, forget keeps what is there)", more.Why)
}

// Where somebody takes the record away when the values are back, the fields go back to who owned them all the same.
func TestRestoreNextWithoutTheRecord(t *testing.T) {
	t.Parallel()
	r := Record{Steps: []Step{step("s1", map[flux.Field]Move{flux.Interval: {From: ptr("5m"), To: ptr("1m"), Owners: []flux.Manager{updates("kubectl")}}})}}
	w := restoring(object(t, "ks", interval("1m"), recorded(r.String()), ownedBy(flux.Interval, updates(DefaultManager))), RestoreOptions{})
	owned := func(by string) func(*flux.Object) {
		return func(o *flux.Object) {
			ownedBy(flux.Interval, updates(by))(o)
			o.ManagedFields = []byte(`[{"manager":"` + by + `","operation":"Update","fieldsType":"FieldsV1","fieldsV1":{"f:spec":{"f:interval":{}}}}]`)
		}
	}
	next := w.Next(object(t, "ks", interval("5m"), owned(DefaultManager)))
	require.NoError(t, next.Err)
	require.NotEmpty(t, next.Patch)
	assert.JSONEq(t, `{"metadata":{"resourceVersion":"7","managedFields":[{"manager":"kubectl","operation":"Update","apiVersion":"kustomize.toolkit.fluxcd.io/v1",`+
		`"fieldsType":"FieldsV1","fieldsV1":{"f:spec":{"f:interval":{}}}}]}}`, string(next.Patch))
	assert.Equal(t, Next{State: StateAsWanted}, w.Next(object(t, "ks", interval("5m"), owned("kubectl"))))
}

func TestForgetNext(t *testing.T) {
	t.Parallel()
	tuned := object(t, "ks", interval("1m"), recorded(Record{Steps: []Step{step("s1", move(flux.Interval, "5m", "1m"))}}.String()))
	const drop = `{"metadata":{"annotations":{"fluxtune.github.io/original":null},"resourceVersion":"7"}}`
	assert.Equal(t, drop, string(ForgetWrite{Object: tuned}.Next(tuned).Patch))
	assert.Equal(t, drop, string(ForgetWrite{Object: tuned}.Next(object(t, "ks", recorded("{"))).Patch), "what cannot be read is dropped all the same")
	assert.Equal(t, Next{State: StateAsWanted}, ForgetWrite{Object: tuned}.Next(object(t, "ks")))

	later := Record{Steps: []Step{step("s1", move(flux.Interval, "5m", "1m")), step("s2", move(flux.Interval, "1m", "1m"))}}
	assert.Equal(t, Next{State: StateLeftAlone, Why: "session s2 has changed it since, too, and its record is the way back of that"},
		ForgetWrite{Object: tuned}.Next(object(t, "ks", interval("1m"), recorded(later.String()))), "nobody has asked to forget that one")

	one := ForgetWrite{Object: tuned, Session: "s1"}
	assert.Equal(t, drop, string(one.Next(tuned).Patch))
	both := Record{Steps: []Step{step("s1", move(flux.Interval, "5m", "1m")), step("s2", move(flux.Timeout, "1m", "2m"))}}
	assert.Equal(t, Next{State: StateLeftAlone, Why: "session s2 has changed it since, too, and its record is the way back of that"},
		one.Next(object(t, "ks", interval("1m"), timeout("2m"), recorded(both.String()))))
	assert.Equal(t, StateLeftAlone, one.Next(object(t, "ks", recorded("{"))).State, "it may be another session's by now")
}

func TestChanged(t *testing.T) {
	t.Parallel()
	manifest := map[string]any{"kind": "HelmRelease", "spec": map[string]any{"interval": "5m", "timeout": "3m"}}
	got := Changed(manifest, []Change{change(flux.Interval, "5m", "1m"), change(flux.Timeout, "3m", ""), change(flux.ChartInterval, "", "10m")})
	assert.Equal(t, map[string]any{"kind": "HelmRelease", "spec": map[string]any{
		"interval": "1m", "chart": map[string]any{"spec": map[string]any{"interval": "10m"}},
	}}, got)
	assert.Equal(t, map[string]any{"interval": "5m", "timeout": "3m"}, manifest["spec"], "the manifest is as it was")
}

// store is an object as an API server keeps it: it applies merge patches to the current
// resourceVersion only, counts that up, and drops empty annotations.
type store struct {
	t       *testing.T
	object  map[string]any
	version int
}

func (s *store) read() flux.Object {
	s.t.Helper()
	unstructured.RemoveNestedField(s.object, "metadata", "resourceVersion")
	require.NoError(s.t, unstructured.SetNestedField(s.object, fmt.Sprint(s.version), "metadata", "resourceVersion"))
	data, err := json.Marshal(s.object)
	require.NoError(s.t, err)
	o, err := flux.Decode(data)
	require.NoError(s.t, err)
	return o
}

func (s *store) patch(patch []byte) {
	s.t.Helper()
	var head struct {
		Metadata struct{ ResourceVersion string }
	}
	require.NoError(s.t, json.Unmarshal(patch, &head))
	require.Equal(s.t, fmt.Sprint(s.version), head.Metadata.ResourceVersion)
	data, err := json.Marshal(s.object)
	require.NoError(s.t, err)
	data, err = jsonpatch.MergePatch(data, patch)
	require.NoError(s.t, err)
	s.object = nil
	require.NoError(s.t, json.Unmarshal(data, &s.object))
	if annotations, found, _ := unstructured.NestedMap(s.object, "metadata", "annotations"); found && len(annotations) == 0 {
		unstructured.RemoveNestedField(s.object, "metadata", "annotations")
	}
	s.version++
}

// spec returns what must come back: the object without its resourceVersion.
func (s *store) spec() string {
	s.t.Helper()
	plain := Changed(s.object, []Change{{Field: "metadata.resourceVersion"}})
	data, err := json.Marshal(plain)
	require.NoError(s.t, err)
	return string(data)
}

var durations = []string{"30s", "1m", "60s", "1m0s", "5m", "5m0s", "10m", "1h", "90m"}

// randomStore is an object of a random kind, each of its fields present or absent.
func randomStore(t *testing.T, r *rand.Rand) *store {
	t.Helper()
	kinds := flux.Kinds()
	kind := kinds[r.IntN(len(kinds))]
	manifest := map[string]any{
		"apiVersion": kind.Group + "/" + kind.Versions[0], "kind": kind.Name,
		"metadata": map[string]any{"name": "web", "namespace": "apps"},
		"spec":     map[string]any{"suspend": true, "prune": true},
	}
	spec := manifest["spec"].(map[string]any)
	if kind.Name == "HelmRelease" && r.IntN(2) == 0 {
		spec["chart"] = map[string]any{"spec": map[string]any{"chart": "web"}}
	}
	if r.IntN(2) == 0 {
		require.NoError(t, unstructured.SetNestedField(manifest, "kept", "metadata", "annotations", "other"))
	}
	s := &store{t: t, object: manifest, version: 1}
	for _, tunable := range kind.Tunables {
		if s.read().Has(tunable.Field) && r.IntN(2) == 0 {
			require.NoError(t, unstructured.SetNestedField(manifest, durations[r.IntN(len(durations))], tunable.Field.Path()...))
		}
	}
	return s
}

// tune changes some of the object's fields at random, as one apply would; it returns the session, ""
// where nothing changed.
func (s *store) tune(r *rand.Rand, number int) string {
	s.t.Helper()
	item := Item{Object: s.read(), Action: ActionChange}
	for _, tunable := range item.Object.KindRow().Tunables {
		c := Change{Field: tunable.Field, From: item.Object.Value(tunable.Field), To: ptr(durations[r.IntN(len(durations))])}
		if item.Object.Has(tunable.Field) && r.IntN(2) == 0 && !flux.SameDuration(c.From, c.To) {
			item.Changes = append(item.Changes, c)
		}
	}
	if len(item.Changes) == 0 {
		return ""
	}
	session := fmt.Sprintf("s%d", number)
	next := asPlanned(item, Stamp{Session: session, Policy: "random", Time: noon}).Next(item.Object)
	require.NoError(s.t, next.Err)
	s.patch(next.Patch)
	return session
}

// revert sends patches until nothing is left to send.
func (s *store) revert(opts RestoreOptions) Restore {
	s.t.Helper()
	w := restoring(s.read(), opts)
	require.Equal(s.t, ActionChange, w.Restore.Action, w.Restore.Message)
	for sent := 0; ; sent++ {
		next := w.Next(s.read())
		require.NoError(s.t, next.Err)
		if next.Patch == nil {
			require.Equal(s.t, StateAsWanted, next.State, next.Why)
			break
		}
		require.Less(s.t, sent, 2, "values, then the record")
		s.patch(next.Patch)
	}
	return w.Restore
}

// However often an object is tuned, one revert gives the object back exactly as it was.
func TestRevertGivesBackTheOriginal(t *testing.T) {
	t.Parallel()
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 1))
		s := randomStore(t, r)
		before, tunings := s.spec(), 0
		for range r.IntN(12) {
			if s.tune(r, tunings) != "" {
				tunings++
			}
		}
		if tunings == 0 {
			continue
		}
		s.revert(RestoreOptions{})
		require.Equal(t, before, s.spec(), "seed %d", seed)
	}
}

// Taken back session by session, newest first, an object passes through the states that it had.
func TestRevertBySessionGoesBackStepByStep(t *testing.T) {
	t.Parallel()
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 2))
		s := randomStore(t, r)
		var states, sessions []string
		for i := range 8 {
			before := s.spec()
			if session := s.tune(r, i); session != "" {
				states, sessions = append(states, before), append(sessions, session)
			}
		}
		for i := len(sessions) - 1; i >= 0; i-- {
			s.revert(RestoreOptions{Session: sessions[i]})
			require.Equal(t, states[i], s.spec(), "seed %d, session %s", seed, sessions[i])
		}
	}
}

// With force, what others changed in between comes back too.
func TestForcedRevertGivesBackTheOriginal(t *testing.T) {
	t.Parallel()
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 3))
		s := randomStore(t, r)
		before := s.spec()
		session := s.tune(r, 1)
		if session == "" {
			continue
		}
		record, err := ReadRecord(s.read())
		require.NoError(t, err)
		for _, tunable := range s.read().KindRow().Tunables {
			field := tunable.Field
			if _, moved := record.Steps[0].Fields[field]; !moved {
				continue
			}
			switch r.IntN(3) {
			case 0:
				unstructured.RemoveNestedField(s.object, field.Path()...)
			case 1:
				require.NoError(t, unstructured.SetNestedField(s.object, "77s", field.Path()...))
			}
		}
		if r.IntN(2) == 0 {
			session = ""
		}
		s.revert(RestoreOptions{Session: session, Force: true})
		require.Equal(t, before, s.spec(), "seed %d", seed)
	}
}

// Taken back session by session in any order, what is left is what the sessions left would have made of it.
func TestRevertBySessionInAnyOrder(t *testing.T) {
	t.Parallel()
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 4))
		s := randomStore(t, r)
		before := s.spec()
		var sessions []string
		for i := range 6 {
			if session := s.tune(r, i); session != "" {
				sessions = append(sessions, session)
			}
		}
		r.Shuffle(len(sessions), func(i, j int) { sessions[i], sessions[j] = sessions[j], sessions[i] })
		for _, session := range sessions {
			if record, err := ReadRecord(s.read()); err == nil && record.HasSession(session) {
				s.revert(RestoreOptions{Session: session})
			}
		}
		require.Equal(t, before, s.spec(), "seed %d, sessions %v", seed, sessions)
	}
}

// What admission makes of a revert or a forget is not done.
func TestVerifyRestores(t *testing.T) {
	t.Parallel()
	record := Record{Steps: []Step{step("s1", move(flux.Interval, "5m", "1m"))}}
	tuned := object(t, "ks", interval("1m"), recorded(record.String()))
	w := restoring(tuned, RestoreOptions{})
	require.NoError(t, w.Verify(tuned, object(t, "ks", interval("300s"), recorded(record.String()))))
	require.EqualError(t, w.Verify(tuned, object(t, "ks", interval("2m"), recorded(record.String()))),
		"spec.interval became 2m, not 5m: admission (a policy or webhook) changes what is written")
	filled := object(t, "gitrepo", interval("1m"), timeout("2m"), recorded(Record{Steps: []Step{step("s1", move(flux.Timeout, "", "2m"))}}.String()))
	byDefault := func(value string) flux.Object {
		return object(t, "gitrepo", interval("1m"), timeout(value), ownedBy(flux.Timeout, updates("fluxtune")), recorded(filled.Annotations[RecordAnnotation]))
	}
	require.NoError(t, restoring(filled, RestoreOptions{}).Verify(filled, byDefault("60s")), "the API server fills it in")
	require.EqualError(t, restoring(filled, RestoreOptions{}).Verify(filled, byDefault("90s")),
		"spec.timeout became 1m30s, not <unset>: the CRD's schema, or admission (a policy or webhook), changes what is written")
	assert.EqualError(t, arrived([]Change{change(flux.RetryInterval, "", "5m")}, object(t, "ks")),
		"spec.retryInterval became <unset>, not 5m: the CRD's schema, or admission (a policy or webhook), changes what is written")
	next := restoring(filled, RestoreOptions{}).Next(byDefault("60s"))
	require.NoError(t, next.Err)
	assert.Contains(t, string(next.Patch), `"fluxtune.github.io/original":null`, "then the record goes")
	back := object(t, "ks", interval("5m"), recorded(record.String()))
	require.NoError(t, w.Verify(back, object(t, "ks", interval("5m"))))
	require.ErrorContains(t, w.Verify(back, back), "did not take the annotation fluxtune.github.io/original as it was sent")
	assert.Nil(t, w.Undo(tuned, back))

	f := ForgetWrite{Object: tuned}
	require.NoError(t, f.Verify(tuned, object(t, "ks", interval("1m"))))
	require.ErrorContains(t, f.Verify(tuned, object(t, "ks", interval("2m"))), "spec.interval became 2m, not 1m")
	require.ErrorContains(t, f.Verify(tuned, tuned), "kept the annotation fluxtune.github.io/original")
	assert.Nil(t, f.Undo(tuned, tuned))
}

// What is taken back after admission has made something else of it does not leave a timeout or retry interval shorter than before,
// while admission keeps the interval short.
func TestUndoKeepsWhatFollowsAShortInterval(t *testing.T) {
	t.Parallel()
	before := object(t, "ks", interval("10m"))
	changes := []Change{change(flux.Interval, "10m", "1m"), change(flux.Timeout, "", "9m30s"), change(flux.RetryInterval, "", "10m")}
	w := ApplyWrite{Item: Item{Object: before, Action: ActionChange, Changes: changes}, Stamp: Stamp{Session: "s1"}}
	record := Record{Steps: []Step{step("s1", map[flux.Field]Move{
		flux.Interval: {From: ptr("10m"), To: ptr("1m")}, flux.Timeout: {To: ptr("9m30s")}, flux.RetryInterval: {To: ptr("10m")}})}}
	ours := updates("fluxtune")
	as := func(every string, more ...func(*flux.Object)) flux.Object {
		return object(t, "ks", append([]func(*flux.Object){interval(every), timeout("9m30s"), retry("10m"), recorded(record.String()), ownedBy(flux.Interval, ours), ownedBy(flux.Timeout, ours), ownedBy(flux.RetryInterval, ours)}, more...)...)
	}
	undo := w.Undo(before, as("2m"))

	first := undo.Next(as("2m"))
	require.NoError(t, first.Err)
	seen, _ := record.seen(as("2m"), []flux.Field{flux.Interval})
	assert.Equal(t, "2m", Show(seen.Steps[0].Fields[flux.Interval].Became), "admission may make the same of what was there before")
	assert.JSONEq(t, fmt.Sprintf(`{"metadata":{"resourceVersion":"7","annotations":{"fluxtune.github.io/original":%q}},"spec":{"interval":"10m"}}`, seen.String()), string(first.Patch))
	then := undo.Next(as("10m"))
	require.NoError(t, then.Err)
	assert.JSONEq(t, `{"metadata":{"resourceVersion":"7"},"spec":{"timeout":null,"retryInterval":null}}`, string(then.Patch))

	somebodys := undo.Next(as("2m", func(o *flux.Object) {
		o.Owners[0].Manager = updates("kubectl-edit")
	}))
	assert.Equal(t, Next{State: StateLeftAlone, Why: "spec.retryInterval stays 10m: where it is not set it would be 2m, while spec.interval is 2m"}, somebodys)
}
