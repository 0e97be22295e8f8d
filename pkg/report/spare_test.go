package report

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSpareColumns(t *testing.T) {
	t.Parallel()
	table := Table{
		Columns: []Column{{Name: "NAME"}, {Name: "FROM", Spare: 2}, {Name: "AGE", Spare: 1}, {Name: "WHY"}},
		Rows:    [][]Cell{row("application", "namespace", "12m", "it says so in "+strings.Repeat("very ", 10)+"many words")},
	}
	header := func(layout Layout) string {
		var b strings.Builder
		require.NoError(t, table.Draw(&b, layout))
		line, _, _ := strings.Cut(b.String(), "\n")
		return strings.Join(strings.Fields(line), " ")
	}
	assert.Equal(t, "NAME FROM AGE WHY", header(Layout{}), "no terminal, no limit")
	assert.Equal(t, "NAME FROM AGE WHY", header(Layout{Width: 72}), "the last column may be cut")
	assert.Equal(t, "NAME AGE WHY", header(Layout{Width: 71}))
	assert.Equal(t, "NAME WHY", header(Layout{Width: 59}))
	assert.Equal(t, "NAME WHY", header(Layout{Width: 20}), "the others stay, and are cut")
	assert.Equal(t, "NAME FROM", header(Layout{Width: 20, Wide: true}), "who asks for all gets all, cut")
}
