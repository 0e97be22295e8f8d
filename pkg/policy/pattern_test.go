package policy

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// TestPatternMatchesAsARegularExpression compares patterns with the regular expressions that say the same.
func TestPatternMatchesAsARegularExpression(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	text := func(letters string, most int) string {
		var b strings.Builder
		for range random.IntN(most + 1) {
			b.WriteByte(letters[random.IntN(len(letters))])
		}
		return b.String()
	}
	for range 20000 {
		pattern, name := text("aB*?*./", 7), text("aAb./", 9)
		expression := regexp.QuoteMeta(pattern)
		expression = strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(expression)
		want := regexp.MustCompile("(?i)^" + expression + "$").MatchString(name)
		require.Equal(t, want, Pattern{Text: pattern}.Matches(name), "%q on %q", pattern, name)
	}
}

// withPatterns is the default policy with patterns, as a document has them.
func withPatterns(t *testing.T, spec string) Policy {
	t.Helper()
	document, err := PresetYAML(DefaultName)
	require.NoError(t, err)
	p, err := Parse("policy.yaml", []byte(strings.Replace(string(document), "\nspec:\n", "\nspec:\n"+spec, 1)))
	require.NoError(t, err)
	return p
}

// patternless is an assignment without its pattern, which has to be the one that Via names.
func patternless(t *testing.T, a Assignment) Assignment {
	t.Helper()
	if a.Pattern != (Pattern{}) {
		assert.Equal(t, a.Environment, a.Pattern.Environment)
	}
	_, quoted, found := strings.Cut(a.Via, " matches ")
	assert.Equal(t, found, a.Pattern.Text != "", a.Via)
	assert.Equal(t, a.Pattern.Text, strings.Trim(quoted, `"`))
	a.Pattern = Pattern{}
	return a
}

// TestResolveInOrder takes away what counts, one after the other, and sees what comes next.
func TestResolveInOrder(t *testing.T) {
	t.Parallel()
	p := withPatterns(t, "  namespaces: {staging: ['*-stg'], production: ['*-prod']}\n  clusters: {production: ['prod-*']}\n")
	namespaces := map[string]map[string]string{"a-stg": {"env": "dev"}, "b-stg": {}, "plain": {}, "live": {"env": "live"}, "dev": {"env": "dev"}}
	git := object("gitrepo", "plain", "fleet")
	consumer := object("ks", "dev", "web", using(git))
	atProd := Named{"context", "prod-eu"}
	for name, tc := range map[string]struct {
		object    flux.Object
		cluster   []Named
		consumers []flux.Object
		fallback  string
		want      Assignment
	}{
		"object label": {
			object("ks", "b-stg", "web", labelled(labels{"env": "prod"})), []Named{atProd}, nil, "dev",
			Assignment{Environment: "production", Known: true, Source: SourceLabel, Via: "label env"},
		},
		"namespace label": {
			object("ks", "a-stg", "web", target("x-prod")), []Named{atProd}, nil, "dev",
			Assignment{Environment: "development", Known: true, Source: SourceNamespace, Via: `label env on namespace "a-stg" (the policy's "*-stg" says staging)`,
				Overruled: Pattern{Text: "*-stg", Environment: "staging"}},
		},
		"namespace pattern": {
			object("ks", "b-stg", "web", target("live")), []Named{atProd}, nil, "dev",
			Assignment{Environment: "staging", Known: true, Source: SourceNamespacePattern, Via: `namespace "b-stg" matches "*-stg"`},
		},
		"namespace pattern of a namespace that was not read": {
			object("gitrepo", "c-prod", "web"), nil, []flux.Object{object("ks", "dev", "web", using(object("gitrepo", "c-prod", "web")))}, "dev",
			Assignment{Environment: "production", Known: true, Source: SourceNamespacePattern, Via: `namespace "c-prod" matches "*-prod"`},
		},
		"target namespace by label": {
			object("ks", "plain", "web", target("live")), []Named{atProd}, nil, "dev",
			Assignment{Environment: "production", Known: true, Source: SourceTargetNamespace, Via: `label env on namespace "live"`},
		},
		"target namespace by pattern": {
			object("ks", "plain", "web", target("x-stg")), []Named{atProd}, nil, "dev",
			Assignment{Environment: "staging", Known: true, Source: SourceTargetNamespace, Via: `namespace "x-stg" matches "*-stg"`},
		},
		"consumer": {
			git, []Named{atProd}, []flux.Object{consumer}, "staging",
			Assignment{Environment: "development", Known: true, Source: SourceConsumer, Via: "Kustomization dev/web"},
		},
		"consumer by pattern": {
			git, nil, []flux.Object{object("ks", "b-stg", "web", using(git))}, "",
			Assignment{Environment: "staging", Known: true, Source: SourceConsumer, Via: "Kustomization b-stg/web"},
		},
		"cluster by context": {
			git, []Named{atProd, {"cluster", "x"}}, nil, "dev",
			Assignment{Environment: "production", Known: true, Source: SourceCluster, Via: `context "prod-eu" matches "prod-*"`},
		},
		"cluster by its own name": {
			git, []Named{{"context", "me@x"}, {"cluster", "PROD-1"}}, nil, "dev",
			Assignment{Environment: "production", Known: true, Source: SourceCluster, Via: `cluster "PROD-1" matches "prod-*"`},
		},
		"default": {
			git, []Named{{"context", "kind-dev"}}, nil, "dev",
			Assignment{Environment: "development", Known: true, Source: SourceDefault, Via: "default environment"},
		},
		"none": {git, nil, nil, "", Assignment{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := flux.Snapshot{Objects: append([]flux.Object{tc.object}, tc.consumers...), Namespaces: namespaces}
			got := NewResolver(p.In(tc.cluster...), s, tc.fallback).Resolve(tc.object)
			assert.Equal(t, tc.want, patternless(t, got))
		})
	}
}

func TestThePatternThatSaysMostCounts(t *testing.T) {
	t.Parallel()
	p := withPatterns(t, "  clusters: {development: ['*'], production: ['prod-*'], staging: ['*-canary', '*-west-1?']}\n")
	for name, want := range map[string]Assignment{
		"kind":        {Environment: "development", Known: true, Source: SourceCluster, Via: `context "kind" matches "*"`},
		"prod-us":     {Environment: "production", Known: true, Source: SourceCluster, Via: `context "prod-us" matches "prod-*"`},
		"prod-canary": {Environment: "staging", Known: true, Source: SourceCluster, Via: `context "prod-canary" matches "*-canary"`},
		"prod-west-12": {
			Environment: "staging", Known: true, Source: SourceCluster, Via: `context "prod-west-12" matches "*-west-1?"`,
		},
	} {
		assert.Equal(t, want, patternless(t, NewResolver(p.In(Named{"context", name}), flux.Snapshot{}, "").Resolve(object("ks", "a", "b"))), name)
	}
	p = withPatterns(t, "  namespaces: {production: ['a-*'], staging: ['*-b'], development: ['*']}\n")
	a := NewResolver(p, flux.Snapshot{}, "").Resolve(object("ks", "a-b", "web"))
	assert.Equal(t, "staging", a.Environment, "the first in the order of the policy, where patterns say as much")
	assert.Equal(t, []string{`namespace "a-b" matches "*-b", and matches "a-*" of production as well: staging is taken`}, a.Warnings)
}

// The folders of a root are names of the cluster, and name its environment where no pattern does.
func TestInCheckout(t *testing.T) {
	t.Parallel()
	plain := preset(t, DefaultName)
	resolve := func(p Policy, root, fallback string) Assignment {
		return patternless(t, NewResolver(p.InCheckout(root), flux.Snapshot{}, fallback).Resolve(object("ks", "a", "b")))
	}
	for root, want := range map[string]string{
		"clusters/staging": "staging", "clusters/prod-eu-1": "production", "staging/clusters/a": "staging",
		"clusters/dev": "development", "clusters/production/dev": "development", "kubernetes/flux/cluster": "", "": "", "products": "",
		"clusters/non-prod": "", "clusters/pre-production": "", "clusters/prod-staging": "", "production/non-prod": "", "clusters/preprod": "staging", "eu-prod-1": "",
	} {
		assert.Equal(t, want, resolve(plain, root, "").Environment, root)
	}
	assert.Equal(t, Assignment{Environment: "production", Known: true, Source: SourceCluster, Via: `folder "prod-eu-1"`}, resolve(plain, "clusters/prod-eu-1", ""))
	assert.Equal(t, "production", resolve(plain, "clusters/prod-eu-1", "stg").Environment, "what is handed in is for what nothing else tells of")
	assert.Equal(t, "staging", resolve(plain, "clusters/non-prod", "stg").Environment)

	p := withPatterns(t, "  clusters: {production: ['clusters/live-*', main], staging: ['stage-?']}\n")
	assert.Equal(t, Assignment{Environment: "production", Known: true, Source: SourceCluster, Via: `folder "clusters/live-dev" matches "clusters/live-*"`}, resolve(p, "clusters/live-dev", "stg"))
	assert.Equal(t, Assignment{Environment: "production", Known: true, Source: SourceCluster, Via: `folder "main" matches "main"`}, resolve(p, "kubernetes/main/flux", ""))
	assert.Equal(t, "staging", resolve(p, "stage-1/flux", "dev").Environment)
	assert.Equal(t, "development", resolve(p, "lab-12/flux", "dev").Environment)
}

func TestNeedsNoConsumersWhereThePatternsTell(t *testing.T) {
	t.Parallel()
	p := withPatterns(t, "  namespaces: {staging: ['*-stg']}\n  clusters: {production: ['*']}\n").In(Named{"context", "x"})
	assert.False(t, NeedsConsumers(p, flux.Snapshot{Objects: []flux.Object{object("gitrepo", "a-stg", "web")}}))
	assert.True(t, NeedsConsumers(p, flux.Snapshot{Objects: []flux.Object{object("gitrepo", "a", "web")}}), "a consumer counts before the cluster")
}

func TestWithAlias(t *testing.T) {
	t.Parallel()
	p := preset(t, DefaultName)
	before := len(p.Environments[1].Aliases)
	aliased, err := p.WithAlias("uat=stg")
	require.NoError(t, err)
	aliased, err = aliased.WithAlias("UAT=staging")
	require.NoError(t, err, "saying it again is no error")
	e, ok := aliased.Lookup("Uat")
	assert.True(t, ok)
	assert.Equal(t, "staging", e.Name)
	assert.Len(t, p.Environments[1].Aliases, before, "the policy itself is not changed")
	assert.Equal(t, p.Title(), aliased.Title())

	for expr, want := range map[string]string{
		"uat":            `"uat": write it like uat=staging`,
		"uat=moon":       `"uat=moon": unknown environment "moon": policy "per-environment" has development, staging, production`,
		"u at=staging":   `"u at=staging": "u at" is not the value of a label: use at most 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends`,
		"=staging":       `"=staging": "" is not the value of a label: use at most 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends`,
		"prod=staging":   `"prod=staging": in policy "per-environment" "prod" means production already`,
		"development=st": `"development=st": unknown environment "st": policy "per-environment" has development, staging, production`,
	} {
		_, err := p.WithAlias(expr)
		assert.EqualError(t, err, want)
	}
}
