package manifest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
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

// tunedLine is a line that only says how often something is looked at, or how long that may take. A commit that changes
// nothing else, as rewrite makes them, is none that anybody waits for. Where Git has numbers of lines to tell (--numstat), it
// leaves out the files of which nothing but such lines changed.
const tunedLine = `^[[:space:]-]*["']?(interval|timeout|retryInterval)["']?:[[:space:]]*["']?[0-9.msh]+["']?,?[[:space:]]*(#.*)?$`

// ReadHistory reads from Git when the files below a folder changed, from a time on, in more than intervals and timeouts.
// Nothing is fetched or written.
func ReadHistory(ctx context.Context, dir string, since time.Time) (History, error) {
	h := History{Since: since}
	log := func(how ...string) ([]byte, error) {
		arguments := append([]string{"log", "--first-parent", "-m", "--no-renames", "--relative", "-z"}, how...)
		return gitProgram{ctx: ctx, dir: dir}.run(append(arguments, fmt.Sprintf("--since=@%d", since.Unix()), "--format=%x01%ct %p", "HEAD")...)
	}
	out, err := log("--numstat", "--no-ext-diff", "--no-textconv", "-I"+tunedLine)
	if err != nil && ctx.Err() == nil { // Git before 2.30, or contents that are not here (a partial clone)
		out, err = log("--name-only")
	}
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
			if parts := strings.SplitN(file, "\t", 3); len(parts) == 3 { // lines added, lines taken away, the file
				file = parts[2]
			}
			if file != "" {
				c.Files = append(c.Files, file)
			}
		}
		h.Commits = append(h.Commits, c)
	}
	return h, nil
}

// SourceFiles are the files of the checkout that what uses a source is made of, for each source that holds the checkout
// itself and follows its commits: what was read to build Kustomizations, also through an ArtifactGenerator, and the charts of
// HelmReleases.
func (f Fleet) SourceFiles() map[flux.Ref]map[string]bool {
	found, home := map[flux.Ref]map[string]bool{}, f.home()
	add := func(from sourceRef, files map[string]bool) {
		kind, err := flux.ParseKind(from.Kind)
		standing, _ := home.standing(from)
		if err != nil || from.Name == "" || standing != sameRevision || !home.remote(from).FollowsCommits() {
			return
		}
		ref := flux.Ref{Group: kind.Group, Kind: from.Kind, Namespace: from.Namespace, Name: from.Name}
		if found[ref] == nil {
			found[ref] = map[string]bool{}
		}
		maps.Copy(found[ref], files)
	}
	for _, d := range f.deployments {
		if d.local {
			for _, from := range f.behind(d.source()) {
				add(from, d.built.read)
			}
		}
		for _, o := range d.objects {
			if from, files := f.chartFiles(o); len(files) > 0 {
				for _, source := range f.behind(from) {
					add(source, files)
				}
			}
		}
	}
	return found
}

// behind are the sources that an artifact is made of, or the source itself.
func (f Fleet) behind(source sourceRef) []sourceRef {
	if made, ok := f.artifacts[source]; ok {
		return made.from
	}
	return []sourceRef{source}
}

// chartFiles are the files of a chart that is in the checkout, and where a HelmRelease or HelmChart takes it from
// (helm-controller api/v2, HelmChartTemplateSpec and CrossNamespaceSourceReference; source-controller api/v1, HelmChartSpec).
func (f Fleet) chartFiles(o appliedObject) (sourceRef, map[string]bool) {
	type chart struct {
		Chart       string    `json:"chart"`
		SourceRef   sourceRef `json:"sourceRef"`
		ValuesFiles []string  `json:"valuesFiles"`
	}
	var own chart
	switch o.ref.Kind {
	case "HelmChart":
		var object struct {
			Spec chart `json:"spec"`
		}
		if json.Unmarshal(o.json, &object) != nil {
			return sourceRef{}, nil
		}
		own = object.Spec
	case "HelmRelease":
		var object struct {
			Spec struct {
				Chart struct {
					Spec chart `json:"spec"`
				} `json:"chart"`
				ChartRef sourceRef `json:"chartRef"`
			} `json:"spec"`
		}
		if json.Unmarshal(o.json, &object) != nil {
			return sourceRef{}, nil
		}
		own = object.Spec.Chart.Spec
		if ref := object.Spec.ChartRef; ref.Kind == artifactKind {
			own = chart{Chart: ".", SourceRef: ref}
		}
	default:
		return sourceRef{}, nil
	}
	from := own.SourceRef.in(o.ref.Namespace)
	t, base := f.tree, f.Root.Base
	if made, ok := f.artifacts[from]; ok {
		t, base = made.tree, ""
	}
	files := map[string]bool{}
	if t == nil || own.Chart == "" || from.Kind == "HelmRepository" {
		return from, nil
	}
	for _, p := range append([]string{own.Chart}, own.ValuesFiles...) {
		for file := range t.filesBelow(clean(base + "/" + p)) {
			files[t.origin(file)] = true
		}
	}
	return from, files
}

// filesBelow are a file, or all files below a folder.
func (t *Tree) filesBelow(p string) map[string]bool {
	files := map[string]bool{}
	for file, n := range t.nodes {
		if !n.folder && below(file, p) {
			files[file] = true
		}
	}
	return files
}
