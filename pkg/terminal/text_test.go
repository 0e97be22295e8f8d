package terminal

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestRowsThatALineTakes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		line        string
		width, rows int
	}{
		{"", 10, 1},
		{"0123456789", 10, 1},
		{"0123456789a", 10, 2},
		{"0123456789a", 0, 1},
		{Paint("0123456789", Bad, true), 10, 1},
		{Paint("01234", Strong, true) + Paint("56789", Good, true) + "a", 10, 2},
		{"木木木木木木", 10, 2},
	} {
		assert.Equal(t, test.rows, Rows(test.line, test.width), "%q in %d", test.line, test.width)
	}
}
