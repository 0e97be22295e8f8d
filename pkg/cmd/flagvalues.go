package cmd

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
)

// refuseEmpty refuses a flag of ours that is given without a value: --fail-above "$LIMIT" in a script that has no such variable
// would be no check, and --contexts "" the current context. kubectl's own flags keep kubectl's meaning, but for -n: an empty one is
// none, and nodes without one counts all. How the output looks does no harm.
func (r *root) refuseEmpty(cmd *cobra.Command) (err error) {
	ofKubectl := pflag.NewFlagSet("kubectl", pflag.ContinueOnError)
	r.config.AddFlags(ofKubectl)
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if err == nil && (ofKubectl.Lookup(f.Name) == nil || f.Name == "namespace") && !harmlessEmpty(f.Name) && emptyValue(f.Value) {
			err = fmt.Errorf("--%s is given without a value: name one, or leave the flag out (is a variable of a script not set?)", f.Name)
		}
	})
	return err
}

// inPlainWords says what a flag takes that was given something else.
func inPlainWords(err error) error {
	var invalid *pflag.InvalidValueError
	if !errors.As(err, &invalid) {
		return err
	}
	takes := map[string]string{"int": "a whole number", "duration": "a time, like 5m", "float64": "a number, like 5 or 0.5", "bool": "true or false"}[invalid.GetFlag().Value.Type()]
	if takes == "" {
		return err
	}
	return fmt.Errorf("--%s %q: it takes %s", invalid.GetFlag().Name, invalid.GetValue(), takes)
}

// refuseNoTime refuses a time of 0 or less: all of our flags that take one wait for so long, or let something stand, and what
// they do without one they do where they are left out.
func refuseNoTime(cmd *cobra.Command) (err error) {
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if f.Value.Type() != "duration" || err != nil {
			return
		}
		if d, parseErr := time.ParseDuration(f.Value.String()); parseErr == nil && d <= 0 {
			err = fmt.Errorf("--%s %s: it takes a time above 0, like 5m", f.Name, d)
		}
	})
	return err
}

// refuseBoth refuses a namespace beside all of them: kubectl has -A win without a word, and what is written must not be more than was
// meant.
func refuseBoth(cmd *cobra.Command) error {
	one, all := cmd.Flags().Lookup("namespace"), cmd.Flags().Lookup("all-namespaces")
	if one == nil || all == nil || !one.Changed || all.Value.String() != "true" {
		return nil
	}
	return fmt.Errorf("-n %s and -A (--all-namespaces) exclude each other: leave out -A for that namespace alone, or -n for all of them", terminal.Quoted(one.Value.String()))
}

// harmlessEmpty are flags that only say how something looks.
func harmlessEmpty(name string) bool {
	return slices.Contains([]string{"output", "template", "color"}, name)
}

// emptyValue tells whether a flag's text, or one of its texts, is empty.
func emptyValue(value pflag.Value) bool {
	list, isList := value.(pflag.SliceValue)
	if !isList {
		return strings.TrimSpace(value.String()) == ""
	}
	texts := list.GetSlice()
	return len(texts) == 0 || slices.ContainsFunc(texts, func(text string) bool { return strings.TrimSpace(text) == "" })
}
