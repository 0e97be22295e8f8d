package terminal

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

// What may be told below its row goes there where not all has room beside each other, the widest first, and the names keep
// the room.
func TestDrawBelow(t *testing.T) {
	t.Parallel()
	table := Table{
		Columns: []Column{{Name: ""}, {Name: "NAME", Shrink: Middle}, {Name: "FROM", Spare: 1}, {Name: "CHANGES", Shrink: End, Below: true}, {Name: "WHY", Shrink: End, Below: true}},
		Rows: [][]Cell{
			{Text("~"), Text("apps-production-frontend"), Text("label"), {Text: "interval 5m -> 1m", Style: Changed}, {Text: "timeout kept at 4m30s: it is not made shorter", Style: Bad}},
			{Text("="), Text("web"), Text("label"), {}, {Text: "unchanged", Implied: true}},
			{Text("-"), Text("api"), Text("label"), {}, Text("suspended")},
		},
	}
	for _, tc := range []struct {
		layout Layout
		want   string
	}{
		{Layout{Width: 107}, lines(
			"    NAME                       FROM    CHANGES             WHY",
			"~   apps-production-frontend   label   interval 5m -> 1m   timeout kept at 4m30s: it is not made shorter",
			"=   web                        label                       unchanged",
			"-   api                        label                       suspended",
		)},
		{Layout{Width: 103}, lines(
			"    NAME                       FROM    CHANGES",
			"~   apps-production-frontend   label   interval 5m -> 1m",
			"      timeout kept at 4m30s: it is not made shorter",
			"=   web                        label",
			"-   api                        label",
			"      suspended",
		)},
		{Layout{Width: 40}, lines(
			"    NAME                       FROM",
			"~   apps-production-frontend   label",
			"      interval 5m -> 1m",
			"      timeout kept at 4m30s: it is not",
			"      made shorter",
			"=   web                        label",
			"-   api                        label",
			"      suspended",
		)},
		{Layout{Width: 24}, lines(
			"    NAME",
			"~   apps-produ…-frontend",
			"      interval 5m -> 1m",
			"      timeout kept at",
			"      4m30s: it is not",
			"      made shorter",
			"=   web",
			"-   api",
			"      suspended",
			"Not shown at this width:",
			"FROM. Cut: NAME. -o wide",
			"shows all.",
		)},
		{Layout{Width: 60, NoHeaders: true}, lines(
			"~   apps-pro…rontend   interval 5m -> 1m   timeout kept at …",
			"=   web                                    unchanged",
			"-   api                                    suspended",
		)},
	} {
		assert.Equal(t, tc.want, draw(t, table, tc.layout), "%+v", tc.layout)
		tc.layout.Color = true
		assert.Equal(t, tc.want, strings.ReplaceAll(strip(draw(t, table, tc.layout)), "\x1b[0m", ""), "%+v", tc.layout)
	}
	assert.Contains(t, draw(t, table, Layout{Width: 24, Color: true}), "      \x1b[31mtimeout kept at\x1b[0m\n", "each line has its colour")
}

// On a terminal nothing is lost of what may be told below its row, and elsewhere nothing is told there.
func TestBelowIsWhole(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		table := Table{Columns: []Column{
			{Name: "NAME", Shrink: Middle}, {Name: "INTERVAL"}, {Name: "CHANGES", Shrink: End, Below: rapid.Bool().Draw(t, "changes below")}, {Name: "WHY", Shrink: End, Below: true},
		}}
		text := rapid.StringMatching(`([a-z配🚀]{1,14} ?){0,20}`)
		for range rapid.IntRange(1, 5).Draw(t, "rows") {
			table.Rows = append(table.Rows, row(text.Draw(t, "name"), "5m -> 1m", text.Draw(t, "changes"), text.Draw(t, "why")))
		}
		inline := Table{Columns: append([]Column{}, table.Columns...), Rows: table.Rows}
		for i := range inline.Columns {
			inline.Columns[i].Below = false
		}
		l := Layout{Width: rapid.SampledFrom([]int{0, 40, 60, 80, 120, 200}).Draw(t, "width"), Wide: rapid.Bool().Draw(t, "wide"), NoHeaders: rapid.Bool().Draw(t, "no headers"), Clip: rapid.Bool().Draw(t, "clip")}
		var shown, plain strings.Builder
		lost, err := table.DrawRows(&shown, l)
		assert.NoError(t, err)
		_, err = inline.DrawRows(&plain, l)
		assert.NoError(t, err)
		if l.Width == 0 || l.Wide || l.NoHeaders || l.Clip {
			assert.Equal(t, plain.String(), shown.String())
			return
		}
		assert.NotContains(t, lost.Cut, "WHY")
		glued := func(text string) string { return strings.Join(strings.Fields(text), "") } // long words are broken
		words := glued(shown.String())
		for _, row := range table.Rows {
			assert.Contains(t, words, glued(row[3].Text))
		}
		for line := range strings.SplitSeq(shown.String(), "\n") {
			assert.LessOrEqual(t, Width(line), l.Width, line)
		}
		for i, c := range table.Columns {
			for _, row := range table.Rows {
				if !strings.Contains(words, glued(row[i].Text)) {
					assert.Contains(t, lost.Cut, c.Name, "what is cut is told")
				}
			}
		}
	})
}
