package manifest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Tree is the files of a checkout, as the artifact of a source would hold them. Paths are relative to
// its top, with slashes, and clean: "clusters/staging/apps.yaml". Contents are read when they are asked
// for, once. A Tree may be read by many goroutines.
//
// Symbolic links, devices and the like are not part of it: source-controller leaves everything out that is
// neither a regular file nor a folder (fluxcd/pkg artifact/storage, Archive). So nothing outside of the
// checkout can be reached. Submodules are left out too: Flux does not clone them unless told to, and their
// files belong to another repository.
type Tree struct {
	dir   string // on the disk, absolute; "" where there is none
	nodes map[string]*node
	// edits take the place of files' contents.
	edits map[string][]byte
	// seed of the fingerprints of what is built from it, so that they can be compared.
	seed maphash.Seed
	// aside are files that a source takes only where it says so (leaveOut), and sources the nodes of what sources take, by
	// their keys.
	aside   map[string]*node
	sources *sync.Map
	// omitted are folders that a .sourceignore leaves out.
	omitted map[string]bool
	// Sparse are files that Git tracks, and that are not on the disk since the checkout is sparse.
	Sparse []string
	// Submodules are the folders that were left out because they are another repository.
	Submodules []string
	// Links are the symbolic links that were left out.
	Links []string
	// Leftovers are the files that Write has made beside others, and could not rename: it was killed.
	Leftovers []string
	// Ignored are the files that were left out because Git ignores them.
	Ignored []string
}

// node is a file or a folder. Its content is read once.
type node struct {
	folder  bool
	names   []string // of a folder, sorted
	from    string   // the file of the checkout that a file of an artifact is a copy of; "" otherwise
	content func() ([]byte, error)
	// read says that the content of a file on the disk was asked for.
	read atomic.Bool
}

// onDisk is the node of a file, by its path in the Tree and its name on the disk.
func onDisk(p, name string) *node {
	n := &node{}
	n.content = once(p, func() ([]byte, error) {
		n.read.Store(true)
		return os.ReadFile(name)
	})
	return n
}

// Open lists the files below a folder. It reads no contents. A folder below that may not be listed is left out where Git
// ignores it, and an error otherwise.
func Open(dir string) (*Tree, error) {
	top, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if top, err = filepath.EvalSymlinks(top); err != nil {
		return nil, fmt.Errorf("opening the checkout: %w", err)
	}
	if info, err := os.Stat(top); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("opening the checkout: %q is not a folder", dir)
	}
	t := &Tree{dir: top, nodes: map[string]*node{}, seed: maphash.MakeSeed(), sources: &sync.Map{}}
	unlisted := map[string]error{}
	err = filepath.WalkDir(top, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err == nil:
			return t.add(name, entry)
		case name != top && errors.Is(err, fs.ErrPermission):
			relative, _ := filepath.Rel(top, name) // both are absolute
			unlisted[filepath.ToSlash(relative)] = err
			return nil
		default:
			return err
		}
	})
	git := readIndex(context.Background(), top)
	if git.tracked != nil {
		git.ignored = gitProgram{ctx: context.Background(), dir: top}.ignored()
	}
	for _, p := range sortedKeys(unlisted) {
		if !t.ignoresFolder(p, git) {
			err = cmp.Or(err, unlisted[p])
		}
	}
	if err != nil {
		return nil, fmt.Errorf("listing the files of %q: %w", dir, err)
	}
	for _, n := range t.nodes {
		slices.Sort(n.names)
	}
	t.leaveOut(git)
	t.Sparse = git.sparse
	return t, nil
}

func (t *Tree) add(name string, entry fs.DirEntry) error {
	relative, err := filepath.Rel(t.dir, name)
	if err != nil {
		return err
	}
	p := filepath.ToSlash(relative)
	switch {
	case p == ".":
		t.nodes[""] = &node{folder: true}
		return nil
	case entry.IsDir() && entry.Name() == ".git":
		return fs.SkipDir
	case entry.IsDir():
		if _, err := os.Lstat(filepath.Join(name, ".git")); err == nil {
			t.Submodules = append(t.Submodules, p)
			return fs.SkipDir
		}
	case entry.Type()&fs.ModeSymlink != 0:
		t.Links = append(t.Links, p)
		return nil
	case !entry.Type().IsRegular() || entry.Name() == ".git":
		return nil
	case stagedName.MatchString(entry.Name()):
		t.Leftovers = append(t.Leftovers, p)
		return nil
	}
	if entry.IsDir() {
		t.put(p, &node{folder: true})
	} else {
		t.put(p, onDisk(p, name))
	}
	return nil
}

// put adds a node to its folder, which is there already.
func (t *Tree) put(p string, n *node) {
	t.nodes[p] = n
	folder := t.nodes[parent(p)]
	folder.names = append(folder.names, path.Base(p))
}

// NewTree makes a Tree of files in memory, by their paths.
func NewTree(files map[string]string) *Tree {
	t := &Tree{nodes: map[string]*node{"": {folder: true}}, seed: maphash.MakeSeed(), sources: &sync.Map{}}
	for p, text := range files {
		t.file(clean(p), &node{content: once(clean(p), func() ([]byte, error) { return []byte(text), nil })})
	}
	t.list()
	t.leaveOut(index{})
	return t
}

// file adds a file and the folders that it is in.
func (t *Tree) file(p string, n *node) {
	t.folder(parent(p))
	t.nodes[p] = n
}

// folder adds a folder and those that it is in.
func (t *Tree) folder(p string) {
	for ; t.nodes[p] == nil; p = parent(p) {
		t.nodes[p] = &node{folder: true}
	}
}

// list fills in what each folder holds.
func (t *Tree) list() {
	for p := range t.nodes {
		if p != "" {
			folder := t.nodes[parent(p)]
			folder.names = append(folder.names, path.Base(p))
		}
	}
	for _, n := range t.nodes {
		slices.Sort(n.names)
	}
}

// origin is the file of the checkout that a path stands for.
func (t *Tree) origin(p string) string {
	if n := t.nodes[p]; n != nil && n.from != "" {
		return n.from
	}
	return p
}

// With returns a Tree in which these files have other contents. The Tree itself does not change; files
// that it does not have are passed over.
func (t *Tree) With(edits map[string][]byte) *Tree {
	all := make(map[string][]byte, len(t.edits)+len(edits))
	for _, from := range []map[string][]byte{t.edits, edits} {
		for p, content := range from {
			if n := t.nodes[p]; n != nil && !n.folder {
				all[p] = content
			}
		}
	}
	changed := *t
	changed.edits = all
	return &changed
}

// ReadFile returns the content of a file.
func (t *Tree) ReadFile(p string) ([]byte, error) {
	if content, ok := t.edits[p]; ok {
		return content, nil
	}
	n := t.nodes[p]
	if n == nil || n.folder {
		return nil, fmt.Errorf("open %s: %w", p, errors.Join(fs.ErrNotExist))
	}
	return n.content()
}

// Files returns the paths of all files, sorted.
func (t *Tree) Files() []string {
	var files []string
	for p, n := range t.nodes {
		if !n.folder {
			files = append(files, p)
		}
	}
	slices.Sort(files)
	return files
}

// leftOut says why a path that is on the disk is not in the Tree, to be put behind that; "" where it is not there either.
func (t *Tree) leftOut(p string) string {
	at := func(folders []string) bool {
		return slices.ContainsFunc(folders, func(f string) bool { return below(p, f) })
	}
	switch {
	case at(t.Links):
		return ": it is a symbolic link, and Flux leaves these out"
	case at(t.Submodules):
		return ": it is in a submodule, and these are not read"
	case t.omitted[p]:
		return ": a .sourceignore leaves it out"
	case t.sparsely(p):
		return ": " + notOnDisk
	default:
		return ""
	}
}

const notOnDisk = "Git has it, and not on the disk, since the checkout is sparse: git sparse-checkout disable"

// absent are the manifests and kustomizations that Git has, and not on the disk.
func (t *Tree) absent() []string {
	var files []string
	for _, p := range t.Sparse {
		if (isYAML(p) || isKustomization(p)) && !hidden(p) {
			files = append(files, p)
		}
	}
	return files
}

// SparseGap tells of the manifests that Git has, and not on the disk: of which clusters they are, and which files they use, is
// not known. It is false where there are none.
func (t *Tree) SparseGap() (gap flux.Gap, found bool) {
	absent := t.absent()
	switch n := len(absent) - 1; {
	case n < 0:
		return flux.Gap{}, false
	case n == 0:
		gap.What = absent[0]
	case n == 1:
		gap.What = absent[0] + " and 1 more manifest"
	default:
		gap.What = fmt.Sprintf("%s and %d more manifests", absent[0], n)
	}
	gap.Why = "the checkout is sparse, and what is not on the disk may use the files that are: git sparse-checkout disable"
	return gap, true
}

// FilterGap tells of the manifests that a filter of Git changes on their way to the disk. It is false where there are none.
func (t *Tree) FilterGap(ctx context.Context) (gap flux.Gap, found bool) {
	if t.dir == "" {
		return flux.Gap{}, false
	}
	files := slices.DeleteFunc(gitProgram{ctx: ctx, dir: t.dir}.filtered(), func(p string) bool { return !isManifestName(p) || !t.isFile(p) })
	if len(files) == 0 {
		return flux.Gap{}, false
	}
	gap.What = files[0]
	if more := len(files) - 1; more > 0 {
		gap.What = fmt.Sprintf("%s and %d more", files[0], more)
	}
	gap.Why = "a filter of Git (.gitattributes), as of git-lfs or git-crypt, changes what is on the disk: Flux reads what Git stores, and that is not read here"
	gap.Harmless = true
	return gap, true
}

// sparsely tells whether a sparse checkout lacks a file, or all of a folder.
func (t *Tree) sparsely(p string) bool {
	return t.nodes[p] == nil && slices.ContainsFunc(t.Sparse, func(file string) bool { return below(file, p) })
}

// LeavesOut tells whether a .sourceignore leaves a folder out of what sources take.
func (t *Tree) LeavesOut(folder string) bool { return t.omitted[folder] }

func (t *Tree) isFile(p string) bool   { n := t.nodes[p]; return n != nil && !n.folder }
func (t *Tree) isFolder(p string) bool { n := t.nodes[p]; return n != nil && n.folder }

// clean makes a path of the Tree of what people and manifests write: "./clusters//staging/", "/apps".
// A path cannot leave the top.
func clean(p string) string {
	return strings.TrimPrefix(path.Clean("/"+filepath.ToSlash(p)), "/")
}

// parent is the folder of a path; "" is the top.
func parent(p string) string {
	if dir := path.Dir(p); dir != "." {
		return dir
	}
	return ""
}

// isYAML tells whether a file's name says that it is YAML.
func isYAML(p string) bool {
	extension := path.Ext(p)
	return extension == ".yaml" || extension == ".yml"
}
