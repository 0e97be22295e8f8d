package terminal

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// names are those of contexts as clouds write them, which differ anywhere: in the account, the region, or at the end.
func contexts(t *rapid.T) []string {
	return rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) string {
		part := func(label string, of ...string) string { return rapid.SampledFrom(of).Draw(t, label) }
		if rapid.IntRange(0, 4).Draw(t, "form") == 0 {
			return rapid.StringMatching(`[a-z配-]{1,40}`).Draw(t, "name")
		}
		return fmt.Sprintf("arn:aws:eks:%s:%s:cluster/%s", part("region", "eu-central-1", "eu-central-2", "us-east-1"), part("account", "123456789012", "123456789013", "987654321098"),
			part("cluster", "platform-production", "platform-staging", "apps-production"))
	}), 1, 12, rapid.ID).Draw(t, "contexts")
}

// However narrow, names that differ are told apart, and none is wider than its room.
func TestApart(t *testing.T) {
	t.Parallel()
	assert.Equal(t, map[string]string{
		"arn:aws:eks:eu-central-1:123456789012:cluster/platform": "…central-1…/platform",
		"arn:aws:eks:eu-west-1:123456789012:cluster/platform":    "…west-1:12…/platform",
		"prod": "prod",
	}, Apart([]string{"arn:aws:eks:eu-central-1:123456789012:cluster/platform", "prod", "arn:aws:eks:eu-west-1:123456789012:cluster/platform"}, 20))
	rapid.Check(t, func(t *rapid.T) {
		names, width := contexts(t), rapid.IntRange(6, 80).Draw(t, "width")
		short := Apart(names, width)
		told := map[string]string{}
		for _, name := range names {
			assert.LessOrEqual(t, Width(short[name]), width)
			other, taken := told[short[name]]
			assert.False(t, taken, "%q and %q are both %q", name, other, short[name])
			told[short[name]] = name
			if Width(name) <= width && !strings.Contains(name, ellipsis) {
				assert.Equal(t, name, short[name])
			}
		}
	})
}

// So it is in tables, whatever else has to have room.
func TestTablesTellNamesApart(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		names := contexts(t)
		table := Table{Columns: []Column{{Name: "CLUSTER", Shrink: Middle}, {Name: "NAME", Shrink: Middle}, {Name: "N", Right: true}}}
		for i, name := range names {
			table.Rows = append(table.Rows, []Cell{Text(name), Text("the-same-name-in-all-of-the-clusters"), Text(fmt.Sprint(i % 2))})
		}
		var out bytes.Buffer
		require.NoError(t, table.Draw(&out, Layout{Width: rapid.IntRange(40, 120).Draw(t, "width")}))
		first := map[string]bool{}
		for _, line := range strings.Split(out.String(), "\n")[1 : len(names)+1] {
			name, _, _ := strings.Cut(line, "   ")
			assert.False(t, first[name], "%q twice:\n%s", name, out.String())
			first[name] = true
		}
	})
}
