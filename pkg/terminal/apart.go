package terminal

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Apart shortens names to a width, in cells, so that those that differ can still be told apart: in the middle, and where that
// would make two the same, so that each shows where it begins to differ from the others. It gives the short form of each
// name; width 0 shortens nothing.
func Apart(names []string, width int) map[string]string {
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	short := make(map[string]string, len(names))
	for _, name := range names {
		short[name] = Shorten(name, width)
	}
	if width <= 0 {
		return short
	}
	tellApart(names, short, width, 0)
	taken := make(map[string]bool, len(names))
	for _, name := range names { // where there is no room even for that, a number has to do
		for n := 2; taken[short[name]]; n++ {
			number := fmt.Sprintf("%s%d", ellipsis, n)
			short[name] = cells().Truncate(name, max(0, width-Width(number)), "") + number
		}
		taken[short[name]] = true
	}
	return short
}

// tellApart has names that have become the same begin where they differ; known is how many bytes of them are known to be the same.
func tellApart(names []string, short map[string]string, width, known int) {
	same := make(map[string][]string)
	for _, name := range names {
		same[short[name]] = append(same[short[name]], name)
	}
	for _, group := range same {
		at := sharedPrefix(group)
		if len(group) < 2 || at <= known && known > 0 {
			continue
		}
		for _, name := range group {
			short[name] = Shorten(ellipsis+name[at:], width)
		}
		tellApart(group, short, width, at)
	}
}

// sharedPrefix is how many bytes some names begin with alike, whole characters only.
func sharedPrefix(names []string) int {
	prefix := names[0]
	for _, name := range names[1:] {
		for !strings.HasPrefix(name, prefix) {
			_, last := utf8.DecodeLastRuneInString(prefix)
			prefix = prefix[:len(prefix)-last]
		}
	}
	return len(prefix)
}
