package flux

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Ref names an object, without a version: group, kind, namespace and name.
type Ref struct {
	Group, Kind, Namespace, Name string
}

// String writes the reference for people: "Kustomization apps/web". Files may have any text for a name; what has a line break or
// another character in it that is not printed is quoted, so that no part of it is taken for a line of its own.
func (r Ref) String() string {
	if r.Namespace == "" {
		return printed(r.Kind) + " " + printed(r.Name)
	}
	return printed(r.Kind) + " " + printed(r.Namespace) + "/" + printed(r.Name)
}

func printed(name string) string {
	if utf8.ValidString(name) && strings.IndexFunc(name, func(c rune) bool { return !strconv.IsPrint(c) }) < 0 {
		return name
	}
	return strconv.Quote(name)
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
