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
)

// broken is an error that names the file and the line where one of the resources that the build of a folder read is no YAML, or a
// template that is to become some; nil where none is. Kustomize's own tells of a folder that is not there, or names no file.
func (t *Tree) broken(folder string, read map[string]bool) error {
	for _, p := range t.resources(folder, read) {
		content, err := t.ReadFile(p)
		if err != nil || !isYAML(p) {
			continue
		}
		if line, why := brokenAt(content); why != "" {
			return fmt.Errorf("%s:%d: it cannot be read as YAML: %s", t.origin(p), line, why)
		}
	}
	return nil
}

// resources are what the kustomizations name that a build read; of a folder that has none all that was read.
func (t *Tree) resources(folder string, read map[string]bool) []string {
	if kustomizationOf(t, folder) == "" {
		return sortedKeys(read)
	}
	named := map[string]bool{}
	for k := range read {
		if isKustomization(k) && t.isFile(k) {
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
