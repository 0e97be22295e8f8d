package terminal

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSafe(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, text, plain, colored string
	}{
		{"words", "a b\n\tc", "a b\n\tc", "a b\n\tc"},
		{"colours of Paint", Paint("a", Bad, true) + "b", "[31ma[0mb", "\x1b[31ma\x1b[0mb"},
		{"a colour that has no end", "\x1b[32ma\nb", "[32ma\nb", "\x1b[32ma\x1b[0m\nb"},
		{"concealed", "\x1b[8ma", "[8ma", "[8ma"},
		{"clipboard", "\x1b]52;c;aGk=\aa", "]52;c;aGk=a", "]52;c;aGk=a"},
		{"C1", "a\u009b2Jb", "a2Jb", "a2Jb"},
		{"C1 as a byte", "a\x9b2Jb", "a\ufffd2Jb", "a\ufffd2Jb"},
		{"order", "a\u202eb\u2066c\u200f", "abc", "abc"},
		{"breaks", "a\u2028b\u2029c\u0085d\re", "abcde", "abcde"},
		{"other scripts", "ü世界👩\u200d🚀", "ü世界👩\u200d🚀", "ü世界👩\u200d🚀"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			for _, colors := range []bool{false, true} {
				want := tc.plain
				if colors {
					want = tc.colored
				}
				var whole, bytewise bytes.Buffer
				_, err := NewSafe(&whole, func() bool { return colors }).Write([]byte(tc.text))
				require.NoError(t, err)
				assert.Equal(t, want, whole.String())
				w := NewSafe(&bytewise, func() bool { return colors })
				for i := range len(tc.text) {
					_, err := w.Write([]byte{tc.text[i]})
					require.NoError(t, err)
				}
				assert.Equal(t, want, bytewise.String(), "in parts")
			}
		})
	}
}

// A painted text of several lines is painted in each, since a colour ends with its line.
func TestPaintLines(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "\x1b[31ma\x1b[0m\n\x1b[31mb\x1b[0m", Paint("a\nb", Bad, true))
}

// Whatever the text, and wherever it is parted: nothing that comes out steers a terminal but colours of Paint.
func TestSafeOfAnything(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	pieces := []string{"\x1b", "[", "31", "m", "0", "8", "]52;", "\a", "\u009b", "\x9b", "\xe2", "\x80", "\xa8", "\u202e", "\n", "\r", "a", "世", Paint("x", Good, true)}
	for range 5000 {
		var out bytes.Buffer
		w := NewSafe(&out, func() bool { return true })
		var text strings.Builder
		for range random.IntN(12) {
			text.WriteString(pieces[random.IntN(len(pieces))])
		}
		for rest := text.String(); rest != ""; {
			n := 1 + random.IntN(len(rest))
			_, err := w.Write([]byte(rest[:n]))
			require.NoError(t, err)
			rest = rest[n:]
		}
		left := out.String()
		for _, code := range append(colorCodes[:], "0") {
			if code != "" {
				left = strings.ReplaceAll(left, "\x1b["+code+"m", "")
			}
		}
		for _, r := range left {
			assert.False(t, r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028'), "%q of %q", left, text.String())
		}
	}
}

func TestEscapeJSON(t *testing.T) {
	t.Parallel()
	text := "a\x7f\u009b\u202e\u2028\x1b\n\t\"世"
	data, err := json.Marshal(text)
	require.NoError(t, err)
	escaped := EscapeJSON(data)
	assert.NotContains(t, string(escaped), "\u009b")
	assert.Contains(t, string(escaped), `\u202e`)
	var back string
	require.NoError(t, json.Unmarshal(escaped, &back))
	assert.Equal(t, text, back)
}
