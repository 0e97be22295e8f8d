package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// brokenError is why a build fails on a file that is no YAML.
type brokenError struct {
	at  Position
	why string
}

// Error names the file and the line.
func (e brokenError) Error() string {
	return fmt.Sprintf("%s:%d: it cannot be read as YAML: %s", e.at.File, e.at.Line, e.why)
}

// brokenFile is the error of a file with a content that is no YAML, or a template that is to become some; nil where it is YAML.
func brokenFile(file string, content []byte) error {
	if line, why := brokenAt(content); why != "" {
		return brokenError{Position{File: file, Line: line, Column: 1}, why}
	}
	return nil
}

// BrokenFile is a file that is no YAML, and a Kustomization of which Flux applies nothing because of it; the zero Ref is who
// applies a folder by hand.
type BrokenFile struct {
	At            Position
	Why           string
	Kustomization flux.Ref
}

// Broken are the files that keep Kustomizations of the Fleet from being built, in the order of these.
func (f Fleet) Broken() []BrokenFile {
	var found []BrokenFile
	for _, ref := range sortedRefs(f.deployments) {
		var e brokenError
		if errors.As(f.deployments[ref].built.err, &e) {
			found = append(found, BrokenFile{e.at, e.why, ref})
		}
	}
	return found
}

// broken is an error that names the file and the line where one of the kustomizations or resources that the build of a folder
// read is no YAML; nil where none is. Kustomize's own tells of a folder that is not there, or names no file.
func (t *Tree) broken(folder string, read map[string]bool) error {
	for _, p := range t.resources(folder, read) {
		content, err := t.ReadFile(p)
		if anchor := (brokenError{}); errors.As(err, &anchor) {
			return anchor
		}
		if err != nil || !isYAML(p) {
			continue
		}
		if err := brokenFile(t.origin(p), content); err != nil {
			return err
		}
	}
	return nil
}

// resources are the kustomizations that a build read and what they name; of a folder that has none all that was read.
func (t *Tree) resources(folder string, read map[string]bool) []string {
	if kustomizationOf(t, folder) == "" {
		return sortedKeys(read)
	}
	named := map[string]bool{}
	for k := range read {
		if isKustomization(k) && t.isFile(k) {
			named[k] = true
			for _, p := range t.entries(k) {
				named[p] = true
			}
		}
	}
	return sortedKeys(named)
}

var yamlLine = regexp.MustCompile(`^yaml: line (\d+): (.*)`)

// brokenAt is the line where a content is no YAML that has only texts as keys, and why; "" where it is.
func brokenAt(content []byte) (line int, why string) {
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	for {
		var n yaml.Node
		err := guarded("it", func() error { return decoder.Decode(&n) })
		if errors.Is(err, io.EOF) {
			return 0, ""
		}
		if err != nil {
			if match := yamlLine.FindStringSubmatch(err.Error()); match != nil {
				line, _ = strconv.Atoi(match[1])
				return line, match[2]
			}
			return 1, strings.TrimPrefix(err.Error(), "yaml: ")
		}
		if key := oddKey(&n); key != nil {
			return key.Line, "a key is no text: is it a template?"
		}
	}
}

// oddKey is a key below a node that is no scalar, as {{ }} makes one; nil where all are.
func oddKey(n *yaml.Node) *yaml.Node {
	for i, child := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 && (child.Kind == yaml.MappingNode || child.Kind == yaml.SequenceNode) {
			return child
		}
		if odd := oddKey(child); odd != nil {
			return odd
		}
	}
	return nil
}
