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
