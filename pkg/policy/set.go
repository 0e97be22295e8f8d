package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// allEnvironments stands for every environment in an override. No label can have this value.
const allEnvironments = "*"

// Set returns a copy of the policy with one value replaced, as development.GitRepository.interval=30s
// says: environment, kind, setting and value. The environment is a name, an alias or * for all of them,
// the kind any name that kubectl takes, the value a duration or a bound. The copy's Overrides name it. The
// error names the expression, the offending part and what is accepted instead.
func (p Policy) Set(expr string) (Policy, error) {
	o, err := p.parseOverride(expr)
	if err != nil {
		return Policy{}, fmt.Errorf("%q: %w", expr, err)
	}
	p.Environments = slices.Clone(p.Environments)
	for i, e := range p.Environments {
		if o.environment != allEnvironments && e.Name != o.environment {
			continue
		}
		e.Kinds = maps.Clone(e.Kinds)
		if e.Kinds == nil {
			e.Kinds = map[string]Settings{}
		}
		e.Kinds[o.kind] = e.Kinds[o.kind].with(o.setting, o.value)
		p.Environments[i] = e
	}
	// Clipped, so that policies which start from the same one do not share what is behind it.
	p.Overrides = append(slices.Clip(p.Overrides), o.String())
	return p, nil
}

type override struct {
	environment string // canonical, or allEnvironments
	kind        string
	setting     flux.Setting
	value       string // as Bound.String writes it
}

// String writes the override as Set reads it, whatever aliases and short names it was given with.
func (o override) String() string {
	return fmt.Sprintf("%s.%s.%s=%s", o.environment, o.kind, o.setting, o.value)
}

func (p Policy) parseOverride(expr string) (override, error) {
	const form = "write it like development.GitRepository.interval=30s"
	path, value, found := strings.Cut(expr, "=")
	if !found {
		return override{}, fmt.Errorf("it has no value: %s", form)
	}
	// The setting is behind the last dot: an environment and a kind with its group may have dots too.
	dot := strings.LastIndex(path, ".")
	if dot < 0 {
		return override{}, fmt.Errorf("%q is not environment, kind and setting: %s", path, form)
	}
	environment, kindName, found := p.cutEnvironment(path[:dot])
	if !found {
		return override{}, fmt.Errorf("%q is not environment, kind and setting: %s", path, form)
	}
	if environment != allEnvironments {
		e, ok := p.Lookup(environment)
		if !ok {
			return override{}, fmt.Errorf("unknown environment %q: it is one of %s, or %s for all of them",
				environment, strings.Join(p.EnvironmentNames(), ", "), allEnvironments)
		}
		environment = e.Name
	}
	kind, err := flux.ParseKind(kindName)
	if err != nil {
		return override{}, err
	}
	setting, err := findSetting(kind, path[dot+1:])
	if err != nil {
		return override{}, err
	}
	bound, err := ParseBound(value, setting.NoHours)
	if err != nil {
		return override{}, err
	}
	return override{environment: environment, kind: kind.Name, setting: setting.Setting, value: bound.String()}, nil
}

// cutEnvironment splits environment.kind behind the longest environment that the policy knows, or else
// at the first dot.
func (p Policy) cutEnvironment(path string) (environment, kind string, found bool) {
	for dot := strings.LastIndex(path, "."); dot >= 0; dot = strings.LastIndex(path[:dot], ".") {
		if p.index(path[:dot]) >= 0 {
			return path[:dot], path[dot+1:], true
		}
	}
	return strings.Cut(path, ".")
}
