package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
)

// pluginName stands for the plugin's name in help texts.
const pluginName = "kubectl fluxtune"

// root carries what all commands share.
type root struct {
	System
	build  Build
	name   string // as users call it: kubectl fluxtune
	config *genericclioptions.ConfigFlags
	color  string
	asked  *cobra.Command // the one that was called, of which others are named to run next
	// verbosity has client-go tell of its requests, as kubectl -v does.
	verbosity int
}

func newRoot(sys System, build Build, name string) *cobra.Command {
	r := &root{System: sys, build: build, name: name, config: genericclioptions.NewConfigFlags(true)}
	colors := func() bool { wanted, err := r.wantsColor(); return wanted && err == nil }
	r.Out, r.ErrOut = terminal.NewSafe(sys.Out, colors), terminal.NewSafe(sys.ErrOut, colors)
	var version bool
	cmd := &cobra.Command{
		Use:   strings.ReplaceAll(name, " ", "-"),
		Short: "Tune how often Flux polls, by environment",
		Long: long(`
			Tune how often Flux polls.

			Development wants to be fast, production wants to be calm, and the Git host has limits.
			fluxtune reads which environment a namespace belongs to, compares the intervals of your
			Flux objects with a policy, shows what it would change, changes it, and takes it back.

			Start with kubectl fluxtune doctor, then kubectl fluxtune plan -A. Neither writes anything.`),
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: name},
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noSuchCommand,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if version {
				return runVersion(cmd.Context(), r, true, OutputFlags{})
			}
			return cmd.Help()
		},
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			r.asked = cmd
			if err := cmp.Or(r.refuseEmpty(cmd), refuseNoTime(cmd), refuseBoth(cmd)); err != nil {
				return err
			}
			return r.logRequests()
		},

		SuggestionsMinimumDistance: 2,
	}
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		// A command that there is not has no flags of its own: its name is what is wrong.
		if unknown := noSuchCommand(cmd, cmd.Flags().Args()); !cmd.HasParent() && unknown != nil {
			return unknown
		}
		return fmt.Errorf("%w: %s", inPlainWords(err), flagHint(cmd, err))
	})
	cmd.SetIn(sys.In)
	cmd.SetOut(r.Out)
	cmd.SetErr(r.ErrOut)
	r.config.AddFlags(cmd.PersistentFlags())
	cmd.PersistentFlags().StringVar(&r.color, "color", "auto", "Colour the output: auto (on a terminal, without NO_COLOR), always or never.")
	cmd.PersistentFlags().IntVarP(&r.verbosity, "v", "v", 0, "Tell of requests to the API server on stderr: 6 shows each with its answer, 7 the headers too, 9 as curl commands.")
	cmd.Flags().BoolVar(&version, "version", false, "Show the version of fluxtune.")

	r.addCommands(cmd)
	width, _ := r.terminalSize()
	useHelp(cmd, width)
	rename(cmd, name)
	r.completeConfigFlags(cmd)
	return cmd
}

// flagHint says what to type instead of a flag that a command does not take.
func flagHint(cmd *cobra.Command, err error) string {
	switch text := err.Error(); {
	case strings.Contains(text, `time: unknown unit "d"`):
		return "write days as hours, 24h for one"
	case cmd.Name() == "budget" && strings.Contains(text, "unknown flag: --fit"):
		return "budget counts with the shares in spec.fit of --policy; plan has --fit"
	}
	if meant := flagsMeant(cmd, err); len(meant) > 0 {
		return "did you mean " + strings.Join(meant, " or ") + "?"
	}
	return cmd.CommandPath() + " --help lists the flags"
}

// flagsMeant are the flags of a command whose names are as near to one that it does not have as cobra has names of commands be; none
// where the error is another.
func flagsMeant(cmd *cobra.Command, err error) []string {
	var missing *pflag.NotExistError
	if !errors.As(err, &missing) || len(missing.GetSpecifiedShortnames()) > 0 || len(missing.GetSpecifiedName()) < fewestLetters {
		return nil
	}
	name := missing.GetSpecifiedName()
	names := &cobra.Command{SuggestionsMinimumDistance: 2}
	if len(name) < shortFlag {
		names.SuggestionsMinimumDistance = 1
	}
	add := func(f *pflag.Flag) {
		if !f.Hidden && f.Deprecated == "" {
			names.AddCommand(&cobra.Command{Use: "--" + f.Name, Run: func(*cobra.Command, []string) {}})
		}
	}
	cmd.LocalFlags().VisitAll(add)
	cmd.InheritedFlags().VisitAll(add)
	meant := names.SuggestionsFor("--" + name)
	if len(meant) > mostMeant {
		return nil
	}
	return meant
}

// A name with fewer letters than shortFlag is near to others that have nothing to do with it, with fewer than fewestLetters to any; more
// than mostMeant are no answer.
const shortFlag, fewestLetters, mostMeant = 5, 2, 3

// addCommands adds all commands, in groups, in the order in which help lists them.
func (r *root) addCommands(cmd *cobra.Command) {
	for _, group := range []struct {
		id, title string
		commands  []*cobra.Command
	}{
		{"tune", "Tune Flux:", []*cobra.Command{newGet(r), newBudget(r), newPlan(r), newApply(r), newRevert(r), newForget(r), newSessions(r), newReceivers(r), newAlerts(r)}},
		{"files", "Tune a Git checkout (so do get, budget and plan with -f):", []*cobra.Command{newTrace(r), newRewrite(r), newCheck(r), newExport(r)}},
		{"see", "See the cluster:", []*cobra.Command{newNodes(r), newDoctor(r)}},
	} {
		cmd.AddGroup(&cobra.Group{ID: group.id, Title: group.title})
		for _, sub := range group.commands {
			sub.GroupID = group.id
			cmd.AddCommand(sub)
		}
	}
	cmd.AddCommand(newPolicy(r), newVersion(r), newOptions(r), newCompletion(r), newRBAC(r))
}

// runE is what cobra runs of a command: toOptions does all wiring, run the work.
func runE[O interface{ run(context.Context) error }](r *root, toOptions func(*root, []string) (O, error)) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		// A checkout is read here, which may take long.
		o, err := awaited(cmd.Context(), func() (O, error) { return toOptions(r, args) })
		if err != nil {
			return err
		}
		return o.run(cmd.Context())
	}
}

// awaited runs what computes for long and changes nothing, and does not wait for its end after Ctrl-C: a build of kustomize
// cannot be stopped, but the process can.
func awaited[T any](ctx context.Context, compute func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := compute()
		done <- result{value, err}
	}()
	var none T
	select {
	case r := <-done:
		if ctx.Err() != nil && r.err == nil {
			return none, errInterrupted
		}
		return r.value, r.err
	case <-ctx.Done():
		return none, errInterrupted
	}
}

// errInterrupted ends what had changed nothing yet.
var errInterrupted = codeError{exitInterrupted, errors.New("interrupted: nothing was changed")}

// noSuchCommand refuses what is no command, and says what may have been meant.
func noSuchCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if meant := cmd.SuggestionsFor(args[0]); len(meant) > 0 {
		return fmt.Errorf("unknown command %q: did you mean %s?", args[0], strings.Join(meant, " or "))
	}
	return fmt.Errorf("unknown command %q: %s --help lists the commands", args[0], cmd.CommandPath())
}

// rename puts the name under which the plugin was called into all help texts.
func rename(cmd *cobra.Command, name string) {
	cmd.Long = strings.ReplaceAll(cmd.Long, pluginName, name)
	cmd.Example = strings.ReplaceAll(cmd.Example, pluginName, name)
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) { f.Usage = strings.ReplaceAll(f.Usage, pluginName, name) })
	for _, sub := range cmd.Commands() {
		rename(sub, name)
	}
}

// newOptions lists the flags that all commands take, as kubectl options does.
func newOptions(r *root) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "options",
		Short: "Print the list of flags inherited by all commands",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Usage() },
	}
	cmd.SetOut(r.Out)
	width, _ := r.terminalSize()
	cmd.SetUsageFunc(usagePage(optionsTemplate, width))
	return cmd
}

// document is where what machines read is written: byte by byte into a pipe, and on a terminal like all other text.
func (r *root) document() io.Writer {
	if r.StdoutTerminal || r.StdoutWidth > 0 {
		return r.Out
	}
	return terminal.Raw(r.Out)
}
