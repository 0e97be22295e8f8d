package testbed

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
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
	namespace := "apiVersion: v1\nkind: Namespace\nmetadata: {name: flux-system}\n"
	if _, err := c.RunKubectl(ctx, namespace, "apply", "--server-side", "-f", "-"); err != nil {
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
		for range 3 {
			if err == nil || !strings.Contains(err.Error(), "address already in use") {
				break
			}
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
	flags, err := c.addressFlags(unit)
	if err != nil {
		return nil, err
	}
	if unit == UnitNotificationController {
		address, err := freePort()
		if err != nil {
			return nil, err
		}
		f.receivers, flags = "http://"+hostPort(address), append(flags, "--receiverAddr="+hostPort(address))
	}
	return c.startController(ctx, unit, binDir, append(flags, more...))
}

// addressFlags put what a controller serves besides metrics and health on
// loopback ports of its own.
func (c *Cluster) addressFlags(unit string) ([]string, error) {
	if unit != UnitSourceController && unit != UnitNotificationController {
		return nil, nil
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	if unit == UnitNotificationController {
		return []string{"--events-addr=" + hostPort(port)}, nil
	}
	return []string{
		"--storage-path=" + filepath.Join(c.dir, "artifacts"),
		"--storage-addr=" + hostPort(port), "--storage-adv-addr=" + hostPort(port),
	}, nil
}

// ReceiverURL is where notification-controller takes the calls of webhooks: what stands in front of a Receiver's
// status.webhookPath. "" where it does not run.
func (f *Flux) ReceiverURL() string { return f.receivers }

func (c *Cluster) startController(ctx context.Context, name, binDir string, flags []string) (*controller, error) {
	metrics, err := freePort()
	if err != nil {
		return nil, err
	}
	health, err := freePort()
	if err != nil {
		return nil, err
	}
	for _, dir := range []string{"artifacts", "tmp"} {
		if err := os.MkdirAll(filepath.Join(c.dir, dir), 0o755); err != nil {
			return nil, fmt.Errorf("starting %s: %w", name, err)
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
		return nil, err
	}
	c.children = append(c.children, p)
	return &controller{process: p, metricsURL: "http://" + hostPort(metrics) + "/metrics"}, nil
}

// MetricsURLs are where the controllers serve their metrics, in the order in which they were started.
func (f *Flux) MetricsURLs() []string {
	urls := make([]string, 0, len(f.controllers))
	for _, c := range f.controllers {
		urls = append(urls, c.metricsURL)
	}
	return urls
}

// Reconciles returns how often the controllers have reconciled one object since
// they started, by their own metric gotk_reconcile_duration_seconds_count.
func (f *Flux) Reconciles(ctx context.Context, kind, namespace, name string) (int, error) {
	of := fmt.Sprintf("{kind=%q,name=%q,namespace=%q}", kind, name, namespace)
	r, err := f.Work(ctx, func(labels string) bool { return labels == of })
	return r.Reconciles, err
}

// Work is what controllers have done since they started.
type Work struct {
	// Reconciles is how many have ended, and Took how long they took in all.
	Reconciles int
	Took       time.Duration
}

// Work adds up the reconciles of the objects whose labels, such as
// {kind="Kustomization",name="app",namespace="apps"}, are chosen, by the
// controllers' own metric gotk_reconcile_duration_seconds.
func (f *Flux) Work(ctx context.Context, chosen func(labels string) bool) (Work, error) {
	var all Work
	for _, c := range f.controllers {
		values, err := readMetric(ctx, c.metricsURL, "gotk_reconcile_duration_seconds", chosen)
		if err != nil {
			return Work{}, err
		}
		all.Reconciles += int(values["count"])
		all.Took += time.Duration(values["sum"] * float64(time.Second))
	}
	return all, nil
}

// readMetric adds up the count and the sum of a histogram over the labels that
// are chosen.
func readMetric(ctx context.Context, url, name string, chosen func(labels string) bool) (map[string]float64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("reading metrics: %w", err)
	}
	resp, err := plainClient().Do(req)
	if err != nil {
		return nil, fmt.Errorf("reading metrics: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	values := make(map[string]float64)
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		rest, found := strings.CutPrefix(lines.Text(), name+"_")
		part, labels, labelled := strings.Cut(rest, "{")
		end := strings.LastIndex(labels, "} ")
		if !found || !labelled || end < 0 || part == "bucket" || !chosen("{"+labels[:end+1]) {
			continue
		}
		value, err := strconv.ParseFloat(labels[end+2:], 64)
		if err != nil {
			return nil, fmt.Errorf("reading metrics of %s: %w", url, err)
		}
		values[part] += value
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading metrics of %s: %w", url, err)
	}
	return values, nil
}

// Stop ends the controllers, the last one first; the cluster goes on.
func (f *Flux) Stop() error {
	var errs []error
	for _, c := range slices.Backward(f.controllers) {
		errs = append(errs, c.stop())
	}
	return errors.Join(errs...)
}
