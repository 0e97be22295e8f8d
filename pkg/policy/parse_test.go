package policy

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const validDocument = `apiVersion: fluxtune.github.io/v1alpha1
kind: TuningPolicy
metadata:
  name: team
spec:
  description: Ours
  note: Read me
  labelKeys: [stage, example.com/stage]
  kinds:
    GitRepository:
      interval: 2m
      timeout: 90s
    HelmChart: {interval: 1h30m}
  environments:
    - name: Dev
      aliases: [development, d]
      recommended:
        min: 30s
        max: 1m
      kinds:
        GitRepository:
          interval: 1m
        Kustomization: {interval: 1m, timeout: 2m, retryInterval: 30s}
    - name: prod
`

func validPolicy() Policy {
	chart := Settings{Interval: "1h30m"}
	return Policy{
		Name:        "team",
		Description: "Ours",
		Note:        "Read me",
		LabelKeys:   []string{"stage", "example.com/stage"},
		Environments: []Environment{
			{
				Name:        "Dev",
				Aliases:     []string{"development", "d"},
				Recommended: Range{Min: 30 * time.Second, Max: time.Minute},
				Kinds: map[string]Settings{
					"GitRepository": {Interval: "1m", Timeout: "90s"},
					"HelmChart":     chart,
					"Kustomization": {Interval: "1m", Timeout: "2m", RetryInterval: "30s"},
				},
			},
			{
				Name: "prod",
				Kinds: map[string]Settings{
					"GitRepository": {Interval: "2m", Timeout: "90s"},
					"HelmChart":     chart,
				},
			},
		},
	}
}

// edit is the valid document with one place of it written differently.
func edit(t testing.TB, from, to string) string {
	t.Helper()
	require.Equal(t, 1, strings.Count(validDocument, from), "%q must be in the valid document once", from)
	return strings.Replace(validDocument, from, to, 1)
}

func TestParse(t *testing.T) {
	t.Parallel()
	defaultKeys := validPolicy()
	defaultKeys.LabelKeys = DefaultLabelKeys()
	for name, tc := range map[string]struct {
		document string
		want     Policy
	}{
		"whole":        {validDocument, validPolicy()},
		"default keys": {edit(t, "  labelKeys: [stage, example.com/stage]\n", ""), defaultKeys},
		"fit": {edit(t, "  environments:\n", "  fit: {GitHub.com: 60%, 'git.example.com:8443': 12.5%, github.com/flux-bot: 0.5%, a.org: 100%}\n  environments:\n"), func() Policy {
			p := validPolicy()
			p.Fit = []Share{{Host: "a.org", Percent: 100}, {Host: "git.example.com:8443", Percent: 12.5}, {Host: "github.com", Percent: 60}, {Host: "github.com", Credential: "flux-bot", Percent: 0.5}}
			return p
		}()},
		"limits": {edit(t, "  environments:\n", "  limits: {GitHub.com: 5000/h, 'git.example.com:8443': 15/s, b.org: none, a.org: 48/d, c.org: 2/m}\n  environments:\n"), func() Policy {
			p := validPolicy()
			p.Limits = []Limit{{"a.org", 2, false}, {"b.org", 0, false}, {"c.org", 120, false}, {"git.example.com:8443", 54000, false}, {"github.com", 5000, false}}
			return p
		}()},
		"patterns": {
			edit(t, "  environments:\n", "  clusters: {prod: ['*', 'prod-*', 'arn:aws:eks:eu-1:1:cluster/live ?'], development: [kind-dev]}\n"+
				"  namespaces:\n    PROD: ['a-*-b']\n    prod: [abcdef]\n    dev: ['*-dev']\n  environments:\n"), func() Policy {
				p := validPolicy()
				p.Clusters = []Pattern{{"arn:aws:eks:eu-1:1:cluster/live ?", "prod"}, {"kind-dev", "Dev"}, {"prod-*", "prod"}, {"*", "prod"}}
				p.Namespaces = []Pattern{{"abcdef", "prod"}, {"*-dev", "Dev"}, {"a-*-b", "prod"}}
				return p
			}(),
		},
		"bounds": {
			strings.NewReplacer(
				"interval: 2m", "interval: AT  least 2m", "timeout: 90s", "timeout: 90s To 90m", "          interval: 1m", "          interval: 'at most\t1m '",
				"retryInterval: 30s", "retryInterval: At Least 30s", "  kinds:\n    Git", "  shortenTimeouts: true\n  kinds:\n    Git",
			).Replace(validDocument), func() Policy {
				p := validPolicy()
				p.ShortenTimeouts = true
				p.Environments[0].Kinds["GitRepository"] = Settings{Interval: "at most 1m", Timeout: "90s to 90m"}
				p.Environments[0].Kinds["Kustomization"] = Settings{Interval: "1m", Timeout: "2m", RetryInterval: "at least 30s"}
				p.Environments[1].Kinds["GitRepository"] = Settings{Interval: "at least 2m", Timeout: "90s to 90m"}
				return p
			}(),
		},
		// A bound takes the place of the whole of another one, whichever ends that has.
		"bounds over bounds": {
			strings.Replace(minimal("GitRepository: {interval: at most 5m}, Kustomization: {interval: 1m, timeout: 1m to 2m, retryInterval: at most 1m}"), "spec:\n",
				"spec:\n  kinds: {GitRepository: {interval: at least 1m, timeout: at least 2m}, Kustomization: {interval: at most 1m, timeout: at least 3m, retryInterval: 1m to 2m}}\n", 1),
			Policy{
				Name: "m", LabelKeys: DefaultLabelKeys(),
				Environments: []Environment{{Name: "e", Kinds: map[string]Settings{
					"GitRepository": {Interval: "at most 5m", Timeout: "at least 2m"},
					"Kustomization": {Interval: "1m", Timeout: "1m to 2m", RetryInterval: "at most 1m"},
				}}},
			},
		},
		"timeouts not shortened": {edit(t, "  note:", "  shortenTimeouts: False\n  note:"), validPolicy()},
		"comments":               {"# mine\n---\n" + validDocument + "---\n# nothing more\n", validPolicy()},
		"anchor and alias":       {strings.Replace(edit(t, "HelmChart: {interval: 1h30m}", "HelmChart: {interval: &i 1m}"), "1m, timeout", "*i, timeout", 1), withChart("1m")},
		"windows newlines":       {strings.ReplaceAll(validDocument, "\n", "\r\n"), validPolicy()},
		"every kind": {
			minimal("Bucket: {interval: 1m, timeout: 1m}, OCIRepository: {timeout: 90m}, HelmRepository: {timeout: 500ms}, HelmRelease: {interval: 1h, timeout: 1h}, " +
				"ImageRepository: {interval: 1m, timeout: 1m}, ImageUpdateAutomation: {interval: 1m}, Receiver: {interval: 10m}"),
			Policy{
				Name: "m", LabelKeys: DefaultLabelKeys(),
				Environments: []Environment{{Name: "e", Kinds: map[string]Settings{
					"Bucket":                {Interval: "1m", Timeout: "1m"},
					"OCIRepository":         {Timeout: "90m"},
					"HelmRepository":        {Timeout: "500ms"},
					"HelmRelease":           {Interval: "1h", Timeout: "1h"},
					"ImageRepository":       {Interval: "1m", Timeout: "1m"},
					"ImageUpdateAutomation": {Interval: "1m"},
					"Receiver":              {Interval: "10m"},
				}}},
			},
		},
		"json": {
			`{"apiVersion": "fluxtune.github.io/v1alpha1", "kind": "TuningPolicy", "metadata": {"name": "m"}, "spec": {"environments": [{"name": "e"}]}}`,
			Policy{Name: "m", LabelKeys: DefaultLabelKeys(), Environments: []Environment{{Name: "e", Kinds: map[string]Settings{}}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Parse("policy.yaml", []byte(tc.document))
			require.NoError(t, err)
			assert.Equal(t, tc.want, got)
		})
	}
}

func withChart(interval string) Policy {
	p := validPolicy()
	for _, e := range p.Environments {
		e.Kinds["HelmChart"] = Settings{Interval: interval}
	}
	return p
}

// minimal is a document of one environment with the given kinds, on lines 1 to 5.
func minimal(kinds string) string {
	return "apiVersion: fluxtune.github.io/v1alpha1\nkind: TuningPolicy\nmetadata: {name: m}\nspec:\n  environments: [{name: e, kinds: {" + kinds + "}}]\n"
}

// badDocument is a document that Parse refuses.
type badDocument struct {
	document string
	want     []string // the lines of the error, without the file's name in front
	// beyondSchema says that JSON Schema cannot express what is wrong.
	beyondSchema bool
}

func badDocuments(t testing.TB) map[string]badDocument {
	t.Helper()
	const (
		endUnits     = "is not a duration that Flux accepts: write it like 30s, 5m or 1h30m (units ms, s, m, h)"
		endNoHours   = "is not a duration that Flux accepts: write it like 30s, 5m or 90m (units ms, s, m; a source's timeout takes no h)"
		orBound      = "; or a bound: at most 1m, at least 5m, 1m to 3m"
		units        = endUnits + orBound
		unitsNoHours = endNoHours + orBound
		labelValue   = "is not the value of a label: use at most 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends"
		kinds        = "GitRepository, OCIRepository, Bucket, HelmRepository, HelmChart, Kustomization, HelmRelease, ImageRepository, ImageUpdateAutomation, Receiver"
		chart        = "HelmChart: {interval: 1h30m}"
	)
	const rate = "is not a rate: write it like 5000/h (requests per s, m, h or d), or none"
	shares := func(s string) string { return edit(t, "  environments:\n", "  fit: {"+s+"}\n  environments:\n") }
	const share = "is not a share of a limit: write it like 60%, more than 0% and at most 100%"
	limits := func(l string) string { return edit(t, "  environments:\n", "  limits: {"+l+"}\n  environments:\n") }
	bad := map[string]badDocument{
		"share of nothing":    {document: shares("github.com: 0%"), want: []string{`14: spec.fit["github.com"]: "0%" ` + share}},
		"share of too much":   {document: shares("github.com: 100.1%"), want: []string{`14: spec.fit["github.com"]: "100.1%" ` + share}},
		"share below nothing": {document: shares("github.com: -5%"), want: []string{`14: spec.fit["github.com"]: "-5%" ` + share}},
		"share as a number":   {document: shares("github.com: 60"), want: []string{`14: spec.fit["github.com"]: must be a share like 60%, not the number 60`}},
		"share of a URL": {document: shares("'https://github.com/a': 60%"), want: []string{
			`14: spec.fit["https://github.com/a"]: "https://github.com/a" is not a host, or a credential of one: write it like github.com, git.example.com:8443 or github.com/SECRET`}},
		"share twice": {document: shares("GitHub.com/bot: 60%, github.com/bot: 50%"), beyondSchema: true, want: []string{
			`14: spec.fit["github.com/bot"]: the share of "GitHub.com/bot" is there already: both are of one host`}},
		"rate without unit": {document: limits("github.com: '5000'"), want: []string{`14: spec.limits["github.com"]: "5000" ` + rate}},
		"rate of zero":      {document: limits("github.com: 0/h"), want: []string{`14: spec.limits["github.com"]: "0/h" ` + rate}},
		"rate as a number":  {document: limits("github.com: 5000"), want: []string{`14: spec.limits["github.com"]: must be a rate like 5000/h, or none, not the number 5000`}},
		"URL for a host": {document: limits("'https://github.com': 5000/h"), want: []string{
			`14: spec.limits["https://github.com"]: "https://github.com" is not a host: write it like github.com or git.example.com:8443`}},
		"host of two names": {document: limits("docker.io: 100/h, index.docker.io: 1/s"), beyondSchema: true, want: []string{
			`14: spec.limits["index.docker.io"]: the limit of "docker.io" is there already: both are of one host`}},
		"host twice": {document: limits("GitHub.com: 5000/h, github.com: 1/s"), beyondSchema: true, want: []string{
			`14: spec.limits["github.com"]: the limit of "GitHub.com" is there already: both are of one host`}},
		"unit with a space": {
			document: edit(t, "          interval: 1m\n", "          interval: 1 min\n"),
			want:     []string{`22: spec.environments[0].kinds.GitRepository.interval: "1 min" ` + units},
		},
		"days":                          {document: edit(t, chart, "HelmChart: {interval: 1d}"), want: []string{`13: spec.kinds.HelmChart.interval: "1d" ` + units}},
		"negative":                      {document: edit(t, chart, "HelmChart: {interval: -1m}"), want: []string{`13: spec.kinds.HelmChart.interval: "-1m" ` + units}},
		"bare number":                   {document: edit(t, chart, "HelmChart: {interval: 60}"), want: []string{`13: spec.kinds.HelmChart.interval: "60" ` + units}},
		"empty duration":                {document: edit(t, chart, `HelmChart: {interval: ""}`), want: []string{`13: spec.kinds.HelmChart.interval: "" ` + units}},
		"zero":                          {document: edit(t, chart, "HelmChart: {interval: 0s}"), want: []string{`13: spec.kinds.HelmChart.interval: "0s" is zero: it must be longer, like 30s`}},
		"next to zero":                  {document: edit(t, chart, "HelmChart: {interval: 0.0000001ms}"), want: []string{`13: spec.kinds.HelmChart.interval: "0.0000001ms" is zero: it must be longer, like 30s`}, beyondSchema: true},
		"beyond 64 bits":                {document: edit(t, chart, "HelmChart: {interval: 9999999h}"), want: []string{`13: spec.kinds.HelmChart.interval: "9999999h" is longer than a duration can be (2562047h)` + orBound}, beyondSchema: true},
		"no value":                      {document: edit(t, chart, "HelmChart: {interval: }"), want: []string{"13: spec.kinds.HelmChart.interval: has no value: give it one or take it out"}},
		"list":                          {document: edit(t, chart, "HelmChart: {interval: [1m]}"), want: []string{"13: spec.kinds.HelmChart.interval: must be a duration like 30s or a bound like at most 1m, not a list"}},
		"tagged duration":               {document: edit(t, chart, "HelmChart: {interval: !when 1m}"), want: []string{"13: spec.kinds.HelmChart.interval: must be a duration like 30s or a bound like at most 1m, not \"1m\" with the tag !when"}, beyondSchema: true},
		"bound upside down":             {document: edit(t, chart, "HelmChart: {interval: 3m to 60s}"), want: []string{`13: spec.kinds.HelmChart.interval: "3m to 60s": 3m is longer than 60s: write 60s to 3m`}, beyondSchema: true},
		"bound of zero":                 {document: edit(t, chart, "HelmChart: {interval: at most 0s}"), want: []string{`13: spec.kinds.HelmChart.interval: "at most 0s": "0s" is zero: it must be longer, like 30s`}},
		"bound from zero":               {document: edit(t, chart, "HelmChart: {interval: 0.0h0s to 1m}"), want: []string{`13: spec.kinds.HelmChart.interval: "0.0h0s to 1m": "0.0h0s" is zero: it must be longer, like 30s`}},
		"bound of days":                 {document: edit(t, chart, "HelmChart: {interval: at least 1d}"), want: []string{`13: spec.kinds.HelmChart.interval: "at least 1d": "1d" ` + endUnits}},
		"bound without end":             {document: edit(t, chart, "HelmChart: {interval: at most}"), want: []string{`13: spec.kinds.HelmChart.interval: "at most" ` + units}},
		"bound in signs":                {document: edit(t, chart, `HelmChart: {interval: "<= 1m"}`), want: []string{`13: spec.kinds.HelmChart.interval: "<= 1m" ` + units}},
		"bound in letters beyond ASCII": {document: edit(t, chart, "HelmChart: {interval: at mo\u017ft 1m}"), want: []string{"13: spec.kinds.HelmChart.interval: \"at mo\u017ft 1m\" " + units}},
		"bound by a hyphen":             {document: edit(t, chart, "HelmChart: {interval: 1m-3m}"), want: []string{`13: spec.kinds.HelmChart.interval: "1m-3m" ` + units}},
		"bound as a mapping":            {document: edit(t, chart, "HelmChart: {interval: {max: 1m}}"), want: []string{"13: spec.kinds.HelmChart.interval: must be a duration like 30s or a bound like at most 1m, not a mapping"}},
		"bound as a recommendation":     {document: edit(t, "min: 30s", "min: at least 30s"), want: []string{`18: spec.environments[0].recommended.min: "at least 30s" ` + endUnits}},
		"hours in a bound of a source's timeout": {
			document: edit(t, "timeout: 90s", "timeout: 90s to 1h"),
			want:     []string{`12: spec.kinds.GitRepository.timeout: "90s to 1h": "1h" ` + endNoHours},
		},
		"shortenTimeouts in words":    {document: edit(t, "  note: Read me", "  shortenTimeouts: yes"), want: []string{`7: spec.shortenTimeouts: must be true or false, not the text "yes"`}},
		"shortenTimeouts in quotes":   {document: edit(t, "  note: Read me", `  shortenTimeouts: "true"`), want: []string{`7: spec.shortenTimeouts: must be true or false, not the text "true"`}},
		"shortenTimeouts as a number": {document: edit(t, "  note: Read me", "  shortenTimeouts: 1"), want: []string{`7: spec.shortenTimeouts: must be true or false, not the number 1`}},
		"shortenTimeouts with a tag":  {document: edit(t, "  note: Read me", "  shortenTimeouts: !!bool yes"), want: []string{`7: spec.shortenTimeouts: must be true or false, not "yes" with the tag !!bool`}, beyondSchema: true},
		"hours in a source's timeout": {
			document: edit(t, "timeout: 90s", "timeout: 1h"),
			want:     []string{`12: spec.kinds.GitRepository.timeout: "1h" ` + unitsNoHours},
		},
		"setting of another kind": {
			document: edit(t, chart, "HelmChart: {timeout: 1m}"),
			want:     []string{"13: spec.kinds.HelmChart.timeout: HelmChart has no timeout: it takes interval"},
		},
		"retry of a source": {
			document: edit(t, "timeout: 90s", "retryInterval: 1 day"),
			want:     []string{"12: spec.kinds.GitRepository.retryInterval: GitRepository has no retryInterval: it takes interval, timeout"},
		},
		"unknown setting": {
			document: edit(t, "timeout: 90s", "timeOut: 90s"),
			want:     []string{"12: spec.kinds.GitRepository.timeOut: unknown field: GitRepository takes interval, timeout"},
		},
		"unknown field": {
			document: edit(t, "  note: Read me", "  notes: Read me"),
			want:     []string{"7: spec.notes: unknown field: spec takes description, note, labelKeys, clusters, namespaces, kinds, shortenTimeouts, limits, fit, environments"},
		},
		"unknown field at the top": {document: validDocument + "status: {}\n", want: []string{"25: status: unknown field: a policy takes apiVersion, kind, metadata, spec"}},
		"short kind":               {document: edit(t, chart, "gitrepo: {interval: 1m}"), want: []string{`13: spec.kinds.gitrepo: unknown kind "gitrepo": write GitRepository`}},
		"kind in lower case":       {document: edit(t, chart, "helmchart: {interval: 1m}"), want: []string{`13: spec.kinds.helmchart: unknown kind "helmchart": write HelmChart`}},
		"unknown kind":             {document: edit(t, chart, "Pod: {interval: 1m}"), want: []string{`13: spec.kinds.Pod: unknown kind "Pod": it is one of ` + kinds}},
		"odd kind":                 {document: edit(t, chart, `"a.b\n": {interval: 1m}`), want: []string{`13: spec.kinds["a.b\n"]: unknown kind "a.b\n": it is one of ` + kinds}},
		"kind is no mapping":       {document: edit(t, chart, "HelmChart: 1h"), want: []string{`13: spec.kinds.HelmChart: must be a mapping, not the text "1h"`}},
		"kind without value":       {document: edit(t, chart, "HelmChart:"), want: []string{"13: spec.kinds.HelmChart: has no value: give it one or take it out"}},
		"kinds are a list":         {document: strings.Replace(minimal(""), "spec:\n", "spec:\n  kinds: [GitRepository]\n", 1), want: []string{"5: spec.kinds: must be a mapping, not a list"}},
		"key is a list":            {document: edit(t, chart, "[HelmChart]: {interval: 1m}"), want: []string{"13: spec.kinds: a key must be a text, not a list"}, beyondSchema: true},
		"key twice": {
			document: edit(t, "          interval: 1m\n", "          interval: 1m\n          interval: 2m\n"),
			want:     []string{"23: spec.environments[0].kinds.GitRepository.interval: is here twice: the first is on line 22"}, beyondSchema: true,
		},
		"kind twice": {
			document: edit(t, chart, "GitRepository: {timeout: 1m}"),
			want:     []string{"13: spec.kinds.GitRepository: is here twice: the first is on line 10"}, beyondSchema: true,
		},
		"environment twice": {
			document:     edit(t, "- name: prod", "- name: DEV"),
			want:         []string{`24: spec.environments[1].name: "DEV" is taken by spec.environments[0].name (line 15): a name or alias belongs to one environment, whatever its case`},
			beyondSchema: true,
		},
		"alias is another's name": {
			document:     edit(t, "- name: prod", "- {name: prod, aliases: [dev]}"),
			want:         []string{`24: spec.environments[1].aliases[0]: "dev" is taken by spec.environments[0].name (line 15): a name or alias belongs to one environment, whatever its case`},
			beyondSchema: true,
		},
		"name is another's alias": {
			document:     edit(t, "- name: prod", "- name: D"),
			want:         []string{`24: spec.environments[1].name: "D" is taken by spec.environments[0].aliases[1] (line 16): a name or alias belongs to one environment, whatever its case`},
			beyondSchema: true,
		},
		"alias twice": {
			document: edit(t, "[development, d]", "[d, d]"),
			want:     []string{`16: spec.environments[0].aliases[1]: "d" is taken by spec.environments[0].aliases[0] (line 16): a name or alias belongs to one environment, whatever its case`},
		},
		"environment without name": {document: edit(t, "- name: prod", "- aliases: [prod]"), want: []string{"24: spec.environments[1].name: is missing: name the environment as its labels do"}},
		"environment with no name": {document: edit(t, "- name: prod", `- name: ""`), want: []string{`24: spec.environments[1].name: "" ` + labelValue}},
		"name is no label":         {document: edit(t, "- name: prod", "- name: on site"), want: []string{`24: spec.environments[1].name: "on site" ` + labelValue}},
		"name is a number":         {document: edit(t, "- name: prod", "- name: 1"), want: []string{"24: spec.environments[1].name: must be a text (put it in quotes), not the number 1"}},
		"alias is a mapping":       {document: edit(t, "[development, d]", "[{a: b}]"), want: []string{"16: spec.environments[0].aliases[0]: must be a text (put it in quotes), not a mapping"}},
		"aliases are a text":       {document: edit(t, "[development, d]", "development"), want: []string{`16: spec.environments[0].aliases: must be a list, not the text "development"`}},
		"environment is a text":    {document: edit(t, "- name: prod", "- prod"), want: []string{`24: spec.environments[1]: must be a mapping, not the text "prod"`}},
		"environment is null":      {document: edit(t, "- name: prod", "-"), want: []string{"24: spec.environments[1]: has no value: give it one or take it out"}},
		"range upside down":        {document: edit(t, "min: 30s", "min: 2m"), want: []string{"17: spec.environments[0].recommended: min 2m is more than max 1m"}, beyondSchema: true},
		"range with a bad end":     {document: edit(t, "min: 30s", "min: 30"), want: []string{`18: spec.environments[0].recommended.min: "30" ` + endUnits}},
		"range from zero":          {document: edit(t, "min: 30s", "min: 0s"), want: []string{`18: spec.environments[0].recommended.min: "0s" is zero: it must be longer, like 30s`}},
		"label key":                {document: edit(t, "[stage, example.com/stage]", "[a/b/c]"), want: []string{`8: spec.labelKeys[0]: "a/b/c" is not the key of a label: write it like environment or example.com/environment`}},
		"label key twice":          {document: edit(t, "[stage, example.com/stage]", "[a, a]"), want: []string{`8: spec.labelKeys[1]: "a" is in the list twice`}},
		"label key is a boolean":   {document: edit(t, "[stage, example.com/stage]", "[true]"), want: []string{"8: spec.labelKeys[0]: must be a text (put it in quotes), not true"}},
		"no label keys": {
			document: edit(t, "[stage, example.com/stage]", "[]"),
			want:     []string{"8: spec.labelKeys: there are none: name at least one label key, or leave the field out for fluxtune.github.io/environment, environment, env, app.kubernetes.io/environment"},
		},
		"policy name":     {document: edit(t, "name: team", "name: Our Team"), want: []string{`4: metadata.name: "Our Team" is not a name: use lower case letters, digits, '-' and '.', with a letter or digit at both ends`}},
		"no policy name":  {document: edit(t, "metadata:\n  name: team\n", "metadata: {}\n"), want: []string{"3: metadata.name: is missing: name the policy"}},
		"no metadata":     {document: edit(t, "metadata:\n  name: team\n", ""), want: []string{"1: metadata.name: is missing: name the policy"}},
		"no environments": {document: "apiVersion: fluxtune.github.io/v1alpha1\nkind: TuningPolicy\nmetadata: {name: m}\nspec: {environments: []}\n", want: []string{"4: spec.environments: there are none: name at least one environment"}},
		"no spec":         {document: "apiVersion: fluxtune.github.io/v1alpha1\nkind: TuningPolicy\nmetadata: {name: m}\n", want: []string{"1: spec.environments: there are none: name at least one environment"}},
		"apiVersion":      {document: edit(t, "v1alpha1", "v1"), want: []string{`1: apiVersion: unknown value "fluxtune.github.io/v1": write fluxtune.github.io/v1alpha1`}},
		"kind":            {document: edit(t, "TuningPolicy", "tuningpolicy"), want: []string{`2: kind: unknown value "tuningpolicy": write TuningPolicy`}},
		"no type": {
			document: edit(t, "apiVersion: fluxtune.github.io/v1alpha1\nkind: TuningPolicy\n", ""),
			want: []string{
				"1: apiVersion: is missing: write apiVersion: fluxtune.github.io/v1alpha1",
				"1: kind: is missing: write kind: TuningPolicy",
			},
		},
		"another resource": {
			document: "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, labels: {a: b}}\nspec: {replicas: 1}\n",
			want:     []string{"2: kind: this is \"Deployment\" of \"apps/v1\", not a policy: write kind: TuningPolicy and apiVersion: fluxtune.github.io/v1alpha1"},
		},
		"a list":  {document: "- a\n", want: []string{"1: must be a mapping, not a list"}},
		"a text":  {document: "policy\n", want: []string{`1: must be a mapping, not the text "policy"`}},
		"nothing": {document: "", want: []string{"1: the document is empty: it starts with apiVersion: fluxtune.github.io/v1alpha1 and kind: TuningPolicy"}},
		"nothing but a comment": {
			document: "# later\n---\n", want: []string{"1: the document is empty: it starts with apiVersion: fluxtune.github.io/v1alpha1 and kind: TuningPolicy"},
		},
		"several documents": {document: validDocument + "---\nkind: TuningPolicy\n---\n[]\n", want: []string{
			"26: a second document starts here: a policy is a single document",
			"28: a second document starts here: a policy is a single document",
		}, beyondSchema: true},
		"no YAML":           {document: edit(t, "[development, d]", "[development, d"), want: []string{"16: reading YAML: did not find expected ',' or ']'"}, beyondSchema: true},
		"indentation":       {document: edit(t, "      timeout: 90s", "     timeout: 90s"), want: []string{"10: reading YAML: did not find expected key"}, beyondSchema: true},
		"key without colon": {document: edit(t, "      timeout: 90s", "      timeout 90s"), want: []string{"12: reading YAML: could not find expected ':'"}, beyondSchema: true},
		"two colons":        {document: edit(t, "timeout: 90s", "timeout: 90s: x"), want: []string{"12: reading YAML: mapping values are not allowed in this context"}, beyondSchema: true},
		"open quote":        {document: edit(t, "timeout: 90s", "timeout: '90s"), want: []string{"12: reading YAML: found unexpected end of stream"}, beyondSchema: true},
		"dash missing": {
			document: edit(t, "    - name: prod", "      name: prod"),
			want:     []string{"24: spec.environments[0].name: is here twice: the first is on line 15"}, beyondSchema: true,
		},
		"patterns of environments that there are not": {
			document: edit(t, "  environments:\n", "  clusters:\n    stagin: ['stg-*']\n  namespaces:\n    live: ['*-live']\n  environments:\n"),
			want: []string{
				`15: spec.clusters.stagin: unknown environment "stagin": spec.environments has Dev, prod`,
				`17: spec.namespaces.live: unknown environment "live": spec.environments has Dev, prod`,
			}, beyondSchema: true,
		},
		"a pattern of two environments": {
			document: edit(t, "  environments:\n", "  clusters:\n    Dev: ['EU-*']\n    prod: [us, 'eu-*', us]\n  namespaces:\n    d: ['*-stg']\n    development: ['*-stg']\n    prod: ['*-stg']\n  environments:\n"),
			want: []string{
				`16: spec.clusters.prod[1]: "eu-*" belongs to Dev already (spec.clusters.Dev[0], line 15): a pattern is of one environment`,
				`16: spec.clusters.prod[2]: "us" is there twice: the first is on line 16`,
				`19: spec.namespaces.development[0]: "*-stg" is there twice: the first is on line 18`,
				`20: spec.namespaces.prod[0]: "*-stg" belongs to Dev already (spec.namespaces.d[0], line 18): a pattern is of one environment`,
			}, beyondSchema: true,
		},
		"patterns that are none": {
			document: edit(t, "  environments:\n", "  clusters: {prod: [], Dev: ['', ' x', 3, &a [x]]}\n  namespaces: {prod: '*-prod', Dev: [Upper, 'a.b', '']}\n  environments:\n"),
			want: []string{
				`14: spec.clusters.Dev[0]: "" is not a pattern for names of contexts, clusters or folders: write it like prod-* (* is any text, ? one character)`,
				`14: spec.clusters.Dev[1]: " x" is not a pattern for names of contexts, clusters or folders: write it like prod-* (* is any text, ? one character)`,
				`14: spec.clusters.Dev[2]: must be a text (put it in quotes), not the number 3`,
				`14: spec.clusters.Dev[3]: must be a text (put it in quotes), not a list`,
				`14: spec.clusters.prod: there are none: name at least one pattern, or take the field out`,
				`15: spec.namespaces.Dev[0]: "Upper" is not a pattern for namespaces: use lower case letters, digits, '-', * for any text and ? for one character`,
				`15: spec.namespaces.Dev[1]: "a.b" is not a pattern for namespaces: use lower case letters, digits, '-', * for any text and ? for one character`,
				`15: spec.namespaces.Dev[2]: "" is not a pattern for namespaces: use lower case letters, digits, '-', * for any text and ? for one character`,
				`15: spec.namespaces.prod: must be a list, not the text "*-prod"`,
			},
		},
		"no list of patterns": {
			document: edit(t, "  environments:\n", "  clusters: {prod: []}\n  environments:\n"),
			want:     []string{`14: spec.clusters.prod: there are none: name at least one pattern, or take the field out`},
		},
		"a bad pattern for namespaces": {
			document: edit(t, "  environments:\n", "  namespaces: {prod: [a.b]}\n  environments:\n"),
			want:     []string{`14: spec.namespaces.prod[0]: "a.b" is not a pattern for namespaces: use lower case letters, digits, '-', * for any text and ? for one character`},
		},
		"a pattern without quotes": {
			document: edit(t, "  environments:\n", "  namespaces: {prod: [*-prod]}\n  environments:\n"),
			want:     []string{` reading YAML: unknown anchor '-prod' referenced: put a text that begins with * in quotes, like "*-stg"`}, beyondSchema: true,
		},
		"a pattern without quotes that is no alias": {
			document: edit(t, "  environments:\n", "  namespaces: {prod: [*]}\n  environments:\n"),
			want:     []string{`14: reading YAML: did not find expected alphabetic or numeric character: put a text that begins with * in quotes, like "*-stg"`}, beyondSchema: true,
		},
		"patterns where environments are wrong": {
			document: edit(t, "  environments:\n    - name: Dev", "  namespaces: {Dev: [a]}\n  environments:\n    - nam: Dev"),
			want: []string{
				"16: spec.environments[0].nam: unknown field: spec.environments[0] takes name, aliases, recommended, kinds",
				"16: spec.environments[0].name: is missing: name the environment as its labels do",
			},
		},
		"a tab":           {document: "\tkind: x\n", want: []string{" reading YAML: found character that cannot start any token"}, beyondSchema: true},
		"unknown anchor":  {document: "kind: *x\n", want: []string{" reading YAML: unknown anchor 'x' referenced: put a text that begins with * in quotes, like \"*-stg\""}, beyondSchema: true},
		"holds itself":    {document: edit(t, "kinds:\n    GitRepository:\n      interval: 2m\n      timeout: 90s\n", "kinds: &k\n    GitRepository: *k\n"), beyondSchema: true},
		"everything once": {},
	}
	bad["holds itself"] = badDocument{document: bad["holds itself"].document, beyondSchema: true, want: []string{
		"10: spec.kinds.GitRepository.GitRepository: unknown field: GitRepository takes interval, timeout",
		"11: spec.kinds.GitRepository.HelmChart: unknown field: GitRepository takes interval, timeout",
	}}
	bad["everything once"] = badDocument{
		document: `apiVersion: fluxtune.github.io/v1
kind: TuningPolicy
metadata: [team]
spec:
  kinds:
    gitrepo: {interval: 5m}
    GitRepository:
      interval: 60
      timeout: 1h
      interval: 3m
      retry: 1m
  environments:
    - name: dev
      aliases: [DEV]
    - alias: x
      kinds:
        Kustomization: {interval: 1d, timeout: -1m, retryInterval: 0s}
`,
		want: []string{
			`1: apiVersion: unknown value "fluxtune.github.io/v1": write fluxtune.github.io/v1alpha1`,
			"3: metadata: must be a mapping, not a list",
			`6: spec.kinds.gitrepo: unknown kind "gitrepo": write GitRepository`,
			`8: spec.kinds.GitRepository.interval: "60" ` + units,
			`9: spec.kinds.GitRepository.timeout: "1h" ` + unitsNoHours,
			"10: spec.kinds.GitRepository.interval: is here twice: the first is on line 8",
			"11: spec.kinds.GitRepository.retry: unknown field: GitRepository takes interval, timeout",
			`14: spec.environments[0].aliases[0]: "DEV" is taken by spec.environments[0].name (line 13): a name or alias belongs to one environment, whatever its case`,
			"15: spec.environments[1].alias: unknown field: spec.environments[1] takes name, aliases, recommended, kinds",
			"15: spec.environments[1].name: is missing: name the environment as its labels do",
			`17: spec.environments[1].kinds.Kustomization.interval: "1d" ` + units,
			`17: spec.environments[1].kinds.Kustomization.retryInterval: "0s" is zero: it must be longer, like 30s`,
			`17: spec.environments[1].kinds.Kustomization.timeout: "-1m" ` + units,
		},
	}
	return bad
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for name, tc := range badDocuments(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Parse("policy.yaml", []byte(tc.document))
			assert.Equal(t, Policy{}, got)
			want := make([]string, 0, len(tc.want))
			for _, line := range tc.want {
				want = append(want, "policy.yaml:"+line)
			}
			assert.EqualError(t, err, strings.Join(want, "\n"))
		})
	}
}
