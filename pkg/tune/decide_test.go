package tune

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
)

func TestDecideReasons(t *testing.T) {
	t.Parallel()
	none := policy.Assignment{}
	unknown := policy.Assignment{Environment: "qa"}
	optOut := annotated(OptOutAnnotation, OptOutValue)
	for _, tc := range []struct {
		name    string
		object  flux.Object
		in      policy.Assignment
		options Options
		action  Action
		reason  Reason
		message string
	}{
		{"differs", object(t, "ks"), in("development"), Options{}, ActionChange, ReasonPolicyDiffers, `differs from policy "per-environment"`},
		{"matches", object(t, "ks", timeout("2m")), in("production"), Options{}, ActionUnchanged, ReasonMatchesPolicy, `matches policy "per-environment"`},
		{"deleting", object(t, "ks", deleting), in("development"), Options{}, ActionSkip, ReasonDeleting, "being deleted"},
		{"opted out", object(t, "ks", optOut), in("development"), Options{}, ActionSkip, ReasonOptedOut, "opted out by fluxtune.github.io/tune: disabled"},
		{"opted in", object(t, "ks", annotated(OptOutAnnotation, "enabled")), in("development"), Options{}, ActionChange, ReasonPolicyDiffers, `differs from policy "per-environment"`},
		{"no environment", object(t, "ks"), none, Options{}, ActionSkip, ReasonNoEnvironment, "no environment"},
		{"unknown environment", object(t, "ks"), unknown, Options{}, ActionSkip, ReasonOtherEnvironment, `environment "qa" is not in policy "per-environment"`},
		{"kind", object(t, "Receiver"), in("development"), Options{}, ActionSkip, ReasonKindNotInPolicy, `policy "per-environment" says nothing about Receiver in development`},
		{"suspended", object(t, "ks", suspend), in("development"), Options{}, ActionSkip, ReasonSuspended, "suspended (--include-suspended tunes it too)"},
		{"suspended and included", object(t, "ks", suspend), in("development"), Options{IncludeSuspended: true}, ActionChange, ReasonPolicyDiffers, `differs from policy "per-environment"`},
		{
			"timeout kept", object(t, "ks", timeout("5m")), in("production"), Options{}, ActionUnchanged, ReasonTimeoutKept,
			"timeout kept at 5m: it is not made shorter unasked (--shorten-timeouts)",
		},
		{
			"a timeout that is not known", object(t, "ks", timeout("${kt:=30m}")), in("production"), Options{}, ActionUnchanged, ReasonTimeoutKept,
			"timeout kept: timeout is ${kt:=30m}, a variable whose value is not in what was read",
		},
		{
			"an interval that is not known", object(t, "ks", interval("${poll}")), in("production"), Options{}, ActionSkip, ReasonNotKnown,
			"interval is ${poll}, a variable whose value is not in what was read",
		},
		{
			"a FluxInstance's source", object(t, "gitrepo", func(o *flux.Object) { o.Generated = true }), in("development"), Options{}, ActionSkip, ReasonIntervalIgnored,
			"made by a FluxInstance, which sets its interval: set spec.sync.interval there",
		},
		{"absent", object(t, "ks", func(o *flux.Object) { o.Interval = nil }), in("production"), Options{}, ActionSkip, ReasonRefused, "interval: it is not set, and Flux requires it"},
		{
			"a record that cannot be kept", object(t, "ks", recorded("{")), in("development"), Options{}, ActionSkip, ReasonBadRecord,
			"reading annotation fluxtune.github.io/original: jsontext: unexpected EOF after offset 1: restore the object by hand, then run forget on it",
		},
		{"the same where nothing changes", object(t, "ks", recorded("{"), timeout("2m")), in("production"), Options{}, ActionUnchanged, ReasonMatchesPolicy, `matches policy "per-environment"`},

		// Each of these has every later reason too.
		{"deleting first", object(t, "Receiver", deleting, optOut, suspend), none, Options{}, ActionSkip, ReasonDeleting, "being deleted"},
		{"then the opt-out", object(t, "Receiver", optOut, suspend), none, Options{}, ActionSkip, ReasonOptedOut, "opted out by fluxtune.github.io/tune: disabled"},
		{"then no environment", object(t, "Receiver", suspend), none, Options{}, ActionSkip, ReasonNoEnvironment, "no environment"},
		{"then an unknown one", object(t, "Receiver", suspend), unknown, Options{}, ActionSkip, ReasonOtherEnvironment, `environment "qa" is not in policy "per-environment"`},
		{"then the kind", object(t, "HelmRepository", oci, suspend), in("staging"), Options{}, ActionSkip, ReasonKindNotInPolicy, `policy "per-environment" says nothing about HelmRepository in staging`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got := Decide(tc.object, preset(t, policy.DefaultName), tc.in, tc.options)
			assert.Equal(t, tc.object, got.Object)
			assert.Equal(t, tc.in, got.Assignment)
			assert.Equal(t, [3]string{string(tc.action), string(tc.reason), tc.message}, [3]string{string(got.Action), string(got.Reason), got.Message})
			assert.Equal(t, tc.action == ActionChange, len(got.Changes) > 0)
		})
	}
}

// Intervals that Flux ignores are left alone even where the policy names their kind.
func TestDecideIgnoredIntervals(t *testing.T) {
	t.Parallel()
	p := ruling(map[string]policy.Settings{"HelmRepository": {Interval: "1m"}, "HelmChart": {Interval: "1m"}})
	for _, tc := range []struct {
		object  flux.Object
		message string
	}{
		{object(t, "HelmRepository", oci, suspend), "Flux ignores the interval of a HelmRepository of type oci"},
		{object(t, "HelmChart", generated, suspend), "made by a HelmRelease, which sets its interval: tune spec.chart.spec.interval there"},
	} {
		want := Item{Object: tc.object, Assignment: in("development"), Action: ActionSkip, Reason: ReasonIntervalIgnored, Message: tc.message}
		assert.Equal(t, want, Decide(tc.object, p, in("development"), Options{}))
	}
	for version, message := range map[string]string{
		"1.1.2": "before source-controller 1.2 a HelmRepository of type oci only logs in at its interval: its charts list their tags themselves",
		"1.2.0": "Flux ignores the interval of a HelmRepository of type oci", "": "Flux ignores the interval of a HelmRepository of type oci",
	} {
		all := flux.DefaultControllers()
		for i := range all {
			if all[i].Name == flux.SourceController {
				all[i].Version = version
			}
		}
		got := Decide(object(t, "HelmRepository", oci), p, in("development"), Options{Graph: &Graph{Controllers: flux.NewControllers(all)}})
		assert.Equal(t, [2]string{string(ReasonIntervalIgnored), message}, [2]string{string(got.Reason), got.Message}, version)
	}
	for _, o := range []flux.Object{object(t, "HelmRepository"), object(t, "HelmChart")} {
		assert.Equal(t, []Change{change(flux.Interval, "5m", "1m")}, Decide(o, p, in("development"), Options{}).Changes, o.Kind)
	}
}

// What was meant to opt out must not fail to, however it is written; it is said where that is unusual.
func TestOptOutFailsClosed(t *testing.T) {
	t.Parallel()
	p := preset(t, policy.DefaultName)
	for _, tc := range []struct {
		name    string
		mark    func(*flux.Object)
		out     string // the message; "" = it is tuned
		warning string
	}{
		{"disabled", annotated(OptOutAnnotation, "disabled"), "opted out by fluxtune.github.io/tune: disabled", ""},
		{"in another case", annotated(OptOutAnnotation, "Disabled"), "opted out by fluxtune.github.io/tune: Disabled", ""},
		{"enabled, with a blank", annotated(OptOutAnnotation, " enabled"), "opted out by fluxtune.github.io/tune:  enabled",
			`Kustomization apps/web: fluxtune.github.io/tune: " enabled" is neither "disabled" nor "enabled", and is taken for "disabled"`},
		{"false", annotated(OptOutAnnotation, "false"), "opted out by fluxtune.github.io/tune: false",
			`Kustomization apps/web: fluxtune.github.io/tune: "false" is neither "disabled" nor "enabled", and is taken for "disabled"`},
		{"empty", annotated(OptOutAnnotation, ""), "opted out by fluxtune.github.io/tune: ",
			`Kustomization apps/web: fluxtune.github.io/tune: "" is neither "disabled" nor "enabled", and is taken for "disabled"`},
		{"a label", labelled(OptOutAnnotation, "disabled"), "opted out by fluxtune.github.io/tune: disabled", ""},
		{"an odd label", labelled(OptOutAnnotation, "no"), "opted out by fluxtune.github.io/tune: no",
			`Kustomization apps/web: fluxtune.github.io/tune: "no" is neither "disabled" nor "enabled", and is taken for "disabled"`},
		{"a label beside an annotation that opts in", func(o *flux.Object) {
			annotated(OptOutAnnotation, "enabled")(o)
			labelled(OptOutAnnotation, "off")(o)
		}, "opted out by fluxtune.github.io/tune: off",
			`Kustomization apps/web: fluxtune.github.io/tune: "off" is neither "disabled" nor "enabled", and is taken for "disabled"`},
		{"enabled", annotated(OptOutAnnotation, "Enabled"), "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			o := object(t, "ks", tc.mark)
			item := Decide(o, p, in("development"), Options{})
			assert.Equal(t, tc.out != "", item.Reason == ReasonOptedOut)
			if tc.out != "" {
				assert.Equal(t, tc.out, item.Message)
			}
			var warnings []string
			if tc.warning != "" {
				warnings = []string{tc.warning}
			}
			assert.Equal(t, warnings, NewPlan([]flux.Object{o}, p, policy.NewResolver(p, flux.Snapshot{}, "dev"), Options{}).Warnings)
		})
	}
}

// A suspended object on which others depend can be tuned: its controller notes the new generation
// (kustomize-controller, finalizeStatus).
func TestSuspendedDependency(t *testing.T) {
	t.Parallel()
	base := object(t, "ks", suspend)
	after := object(t, "ks", func(o *flux.Object) { o.Name, o.DependsOn = "after", []flux.Ref{base.Ref} })
	item := Decide(base, preset(t, policy.DefaultName), in("development"), Options{IncludeSuspended: true, Graph: NewGraph(flux.Each([]flux.Object{base, after}))})
	assert.Equal(t, ActionChange, item.Action)
}

// A chart that is made with values files bears its generation in its version: a change upgrades the release.
func TestChangesThatUpgrade(t *testing.T) {
	t.Parallel()
	p := ruling(map[string]policy.Settings{"HelmRelease": {Interval: "1m"}, "HelmChart": {Interval: "10m"}})
	merges := func(o *flux.Object) { o.MergesValues = true }
	template := func(chart string) func(*flux.Object) {
		return func(o *flux.Object) { o.HasChart, o.ChartInterval = true, ptr(chart) }
	}
	for _, tc := range []struct {
		name   string
		object flux.Object
		want   Reason
	}{
		{"a chart", object(t, "hc", merges, interval("5m")), ReasonUpgrades},
		{"a release whose chart changes", object(t, "hr", merges, template("5m")), ReasonUpgrades},
		{"a release that follows", object(t, "hr", merges, interval("5m"), func(o *flux.Object) { o.HasChart = true }), ReasonUpgrades},
		{"a release of which only the release changes", object(t, "hr", merges, interval("5m"), template("10m")), ReasonPolicyDiffers},
		{"no values files", object(t, "hr", template("5m")), ReasonPolicyDiffers},
	} {
		item := Decide(tc.object, p, in("development"), Options{})
		assert.Equal(t, tc.want, item.Reason, tc.name)
		assert.Equal(t, ReasonPolicyDiffers, Decide(tc.object, p, in("development"), Options{IncludeUpgrades: true}).Reason, tc.name)
	}
}

// What a release lives from is fetched again when its chart changes: while that fails, or nobody knows whether it does,
// it is left alone.
func TestChartsThatCannotBeFetched(t *testing.T) {
	t.Parallel()
	p := ruling(map[string]policy.Settings{"HelmRelease": {Interval: "1m"}, "HelmChart": {Interval: "10m"}, "OCIRepository": {Interval: "1m"}})
	ready := func(status string) func(*flux.Object) {
		return func(o *flux.Object) {
			o.Status.Ready, o.Status.ReadyReason = status, map[string]string{"True": "Succeeded", "False": "FetchFailed"}[status]
		}
	}
	from := func(repository flux.Object) func(*flux.Object) {
		return func(o *flux.Object) { o.SourceRef = repository.Ref }
	}
	repository, down := object(t, "helmrepo", named("charts", "charts"), ready("True")), object(t, "helmrepo", named("charts", "charts"), ready("False"))
	made, failing := object(t, "hc", named("charts", "apps-web"), ready("True")), object(t, "hc", named("charts", "apps-web"), ready("False"))
	release := object(t, "hr", named("apps", "web"), chart("5m"), from(repository))
	own := object(t, "hc", named("apps", "own"), from(repository), ready("True"))
	image, broken := object(t, "ocirepo", named("apps", "web"), ready("True")), object(t, "ocirepo", named("apps", "web"), ready("False"))
	user := func(of flux.Object) flux.Object { return object(t, "hr", named("users", "user"), from(of)) }
	all := []flux.Place{{Kind: "HelmChart"}, {Kind: "HelmRepository"}, {Kind: "HelmRelease"}}
	everything := func(known ...flux.Object) flux.Snapshot { return flux.Snapshot{Objects: known, Looked: all} }
	for name, tc := range map[string]struct {
		object flux.Object
		in     flux.Snapshot
		want   Reason
		says   string
	}{
		"all is well":                                   {release, everything(made, repository), ReasonPolicyDiffers, ""},
		"the chart fails":                               {release, everything(failing, repository), ReasonFailingChart, "HelmChart charts/apps-web cannot be fetched (FetchFailed)"},
		"its repository fails":                          {release, everything(made, down), ReasonFailingChart, "HelmRepository charts/charts is not ready (FetchFailed)"},
		"there is no chart yet":                         {release, everything(down), ReasonPolicyDiffers, ""},
		"there is no repository":                        {release, everything(made), ReasonFailingChart, "HelmRepository charts/charts is not in this cluster, and a change has HelmChart charts/apps-web fetched from it again"},
		"there is neither chart nor repository":         {release, everything(), ReasonPolicyDiffers, ""},
		"a chart that is used, of no repository":        {own, everything(user(own)), ReasonFailingChart, "HelmRepository charts/charts is not in this cluster"},
		"the chart was not read":                        {release, flux.Snapshot{Objects: []flux.Object{repository}}, ReasonChartUnknown, "whether HelmChart charts/apps-web can be fetched is not known: it was not read"},
		"the repository was not read":                   {release, flux.Snapshot{Objects: []flux.Object{made}}, ReasonChartUnknown, "HelmRepository charts/charts was not read"},
		"another place was looked at":                   {release, flux.Snapshot{Looked: []flux.Place{{Kind: "HelmChart", Namespace: "apps"}}}, ReasonChartUnknown, ""},
		"the name was looked for":                       {release, flux.Snapshot{Looked: []flux.Place{{Kind: "HelmChart", Namespace: "charts", Name: "apps-web"}}}, ReasonPolicyDiffers, ""},
		"a chart that is used":                          {own, everything(repository, user(own)), ReasonPolicyDiffers, ""},
		"a chart that is used, of a failing repository": {own, everything(down, user(own)), ReasonFailingChart, ""},
		"a chart that nobody uses":                      {own, everything(down), ReasonPolicyDiffers, ""},
		"a chart that somebody may use":                 {own, flux.Snapshot{Objects: []flux.Object{down}}, ReasonFailingChart, ""},
		"a chart that somebody may use, of who knows":   {own, flux.Snapshot{}, ReasonChartUnknown, ""},
		"an image that is used":                         {broken, everything(user(broken)), ReasonFailingChart, "OCIRepository apps/web cannot be fetched (FetchFailed)"},
		"an image that nobody uses":                     {broken, everything(), ReasonPolicyDiffers, ""},
		"an image that somebody may use":                {broken, flux.Snapshot{}, ReasonFailingChart, ""},
		"an image that can be fetched":                  {image, flux.Snapshot{}, ReasonPolicyDiffers, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts := Options{Judge: NewJudge(tc.in), Graph: NewGraph(tc.in.All())}
			item := Decide(tc.object, p, in("development"), opts)
			assert.Equal(t, tc.want, item.Reason)
			assert.Contains(t, item.Message, tc.says)
			opts.IncludeFailed = true
			assert.Equal(t, ReasonPolicyDiffers, Decide(tc.object, p, in("development"), opts).Reason)
		})
	}
}

// What is fetched again is counted, with where from.
func TestFetches(t *testing.T) {
	t.Parallel()
	p := ruling(map[string]policy.Settings{"HelmRelease": {Interval: "1m"}, "GitRepository": {Interval: "1m"}})
	repository := object(t, "helmrepo", named("charts", "charts"), func(o *flux.Object) { o.Remote.URL = "oci://docker.io/acme" })
	of := func(name string, changes ...func(*flux.Object)) flux.Object {
		return object(t, "hr", append([]func(*flux.Object){named("apps", name), chart(""), func(o *flux.Object) { o.SourceRef = repository.Ref }}, changes...)...)
	}
	s := flux.Snapshot{Objects: []flux.Object{
		repository, of("follows"), of("apart", chart("10m")), of("suspended", suspend), object(t, "gitrepo"),
	}, Looked: []flux.Place{{Kind: "HelmChart"}}}
	opts := Options{Judge: NewJudge(s), Graph: NewGraph(s.All()), IncludeSuspended: true}
	var items []Item
	noted := 0
	for _, o := range s.Objects {
		item := Decide(o, p, in("development"), opts)
		if slices.Contains(item.Notes, fetchNote) {
			noted++
		}
		items = append(items, item)
	}
	assert.Equal(t, 1, noted)
	assert.Equal(t, []Fetch{{Chart: chartOf(s.Objects[1]), Source: repository.Ref, URL: "oci://docker.io/acme"}}, opts.Graph.Forecast(items, nil, 0).Fetches)
}

// A chart from Git or a Bucket is built again from the files that are there now, and asks no host for itself. By its version
// nobody sees that, unless the version bears the revision.
func TestBuilds(t *testing.T) {
	t.Parallel()
	p := ruling(map[string]policy.Settings{"HelmRelease": {Interval: "1m"}, "HelmChart": {Interval: "1m"}, "OCIRepository": {Interval: "1m"}})
	from := func(kind string) func(*flux.Object) {
		return func(o *flux.Object) {
			o.SourceRef = flux.Ref{Group: o.Group, Kind: kind, Namespace: "apps", Name: "files"}
		}
	}
	byRevision := func(o *flux.Object) { o.Polling.ByRevision = true }
	verified := func(o *flux.Object) { o.Polling.Verifies = true }
	for name, tc := range map[string]struct {
		object flux.Object
		notes  []string
		built  bool
	}{
		"Git":                      {object(t, "helmchart", from("GitRepository")), []string{buildNote}, true},
		"Bucket":                   {object(t, "hr", chart("10m"), chart(""), from("Bucket")), []string{buildNote}, true},
		"by revision":              {object(t, "helmchart", from("GitRepository"), byRevision), nil, true},
		"a repository":             {object(t, "helmchart", from("HelmRepository")), []string{fetchNote}, false},
		"a repository by revision": {object(t, "helmchart", from("HelmRepository"), byRevision), []string{fetchNote}, false},
		"a signature":              {object(t, "ocirepo", verified), []string{verifyNote}, false},
		"no signature":             {object(t, "ocirepo"), nil, false},
		"a chart's signature":      {object(t, "helmchart", from("HelmRepository"), verified), []string{fetchNote, verifyNote}, false},
	} {
		item := Decide(tc.object, p, in("development"), Options{})
		assert.Equal(t, ActionChange, item.Action, name)
		notes := slices.DeleteFunc(slices.Clone(item.Notes), func(n string) bool { return n != fetchNote && n != buildNote && n != verifyNote })
		assert.Equal(t, tc.notes, append([]string(nil), notes...), name)
		f, again := item.fetch()
		assert.Equal(t, tc.built, again && f.Builds, name)
	}
}

// A record that is full is taken back before more is written.
func TestRecordFull(t *testing.T) {
	t.Parallel()
	full := Record{}
	for range 1000 {
		full.Steps = append(full.Steps, step("s", move(flux.Interval, "5m", "1m")))
	}
	item := Decide(object(t, "ks", recorded(full.String())), preset(t, policy.DefaultName), in("development"), Options{})
	assert.Equal(t, ReasonRecordFull, item.Reason)
	assert.Equal(t, "it has been tuned 1000 times without a revert: revert it, or forget what it was", item.Message)
	assert.Empty(t, item.Changes)
}

// What Flux refuses is left alone in every environment, whether the policy has a value, a least or a most.
func TestWhatFluxRefusesIsLeftAlone(t *testing.T) {
	t.Parallel()
	p := preset(t, policy.DefaultName)
	for _, value := range []string{"1d", "5 min", "-5m", "", "0s"} {
		for _, environment := range []string{"development", "staging", "production"} {
			got := Decide(object(t, "GitRepository", interval(value)), p, in(environment), Options{})
			assert.Equal(t, ReasonRefused, got.Reason, "%q in %s", value, environment)
			assert.Empty(t, got.Changes)
		}
	}
	got := Decide(object(t, "GitRepository", timeout("1d")), p, in("staging"), Options{})
	assert.Equal(t, ReasonRefused, got.Reason)
}

// The values beside one that is not known are tuned, and what follows it is not.
func TestBesideWhatIsNotKnown(t *testing.T) {
	t.Parallel()
	p := preset(t, policy.DefaultName)
	got := Decide(object(t, "ks", interval("10m"), timeout("${kt}")), p, in("development"), Options{})
	assert.Equal(t, []Change{change(flux.Interval, "10m", "1m"), change(flux.RetryInterval, "", "10m")}, got.Changes)
	assert.Contains(t, got.Kept, "timeout is ${kt}")
}

// What can bring nothing new is polled more often where the policy says so, and the plan says that it is for nothing.
func TestDecideTellsOfWhatIsPinned(t *testing.T) {
	t.Parallel()
	pinned := func(kind flux.RefKind) func(*flux.Object) {
		return func(o *flux.Object) { o.Remote.Ref.Kind = kind }
	}
	for name, tc := range map[string]struct {
		object flux.Object
		want   []string
	}{
		"to a commit": {object(t, "gitrepo", interval("10m"), pinned(flux.RefCommit)), []string{"it is pinned to a commit: nothing new comes of polling more often"}},
		"to a digest": {object(t, "ocirepo", interval("10m"), pinned(flux.RefDigest)), []string{"it is pinned to a digest: nothing new comes of polling more often"}},
		"slower":      {object(t, "gitrepo", interval("10s"), pinned(flux.RefCommit)), nil},
		"includes":    {object(t, "gitrepo", interval("10m"), pinned(flux.RefCommit), func(o *flux.Object) { o.Polling.Includes = []flux.Ref{o.Ref} }), nil},
		"a branch":    {object(t, "gitrepo", interval("10m"), pinned("branch")), nil},
	} {
		item := Item{Object: tc.object, Action: ActionChange, Changes: []Change{{Field: flux.Interval, From: tc.object.Interval, To: ptr("1m")}}}
		assert.Equal(t, tc.want, item.idleNotes(), name)
	}
}
