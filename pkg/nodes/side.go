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

const (
	// manyUnserved is how many namespaces may fail, each after all its tries, before the others are given up.
	manyUnserved = 5
	// askedAtFirst is how many are asked for before one has an answer: as many requests as run at a time (kube.Limits.Requests).
	// More would have their first try before any has its last.
	askedAtFirst = 48
)

// sideWhileServed asks for something of all namespaces side by side. Where the server, or a gateway before it, cannot serve many
// and none has had another answer, the others are given up: hundreds would take some minutes each to say the same.
func sideWhileServed(ctx context.Context, namespaces []string, ask func(context.Context, string) error) {
	ctx, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	served, turns := make(chan struct{}), make(chan struct{}, askedAtFirst)
	serves := sync.OnceFunc(func() { close(served) })
	var unserved atomic.Int32
	side(namespaces, func(namespace string) {
		select {
		case <-served:
		case <-ctx.Done(): // then it fails at once, with the cause
		case turns <- struct{}{}:
			defer func() { <-turns }()
		}
		err := ask(ctx, namespace)
		if kube.ReasonOf(err) != kube.Unavailable {
			serves()
		}
		select {
		case <-served:
		default:
			if unserved.Add(1) == manyUnserved {
				giveUp(fmt.Errorf("given up, as other namespaces could not be listed either: %w", err))
			}
		}
	})
}
