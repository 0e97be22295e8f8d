package cluster

import (
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
)

// readAttempts is how often a write is tried that the server says it cannot serve now.
const readAttempts = 4

// unreachable tells whether an error means that no answer came. Whether a write among them was carried out
// is unknown.
func unreachable(err error) bool { return kube.Unreachable(err) }

// busy tells whether the API server answered that it cannot serve this now.
func busy(err error) bool { return kube.Answered(err) && kube.Retryable(err) }

func transient(err error) bool { return err != nil && (unreachable(err) || busy(err)) }

// maxDelay bounds what a server may ask for: after that the object counts as failed.
const maxDelay = 30 * time.Second

// backoff is how long to wait before attempt+1: what the server asked for (Retry-After, up to
// maxDelay), or else 0.1 s doubled each time, 2 s at most.
func backoff(attempt int, err error) time.Duration {
	if told := kube.RetryAfter(err); told > 0 {
		return min(told, maxDelay)
	}
	return kube.Backoff(100*time.Millisecond, attempt)
}
