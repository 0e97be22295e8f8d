package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// state is the directory that remembers one background run: its log, and a lock
// that it holds while it lives, with its pid in it.
type state struct{ dir string }

func (s state) file(name string) string { return filepath.Join(s.dir, name) }

// flag is what "down" needs to find this state again.
func (s state) flag() string {
	if s.dir == defaultState() {
		return ""
	}
	return " --state " + s.dir
}

// acquire takes the lock, or says that a run has it.
func (s state) acquire() (*os.File, error) {
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return nil, fmt.Errorf("making the state directory: %w", err)
	}
	lock, err := os.OpenFile(s.file("lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("locking the state directory: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = lock.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("a control plane already runs for %q: stop it with \"testbed down%s\" or choose another --state", s.dir, s.flag())
		}
		return nil, fmt.Errorf("locking %q: %w", s.dir, err)
	}
	return lock, nil
}

func down(args []string, stderr io.Writer) error {
	var s state
	set := flag.NewFlagSet("testbed down", flag.ContinueOnError)
	set.SetOutput(stderr)
	set.StringVar(&s.dir, "state", defaultState(), "`DIR` that remembers the background run")
	if err := set.Parse(args); err != nil {
		return err
	}
	if _, err := os.Stat(s.file("lock")); errors.Is(err, os.ErrNotExist) {
		_, _ = fmt.Fprintf(stderr, "testbed: nothing runs for %q\n", s.dir)
		return nil
	}
	if err := s.stopRun(); err != nil {
		return err
	}
	for _, name := range []string{"log", "lock"} {
		if err := os.Remove(s.file(name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("forgetting the background run: %w", err)
		}
	}
	_ = os.Remove(s.dir) // unless somebody else keeps something there
	_, _ = fmt.Fprintln(stderr, "testbed: stopped")
	return nil
}

// stopRun ends the run and waits until it has given back the lock. A pid is
// trusted only while the lock is held: it may be another program's by now.
func (s state) stopRun() error {
	for asked, deadline := false, time.Now().Add(30*time.Second); ; {
		lock, err := s.acquire()
		if err == nil {
			return lock.Close()
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the control plane of %q has not ended within 30s: see %s", s.dir, s.file("log"))
		}
		if !asked {
			data, err := os.ReadFile(s.file("lock"))
			if err != nil {
				return fmt.Errorf("finding the background run: %w", err)
			}
			pid, err := strconv.Atoi(string(data))
			if err != nil {
				return fmt.Errorf("finding the background run: %w", err)
			}
			if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
				return fmt.Errorf("stopping the background run %d: %w", pid, err)
			}
			asked = true
		}
		time.Sleep(50 * time.Millisecond)
	}
}
