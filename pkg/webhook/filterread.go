package webhook

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// line is one of an expression for several objects: which they are, and the condition.
var line = regexp.MustCompile(`^res\.kind == "(\w+)" && res\.metadata\.name (?:== ("[^"\\]+")|in \[("[^"\\]+"(?:, "[^"\\]+")*)\])(?: && (.+))?$`)

// read takes apart what expression has written for some objects, in the order of its lines; false where it is none: then
// somebody else wrote it, or added to it. all are the objects of a Receiver, which an expression with one condition does not
// name.
func (f *bodyFilter) read(expression string, all []flux.Target) ([]clause, bool) {
	if f == nil || !strings.HasPrefix(expression, f.guard) {
		return nil, false
	}
	forms := f.forms()
	written := func(condition string) bool {
		form, ok := formOf(condition)
		return ok && forms[form]
	}
	if condition, one := strings.CutPrefix(expression, f.guard+"\n&& "); one {
		var clauses []clause
		for _, t := range all {
			clauses = append(clauses, clause{t.Kind, t.Name, condition})
		}
		return clauses, written(condition)
	}
	inner, several := strings.CutPrefix(expression, f.guard+" && (\n  ")
	inner, ends := strings.CutSuffix(inner, "\n)")
	if !several || !ends {
		return nil, false
	}
	var clauses []clause
	for _, text := range strings.Split(inner, "\n  || ") {
		m := line.FindStringSubmatch(text)
		if m == nil || m[4] != "" && !written(m[4]) {
			return nil, false
		}
		for _, quoted := range strings.Split(m[2]+m[3], ", ") {
			name, err := strconv.Unquote(quoted)
			if err != nil {
				return nil, false
			}
			clauses = append(clauses, clause{m[1], name, m[4]})
		}
	}
	return clauses, true
}

// forms are those of all conditions that are written here: all of them but their texts.
func (f *bodyFilter) forms() map[string]bool {
	all := map[string]bool{}
	add := func(condition string) {
		form, _ := formOf(condition)
		all[form] = true
	}
	if f.charts != nil {
		add(f.charts("chartrepo/a"))
	}
	for _, at := range samples {
		for _, w := range []wanted{{}, {value: heads + "a"}, {value: tags + "a"}, {value: heads, prefix: true}, {value: tags, prefix: true}, {value: "a"}} {
			add(join(f.repository(at.Host, at.Path), f.reference(w)))
		}
	}
	return all
}

// samples are addresses of all forms that make a difference in a condition.
var samples = []flux.Address{
	{Host: "gitlab.com", Path: "a/b"}, {Host: "git.example.com", Path: "a/b"}, {Host: "git.example.com", Path: "a"},
	{Host: "dev.azure.com", Path: "a/b/_git/c"}, {Host: "dev.azure.com", Path: "a/" + id + "/_git/" + id},
	{Host: "dev.azure.com", Path: "a/b/_git/" + id}, {Host: "dev.azure.com", Path: "a/" + id + "/_git/b"},
}

const id = "01234567-89ab-cdef-0123-456789abcdef"

// formOf is an expression without its texts; false where it is none.
func formOf(expression string) (string, bool) {
	ts, err := tokens(expression)
	if err != nil {
		return "", false
	}
	for i, t := range ts {
		if t[0] == '"' {
			ts[i] = `""`
		}
	}
	return text(ts), true
}

// join is that all of some conditions hold; those that are "" say nothing.
func join(conditions ...string) string {
	var parts []string
	for _, c := range conditions {
		if c != "" {
			parts = append(parts, c)
		}
	}
	return strings.Join(parts, " && ")
}
