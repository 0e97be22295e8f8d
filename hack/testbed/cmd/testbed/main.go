// Command testbed runs the test bed by hand: it builds the programs, starts a
// real control plane with the CRDs of Flux and, on request, a fleet, nodes and
// pods in it, and stops it again. The demo and the benchmarks use it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
)

const usage = `Usage:
  testbed build [UNIT...|all]   build what a control plane needs, or the units named; print their folders
  testbed up [flags]            start a control plane, print the path of its kubeconfig, run until Ctrl-C
  testbed up --detach [flags]   the same in the background
  testbed down [--state DIR]    stop what "up --detach" started

"testbed up --help" lists the flags.
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(0)
	case err != nil:
		_, _ = fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		_, err := fmt.Fprint(stderr, usage)
		return err
	}
	switch args[0] {
	case "build":
		return build(ctx, args[1:], stdout, stderr)
	case "up":
		return up(ctx, args[1:], stdout, stderr)
	case "down":
		return down(args[1:], stderr)
	case "help", "-h", "--help":
		_, err := fmt.Fprint(stdout, usage)
		return err
	default:
		return fmt.Errorf("unknown command %q: it is one of build, up, down", args[0])
	}
}

func build(ctx context.Context, units []string, stdout, stderr io.Writer) error {
	switch {
	case len(units) == 0:
		units = []string{testbed.UnitCRDs, testbed.UnitEtcd, testbed.UnitKube}
	case len(units) == 1 && units[0] == "all":
		units = testbed.Units()
	}
	for _, unit := range units {
		dir, err := testbed.Build(ctx, stderr, unit)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(stdout, "%s\t%s\n", unit, dir); err != nil {
			return err
		}
	}
	return nil
}
