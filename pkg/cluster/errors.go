package cluster

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	utilnet "k8s.io/apimachinery/pkg/util/net"
)

// unreachable tells whether an error means that no answer came: refused, reset or cut connections,
// and requests that took too long. Whether a write among them was carried out is unknown.
func unreachable(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) {
		return false
	}
	var netError net.Error
	var urlError *url.Error
	return utilnet.IsConnectionRefused(err) || utilnet.IsConnectionReset(err) || utilnet.IsHTTP2ConnectionLost(err) ||
		// net/http's own HTTP/2 errors have no type: "http2: client connection force closed".
		strings.Contains(err.Error(), "http2: ") || strings.Contains(err.Error(), "stream error") ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.As(err, &netError) || errors.As(err, &urlError)
}

// busy tells whether the API server answered that it cannot serve this now.
func busy(err error) bool {
	return apierrors.IsTooManyRequests(err) || apierrors.IsServiceUnavailable(err) ||
		apierrors.IsServerTimeout(err) || apierrors.IsTimeout(err) || apierrors.IsInternalError(err)
}

func transient(err error) bool { return err != nil && (unreachable(err) || busy(err)) }

// maxDelay bounds what a server may ask for: after that the object counts as failed.
const maxDelay = 30 * time.Second

// backoff is how long to wait before attempt+1: what the server asked for (Retry-After, up to
// maxDelay), or else 0.1 s doubled each time, 2 s at most.
func backoff(attempt int, err error) time.Duration {
	if seconds, ok := apierrors.SuggestsClientDelay(err); ok && seconds > 0 {
		return min(time.Duration(seconds)*time.Second, maxDelay)
	}
	return min(100*time.Millisecond<<min(attempt-1, 10), 2*time.Second)
}
