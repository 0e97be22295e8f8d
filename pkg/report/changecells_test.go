package report

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// How many of a group keep their interval comes behind what the others do.
func TestWhatStaysOfAGroup(t *testing.T) {
	t.Parallel()
	group := func(objects int) ChangeGroup {
		g := ChangeGroup{Pace: Slower, Objects: objects, froms: []time.Duration{time.Minute, time.Minute}, tos: []time.Duration{3 * time.Minute, 5 * time.Minute}}
		g.Interval = g.rangeText()
		return g
	}
	assert.Equal(t, "1m -> 3m to 5m slower", group(2).intervalCell().Text)
	assert.Equal(t, "1m -> 3m to 5m slower, 1 stays", group(3).intervalCell().Text)
	assert.Equal(t, "1m -> 3m to 5m slower, 2 stay", group(4).intervalCell().Text)
}
