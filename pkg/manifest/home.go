package manifest

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// home tells which sources of a root have the files of the checkout, by what the sources say that were found in it.
type home struct {
	root    Root
	sources map[sourceRef]gitSource
}

// home of the Fleet.
func (f Fleet) home() home { return home{f.Root, f.sources} }

// standing is what a source has to do with the checkout.
type standing int

// The standings: the files of another repository, or of another revision of the checkout's, or those of the checkout.
const (
	otherRepository standing = iota
	otherRevision
	sameRevision
)

// standing of a source: the root's own is that of the checkout, whatever its name says, and so is each GitRepository of the
// same repository and revision. Where nothing says what the checkout is the source of, all are. Why says of any other what it
// is.
func (h home) standing(ref sourceRef) (is standing, why string) {
	if h.root.source.Name == "" || ref == h.root.source {
		return sameRevision, ""
	}
	own, other := h.remote(h.root.source), h.remote(ref)
	switch {
	case repositoryOf(h.root.source, own) == "" || repositoryOf(h.root.source, own) != repositoryOf(ref, other):
		return otherRepository, fmt.Sprintf("%s, and the checkout is that of %s", ref, h.root.source)
	case revisionOf(own) != revisionOf(other):
		return otherRevision, fmt.Sprintf("%s with the %s of the repository, and the checkout is that of %s with the %s",
			ref, revisionOf(other), h.root.source, revisionOf(own))
	default:
		return sameRevision, ""
	}
}

// differs tells whether a source is known to be of another repository. An artifact, a bucket and a GitRepository of which the URL
// is not known may be made of the checkout (flux push artifact --path=.).
func (h home) differs(ref sourceRef) bool {
	own, other := repositoryOf(h.root.source, h.remote(h.root.source)), repositoryOf(ref, h.remote(ref))
	return own != "" && other != "" && own != other
}

// mayBe tells whether a reference in a manifest, of which the namespace is not known, may be to the checkout's repository.
func (h home) mayBe(kind, name string) bool {
	if h.root.source.Name == "" || kind == h.root.source.Kind && name == h.root.source.Name {
		return true
	}
	for ref := range h.sources {
		if is, _ := h.standing(ref); ref.Kind == kind && ref.Name == name && is != otherRepository {
			return true
		}
	}
	return false
}

// folders are those of a checkout that a path of a source may be: below the folder that the root's own artifact is made of
// (flux push artifact --path), or, of any other source, also from the top, which a GitRepository always has. A reference without a namespace may be the root's.
func (h home) folders(ref sourceRef, p string) []string {
	own := clean(h.root.Base + "/" + p)
	if ref.in(h.root.source.Namespace) == h.root.source || clean(p) == own {
		return []string{own}
	}
	return []string{own, clean(p)}
}

// remote is what is known of where a source is.
func (h home) remote(ref sourceRef) flux.Remote {
	if known, ok := h.sources[ref]; ok || ref != h.root.source {
		return known.remote
	}
	return h.root.remote
}

// repositoryOf is the repository of a GitRepository, by whatever protocol its URL is written; "" of another kind, and where
// the URL is not known.
func repositoryOf(ref sourceRef, remote flux.Remote) string {
	if ref.Kind != gitRepositoryKind || strings.Contains(remote.URL, "${") {
		return ""
	}
	return flux.ParseAddress(remote.URL, false).Repository()
}

// revisionOf names what a GitRepository checks out; without a reference the branch master (source-controller api/v1,
// GitRepositorySpec).
func revisionOf(remote flux.Remote) string {
	kind, value := remote.Ref.Kind, remote.Ref.Value
	if branch, is := strings.CutPrefix(value, "refs/heads/"); is && kind == flux.RefName {
		kind, value = flux.RefBranch, branch
	}
	if tag, is := strings.CutPrefix(value, "refs/tags/"); is && kind == flux.RefName {
		kind, value = flux.RefTag, tag
	}
	if value == "" {
		kind, value = flux.RefBranch, "master"
	}
	return fmt.Sprintf("%s %q", kind, value)
}

// writtenSources are what GitRepositories say in documents, before anything is built of them.
func writtenSources(documents []document) map[sourceRef]gitSource {
	sources := map[sourceRef]gitSource{}
	for _, d := range documents {
		if groupOf(d.node) != sourceGroup || text(d.node, "kind") != gitRepositoryKind {
			continue
		}
		data, err := nodeJSON(d.node)
		if err != nil {
			continue
		}
		if object, err := flux.Decode(data); err == nil {
			sources[sourceRef{gitRepositoryKind, object.Name, cmp.Or(object.Namespace, defaultName)}] = gitSource{remote: object.Remote}
		}
	}
	return sources
}
