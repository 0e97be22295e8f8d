package manifest

import (
	"os"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"
	"sigs.k8s.io/kustomize/kyaml/openapi"
)

// manyBuilds is from how many builds on it pays to parse the built-in OpenAPI schema, which builds beside each other need
// (0.2 s of CPU) and most builds alone do not.
const manyBuilds = 16

// buildAll builds what is not yet built of the deployments, many beside each other.
func (r *reader) buildAll(current map[string]*deployment) {
	at := make([]*deployment, 0, len(current))
	for _, key := range sortedKeys(current) {
		at = append(at, current[key])
	}
	results := make([]built, len(at))
	how, width := r.options, 1
	if len(at) >= manyBuilds && !how.schemas {
		how.beside, width = true, runtime.GOMAXPROCS(0)
	}
	beside(len(at), width, func(i int) {
		one, d := how, at[i]
		one.flat = d.flat
		results[i] = build(d.tree, d.folder, d.Spec, one)
	})
	for i, d := range at {
		r.builds[d.buildKey()] = results[i]
	}
}

// beside does so many pieces of work, at most width at the same time. What becomes of each is its own to keep.
func beside(pieces, width int, do func(i int)) {
	var group errgroup.Group
	group.SetLimit(width)
	for i := range pieces {
		group.Go(func() error {
			do(i)
			return nil
		})
	}
	_ = group.Wait() // no piece gives an error
}

// kustomizer is what all builds of the process share: kustomize has one OpenAPI schema for all (kubernetes-sigs/kustomize issue
// 3659), and writes its warnings to the process's stderr.
type kustomizer struct {
	schema sync.RWMutex
	parsed bool // the built-in schema, which nothing changes from then on

	mu      sync.Mutex
	running int
	stderr  *os.File
}

var shared kustomizer

// enter waits until a build may begin, and returns what it calls at its end: when nothing of the resources is asked for any more
// that looks into the schema, as GetGvk does. With beside, others may run meanwhile that have it, too; else none. With schemas
// the build has the built-in schema to itself, and leaves none of its own behind.
func (k *kustomizer) enter(how buildOptions) (leave func()) {
	unlock := k.lock(how)
	k.silence()
	return func() {
		k.speak()
		unlock()
	}
}

func (k *kustomizer) lock(how buildOptions) (unlock func()) {
	if how.beside && !how.schemas {
		for {
			k.schema.RLock()
			if k.parsed {
				return k.schema.RUnlock
			}
			k.schema.RUnlock()
			k.schema.Lock()
			_ = openapi.Schema()
			k.parsed = true
			k.schema.Unlock()
		}
	}
	k.schema.Lock()
	if !how.schemas {
		return k.schema.Unlock
	}
	// A schema of one build must not be seen by the next (Build in fluxcd/pkg/kustomize). Parsing the built-in one takes long, so
	// it is done only where some kustomization brings its own.
	openapi.ResetOpenAPI()
	_ = openapi.Schema()
	return func() {
		openapi.ResetOpenAPI()
		k.parsed = false
		k.schema.Unlock()
	}
}

// silence keeps kustomize from writing its warnings of deprecated fields to the process's stderr, once for each build of the same
// file, until as many speak again.
func (k *kustomizer) silence() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.running++; k.running > 1 {
		return
	}
	if null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0); err == nil {
		k.stderr, os.Stderr = os.Stderr, null
	}
}

func (k *kustomizer) speak() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.running--; k.running > 0 || k.stderr == nil {
		return
	}
	_ = os.Stderr.Close()
	os.Stderr, k.stderr = k.stderr, nil
}
