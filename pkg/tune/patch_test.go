package tune

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

var stamp = Stamp{Session: "a1b2", Policy: "fast", Time: time.Date(2026, 3, 1, 13, 0, 0, 999, time.FixedZone("CET", 3600))}

func TestPatch(t *testing.T) {
	t.Parallel()
	const first = `{\"session\":\"a1b2\",\"policy\":\"fast\",\"time\":\"2026-03-01T12:00:00Z\",\"fields\":`
	earlier := Record{Steps: []Step{step("s0", move(flux.Interval, "10m", "5m"))}}
	for _, tc := range []struct {
		name    string
		object  flux.Object
		changes []Change
		want    string
	}{
		{
			"two fields", object(t, "ks"), []Change{change(flux.Interval, "5m", "1m"), change(flux.Timeout, "", "2m")},
			`{"metadata":{"annotations":{"fluxtune.github.io/original":"{\"steps\":[` + first +
				`{\"spec.interval\":{\"from\":\"5m\",\"to\":\"1m\"},\"spec.timeout\":{\"from\":null,\"to\":\"2m\"}}}]}"},"resourceVersion":"7"},` +
				`"spec":{"interval":"1m","timeout":"2m"}}`,
		},
		{
			"a chart interval beside the interval", object(t, "hr", chart("")), []Change{change(flux.Interval, "5m", "1m"), change(flux.ChartInterval, "", "10m")},
			`{"metadata":{"annotations":{"fluxtune.github.io/original":"{\"steps\":[` + first +
				`{\"spec.chart.spec.interval\":{\"from\":null,\"to\":\"10m\"},\"spec.interval\":{\"from\":\"5m\",\"to\":\"1m\"}}}]}"},"resourceVersion":"7"},` +
				`"spec":{"chart":{"spec":{"interval":"10m"}},"interval":"1m"}}`,
		},
		{
			"on top of an earlier record", object(t, "ks", recorded(earlier.String())), []Change{change(flux.Interval, "5m", "1m")},
			`{"metadata":{"annotations":{"fluxtune.github.io/original":"{\"steps\":[` +
				`{\"session\":\"s0\",\"policy\":\"fast\",\"time\":\"2026-03-01T12:00:00Z\",\"fields\":{\"spec.interval\":{\"from\":\"10m\",\"to\":\"5m\"}}},` +
				first + `{\"spec.interval\":{\"from\":\"5m\",\"to\":\"1m\"}}}]}"},"resourceVersion":"7"},"spec":{"interval":"1m"}}`,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := Patch(Item{Object: tc.object, Changes: tc.changes}, stamp)
			require.NoError(t, err)
			assert.Equal(t, tc.want, string(got))
		})
	}
}

func TestRevertPatch(t *testing.T) {
	t.Parallel()
	left := Record{Steps: []Step{step("s0", move(flux.Interval, "10m", "5m"))}}
	back := []Change{change(flux.Interval, "1m", "5m"), change(flux.Timeout, "2m", "")}
	for _, tc := range []struct {
		name    string
		changes []Change
		record  *Record
		want    string
	}{
		{"everything", back, nil, `{"metadata":{"annotations":{"fluxtune.github.io/original":null},"resourceVersion":"7"},"spec":{"interval":"5m","timeout":null}}`},
		{"nothing left", back[:1], &Record{}, `{"metadata":{"annotations":{"fluxtune.github.io/original":null},"resourceVersion":"7"},"spec":{"interval":"5m"}}`},
		{"only the record", nil, &Record{}, `{"metadata":{"annotations":{"fluxtune.github.io/original":null},"resourceVersion":"7"}}`},
		{"a chart interval", []Change{change(flux.ChartInterval, "1m", "")}, nil, `{"metadata":{"annotations":{"fluxtune.github.io/original":null},"resourceVersion":"7"},"spec":{"chart":{"spec":{"interval":null}}}}`},
		{
			"one session of two", back, &left,
			`{"metadata":{"annotations":{"fluxtune.github.io/original":"{\"steps\":[{\"session\":\"s0\",\"policy\":\"fast\",\"time\":\"2026-03-01T12:00:00Z\",` +
				`\"fields\":{\"spec.interval\":{\"from\":\"10m\",\"to\":\"5m\"}}}]}"},"resourceVersion":"7"},"spec":{"interval":"5m","timeout":null}}`,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := RevertPatch(Item{Object: object(t, "ks"), Changes: tc.changes, Record: tc.record})
			require.NoError(t, err)
			assert.Equal(t, tc.want, string(got))
		})
	}
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
	patch, err := Patch(item, Stamp{Session: session, Policy: "random", Time: noon})
	require.NoError(s.t, err)
	s.patch(patch)
	return session
}

func (s *store) revert(opts RevertOptions) {
	s.t.Helper()
	item := DecideRevert(s.read(), opts)
	require.Equal(s.t, ActionChange, item.Action, item.Message)
	require.Empty(s.t, item.Notes)
	patch, err := RevertPatch(item)
	require.NoError(s.t, err)
	s.patch(patch)
}

// However often an object is tuned, one revert gives the object back exactly as it was.
func TestRevertGivesBackTheOriginal(t *testing.T) {
	t.Parallel()
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 1))
		s := randomStore(t, r)
		before, tunings := s.spec(), 0
		for range r.IntN(2 * maxSteps) {
			if s.tune(r, tunings) != "" {
				tunings++
			}
		}
		if tunings == 0 {
			continue
		}
		s.revert(RevertOptions{})
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
		for i := range maxSteps { // no more: older steps are folded
			before := s.spec()
			if session := s.tune(r, i); session != "" {
				states, sessions = append(states, before), append(sessions, session)
			}
		}
		for i := len(sessions) - 1; i >= 0; i-- {
			s.revert(RevertOptions{Session: sessions[i]})
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
		s.revert(RevertOptions{Session: session, Force: true})
		require.Equal(t, before, s.spec(), "seed %d", seed)
	}
}
