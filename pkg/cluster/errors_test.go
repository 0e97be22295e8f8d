package cluster

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var kustomizations = schema.GroupResource{Group: "kustomize.toolkit.fluxcd.io", Resource: "kustomizations"}

func dialed(err error) error {
	return &url.Error{Op: "Get", URL: "https://127.0.0.1:6443/apis", Err: &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", err)}}
}

// A write that the API server says it cannot serve now is sent again; what it refuses is not, and where no
// answer came it is not known whether the write was carried out.
func TestWhatBecomesOfWrites(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name              string
		err               error
		unreachable, busy bool
	}{
		{"none", nil, false, false},
		{"refused", dialed(syscall.ECONNREFUSED), true, false},
		{"too many requests", apierrors.NewTooManyRequests("slow down", 3), false, true},
		{"unavailable", apierrors.NewServiceUnavailable("starting"), false, true},
		{"server timeout", apierrors.NewServerTimeout(kustomizations, "patch", 1), false, true},
		{"gateway timeout", apierrors.NewTimeoutError("etcd", 1), false, true},
		{"internal", apierrors.NewInternalError(errors.New("etcd leader changed")), false, true},
		{"wrapped", fmt.Errorf("listing kustomizations: %w", apierrors.NewServiceUnavailable("starting")), false, true},
		{"conflict", apierrors.NewConflict(kustomizations, "web", errors.New("changed")), false, false},
		{"denied", apierrors.NewGenericServerResponse(http.StatusBadRequest, "patch", kustomizations, "web", "", 0, true), false, false},
	} {
		assert.Equal(t, tc.unreachable, unreachable(tc.err), tc.name)
		assert.Equal(t, tc.busy, busy(tc.err), tc.name)
	}
}

func TestBackoff(t *testing.T) {
	t.Parallel()
	for attempt, want := range map[int]time.Duration{
		1: 100 * time.Millisecond, 2: 200 * time.Millisecond, 3: 400 * time.Millisecond, 5: 1600 * time.Millisecond,
		6: 2 * time.Second, 11: 2 * time.Second, 12: 2 * time.Second, 1000: 2 * time.Second,
	} {
		assert.Equal(t, want, backoff(attempt, nil), "%d", attempt)
		assert.Equal(t, want, backoff(attempt, dialed(syscall.ECONNREFUSED)), "%d", attempt)
		assert.Equal(t, want, backoff(attempt, apierrors.NewServiceUnavailable("starting")), "%d", attempt)
	}
	// Retry-After counts before our own guess.
	assert.Equal(t, 3*time.Second, backoff(1, apierrors.NewTooManyRequests("slow down", 3)))
	assert.Equal(t, 7*time.Second, backoff(9, fmt.Errorf("patching: %w", &apierrors.StatusError{ErrStatus: metav1.Status{
		Reason: metav1.StatusReasonTooManyRequests, Details: &metav1.StatusDetails{RetryAfterSeconds: 7},
	}})))
}
