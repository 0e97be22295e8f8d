package alerts

import (
	"fmt"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
)

// workers alerts where those of a controller have hardly a pause. Other programs have the same metrics
// (controller-runtime): only processes that reconcile for Flux count. Each process is compared with its own number of
// workers, since shards do not help each other.
func (in Input) workers() []Rule {
	var names []string
	for _, kind := range in.kinds("") {
		names = append(names, strings.ToLower(kind)) // as controller-runtime calls the controller of a kind
	}
	of := "{" + matcher("controller", names) + "}"
	expr := fmt.Sprintf("avg_over_time(controller_runtime_active_workers%[1]s[15m])\n/ controller_runtime_max_concurrent_reconciles%[1]s > %[2]g\nand on (job, instance) %[3]s",
		of, float64(budget.BusyWarning)/100, reconcileCount)
	return []Rule{alert(WorkersBusy, expr, 10*evaluation,
		"The workers for {{ $labels.controller }} are {{ $value | humanizePercentage }} busy",
		fmt.Sprintf("For 15 minutes the workers for {{ $labels.controller }} at {{ $labels.instance }} were busy {{ $value | humanizePercentage }} of the time. "+
			"Above %d%% what comes in bursts, and each new revision, waits for a free one.", budget.BusyWarning),
		fmt.Sprintf("kubectl fluxtune budget %s --observe says how many workers are needed (--concurrent); kubectl fluxtune plan %s what longer intervals would change", in.Where, in.Where))}
}

// missing alerts where nothing is known of a controller's objects: then the other alerts are silent, too.
func (in Input) missing() []Rule {
	var rules []Rule
	for _, name := range in.controllers() {
		// group takes away the labels that absent makes of the matchers.
		expr := "group(absent(" + metric(reconcileCount, in.kinds(name), in.Namespace, func(s string) string { return s }) + "))"
		a := alert(MetricsMissing, expr, 15*evaluation,
			fmt.Sprintf("There are no metrics of %s", name),
			fmt.Sprintf("No metrics tell of the objects of %s: it does not run, or is not scraped. The other alarms about them are silent, too.", name),
			"kubectl fluxtune doctor looks for Flux in the cluster; its controllers serve metrics at port 8080 (http-prom), see fluxcd.io/flux/monitoring/metrics")
		a.Labels["controller"] = name
		rules = append(rules, a)
	}
	return rules
}
