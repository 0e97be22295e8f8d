package manifest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
)

// Write replaces the files of a rewriting on the disk, each at once and with the mode that it has. Before
// the first is replaced all are looked at: where one is not what was read any more, nothing is written.
func (t *Tree) Write(r Rewriting) error {
	files := sortedKeys(r.Files)
	for _, p := range files {
		if err := t.unchanged(p); err != nil {
			return err
		}
	}
	for i, p := range files {
		if err := replace(t.path(p), r.Files[p]); err != nil {
			return fmt.Errorf("writing %s (%d of %d files are written): %w", p, i, len(files), err)
		}
	}
	return nil
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
	if err != nil {
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
		return fmt.Errorf("%s has changed since it was read: nothing is written, run it again", p)
	}
	return nil
}

// replace writes a new file beside the old one and renames it into its place, so that a reader finds the one
// or the other whole, also where the program is ended in between. It does not wait for the disk: Git has the old
// content.
func replace(name string, content []byte) (err error) {
	info, err := os.Lstat(name)
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = file.Close()
			_ = os.Remove(file.Name())
		}
	}()
	if _, err = file.Write(content); err != nil {
		return err
	}
	if err = file.Chmod(info.Mode().Perm()); err != nil {
		return err
	}
	if err = file.Close(); err != nil {
		return err
	}
	return os.Rename(file.Name(), name)
}
