// Package measure runs programs as whole processes and tells what they took, for the benchmarks.
package measure

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// Sample is one run of a program as a whole process.
type Sample struct {
	Wall time.Duration
	CPU  time.Duration
	RSS  int64 // peak resident memory, bytes
}

// launchFlag makes a benchmark start another program and measure it. It must be a process of its own: a
// child's peak memory includes that of the process which started it, and a benchmark has seeded a cluster.
const launchFlag = "-launch"

// Launched does the work of a process that Run started; a benchmark's main calls it first and ends when it
// returns true.
func Launched(args []string) (bool, error) {
	if len(args) < 2 || args[0] != launchFlag {
		return false, nil
	}
	cmd := exec.Command(args[1], args[2:]...)
	cmd.Stderr = os.Stderr
	start := time.Now()
	if err := cmd.Run(); err != nil {
		return true, fmt.Errorf("running %s: %w", args[1], err)
	}
	s := Sample{Wall: time.Since(start), CPU: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		s.RSS = usage.Maxrss
		if runtime.GOOS == "linux" { // which counts kilobytes
			s.RSS *= 1024
		}
	}
	return true, json.NewEncoder(os.Stdout).Encode(s)
}

// Run runs a command and measures it. What it prints on stdout is thrown away. Env nil is this process's.
func Run(ctx context.Context, env []string, command ...string) (Sample, error) {
	self, err := os.Executable()
	if err != nil {
		return Sample{}, fmt.Errorf("measuring %s: %w", command[0], err)
	}
	cmd := exec.CommandContext(ctx, self, append([]string{launchFlag}, command...)...)
	var stderr bytes.Buffer
	cmd.Env, cmd.Stderr = env, &stderr
	out, err := cmd.Output()
	if err != nil {
		return Sample{}, fmt.Errorf("measuring %s: %w\n%s", command[0], err, stderr.Bytes())
	}
	var s Sample
	if err := json.Unmarshal(out, &s); err != nil {
		return s, fmt.Errorf("measuring %s: %w", command[0], err)
	}
	return s, nil
}
