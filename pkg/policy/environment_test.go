package policy

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

type labels = map[string]string

// object is a Flux object; the options state what is particular about it.
func object(kind, namespace, name string, options ...func(*flux.Object)) flux.Object {
	k, err := flux.ParseKind(kind)
	if err != nil {
		panic(err)
	}
	o := flux.Object{Ref: flux.Ref{Group: k.Group, Kind: k.Name, Namespace: namespace, Name: name}, Version: k.Versions[0]}
	for _, option := range options {
		option(&o)
	}
	return o
}

func labelled(l labels) func(*flux.Object) { return func(o *flux.Object) { o.Labels = l } }

func target(namespace string) func(*flux.Object) {
	return func(o *flux.Object) { o.TargetNamespace = namespace }
}

func using(source flux.Object) func(*flux.Object) {
	return func(o *flux.Object) { o.SourceRef = source.Ref }
}

func generatedBy(release flux.Object) func(*flux.Object) {
	return func(o *flux.Object) {
		o.Generated = true
		o.Labels = labels{"helm.toolkit.fluxcd.io/name": release.Name, "helm.toolkit.fluxcd.io/namespace": release.Namespace}
	}
}

func preset(t testing.TB, name string) Policy {
	t.Helper()
	p, err := Preset(name)
	require.NoError(t, err)
	return p
}

func TestResolveByLabels(t *testing.T) {
	t.Parallel()
	p := preset(t, DefaultName)
	namespaces := map[string]map[string]string{
		"plain":   {"team": "web"},
		"dev":     {"environment": "dev"},
		"live":    {"env": "LIVE"},
		"qa":      {"environment": "qa"},
		"torn":    {"environment": "stg", "env": "prod"},
		"aliases": {"environment": "stg", "env": "Stage"},
		"empty":   {"fluxtune.github.io/environment": "", "environment": "staging"},
	}
	for name, tc := range map[string]struct {
		object   flux.Object
		fallback string
		want     Assignment
	}{
		"own label": {
			object: object("ks", "plain", "web", labelled(labels{"environment": "Prod"})),
			want:   Assignment{Environment: "production", Known: true, Source: SourceLabel, Via: "label environment"},
		},
		"namespace": {
			object: object("gitrepo", "dev", "web"), fallback: "prod",
			want: Assignment{Environment: "development", Known: true, Source: SourceNamespace, Via: `label environment on namespace "dev"`},
		},
		"namespace in capitals": {
			object: object("imgrepo", "live", "web"),
			want:   Assignment{Environment: "production", Known: true, Source: SourceNamespace, Via: `label env on namespace "live"`},
		},
		"target namespace": {
			object: object("ks", "plain", "web", target("dev")), fallback: "prod",
			want: Assignment{Environment: "development", Known: true, Source: SourceTargetNamespace, Via: `label environment on namespace "dev"`},
		},
		"target namespace of a release": {
			object: object("hr", "plain", "web", target("live")),
			want:   Assignment{Environment: "production", Known: true, Source: SourceTargetNamespace, Via: `label env on namespace "live"`},
		},
		"default by alias": {
			object: object("ks", "plain", "web"), fallback: " stg ",
			want: Assignment{Environment: "staging", Known: true, Source: SourceDefault, Via: "default environment"},
		},
		"unknown default": {
			object: object("ks", "unread", "web", target("unread too")), fallback: "lab",
			want: Assignment{Environment: "lab", Source: SourceDefault, Via: "default environment"},
		},
		"none": {object: object("ks", "plain", "web", target("plain")), want: Assignment{}},
		"unknown to the policy": {
			object: object("ks", "qa", "web"), fallback: "dev",
			want: Assignment{Environment: "qa", Source: SourceNamespace, Via: `label environment on namespace "qa"`},
		},
		"an empty label says nothing": {
			object: object("ks", "empty", "web", labelled(labels{"env": ""})),
			want:   Assignment{Environment: "staging", Known: true, Source: SourceNamespace, Via: `label environment on namespace "empty"`},
		},
		"two own labels": {
			object: object("ks", "plain", "web", labelled(labels{"env": "prod", "fluxtune.github.io/environment": "dev", "app.kubernetes.io/environment": "live"})),
			want: Assignment{Environment: "development", Known: true, Source: SourceLabel, Via: "label fluxtune.github.io/environment", Warnings: []string{
				"label fluxtune.github.io/environment=dev on Kustomization plain/web and label env=prod on Kustomization plain/web disagree: development is taken",
				"label fluxtune.github.io/environment=dev on Kustomization plain/web and label app.kubernetes.io/environment=live on Kustomization plain/web disagree: development is taken",
			}},
		},
		"two labels of a namespace": {
			object: object("ks", "torn", "web"),
			want: Assignment{Environment: "staging", Known: true, Source: SourceNamespace, Via: `label environment on namespace "torn"`, Warnings: []string{
				`label environment=stg on namespace "torn" and label env=prod on namespace "torn" disagree: staging is taken`,
			}},
		},
		"aliases agree": {
			object: object("ks", "aliases", "web", labelled(labels{"env": "staging"}), target("empty")),
			want:   Assignment{Environment: "staging", Known: true, Source: SourceLabel, Via: "label env"},
		},
		"own label against namespace": {
			object: object("ks", "dev", "web", labelled(labels{"env": "prod"})),
			want: Assignment{Environment: "production", Known: true, Source: SourceLabel, Via: "label env", Warnings: []string{
				`label env=prod on Kustomization dev/web and label environment=dev on namespace "dev" disagree: production is taken`,
			}},
		},
		"unknown label against namespace": {
			object: object("ks", "dev", "web", labelled(labels{"env": "blue"})),
			want: Assignment{Environment: "blue", Source: SourceLabel, Via: "label env", Warnings: []string{
				`label env=blue on Kustomization dev/web and label environment=dev on namespace "dev" disagree: blue is taken`,
			}},
		},
		"unknown labels agree whatever their case": {
			object: object("ks", "qa", "web", labelled(labels{"env": "QA"})),
			want:   Assignment{Environment: "QA", Source: SourceLabel, Via: "label env"},
		},
		"namespace against target namespace": {
			object: object("ks", "dev", "web", target("live")),
			want: Assignment{Environment: "development", Known: true, Source: SourceNamespace, Via: `label environment on namespace "dev"`, Warnings: []string{
				`label environment=dev on namespace "dev" and label env=LIVE on namespace "live" disagree: development is taken`,
			}},
		},
		"a source has no target": {object: object("gitrepo", "plain", "web", target("dev")), want: Assignment{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := NewResolver(p, flux.Snapshot{Objects: []flux.Object{tc.object}, Namespaces: namespaces}, tc.fallback)
			assert.Equal(t, tc.want, r.Resolve(tc.object))
			assert.Equal(t, tc.want, r.Resolve(tc.object), "asking twice gives the same")
		})
	}
}

func TestNamespaceWarningsAreNotShared(t *testing.T) {
	t.Parallel()
	namespaces := map[string]map[string]string{"torn": {"environment": "stg", "env": "prod"}, "dev": {"env": "dev"}}
	r := NewResolver(preset(t, DefaultName), flux.Snapshot{Namespaces: namespaces}, "")
	plain := r.Resolve(object("ks", "torn", "a"))
	elsewhere := r.Resolve(object("ks", "torn", "b", target("dev")))
	assert.Len(t, plain.Warnings, 1)
	assert.Len(t, elsewhere.Warnings, 2)
	assert.Len(t, r.Resolve(object("ks", "torn", "c")).Warnings, 1)
}

func TestNeedsConsumers(t *testing.T) {
	t.Parallel()
	p := preset(t, DefaultName)
	namespaces := map[string]map[string]string{"dev": {"env": "dev"}, "flux-system": {}}
	for name, tc := range map[string]struct {
		object flux.Object
		want   bool
	}{
		"source in a namespace of an environment": {object("gitrepo", "dev", "web"), false},
		"source with a label":                     {object("gitrepo", "flux-system", "web", labelled(labels{"env": "qa"})), false},
		"source without environment":              {object("gitrepo", "flux-system", "web"), true},
		"chart without environment":               {object("hc", "flux-system", "web"), true},
		"source in a namespace that was not read": {object("gitrepo", "other", "web"), true},
		"consumer without environment":            {object("ks", "flux-system", "web"), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := flux.Snapshot{Objects: []flux.Object{object("gitrepo", "dev", "first"), tc.object}, Namespaces: namespaces}
			assert.Equal(t, tc.want, NeedsConsumers(p, s))
		})
	}
}

func BenchmarkResolve(b *testing.B) {
	p := preset(b, DefaultName)
	s := flux.Snapshot{Namespaces: map[string]map[string]string{}}
	for i := range 5000 {
		namespace := fmt.Sprintf("project-%d", i%1000)
		s.Namespaces[namespace] = labels{"environment": []string{"dev", "stg", "prod"}[i%3]}
		source := object("gitrepo", "flux-system", fmt.Sprintf("app-%d", i))
		s.Objects = append(s.Objects, source, object("ks", namespace, source.Name, using(source)))
	}
	b.ReportAllocs()
	for b.Loop() {
		r := NewResolver(p, s, "")
		for _, o := range s.Objects {
			r.Resolve(o)
		}
	}
}
