package tune

import (
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Field managers of what keeps applying Flux objects. Helm's are those of its own command (helm 3 and 4) and of
// helm-controller.
const (
	kustomizeController = "kustomize-controller"
	helmController      = "helm-controller"
	helmCommand         = "helm"
	fluxOperator        = "flux-operator"
)

// comesBack tells whether a manager may set a field again by itself. Tools that people run once do not. Whoever else set
// or declared a field may, known to us or not: many operators are called "manager".
func comesBack(m flux.Manager) bool { return !runOnce(m.Name) }

// Controller knows by a name programs that keep applying what they own: controllers, operators, Argo CD, Helm.
func Controller(name string) bool {
	return slices.ContainsFunc([]string{"controller", "operator", "argocd", helmCommand}, func(part string) bool {
		return strings.Contains(strings.ToLower(name), part)
	})
}

// tookOver tells whether an owner that has set a field since a change of ours will keep doing so: a controller, which may apply by
// updates (Helm 3, Argo CD), or whoever declared the field before us. Of anybody else it was a choice, as far as we know.
func tookOver(m flux.Manager, before []flux.Manager) bool {
	return comesBack(m) && Controller(m.Name) || slices.ContainsFunc(before, func(b flux.Manager) bool {
		return m.Apply && b.Apply && b.Name == m.Name // also kubectl apply --server-side: whoever declared it has declared it again
	})
}

// runOnce knows the tools that people run by hand, by the names under which they own fields: kubectl in its own names, the
// flux command, terminal and desktop programs, and browsers (dashboards behind a proxy); and the two names under which the API
// server keeps what it does not know, or no longer: nobody writes as those.
func runOnce(manager string) bool {
	return slices.Contains(kubectlNames, manager) || slices.Contains([]string{
		beforeFirstApply, ancientChanges, "flux", DefaultManager, "k9s", "Mozilla", "lens", "openlens", "freelens", "headlamp",
	}, manager)
}

// kubectlNames are the field managers of kubectl's commands (k8s.io/kubectl pkg/cmd, defaults of --field-manager; kubectl scale
// has that of its user agent, kubectl). Others whose names begin with kubectl are somebody's programs.
var kubectlNames = []string{
	"kubectl", clientSideApply, "kubectl-last-applied", "kubectl-create", "kubectl-edit", "kubectl-patch", "kubectl-replace", "kubectl-annotate",
	"kubectl-label", "kubectl-set", "kubectl-scale", "kubectl-rollout", "kubectl-run", "kubectl-expose", "kubectl-autoscale", "kubectl-taint", "kubectl-debug",
}

// Hand knows by a name tools that people run by hand, beside fluxtune: what one of them changes is somebody's choice.
func Hand(name string) bool { return runOnce(name) && name != DefaultManager }

// ancientChanges is the manager to which the API server gives the oldest updates where more than ten have been made under
// different names (k8s.io/apimachinery, managedfields/internal/capmanagers.go): also ours.
const ancientChanges = "ancient-changes"

// beforeFirstApply is the manager to which the API server gives all that is there when an object is applied whose
// metadata.managedFields named nobody (k8s.io/apimachinery, managedfields/internal/skipnonapplied.go): also ours.
const beforeFirstApply = "before-first-apply"

// nameless tells whether a manager is nobody: under its name the API server keeps what it does not know, or no longer. It tells
// nothing of who has set a value, or when.
func nameless(m flux.Manager) bool {
	return !m.Apply && (m.Name == beforeFirstApply || m.Name == ancientChanges)
}

// unknown tells whether metadata.managedFields says of nobody that they have set a field, and not because nobody has.
func unknown(o flux.Object, f flux.Field) bool {
	owners := o.OwnersOf(f)
	return len(o.Owners) == 0 || len(owners) > 0 && !slices.ContainsFunc(owners, func(m flux.Manager) bool { return !nameless(m) })
}

// setters are those who may set a field of an object again: the owners that come back, and, while our own change
// stands, those who owned the field before it.
func setters(o flux.Object, record *Record, f flux.Field) []flux.Manager {
	return slices.DeleteFunc(ownersBeside(o, record, f), record.byHand)
}

// strangers are owners of a field that do not come back, now or before our change of it: somebody's hand, over
// a value that whoever applies the object may set too.
func strangers(o flux.Object, record *Record, f flux.Field) []flux.Manager {
	return slices.DeleteFunc(ownersBeside(o, record, f), func(m flux.Manager) bool { return !record.byHand(m) })
}

// byHand tells whether an owner does not set a field again by itself: whoever writes under a name of ours does not, either.
func (r *Record) byHand(m flux.Manager) bool { return !comesBack(m) || r.managers().has(m) }

// ownersBeside are the owners of a field beside us: those of now, and those whose place a change of ours has taken.
func ownersBeside(o flux.Object, record *Record, f flux.Field) []flux.Manager {
	found := record.others(o, f)
	if c := record.chain(f); len(c) > 0 {
		if s, _, _ := record.standingOf(c, o, f); s == stands || s == restored {
			found = append(slices.DeleteFunc(found, nameless), c[0].Owners...)
		}
	}
	return found
}

// writersFor are the entries of metadata.managedFields by which an owner is known, of an object.
func writersFor(o flux.Object, owner flux.Ref) []flux.Writer {
	names := managerOf(owner)
	return slices.DeleteFunc(slices.Clone(o.Writers), func(w flux.Writer) bool { return !slices.Contains(names, w.Name) })
}

// versionApplied is the version of the API that the manifest has by which an owner applies an object. It may be another than
// was read: the API server converts, and says in metadata.managedFields in which one a manager wrote. "" where it is not
// known. A manifest that has not been applied yet has its own.
func versionApplied(o flux.Object, owner flux.Ref) string {
	if !o.Served() {
		return o.Version
	}
	var last flux.Writer
	for _, w := range writersFor(o, owner) {
		if last.Name == "" || w.Time.After(last.Time) { // an update leaves an entry for each version
			last = w
		}
	}
	_, version, _ := strings.Cut(last.Version, "/")
	return version
}

// managerOf is the field manager by which an owner sets fields; "" for owners of which that is not known.
func managerOf(owner flux.Ref) []string {
	switch owner.Kind {
	case "Kustomization":
		return []string{kustomizeController}
	case "HelmRelease":
		return []string{helmController, helmCommand}
	case flux.HelmReleaseName:
		return []string{helmCommand, helmController}
	case "FluxInstance", "ResourceSet":
		return []string{fluxOperator}
	case "Application":
		return []string{"argocd-controller", "argocd-application-controller", "argocd"}
	default:
		return nil
	}
}
