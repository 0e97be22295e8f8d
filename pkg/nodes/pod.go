package nodes

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Pod is all that counting needs of a pod, and what the informer stores. Treat it as read-only.
type Pod struct {
	Namespace, Name string
	// Node is the name of the node, empty when the pod is not scheduled.
	Node string
	// App is the name of Flux's controller that runs in the pod, empty in all others.
	App string
	// Terminating: deletion has begun. Pending: on a node, but not all containers have started.
	Terminating, Pending bool

	// resourceVersion is that of the pod in a watch event, and of the list in a row, which has none of
	// its own: a shared informer may take a pod of the same version for the same pod.
	resourceVersion string
}

// GetObjectMeta makes a Pod an object for client-go's caches.
func (p *Pod) GetObjectMeta() metav1.Object {
	return &metav1.ObjectMeta{Namespace: p.Namespace, Name: p.Name, ResourceVersion: p.resourceVersion}
}

// GetObjectKind is a part of runtime.Object.
func (p *Pod) GetObjectKind() schema.ObjectKind { return schema.EmptyObjectKind }

// DeepCopyObject is a part of runtime.Object.
func (p *Pod) DeepCopyObject() runtime.Object {
	c := *p
	return &c
}

// podList is the list that the informer is given.
type podList struct {
	metav1.TypeMeta
	metav1.ListMeta
	Items []*Pod
}

// DeepCopyObject is a part of runtime.Object. The pods are shared, as they never change.
func (l *podList) DeepCopyObject() runtime.Object {
	c := *l
	c.Items = append([]*Pod(nil), l.Items...)
	return &c
}

// slimPod is what stays of a pod from a watch event.
func slimPod(p *corev1.Pod) *Pod {
	return &Pod{
		Namespace:       p.Namespace,
		Name:            p.Name,
		Node:            p.Spec.NodeName,
		App:             fluxApp(p.Labels["app"]),
		Terminating:     p.DeletionTimestamp != nil,
		Pending:         p.Status.Phase == corev1.PodPending && p.Spec.NodeName != "",
		resourceVersion: p.ResourceVersion,
	}
}

// fluxApps are the values of the label "app" of the pods of Flux's controllers: the same in
// `flux install`, the Flux Operator and the community's Helm chart (fluxcd/flux2, manifests/bases).
const fluxApps = "source-controller,kustomize-controller,helm-controller,notification-controller," +
	"image-reflector-controller,image-automation-controller,source-watcher"

func fluxApp(app string) string {
	switch app {
	case "source-controller", "kustomize-controller", "helm-controller", "notification-controller",
		"image-reflector-controller", "image-automation-controller", "source-watcher":
		return app
	}
	return ""
}
