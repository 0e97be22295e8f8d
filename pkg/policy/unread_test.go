package policy

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// What rests on a list of users that is not complete is not known, unless something else decides.
func TestUnreadUsers(t *testing.T) {
	t.Parallel()
	var (
		git       = object("gitrepo", "flux-system", "fleet")
		prod      = object("ks", "prod", "a", using(git))
		hidden    = object("ks", "veiled", "b", using(git))
		plain     = preset(t, DefaultName)
		named     = withPatterns(t, "  clusters: {production: [prod]}\n  namespaces: {staging: [stg-*]}\n").In(Named{"context", "prod"})
		elsewhere = object("ks", "dev", "c", using(git))
	)
	const unread = "what may use it could not all be read (kustomizations in all namespaces)"
	tried := []flux.Place{{Kind: "Kustomization"}}
	for name, tc := range map[string]struct {
		source   flux.Object
		users    []flux.Object
		policy   Policy
		fallback string
		snapshot flux.Snapshot
		want     string // the environment, or else why it is not known
	}{
		"all are read":                        {users: []flux.Object{prod}, want: "production"},
		"not all are":                         {users: []flux.Object{prod}, snapshot: flux.Snapshot{Tried: tried}, want: unread},
		"none is":                             {snapshot: flux.Snapshot{Tried: tried}, want: unread},
		"nor does a default stand in":         {snapshot: flux.Snapshot{Tried: tried}, fallback: "production", want: unread},
		"read at another attempt":             {users: []flux.Object{prod}, snapshot: flux.Snapshot{Tried: tried, Looked: tried}, want: "production"},
		"of one namespace, not of all":        {users: []flux.Object{prod}, snapshot: flux.Snapshot{Tried: []flux.Place{{Kind: "Kustomization", Namespace: "x"}}}, want: "production"},
		"its own label":                       {source: object("gitrepo", "flux-system", "fleet", labelled(labels{"env": "stg"})), snapshot: flux.Snapshot{Tried: tried}, want: "staging"},
		"its namespace's label":               {source: object("gitrepo", "dev", "fleet"), snapshot: flux.Snapshot{Tried: tried}, want: "development"},
		"the name of its namespace":           {source: object("gitrepo", "stg-1", "fleet"), policy: named, snapshot: flux.Snapshot{Tried: tried}, want: "staging"},
		"the name of the cluster":             {policy: named, snapshot: flux.Snapshot{Tried: tried}, want: "production"},
		"and users that say the same":         {users: []flux.Object{prod}, policy: named, snapshot: flux.Snapshot{Tried: tried}, want: "production"},
		"but not those that say otherwise":    {users: []flux.Object{elsewhere}, policy: named, snapshot: flux.Snapshot{Tried: tried}, want: unread},
		"no source":                           {source: prod, snapshot: flux.Snapshot{Tried: tried}, want: "production"},
		"users of one namespace":              {users: []flux.Object{prod}, snapshot: flux.Snapshot{Tried: tried, Confined: []string{"Kustomization"}, Looked: []flux.Place{{Kind: "Kustomization", Namespace: "flux-system"}}}, want: "production"},
		"users of another namespace":          {users: []flux.Object{prod}, snapshot: flux.Snapshot{Tried: tried, Confined: []string{"Kustomization"}, Looked: []flux.Place{{Kind: "Kustomization", Namespace: "x"}}}, want: unread},
		"artifacts that nothing uses":         {users: []flux.Object{prod}, snapshot: flux.Snapshot{Tried: []flux.Place{{Kind: flux.ExternalArtifactKind}}}, want: "production"},
		"artifacts that something uses":       {users: []flux.Object{prod, object("ks", "prod", "d", using(flux.Object{Ref: flux.Ref{Kind: flux.ExternalArtifactKind, Namespace: "x", Name: "y"}}))}, snapshot: flux.Snapshot{Tried: []flux.Place{{Kind: flux.ExternalArtifactKind}}}, want: "what may use it could not all be read (externalartifacts in all namespaces)"},
		"a user whose labels are not":         {users: []flux.Object{prod, hidden}, snapshot: flux.Snapshot{Refused: []string{"veiled"}}, want: UsersLabelsUnread},
		"which a default stands in for":       {users: []flux.Object{prod, hidden}, snapshot: flux.Snapshot{Refused: []string{"veiled"}}, fallback: "staging", want: "production"},
		"a user, and its labels that count":   {users: []flux.Object{prod}, snapshot: flux.Snapshot{Refused: []string{"flux-system"}}, want: LabelsUnread},
		"nothing uses it, and labels that do": {snapshot: flux.Snapshot{Refused: []string{"flux-system"}}, want: LabelsUnread},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source, p, s := git, plain, tc.snapshot
			if tc.source.Name != "" {
				source = tc.source
			}
			if tc.policy.Name != "" {
				p = tc.policy
			}
			s.Objects, s.Related, s.Namespaces = []flux.Object{source}, tc.users, consumerNamespaces()
			a := NewResolver(p, s, tc.fallback).Resolve(source)
			assert.Equal(t, tc.want, a.Environment+a.Unread)
		})
	}
}

// A default that stands in for labels that may not be read is not one for what has none.
func TestDefaultForUnreadLabels(t *testing.T) {
	t.Parallel()
	o := object("ks", "veiled", "web")
	for via, refused := range map[string][]string{"default environment": nil, "default environment, as the labels of its namespace may not be read": {"veiled"}} {
		a := NewResolver(preset(t, DefaultName), flux.Snapshot{Objects: []flux.Object{o}, Refused: refused}, "staging").Resolve(o)
		assert.Equal(t, Assignment{Environment: "staging", Known: true, Source: SourceDefault, Via: via}, a)
	}
}
