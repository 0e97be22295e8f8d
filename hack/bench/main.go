// Command bench measures the plugin beside kubectl and beside a bare client, on a real control plane
// with 10,000 Flux objects. Every program is measured as a whole process; what counts are the ratios
// within one run, because machines differ and are noisy.
//
//	go run ./hack/bench [-objects N] [-runs N] PLUGIN
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"text/tabwriter"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fluxtune/kubectl-fluxtune/hack/measure"
	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

type bench struct {
	plugin     string
	kubectl    string
	kubeconfig string
	runs       int
	objects    int
}

func run(ctx context.Context, args []string) error {
	if launched, err := measure.Launched(args); launched {
		return err
	}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	objects := flags.Int("objects", 10_000, "Flux objects in the cluster")
	runs := flags.Int("runs", 5, "runs of each program; the medians are shown")
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch {
	case flags.NArg() == 3 && (flags.Arg(0) == bareApply || flags.Arg(0) == bareRevert):
		return patchAll(ctx, flags.Arg(0), flags.Arg(1), flags.Arg(2))
	case flags.NArg() != 1:
		return fmt.Errorf("usage: bench [-objects N] [-runs N] PLUGIN")
	}
	plugin, err := filepath.Abs(flags.Arg(0))
	if err != nil {
		return err
	}
	const environments, kinds = 3, 2
	projects := *objects / environments / kinds
	b := bench{plugin: plugin, runs: *runs, objects: projects * environments * kinds}
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 3, ' ', 0)
	err = b.on(ctx, out, testbed.FleetOptions{Projects: projects}, bench.startup, bench.plan, bench.apply, bench.files)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintln(out, "Small objects: without status, applied and never reconciled.")
	return b.on(ctx, out, testbed.FleetOptions{Projects: projects, Customize: small}, bench.plan)
}

// on measures on a control plane with a fleet.
func (b bench) on(ctx context.Context, out *tabwriter.Writer, fleet testbed.FleetOptions, parts ...func(bench, context.Context, *tabwriter.Writer) error) error {
	cluster, err := testbed.Start(ctx, testbed.Options{Seed: []testbed.Seed{testbed.Fleet(fleet)}})
	if err != nil {
		return err
	}
	defer func() { _ = cluster.Close() }()
	b.kubectl, b.kubeconfig = cluster.KubectlPath(), cluster.Kubeconfig()
	for _, part := range parts {
		if err := part(b, ctx, out); err != nil {
			return err
		}
		_, _ = fmt.Fprintln(out)
		if err := out.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// small takes from an object what controllers add.
func small(o *unstructured.Unstructured) {
	unstructured.RemoveNestedField(o.Object, "status")
	o.SetManagedFields(o.GetManagedFields()[:1])
}

// startup compares the time to a first word with kubectl's own.
func (b bench) startup(ctx context.Context, out *tabwriter.Writer) error {
	samples, err := interleave(ctx, 4*b.runs, nil,
		command{b.plugin, "version", "--client"},
		command{b.kubectl, "version", "--client"})
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(out, "STARTUP\tWALL\tRATIO\n")
	_, _ = fmt.Fprintf(out, "fluxtune version --client\t%s\t\n", ms(samples[0].Wall))
	_, _ = fmt.Fprintf(out, "kubectl version --client\t%s\t%.2f\n", ms(samples[1].Wall), ratio(samples[0], samples[1]))
	return nil
}

// plan compares a plan with fetching the same two lists, which is the least that it can take.
func (b bench) plan(ctx context.Context, out *tabwriter.Writer) error {
	samples, err := interleave(ctx, b.runs, b.env(),
		command{b.plugin, "plan", "-A"},
		command{b.kubectl, "get", "--raw", "/apis/source.toolkit.fluxcd.io/v1/gitrepositories"},
		command{b.kubectl, "get", "--raw", "/apis/kustomize.toolkit.fluxcd.io/v1/kustomizations"})
	if err != nil {
		return err
	}
	lists := measure.Sample{Wall: samples[1].Wall + samples[2].Wall}
	_, _ = fmt.Fprintf(out, "PLAN OF %d OBJECTS\tWALL\tPEAK MEMORY\tRATIO (at most 1.5)\n", b.objects)
	_, _ = fmt.Fprintf(out, "fluxtune plan -A\t%s\t%d MB\t\n", ms(samples[0].Wall), samples[0].RSS>>20)
	_, _ = fmt.Fprintf(out, "kubectl get --raw, both lists\t%s\t\t%.2f\n", ms(lists.Wall), ratio(samples[0], lists))
	return nil
}

// apply compares changing every object with a bare client that sends patches of the same size.
func (b bench) apply(ctx context.Context, out *tabwriter.Writer) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	samples, err := interleave(ctx, 1, b.env(),
		command{b.plugin, "apply", "-A", "--yes", "--patches-per-second", "0"},
		command{self, bareApply, b.kubeconfig, "6m"},
		command{b.plugin, "revert", "-A", "--yes", "--force", "--patches-per-second", "0"},
		command{self, bareRevert, b.kubeconfig, "5m"})
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(out, "CHANGE OF %d OBJECTS\tWALL\tPATCHES/S\tOWN CPU\tPEAK MEMORY\tRATIO\n", b.objects)
	for i, name := range []string{"fluxtune apply", "bare client", "fluxtune revert", "bare client"} {
		s := samples[i]
		compared := ""
		if i%2 == 1 {
			compared = fmt.Sprintf("%.2f", ratio(samples[i-1], s))
		}
		_, _ = fmt.Fprintf(out, "%s\t%s\t%.0f\t%s\t%d MB\t%s\n", name, ms(s.Wall), float64(b.objects)/s.Wall.Seconds(), ms(s.CPU), s.RSS>>20, compared)
	}
	return nil
}

func (b bench) env() []string { return append(os.Environ(), "KUBECONFIG="+b.kubeconfig) }

func ms(d time.Duration) string { return d.Round(time.Millisecond).String() }

func ratio(a, b measure.Sample) float64 { return a.Wall.Seconds() / b.Wall.Seconds() }
