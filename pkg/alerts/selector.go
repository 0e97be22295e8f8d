package alerts

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Selector chooses series by the kind, namespace and name of the object that they are about.
type Selector struct {
	Kind string
	// Namespaces and Names are sorted; none of them is any.
	Namespaces, Names []string
}

// String writes the selector as PromQL does, for series of reconcilesTotal: {kind="GitRepository",name=~"api|web"}.
func (s Selector) String() string { return s.of("kind") }

// of writes the selector for series that have the object's kind in a label of this name.
func (s Selector) of(kindLabel string, further ...string) string {
	parts := []string{fmt.Sprintf("%s=%q", kindLabel, s.Kind)}
	if m := matcher("exported_namespace", s.Namespaces); m != "" {
		parts = append(parts, m)
	}
	if m := matcher("name", s.Names); m != "" {
		parts = append(parts, m)
	}
	return "{" + strings.Join(append(parts, further...), ",") + "}"
}

// Matches tells whether the series of an object are chosen.
func (s Selector) Matches(ref flux.Ref) bool {
	among := func(list []string, value string) bool { return len(list) == 0 || slices.Contains(list, value) }
	return ref.Kind == s.Kind && among(s.Namespaces, ref.Namespace) && among(s.Names, ref.Name)
}

// matcher chooses one label; "" where any value will do.
func matcher(label string, values []string) string {
	switch len(values) {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf("%s=%q", label, values[0])
	}
	quoted := make([]string, 0, len(values))
	for _, v := range values {
		quoted = append(quoted, regexp.QuoteMeta(v)) // names may have dots
	}
	return fmt.Sprintf("%s=~%q", label, strings.Join(quoted, "|"))
}

// classed is an object and the class that a rule puts it in; the zero class is none.
type classed[C comparable] struct {
	ref   flux.Ref
	class C
}

// selectors finds for each class selectors that choose its objects among all, and no others: a whole kind where all
// objects of it have one class; else the namespaces in which they have; else the names. Namespaces in which a class has
// the same names share a selector.
func selectors[C comparable](all []classed[C]) map[C][]Selector {
	byKind := map[string][]classed[C]{}
	var kinds []string
	for _, o := range all {
		if byKind[o.ref.Kind] == nil {
			kinds = append(kinds, o.ref.Kind)
		}
		byKind[o.ref.Kind] = append(byKind[o.ref.Kind], o)
	}
	slices.Sort(kinds)
	found := map[C][]Selector{}
	for _, kind := range kinds {
		ofKind(found, kind, byKind[kind])
	}
	var none C
	delete(found, none)
	return found
}

// choose are the selectors of the rules of one namespace, or of all: those of one name it, since the series that they choose
// from may be of others, too. What is idle is in no class, and chosen by none.
func choose[C comparable](in Input, all []classed[C]) map[C][]Selector {
	for _, ref := range in.Idle {
		all = append(all, classed[C]{ref: ref})
	}
	found := selectors(all)
	for _, list := range found {
		for i := range list {
			if in.Namespace != "" && len(list[i].Namespaces) == 0 {
				list[i].Namespaces = []string{in.Namespace}
			}
		}
	}
	return found
}

// ofKind adds the selectors of one kind.
func ofKind[C comparable](found map[C][]Selector, kind string, objects []classed[C]) {
	if class, same := oneClass(objects); same {
		found[class] = append(found[class], Selector{Kind: kind})
		return
	}
	byNamespace := map[string][]classed[C]{}
	for _, o := range objects {
		byNamespace[o.ref.Namespace] = append(byNamespace[o.ref.Namespace], o)
	}
	type group struct {
		class C
		names string // joined; "" for all of a namespace
	}
	namespaces := map[group][]string{}
	for namespace, objects := range byNamespace {
		if class, same := oneClass(objects); same {
			g := group{class: class}
			namespaces[g] = append(namespaces[g], namespace)
			continue
		}
		names := map[C][]string{}
		for _, o := range objects {
			names[o.class] = append(names[o.class], o.ref.Name)
		}
		for class, list := range names {
			slices.Sort(list)
			g := group{class, strings.Join(list, "/")} // no name has a slash
			namespaces[g] = append(namespaces[g], namespace)
		}
	}
	added := map[C][]Selector{}
	for g, list := range namespaces {
		slices.Sort(list)
		s := Selector{Kind: kind, Namespaces: list}
		if g.names != "" {
			s.Names = strings.Split(g.names, "/")
		}
		added[g.class] = append(added[g.class], s)
	}
	for class, list := range added {
		sorting.By(list, func(a, b Selector) int { return strings.Compare(a.String(), b.String()) })
		found[class] = append(found[class], list...)
	}
}

// oneClass tells whether all objects have the same class, and which.
func oneClass[C comparable](objects []classed[C]) (C, bool) {
	class := objects[0].class
	return class, !slices.ContainsFunc(objects, func(o classed[C]) bool { return o.class != class })
}
