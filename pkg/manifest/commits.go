package manifest

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// History is what Git knows of when which files of a checkout changed.
type History struct {
	// Since is from when on every change is known: later than was asked for where the history begins later, as that of a
	// shallow clone does.
	Since   time.Time
	Commits []Commit
}

// Commit is one step of the branch that is checked out: a commit, or a merge with all that came by it, since Flux sees
// the two as one new revision.
type Commit struct {
	At    time.Time
	Files []string // paths in the checkout
}

// Changes counts the commits that touched one of some files.
func (h History) Changes(files map[string]bool) int {
	n := 0
	for _, c := range h.Commits {
		for _, file := range c.Files {
			if files[file] {
				n++
				break
			}
		}
	}
	return n
}

// ReadHistory reads from Git when the files below a folder changed, from a time on. Nothing is fetched or written.
func ReadHistory(ctx context.Context, dir string, since time.Time) (History, error) {
	h := History{Since: since}
	out, err := gitProgram{ctx: ctx, dir: dir}.run("log", "--first-parent", "-m", "--name-only", "--no-renames", "--relative", "-z",
		fmt.Sprintf("--since=@%d", since.Unix()), "--format=%x01%ct %p", "HEAD")
	if err != nil {
		return h, err
	}
	for _, record := range strings.Split(string(out), "\x01")[1:] {
		head, files, _ := strings.Cut(strings.ReplaceAll(record, "\n", "\x00"), "\x00")
		seconds, parents, _ := strings.Cut(head, " ")
		at, err := strconv.ParseInt(seconds, 10, 64)
		if err != nil {
			return h, fmt.Errorf("git log: %q is no time", seconds)
		}
		c := Commit{At: time.Unix(at, 0)}
		if parents == "" { // before it is nothing, or nothing that was fetched: it seems to change all files
			h.Since = c.At
			break
		}
		for _, file := range strings.Split(files, "\x00") {
			if file != "" {
				c.Files = append(c.Files, file)
			}
		}
		h.Commits = append(h.Commits, c)
	}
	return h, nil
}

// SourceFiles are the files of the checkout that were read to build what uses a source, for each source that holds the
// checkout itself.
func (f Fleet) SourceFiles() map[flux.Ref]map[string]bool {
	found := map[flux.Ref]map[string]bool{}
	for _, d := range f.deployments {
		from := d.source()
		kind, err := flux.ParseKind(from.Kind)
		if !d.local || d.key != "" || from.Name == "" || err != nil {
			continue
		}
		ref := flux.Ref{Group: kind.Group, Kind: from.Kind, Namespace: from.Namespace, Name: from.Name}
		if found[ref] == nil {
			found[ref] = map[string]bool{}
		}
		for file := range d.built.read {
			found[ref][file] = true
		}
	}
	return found
}
