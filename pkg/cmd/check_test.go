package cmd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/check"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

// runGit runs git in a folder, with nobody's configuration and a fixed clock: commits have the same names everywhere.
func runGit(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", append([]string{"-c", "commit.gpgsign=false"}, args...)...)
	cmd.Dir = dir
	cmd.Env = []string{
		"HOME=" + dir, "GIT_CONFIG_NOSYSTEM=1", "PATH=" + os.Getenv("PATH"), "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a",
		"GIT_COMMITTER_EMAIL=a@example.com", "GIT_AUTHOR_DATE=2026-11-22T12:00:00Z", "GIT_COMMITTER_DATE=2026-11-22T12:00:00Z",
	}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// writeBranch is writeCheckout in a repository, with a branch on which somebody has made a lot of changes.
func writeBranch(t *testing.T) string {
	t.Helper()
	dir := writeCheckout(t)
	runGit(t, dir, "init", "-q", "-b", "main")
	runGit(t, dir, "add", "-A")
	runGit(t, dir, "commit", "-q", "-m", "base")
	runGit(t, dir, "checkout", "-q", "-b", "branch")
	edit := func(file, from, to string) {
		name := filepath.Join(dir, filepath.FromSlash(file))
		content, err := os.ReadFile(name)
		require.NoError(t, err)
		require.Contains(t, string(content), from)
		require.NoError(t, os.WriteFile(name, []byte(strings.Replace(string(content), from, to, 1)), 0o644))
	}
	edit("apps/base/web.yaml", "10m # every", "30s # every")
	edit("apps/base/web.yaml", "  url: https://github.com/example/web\n", "  url: https://github.com/example/web\n  ref:\n    semver: 1.x\n")
	edit("clusters/staging/apps.yaml", "  interval: 10m", "  interval: 1d")
	edit("clusters/production/apps.yaml", "  timeout: 2m\n", "  timeout: 15m\n")
	edit("apps/production/kustomization.yaml", "- ../base\n", "- ../base\n- twice.yaml\npatches:\n- target: {kind: GitRepository, name: other}\n  patch: |\n    - op: replace\n      path: /spec/interval\n      value: 20m\n")
	source := "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata:\n  name: %s\n  namespace: apps\nspec:\n  interval: 7m\n  timeout: 1m\n  url: ssh://git@github.com/example/`other|@all`\n  secretRef:\n    name: deploy-key\n"
	twice := fmt.Sprintf(source, "other") + "---\n" + fmt.Sprintf(source, "another")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "apps/production/twice.yaml"), []byte(twice), 0o644))
	runGit(t, dir, "add", "-A")
	runGit(t, dir, "commit", "-q", "-m", "changes")
	return dir
}

func checkCases() []golden {
	return []golden{
		{name: "files/check", args: "check -f DIR --base main"},
		{name: "files/check-same", args: "check -f DIR --base HEAD --exit-code"},
		{name: "files/check-all", args: "check -f DIR --base HEAD --all --exit-code"},
		{name: "files/check-without-base", args: "check -f DIR --root clusters/staging --exit-code"},
		{name: "files/check-one-namespace", args: "check -f DIR --base main -n apps gitrepo"},
		{name: "files/check-markdown", args: "check -f DIR --base main -o markdown"},
		{name: "files/check-json", args: "check -f DIR --base main --root clusters/staging -o json"},
		{name: "files/check-sarif", args: "check -f DIR --base main -o sarif"},
		{name: "files/check-fail-above", args: "check -f DIR --base main -n apps gitrepo --exit-code --fail-above 2%"},
		{name: "files/check-no-limit", args: "check -f DIR --base main -n apps --limit github.com=none --fail-above 2%"},
		{name: "files/check-no-such-base", args: "check -f DIR --base nowhere --exit-code"},
		{name: "files/check-without-f", args: "check"},
		{name: "files/check-file", args: "check -f DIR/apps/base/web.yaml"},
	}
}

// writeUnbuiltBranch is a repository on whose branch a variable of staging has another name than its use.
func writeUnbuiltBranch(t *testing.T) string {
	t.Helper()
	dir := writeCheckout(t)
	editFile(t, dir, "clusters/staging/apps.yaml", "  prune: true\n", "  prune: true\n  postBuild:\n    substitute:\n      poll: 3m\n")
	editFile(t, dir, "apps/base/web.yaml", "10m # every ten minutes", "${poll}")
	editFile(t, dir, "apps/production/kustomization.yaml", "- ../base\n", "- ../base\npatches:\n- target: {kind: GitRepository}\n  patch: |\n    - op: replace\n      path: /spec/interval\n      value: 5m\n")
	runGit(t, dir, "init", "-q", "-b", "main")
	runGit(t, dir, "add", "-A")
	runGit(t, dir, "commit", "-q", "-m", "base")
	runGit(t, dir, "checkout", "-q", "-b", "broken")
	editFile(t, dir, "clusters/staging/apps.yaml", "      poll: 3m\n", "      polls: 3m\n")
	runGit(t, dir, "commit", "-q", "-a", "-m", "rename")
	return dir
}

// writeKeptBranch is a repository in which production takes nothing away, leaves an interval to the cluster, and has an
// object that is only created, and in which staging is suspended; the branch changes and removes all of it.
func writeKeptBranch(t *testing.T) string {
	t.Helper()
	dir := writeCheckout(t)
	editFile(t, dir, "clusters/production/apps.yaml", "  prune: true\n", "  prune: false\n  ignore:\n  - paths: [/spec/interval]\n    target: {kind: GitRepository, name: web}\n")
	editFile(t, dir, "clusters/staging/apps.yaml", "  prune: true\n", "  prune: true\n  suspend: true\n")
	editFile(t, dir, "apps/production/kustomization.yaml", "- ../base\n", "- ../base\n- more.yaml\n- once.yaml\n")
	source := "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata:\n  name: %s\n  namespace: apps\n%sspec:\n  interval: 1m\n  timeout: 2m\n  url: https://github.com/example/%[1]s\n"
	for name, annotations := range map[string]string{"more": "", "once": "  annotations: {kustomize.toolkit.fluxcd.io/ssa: IfNotPresent}\n"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "apps/production", name+".yaml"), fmt.Appendf(nil, source, name, annotations), 0o644))
	}
	runGit(t, dir, "init", "-q", "-b", "main")
	runGit(t, dir, "add", "-A")
	runGit(t, dir, "commit", "-q", "-m", "base")
	runGit(t, dir, "checkout", "-q", "-b", "branch")
	editFile(t, dir, "apps/base/web.yaml", "10m # every", "30s # every")
	editFile(t, dir, "apps/production/kustomization.yaml", "- more.yaml\n", "")
	editFile(t, dir, "apps/production/once.yaml", "interval: 1m", "interval: 20m")
	runGit(t, dir, "commit", "-q", "-a", "-m", "changes")
	return dir
}

func keptCases() []golden {
	return []golden{
		{name: "files/check-kept", args: "check -f DIR --base main"},
		{name: "files/check-kept-80", args: "check -f DIR --base main", with: onTerminal(80)},
		{name: "files/check-kept-markdown", args: "check -f DIR --base main -o markdown"},
		{name: "files/check-kept-json", args: "check -f DIR --base main --root clusters/production -o json"},
		{name: "files/check-kept-sarif", args: "check -f DIR --base main -o sarif"},
		{name: "files/kept-plan", args: "plan -f DIR --rows"},
		{name: "files/kept-trace", args: "trace -f DIR gitrepo"},
		{name: "files/kept-rewrite", args: "rewrite -f DIR --dry-run"},
	}
}

func unbuiltCases() []golden {
	return []golden{
		{name: "files/check-unbuilt", args: "check -f DIR --base main"},
		{name: "files/check-unbuilt-80", args: "check -f DIR --base main", with: onTerminal(80)},
		{name: "files/check-unbuilt-markdown", args: "check -f DIR --base main -o markdown"},
		{name: "files/check-unbuilt-json", args: "check -f DIR --base main --root clusters/staging -o json"},
		{name: "files/check-unbuilt-sarif", args: "check -f DIR --base main -o sarif"},
		{name: "files/check-unbuilt-on-both", args: "check -f DIR --base HEAD --exit-code"},
		{name: "files/check-unbuilt-without-base", args: "check -f DIR -o markdown"},
	}
}

// What Flux cannot build is not called removed where nobody sees the warnings, nor what it could not build added.
func TestCheckOfUnbuiltSides(t *testing.T) {
	t.Parallel()
	dir := writeUnbuiltBranch(t)
	forth := decode[report.BranchCheck](t, func() outcome {
		o := invocation{}.run(t.Context(), "check", "-f", dir, "--base", "main", "-o", "json")
		assert.Equal(t, 1, o.code)
		return outcome{stdout: o.stdout}
	}())
	editFile(t, dir, "clusters/staging/apps.yaml", "      polls: 3m\n", "      poll: 3m\n")
	o := invocation{}.run(t.Context(), "check", "-f", dir, "--base", "broken", "-o", "json", "--exit-code")
	assert.NotEqual(t, 2, o.code, "the branch mends it: %s", o.stderr)
	back := decode[report.BranchCheck](t, outcome{stdout: o.stdout})
	for on, document := range map[string]report.BranchCheck{"branch": forth, "base": back} {
		assert.Zero(t, document.Summary.Added+document.Summary.Removed+document.Summary.Changed)
		assert.Equal(t, 1, document.Summary.Unknown)
		assert.Equal(t, check.Delta[bool]{Before: on == "base", After: on == "branch"}, document.Summary.Incomplete)
		assert.InDelta(t, document.Summary.GitRequests.Before, document.Summary.GitRequests.After, 0)
		require.Len(t, document.Clusters[1].Unknown, 1)
		assert.Equal(t, on, document.Clusters[1].Unknown[0].On)
		assert.Contains(t, document.Clusters[1].Unknown[0].Why, "no value and no default for variable poll")
	}
	over := invocation{}.run(t.Context(), "check", "-f", dir, "--base", "broken", "--fail-above", "0.1%")
	assert.Equal(t, exitOverBudget, over.code, "what the branch has counts, whatever the base tells")
}

func TestCheckGolden(t *testing.T) {
	t.Parallel()
	in := func(cases []golden) func(golden) bool {
		return func(g golden) bool {
			return slices.ContainsFunc(cases, func(c golden) bool { return c.name == g.name })
		}
	}
	unbuilt, kept, shared := in(unbuiltCases()), in(keptCases()), in(sharedCases())
	for _, g := range slices.Concat(checkCases(), unbuiltCases(), keptCases(), sharedCases()) {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			write := writeBranch
			switch {
			case unbuilt(g):
				write = writeUnbuiltBranch
			case kept(g):
				write = writeKeptBranch
			case shared(g):
				write = writeSharedBranch
			}
			g.checkFiles(t, write(t))
		})
	}
}

// Whatever is in files cannot be markup or a mention in a comment: it stands in code spans.
func TestCheckMarkdownIsNoMarkup(t *testing.T) {
	t.Parallel()
	o := invocation{}.run(t.Context(), "check", "-f", writeBranch(t), "--base", "main", "-o", "markdown")
	require.Contains(t, o.stdout, "'other")
	outside := regexp.MustCompile("`[^`]*`").ReplaceAllString(o.stdout, "")
	assert.NotContains(t, outside, "@")
	assert.NotContains(t, outside, "example")
	for _, line := range strings.Split(o.stdout, "\n") {
		if strings.HasPrefix(line, "|") {
			cells := strings.Count(strings.ReplaceAll(line, `\|`, ""), "|")
			assert.Contains(t, []int{4, 6, 7, 8}, cells, line)
		}
	}
}

// SARIF has what GitHub's code scanning and the format's specification ask for.
func TestCheckSARIFHasItsRequiredFields(t *testing.T) {
	t.Parallel()
	dir := writeBranch(t)
	o := invocation{}.run(t.Context(), "check", "-f", filepath.Join(dir), "--base", "main", "-o", "sarif")
	log := decode[report.SARIF](t, o)
	assert.Equal(t, "2.1.0", log.Version)
	require.Len(t, log.Runs, 1)
	run := log.Runs[0]
	require.NotEmpty(t, run.Results)
	for _, r := range run.Results {
		assert.Equal(t, r.RuleID, run.Tool.Driver.Rules[r.RuleIndex].ID)
		assert.NotEmpty(t, r.Message.Text)
		assert.Contains(t, []string{"error", "warning", "note"}, r.Level)
		assert.Contains(t, []string{"new", "unchanged"}, r.BaselineState)
		assert.NotEmpty(t, r.PartialFingerprints)
		for _, l := range r.Locations {
			content, err := os.ReadFile(filepath.Join(dir, l.PhysicalLocation.ArtifactLocation.URI))
			require.NoError(t, err)
			region := l.PhysicalLocation.Region
			lines := strings.Split(string(content), "\n")
			require.LessOrEqual(t, region.StartLine, len(lines))
			require.LessOrEqual(t, max(region.StartColumn, region.EndColumn), len(lines[region.StartLine-1])+1)
		}
	}
}

// A checkout that is a folder of its repository has findings at the paths of the repository.
func TestCheckSARIFOfAFolder(t *testing.T) {
	t.Parallel()
	inner := writeCheckout(t)
	outer := t.TempDir()
	require.NoError(t, os.Rename(inner, filepath.Join(outer, "the fleet")))
	runGit(t, outer, "init", "-q", "-b", "main")
	runGit(t, outer, "commit", "-q", "--allow-empty", "-m", "nothing")
	o := invocation{}.run(t.Context(), "check", "-f", filepath.Join(outer, "the fleet"), "--base", "main", "-o", "sarif")
	require.Zero(t, o.code, o.stderr)
	assert.Contains(t, o.stdout, `"uri": "the%20fleet/clusters/staging/apps.yaml"`)
}

// A Kustomization that Flux applies nothing of is a finding at the variable, and what it applies is missing.
func TestCheckSARIFOfAnUnsetVariable(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for file, content := range map[string]string{
		"clusters/a/flux-system/gotk-sync.yaml": "# written by flux bootstrap\n",
		"clusters/a/apps.yaml": "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: apps, namespace: flux-system}\n" +
			"spec: {interval: 1m, path: apps, sourceRef: {kind: GitRepository, name: flux-system}, postBuild: {substitute: {a: b}}}\n",
		"apps/web.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: apps}\nspec:\n  replicas: ${replicas}\n",
	} {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(file)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, file), []byte(content), 0o644))
	}
	o := invocation{}.run(t.Context(), "check", "-f", dir, "-o", "sarif")
	assert.Equal(t, 1, o.code)
	assert.Contains(t, o.stderr, "what Kustomization flux-system/apps applies could not be read: no value and no default for variable replicas (apps/web.yaml:5:13): Flux applies nothing of it")
	var log report.SARIF
	require.NoError(t, json.Unmarshal([]byte(o.stdout), &log))
	i := slices.IndexFunc(log.Runs[0].Results, func(r report.SARIFResult) bool { return r.RuleID == "unset-variable" })
	require.GreaterOrEqual(t, i, 0, o.stdout)
	place := log.Runs[0].Results[i].Locations[0].PhysicalLocation
	assert.Equal(t, report.SARIFPhysical{ArtifactLocation: report.SARIFArtifact{URI: "apps/web.yaml"}, Region: report.SARIFRegion{StartLine: 5, StartColumn: 13, EndColumn: 24}}, place)
}

// The work tree is what the branch is, and is not written to.
func TestCheckSeesWhatIsNotCommitted(t *testing.T) {
	t.Parallel()
	dir := writeBranch(t)
	file := filepath.Join(dir, "clusters/production/apps.yaml")
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, bytes.Replace(content, []byte("interval: 10m"), []byte("interval: 11m"), 1), 0o644))
	o := invocation{}.run(t.Context(), "check", "-f", dir, "--base", "HEAD", "-o", "json")
	var document report.BranchCheck
	require.NoError(t, json.Unmarshal([]byte(o.stdout), &document), o.stderr)
	require.Len(t, document.Clusters[0].Changes, 1)
	assert.Equal(t, "11m", *document.Clusters[0].Changes[0].After)
	assert.Equal(t, "clusters/production/apps.yaml:7:13", document.Clusters[0].Changes[0].DecidedBy)
}

// A cluster that --root names by its new folder is on the base under its old one.
func TestCheckOfARootThatWasMoved(t *testing.T) {
	t.Parallel()
	dir := writeCheckout(t)
	runGit(t, dir, "init", "-q", "-b", "main")
	runGit(t, dir, "add", "-A")
	runGit(t, dir, "commit", "-q", "-m", "base")
	runGit(t, dir, "mv", "clusters/production", "clusters/prod-eu")
	sync := filepath.Join(dir, "clusters/prod-eu/flux-system/gotk-sync.yaml")
	content, err := os.ReadFile(sync)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(sync, []byte(strings.ReplaceAll(string(content), "clusters/production", "clusters/prod-eu")), 0o644))
	for _, roots := range [][]string{{"--root", "clusters/prod-eu"}, {"--root", "clusters/prod-eu,clusters/staging"}, nil} {
		o := invocation{}.run(t.Context(), append([]string{"check", "-f", dir, "--base", "main"}, roots...)...)
		assert.Contains(t, o.stdout, "no Flux object changes its values. The folder clusters/production is clusters/prod-eu on the branch", "%v\n%s", roots, o.stderr)
	}
	o := invocation{}.run(t.Context(), "check", "-f", dir, "--base", "main", "--root", "clusters/staging")
	assert.NotContains(t, o.stdout, "prod-eu", "it was not asked for")
}

func TestCheckOptions(t *testing.T) {
	t.Parallel()
	r := testRoot()
	var flags CheckFlags
	parseEvery(t, newCheck(r), flags.add, map[string]string{
		"all-namespaces": "true", "selector": "team=web", "kind": "ks,gitrepo", "env": "prd,moon",
		"policy": "fast", "set": "dev.gitrepo.interval=31s", "default-env": "stg", "env-alias": "uat=stg",
		"filename": writeCheckout(t), "root": "clusters/staging", "output": "sarif", "base": "main", "limit": "example.com=7/h", "fail-above": "80%",
		"exit-code": "true", "all": "true",
	})
	o, err := flags.toOptions(r, nil)
	require.NoError(t, err)
	assert.Equal(t, "main", o.Revision)
	assert.Equal(t, []string{"clusters/staging"}, o.Roots.Roots)
	assert.InDelta(t, 80, o.FailAbove, 0)
	assert.Equal(t, budget.Limit{PerHour: 7, From: budget.LimitFlag}, o.Limits["example.com"])
	assert.True(t, o.exitCode && o.all)
	assert.Equal(t, "sarif", o.printer.format)
	require.Len(t, o.Files.fleets, 2, "a value of the other cluster may follow the same scalar")
	assert.Equal(t, []int{0}, o.Files.chosen)
	want := wantFleet(t)
	assert.Equal(t, want.Environments, o.Environments)
	assert.Equal(t, want.Policy, o.Policy)
	assert.Equal(t, want.DefaultEnvironment, o.DefaultEnvironment)
	_, err = policy.Preset("fast")
	require.NoError(t, err)
}

// What a plan of files says that it costs is what check says of the commit that carries it out, also of what is suspended.
func TestPlanAndCheckSayOneThing(t *testing.T) {
	t.Parallel()
	dir := writeKeptBranch(t)
	plan := decode[report.Plan](t, invocation{}.must(t, "plan", "-f", dir, "-o", "json"))
	invocation{}.must(t, "rewrite", "-f", dir, "--yes")
	runGit(t, dir, "commit", "-q", "-a", "-m", "as the policy wants")
	checked := decode[report.BranchCheck](t, invocation{}.must(t, "check", "-f", dir, "--base", "HEAD~1", "-o", "json"))
	require.NotNil(t, plan.Summary.GitRequests)
	assert.InDelta(t, plan.Summary.GitRequests.Now, checked.Summary.GitRequests.Before, 0.01)
	assert.InDelta(t, plan.Summary.GitRequests.Planned, checked.Summary.GitRequests.After, 0.01)
	assert.Positive(t, plan.Summary.Change, "below a suspended Kustomization")
}

// What asks hosts and has nothing to plan counts on both sides, as in a budget.
func TestCheckCountsWhatOnlyCosts(t *testing.T) {
	t.Parallel()
	dir := writeCheckout(t)
	runGit(t, dir, "init", "-q", "-b", "main")
	runGit(t, dir, "add", "-A")
	runGit(t, dir, "commit", "-q", "-m", "base")
	runGit(t, dir, "checkout", "-q", "-b", "images")
	editFile(t, dir, "apps/production/kustomization.yaml", "- ../base\n", "- ../base\n- images.yaml\n")
	images := "apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImageRepository\nmetadata: {name: web, namespace: apps}\nspec: {interval: 1h, image: ghcr.io/example/web}\n---\n" +
		"apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImagePolicy\nmetadata: {name: web, namespace: apps}\nspec: {interval: 5m, digestReflectionPolicy: Always, imageRepositoryRef: {name: web}, policy: {alphabetical: {}}}\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "apps/production/images.yaml"), []byte(images), 0o644))
	runGit(t, dir, "add", "-A")
	runGit(t, dir, "commit", "-q", "-m", "images")
	limit := []string{"--limit", "ghcr.io=40/h"}
	o := invocation{}.run(t.Context(), append([]string{"check", "-f", dir, "--base", "main", "--fail-above", "80%", "-o", "json"}, limit...)...)
	assert.Equal(t, exitOverBudget, o.code, o.stderr)
	branch := decode[report.BranchCheck](t, o)
	sum := decode[report.Budget](t, invocation{}.run(t.Context(), append([]string{"budget", "-f", dir, "-A", "-o", "json"}, limit...)...))
	after, now := 0.0, 0.0
	for _, h := range branch.Hosts {
		if h.Host == "ghcr.io" {
			after = h.Requests.After
		}
	}
	for _, h := range sum.Hosts {
		if h.Host == "ghcr.io" {
			now = h.Requests.Now
		}
	}
	assert.Positive(t, after)
	assert.InDelta(t, now, after, 0.01)
}
