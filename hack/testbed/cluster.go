package testbed

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

// Options says what a control plane starts with. The zero value is a cluster
// with every CRD of Flux and nothing else.
type Options struct {
	// Kubernetes is "1.31" for the oldest kube-apiserver that is tried. Empty, it
	// is what the environment variable FLUXTUNE_TESTBED_KUBERNETES says (so that
	// `make compat` runs the tests of a package on it), or else the newest.
	Kubernetes string
	// Flux is one of OlderFlux, whose CRDs are installed instead of the newest.
	Flux string
	// Seed fills etcd before the API server starts, in this order.
	Seed []Seed
	// WithoutCRDs leaves out CRDs by name, such as
	// "imageupdateautomations.image.toolkit.fluxcd.io".
	WithoutCRDs []string
	// MoreCRDs are installed besides, as YAML documents.
	MoreCRDs string
	// APIServerFlags are added to kube-apiserver's command line.
	APIServerFlags []string
	// Progress gets a line per build and start-up step; os.Stderr when nil.
	Progress io.Writer
}

// Cluster is a running control plane. Its methods are safe to call from one
// goroutine at a time; what Config and Kubeconfig give can be used by many.
type Cluster struct {
	dir       string
	binDir    string // kube-apiserver and kubectl
	ca        *pki
	etcd      *process
	apiServer *process
	children  []*process // what was started besides, in order
	store     *Store
	config    *rest.Config
	client    dynamic.Interface
	mapper    meta.RESTMapper // remembers the kinds until it is asked for one that it does not know
	watchdog  func() error    // ends it
	progress  io.Writer
	// empty is the store while it holds nothing of a test (Shared.Own).
	empty origin
}

// Start builds what is missing, starts etcd, fills it, starts kube-apiserver
// and installs the CRDs; it returns when all are served. Close ends it.
func Start(ctx context.Context, opts Options) (*Cluster, error) {
	if opts.Progress == nil {
		opts.Progress = os.Stderr
	}
	var dirs [3]string
	for i, unit := range []string{UnitEtcd, opts.kubeUnit(), opts.crdUnit()} {
		var err error
		if dirs[i], err = Build(ctx, opts.Progress, unit); err != nil {
			return nil, err
		}
	}
	ca, err := newPKI()
	if err != nil {
		return nil, err
	}
	// Names of one length: paths are in what programs print, and where that is broken into lines.
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("fluxtune-testbed-%016x", rand.Uint64()))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the cluster's directory: %w", err)
	}
	c := &Cluster{progress: opts.Progress, binDir: dirs[1], ca: ca, dir: dir}
	if err := c.startAll(ctx, opts, dirs[0], dirs[2]); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func (o Options) kubeUnit() string {
	if version := cmp.Or(o.Kubernetes, os.Getenv("FLUXTUNE_TESTBED_KUBERNETES")); version != "" {
		return UnitKube + "-" + version
	}
	return UnitKube
}

func (o Options) crdUnit() string {
	if o.Flux != "" {
		return olderCRDs(o.Flux)
	}
	return UnitCRDs
}

func (c *Cluster) startAll(ctx context.Context, opts Options, etcdDir, crdDir string) error {
	var err error
	if c.watchdog, err = startWatchdog(c.dir); err != nil {
		return err
	}
	if err := c.ca.writeServerFiles(c.dir); err != nil {
		return err
	}
	etcdPort, err := freePort()
	if err != nil {
		return err
	}
	c.etcd = newEtcd(etcdDir, c.dir, etcdPort)
	if err := c.etcd.start(ctx, 30*time.Second); err != nil {
		return err
	}
	c.store = newStore(etcdPort)
	for _, seed := range opts.Seed {
		if err := seed(ctx, c.store); err != nil {
			return errors.Join(fmt.Errorf("seeding the cluster: %w", err), c.etcd.ended())
		}
	}
	port, err := freePort()
	if err != nil {
		return err
	}
	if err := c.configure(port); err != nil {
		return err
	}
	c.apiServer = newAPIServer(c.binDir, c.dir, port, etcdPort, opts)
	c.apiServer.needs = c.etcd
	if err := c.StartAPIServer(ctx); err != nil {
		return err
	}
	return c.installCRDs(ctx, crdDir, opts)
}

// StartAPIServer starts kube-apiserver again after KillAPIServer, on the same port and with the same data and users.
func (c *Cluster) StartAPIServer(ctx context.Context) error {
	client, err := rest.HTTPClientFor(c.config)
	if err != nil {
		return fmt.Errorf("starting kube-apiserver: %w", err)
	}
	// A client that keeps a connection would ask the server that went away.
	defer client.CloseIdleConnections()
	c.apiServer.ready = func(ctx context.Context) error {
		return getOK(ctx, client, c.config.Host+"/readyz")
	}
	c.store.live.Store(true)
	// A cluster of 150,000 pods fills its watch caches first.
	return c.apiServer.start(ctx, 5*time.Minute)
}

// KillAPIServer ends kube-apiserver with SIGKILL, as a crash would. etcd goes on.
func (c *Cluster) KillAPIServer() error { return c.apiServer.kill() }

// APIServerPID is the process id of the running kube-apiserver, for tests that
// measure or pause it.
func (c *Cluster) APIServerPID() int { return c.apiServer.cmd.Process.Pid }

// Dir is the cluster's own directory, with the logs of its programs; it goes
// away with the cluster.
func (c *Cluster) Dir() string { return c.dir }

// Log returns what the named program ("kube-apiserver", "etcd",
// "source-controller", "kustomize-controller") has written so far.
func (c *Cluster) Log(program string) (string, error) {
	data, err := os.ReadFile(filepath.Join(c.dir, program+".log"))
	if err != nil {
		return "", fmt.Errorf("reading the log of %q: %w", program, err)
	}
	return string(data), nil
}

// Store gives direct access to the cluster's etcd.
func (c *Cluster) Store() *Store { return c.store }

// Close stops every program of the cluster and removes its directory.
func (c *Cluster) Close() error {
	var errs []error
	for i := len(c.children) - 1; i >= 0; i-- {
		errs = append(errs, c.children[i].stop())
	}
	if c.apiServer != nil {
		// Nobody waits for an answer any more, and an orderly end takes a second.
		errs = append(errs, c.apiServer.kill())
	}
	if c.etcd != nil {
		errs = append(errs, c.etcd.kill())
	}
	errs = append(errs, os.RemoveAll(c.dir))
	if c.watchdog != nil {
		errs = append(errs, c.watchdog())
	}
	return errors.Join(errs...)
}
