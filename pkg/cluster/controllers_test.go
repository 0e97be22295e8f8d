package cluster

import (
	"fmt"
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

// Controllers before Flux 2.8 keep the time of the next reconcile when an object changes: the image tells, or the version of Flux.
func TestOlderControllersKeepTimers(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		component, image, flux string
		keeps                  bool
	}{
		{"kustomize-controller", "ghcr.io/fluxcd/kustomize-controller:v1.7.3", "v2.8.0", true},
		{"kustomize-controller", "ghcr.io/fluxcd/kustomize-controller:v1.8.0", "v2.7.5", false},
		{"kustomize-controller", "ghcr.io/fluxcd/kustomize-controller:v1.8.0-rc.1", "", false},
		{"helm-controller", "ghcr.io/fluxcd/helm-controller:v1.4.5", "", true},
		{"helm-controller", "ghcr.io/fluxcd/helm-controller:v1.5.0", "", false},
		{"helm-controller", "ghcr.io/fluxcd/helm-controller@sha256:abc", "v2.7.5", true},
		{"helm-controller", "ghcr.io/fluxcd/helm-controller@sha256:abc", "v2.8.0", false},
		{"helm-controller", "ghcr.io/fluxcd/helm-controller@sha256:abc", "", false},
		{"source-controller", "ghcr.io/fluxcd/source-controller:v1.1.0", "v2.1.0", false},
	} {
		d, err := decodeDeployment(fmt.Appendf(nil, `{"metadata": {"name": %[1]q, "labels": {"app.kubernetes.io/component": %[1]q, "app.kubernetes.io/version": %[3]q}},
			"spec": {"template": {"spec": {"containers": [{"image": %[2]q}]}}}}`, tc.component, tc.image, tc.flux))
		require.NoError(t, err)
		assert.Equal(t, tc.keeps, d.Controller.KeepsTimers, "%+v", tc)
		assert.Equal(t, tc.keeps, MergeControllers([]Deployment{{Controller: flux.Controller{Name: tc.component}}, d})[0].KeepsTimers)
	}
}
