package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
)

// upFlags is what the user typed after "up".
type upFlags struct {
	detach     bool
	state      string
	fleet      bool
	projects   int
	namespaces int
	nodes      int
	pods       int
}

func parseUp(args []string, stderr io.Writer) (upFlags, error) {
	var f upFlags
	set := flag.NewFlagSet("testbed up", flag.ContinueOnError)
	set.SetOutput(stderr)
	set.BoolVar(&f.detach, "detach", false, "run in the background; \"testbed down\" stops it")
	set.StringVar(&f.state, "state", defaultState(), "`DIR` that remembers a background run")
	set.BoolVar(&f.fleet, "fleet", false, "create GitRepositories and Kustomizations in development, staging and production")
	set.IntVar(&f.projects, "projects", 26, "projects of the fleet in each namespace")
	set.IntVar(&f.namespaces, "fleet-namespaces", 1, "namespaces of the fleet for each environment")
	set.IntVar(&f.nodes, "nodes", 0, "create this many nodes, 104 say")
	set.IntVar(&f.pods, "pods", 0, "create this many unfinished pods on them, 2613 say")
	if err := set.Parse(args); err != nil {
		return f, err
	}
	if set.NArg() > 0 {
		return f, fmt.Errorf("unexpected argument %q: \"testbed up\" takes flags only", set.Arg(0))
	}
	if (f.pods > 0) != (f.nodes > 0) {
		return f, errors.New("--nodes and --pods go together: give both")
	}
	return f, nil
}

func (f upFlags) options(stderr io.Writer) testbed.Options {
	opts := testbed.Options{Progress: stderr}
	if f.fleet {
		opts.Seed = append(opts.Seed, testbed.Fleet(testbed.FleetOptions{Projects: f.projects, Namespaces: f.namespaces}))
	}
	if f.nodes > 0 {
		opts.Seed = append(opts.Seed, testbed.NewPods(testbed.PodOptions{Nodes: f.nodes, Pods: f.pods, Random: 1}).Seed)
	}
	return opts
}

func up(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	f, err := parseUp(args, stderr)
	if err != nil {
		return err
	}
	if f.detach {
		return upDetached(ctx, f, args, stdout, stderr)
	}
	started := time.Now()
	cluster, err := testbed.Start(ctx, f.options(stderr))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(stdout, cluster.Kubeconfig())
	_, _ = fmt.Fprintf(stderr, "testbed: ready after %s; logs in %s; Ctrl-C stops it and removes everything\n",
		time.Since(started).Round(100*time.Millisecond), cluster.Dir())
	if err == nil {
		<-ctx.Done()
	}
	return errors.Join(err, cluster.Close())
}

// upDetached runs this program again in a session of its own and waits until it
// has printed the path of the kubeconfig.
func upDetached(ctx context.Context, f upFlags, args []string, stdout, stderr io.Writer) error {
	s := state{f.state}
	lock, err := s.acquire()
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }()
	// Built here, where its progress can be seen.
	if err := build(ctx, nil, io.Discard, stderr); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("starting in the background: %w", err)
	}
	log, err := os.Create(s.file("log"))
	if err != nil {
		return fmt.Errorf("starting in the background: %w", err)
	}
	defer func() { _ = log.Close() }()
	// The last --detach wins.
	child := exec.Command(self, append(append([]string{"up"}, args...), "--detach=false")...)
	child.Stderr = log
	// The child holds the lock as long as it lives: that is how "down" knows.
	child.ExtraFiles = []*os.File{lock}
	child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	out, err := child.StdoutPipe()
	if err == nil {
		err = child.Start()
	}
	if err != nil {
		return fmt.Errorf("starting in the background: %w", err)
	}
	if err := os.WriteFile(lock.Name(), []byte(strconv.Itoa(child.Process.Pid)), 0o644); err != nil {
		return errors.Join(fmt.Errorf("remembering the background run: %w", err), child.Process.Kill())
	}
	defer context.AfterFunc(ctx, func() { _ = child.Process.Signal(syscall.SIGTERM) })()
	kubeconfig, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		ended := child.Wait()
		text, _ := os.ReadFile(log.Name())
		return fmt.Errorf("the background run ended: %v\n%s", ended, text)
	}
	_, _ = fmt.Fprintf(stderr, "testbed: runs in the background; stop it with\n\n  go run ./hack/testbed/cmd/testbed down%s\n\n", s.flag())
	_, err = fmt.Fprint(stdout, kubeconfig)
	return err
}

func defaultState() string {
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	return filepath.Join(cache, "fluxtune-testbed", "up")
}
