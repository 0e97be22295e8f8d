package manifest

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
	"github.com/fluxcd/pkg/apis/kustomize"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// installed is what a cluster applies that says which kustomize-controller it runs: the image and the arguments of its
// Deployment, or the version and the patches of a FluxInstance.
type installed struct {
	image string
	// flux is a range of versions of Flux (Flux Operator api/v1, Distribution).
	flux string
	// texts are where a flag may be set.
	texts []string
}

const (
	controllerName  = "kustomize-controller"
	fluxInstance    = "FluxInstance"
	strictGate      = "StrictPostBuildSubstitutions"
	strictMinor     = 9 // of kustomize-controller 1 and of Flux 2
	howVersionTells = "fluxtune reads the version and the gate from the Deployment kustomize-controller, or the FluxInstance, that the cluster applies"
)

func (b builtResource) isFluxInstance() bool {
	return b.ref.Group == flux.OperatorGroup && b.ref.Kind == fluxInstance
}

func (b builtResource) isController() bool {
	return b.ref.Group == "apps" && b.ref.Kind == "Deployment" && b.ref.Name == controllerName
}

// installedBy reads what an object says of the controller; nil where it says nothing.
func installedBy(data json.RawMessage) *installed {
	var o struct {
		Spec struct {
			Template struct {
				Spec struct {
					Containers []struct {
						Image string   `json:"image"`
						Args  []string `json:"args"`
					} `json:"containers"`
				} `json:"spec"`
			} `json:"template"`
			Distribution struct {
				Version string `json:"version"`
			} `json:"distribution"`
			Kustomize struct {
				Patches []kustomize.Patch `json:"patches"`
			} `json:"kustomize"`
			Cluster struct {
				Multitenant bool `json:"multitenant"`
			} `json:"cluster"`
		} `json:"spec"`
	}
	if json.Unmarshal(data, &o) != nil {
		return nil
	}
	in := installed{flux: o.Spec.Distribution.Version}
	for _, c := range o.Spec.Template.Spec.Containers {
		if strings.Contains(c.Image, controllerName) {
			in.image = c.Image
		}
		in.texts = append(in.texts, c.Args...)
	}
	for _, p := range o.Spec.Kustomize.Patches {
		if p.Target == nil || p.Target.Name == "" || anchored(p.Target.Name, controllerName) {
			in.texts = append(in.texts, p.Patch)
		}
	}
	if o.Spec.Cluster.Multitenant { // Flux Operator internal/builder/profiles.go, profileClusterMultitenant
		in.texts = append(in.texts, isolation)
	}
	return &in
}

// isolation is the flag with which controllers let no object refer to one of another namespace (fluxcd/pkg runtime/acl).
const isolation = "--no-cross-namespace-refs"

var isolationPattern = regexp.MustCompile(isolation + `(=true|=1)?([^=\w]|$)`)

// isolated tells whether kustomize-controller refuses sources in other namespaces than the Kustomization's.
func isolated(all []installed) bool {
	for _, in := range all {
		if slices.ContainsFunc(in.texts, isolationPattern.MatchString) {
			return true
		}
	}
	return false
}

// isolate has a Kustomization apply nothing whose source is in another namespace (kustomize-controller
// internal/controller/kustomization_controller.go, getSource).
func (d *deployment) isolate() {
	if source := d.source(); d.local && source.Namespace != d.Metadata.Namespace {
		d.local, d.failed = false, true
		d.elsewhere = fmt.Sprintf("%s is in another namespace, and kustomize-controller has %s", source, isolation)
	}
}

// lenient tells whether variables without a value are empty in a cluster: its kustomize-controller is older than 1.9, or has
// the feature gate off. Where a cluster says nothing, or two things, it is taken for a newer one.
func lenient(all []installed) bool {
	off, on := false, false
	for _, in := range all {
		for _, text := range in.texts {
			off = off || gateValue(text) == "false"
			on = on || gateValue(text) == "true"
		}
	}
	if on != off {
		return off
	}
	return older(all)
}

// older tells whether a cluster runs a Flux before 2.9. One that says nothing, or two things, is taken for a newer one.
func older(all []installed) bool {
	one := false
	for _, in := range all {
		before, known := in.beforeStrict()
		if known && !before {
			return false
		}
		one = one || known
	}
	return one
}

var (
	gatePattern  = regexp.MustCompile(strictGate + `=(true|false)`)
	imagePattern = regexp.MustCompile(controllerName + `:v?(\d+\.\d+(\.\d+)?)`)
)

func gateValue(text string) string {
	if m := gatePattern.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return ""
}

// beforeStrict tells whether a version is older than the first that fails on variables without a value.
func (in installed) beforeStrict() (before, known bool) {
	if m := imagePattern.FindStringSubmatch(in.image); m != nil {
		v, err := semver.NewVersion(m[1])
		return err == nil && (v.Major() == 0 || v.Major() == 1 && v.Minor() < strictMinor), err == nil
	}
	constraint, err := semver.NewConstraint(in.flux)
	if in.flux == "" || err != nil {
		return false, false
	}
	// The newest version inside is installed.
	const most = 40 // minor and patch versions that are looked for
	older := false
	for minor := range most {
		for patch := range most {
			if v, err := semver.NewVersion(fmt.Sprintf("2.%d.%d", minor, patch)); err == nil && constraint.Check(v) {
				if minor >= strictMinor {
					return false, true
				}
				older = true
			}
		}
	}
	return older, older
}

// runsLenient decides it for a root, by what its deployments apply.
func runsLenient(root Root, current map[flux.Ref]*deployment) bool {
	return lenient(installedIn(root, current))
}

// installedIn is what a root and its deployments apply that tells the version of Flux.
func installedIn(root Root, current map[flux.Ref]*deployment) []installed {
	var all []installed
	if root.instance != nil {
		all = append(all, *root.instance)
	}
	for _, d := range current {
		for _, b := range d.built.resources {
			if b.installs != nil {
				all = append(all, *b.installs)
			}
		}
	}
	return all
}
