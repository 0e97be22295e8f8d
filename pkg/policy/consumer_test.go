package policy

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

func consumerNamespaces() map[string]map[string]string {
	return map[string]map[string]string{
		"flux-system": {},
		"dev":         {"env": "dev"},
		"stg":         {"env": "stg"},
		"prod":        {"env": "prod"},
		"qa":          {"env": "qa"},
		"blue":        {"env": "blue"},
	}
}

func TestResolveSourceByConsumers(t *testing.T) {
	t.Parallel()
	var (
		git      = object("gitrepo", "flux-system", "fleet")
		helmRepo = object("helmrepo", "flux-system", "charts")
		oci      = object("ocirepo", "flux-system", "charts")
		chart    = object("hc", "flux-system", "shared", using(helmRepo))
		release  = object("hr", "stg", "web", using(helmRepo))
	)
	via := func(environment, consumer string) Assignment {
		return Assignment{Environment: environment, Known: true, Source: SourceConsumer, Via: consumer}
	}
	for name, tc := range map[string]struct {
		source    flux.Object
		objects   []flux.Object // also in scope
		consumers []flux.Object
		fallback  string
		want      Assignment
	}{
		"the fastest counts": {
			source:    git,
			consumers: []flux.Object{object("ks", "prod", "a", using(git)), object("ks", "stg", "b", using(git)), object("ks", "prod", "c", using(git))},
			want:      via("staging", "Kustomization stg/b"),
		},
		"consumers in scope": {
			source: git, objects: []flux.Object{object("ks", "prod", "a", using(git))},
			want: via("production", "Kustomization prod/a"),
		},
		"consumer by target namespace": {
			source: git, consumers: []flux.Object{object("ks", "flux-system", "a", using(git), target("dev"))},
			want: via("development", "Kustomization flux-system/a"),
		},
		"consumer by its label": {
			source: git, consumers: []flux.Object{object("ks", "flux-system", "a", using(git), labelled(labels{"environment": "prod"}))},
			want: via("production", "Kustomization flux-system/a"),
		},
		"first by name among equals": {
			source: git, consumers: []flux.Object{object("ks", "dev", "b", using(git)), object("ks", "dev", "a", using(git))},
			want: via("development", "Kustomization dev/a"),
		},
		"known before unknown": {
			source: git, consumers: []flux.Object{object("ks", "blue", "a", using(git)), object("ks", "prod", "a", using(git))},
			want: via("production", "Kustomization prod/a"),
		},
		"unknown": {
			source: git, consumers: []flux.Object{object("ks", "qa", "a", using(git)), object("ks", "blue", "b", using(git))},
			want: Assignment{Environment: "blue", Source: SourceConsumer, Via: "Kustomization blue/b"},
		},
		"consumers without environment": {
			source: git, consumers: []flux.Object{object("ks", "flux-system", "a", using(git))}, fallback: "prod",
			want: Assignment{Environment: "production", Known: true, Source: SourceDefault, Via: "default environment"},
		},
		"own label before consumers": {
			source: object("gitrepo", "flux-system", "fleet", labelled(labels{"env": "prod"})), consumers: []flux.Object{object("ks", "dev", "a", using(git))},
			want: Assignment{Environment: "production", Known: true, Source: SourceLabel, Via: "label env"},
		},
		"another source's consumers": {
			source: git, consumers: []flux.Object{object("ks", "dev", "a", using(object("gitrepo", "dev", "fleet"))), object("ks", "dev", "b")}, want: Assignment{},
		},
		"not a consumer": {
			source: git, objects: []flux.Object{object("iua", "dev", "a", using(git))}, want: Assignment{},
		},
		"HelmRepository of a chart template": {
			source: helmRepo, consumers: []flux.Object{release}, want: via("staging", "HelmRelease stg/web"),
		},
		"OCIRepository of a chartRef": {
			source: oci, consumers: []flux.Object{object("hr", "dev", "web", using(oci))}, want: via("development", "HelmRelease dev/web"),
		},
		"HelmChart of a chartRef": {
			source: chart, consumers: []flux.Object{object("hr", "dev", "web", using(chart))}, want: via("development", "HelmRelease dev/web"),
		},
		"HelmRepository behind a HelmChart": {
			source: helmRepo, objects: []flux.Object{chart}, consumers: []flux.Object{release, object("hr", "dev", "web", using(chart))},
			want: via("development", "HelmRelease dev/web"),
		},
		"generated HelmChart": {
			source: object("hc", "flux-system", "stg-web", using(helmRepo), generatedBy(release)), consumers: []flux.Object{release},
			want: via("staging", "HelmRelease stg/web"),
		},
		"generated HelmChart of a release that is gone": {
			source: object("hc", "flux-system", "stg-web", using(helmRepo), generatedBy(release)), want: Assignment{},
		},
		"a chart of itself": {
			source:    object("hc", "flux-system", "loop", using(object("hc", "flux-system", "loop"))),
			consumers: []flux.Object{object("hr", "dev", "web", using(object("hc", "flux-system", "loop")))},
			want:      via("development", "HelmRelease dev/web"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := flux.Snapshot{Objects: append([]flux.Object{tc.source}, tc.objects...), Related: tc.consumers, Namespaces: consumerNamespaces()}
			assert.Equal(t, tc.want, NewResolver(preset(t, DefaultName), s, tc.fallback).Resolve(tc.source))

			// Neither the order of reading nor what is read twice makes a difference.
			s.Related = append(slices.Clone(tc.consumers), tc.objects...)
			slices.Reverse(s.Related)
			assert.Equal(t, tc.want, NewResolver(preset(t, DefaultName), s, tc.fallback).Resolve(tc.source))
		})
	}
}

// What is fastest is asked of the source's kind first, then of the consumers' kinds, then of the order
// of the policy.
func TestFastest(t *testing.T) {
	t.Parallel()
	git := object("gitrepo", "flux-system", "fleet")
	s := flux.Snapshot{
		Objects:    []flux.Object{git},
		Related:    []flux.Object{object("ks", "dev", "a", using(git)), object("hr", "prod", "b", using(git))},
		Namespaces: consumerNamespaces(),
	}
	for name, tc := range map[string]struct {
		kinds string // of dev, then of prod
		want  string
	}{
		"by the source's interval":        {"GitRepository: {interval: 120s}, Kustomization: {interval: 1s}|GitRepository: {interval: 1m}", "prod"},
		"by the consumers' intervals":     {"GitRepository: {interval: 60s}, Kustomization: {interval: 2m}|GitRepository: {interval: 1m}, HelmRelease: {interval: 1m}", "prod"},
		"by order":                        {"GitRepository: {interval: 60s}|GitRepository: {interval: 1m}", "dev"},
		"by order where nothing is ruled": {"|", "dev"},
		// The longest interval that an environment allows counts: then nobody waits longer than allowed.
		"at most before exact":            {"GitRepository: {interval: 1m}|GitRepository: {interval: at most 1m}", "prod"},
		"at most by its end":              {"GitRepository: {interval: at most 2m}|GitRepository: {interval: 1m}", "prod"},
		"from to by its longer end":       {"GitRepository: {interval: 1s to 2m}|GitRepository: {interval: 1m to 90s}", "prod"},
		"from to then by its shorter end": {"GitRepository: {interval: 1m to 2m}|GitRepository: {interval: 30s to 120s}", "prod"},
		"at least allows any wait":        {"GitRepository: {interval: at least 1s}|GitRepository: {interval: at most 1h}", "prod"},
		"at least by its end":             {"GitRepository: {interval: at least 2m}|GitRepository: {interval: at least 1m}", "prod"},
		"at least before not ruled":       {"Kustomization: {interval: 1m}|GitRepository: {interval: at least 1h}", "prod"},
		"equal bounds by the consumers'":  {"GitRepository: {interval: at most 60s}, Kustomization: {interval: 2m}|GitRepository: {interval: at most 1m}, HelmRelease: {interval: at most 1m}", "prod"},
		"equal bounds by order":           {"GitRepository: {interval: at least 60s}|GitRepository: {interval: at least 1m}", "dev"},
		"ruled before not ruled":          {"Kustomization: {interval: 1m}|GitRepository: {interval: 1h}", "prod"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := Parse("policy.yaml", []byte(twoEnvironments(tc.kinds)))
			require.NoError(t, err)
			assert.Equal(t, tc.want, NewResolver(p, s, "").Resolve(git).Environment)
		})
	}
}

func twoEnvironments(kinds string) string {
	dev, prod, _ := strings.Cut(kinds, "|")
	return "apiVersion: fluxtune.github.io/v1alpha1\nkind: TuningPolicy\nmetadata: {name: m}\nspec:\n  environments:\n" +
		"  - {name: dev, kinds: {" + dev + "}}\n  - {name: prod, kinds: {" + prod + "}}\n"
}

// A source has the environment of who uses what is made of it, through as many artifacts as there are; a
// circle of them ends.
func TestResolveSourceBehindArtifacts(t *testing.T) {
	t.Parallel()
	cost := func(group, kind, name string, made ...flux.Ref) flux.Object {
		return flux.Object{Ref: flux.Ref{Group: group, Kind: kind, Namespace: "flux-system", Name: name}, Polling: flux.Polling{Made: made}}
	}
	git, other := object("gitrepo", "flux-system", "fleet"), object("gitrepo", "flux-system", "other")
	generator := cost("source.extensions.fluxcd.io", flux.ArtifactGeneratorKind, "g", git.Ref)
	artifact := cost("source.toolkit.fluxcd.io", flux.ExternalArtifactKind, "a", generator.Ref)
	ring := cost("source.toolkit.fluxcd.io", flux.ExternalArtifactKind, "ring")
	ring.Polling.Made = []flux.Ref{ring.Ref}
	snapshot := flux.Snapshot{
		Objects:    []flux.Object{git, other},
		Related:    []flux.Object{generator, artifact, ring, object("ks", "prod", "slow", using(artifact)), object("ks", "dev", "fast", using(artifact)), object("ks", "dev", "ring", using(ring))},
		Namespaces: consumerNamespaces(),
	}
	p, err := Preset("per-environment")
	require.NoError(t, err)
	r := NewResolver(p, snapshot, "")
	assert.Equal(t, Assignment{Environment: "development", Known: true, Source: SourceConsumer, Via: "Kustomization dev/fast"}, r.Resolve(git))
	assert.Equal(t, "development", r.Resolve(artifact).Environment)
	assert.Empty(t, r.Resolve(other).Environment)
}
