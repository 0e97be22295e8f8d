package report

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// Flux substitutes ${b} wherever it stands below a Kustomization with spec.postBuild, also in the name of a branch.
func TestTextsLikeVariables(t *testing.T) {
	t.Parallel()
	named := func(name, filter string) ReceiverProposal {
		return ReceiverProposal{Namespace: "apps", Name: name, filter: filter}
	}
	list := ReceiverList{all: []ReceiverProposal{
		named("github-com", `req.ref == "refs/heads/a${b}"`), named("gitlab-com", `req.ref == "refs/heads/$a"`), named("escaped", `req.ref == "refs/heads/a$${b}"`),
	}}
	assert.Equal(t, "apps/github-com has ${ in its filter: below a Kustomization with spec.postBuild write $${ in its place, or Flux takes it for a variable", list.Substituted())
	list.all = list.all[1:]
	assert.Empty(t, list.Substituted())
}
