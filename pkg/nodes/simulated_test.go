package nodes_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
)

// simulated is an API server in memory, as far as nodes needs one: lists as Tables, watches, and all that goes
// wrong. It serves over connections in memory, so that a test can run it in a bubble of virtual time.
type simulated struct {
	mu         sync.Mutex
	revision   int
	forgotten  int // watches from before this revision are gone
	namespaces map[string]bool
	nodes      map[string]bool
	pods       map[string]*corev1.Pod // by namespace/name
	log        []change
	changed    chan struct{} // closed at each change
	conns      []net.Conn
	faults     []*fault
	watches    map[string]int // that were asked for, by resource
	listed     map[string]int // how often, by resource
	down       bool           // connections are refused
	dead       bool           // connections bring nothing
	// meanwhile happens before each request is answered.
	meanwhile  func(verb, resource string)
	retryAfter int       // seconds, of 429; 1 where it is 0
	muted      time.Time // when a watch may have begun last that brings nothing
	// fresh is how far the server's cache of a resource is: as far as its last change, or as etcd was when somebody listed it.
	// Where etcd says its progress each ten minutes only, no bookmark tells of more.
	fresh map[string]int
	slow  map[string]time.Duration // how long lists of a resource take to begin
}

// change is one entry of the history: an object before and after.
type change struct {
	revision      int
	resource      string
	before, after any // nil where there was or is none
}

// fault is what happens to the next requests of a kind.
type fault struct {
	resource string // pods, nodes, namespaces, pods of one namespace: pods/a, or lists of details: pending, flux
	verb     string // list, watch or get
	kind     string // an HTTP status, or a body with status 200, or one of those in misbehaves
	left     int
}

// firstRevision leaves room for revisions that go back, each time by longAgo.
const firstRevision, longAgo = 1_000_000, 1000

func newSimulated() *simulated {
	return &simulated{
		revision: firstRevision, namespaces: map[string]bool{"a": true, "b": true}, nodes: map[string]bool{"n1": true, "n2": true},
		pods: map[string]*corev1.Pod{}, watches: map[string]int{}, listed: map[string]int{}, fresh: map[string]int{}, changed: make(chan struct{}),
	}
}

// config is a client's configuration for it.
func (s *simulated) config() *rest.Config {
	server := &http.Server{Handler: s, ErrorLog: log.New(io.Discard, "", 0)}
	return &rest.Config{Host: "http://simulated.test", Dial: func(context.Context, string, string) (net.Conn, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.down {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
		}
		client, far := net.Pipe()
		s.conns = append(s.conns, client, far)
		go func() { _ = server.Serve(&oneConn{conn: far}) }()
		return client, nil
	}}
}

// oneConn is a listener of one connection.
type oneConn struct {
	mu   sync.Mutex
	conn net.Conn
}

func (l *oneConn) Accept() (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	conn := l.conn
	if l.conn = nil; conn == nil {
		return nil, errors.New("no more connections")
	}
	return conn, nil
}

func (l *oneConn) Close() error   { return nil }
func (l *oneConn) Addr() net.Addr { return &net.UnixAddr{Name: "simulated"} }

// cut ends all connections.
func (s *simulated) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, conn := range s.conns {
		_ = conn.Close()
	}
	s.conns = nil
}

// end refuses connections from now on, and ends those that there are.
func (s *simulated) end() {
	s.set(true, false)
	s.cut()
}

// set changes what happens to connections.
func (s *simulated) set(down, dead bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down, s.dead = down, dead
	s.wake()
}

func (s *simulated) wake() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// put stores a pod, or with nil takes it away.
func (s *simulated) put(key string, pod *corev1.Pod) {
	var before, after any
	if old := s.pods[key]; old != nil {
		before = old
	}
	s.revision++
	if delete(s.pods, key); pod != nil {
		pod.ResourceVersion = strconv.Itoa(s.revision)
		s.pods[key], after = pod, pod
	}
	s.record("pods", before, after)
}

func (s *simulated) record(resource string, before, after any) {
	s.log = append(s.log, change{s.revision, resource, before, after})
	s.fresh[resource] = s.revision
	s.wake()
}

// name makes a namespace or a node exist or not.
func (s *simulated) name(resource, name string, there bool) {
	names := s.nodes
	object := func() any { return s.node(name) }
	if resource == "namespaces" {
		names = s.namespaces
		object = func() any {
			return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, ResourceVersion: strconv.Itoa(s.revision)}}
		}
	}
	if names[name] == there {
		return
	}
	s.revision++
	if names[name] = there; there {
		s.record(resource, nil, object())
	} else {
		delete(names, name)
		s.record(resource, object(), nil)
	}
}

func (s *simulated) node(name string) *corev1.Node {
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, ResourceVersion: strconv.Itoa(s.revision)},
		Status:     corev1.NodeStatus{Allocatable: corev1.ResourceList{corev1.ResourcePods: resource.MustParse("110")}},
	}
}

// nodeNames are those of the nodes that there are, sorted.
func (s *simulated) nodeNames() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.nodes))
}

// truth is what a complete count shows.
func (s *simulated) truth() testbed.PodCounts {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := testbed.PodCounts{Nodes: map[string]testbed.NodeCount{}}
	for name := range s.nodes {
		counts.Nodes[name] = testbed.NodeCount{}
	}
	for _, p := range s.pods {
		if finished(p) {
			continue
		}
		counts.Total++
		if p.Spec.NodeName == "" {
			counts.Unscheduled++
			continue
		}
		n := counts.Nodes[p.Spec.NodeName]
		n.Pods++
		if p.DeletionTimestamp != nil {
			n.Terminating++
		}
		if p.Status.Phase == corev1.PodPending {
			n.Pending++
		}
		counts.Nodes[p.Spec.NodeName] = n
	}
	return counts
}

func finished(p *corev1.Pod) bool {
	return p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed
}

// ServeHTTP implements http.Handler.
func (s *simulated) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.waitWhileDead(r.Context())
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/") // api v1 ...
	if len(parts) < 3 {
		_, _ = io.WriteString(w, `{"gitVersion":"v1.36.3"}`)
		return
	}
	resource, namespace := parts[2], ""
	if resource == "namespaces" && len(parts) == 5 {
		resource, namespace = "pods", parts[3]
	}
	verb := "list"
	switch {
	case r.URL.Query().Get("watch") != "":
		verb = "watch"
	case (resource == "nodes" || resource == "namespaces") && len(parts) == 4:
		verb = "get"
	}
	s.mu.Lock()
	meanwhile := s.meanwhile
	s.mu.Unlock()
	if meanwhile != nil {
		meanwhile(verb, resource)
	}
	if s.misbehaves(w, r, resource, namespace, verb) {
		return
	}
	if verb == "list" {
		s.takeTime(r.Context(), resource)
	}
	switch {
	case verb == "watch":
		s.watch(w, r, resource, namespace)
	case resource == "namespaces" && len(parts) == 4:
		s.getNamespace(w, parts[3])
	case verb == "get":
		s.getNode(w, parts[3])
	default:
		s.list(w, r, resource, namespace)
	}
}

// takeTime makes a list that is slow take its time.
func (s *simulated) takeTime(ctx context.Context, resource string) {
	s.mu.Lock()
	slow := s.slow[resource]
	s.mu.Unlock()
	if slow > 0 {
		_ = kube.Sleep(ctx, slow)
	}
}

// slowly makes lists of a resource slow from now on, or (0) not any more.
func (s *simulated) slowly(resource string, takes time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.slow = map[string]time.Duration{resource: takes}
}

func (s *simulated) waitWhileDead(ctx context.Context) {
	s.waitWhile(ctx, func() bool { return s.dead })
}

func (s *simulated) waitWhile(ctx context.Context, is func() bool) {
	for {
		s.mu.Lock()
		still, changed := is(), s.changed
		s.mu.Unlock()
		if !still {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

func (s *simulated) misbehaves(w http.ResponseWriter, r *http.Request, resource, namespace, verb string) bool {
	detailed := "no details"
	switch q := r.URL.Query(); {
	case q.Get("labelSelector") != "":
		detailed = "flux"
	case strings.Contains(q.Get("fieldSelector"), "phase=Pending"):
		detailed = "pending"
	}
	s.mu.Lock()
	i := slices.IndexFunc(s.faults, func(f *fault) bool {
		return f.left > 0 && f.verb == verb && (f.resource == resource && namespace == "" || f.resource == resource+"/"+namespace || f.resource == detailed)
	})
	kind := ""
	if verb == "watch" {
		s.watches[strings.TrimSuffix(resource+"/"+namespace, "/")]++
	}
	if i >= 0 {
		s.faults[i].left--
		kind = s.faults[i].kind
	}
	s.mu.Unlock()
	switch kind {
	case "", "pass":
		return false
	case "empty": // a watch that ends at once
		w.Header().Set("Content-Type", "application/json")
	case "brief": // one that a gateway ends before it brings anything
		w.Header().Set("Content-Type", "application/json")
		w.(http.Flusher).Flush()
		_ = kube.Sleep(r.Context(), simRelist*6/10)
	case "garbage": // one that brings what is no event
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"type":]`)
	case "expires": // one that the server has begun
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Expired","code":410}}`)
	case "mute": // one that is dead, behind a gateway that is not
		s.mu.Lock()
		s.muted = time.Now()
		s.mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		w.(http.Flusher).Flush()
		s.waitWhile(r.Context(), func() bool { return len(s.faults) > 0 })
	case "stall":
		<-r.Context().Done()
	case "cut":
		_, _ = io.WriteString(w, `{"kind":"Table","columnDefinitions":[{"name":"Name"},{"name":"Status"},{"name":"Node"}],"rows":[{"cells":["x","Running","n`)
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	default:
		code, err := strconv.Atoi(kind)
		if err != nil {
			_, _ = io.WriteString(w, kind)
			return true
		}
		if code == http.StatusTooManyRequests {
			w.Header().Set("Retry-After", strconv.Itoa(max(1, s.retryAfter)))
		}
		refuse(w, code)
	}
	return true
}

func refuse(w http.ResponseWriter, code int) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	reasons := map[int]metav1.StatusReason{403: metav1.StatusReasonForbidden, 404: metav1.StatusReasonNotFound, 410: metav1.StatusReasonExpired, 429: metav1.StatusReasonTooManyRequests}
	_ = json.NewEncoder(w).Encode(metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusFailure, Code: int32(code), Reason: reasons[code]})
}

func (s *simulated) getNamespace(w http.ResponseWriter, name string) {
	s.mu.Lock()
	there := s.namespaces[name]
	s.mu.Unlock()
	if !there {
		refuse(w, http.StatusNotFound)
		return
	}
	_, _ = fmt.Fprintf(w, `{"kind":"Namespace","metadata":{"name":%q,"uid":%q}}`, name, "of-"+name)
}

func (s *simulated) getNode(w http.ResponseWriter, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.nodes[name] {
		refuse(w, http.StatusNotFound)
		return
	}
	n := s.node(name)
	n.Kind, n.APIVersion = "Node", "v1"
	_ = json.NewEncoder(w).Encode(n)
}

func (s *simulated) list(w http.ResponseWriter, r *http.Request, resource, namespace string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	s.revision++ // something else changes all the time
	s.fresh[resource] = s.revision
	if resource == "nodes" {
		list := corev1.NodeList{TypeMeta: metav1.TypeMeta{Kind: "NodeList", APIVersion: "v1"}, ListMeta: metav1.ListMeta{ResourceVersion: strconv.Itoa(s.revision)}}
		s.listed["nodes"]++
		only, one := strings.CutPrefix(r.URL.Query().Get("fieldSelector"), "metadata.name=")
		if one {
			s.listed["nodes"]--
			s.listed["nodes of a name"]++
		}
		for name := range s.nodes {
			if !one || name == only {
				list.Items = append(list.Items, *s.node(name))
			}
		}
		_ = json.NewEncoder(w).Encode(list)
		return
	}
	table := map[string]any{
		"kind": "Table", "metadata": map[string]string{"resourceVersion": strconv.Itoa(s.revision)},
		"columnDefinitions": []map[string]string{{"name": "Name"}, {"name": "Status"}, {"name": "Node"}},
	}
	rows := []any{}
	if resource == "namespaces" {
		for name := range s.namespaces {
			rows = append(rows, map[string]any{"cells": []string{name, "Active", ""}})
		}
	}
	if resource == "pods" {
		rows = s.podRows(namespace, r.URL.Query().Get("fieldSelector"), r.URL.Query().Get("labelSelector"))
	}
	table["rows"] = rows
	_ = json.NewEncoder(w).Encode(table)
}

func (s *simulated) podRows(namespace, fields, labels string) []any {
	rows := []any{}
	for _, p := range s.pods {
		pending := p.Status.Phase == corev1.PodPending && p.Spec.NodeName != ""
		if namespace != "" && p.Namespace != namespace || finished(p) ||
			strings.Contains(fields, "phase=Pending") && !pending || labels != "" && p.Labels["app"] == "" {
			continue
		}
		status, node := "Running", p.Spec.NodeName
		if p.DeletionTimestamp != nil {
			status = "Terminating"
		}
		if node == "" {
			node = "<none>"
		}
		rows = append(rows, map[string]any{"cells": []string{p.Name, status, node}, "object": map[string]any{
			"metadata": map[string]any{"name": p.Name, "namespace": p.Namespace, "labels": p.Labels},
		}})
	}
	return rows
}

// watch sends the history from a version on, and goes on.
func (s *simulated) watch(w http.ResponseWriter, r *http.Request, resource, namespace string) {
	from, _ := strconv.Atoi(r.URL.Query().Get("resourceVersion"))
	s.mu.Lock()
	forgotten := from < s.forgotten
	s.mu.Unlock()
	if forgotten {
		refuse(w, http.StatusGone)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.(http.Flusher).Flush()
	bookmark := time.NewTicker(time.Minute)
	defer bookmark.Stop()
	for sent := 0; ; {
		s.waitWhileDead(r.Context())
		s.mu.Lock()
		sent = min(sent, len(s.log))
		news, changed := s.log[sent:], s.changed
		sent = len(s.log)
		s.mu.Unlock()
		for _, c := range news {
			if event := c.event(resource, namespace); event != nil && c.revision > from {
				if json.NewEncoder(w).Encode(event) != nil {
					return
				}
			}
		}
		w.(http.Flusher).Flush()
		select {
		case <-changed:
		case <-bookmark.C:
			s.mu.Lock()
			revision := s.fresh[resource]
			s.mu.Unlock()
			if revision > from { // k8s.io/apiserver, cache_watcher.go, process
				_ = json.NewEncoder(w).Encode(map[string]any{"type": "BOOKMARK", "object": map[string]any{
					"kind": kinds[resource], "apiVersion": "v1", "metadata": map[string]any{"resourceVersion": strconv.Itoa(revision)},
				}})
			}
		case <-r.Context().Done():
			return
		}
	}
}

var kinds = map[string]string{"pods": "Pod", "nodes": "Node", "namespaces": "Namespace"}

// goBack makes all be as it was some changes ago, as after a backup was restored. The server begins anew, so far behind what
// watches have seen that it does not come there again.
func (s *simulated) goBack(changes int) {
	s.mu.Lock()
	for ; changes > 0 && len(s.log) > 0; changes-- {
		last := s.log[len(s.log)-1]
		s.log = s.log[:len(s.log)-1]
		object := cmp.Or(last.before, last.after).(metav1.Object)
		switch last.resource {
		case "pods":
			key := object.GetNamespace() + "/" + object.GetName()
			if delete(s.pods, key); last.before != nil {
				s.pods[key] = last.before.(*corev1.Pod)
			}
		case "nodes":
			s.undo(s.nodes, object.GetName(), last.before != nil)
		case "namespaces":
			s.undo(s.namespaces, object.GetName(), last.before != nil)
		}
	}
	s.muted = time.Now() // if a list was under way
	s.revision, s.forgotten = s.revision-longAgo, s.forgotten-longAgo
	s.log = slices.Clone(s.log) // watches read the old one
	for i := range s.log {
		s.log[i].revision -= longAgo
	}
	for resource := range s.fresh {
		s.fresh[resource] -= longAgo
	}
	s.wake()
	s.mu.Unlock()
	s.cut()
}

func (s *simulated) undo(names map[string]bool, name string, there bool) {
	if delete(names, name); there {
		names[name] = true
	}
}

// event is what a watch of unfinished pods, of nodes or of namespaces says of a change, nil for nothing.
func (c change) event(resource, namespace string) map[string]any {
	if c.resource != resource {
		return nil
	}
	before, after := c.before, c.after
	for _, o := range []*any{&before, &after} {
		if p, ok := (*o).(*corev1.Pod); ok && (finished(p) || namespace != "" && p.Namespace != namespace) {
			*o = nil
		}
	}
	object := func(o any, version int) map[string]any {
		data, _ := json.Marshal(o)
		var m map[string]any
		_ = json.Unmarshal(data, &m)
		m["kind"], m["apiVersion"] = kinds[resource], "v1"
		m["metadata"].(map[string]any)["resourceVersion"] = strconv.Itoa(version)
		return m
	}
	switch {
	case before == nil && after == nil:
		return nil
	case after == nil:
		return map[string]any{"type": "DELETED", "object": object(before, c.revision)}
	case before == nil:
		return map[string]any{"type": "ADDED", "object": object(after, c.revision)}
	default:
		return map[string]any{"type": "MODIFIED", "object": object(after, c.revision)}
	}
}
