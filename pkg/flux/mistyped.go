package flux

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Mistyping is why Flux does not have what a manifest says that it is.
type Mistyping struct {
	// Key of the manifest that has the error: "kind" or "apiVersion".
	Key string
	// Why says what is wrong, and what may be meant.
	Why string
	// Version says that only the version is not known: Flux has the kind.
	Version bool
}

// Mistyped tells of an object that Flux does not have, and whose API group is one of Flux's own or looks like one: it is
// below toolkit.fluxcd.io, or one letter beside a group of Flux, or a kind of Flux's is in a group without a domain, or in one
// that calls itself Flux's; or it is of the group of kustomize's own files. It is false for what Flux has, and for all that is not
// Flux's. The kinds and versions are those of the CRDs of Flux 2.0 to 2.10.
func Mistyped(group, version, kind string) (Mistyping, bool) {
	if group == "" { // no slash: the whole is taken for a version
		group, version = version, ""
	}
	if group == kustomizeOwnGroup {
		return Mistyping{Key: "apiVersion", Why: fmt.Sprintf("%s is for the files that kustomize reads, and no cluster has such objects: is %s meant?", group, kustomizeGroup)}, true
	}
	known := toolkitKinds()
	ours := func(k Kind) bool { return k.Group == group }
	if !slices.ContainsFunc(known, ours) {
		i := slices.IndexFunc(known, func(k Kind) bool { return oneEdit(k.Group, group) })
		if i < 0 && !strings.HasSuffix(group, "."+toolkitDomain) && !fluxLike(group, version, kind) {
			return Mistyping{}, false
		}
		m := Mistyping{Key: "apiVersion", Why: fmt.Sprintf("Flux has no API group %q", group)}
		if i < 0 {
			i = slices.IndexFunc(known, func(k Kind) bool { return k.Name == kind })
		}
		if i >= 0 {
			m.Why += fmt.Sprintf(": is %s meant?", known[i].Group)
		}
		return m, true
	}
	i := slices.IndexFunc(known, func(k Kind) bool { return ours(k) && k.Name == kind })
	if i < 0 {
		m := Mistyping{Key: "kind", Why: fmt.Sprintf("Flux has no kind %q in %s", kind, group)}
		var names []string
		for _, k := range known {
			names = append(names, k.Name)
		}
		near := slices.Index(names, Meant(kind, names))
		switch {
		case near >= 0 && known[near].Name == kind: // of another group
			m.Key, m.Why = "apiVersion", m.Why+fmt.Sprintf(": is %s meant?", known[near].Group)
		case near >= 0:
			m.Why += fmt.Sprintf(": is %s meant?", known[near].Name)
		}
		return m, true
	}
	if version == "" {
		return Mistyping{Key: "apiVersion", Why: fmt.Sprintf("its version is missing: is %s/%s meant?", group, known[i].Versions[0])}, true
	}
	if versions := known[i].Versions; !slices.Contains(versions, version) {
		return Mistyping{Key: "apiVersion", Version: true, Why: fmt.Sprintf("Flux has no version %q of %s in %s: it has %s", version, kind, group, strings.Join(versions, ", "))}, true
	}
	return Mistyping{}, false
}

// kustomizeOwnGroup is that of the files that kustomize reads.
const kustomizeOwnGroup = "kustomize.config.k8s.io"

// MistypedKustomization tells of a kustomization, a file that kustomize reads, that says to be something else: kustomize then
// builds nothing of it. Kustomize does not mind where nothing is said (sigs.k8s.io/kustomize api/types, EnforceFields).
func MistypedKustomization(apiVersion, kind string) (Mistyping, bool) {
	want := kustomizeOwnGroup + "/v1beta1"
	if kind == "Component" {
		want = kustomizeOwnGroup + "/v1alpha1"
	}
	switch {
	case kind != "" && kind != "Component" && kind != "Kustomization":
		return Mistyping{Key: "kind", Why: fmt.Sprintf("kustomize has no kind %q: it has Kustomization and Component", kind)}, true
	case apiVersion != "" && apiVersion != want:
		return Mistyping{Key: "apiVersion", Why: fmt.Sprintf("kustomize does not read %q: it wants %s", apiVersion, want)}, true
	default:
		return Mistyping{}, false
	}
}

// fluxLike tells whether a kind of Flux is in a group that can only be meant for one of Flux's. The Helm operator before Flux 2
// had a kind of the same name.
func fluxLike(group, version, kind string) bool {
	of := slices.ContainsFunc(toolkitKinds(), func(k Kind) bool { return k.Name == kind })
	near := !strings.Contains(group, ".") || strings.Contains(group, "flux") || strings.Contains(group, "toolkit")
	return of && near && (group != "helm.fluxcd.io" || version != "v1")
}

// toolkitKinds are all kinds of Flux, also those without an interval. Nobody may change them.
var toolkitKinds = sync.OnceValue(func() []Kind {
	all := slices.Clone(kinds)
	for _, k := range CostKinds() {
		if strings.HasSuffix(k.Group, "."+toolkitDomain) {
			all = append(all, k)
		}
	}
	return all
})

// Meant is the word among some that another is likely a typing error of, or the short form of; "" where none is. Cases, one letter and
// what is missing at the end may differ.
func Meant(word string, among []string) string {
	const long = 4 // letters of which a beginning tells something
	for _, like := range []func(a string) bool{
		func(a string) bool { return strings.EqualFold(a, word) },
		func(a string) bool { return len(a) > 2 && oneEdit(a, word) },
		func(a string) bool {
			return len(word) >= long && strings.HasPrefix(strings.ToLower(a), strings.ToLower(word))
		},
	} {
		if i := slices.IndexFunc(among, like); i >= 0 {
			return among[i]
		}
	}
	return ""
}

// oneEdit tells whether two texts differ, and one letter too many, too few, another one, or two that changed places make
// the difference.
func oneEdit(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	if a == b || len(b)-len(a) > 1 {
		return false
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	if len(a) < len(b) {
		return a[i:] == b[i+1:]
	}
	swapped := i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
	return swapped || a[i+1:] == b[i+1:]
}
