package e2e

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/fluxtune/kubectl-fluxtune/hack/sim"
	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// settleLimit is for a machine that is busy with much else.
const settleLimit = 5 * time.Minute

// childLabel is on what the parents apply.
const childLabel = "fluxtune.test/child"

var (
	kustomizations  = schema.GroupVersionResource{Group: "kustomize.toolkit.fluxcd.io", Version: "v1", Resource: "kustomizations"}
	gitRepositories = schema.GroupVersionResource{Group: "source.toolkit.fluxcd.io", Version: "v1", Resource: "gitrepositories"}
	namespaces      = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
)

// realWorld is the layout of a simulation on a real API server, with the real kustomize-controller. Its sources are
// suspended: what they have fetched is written into their status.
type realWorld struct {
	sim.Layout
	client    *cluster.Client
	resources dynamic.Interface
	files     *artifacts
	url       string
	versions  map[flux.Ref]int
	revisions map[flux.Ref]string
}

func (w *realWorld) ks(ref flux.Ref) dynamic.ResourceInterface {
	return w.resources.Resource(kustomizations).Namespace(ref.Namespace)
}

// manifest of a Kustomization.
func (w *realWorld) manifest(ref flux.Ref, m sim.Manifest) map[string]any {
	spec := map[string]any{"prune": true, "path": "./", "sourceRef": map[string]any{"kind": "GitRepository", "name": ref.Name, "namespace": w.System}}
	for f, value := range m.Fields {
		spec[strings.TrimPrefix(string(f), "spec.")] = value
	}
	if m.Ignore != nil {
		spec["ignore"] = jsonOf(m.Ignore)
	}
	metadata := map[string]any{"name": ref.Name, "namespace": ref.Namespace}
	if ref.Namespace != w.System {
		metadata["labels"] = map[string]any{childLabel: "true"}
	}
	return map[string]any{"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "metadata": metadata, "spec": spec}
}

// jsonOf makes a value one of maps and lists.
func jsonOf(value any) any {
	data, err := json.Marshal(value)
	if err != nil {
		return nil
	}
	var plain any
	_ = json.Unmarshal(data, &plain)
	return plain
}

// begin makes the world as sim.NewWorld does.
func (w *realWorld) begin(ctx context.Context, model *sim.World) error {
	for _, name := range []string{w.System, w.A, w.B} {
		ns := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": name}}}
		if _, err := w.resources.Resource(namespaces).Create(ctx, ns, metav1.CreateOptions{}); err != nil {
			return err
		}
	}
	for _, parent := range []flux.Ref{w.Root, w.Apps, w.Infra} {
		source := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository", "metadata": map[string]any{"name": parent.Name, "namespace": w.System},
			"spec": map[string]any{"interval": "10m", "url": "https://127.0.0.1:1/none.git", "suspend": true},
		}}
		if _, err := w.resources.Resource(gitRepositories).Namespace(w.System).Create(ctx, source, metav1.CreateOptions{}); err != nil {
			return err
		}
		if err := w.publish(ctx, model, parent); err != nil {
			return err
		}
	}
	for _, ref := range append([]flux.Ref{w.Root, w.Infra}, w.Free...) {
		r := model.Resources[ref]
		o := &unstructured.Unstructured{Object: w.manifest(ref, sim.Manifest{Fields: r.Fields, Ignore: r.Ignore})}
		if _, err := w.ks(ref).Create(ctx, o, metav1.CreateOptions{FieldManager: "kubectl-create"}); err != nil {
			return err
		}
	}
	if err := w.settle(ctx); err != nil {
		return err
	}
	return w.apply(ctx, w.InGit[0], "flux", map[string]any{"interval": "5m", "timeout": "4m"})
}

// publish is a source that fetches what is committed.
func (w *realWorld) publish(ctx context.Context, model *sim.World, parent flux.Ref) error {
	var content bytes.Buffer
	_, _ = fmt.Fprintf(&content, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s, namespace: %s}\n", parent.Name, w.System)
	objects := model.Git[parent]
	for _, ref := range slices.SortedFunc(maps.Keys(objects), flux.Ref.Compare) {
		data, err := json.Marshal(w.manifest(ref, objects[ref]))
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(&content, "---\n%s\n", data)
	}
	archive, err := tarball("objects.yaml", content.Bytes())
	if err != nil {
		return err
	}
	w.versions[parent]++
	path := fmt.Sprintf("/%s/%s/%d.tar.gz", w.System, parent.Name, w.versions[parent])
	w.files.put(path, archive)
	revision := fmt.Sprintf("main@sha1:%040d", w.versions[parent])
	patch, err := json.Marshal(map[string]any{"status": map[string]any{"observedGeneration": 1, "artifact": map[string]any{
		"path": strings.TrimPrefix(path, "/"), "url": w.url + path, "revision": revision, "digest": fmt.Sprintf("sha256:%x", sha256.Sum256(archive)),
		"lastUpdateTime": time.Now().UTC().Format(time.RFC3339), "size": len(archive),
	}}})
	if err != nil {
		return err
	}
	w.revisions[parent] = revision
	_, err = w.resources.Resource(gitRepositories).Namespace(w.System).Patch(ctx, parent.Name, types.MergePatchType, patch,
		metav1.PatchOptions{FieldManager: "gotk-source-controller"}, "status")
	return err
}

func tarball(name string, content []byte) ([]byte, error) {
	var archive bytes.Buffer
	zip := gzip.NewWriter(&archive)
	files := tar.NewWriter(zip)
	if err := files.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))}); err != nil {
		return nil, err
	}
	if _, err := files.Write(content); err != nil {
		return nil, err
	}
	if err := files.Close(); err != nil {
		return nil, err
	}
	if err := zip.Close(); err != nil {
		return nil, err
	}
	return archive.Bytes(), nil
}

// settle waits until the parents have reconciled what there is. One settles after the other: the root changes apps.
func (w *realWorld) settle(ctx context.Context) error {
	for _, parent := range []flux.Ref{w.Root, w.Apps, w.Infra} {
		missing := "never read"
		for until := time.Now().Add(settleLimit); missing != ""; {
			o, err := w.ks(parent).Get(ctx, parent.Name, metav1.GetOptions{})
			if err != nil {
				return fmt.Errorf("waiting for %s: %w", parent, err)
			}
			if missing = w.pending(parent, o); missing == "" {
				break
			}
			if time.Now().After(until) {
				return fmt.Errorf("waiting for %s: %s", parent, missing)
			}
			time.Sleep(30 * time.Millisecond)
		}
	}
	return nil
}

// pending says what a parent has not done yet; "" where nothing.
func (w *realWorld) pending(parent flux.Ref, o *unstructured.Unstructured) string {
	if suspended, _, _ := unstructured.NestedBool(o.Object, "spec", "suspend"); suspended {
		return ""
	}
	observed, _, _ := unstructured.NestedInt64(o.Object, "status", "observedGeneration")
	applied, _, _ := unstructured.NestedString(o.Object, "status", "lastAppliedRevision")
	conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	ready := false
	for _, c := range conditions {
		condition, _ := c.(map[string]any)
		if condition["type"] == "Reconciling" {
			return fmt.Sprintf("it is reconciling: %v", conditions)
		}
		ready = ready || condition["type"] == "Ready" && condition["status"] == "True"
	}
	if observed != o.GetGeneration() || applied != w.revisions[parent] || !ready {
		return fmt.Sprintf("generation %d, observed %d, revision %s, applied %s, ready %t: %v", o.GetGeneration(), observed, w.revisions[parent], applied, ready, conditions)
	}
	return ""
}

func (w *realWorld) patch(ctx context.Context, ref flux.Ref, manager string, value map[string]any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return err
	}
	_, err = w.ks(ref).Patch(ctx, ref.Name, types.MergePatchType, data, metav1.PatchOptions{FieldManager: manager})
	return err
}

// apply is server-side apply of some fields of the spec.
func (w *realWorld) apply(ctx context.Context, ref flux.Ref, manager string, spec map[string]any) error {
	o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
		"metadata": map[string]any{"name": ref.Name, "namespace": ref.Namespace}, "spec": spec}}
	_, err := w.ks(ref).Apply(ctx, ref.Name, o, metav1.ApplyOptions{FieldManager: manager, Force: true})
	return err
}

// act lets an event happen in both worlds.
func (w *realWorld) act(ctx context.Context, model *sim.World, e sim.Event) error {
	e, happens := model.Resolve(e)
	if !happens {
		return nil
	}
	if err := w.do(ctx, model, e); err != nil {
		return err
	}
	model.Do(e)
	return nil
}

// do lets a resolved event happen; the model is as it was before.
func (w *realWorld) do(ctx context.Context, model *sim.World, e sim.Event) error {
	r := model.Resources[e.Ref]
	if r == nil {
		return nil
	}
	var err error
	field := strings.TrimPrefix(string(e.Field), "spec.")
	switch e.What {
	case sim.Edit:
		var value any
		if e.Value != "" {
			value = e.Value
		}
		err = w.patch(ctx, e.Ref, cmp.Or(e.Manager, "kubectl-edit"), map[string]any{"spec": map[string]any{field: value}})
	case sim.Apply:
		err = w.apply(ctx, e.Ref, e.Manager, map[string]any{field: e.Value})
	case sim.Hide:
		err = w.patch(ctx, e.Ref, "kubectl-patch", map[string]any{"metadata": map[string]any{"managedFields": []any{map[string]any{}}}})
	case sim.Label:
		err = w.label(ctx, e.Ref)
	case sim.Declare:
		err = w.declare(ctx, e)
	case sim.Replace:
		err = w.replace(ctx, e.Ref)
	case sim.Rules, sim.Unpin:
		if e.What == sim.Unpin || e.Ref == w.Infra {
			var rules any
			if len(e.Rules) > 0 {
				rules = e.Rules
			}
			err = w.patch(ctx, e.Ref, "kubectl-edit", map[string]any{"spec": map[string]any{"ignore": rules}})
		}
	case sim.AddRule:
		if e.Applies {
			err = w.apply(ctx, e.Ref, e.Manager, map[string]any{"ignore": e.Rules})
		} else {
			err = w.patch(ctx, e.Ref, e.Manager, map[string]any{"spec": map[string]any{"ignore": slices.Concat(r.Ignore, e.Rules)}})
		}
	case sim.Suspend:
		err = w.patch(ctx, e.Ref, "flux", map[string]any{"spec": map[string]any{"suspend": !r.Suspended()}})
	case sim.Mark:
		err = w.patch(ctx, e.Ref, "kubectl-annotate", map[string]any{"metadata": map[string]any{"annotations": map[string]any{tune.OptOutAnnotation: e.Value}}})
	case sim.Delete, sim.DeleteIt:
		err = w.ks(e.Ref).Delete(ctx, e.Ref.Name, metav1.DeleteOptions{})
	case sim.Reconcile:
		err = w.publish(ctx, model, e.Ref)
	case sim.Commit, sim.Uncommit: // it is published when it is reconciled
	default:
		return fmt.Errorf("%s: nobody does that in the real world", e)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", e, err)
	}
	return w.settle(ctx)
}

// label is server-side apply of an annotation that is nobody's business.
func (w *realWorld) label(ctx context.Context, ref flux.Ref) error {
	o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
		"metadata": map[string]any{"name": ref.Name, "namespace": ref.Namespace, "annotations": map[string]any{"example.com/label": "x"}}}}
	_, err := w.ks(ref).Apply(ctx, ref.Name, o, metav1.ApplyOptions{FieldManager: "k9s", Force: true})
	return err
}

// declare sends what kubectl apply of one field would.
func (w *realWorld) declare(ctx context.Context, e sim.Event) error {
	now, err := w.ks(e.Ref).Get(ctx, e.Ref.Name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	spec, annotations := map[string]any{}, map[string]any{}
	for path, value := range sim.Declared(now.GetAnnotations()[corev1.LastAppliedConfigAnnotation], e.Field, e.Value) {
		in, key := annotations, strings.TrimPrefix(string(path), string(sim.AnnotationPath("")))
		if field, is := strings.CutPrefix(string(path), "spec."); is {
			in, key = spec, field
		}
		if value != nil {
			in[key] = *value
		} else {
			in[key] = nil
		}
	}
	return w.patch(ctx, e.Ref, sim.ClientSideApply, map[string]any{"spec": spec, "metadata": map[string]any{"annotations": annotations}})
}

// replace is kubectl replace of what kubectl get has printed, which writes the annotation anew.
func (w *realWorld) replace(ctx context.Context, ref flux.Ref) error {
	now, err := w.ks(ref).Get(ctx, ref.Name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	data, err := now.MarshalJSON()
	if err != nil {
		return err
	}
	r, err := sim.ReadResource(data)
	if err != nil {
		return err
	}
	annotations := now.GetAnnotations()
	annotations[corev1.LastAppliedConfigAnnotation] = sim.LastApplied(r.Fields, r.Annotations)
	now.SetAnnotations(annotations)
	now.SetManagedFields(nil)
	_, err = w.ks(ref).Update(ctx, now, metav1.UpdateOptions{FieldManager: "kubectl-replace"})
	return err
}

// end keeps the parents from being reconciled at their intervals while other histories are replayed.
func (w *realWorld) end(ctx context.Context) error {
	for _, parent := range []flux.Ref{w.Root, w.Apps, w.Infra} {
		if err := w.patch(ctx, parent, "flux", map[string]any{"spec": map[string]any{"suspend": true}}); err != nil {
			return err
		}
	}
	return nil
}

// state is what the real world holds, a line for each thing.
func (w *realWorld) state(ctx context.Context) ([]string, error) {
	var lines []string
	for _, namespace := range []string{w.System, w.A, w.B} {
		list, err := w.resources.Resource(kustomizations).Namespace(namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return nil, err
		}
		slices.SortFunc(list.Items, func(a, b unstructured.Unstructured) int { return strings.Compare(a.GetName(), b.GetName()) })
		for _, o := range list.Items {
			data, err := o.MarshalJSON()
			if err != nil {
				return nil, err
			}
			r, err := sim.ReadResource(data)
			if err != nil {
				return nil, err
			}
			lines = append(append(lines, r.Ref.String()), r.State()...)
		}
	}
	return lines, nil
}

// state is what the simulation holds.
func state(model *sim.World) []string {
	var lines []string
	for _, namespace := range []string{model.System, model.A, model.B} {
		for _, ref := range model.Refs() {
			if ref.Namespace == namespace {
				lines = append(append(lines, ref.String()), model.Resources[ref].State()...)
			}
		}
	}
	return lines
}
