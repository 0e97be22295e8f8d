package manifest

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// gitSource is the part of a source that says what it takes of a repository (source-controller api/v1,
// GitRepositorySpec).
type gitSource struct {
	// remote is where it is, and its revision; the zero value where that is not known.
	remote flux.Remote
	Spec   struct {
		Ignore            *string    `json:"ignore"`
		SparseCheckout    []string   `json:"sparseCheckout"`
		Include           []struct{} `json:"include"`
		RecurseSubmodules bool       `json:"recurseSubmodules"`
	} `json:"spec"`
}

const (
	sourceGroup       = "source.toolkit.fluxcd.io"
	gitRepositoryKind = "GitRepository"
)

// key tells apart what is taken; "" is what every source takes that says nothing.
func (s gitSource) key() string {
	if s.Spec.Ignore == nil && len(s.Spec.SparseCheckout) == 0 {
		return ""
	}
	data, err := json.Marshal([]any{s.Spec.Ignore, s.Spec.SparseCheckout})
	if err != nil {
		return err.Error()
	}
	return string(data)
}

// checksOut tells whether a file is checked out: one whose path begins with one of the folders, as go-git has it
// (Index.SkipUnless; source-controller trims "./").
func (s gitSource) checksOut(p string) bool {
	for _, folder := range s.Spec.SparseCheckout {
		if strings.HasPrefix(p, strings.TrimPrefix(folder, "./")) {
			return true
		}
	}
	return len(s.Spec.SparseCheckout) == 0
}

// collectSources notes what the sources say that are among what is applied. What was known once stays known: a source
// may leave out the file that it is written in.
func collectSources(current map[flux.Ref]*deployment, sources map[sourceRef]gitSource) {
	for _, ref := range sortedRefs(current) {
		for _, o := range current[ref].objects {
			if o.ref.Group != sourceGroup || o.json == nil {
				continue
			}
			var s gitSource
			if json.Unmarshal(o.json, &s) == nil {
				if decoded, err := o.decode(); err == nil {
					s.remote = decoded.Remote
				}
				sources[sourceRef{Kind: o.ref.Kind, Namespace: o.ref.Namespace, Name: o.ref.Name}] = s
			}
		}
	}
}

// taken is what a source takes of the checkout.
func (r *reader) taken(root Root, ref sourceRef, sources map[sourceRef]gitSource) artifact {
	s := sources[ref]
	if s.key() == "" || !followed(root, ref) {
		return artifact{tree: r.tree}
	}
	return artifact{tree: r.tree.takenBy(s), key: "taken" + s.key()}
}

// followed tells whether what a source takes of the checkout can be told: the patterns of another kind's, or of an
// artifact made of a part of the checkout, are of other paths.
func followed(root Root, ref sourceRef) bool { return ref.Kind == gitRepositoryKind && root.Base == "" }

// gaps are what is not known of the files of a source.
func (s gitSource) gaps(root Root, ref sourceRef, t *Tree) []flux.Gap {
	var gaps []flux.Gap
	gap := func(why string) {
		gaps = append(gaps, flux.Gap{What: "the files of " + ref.String(), Why: why, Harmless: true})
	}
	if s.key() != "" && !followed(root, ref) {
		gap("its spec.ignore or spec.sparseCheckout is not followed here: what it leaves out is read")
	}
	if len(s.Spec.Include) > 0 {
		gap("it includes those of other repositories (spec.include), which are not in the checkout")
	}
	if s.Spec.RecurseSubmodules && len(t.Submodules) > 0 {
		gap(fmt.Sprintf("it includes those of submodules (spec.recurseSubmodules), which are not read: %s", strings.Join(t.Submodules, ", ")))
	}
	return gaps
}
