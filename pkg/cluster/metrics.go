package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// The metrics of Flux's controllers that count: fluxcd/pkg runtime/metrics (NewRecorder), and that of
// every Go process which tells since when.
const (
	reconcileDuration = "gotk_reconcile_duration_seconds"
	processStart      = "process_start_time_seconds"
	// Of these two every controller has one from the start (controller-runtime pkg/internal/controller/controller.go,
	// initMetrics; pkg/metrics/leaderelection.go).
	activeWorkers  = "controller_runtime_active_workers"
	leaderElection = "leader_election_master_status"
)

// maxMetrics bounds one answer; 10,000 objects with a histogram each are about 20 MB.
const maxMetrics = 256 << 20

// Reconciles counts the reconciles of objects that one process has seen.
type Reconciles struct {
	// Since is when the process started; the zero time where it does not say.
	Since time.Time
	// At is when it was asked.
	At     time.Time
	Counts map[flux.Ref]Tally
}

// Tally is how often an object was reconciled, and how long that took in all.
type Tally struct {
	Count   uint64
	Seconds float64
}

// ParseMetrics reads the reconciles from metrics in Prometheus' text format, asked for at a time. The
// error says what is wrong with it: also that they are no controller's. One that has reconciled nothing yet has none: there
// are no objects of its kinds, or it waits to become the leader.
func ParseMetrics(r io.Reader, at time.Time) (Reconciles, error) {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(r)
	if err != nil {
		return Reconciles{}, fmt.Errorf("reading metrics: %w", err)
	}
	result := Reconciles{At: at, Counts: map[flux.Ref]Tally{}}
	if family := families[processStart]; family != nil && len(family.GetMetric()) > 0 {
		m := family.GetMetric()[0]
		seconds := m.GetGauge().GetValue() + m.GetUntyped().GetValue()
		result.Since = time.UnixMilli(int64(seconds * 1000))
	}
	for _, m := range families[reconcileDuration].GetMetric() {
		if ref, ok := metricRef(m); ok && m.GetHistogram() != nil {
			result.Counts[ref] = Tally{Count: m.GetHistogram().GetSampleCount(), Seconds: m.GetHistogram().GetSampleSum()}
		}
	}
	if len(result.Counts) == 0 && families[activeWorkers] == nil && families[leaderElection] == nil {
		return result, fmt.Errorf("reading metrics: there is no %s of a Flux object: is it a Flux controller's /metrics?", reconcileDuration)
	}
	return result, nil
}

// metricRef reads the labels. Behind a Prometheus that scrapes pods, the object's namespace is called
// exported_namespace.
func metricRef(m *dto.Metric) (flux.Ref, bool) {
	labels := map[string]string{}
	for _, l := range m.GetLabel() {
		labels[l.GetName()] = l.GetValue()
	}
	kinds := append(flux.Kinds(), flux.CostKinds()...) // budgets count the workers for ImagePolicies, too
	i := slices.IndexFunc(kinds, func(k flux.Kind) bool { return k.Name == labels["kind"] && k.Name != flux.AlertKind })
	if i < 0 {
		return flux.Ref{}, false
	}
	kind := kinds[i]
	namespace, exported := labels["exported_namespace"]
	if !exported {
		namespace = labels["namespace"]
	}
	return flux.Ref{Group: kind.Group, Kind: kind.Name, Namespace: namespace, Name: labels["name"]}, labels["name"] != ""
}

// FetchMetrics asks a URL for metrics.
func FetchMetrics(ctx context.Context, client *http.Client, address string, now func() time.Time) (Reconciles, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return Reconciles{}, fmt.Errorf("asking for metrics: %w", unanswered(address, err))
	}
	response, err := client.Do(request)
	if err != nil {
		return Reconciles{}, fmt.Errorf("asking for metrics: %w", unanswered(address, err))
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return Reconciles{}, fmt.Errorf("asking for metrics: %s answered %s", flux.ShownURL(address), response.Status)
	}
	return ParseMetrics(io.LimitReader(response.Body, maxMetrics), now())
}

// unanswered says that a URL which is no API server's gave no answer. That of net/http names the URL with its secrets, and is taken
// for one about the cluster.
func unanswered(address string, err error) error {
	var request *url.Error
	if errors.As(err, &request) {
		err = request.Err
	}
	return fmt.Errorf("no answer from %s: %w", flux.ShownURL(address), err)
}

// PodMetrics asks the running pods of controllers for their metrics, through the API server's proxy. It
// takes the right to get pods/proxy. What could not be asked is in the gaps.
func (c *Client) PodMetrics(ctx context.Context, deployments []Deployment, now func() time.Time) ([]Reconciles, []flux.Gap) {
	var found []Reconciles
	var gaps []flux.Gap
	for _, d := range deployments {
		pods, err := c.runningPods(ctx, d)
		if err != nil {
			gaps = append(gaps, flux.Gap{What: fmt.Sprintf("the pods of Deployment %s/%s", d.Namespace, d.Name), Why: err.Error()})
			continue
		}
		for _, pod := range pods {
			data, err := c.raw(ctx, []string{"api", "v1", "namespaces", d.Namespace, "pods", pod + ":" + strconv.Itoa(d.MetricsPort), "proxy", "metrics"})
			if err == nil {
				var r Reconciles
				if r, err = ParseMetrics(bytes.NewReader(data), now()); err == nil {
					found = append(found, r)
					continue
				}
			}
			gaps = append(gaps, flux.Gap{
				What: fmt.Sprintf("the metrics of pod %s/%s", d.Namespace, pod),
				Why:  fmt.Sprintf("%v (it takes the right to get pods/proxy; or forward its port %d and use --metrics-url)", err, d.MetricsPort),
			})
		}
	}
	return found, gaps
}

func (c *Client) runningPods(ctx context.Context, d Deployment) ([]string, error) {
	q := query{path: []string{"api", "v1", "namespaces", d.Namespace, "pods"}, kind: "Pod", labelSelector: d.Selector}
	names, err := list(ctx, c, q, func(data []byte) (string, error) {
		var pod struct {
			Metadata struct {
				Name string `json:"name"`
			} `json:"metadata"`
			Status struct {
				Phase string `json:"phase"`
			} `json:"status"`
		}
		if err := json.Unmarshal(data, &pod); err != nil {
			return "", fmt.Errorf("reading a pod: %w", err)
		}
		if pod.Status.Phase != "Running" {
			return "", nil
		}
		return pod.Metadata.Name, nil
	})
	return slices.DeleteFunc(names, func(name string) bool { return name == "" }), err
}

// Observe makes rates of counts: since each process started, or between two answers where there are
// earlier ones, in the same order. What several processes counted of an object adds up, over the longest of
// their times: one after the other had it, since a shard that loses an object goes on telling what it had
// counted. What was counted over less than a second says nothing.
func Observe(earlier, later []Reconciles) map[flux.Ref]flux.Observation {
	observed := map[flux.Ref]flux.Observation{}
	totals := map[flux.Ref]Tally{}
	for i, r := range later {
		since, before := r.Since, map[flux.Ref]Tally(nil)
		if i < len(earlier) && earlier[i].Since.Equal(r.Since) { // not restarted in between
			since, before = earlier[i].At, earlier[i].Counts
		}
		over := r.At.Sub(since)
		if since.IsZero() || over < time.Second {
			continue
		}
		for ref, tally := range r.Counts {
			first := before[ref]
			if tally.Count < first.Count {
				continue
			}
			o, total, n := observed[ref], totals[ref], tally.Count-first.Count
			total = Tally{Count: total.Count + n, Seconds: total.Seconds + tally.Seconds - first.Seconds}
			o.Over = max(o.Over, over)
			o.PerHour = float64(total.Count) / o.Over.Hours()
			if total.Count > 0 {
				o.Mean = time.Duration(total.Seconds / float64(total.Count) * float64(time.Second))
			}
			observed[ref], totals[ref] = o, total
		}
	}
	return observed
}
