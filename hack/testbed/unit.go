package testbed

import (
	"fmt"
	"slices"
	"strings"
)

// The units of the test bed: each is a folder of module files from which Build
// makes one or more programs.
const (
	UnitEtcd                   = "etcd"
	UnitKube                   = "kube"
	UnitSourceController       = "source-controller"
	UnitKustomizeController    = "kustomize-controller"
	UnitHelmController         = "helm-controller"
	UnitNotificationController = "notification-controller"
	UnitKrew                   = "krew"
	UnitPromtool               = "promtool"
	UnitFlux                   = "flux"
	UnitOldestKube             = "kube-1.31"
	UnitCRDs                   = "crds"
)

// The versions that kube-apiserver and kubectl report: those of k8s.io/kubernetes
// in kube/go.mod and in kube-1.31/go.mod.
const (
	kubeVersion       = "1.36.3"
	oldestKubeVersion = "1.31.14"
)

// unit says how the programs of one folder are built.
type unit struct {
	name      string
	title     string    // what the progress line calls it
	firstTime string    // how long a build with a cold cache takes on two cores
	programs  []program // none where CRDs are generated
	ldflags   string
	tags      string // build tags, with commas
}

// program is one binary: its file name and the package that is its main.
type program struct{ name, pkg string }

// Units lists the names that Build accepts: first those of a control plane, in
// the order in which it needs them.
func Units() []string {
	var names []string
	for _, u := range units() {
		names = append(names, u.name)
	}
	return append(names, UnitFlux)
}

func units() []unit {
	all := []unit{
		{name: UnitCRDs, title: "the CRDs of Flux", firstTime: "half a minute"},
		{
			name: UnitEtcd, title: "etcd 3.6.5", firstTime: "half a minute",
			programs: []program{{"etcd", "go.etcd.io/etcd/server/v3"}},
		},
		kubeUnit(UnitKube, kubeVersion),
		{
			name: UnitSourceController, title: "source-controller 1.9.6", firstTime: "3 minutes",
			programs: []program{{"source-controller", "github.com/fluxcd/source-controller"}},
		},
		{
			name: UnitKustomizeController, title: "kustomize-controller 1.9.5", firstTime: "2 minutes",
			programs: []program{{"kustomize-controller", "github.com/fluxcd/kustomize-controller"}},
		},
		{
			name: UnitHelmController, title: "helm-controller 1.6.1", firstTime: "2 minutes",
			programs: []program{{"helm-controller", "github.com/fluxcd/helm-controller"}},
		},
		{
			name: UnitNotificationController, title: "notification-controller 1.9.0", firstTime: "2 minutes",
			programs: []program{{"notification-controller", "github.com/fluxcd/notification-controller"}},
		},
		{
			name: UnitKrew, title: "krew 0.5.0", firstTime: "20 seconds",
			programs: []program{
				{"krew", "sigs.k8s.io/krew/cmd/krew"},
				{"validate-krew-manifest", "sigs.k8s.io/krew/cmd/validate-krew-manifest"},
			},
		},
		{
			name: UnitPromtool, title: "promtool 3.16.0", firstTime: "2 minutes",
			programs: []program{{"promtool", "github.com/prometheus/prometheus/cmd/promtool"}},
			tags:     "remove_all_sd", // the clients of all clouds are most of it, and check no rules
		},
		kubeUnit(UnitOldestKube, oldestKubeVersion),
	}
	for _, flux := range OlderFlux() {
		all = append(all, unit{name: olderCRDs(flux), title: "the CRDs of Flux " + flux, firstTime: "half a minute"})
	}
	return all
}

// kubeUnit builds kube-apiserver and kubectl of one version of Kubernetes.
func kubeUnit(name, version string) unit {
	parts := strings.Split(version, ".")
	const flag = "-X k8s.io/component-base/version."
	return unit{
		name: name, title: "kube-apiserver and kubectl " + version, firstTime: "4 minutes",
		programs: []program{
			{"kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver"},
			{"kubectl", "k8s.io/kubernetes/cmd/kubectl"},
		},
		// Without these, kube-apiserver reports v0.0.0 and kubectl warns of a skew.
		ldflags: flag + "gitVersion=v" + version + " " + flag + "gitMajor=" + parts[0] + " " + flag + "gitMinor=" + parts[1],
	}
}

func findUnit(name string) (unit, error) {
	all := units()
	i := slices.IndexFunc(all, func(u unit) bool { return u.name == name })
	if i < 0 {
		return unit{}, fmt.Errorf("no unit %q in the test bed: it has %q", name, Units())
	}
	return all[i], nil
}
