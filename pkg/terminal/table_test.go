package terminal

import (
	"errors"
	"strings"
	"testing"

	"github.com/mattn/go-runewidth"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// lines makes the text of a table readable in a test: one string a line.
func lines(s ...string) string { return strings.Join(s, "\n") + "\n" }

// draw draws a table for a test.
func draw(t *testing.T, table Table, l Layout) string {
	t.Helper()
	var b strings.Builder
	require.NoError(t, table.Draw(&b, l))
	return b.String()
}

// drawRows is draw without the line that names what was lost.
func drawRows(t *testing.T, table Table, l Layout) string {
	t.Helper()
	var b strings.Builder
	_, err := table.DrawRows(&b, l)
	require.NoError(t, err)
	return b.String()
}

func row(texts ...string) []Cell {
	cells := make([]Cell, 0, len(texts))
	for _, text := range texts {
		cells = append(cells, Text(text))
	}
	return cells
}

func TestDraw(t *testing.T) {
	t.Parallel()
	people := Table{
		Columns: []Column{{Name: "NAME"}, {Name: "AGE", Right: true}, {Name: "HOME"}, {Name: "NOTE", Wide: true}},
		Rows:    [][]Cell{row("Ann", "7", "Lisbon", "first"), row("Bartholomew", "103", "Rome", ""), row("Cy", "", "", "")},
	}
	numbers := Table{Columns: []Column{{Name: "N", Right: true}, {Name: "COUNT", Right: true}}, Rows: [][]Cell{row("1", "5"), row("22", "12345678"), row("", "")}}
	for _, tc := range []struct {
		name   string
		table  Table
		layout Layout
		want   string
	}{
		{"plain", people, Layout{}, lines(
			"NAME          AGE   HOME",
			"Ann             7   Lisbon",
			"Bartholomew   103   Rome",
			"Cy",
		)},
		{"wide", people, Layout{Wide: true}, lines(
			"NAME          AGE   HOME     NOTE",
			"Ann             7   Lisbon   first",
			"Bartholomew   103   Rome",
			"Cy",
		)},
		{"no headers", people, Layout{NoHeaders: true}, lines(
			"Ann             7   Lisbon",
			"Bartholomew   103   Rome",
			"Cy",
		)},
		{"headers count for the width only where they are shown", numbers, Layout{NoHeaders: true}, lines(
			" 1          5",
			"22   12345678",
			"",
		)},
		{"right in the last column", numbers, Layout{}, lines(
			" N      COUNT",
			" 1          5",
			"22   12345678",
			"",
		)},
		{"no rows", Table{Columns: people.Columns}, Layout{}, "NAME   AGE   HOME\n"},
		{"no rows, no headers", Table{Columns: people.Columns}, Layout{NoHeaders: true}, ""},
		{"no columns", Table{}, Layout{}, "\n"},
		{"an empty cell between others", Table{Columns: []Column{{Name: "A"}, {Name: "B"}, {Name: "C"}}, Rows: [][]Cell{row("a", "", "c"), row("", "", "c")}}, Layout{}, lines(
			"A   B   C",
			"a       c",
			"        c",
		)},
		{"a column without a name", Table{Columns: []Column{{Name: ""}, {Name: "NAME"}}, Rows: [][]Cell{row("~", "web")}}, Layout{}, lines(
			"    NAME",
			"~   web",
		)},
		{
			"wide characters", Table{Columns: []Column{{Name: "NAME"}, {Name: "N", Right: true}, {Name: "NOTE"}}, Rows: [][]Cell{
				row("配置", "一", "x"), row("rocket 🚀", "1", "y"), row("é", "22", "z"),
			}}, Layout{}, lines(
				"NAME         N   NOTE",
				"配置        一   x",
				"rocket 🚀    1   y",
				"é           22   z",
			),
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tc.want, draw(t, tc.table, tc.layout))
		})
	}
}

// Texts are made shorter, the longest first; what is the point of a table is not.
func TestDrawShrinks(t *testing.T) {
	t.Parallel()
	table := Table{
		Columns: []Column{{Name: "NAME", Shrink: Middle}, {Name: "FROM", Spare: 1}, {Name: "INTERVAL"}, {Name: "WHY", Shrink: End}},
		Rows: [][]Cell{
			row("apps-production-eu-west-1-frontend", "namespace", "10m -> 5m", strings.Repeat("long ", 20)+"end"),
			row("配置配置配置配置配置配置", "label", "5m", "太长的理由"), row("web", "", "", "short"),
		},
	}
	for _, tc := range []struct {
		layout Layout
		want   string
	}{
		{Layout{Width: 100}, lines(
			"NAME                                 FROM        INTERVAL    WHY",
			"apps-production-eu-west-1-frontend   namespace   10m -> 5m   long long long long long long long lon…",
			"配置配置配置配置配置配置             label       5m          太长的理由",
			"web                                                          short",
			"Cut at this width: WHY. -o wide shows all.",
		)},
		{Layout{Width: 80}, lines(
			"NAME                    FROM        INTERVAL    WHY",
			"apps-produ…1-frontend   namespace   10m -> 5m   long long long long long long l…",
			"配置配置配…置配置配置   label       5m          太长的理由",
			"web                                             short",
			"Cut at this width: NAME, WHY. -o wide shows all.",
		)},
		{Layout{Width: 60}, lines(
			"NAME                     INTERVAL    WHY",
			"apps-produc…1-frontend   10m -> 5m   long long long long lo…",
			"配置配置配…置配置配置    5m          太长的理由",
			"web                                  short",
			"Not shown at this width: FROM. Cut: NAME, WHY. -o wide shows",
			"all.",
		)},
		{Layout{Width: 36}, lines(
			"NAME        INTERVAL    WHY",
			"apps…tend   10m -> 5m   long long l…",
			"配置…配置   5m          太长的理由",
			"web                     short",
			"Not shown at this width: FROM. Cut:",
			"NAME, WHY. -o wide shows all.",
		)},
	} {
		assert.Equal(t, tc.want, draw(t, table, tc.layout), "%+v", tc.layout)
	}
}

// What may not be made shorter is whole at any width, within it where that has room, and as wide as is asked for nothing is cut.
func TestThePointIsNeverCut(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		table := Table{Columns: []Column{{Name: "NAMESPACE", Shrink: Middle}, {Name: "NAME", Shrink: Middle}, {Name: "ENVIRONMENT", Shrink: Middle, Spare: 1}, {Name: "INTERVAL"}, {Name: "WHY", Shrink: End}}}
		name := rapid.StringMatching(`[a-z配🚀][a-z0-9配-]{0,250}`)
		for range rapid.IntRange(1, 5).Draw(t, "rows") {
			table.Rows = append(table.Rows, row(name.Draw(t, "namespace"), name.Draw(t, "name"), name.Draw(t, "environment"), "1h30m -> 55m", name.Draw(t, "why")))
		}
		const room = 60
		l := Layout{Width: rapid.IntRange(15, 200).Draw(t, "width"), Wide: rapid.Bool().Draw(t, "wide")}
		var b strings.Builder
		_, err := table.DrawRows(&b, l)
		require.NoError(t, err)
		for i, line := range strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")[1:] {
			assert.Contains(t, line, "1h30m -> 55m")
			if !l.Wide {
				assert.LessOrEqual(t, Width(line), max(l.Width, room))
				continue
			}
			for _, cell := range table.Rows[i] {
				assert.Contains(t, line, cell.Text)
			}
		}
	})
}

func TestShorten(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		text  string
		width int
		want  string
	}{
		{"flux-system", 0, "flux-system"}, {"flux-system", 11, "flux-system"}, {"flux-system", 10, "flux-…stem"}, {"flux-system", 3, "f…m"},
		{"flux-system", 2, "f…"}, {"flux-system", 1, "…"}, {"配置配置配置", 7, "配…配置"}, {"", 5, ""},
	} {
		assert.Equal(t, tc.want, Shorten(tc.text, tc.width), "%q %d", tc.text, tc.width)
	}
}

func TestWrap(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "one two\nthree", Wrap("one two three", 9))
	assert.Equal(t, "https://gi\nthub.com/x\ny", Wrap("https://github.com/x y", 10))
	assert.Equal(t, "one two three", WrapLine("one two three", 0))
	assert.Equal(t, "  as  it is", WrapLine("  as  it is", 11))
}

// What is broken is the same command to a shell.
func TestWrapCommand(t *testing.T) {
	t.Parallel()
	for _, command := range []string{
		`kubectl fluxtune plan -A`, `kubectl fluxtune apply -A --env dev --env staging --managed patch -l app.kubernetes.io/part-of=project-07`,
		`kubectl fluxtune plan --set 'development.GitRepository.interval=at most 2m' -n "a b" --context it\'s\ here`,
		`x 'a  b' "c ' d" 'e " f \' g\ h`,
	} {
		for width := range 90 {
			broken := WrapCommand(command, width)
			assert.Equal(t, command, strings.ReplaceAll(broken, " \\\n", " "), width)
			for line := range strings.SplitSeq(broken, "\n") {
				if width > 0 && Width(line) > width {
					assert.Len(t, arguments(strings.TrimSuffix(line, ` \`)), 1, "%d: %s", width, line)
				}
			}
		}
	}
	assert.Equal(t, "a 'b c' \\\n'd  e' f", WrapCommand("a 'b c' 'd  e' f", 10))
}

// Whatever the width and the colours, no line is longer than the terminal or ends in a space.
func TestDrawFits(t *testing.T) {
	t.Parallel()
	texts := []string{"", "a", "web", "配置", "🚀🚀🚀", "a longer text with words", "1234567890"}
	for columns := range 4 {
		table := Table{}
		for i := range columns + 1 {
			table.Columns = append(table.Columns, Column{Name: texts[(i+columns)%len(texts)], Right: i%2 == 1})
		}
		for i := range 50 {
			var cells []Cell
			for j := range table.Columns {
				cells = append(cells, Cell{Text: texts[(i*(j+3)+i/7)%len(texts)], Style: Style((i + j) % 8)})
			}
			table.Rows = append(table.Rows, cells)
		}
		for width := 1; width < 70; width++ {
			plain := drawRows(t, table, Layout{Width: width, Clip: true})
			for _, line := range strings.Split(plain, "\n") {
				assert.LessOrEqual(t, runewidth.StringWidth(line), width, "%q", line)
				assert.Equal(t, strings.TrimRight(line, " "), line)
			}
			painted := drawRows(t, table, Layout{Width: width, Clip: true, Color: true})
			assert.Equal(t, plain, strip(painted), "colours change no column")
		}
	}
}

// strip takes the colour codes out.
func strip(s string) string {
	for _, code := range []string{"\x1b[0m", "\x1b[1m", "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[36m", "\x1b[90m"} {
		s = strings.ReplaceAll(s, code, "")
	}
	return s
}

// What is to be polled more often and what less often are told apart by colour, also by the colour-blind.
func TestPacesHaveColoursOfTheirOwn(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "\x1b[36m1m\x1b[0m", Paint("1m", Faster, true))
	assert.Equal(t, "\x1b[33m1m\x1b[0m", Paint("1m", Slower, true))
}

func TestDrawColours(t *testing.T) {
	t.Parallel()
	table := Table{
		Columns: []Column{{Name: "A"}, {Name: "B", Right: true}, {Name: "C"}},
		Rows: [][]Cell{
			{{Text: "ok", Style: Good}, {Text: "1", Style: Changed}, {Text: "bad", Style: Bad}},
			{{Text: "grey", Style: Faint}, {Text: "", Style: Bad}, {Text: "plain", Style: Plain}},
		},
	}
	assert.Equal(t, lines(
		"\x1b[1mA\x1b[0m      \x1b[1mB\x1b[0m   \x1b[1mC\x1b[0m",
		"\x1b[32mok\x1b[0m     \x1b[33m1\x1b[0m   \x1b[31mbad\x1b[0m",
		"\x1b[90mgrey\x1b[0m       plain",
	), draw(t, table, Layout{Color: true}))
	assert.NotContains(t, draw(t, table, Layout{}), "\x1b")
}

type brokenPipe struct{}

var errPipe = errors.New("broken pipe")

func (brokenPipe) Write([]byte) (int, error) { return 0, errPipe }

func TestDrawReportsWriteErrors(t *testing.T) {
	t.Parallel()
	require.ErrorIs(t, Table{Columns: []Column{{Name: "A"}}}.Draw(brokenPipe{}, Layout{}), errPipe)
}

func TestPaintDiff(t *testing.T) {
	t.Parallel()
	diff := "--- a\n+++ b\n@@ -1,2 +1,2 @@\n kind: Kustomization\n-  interval: 5m\n+  interval: 1m"
	assert.Equal(t, diff, PaintDiff(diff, false))
	assert.Equal(t, "\x1b[1m--- a\x1b[0m\n\x1b[1m+++ b\x1b[0m\n\x1b[90m@@ -1,2 +1,2 @@\x1b[0m\n kind: Kustomization\n"+
		"\x1b[31m-  interval: 5m\x1b[0m\n\x1b[32m+  interval: 1m\x1b[0m", PaintDiff(diff, true))
	assert.Empty(t, PaintDiff("", true))
}

func TestControlCharactersDoNotReachTheTerminal(t *testing.T) {
	t.Parallel()
	table := Table{Columns: []Column{{Name: "MESSAGE"}, {Name: "END"}}, Rows: [][]Cell{{Text("a\x1b[2Jb\x07"), Text("c")}}}
	var out strings.Builder
	require.NoError(t, table.Draw(&out, Layout{NoHeaders: true}))
	assert.Equal(t, "a[2Jb   c\n", out.String())
}

// A part of a number is another number: a picture has whole numbers or none, at every width.
func TestPicturesCutNoNumbers(t *testing.T) {
	t.Parallel()
	table := Table{Columns: []Column{{Name: "CLUSTER", Shrink: Middle}, {Name: "NAME", Shrink: Middle, Floor: 40}, {Name: "STATUS", Shrink: End, Floor: 8}, {Name: "PODS", Right: true}, {Name: "USE%", Right: true}}}
	table.Rows = [][]Cell{{Text("production-eu"), Text("ip-10-0-0-11.eu-central-1.compute.internal"), Text("Ready,SchedulingDisabled"), Text("54321"), Text("107")}}
	for width := 1; width <= 120; width++ {
		var out strings.Builder
		_, err := table.DrawRows(&out, Layout{Width: width, Clip: true})
		require.NoError(t, err)
		for line := range strings.Lines(out.String()) {
			assert.LessOrEqual(t, Width(strings.TrimSuffix(line, "\n")), width)
		}
		fields := strings.Fields(strings.Split(out.String(), "\n")[1])
		for _, field := range fields {
			assert.True(t, !strings.ContainsAny(field, "12345") || field == "54321" || field == "107" || strings.HasPrefix(field, "ip-") || strings.HasPrefix(field, "i"), "%d: %q", width, out.String())
		}
		if width >= 38 {
			assert.Contains(t, fields, "54321", width)
		}
	}
}

// A column that says nothing is left out where people read; a script may count columns.
func TestMuteColumns(t *testing.T) {
	t.Parallel()
	table := Table{Columns: []Column{{Name: "A"}, {Name: "B", Mute: true}, {Name: "C"}}, Rows: [][]Cell{{Text("1"), Text("-"), Text("2")}}}
	for _, tc := range []struct {
		layout Layout
		want   string
	}{
		{Layout{Width: 80}, "A   C\n1   2\n"},
		{Layout{}, "A   B   C\n1   -   2\n"},
		{Layout{Width: 80, Wide: true}, "A   B   C\n1   -   2\n"},
		{Layout{Width: 80, NoHeaders: true}, "1   -   2\n"},
	} {
		var out strings.Builder
		require.NoError(t, table.Draw(&out, tc.layout))
		assert.Equal(t, tc.want, out.String())
	}
}
