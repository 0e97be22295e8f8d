package report

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/fit"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// manyObjects are 2,000 objects in four environments, as a platform has them that grew: most intervals are what
// somebody once copied, a few are odd, names are long or not in Latin.
func manyObjects(t *testing.T) flux.Snapshot {
	t.Helper()
	s := flux.Snapshot{Namespaces: map[string]map[string]string{}}
	environments := []string{"development", "staging", "production", "sandbox"}
	intervals := []string{"5m", "5m", "5m", "10m", "10m", "1m", "1h", "30s"}
	for i := range 500 {
		environment := environments[i%4]
		namespace := fmt.Sprintf("team-%03d-%s", i/4, environment)
		if i%50 == 7 {
			namespace = fmt.Sprintf("plattform-betrieb-und-wartung-abteilung-%03d-%s", i, environment)
		}
		s.Namespaces[namespace] = map[string]string{"environment": environment}
		interval := intervals[(i/4)%len(intervals)]
		source := flux.Ref{Group: "source.toolkit.fluxcd.io", Kind: "GitRepository", Namespace: namespace, Name: "app"}
		for n, kind := range []string{"GitRepository", "Kustomization", "HelmRelease", "OCIRepository"} {
			s.Objects = append(s.Objects, object(t, kind, namespace, []string{"app", "应用", "release", "charts"}[n], func(o *flux.Object) {
				o.Interval, o.Timeout = ptr(interval), ptr("2m")
				o.Remote.URL = fmt.Sprintf("https://github.com/acme/team-%03d", i/4)
				switch kind {
				case "Kustomization":
					o.SourceRef, o.RetryInterval = source, ptr("1m")
				case "OCIRepository":
					o.Remote.URL = "oci://ghcr.io/acme/charts"
				case "HelmRelease":
					o.Suspended = i%10 == 3
				}
			}))
		}
	}
	return s
}

// overviewOf is the overview of what a policy plans.
func overviewOf(t *testing.T, s flux.Snapshot, p policy.Policy) Overview {
	t.Helper()
	resolver := policy.NewResolver(p, s, "")
	plan := tune.NewPlan(s.Objects, p, resolver, tune.Options{Judge: tune.NewJudge(s)})
	in := budget.Input{Items: plan.Items, Limits: budget.NewLimits(nil, nil), Environments: p.EnvironmentNames(), Now: noon}
	return Overview{Title: "Policy " + p.Name, Plan: plan, Budget: budget.New(in), Calm: tune.NewGraph(flux.Each(s.Objects)).Forecast(plan.Items, plan.Pins, 5), Pace: 5,
		Environments: p.EnvironmentNames(), Next: []string{"kubectl fluxtune apply -A"}}
}

func drawOverview(t require.TestingT, o Overview, l Layout) string {
	var b bytes.Buffer
	require.NoError(t, o.Draw(&b, l))
	return b.String()
}

func TestOverview(t *testing.T) {
	t.Parallel()
	many := manyObjects(t)
	preset := func(name string) policy.Policy {
		p, err := policy.Preset(name)
		require.NoError(t, err)
		return p
	}
	for _, width := range []int{80, 100, 160} {
		golden(t, fmt.Sprintf("overview/many-%d.txt", width), []byte(drawOverview(t, overviewOf(t, many, defaultPolicy(t)), Layout{Width: width, Height: 24})))
	}
	golden(t, "overview/many-fast-80.txt", []byte(drawOverview(t, overviewOf(t, many, preset("fast")), Layout{Width: 80, Height: 24})))
	golden(t, "overview/many-tall.txt", []byte(drawOverview(t, overviewOf(t, many, defaultPolicy(t)), Layout{Width: 100, Height: 60})))
	golden(t, "overview/many-pipe.txt", []byte(drawOverview(t, overviewOf(t, many, defaultPolicy(t)), Layout{})))
	golden(t, "overview/fleet-80.txt", []byte(drawOverview(t, overviewOf(t, fleet(t), defaultPolicy(t)), Layout{Width: 80, Height: 24})))
	golden(t, "overview/nothing.txt", []byte(drawOverview(t, Overview{Title: "Policy fast", Plan: tune.Plan{Policy: "fast"}}, Layout{Width: 80, Height: 24})))
}

// wholeOverview draws what an overview may have to say: objects of several clusters that change in any way, under a policy
// that says something of itself, fitted or not, with owners that undo changes and clusters that could not be read.
func wholeOverview(t *testing.T, rt *rapid.T) Overview {
	kinds := []string{"GitRepository", "Kustomization", "HelmRelease", "OCIRepository", "HelmRepository", "Bucket"}
	p, err := policy.Preset(rapid.SampledFrom(policy.PresetNames()).Draw(rt, "policy"))
	require.NoError(rt, err)
	clusters := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{
		"", "prod-eu", "staging-eu", "dev", "arn:aws:eks:eu-central-1:123456789012:cluster/platform-prod", "arn:aws:eks:eu-west-1:123456789012:cluster/platform-prod",
		"gke_acme-platform_europe-west1_prod", "gke_acme-platform_europe-west1_staging", "admin@kind", "edge-1", "edge-2", "edge-3",
	}), 1, 12, rapid.ID).Draw(rt, "clusters")
	interval := rapid.SampledFrom([]string{"10s", "30s", "45s", "1m", "90s", "2m30s", "3m", "4m", "5m", "7m", "10m", "15m", "20m", "30m", "1h", "2h", "6h"})
	name := rapid.StringMatching(`[a-z配][a-z0-9配-]{0,80}`)
	var o Overview
	for n, cluster := range clusters {
		s := flux.Snapshot{Namespaces: map[string]map[string]string{}}
		for i := range rapid.IntRange(1, 200/len(clusters)).Draw(rt, "objects") {
			namespace := fmt.Sprintf("%s-%d", name.Draw(rt, "namespace"), i)
			s.Namespaces[namespace] = map[string]string{"environment": rapid.SampledFrom([]string{"development", "staging", "production", "qa", ""}).Draw(rt, "environment")}
			s.Objects = append(s.Objects, object(t, rapid.SampledFrom(kinds).Draw(rt, "kind"), namespace, name.Draw(rt, "name"), func(o *flux.Object) {
				o.Cluster, o.Interval = cluster, ptr(interval.Draw(rt, "interval"))
				o.Suspended = rapid.IntRange(0, 5).Draw(rt, "suspended") == 0
				if rapid.Bool().Draw(rt, "timeout") {
					o.Timeout = ptr(interval.Draw(rt, "timeout"))
				}
				o.Remote.URL = fmt.Sprintf("https://%s/acme/%s", rapid.SampledFrom([]string{"github.com", "gitlab.com", "git." + strings.Repeat("platform-", 6) + "example.com"}).Draw(rt, "host"), name.Draw(rt, "url"))
			}))
		}
		one := overviewOf(t, s, p)
		if n == 0 {
			o = one
			continue
		}
		o.Plan = o.Plan.And(one.Plan)
		o.Budget = budget.Together([]budget.Budget{o.Budget, one.Budget}, budget.NewLimits(p.Limits, nil), p.EnvironmentNames())
		o.Calm = o.Calm.And(one.Calm)
	}
	if len(clusters) > 1 {
		o.Where = fmt.Sprintf("in %d clusters", len(clusters))
	}
	o.Title += rapid.SampledFrom([]string{"", " with *.GitRepository.interval=30s to 20m, *.OCIRepository.interval=30s to 20m, fit github.com=40%, ghcr.io=20%"}).Draw(rt, "title")
	o.Plan.Note = rapid.SampledFrom([]string{o.Plan.Note, strings.Repeat("What the platform team wants everybody to read. ", 12)}).Draw(rt, "note")
	for i := range o.Plan.Items {
		item := &o.Plan.Items[i]
		owner := flux.Ref{Group: "kustomize.toolkit.fluxcd.io", Kind: "Kustomization", Namespace: "flux-system", Name: name.Draw(rt, "owner")}
		switch rapid.IntRange(0, 9).Draw(rt, "stick") {
		case 0:
			item.Stick = tune.Stick{FieldStick: tune.FieldStick{Verdict: tune.Reverted, Within: time.Hour}, Owner: owner}
		case 1:
			item.Stick = tune.Stick{FieldStick: tune.FieldStick{Verdict: tune.Unknown}, Owner: owner}
		case 2:
			item.Action, item.Changes, item.Reason, item.Message = tune.ActionSkip, nil, tune.ReasonSetInGit, "set in Git"
			item.Stick = tune.Stick{FieldStick: tune.FieldStick{Verdict: tune.Reverted}, Owner: owner, Home: "Kustomization flux-system/" + owner.Name + ": path ./clusters/production/apps of https://github.com/acme/fleet"}
		}
	}
	o.Budget.Beyond, o.Budget.Partial, o.Alone = rapid.Bool().Draw(rt, "beyond"), rapid.Bool().Draw(rt, "partial"), len(clusters) == 1 && rapid.Bool().Draw(rt, "alone")
	if rapid.Bool().Draw(rt, "fitted") {
		o.Fitting = &fit.Fitting{Sources: 1234, Requests: 12345, Wait: 264 * time.Second, UniformWait: 1264 * time.Second, Uniform: 528 * time.Second, Choices: make([]map[flux.Ref]fit.Choice, len(clusters)),
			Shares: []fit.ShareUse{{Share: policy.Share{Host: "github.com", Percent: 60}, Limit: 5000, Allowed: 3000, Used: 2500}, {Share: policy.Share{Host: "github.com", Credential: "bot", Percent: 20}, Limit: 5000, Allowed: 1000, Used: 900}}}
	}
	for range rapid.IntRange(0, 3).Draw(rt, "missing") {
		o.Missing = append(o.Missing, Missing{Cluster: "away", What: "the cluster", Why: "it does not answer"})
	}
	for range rapid.IntRange(0, 9).Draw(rt, "stay") {
		o.Stay = append(o.Stay, "fields of 12 objects as session 20261122-101500-k3xq set them later: they stay until that one is reverted")
	}
	return o
}

// Whatever is planned, for any number of clusters, the decision is on one screen, no line is wider than it, every environment that
// changes is named, and the numbers of the groups add up.
func TestOverviewFits(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		o := wholeOverview(t, rt)
		o.Above = rapid.IntRange(0, 12).Draw(rt, "above")
		l := Layout{Width: rapid.IntRange(60, 200).Draw(rt, "width"), Height: rapid.IntRange(20, 70).Draw(rt, "height")}
		text := drawOverview(rt, o, l)
		shown := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
		assert.LessOrEqual(rt, len(shown), max(leastHeight, max(23, l.Height-1)-o.Above), text)
		for _, line := range shown {
			assert.LessOrEqual(rt, terminal.Width(line), l.Width, line)
		}
		said := strings.Join(strings.Fields(text), " ")
		if (o.Budget.Beyond || o.Budget.Partial) && strings.Contains(said, "of 5,000/h") {
			assert.Contains(rt, said, "comes on top", "what a host gets is not all\n%s", text)
		}
		if o.Alone && strings.Contains(said, " Fit ") {
			assert.Contains(rt, said, "comes on top", text)
		}
		assertRowsDiffer(rt, text)
		objects := 0
		for _, g := range GroupChanges(o.Plan.Items, o.Environments, 4) {
			objects += g.Objects
		}
		assert.Equal(rt, len(o.Plan.Changed()), objects)
		for _, item := range o.Plan.Changed() {
			if o.Above > 0 && strings.Contains(text, " more ") { // where warnings leave few lines, the last environments are counted
				break
			}
			assert.Contains(rt, text, item.Assignment.Environment)
		}
	})
}

// assertRowsDiffer holds that no two groups of an environment say the same but for their numbers.
func assertRowsDiffer(t assert.TestingT, text string) {
	seen := make(map[string]bool)
	for _, row := range regexp.MustCompile(`(?m)^(\S.*?)?( +)\d+ ([A-Z]\w+|objects) (.*(->|stays).*)$`).FindAllStringSubmatch(text, -1) {
		if row[1] != "" {
			clear(seen) // another environment begins
		}
		says := row[3] + " " + row[4]
		assert.False(t, seen[says], "twice: %s\n%s", says, text)
		seen[says] = true
	}
}

// Groups that differ only in what has no room are one: two rows that look alike tell nobody what differs.
func TestGroupsThatLookAlikeAreOne(t *testing.T) {
	t.Parallel()
	var items []tune.Item
	for i, timeout := range []string{"5m", "3m", "90s", "5m"} {
		o := object(t, "Kustomization", "payments-production", fmt.Sprintf("app-%d", i), func(o *flux.Object) { o.Interval, o.Timeout = ptr("1h30m"), ptr(timeout) })
		items = append(items, tune.Item{Object: o, Assignment: policy.Assignment{Environment: "production"}, Action: tune.ActionChange, Changes: []tune.Change{
			{Field: flux.Interval, From: ptr("1h30m"), To: ptr("2m30s")}, {Field: flux.RetryInterval, To: ptr("1h30m")}, {Field: flux.Timeout, From: ptr(timeout), To: ptr("2m")}}})
	}
	o := Overview{Title: "Policy fast", Plan: tune.Plan{Policy: "fast", Items: items}}
	for _, width := range []int{60, 80, 100, 200} {
		assertRowsDiffer(t, drawOverview(t, o, Layout{Width: width, Height: 24}))
	}
	assert.Contains(t, drawOverview(t, o, Layout{Width: 80, Height: 24}), "4 Kustomization")
	wide := drawOverview(t, o, Layout{Width: 200, Height: 24})
	assert.Contains(t, wide, "2 Kustomization", "where it has room, it is said what differs")
	assert.Contains(t, drawOverview(t, o, Layout{}), "2 Kustomization")
}

// Objects that change alike are one group.
func TestManyObjectsThatChangeAlike(t *testing.T) {
	t.Parallel()
	groups := GroupChanges(itemsAlike(1000), nil, 0)
	require.Len(t, groups, 1)
	assert.Equal(t, "5m -> 1m", groups[0].Interval)
}

// The time goes by the number of the objects, not by its square: the two rates are to be alike.
func BenchmarkGroupChanges(b *testing.B) {
	for _, size := range []int{5_000, 50_000} {
		items := itemsAlike(size)
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			for b.Loop() {
				GroupChanges(items, nil, 0)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*size), "ns/object")
		})
	}
}

func itemsAlike(size int) []tune.Item {
	items := make([]tune.Item, size)
	for i := range items {
		o := flux.Object{Ref: flux.Ref{Group: "source.toolkit.fluxcd.io", Kind: "GitRepository", Namespace: "apps", Name: fmt.Sprint(i)}, Interval: ptr("5m")}
		items[i] = tune.Item{Object: o, Action: tune.ActionChange, Changes: []tune.Change{{Field: flux.Interval, From: ptr("5m"), To: ptr("1m")}}}
	}
	return items
}

// Where environments are more than a screen has lines, the rest is counted.
func TestOverviewOfManyEnvironments(t *testing.T) {
	t.Parallel()
	var items []tune.Item
	for i := range 40 {
		o := object(t, "GitRepository", "apps", fmt.Sprintf("app-%d", i), func(o *flux.Object) { o.Interval = ptr("5m") })
		items = append(items, tune.Item{Object: o, Assignment: policy.Assignment{Environment: fmt.Sprintf("e%02d", i)}, Action: tune.ActionChange, Changes: []tune.Change{{Field: flux.Interval, From: ptr("5m"), To: ptr("1m")}}})
	}
	text := drawOverview(t, Overview{Title: "Policy many", Plan: tune.Plan{Policy: "many", Items: items}}, Layout{Width: 80, Height: 24})
	assert.LessOrEqual(t, strings.Count(text, "\n"), screen, text)
	assert.Regexp(t, `(?m)^\d+ more +\d+ GitRepository +5m -> 1m faster`, text)
}

// Where hosts have no room, those that intervals are fitted to come first: they were asked for. A share of a credential has a
// line of its own, since those about costs are of hosts.
func TestOverviewShowsWhatIsFitted(t *testing.T) {
	t.Parallel()
	names := []string{"a.example.com", "b.example.com", "c.example.com", "d.example.com", "e.example.com", "f.example.com"}
	many := Overview{Title: "Policy fast", Plan: tune.Plan{Policy: "fast"}}
	for i, name := range names {
		limit := budget.Limit{PerHour: 1000}
		many.Budget.Hosts = append(many.Budget.Hosts, budget.Host{Name: name, Limit: &limit, Used: budget.Rates{Now: float64(150 - 20*i), Planned: float64(150 - 20*i)}})
	}
	share := func(host, credential string) fit.ShareUse {
		return fit.ShareUse{Share: policy.Share{Host: host, Credential: credential, Percent: 60}, Limit: 1000, Allowed: 600, Used: 500}
	}
	of := func(shares ...fit.ShareUse) string {
		o := many
		o.Fitting = &fit.Fitting{Sources: 3, Wait: time.Minute, UniformWait: 2 * time.Minute, Shares: shares}
		return strings.Join(strings.Fields(drawOverview(t, o, Layout{Width: 80, Height: 24})), " ")
	}
	text := of(share("e.example.com", ""), share("f.example.com", ""), share("d.example.com", ""))
	assert.Regexp(t, `d\.example\.com .*e\.example\.com .*f\.example\.com .*3 hosts more, 3 over`, text)
	text = of(share("b.example.com", ""), share("e.example.com", ""))
	assert.Regexp(t, `b\.example\.com .*e\.example\.com .*4 hosts more, 2 over`, text)
	text = of(share("e.example.com", "bot"))
	assert.Regexp(t, `e\.example\.com .*a\.example\.com .*4 hosts more`, text)
	assert.Contains(t, text, "e.example.com/bot gets 500/h of 600/h")
}

// An environment whose median object stays as it is may change all the same: then the worst is told.
func TestLatencyTellsTheWorstWhereOnlyThatChanges(t *testing.T) {
	t.Parallel()
	latency := func(typical, worst time.Duration) budget.Latency {
		return budget.Latency{Typical: typical, Worst: worst}
	}
	o := Overview{Budget: budget.Budget{Environments: []budget.Environment{
		{Name: "production", Consumers: 3, Latency: budget.Pair[budget.Latency]{Now: latency(152*time.Second, 318*time.Second), Planned: latency(152*time.Second, 1262*time.Second)}},
		{Name: "staging", Consumers: 1, Latency: budget.Pair[budget.Latency]{Now: latency(time.Minute, time.Hour), Planned: latency(30*time.Second, time.Hour)}},
		{Name: "test", Consumers: 1, Latency: budget.Pair[budget.Latency]{Now: latency(time.Minute, time.Hour), Planned: latency(time.Minute, time.Hour)}},
	}}}
	assert.Equal(t, []string{"commit to applied, median: staging 1m -> 30s; at worst: production 5m18s -> 21m2s"}, o.buys(unlimited))
}

// A plan of sources alone says what it costs in latency, too: up to the artifact, since it knows nobody who applies it.
func TestLatencyOfSourcesAlone(t *testing.T) {
	t.Parallel()
	latency := func(typical time.Duration) budget.Latency {
		return budget.Latency{Typical: typical, Worst: 2 * typical}
	}
	o := Overview{Budget: budget.Budget{Environments: []budget.Environment{
		{Name: "development", Fetched: budget.Pair[budget.Latency]{Now: latency(31 * time.Second), Planned: latency(151 * time.Second)}},
		{Name: "staging", Fetched: budget.Pair[budget.Latency]{Now: latency(time.Minute), Planned: latency(time.Minute)}},
	}}}
	assert.Equal(t, []string{"commit to the source's artifact, median: development 31s -> 2m31s"}, o.buys(unlimited))
}

// That not all was read is said also where no host has a limit, and what --managed=patch changes is not told to try it.
func TestCostsWithoutLimitsTellWhatWasNotRead(t *testing.T) {
	t.Parallel()
	o := Overview{Budget: budget.Budget{Partial: true, Git: budget.Rates{Now: 12, Planned: 6}, Hosts: []budget.Host{{Name: "git.example.com"}}}}
	assert.Equal(t, []string{"Git requests 12/h -> 6/h: 50% fewer; what was not read comes on top"}, o.costs(Layout{}, unlimited))
	o.Plan.Items = []tune.Item{{Action: tune.ActionSkip, Reason: tune.ReasonOwnerUnknown}}
	assert.Contains(t, o.leftAlone(Layout{}, unlimited)[0], "or see --managed")
	o.Patches = true
	assert.NotContains(t, o.leftAlone(Layout{}, unlimited)[0], "--managed")
}

func TestOverviewSaysHowLongObjectsMayBeNotReady(t *testing.T) {
	t.Parallel()
	soon := tune.Disturbance{Again: 30 * time.Second}
	assert.Equal(t, "a while (Flux tries again after 30s)", awhile([]tune.Disturbance{{}, soon}, " (Flux tries again after 30s)"))
	assert.Equal(t, "up to 1h", awhile([]tune.Disturbance{soon, {Again: time.Hour}, {}}, " (Flux tries again after 30s)"))
}

// What all clusters come to is said with the first, and what hosts get with one alone does not hide that it is too much.
func TestOverviewTellsAllClustersAhead(t *testing.T) {
	t.Parallel()
	host := func(now, planned float64) budget.Budget {
		return budget.Budget{Git: budget.Rates{Now: now * 50, Planned: planned * 50}, Hosts: []budget.Host{{Name: "github.com", Limit: &budget.Limit{PerHour: 5000}, Used: budget.Rates{Now: now, Planned: planned}}}}
	}
	all := host(43, 101)
	o := Overview{Budget: host(43, 72), Together: true, Ahead: &all}
	assert.Contains(t, o.costs(Layout{}, unlimited), "with all clusters changed: github.com 43% -> 101% of 5,000/h, over")
	assert.Regexp(t, "more, of all clusters together, with only this one changed$", o.costs(Layout{}, unlimited)[0], "the other share is told apart")
	o.Budget = host(43, 101)
	assert.NotContains(t, strings.Join(o.costs(Layout{}, unlimited), "\n"), "with all clusters", "it is the last one")
}

// Where labels have no room, the last line says which, and a fit is never among them.
func TestOverviewNamesWhatItLeavesOut(t *testing.T) {
	t.Parallel()
	p, err := policy.Preset("fast")
	require.NoError(t, err)
	o := overviewOf(t, manyObjects(t), p)
	o.Fitting = &fit.Fitting{Sources: 3, Wait: time.Minute, UniformWait: time.Hour}
	lines := strings.Join(o.notes(Layout{Width: 80, Height: 24}, func() limits { l := limitsFor(screen, 0); l.labels = 2; return l }()), "\n")
	assert.Contains(t, lines, "Fit ")
	assert.Regexp(t, `(?m)^More +(\w+( \w+)?, )*Note: --rows$`, lines)
}
