package report

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// Flux substitutes ${b} wherever it stands below a Kustomization with spec.postBuild, also in the name of a branch.
func TestTextsLikeVariables(t *testing.T) {
	t.Parallel()
	list := ReceiverList{all: []ReceiverProposal{{Namespace: "apps", Name: "github-com", yaml: `req.ref == "refs/heads/a${b}"`}, {Namespace: "apps", Name: "gitlab-com", yaml: `req.ref == "refs/heads/$a"`}}}
	assert.Equal(t, "apps/github-com has ${ in it: below a Kustomization with spec.postBuild write $${ in its place, or Flux takes it for a variable", list.Substituted())
	list.all = list.all[1:]
	assert.Empty(t, list.Substituted())
}
