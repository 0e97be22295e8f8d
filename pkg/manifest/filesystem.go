package manifest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// view is what kustomize sees of a Tree in one build: its files below "/", one generated kustomization in
// the place of the folder's own, and a note of every file that was read. It cannot be written to.
type view struct {
	tree *Tree
	// generated is the content of the file at the path generatedAt.
	generatedAt string
	generated   []byte
	// filter prepares the content of kustomization files: nothing may be fetched.
	filter func(p string, content []byte) ([]byte, error)
	read   map[string]bool
}

var errReadOnly = errors.New("the checkout is not written to in a build")

// Create refuses.
func (v *view) Create(string) (filesys.File, error) { return nil, errReadOnly }

// Mkdir refuses.
func (v *view) Mkdir(string) error { return errReadOnly }

// MkdirAll refuses.
func (v *view) MkdirAll(string) error { return errReadOnly }

// RemoveAll refuses.
func (v *view) RemoveAll(string) error { return errReadOnly }

// WriteFile refuses.
func (v *view) WriteFile(string, []byte) error { return errReadOnly }

// Open is not needed by a build.
func (v *view) Open(p string) (filesys.File, error) {
	return nil, fmt.Errorf("open %s: %w", p, errors.ErrUnsupported)
}

// IsDir tells whether a path is a folder.
func (v *view) IsDir(p string) bool { return v.tree.isFolder(clean(p)) }

// Exists tells whether there is a file or folder.
func (v *view) Exists(p string) bool {
	p = clean(p)
	return v.tree.nodes[p] != nil || v.isGenerated(p)
}

func (v *view) isGenerated(p string) bool { return v.generated != nil && p == v.generatedAt }

// ReadFile returns a file's content, and notes that it was read.
func (v *view) ReadFile(p string) ([]byte, error) {
	p = clean(p)
	v.read[v.tree.origin(p)] = true
	content := v.generated
	if !v.isGenerated(p) {
		var err error
		if content, err = v.tree.ReadFile(p); err != nil {
			return nil, err
		}
	}
	if isKustomization(p) {
		return v.filter(p, content)
	}
	return content, nil
}

// ReadDir returns the names in a folder.
func (v *view) ReadDir(p string) ([]string, error) {
	if !v.IsDir(p) {
		return nil, fmt.Errorf("open %s: %w", p, fs.ErrNotExist)
	}
	return v.names(clean(p)), nil
}

func (v *view) names(folder string) []string {
	names := v.tree.nodes[folder].names
	if base := path.Base(v.generatedAt); v.generated != nil && parent(v.generatedAt) == folder && !slices.Contains(names, base) {
		names = append(slices.Clone(names), base)
		slices.Sort(names)
	}
	return names
}

// CleanedAbs splits a path into its folder and its file.
func (v *view) CleanedAbs(p string) (filesys.ConfirmedDir, string, error) {
	relative := clean(p)
	switch {
	case v.tree.isFolder(relative):
		return filesys.ConfirmedDir(absolute(relative)), "", nil
	case v.Exists(p):
		return filesys.ConfirmedDir(absolute(parent(relative))), path.Base(relative), nil
	default:
		return "", "", fmt.Errorf("%q is not in the checkout: %w", relative, fs.ErrNotExist)
	}
}

func absolute(p string) string { return filepath.FromSlash("/" + p) }

// Glob returns the files that match a pattern.
func (v *view) Glob(pattern string) ([]string, error) {
	pattern = clean(pattern)
	if _, err := path.Match(pattern, ""); err != nil {
		return nil, err
	}
	var found []string
	for p := range v.tree.nodes {
		if ok, _ := path.Match(pattern, p); ok && p != "" {
			found = append(found, absolute(p))
		}
	}
	slices.Sort(found)
	return found, nil
}

// Walk visits a folder and what is below it, in the order of filepath.Walk.
func (v *view) Walk(p string, visit filepath.WalkFunc) error {
	relative := clean(p)
	if !v.Exists(p) {
		return visit(p, nil, fs.ErrNotExist)
	}
	err := v.walk(relative, visit)
	if errors.Is(err, filepath.SkipDir) || errors.Is(err, filepath.SkipAll) {
		return nil
	}
	return err
}

func (v *view) walk(p string, visit filepath.WalkFunc) error {
	folder := v.tree.isFolder(p)
	err := visit(absolute(p), entry{name: path.Base(absolute(p)), folder: folder}, nil)
	if !folder || err != nil {
		if folder && errors.Is(err, filepath.SkipDir) {
			return nil
		}
		return err
	}
	for _, name := range v.names(p) {
		if err := v.walk(strings.TrimPrefix(p+"/"+name, "/"), visit); errors.Is(err, filepath.SkipDir) {
			return nil // a file that skips the rest of its folder
		} else if err != nil {
			return err
		}
	}
	return nil
}

// entry is what Walk tells of a file or folder.
type entry struct {
	name   string
	folder bool
}

// Name implements os.FileInfo.
func (e entry) Name() string { return e.name }

// Size implements os.FileInfo.
func (e entry) Size() int64 { return 0 }

// ModTime implements os.FileInfo.
func (e entry) ModTime() time.Time { return time.Time{} }

// IsDir implements os.FileInfo.
func (e entry) IsDir() bool { return e.folder }

// Sys implements os.FileInfo.
func (e entry) Sys() any { return nil }

// Mode implements os.FileInfo.
func (e entry) Mode() os.FileMode {
	if e.folder {
		return os.ModeDir | 0o755
	}
	return 0o644
}
