package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
)

// managedObject is an object with its managedFields.
func (m *team) managedObject(kind, name string) *unstructured.Unstructured {
	m.t.Helper()
	o, err := m.Objects(m.t, kind, m.name).Get(m.t.Context(), name, metav1.GetOptions{})
	require.NoError(m.t, err)
	return o
}

// owners are those who own a field of the spec, as "manager Operation", sorted.
func owners(t *testing.T, o *unstructured.Unstructured, field string) []string {
	t.Helper()
	var found []string
	for _, entry := range o.GetManagedFields() {
		if _, ok := specFields(t, entry)["f:"+field]; ok {
			found = append(found, entry.Manager+" "+string(entry.Operation))
		}
	}
	slices.Sort(found)
	return found
}

func specFields(t *testing.T, entry metav1.ManagedFieldsEntry) map[string]any {
	t.Helper()
	var fields struct {
		Spec map[string]any `json:"f:spec"`
	}
	if entry.FieldsV1 != nil {
		require.NoError(t, json.Unmarshal(entry.FieldsV1.GetRawBytes(), &fields))
	}
	return fields.Spec
}

// patchAs merges a patch into an object of the team as a field manager.
func (m *team) patchAs(manager, kind, name, patch string) {
	m.t.Helper()
	m.world.patchAs(m.t, manager, kind, m.name, name, patch)
}

// giveBack takes the manager's entries out of managedFields and, where to is not empty, puts the fields into
// the entry that this manager applies.
func (m *team) giveBack(kind, name, manager, to string, fields ...string) {
	m.t.Helper()
	o := m.managedObject(kind, name)
	var kept []metav1.ManagedFieldsEntry
	for _, entry := range o.GetManagedFields() {
		if entry.Manager == manager {
			continue
		}
		if to != "" && entry.Manager == to && entry.Operation == metav1.ManagedFieldsOperationApply {
			var raw map[string]any
			require.NoError(m.t, json.Unmarshal(entry.FieldsV1.GetRawBytes(), &raw))
			spec := raw["f:spec"].(map[string]any)
			for _, field := range fields {
				spec["f:"+field] = map[string]any{}
			}
			data, err := json.Marshal(raw)
			require.NoError(m.t, err)
			entry.FieldsV1.SetRawBytes(data)
		}
		kept = append(kept, entry)
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"managedFields": kept, "resourceVersion": o.GetResourceVersion()}})
	require.NoError(m.t, err)
	m.patchAs(manager, kind, name, string(patch))
}

// suspended holds the root Kustomization back, so that steps are not undone between them.
func (m *team) suspended(kind, name string, suspend bool) {
	m.t.Helper()
	m.patchAs("flux", kind, name, fmt.Sprintf(`{"spec":{"suspend":%t}}`, suspend))
	if suspend { // and the reconcile that is under way has to end
		time.Sleep(time.Second)
		require.Eventually(m.t, func() bool {
			return m.field(kind, name, `.status.conditions[?(@.type=="Ready")].status`) != "Unknown"
		}, time.Minute, 200*time.Millisecond)
	}
}

// sourcesInGit are suspended, so that nobody but the owner of their spec writes to them.
func sourcesInGit(spec string, names ...string) string {
	var manifests strings.Builder
	for _, name := range names {
		_, _ = fmt.Fprintf(&manifests, `---
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: %s, namespace: NS}
spec: {%s, suspend: true, url: "http://127.0.0.1:1/app.git", ref: {branch: main}}
`, name, spec)
	}
	return manifests.String()
}

const (
	tuned    = `{"spec":{"interval":"1m","timeout":"2m"}}`
	original = `{"spec":{"interval":"5m","timeout":"4m"}}`
)

// fieldsOf are interval, timeout and who owns the timeout.
func (m *team) fieldsOf(name string) string {
	m.t.Helper()
	o := m.managedObject("gitrepository", name)
	return fmt.Sprintf("%s %s %q", testbed.FieldOf(m.t, o, ".spec.interval"), testbed.FieldOf(m.t, o, ".spec.timeout"), owners(m.t, o, "timeout"))
}

// TestGivingFieldsBack: a merge patch takes fields away from whoever applies them, also where the old values are
// put back later. Git can take them away again only when the applier owns them again.
func TestGivingFieldsBack(t *testing.T) {
	t.Parallel()
	measures(t)
	names := []string{"untouched", "control", "cleared", "mended"}
	m := newTeam(t, "", sourcesInGit("interval: 5m, timeout: 4m", names...), development)
	m.eventually("gitrepository", "untouched", ".spec.interval", "5m", time.Minute)
	assert.Equal(t, `5m 4m ["kustomize-controller Apply"]`, m.fieldsOf("untouched"))
	m.suspended("kustomization", "root", true)
	for _, name := range names[1:] {
		m.patchAs("fluxtune", "gitrepository", name, tuned)
		assert.Equal(t, `1m 2m ["fluxtune Update"]`, m.fieldsOf(name), "the parent has lost it")
		m.patchAs("fluxtune", "gitrepository", name, original)
		assert.Equal(t, `5m 4m ["fluxtune Update"]`, m.fieldsOf(name), "the old value does not give it back")
	}
	m.giveBack("gitrepository", "cleared", "fluxtune", "")
	assert.Equal(t, `5m 4m []`, m.fieldsOf("cleared"))
	m.giveBack("gitrepository", "mended", "fluxtune", "kustomize-controller", "interval", "timeout")
	assert.Equal(t, `5m 4m ["kustomize-controller Apply"]`, m.fieldsOf("mended"))
	var before []string
	for _, name := range names {
		before = append(before, m.managedObject("gitrepository", name).GetResourceVersion())
	}
	m.suspended("kustomization", "root", false)
	m.reconciles(2)
	for i, name := range names {
		assert.Equal(t, before[i], m.managedObject("gitrepository", name).GetResourceVersion(), "%s: no drift, nothing is applied", name)
	}
	m.push(sourcesInGit("interval: 7m", names...))
	m.eventually("gitrepository", "untouched", ".spec.interval", "7m", time.Minute)
	m.reconciles(1)
	assert.Equal(t, `7m 60s []`, m.fieldsOf("untouched"))
	assert.Equal(t, `7m 60s []`, m.fieldsOf("mended"), "as one that was never changed")
	assert.Equal(t, `7m 4m []`, m.fieldsOf("cleared"), "nobody takes it away")
	assert.Equal(t, `7m 4m ["fluxtune Update"]`, m.fieldsOf("control"), "nobody takes it away")
}

// TestUndoneByItsParent: whoever is undone by the parent's reconcile owns nothing any more.
func TestUndoneByItsParent(t *testing.T) {
	t.Parallel()
	measures(t)
	m := newTeam(t, "", sourcesInGit("interval: 5m, timeout: 4m", "app"), development)
	m.eventually("gitrepository", "app", ".spec.interval", "5m", time.Minute)
	m.patchAs("fluxtune", "gitrepository", "app", tuned)
	m.eventually("gitrepository", "app", ".spec.interval", "5m", time.Minute)
	assert.Equal(t, `5m 4m ["kustomize-controller Apply"]`, m.fieldsOf("app"))
	assert.NotContains(t, m.field("gitrepository", "app", ".metadata.managedFields[*].manager"), "fluxtune")
}

// TestDefaultsOfFields: what the CRD gives is in the object, and nobody owns it.
func TestDefaultsOfFields(t *testing.T) {
	t.Parallel()
	measures(t)
	m := newTeam(t, "", sourcesInGit("interval: 5m", "app"), development)
	m.eventually("gitrepository", "app", ".spec.interval", "5m", time.Minute)
	assert.Equal(t, `5m 60s []`, m.fieldsOf("app"))
	m.patchAs("fluxtune", "gitrepository", "app", `{"spec":{"timeout":"2m"}}`)
	assert.Equal(t, `5m 2m ["fluxtune Update"]`, m.fieldsOf("app"))
	m.patchAs("fluxtune", "gitrepository", "app", `{"spec":{"timeout":null}}`)
	assert.Equal(t, `5m 60s ["fluxtune Update"]`, m.fieldsOf("app"), "the default is back, the owner stays")
}

// TestOrphan: taken out of Git, kept by prune: disabled.
func TestOrphan(t *testing.T) {
	t.Parallel()
	measures(t)
	kept := strings.Replace(sourcesInGit("interval: 5m", "orphan"), "metadata: {", `metadata: {annotations: {kustomize.toolkit.fluxcd.io/prune: disabled}, `, 1)
	m := newTeam(t, "", kept+sourcesInGit("interval: 5m", "app"), development)
	m.eventually("gitrepository", "app", ".spec.interval", "5m", time.Minute)
	inventory := func() string { return m.field("kustomization", "root", ".status.inventory.entries[*].id") }
	require.Eventually(t, func() bool { return strings.Contains(inventory(), "_orphan_") }, time.Minute, 200*time.Millisecond)
	m.push(sourcesInGit("interval: 7m", "app"))
	m.eventually("gitrepository", "app", ".spec.interval", "7m", time.Minute)
	m.reconciles(1)
	o := m.managedObject("gitrepository", "orphan")
	assert.Equal(t, "root", o.GetLabels()["kustomize.toolkit.fluxcd.io/name"], "its labels stay")
	assert.Equal(t, []string{"kustomize-controller Apply"}, owners(t, o, "interval"), "its owner stays")
	assert.NotContains(t, inventory(), "_orphan_", "the parent's inventory knows")
	m.patchAs("fluxtune", "gitrepository", "orphan", `{"spec":{"interval":"1m"}}`)
	m.reconciles(2)
	assert.Equal(t, "1m", m.field("gitrepository", "orphan", ".spec.interval"), "nobody applies it any more")
}

// TestManagedFieldsOfAPin: while rules hold what somebody else set, the parent does not own it, until another change
// from Git makes it apply the object: then it adopts the value that is there, whatever Git says.
func TestManagedFieldsOfAPin(t *testing.T) {
	t.Parallel()
	measures(t)
	names := []string{"untouched", "control", "mended", "changed"}
	inGit := sourcesInGit("interval: 5m, timeout: 4m", names...)
	m := newTeam(t, "", inGit, development)
	m.eventually("gitrepository", "untouched", ".spec.interval", "5m", time.Minute)
	m.patchAs("fluxtune", "kustomization", "root", `{"spec":{"ignore":[{"paths":["/spec/interval","/spec/timeout"],"target":{"kind":"GitRepository","name":"control|mended|changed"}}]}}`)
	m.reconciles(1)
	for _, name := range names[1:] {
		m.patchAs("fluxtune", "gitrepository", name, tuned)
	}
	labelled := strings.NewReplacer("metadata: {name: changed,", "metadata: {name: changed, labels: {new: label},")
	m.push(labelled.Replace(inGit))
	m.eventually("gitrepository", "changed", ".metadata.labels.new", "label", time.Minute)
	m.reconciles(1)
	assert.Equal(t, `1m 2m ["fluxtune Update"]`, m.fieldsOf("mended"))
	assert.Equal(t, `1m 2m ["fluxtune Update" "kustomize-controller Apply"]`, m.fieldsOf("changed"), "adopted: it is not what Git says")
	m.suspended("kustomization", "root", true)
	for _, name := range names[1:] {
		m.patchAs("fluxtune", "gitrepository", name, original)
	}
	for _, name := range []string{"mended", "changed"} {
		m.giveBack("gitrepository", name, "fluxtune", "kustomize-controller", "interval", "timeout")
	}
	m.patchAs("fluxtune", "kustomization", "root", `{"spec":{"ignore":null,"suspend":false}}`)
	m.push(labelled.Replace(sourcesInGit("interval: 7m", names...)))
	m.eventually("gitrepository", "untouched", ".spec.interval", "7m", time.Minute)
	m.reconciles(1)
	for _, name := range []string{"untouched", "mended", "changed"} {
		assert.Equal(t, `7m 60s []`, m.fieldsOf(name), "%s: Git takes a field away", name)
	}
	assert.Equal(t, `7m 4m ["fluxtune Update"]`, m.fieldsOf("control"), "nobody takes it away")
}
