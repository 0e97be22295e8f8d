package kube

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Scanner reads one JSON document as a stream and keeps nothing of what it has passed. It exists because
// decoding rows with encoding/json costs a client four times the CPU of reading them, on a machine that it
// may share with the API server. The first error sticks: after it every loop ends and every value is empty.
// It accepts all valid JSON and rejects truncated documents; of other invalid documents it may accept some.
type Scanner struct {
	r    *bufio.Reader
	err  error
	key  []byte
	text []byte // a string that did not fit the reader's buffer, or has escaped quotes
	raw  []byte // what Raw has passed
	keep bool   // in Raw
}

// NewScanner prepares a scanner.
func NewScanner(r io.Reader) *Scanner { return &Scanner{r: bufio.NewReaderSize(r, 32<<10)} }

// Err is the first error; a document that ends too early is io.ErrUnexpectedEOF.
func (s *Scanner) Err() error { return s.err }

// Fail stops the scanner with an error of the caller's.
func (s *Scanner) Fail(err error) {
	if s.err != nil {
		return
	}
	// The end of the stream inside a document is a connection that was cut.
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	s.err = err
}

func (s *Scanner) malformed(got byte, wanted string) {
	s.Fail(fmt.Errorf("the API server's answer has %c where %s was expected: %w", got, wanted, ErrMalformed))
}

// peek returns the next byte that is not white space without consuming it, 0 after an error.
func (s *Scanner) peek() byte {
	for s.err == nil {
		b, err := s.r.ReadByte()
		if err != nil {
			s.Fail(err)
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

// pass consumes the byte that peek has returned.
func (s *Scanner) pass() {
	b, _ := s.r.ReadByte()
	if s.keep {
		s.raw = append(s.raw, b)
	}
}

// take consumes the next byte that is not white space if it is want.
func (s *Scanner) take(want byte) bool {
	if s.peek() != want || s.err != nil {
		return false
	}
	s.pass()
	return true
}

func (s *Scanner) expect(want byte) {
	if got := s.peek(); s.err == nil && got != want {
		s.malformed(got, string(want))
		return
	}
	s.take(want)
}

// Null consumes a null, and tells whether there was one.
func (s *Scanner) Null() bool {
	if s.peek() != 'n' {
		return false
	}
	s.Skip()
	return true
}

// Document is Fields for the object that is the whole document.
func (s *Scanner) Document(yield func(key []byte) bool) {
	if b := s.peek(); s.err == nil && b != '{' {
		s.malformed(b, "{")
	}
	s.Fields(yield)
}

// Fields ranges over the keys of an object; the loop must consume each value. A null has no fields.
// The key is valid until the next read.
func (s *Scanner) Fields(yield func(key []byte) bool) {
	if s.Null() {
		return
	}
	s.expect('{')
	for first := true; s.err == nil && !s.take('}'); first = false {
		if !first {
			s.expect(',')
		}
		if s.err == nil && s.peek() != '"' {
			s.expect('"')
			return
		}
		s.key = append(s.key[:0], s.Str()...) // the colon may be the buffer's next filling
		s.expect(':')
		if s.err != nil || !yield(s.key) {
			return
		}
	}
}

// Elements ranges over the indexes of an array; the loop must consume each value. A null is empty.
func (s *Scanner) Elements(yield func(int) bool) {
	if s.Null() {
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

// Str consumes a string and returns its text, valid until the next read. A null, number, boolean, object or
// array is consumed too and gives nothing.
func (s *Scanner) Str() []byte {
	if s.peek() != '"' {
		s.Skip()
		return nil
	}
	s.pass()
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
		s.Fail(fmt.Errorf("%w: %w", ErrMalformed, err))
		return nil
	}
	return []byte(decoded)
}

// Text consumes a string that must be one, or a null.
func (s *Scanner) Text() string {
	if b := s.peek(); s.err == nil && b != '"' && b != 'n' {
		s.malformed(b, "a string")
	}
	return string(s.Str())
}

// rawString consumes the rest of a string whose opening quote was read, and returns it as written,
// with the closing quote.
func (s *Scanner) rawString() []byte {
	text := s.untilQuote()
	if s.keep {
		s.raw = append(s.raw, text...)
	}
	return text
}

func (s *Scanner) untilQuote() []byte {
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
	s.Fail(err)
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

// Raw consumes the next value and returns its JSON, without white space between its tokens, valid until the next
// call. It is valid JSON where the document is; whoever decodes it finds out.
func (s *Scanner) Raw() []byte {
	s.raw, s.keep = s.raw[:0], true
	s.Skip()
	s.keep = false
	return s.raw
}

// Skip consumes the next value, whatever it is, without recursion.
func (s *Scanner) Skip() {
	for depth := 0; ; {
		switch b := s.peek(); b {
		case '"':
			s.pass()
			s.rawString()
		case '{', '[':
			s.pass()
			depth++
			continue // an empty one may end at once
		case '}', ']':
			if depth == 0 {
				s.malformed(b, "a value")
				return
			}
			s.pass()
			depth--
		case ',', ':':
			if depth == 0 {
				s.malformed(b, "a value")
				return
			}
			s.pass()
			continue
		default:
			s.skipLiteral()
		}
		if s.err != nil || depth == 0 {
			return
		}
	}
}

// skipLiteral consumes a number, true, false or null.
func (s *Scanner) skipLiteral() {
	s.text = s.text[:0]
	for n := 0; s.err == nil; n++ {
		b, err := s.r.ReadByte()
		if err != nil {
			s.Fail(err)
			return
		}
		if !isLiteral(b) {
			_ = s.r.UnreadByte() // cannot fail after a ReadByte
			switch {
			case n == 0:
				s.malformed(b, "a value")
			case !json.Valid(s.text):
				s.Fail(fmt.Errorf("the API server's answer has %s where a value was expected: %w", s.text, ErrMalformed))
			}
			return
		}
		s.text = append(s.text, b)
		if s.keep {
			s.raw = append(s.raw, b)
		}
	}
}

func isLiteral(b byte) bool {
	return 'a' <= b && b <= 'z' || '0' <= b && b <= '9' || b == '-' || b == '+' || b == '.' || b == 'E'
}
