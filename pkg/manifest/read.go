package manifest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// Fleet is what one Root deploys.
type Fleet struct {
	Root        Root
	Snapshot    flux.Snapshot
	deployments map[flux.Ref]*deployment
	// owners tells by which Kustomization each object is applied.
	owners map[flux.Ref]flux.Ref
	// shared are the other Kustomizations that apply an object, and idle those that apply nothing, as they are suspended.
	shared map[flux.Ref][]flux.Ref
	idle   map[flux.Ref]bool
	// held says why fields of objects do not follow the files, and suspended are Kustomizations that apply nothing.
	held      map[flux.Ref]map[flux.Field]string
	suspended map[flux.Ref]bool
	// starved are Kustomizations whose source is suspended.
	starved map[flux.Ref]*dry
	// rules are those by which Kustomizations leave fields to the cluster.
	rules map[flux.Ref]tune.FromGit
	// refused says why Kustomizations apply nothing: the API server refuses an object, or they wait for themselves.
	refused map[flux.Ref]string
	// mistyped are the objects that Flux does not have.
	mistyped []Mistyped
	// unfit are the objects that the API server refuses, and faulty those that it may refuse.
	unfit  []Unfit
	faulty []faulty
	// unread are the objects that cannot be read as what they say to be.
	unread []unread
	// artifacts are the ExternalArtifacts that are made of the checkout.
	artifacts map[sourceRef]artifact
	// sources are what its sources say that were found in the checkout.
	sources map[sourceRef]gitSource
	// tree is the checkout; nil where there is none.
	tree *Tree
	// compared says that there is nothing of what is said of objects.
	compared bool
}

// reader reads roots, and remembers builds: many rounds ask for the same.
type reader struct {
	tree    *Tree
	options buildOptions
	builds  map[string]built
	trees   map[string]*Tree // of ExternalArtifacts
	// compared leaves out of the Fleets what is said of objects: they are only held against others.
	compared bool
}

func newReader(t *Tree) *reader {
	patches := sync.OnceValue(func() map[string]bool { return t.patchFiles(t.patchUses()) })
	return &reader{tree: t, options: buildOptions{schemas: t.customSchemas(), origins: true, patches: patches}, builds: map[string]built{}, trees: map[string]*Tree{}}
}

// Read builds the roots as Flux would, level by level through the Kustomizations that they apply. What
// cannot be known from the checkout is in the Snapshots' gaps.
func (t *Tree) Read(roots []Root) []Fleet { return newReader(t).all(roots) }

// ReadValues is Read for whoever asks for values and not for where they stand: kustomize then does not note where
// objects come from, which takes it as long as all the rest.
func (t *Tree) ReadValues(roots []Root) []Fleet {
	r := newReader(t)
	r.options.origins = false
	return r.all(roots)
}

func (r *reader) all(roots []Root) []Fleet {
	fleets := make([]Fleet, 0, len(roots))
	for _, root := range roots {
		fleets = append(fleets, r.read(root))
	}
	return fleets
}

// reread reads the roots of other fleets again from a Tree with edits, for their objects, values and deployments alone.
func (t *Tree) reread(fleets []Fleet) []Fleet {
	r := t.rereader(fleets)
	again := make([]Fleet, 0, len(fleets))
	for _, f := range fleets {
		again = append(again, r.read(f.Root))
	}
	return again
}

// redeployed is reread for the deployments alone.
func (t *Tree) redeployed(fleets []Fleet) []map[flux.Ref]*deployment {
	r := t.rereader(fleets)
	again := make([]map[flux.Ref]*deployment, 0, len(fleets))
	for _, f := range fleets {
		deployments, _, _ := r.follow(f.Root)
		again = append(again, deployments)
	}
	return again
}

// rereader takes over the builds of fleets that read none of the edited files.
func (t *Tree) rereader(fleets []Fleet) *reader {
	r := newReader(t)
	r.compared = true
	r.options.origins = false // an edit changes no object's file
	for _, f := range fleets {
		for _, d := range f.deployments {
			if d.local && !t.touches(d.built.read) {
				r.builds[d.buildKey()] = d.built
			}
		}
	}
	return r
}

// touches tells whether one of the files has an edit.
func (t *Tree) touches(files map[string]bool) bool {
	for file := range t.edits {
		if files[file] {
			return true
		}
	}
	return false
}

// maxRounds bounds how deep Kustomizations are followed, and how often variables may change what is built.
const maxRounds = 20

// read makes a Fleet of what a root deploys.
func (r *reader) read(root Root) Fleet {
	current, configMaps, sources := r.follow(root)
	f := newFleet(root, current, configMaps, r.compared)
	if r.compared {
		return f
	}
	f.tree, f.sources, f.artifacts = r.tree, sources, r.artifacts(root, current, sources)
	f.Snapshot.Gaps = append(f.Snapshot.Gaps, r.sourceGaps(root, current, sources)...)
	return f
}

// follow follows the Kustomizations of a root until nothing changes any more. It returns them with the ConfigMaps and sources that
// they apply.
func (r *reader) follow(root Root) (current map[flux.Ref]*deployment, configMaps map[flux.Ref]map[string]string, sources map[sourceRef]gitSource) {
	start := root.start()
	current = r.first(root, start, nil)
	configMaps, sources = map[flux.Ref]map[string]string{}, map[sourceRef]gitSource{}
	before := "" // the folder of the round before
	for range maxRounds {
		r.build(current)
		lenient := runsLenient(root, current)
		for _, d := range current {
			d.objects = d.apply(r.tree, configMaps, lenient)
		}
		found := collectConfigMaps(current, configMaps)
		collectSources(current, sources)
		next := r.next(root, start, current, sources)
		if sameDeployments(current, next) && maps.EqualFunc(found, configMaps, maps.Equal[map[string]string, map[string]string]) {
			return current, configMaps, sources
		}
		before, current, configMaps = current[start.ref()].folder, next, found
	}
	if d := current[start.ref()]; d.folder != before {
		return map[flux.Ref]*deployment{start.ref(): d.circling()}, configMaps, sources
	}
	return current, configMaps, sources
}

// circling is a first Kustomization whose files give it another path, and the files there the first one again.
func (d *deployment) circling() *deployment {
	c := *d
	c.local, c.failed, c.built, c.objects = false, true, built{}, nil
	c.elsewhere = "its files give it another path, and the files there lead back: what it applies changes each time"
	return &c
}

// sourceGaps are what is not known of the files that local deployments are made of.
func (r *reader) sourceGaps(root Root, current map[flux.Ref]*deployment, sources map[sourceRef]gitSource) []flux.Gap {
	var gaps []flux.Gap
	told := map[sourceRef]bool{}
	for _, ref := range sortedRefs(current) {
		d := current[ref]
		if !d.local {
			continue
		}
		unknown := sources[d.source()].gaps(root, d.source(), r.tree)
		d.more = len(unknown)+len(d.built.gaps) > 0
		if !told[d.source()] {
			told[d.source()] = true
			gaps = append(gaps, unknown...)
		}
	}
	return gaps
}

// start is the first Kustomization, before it has applied itself.
func (r Root) start() kustomization {
	var k kustomization
	if r.made != nil {
		k.Spec = *r.made
	}
	k.Metadata.Name, k.Metadata.Namespace = r.name, r.namespace
	k.Spec.SourceRef, k.Spec.Path = r.source, r.Path
	return k
}

// buildKey tells apart what is built: which files, where, and with which additions.
func (d *deployment) buildKey() string {
	return fmt.Sprint(d.key, "\x00", d.folder, "\x00", d.flat, d.spec)
}

// build gives deployments what they build, each once for all that build the same.
func (r *reader) build(current map[flux.Ref]*deployment) {
	missing := map[string]*deployment{}
	for _, d := range current {
		if key := d.buildKey(); d.local {
			if _, done := r.builds[key]; !done {
				missing[key] = d
			}
		}
	}
	r.buildAll(missing)
	for _, d := range current {
		if d.local {
			d.built = r.builds[d.buildKey()]
		} else {
			d.built = built{err: d.built.err}
		}
	}
}

func (r *reader) first(root Root, start kustomization, sources map[sourceRef]gitSource) map[flux.Ref]*deployment {
	made := artifact{tree: r.tree}
	if root.name != "" { // else somebody applies the folder, and no Kustomization from its source
		made = r.taken(root, start.source(), sources)
	}
	return map[flux.Ref]*deployment{start.ref(): {
		kustomization: start, artifact: made, folder: root.Path, local: true, flat: root.flat, spec: specKey(start),
	}}
}

// next are the Kustomizations that the present ones apply, with the first.
func (r *reader) next(root Root, start kustomization, current map[flux.Ref]*deployment, sources map[sourceRef]gitSource) map[flux.Ref]*deployment {
	next := r.first(root, start, sources)
	artifacts := r.artifacts(root, current, sources)
	taken := map[flux.Ref]bool{} // by the one that counts
	blocked := isolated(installedIn(root, current))
	for _, ref := range inOrder(current) {
		for _, o := range current[ref].objects {
			if o.ref.Kind != kustomizationKind || o.ref.Group != kustomizeGroup || taken[o.ref] {
				continue
			}
			taken[o.ref] = true
			k, err := parseKustomization(o.json)
			d := &deployment{kustomization: k, spec: specKey(k)}
			if err != nil {
				d.built.err = err
			} else {
				d.locate(r.taken(root, d.source(), sources), r.tree, home{root, sources}, artifacts)
				if blocked {
					d.isolate()
				}
			}
			next[o.ref] = d
		}
	}
	if d := current[start.ref()]; d.spec != specKey(start) && (d.built.err != nil || !d.local || !taken[start.ref()]) {
		next[start.ref()] = d // it has applied itself, and fails, finds no files or not itself since: Flux does not go back either
	}
	return next
}

// specKey tells specs apart.
func specKey(k kustomization) string {
	data, err := json.Marshal(k.Spec)
	if err != nil {
		return err.Error()
	}
	return string(data)
}

func sameDeployments(a, b map[flux.Ref]*deployment) bool {
	return maps.EqualFunc(a, b, func(x, y *deployment) bool {
		return x.spec == y.spec && x.folder == y.folder && x.key == y.key && x.elsewhere == y.elsewhere
	})
}

func sortedRefs[V any](m map[flux.Ref]V) []flux.Ref {
	return slices.SortedFunc(maps.Keys(m), flux.Ref.Compare)
}
