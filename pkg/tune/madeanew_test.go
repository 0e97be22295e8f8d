package tune

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// An owner that was deleted and made anew from a backup, when no record needs its rules any more: what the note still names is ours and
// goes, whoever has made it anew; without the note, or where somebody applies the list, a rule is that of others, and stays.
func TestRulesOfAnOwnerMadeAnew(t *testing.T) {
	t.Parallel()
	rules := Rules([]Need{{Object: flux.Ref{Group: "kustomize.toolkit.fluxcd.io", Kind: "Kustomization", Namespace: "apps", Name: "web"}, Fields: []flux.Field{flux.Interval}}})
	note, err := json.Marshal(pins{Rules: []string{digest(rules[0])}, Manager: "fluxtune"})
	require.NoError(t, err)
	noted := annotated(PinsAnnotation, string(note))
	copied, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": map[string]any{PinsAnnotation: string(note)}}, "spec": map[string]any{"ignore": rules}})
	require.NoError(t, err)
	backup := func(by flux.Manager, changes ...func(*flux.Object)) flux.Object {
		changes = append([]func(*flux.Object){named("flux-system", "apps"), ownedBy(flux.IgnoreField, by), func(o *flux.Object) { o.Ignore = rules }}, changes...)
		return object(t, "ks", changes...)
	}
	const rulesGo, noteGoes = `"ignore":null`, `"fluxtune.github.io/pins":null`
	for _, tc := range []struct {
		name  string
		owner flux.Object
		sent  string
	}{
		{"kubectl create", backup(updates("kubectl-create"), noted), rulesGo},
		{"kubectl apply", backup(updates("kubectl-client-side-apply"), func(o *flux.Object) {
			o.Annotations = map[string]string{PinsAnnotation: string(note), corev1.LastAppliedConfigAnnotation: string(copied)}
		}), rulesGo},
		{"a program for backups", backup(updates("velero-server"), noted), rulesGo},
		{"kubectl apply --server-side, which has the rules in its manifest", backup(applies("kubectl"), noted), noteGoes},
		{"without our annotations", backup(updates("kubectl-create")), ""},
	} {
		next := PinWrite{Pin: Needs(flux.Each(nil)).Pin(tc.owner), Settles: true}.Next(tc.owner)
		require.NoError(t, next.Err, tc.name)
		if tc.sent == "" {
			assert.Nil(t, next.Patch, tc.name)
			continue
		}
		assert.Contains(t, string(next.Patch), tc.sent, tc.name)
		assert.Equal(t, tc.sent == rulesGo, len(OurRules(tc.owner)) > 0, tc.name)
	}
}
