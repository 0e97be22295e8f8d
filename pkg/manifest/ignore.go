package manifest

import (
	"bytes"
	"path"
	"slices"
	"strings"

	"github.com/fluxcd/pkg/sourceignore"
	"github.com/fluxcd/pkg/sourceignore/gitignore"
)

// leaveOut takes out of a Tree what does not get into the artifact of a source: files that Git ignores, unless
// they are tracked all the same; and what source-controller leaves out by default and by .sourceignore files
// (SourceIgnoreFilter of fluxcd/pkg artifact/storage). A source's own spec.ignore is not followed.
func (t *Tree) leaveOut(tracked map[string]bool) {
	git := gitignore.NewMatcher(t.patterns(".gitignore"))
	source := sourceignore.NewDefaultMatcher(t.patterns(sourceignore.IgnoreFile), nil)
	for _, p := range t.Files() {
		switch {
		case !tracked[p] && ignoredByGit(git, p):
			t.Ignored = append(t.Ignored, p)
		case !source.Match(strings.Split(p, "/"), false):
			continue
		}
		delete(t.nodes, p)
		folder := t.nodes[parent(p)]
		folder.names = slices.DeleteFunc(folder.names, func(name string) bool { return name == path.Base(p) })
	}
}

// patterns reads the ignore files of all folders; deeper ones come later, and so count more.
func (t *Tree) patterns(name string) []gitignore.Pattern {
	var patterns []gitignore.Pattern
	for _, p := range t.Files() {
		if path.Base(p) != name {
			continue
		}
		content, err := t.ReadFile(p)
		if err != nil {
			continue
		}
		var domain []string
		if folder := parent(p); folder != "" {
			domain = strings.Split(folder, "/")
		}
		patterns = append(patterns, sourceignore.ReadPatterns(bytes.NewReader(content), domain)...)
	}
	return patterns
}

// ignoredByGit: what is in an ignored folder cannot be taken back in.
func ignoredByGit(m gitignore.Matcher, p string) bool {
	parts := strings.Split(p, "/")
	for i := 1; i < len(parts); i++ {
		if m.Match(parts[:i], true) {
			return true
		}
	}
	return m.Match(parts, false)
}
