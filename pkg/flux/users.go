package flux

import (
	"slices"
	"strings"
)

// UnreadUsers are the kinds of which not all objects were read that may use a source, since the list of them failed or is
// forbidden. Nothing is missing of kinds that the cluster does not serve, or that nobody asked for. Those between a source and
// its users count where anything uses what they make.
func (s Snapshot) UnreadUsers() []Kind {
	if len(s.Tried) == 0 { // as mostly: the tables are not made
		return nil
	}
	made := false
	for o := range s.All() {
		made = made || o.SourceRef.Kind == ExternalArtifactKind
	}
	return slices.DeleteFunc(slices.Concat(Kinds(), CostKinds()), func(k Kind) bool {
		between := made && (k.Name == ExternalArtifactKind || k.Name == ArtifactGeneratorKind)
		return !k.Consumer && !between || !s.Missing(k)
	})
}

// OwnUsersOnly tells whether sources in a namespace have no users of a kind in other ones, and those in their own were read.
func (s Snapshot) OwnUsersOnly(k Kind, namespace string) bool {
	return slices.Contains(s.Confined, k.Name) && s.LookedFor(Ref{Kind: k.Name, Namespace: namespace})
}

// Missing tells whether objects of a kind were asked for in all namespaces, in vain.
func (s Snapshot) Missing(k Kind) bool {
	return slices.Contains(s.Tried, Place{Kind: k.Name}) && !s.LookedForAll(k.Name)
}

// Resources are the names of kinds as rights have them: "kustomizations, helmreleases".
func Resources(kinds []Kind) string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = k.Resource
	}
	return strings.Join(names, ", ")
}
