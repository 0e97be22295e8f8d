package manifest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A Receiver names a version of what it notifies. That Flux 2.10 does not serve it is known, of an older Flux it is not.
func TestReceiversOfVersions(t *testing.T) {
	t.Parallel()
	const not = "Flux 2.10 does not serve source.toolkit.fluxcd.io/v1beta2 of this kind: it has v1"
	for name, tc := range map[string]struct{ image, version, want string }{
		"not known which Flux": {"", "source.toolkit.fluxcd.io/v1beta2", not},
		"Flux 2.9":             {"kustomize-controller:v1.9.0", "source.toolkit.fluxcd.io/v1beta2", not},
		"Flux 2.3":             {"kustomize-controller:v1.3.0", "source.toolkit.fluxcd.io/v1beta2", ""},
		"the newest":           {"", "source.toolkit.fluxcd.io/v1", ""},
		"none":                 {"", `""`, ""},
	} {
		tree := NewTree(map[string]string{
			"clusters/a/flux-system/gotk-sync.yaml": heldSync,
			"clusters/a/receiver.yaml": "apiVersion: notification.toolkit.fluxcd.io/v1\nkind: Receiver\nmetadata: {name: hook, namespace: apps}\n" +
				"spec: {type: github, secretRef: {name: token}, resources: [{apiVersion: " + tc.version + ", kind: GitRepository, name: web}]}\n",
			"clusters/a/controller.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: kustomize-controller, namespace: flux-system}\n" +
				"spec: {template: {spec: {containers: [{name: manager, image: \"" + tc.image + "\"}]}}}\n",
		})
		fleets := tree.Read(tree.Roots())
		require.Len(t, fleets, 1, name)
		for _, o := range fleets[0].Snapshot.Objects {
			if o.Kind == "Receiver" {
				require.Len(t, o.Targets, 1, name)
				assert.Equal(t, tc.want, o.Targets[0].Unserved, name)
			}
		}
	}
}
