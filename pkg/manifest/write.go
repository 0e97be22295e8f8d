package manifest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
)

// Write replaces the files of a rewriting on the disk, each with the mode that it has: all of them or none. First all new
// contents are written beside the old ones, so that a folder that takes none is met before anything is changed; then all
// are renamed into their places. Where the checkout is not what was read any more, or ctx ends before the first is renamed, nothing
// is written, and the error says so; after that a signal waits. Where a rename fails the files before it get their old
// contents again.
//
// A process that is killed between two renames leaves some files old and some new, each of them whole, and those that it made
// beside them, which Open names (Leftovers); running again does the rest. It does not wait for the disk: Git has the old contents.
// Of a file with several names only the one that it was read by changes: Git and Flux know each as a file of its own.
func (t *Tree) Write(ctx context.Context, r Rewriting) error {
	files := sortedKeys(r.Files)
	for _, p := range files {
		if err := t.unchanged(p); err != nil {
			return err
		}
	}
	if err := t.fresh(); err != nil {
		return err
	}
	staged := make([]string, 0, len(files))
	defer func() {
		for _, name := range staged {
			_ = os.Remove(name) // those that were renamed are not there any more
		}
	}()
	for _, p := range files {
		if ctx.Err() != nil {
			break
		}
		name, err := stage(t.path(p), r.Files[p])
		if err != nil {
			return fmt.Errorf("writing %s: %w: nothing is written", p, err)
		}
		staged = append(staged, name)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("interrupted: nothing is written: %w", err)
	}
	for i, p := range files {
		if err := os.Rename(staged[i], t.path(p)); err != nil {
			return t.takeBack(files[:i], fmt.Errorf("writing %s: %w", p, err))
		}
	}
	return nil
}

// takeBack gives files their old contents again, and says what became of that.
func (t *Tree) takeBack(files []string, cause error) error {
	var failed []error
	for _, p := range files {
		content, err := t.ReadFile(p)
		if err == nil {
			var name string
			if name, err = stage(t.path(p), content); err == nil {
				err = os.Rename(name, t.path(p))
			}
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("%s stays changed: %w", p, err))
		}
	}
	if len(failed) > 0 {
		return errors.Join(append([]error{cause}, failed...)...)
	}
	return fmt.Errorf("%w: nothing is written", cause)
}

func (t *Tree) path(p string) string { return filepath.Join(t.dir, filepath.FromSlash(p)) }

// unchanged is an error where a file on the disk is another one than was read, or is reached through a
// symbolic link by now.
func (t *Tree) unchanged(p string) error {
	if t.dir == "" {
		return fmt.Errorf("%s is not on the disk", p)
	}
	name := t.path(p)
	resolved, err := filepath.EvalSymlinks(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return goneError(p)
	case err != nil:
		return err
	}
	if resolved != name {
		return fmt.Errorf("%s is reached through a symbolic link: nothing is written", p)
	}
	was, err := t.ReadFile(p)
	if err != nil {
		return err
	}
	is, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if !bytes.Equal(was, is) {
		return changedError(p)
	}
	return nil
}

// stagedName is how stage calls a file.
var stagedName = regexp.MustCompile(`^\..+\.fluxtune-[0-9]+$`)

// stage writes a new file beside the old one, to be renamed into its place, so that a reader finds the one or the other
// whole. Its name ends in no extension that Flux reads.
func stage(name string, content []byte) (staged string, err error) {
	info, err := os.Lstat(name)
	if err != nil {
		return "", err
	}
	file, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".fluxtune-*")
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			_ = file.Close()
			_ = os.Remove(file.Name())
		}
	}()
	if _, err = file.Write(content); err != nil {
		return "", err
	}
	if err = file.Chmod(info.Mode().Perm()); err != nil {
		return "", err
	}
	return file.Name(), file.Close()
}
