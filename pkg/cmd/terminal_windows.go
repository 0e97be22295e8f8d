package cmd

import (
	"os"

	"golang.org/x/sys/windows"
)

// useTerminal switches on what a Windows console does not do by itself: obey the escape codes that colours and
// redrawing are made of.
func useTerminal() {
	for _, f := range []*os.File{os.Stdout, os.Stderr} {
		var mode uint32
		handle := windows.Handle(f.Fd())
		if windows.GetConsoleMode(handle, &mode) == nil {
			_ = windows.SetConsoleMode(handle, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING)
		}
	}
}

// forgetTyped drops what was typed on the console that stdin is, and not read yet.
func forgetTyped() { _ = windows.FlushConsoleInputBuffer(windows.Handle(os.Stdin.Fd())) }

// suspendSelf is nothing: shells there cannot stop a program and let it go on.
var suspendSelf func()
