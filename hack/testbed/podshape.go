package testbed

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// podShape is what many seeded pods have alike. Its parts are made once and
// shared by the pods, which are only ever encoded. On average a pod comes to
// about 9 KB of protobuf, as on real clusters, a third of it managedFields.
// Bytes are cheap for kube-apiserver, lists and maps are not: two containers in
// every pod would cost it 15 GB for 150,000 pods.
type podShape struct {
	annotations   map[string]string
	managedFields []metav1.ManagedFieldsEntry
	spec          corev1.PodSpec
}

//go:embed pod.yaml
var podYAML []byte

// podShapes makes the two shapes: with one container, and with a mesh's sidecar.
func podShapes(now time.Time) (plain, meshed *podShape) {
	var pod corev1.Pod
	if err := yaml.UnmarshalStrict(podYAML, &pod); err != nil {
		panic(err) // it is part of the program
	}
	pod.Annotations["kubectl.kubernetes.io/restartedAt"] = stamp(now.Add(-48 * time.Hour))
	app := pod.Spec.Containers[0]
	proxy := *app.DeepCopy()
	proxy.Name, proxy.Image = "mesh-proxy", "docker.io/mesh/proxyv2:1.27.1"
	proxy.VolumeMounts = []corev1.VolumeMount{{Name: "tmp", MountPath: "/var/run/secrets/mesh"}, app.VolumeMounts[3]}
	pod.Spec.Containers = []corev1.Container{withSettings(app, 20)}
	plain = &podShape{annotations: maps.Clone(pod.Annotations), spec: *pod.Spec.DeepCopy()}
	pod.Annotations["sidecar.mesh.example.com/status"] = `{"initContainers":null,"containers":["mesh-proxy"],"volumes":["tmp"],` +
		`"imagePullSecrets":null,"revision":"default","templateHash":"` + imageDigest(3) + `"}`
	pod.Spec.Containers = append(pod.Spec.Containers, withSettings(proxy, 6))
	meshed = &podShape{annotations: pod.Annotations, spec: pod.Spec}
	plain.managedFields, meshed.managedFields = plain.managed(now), meshed.managed(now)
	return plain, meshed
}

// containers differ between apps in nothing but the image.
func (s *podShape) containers(app string) []corev1.Container {
	containers := slices.Clone(s.spec.Containers)
	containers[0].Image = "602401143452.dkr.ecr.eu-central-1.amazonaws.com/platform/" + app + ":v2.14.3"
	return containers
}

// withSettings gives a container n variables.
func withSettings(c corev1.Container, n int) corev1.Container {
	prefix := strings.ToUpper(strings.ReplaceAll(c.Name, "-", "_"))
	for i := range n {
		c.Env = append(c.Env, corev1.EnvVar{
			Name:  fmt.Sprintf("%s_SETTING_%02d", prefix, i),
			Value: fmt.Sprintf("https://backend-%02d.services.svc.cluster.local:8443/api/v2", i),
		})
	}
	return c
}

// managed are the two entries of a scheduled pod: the controller manager's for
// the spec, the kubelet's for the status.
func (s *podShape) managed(now time.Time) []metav1.ManagedFieldsEntry {
	containers := map[string]any{}
	for _, c := range s.spec.Containers {
		containers[keyed("name", c.Name)] = containerFields(c)
	}
	volumes := map[string]any{}
	for _, v := range s.spec.Volumes {
		volumes[keyed("name", v.Name)] = leaves(".", "f:name", "f:projected", "f:configMap", "f:secret", "f:emptyDir")
	}
	spec := leaves("f:dnsPolicy", "f:enableServiceLinks", "f:restartPolicy", "f:schedulerName",
		"f:securityContext", "f:serviceAccount", "f:serviceAccountName", "f:terminationGracePeriodSeconds",
		"f:topologySpreadConstraints", "f:imagePullSecrets")
	spec["f:containers"], spec["f:volumes"] = containers, volumes
	annotations := leaves(".")
	for _, name := range slices.Sorted(maps.Keys(s.annotations)) {
		annotations["f:"+name] = struct{}{}
	}
	template := map[string]any{
		"f:metadata": map[string]any{
			"f:annotations": annotations, "f:generateName": struct{}{},
			"f:labels": leaves(".", "f:app", "f:app.kubernetes.io/name", "f:app.kubernetes.io/instance",
				"f:app.kubernetes.io/component", "f:app.kubernetes.io/managed-by", "f:pod-template-hash"),
			"f:ownerReferences": leaves("."),
		},
		"f:spec": spec,
	}
	conditions := map[string]any{}
	for _, kind := range []string{"PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady"} {
		conditions[keyed("type", kind)] = leaves(".", "f:lastProbeTime", "f:lastTransitionTime", "f:observedGeneration", "f:status", "f:type")
	}
	status := leaves("f:containerStatuses", "f:hostIP", "f:hostIPs", "f:phase", "f:podIP", "f:podIPs", "f:startTime", "f:observedGeneration")
	status["f:conditions"] = conditions
	return []metav1.ManagedFieldsEntry{
		fieldsEntry("kube-controller-manager", "", now, template),
		fieldsEntry("kubelet", "status", now, map[string]any{"f:status": status}),
	}
}

func containerFields(c corev1.Container) map[string]any {
	fields := leaves(".", "f:args", "f:image", "f:imagePullPolicy", "f:livenessProbe", "f:name",
		"f:readinessProbe", "f:resources", "f:securityContext", "f:terminationMessagePath", "f:terminationMessagePolicy")
	env, mounts := leaves("."), leaves(".")
	for _, e := range c.Env {
		env[keyed("name", e.Name)] = leaves(".", "f:name", "f:value")
	}
	for _, m := range c.VolumeMounts {
		mounts[keyed("mountPath", m.MountPath)] = leaves(".", "f:mountPath", "f:name")
	}
	fields["f:env"], fields["f:volumeMounts"] = env, mounts
	return fields
}

// nodeManagedFields are the entries that the kubelet leaves on its node.
func nodeManagedFields(node *corev1.Node, now time.Time) []metav1.ManagedFieldsEntry {
	labels := leaves(".")
	for name := range node.Labels {
		labels["f:"+name] = struct{}{}
	}
	status := leaves("f:allocatable", "f:capacity", "f:images", "f:nodeInfo")
	conditions := map[string]any{}
	for _, c := range node.Status.Conditions {
		conditions[keyed("type", string(c.Type))] = leaves("f:lastHeartbeatTime", "f:lastTransitionTime", "f:message", "f:reason", "f:status")
	}
	status["f:conditions"] = conditions
	return []metav1.ManagedFieldsEntry{
		fieldsEntry("kubelet", "", now, map[string]any{"f:metadata": map[string]any{"f:labels": labels}}),
		fieldsEntry("kubelet", "status", now, map[string]any{"f:status": status}),
	}
}

// fieldsEntry is an entry of managedFields for a built-in kind. Its fields are
// maps and strings only, which always encode.
func fieldsEntry(manager, subresource string, now time.Time, fields map[string]any) metav1.ManagedFieldsEntry {
	raw, _ := json.Marshal(fields)
	at := metav1.NewTime(now)
	return metav1.ManagedFieldsEntry{
		Manager: manager, Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: "v1", Time: &at,
		FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(string(raw)), Subresource: subresource,
	}
}

func leaves(names ...string) map[string]any {
	set := map[string]any{}
	for _, name := range names {
		set[name] = struct{}{}
	}
	return set
}

func keyed(key, value string) string { return fmt.Sprintf("k:{%q:%q}", key, value) }
