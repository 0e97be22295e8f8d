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

// What was shown too soon stands there after a second, if nothing came since: a slow pace is not silent.
func TestProgressShowsWhatCameEarly(t *testing.T) {
	t.Parallel()
	var out lockedBuffer
	p := &progress{out: &out, now: time.Now, width: func() int { return 80 }, start: time.Now()}
	p.show("1 of 15 objects done")
	assert.Empty(t, out.String())
	assert.Eventually(t, func() bool { return strings.Contains(out.String(), "1 of 15 objects done") }, 10*time.Second, 50*time.Millisecond)
	p.clear()

	var none lockedBuffer
	p = &progress{out: &none, now: time.Now, width: func() int { return 80 }, start: time.Now()}
	p.show("1 of 15 objects done")
	p.clear()
	time.Sleep(progressAfter + 200*time.Millisecond)
	assert.Empty(t, none.String(), "it is over")
}
