package flux

import (
	"cmp"
	"slices"
	"strings"
)

// Ref names an object, without a version: group, kind, namespace and name.
type Ref struct {
	Group, Kind, Namespace, Name string
}

// String writes the reference for people: "Kustomization apps/web".
func (r Ref) String() string {
	if r.Namespace == "" {
		return r.Kind + " " + r.Name
	}
	return r.Kind + " " + r.Namespace + "/" + r.Name
}

// Compare orders references by namespace, then kind in the order of Kinds, then name.
func (r Ref) Compare(o Ref) int {
	return cmp.Or(
		strings.Compare(r.Namespace, o.Namespace),
		cmp.Compare(kindRank(r.Kind), kindRank(o.Kind)),
		strings.Compare(r.Kind, o.Kind),
		strings.Compare(r.Name, o.Name),
		strings.Compare(r.Group, o.Group),
	)
}

func kindRank(kind string) int {
	if i := slices.IndexFunc(kinds, func(k Kind) bool { return k.Name == kind }); i >= 0 {
		return i
	}
	return len(kinds)
}

// Located names an object, and its cluster where several are looked at.
type Located struct {
	Cluster string
	Ref
}

// String writes it for people: "prod: Kustomization apps/web".
func (l Located) String() string { return InCluster(l.Cluster, l.Ref.String()) }

// InCluster writes a name with that of its cluster before it, where several are looked at: "prod: apps/web".
func InCluster(cluster, name string) string {
	if cluster == "" {
		return name
	}
	return cluster + ": " + name
}
