package kube

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
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

func TestReasons(t *testing.T) {
	t.Parallel()
	kind := schema.GroupKind{Group: kustomizations.Group, Kind: "Kustomization"}
	for _, tc := range []struct {
		name        string
		err         error
		reason      Reason
		retryable   bool
		unreachable bool
	}{
		{"none", nil, "", false, false},
		{"refused", dialed(syscall.ECONNREFUSED), Unavailable, true, true},
		{"reset", dialed(syscall.ECONNRESET), Unavailable, true, true},
		{"no route", dialed(syscall.EHOSTUNREACH), Unavailable, true, true},
		{"cut before the answer", requested(io.EOF), Unavailable, true, true},
		{"cut within it", io.ErrUnexpectedEOF, Unavailable, true, true},
		{"cut, wrapped", fmt.Errorf("reading a page: %w", io.ErrUnexpectedEOF), Unavailable, true, true},
		{"http/2 connection lost", requested(errors.New("http2: client connection lost")), Unavailable, true, true},
		{"stalled", requested(errStalled), Unavailable, true, true},
		{"took too long", requested(tooLong{1}), Unavailable, true, true},
		{"DNS did not answer", requested(&net.OpError{Op: "dial", Err: &net.DNSError{Err: "server misbehaving", Name: "api", IsTemporary: true}}), Unavailable, true, true},

		{"the caller's deadline", context.DeadlineExceeded, Timeout, false, true},
		{"the caller's deadline, wrapped", requested(context.DeadlineExceeded), Timeout, false, true},
		{"interrupted", context.Canceled, Canceled, false, false},
		{"interrupted, wrapped", requested(context.Canceled), Canceled, false, false},

		{"no such host", requested(&net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "api", IsNotFound: true}}), Unresolved, false, true},
		{"unknown authority", requested(&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}), Untrusted, false, true},
		{"client certificate refused", requested(&net.OpError{Op: "remote error", Err: errors.New("tls: bad certificate")}), Untrusted, false, true},
		{"no TLS", requested(errors.New("http: server gave HTTP response to HTTPS client")), Untrusted, false, true},
		{"credential plugin", requested(errors.New("getting credentials: exec: executable aws failed with exit code 255")), Unauthorized, false, true},
		{"credentials", credentialsError{requested(errors.New("failed to refresh token"))}, Unauthorized, false, true},
		{"not for the network", errors.New("reading Kustomization apps/web: invalid character"), Error, false, false},

		{"too many requests", apierrors.NewTooManyRequests("slow down", 3), Throttled, true, false},
		{"too many requests, bare", answered(http.StatusTooManyRequests), Throttled, true, false},
		{"too many requests, till the deadline", fmt.Errorf("%w, while waiting: %w", context.DeadlineExceeded, answered(http.StatusTooManyRequests)), Throttled, false, false},
		{"unavailable", apierrors.NewServiceUnavailable("starting"), Unavailable, true, false},
		{"unavailable, till the deadline", fmt.Errorf("%w, while waiting: %w", context.DeadlineExceeded, apierrors.NewServiceUnavailable("starting")), Timeout, false, false},
		{"server timeout", apierrors.NewServerTimeout(kustomizations, "patch", 1), Unavailable, true, false},
		{"gateway timeout", apierrors.NewTimeoutError("etcd", 1), Unavailable, true, false},
		{"load balancer", answered(http.StatusBadGateway), Unavailable, true, false},
		{"internal", apierrors.NewInternalError(errors.New("etcd leader changed")), Unavailable, true, false},
		{"wrapped", fmt.Errorf("listing kustomizations: %w", apierrors.NewServiceUnavailable("starting")), Unavailable, true, false},

		{"forbidden", apierrors.NewForbidden(kustomizations, "web", errors.New("no")), Forbidden, false, false},
		{"unauthorized", apierrors.NewUnauthorized("who?"), Unauthorized, false, false},
		{"not found", apierrors.NewNotFound(kustomizations, "web"), NotFound, false, false},
		{"conflict", apierrors.NewConflict(kustomizations, "web", errors.New("changed")), Error, false, false},
		{"invalid", apierrors.NewInvalid(kind, "web", nil), Error, false, false},
		{"denied", answered(http.StatusBadRequest), Error, false, false},
		{"expired", apierrors.NewResourceExpired("token"), Expired, false, false},
		{"gone", answered(http.StatusGone), Expired, false, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tc.reason, ReasonOf(tc.err))
			assert.Equal(t, tc.retryable, Retryable(tc.err), "retryable")
			assert.Equal(t, tc.unreachable, Unreachable(tc.err), "unreachable")
		})
	}
}

// A server that wants a certificate of the client is not asked again: the next answer would be the same.
func TestAServerThatWantsACertificateIsAskedOnce(t *testing.T) {
	t.Parallel()
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		var handshakes atomic.Int32
		server := httptest.NewUnstartedServer(http.NotFoundHandler())
		server.Config.ErrorLog = log.New(io.Discard, "", 0)
		server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert, MinVersion: version, MaxVersion: version, GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			handshakes.Add(1)
			return nil, nil
		}}
		server.StartTLS()
		t.Cleanup(server.Close)
		c := clientFor(t, &rest.Config{Host: server.URL, TLSClientConfig: rest.TLSClientConfig{Insecure: true}}, quick())
		_, err := c.Raw(t.Context(), Request{Path: "/version"})
		assert.Equal(t, Untrusted, ReasonOf(err), "%v", err)
		assert.EqualValues(t, 1, handshakes.Load())
	}
}
