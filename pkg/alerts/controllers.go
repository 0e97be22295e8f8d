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
		fmt.Sprintf("%s says how many workers are needed (--concurrent); %s what longer intervals would change",
			in.command("budget", in.scope(), "--observe"), in.command("plan", in.scope()+in.Under)))}
}

// missing alerts where nothing is known of a controller's objects: then the other alerts are silent, too.
func (in Input) missing() []Rule {
	var rules []Rule
	for _, name := range in.controllers() {
		// group takes away the labels that absent makes of the matchers.
		expr := "group(absent(" + metric(reconcileCount, in.kinds(name), in.Namespace, func(s string) string { return s }) + "))"
		a := alert(MetricsMissing, expr, 15*evaluation,
			fmt.Sprintf("There are no metrics of %s", name),
			fmt.Sprintf("No metrics tell of the objects of %s%s: it does not run, or is not scraped, or the objects that were there when these rules were made are gone. The other alarms about them are silent, too. Where other shards of it run, there is no alarm about one that does not.", name, inNamespace(in.Namespace)),
			in.command("doctor")+" looks for Flux in the cluster; its controllers serve metrics at port 8080 (http-prom), see fluxcd.io/flux/monitoring/metrics")
		a.Labels["controller"] = name
		if in.Namespace != "" { // one namespace's alarm is not another's
			a.Labels[namespaceLabel] = in.Namespace
		}
		rules = append(rules, a)
	}
	return rules
}

func inNamespace(namespace string) string {
	if namespace == "" {
		return ""
	}
	return " in namespace " + namespace
}

// restarting is how many starts within an hour are an alarm.
const restarting = 3

// restarts alerts where a controller of Flux starts again and again in the same pod, as it does when it runs out of memory:
// then its counters begin anew each time, and hide what the other alarms are about.
func (in Input) restarts() Rule {
	window := duration(observed)
	ours := metric(reconcileCount, in.kinds(""), in.Namespace, func(s string) string { return fmt.Sprintf("last_over_time(%s[%s])", s, window) })
	expr := fmt.Sprintf("changes(process_start_time_seconds[%s]) >= %d\nand on (job, instance) (%s)", window, restarting, ours)
	return alert(ControllerRestarts, expr, 0,
		"A controller of Flux at {{ $labels.instance }} starts again and again",
		fmt.Sprintf("The controller at {{ $labels.instance }} started {{ $value }} times in the last hour. It may run out of memory, or fail its probes. "+
			"Each start reconciles all of its objects; alarms about missed polls and missing metrics stay silent meanwhile. %d starts and more are an alarm.", restarting),
		"Describe the pods of Flux's controllers: the last state of their containers says why they ended")
}
