package testbed

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// GitServer serves Git repositories over smart HTTP on 127.0.0.1, with git's own
// http-backend, and counts what is asked of each. (Flux's gittestserver brings
// go-git into the plugin's module, and counts nothing.)
type GitServer struct {
	git    string // path of the git program
	dir    string
	server *httptest.Server
	log    io.Closer // what git complains of, such as repositories that are not there

	mu       sync.Mutex
	asked    []gitRequest // in their order
	slow     map[string]time.Duration
	slowList time.Duration
	sent     int64
}

// gitRequest is one request for a repository.
type gitRequest struct {
	name string
	call string // what follows the repository's address
	at   time.Time
}

const (
	infoRefs   = "info/refs"
	uploadPack = "git-upload-pack"
)

// GitRequests counts the HTTP requests for one repository. A poll that finds
// nothing new is one InfoRefs; one that fetches is one InfoRefs and one
// UploadPack.
type GitRequests struct{ InfoRefs, UploadPack int }

// StartGit starts a Git server for the repositories in dir, where it keeps them; there are none at first. Several may serve one dir.
func StartGit(dir string) (*GitServer, error) {
	git, err := exec.LookPath("git")
	if err != nil {
		return nil, fmt.Errorf("starting the Git server (install git): %w", err)
	}
	g := &GitServer{git: git, dir: dir, slow: map[string]time.Duration{}}
	for _, sub := range []string{g.served(), g.work("")} {
		if err := os.MkdirAll(sub, 0o755); err != nil {
			return nil, fmt.Errorf("starting the Git server: %w", err)
		}
	}
	log, err := os.OpenFile(filepath.Join(dir, "git.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("starting the Git server: %w", err)
	}
	g.log = log
	backend := &cgi.Handler{
		Stderr: log,
		Path:   git, Args: []string{"http-backend"}, Dir: g.served(),
		Env: append(g.env(), "GIT_PROJECT_ROOT="+g.served(), "GIT_HTTP_EXPORT_ALL=1"),
	}
	g.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(g.count(r)):
			backend.ServeHTTP(&counting{w, g}, r)
		case <-r.Context().Done(): // the client has given up
		}
	}))
	return g, nil
}

// Close stops serving; open requests are cut.
func (g *GitServer) Close() error {
	g.server.CloseClientConnections()
	g.server.Close()
	return g.log.Close()
}

func (g *GitServer) served() string          { return filepath.Join(g.dir, "served") }
func (g *GitServer) work(name string) string { return filepath.Join(g.dir, "work", name) }
func (g *GitServer) bare(name string) string { return filepath.Join(g.served(), name+".git") }

// URL is where a GitRepository finds the repository.
func (g *GitServer) URL(name string) string { return g.server.URL + "/" + name + ".git" }

// Requests counts what was asked of the repository so far.
func (g *GitServer) Requests(name string) GitRequests {
	fetches := g.times(func(r gitRequest) bool { return r.name == name && r.call == uploadPack })
	return GitRequests{InfoRefs: len(g.Lists(name)), UploadPack: len(fetches)}
}

// Lists are when refs of a repository were listed, in their order: each poll does that once, and a clone once more.
func (g *GitServer) Lists(name string) []time.Time {
	return g.times(func(r gitRequest) bool { return r.name == name && r.call == infoRefs })
}

// Times are when requests came, since a time, in their order.
func (g *GitServer) Times(since time.Time) []time.Time {
	return g.times(func(r gitRequest) bool { return !r.at.Before(since) })
}

func (g *GitServer) times(chosen func(gitRequest) bool) []time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	var times []time.Time
	for _, r := range g.asked {
		if chosen(r) {
			times = append(times, r.at)
		}
	}
	return times
}

// SlowClones makes every clone of a repository take so much longer: listing
// refs stays fast, as it does for a repository that is large.
func (g *GitServer) SlowClones(name string, delay time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.slow[name] = delay
}

// SlowLists makes every list of refs take so much longer, as it does far away.
func (g *GitServer) SlowLists(delay time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.slowList = delay
}

// Sent is how many bytes all answers had so far, without their headers.
func (g *GitServer) Sent() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.sent
}

// counting tells the server how much it sends.
type counting struct {
	http.ResponseWriter
	g *GitServer
}

// Write implements io.Writer.
func (c *counting) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p)
	c.g.mu.Lock()
	defer c.g.mu.Unlock()
	c.g.sent += int64(n)
	return n, err
}

// count notes a request, and tells how long it has to wait.
func (g *GitServer) count(r *http.Request) time.Duration {
	name, call, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), ".git/")
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked = append(g.asked, gitRequest{name, call, time.Now()})
	switch call {
	case infoRefs:
		return g.slowList
	case uploadPack:
		return g.slow[name]
	}
	return 0
}

// Push writes the files (path to contents; empty contents remove a file), commits
// them on branch main and pushes. The first push creates the repository. It
// returns the commit's SHA-1.
func (g *GitServer) Push(ctx context.Context, name string, files map[string]string) (string, error) {
	work, bare := g.work(name), g.bare(name)
	if !isDir(work) {
		err := g.each(ctx, g.dir, []string{"init", "--quiet", "--bare", "--initial-branch=main", bare},
			[]string{"init", "--quiet", "--initial-branch=main", work})
		if err != nil {
			return "", err
		}
	}
	for path, contents := range files {
		if err := writeFile(filepath.Join(work, path), contents); err != nil {
			return "", fmt.Errorf("pushing to %q: %w", name, err)
		}
	}
	err := g.each(ctx, work, []string{"add", "--all"},
		[]string{"commit", "--quiet", "--allow-empty", "--message=Change " + name}, []string{"push", "--quiet", bare, "main"})
	if err != nil {
		return "", err
	}
	return g.Head(ctx, name)
}

// Clone makes a checkout of a repository, as a user has one.
func (g *GitServer) Clone(ctx context.Context, name, dir string) error {
	return g.each(ctx, g.dir, []string{"clone", "--quiet", g.bare(name), dir})
}

// PushCheckout commits what has changed in a checkout and pushes it. It returns
// the commit's SHA-1, and an error where nothing has changed.
func (g *GitServer) PushCheckout(ctx context.Context, dir string) (string, error) {
	err := g.each(ctx, dir, []string{"add", "--all"},
		[]string{"commit", "--quiet", "--message=Change a checkout"}, []string{"push", "--quiet", "origin", "main"})
	if err != nil {
		return "", err
	}
	return g.head(ctx, dir)
}

// Head is the SHA-1 of the commit that was made last in a repository.
func (g *GitServer) Head(ctx context.Context, name string) (string, error) {
	return g.head(ctx, g.work(name))
}

func (g *GitServer) head(ctx context.Context, dir string) (string, error) {
	sha, err := g.run(ctx, dir, "rev-parse", "HEAD")
	return strings.TrimSpace(sha), err
}

// Tag sets a tag on what was pushed last, and pushes it.
func (g *GitServer) Tag(ctx context.Context, name, tag string) error {
	return g.each(ctx, g.work(name), []string{"tag", "--force", tag}, []string{"push", "--quiet", "--force", g.bare(name), tag})
}

// AddSubmodule makes what was pushed last to one repository a submodule of
// another, in the folder given, and pushes that.
func (g *GitServer) AddSubmodule(ctx context.Context, name, folder, of string) error {
	sha, err := g.Head(ctx, of)
	if err != nil {
		return err
	}
	modules := fmt.Sprintf("[submodule %q]\n\tpath = %s\n\turl = %s\n", folder, folder, g.URL(of))
	if err := writeFile(filepath.Join(g.work(name), ".gitmodules"), modules); err != nil {
		return fmt.Errorf("adding a submodule to %q: %w", name, err)
	}
	// Where the folder is missing, the next push takes the submodule out.
	if err := os.MkdirAll(filepath.Join(g.work(name), folder), 0o755); err != nil {
		return fmt.Errorf("adding a submodule to %q: %w", name, err)
	}
	return g.each(ctx, g.work(name), []string{"add", ".gitmodules"},
		[]string{"update-index", "--add", "--cacheinfo", "160000," + sha + "," + folder},
		[]string{"commit", "--quiet", "--message=Add a submodule to " + name},
		[]string{"push", "--quiet", g.bare(name), "main"})
}

func writeFile(path, contents string) error {
	if contents == "" {
		return os.RemoveAll(path)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(contents), 0o644)
}

// env keeps the user's own Git configuration, hooks and signing keys out.
func (g *GitServer) env() []string {
	return []string{
		"GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "HOME=" + g.dir,
		"GIT_AUTHOR_NAME=testbed", "GIT_AUTHOR_EMAIL=testbed@example.com",
		"GIT_COMMITTER_NAME=testbed", "GIT_COMMITTER_EMAIL=testbed@example.com",
	}
}

// each runs git several times, until one fails.
func (g *GitServer) each(ctx context.Context, dir string, commands ...[]string) error {
	for _, args := range commands {
		if _, err := g.run(ctx, dir, args...); err != nil {
			return err
		}
	}
	return nil
}

func (g *GitServer) run(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, g.git, args...)
	cmd.Dir = dir
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH")}, g.env()...)
	return output(cmd)
}
