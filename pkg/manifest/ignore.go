package manifest

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"bytes"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/fluxcd/pkg/sourceignore"
	"github.com/fluxcd/pkg/sourceignore/gitignore"
)

// leaveOut takes out of a Tree what does not get into the artifact of a source that says nothing else: files that Git
// ignores, unless they are tracked all the same, and what source-controller leaves out by itself. The latter are kept
// aside: another source may take them.
func (t *Tree) leaveOut(git index) {
	ignored := git.ignores
	if git.ignored == nil {
		own := t.gitMatcher()
		ignored = func(p string) bool { return ignoredByGit(own, p) }
	}
	for _, p := range t.Files() {
		if !git.tracked[p] && ignored(p) {
			t.Ignored = append(t.Ignored, p)
			t.remove(p)
		}
	}
	if git.tracked != nil {
		t.forgetEmpty(git)
	}
	files := t.Files()
	matcher := sourceMatcher(t.patterns(sourceignore.IgnoreFile, files))
	t.aside = map[string]*node{}
	for _, p := range files {
		if matcher.Match(strings.Split(p, "/"), false) {
			t.aside[p] = t.nodes[p]
			t.remove(p)
		}
	}
	t.omit(matcher)
}

// forgetEmpty takes out the folders of which Git has nothing: a clone does not have them.
func (t *Tree) forgetEmpty(git index) {
	kept := slices.Concat(t.Links, t.Submodules, git.sparse)
	for _, p := range slices.Backward(sortedKeys(t.nodes)) { // what is in a folder comes first
		holds := func(other string) bool { return below(other, p) }
		if n := t.nodes[p]; n.folder && p != "" && len(n.names) == 0 && !slices.ContainsFunc(kept, holds) {
			t.remove(p)
		}
	}
}

// omit takes out the folders that patterns leave out, and in which nothing is left: an artifact does not have them, while it has one
// of which only the files are left out (fluxcd/pkg artifact/storage, Archive). Git has no folder without files.
func (t *Tree) omit(matcher gitignore.Matcher) {
	t.omitted = map[string]bool{}
	for _, p := range slices.Backward(sortedKeys(t.nodes)) { // what is in a folder comes first
		if n := t.nodes[p]; n.folder && p != "" && len(n.names) == 0 && matcher.Match(strings.Split(p, "/"), true) {
			t.omitted[p] = true
			t.remove(p)
		}
	}
}

// omits says what keeps a folder of the checkout out of a source's artifact that does not have it; "" where there is none.
func (t *Tree) omits(folder string) string {
	switch {
	case t.omitted[folder]:
		return sourceignore.IgnoreFile
	case t.isFolder(folder):
		return "spec.ignore, spec.sparseCheckout"
	default:
		return ""
	}
}

// ignoresFolder tells whether Git ignores all that is in a folder.
func (t *Tree) ignoresFolder(folder string, git index) bool {
	for p := range git.tracked {
		if below(p, folder) {
			return false
		}
	}
	return git.ignores(folder+"/*") || ignoredByGit(t.gitMatcher(), folder+"/*")
}

func (t *Tree) gitMatcher() gitignore.Matcher {
	return gitignore.NewMatcher(t.patterns(".gitignore", t.Files()))
}

func (t *Tree) remove(p string) {
	delete(t.nodes, p)
	folder := t.nodes[parent(p)]
	folder.names = slices.DeleteFunc(folder.names, func(name string) bool { return name == path.Base(p) })
}

// sourceMatcher tells what source-controller leaves out (SourceIgnoreFilter of fluxcd/pkg artifact/storage): with any
// pattern of one's own, in whatever folder, its own ones no longer count, but for Git's files.
func sourceMatcher(patterns []gitignore.Pattern) gitignore.Matcher {
	if len(patterns) == 0 {
		return sourceignore.NewDefaultMatcher(nil, nil)
	}
	return sourceignore.NewMatcher(append(sourceignore.VCSPatterns(nil), patterns...))
}

// takenBy is the Tree of what a source takes of the checkout. Folders stay where all of their files are left out, as they
// do in an artifact, unless the source checks out a part only.
func (t *Tree) takenBy(s gitSource) *Tree {
	taken := *t
	if known, ok := t.sources.Load(s.key()); ok {
		taken.nodes = known.(map[string]*node)
		return &taken
	}
	all := maps.Clone(t.aside)
	for p, n := range t.nodes {
		if !n.folder {
			all[p] = n
		}
	}
	var files []string
	for _, p := range sortedKeys(all) {
		if s.checksOut(p) {
			files = append(files, p)
		}
	}
	patterns := t.patternsOf(sourceignore.IgnoreFile, files, func(p string) ([]byte, error) { return all[p].content() })
	if s.Spec.Ignore != nil {
		patterns = append(patterns, sourceignore.ReadPatterns(strings.NewReader(*s.Spec.Ignore), nil)...)
	}
	matcher := sourceMatcher(patterns)
	taken.nodes = map[string]*node{"": {folder: true}}
	for _, p := range files {
		if !matcher.Match(strings.Split(p, "/"), false) {
			taken.file(p, all[p])
		}
	}
	for p, n := range t.nodes {
		if n.folder && len(s.Spec.SparseCheckout) == 0 && p != "" && !matcher.Match(strings.Split(p, "/"), true) {
			taken.folder(p)
		}
	}
	taken.list()
	t.sources.Store(s.key(), taken.nodes)
	return &taken
}

// patterns reads the ignore files of some folders; deeper ones come later, and so count more.
func (t *Tree) patterns(name string, files []string) []gitignore.Pattern {
	return t.patternsOf(name, files, t.ReadFile)
}

func (t *Tree) patternsOf(name string, files []string, read func(p string) ([]byte, error)) []gitignore.Pattern {
	named := slices.DeleteFunc(slices.Clone(files), func(p string) bool { return path.Base(p) != name })
	sorting.By(named, func(a, b string) int { return strings.Count(a, "/") - strings.Count(b, "/") })
	var patterns []gitignore.Pattern
	for _, p := range named {
		content, err := read(p)
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
