package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// settings returns the fields of a kind that the policy's entry for this kind rules.
func settings(k flux.Kind) []flux.Tunable {
	return slices.DeleteFunc(slices.Clone(k.Tunables), func(t flux.Tunable) bool { return t.PolicyKind != "" })
}

// settingNames returns the names of the settings that a kind has.
func settingNames(k flux.Kind) []string {
	var names []string
	for _, t := range settings(k) {
		names = append(names, string(t.Setting))
	}
	return names
}

// findSetting finds a kind's setting by its exact name. The error names those that the kind has.
func findSetting(k flux.Kind, name string) (flux.Tunable, error) {
	for _, t := range settings(k) {
		if string(t.Setting) == name {
			return t, nil
		}
	}
	return flux.Tunable{}, fmt.Errorf("%s has no %s: it takes %s", k.Name, name, strings.Join(settingNames(k), ", "))
}

// checkDuration reads a duration that Flux accepts and that is longer than zero.
func checkDuration(value string, noHours bool) (time.Duration, error) {
	d, err := flux.ParseDuration(value, noHours)
	if err != nil {
		return 0, err
	}
	return d, notZero(value, d)
}

// notZero refuses a duration that is not longer than zero.
func notZero(value string, d time.Duration) error {
	if d <= 0 {
		return fmt.Errorf("%q is zero: it must be longer, like 30s", value)
	}
	return nil
}
