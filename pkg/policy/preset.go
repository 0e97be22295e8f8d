package policy

import (
	"embed"
	"fmt"
	"strings"
)

// DefaultName is the name of the preset that is used where no policy is asked for.
const DefaultName = "per-environment"

//go:embed presets/*.yaml
var presets embed.FS

// PresetNames returns the names of the embedded policies, the default first.
func PresetNames() []string { return []string{DefaultName, "fast", "relaxed"} }

// Presets returns the embedded policies, the default first.
func Presets() []Policy {
	var policies []Policy
	for _, name := range PresetNames() {
		// The embedded files are valid: the package's tests see to it.
		if p, err := Preset(name); err == nil {
			policies = append(policies, p)
		}
	}
	return policies
}

// Preset returns an embedded policy by its exact name. The error names those that exist.
func Preset(name string) (Policy, error) {
	data, err := PresetYAML(name)
	if err != nil {
		return Policy{}, err
	}
	return Parse(presetFile(name), data)
}

// PresetYAML returns the document of an embedded policy, with its comments, by the policy's exact name.
// The error names those that exist.
func PresetYAML(name string) ([]byte, error) {
	data, err := presets.ReadFile(presetFile(name))
	if err != nil {
		return nil, fmt.Errorf("no preset is named %q: there are %s", name, strings.Join(PresetNames(), ", "))
	}
	return data, nil
}

func presetFile(name string) string { return "presets/" + name + ".yaml" }
