package report

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
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
	return Overview{Title: "Policy " + p.Name, Plan: plan, Budget: budget.New(in), Calm: tune.NewGraph(flux.Each(s.Objects)).Forecast(plan.Items, 5), Pace: 5,
		Environments: p.EnvironmentNames(), Next: "kubectl fluxtune apply -A"}
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

// Whatever is planned, the decision is on one screen, no line is wider than it, every environment that changes is named,
// and the numbers of the groups add up.
func TestOverviewFits(t *testing.T) {
	t.Parallel()
	kinds := []string{"GitRepository", "Kustomization", "HelmRelease", "OCIRepository", "HelmRepository", "Bucket"}
	p := defaultPolicy(t)
	rapid.Check(t, func(rt *rapid.T) {
		s := flux.Snapshot{Namespaces: map[string]map[string]string{}}
		interval := rapid.SampledFrom([]string{"10s", "30s", "45s", "1m", "90s", "2m", "3m", "4m", "5m", "7m", "10m", "15m", "20m", "30m", "1h", "2h", "6h"})
		name := rapid.StringMatching(`[a-z配][a-z0-9配-]{0,80}`)
		for i := range rapid.IntRange(1, 200).Draw(rt, "objects") {
			namespace := fmt.Sprintf("%s-%d", name.Draw(rt, "namespace"), i)
			s.Namespaces[namespace] = map[string]string{"environment": rapid.SampledFrom([]string{"development", "staging", "production", "qa", ""}).Draw(rt, "environment")}
			s.Objects = append(s.Objects, object(t, rapid.SampledFrom(kinds).Draw(rt, "kind"), namespace, name.Draw(rt, "name"), func(o *flux.Object) {
				o.Interval = ptr(interval.Draw(rt, "interval"))
				o.Suspended = rapid.IntRange(0, 5).Draw(rt, "suspended") == 0
				if rapid.Bool().Draw(rt, "timeout") {
					o.Timeout = ptr(interval.Draw(rt, "timeout"))
				}
				o.Remote.URL = "https://github.com/acme/" + name.Draw(rt, "url")
			}))
		}
		o := overviewOf(t, s, p)
		l := Layout{Width: rapid.IntRange(80, 200).Draw(rt, "width"), Height: rapid.IntRange(20, 70).Draw(rt, "height")}
		text := drawOverview(rt, o, l)
		shown := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
		assert.LessOrEqual(rt, len(shown), max(23, l.Height-1), text)
		for _, line := range shown {
			assert.LessOrEqual(rt, terminal.Width(line), l.Width, line)
		}
		objects := 0
		for _, g := range GroupChanges(o.Plan.Items, o.Environments, 4) {
			objects += g.Objects
		}
		assert.Equal(rt, len(o.Plan.Changed()), objects)
		for _, item := range o.Plan.Changed() {
			assert.Contains(rt, text, item.Assignment.Environment)
		}
	})
}
