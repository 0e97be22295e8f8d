package kube

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilnet "k8s.io/apimachinery/pkg/util/net"
)

// Reason is a class of errors that a user can act on. The words are part of the JSON contract.
type Reason string

// The reasons why a request fails.
const (
	Forbidden    Reason = "Forbidden"    // the user may not do that: ask for the right
	Unauthorized Reason = "Unauthorized" // the credentials are not accepted, or could not be had: log in again
	NotFound     Reason = "NotFound"     // there is no such object or kind
	Expired      Reason = "Expired"      // the server has forgotten where to go on: begin anew
	Timeout      Reason = "Timeout"      // the caller's deadline passed first
	Canceled     Reason = "Canceled"     // the caller gave up, as the user did
	Throttled    Reason = "Throttled"    // 429 until the tries were used up
	Unavailable  Reason = "Unavailable"  // 5xx, cut or refused connections, silence, until the tries were used up
	Untrusted    Reason = "Untrusted"    // no TLS connection that both sides trust: look at the certificates
	Unresolved   Reason = "Unresolved"   // the server's name is not known to DNS: look at the kubeconfig, or the VPN
	Malformed    Reason = "Malformed"    // the answer is not an API server's: look at the kubeconfig, or a proxy
	Error        Reason = "Error"        // anything else
)

// Compare puts reasons into the order in which a user has to see to them: first what keeps all requests from an answer, from
// the user's side to the server's, then what only concerns single ones.
func (r Reason) Compare(other Reason) int {
	order := []Reason{Unresolved, Untrusted, Unauthorized, Malformed, Unavailable, Throttled, Timeout, Canceled, Forbidden, Error, Expired, NotFound}
	at := func(r Reason) int {
		if i := slices.Index(order, r); i >= 0 {
			return i
		}
		return len(order)
	}
	return at(r) - at(other)
}

// ErrMalformed is in the chain of errors about answers that are no JSON of the kind expected.
var ErrMalformed = errors.New("not the answer of an API server")

// ReasonOf classifies an error; it is empty without one.
func ReasonOf(err error) Reason {
	var dns *net.DNSError
	switch {
	case err == nil:
		return ""
	case apierrors.IsTooManyRequests(err):
		return Throttled // also when the deadline passed while waiting to come back
	case errors.Is(err, context.DeadlineExceeded):
		return Timeout
	case errors.Is(err, context.Canceled):
		return Canceled
	case Answered(err):
		return reasonOfStatus(err)
	case isCredentials(err):
		return Unauthorized
	case isCertificate(err):
		return Untrusted
	case errors.As(err, &dns) && dns.IsNotFound:
		return Unresolved
	case errors.Is(err, ErrMalformed):
		return Malformed
	case isConnection(err):
		return Unavailable
	default:
		return Error
	}
}

func reasonOfStatus(err error) Reason {
	var status apierrors.APIStatus
	_ = errors.As(err, &status) // the caller has looked
	switch code := status.Status().Code; {
	case apierrors.IsUnauthorized(err) || code == http.StatusUnauthorized:
		return Unauthorized
	case apierrors.IsForbidden(err):
		return Forbidden
	case apierrors.IsNotFound(err):
		return NotFound
	case apierrors.IsResourceExpired(err), apierrors.IsGone(err):
		return Expired
	case code >= http.StatusInternalServerError:
		return Unavailable
	default:
		return Error
	}
}

// Answered reports whether an error is the server's own word.
func Answered(err error) bool {
	var status apierrors.APIStatus
	return errors.As(err, &status)
}

// Retryable tells whether another try may go better: only where a connection broke or the server cannot
// serve this now. Nothing else mends itself within seconds: a credential plugin would run, and fail, again.
func Retryable(err error) bool {
	switch ReasonOf(err) {
	case Throttled:
		return !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled)
	case Unavailable:
		return true
	default:
		return false
	}
}

// Final tells whether the server has said its last word: the same request is refused again until somebody changes rights, the
// rules of admission, or the object. A conflict passes, and so does what is Unavailable: a webhook for admission that does not
// answer is that, too.
func Final(err error) bool {
	switch ReasonOf(err) {
	case Forbidden, NotFound:
		return true
	case Error:
		return Answered(err) && !apierrors.IsConflict(err) && !apierrors.IsTimeout(err)
	default:
		return false
	}
}

// Unreachable tells whether an error means that no answer came. Whether a write that ended so was carried
// out is not known.
func Unreachable(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) || Answered(err) {
		return false
	}
	var request *url.Error
	return errors.As(err, &request) || errors.Is(err, context.DeadlineExceeded) || isConnection(err) || isCredentials(err)
}

// RetryAfter is how long the server asked to wait before the next try, 0 when it did not.
func RetryAfter(err error) time.Duration {
	seconds, _ := apierrors.SuggestsClientDelay(err)
	return time.Duration(seconds) * time.Second
}

// isConnection: refused, reset or cut connections, and answers that stopped coming.
func isConnection(err error) bool {
	var network net.Error
	var operation *net.OpError
	return utilnet.IsConnectionRefused(err) || utilnet.IsConnectionReset(err) || utilnet.IsHTTP2ConnectionLost(err) ||
		// net/http's own HTTP/2 errors have no type: "http2: client connection force closed".
		strings.Contains(err.Error(), "http2: ") || strings.Contains(err.Error(), "stream error") ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, errStalled) ||
		errors.As(err, &operation) || errors.As(err, &network) && network.Timeout()
}

// isCertificate: a certificate that one side does not trust, or a server that speaks no TLS.
func isCertificate(err error) bool {
	var verification *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert *net.OpError // crypto/tls has no type for what a server sends over TCP
	return errors.As(err, &verification) || errors.As(err, &record) || errors.As(err, &alert) && alert.Op == "remote error" ||
		// net/http has no type for a server that answers in plain HTTP.
		strings.Contains(err.Error(), "server gave HTTP response to HTTPS client")
}

// credentialsError is an error that came before anything was sent.
type credentialsError struct{ error }

// Unwrap gives errors.Is and errors.As the cause.
func (e credentialsError) Unwrap() error { return e.error }

// isCredentials also knows client-go's words (plugin/pkg/client/auth/exec, RoundTrip), for requests that its
// own clients send.
func isCredentials(err error) bool {
	var credentials credentialsError
	return errors.As(err, &credentials) || strings.Contains(err.Error(), "getting credentials: ")
}

// statusError makes the error that client-go would make of an answer. Its words are printable: they come
// from a cluster, and must not be able to write to a terminal what they like.
func statusError(response *http.Response) error {
	if to := response.Header.Get("Location"); to != "" && response.StatusCode/100 == 3 {
		return fmt.Errorf("the API server's answer leads to %s, where nobody is asked: %w", Printable(place(to)), ErrMalformed)
	}
	body, _ := io.ReadAll(io.LimitReader(response.Body, 64<<10)) // whatever arrived helps
	if status := statusOf(body); status != nil && status.Status == metav1.StatusFailure && status.Code != 0 {
		status.Message = Printable(status.Message)
		if status.Details == nil || status.Details.RetryAfterSeconds == 0 {
			if s := retryAfter(response); s > 0 {
				status.Details = &metav1.StatusDetails{RetryAfterSeconds: int32(s)}
			}
		}
		return &apierrors.StatusError{ErrStatus: *status}
	}
	return apierrors.NewGenericServerResponse(response.StatusCode, "GET", schema.GroupResource{}, "", Printable(string(body)), retryAfter(response), true)
}

// place is a URL without what may let somebody in: user and query.
func place(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "another place"
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}

// Printable is a text without control characters.
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case unicode.IsControl(r):
			return -1
		default:
			return r
		}
	}, text)
}

// statusOf reads a Status in protobuf or JSON, also one that does not say its kind; nil where it is none.
func statusOf(body []byte) *metav1.Status {
	meta, raw, err := unwrap(body)
	if err != nil || raw != nil {
		return meta.status
	}
	var status metav1.Status
	if json.Unmarshal(body, &status) != nil {
		return nil
	}
	return &status
}

func retryAfter(response *http.Response) int {
	return count([]byte(response.Header.Get("Retry-After")))
}
