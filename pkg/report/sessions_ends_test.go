package report

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// A column has room for its words beside the others on a terminal of 80 cells.
func TestEndsOfASessionIsShort(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	before, after := now.Add(-400*24*time.Hour), now.Add(29*24*time.Hour)
	almost := before.Add(24 * time.Hour)
	justNow, crashed := now.Add(-2*time.Second), now.Add(-10*time.Second)
	for want, s := range map[string]Session{
		"-":               {Objects: 1},
		"in 29d":          {Objects: 1, Until: &after},
		"overdue 400d":    {Objects: 2, Held: 1, Until: &before},
		"over, undecided": {Objects: 1, Held: 1, Until: &before},
		"ending":          {Objects: 10, Until: &justNow},
		"overdue 10s":     {Objects: 10, Until: &crashed},
		"being deleted":   {Objects: 2, Deleting: 2, Until: &before},
		"overdue 399d":    {Objects: 2, Deleting: 1, Until: &almost},
		"undecided":       {Objects: 1, Held: 1, Until: &after},
	} {
		text := s.ends(now).Text
		assert.Equal(t, want, text)
		assert.LessOrEqual(t, len(text), 16)
	}
	ending := SessionList{Items: []Session{{Session: "a", Objects: 10, Until: &justNow}}}
	assert.Zero(t, ending.Overdue(now), "its own program takes it back")
	assert.Zero(t, SessionList{Items: []Session{{Session: "a", Objects: 1, Deleting: 1, Until: &before}}}.Overdue(now), "nobody takes it back any more")
	assert.Empty(t, SessionList{Items: []Session{{Session: "a", Objects: 1, Deleting: 1, Until: &before}}}.Undecided())
	ended := SessionList{Items: []Session{{Session: "a", Objects: 1, Held: 1, Until: &after}}}
	assert.Equal(t, []string{"a"}, ended.Undecided(), "its program has ended before its time")
}
