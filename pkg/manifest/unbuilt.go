package manifest

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Unbuilt is what a Kustomization applies, a folder holds or a ResourceSet makes that is not known, although its files are
// in the checkout, or may be: its build fails, or it is of a kind that is not built here.
type Unbuilt struct {
	// Root is the index of the Fleet.
	Root int
	// What names it, as in a Gap: "what Kustomization flux-system/apps applies"; Why says what is in the way.
	What, Why string
	// Broken says that Flux could not build it either.
	Broken bool
	// files are those that it may use; lost says why it may use others, too; "" where these are all.
	files map[string]bool
	lost  string
}

// Unbuilt is all that is not built of the fleets, in their order.
func (t *Tree) Unbuilt(fleets []Fleet) []Unbuilt {
	var found []Unbuilt
	build := t.partBuilder()
	for i, f := range fleets {
		for _, u := range f.unread { // it has values all the same, and more of them when it is mended
			found = append(found, Unbuilt{Root: i, What: u.ref.String(), Why: u.why, Broken: true, files: map[string]bool{u.origin: true}})
		}
		for _, ref := range sortedRefs(f.deployments) {
			d := f.deployments[ref]
			if u, ok := d.unbuilt(t, f, build); ok {
				u.Root = i
				found = append(found, u)
			}
			for _, o := range d.objects {
				if o.mistyped != nil && !o.mistyped.Version {
					found = append(found, t.unbuiltMistyped(i, f, o))
				}
				if o.isResourceSet() {
					c := newClosure(t, f.home())
					c.resourceSet(o.json)
					found = append(found, Unbuilt{Root: i, What: whatIsMade(o.ref), Why: notRendered, files: c.used(), lost: c.lost})
				}
			}
		}
	}
	return found
}

const notRendered = "the Flux Operator renders it, and that is not done here"

func whatIsMade(ref flux.Ref) string { return "what " + ref.String() + " makes" }

func (b builtResource) isResourceSet() bool {
	return b.ref.Group == flux.OperatorGroup && b.ref.Kind == "ResourceSet"
}

// partBuilder returns what builds folders for themselves, each once.
func (t *Tree) partBuilder() func(in *Tree, folder string) built {
	how := sync.OnceValue(func() buildOptions { return buildOptions{schemas: t.customSchemas()} })
	done := map[string]built{}
	return func(in *Tree, folder string) built {
		key := fmt.Sprintf("%p %s", in, folder)
		if _, known := done[key]; !known {
			done[key] = build(in, folder, kustomizationSpec{}, how())
		}
		return done[key]
	}
}

// unbuilt tells what a deployment may use where it is not built; false where it is, or is of another repository. Build builds
// the parts of it that can be built.
func (d *deployment) unbuilt(t *Tree, f Fleet, build func(*Tree, string) built) (Unbuilt, bool) {
	u := Unbuilt{What: d.what(), Why: d.elsewhere, Broken: d.failed}
	if d.built.err != nil {
		u.Why, u.Broken = oneLine(d.built.err), !unfetched(d.built.err)
	}
	if u.Why == "" && len(d.built.gaps) > 0 {
		return d.fetched(t, f)
	}
	if u.Why == "" || d.foreign {
		return u, false
	}
	tree := d.tree
	if tree == nil || !tree.isFolder(d.folder) && t.isFolder(d.folder) {
		tree = t // the source leaves it out, or what is made of it is not known
	}
	folders := []string{d.folder}
	if !d.moved && d.source() != f.Root.source {
		folders = f.home().folders(d.source(), d.Spec.Path)
	}
	c := newClosure(tree, f.home())
	c.build = build
	switch {
	case d.tree == nil:
		c.lose("which files it is made of is not known")
	case strings.Contains(d.Spec.Path, "${"):
		c.lose(fmt.Sprintf("its path %q has a variable", d.Spec.Path))
	case !tree.isFolder(d.folder):
		c.lose(fmt.Sprintf("its path %q is not in the checkout", d.Spec.Path))
	default:
		for _, folder := range folders {
			c.folder(folder)
		}
	}
	c.changed(folders, d.Spec)
	u.files, u.lost = c.used(), c.lost
	for p := range d.built.read {
		u.files[p] = true
	}
	return u, true
}

// fetched tells what a deployment that is built takes from the repository of the checkout by URLs; false where that is nothing.
func (d *deployment) fetched(t *Tree, f Fleet) (Unbuilt, bool) {
	c := newClosure(t, f.home())
	for _, p := range sortedKeys(d.built.read) {
		if isKustomization(p) {
			c.remotes(p)
		}
	}
	why := d.built.gaps[0]
	return Unbuilt{What: d.what(), Why: why.What + ": " + why.Why, files: c.used(), lost: c.lost}, len(c.files) > 0
}

// MissingPath is a Kustomization whose path is not in the checkout.
type MissingPath struct {
	Kustomization flux.Ref
	Path          string
	// Sure says that Flux finds no files either: the checkout is what the Kustomization's source has.
	Sure bool
}

// MissingPaths are those of the Fleet, sorted. What is of another repository, and what its source leaves out, is none.
func (f Fleet) MissingPaths() []MissingPath {
	var found []MissingPath
	for _, ref := range sortedRefs(f.deployments) {
		if d := f.deployments[ref]; d.pathMissing {
			found = append(found, MissingPath{ref, d.Spec.Path, d.failed})
		}
	}
	return found
}

// Builds tells whether a Kustomization of the Fleet is built here.
func (f Fleet) Builds(kustomization flux.Ref) bool {
	d := f.deployments[kustomization]
	return d != nil && d.local && d.built.err == nil
}

// outskirts know which files of a checkout may be used by what is not built.
type outskirts struct {
	unbuilt []Unbuilt
	fleets  []Fleet
	tree    *Tree
	known   map[string]*Unbuilt
	// gives tells of ConfigMaps whether they give variables, and are there for nothing else.
	gives map[spot]bool
	// absent are manifests that only Git has: they may use any file.
	absent []string
}

func (t *Tree) outskirts(fleets []Fleet) *outskirts {
	return &outskirts{unbuilt: t.Unbuilt(fleets), fleets: fleets, tree: t, known: map[string]*Unbuilt{}, gives: map[spot]bool{}, absent: t.absent()}
}

// user is something that is not built and may use a file; nil where nothing may.
func (o *outskirts) user(file string) *Unbuilt {
	if u, ok := o.known[file]; ok {
		return u
	}
	o.known[file] = nil
	for i := range o.unbuilt {
		if u := &o.unbuilt[i]; u.files[file] || u.lost != "" && !o.spared(*u, file) {
			o.known[file] = u
			return u
		}
	}
	if len(o.absent) > 0 && !o.apart(file) {
		o.known[file] = &Unbuilt{Root: noRoot}
	}
	return o.known[file]
}

// noRoot is the Root of what is of no Fleet that is known.
const noRoot = -1

// apart tells whether a file is in the folder of a cluster that is on the disk as a whole: what is absent has folders of its own.
func (o *outskirts) apart(file string) bool {
	return slices.ContainsFunc(o.fleets, func(f Fleet) bool {
		folder := f.Root.Path
		return folder != "" && below(file, folder) && !slices.ContainsFunc(o.absent, func(p string) bool { return below(p, folder) })
	})
}

// spared tells whether a file is not used by what may use any: it is in the folder of another cluster, or of the same one,
// whose Flux reads it there.
func (o *outskirts) spared(u Unbuilt, file string) bool {
	own := o.fleets[u.Root]
	for i, f := range o.fleets {
		if i != u.Root && f.Root.Path != "" && below(file, f.Root.Path) && !below(own.Root.Path, f.Root.Path) {
			return true
		}
	}
	d := own.deployments[own.Root.start().ref()]
	return d != nil && d.local && d.built.err == nil && d.built.read[file] && own.Root.Path != "" && below(file, own.Root.Path)
}

// below tells whether a path is a folder or in it.
func below(p, folder string) bool {
	return folder == "" || p == folder || strings.HasPrefix(p, folder+"/")
}

// why says why a file is left as it is; "" where it need not be.
func (o *outskirts) why(file string) string {
	u := o.user(file)
	switch {
	case u == nil:
		return ""
	case u.Root == noRoot:
		return o.absent[0] + " may use it: " + notOnDisk
	}
	why := fmt.Sprintf("%s in %s, which may use the file, is not built (%s)", u.What, o.fleets[u.Root].Root, u.Why)
	if !u.files[file] && !strings.Contains(u.Why, u.lost) {
		why += ": " + u.lost
	}
	return why
}

// files are those that something is known to use which is not built, sorted.
func (o *outskirts) files() []string {
	all := map[string]bool{}
	for _, u := range o.unbuilt {
		for file := range u.files {
			all[file] = true
		}
	}
	return sortedKeys(all)
}
