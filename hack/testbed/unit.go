package testbed

import (
	"fmt"
	"slices"
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
	UnitCRDs                   = "crds"
)

// kubeVersion is what kube-apiserver and kubectl report; it is the version of
// k8s.io/kubernetes in kube/go.mod.
const kubeVersion = "1.36.3"

// unit says how the programs of one folder are built.
type unit struct {
	name      string
	title     string // what the progress line calls it
	firstTime string // how long a build with a cold cache takes on two cores
	programs  []program
	ldflags   string
	tags      string // build tags, with commas
}

// program is one binary: its file name and the package that is its main.
type program struct{ name, pkg string }

// Units lists the names that Build accepts, in the order in which a control
// plane needs them.
func Units() []string {
	names := []string{UnitCRDs}
	for _, u := range units() {
		names = append(names, u.name)
	}
	return names
}

func units() []unit {
	// Without these, kube-apiserver reports v0.0.0 and kubectl warns of a skew.
	version := "-X k8s.io/component-base/version.gitVersion=v" + kubeVersion +
		" -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=36"
	return []unit{
		{
			name: UnitEtcd, title: "etcd 3.6.5", firstTime: "half a minute",
			programs: []program{{"etcd", "go.etcd.io/etcd/server/v3"}},
		},
		{
			name: UnitKube, title: "kube-apiserver and kubectl " + kubeVersion, firstTime: "4 minutes",
			programs: []program{
				{"kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver"},
				{"kubectl", "k8s.io/kubernetes/cmd/kubectl"},
			},
			ldflags: version,
		},
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
