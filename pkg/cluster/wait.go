package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// ErrNotObserved marks objects that were changed, and whose controller did not report that it has seen
// the change.
var ErrNotObserved = errors.New("changed, but not yet observed by its controller")

// waitPoll is how often pending objects are looked at.
const waitPoll = time.Second

// Wait follows the configured results until each object's controller has observed its change, or ctx
// ends. It returns the results with those that were not observed by ctx's deadline marked Failed; when
// ctx is cancelled they stay Configured, which they are. Suspended objects are not waited for: nobody
// reconciles them. Progress, which may be nil, is told how many are left.
func (c *Client) Wait(ctx context.Context, results []Result, progress func(left int)) []Result {
	pending := make(map[flux.Ref]int)
	for i, r := range results {
		if r.Outcome == Configured && !r.Item.Object.Suspended {
			pending[r.Item.Object.Ref] = i
		}
	}
	var lastErr error
	for len(pending) > 0 {
		var roundErr error
		for at := range collections(results, pending) {
			row, _ := flux.ParseManifestKind(at.group, at.kind)
			objects, err := c.objects(ctx, row, at.version, at.namespace, "")
			if err != nil {
				roundErr = err
				continue
			}
			for _, o := range objects {
				if i, ok := pending[o.Ref]; ok && o.Status.ObservedGeneration >= results[i].Generation {
					delete(pending, o.Ref)
				}
			}
		}
		if ctx.Err() == nil {
			lastErr = roundErr
		}
		if progress != nil {
			progress(len(pending))
		}
		if len(pending) > 0 && sleep(ctx, waitPoll) != nil {
			break
		}
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return results
	}
	for _, i := range pending {
		results[i].Outcome = Failed
		results[i].Err = fmt.Errorf("%w: is it running?", ErrNotObserved)
		if lastErr != nil {
			results[i].Err = fmt.Errorf("%w: %w", ErrNotObserved, lastErr)
		}
	}
	return results
}

// collection is where pending objects are looked for: one kind in one namespace, which whoever could
// plan for it can list.
type collection struct {
	group, kind, version, namespace string
}

func collections(results []Result, pending map[flux.Ref]int) map[collection]struct{} {
	set := make(map[collection]struct{})
	for ref, i := range pending {
		set[collection{ref.Group, ref.Kind, results[i].Item.Object.Version, ref.Namespace}] = struct{}{}
	}
	return set
}
