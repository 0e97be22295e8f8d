package manifest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Revision is the files of a checkout as they were in a commit.
type Revision struct {
	*Tree
	// Commit is its full name.
	Commit string
	// Exact says that it is the revision that was asked for: no commit is known that it and the checkout have in
	// common, as in a shallow clone.
	Exact bool
	blobs *blobs
}

// OpenRevision reads the files below a folder as they were where the checkout's HEAD left a revision: what was done
// there since is nobody's change here. Contents come from Git's objects, one by one when they are asked for; the work
// tree, the index and every ref stay as they are, nothing is fetched, and no filter or hook is run. Whoever opens one
// closes it.
func OpenRevision(ctx context.Context, dir, revision string) (*Revision, error) {
	g := gitProgram{ctx: ctx, dir: dir}
	commit, err := g.line("rev-parse", "--verify", "--quiet", "--end-of-options", revision+"^{commit}")
	if err != nil {
		return nil, g.explain(revision, err)
	}
	r := &Revision{Commit: commit}
	if base, err := g.line("merge-base", commit, "HEAD"); err == nil && base != "" {
		r.Commit = base
	} else {
		r.Exact = true
	}
	prefix, err := g.line("rev-parse", "--show-prefix")
	if err != nil {
		return nil, err
	}
	list := []string{"ls-tree", "-r", "-z", "--full-tree", r.Commit}
	if prefix != "" {
		list = append(list, "--", prefix)
	}
	listing, err := g.run(list...)
	if err != nil {
		return nil, err
	}
	if r.blobs, err = g.blobs(); err != nil {
		return nil, err
	}
	r.Tree = listedTree(listing, prefix, readIndex(ctx, dir).sparse, r.blobs.read)
	return r, nil
}

// Prefix is the folder of its repository that a checkout is, with a slash at its end; "" where it is the top, or in no
// repository.
func Prefix(ctx context.Context, dir string) string {
	prefix, _ := gitProgram{ctx: ctx, dir: dir}.line("rev-parse", "--show-prefix")
	return prefix
}

// Versioned tells whether a folder is in a Git repository that has a commit.
func Versioned(ctx context.Context, dir string) bool {
	_, err := gitProgram{ctx: ctx, dir: dir}.line("rev-parse", "--verify", "--quiet", "HEAD")
	return err == nil
}

// Close ends the reading of contents.
func (r *Revision) Close() error { return r.blobs.close() }

// listedTree makes a Tree of what git ls-tree -r -z lists. Everything in it is tracked. What a sparse checkout has not on the disk
// is not in it either, so that nobody takes it for removed.
func listedTree(listing []byte, prefix string, sparse []string, read func(object string) ([]byte, error)) *Tree {
	t := &Tree{nodes: map[string]*node{"": {folder: true}}, seed: maphash.MakeSeed(), sources: &sync.Map{}}
	tracked, absent := map[string]bool{}, map[string]bool{}
	for _, p := range sparse {
		absent[p] = true
	}
	t.Sparse = sparse
	for _, entry := range strings.Split(strings.TrimSuffix(string(listing), "\x00"), "\x00") {
		about, name, found := strings.Cut(entry, "\t")
		fields := strings.Fields(about) // mode, type, object
		p := strings.TrimPrefix(name, prefix)
		if !found || len(fields) != 3 || clean(p) != p || absent[p] {
			continue
		}
		switch fields[0] {
		case "120000":
			t.Links = append(t.Links, p)
		case "160000":
			t.Submodules = append(t.Submodules, p)
		default:
			object := fields[2]
			tracked[p] = true
			t.file(p, &node{content: once(p, func() ([]byte, error) { return read(object) })})
		}
	}
	t.list()
	t.leaveOut(index{tracked: tracked})
	return t
}

// gitProgram runs git in a folder.
type gitProgram struct {
	ctx context.Context
	dir string
}

// In a hook, Git says by these where its repository is, relative to a folder that need not be the one asked for; and
// objects that are not there are not fetched, which Git before 2.44 tries all the same: it has no protocol then.
var hookVariables = []string{"GIT_DIR=", "GIT_WORK_TREE=", "GIT_INDEX_FILE=", "GIT_PREFIX=", "GIT_COMMON_DIR="}

func (g gitProgram) command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(g.ctx, "git", append([]string{"-C", g.dir, "-c", "core.fsmonitor=false"}, args...)...) // which may be a hook
	cmd.Env = slices.DeleteFunc(os.Environ(), func(variable string) bool {
		return slices.ContainsFunc(hookVariables, func(name string) bool { return strings.HasPrefix(variable, name) })
	})
	cmd.Env = append(cmd.Env, "GIT_OPTIONAL_LOCKS=0", "GIT_NO_LAZY_FETCH=1", "GIT_ALLOW_PROTOCOL=none", "GIT_TERMINAL_PROMPT=0", "LC_ALL=C")
	return cmd
}

func (g gitProgram) run(args ...string) ([]byte, error) {
	cmd := g.command(args...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil {
		if g.ctx.Err() != nil {
			return nil, g.ctx.Err()
		}
		if said := strings.TrimSpace(errOut.String()); said != "" {
			return nil, fmt.Errorf("git %s: %s", args[0], said)
		}
		return nil, fmt.Errorf("git %s: %w", args[0], err)
	}
	return out.Bytes(), nil
}

func (g gitProgram) line(args ...string) (string, error) {
	out, err := g.run(args...)
	return strings.TrimRight(string(out), "\r\n"), err
}

// explain says why there is no such revision.
func (g gitProgram) explain(revision string, err error) error {
	switch _, inside := g.line("rev-parse", "--git-dir"); {
	case g.ctx.Err() != nil:
		return g.ctx.Err()
	case errors.Is(err, exec.ErrNotFound):
		return errors.New("the program git is needed to read it, and is not on the PATH")
	case inside != nil:
		return fmt.Errorf("%q is not in a Git repository that can be read: %w", g.dir, inside)
	default:
		return fmt.Errorf("there is no commit %q: fetch it (in a shallow clone: git fetch --unshallow, or fetch-depth: 0 of actions/checkout)", revision)
	}
}

// blobs is a git cat-file that is asked for one object after the other.
type blobs struct {
	mu   sync.Mutex
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
	said bytes.Buffer // on stderr, to be read once it is gone
	gone bool
}

func (g gitProgram) blobs() (*blobs, error) {
	b := &blobs{cmd: g.command("cat-file", "--batch")}
	var err error
	if b.in, err = b.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := b.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	b.out = bufio.NewReaderSize(out, 1<<16)
	b.cmd.Stderr = &b.said
	if err := b.cmd.Start(); err != nil {
		return nil, fmt.Errorf("git cat-file: %w", err)
	}
	return b, nil
}

// read returns an object's content: git answers with "NAME TYPE SIZE", the content and a line break.
func (b *blobs) read(object string) ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, err := io.WriteString(b.in, object+"\n"); err != nil {
		return nil, b.ended(err)
	}
	header, err := b.out.ReadString('\n')
	if err != nil {
		return nil, b.ended(err)
	}
	fields := strings.Fields(header)
	if len(fields) != 3 {
		return nil, fmt.Errorf("git cat-file: %s%s", strings.TrimSpace(header), refetch)
	}
	size, err := strconv.Atoi(fields[2])
	if err != nil {
		return nil, fmt.Errorf("git cat-file: %w", err)
	}
	content := make([]byte, size+1)
	if _, err := io.ReadFull(b.out, content); err != nil {
		return nil, fmt.Errorf("git cat-file: %w", err)
	}
	return content[:size], nil
}

// refetch is what to do where contents of a commit are not here.
const refetch = ": a partial clone (--filter) lacks old contents: git fetch --refetch --no-filter"

// ended says why git has ended: versions before 2.44 do so where they would have to fetch an object and cannot.
func (b *blobs) ended(err error) error {
	if !b.gone {
		_, _ = b.in.Close(), b.cmd.Wait()
	}
	b.gone = true
	if said := strings.Join(strings.Fields(b.said.String()), " "); said != "" {
		return fmt.Errorf("git cat-file: %s%s", said, refetch)
	}
	return fmt.Errorf("git cat-file: %w%s", err, refetch)
}

func (b *blobs) close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.gone {
		return nil
	}
	return errors.Join(b.in.Close(), b.cmd.Wait())
}
