package tune

import (
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Origin says what applies an object as a whole, again and again, and where that has it from: "Kustomization flux-system/apps:
// path ./apps of https://github.com/acme/fleet". Of what bears the marks of no owner, those tell who have written its spec and
// are no tools for hands: "argocd-controller". "" where nothing does, or where marks on the object keep it away.
func (j *Judge) Origin(o flux.Object) string {
	owner, owned := o.Owner()
	orphan := owned && j.orphan(o, owner)
	switch {
	case owned && !orphan && owner.Kind == "Kustomization" && Untouched(o) != "":
		return ""
	case owned && !orphan:
		return j.home(owner)
	}
	var names []string
	for _, w := range o.Writers {
		former := orphan && slices.Contains(managerOf(owner), w.Name)
		if comesBack(w.Manager) && !former && !slices.Contains(names, w.Name) {
			names = append(names, w.Name)
		}
	}
	return strings.Join(names, " and ")
}
