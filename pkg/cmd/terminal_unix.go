//go:build !windows

package cmd

import (
	"os"
	"os/signal"
	"time"

	"golang.org/x/sys/unix"
)

// useTerminal: these terminals obey escape codes by themselves.
func useTerminal() {}

// suspendSelf stops the program, and whatever runs in front with it, as Ctrl-Z does; it returns when the shell lets it go on.
// The signal takes effect a little after it was sent, and none at all where no shell could let the program go on.
func suspendSelf() {
	goesOn := make(chan os.Signal, 1)
	signal.Notify(goesOn, unix.SIGCONT)
	defer signal.Stop(goesOn)
	if unix.Kill(0, unix.SIGTSTP) != nil {
		return
	}
	select {
	case <-goesOn:
	case <-time.After(time.Second):
	}
}
