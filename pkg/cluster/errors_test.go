package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
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

// requested is an error as net/http wraps it.
func requested(err error) error {
	return &url.Error{Op: "Get", URL: "https://127.0.0.1:6443/apis", Err: err}
}

func dialed(err error) error {
	return requested(&net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", err)})
}

func answered(code int) error {
	return apierrors.NewGenericServerResponse(code, "patch", kustomizations, "web", "", 0, true)
}

func TestErrorClasses(t *testing.T) {
	t.Parallel()
	kind := schema.GroupKind{Group: kustomizations.Group, Kind: "Kustomization"}
	for _, tc := range []struct {
		name              string
		err               error
		unreachable, busy bool
	}{
		{"none", nil, false, false},
		{"refused", dialed(syscall.ECONNREFUSED), true, false},
		{"reset", dialed(syscall.ECONNRESET), true, false},
		{"no route", dialed(syscall.EHOSTUNREACH), true, false},
		{"cut before the answer", requested(io.EOF), true, false},
		{"cut within it", io.ErrUnexpectedEOF, true, false},
		{"cut, wrapped", fmt.Errorf("reading a page: %w", io.ErrUnexpectedEOF), true, false},
		{"http/2 connection lost", requested(errors.New("http2: client connection lost")), true, false},
		{"took too long", context.DeadlineExceeded, true, false},
		{"took too long, wrapped", requested(context.DeadlineExceeded), true, false},
		{"no such host", requested(&net.DNSError{Err: "no such host", Name: "api"}), true, false},
		{"interrupted", context.Canceled, false, false},
		{"interrupted, wrapped", requested(context.Canceled), false, false},
		{"not for the network", errors.New("reading Kustomization apps/web: invalid character"), false, false},

		{"too many requests", apierrors.NewTooManyRequests("slow down", 3), false, true},
		{"too many requests, bare", answered(http.StatusTooManyRequests), false, true},
		{"unavailable", apierrors.NewServiceUnavailable("starting"), false, true},
		{"server timeout", apierrors.NewServerTimeout(kustomizations, "patch", 1), false, true},
		{"gateway timeout", apierrors.NewTimeoutError("etcd", 1), false, true},
		{"internal", apierrors.NewInternalError(errors.New("etcd leader changed")), false, true},
		{"wrapped", fmt.Errorf("listing kustomizations: %w", apierrors.NewServiceUnavailable("starting")), false, true},

		{"forbidden", apierrors.NewForbidden(kustomizations, "web", errors.New("no")), false, false},
		{"unauthorized", apierrors.NewUnauthorized("who?"), false, false},
		{"not found", apierrors.NewNotFound(kustomizations, "web"), false, false},
		{"conflict", apierrors.NewConflict(kustomizations, "web", errors.New("changed")), false, false},
		{"invalid", apierrors.NewInvalid(kind, "web", nil), false, false},
		{"denied", answered(http.StatusBadRequest), false, false},
		{"expired", apierrors.NewResourceExpired("token"), false, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tc.unreachable, unreachable(tc.err), "unreachable")
			assert.Equal(t, tc.busy, busy(tc.err), "busy")
			assert.Equal(t, tc.unreachable || tc.busy, transient(tc.err), "transient")
		})
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
