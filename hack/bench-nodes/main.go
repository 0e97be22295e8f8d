// Command bench-nodes measures kubectl fluxtune nodes against other ways to count pods per node, side
// by side on a real API server that it starts and fills: a plain shared informer (in informer), a
// client that only sends the same requests (in bare), and kubectl. Every program runs as a whole
// process, in turn with the others; the table shows medians. Everything goes through a proxy that
// counts bytes and is then as slow as some links are, down to TCP.
//
//	go run ./hack/bench-nodes                # 1,000 nodes, 30,000 pods
//	go run ./hack/bench-nodes -large         # 5,000 nodes, 150,000 pods
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"reflect"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/hack/measure"
	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
)

type options struct {
	nodes, pods, namespaces, runs int
	large, kubectl, informer      bool
}

func main() {
	if launched, err := measure.Launched(os.Args[1:]); launched {
		exit(err)
	}
	var o options
	flag.BoolVar(&o.large, "large", false, "5,000 nodes and 150,000 pods in 300 namespaces, without kubectl")
	flag.IntVar(&o.nodes, "nodes", 1000, "nodes")
	flag.IntVar(&o.pods, "pods", 30000, "unfinished pods")
	flag.IntVar(&o.namespaces, "namespaces", 100, "namespaces")
	flag.IntVar(&o.runs, "runs", 5, "runs of each program; kubectl runs once")
	flag.BoolVar(&o.kubectl, "kubectl", true, "measure kubectl too")
	flag.BoolVar(&o.informer, "informer", true, "measure a plain informer too")
	flag.Parse()
	if o.large {
		o.nodes, o.pods, o.namespaces, o.kubectl = 5000, 150000, 300, false
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	exit(run(ctx, o))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func run(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp("", "bench-nodes-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for _, program := range []string{"./cmd/kubectl-fluxtune", "./hack/bench-nodes/informer", "./hack/bench-nodes/bare"} {
		build := exec.CommandContext(ctx, "go", "build", "-o", dir+"/", program)
		build.Env = append(os.Environ(), "CGO_ENABLED=0") // as releases are built: 20 MB of memory less
		build.Stderr = os.Stderr
		if err := build.Run(); err != nil {
			return fmt.Errorf("building %s: %w", program, err)
		}
	}
	pods := testbed.NewPods(testbed.PodOptions{Nodes: o.nodes, Pods: o.pods, Namespaces: o.namespaces})
	start := time.Now()
	cluster, err := testbed.Start(ctx, testbed.Options{Seed: []testbed.Seed{pods.Seed}})
	if err != nil {
		return err
	}
	defer cluster.Close()
	fmt.Printf("%d nodes, %d pods in %d namespaces, seeded and served in %s\n", o.nodes, o.pods, o.namespaces, time.Since(start).Round(time.Second))
	address, err := url.Parse(cluster.Config().Host)
	if err != nil {
		return err
	}
	w, err := newWire(address.Host)
	if err != nil {
		return err
	}
	defer w.listener.Close()
	kubeconfig, err := w.kubeconfig(cluster.Kubeconfig(), dir)
	if err != nil {
		return err
	}
	b := bench{o: o, wire: w, programs: programs(dir, kubeconfig, cluster.KubectlPath(), o)}
	if err := exact(ctx, filepath.Join(dir, "kubectl-fluxtune"), kubeconfig, pods.Counts()); err != nil {
		return err
	}
	return b.run()
}

// exact compares what nodes shows with what was seeded.
func exact(ctx context.Context, program, kubeconfig string, want testbed.PodCounts) error {
	out, err := exec.CommandContext(ctx, program, "nodes", "--kubeconfig", kubeconfig, "-o", "json").Output()
	if err != nil {
		return fmt.Errorf("counting with nodes: %w", err)
	}
	var list struct {
		Items []struct {
			Name                       string
			Pods, Terminating, Pending int
		}
		Summary struct{ Pods, Unscheduled int }
		Partial bool
	}
	if err := json.Unmarshal(out, &list); err != nil {
		return err
	}
	got := map[string]testbed.NodeCount{}
	for _, i := range list.Items {
		got[i.Name] = testbed.NodeCount{Pods: i.Pods, Terminating: i.Terminating, Pending: i.Pending}
	}
	if list.Partial || list.Summary.Pods != want.Total || list.Summary.Unscheduled != want.Unscheduled || !reflect.DeepEqual(got, want.Nodes) {
		return fmt.Errorf("nodes counted %d pods on %d nodes, but %d pods on %d nodes are there", list.Summary.Pods, len(got), want.Total, len(want.Nodes))
	}
	fmt.Printf("exact: all %d rows and %d pods are as seeded\n\n", len(got), list.Summary.Pods)
	return nil
}

type program struct {
	name    string
	command []string
	once    bool // too slow to run more often
	near    bool // too slow to run far from the API server
}

func programs(dir, kubeconfig, kubectl string, o options) []program {
	flag := "--kubeconfig=" + kubeconfig
	all := []program{
		{name: "kubectl fluxtune nodes", command: []string{filepath.Join(dir, "kubectl-fluxtune"), "nodes", flag}},
		{name: "bare client, namespace by namespace", command: []string{filepath.Join(dir, "bare"), flag}},
		{name: "bare client, at once", command: []string{filepath.Join(dir, "bare"), "-at-once", flag}},
	}
	if o.kubectl {
		all = append(all, program{"kubectl get pods -A -o wide", []string{kubectl, "get", "pods", "-A", "-o", "wide", flag}, true, false})
	}
	if !o.informer {
		return all
	}
	return append(all, program{"plain informer, protobuf, transform", []string{filepath.Join(dir, "informer"), flag}, o.large, true})
}

// links are those of the table: a machine beside the API server, and two at the other end of a VPN.
func links() []link {
	return []link{{}, {20 * time.Millisecond, 20_000_000}, {30 * time.Millisecond, 5_000_000}}
}

type bench struct {
	o        options
	wire     *wire
	programs []program
}

func (b bench) run() error {
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 3, ' ', 0)
	_, _ = fmt.Fprintln(out, "PROGRAM\tLINK\tWALL\tRATIO\tCPU\tPEAK RSS\tRATIO\tRECEIVED\tRATIO")
	for _, l := range links() {
		programs := slices.DeleteFunc(slices.Clone(b.programs), func(p program) bool { return p.near && l != link{} })
		samples, err := b.round(l, programs)
		if err != nil {
			return err
		}
		b.write(out, l, programs, samples)
	}
	return out.Flush()
}

// round runs the programs in turn, after one run each that does not count; the slowest only once.
func (b bench) round(l link, programs []program) ([][]sample, error) {
	b.wire.use(l)
	samples := make([][]sample, len(programs))
	for n := range b.o.runs + 1 {
		for i, p := range programs {
			if p.once && n != b.o.runs { // last, as it leaves the API server with gigabytes
				continue
			}
			s, err := b.wire.measure(p.command)
			if err != nil {
				return nil, err
			}
			if n > 0 {
				samples[i] = append(samples[i], s)
			}
		}
	}
	return samples, nil
}

func (b bench) write(out *tabwriter.Writer, l link, programs []program, samples [][]sample) {
	wall := func(s sample) int64 { return int64(s.Wall) }
	cpu := func(s sample) int64 { return int64(s.CPU) }
	rss := func(s sample) int64 { return s.RSS }
	received := func(s sample) int64 { return s.Bytes }
	for i, p := range programs {
		ratio := func(of func(sample) int64) string {
			return fmt.Sprintf("%.1fx", float64(median(samples[i], of))/float64(median(samples[0], of)))
		}
		_, _ = fmt.Fprintf(out, "%s\t%s\t%.2fs\t%s\t%.2fs\t%d MB\t%s\t%.1f MB\t%s\n", p.name, l,
			time.Duration(median(samples[i], wall)).Seconds(), ratio(wall),
			time.Duration(median(samples[i], cpu)).Seconds(),
			median(samples[i], rss)>>20, ratio(rss),
			float64(median(samples[i], received))/1e6, ratio(received))
	}
}

func median(samples []sample, of func(sample) int64) int64 {
	sorted := slices.SortedFunc(slices.Values(samples), func(a, b sample) int { return cmp.Compare(of(a), of(b)) })
	return of(sorted[len(sorted)/2])
}
