package testbed

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// pod makes the pod with number i: the same for the same options, whatever
// goroutine asks. What all pods have alike is shared between them, not copied.
func (p *Pods) pod(i int) *corev1.Pod {
	random := rand.New(rand.NewPCG(p.opts.Random, uint64(i)+1))
	state, shape := p.states[i], p.plain
	if i%4 == 0 {
		shape = p.meshed
	}
	id := p.identity(i)
	key := "/registry/pods/" + id.namespace + "/" + id.name
	created := metav1.NewTime(p.opts.Now.Add(-time.Duration(1+random.IntN(14*24*60)) * time.Minute).Truncate(time.Second))
	pod := &corev1.Pod{
		TypeMeta: typeMeta("v1", "Pod"),
		ObjectMeta: metav1.ObjectMeta{
			Name: id.name, Namespace: id.namespace, UID: uidOf(key), Generation: 1,
			GenerateName: id.generateName, CreationTimestamp: created,
			Labels: id.labels(), Annotations: shape.annotations,
			OwnerReferences: []metav1.OwnerReference{id.owner()},
			ManagedFields:   shape.managedFields,
		},
		Spec: shape.spec,
	}
	pod.Spec.NodeName = p.place(state, random)
	pod.Spec.Containers = shape.containers(id.app)
	pod.Spec.ServiceAccountName, pod.Spec.DeprecatedServiceAccount = id.app, id.app
	if state == podTerminating {
		deleted := metav1.NewTime(p.opts.Now.Add(-10 * time.Second).Truncate(time.Second))
		pod.DeletionTimestamp, pod.DeletionGracePeriodSeconds = &deleted, pod.Spec.TerminationGracePeriodSeconds
	}
	pod.Status = podStatus(pod, state, random)
	return pod
}

// place is the name of the node of a pod.
func (p *Pods) place(state podState, random *rand.Rand) string {
	switch state {
	case podUnscheduled:
		return ""
	case podOnGoneNode:
		return fmt.Sprintf("ip-10-99-0-%d.eu-central-1.compute.internal", random.IntN(3))
	default:
		return p.nodes[p.slots[random.IntN(len(p.slots))]].Name
	}
}

// podIdentity is a pod's name and what owns it.
type podIdentity struct {
	namespace, name, generateName, app, ownerKind, hash string
}

func fluxControllers() []string {
	return []string{
		"source-controller", "kustomize-controller", "helm-controller",
		"notification-controller", "image-reflector-controller", "image-automation-controller",
	}
}

// identity names pods as their controllers do. The first are Flux's. One in
// eight belongs to a StatefulSet, whose pods bear the same names in every
// namespace.
func (p *Pods) identity(i int) podIdentity {
	flux := fluxControllers()
	id := podIdentity{namespace: "flux-system", ownerKind: "ReplicaSet"}
	nth := i // number of the pod within its namespace
	if i < len(flux) {
		id.app = flux[i]
	} else {
		n := i - len(flux)
		nth = n / p.opts.Namespaces
		id.namespace = teamNamespace(n % p.opts.Namespaces)
		id.app = fmt.Sprintf("service-%02d", nth%40)
	}
	if i >= len(flux) && nth%8 == 0 {
		id.ownerKind, id.app = "StatefulSet", "redis"
		id.generateName, id.hash = "redis-", "redis-7d9f8c6b5"
		id.name = fmt.Sprintf("redis-%d", nth/8)
		return id
	}
	sum := sha256.Sum256([]byte(id.namespace + id.app))
	id.hash = safeString(uint64(sum[0])<<24|uint64(sum[1])<<16|uint64(sum[2])<<8|uint64(sum[3]), 9)
	id.generateName = id.app + "-" + id.hash + "-"
	id.name = id.generateName + safeString(uint64(nth), 5)
	return id
}

func (id podIdentity) labels() map[string]string {
	labels := map[string]string{
		"app":                          id.app,
		"app.kubernetes.io/name":       id.app,
		"app.kubernetes.io/instance":   id.namespace + "-" + id.app,
		"app.kubernetes.io/component":  "backend",
		"app.kubernetes.io/managed-by": "Helm",
		"pod-template-hash":            id.hash,
	}
	if id.namespace == "flux-system" {
		labels["app.kubernetes.io/part-of"] = "flux"
		labels["app.kubernetes.io/instance"] = "flux-system"
		labels["app.kubernetes.io/component"] = id.app
	}
	return labels
}

func (id podIdentity) owner() metav1.OwnerReference {
	yes := true
	name := id.app
	if id.ownerKind == "ReplicaSet" {
		name += "-" + id.hash
	}
	return metav1.OwnerReference{
		APIVersion: "apps/v1", Kind: id.ownerKind, Name: name,
		UID: uidOf(id.namespace + id.ownerKind + name), Controller: &yes, BlockOwnerDeletion: &yes,
	}
}

// safeString writes a number in the letters that Kubernetes uses for names.
func safeString(n uint64, width int) string {
	const letters = "bcdfghjklmnpqrstvwxz2456789"
	out := make([]byte, width)
	for i := range out {
		out[width-1-i] = letters[n%uint64(len(letters))]
		n /= uint64(len(letters))
	}
	return string(out)
}

func podStatus(pod *corev1.Pod, state podState, random *rand.Rand) corev1.PodStatus {
	status := corev1.PodStatus{QOSClass: corev1.PodQOSBurstable, Phase: corev1.PodRunning, ObservedGeneration: 1}
	switch state {
	case podUnscheduled:
		status.Phase = corev1.PodPending
		status.Conditions = []corev1.PodCondition{{
			Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable,
			Message: "0/104 nodes are available: 104 Insufficient cpu.", LastTransitionTime: pod.CreationTimestamp,
		}}
		return status
	case podPendingOnNode:
		status.Phase = corev1.PodPending
	case podSucceeded:
		status.Phase = corev1.PodSucceeded
	case podFailed:
		status.Phase = corev1.PodFailed
		if random.IntN(2) == 0 { // evicted pods keep their node but no containers
			status.Reason, status.Message = "Evicted", "The node was low on resource: memory."
			return status
		}
	}
	host := fmt.Sprintf("10.%d.%d.%d", random.IntN(4), random.IntN(256), random.IntN(256))
	ip := fmt.Sprintf("10.%d.%d.%d", 64+random.IntN(64), random.IntN(256), random.IntN(256))
	started := metav1.NewTime(pod.CreationTimestamp.Add(2 * time.Second))
	status.HostIP, status.HostIPs = host, []corev1.HostIP{{IP: host}}
	status.PodIP, status.PodIPs = ip, []corev1.PodIP{{IP: ip}}
	status.StartTime = &started
	status.Conditions = podConditions(started, status.Phase == corev1.PodRunning)
	for _, c := range pod.Spec.Containers {
		status.ContainerStatuses = append(status.ContainerStatuses, containerStatus(c, status.Phase, started, random))
	}
	return status
}

func podConditions(at metav1.Time, ready bool) []corev1.PodCondition {
	var conditions []corev1.PodCondition
	for _, kind := range []corev1.PodConditionType{
		corev1.PodReadyToStartContainers, corev1.PodInitialized, corev1.PodReady, corev1.ContainersReady, corev1.PodScheduled,
	} {
		c := corev1.PodCondition{Type: kind, Status: corev1.ConditionTrue, LastTransitionTime: at, ObservedGeneration: 1}
		if !ready && (kind == corev1.PodReady || kind == corev1.ContainersReady) {
			c.Status = corev1.ConditionFalse
		}
		conditions = append(conditions, c)
	}
	return conditions
}

func containerStatus(c corev1.Container, phase corev1.PodPhase, at metav1.Time, random *rand.Rand) corev1.ContainerStatus {
	var id [32]byte
	for i := range id {
		id[i] = byte(random.Uint32())
	}
	status := corev1.ContainerStatus{
		Name: c.Name, Image: c.Image, ImageID: c.Image + "@sha256:" + imageDigest(len(c.Name)),
		ContainerID: "containerd://" + hex.EncodeToString(id[:]),
	}
	switch phase {
	case corev1.PodPending:
		status.ContainerID, status.ImageID = "", ""
		status.State.Waiting = &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}
	case corev1.PodRunning:
		started := true
		status.Ready, status.Started = true, &started
		status.State.Running = &corev1.ContainerStateRunning{StartedAt: at}
	default:
		exit := &corev1.ContainerStateTerminated{Reason: "Completed", StartedAt: at, FinishedAt: at, ContainerID: status.ContainerID}
		if phase == corev1.PodFailed {
			exit.Reason, exit.ExitCode = "Error", 1
		}
		status.State.Terminated = exit
	}
	return status
}

func imageDigest(i int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "image %d", i))
	return hex.EncodeToString(sum[:])
}
