package testbed

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// FluxOptions says which controllers run, and how.
type FluxOptions struct {
	// Also names controllers that run besides source-controller and
	// kustomize-controller: UnitHelmController, UnitNotificationController.
	Also []string
	// Flags are added to the command lines of the controllers, by unit, such as
	// "--concurrent=2" or "--interval-jitter-percentage=0".
	Flags map[string][]string
}

// Flux is a set of Flux's real controllers, unchanged, running outside the
// cluster as its administrator.
type Flux struct {
	controllers []*controller
	receivers   string
}

type controller struct {
	*process
	metricsURL string
}

// StartFlux builds the controllers if need be, starts them and returns when all
// are healthy. They end with the cluster. Their logs are Cluster.Log(unit).
func (c *Cluster) StartFlux(ctx context.Context, opts FluxOptions) (*Flux, error) {
	// All want their own namespace for leases and events.
	if err := c.apply(ctx, "{apiVersion: v1, kind: Namespace, metadata: {name: flux-system}}", ApplyOptions{}); err != nil {
		return nil, fmt.Errorf("starting Flux: %w", err)
	}
	f := &Flux{}
	for _, unit := range append([]string{UnitSourceController, UnitKustomizeController}, opts.Also...) {
		binDir, err := Build(ctx, c.progress, unit)
		if err != nil {
			return nil, err
		}
		started, err := f.start(ctx, c, unit, binDir, opts.Flags[unit])
		// A port that was free when it was looked for may be taken when it is used.
		for try := 0; try < 3 && err != nil && strings.Contains(err.Error(), "address already in use"); try++ {
			started, err = f.start(ctx, c, unit, binDir, opts.Flags[unit])
		}
		if err != nil {
			return nil, err
		}
		f.controllers = append(f.controllers, started)
	}
	return f, nil
}

// start starts a controller on ports of its own.
func (f *Flux) start(ctx context.Context, c *Cluster, unit, binDir string, more []string) (*controller, error) {
	var addresses [4]string
	for i := range addresses {
		port, err := freePort()
		if err != nil {
			return nil, err
		}
		addresses[i] = hostPort(port)
	}
	metrics, health := addresses[0], addresses[1]
	flags := []string{"--metrics-addr=" + metrics, "--health-addr=" + health, "--log-level=debug"}
	switch unit {
	case UnitSourceController:
		flags = append(flags, "--storage-path="+filepath.Join(c.dir, "artifacts"),
			"--storage-addr="+addresses[2], "--storage-adv-addr="+addresses[2])
	case UnitNotificationController:
		flags = append(flags, "--events-addr="+addresses[2], "--receiverAddr="+addresses[3])
		f.receivers = "http://" + addresses[3]
	}
	for _, dir := range []string{"artifacts", "tmp"} {
		if err := os.MkdirAll(filepath.Join(c.dir, dir), 0o755); err != nil {
			return nil, fmt.Errorf("starting %s: %w", unit, err)
		}
	}
	p := &process{
		name: unit,
		path: filepath.Join(binDir, unit),
		dir:  c.dir,
		args: append(flags, more...),
		env: []string{
			"KUBECONFIG=" + c.Kubeconfig(), "RUNTIME_NAMESPACE=flux-system",
			"HOME=" + c.dir, "TMPDIR=" + filepath.Join(c.dir, "tmp"),
		},
		ready: func(ctx context.Context) error { return getOK(ctx, plainClient(), "http://"+health+"/readyz") },
	}
	if err := p.start(ctx, time.Minute); err != nil {
		return nil, err
	}
	c.children = append(c.children, p)
	return &controller{process: p, metricsURL: "http://" + metrics + "/metrics"}, nil
}

// ReceiverURL is where notification-controller takes the calls of webhooks: what stands in front of a Receiver's
// status.webhookPath. "" where it does not run.
func (f *Flux) ReceiverURL() string { return f.receivers }

// MetricsURLs are where the controllers serve their metrics, in the order in which they were started.
func (f *Flux) MetricsURLs() []string {
	urls := make([]string, 0, len(f.controllers))
	for _, c := range f.controllers {
		urls = append(urls, c.metricsURL)
	}
	return urls
}

// Reconciles returns how often the controllers have reconciled one object since
// they started.
func (f *Flux) Reconciles(ctx context.Context, kind, namespace, name string) (int, error) {
	of := map[string]string{"kind": kind, "namespace": namespace, "name": name}
	r, err := f.Work(ctx, func(labels map[string]string) bool { return maps.Equal(labels, of) })
	return r.Reconciles, err
}

// Work is what controllers have done since they started.
type Work struct {
	// Reconciles is how many have ended, and Took how long they took in all.
	Reconciles int
	Took       time.Duration
}

// Work adds up the reconciles of the objects whose labels (kind, namespace and
// name) are chosen, by the controllers' own metric gotk_reconcile_duration_seconds.
func (f *Flux) Work(ctx context.Context, chosen func(labels map[string]string) bool) (Work, error) {
	var all Work
	for _, c := range f.controllers {
		families, err := readMetrics(ctx, c.metricsURL)
		if err != nil {
			return Work{}, err
		}
		for _, m := range families["gotk_reconcile_duration_seconds"].GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			if chosen(labels) {
				all.Reconciles += int(m.GetHistogram().GetSampleCount())
				all.Took += time.Duration(m.GetHistogram().GetSampleSum() * float64(time.Second))
			}
		}
	}
	return all, nil
}

func readMetrics(ctx context.Context, url string) (map[string]*dto.MetricFamily, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("reading metrics: %w", err)
	}
	resp, err := plainClient().Do(req)
	if err != nil {
		return nil, fmt.Errorf("reading metrics: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("reading metrics of %s: %w", url, err)
	}
	return families, nil
}

// Stop ends the controllers, the last one first; the cluster goes on.
func (f *Flux) Stop() error {
	var errs []error
	for _, c := range slices.Backward(f.controllers) {
		errs = append(errs, c.stop())
	}
	return errors.Join(errs...)
}
