package manifest

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"

	"bytes"
	"fmt"
	"regexp"
	"slices"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Scalar is a duration as it stands in a file: the bytes that a change replaces. It is a whole YAML scalar,
// or the part of one that holds a duration: in a patch inside a block scalar, in the default of a variable.
type Scalar struct {
	File string
	// Offset of the first byte.
	Offset int
	// Line and Column, from 1, as editors and grep count them: lines end in LF, columns count characters.
	Line, Column int
	Text         string
}

// String is where it stands, as compilers write it: "apps/web.yaml:7:13".
func (s Scalar) String() string {
	return fmt.Sprintf("%s:%d:%d", terminal.FileName(s.File), s.Line, s.Column)
}

// What a duration looks like (the CRDs' pattern), and what may stand on both sides of one that is a value:
// not a letter, so that names like web-5m are none.
var (
	// Days and weeks are none to Flux. Who writes them means one all the same, and is to be told where.
	valueToken    = regexp.MustCompile(`(?:[0-9]+(?:\.[0-9]+)?(?:ms|s|m|h|d|w))+`)
	durationToken = regexp.MustCompile(`(?:[0-9]+(?:\.[0-9]+)?(?:ms|s|m|h))+`)
	mayPrecede    = []byte(" \t\r\n\"'=:{[,(")
	mayFollow     = []byte(" \t\r\n\"'}]),\\#;")
)

// durations finds what may be the value of an interval in a file, in its order.
func durations(file string, content []byte) []Scalar {
	var found []Scalar
	line, start, last := 1, len(byteOrderMark(content)), 0
	for _, at := range valueToken.FindAllIndex(content, -1) {
		if !delimited(content, at[0], at[1]) {
			continue
		}
		for i := last; i < at[0]; i++ {
			if content[i] == '\n' {
				line++
				start = i + 1
			}
		}
		last = at[0]
		found = append(found, Scalar{
			File: file, Offset: at[0], Text: string(content[at[0]:at[1]]),
			Line: line, Column: utf8.RuneCount(content[start:at[0]]) + 1,
		})
	}
	return found
}

// refusedScalars are the whole YAML scalars of a file that are one of some texts which are no durations, and stand where a
// duration does: behind the key of one, or behind "value" in a patch, which may be a text of the file.
func refusedScalars(file string, content []byte, texts map[string]bool) (found []Scalar) {
	if len(texts) == 0 {
		return nil
	}
	at := newOffsets(content)
	everyPair(content, func(key, value, _ *yaml.Node) {
		if value.Kind != yaml.ScalarNode || value.Value == "" || !texts[value.Value] || !slices.Contains(durationKeys, key.Value) {
			return
		}
		offset, err := at.of(value)
		column := value.Column
		if value.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
			offset, column = offset+1, column+1
		}
		if err == nil && offset <= len(content) && bytes.HasPrefix(content[offset:], []byte(value.Value)) { // else it is written in another way
			found = append(found, Scalar{File: file, Offset: offset, Line: value.Line, Column: column, Text: value.Value})
		}
	})
	sorting.By(found, func(a, b Scalar) int { return a.Offset - b.Offset })
	return found
}

// durationKeys are those of the tunable fields, and of a value in a JSON patch.
var durationKeys = []string{"interval", "timeout", "retryInterval", "value"}

// delimited tells whether a token is a value of its own. A variable's default may follow :- as well.
func delimited(content []byte, from, to int) bool {
	left := from == 0 || bytes.IndexByte(mayPrecede, content[from-1]) >= 0 ||
		from > 1 && content[from-1] == '-' && content[from-2] == ':'
	return left && (to == len(content) || bytes.IndexByte(mayFollow, content[to]) >= 0)
}

// lineBreak is the length of what ends a line at i for go.yaml.in/yaml; 0 where nothing does. These are CR LF, CR, LF,
// NEL, LS and PS.
func lineBreak(content []byte, i int) int {
	switch content[i] {
	case '\n':
		return 1
	case '\r':
		if i+1 < len(content) && content[i+1] == '\n' {
			return 2
		}
		return 1
	case 0xC2:
		if i+1 < len(content) && content[i+1] == 0x85 {
			return 2
		}
	case 0xE2:
		if i+2 < len(content) && content[i+1] == 0x80 && (content[i+2] == 0xA8 || content[i+2] == 0xA9) {
			return 3
		}
	}
	return 0
}

// splice replaces scalars of one file, which are in its order, by other texts.
func splice(content []byte, scalars []Scalar, texts []string) []byte {
	out := make([]byte, 0, len(content)+len(scalars)*8)
	last := 0
	for i, s := range scalars {
		out = append(out, content[last:s.Offset]...)
		out = append(out, texts[i]...)
		last = s.Offset + len(s.Text)
	}
	return append(out, content[last:]...)
}
