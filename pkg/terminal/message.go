package terminal

import (
	"io"
	"regexp"
	"strings"
	"sync"
)

// Messages breaks what is written for people between words where the terminal ends. What is drawn over (it has escape codes
// or carriage returns) passes as it is.
type Messages struct {
	mu     sync.Mutex
	out    io.Writer
	width  func() int
	column int // how wide the line is that has no end yet
}

// NewMessages makes a writer of messages. The width of the terminal, in cells, is asked for each time; 0 is none, and breaks
// nothing.
func NewMessages(out io.Writer, width func() int) *Messages { return &Messages{out: out, width: width} }

// Write implements io.Writer. Nothing is held back: a question waits for its answer on its line.
func (m *Messages) Write(p []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	text, width := string(p), m.width()
	if width <= 0 || strings.ContainsAny(text, "\r\x1b") {
		m.column = 0
		return m.out.Write(p)
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if i > 0 {
			m.column = 0
		}
		lines[i] = wrapMessage(line, m.column, width)
		last := lines[i][strings.LastIndex(lines[i], "\n")+1:]
		if last == lines[i] {
			m.column += Width(last)
		} else {
			m.column = Width(last)
		}
	}
	if _, err := io.WriteString(m.out, strings.Join(lines, "\n")); err != nil {
		return 0, err
	}
	return len(p), nil
}

// WrapMessage breaks a line for a terminal of a width in cells (0: none) between words. A command behind "with:" at its end
// gets lines of its own, which can be pasted; one in a sentence, and a word, stays whole, whatever its width.
func WrapMessage(line string, width int) string { return wrapMessage(line, 0, width) }

var (
	// commandAtEnd is behind the words that introduce it.
	commandAtEnd = regexp.MustCompile(`^(.* with:) ((?:kubectl|flux) .*)$`)
	// spacedWord is a word with the space before it.
	spacedWord = regexp.MustCompile(`\s*\S+`)
)

// wrapMessage does so where a part of the line is there already.
func wrapMessage(line string, column, width int) string {
	if width <= 0 || column+Width(strings.TrimRight(line, " ")) <= width {
		return line
	}
	if m := commandAtEnd.FindStringSubmatch(line); m != nil {
		const indent = "\n  "
		return wrapMessage(m[1], column, width) + indent + strings.ReplaceAll(WrapCommand(m[2], width-len(indent)+1), "\n", indent)
	}
	var b strings.Builder
	for _, part := range unbroken(line) {
		word := strings.TrimLeft(part, " ")
		if column > 0 && column+Width(part) > width {
			b.WriteByte('\n')
			column, part = 0, word
		}
		b.WriteString(part)
		column += Width(part)
	}
	b.WriteString(line[len(strings.TrimRight(line, " ")):])
	return b.String()
}

// unbroken parts a line into what is not broken, with the space before each: a word, or a command in a sentence, as far as
// that can be told: two words behind its name, and flags with what follows each.
func unbroken(line string) []string {
	var parts []string
	words, last := 0, "" // of the command that the last part is
	for _, spaced := range spacedWord.FindAllString(line, -1) {
		word := strings.TrimLeft(spaced, " ")
		flag, ofFlag := strings.HasPrefix(word, "-"), strings.HasPrefix(last, "-") && !strings.Contains(last, "=")
		switch {
		case word == "kubectl" || word == "flux":
			parts, words = append(parts, spaced), 1
		case words > 0 && !strings.ContainsAny(last[len(last)-1:], ",.;:") && (words < 3 || flag || ofFlag):
			parts[len(parts)-1] += spaced
			words++
		default:
			parts, words = append(parts, spaced), 0
		}
		last = word
	}
	return parts
}
