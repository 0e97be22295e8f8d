package nodes

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// scanner reads one JSON document as a stream and keeps nothing of what it has passed. It exists
// because decoding rows with encoding/json costs a client four times the CPU of reading them, on a
// machine that it may share with the API server. The first error sticks: after it every loop ends
// and every value is empty. It accepts all valid JSON and rejects truncated documents; of other
// invalid documents it may accept some.
type scanner struct {
	r    *bufio.Reader
	err  error
	key  []byte
	text []byte // a string that did not fit the reader's buffer, or has escaped quotes
}

func newScanner(r io.Reader) *scanner {
	return &scanner{r: bufio.NewReaderSize(r, 16<<10)}
}

func (s *scanner) fail(err error) {
	if s.err != nil {
		return
	}
	// The end of the stream inside a document is a connection that was cut.
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	s.err = err
}

// peek returns the next byte that is not white space without consuming it, 0 after an error.
func (s *scanner) peek() byte {
	for s.err == nil {
		b, err := s.r.ReadByte()
		if err != nil {
			s.fail(err)
			break
		}
		switch b {
		case ' ', '\t', '\r', '\n':
		default:
			_ = s.r.UnreadByte() // cannot fail after a ReadByte
			return b
		}
	}
	return 0
}

// take consumes the next byte that is not white space if it is want.
func (s *scanner) take(want byte) bool {
	if s.peek() != want || s.err != nil {
		return false
	}
	_, _ = s.r.ReadByte()
	return true
}

func (s *scanner) expect(want byte) {
	if got := s.peek(); s.err == nil && got != want {
		s.fail(fmt.Errorf("malformed JSON: %q where %q was expected", got, want))
		return
	}
	s.take(want)
}

// fields ranges over the keys of an object; the loop must consume each value. A null has no fields.
// The key is valid until the next read.
func (s *scanner) fields(yield func(key []byte) bool) {
	if s.peek() == 'n' {
		s.skip()
		return
	}
	s.expect('{')
	for first := true; s.err == nil && !s.take('}'); first = false {
		if !first {
			s.expect(',')
		}
		s.key = append(s.key[:0], s.str()...) // the colon may be the buffer's next filling
		s.expect(':')
		if s.err != nil || !yield(s.key) {
			return
		}
	}
}

// elements ranges over the indexes of an array; the loop must consume each value. A null is empty.
func (s *scanner) elements(yield func(int) bool) {
	if s.peek() == 'n' {
		s.skip()
		return
	}
	s.expect('[')
	for i := 0; s.err == nil && !s.take(']'); i++ {
		if i > 0 {
			s.expect(',')
		}
		if s.err != nil || !yield(i) {
			return
		}
	}
}

// str consumes a string and returns its text, valid until the next read. A null, number, boolean,
// object or array is consumed too and gives nothing.
func (s *scanner) str() []byte {
	if s.peek() != '"' {
		s.skip()
		return nil
	}
	_, _ = s.r.ReadByte()
	raw := s.rawString()
	if s.err != nil {
		return nil
	}
	text := raw[:len(raw)-1]
	if bytes.IndexByte(text, '\\') < 0 {
		return text
	}
	var decoded string
	if err := json.Unmarshal(append([]byte{'"'}, raw...), &decoded); err != nil {
		s.fail(fmt.Errorf("malformed JSON string: %w", err))
		return nil
	}
	return []byte(decoded)
}

// rawString consumes the rest of a string whose opening quote was read, and returns it as written,
// with the closing quote.
func (s *scanner) rawString() []byte {
	part, err := s.r.ReadSlice('"')
	if err == nil && !escapedEnd(part) {
		return part
	}
	s.text = append(s.text[:0], part...)
	for err == nil || errors.Is(err, bufio.ErrBufferFull) {
		if err == nil && !escapedEnd(s.text) {
			return s.text
		}
		part, err = s.r.ReadSlice('"')
		s.text = append(s.text, part...)
	}
	s.fail(err)
	return nil
}

// escapedEnd reports whether the quote that ends text is escaped: an odd number of backslashes.
func escapedEnd(text []byte) bool {
	n := 0
	for i := len(text) - 2; i >= 0 && text[i] == '\\'; i-- {
		n++
	}
	return n%2 == 1
}

// skip consumes the next value, whatever it is, without recursion.
func (s *scanner) skip() {
	for depth := 0; ; {
		switch b := s.peek(); b {
		case '"':
			_, _ = s.r.ReadByte()
			s.rawString()
		case '{', '[':
			_, _ = s.r.ReadByte()
			depth++
			continue // an empty one may end at once
		case '}', ']':
			_, _ = s.r.ReadByte()
			depth--
		case ',', ':':
			_, _ = s.r.ReadByte()
			if depth == 0 {
				s.fail(fmt.Errorf("malformed JSON: %q where a value was expected", b))
			}
			continue
		default:
			s.skipLiteral()
		}
		if s.err != nil || depth <= 0 {
			if depth < 0 {
				s.fail(errors.New("malformed JSON: a bracket closes nothing"))
			}
			return
		}
	}
}

// skipLiteral consumes a number, true, false or null.
func (s *scanner) skipLiteral() {
	for n := 0; s.err == nil; n++ {
		b, err := s.r.ReadByte()
		if err != nil {
			s.fail(err)
			return
		}
		if !isLiteral(b) {
			_ = s.r.UnreadByte() // cannot fail after a ReadByte
			if n == 0 {
				s.fail(fmt.Errorf("malformed JSON: %q where a value was expected", b))
			}
			return
		}
	}
}

func isLiteral(b byte) bool {
	return 'a' <= b && b <= 'z' || '0' <= b && b <= '9' || b == '-' || b == '+' || b == '.' || b == 'E'
}
