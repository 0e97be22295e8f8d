package policy

import (
	"slices"
	"strings"
)

// Word is what the words of a name tell about an environment.
type Word struct {
	// Environment is the policy's name for it; "" where no word is for one, or where there is doubt.
	Environment string
	// Text is the word, as it stands in the name.
	Text string
	// First and Last say where in the name it stands: both where it is the whole name, none where others are around it.
	First, Last bool
	// Doubt says that there are words for environments, and that they do not tell which one is meant: "non-prod", "prod-staging".
	Doubt bool
}

// qualifiers make of an environment something else: non-prod is what is not production.
var qualifiers = []string{"non", "not", "no", "un", "pre", "post", "ex", "like"}

// Word reads the name of a context, cluster, folder or namespace: whole, it may be a word for an environment, or one of its words
// between - _ . / : @ may be. The last word counts before the first, and both before one between. There is doubt where words are for
// several environments, or another word takes one back.
func (p Policy) Word(name string) Word {
	if e, ok := p.Lookup(name); ok {
		return Word{Environment: e.Name, Text: name, First: true, Last: true}
	}
	words := strings.FieldsFunc(name, func(r rune) bool { return strings.ContainsRune("-_./:@", r) })
	var found []int
	var environments []string
	qualified := false
	for i, word := range words {
		qualified = qualified || slices.Contains(qualifiers, strings.ToLower(word))
		if e, ok := p.Lookup(word); ok {
			found, environments = append(found, i), append(environments, e.Name)
		}
	}
	if len(found) == 0 {
		return Word{}
	}
	if qualified || len(slices.Compact(environments)) > 1 {
		return Word{Doubt: true}
	}
	at, last := found[0], len(words)-1
	if slices.Contains(found, last) {
		at = last
	}
	text := words[at]
	return Word{
		Environment: environments[0], Text: text,
		First: at == 0 && strings.HasPrefix(name, text), Last: at == last && strings.HasSuffix(name, text),
	}
}
