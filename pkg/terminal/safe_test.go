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
	"sigs.k8s.io/yaml"
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
		{"unseen", "\ufeffa\u200bb\u00adc\u2060d\U000e0041\U000e0001e\U000e0101", "abcde", "abcde"},
		{"seen with its neighbours", "\u200c\u200d☎\ufe0e☎\ufe0f\u0600\U00013430", "\u200c\u200d☎\ufe0e☎\ufe0f\u0600\U00013430", "\u200c\u200d☎\ufe0e☎\ufe0f\u0600\U00013430"},
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

// Whatever a text has in it: YAML holds it, and the next reader has it again.
func TestMarshalYAML(t *testing.T) {
	t.Parallel()
	var all strings.Builder
	for r := range rune(0x2100) {
		all.WriteRune(r)
	}
	for _, r := range []rune{0xd7ff, 0xe000, 0xfdd0, 0xfeff, 0xfffd, 0xfffe, 0xffff, 0x10000, 0xe0041, 0x1fffe, 0x10ffff} {
		all.WriteRune(r)
	}
	for _, text := range []string{all.String(), "\x7f", "a\u009b", "\ufffe", "\uffff", "- \ufeff"} {
		data, err := MarshalYAML([]string{text})
		require.NoError(t, err)
		var back []string
		require.NoError(t, yaml.Unmarshal(data, &back), "%q", data)
		assert.Equal(t, []string{text}, back)
	}
}

func TestEscapeJSON(t *testing.T) {
	t.Parallel()
	text := "a\x7f\u009b\u202e\u2028\x1b\n\t\"世\U000e0041\ufeff🚀"
	data, err := json.Marshal(text)
	require.NoError(t, err)
	escaped := EscapeJSON(data)
	assert.NotContains(t, string(escaped), "\u009b")
	assert.NotContains(t, string(escaped), "\U000e0041")
	assert.Contains(t, string(escaped), "🚀")
	assert.Contains(t, string(escaped), `\u202e`)
	var back string
	require.NoError(t, json.Unmarshal(escaped, &back))
	assert.Equal(t, text, back)
}
