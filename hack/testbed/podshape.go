package testbed

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
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

// podShapes makes the two shapes: with one container, and with a mesh's sidecar.
func podShapes(now time.Time) (plain, meshed *podShape) {
	app := container("app", 20, []corev1.VolumeMount{
		{Name: "config", MountPath: "/etc/service", ReadOnly: true},
		{Name: "tls", MountPath: "/etc/tls", ReadOnly: true},
		{Name: "tmp", MountPath: "/tmp"},
		{Name: "kube-api-access", MountPath: "/var/run/secrets/kubernetes.io/serviceaccount", ReadOnly: true},
	})
	proxy := container("mesh-proxy", 6, []corev1.VolumeMount{
		{Name: "tmp", MountPath: "/var/run/secrets/mesh"},
		{Name: "kube-api-access", MountPath: "/var/run/secrets/kubernetes.io/serviceaccount", ReadOnly: true},
	})
	proxy.Image = "docker.io/mesh/proxyv2:1.27.1"
	return newPodShape(now, app), newPodShape(now, app, proxy)
}

func newPodShape(now time.Time, containers ...corev1.Container) *podShape {
	s := &podShape{spec: podSpec(), annotations: map[string]string{
		"checksum/config":                         imageDigest(1),
		"checksum/secret":                         imageDigest(2),
		"kubectl.kubernetes.io/default-container": "app",
		"kubectl.kubernetes.io/restartedAt":       stamp(now.Add(-48 * time.Hour)),
		"prometheus.io/scrape":                    "true",
		"prometheus.io/port":                      "9090",
		"k8s.v1.cni.cncf.io/network-status": `[{"name": "aws-cni", "interface": "dummy0f5e2c9a1b7", "ips": ["10.64.12.7"], ` +
			`"mac": "0", "default": true, "dns": {}, "gateway": ["169.254.1.1"]}]`,
	}}
	s.spec.Containers = containers
	if len(containers) > 1 {
		s.annotations["sidecar.mesh.example.com/status"] = `{"initContainers":null,"containers":["mesh-proxy"],"volumes":["tmp"],` +
			`"imagePullSecrets":null,"revision":"default","templateHash":"` + imageDigest(3) + `"}`
	}
	s.managedFields = s.managed(now)
	return s
}

// containers differ between apps in nothing but the image.
func (s *podShape) containers(app string) []corev1.Container {
	containers := slices.Clone(s.spec.Containers)
	containers[0].Image = "602401143452.dkr.ecr.eu-central-1.amazonaws.com/platform/" + app + ":v2.14.3"
	return containers
}

func container(name string, variables int, mounts []corev1.VolumeMount) corev1.Container {
	yes, no := true, false
	probe := func(path string, seconds int32) *corev1.Probe {
		return &corev1.Probe{
			ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{
				Path: path, Port: intstr.FromString("http"), Scheme: corev1.URISchemeHTTP,
			}},
			InitialDelaySeconds: 10, TimeoutSeconds: 3, PeriodSeconds: seconds, SuccessThreshold: 1, FailureThreshold: 3,
		}
	}
	return corev1.Container{
		Name: name,
		Args: []string{"--log-format=json", "--log-level=info", "--listen=:8080", "--metrics=:9090", "--config=/etc/service/config.yaml"},
		Ports: []corev1.ContainerPort{
			{Name: "http", ContainerPort: 8080, Protocol: corev1.ProtocolTCP},
			{Name: "metrics", ContainerPort: 9090, Protocol: corev1.ProtocolTCP},
		},
		Env: environment(name, variables),
		Resources: corev1.ResourceRequirements{
			Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("100m"), corev1.ResourceMemory: resource.MustParse("256Mi")},
			Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("512Mi")},
		},
		VolumeMounts:  mounts,
		LivenessProbe: probe("/healthz", 20), ReadinessProbe: probe("/readyz", 10),
		TerminationMessagePath: "/dev/termination-log", TerminationMessagePolicy: corev1.TerminationMessageReadFile,
		ImagePullPolicy: corev1.PullIfNotPresent,
		SecurityContext: &corev1.SecurityContext{
			RunAsNonRoot: &yes, ReadOnlyRootFilesystem: &yes, AllowPrivilegeEscalation: &no,
			Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		},
	}
}

func environment(name string, n int) []corev1.EnvVar {
	prefix := strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
	env := []corev1.EnvVar{{
		Name: "POD_NAME",
		ValueFrom: &corev1.EnvVarSource{
			FieldRef: &corev1.ObjectFieldSelector{APIVersion: "v1", FieldPath: "metadata.name"},
		},
	}, {
		Name: "DATABASE_PASSWORD",
		ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
			LocalObjectReference: corev1.LocalObjectReference{Name: "database-credentials"}, Key: "password",
		}},
	}}
	for i := range n {
		env = append(env, corev1.EnvVar{
			Name:  fmt.Sprintf("%s_SETTING_%02d", prefix, i),
			Value: fmt.Sprintf("https://backend-%02d.services.svc.cluster.local:8443/api/v2", i),
		})
	}
	return env
}

func podSpec() corev1.PodSpec {
	grace, priority, expiry, mode := int64(30), int32(0), int64(3607), int32(0o644)
	preemption, links := corev1.PreemptLowerPriority, true
	tolerate := int64(300)
	local := func(name string) corev1.LocalObjectReference { return corev1.LocalObjectReference{Name: name} }
	return corev1.PodSpec{
		Volumes: []corev1.Volume{
			{Name: "config", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
				LocalObjectReference: local("service-config"), DefaultMode: &mode,
			}}},
			{Name: "tls", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "service-tls", DefaultMode: &mode}}},
			{Name: "tmp", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
			{Name: "kube-api-access", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{
				DefaultMode: &mode,
				Sources: []corev1.VolumeProjection{
					{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{ExpirationSeconds: &expiry, Path: "token"}},
					{ConfigMap: &corev1.ConfigMapProjection{
						LocalObjectReference: local("kube-root-ca.crt"), Items: []corev1.KeyToPath{{Key: "ca.crt", Path: "ca.crt"}},
					}},
				},
			}}},
		},
		RestartPolicy: corev1.RestartPolicyAlways, TerminationGracePeriodSeconds: &grace,
		DNSPolicy: corev1.DNSClusterFirst, SchedulerName: corev1.DefaultSchedulerName,
		SecurityContext: &corev1.PodSecurityContext{}, EnableServiceLinks: &links,
		Priority: &priority, PreemptionPolicy: &preemption,
		ImagePullSecrets: []corev1.LocalObjectReference{local("registry-credentials")},
		Tolerations: []corev1.Toleration{
			{Key: corev1.TaintNodeNotReady, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute, TolerationSeconds: &tolerate},
			{Key: corev1.TaintNodeUnreachable, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute, TolerationSeconds: &tolerate},
		},
		TopologySpreadConstraints: []corev1.TopologySpreadConstraint{{
			MaxSkew: 1, TopologyKey: corev1.LabelTopologyZone, WhenUnsatisfiable: corev1.ScheduleAnyway,
			LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app.kubernetes.io/component": "backend"}},
		}},
	}
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
