package nodes

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
)

// Usage is what runs on a node uses, as the cluster page of a dashboard shows it.
type Usage struct {
	// CPU in thousandths of a core, Memory in bytes.
	CPU, Memory int64
	// CPUPercent and MemoryPercent are the parts of what the node's pods may use (status.allocatable); nil where the node
	// does not say that, infinite where something is used of nothing.
	CPUPercent, MemoryPercent *float64
	// At is the end of the Window in which that was measured, the zero time where no time that has been is said. Age is how long
	// ago that was when it was read, by the cluster's clock.
	At          time.Time
	Window, Age time.Duration
}

// oldUsage is the age from which on a sample says nothing of now: metrics-server asks the kubelets each minute unless told
// otherwise, and adapters for Prometheus look back for five.
const oldUsage = 5*time.Minute + 30*time.Second

// Old tells whether it is of a time that has passed, such as that of a metrics-server that has stopped, or of one that nobody
// knows.
func (u Usage) Old() bool { return u.Age > oldUsage || u.At.IsZero() }

// of relates what is used to what a node has.
func (u Usage) of(n Node) *Usage {
	u.CPUPercent, u.MemoryPercent = percentOf(u.CPU, n.cpu), percentOf(u.Memory, n.memory)
	return &u
}

func percentOf(used int64, room *int64) *float64 {
	if room == nil {
		return nil
	}
	percent := 100 * float64(used) / float64(*room)
	if *room == 0 {
		percent = 0
		if used > 0 {
			percent = math.Inf(1)
		}
	}
	return &percent
}

// amountOf is a quantity in whole numbers of a unit (resource.Milli, or 0 for one), nil where it is no amount of anything:
// below 0, or more than fits, which parsing has cut.
func amountOf(q resource.Quantity, unit resource.Scale) *int64 {
	most := resource.NewScaledQuantity(math.MaxInt64, unit)
	if q.Sign() < 0 || q.Cmp(*most) >= 0 {
		return nil
	}
	n := q.ScaledValue(unit)
	return &n
}

// usageEvery is how often a watch asks: metrics-server's manifests and chart have it ask the kubelets as often, where its own
// default is 60s (cmd/metrics-server/app/options).
const usageEvery = 15 * time.Second

const metricsGroup = "/apis/metrics.k8s.io"

// nodeMetrics is an item of a NodeMetricsList.
type nodeMetrics struct {
	Metadata          struct{ Name string }
	Timestamp, Window string
	Usage             map[string]json.RawMessage
}

// usage is what it says, nil where that is no amount.
func (m nodeMetrics) usage(now time.Time) *Usage {
	amount := func(name string, unit resource.Scale) *int64 {
		var q resource.Quantity
		if raw, said := m.Usage[name]; !said || string(raw) == "null" || json.Unmarshal(raw, &q) != nil {
			return nil // that is not 0
		}
		return amountOf(q, unit)
	}
	cpu, memory := amount("cpu", resource.Milli), amount("memory", 0)
	if cpu == nil || memory == nil {
		return nil
	}
	u := Usage{CPU: *cpu, Memory: *memory}
	u.Window, _ = time.ParseDuration(m.Window)
	if at, err := time.Parse(time.RFC3339, m.Timestamp); err == nil && at.Sub(now) <= oldUsage { // clocks of nodes differ
		u.At, u.Age = at, max(0, now.Sub(at))
	}
	return &u
}

// readUsage asks metrics.k8s.io for all nodes. A cluster that does not serve it has no usage to show.
func (c *Counter) readUsage(ctx context.Context) {
	if !c.options.Usage {
		return
	}
	began := time.Now()
	request := kube.Request{Path: metricsGroup + "/v1beta1/nodes", Kind: "NodeMetrics", Unversioned: true}
	if !c.options.UsageAsked {
		request.Tries = 2 // nobody waits for it
	}
	items, _, err := kube.Items(ctx, c.kube, request, func(data []byte) (m nodeMetrics, err error) {
		err = json.Unmarshal(data, &m)
		return m, err
	})
	if err = c.servedAtAll(ctx, err); err != nil {
		c.failUsage(fmt.Errorf("listing the nodes' metrics: %w", err))
		return
	}
	now := time.Now().Add(c.kube.Ahead())
	usage := make(map[string]*Usage, len(items))
	for _, item := range items {
		name := item.Metadata.Name
		if _, twice := usage[name]; twice {
			usage[name] = nil // nobody knows which is right
			continue
		}
		usage[name] = item.usage(now)
	}
	c.update(func() {
		c.partLocked(WhatUsage, "").known(began)
		c.usage = usage
	})
}

// servedAtAll looks behind a refusal, which comes before the API server looks what it serves: where there are no metrics, who
// has no right to them is refused them all the same. What is served everybody may read.
func (c *Counter) servedAtAll(ctx context.Context, refused error) error {
	if kube.ReasonOf(refused) != kube.Forbidden {
		return refused
	}
	if _, err := c.kube.Object(ctx, kube.Request{Path: metricsGroup, Tries: 2}); kube.ReasonOf(err) == kube.NotFound {
		return err
	}
	return refused
}

// failUsage notes why metrics could not be read. What was known stays, but where they are not served any more.
func (c *Counter) failUsage(err error) {
	c.update(func() {
		p := c.partLocked(WhatUsage, "")
		if p.fail(err); kube.ReasonOf(err) == kube.NotFound {
			p.Read, p.At, c.usage = false, time.Time{}, nil
		}
	})
}
