package cmd

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/term"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/klog/v2"

	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
)

// System is what a command takes from the world around it. Tests hand in their own.
type System struct {
	genericiooptions.IOStreams
	// Now tells the time.
	Now func() time.Time
	// NewSession makes the id of an apply.
	NewSession func() string
	// StdinTerminal tells whether somebody can be asked.
	StdinTerminal bool
	// StdoutTerminal tells whether stdout is a terminal, also one that does not say how wide it is.
	StdoutTerminal bool
	// StdoutWidth is the width of the terminal that stdout is, in cells; 0 where it is none.
	StdoutWidth int
	// StdoutHeight is that terminal's height in lines.
	StdoutHeight int
	// Size asks the terminal for both again; nil where they never change.
	Size func() (width, height int)
	// Keys hands over each key as it is pressed, until restore is called; nil where nobody presses any.
	Keys func() (keys <-chan byte, restore func(), err error)
	// Forget drops what was typed and not read yet; nil where nobody types.
	Forget func()
	// Insisted returns a context that outlives another and ends at the second signal to end the program, until stop is called;
	// nil where there are none.
	Insisted func(context.Context) (late context.Context, stop context.CancelFunc)
	// OutliveReaders keeps the program from being ended by the end of who reads what it prints; nil where that ends nothing.
	OutliveReaders func()
	// StderrTerminal tells whether progress can be shown.
	StderrTerminal bool
	// Getenv reads an environment variable.
	Getenv func(string) string
}

// Main runs the plugin with the process's streams and returns its exit code. The arguments begin with
// the program's name, which decides how help calls it.
func Main(args []string, build Build) int {
	ctx, stop := signal.NotifyContext(context.Background(), ending()...)
	defer stop()
	var signals interrupts
	// The first Ctrl-C ends the work in good order; a second one ends the process, or what a command has it end.
	context.AfterFunc(ctx, func() {
		signals.again(time.Now())
		time.AfterFunc(secondSignal, stop)
	})
	klog.SetLogFilter(hiding{})
	system := newSystem()
	system.Insisted = signals.second
	return Run(ctx, system, build, args)
}

// Run runs the plugin and returns its exit code; errors are printed here and nowhere else.
func Run(ctx context.Context, sys System, build Build, args []string) int {
	root := newRoot(sys, build, displayName(args[0]))
	root.SetArgs(args[1:])
	err := root.ExecuteContext(kube.WithoutTroubles(ctx)) // errors and gaps have them
	code := exitCode(err, args[1:])
	var silent silentError
	if err != nil && !errors.As(err, &silent) {
		_, _ = fmt.Fprintf(sys.ErrOut, "error: %s\n", terminal.Printable(explain(err)))
	}
	return code
}

// displayName: Flux's CLI finds plugins by the file name flux-NAME, kubectl by kubectl-NAME.
func displayName(program string) string {
	name := strings.TrimSuffix(filepath.Base(program), ".exe")
	if name == "flux-tune" {
		return "flux tune"
	}
	return "kubectl fluxtune"
}

func newSystem() System {
	useTerminal()
	width, height := stdoutSize()
	system := System{
		IOStreams:      genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: terminal.NewMessages(os.Stderr, stderrWidth)},
		Now:            time.Now,
		NewSession:     func() string { return newSession(time.Now(), rand.Reader) },
		StdinTerminal:  term.IsTerminal(int(os.Stdin.Fd())),
		StdoutTerminal: term.IsTerminal(int(os.Stdout.Fd())),
		StdoutWidth:    width,
		StdoutHeight:   height,
		Size:           stdoutSize,
		OutliveReaders: outliveReaders,
		StderrTerminal: term.IsTerminal(int(os.Stderr.Fd())),
		Getenv:         os.Getenv,
	}
	if system.StdinTerminal {
		system.Keys, system.Forget = readKeys, forgetTyped
	}
	return system
}

// newSession makes an id that sorts by time and can be typed: 20261122-101500-k3xq.
func newSession(now time.Time, random io.Reader) string {
	const letters = "abcdefghijkmnpqrstuvwxyz23456789"
	id := make([]byte, 4)
	_, _ = io.ReadFull(random, id) // crypto/rand does not fail
	for i := range id {
		id[i] = letters[int(id[i])%len(letters)]
	}
	return now.UTC().Format("20060102-150405-") + string(id)
}
