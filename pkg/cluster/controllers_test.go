package cluster

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// The version of a controller is that of its image's tag, wherever that is kept.
func TestNotifierVersion(t *testing.T) {
	t.Parallel()
	for image, want := range map[string]string{
		"ghcr.io/fluxcd/notification-controller:v1.9.2":                    "1.9.2",
		"localhost:5000/mirror/notification-controller:v1.8.2@sha256:0abc": "1.8.2",
		"docker.io/bitnami/fluxcd-notification-controller:1.8.2-debian-12": "1.8.2-debian-12",
		"localhost:5000/notification-controller@sha256:0abc":               "",
		"localhost:5000/notification-controller":                           "",
		"proxy:v2.0.0":                                                     "",
	} {
		n, err := decodeNotifier([]byte(`{"spec":{"template":{"spec":{"containers":[{"image":"sidecar:v1.0.0"},{"image":"` + image + `"}]}}}}`))
		require.NoError(t, err)
		assert.Equal(t, flux.Notifier{Version: want}, n, image)
	}
}

// CRDs of Flux 2.9 take spec.ignore also where the controller that is to obey it is older.
func TestControllerThatPassesOverIgnore(t *testing.T) {
	t.Parallel()
	for image, passesOver := range map[string]bool{
		"ghcr.io/fluxcd/kustomize-controller:v1.8.2":               true,
		"ghcr.io/fluxcd/kustomize-controller:v1.8.2@sha256:0abc":   true,
		"ghcr.io/fluxcd/kustomize-controller:v1.9.5":               false,
		"ghcr.io/fluxcd/kustomize-controller:v1.9.0-rc.1":          false,
		"ghcr.io/fluxcd/kustomize-controller:v2.0.0":               false,
		"localhost:5000/kustomize-controller@sha256:0abc":          false, // nobody knows: its CRDs decide
		"localhost:5000/kustomize-controller:main":                 false,
		"docker.io/bitnami/fluxcd-kustomize-controller:1.7.1-r0-x": true,
	} {
		d, err := decodeDeployment([]byte(`{"metadata":{"labels":{"app.kubernetes.io/component":"kustomize-controller"}},"spec":{"template":{"spec":{"containers":[{"image":"proxy:v0.1.0"},{"image":"` + image + `"}]}}}}`))
		require.NoError(t, err)
		assert.Equal(t, passesOver, passOverIgnore([]Deployment{d}), image)
	}
	other, err := decodeDeployment([]byte(`{"metadata":{"labels":{"app.kubernetes.io/component":"source-controller"}},"spec":{"template":{"spec":{"containers":[{"image":"source-controller:v1.8.0"}]}}}}`))
	require.NoError(t, err)
	assert.False(t, passOverIgnore([]Deployment{other}))
}
