package webhook

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// filterTokens is what tokens makes of an expression.
type filterTokens struct {
	tokens []string
	err    error
}

// tokens takes an expression apart, once.
func (f *fleet) tokens(expr string) ([]string, error) {
	found, known := f.filters[expr]
	if !known {
		found.tokens, found.err = tokens(expr)
		f.filters[expr] = found
	}
	return found.tokens, found.err
}

// lowerOf is what an expression is the lower case of; false where it is none.
func lowerOf(ts []string) (string, bool) {
	name, lowered := strings.CutSuffix(text(ts), ".lowerAscii()")
	return name, lowered
}

// text writes an expression in the one way in which it is compared.
func text(ts []string) string { return strings.Join(ts, "") }

// literal is the text that an expression is.
func literal(ts []string) (string, bool) {
	if len(ts) != 1 || ts[0][0] != '"' {
		return "", false
	}
	value, err := strconv.Unquote(ts[0])
	return value, err == nil
}

// split cuts an expression at an operator that stands in no brackets.
func split(ts []string, operator string) [][]string {
	var parts [][]string
	from, depth := 0, 0
	for i, t := range ts {
		switch {
		case opens(t):
			depth++
		case closes(t):
			depth--
		case t == operator && depth == 0:
			parts = append(parts, ts[from:i])
			from = i + 1
		}
	}
	return append(parts, ts[from:])
}

func opens(t string) bool  { return t == "(" || t == "[" || t == "{" }
func closes(t string) bool { return t == ")" || t == "]" || t == "}" }

// closing is where the bracket at a place ends.
func closing(ts []string, at int) int {
	depth := 0
	for i := at; i < len(ts); i++ {
		if opens(ts[i]) {
			depth++
		} else if closes(ts[i]) {
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// token is one of CEL, as far as it matters: a text, a name or number, an operator, a comment or space.
var token = regexp.MustCompile(`(?s)^(?:(?://[^\n]*|\s+)|(?:[rR]?"""(.*?)"""|[rR]?'''(.*?)''')|([rR]?)(?:"((?:[^"\\\n]|\\.)*)"|'((?:[^'\\\n]|\\.)*)')|([A-Za-z_0-9]+)|(&&|\|\||==|!=|<=|>=|.))`)

var brackets = map[string]string{")": "(", "]": "[", "}": "{"}

// tokens takes an expression apart. Texts become those of Go. It is an error where brackets or quotes do not match,
// which no expression is allowed.
func tokens(expr string) ([]string, error) {
	var ts, open []string
	for rest := expr; rest != ""; {
		m := token.FindStringSubmatch(rest)
		if m == nil {
			return nil, errors.New("it is no text in UTF-8")
		}
		rest = rest[len(m[0]):]
		t := word(m)
		switch {
		case t == "":
			continue
		case t == `'` || t == `"`:
			return nil, fmt.Errorf("a text that begins with %s has no end", t)
		case opens(t):
			open = append(open, t)
		case closes(t):
			if len(open) == 0 || open[len(open)-1] != brackets[t] {
				return nil, fmt.Errorf("there is a %q too many", t)
			}
			open = open[:len(open)-1]
		}
		ts = append(ts, t)
	}
	if len(open) > 0 {
		return nil, fmt.Errorf("a %q has no end", open[len(open)-1])
	}
	return ts, nil
}

// word is what a token becomes; "" for a comment or space.
func word(m []string) string {
	first := m[0][0]
	if first == 'r' || first == 'R' {
		if len(m[0]) > 1 {
			first = m[0][1]
		}
	}
	switch {
	case m[6] != "":
		return m[6]
	case m[7] != "":
		return m[7]
	case first == '"' || first == '\'':
		if strings.HasPrefix(strings.TrimLeft(m[0], "rR"), `"""`) || strings.HasPrefix(strings.TrimLeft(m[0], "rR"), `'''`) || m[3] == "" && strings.Contains(m[0], `\`) && m[5] != "" {
			return m[0] // compared with nothing
		}
		if m[3] != "" { // raw: \ is itself
			return quote(m[4] + m[5])
		}
		if m[5] != "" {
			return quote(m[5])
		}
		return `"` + m[4] + `"`
	default:
		return ""
	}
}
