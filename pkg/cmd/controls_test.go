package cmd

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
)

// steering is what a text of an object may try: colours that are none of ours, the title, the clipboard, the order of
// characters, ends of lines. No YAML has C1 and DEL; of those is TestSafe.
const steering = "a\x1b[8mb\x1b]0;title\a\x1b]52;c;aGk=\x07\x1b[2J\u202eRTL\u2066\u2028---\u2029\u0085\rz"

// objectsThatSteer have such texts wherever the API server takes them: in spec, status, labels of selectors and annotations.
// Its rules for names of objects are kept.
func objectsThatSteer() []map[string]any {
	object := func(group, version, kind string, spec map[string]any) map[string]any {
		return map[string]any{
			"apiVersion": group + ".toolkit.fluxcd.io/" + version, "kind": kind,
			"metadata": map[string]any{"name": "one", "namespace": "apps", "annotations": map[string]any{"note": steering, "fluxtune.io/session": steering}},
			"spec":     spec,
			"status": map[string]any{"conditions": []any{map[string]any{
				"type": "Ready", "status": "False", "reason": "Failed", "message": steering, "lastTransitionTime": "2026-11-22T11:00:00Z",
			}}},
		}
	}
	source := map[string]any{"kind": "GitRepository", "name": steering}
	target := func(name string, labels map[string]any) map[string]any {
		return map[string]any{"kind": "GitRepository", "name": name, "namespace": "n" + steering, "matchLabels": labels}
	}
	return []map[string]any{
		object("source", "v1", "GitRepository", map[string]any{"interval": "1m", "url": "https://host\u2028x\u0085\u202ey/" + steering, "ref": map[string]any{"branch": steering}, "include": []any{map[string]any{"repository": map[string]any{"name": steering}}}}),
		object("source", "v1", "OCIRepository", map[string]any{"interval": "1m", "url": "oci://host" + steering + "/a", "ref": map[string]any{"tag": steering}}),
		object("source", "v1", "HelmRepository", map[string]any{"interval": "1m", "url": "https://charts" + steering}),
		object("source", "v1", "Bucket", map[string]any{"interval": "1m", "endpoint": steering, "bucketName": steering}),
		object("source", "v1", "HelmChart", map[string]any{"interval": "1m", "chart": steering, "version": steering, "sourceRef": map[string]any{"kind": "HelmRepository", "name": steering}}),
		object("kustomize", "v1", "Kustomization", map[string]any{"interval": "1m", "path": "./" + steering, "prune": true, "sourceRef": source, "dependsOn": []any{map[string]any{"name": steering}}}),
		object("helm", "v2", "HelmRelease", map[string]any{"interval": "1m", "chart": map[string]any{"spec": map[string]any{"chart": steering, "version": steering, "sourceRef": source}}}),
		object("image", "v1", "ImageRepository", map[string]any{"interval": "1m", "image": "reg.example.com/" + steering}),
		object("notification", "v1", "Receiver", map[string]any{
			"type": "github", "secretRef": map[string]any{"name": steering}, "resourceFilter": steering,
			"resources": []any{target(steering, nil), target("*", map[string]any{"a\x1b[35mb\u202e": steering}), target("*", nil)},
		}),
	}
}

func writeSteering(t *testing.T) string {
	t.Helper()
	var text strings.Builder
	for _, object := range objectsThatSteer() {
		data, err := json.Marshal(object)
		require.NoError(t, err)
		_, _ = fmt.Fprintf(&text, "---\n%s\n", terminal.EscapeJSON(data))
	}
	file := filepath.Join(t.TempDir(), "fleet.yaml")
	require.NoError(t, os.WriteFile(file, []byte(text.String()), 0o600))
	return file
}

var ourColor = regexp.MustCompile("\x1b\\[(0|1|31|32|33|36|90)m")

// assertSteersNothing holds of all text for people, and of JSON.
func assertSteersNothing(t *testing.T, text string, colored bool) {
	t.Helper()
	if colored {
		text = ourColor.ReplaceAllString(text, "")
	}
	for _, r := range text {
		if r == '\n' {
			continue
		}
		require.False(t, unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029', "%q in %q", r, text)
	}
}

// Whatever texts objects have, and whichever command shows them: they write to a terminal what is shown, and nothing else.
func TestNoObjectSteersATerminal(t *testing.T) {
	t.Parallel()
	file := writeSteering(t)
	formats := map[string][]string{
		"get":       {"table", "wide", "json", "name", "custom-columns=A:.ref.name,B:.message"},
		"plan":      {"table", "wide", "json", "name", "markdown"},
		"budget":    {"table", "wide", "json", "markdown"},
		"receivers": {"table", "wide", "json", "name", "custom-columns=A:.ref.name,B:.message,C:.host"},
	}
	shown := 0
	for command, each := range formats {
		for _, format := range each {
			for _, width := range []int{0, 80} {
				args := []string{command, "-f", file, "--color", "always", "--default-env", "development"}
				if format != "table" {
					args = append(args, "-o", format)
				}
				o := invocation{width: width, watched: width > 0}.run(t.Context(), args...)
				assert.NotContains(t, o.stderr, "error: -f", "%v", args)
				assertSteersNothing(t, o.stdout, true)
				assertSteersNothing(t, o.stderr, true)
				shown += strings.Count(o.stdout, "RTL")
			}
		}
	}
	assert.Positive(t, shown)
	for _, format := range []string{"jsonpath={.items[*].message}", "go-template={{range .items}}{{.message}}{{end}}", "yaml"} {
		for _, i := range []invocation{{width: 80}, {sizeless: true}} { // also one that does not say how wide it is
			o := i.run(t.Context(), "get", "-f", file, "-o", format)
			assert.Contains(t, o.stdout, "RTL")
			assertSteersNothing(t, o.stdout, true)
		}
		if o := (invocation{}).run(t.Context(), "get", "-f", file, "-o", format); format != "yaml" {
			assert.Contains(t, o.stdout, "\x1b", "a pipe gets them as they are")
		}
	}
}
