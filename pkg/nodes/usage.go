package nodes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
)

// Usage is what runs on a node uses, as the cluster page of a dashboard shows it.
type Usage struct {
	// CPU in thousandths of a core, Memory in bytes.
	CPU, Memory int64
	// CPUPercent and MemoryPercent are the parts of what the node's pods may use (status.allocatable), as
	// kubectl top shows them; 0 where the node does not say.
	CPUPercent, MemoryPercent float64
}

// of relates what is used to what a node has.
func (u Usage) of(n Node) *Usage {
	if n.cpu > 0 {
		u.CPUPercent = 100 * float64(u.CPU) / float64(n.cpu)
	}
	if n.memory > 0 {
		u.MemoryPercent = 100 * float64(u.Memory) / float64(n.memory)
	}
	return &u
}

// noUsage is what is missing where metrics are served that say nothing: of a metrics-server that has just begun, or cannot
// reach the nodes.
func noUsage() Missing {
	return Missing{What: WhatUsage, Reason: kube.Unavailable, Err: errors.New("metrics.k8s.io says nothing of any node")}
}

// usageEvery is how often metrics-server asks the kubelets, by default.
const usageEvery = 15 * time.Second

// readUsage asks metrics.k8s.io for all nodes. A cluster that does not serve it has no usage to show.
func (c *Counter) readUsage(ctx context.Context) {
	if !c.options.Usage {
		return
	}
	request := kube.Request{Path: "/apis/metrics.k8s.io/v1beta1/nodes", Kind: "NodeMetrics", Unversioned: true}
	if !c.options.UsageAsked {
		request.Tries = 2 // nobody waits for it
	}
	type metrics struct {
		Metadata struct{ Name string }
		Usage    struct{ CPU, Memory *resource.Quantity }
	}
	items, _, err := kube.Items(ctx, c.kube, request, func(data []byte) (m metrics, err error) {
		err = json.Unmarshal(data, &m)
		return m, err
	})
	if err != nil {
		c.fail(WhatUsage, "", fmt.Errorf("listing the nodes' metrics: %w", err))
		return
	}
	usage := make(map[string]Usage, len(items))
	for _, item := range items {
		if item.Usage.CPU == nil || item.Usage.Memory == nil {
			continue // that is not 0
		}
		usage[item.Metadata.Name] = Usage{CPU: item.Usage.CPU.MilliValue(), Memory: item.Usage.Memory.Value()}
	}
	c.update(func() {
		c.partLocked(WhatUsage, "").known(time.Now())
		c.usage = usage
	})
}
