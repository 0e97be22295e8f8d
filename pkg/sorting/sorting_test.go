package sorting

import (
	"cmp"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestBy(t *testing.T) {
	t.Parallel()
	type item struct{ key, place int }
	items := []item{{2, 0}, {1, 1}, {2, 2}, {0, 3}, {1, 4}, {2, 5}}
	By(items, func(a, b item) int { return cmp.Compare(a.key, b.key) })
	assert.Equal(t, []item{{0, 3}, {1, 1}, {1, 4}, {2, 0}, {2, 2}, {2, 5}}, items, "those that are equal stay in their order")
}
