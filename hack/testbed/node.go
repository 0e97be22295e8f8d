package testbed

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// SeededNode is a node of the test bed, with what a table of nodes should say
// about it.
type SeededNode struct {
	Name     string
	Provider string // "eks", "karpenter", "gke" or "aks"
	Pool     string // under the label that Provider uses
	Zone     string
	Roles    []string // sorted
	Version  string   // of the kubelet
	Created  time.Time
	Cordoned bool
	Ready    bool
	Capacity int // allocatable pods

	number int
}

// planNodes spreads nodes over four providers, three zones and a few pools.
// One in fifty is cordoned, one in a hundred not ready; three of ten and more
// are control-plane nodes.
func planNodes(opts PodOptions, random *rand.Rand) []SeededNode {
	capacities := []int{58, 110, 110, 234}
	pools := []string{"general", "general", "memory", "spot"}
	nodes := make([]SeededNode, opts.Nodes)
	for i := range nodes {
		n := SeededNode{
			number:   i,
			Provider: []string{"eks", "karpenter", "gke", "aks"}[i%4],
			Pool:     pools[random.IntN(len(pools))],
			Zone:     "eu-central-1" + string(rune('a'+random.IntN(3))),
			Version:  []string{"v1.36.3", "v1.36.3", "v1.36.1", "v1.35.6"}[random.IntN(4)],
			Created:  opts.Now.Add(-time.Duration(1+random.IntN(200*24*60)) * time.Minute).Truncate(time.Second),
			Capacity: capacities[random.IntN(len(capacities))],
			Cordoned: i%50 == 17,
			Ready:    i%100 != 42,
		}
		if i < 3 && opts.Nodes >= 10 {
			n.Roles, n.Pool = []string{"control-plane"}, "control-plane"
		} else if i%20 == 5 {
			n.Roles = []string{"infra", "worker"}
		}
		n.Name = nodeName(n, random)
		nodes[i] = n
	}
	return nodes
}

// nodeName follows the providers' habits; the number keeps names apart.
func nodeName(n SeededNode, random *rand.Rand) string {
	switch n.Provider {
	case "gke":
		return fmt.Sprintf("gke-prod-%s-%08x-%04d", n.Pool, random.Uint32(), n.number)
	case "aks":
		return fmt.Sprintf("aks-%s-%08d-vmss%06d", n.Pool, random.IntN(1e8), n.number)
	default:
		return fmt.Sprintf("ip-10-%d-%d-%d.%s.compute.internal",
			n.number>>16, n.number>>8&255, n.number&255, strings.TrimRight(n.Zone, "abc"))
	}
}

// poolLabel is the well-known label by which a provider names a node's pool.
func poolLabel(provider string) string {
	return map[string]string{
		"eks":       "eks.amazonaws.com/nodegroup",
		"karpenter": "karpenter.sh/nodepool",
		"gke":       "cloud.google.com/gke-nodepool",
		"aks":       "kubernetes.azure.com/agentpool",
	}[provider]
}

func (n SeededNode) labels() map[string]string {
	labels := map[string]string{
		"kubernetes.io/hostname":           n.Name,
		"kubernetes.io/os":                 "linux",
		"kubernetes.io/arch":               "amd64",
		"beta.kubernetes.io/os":            "linux",
		"beta.kubernetes.io/arch":          "amd64",
		"node.kubernetes.io/instance-type": "m7i.2xlarge",
		"topology.kubernetes.io/region":    strings.TrimRight(n.Zone, "abc"),
		"topology.kubernetes.io/zone":      n.Zone,
		poolLabel(n.Provider):              n.Pool,
	}
	for _, role := range n.Roles {
		labels["node-role.kubernetes.io/"+role] = ""
	}
	return labels
}

// object is the node as its kubelet and cloud controller leave it: about 5 KB,
// a third of it the images on its disk.
func (n SeededNode) object(now time.Time) *corev1.Node {
	key := "/registry/minions/" + n.Name
	node := &corev1.Node{
		TypeMeta: typeMeta("v1", "Node"),
		ObjectMeta: metav1.ObjectMeta{
			Name: n.Name, UID: uidOf(key), CreationTimestamp: metav1.NewTime(n.Created),
			Labels: n.labels(),
			Annotations: map[string]string{
				"node.alpha.kubernetes.io/ttl":                           "15",
				"volumes.kubernetes.io/controller-managed-attach-detach": "true",
				"alpha.kubernetes.io/provided-node-ip":                   nodeIP(n.number),
				"csi.volume.kubernetes.io/nodeid":                        `{"ebs.csi.aws.com":"i-0` + string(uidOf(key))[:8] + `"}`,
			},
		},
		Spec:   corev1.NodeSpec{ProviderID: "aws:///" + n.Zone + "/i-0" + string(uidOf(key))[:8], PodCIDR: "10.1.0.0/24"},
		Status: n.status(now),
	}
	node.ManagedFields = nodeManagedFields(node, now)
	if n.Cordoned {
		node.Spec.Unschedulable = true
		added := metav1.NewTime(now.Add(-time.Hour))
		node.Spec.Taints = []corev1.Taint{{
			Key: corev1.TaintNodeUnschedulable, Effect: corev1.TaintEffectNoSchedule, TimeAdded: &added,
		}}
	}
	return node
}

func (n SeededNode) status(now time.Time) corev1.NodeStatus {
	amounts := func(cpu, memory string) corev1.ResourceList {
		return corev1.ResourceList{
			corev1.ResourceCPU:              resource.MustParse(cpu),
			corev1.ResourceMemory:           resource.MustParse(memory),
			corev1.ResourceEphemeralStorage: resource.MustParse("83873772Ki"),
			corev1.ResourcePods:             *resource.NewQuantity(int64(n.Capacity), resource.DecimalSI),
			"hugepages-1Gi":                 resource.MustParse("0"),
			"hugepages-2Mi":                 resource.MustParse("0"),
		}
	}
	status := corev1.NodeStatus{
		Capacity:    amounts("8", "32408424Ki"),
		Allocatable: amounts("7910m", "31391592Ki"),
		Conditions:  n.conditions(now),
		Addresses: []corev1.NodeAddress{
			{Type: corev1.NodeInternalIP, Address: nodeIP(n.number)},
			{Type: corev1.NodeHostName, Address: n.Name},
			{Type: corev1.NodeInternalDNS, Address: n.Name},
		},
		DaemonEndpoints: corev1.NodeDaemonEndpoints{KubeletEndpoint: corev1.DaemonEndpoint{Port: 10250}},
		NodeInfo: corev1.NodeSystemInfo{
			MachineID: string(uidOf("machine" + n.Name)), SystemUUID: string(uidOf("system" + n.Name)),
			BootID: string(uidOf("boot" + n.Name)), KernelVersion: "6.12.46-66.121.amzn2023.x86_64",
			OSImage: "Amazon Linux 2023.9.20251014", ContainerRuntimeVersion: "containerd://2.1.4",
			KubeletVersion: n.Version, OperatingSystem: "linux", Architecture: "amd64",
		},
	}
	for i := range 10 {
		repository := fmt.Sprintf("602401143452.dkr.ecr.eu-central-1.amazonaws.com/platform/image-%02d", i)
		status.Images = append(status.Images, corev1.ContainerImage{
			Names:     []string{repository + "@sha256:" + imageDigest(i), repository + fmt.Sprintf(":v1.%d.0", i)},
			SizeBytes: int64(30_000_000 + 7_000_000*i),
		})
	}
	return status
}

func (n SeededNode) conditions(now time.Time) []corev1.NodeCondition {
	condition := func(kind corev1.NodeConditionType, status corev1.ConditionStatus, reason, message string) corev1.NodeCondition {
		return corev1.NodeCondition{
			Type: kind, Status: status, Reason: reason, Message: message,
			LastHeartbeatTime: metav1.NewTime(now), LastTransitionTime: metav1.NewTime(n.Created),
		}
	}
	ready := condition(corev1.NodeReady, corev1.ConditionTrue, "KubeletReady", "kubelet is posting ready status")
	if !n.Ready {
		ready = condition(corev1.NodeReady, corev1.ConditionUnknown, "NodeStatusUnknown", "Kubelet stopped posting node status.")
	}
	return []corev1.NodeCondition{
		condition(corev1.NodeMemoryPressure, corev1.ConditionFalse, "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
		condition(corev1.NodeDiskPressure, corev1.ConditionFalse, "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
		condition(corev1.NodePIDPressure, corev1.ConditionFalse, "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
		ready,
	}
}

func nodeIP(number int) string {
	return fmt.Sprintf("10.%d.%d.%d", number>>16, number>>8&255, number&255)
}
