package testbed

import (
	_ "embed"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
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

//go:embed node.yaml
var nodeYAML []byte

// object is the node as its kubelet and cloud controller leave it: about 5 KB,
// a third of it the images on its disk.
func (n SeededNode) object(now time.Time) *corev1.Node {
	node := &corev1.Node{}
	if err := yaml.UnmarshalStrict(nodeYAML, node); err != nil {
		panic(err) // it is part of the program
	}
	key := "/registry/minions/" + n.Name
	instance := "i-0" + string(uidOf(key))[:8]
	node.TypeMeta, node.Name, node.UID, node.CreationTimestamp = typeMeta("v1", "Node"), n.Name, uidOf(key), metav1.NewTime(n.Created)
	node.Annotations["alpha.kubernetes.io/provided-node-ip"] = nodeIP(n.number)
	node.Annotations["csi.volume.kubernetes.io/nodeid"] = `{"ebs.csi.aws.com":"` + instance + `"}`
	node.Labels["kubernetes.io/hostname"] = n.Name
	node.Labels["topology.kubernetes.io/region"] = strings.TrimRight(n.Zone, "abc")
	node.Labels["topology.kubernetes.io/zone"] = n.Zone
	node.Labels[poolLabel(n.Provider)] = n.Pool
	for _, role := range n.Roles {
		node.Labels["node-role.kubernetes.io/"+role] = ""
	}
	node.Spec.ProviderID = "aws:///" + n.Zone + "/" + instance
	n.fillStatus(&node.Status, now)
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

func (n SeededNode) fillStatus(status *corev1.NodeStatus, now time.Time) {
	pods := *resource.NewQuantity(int64(n.Capacity), resource.DecimalSI)
	status.Capacity[corev1.ResourcePods], status.Allocatable[corev1.ResourcePods] = pods, pods
	ready := &status.Conditions[len(status.Conditions)-1]
	if !n.Ready {
		ready.Status, ready.Reason, ready.Message = corev1.ConditionUnknown, "NodeStatusUnknown", "Kubelet stopped posting node status."
	}
	for i := range status.Conditions {
		status.Conditions[i].LastHeartbeatTime, status.Conditions[i].LastTransitionTime = metav1.NewTime(now), metav1.NewTime(n.Created)
	}
	status.Addresses = []corev1.NodeAddress{
		{Type: corev1.NodeInternalIP, Address: nodeIP(n.number)},
		{Type: corev1.NodeHostName, Address: n.Name},
		{Type: corev1.NodeInternalDNS, Address: n.Name},
	}
	info := &status.NodeInfo
	info.MachineID, info.SystemUUID = string(uidOf("machine"+n.Name)), string(uidOf("system"+n.Name))
	info.BootID, info.KubeletVersion = string(uidOf("boot"+n.Name)), n.Version
	for i := range 10 {
		repository := fmt.Sprintf("602401143452.dkr.ecr.eu-central-1.amazonaws.com/platform/image-%02d", i)
		status.Images = append(status.Images, corev1.ContainerImage{
			Names:     []string{repository + "@sha256:" + imageDigest(i), repository + fmt.Sprintf(":v1.%d.0", i)},
			SizeBytes: int64(30_000_000 + 7_000_000*i),
		})
	}
}

func nodeIP(number int) string {
	return fmt.Sprintf("10.%d.%d.%d", number>>16, number>>8&255, number&255)
}
