package report

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
)

func TestObjectList(t *testing.T) {
	t.Parallel()
	s := fleet(t)
	list := NewObjectList(s.Objects, s, policy.NewResolver(defaultPolicy(t), s, ""))
	goldenJSON(t, "objectlist/fleet.json", list)
	goldenTable(t, "objectlist/fleet.txt", list.Table(noon, true), Layout{})
	goldenTable(t, "objectlist/wide.txt", list.Table(noon, true), Layout{Wide: true})
	goldenTable(t, "objectlist/namespace.txt", list.Table(noon, false), Layout{})
	goldenTable(t, "objectlist/colour.txt", list.Table(noon, false), Layout{Color: true})
	assert.Equal(t, []string{
		"gitrepository.source.toolkit.fluxcd.io/web", "kustomization.kustomize.toolkit.fluxcd.io/slow",
		"kustomization.kustomize.toolkit.fluxcd.io/web", "kustomization.kustomize.toolkit.fluxcd.io/apart",
		"helmrelease.helm.toolkit.fluxcd.io/shop", "kustomization.kustomize.toolkit.fluxcd.io/web",
		"gitrepository.source.toolkit.fluxcd.io/monorepo", "receiver.notification.toolkit.fluxcd.io/github",
	}, list.Names())
}

// An empty list is a list, not null.
func TestEmptyObjectList(t *testing.T) {
	t.Parallel()
	list := NewObjectList(nil, flux.Snapshot{}, policy.NewResolver(defaultPolicy(t), flux.Snapshot{}, ""))
	goldenJSON(t, "objectlist/empty.json", list)
	assert.Equal(t, []string{}, list.Names())
}

// Labels that disagree are a warning of the list; each is told once, in order.
func TestObjectListWarnings(t *testing.T) {
	t.Parallel()
	s := fleet(t)
	for i := range s.Objects {
		s.Objects[i].Labels = map[string]string{"env": "staging"}
	}
	s.Objects = append(s.Objects[:3], s.Objects[0])
	list := NewObjectList(s.Objects, s, policy.NewResolver(defaultPolicy(t), s, ""))
	const disagree = ` and label environment=development on namespace "dev" disagree: staging is taken`
	assert.Equal(t, []string{
		"label env=staging on GitRepository dev/web" + disagree,
		"label env=staging on Kustomization dev/slow" + disagree,
		"label env=staging on Kustomization dev/web" + disagree,
	}, list.Warnings)
}

// A record that cannot be read does not keep an object from being shown.
func TestObjectListWithBrokenRecord(t *testing.T) {
	t.Parallel()
	s := fleet(t)
	s.Objects = s.Objects[5:6]
	s.Objects[0].Annotations["fluxtune.github.io/original"] = "{"
	list := NewObjectList(s.Objects, s, policy.NewResolver(defaultPolicy(t), s, ""))
	assert.Empty(t, list.Items[0].Session)
}
