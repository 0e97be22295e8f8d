package cmd

import (
	"slices"
	"strconv"

	"k8s.io/klog/v2"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
)

// logRequests sets how much client-go writes to stderr.
func (r *root) logRequests() error {
	if r.verbosity == 0 {
		return nil
	}
	var level klog.Level
	return level.Set(strconv.Itoa(r.verbosity))
}

// hiding leaves out of what client-go logs what no text that is shown has: secrets of objects, which come back whole from a patch, and
// what steers a terminal. klog writes to stderr by itself, and client-go hides only credentials.
type hiding struct{}

// Filter implements klog.LogFilter.
func (hiding) Filter(args []any) []any { return hidden(args) }

// FilterF implements klog.LogFilter.
func (hiding) FilterF(format string, args []any) (string, []any) {
	return format, hidden(args)
}

// FilterS implements klog.LogFilter.
func (hiding) FilterS(message string, keysAndValues []any) (string, []any) {
	return message, hidden(keysAndValues)
}

func hidden(values []any) []any {
	values = slices.Clone(values)
	for i, value := range values {
		switch value := value.(type) {
		case string:
			values[i] = terminal.Printable(flux.WithoutSecrets(value))
		case error:
			values[i] = terminal.Printable(flux.WithoutSecrets(value.Error()))
		}
	}
	return values
}
