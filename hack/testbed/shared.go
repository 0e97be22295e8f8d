package testbed

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// Shared is one control plane for all tests of a package, started by the first
// test that asks for it, so that a run of unit tests alone does not pay for it;
// and others for tests that want one to themselves, one after the other.
type Shared struct {
	opts    Options
	once    sync.Once
	cluster *Cluster
	err     error

	slots chan struct{}
	mu    sync.Mutex
	idle  []*Cluster // as if newly started
}

// ownAtATime is how many tests have a control plane to themselves at a time: to start more of them takes longer than to
// wait for the next.
const ownAtATime = 3

// NewShared describes the control plane; nothing is started yet.
func NewShared(opts Options) *Shared {
	return &Shared{opts: opts, slots: make(chan struct{}, ownAtATime)}
}

// Main runs the package's tests and stops the control planes. It returns the
// exit code: `func TestMain(m *testing.M) { os.Exit(bed.Main(m)) }`.
func (s *Shared) Main(m *testing.M) int {
	code := m.Run()
	if err := s.Close(); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "testbed:", err)
		return max(code, 1)
	}
	return code
}

// Close stops the control planes, for those that run tests otherwise.
func (s *Shared) Close() error {
	var errs []error
	if s.cluster != nil {
		errs = append(errs, s.cluster.Close())
	}
	for _, c := range s.idle {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// Cluster returns the shared control plane; a start that fails ends the test.
func (s *Shared) Cluster(tb testing.TB) *Cluster {
	tb.Helper()
	// Not the test's context: the cluster outlives the test that starts it.
	s.once.Do(func() { s.cluster, s.err = Start(context.Background(), s.opts) })
	if s.err != nil {
		tb.Fatalf("starting the test bed: %v", s.err)
	}
	return s.cluster
}

// Own returns a control plane that one test has to itself, with the Options of
// the shared one, filled. At the test's end, what came is taken out of etcd, and
// another test may get it: a start costs ten times what that does. A test that
// stops or kills the API server starts its own with StartT. None asks for two:
// it would wait for those who do the same.
func (s *Shared) Own(tb testing.TB, seeds ...Seed) *Cluster {
	tb.Helper()
	s.slots <- struct{}{}
	tb.Cleanup(func() { <-s.slots })
	c, err := s.own(seeds)
	if err != nil {
		tb.Fatalf("starting the test bed: %v", err)
	}
	tb.Cleanup(func() {
		if err := s.giveBack(c); err != nil {
			tb.Errorf("emptying the test bed: %v", err)
		}
	})
	return c
}

func (s *Shared) own(seeds []Seed) (*Cluster, error) {
	ctx := context.Background()
	s.mu.Lock()
	var c *Cluster
	if n := len(s.idle); n > 0 {
		c, s.idle = s.idle[n-1], s.idle[:n-1]
	}
	s.mu.Unlock()
	if c == nil {
		var err error
		if c, err = Start(ctx, s.opts); err != nil {
			return nil, err
		}
		if c.empty, err = c.store.origin(ctx); err != nil {
			return nil, errors.Join(err, c.Close())
		}
	}
	for _, seed := range seeds {
		if err := seed(ctx, c.store); err != nil {
			return nil, errors.Join(fmt.Errorf("seeding the cluster: %w", err), c.etcd.ended(), c.Close())
		}
	}
	return c, nil
}

// giveBack empties a control plane for the next test, or stops it where that cannot be done.
func (s *Shared) giveBack(c *Cluster) error {
	clean, err := c.store.clean(context.Background(), c.empty)
	if err != nil || !clean {
		return errors.Join(err, c.Close())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.idle = append(s.idle, c)
	return nil
}

// StartT starts a control plane for one test or benchmark and stops it at its
// end.
func StartT(tb testing.TB, opts Options) *Cluster {
	tb.Helper()
	c, err := Start(context.Background(), opts)
	if err != nil {
		tb.Fatalf("starting the test bed: %v", err)
	}
	tb.Cleanup(func() {
		if err := c.Close(); err != nil {
			tb.Errorf("stopping the test bed: %v", err)
		}
	})
	return c
}

// Namespace creates a namespace with the labels given for this test and returns
// its name, which begins with the test's. It is not removed again: no controller
// runs that could finish that, and the cluster goes away as a whole.
func (c *Cluster) Namespace(tb testing.TB, labels map[string]string) string {
	tb.Helper()
	name := strings.ToLower(regexp.MustCompile(`[^A-Za-z0-9]+`).ReplaceAllString(tb.Name(), "-"))
	name = fmt.Sprintf("%.50s-%06x", strings.Trim(name, "-"), rand.Uint32()>>8)
	c.CreateNamespace(tb, name, labels)
	return name
}

// CreateNamespace creates a namespace with exactly this name.
func (c *Cluster) CreateNamespace(tb testing.TB, name string, labels map[string]string) {
	tb.Helper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}
	_, err := c.Clientset(tb).CoreV1().Namespaces().Create(tb.Context(), ns, metav1.CreateOptions{})
	if err != nil {
		tb.Fatalf("creating the namespace %q: %v", name, err)
	}
}

// Clientset returns the administrator's typed client.
func (c *Cluster) Clientset(tb testing.TB) kubernetes.Interface {
	tb.Helper()
	client, err := kubernetes.NewForConfig(c.config)
	if err != nil {
		tb.Fatalf("making a client: %v", err)
	}
	return client
}
