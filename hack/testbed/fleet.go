package testbed

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// FleetOptions describes a platform team's projects. The zero value is the
// fleet this project began with, before tuning: 26 projects in development,
// staging and production, 78 GitRepositories and 78 Kustomizations at 5m, with
// timeouts of 5m and 3m.
type FleetOptions struct {
	// Projects is the number of projects in each namespace, 26 by default:
	// project-01, project-02, and so on.
	Projects int
	// Environments are the values of the namespaces' label "environment".
	Environments []string
	// Namespaces is the number of namespaces for each environment. The default,
	// 1, names them after the environment; more get a number: development-001.
	Namespaces int
	// GitOwned makes the objects look as if a Kustomization "flux-system" in the
	// namespace flux-system had applied them from Git.
	GitOwned bool
	// Customize, when not nil, changes each object before it is stored. It is
	// called from several goroutines.
	Customize func(obj *unstructured.Unstructured)
}

// fleetNamespace is a namespace and the environment its label names.
type fleetNamespace struct{ name, environment string }

func (o FleetOptions) namespaces() []fleetNamespace {
	var all []fleetNamespace
	for _, env := range o.Environments {
		for i := range o.Namespaces {
			name := env
			if o.Namespaces > 1 {
				name = fmt.Sprintf("%s-%03d", name, i+1)
			}
			all = append(all, fleetNamespace{name, env})
		}
	}
	return all
}

// Fleet stores the fleet's namespaces, with the label "environment", and in each
// of them a GitRepository and a Kustomization for every project, with the
// status, managedFields and finalizers that Flux's controllers leave. For n
// environments that is n x Namespaces x Projects x 2 objects.
func Fleet(opts FleetOptions) Seed {
	return func(ctx context.Context, store *Store) error {
		opts, now := opts, time.Now()
		opts.Projects, opts.Namespaces = cmp.Or(opts.Projects, 26), cmp.Or(opts.Namespaces, 1)
		if opts.Environments == nil {
			opts.Environments = []string{"development", "staging", "production"}
		}
		namespaces := opts.namespaces()
		err := store.PutAll(ctx, len(namespaces), func(i int) (Record, error) {
			ns := namespaces[i]
			return namespaceRecord(ns.name, map[string]string{"environment": ns.environment}, now)
		})
		if err != nil {
			return err
		}
		return store.PutAll(ctx, len(namespaces)*opts.Projects*2, func(i int) (Record, error) {
			p := opts.project(namespaces[i/2/opts.Projects].name, i/2%opts.Projects, now)
			if i%2 == 0 {
				return p.record("gitrepositories", p.gitRepository())
			}
			return p.record("kustomizations", p.kustomization())
		})
	}
}

func namespaceRecord(name string, labels map[string]string, created time.Time) (Record, error) {
	key := "/registry/namespaces/" + name
	all := map[string]string{corev1.LabelMetadataName: name}
	for k, v := range labels {
		all[k] = v
	}
	return protobufRecord(key, &corev1.Namespace{
		TypeMeta: typeMeta("v1", "Namespace"),
		ObjectMeta: metav1.ObjectMeta{
			Name: name, UID: uidOf(key), CreationTimestamp: metav1.NewTime(created.Add(-90 * 24 * time.Hour)),
			Labels: all,
		},
		Spec:   corev1.NamespaceSpec{Finalizers: []corev1.FinalizerName{corev1.FinalizerKubernetes}},
		Status: corev1.NamespaceStatus{Phase: corev1.NamespaceActive},
	})
}

// record encodes an object as stored, with its metadata.
func (p project) record(plural string, obj fluxObject) (Record, error) {
	group, _, _ := strings.Cut(obj.apiVersion, "/")
	key := fmt.Sprintf("/registry/%s/%s/%s/%s", group, plural, p.namespace, p.name)
	u := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": obj.apiVersion,
		"kind":       obj.kind,
		"metadata":   p.metadata(key, obj),
		"spec":       obj.spec,
		"status":     obj.status,
	}}
	if p.opts.Customize != nil {
		p.opts.Customize(u)
	}
	return jsonRecord(key, u.Object)
}

func (p project) metadata(key string, obj fluxObject) map[string]any {
	labels := map[string]any{"app.kubernetes.io/part-of": p.name}
	manager := "kubectl"
	if p.opts.GitOwned {
		manager = "kustomize-controller"
		labels["kustomize.toolkit.fluxcd.io/name"] = "flux-system"
		labels["kustomize.toolkit.fluxcd.io/namespace"] = "flux-system"
	}
	applied := map[string]any{"metadata": map[string]any{"labels": labels}, "spec": obj.spec}
	finalizers := []any{"finalizers.fluxcd.io"}
	finalized := map[string]any{"metadata": map[string]any{"finalizers": finalizers}}
	status := map[string]any{"status": obj.status}
	return map[string]any{
		"name":              p.name,
		"namespace":         p.namespace,
		"uid":               string(uidOf(key)),
		"generation":        int64(1),
		"creationTimestamp": stamp(p.created),
		"labels":            labels,
		"finalizers":        finalizers,
		"managedFields": []any{
			managedFields(manager, "Apply", "", obj.apiVersion, p.created, applied),
			managedFields(obj.controller, "Update", "", obj.apiVersion, p.created, finalized),
			managedFields(obj.controller, "Update", "status", obj.apiVersion, p.now, status),
		},
	}
}
