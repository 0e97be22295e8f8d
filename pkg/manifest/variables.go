package manifest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/fluxcd/pkg/envsubst"
	"sigs.k8s.io/yaml"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// variables are the values that substitution knows, and whether there may be others that it does not.
type variables struct {
	values map[string]string
	// shadowed are values in whose place a Secret, or what is not in the checkout, may put others.
	shadowed map[string]string
	// open says that some come from a Secret or from what is not in the checkout.
	open bool
}

// variables of a Kustomization, from the ConfigMaps and the keys of Secrets that are known, and whether it substitutes at all
// (LoadVariables and SubstituteVariables in github.com/fluxcd/pkg/kustomize). What is not in the checkout may have any of them: a
// duration before it is not known, while names and paths, which are hardly secret, count as they are written.
func (d *deployment) variables(configMaps map[flux.Ref]map[string]string) (variables, bool) {
	post := d.Spec.PostBuild
	if post == nil {
		return variables{}, false
	}
	vars := variables{values: map[string]string{}, shadowed: map[string]string{}}
	for _, from := range post.SubstituteFrom { // what comes later wins
		data := configMaps[flux.Ref{Kind: from.Kind, Namespace: d.Metadata.Namespace, Name: from.Name}]
		if from.Kind == "ConfigMap" && data != nil {
			vars.set(data)
			continue
		}
		vars.open = true
		for name, value := range vars.values {
			_, has := data[name]
			if _, err := time.ParseDuration(value); has || data == nil && err == nil {
				vars.shadowed[name] = value
				delete(vars.values, name)
			}
		}
	}
	vars.set(post.Substitute)
	return vars, len(vars.values) > 0 || vars.open || post.SubstituteStrategy == "Always"
}

func (v variables) set(data map[string]string) {
	for name, value := range data {
		v.values[name] = strings.ReplaceAll(value, "\n", "")
		delete(v.shadowed, name)
	}
}

// unknown is what stands for a variable that may have a value elsewhere. One that is known, unless there is another, is part of
// it: nobody takes it for the value, and who changes it is seen to change something.
func (v variables) unknown(name string) string {
	if value := v.shadowed[name]; shadowable.MatchString(value) {
		return "${" + name + ":=" + value + "}"
	}
	return "${" + name + "}"
}

// shadowable are values that stay in one plain scalar of YAML.
var shadowable = regexp.MustCompile(`^[[:alnum:]._/-]+$`)

// variableName is varsubRegex of github.com/fluxcd/pkg/kustomize.
var variableName = regexp.MustCompile(`^[_[:alpha:]][_[:alpha:][:digit:]]*$`)

// invalid is an error where a variable has a name that Flux refuses, as a key of a ConfigMap may be.
func (v variables) invalid() error {
	for _, name := range sortedKeys(v.values) {
		if !variableName.MatchString(name) {
			return fmt.Errorf("%q is no name for a variable: Flux applies nothing of what should be substituted with it", name)
		}
	}
	return nil
}

// eval replaces the variables in a text. A variable that may have a value elsewhere stays as it is written. Those that
// have none and no default are returned: kustomize-controller fails on the first of them. Open says that a variable stays.
func (v variables) eval(text string) (out string, unset []string, open bool, err error) {
	for {
		missing := ""
		out, err = envsubst.Eval(text, func(name string) (string, bool) {
			value, known := v.values[name]
			switch {
			case known || slices.Contains(unset, name):
				return value, true
			case v.open:
				open = true
				return v.unknown(name), true
			default:
				missing = name
				return "", false
			}
		})
		if err == nil {
			return out, unset, open, nil
		}
		if missing == "" { // it cannot be parsed
			return "", nil, open, fmt.Errorf("substituting variables: %w", err)
		}
		unset = append(unset, missing) // the one that was asked for last
	}
}

// substitute replaces the variables in an object, as SubstituteVariables in github.com/fluxcd/pkg/kustomize
// does: in its YAML. Open says that a variable stays that may have a value elsewhere.
func substitute(object json.RawMessage, vars variables) (data json.RawMessage, unset []string, open bool, err error) {
	if bytes.IndexByte(object, '$') < 0 {
		return object, nil, false, nil
	}
	text, err := yaml.JSONToYAML(object)
	if err != nil {
		return nil, nil, false, err
	}
	out, unset, open, err := vars.eval(string(text))
	if err != nil {
		return nil, unset, open, err
	}
	data, err = yaml.YAMLToJSON([]byte(out))
	if len(unset) > 0 { // what comes of empty values need not be an object
		return data, unset, open, nil
	}
	return data, nil, open, err
}

// UnsetVariable is a variable without a value and without a default, in what a Kustomization applies.
// kustomize-controller then applies nothing of it, since version 1.9 (its feature gate StrictPostBuildSubstitutions).
type UnsetVariable struct {
	Name          string
	Kustomization flux.Ref
	// Object is one that it is in.
	Object flux.Ref
	// At is where it stands; the zero Position where no file that was built from has it.
	At Position
}

// Unset are the variables without a value and a default of the Fleet, in the order of Kustomizations.
func (f Fleet) Unset() []UnsetVariable {
	var unset []UnsetVariable
	for _, ref := range sortedRefs(f.deployments) {
		unset = append(unset, f.deployments[ref].unset...)
	}
	return unset
}

// unsetError is why a Kustomization that has such variables is not applied.
type unsetError []UnsetVariable

// once leaves out what is told already: a variable of many objects at one place.
func (e unsetError) once() unsetError {
	var left unsetError
	for _, v := range e {
		if !slices.ContainsFunc(left, func(w UnsetVariable) bool {
			return v.Name == w.Name && v.At == w.At && (v.At.File != "" || v.Object == w.Object)
		}) {
			left = append(left, v)
		}
	}
	return left
}

// Error names the first few of them, with their places.
func (e unsetError) Error() string {
	const most = 3
	var names []string
	for i, v := range e {
		name := v.Name
		if v.At.File != "" {
			name += " (" + v.At.String() + ")"
		} else {
			name += " (in " + v.Object.String() + ")"
		}
		if i == most {
			names = append(names, fmt.Sprintf("%d more", len(e)-most))
			break
		}
		names = append(names, name)
	}
	what, it := "variables", "they are"
	if len(e) == 1 {
		what, it = "variable", "it is"
	}
	return fmt.Sprintf("no value and no default for %s %s: Flux applies nothing of it (before kustomize-controller 1.9, "+
		"or with its feature gate StrictPostBuildSubstitutions off, %s empty; %s)", what, strings.Join(names, ", "), it, howVersionTells)
}

// unsetVariables finds where variables of an object stand: in its own file, or else in another that was built from.
func (d *deployment) unsetVariables(t *Tree, b builtResource, names []string) []UnsetVariable {
	if len(names) == 0 {
		return nil
	}
	files := sortedKeys(d.built.read)
	if b.origin != "" {
		files = append([]string{b.origin}, files...)
	}
	var found []UnsetVariable
	for _, name := range names {
		v := UnsetVariable{Name: name, Kustomization: d.ref(), Object: b.ref}
		for _, file := range files {
			if v.At = t.variablePosition(file, name); v.At.File != "" {
				break
			}
		}
		found = append(found, v)
	}
	return found
}

// variablePosition is the first place of a file where a variable is used without a default.
func (t *Tree) variablePosition(file, name string) Position {
	content, err := t.ReadFile(file)
	if err != nil {
		return Position{}
	}
	number := 0
	for line := range strings.Lines(string(content)) {
		number++
		if strings.HasPrefix(strings.TrimSpace(line), "#") {
			continue
		}
		for _, m := range variableUse.FindAllStringSubmatchIndex(line, -1) {
			escaped := m[0] > 0 && line[m[0]-1] == '$'
			rest := line[m[1]:]
			if line[m[2]:m[3]] != name || escaped || defaultUse.MatchString(rest) {
				continue
			}
			p := Position{File: file, Line: number, Column: utf8.RuneCountInString(line[:m[0]]) + 1}
			if end := strings.IndexByte(rest, '}'); end >= 0 {
				p.Length = utf8.RuneCountInString(line[m[0] : m[1]+end+1])
			}
			return p
		}
	}
	return Position{}
}

// defaultUse is what follows the name of a variable that need not have a value (isDefaultOp of fluxcd/pkg envsubst).
var defaultUse = regexp.MustCompile(`^:?[-=+?]`)
