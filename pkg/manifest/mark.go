package manifest

import (
	"bytes"
	"fmt"
	"sort"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// asEditorsCount gives the nodes of a parse the lines and columns that editors and grep count, where a line ends in LF. To
// the parser it also ends in CR, NEL, LS and PS, as in YAML 1.1. It is the only place that knows both ways to count.
func asEditorsCount(content []byte, nodes ...*yaml.Node) {
	if !hasOddBreaks(content) {
		return
	}
	var theirs, ours []int // where lines begin
	theirs, ours = append(theirs, 0), append(ours, 0)
	for i := 0; i < len(content); i++ {
		if n := lineBreak(content, i); n > 0 {
			i += n - 1
			theirs = append(theirs, i+1)
		}
		if content[i] == '\n' {
			ours = append(ours, i+1)
		}
	}
	var visit func(n *yaml.Node)
	visit = func(n *yaml.Node) {
		if n.Line > 0 && n.Line <= len(theirs) {
			at := offsetAfter(content, theirs[n.Line-1], n.Column-1)
			line := sort.SearchInts(ours, at+1)
			n.Line, n.Column = line, utf8.RuneCount(content[ours[line-1]:at])+1
			if line == 1 {
				n.Column -= utf8.RuneCount(byteOrderMark(content))
			}
		}
		for _, child := range n.Content {
			visit(child)
		}
	}
	for _, n := range nodes {
		visit(n)
	}
}

// byteOrderMark is the mark that a file begins with, if it does: nobody counts it as a column.
func byteOrderMark(content []byte) []byte {
	if mark := []byte("\ufeff"); bytes.HasPrefix(content, mark) {
		return mark
	}
	return nil
}

// hasOddBreaks tells whether something ends a line for the parser that ends none for editors.
func hasOddBreaks(content []byte) bool {
	return bytes.Count(content, []byte("\r")) != bytes.Count(content, []byte("\r\n")) || bytes.Contains(content, []byte("\u0085")) ||
		bytes.Contains(content, []byte("\u2028")) || bytes.Contains(content, []byte("\u2029"))
}

// offsetAfter is the offset so many characters after another one, at most the end.
func offsetAfter(content []byte, offset, characters int) int {
	if offset == 0 {
		offset = len(byteOrderMark(content))
	}
	for ; characters > 0 && offset < len(content); characters-- {
		_, size := utf8.DecodeRune(content[offset:])
		offset += size
	}
	return offset
}

// offsets finds bytes by lines and columns as editors count them.
type offsets struct {
	content []byte
	lines   []int // where each begins, and the end
}

func newOffsets(content []byte) offsets {
	o := offsets{content: content, lines: []int{0}}
	for i, c := range content {
		if c == '\n' {
			o.lines = append(o.lines, i+1)
		}
	}
	return o
}

// line is where the line after so many lines begins: the end where there are no more.
func (o offsets) line(n int) int {
	if n < len(o.lines) {
		return o.lines[n]
	}
	return len(o.content)
}

// of is where a node begins; an error where the content has no such place.
func (o offsets) of(n *yaml.Node) (int, error) {
	if n.Line < 1 || n.Line > len(o.lines) {
		return 0, fmt.Errorf("there is no line %d", n.Line)
	}
	return offsetAfter(o.content, o.lines[n.Line-1], n.Column-1), nil
}

// guarded does something with one file's content, and makes an error of a panic: one file that no code has met before
// must not keep all others from being read and written.
func guarded(file string, do func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%s cannot be worked with: %v", file, r)
		}
	}()
	return do()
}
