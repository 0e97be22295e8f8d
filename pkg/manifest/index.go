package manifest

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// index is what Git's index says of the files of a working tree.
type index struct {
	tracked map[string]bool
	// sparse are those of them that are not on the disk, since the checkout is sparse.
	sparse []string
	// ignored are the other files that Git ignores, and folders of which it ignores all, with a slash at their end; nil where
	// Git could not be asked.
	ignored map[string]bool
}

// ignores tells whether Git ignores a file.
func (x index) ignores(p string) bool {
	for folder := parent(p); folder != ""; folder = parent(folder) {
		if x.ignored[folder+"/"] {
			return true
		}
	}
	return x.ignored[p]
}

// readIndex reads which files below a folder Git tracks: from the index where that is whole and of a kind that is known
// (gitformat-index(5), versions 2 to 4 with SHA-1), so that neither the program nor its consent is needed, and else by the
// program, as of a split index or in a folder of a working tree. Where neither tells it is empty.
func readIndex(ctx context.Context, dir string) index {
	x := indexOf(ctx, dir)
	x.sparse = slices.DeleteFunc(x.sparse, func(p string) bool { // the mark is also that of files which people keep to themselves
		_, err := os.Lstat(filepath.Join(dir, filepath.FromSlash(p)))
		return err == nil
	})
	return x
}

func indexOf(ctx context.Context, dir string) index {
	git := filepath.Join(dir, ".git")
	if content, err := readRegular(git); err == nil { // a linked working tree
		if where, ok := strings.CutPrefix(strings.TrimSpace(string(content)), "gitdir: "); ok {
			if git = where; !filepath.IsAbs(git) {
				git = filepath.Join(dir, git)
			}
		}
	}
	data, err := readRegular(filepath.Join(git, "index"))
	if errors.Is(err, errors.ErrUnsupported) { // the program would wait for a pipe, too
		return index{}
	}
	if known, ok := parseIndex(data); err == nil && ok {
		return known
	}
	known, _ := gitProgram{ctx: ctx, dir: dir}.index()
	return known
}

// readRegular reads a file that is a regular one, and no pipe that may never end.
func readRegular(name string) ([]byte, error) {
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		return nil, errors.ErrUnsupported
	}
	return os.ReadFile(name)
}

// ignoreTimeout bounds how long git may look for what it ignores.
const ignoreTimeout = 20 * time.Second

// ignored asks git for the files below the folder that it ignores, by all that tells it so, beside those that it tracks; nil
// where it does not say, or ignores the folder as a whole: who names that one wants it read.
func (g gitProgram) ignored() map[string]bool {
	ctx, cancel := context.WithTimeout(g.ctx, ignoreTimeout)
	defer cancel()
	listing, err := gitProgram{ctx: ctx, dir: g.dir}.run("ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory")
	if err != nil {
		return nil
	}
	found := map[string]bool{}
	for _, p := range strings.Split(string(listing), "\x00") {
		found[p] = true
	}
	if found["./"] {
		return nil
	}
	return found
}

// filtered asks git for the files below the folder that a filter of its own changes on their way to the disk (gitattributes(5)); none
// where it does not say.
func (g gitProgram) filtered() []string {
	ctx, cancel := context.WithTimeout(g.ctx, ignoreTimeout)
	defer cancel()
	listing, err := gitProgram{ctx: ctx, dir: g.dir}.run("ls-files", "-z", "--", ".", ":(exclude,attr:!filter)", ":(exclude,attr:-filter)")
	if err != nil {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(listing), "\x00"), "\x00")
}

// index asks git for what the index says of the files below the folder.
func (g gitProgram) index() (index, error) {
	x := index{tracked: map[string]bool{}}
	listing, err := g.run("ls-files", "-t", "-z")
	if err != nil {
		return index{}, err
	}
	for _, entry := range strings.Split(string(listing), "\x00") {
		tag, p, _ := strings.Cut(entry, " ")
		if p == "" {
			continue
		}
		x.tracked[p] = true
		if tag == "S" { // skip-worktree
			x.sparse = append(x.sparse, p)
		}
	}
	return x, nil
}

// parseIndex reads an index; false where that does not tell all.
func parseIndex(data []byte) (x index, ok bool) {
	const header, fixed, extended, skipWorktree = 12, 62, 0x4000, 0x4000
	if len(data) < header || string(data[:4]) != "DIRC" {
		return index{}, false
	}
	version, count := binary.BigEndian.Uint32(data[4:]), int(binary.BigEndian.Uint32(data[8:]))
	if version < 2 || version > 4 {
		return index{}, false
	}
	x.tracked = make(map[string]bool, min(count, len(data)/fixed))
	at, last := header, ""
	for range count {
		if at+fixed > len(data) {
			return index{}, false
		}
		start := at
		at += fixed
		sparse := false
		if binary.BigEndian.Uint16(data[start+60:])&extended != 0 {
			if at+2 > len(data) {
				return index{}, false
			}
			sparse = binary.BigEndian.Uint16(data[at:])&skipWorktree != 0
			at += 2
		}
		keep := 0
		if version == 4 {
			var ok bool
			if keep, at, ok = prefix(data, at, len(last)); !ok {
				return index{}, false
			}
		}
		if at > len(data) {
			return index{}, false
		}
		end := bytes.IndexByte(data[at:], 0)
		if end < 0 {
			return index{}, false
		}
		last = last[:keep] + string(data[at:at+end])
		x.tracked[last] = true
		if sparse {
			x.sparse = append(x.sparse, last)
		}
		at += end + 1
		if version < 4 { // entries are padded to eight bytes
			at = start + (at-start+7)/8*8
		}
	}
	return x, wholeIndex(data, at)
}

// wholeIndex tells whether behind the entries there is nothing but extensions that may be passed over, and a checksum of
// SHA-1: one whose name begins with a small letter (link, of a split index, or sdir) changes what the entries mean.
func wholeIndex(data []byte, at int) bool {
	const checksum, header = 20, 8
	for at+checksum+header <= len(data) {
		if data[at] < 'A' || data[at] > 'Z' {
			return false
		}
		at += header + int(binary.BigEndian.Uint32(data[at+4:]))
	}
	return at+checksum == len(data)
}

// prefix reads how much of the last path an entry of version 4 keeps: its length less a number.
func prefix(data []byte, at, length int) (keep, next int, ok bool) {
	strip := 0
	for first := true; at < len(data); first = false {
		b := data[at]
		at++
		if !first {
			strip++
		}
		strip = strip<<7 | int(b&0x7f)
		if strip > length {
			return 0, 0, false
		}
		if b&0x80 == 0 {
			return length - strip, at, true
		}
	}
	return 0, 0, false
}
