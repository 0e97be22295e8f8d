package cmd

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
	"github.com/fluxtune/kubectl-fluxtune/hack/testbed/faults"
)

// hostile are names of which each tries to be more than a word to a shell, or a flag to a command. A shell that is taken in
// makes the file PWNED.
var hostile = []string{
	"a'$(touch PWNED)\"b;touch PWNED;`touch PWNED`\\", "-d --$(touch PWNED) e&&touch PWNED|touch PWNED>PWNED<PWNED#f",
}

// stubShell runs commands with programs in place of kubectl and flux that only note how they are called.
type stubShell struct{ dir string }

func newStubShell(t *testing.T) stubShell {
	t.Helper()
	s := stubShell{t.TempDir()}
	for _, name := range []string{"kubectl", "flux"} {
		script := "#!/bin/sh\nfor a; do printf '%s\\0' \"$a\"; done >> \"" + filepath.Join(s.dir, "called") + "\"\nprintf '\\0\\0' >> \"" + filepath.Join(s.dir, "called") + "\"\ncat > /dev/null\n"
		require.NoError(t, os.WriteFile(filepath.Join(s.dir, name), []byte(script), 0o755))
	}
	return s
}

// run runs a command, and returns the arguments of each call of kubectl and flux. None of the hostile names did anything.
func (s stubShell) run(t *testing.T, command string) (calls [][]string) {
	t.Helper()
	_ = os.Remove(filepath.Join(s.dir, "called"))
	run := exec.CommandContext(t.Context(), "sh", "-c", command)
	run.Dir, run.Env = s.dir, append(os.Environ(), "PATH="+s.dir+":"+os.Getenv("PATH"))
	out, err := run.CombinedOutput()
	require.NoError(t, err, "%s\n%s", command, out)
	assert.NoFileExists(t, filepath.Join(s.dir, "PWNED"), command)
	_ = os.Remove(filepath.Join(s.dir, "PWNED"))
	data, err := os.ReadFile(filepath.Join(s.dir, "called"))
	require.NoError(t, err, command)
	for _, call := range strings.Split(strings.TrimSuffix(string(data), "\x00\x00\x00"), "\x00\x00\x00") {
		calls = append(calls, strings.Split(call, "\x00"))
	}
	return calls
}

// asTheyAre holds of arguments: each of the names in them is whole, and none stands where it is a flag.
func asTheyAre(t *testing.T, args []string, command string) {
	t.Helper()
	for i, arg := range args {
		if strings.Contains(arg, "PWNED") && !strings.Contains(arg, hostileHost) {
			assert.True(t, slices.ContainsFunc(hostile, func(name string) bool {
				return strings.Contains(arg, name) || strings.Contains(arg, asItem("clusters/"+name))
			}), "%q of %s", arg, command)
		}
		if slices.Contains(hostile, arg) && strings.HasPrefix(arg, "-") {
			assert.True(t, i > 0 && strings.HasPrefix(args[i-1], "-"), "%q is a flag in %s", arg, command)
		}
	}
}

// proposedCommand is a command in what the program says: a line of its own, behind "with:", an arrow or a mark of a comment.
var proposedCommand = regexp.MustCompile(`(?m)(?:^[ #]*|^Next +|-> |with: |lists them\) |"(?:secret|token|path)Command": ")((?:kubectl|flux) .*)$`)

// proposals are the commands that a text proposes.
func proposals(o outcome) (commands []string) {
	for _, m := range proposedCommand.FindAllStringSubmatch(o.stdout+"\n"+o.stderr, -1) {
		commands = append(commands, m[1])
	}
	return commands
}

// All commands that the program proposes take names for what they are, wherever these come from.
func TestProposedCommandsRunNothingElse(t *testing.T) {
	t.Parallel()
	for i, name := range hostile {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			t.Parallel()
			said := map[string]outcome{}
			ofACheckout(t, name, said)
			ofACluster(t, name, said)
			sh := newStubShell(t)
			for args, o := range said {
				commands := proposals(o)
				assert.NotEmpty(t, commands, "%s\n%s\n%s", args, o.stdout, o.stderr)
				named := false
				for _, command := range commands {
					for _, call := range sh.run(t, command) {
						asTheyAre(t, call, command)
						named = named || strings.Contains(strings.Join(call, " "), name)
					}
				}
				assert.True(t, named, "%s: %q", args, commands)
			}
		})
	}
}

// hostileHost is one that a URL can have: most that a shell reads is allowed there.
const hostileHost = ";id>PWNED;id&git.example.com"

// ofACheckout has commands propose others for a checkout in which all names are one.
func ofACheckout(t *testing.T, name string, said map[string]outcome) {
	t.Helper()
	above := t.TempDir()
	dir := filepath.Join(above, name)
	writeInto(t, dir, map[string]string{
		"clusters/" + name + "/flux-system/gotk-sync.yaml": "# written by flux bootstrap\n",
		"clusters/" + name + "/apps.yaml": fmt.Sprintf("apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: %[1]q, namespace: %[1]q}\nspec: {interval: 1m, url: %[2]q, ref: {branch: main}}\n"+
			"---\napiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: app, namespace: other}\nspec: {interval: 1m, timeout: 5m, url: \"https://github.com/acme/app\", ref: {branch: main}}\n"+
			"---\napiVersion: notification.toolkit.fluxcd.io/v1\nkind: Receiver\nmetadata: {name: %[1]q, namespace: other}\nspec: {type: github, suspend: true, secretRef: {name: %[1]q}, resources: [{kind: GitRepository, name: gone}]}\n",
			name, "https://"+hostileHost+"/acme/app"),
		"policy": "",
	})
	policy := filepath.Join(dir, "policy")
	require.NoError(t, os.WriteFile(policy, []byte(invocation{}.must(t, "policy", "per-environment").stdout), 0o600))
	file := filepath.Join(dir, "clusters", name, "apps.yaml")
	for _, args := range [][]string{
		{"receivers", "-f", dir, "--default-env", "development"}, {"receivers", "-f", file, "--policy", policy}, {"receivers", "-f", file, "-o", "yaml"},
		{"receivers", "-f", dir, "--root", asItem("clusters/" + name), "--host-type", hostileHost + "=gitea", "--owner", "acme"},
		{"plan", "-f", dir, "--policy", policy, "--default-env", "production"}, {"budget", "-f", dir, "--default-env", "production"},
		{"get", "-f", dir, "--policy", policy, "--default-env", "staging"},
	} {
		said[strings.Join(args, " ")] = invocation{width: 200, sizeless: true}.run(t.Context(), args...)
	}
}

// ofACluster has commands propose others for a cluster whose context, users, sessions and Secrets have one name.
func ofACluster(t *testing.T, name string, said map[string]outcome) {
	t.Helper()
	c := bed.Cluster(t)
	ns := c.Namespace(t, map[string]string{"environment": "development"})
	f := gitFleet{Cluster: c, apps: ns}
	f.Apply(t, gitRepository(ns, "app", "interval: 5m, timeout: 2m"))
	for receiver, reason := range map[string]string{"github": "TokenNotFound", "other": "Failed"} {
		f.Apply(t, fmt.Sprintf("apiVersion: notification.toolkit.fluxcd.io/v1\nkind: Receiver\nmetadata: {name: %s, namespace: %s}\nspec: {type: github, secretRef: {name: %q}, resources: [{kind: GitRepository, name: app}]}\n", receiver, ns, name))
		f.ApplyAs(t, fmt.Sprintf("apiVersion: notification.toolkit.fluxcd.io/v1\nkind: Receiver\nmetadata: {name: %s, namespace: %s}\n", receiver, ns)+
			`status: {conditions: [{type: Ready, status: "False", reason: `+reason+`, message: none, lastTransitionTime: "2026-11-01T00:00:00Z"}]}`+"\n", testbed.ApplyOptions{Subresource: "status"})
	}
	proxy := faults.Start(t, c.Config(), func(*http.Request, int) faults.Fault { return faults.Fault{} })
	i := invocation{kubeconfig: proxy.Kubeconfig(t, name, ns), session: name, width: 200}
	run := func(args ...string) {
		said[strings.Join(args, " ")] = i.run(t.Context(), append([]string{"--context", name}, args...)...)
	}
	run("plan", "-n", ns)
	run("receivers", "-n", ns)
	run("apply", "-n", ns, "--yes")
	record := f.recordOf(t)
	until := noon.Add(-time.Hour)
	record.Steps[0].Until = &until
	f.annotate(t, *record)
	run("sessions", "-n", ns)
	run("doctor", "-n", ns)
	f.edit(t, "7m")
	run("sessions", "-n", ns, "-o", "wide")
	run("doctor", "-n", ns, "--default-env", "development")
	run("revert", "--expired", "-n", ns, "--yes")
}

// A name behind a flag of a command that is shown, and a word that a command takes, is written by the one function that makes a
// word of it. What is said of a flag that somebody typed, with a colon behind it, is no command.
func TestNamesInCommandsAreQuoted(t *testing.T) {
	t.Parallel()
	flag := regexp.MustCompile(`(?:^|[ (])(?:-[a-z]|--[a-z][a-z-]*)[ =]$`)
	seen := 0
	for _, folder := range []string{".", "../alerts", "../budget", "../check", "../cluster", "../fit", "../manifest", "../nodes", "../report", "../tune", "../webhook"} {
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		require.NoError(t, err)
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			set := token.NewFileSet()
			parsed, err := parser.ParseFile(set, file, nil, 0)
			require.NoError(t, err)
			ast.Inspect(parsed, func(n ast.Node) bool {
				for _, name := range namesInTexts(n, flag) {
					seen++
					if !quotes(name) {
						t.Errorf("%s: a name that is no word", set.Position(name.Pos()))
					}
				}
				return true
			})
		}
	}
	assert.Greater(t, seen, 20)
}

// namesInTexts are what an expression puts behind a flag: as an argument of a format, or by adding texts.
func namesInTexts(n ast.Node, flag *regexp.Regexp) (names []ast.Expr) {
	switch e := n.(type) {
	case *ast.BinaryExpr:
		left := e.X
		if inner, chained := left.(*ast.BinaryExpr); chained {
			left = inner.Y
		}
		if text, is := literalText(left); is && e.Op == token.ADD && flag.MatchString(text) {
			names = append(names, e.Y)
		}
	case *ast.CallExpr:
		for at, arg := range e.Args {
			text, is := literalText(arg)
			if !is {
				continue
			}
			next := at + 1
			for _, verb := range regexp.MustCompile(`%(\[(\d+)\])?[-+#0-9.]*[a-zA-Z%]`).FindAllStringSubmatchIndex(text, -1) {
				if text[verb[1]-1] == '%' {
					continue
				}
				if verb[4] >= 0 {
					n, _ := strconv.Atoi(text[verb[4]:verb[5]])
					next = at + n
				}
				behind := text[verb[1]:]
				if at := text[:verb[0]]; next < len(e.Args) && !strings.HasPrefix(at, "-") && flag.MatchString(at) && strings.ContainsAny(text[verb[1]-1:verb[1]], "sv") && !strings.HasPrefix(behind, ":") && !strings.HasPrefix(behind, "=%s:") {
					names = append(names, e.Args[next])
				}
				next++
			}
		}
	}
	return names
}

func literalText(e ast.Expr) (string, bool) {
	literal, is := e.(*ast.BasicLit)
	if !is || literal.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(literal.Value)
	return text, err == nil
}

// quotes tells whether an expression is a word, or text of the program's own.
func quotes(e ast.Expr) bool {
	if call, is := e.(*ast.CallExpr); is {
		switch f := call.Fun.(type) {
		case *ast.SelectorExpr:
			return f.Sel.Name == "Quoted" || f.Sel.Name == "FormatDuration" || f.Sel.Name == "String"
		case *ast.Ident:
			return f.Name == "Quoted"
		}
	}
	return false
}

// Commands that are proposed go into logs and comments: what was typed as a secret is not in them.
func TestProposedCommandsHaveNoSecret(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"receivers", "get", "budget"} {
		i := invocation{width: 100}
		o := i.must(t, command, "-f", "testdata/receivers/fleet.yaml", "-n", "apps", "--token", "sesame", "--proxy-url", "http://bot:sesame@proxy.example.com")
		assert.Contains(t, o.stdout, "kubectl fluxtune ", command)
		assert.NotContains(t, o.stdout+o.stderr, "sesame", command)
	}
}
