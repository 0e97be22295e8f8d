package cluster_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// The simulated API server knows what matters here: merge patches with a resourceVersion, server-side apply, who owns
// a field, and annotations. It is held against a real one by TestSimulationIsTrue.

// paths of an object: a tunable field, spec.ignore, or an annotation.
type path string

func annotationPath(key string) path { return path("metadata.annotations." + key) }

// owner of paths, as an entry of metadata.managedFields.
type ownerKey struct {
	manager string
	apply   bool
}

// entity is an object as the server keeps it.
type entity struct {
	ref         flux.Ref
	fields      map[flux.Field]string
	ignore      []flux.IgnoreRule
	labels      map[string]string
	annotations map[string]string
	suspended   bool
	version     int
	generation  int64
	observed    int64
	owners      map[ownerKey]map[path]bool
	inventory   []flux.Ref
	// fromGit are the fields that Git set at the last reconcile.
	fromGit map[flux.Field]bool
	// lastWriter of each field is us, or an owner.
	lastWriter map[flux.Field]writer
}

type writer int

const (
	byOwner writer = iota
	byUs
)

func (e *entity) clone() *entity {
	c := *e
	c.fields, c.labels, c.annotations = maps.Clone(e.fields), maps.Clone(e.labels), maps.Clone(e.annotations)
	c.ignore, c.inventory = slices.Clone(e.ignore), slices.Clone(e.inventory)
	c.lastWriter = maps.Clone(e.lastWriter)
	c.owners = make(map[ownerKey]map[path]bool, len(e.owners))
	for k, set := range e.owners {
		c.owners[k] = maps.Clone(set)
	}
	return &c
}

// object is the entity as a client reads it.
func (e *entity) object() flux.Object {
	o := flux.Object{
		Ref: e.ref, Version: "v1", ResourceVersion: fmt.Sprint(e.version), Generation: e.generation,
		Labels: e.labels, Annotations: maps.Clone(e.annotations), Suspended: e.suspended, Ignore: slices.Clone(e.ignore),
	}
	for f, value := range e.fields {
		switch f {
		case flux.Interval:
			o.Interval = &value
		case flux.Timeout:
			o.Timeout = &value
		case flux.RetryInterval:
			o.RetryInterval = &value
		}
	}
	for _, k := range e.ownerKeys() {
		for _, f := range []flux.Field{flux.Interval, flux.Timeout, flux.RetryInterval, flux.IgnoreField} {
			if e.owners[k][path(f)] {
				o.Owners = append(o.Owners, flux.FieldOwner{Field: f, Manager: flux.Manager{Name: k.manager, Apply: k.apply, Version: e.ref.Group + "/v1"}})
			}
		}
	}
	for key := range e.annotations {
		if strings.HasPrefix(key, flux.Group+"/") {
			o.ManagedFields = e.managedFields()
			break
		}
	}
	o.Status = flux.Status{ObservedGeneration: e.observed, Ready: "True", Managed: len(e.inventory), Inventory: e.inventory}
	return o
}

func (e *entity) ownerKeys() []ownerKey {
	return slices.SortedFunc(maps.Keys(e.owners), func(a, b ownerKey) int {
		return strings.Compare(fmt.Sprint(a), fmt.Sprint(b))
	})
}

type managedEntry struct {
	Manager    string          `json:"manager,omitempty"`
	Operation  string          `json:"operation,omitempty"`
	APIVersion string          `json:"apiVersion,omitempty"`
	FieldsType string          `json:"fieldsType,omitempty"`
	FieldsV1   json.RawMessage `json:"fieldsV1,omitempty"`
}

func (e *entity) managedFields() []byte {
	var entries []managedEntry
	for _, k := range e.ownerKeys() {
		operation := "Update"
		if k.apply {
			operation = "Apply"
		}
		tree := map[string]any{}
		for p := range e.owners[k] {
			at := tree
			for _, step := range steps(p) {
				next, ok := at["f:"+step].(map[string]any)
				if !ok {
					next = map[string]any{}
					at["f:"+step] = next
				}
				at = next
			}
		}
		fields, err := json.Marshal(tree)
		if err != nil {
			panic(err)
		}
		entries = append(entries, managedEntry{k.manager, operation, e.ref.Group + "/v1", "FieldsV1", fields})
	}
	data, err := json.Marshal(entries)
	if err != nil {
		panic(err)
	}
	return data
}

// steps of a path: annotations' keys have dots.
func steps(p path) []string {
	if key, found := strings.CutPrefix(string(p), "metadata.annotations."); found {
		return []string{"metadata", "annotations", key}
	}
	return strings.Split(string(p), ".")
}

func (e *entity) setManagedFields(entries []managedEntry) {
	e.owners = make(map[ownerKey]map[path]bool)
	for _, entry := range entries {
		if entry.Manager == "" {
			continue
		}
		var tree map[string]any
		if err := json.Unmarshal(entry.FieldsV1, &tree); err != nil {
			panic(err)
		}
		set := make(map[path]bool)
		flatten(tree, nil, set)
		key := ownerKey{entry.Manager, entry.Operation == "Apply"}
		if e.owners[key] == nil {
			e.owners[key] = set
		} else {
			maps.Copy(e.owners[key], set)
		}
	}
}

func flatten(tree map[string]any, at []string, set map[path]bool) {
	for key, value := range tree {
		sub, ok := value.(map[string]any)
		step := append(slices.Clone(at), strings.TrimPrefix(key, "f:"))
		if !ok || len(sub) == 0 {
			set[path(strings.Join(step, "."))] = true
			continue
		}
		flatten(sub, step, set)
	}
}

// value is what a path holds, as text; false where it is absent.
func (e *entity) value(p path) (string, bool) {
	if p == path(flux.IgnoreField) {
		if len(e.ignore) == 0 {
			return "", false
		}
		data, err := json.Marshal(e.ignore)
		if err != nil {
			panic(err)
		}
		return string(data), true
	}
	if key, found := strings.CutPrefix(string(p), "metadata.annotations."); found {
		v, ok := e.annotations[key]
		return v, ok
	}
	v, ok := e.fields[flux.Field(p)]
	return v, ok
}

// set puts a value into a path; remove takes it away.
func (e *entity) set(p path, value string) {
	switch key, annotation := strings.CutPrefix(string(p), "metadata.annotations."); {
	case p == path(flux.IgnoreField):
		e.ignore = nil
		if err := json.Unmarshal([]byte(value), &e.ignore); err != nil {
			panic(err)
		}
	case annotation:
		e.annotations[key] = value
	default:
		e.fields[flux.Field(p)] = value
	}
}

func (e *entity) remove(p path) {
	switch key, annotation := strings.CutPrefix(string(p), "metadata.annotations."); {
	case p == path(flux.IgnoreField):
		e.ignore = nil
	case annotation:
		delete(e.annotations, key)
	default:
		delete(e.fields, flux.Field(p))
	}
	for k, set := range e.owners {
		delete(set, p)
		if len(set) == 0 {
			delete(e.owners, k)
		}
	}
}

// own makes a manager the owner of a path; alone, or beside those who own it.
func (e *entity) own(k ownerKey, p path, alone bool) {
	if alone {
		for other, set := range e.owners {
			if other != k {
				delete(set, p)
				if len(set) == 0 {
					delete(e.owners, other)
				}
			}
		}
	}
	if e.owners[k] == nil {
		e.owners[k] = make(map[path]bool)
	}
	e.owners[k][p] = true
}

// update is what an update or a patch by a manager does: it becomes the only owner of what it changes.
func (e *entity) update(manager string, values map[path]*string, by writer) (changed bool) {
	for p, value := range values {
		now, there := e.value(p)
		switch {
		case value == nil && there:
			e.remove(p)
		case value != nil && (!there || now != *value):
			e.set(p, *value)
			e.own(ownerKey{manager, false}, p, true)
		default:
			continue
		}
		changed = true
		if f := flux.Field(p); f == flux.Interval || f == flux.Timeout || f == flux.RetryInterval {
			e.lastWriter[f] = by
		}
		if !strings.HasPrefix(string(p), "metadata.") {
			e.generation++
		}
	}
	if changed {
		e.version++
	}
	return changed
}

// apply is server-side apply by a manager, with force.
func (e *entity) apply(manager string, values map[path]string) (changed bool) {
	k := ownerKey{manager, true}
	before := maps.Clone(e.owners[k])
	for p := range before {
		if _, kept := values[p]; kept {
			continue
		}
		delete(e.owners[k], p)
		shared := slices.ContainsFunc(slices.Collect(maps.Keys(e.owners)), func(other ownerKey) bool { return e.owners[other][p] })
		if !shared {
			e.remove(p)
			changed = true
			e.lastWriter[flux.Field(p)] = byOwner
		}
	}
	for p, value := range values {
		now, there := e.value(p)
		differs := !there || now != value
		if differs {
			e.set(p, value)
			changed = true
			e.lastWriter[flux.Field(p)] = byOwner
		}
		if !e.owners[k][p] && !differs {
			e.lastWriter[flux.Field(p)] = byOwner // it says so now
		}
		e.own(k, p, differs)
	}
	if len(e.owners[k]) == 0 {
		delete(e.owners, k)
	}
	if changed {
		e.generation++
	}
	e.version++
	return changed
}

// fault is what happens instead of, or around, a request.
type fault int

const (
	faultNone      fault = iota
	faultLost            // carried out, and the answer does not come
	faultRefused         // the connection is refused, once
	faultKilled          // the program ends: nothing of it arrives any more
	faultForbidden       // no right to patch
	faultMeanwhile       // something else happens just before
)

// server is the simulated API server, as one command sees it.
type server struct {
	world *world
	// forbidden namespaces may not be read.
	forbidden map[string]bool
	// fault happens at request number at.
	fault     fault
	at        int
	meanwhile func()

	requests int
	killed   bool
	clock    time.Time
	written  map[flux.Ref]int
	// seen are the field values when the command read them.
	seen    map[flux.Ref]map[flux.Field]string
	command command
}

var errGone = errors.New("killed")

func (s *server) arrive() (fault, error) {
	s.requests++
	if s.killed {
		return faultNone, errGone
	}
	if s.requests != s.at {
		return faultNone, nil
	}
	switch s.fault {
	case faultKilled:
		s.killed = true
		return faultNone, errGone
	case faultRefused:
		return faultNone, io.EOF
	case faultMeanwhile:
		s.meanwhile()
	}
	return s.fault, nil
}

func (s *server) find(ref flux.Ref) (*entity, error) {
	if s.forbidden[ref.Namespace] {
		return nil, apierrors.NewForbidden(schema.GroupResource{Resource: ref.Kind}, ref.Name, errors.New("no right"))
	}
	e := s.world.entities[ref]
	if e == nil {
		return nil, apierrors.NewNotFound(schema.GroupResource{Resource: ref.Kind}, ref.Name)
	}
	return e, nil
}

// Get implements cluster.Store.
func (s *server) Get(_ context.Context, o flux.Object) (flux.Object, error) {
	if _, err := s.arrive(); err != nil {
		return flux.Object{}, err
	}
	e, err := s.find(o.Ref)
	if err != nil {
		return flux.Object{}, err
	}
	return e.object(), nil
}

// List implements cluster.Store.
func (s *server) List(_ context.Context, like flux.Object) ([]flux.Object, error) {
	if _, err := s.arrive(); err != nil {
		return nil, err
	}
	if s.forbidden[like.Namespace] {
		return nil, apierrors.NewForbidden(schema.GroupResource{Resource: like.Kind}, "", errors.New("no right"))
	}
	var list []flux.Object
	for _, ref := range s.world.refs() {
		if ref.Kind == like.Kind && ref.Namespace == like.Namespace {
			list = append(list, s.world.entities[ref].object())
		}
	}
	return list, nil
}

// Patch implements cluster.Store.
func (s *server) Patch(_ context.Context, o flux.Object, patch []byte, _ bool) (flux.Object, error) {
	f, err := s.arrive()
	if err != nil {
		return flux.Object{}, err
	}
	if f == faultForbidden {
		return flux.Object{}, apierrors.NewForbidden(schema.GroupResource{Resource: o.Kind}, o.Name, errors.New("no right to patch"))
	}
	e, err := s.find(o.Ref)
	if err != nil {
		return flux.Object{}, err
	}
	var p struct {
		Metadata struct {
			ResourceVersion string             `json:"resourceVersion"`
			Annotations     map[string]*string `json:"annotations"`
			ManagedFields   []managedEntry     `json:"managedFields"`
		} `json:"metadata"`
		Spec map[string]json.RawMessage `json:"spec"`
	}
	if err := json.Unmarshal(patch, &p); err != nil {
		return flux.Object{}, apierrors.NewBadRequest(err.Error())
	}
	if p.Metadata.ResourceVersion != fmt.Sprint(e.version) {
		return flux.Object{}, apierrors.NewConflict(schema.GroupResource{Resource: o.Kind}, o.Name, errors.New("it was changed"))
	}
	values := make(map[path]*string)
	for key, value := range p.Metadata.Annotations {
		values[annotationPath(key)] = value
	}
	for key, raw := range p.Spec {
		values[path("spec."+key)] = rawValue(key, raw)
	}
	s.world.judge(s, e, values)
	if p.Metadata.ManagedFields != nil {
		e.setManagedFields(p.Metadata.ManagedFields)
		e.version++
	}
	if e.update(tune.DefaultManager, values, byUs) || p.Metadata.ManagedFields != nil {
		s.written[e.ref]++
	}
	if f == faultLost {
		return flux.Object{}, io.ErrUnexpectedEOF
	}
	return e.object(), nil
}

func rawValue(key string, raw json.RawMessage) *string {
	if string(raw) == "null" {
		return nil
	}
	text := string(raw)
	if key != "ignore" {
		if err := json.Unmarshal(raw, &text); err != nil {
			panic(err)
		}
	}
	return &text
}
