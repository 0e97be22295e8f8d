package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// SetScalars replaces the texts of scalars in a file's content, and nothing else: the result has every other
// byte of the original. It refuses, with an error that names the place, where the result would not parse to
// exactly the same documents with exactly these texts replaced. The scalars are of one file and in its
// order; texts has one for each.
func SetScalars(content []byte, scalars []Scalar, texts []string) ([]byte, error) {
	last := 0
	for i, s := range scalars {
		end := s.Offset + len(s.Text)
		if s.Offset < last || end > len(content) || string(content[s.Offset:end]) != s.Text {
			return nil, fmt.Errorf("%s: there is no %q any more", s, s.Text)
		}
		if !durationToken.MatchString(texts[i]) || durationToken.FindString(texts[i]) != texts[i] {
			return nil, fmt.Errorf("%s: %q is not a duration", s, texts[i])
		}
		last = end
	}
	edited := splice(content, scalars, texts)
	was, err := parseAll(content)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read as YAML: %w", scalars[0].File, err)
	}
	is, err := parseAll(edited)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read as YAML after the change: %w", scalars[0].File, err)
	}
	left := make([]replacement, len(scalars))
	for i := range scalars {
		left[i] = replacement{from: scalars[i].Text, to: texts[i]}
	}
	c := comparison{left: left}
	if err := c.documents(was, is); err != nil {
		return nil, fmt.Errorf("%s: %w", scalars[0], err)
	}
	if len(c.left) > 0 {
		return nil, fmt.Errorf("%s: the change reaches no value: it stands in a comment, or where YAML does not see it", scalars[0])
	}
	return edited, nil
}

// parseAll reads the documents of a file, with the lines and columns that editors count.
func parseAll(content []byte) (documents []*yaml.Node, err error) {
	defer func() {
		if r := recover(); r != nil {
			documents, err = nil, fmt.Errorf("it cannot be read as YAML: %v", r)
		}
	}()
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	for {
		var n yaml.Node
		err := decoder.Decode(&n)
		if errors.Is(err, io.EOF) {
			asEditorsCount(content, documents...)
			return documents, nil
		}
		if err != nil {
			return nil, err
		}
		documents = append(documents, &n)
	}
}

type replacement struct{ from, to string }

// comparison walks two parses in step, and takes off the replacements that it meets, in their order.
type comparison struct {
	left []replacement
}

var errOtherwise = errors.New("the change would alter more than this value")

func (c *comparison) documents(was, is []*yaml.Node) error {
	if len(was) != len(is) {
		return errOtherwise
	}
	for i := range was {
		if err := c.node(was[i], is[i]); err != nil {
			return err
		}
	}
	return nil
}

func (c *comparison) node(was, is *yaml.Node) error {
	if was.Kind != is.Kind || was.Style != is.Style || was.Tag != is.Tag || was.Anchor != is.Anchor ||
		was.HeadComment != is.HeadComment || was.LineComment != is.LineComment || was.FootComment != is.FootComment ||
		len(was.Content) != len(is.Content) || was.Line != is.Line {
		return errOtherwise
	}
	if was.Value != is.Value {
		if was.Kind != yaml.ScalarNode || !c.take(was.Value, is.Value) {
			return errOtherwise
		}
	}
	for i := range was.Content {
		if err := c.node(was.Content[i], is.Content[i]); err != nil {
			return err
		}
	}
	return nil
}

// take tells whether one value becomes the other by the next replacements, each once and in their order.
func (c *comparison) take(was, is string) bool {
	for n := 1; n <= len(c.left); n++ {
		if becomes(was, is, c.left[:n]) {
			c.left = c.left[n:]
			return true
		}
	}
	return false
}

// becomes tells whether a text becomes another by replacing these, each once and from left to right, at
// places where they stand as values of their own.
func becomes(was, is string, changes []replacement) bool {
	if len(changes) == 0 {
		return was == is
	}
	next := changes[0]
	for at := 0; ; {
		i := strings.Index(was[at:], next.from)
		if i < 0 {
			return false
		}
		at += i
		if len(is) >= at+len(next.to) && was[:at] == is[:at] && is[at:at+len(next.to)] == next.to &&
			becomes(was[at+len(next.from):], is[at+len(next.to):], changes[1:]) {
			return true
		}
		at++
	}
}
