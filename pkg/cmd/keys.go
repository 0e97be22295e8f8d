package cmd

import (
	"math"
	"strings"
	"sync"

	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

// The keys that have no sign of their own. Ctrl-C and Ctrl-Z are keys like others where they are read one by one.
const (
	keyUp, keyDown, keyPageUp, keyPageDown, keyHome, keyEnd = "up", "down", "page up", "page down", "home", "end"

	keyInterrupt, keyStop = "\x03", string(rune(keySuspend))
)

// keyReader makes keys of the bytes that a terminal sends for them (ECMA-48, and the DEC terminals that xterm follows).
type keyReader struct{ sequence string }

// next takes a byte. It returns the key that ends with it, "" where more belongs to it, or nobody knows it.
func (k *keyReader) next(b byte) string {
	before := k.sequence
	k.sequence = ""
	switch {
	case b == '\x1b': // whatever came before it is none
		k.sequence = "\x1b"
	case before == "\x1b" && (b == '[' || b == 'O'):
		k.sequence = before + string(rune(b))
	case len(before) < 2 || b < ' ':
		return string(rune(b))
	case b < '@':
		if k.sequence = before + string(rune(b)); len(k.sequence) > 16 {
			k.sequence = before
		}
	default:
		return named(before[2:], b)
	}
	return ""
}

// named is the key of a sequence with some parameters; those behind the first are keys that are held down.
func named(parameters string, final byte) string {
	number, _, _ := strings.Cut(parameters, ";")
	if final == '~' {
		return map[string]string{"5": keyPageUp, "6": keyPageDown, "1": keyHome, "7": keyHome, "4": keyEnd, "8": keyEnd}[number]
	}
	return map[byte]string{'A': keyUp, 'B': keyDown, 'H': keyHome, 'F': keyEnd}[final]
}

// scroll is with which row a picture begins.
type scroll struct {
	mu     sync.Mutex
	at     int
	window report.Window
}

func (s *scroll) first() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at
}

// shown notes which rows a picture has shown: there may be fewer than keys have asked for.
func (s *scroll) shown(w report.Window) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at = min(s.at, w.First)
	s.window = w
}

// move takes a key, and tells whether it is one that scrolls. A page has one row of the one before.
func (s *scroll) move(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	page := max(1, s.window.Rows-1)
	by, scrolls := map[string]int{
		keyUp: -1, "k": -1, keyDown: 1, "j": 1, keyPageUp: -page, keyPageDown: page, keyHome: math.MinInt / 2, "g": math.MinInt / 2, keyEnd: math.MaxInt / 2, "G": math.MaxInt / 2,
	}[key]
	if scrolls {
		s.at = min(max(0, s.at+by), math.MaxInt/4)
	}
	return scrolls
}
