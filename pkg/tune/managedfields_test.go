package tune

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// How what we owned is given back: our name goes from the fields, entries that own nothing more go, and each field has
// the owners that it had.
func TestGiveBack(t *testing.T) {
	t.Parallel()
	const (
		v1       = `"apiVersion":"kustomize.toolkit.fluxcd.io/v1","fieldsType":"FieldsV1"`
		original = `"f:metadata":{"f:annotations":{"f:fluxtune.github.io/original":{}}}`
	)
	git := flux.Manager{Name: "kustomize-controller", Apply: true, Version: "kustomize.toolkit.fluxcd.io/v1"}
	ours := map[string]bool{"fluxtune": true, "alice": true}
	for _, tc := range []struct {
		name        string
		before      string
		freed       map[flux.Field][]flux.Manager
		annotations []string
		want        string
	}{
		{
			name:   "everything of ours",
			before: `[{"manager":"fluxtune","operation":"Update",` + v1 + `,"fieldsV1":{` + original + `,"f:spec":{"f:interval":{},"f:timeout":{}}}}]`,
			freed:  map[flux.Field][]flux.Manager{flux.Interval: nil, flux.Timeout: nil}, annotations: []string{RecordAnnotation},
			want: `[{}]`,
		},
		{
			name: "the field goes back to its owner's entry",
			before: `[{"manager":"kustomize-controller","operation":"Apply",` + v1 + `,"fieldsV1":{"f:spec":{"f:path":{}}}},` +
				`{"manager":"fluxtune","operation":"Update",` + v1 + `,"fieldsV1":{` + original + `,"f:spec":{"f:interval":{}}}}]`,
			freed: map[flux.Field][]flux.Manager{flux.Interval: {git}}, annotations: []string{RecordAnnotation},
			want: `[{"manager":"kustomize-controller","operation":"Apply",` + v1 + `,"fieldsV1":{"f:spec":{"f:interval":{},"f:path":{}}}}]`,
		},
		{
			name:   "to an owner that owns nothing any more",
			before: `[{"manager":"fluxtune","operation":"Update",` + v1 + `,"fieldsV1":{"f:spec":{"f:interval":{}}}}]`,
			freed:  map[flux.Field][]flux.Manager{flux.Interval: {git, {Name: "kubectl-edit", Version: git.Version}}},
			want: `[{"manager":"kustomize-controller","operation":"Apply",` + v1 + `,"fieldsV1":{"f:spec":{"f:interval":{}}}},` +
				`{"manager":"kubectl-edit","operation":"Update",` + v1 + `,"fieldsV1":{"f:spec":{"f:interval":{}}}}]`,
		},
		{
			name:   "to owners with versions that may be gone, or never were",
			before: `[{"manager":"fluxtune","operation":"Update",` + v1 + `,"fieldsV1":{"f:spec":{"f:interval":{}}}}]`,
			freed: map[flux.Field][]flux.Manager{flux.Interval: {
				{Name: "helm-controller", Apply: true, Version: "v1"}, {Name: "kubectl-edit", Version: "kustomize.toolkit.fluxcd.io/v1beta2"}, {Name: "kubectl-edit", Version: git.Version}, {Name: "k9s"}}},
			want: `[{"manager":"helm-controller","operation":"Apply",` + v1 + `,"fieldsV1":{"f:spec":{"f:interval":{}}}},` +
				`{"manager":"kubectl-edit","operation":"Update",` + v1 + `,"fieldsV1":{"f:spec":{"f:interval":{}}}},` +
				`{"manager":"k9s","operation":"Update",` + v1 + `,"fieldsV1":{"f:spec":{"f:interval":{}}}}]`,
		},
		{
			name: "to the entry of a version that is still there",
			before: `[{"manager":"kubectl-edit","operation":"Update","apiVersion":"kustomize.toolkit.fluxcd.io/v1beta2","fieldsType":"FieldsV1","fieldsV1":{"f:spec":{"f:path":{}}}},` +
				`{"manager":"kubectl-edit","operation":"Update",` + v1 + `,"fieldsV1":{"f:spec":{"f:prune":{}}}}]`,
			freed: map[flux.Field][]flux.Manager{flux.Interval: {{Name: "kubectl-edit", Version: "kustomize.toolkit.fluxcd.io/v1beta2"}}},
			want: `[{"manager":"kubectl-edit","operation":"Update","apiVersion":"kustomize.toolkit.fluxcd.io/v1beta2","fieldsType":"FieldsV1","fieldsV1":{"f:spec":{"f:interval":{},"f:path":{}}}},` +
				`{"manager":"kubectl-edit","operation":"Update",` + v1 + `,"fieldsV1":{"f:spec":{"f:prune":{}}}}]`,
		},
		{
			name: "what stays ours stays",
			before: `[{"manager":"fluxtune","operation":"Update",` + v1 + `,"fieldsV1":{"f:metadata":{"f:annotations":{".":{},"f:fluxtune.github.io/original":{},"f:other":{}}},` +
				`"f:spec":{"f:interval":{},"f:timeout":{}}}}]`,
			freed: map[flux.Field][]flux.Manager{flux.Timeout: nil},
			want: `[{"manager":"fluxtune","operation":"Update",` + v1 + `,"fieldsV1":{"f:metadata":{"f:annotations":{".":{},"f:fluxtune.github.io/original":{},"f:other":{}}},` +
				`"f:spec":{"f:interval":{}}}}]`,
		},
		{
			name:   "annotations that we made are not ours without ours",
			before: `[{"manager":"fluxtune","operation":"Update",` + v1 + `,"fieldsV1":{"f:metadata":{"f:annotations":{".":{},"f:fluxtune.github.io/original":{}}},"f:spec":{"f:interval":{}}}}]`,
			freed:  map[flux.Field][]flux.Manager{flux.Interval: nil}, annotations: []string{RecordAnnotation},
			want: `[{}]`,
		},
		{
			name: "others, subresources and what we applied stay",
			before: `[{"manager":"kubectl-edit","operation":"Update",` + v1 + `,"fieldsV1":{"f:spec":{"f:interval":{}}}},` +
				`{"manager":"fluxtune","operation":"Apply",` + v1 + `,"fieldsV1":{"f:spec":{"f:interval":{}}}},` +
				`{"manager":"alice","operation":"Update","subresource":"status",` + v1 + `,"fieldsV1":{"f:spec":{"f:interval":{}}}},` +
				`{"manager":"alice","operation":"Update",` + v1 + `,"fieldsV1":{"f:spec":{"f:interval":{}}}}]`,
			freed: map[flux.Field][]flux.Manager{flux.Interval: nil},
			want: `[{"manager":"kubectl-edit","operation":"Update",` + v1 + `,"fieldsV1":{"f:spec":{"f:interval":{}}}},` +
				`{"manager":"fluxtune","operation":"Apply",` + v1 + `,"fieldsV1":{"f:spec":{"f:interval":{}}}},` +
				`{"manager":"alice","operation":"Update",` + v1 + `,"subresource":"status","fieldsV1":{"f:spec":{"f:interval":{}}}}]`,
		},
		{
			name:   "a chart interval",
			before: `[{"manager":"fluxtune","operation":"Update",` + v1 + `,"fieldsV1":{"f:spec":{"f:chart":{"f:spec":{"f:interval":{}}},"f:interval":{}}}}]`,
			freed:  map[flux.Field][]flux.Manager{flux.ChartInterval: nil},
			want:   `[{"manager":"fluxtune","operation":"Update",` + v1 + `,"fieldsV1":{"f:spec":{"f:interval":{}}}}]`,
		},
		{name: "nothing was read", freed: map[flux.Field][]flux.Manager{flux.Interval: nil}, want: `null`},
		{name: "nothing is given back", before: `[]`, want: `null`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			now := object(t, "ks", func(o *flux.Object) { o.ManagedFields = []byte(tc.before) })
			got, err := giveBack(now, ours, tc.freed, tc.annotations...)
			require.NoError(t, err)
			data, err := json.Marshal(got)
			require.NoError(t, err)
			assert.JSONEq(t, tc.want, string(data))
		})
	}
	for _, bad := range []string{`{`, `[{"manager":"fluxtune","operation":"Update","fieldsV1":[]}]`} {
		now := object(t, "ks", func(o *flux.Object) { o.ManagedFields = []byte(bad) })
		_, err := giveBack(now, ours, map[flux.Field][]flux.Manager{flux.Interval: nil})
		require.ErrorContains(t, err, "reading metadata.managedFields")
	}
}

// A field that somebody set back to what it was belongs to them, and to its owners before us.
func TestReleaseOfWhatOthersOwnNow(t *testing.T) {
	t.Parallel()
	git := applies("kustomize-controller")
	r := Record{Steps: []Step{step("s", map[flux.Field]Move{flux.Interval: {From: ptr("5m"), To: ptr("1m"), Owners: []flux.Manager{git}}})}}
	raw := `[{"manager":"fluxtune","operation":"Update","fieldsType":"FieldsV1","fieldsV1":{"f:metadata":{"f:annotations":{"f:fluxtune.github.io/original":{}}}}},` +
		`{"manager":"kubectl-edit","operation":"Update","fieldsType":"FieldsV1","fieldsV1":{"f:spec":{"f:interval":{}}}}]`
	now := object(t, "ks", interval("5m"), recorded(r.String()), ownedBy(flux.Interval, updates("kubectl-edit")), func(o *flux.Object) { o.ManagedFields = []byte(raw) })
	next := restoring(now, RestoreOptions{}).Next(now)
	require.NoError(t, next.Err)
	assert.JSONEq(t, `{"metadata":{"resourceVersion":"7","annotations":{"fluxtune.github.io/original":null},"managedFields":[`+
		`{"manager":"kubectl-edit","operation":"Update","fieldsType":"FieldsV1","fieldsV1":{"f:spec":{"f:interval":{}}}},`+
		`{"manager":"kustomize-controller","operation":"Apply","apiVersion":"kustomize.toolkit.fluxcd.io/v1","fieldsType":"FieldsV1","fieldsV1":{"f:spec":{"f:interval":{}}}}]}}`, string(next.Patch))
}

// A field that an applier has set to another value since is its own: whoever owned it before us gets nothing back.
func TestReleaseOfWhatAnApplierSetSince(t *testing.T) {
	t.Parallel()
	before := []flux.Manager{updates("kubectl-create")}
	r := Record{Steps: []Step{step("s", map[flux.Field]Move{flux.Interval: {From: ptr("5m"), To: ptr("1m"), Owners: before}})}}
	for value, want := range map[string][]flux.Manager{"7m": nil, "1m": nil, "5m": before} {
		now := object(t, "ks", interval(value), recorded(r.String()), ownedBy(flux.Interval, applies("acme-controller")))
		got := DecideRestore(now, RestoreOptions{})
		assert.Equal(t, map[flux.Field][]flux.Manager{flux.Interval: want}, got.Freed, value)
	}
}
