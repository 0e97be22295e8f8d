package webhook

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// truth is what an expression comes to, as far as it can be told: the lesser one is that of &&, the greater one that of ||.
type truth int

const (
	no truth = iota
	maybe
	yes
)

// knowledge is what is known of the call that tells of a push to an object, and of the object.
type knowledge struct {
	facts map[string]fact
	// truths are expressions that are true.
	truths map[string]bool
}

// fact is the value of an expression.
type fact struct {
	value string
	// prefix says that only its beginning is known, and anything may follow.
	prefix bool
	// fold says that the case of its letters is not known; spelled is how the URL has it.
	fold    bool
	spelled string
}

// known is what is known of the call for an object: what a filter that is proposed here would ask of it.
func (a aimed) known() knowledge {
	o := a.object
	k := knowledge{map[string]fact{}, map[string]bool{}}
	for expr, value := range map[string]string{"res.kind": o.Kind, "res.metadata.name": o.Name, "res.metadata.namespace": o.Namespace} {
		k.learn(fmt.Sprintf("%s == %s", expr, quote(value)))
	}
	for _, m := range a.callers() {
		if m.filter != nil {
			if !pull(o) { // what tells of these has other fields
				k.learn(m.filter.guard)
			}
			k.learn(m.filter.condition(o, address(o)))
		}
	}
	path := address(o).Path
	for name, f := range k.facts {
		if i := strings.Index(lower(path), f.value); f.fold && i >= 0 {
			f.spelled = path[i : i+len(f.value)]
			k.facts[name] = f
		}
	}
	return k
}

// learn takes that an expression is true.
func (k knowledge) learn(expr string) {
	ts, err := tokens(expr)
	if err != nil {
		return
	}
	for _, atom := range split(ts, "&&") {
		k.truths[text(atom)] = true
		subject, operator, values := compared(atom)
		name, lowered := lowerOf(subject)
		switch {
		case len(values) != 1:
		case operator == "==":
			k.facts[name] = fact{value: values[0], fold: lowered}
		case operator == "startsWith":
			k.facts[name] = fact{value: values[0], fold: lowered, prefix: true}
		}
	}
}

// judge tells what an expression comes to. None lets all through. It knows no more of CEL than filters mostly have:
// of all else it says maybe.
func (k knowledge) judge(ts []string) truth {
	if len(ts) == 0 {
		return yes
	}
	return k.of(ts)
}

func (k knowledge) of(ts []string) truth {
	if len(ts) > 2 && ts[0] == "(" && closing(ts, 0) == len(ts)-1 {
		return k.of(ts[1 : len(ts)-1])
	}
	if len(split(ts, "?")) > 1 {
		return maybe
	}
	if parts := split(ts, "||"); len(parts) > 1 {
		most := no
		for i := 0; i < len(parts) && most < yes; i++ {
			most = max(most, k.of(parts[i]))
		}
		return most
	}
	if parts := split(ts, "&&"); len(parts) > 1 {
		least := yes
		for i := 0; i < len(parts) && least > no; i++ {
			least = min(least, k.of(parts[i]))
		}
		return least
	}
	return k.atom(ts)
}

func (k knowledge) atom(ts []string) truth {
	subject, operator, values := compared(ts)
	switch {
	case len(ts) == 0:
		return maybe
	case k.truths[text(ts)], len(ts) == 1 && ts[0] == "true":
		return yes
	case len(ts) == 1 && ts[0] == "false":
		return no
	case operator == "" && ts[0] == "!":
		return yes - k.of(ts[1:])
	case operator == "":
		return k.has(ts)
	}
	name, lowered := lowerOf(subject)
	f, known := k.facts[name]
	if !known {
		return maybe
	}
	if operator == "!=" {
		return yes - f.is("==", values[0], lowered)
	}
	most := no
	for _, value := range values {
		most = max(most, f.is(operator, value, lowered))
	}
	return most
}

// has tells that a field is there which something is known of.
func (k knowledge) has(ts []string) truth {
	if len(ts) < 4 || ts[0] != "has" || closing(ts, 1) != len(ts)-1 {
		return maybe
	}
	field := text(ts[2 : len(ts)-1])
	for name := range k.facts {
		if name == field || strings.HasPrefix(name, field+".") {
			return yes
		}
	}
	return maybe
}

// is compares a fact with a text. Of a name whose case the host decides the spelling of the URL is trusted, and no other.
func (f fact) is(operator, with string, lowered bool) truth {
	if f.fold && !lowered && operator != "matches" {
		folded := fact{value: lower(f.value), prefix: f.prefix}.is(operator, lower(with), true)
		if folded == yes && (f.spelled == "" || (fact{value: f.spelled, prefix: f.prefix}).is(operator, with, false) != yes) {
			return maybe
		}
		return folded
	}
	value := f.value
	if lowered {
		value = lower(value)
	}
	if operator == "matches" {
		pattern, err := regexp.Compile(with)
		if err != nil || f.prefix || f.fold && !lowered {
			return maybe
		}
		return truthOf(pattern.MatchString(value))
	}
	switch operator {
	case "==":
		if f.prefix && strings.HasPrefix(with, value) {
			return maybe
		}
		return truthOf(!f.prefix && value == with)
	case "startsWith":
		if f.prefix && len(with) > len(value) && strings.HasPrefix(with, value) {
			return maybe
		}
		return truthOf(strings.HasPrefix(value, with))
	case "endsWith":
		if f.prefix {
			return maybe
		}
		return truthOf(strings.HasSuffix(value, with))
	default: // contains
		if f.prefix && !strings.Contains(value, with) {
			return maybe
		}
		return truthOf(strings.Contains(value, with))
	}
}

func truthOf(is bool) truth {
	if is {
		return yes
	}
	return no
}

// compared takes apart what compares an expression with texts: X == "a", "a" == X, X in ["a", "b"], X.startsWith("a").
// operator is "" where it does none of that.
func compared(ts []string) (subject []string, operator string, values []string) {
	for _, operator := range []string{"==", "!="} {
		if sides := split(ts, operator); len(sides) == 2 {
			if value, is := literal(sides[1]); is {
				return sides[0], operator, []string{value}
			}
			if value, is := literal(sides[0]); is {
				return sides[1], operator, []string{value}
			}
			return nil, "", nil
		}
	}
	if sides := split(ts, "in"); len(sides) == 2 {
		list := sides[1]
		if len(list) < 3 || list[0] != "[" || closing(list, 0) != len(list)-1 {
			return nil, "", nil
		}
		for _, item := range split(list[1:len(list)-1], ",") {
			value, is := literal(item)
			if !is {
				return nil, "", nil
			}
			values = append(values, value)
		}
		return sides[0], "==", values
	}
	n := len(ts)
	if n < 6 || ts[n-1] != ")" || ts[n-3] != "(" || ts[n-5] != "." || !slices.Contains([]string{"startsWith", "endsWith", "contains", "matches"}, ts[n-4]) {
		return nil, "", nil
	}
	value, is := literal(ts[n-2 : n-1])
	if !is || ts[0] == "!" {
		return nil, "", nil
	}
	return ts[:n-5], ts[n-4], []string{value}
}
