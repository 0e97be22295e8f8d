package terminal

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"
)

// ellipsis marks that something was left out.
const ellipsis = "…"

// cells measures text as most terminals draw it, whatever the locale: characters of ambiguous width are narrow.
func cells() *runewidth.Condition { return &runewidth.Condition{StrictEmojiNeutral: true} }

// Width is how many cells of a terminal a text takes.
func Width(text string) int { return cells().StringWidth(text) }

// Rows is how many rows of a terminal a line takes, at least one, and one where its width is not known (0). What Paint adds
// takes no room.
func Rows(line string, width int) int {
	if width <= 0 {
		return 1
	}
	text := ""
	for before, rest, painted := strings.Cut(line, "\x1b["); ; before, rest, painted = strings.Cut(rest, "\x1b[") {
		if text += before; !painted {
			return max(1, (Width(text)+width-1)/width)
		}
		_, rest, _ = strings.Cut(rest, "m")
	}
}

// Printable is a text without what steers a terminal (see Safe), but for line breaks and tabs. Where text is measured it is
// cleaned before; that none of it gets through is up to Safe.
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unread(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, text)
}

// unread tells whether a character is none to be read: a control character, one that turns the direction of what follows,
// one that ends a line for some readers (YAML) and not for others, or one that nobody sees.
func unread(r rune) bool {
	if r < utf8.RuneSelf { // what is most read by far
		return r < ' ' || r == '\x7f'
	}
	return unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp) || unseen(r)
}

// unseen tells whether a character has no shape (Unicode, Default_Ignorable_Code_Point): a zero width space, a byte order mark,
// the tags in which a whole text can hide. What decides the shape of its neighbours stays: both joiners, which emoji and
// several scripts need, and the selectors of emoji.
func unseen(r rune) bool {
	switch r {
	case '\u200c', '\u200d', '\ufe0e', '\ufe0f':
		return false
	}
	return unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) ||
		unicode.Is(unicode.Cf, r) && !unicode.Is(unicode.Prepended_Concatenation_Mark, r) && (r < 0x13430 || r > 0x1345f) // of Egyptian, which are seen
}

// cut shortens text to a width and marks that it did.
func cut(text string, width int) string {
	if width <= 0 {
		return ""
	}
	return cells().Truncate(text, width, ellipsis)
}

// Clip shortens text to a width at its end; 0 does not.
func Clip(text string, width int) string {
	if width <= 0 {
		return text
	}
	return cut(text, width)
}

// Shorten shortens text to a width in its middle, so that both ends of a name stay; 0 does not.
func Shorten(text string, width int) string {
	if width <= 0 || Width(text) <= width {
		return text
	}
	if width < 3 {
		return cut(text, width)
	}
	head := cells().Truncate(text, (width-1+1)/2, "")
	tail := cells().TruncateLeft(text, Width(text)-(width-1-Width(head)), "")
	return head + ellipsis + strings.TrimLeft(tail, " ") // a wide character may have been cut in two
}

// to shortens a text to a width in one of the ways.
func (s Shrink) to(text string, width int) string {
	switch {
	case Width(text) <= width:
		return text
	case s == Middle:
		return Shorten(text, width)
	case s == End:
		return cut(text, width)
	default:
		return text
	}
}

// readable is how wide a paragraph is where no terminal is narrower.
const readable = 100

// Wrap breaks a paragraph into lines, between words and where a word is longer than a line. Width is that of the
// terminal; wider than is pleasant to read does not count, and 0 is none.
func Wrap(text string, width int) string {
	if width <= 0 || width > readable {
		width = readable
	}
	return strings.Join(wrapLines(text, width), "\n")
}

// WrapLine breaks a line that a terminal is too narrow for; width 0 is none.
func WrapLine(line string, width int) string {
	if width <= 0 || Width(line) <= width {
		return line
	}
	return strings.Join(wrapLines(line, width), "\n")
}

// WrapCommand breaks a command that a terminal is too narrow for, so that it can be pasted into a shell: between
// arguments, never in quotes, with a backslash at the end of each line but the last. An argument that is longer than a line
// is not broken. Width 0 is none.
func WrapCommand(command string, width int) string {
	if width <= 0 || Width(command) <= width {
		return command
	}
	var lines []string
	line := ""
	for _, argument := range arguments(command) {
		if line != "" && Width(line)+1+Width(argument)+len(` \`) > width {
			lines = append(lines, line+` \`)
			line = ""
		}
		line = strings.TrimPrefix(line+" "+argument, " ")
	}
	return strings.Join(append(lines, line), "\n")
}

// arguments parts a command at its spaces, but for those in quotes or behind a backslash.
func arguments(command string) []string {
	var quote rune
	escaped := false
	return strings.FieldsFunc(command, func(r rune) bool {
		switch {
		case escaped:
			escaped = false
		case r == '\\' && quote != '\'':
			escaped = true
		case quote == 0 && (r == '\'' || r == '"'):
			quote = r
		case r == quote:
			quote = 0
		default:
			return quote == 0 && r == ' '
		}
		return false
	})
}

func wrapLines(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && Width(line)+1+Width(word) > width {
			lines = append(lines, line)
			line = ""
		}
		for Width(word) > width { // an address, say
			part := cells().Truncate(word, width, "")
			if part == "" {
				break
			}
			lines, word = append(lines, part), strings.TrimPrefix(word, part)
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	return append(lines, line)
}

// Quoted is a word as a POSIX shell takes it: what names and addresses of objects have in them is no command.
func Quoted(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./=:,@%+", r)
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
