package sim

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Path of a Resource: a tunable field, spec.ignore, or an annotation.
type Path string

const annotationPrefix = "metadata.annotations."

// AnnotationPath is the path of an annotation.
func AnnotationPath(key string) Path { return annotationPrefix + Path(key) }

// Paths are those of the fields that the simulation knows.
var fieldPaths = [4]Path{Path(flux.Interval), Path(flux.Timeout), Path(flux.RetryInterval), Path(flux.IgnoreField)}

// Owner of paths, as an entry of metadata.managedFields.
type Owner struct {
	Manager string
	Apply   bool
}

// Writer is who gave a field its value, or said it again.
type Writer int

// The writers. What an applier says it will say again, and a hand says once.
const (
	ByApplier Writer = iota
	ByHand
	ByUs
)

// Resource is a Kustomization as the simulated API server keeps it.
type Resource struct {
	Ref         flux.Ref
	Fields      map[flux.Field]string
	Ignore      []flux.IgnoreRule
	Annotations map[string]string
	Owners      map[Owner]map[Path]bool
	// LastWriter of each field.
	LastWriter map[flux.Field]Writer
	// FromGit are the fields that Git set at the last reconcile.
	FromGit map[flux.Field]bool
	// Observed are the rules with which a parent has reconciled last.
	Observed []flux.IgnoreRule

	labels     map[string]string
	suspended  bool
	version    int
	generation int64
	observed   int64
	inventory  []flux.Ref
	memo       *flux.Object // as a client reads it, until it changes
	wholeMemo  *flux.Object // and as it is read alone; of the memo that it was made of
	wholeOf    *flux.Object
	// wrote is when each owner last wrote, by the clock of its world.
	wrote map[Owner]time.Time
	clock *time.Time
}

func newResource(ref flux.Ref, labels map[string]string, clock *time.Time) *Resource {
	return &Resource{wrote: make(map[Owner]time.Time), clock: clock, Ref: ref, Fields: make(map[flux.Field]string), labels: labels, Annotations: make(map[string]string), version: 1,
		generation: 1, Owners: make(map[Owner]map[Path]bool), LastWriter: make(map[flux.Field]Writer)}
}

func (r *Resource) clone() *Resource {
	c := *r
	c.Fields, c.Annotations, c.LastWriter = maps.Clone(r.Fields), maps.Clone(r.Annotations), maps.Clone(r.LastWriter)
	c.wrote = maps.Clone(r.wrote)
	c.Owners = make(map[Owner]map[Path]bool, len(r.Owners))
	for k, set := range r.Owners {
		c.Owners[k] = maps.Clone(set)
	}
	return &c
}

// written is when everything was written: there is no clock here, and no other cluster that applies anything. Each
// Kustomization has reconciled since.
var written = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// Object is the resource as a client reads it.
func (r *Resource) Object() flux.Object {
	if r.memo != nil {
		return *r.memo
	}
	o := flux.Object{
		Ref: r.Ref, Version: "v1", ResourceVersion: fmt.Sprint(r.version), Generation: r.generation,
		Labels: r.labels, Annotations: maps.Clone(r.Annotations), Suspended: r.suspended, Ignore: slices.Clone(r.Ignore),
	}
	for f, value := range r.Fields {
		switch f {
		case flux.Interval:
			o.Interval = &value
		case flux.Timeout:
			o.Timeout = &value
		case flux.RetryInterval:
			o.RetryInterval = &value
		}
	}
	for _, k := range r.owners() {
		o.Writers = append(o.Writers, flux.Writer{Manager: flux.Manager{Name: k.Manager, Apply: k.Apply, Version: r.Ref.Group + "/v1"}, Time: written})
		for _, p := range fieldPaths {
			if r.Owners[k][p] {
				o.Owners = append(o.Owners, flux.FieldOwner{Field: flux.Field(p), Manager: flux.Manager{Name: k.Manager, Apply: k.Apply, Version: r.Ref.Group + "/v1"}})
			}
		}
	}
	for key := range r.Annotations {
		if strings.HasPrefix(key, flux.Group+"/") {
			o.ManagedFields = r.managedFields()
			break
		}
	}
	// Every Kustomization applies something that is not Flux's, too.
	o.Status = flux.Status{ObservedGeneration: r.observed, Ready: "True", Managed: len(r.inventory) + 1, Inventory: r.inventory, LastReconciled: written.Add(time.Hour)}
	r.memo = &o
	return o
}

// whole is the resource as it is read alone: with managedFields, whoever changed it.
func (r *Resource) whole() flux.Object {
	o := r.Object()
	if r.wholeOf == r.memo {
		return *r.wholeMemo
	}
	if o.ManagedFields == nil {
		o.ManagedFields = r.managedFields()
	}
	r.wholeOf, r.wholeMemo = r.memo, &o
	return o
}

// owners in the order in which the API server lists them: appliers first, then by name
// (structured-merge-diff's managers, k8s.io/apimachinery pkg/util/managedfields, sortEncodedManagedFields, but for times).
func (r *Resource) owners() []Owner {
	return slices.SortedFunc(maps.Keys(r.Owners), func(a, b Owner) int {
		switch {
		case a.Apply == b.Apply:
			return strings.Compare(a.Manager, b.Manager)
		case a.Apply:
			return -1
		default:
			return 1
		}
	})
}

// Value is what a path holds, as text; false where it is absent.
func (r *Resource) Value(p Path) (string, bool) {
	if p == Path(flux.IgnoreField) {
		if len(r.Ignore) == 0 {
			return "", false
		}
		return ruleText(r.Ignore), true
	}
	if key, found := strings.CutPrefix(string(p), annotationPrefix); found {
		v, ok := r.Annotations[key]
		return v, ok
	}
	v, ok := r.Fields[flux.Field(p)]
	return v, ok
}

func ruleText(rules []flux.IgnoreRule) string {
	data, err := json.Marshal(rules)
	if err != nil { // strings always marshal
		return ""
	}
	return string(data)
}

// set puts a value into a path.
func (r *Resource) set(p Path, value string) {
	r.memo = nil
	switch key, annotation := strings.CutPrefix(string(p), annotationPrefix); {
	case p == Path(flux.IgnoreField):
		r.Ignore = nil
		if err := json.Unmarshal([]byte(value), &r.Ignore); err != nil {
			panic(err) // the API server would have refused it
		}
	case annotation:
		r.Annotations[key] = value
	default:
		r.Fields[flux.Field(p)] = value
	}
}

func (r *Resource) remove(p Path) {
	r.memo = nil
	switch key, annotation := strings.CutPrefix(string(p), annotationPrefix); {
	case p == Path(flux.IgnoreField):
		r.Ignore = nil
	case annotation:
		delete(r.Annotations, key)
	default:
		delete(r.Fields, flux.Field(p))
	}
	for k, set := range r.Owners {
		delete(set, p)
		if len(set) == 0 {
			delete(r.Owners, k)
		}
	}
}

// own makes a manager the owner of a path; alone, or beside those who own it.
func (r *Resource) own(k Owner, p Path, alone bool) {
	r.memo = nil
	if alone {
		for other, set := range r.Owners {
			if other != k {
				delete(set, p)
				if len(set) == 0 {
					delete(r.Owners, other)
				}
			}
		}
	}
	if r.Owners[k] == nil {
		r.Owners[k] = make(map[Path]bool)
	}
	r.Owners[k][p] = true
	r.wrote[k] = *r.clock
}

// Tracked tells whether metadata.managedFields names anybody. Of an object of which it names nobody the API server notes nobody, until
// it is applied (k8s.io/apimachinery pkg/util/managedfields/internal/skipnonapplied.go).
func (r *Resource) Tracked() bool { return len(r.Owners) > 0 || r.version == 1 }

// beforeFirstApply is who owns what was there when an object is applied that nobody owned anything of.
const beforeFirstApply = "before-first-apply"

// update is what an update or a merge patch by a manager does: it becomes the only owner of what it changes. A value
// of nil removes.
func (r *Resource) update(manager string, values map[Path]*string, by Writer) (changed bool) {
	spec, tracked := false, r.Tracked()
	for p, value := range values {
		now, there := r.Value(p)
		switch {
		case value == nil && there:
			r.remove(p)
		case value != nil && (!there || now != *value):
			r.set(p, *value)
			if tracked {
				r.own(Owner{manager, false}, p, true)
			}
		default:
			continue
		}
		changed = true
		r.LastWriter[flux.Field(p)] = by
		spec = spec || !strings.HasPrefix(string(p), "metadata.")
	}
	r.changed(changed, spec)
	return changed
}

func (r *Resource) changed(any, spec bool) {
	if any {
		r.version++
		r.memo = nil
	}
	if spec {
		r.generation++
	}
}

// apply is server-side apply by a manager, with force.
func (r *Resource) apply(manager string, values map[Path]string, by Writer) {
	k := Owner{manager, true}
	spec := false
	if !r.Tracked() {
		for _, p := range r.paths() {
			r.own(Owner{beforeFirstApply, false}, p, true)
		}
	}
	for p := range maps.Clone(r.Owners[k]) {
		if _, kept := values[p]; kept {
			continue
		}
		delete(r.Owners[k], p)
		if r.ownersOf(p) == 0 {
			r.remove(p)
			spec = spec || !strings.HasPrefix(string(p), "metadata.")
			r.LastWriter[flux.Field(p)] = by
		}
	}
	for p, value := range values {
		now, there := r.Value(p)
		differs := !there || now != value
		if differs {
			r.set(p, value)
			spec = spec || !strings.HasPrefix(string(p), "metadata.")
		}
		if differs || (by == ByApplier && !r.Owners[k][p]) { // a hand that says what is there may leave no trace
			r.LastWriter[flux.Field(p)] = by
		}
		r.own(k, p, differs)
	}
	if len(r.Owners[k]) == 0 {
		delete(r.Owners, k)
	}
	r.changed(true, spec)
}

// paths are those that hold something.
func (r *Resource) paths() []Path {
	var paths []Path
	for _, p := range fieldPaths {
		if _, there := r.Value(p); there {
			paths = append(paths, p)
		}
	}
	for key := range r.Annotations {
		paths = append(paths, AnnotationPath(key))
	}
	return paths
}

// Lasting is what is left of a resource when nobody works on it: its values and their owners, without versions. Of
// the kubectl commands it does not tell which: an edit back to the original leaves no trace where nothing had changed
// it. Without hands, it leaves out what run-once tools own.
func (r *Resource) Lasting(withoutHands bool) string {
	owners := make(map[string][]string)
	for k, set := range r.Owners {
		if withoutHands && runOnce(k.Manager) {
			continue
		}
		operation := "Update"
		if k.Apply {
			operation = "Apply"
		}
		manager := k.Manager
		if strings.HasPrefix(manager, "kubectl-") {
			manager = "kubectl"
		}
		key := manager + " " + operation
		for p := range set {
			if !slices.Contains(owners[key], string(p)) {
				owners[key] = append(owners[key], string(p))
			}
		}
		slices.Sort(owners[key])
	}
	return r.text(owners)
}

// Values are those that it has, whoever owns them.
func (r *Resource) Values() string { return r.text(nil) }

// text leaves out what kubectl apply keeps for itself: copies of an object have our record in it.
func (r *Resource) text(owners map[string][]string) string {
	annotations := maps.Clone(r.Annotations)
	delete(annotations, corev1.LastAppliedConfigAnnotation)
	data, err := json.Marshal([]any{r.Fields, r.Ignore, annotations, owners})
	if err != nil { // strings always marshal
		return err.Error()
	}
	return string(data)
}

func runOnce(manager string) bool {
	return manager == "flux" || strings.HasPrefix(manager, "kubectl") || slices.Contains(Managers, manager)
}

// Suspended tells whether a Kustomization is suspended.
func (r *Resource) Suspended() bool { return r.suspended }
