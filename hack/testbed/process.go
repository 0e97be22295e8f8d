package testbed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// envtest runs the same programs, but cannot kill and restart an API server on
// its port with its users and data, nor start etcd alone to be filled first;
// both are what this test bed is for.

// process is one program of the test bed. Its log and its pid file lie in the
// cluster's directory; the watchdog reads the latter.
type process struct {
	name  string
	path  string
	args  []string
	env   []string // added to the environment
	dir   string
	ready func(context.Context) error // nil once the process serves
	needs *process                    // without which it cannot serve; nil where there is none

	cmd    *exec.Cmd
	exited chan struct{}
}

func (p *process) logPath() string { return filepath.Join(p.dir, p.name+".log") }
func (p *process) pidPath() string { return filepath.Join(p.dir, p.name+".pid") }

// start runs the process and returns when it is ready, or with the end of its
// log when it is not within the time given.
func (p *process) start(ctx context.Context, limit time.Duration) error {
	if p.running() {
		return fmt.Errorf("starting %s: it runs already", p.name)
	}
	log, err := os.OpenFile(p.logPath(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return fmt.Errorf("starting %s: %w", p.name, err)
	}
	defer func() { _ = log.Close() }()
	cmd := exec.Command(p.path, p.args...)
	cmd.Env = append(os.Environ(), p.env...)
	cmd.Dir = p.dir
	cmd.Stdout, cmd.Stderr = log, log
	// Out of the terminal's process group: Ctrl-C is for the owner to handle.
	cmd.SysProcAttr = ownGroup()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting %s: %w", p.name, err)
	}
	p.cmd, p.exited = cmd, make(chan struct{})
	go func(done chan struct{}) {
		_ = cmd.Wait()
		_ = os.Remove(p.pidPath())
		close(done)
	}(p.exited)
	pid := strconv.Itoa(cmd.Process.Pid)
	if err := os.WriteFile(p.pidPath(), []byte(pid), 0o644); err != nil {
		return errors.Join(fmt.Errorf("starting %s: %w", p.name, err), p.kill())
	}
	if err := p.awaitReady(ctx, limit); err != nil {
		return errors.Join(fmt.Errorf("starting %s: %w\n%s", p.name, err, p.lastLines()), p.kill())
	}
	return nil
}

// lastLines is the end of the process's log.
func (p *process) lastLines() []byte {
	log, _ := os.ReadFile(p.logPath())
	return tail(log)
}

// ended tells how a process ended that nobody stopped, with the end of its log; nil where it runs.
func (p *process) ended() error {
	if p == nil || p.cmd == nil || p.running() {
		return nil
	}
	return fmt.Errorf("%s ended by itself: %s\n%s", p.name, p.cmd.ProcessState, p.lastLines())
}

// awaitReady asks again and again, each time for some seconds at most: a server that
// starts may take a connection and not answer.
func (p *process) awaitReady(ctx context.Context, limit time.Duration) error {
	late := time.After(limit)
	for {
		err := p.askReady(ctx)
		if err == nil && p.running() { // what answers may be somebody else's, on the port that this one did not get
			return nil
		}
		if err := p.needs.ended(); err != nil {
			return err
		}
		select {
		case <-p.exited:
			return fmt.Errorf("it exited before it was ready: %s", p.cmd.ProcessState)
		case <-ctx.Done():
			return ctx.Err()
		case <-late:
			return fmt.Errorf("not ready within %s: %w", limit, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (p *process) askReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return p.ready(ctx)
}

// running tells whether the process was started and has not exited.
func (p *process) running() bool {
	if p.cmd == nil {
		return false
	}
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// stop asks the process to end, and kills it when it has not after a while.
func (p *process) stop() error {
	if !p.running() {
		return nil
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stopping %s: %w", p.name, err)
	}
	select {
	case <-p.exited:
		return nil
	case <-time.After(10 * time.Second):
		return p.kill()
	}
}

// kill ends the process at once, as kill -9 does, and waits until it is gone.
func (p *process) kill() error {
	if !p.running() {
		return nil
	}
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("killing %s: %w", p.name, err)
	}
	<-p.exited
	return nil
}

// output runs a program to its end and returns its standard output, also with an error, which tells the standard error.
func output(cmd *exec.Cmd) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, tail(stderr.Bytes()))
	}
	return stdout.String(), nil
}

// tail keeps the end of a log, where the reason of a failure stands.
func tail(log []byte) []byte {
	const keep = 4 << 10
	if len(log) > keep {
		return append([]byte("... "), log[len(log)-keep:]...)
	}
	return log
}

// startWatchdog runs a shell that outlives this process: when the pipe to it
// closes, which the kernel sees to however this process ends, it kills what the
// pid files in dir still name and removes dir.
func startWatchdog(dir string) (end func() error, err error) {
	const script = `read -r _
for f in "$0"/*.pid; do [ -f "$f" ] && kill -9 "$(cat "$f")"; done 2>/dev/null
rm -rf "$0"`
	cmd := exec.Command("/bin/sh", "-c", script, dir)
	cmd.Dir = "/"
	cmd.SysProcAttr = ownGroup()
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("starting the watchdog: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the watchdog: %w", err)
	}
	return func() error { return errors.Join(pipe.Close(), cmd.Wait()) }, nil
}

// freePort finds a loopback port that stays ours while a server is down: it is
// below the ranges from which kernels hand out ports by themselves.
func freePort() (int, error) {
	const low, high = 15000, 32000
	for range 100 {
		port := low + rand.IntN(high-low)
		l, err := net.Listen("tcp", hostPort(port))
		if err != nil {
			continue
		}
		return port, l.Close()
	}
	return 0, fmt.Errorf("no free port on 127.0.0.1 between %d and %d after 100 tries", low, high)
}

func hostPort(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
