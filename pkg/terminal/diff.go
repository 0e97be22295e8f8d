package terminal

import (
	"fmt"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
)

// Diff is what changes from one text to another as a unified diff, which git apply and patch take; "" where nothing does.
func Diff(fromName, toName string, from, to []byte) string {
	text := string(diff.Diff(FileName(fromName), from, FileName(toName), to))
	_, text, _ = strings.Cut(text, "\n") // a line that names the command
	return text
}

// FileName quotes the name of a file with control characters, quotes or backslashes in the way that git does (quote.c, quote_c_style), and
// leaves all others as they are.
func FileName(name string) string {
	var b strings.Builder
	for i := range len(name) {
		switch c := name[i]; {
		case c == '"' || c == '\\':
			b.WriteString(`\` + string(c))
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\t':
			b.WriteString(`\t`)
		case c < ' ' || c == 0x7f:
			fmt.Fprintf(&b, `\%03o`, c)
		default:
			b.WriteByte(c)
		}
	}
	if quoted := b.String(); quoted != name {
		return `"` + quoted + `"`
	}
	return name
}

// PaintDiff colours the lines of a unified diff by what they mean, where colours are wanted.
func PaintDiff(diff string, color bool) string {
	if !color {
		return diff
	}
	lines := strings.SplitAfter(diff, "\n")
	for i, line := range lines {
		text, hasEnd := strings.CutSuffix(line, "\n")
		switch {
		case strings.HasPrefix(text, "+++"), strings.HasPrefix(text, "---"):
			text = Paint(text, Strong, true)
		case strings.HasPrefix(text, "+"):
			text = Paint(text, Good, true)
		case strings.HasPrefix(text, "-"):
			text = Paint(text, Bad, true)
		case strings.HasPrefix(text, "@@"):
			text = Paint(text, Faint, true)
		}
		if hasEnd {
			text += "\n"
		}
		lines[i] = text
	}
	return strings.Join(lines, "")
}
