package cmd

import (
	"os"

	"golang.org/x/sys/unix"
)

// forgetTyped drops what was typed on the terminal that stdin is, and not read yet.
func forgetTyped() { _ = unix.IoctlSetPointerInt(int(os.Stdin.Fd()), unix.TIOCFLUSH, unix.TCIFLUSH) }
