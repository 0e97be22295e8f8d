package testbed

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// FluxOptions says how the controllers run.
type FluxOptions struct {
	// SourceFlags and KustomizeFlags are added to the controllers' command lines,
	// such as "--concurrent=2" or "--interval-jitter-percentage=0".
	SourceFlags, KustomizeFlags []string
}

// Flux is the real source-controller and kustomize-controller, unchanged,
// running outside the cluster as its administrator.
type Flux struct {
	source, kustomize       *process
	sourceURL, kustomizeURL string // of their metrics
}

// StartFlux builds the two controllers if need be, starts them and returns when
// both are healthy. They end with the cluster. Their logs are
// Cluster.Log("source-controller") and Cluster.Log("kustomize-controller").
func (c *Cluster) StartFlux(ctx context.Context, opts FluxOptions) (*Flux, error) {
	sourceDir, err := Build(ctx, c.progress, UnitSourceController)
	if err != nil {
		return nil, err
	}
	kustomizeDir, err := Build(ctx, c.progress, UnitKustomizeController)
	if err != nil {
		return nil, err
	}
	// Both want their own namespace for leases and events.
	namespace := "apiVersion: v1\nkind: Namespace\nmetadata: {name: flux-system}\n"
	if _, err := c.RunKubectl(ctx, namespace, "apply", "--server-side", "-f", "-"); err != nil {
		return nil, fmt.Errorf("starting Flux: %w", err)
	}
	f := &Flux{}
	storage, err := freePort()
	if err != nil {
		return nil, err
	}
	f.source, f.sourceURL, err = c.startController(ctx, UnitSourceController, sourceDir, append([]string{
		"--storage-path=" + filepath.Join(c.dir, "artifacts"),
		"--storage-addr=" + hostPort(storage),
		"--storage-adv-addr=" + hostPort(storage),
	}, opts.SourceFlags...))
	if err != nil {
		return nil, err
	}
	f.kustomize, f.kustomizeURL, err = c.startController(ctx, UnitKustomizeController, kustomizeDir, opts.KustomizeFlags)
	return f, err
}

func (c *Cluster) startController(ctx context.Context, name, binDir string, flags []string) (*process, string, error) {
	metrics, err := freePort()
	if err != nil {
		return nil, "", err
	}
	health, err := freePort()
	if err != nil {
		return nil, "", err
	}
	for _, dir := range []string{"artifacts", "tmp"} {
		if err := os.MkdirAll(filepath.Join(c.dir, dir), 0o755); err != nil {
			return nil, "", fmt.Errorf("starting %s: %w", name, err)
		}
	}
	p := &process{
		name: name,
		path: filepath.Join(binDir, name),
		dir:  c.dir,
		args: append([]string{
			"--metrics-addr=" + hostPort(metrics),
			"--health-addr=" + hostPort(health),
			"--log-level=debug",
		}, flags...),
		env: []string{
			"KUBECONFIG=" + c.Kubeconfig(), "RUNTIME_NAMESPACE=flux-system",
			"HOME=" + c.dir, "TMPDIR=" + filepath.Join(c.dir, "tmp"),
		},
		ready: func(ctx context.Context) error {
			return getOK(ctx, plainClient(), "http://"+hostPort(health)+"/readyz")
		},
	}
	if err := p.start(ctx, time.Minute); err != nil {
		return nil, "", err
	}
	c.children = append(c.children, p)
	return p, "http://" + hostPort(metrics) + "/metrics", nil
}

// Reconciles returns how often the controllers have reconciled one object since
// they started, by their own metric gotk_reconcile_duration_seconds_count.
func (f *Flux) Reconciles(ctx context.Context, kind, namespace, name string) (int, error) {
	url := f.sourceURL
	if kind == "Kustomization" {
		url = f.kustomizeURL
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, fmt.Errorf("reading metrics: %w", err)
	}
	resp, err := plainClient().Do(req)
	if err != nil {
		return 0, fmt.Errorf("reading metrics: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	want := fmt.Sprintf("gotk_reconcile_duration_seconds_count{kind=%q,name=%q,namespace=%q}", kind, name, namespace)
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if count, ok := strings.CutPrefix(lines.Text(), want+" "); ok {
			return strconv.Atoi(count)
		}
	}
	if err := lines.Err(); err != nil {
		return 0, fmt.Errorf("reading metrics of %s: %w", url, err)
	}
	return 0, nil
}

// Stop ends both controllers; the cluster goes on.
func (f *Flux) Stop() error {
	if err := f.kustomize.stop(); err != nil {
		return err
	}
	return f.source.stop()
}
