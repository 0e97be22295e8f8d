package terminal

import (
	"io"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// Safe is the edge at which text for people leaves the program: what objects, files and servers say can steer no terminal
// through it, whoever printed it, and nothing is in them that whoever copies them does not see. It leaves out control
// characters but line breaks and tabs, what breaks lines or turns the order of characters around, what no terminal shows (see
// unseen), and bytes that are no text. Colours pass where they are wanted: those of Paint only, and none
// lasts longer than its line.
type Safe struct {
	mu     sync.Mutex
	out    io.Writer
	colors func() bool
	held   string // the begin of a character or of a colour, whose rest has not come yet
	open   bool   // a colour has begun
}

// NewSafe makes such an edge in front of a writer. Whether colours are wanted is asked each time.
func NewSafe(out io.Writer, colors func() bool) *Safe { return &Safe{out: out, colors: colors} }

// Raw is the writer behind the edge, for what machines read byte by byte and for pictures of cleaned lines.
func Raw(w io.Writer) io.Writer {
	if s, safe := w.(*Safe); safe {
		return s.out
	}
	return w
}

// Write implements io.Writer. Nothing but the begin of a character or a colour is held back.
func (s *Safe) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := s.clean(s.held+string(p), s.colors())
	if text == "" {
		return len(p), nil
	}
	if _, err := io.WriteString(s.out, text); err != nil {
		return 0, err
	}
	return len(p), nil
}

// clean takes as much of a text as is complete, and holds the rest.
func (s *Safe) clean(text string, colors bool) string {
	var b strings.Builder
	b.Grow(len(text))
	s.held = ""
	for len(text) > 0 {
		if colors && text[0] == '\x1b' {
			code, begun := colorAt(text)
			if begun {
				s.held = text
				break
			}
			if code != "" {
				b.WriteString(code)
				text, s.open = text[len(code):], code != resetColor
				continue
			}
		}
		if !utf8.FullRuneInString(text) {
			s.held = text
			break
		}
		r, size := utf8.DecodeRuneInString(text)
		text = text[size:]
		if r == '\n' && s.open {
			b.WriteString(resetColor)
			s.open = false
		}
		if !unread(r) || r == '\n' || r == '\t' {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// Line is a line of a picture as it may be drawn: it has no control characters but the colours of Paint, and ends without
// one where it has any.
func Line(text string, colors bool) string {
	var s Safe
	text = strings.ReplaceAll(s.clean(text, colors), "\n", " ")
	if s.open {
		text += resetColor
	}
	return text
}

// colorAt is the colour of Paint that a text begins with; begun tells that it may be one whose rest is missing.
func colorAt(text string) (code string, begun bool) {
	for _, c := range append(slices.Clone(colorCodes[:]), "0") {
		code := "\x1b[" + c + "m"
		switch {
		case c == "":
		case strings.HasPrefix(text, code):
			return code, false
		case strings.HasPrefix(code, text):
			begun = true
		}
	}
	return "", begun
}

// EscapeJSON writes in JSON by number what nobody would read, or what would steer a terminal: it means the same. Encoders leave some of it as it is.
func EscapeJSON(data []byte) []byte {
	return numbered(data, func(r rune) bool { return unread(r) && r != '\n' && r != '\t' })
}
