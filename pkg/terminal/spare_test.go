package terminal

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Columns that matter least go first, when shorter texts are not enough, and are named.
func TestSpareColumns(t *testing.T) {
	t.Parallel()
	table := Table{
		Columns: []Column{{Name: "NAME", Shrink: Middle}, {Name: "FROM", Spare: 2}, {Name: "AGE", Spare: 1}, {Name: "WHY", Shrink: End}},
		Rows:    [][]Cell{row("application", "namespace", "12m", "it says so in "+strings.Repeat("very ", 10)+"many words")},
	}
	draws := func(layout Layout) (header, below string) {
		var b strings.Builder
		require.NoError(t, table.Draw(&b, layout))
		lines := strings.SplitN(b.String(), "\n", 3)
		return strings.Join(strings.Fields(lines[0]), " "), strings.TrimSpace(lines[2])
	}
	for _, tc := range []struct {
		layout        Layout
		header, below string
	}{
		{Layout{}, "NAME FROM AGE WHY", ""},
		{Layout{Width: 64}, "NAME FROM AGE WHY", "Cut at this width: WHY. -o wide shows all."},
		{Layout{Width: 64, Whole: "-o json"}, "NAME FROM AGE WHY", "Cut at this width: WHY. -o json shows all."},
		{Layout{Width: 63}, "NAME AGE WHY", "Not shown at this width: FROM. Cut: WHY. -o wide shows all."},
		{Layout{Width: 51}, "NAME WHY", "Not shown at this width: FROM, AGE. Cut: WHY. -o\nwide shows all."},
		{Layout{Width: 20, Wide: true}, "NAME FROM AGE WHY", ""},
	} {
		header, below := draws(tc.layout)
		assert.Equal(t, tc.header, header, "%+v", tc.layout)
		assert.Equal(t, tc.below, below, "%+v", tc.layout)
	}
	assert.Equal(t, "application   it says so in very very very very ve…\n", draw(t, table, Layout{Width: 51, NoHeaders: true}), "nothing but rows")
}
