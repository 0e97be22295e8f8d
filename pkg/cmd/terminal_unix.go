//go:build !windows

package cmd

import "golang.org/x/sys/unix"

// useTerminal: these terminals obey escape codes by themselves.
func useTerminal() {}

// suspendSelf stops the program, and whatever runs in front with it, as Ctrl-Z does; it returns when the shell lets it go on.
func suspendSelf() { _ = unix.Kill(0, unix.SIGTSTP) }
