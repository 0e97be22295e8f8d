package policy

import (
	"fmt"
	"iter"
	"regexp"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// rule is what a text must look like.
type rule struct {
	pattern *regexp.Regexp
	says    string
}

var (
	nameRule       = rule{regexp.MustCompile(NamePattern), "a name: use lower case letters, digits, '-' and '.', with a letter or digit at both ends"}
	labelKeyRule   = rule{regexp.MustCompile(LabelKeyPattern), "the key of a label: write it like environment or example.com/environment"}
	labelValueRule = rule{regexp.MustCompile(EnvironmentPattern),
		"the value of a label: use at most 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends"}
)

// validator checks what the types of the schema cannot say.
type validator struct {
	*decoder
}

func (v *validator) check(doc TuningPolicy) {
	if doc.APIVersion != "" && doc.APIVersion != APIVersion && doc.Kind != "" && doc.Kind != Kind {
		// Another resource altogether: what else is wrong with it is noise.
		v.problems = slices.DeleteFunc(v.problems, func(p problem) bool { return p.path != "" })
		v.at("kind", "this is %q of %q, not a policy: write kind: %s and apiVersion: %s", doc.Kind, doc.APIVersion, Kind, APIVersion)
		return
	}
	v.checkConstant("apiVersion", doc.APIVersion, APIVersion)
	v.checkConstant("kind", doc.Kind, Kind)
	if v.present("metadata.name", doc.Metadata.Name, "name the policy") {
		v.checkText("metadata.name", doc.Metadata.Name, nameRule)
	}
	v.checkLabelKeys("spec.labelKeys", doc.Spec.LabelKeys)
	v.checkKinds("spec.kinds", doc.Spec.Kinds)
	v.checkLimits("spec.limits", doc.Spec.Limits)
	v.checkShares("spec.fit", doc.Spec.Fit)
	if len(doc.Spec.Environments) == 0 && !v.isFaulty("spec.environments") {
		v.at("spec.environments", "there are none: name at least one environment")
	}
	taken := map[string]string{}
	for i, e := range doc.Spec.Environments {
		v.checkEnvironment(fmt.Sprintf("spec.environments[%d]", i), e, taken)
	}
	if slices.ContainsFunc(v.problems, func(p problem) bool { return strings.HasPrefix(p.path, "spec.environments") }) {
		return // which environments are meant, nobody knows
	}
	known := TuningPolicy{Spec: Spec{Environments: doc.Spec.Environments}}.policy()
	v.checkPatterns("spec.clusters", doc.Spec.Clusters, clusterPatternRule, known)
	v.checkPatterns("spec.namespaces", doc.Spec.Namespaces, namespacePatternRule, known)
}

func (v *validator) checkConstant(path, value, want string) {
	if v.present(path, value, "write "+path+": "+want) && value != want {
		v.at(path, "unknown value %q: write %s", value, want)
	}
}

func (v *validator) checkLabelKeys(path string, keys []string) {
	if len(keys) == 0 && v.given(path) && !v.isFaulty(path) {
		v.at(path, "there are none: name at least one label key, or leave the field out for %s", strings.Join(DefaultLabelKeys(), ", "))
	}
	seen := map[string]bool{}
	for i, key := range keys {
		at := fmt.Sprintf("%s[%d]", path, i)
		if v.isFaulty(at) {
			continue
		}
		v.checkText(at, key, labelKeyRule)
		if seen[key] {
			v.at(at, "%q is in the list twice", key)
		}
		seen[key] = true
	}
}

// checkEnvironment checks one environment. Taken has the field of every name and alias before it, in
// lower case.
func (v *validator) checkEnvironment(path string, e EnvironmentSpec, taken map[string]string) {
	if v.isFaulty(path) {
		return
	}
	if v.present(path+".name", e.Name, "name the environment as its labels do") {
		v.checkName(path+".name", e.Name, taken)
	}
	for i, alias := range e.Aliases {
		v.checkName(fmt.Sprintf("%s.aliases[%d]", path, i), alias, taken)
	}
	if e.Recommended != nil {
		v.checkRange(path+".recommended", *e.Recommended)
	}
	v.checkKinds(path+".kinds", e.Kinds)
}

func (v *validator) checkName(path, name string, taken map[string]string) {
	if v.isFaulty(path) || !v.checkText(path, name, labelValueRule) {
		return
	}
	key := strings.ToLower(name)
	if first, twice := taken[key]; twice {
		v.at(path, "%q is taken by %s (line %d): a name or alias belongs to one environment, whatever its case", name, first, v.lines[first])
		return
	}
	taken[key] = path
}

func (v *validator) checkRange(path string, r RangeSpec) {
	v.checkDuration(path+".min", r.Min)
	v.checkDuration(path+".max", r.Max)
	least, most := r.Min.duration(), r.Max.duration()
	if least > 0 && most > 0 && least > most {
		v.at(path, "min %s is more than max %s", r.Min, r.Max)
	}
}

func (v *validator) checkKinds(path string, kinds Kinds) {
	for name, k := range kinds {
		at := join(path, name)
		if !v.isFaulty(at) {
			v.checkKind(at, name, k)
		}
	}
}

func (v *validator) checkKind(path, name string, k KindSettings) {
	kind, err := flux.ParseKind(name)
	if err != nil {
		v.at(path, "%s", err)
		return
	}
	if kind.Name != name {
		v.at(path, "unknown kind %q: write %s", name, kind.Name)
		return
	}
	for _, s := range []struct {
		name  flux.Setting
		value DurationOrBound
	}{
		{flux.IntervalSetting, k.Interval},
		{flux.TimeoutSetting, k.Timeout},
		{flux.RetryIntervalSetting, k.RetryInterval},
	} {
		at := join(path, string(s.name))
		if !v.given(at) {
			continue
		}
		t, err := findSetting(kind, string(s.name))
		if err != nil {
			v.at(at, "%s", err)
			continue
		}
		v.checkBound(at, s.value, t.NoHours)
	}
}

func (v *validator) checkBound(path string, b DurationOrBound, noHours bool) {
	if v.isFaulty(path) {
		return
	}
	if _, err := ParseBound(string(b), noHours); err != nil {
		v.at(path, "%s", err)
	}
}

func (v *validator) checkDuration(path string, d Duration) {
	if !v.given(path) || v.isFaulty(path) {
		return
	}
	if _, err := checkDuration(string(d), false); err != nil {
		v.at(path, "%s", err)
	}
}

func (v *validator) checkText(path, value string, r rule) bool {
	ok := r.pattern.MatchString(value)
	if !ok {
		v.at(path, "%q is not %s", value, r.says)
	}
	return ok
}

// present reports a field that must be there and is not, with the remedy. False: there is nothing to
// check further.
func (v *validator) present(path, value, remedy string) bool {
	if v.isFaulty(path) {
		return false
	}
	if value == "" && !v.given(path) {
		v.at(path, "is missing: %s", remedy)
		return false
	}
	return true
}

// at reports a problem of a field, on the line of the field or of the nearest one around it.
func (v *validator) at(path, format string, args ...any) {
	line := v.lines[""]
	for p := range around(path) {
		if v.given(p) {
			line = v.lines[p]
			break
		}
	}
	v.report(line, path, format, args...)
}

// given tells whether the document has a field, with whatever value.
func (v *validator) given(path string) bool { return v.lines[path] > 0 }

// isFaulty tells whether a problem of a field, or of one around it, has been reported: then its value
// was not read.
func (v *validator) isFaulty(path string) bool {
	for p := range around(path) {
		if v.faulty[p] {
			return true
		}
	}
	return v.faulty[""]
}

// around gives a path and the paths around it, innermost first, without that of the document.
func around(path string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for path != "" && yield(path) {
			path = path[:max(strings.LastIndexAny(path, ".["), 0)]
		}
	}
}
