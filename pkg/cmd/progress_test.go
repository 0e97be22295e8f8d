package cmd

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// A terminal that has become narrower has broken the line that stands there into rows: all of them go before the next is drawn.
func TestProgressLeavesNothingBehindOnANarrowerTerminal(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	width, now := 100, time.Now()
	p := &progress{out: &out, now: func() time.Time { now = now.Add(time.Second); return now }, width: func() int { return width }, start: now.Add(-time.Minute)}
	wrote := func(do func()) string {
		out.Reset()
		do()
		return out.String()
	}
	long := strings.Repeat("a", 59)
	assert.Equal(t, "\r\x1b[K"+long, wrote(func() { p.show(long) }))
	width = 60
	assert.Equal(t, "\r\x1b[K"+long, wrote(func() { p.show(long) }), "it has room as before")
	width = 30
	assert.Equal(t, "\r\x1b[1A\x1b[J"+strings.Repeat("a", 28)+"…", wrote(func() { p.show(long) }), "two rows")
	width = 10
	assert.Equal(t, "\r\x1b[2A\x1b[J", wrote(p.clear), "29 cells are three rows")
	assert.Empty(t, wrote(p.clear), "nothing is there any more")
}
