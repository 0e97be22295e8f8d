package report

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

func TestKindsCheck(t *testing.T) {
	t.Parallel()
	all := make(map[string]string)
	for _, name := range flux.KindNames() {
		all[name] = "v1"
	}
	assert.Equal(t, Check{Name: "Flux", Status: CheckOK, Message: "v2.9.0, with all 10 kinds that fluxtune tunes"}, KindsCheck(all, "v2.9.0"))
	delete(all, "ImageRepository")
	delete(all, "ImageUpdateAutomation")
	assert.Equal(t, "of unknown version (no Deployment of its controllers tells), with 8 of the 10 kinds that fluxtune tunes; not installed: ImageRepository, ImageUpdateAutomation",
		KindsCheck(all, "").Message)
	assert.Equal(t, CheckFailed, KindsCheck(nil, "v2.9.0").Status)
}

// doctored is a snapshot of GitRepositories, one in each of the namespaces given.
func doctored(namespaces map[string]map[string]string, labels map[string]string) (flux.Snapshot, *policy.Resolver, policy.Policy) {
	s := flux.Snapshot{Namespaces: namespaces}
	for name := range namespaces {
		s.Objects = append(s.Objects, flux.Object{Ref: flux.Ref{Group: "source.toolkit.fluxcd.io", Kind: "GitRepository", Namespace: name, Name: "app"}, Labels: labels})
	}
	p, err := policy.Preset(policy.DefaultName)
	if err != nil {
		panic(err)
	}
	return s, policy.NewResolver(p, s, ""), p
}

// What is proposed matches no name that says something else, or leaves a doubt.
func TestProposedPatternsMatchNothingElse(t *testing.T) {
	t.Parallel()
	texts := func(names ...string) (texts []string) {
		namespaces := map[string]map[string]string{}
		for _, name := range names {
			namespaces[name] = nil
		}
		s, r, p := doctored(namespaces, nil)
		for _, pattern := range NewProposal(p, s, r, nil).Namespaces {
			texts = append(texts, pattern.Environment+" "+pattern.Pattern)
		}
		return texts
	}
	assert.Equal(t, []string{"production *-prod", "production *-production"}, texts("pay-prod", "web-prod", "web-production"))
	assert.Equal(t, []string{"production pay-prod", "production web-prod", "staging *-preprod"}, texts("pay-prod", "web-prod", "pay-non-prod", "pre-production", "pay-preprod"))
	assert.Equal(t, []string{"production prod-eu"}, texts("prod-eu", "prod-staging"))
	assert.Empty(t, texts("non-prod", "prod-dev"))
}

func TestEnvironmentsCheck(t *testing.T) {
	t.Parallel()
	check := func(namespaces map[string]map[string]string, cluster ...policy.Named) Check {
		s, r, p := doctored(namespaces, nil)
		return (Access{}).EnvironmentsCheck(p, s, r, NewProposal(p, s, r, cluster), "-n a")
	}
	assert.Equal(t, Check{Name: "environments", Status: CheckOK, Message: "2 objects: development 1, production 1"},
		check(map[string]map[string]string{"a": {"environment": "prod"}, "b": {"env": "dev"}}))
	assert.Equal(t, Check{
		Name: "environments", Status: CheckWarning, Message: "2 objects: 2 without",
		Remedy: "label the namespaces of those without (development, staging, production), or give all of them one environment with --default-env; " +
			"kubectl label namespace a environment=ENVIRONMENT, where ENVIRONMENT is development, staging or production",
	}, check(map[string]map[string]string{"a": {"stage": "x"}, "b": nil}))
	assert.Equal(t, []string{"kubectl label namespace a environment=production --overwrite"},
		check(map[string]map[string]string{"a": {"environment": ""}, "b": {"environment": "prod"}}).Run, "kubectl refuses without, also where the value is empty; all others are production")
	assert.Empty(t, check(map[string]map[string]string{"a": nil, "b": {"environment": "prod"}, "c": {"environment": "dev"}}).Run, "nothing tells which")
	assert.Equal(t, Check{
		Name: "environments", Status: CheckWarning, Message: "3 objects: staging 1, 2 in environments that the policy per-environment does not know (qa 1, sandbox-7 1)",
		Remedy: "say which environments the words mean, with --env-alias or as aliases in a policy of your own",
		Run:    []string{"kubectl fluxtune plan -n a --env-alias qa=staging --env-alias sandbox-7=development"},
	}, check(map[string]map[string]string{"a": {"environment": "qa"}, "b": {"env": "sandbox-7"}, "c": {"env": "stg"}}))
	assert.Equal(t, Check{
		Name: "environments", Status: CheckWarning, Message: "2 objects: 2 without",
		Remedy: "names tell the environments: see the lines for a policy below; " +
			"label the namespace of the other one (development, staging, production), or give it one environment with --default-env; " +
			"kubectl label namespace plain environment=ENVIRONMENT, where ENVIRONMENT is development, staging or production",
	}, check(map[string]map[string]string{"web-dev": nil, "plain": {}}))
	fromGit := check(map[string]map[string]string{"a": {"kustomize.toolkit.fluxcd.io/name": "namespaces", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}, "b": {"environment": "prod"}})
	assert.Empty(t, fromGit.Run, "kustomize-controller takes back what kubectl sets")
	assert.Contains(t, fromGit.Remedy, `; namespace "a" comes from Kustomization flux-system/namespaces: label it there with environment=production`)

	// Of what may be labelled nothing is proposed but to read the labels.
	s, _, p := doctored(map[string]map[string]string{"a": nil, "web-dev": nil, "seen": nil}, nil)
	s.Refused = []string{"a", "web-dev"}
	r := policy.NewResolver(p, s, "")
	proposal := NewProposal(p, s, r, []policy.Named{{What: "context", Name: "prod-eu"}})
	assert.Equal(t, []string{"  clusters:", `    production: ["prod-eu"] # 1 object, and 2 whose labels you may not read: they may say another`}, proposal.Lines())
	c := Access{Rights: Rights{User: "jane"}}.EnvironmentsCheck(p, s, r, proposal, "-A")
	assert.Equal(t, "3 objects: 1 without, 2 unknown, as you may not read the labels of their namespaces", c.Message)
	assert.Equal(t, "an administrator grants the right to read the labels of namespaces so; names tell the environments: see the lines for a policy below", c.Remedy)
	assert.Equal(t, []string{
		"kubectl create clusterrole fluxtune-namespaces --verb=get,list --resource=namespaces",
		"kubectl create clusterrolebinding fluxtune-namespaces-jane --clusterrole=fluxtune-namespaces --user=jane",
	}, c.Run)

	// Nor of a source that somebody may use who could not be read.
	source := flux.Object{Ref: flux.Ref{Group: "source.toolkit.fluxcd.io", Kind: "GitRepository", Namespace: "a", Name: "src"}}
	s = flux.Snapshot{Objects: []flux.Object{source}, Tried: []flux.Place{{Kind: "Kustomization"}}, Gaps: []flux.Gap{{What: "kustomizations in all namespaces", Harmless: true, Forbidden: true}}}
	users := func(user string) Check {
		r := policy.NewResolver(p, s, "")
		return Access{Namespace: "a", Rights: Rights{User: user}}.EnvironmentsCheck(p, s, r, NewProposal(p, s, r, nil), "-n a")
	}
	assert.Equal(t, Check{
		Name: "environments", Status: CheckWarning, Message: "1 object: 1 unknown, as what may use them could not all be read",
		Remedy: "an administrator grants the right to list what may use sources so",
		Run: []string{
			"kubectl create clusterrole fluxtune-users --verb=list --resource=kustomizations.kustomize.toolkit.fluxcd.io",
			"kubectl create clusterrolebinding fluxtune-users-jane --clusterrole=fluxtune-users --user=jane",
		},
	}, users("jane"))
	assert.Equal(t, "ask an administrator for the right to list kustomizations in all namespaces", users("").Remedy)
	s.Gaps[0].Forbidden = false
	assert.Empty(t, users("jane").Remedy, "no right is missing where the list fails")

	s, r, p = doctored(nil, nil)
	s.Gaps = []flux.Gap{{What: "gitrepositories", Why: "forbidden"}}
	assert.Equal(t, "unknown: the objects could not be read", (Access{}).EnvironmentsCheck(p, s, r, Proposal{}, "-A").Message)
}

// A label of a namespace counts before the patterns of the policy: where they say something else, somebody may have forgotten one.
func TestEnvironmentsCheckNamesOverruledPatterns(t *testing.T) {
	t.Parallel()
	s, _, p := doctored(map[string]map[string]string{"a-dev": {"environment": "prod"}, "b-dev": {"env": "stg"}, "c-dev": {"env": "dev"}, "d-dev": nil}, nil)
	p = p.WithPatterns(nil, []policy.Pattern{{Text: "*-dev", Environment: "development"}})
	r := policy.NewResolver(p, s, "")
	assert.Equal(t, Check{
		Name: "environments", Status: CheckOK, Message: "4 objects: development 2, staging 1, production 1; the labels of 2 namespaces say something else than " +
			"the policy's patterns, and count (a-dev: label production, pattern development; b-dev: label staging, pattern development)",
	}, (Access{}).EnvironmentsCheck(p, s, r, NewProposal(p, s, r, nil), "-A"))
	for _, o := range s.Objects {
		if o.Namespace == "a-dev" {
			assert.Equal(t, `label environment on namespace "a-dev" (the policy's "*-dev" says development)`, r.Resolve(o).Via)
		}
	}
}

func TestOwnersCheck(t *testing.T) {
	t.Parallel()
	check := func(s flux.Snapshot, ignore bool) (owners, pins Check) {
		l := tune.NewJudge(s).Lasting(s.Objects)
		return OwnersCheck(s, l, ignore, "-n a"), IgnoreCheck(ignore, l, false)
	}
	s, _, _ := doctored(map[string]map[string]string{"a": nil}, nil)
	owners, pins := check(s, true)
	assert.Equal(t, []CheckStatus{CheckOK, CheckOK}, []CheckStatus{owners.Status, pins.Status})
	s, _, _ = doctored(map[string]map[string]string{"a": nil}, map[string]string{"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"})
	owners, pins = check(s, true)
	assert.Equal(t, CheckWarning, owners.Status)
	assert.Equal(t, "1 of 1 object applied by something: 1 by a Kustomization; a change of the interval is undone, or may be, in 1 (GitRepository a/app)", owners.Message)
	assert.Equal(t, []string{"kubectl fluxtune get -n a -o wide"}, owners.Run, "what cannot be pinned is not proposed")
	assert.Equal(t, "change the values in Git; this shows for each whether a change sticks:", owners.Remedy, "there is one command")
	assert.Equal(t, CheckWarning, pins.Status)
	assert.Equal(t, "Kustomizations have it: --managed=pin can hold changes of 0 objects against Git, and not of 1 other", pins.Message)
	assert.Equal(t, "1 of them cannot be pinned: applied by Kustomization flux-system/apps, which was not read", pins.Remedy)

	// What bears no mark is applied by something, too.
	two := flux.Snapshot{Objects: []flux.Object{s.Objects[0], object(t, "GitRepository", "a", "unmarked", func(o *flux.Object) {
		o.Owners = []flux.FieldOwner{{Field: flux.Interval, Manager: flux.Manager{Name: "argocd-controller", Apply: true}}}
	})}}
	unmarked, _ := check(two, true)
	assert.Equal(t, "2 of 2 objects applied by something: 1 by a Kustomization, 1 by what leaves no label; a change of the interval is undone, or may be, in all of them (GitRepository a/app, GitRepository a/unmarked)", unmarked.Message)

	s.Related = []flux.Object{object(t, "Kustomization", "flux-system", "apps", nil)}
	owners, pins = check(s, true)
	assert.Equal(t, []string{"kubectl fluxtune get -n a -o wide", "kubectl fluxtune plan -n a --managed=pin"}, owners.Run)
	assert.Equal(t, Check{Name: "spec.ignore", Status: CheckOK, Message: "Kustomizations have it: --managed=pin can hold changes of 1 object against Git"}, pins)
	owners, _ = check(s, false)
	assert.Equal(t, []string{"kubectl fluxtune get -n a -o wide"}, owners.Run)
}

func TestDiagnosisIsDrawn(t *testing.T) {
	t.Parallel()
	rights := Rights{User: "jane", Rows: []Right{
		{Group: "a", Resource: "buckets", Namespace: "dev", Allowed: []string{"get", "list"}, Denied: []string{"patch"}, For: "plan", alike: "kinds"},
		{Group: "a", Resource: "receivers", Namespace: "dev", Allowed: []string{"get", "list"}, Denied: []string{"patch"}, For: "plan", alike: "kinds"},
		{Resource: "nodes", Allowed: []string{}, Denied: []string{"list", "watch"}, For: "nodes"},
	}}
	d := NewDiagnosis([]Check{
		IgnoreCheck(true, tune.Lasting{Objects: 3, Undone: 3, Pinnable: 3}, false), {Name: "x", Status: CheckFailed, Message: "a bad thing 世界 seen", Remedy: "mend it at once", Run: []string{"kubectl mend --all-that-is-broken"}},
	}, rights, []string{"do this", "do that"})
	assert.True(t, d.Failed())
	var out strings.Builder
	require.NoError(t, d.Draw(&out, Layout{Width: 44}))
	assert.Equal(t, `2 checks: 1 failed, 0 with a warning, 1 ok
failed    x             a bad thing 世界
                        seen
                        -> mend it at once
                           kubectl mend --all-that-is-broken
ok        spec.ignore   Kustomizations have
                        it: --managed=pin
                        can hold changes of
                        3 objects against
                        Git

Rights of jane:

`+rightsTable+`

Next:
  do this
  do that
`, out.String(), "the worst comes first; sentences are folded, commands are not")
}

const rightsTable = `RESOURCE   GET   LIST   WATCH   PATCH
2 kinds    yes   yes    -       no
nodes      -     no     no      -`

func TestRightsThatDifferHaveRowsOfTheirOwn(t *testing.T) {
	t.Parallel()
	row := func(resource, alike string, allowed, denied []string) Right {
		return Right{Resource: resource, Allowed: allowed, Denied: denied, alike: alike}
	}
	list, patch, none := []string{"list"}, []string{"patch"}, []string{}
	r := Rights{Rows: []Right{
		row("a", "kinds", list, patch), row("b", "kinds", none, append(list, patch...)), row("c", "kinds", list, patch),
		row("d", "kinds", list, patch), row("e", "kinds", append(list, patch...), none), row("f", "kinds", append(list, patch...), none),
		row("x", "others", list, none), row("y", "others", list, none), row("nodes", "", list, none),
	}}
	var names []string
	for _, group := range r.grouped() {
		names = append(names, group.name)
	}
	assert.Equal(t, []string{"a and 2 more", "b", "e, f", "2 others", "nodes"}, names)
}

// What could not be read may need a pin.
func TestIgnoreCheckOfWhatCouldNotBeRead(t *testing.T) {
	t.Parallel()
	assert.Equal(t, CheckOK, IgnoreCheck(true, tune.Lasting{}, false).Status)
	c := IgnoreCheck(true, tune.Lasting{}, true)
	assert.Equal(t, CheckWarning, c.Status)
	assert.Contains(t, c.Message, "is not known")
}
