package cmd

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
)

// golden is one call of the plugin whose whole output is kept in testdata/NAME.txt.
type golden struct {
	name string // command/case
	args string // as typed behind "kubectl fluxtune"; words in single quotes are one argument
	// with says who calls, and from where; nil is the administrator in a pipe.
	with tweak
}

// tweak changes an invocation for a case.
type tweak func(t *testing.T, c *testbed.Cluster, i invocation) invocation

// words splits a command line as a shell would that knows single quotes only.
func words(line string) []string {
	var args []string
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			args = append(args, part)
			continue
		}
		args = append(args, strings.Fields(part)...)
	}
	return args
}

// check runs the call and compares stdout, stderr and the exit code with the golden file.
func (g golden) check(t *testing.T, c *testbed.Cluster) {
	t.Helper()
	i := on(c)
	if g.with != nil {
		i = g.with(t, c, i)
	}
	g.compare(t, i, func(text string) string { return scrub(c, text) })
}

// checkFiles is check without a cluster; DIR in the arguments is a folder, which need not be there.
func (g golden) checkFiles(t *testing.T, dir string) {
	t.Helper()
	i := invocation{}
	if g.with != nil {
		i = g.with(t, nil, i)
	}
	g.compareIn(t, i, dir, func(text string) string { return text })
}

// compare is check of a call that a test has prepared; scrub takes out what differs from one call to the next.
func (g golden) compare(t *testing.T, i invocation, scrub func(string) string) {
	t.Helper()
	g.compareIn(t, i, "DIR", scrub)
}

func (g golden) compareIn(t *testing.T, i invocation, dir string, scrub func(string) string) {
	t.Helper()
	o := i.run(t.Context(), words(strings.ReplaceAll(g.args, "DIR", dir))...)
	o.stdout, o.stderr = strings.ReplaceAll(o.stdout, dir, "DIR"), strings.ReplaceAll(o.stderr, dir, "DIR")
	got := fmt.Sprintf("$ kubectl fluxtune %s\n%s", g.args, o.stdout)
	if o.stderr != "" {
		got += "[stderr]\n" + o.stderr
	}
	got = scrub(got) + fmt.Sprintf("[exit code %d]\n", o.code)
	path := g.path()
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
		return
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "go test ./pkg/cmd -run Golden -update writes it")
	assert.Equal(t, string(want), got)
}

func (g golden) path() string { return filepath.Join("testdata", filepath.FromSlash(g.name)+".txt") }

// ephemeral is what differs from one control plane to the next.
var ephemeral = map[*regexp.Regexp]string{
	regexp.MustCompile(`(uid: )\S+`):                    "${1}UID",
	regexp.MustCompile(`(resourceVersion: )\S+`):        "${1}VERSION",
	regexp.MustCompile(`(creationTimestamp: )\S+`):      "${1}TIME",
	regexp.MustCompile(`(deletionTimestamp: )\S+`):      "${1}TIME",
	regexp.MustCompile(`"goVersion": "[^"]+"`):          `"goVersion": "GO"`,
	regexp.MustCompile(`"platform": "[^"]+"`):           `"platform": "PLATFORM"`,
	regexp.MustCompile(`"(commit|date)": "[^"]+",\n *`): ``,
	regexp.MustCompile(`Server Version: \S+`):           `Server Version: SERVER`,
	regexp.MustCompile(`127\.0\.0\.1:\d+`):              `127.0.0.1:PORT`,
	regexp.MustCompile(`default "[^"]*/\.kube/cache"`):  `default "HOME/.kube/cache"`,
}

func scrub(c *testbed.Cluster, text string) string {
	return strings.ReplaceAll(scrubEphemeral(strings.ReplaceAll(text, c.Dir(), "DIR")), "\x1b", "␛")
}

func scrubEphemeral(text string) string {
	for pattern, replacement := range ephemeral {
		text = pattern.ReplaceAllString(text, replacement)
	}
	return text
}

// fixture is a file of testdata/fleet.
func fixture(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "fleet", name))
	require.NoError(t, err)
	return string(data)
}

// goldenFleet fills a control plane with objects that show every reason.
func goldenFleet(t *testing.T, c *testbed.Cluster) {
	t.Helper()
	for name, labels := range map[string]map[string]string{
		"golden-dev":   {"environment": "development"},
		"golden-stg":   {"environment": "Stage"},
		"golden-prod":  {"env": "PROD"},
		"golden-qa":    {"environment": "qa"},
		"golden-mixed": {"environment": "staging", "env": "dev"},
		"golden-flux":  {"team": "platform"},
		"golden-empty": {},
	} {
		c.CreateNamespace(t, name, labels)
	}
	c.Apply(t, fixture(t, "objects.yaml"))
	_, err := c.RunKubectl(t.Context(), fixture(t, "tuned.yaml"), "create", "-f", "-", "--field-manager=fluxtune") // by updates, as we write
	require.NoError(t, err)
	c.ApplyAs(t, fixture(t, "status.yaml"), testbed.ApplyOptions{Subresource: "status"})
	callFor(t, c, "golden-dev", "app")
	c.Kubectl(t, "delete", "gitrepository", "leaving", "-n", "golden-dev", "--wait=false")
}

func TestGolden(t *testing.T) {
	t.Parallel()
	c := bed.Own(t)
	goldenFleet(t, c)
	reading, writing := readingCases(), writingCases()
	t.Run("reading", func(t *testing.T) {
		for _, g := range reading {
			t.Run(g.name, func(t *testing.T) {
				t.Parallel()
				g.check(t, c)
			})
		}
	})
	// One after the other: what one does, the next one finds.
	c.CreateNamespace(t, "golden-write", map[string]string{"environment": "development"})
	c.Apply(t, fixture(t, "written.yaml"))
	for _, g := range writing {
		t.Run(g.name, func(t *testing.T) { g.check(t, c) })
	}
}

// TestGoldenFilesAreUsed finds files whose case is gone.
func TestGoldenFilesAreUsed(t *testing.T) {
	t.Parallel()
	used := make(map[string]bool)
	for _, g := range slices.Concat(readingCases(), writingCases(), connectionCases(), nodeCases(), fileCases(), checkCases(), unbuiltCases(), keptCases(), sharedCases(), fitCases(), receiverCases()) {
		require.False(t, used[g.path()], "two cases are named %s", g.name)
		used[g.path()] = true
	}
	require.NoError(t, filepath.WalkDir("testdata", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(path, ".txt") {
			assert.True(t, used[path], "no case uses %s", path)
		}
		return err
	}))
}

// onTerminal is a person at a terminal of some width.
func onTerminal(width int) tweak {
	return func(_ *testing.T, _ *testbed.Cluster, i invocation) invocation {
		i.terminal, i.width = true, width
		return i
	}
}

// typing hands a file to stdin.
func typing(file string) tweak {
	return func(t *testing.T, _ *testbed.Cluster, i invocation) invocation {
		t.Helper()
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		i.stdin = strings.NewReader(string(data))
		return i
	}
}

// answering is a person who answers a question.
func answering(answer string) tweak {
	return func(_ *testing.T, _ *testbed.Cluster, i invocation) invocation {
		i.terminal, i.stdin = true, strings.NewReader(answer+"\n")
		return i
	}
}

// inSession is an apply with another session than the tests before it had.
func inSession(id string) tweak {
	return func(_ *testing.T, _ *testbed.Cluster, i invocation) invocation {
		i.session = id
		return i
	}
}

// readingCases are calls that change nothing.
func readingCases() []golden {
	return slices.Concat(helpCases(), getCases(), planCases(), budgetCases(), doctorCases(), policyCases(), refusedCases())
}

func helpCases() []golden {
	cases := []golden{{name: "root/bare"}, {name: "root/help", args: "--help"}, {name: "root/options", args: "options"}}
	for _, command := range []string{"get", "plan", "apply", "revert", "forget", "sessions", "policy", "version"} {
		cases = append(cases, golden{name: command + "/help", args: command + " --help"})
	}
	return append(cases,
		golden{name: "root/help-80", args: "--help", with: onTerminal(80)},
		golden{name: "plan/help-80", args: "plan --help", with: onTerminal(80)},
		golden{name: "root/unknown-command", args: "plam"},
		golden{name: "root/unknown-command-with-flags", args: "plna -A --exit-code"},
		golden{name: "root/unknown-command-behind-flags", args: "--as jane plna -A"},
		golden{name: "root/help-command", args: "help"},
		golden{name: "root/help-of-plan", args: "help plan"},
		golden{name: "root/help-of-options", args: "help options"},
		golden{name: "root/help-unknown", args: "help plam"},
		golden{name: "root/version-flag", args: "--version"},
		golden{name: "root/unknown-flag", args: "plan --exitcode"},
		golden{name: "root/bad-color", args: "get --color sometimes"},
		golden{name: "version/client-json", args: "version --client -o json"},
		golden{name: "version/client", args: "version --client"},
		golden{name: "version/both", args: "version"},
		golden{name: "version/bad-output", args: "version --client -o wide"},
		golden{name: "version/argument", args: "version 3"},
	)
}

func getCases() []golden {
	return []golden{
		{name: "get/table", args: "get -A"},
		{name: "get/overview-80", args: "get -A", with: onTerminal(80)},
		{name: "get/overview-empty", args: "get -n golden-empty", with: onTerminal(80)},
		{name: "get/wide", args: "get -A -o wide"},
		{name: "get/json", args: "get -n golden-dev gitrepo/app ks/app hr/web gitrepo/tuned -o json"},
		{name: "get/yaml", args: "get -n golden-flux -o yaml"},
		{name: "get/name", args: "get -n golden-dev -o name"},
		{name: "get/jsonpath", args: `get -n golden-prod -o 'jsonpath={range .items[*]}{.ref.kind}/{.ref.name} {.effective.interval}{"\n"}{end}'`},
		{name: "get/jsonpath-bad", args: "get -n golden-prod -o jsonpath={.items"},
		{name: "get/go-template", args: `get -n golden-prod -o go-template --template '{{range .items}}{{.ref.name}} {{.timeout}}{{"\n"}}{{end}}'`},
		{name: "get/go-template-missing", args: `get -n golden-qa -o 'go-template={{range .items}}{{.session.id}}{{end}}' --allow-missing-template-keys=false`},
		{name: "get/template-alone", args: `get -n golden-qa --template '{{len .items}}'`},
		{name: "get/custom-columns", args: "get -n golden-prod -o custom-columns=NAME:.ref.name,EVERY:.effective.interval,SESSION:.session"},
		{name: "get/custom-columns-empty", args: "get -n golden-prod -o custom-columns"},
		{name: "get/jsonpath-empty", args: "get -n golden-prod -o jsonpath"},
		{name: "get/jsonpath-file", args: "get -n golden-prod -o jsonpath-file=testdata/fleet/names.jsonpath"},
		{name: "get/jsonpath-file-missing", args: "get -n golden-prod -o jsonpath-file=testdata/fleet/nowhere"},
		{name: "get/custom-columns-no-headers", args: "get -n golden-prod --no-headers -o custom-columns=NAME:.ref.name"},
		{name: "get/no-headers", args: "get -n golden-prod --no-headers"},
		{name: "get/sort-by", args: "get -A --sort-by interval --kind gitrepo,ks"},
		{name: "get/sort-by-jsonpath", args: "get -n golden-dev --kind gitrepo --sort-by {.ref.name}"},
		{name: "get/sort-by-descending", args: "get -A --sort-by -interval --kind gitrepo,ks"},
		{name: "get/sort-by-unclosed", args: "get -A --sort-by {.ref.name"},
		{name: "get/namespaces", args: "get -n golden-dev,golden-prod"},
		{name: "get/namespace-no-name", args: "get -n 'golden dev'"},
		{name: "plan/namespaces", args: "plan -n golden-dev,golden-prod"},
		{name: "plan/namespaces-all", args: "plan -A -n golden-dev,golden-prod --no-headers gitrepo -l team=web"},
		{name: "plan/sort-by-descending", args: "plan -n golden-dev --kind gitrepo --sort-by -name --no-headers"},
		{name: "budget/namespaces", args: "budget -n golden-dev,golden-prod"},
		{name: "apply/namespaces", args: "apply -n golden-dev,golden-prod --yes"},
		{name: "revert/namespaces", args: "revert -n golden-dev,golden-prod --yes"},
		{name: "doctor/namespaces", args: "doctor -n golden-dev,golden-prod"},
		{name: "get/sort-by-unknown", args: "get -A --sort-by speed"},
		{name: "get/sort-by-bad", args: "get -A --sort-by {.ref[}"},
		{name: "get/kind", args: "get -n golden-dev --kind HelmRelease --kind ocirepo"},
		{name: "get/kind-unknown", args: "get --kind Deployment"},
		{name: "get/kind-twice", args: "get gitrepo --kind ks"},
		{name: "get/env-alias", args: "get -A --env prd"},
		{name: "get/env-several", args: "get -A --env qa,stg"},
		{name: "get/env-unknown", args: "get -A --env moon"},
		{name: "get/selector", args: "get -A -l team=web"},
		{name: "get/selector-bad", args: "get -A -l 'team in web'"},
		{name: "get/type-name", args: "get -n golden-dev gitrepo app sixty"},
		{name: "get/types", args: "get -n golden-dev gitrepo,kustomization app"},
		{name: "get/type-slash-name", args: "get -n golden-dev gitrepositories.source.toolkit.fluxcd.io/app ks/app"},
		{name: "get/type-mixed", args: "get -n golden-dev gitrepo/app app"},
		{name: "get/type-unknown", args: "get gitrepositry"},
		{name: "get/name-not-found", args: "get -n golden-dev gitrepo app nope"},
		{name: "get/name-not-found-json", args: "get -n golden-dev gitrepo nope -o json"},
		{name: "get/name-twice", args: "get -n golden-dev gitrepo app sixty app -o name"},
		{name: "get/name-all-namespaces", args: "get -A gitrepo app"},
		{name: "get/name-selector", args: "get -n golden-dev gitrepo app -l team=web"},
		{name: "get/empty", args: "get -n golden-empty"},
		{name: "get/empty-json", args: "get -n golden-empty -o json"},
		{name: "get/namespace-missing", args: "get -n golden-nowhere"},
		{name: "get/output-unknown", args: "get -o xml"},
		{name: "get/terminal-80", args: "get -A --kind gitrepo", with: onTerminal(80)},
		{name: "get/color", args: "get -n golden-dev --kind gitrepo --color always"},
		{name: "get/env-alias-flag", args: "get -A --env-alias qa=stg --env staging"},
		{name: "get/env-alias-flag-bad", args: "get -A --env-alias qa=moon"},
		{name: "get/patterns", args: "get -A --policy testdata/policies/patterns.yaml --kind gitrepo,ks -o wide"},
		{name: "get/patterns-other-cluster", args: "get -n golden-flux --policy testdata/policies/patterns.yaml --default-env stg", with: connecting(calledLab)},
		{name: "get/default-env", args: "get -n golden-flux --default-env dev"},
	}
}

func planCases() []golden {
	return []golden{
		{name: "plan/table", args: "plan -A"},
		{name: "plan/wide", args: "plan -A -o wide"},
		{name: "plan/json", args: "plan -n golden-dev gitrepo/app ks/app ks/slow gitrepo/paused gitrepo/sixty -o json"},
		{name: "plan/yaml", args: "plan -n golden-mixed -o yaml"},
		{name: "plan/name", args: "plan -A -o name"},
		{name: "plan/diff", args: "plan -n golden-dev gitrepo/app ks/app gitrepo/sixty -o diff"},
		{name: "plan/diff-nothing", args: "plan -n golden-dev gitrepo/sixty -o diff"},
		{name: "plan/diff-color", args: "plan -n golden-dev gitrepo/app -o diff --color always"},
		{name: "plan/markdown", args: "plan -A -o markdown"},
		{name: "plan/terminal-rows", args: "plan -n golden-dev --rows", with: onTerminal(100)},
		{name: "plan/terminal-rows-80", args: "plan -A --rows --color never", with: onTerminal(80)},
		{name: "plan/terminal-fast-80", args: "plan -A --policy fast --color never", with: onTerminal(80)},
		{name: "plan/terminal-no-headers-80", args: "plan -A --no-headers --color never", with: onTerminal(80)},
		{name: "plan/color", args: "plan -n golden-dev --color always"},
		{name: "plan/no-headers", args: "plan -A --no-headers"},
		{name: "plan/one", args: "plan -n golden-dev gitrepo app"},
		{name: "plan/exit-code", args: "plan -A --exit-code -o name"},
		{name: "plan/exit-code-nothing", args: "plan -n golden-dev gitrepo/sixty --exit-code"},
		{name: "plan/exit-code-trouble", args: "plan -n golden-dev gitrepo/nope --exit-code"},
		{name: "plan/exit-code-true-trouble", args: "plan -n golden-dev gitrepo/nope --exit-code=true"},
		{name: "plan/exit-code-true-bad-flag", args: "plan --polcy fast --exit-code=true"},
		{name: "plan/exit-code-false-trouble", args: "plan -n golden-dev gitrepo/nope --exit-code=false"},
		{name: "plan/exit-code-no-boolean", args: "plan -A --exit-code=perhaps"},
		{name: "plan/policy-stdin", args: "plan -n golden-flux --policy - --no-headers", with: typing("testdata/policies/patterns.yaml")},
		{name: "plan/policy-stdin-bad", args: "plan -n golden-flux --policy -", with: typing("testdata/policies/bad.yaml")},
		{name: "plan/policy-stdin-empty", args: "plan -n golden-flux --policy -"},
		{name: "plan/policy-stdin-twice", args: "plan --policy - -f -"},
		{name: "plan/activity-stdin-twice", args: "plan --policy - --fit github.com=60% --activity -", with: typing("testdata/policies/patterns.yaml")},
		{name: "plan/files-and-activity-stdin", args: "plan -f - --fit github.com=60% --activity -"},
		{name: "plan/exit-code-bad-flag", args: "plan --exit-code --polcy fast"},
		{name: "plan/policy-preset", args: "plan -n golden-dev --policy fast"},
		{name: "plan/policy-file", args: "plan -n golden-dev --policy testdata/policies/every-kind.yaml -o wide"},
		{name: "plan/policy-bad", args: "plan -A --policy testdata/policies/bad.yaml"},
		{name: "plan/patterns", args: "plan -n golden-flux --policy testdata/policies/patterns.yaml -o json"},
		{name: "plan/policy-bad-patterns", args: "plan -A --policy testdata/policies/bad-patterns.yaml"},
		{name: "plan/policy-not-yaml", args: "plan -A --policy testdata/policies/not-yaml.yaml"},
		{name: "plan/policy-unknown", args: "plan -A --policy quick"},
		{name: "plan/policy-directory", args: "plan -A --policy testdata"},
		{name: "plan/set", args: "plan -n golden-dev gitrepo/app ks/app --set dev.gitrepo.interval=45s --set *.ks.retryInterval=20s"},
		{name: "plan/set-outside", args: "plan -n golden-dev gitrepo/app --set dev.gitrepo.interval=10s"},
		{name: "plan/set-bound", args: "plan -n golden-dev gitrepo/app gitrepo/sixty --set 'dev.gitrepo.interval=at least 2m'"},
		{name: "plan/policy-bounds", args: "plan -n golden-dev --kind gitrepo,ks --policy testdata/policies/bounds.yaml"},
		{name: "plan/policy-bad-bounds", args: "plan -A --policy testdata/policies/bad-bounds.yaml"},
		{name: "plan/set-no-value", args: "plan -A --set development.GitRepository.interval"},
		{name: "plan/set-bad-unit", args: "plan -A --set 'development.GitRepository.interval=1 min'"},
		{name: "plan/set-unknown-environment", args: "plan -A --set moon.GitRepository.interval=1m"},
		{name: "plan/set-unknown-kind", args: "plan -A --set dev.Deployment.interval=1m"},
		{name: "plan/set-unknown-setting", args: "plan -A --set dev.GitRepository.retryInterval=1m"},
		{name: "plan/default-env", args: "plan -n golden-flux --default-env prod"},
		{name: "plan/default-env-unknown", args: "plan -A --default-env moon"},
		{name: "plan/include-suspended", args: "plan -n golden-dev gitrepo/paused --include-suspended"},
		{name: "plan/sort-by", args: "plan -n golden-dev --kind gitrepo --sort-by action"},
		{name: "plan/shorten-timeouts", args: "plan -n golden-dev --shorten-timeouts"},
		{name: "plan/empty", args: "plan -n golden-empty"},
		{name: "plan/terminal-80", args: "plan -A", with: onTerminal(80)},
		{name: "plan/terminal-160", args: "plan -A --color never", with: onTerminal(160)},
		{name: "plan/nothing-to-do", args: "plan -n golden-dev gitrepo/sixty gitrepo/written-out"},
	}
}

func policyCases() []golden {
	return []golden{
		{name: "policy/list", args: "policy"},
		{name: "policy/per-environment", args: "policy per-environment"},
		{name: "policy/unknown", args: "policy quick"},
		{name: "policy/two", args: "policy fast relaxed"},
	}
}

// refusedCases are apply and revert where they do not come to change anything.
func refusedCases() []golden {
	return []golden{
		{name: "apply/nobody-to-ask", args: "apply -A"},
		{name: "apply/answered-no", args: "apply -n golden-dev gitrepo/app", with: answering("n")},
		{name: "apply/answered-nothing", args: "apply -n golden-dev gitrepo/app", with: answering("")},
		{name: "apply/dry-run-client", args: "apply -A --dry-run"},
		{name: "apply/dry-run-rows-80", args: "apply -A --dry-run --rows --color never", with: onTerminal(80)},
		{name: "revert/dry-run-80", args: "revert -n golden-dev --dry-run --color never", with: onTerminal(80)},
		{name: "apply/dry-run-server", args: "apply -n golden-dev --dry-run=server"},
		{name: "apply/dry-run-json", args: "apply -n golden-dev gitrepo/app gitrepo/paused --dry-run=client -o json"},
		{name: "apply/dry-run-bad", args: "apply -A --dry-run=sometimes"},
		{name: "apply/field-manager-empty", args: "apply -A --yes --field-manager="},
		{name: "apply/field-manager-kubectl", args: "apply -A --yes --field-manager kubectl-edit"},
		{name: "apply/field-manager-hand", args: "apply -A --yes --field-manager k9s"},
		{name: "apply/pace-nan", args: "apply -A --yes --patches-per-second NaN"},
		{name: "apply/pace-inf", args: "apply -A --yes --patches-per-second +Inf"},
		{name: "apply/field-manager-before-first-apply", args: "apply -A --yes --field-manager before-first-apply"},
		{name: "apply/negative-pace", args: "apply -A --yes --patches-per-second -1"},
		{name: "apply/wait-timeout-zero", args: "apply -A --yes --wait-timeout 0s"},
		{name: "apply/empty", args: "apply -n golden-empty --yes"},
		{name: "apply/nothing-to-do", args: "apply -n golden-dev gitrepo/sixty --yes"},
		{name: "revert/nobody-to-ask", args: "revert -A"},
		{name: "revert/nothing", args: "revert -n golden-prod --yes"},
		{name: "revert/dry-run", args: "revert -n golden-dev --dry-run"},
		{name: "revert/dry-run-server", args: "revert -n golden-dev gitrepo/tuned --dry-run=server -o json"},
		{name: "revert/session-unknown", args: "revert -n golden-dev gitrepo/tuned --yes --session 20200101-000000-none"},
		{name: "revert/bad-record", args: "revert -n golden-dev gitrepo/scribbled --yes"},
		{name: "revert/answered-no", args: "revert -n golden-dev", with: answering("no")},
	}
}

// writingCases change objects of the namespace golden-write, in this order.
func writingCases() []golden {
	somebodyChangesB := func(t *testing.T, c *testbed.Cluster, i invocation) invocation {
		t.Helper()
		c.Kubectl(t, "patch", "gitrepository", "b", "-n", "golden-write", "--type=merge", "-p", `{"spec":{"interval":"7m"}}`)
		return i
	}
	return []golden{
		{name: "apply/diff", args: "apply -n golden-write --dry-run=server -o diff"},
		{name: "apply/markdown", args: "apply -n golden-write --dry-run=server -o markdown"},
		{name: "apply/result", args: "apply -n golden-write --yes --patches-per-second 0"},
		{name: "apply/again", args: "apply -n golden-write --yes"},
		{name: "apply/json", args: "apply -n golden-write gitrepo/a --yes --set dev.gitrepo.interval=30s -o json", with: inSession("20261122-120000-two2")},
		{name: "apply/no-headers", args: "apply -n golden-write gitrepo/a gitrepo/b --yes --set dev.gitrepo.interval=40s --no-headers --patches-per-second 0", with: inSession("20261122-120000-thre")},
		{name: "sessions/table", args: "sessions -n golden-write"},
		{name: "sessions/json", args: "sessions -n golden-write -o json"},
		{name: "sessions/name", args: "sessions -n golden-write -o name"},
		{name: "revert/followed", args: "revert -n golden-write gitrepo/a --yes --session 20261122-120000-two2"},
		{name: "revert/followed-json", args: "revert -n golden-write gitrepo/b --yes --session 20261122-120000-test -o json"},
		{name: "revert/changed-since", args: "revert -n golden-write --yes --patches-per-second 0", with: somebodyChangesB},
		{name: "forget/dry-run", args: "forget -n golden-write gitrepo/b --dry-run"},
		{name: "revert/force", args: "revert -n golden-write --yes --force"},
		{name: "revert/all-done", args: "revert -n golden-write --yes"},
		{name: "forget/unreadable", args: "forget -n golden-write gitrepo/scribbled --yes"},
		{name: "forget/nothing", args: "forget -n golden-write --yes"},
		{name: "sessions/none", args: "sessions -n golden-write"},
		{name: "apply/answered-yes", args: "apply -n golden-write gitrepo/a", with: answering("y")},
		{name: "revert/answered-yes", args: "revert -n golden-write", with: answering("YES")},
		{name: "apply/before-forget", args: "apply -n golden-write gitrepo/a -o name --yes"},
		{name: "forget/answered-yes", args: "forget -n golden-write gitrepo/a", with: answering("y")},
	}
}
