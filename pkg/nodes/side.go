package nodes

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
)

// side does something for all namespaces side by side; the client limits how many requests run at a time.
func side(namespaces []string, do func(string)) {
	var all sync.WaitGroup
	for _, namespace := range namespaces {
		all.Go(func() { do(namespace) })
	}
	all.Wait()
}

// manyUnserved is how many namespaces may fail, each after all its tries, before the others are given up.
const manyUnserved = 5

// sideWhileServed asks for something of all namespaces side by side. Where the server, or a gateway before it, cannot serve many
// and none has had another answer, the others are given up: hundreds would take some minutes each to say the same.
func sideWhileServed(ctx context.Context, namespaces []string, ask func(context.Context, string) error) {
	ctx, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	var unserved atomic.Int32
	var served atomic.Bool
	side(namespaces, func(namespace string) {
		err := ask(ctx, namespace)
		if kube.ReasonOf(err) != kube.Unavailable {
			served.Store(true)
		} else if unserved.Add(1) == manyUnserved && !served.Load() {
			giveUp(fmt.Errorf("given up, as other namespaces could not be listed either: %w", err))
		}
	})
}
