package cluster_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// manifest is an object as Git has it.
type manifest struct {
	fields map[flux.Field]string
	ignore []flux.IgnoreRule // of a parent; nil: Git says nothing
}

// world is a cluster with Kustomizations that apply objects from Git. Two of them run side by side: one that
// fluxtune works on, and one in which only the owners act.
type world struct {
	entities map[flux.Ref]*entity
	// git is what each parent applies; the root applies the parents.
	git map[flux.Ref]map[flux.Ref]*manifest
	// complaints are the invariants that a write broke, as soon as it did.
	complaints []string
	// forced are objects that somebody made different from what their owners chose, on purpose: by revert --force, or
	// by forgetting what they had chosen.
	forced map[flux.Ref]bool
}

const group = "kustomize.toolkit.fluxcd.io"

func ks(namespace, name string) flux.Ref {
	return flux.Ref{Group: group, Kind: "Kustomization", Namespace: namespace, Name: name}
}

var (
	root     = ks("flux-system", "root")
	apps     = ks("flux-system", "apps")
	infra    = ks("flux-system", "infra")
	parents  = []flux.Ref{apps, infra}
	inGit    = []flux.Ref{ks("a", "web"), ks("a", "db"), ks("b", "mesh")}
	free     = []flux.Ref{ks("a", "own"), ks("b", "tool")}
	tunables = []flux.Field{flux.Interval, flux.Timeout, flux.RetryInterval}
	parentOf = map[flux.Ref]flux.Ref{inGit[0]: apps, inGit[1]: apps, inGit[2]: infra}
	theirs   = flux.IgnoreRule{Paths: []string{"/metadata/labels/theirs"}, Target: &flux.IgnoreTarget{Kind: "Kustomization"}}
)

func newWorld() *world {
	w := &world{entities: make(map[flux.Ref]*entity), git: make(map[flux.Ref]map[flux.Ref]*manifest), forced: make(map[flux.Ref]bool)}
	w.git[root] = map[flux.Ref]*manifest{
		apps:  {fields: map[flux.Field]string{flux.Interval: "10m"}},
		infra: {fields: map[flux.Field]string{flux.Interval: "10m"}},
	}
	w.git[apps] = map[flux.Ref]*manifest{
		inGit[0]: {fields: map[flux.Field]string{flux.Interval: "5m", flux.Timeout: "4m"}},
		inGit[1]: {fields: map[flux.Field]string{flux.Interval: "5m"}},
	}
	w.git[infra] = map[flux.Ref]*manifest{inGit[2]: {fields: map[flux.Field]string{flux.Interval: "5m", flux.RetryInterval: "2m"}}}
	w.create(root, map[flux.Field]string{flux.Interval: "10m"}, nil)
	for i, ref := range free {
		fields := map[flux.Field]string{flux.Interval: "5m"}
		if i == 0 {
			fields[flux.Timeout] = "3m"
		}
		w.create(ref, fields, nil)
	}
	w.reconcile(root)
	w.reconcile(apps)
	w.reconcile(infra)
	return w
}

// create makes an object as somebody does with kubectl.
func (w *world) create(ref flux.Ref, fields map[flux.Field]string, labels map[string]string) *entity {
	e := &entity{ref: ref, fields: make(map[flux.Field]string), labels: labels, annotations: make(map[string]string), version: 1,
		owners: make(map[ownerKey]map[path]bool), lastWriter: make(map[flux.Field]writer)}
	values := make(map[path]*string)
	for f, value := range fields {
		values[path(f)] = &value
	}
	e.update("kubectl-create", values, byOwner)
	e.generation, e.observed = 1, 1
	w.entities[ref] = e
	return e
}

func (w *world) clone() *world {
	c := &world{entities: make(map[flux.Ref]*entity, len(w.entities)), git: make(map[flux.Ref]map[flux.Ref]*manifest), forced: maps.Clone(w.forced)}
	for ref, e := range w.entities {
		c.entities[ref] = e.clone()
	}
	for parent, objects := range w.git {
		c.git[parent] = make(map[flux.Ref]*manifest)
		for ref, m := range objects {
			c.git[parent][ref] = &manifest{fields: maps.Clone(m.fields), ignore: m.ignore}
		}
	}
	return c
}

func (w *world) refs() []flux.Ref {
	return slices.SortedFunc(maps.Keys(w.entities), flux.Ref.Compare)
}

// settle lets all controllers observe what there is.
func (w *world) observe() {
	for _, e := range w.entities {
		if !e.suspended {
			e.observed = e.generation
		}
	}
}

// reconcile is what kustomize-controller does with one Kustomization (fluxcd/pkg ssa, Apply): it applies what differs
// from Git, but for fields that its rules leave to others, of which it adopts the value.
func (w *world) reconcile(parent flux.Ref) {
	p := w.entities[parent]
	if p == nil || p.suspended {
		return
	}
	objects := w.git[parent]
	for _, ref := range slices.SortedFunc(maps.Keys(objects), flux.Ref.Compare) {
		w.applyFromGit(p, ref, objects[ref])
	}
	for _, ref := range p.inventory {
		if objects[ref] == nil {
			delete(w.entities, ref) // pruned
		}
	}
	p.inventory = slices.SortedFunc(maps.Keys(objects), flux.Ref.Compare)
	p.observed = p.generation
}

func (w *world) applyFromGit(parent *entity, ref flux.Ref, m *manifest) {
	e := w.entities[ref]
	created := e == nil
	if created {
		labels := map[string]string{group + "/name": parent.ref.Name, group + "/namespace": parent.ref.Namespace}
		e = &entity{ref: ref, fields: make(map[flux.Field]string), labels: labels, annotations: make(map[string]string), version: 1,
			owners: make(map[ownerKey]map[path]bool), lastWriter: make(map[flux.Field]writer)}
		w.entities[ref] = e
	}
	values := make(map[path]string)
	for f, value := range m.fields {
		values[path(f)] = value
	}
	if m.ignore != nil {
		probe := &entity{ignore: m.ignore}
		values[path(flux.IgnoreField)], _ = probe.value(path(flux.IgnoreField))
	}
	e.fromGit = make(map[flux.Field]bool)
	for f := range m.fields {
		e.fromGit[f] = true
	}
	taken := e.takeOver("kubectl", "kustomize-controller")
	dry := e.clone()
	dry.apply("kustomize-controller", values)
	ignored := ignoredFields(parent.ignore, ref)
	drifted := created || taken
	for _, p := range append(slices.Collect(maps.Keys(values)), path(flux.Interval), path(flux.Timeout), path(flux.RetryInterval), path(flux.IgnoreField)) {
		was, there := e.value(p)
		would, will := dry.value(p)
		if was == would && there == will {
			continue
		}
		if !ignored[p] {
			drifted = true
			continue
		}
		if e.otherApplier(p) {
			delete(values, p)
		} else if there {
			values[p] = was // adopted
		}
	}
	if !drifted {
		return
	}
	last := maps.Clone(e.lastWriter)
	e.apply("kustomize-controller", values)
	for p := range ignored { // adopting is nobody's choice
		e.lastWriter[flux.Field(p)] = last[flux.Field(p)]
	}
	if created {
		e.generation, e.observed = 1, 1
	}
}

// takeOver is what kustomize-controller does with fields that kubectl owns: they become its own
// (fluxcd/pkg ssa, PatchReplaceFieldsManagers).
func (e *entity) takeOver(prefix, manager string) bool {
	taken := false
	for k, set := range e.owners {
		if !strings.HasPrefix(k.manager, prefix) {
			continue
		}
		delete(e.owners, k)
		for p := range set {
			e.own(ownerKey{manager, true}, p, false)
		}
		taken = true
	}
	return taken
}

func (e *entity) otherApplier(p path) bool {
	return slices.ContainsFunc(slices.Collect(maps.Keys(e.owners)), func(k ownerKey) bool {
		return k.apply && k.manager != "kustomize-controller" && e.owners[k][p]
	})
}

// ignoredFields are the fields of an object that rules leave to others. Rules of the simulation name kinds, namespaces
// and lists of names only.
func ignoredFields(rules []flux.IgnoreRule, ref flux.Ref) map[path]bool {
	ignored := make(map[path]bool)
	for _, r := range rules {
		t := r.Target
		if t.Kind != ref.Kind || (t.Namespace != "" && t.Namespace != ref.Namespace) ||
			(t.Name != "" && !slices.Contains(strings.Split(t.Name, "|"), ref.Name)) {
			continue
		}
		for _, p := range r.Paths {
			ignored[path(strings.ReplaceAll(strings.TrimPrefix(p, "/"), "/", "."))] = true
		}
	}
	return ignored
}

// kept tells whether something sets a field again by itself: Git by a parent that is there, or an unknown applier.
func (w *world) kept(e *entity, f flux.Field) bool {
	if parent, applied := parentOf[e.ref]; applied && e.fromGit[f] {
		if w.entities[parent] != nil && !ignoredFields(theirRules(w.entities[parent]), e.ref)[path(f)] {
			return true
		}
	}
	for k := range e.owners {
		if k.apply && k.manager == "acme-sync" && e.owners[k][path(f)] {
			return true
		}
	}
	return false
}

func theirRules(e *entity) []flux.IgnoreRule {
	o := e.object()
	ours := tune.OurRules(o)
	return slices.DeleteFunc(slices.Clone(o.Ignore), func(r flux.IgnoreRule) bool { return slices.ContainsFunc(ours, r.Equal) })
}

// judge holds a write of ours against what must never be, at the moment at which it arrives.
func (w *world) judge(s *server, e *entity, values map[path]*string) {
	complain := func(format string, args ...any) {
		w.complaints = append(w.complaints, fmt.Sprintf("%s: ", s.command)+fmt.Sprintf(format, args...))
	}
	if _, touched := values[path(flux.IgnoreField)]; touched && e.owners[ownerKey{"kustomize-controller", true}][path(flux.IgnoreField)] {
		complain("spec.ignore of %s is set in Git, and was written", e.ref)
	}
	if value, marked := e.annotations[tune.OptOutAnnotation]; marked && value != tune.OptInValue && s.command.verb == "apply" && e.ref.Namespace != "flux-system" {
		complain("%s is opted out (%s), and was written", e.ref, value)
	}
	for _, f := range tunables {
		value, touched := values[path(f)]
		now, there := e.fields[f]
		if !touched || (value != nil && there && *value == now) || (value == nil && !there) {
			continue
		}
		c := s.command
		if c.verb == "apply" && c.managed == tune.ManagedSkip && w.kept(e, f) && !s.held(e, f) {
			complain("%s %s is set by its owner, and was written without leave", e.ref, f)
		}
		if seen := s.seen[e.ref][f]; seen != now {
			complain("%s %s was %q when the plan was made, is %q, and was overwritten", e.ref, f, seen, now)
		}
		if c.verb == "revert" && e.lastWriter[f] == byOwner && !c.force {
			complain("%s %s is its owner's later choice %q, and was taken back", e.ref, f, now)
		}
		if c.verb == "revert" && e.lastWriter[f] == byOwner {
			w.forced[e.ref] = true
		}
		if c.verb == "forget" {
			complain("%s %s was changed by forget", e.ref, f)
		}
	}
	if _, record := values[annotationPath(tune.RecordAnnotation)]; record && s.command.verb == "forget" {
		for f, by := range e.lastWriter { // what we set is the owner's own from now on
			w.forced[e.ref] = w.forced[e.ref] || by == byUs
			e.lastWriter[f] = byOwner
		}
	}
}

// held tells whether a rule of ours holds a field already.
func (s *server) held(e *entity, f flux.Field) bool {
	parent := s.world.entities[parentOf[e.ref]]
	return parent != nil && ignoredFields(parent.ignore, e.ref)[path(f)]
}
