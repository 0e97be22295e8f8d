package report

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

func TestSessionList(t *testing.T) {
	t.Parallel()
	list := NewSessionList("", []tune.Session{
		{ID: "20260301-113000-cd34", Policy: "fast", By: "alice", Time: noon.Add(-30 * time.Minute), Objects: 4, Stand: 1, Followed: 2, Changed: 1, Pinned: 3},
		{ID: "20260301-110000-ab12", Policy: "per-environment", Time: noon.Add(-time.Hour), Objects: 2, Stand: 2},
	}, fleet(t).Gaps)
	goldenJSON(t, "sessions/list.json", list)
	goldenTable(t, "sessions/list.txt", list.Table(noon), Layout{})
	assert.Equal(t, []string{"20260301-113000-cd34", "20260301-110000-ab12"}, list.Names())
	hostile := NewSessionList("", []tune.Session{{ID: "zz; touch /tmp/x #", Objects: 1, Stand: 1}, {ID: "a\nb", Objects: 1, Stand: 1}}, nil).Names()
	assert.Len(t, hostile, 2)
	assert.Equal(t, "'zz; touch /tmp/x #'", hostile[0])
	assert.NotContains(t, hostile[1], "\n")
	goldenJSON(t, "sessions/empty.json", NewSessionList("", nil, nil))
}

// Whether a session still stands is told in full on a narrow terminal.
func TestSessionsTellWhatStandsOnALowTerminal(t *testing.T) {
	t.Parallel()
	s := tune.Session{ID: "20260301-113000-cd34", Policy: "per-environment", By: "alice@example.com", Time: noon.Add(-30 * time.Minute), Until: noon.Add(-time.Hour),
		Objects: 40, Stand: 10, Followed: 10, Changed: 10, Pinned: 3, Undone: 2}
	table := NewSessionList("", []tune.Session{s}, nil).Table(noon)
	shown := draw(t, table, Layout{Width: 80})
	for i, c := range table.Columns {
		if c.Name == "STANDS" {
			assert.Contains(t, flat(shown), table.Rows[0][i].Text, shown)
		}
	}
	assert.NotContains(t, shown, "Cut", shown)
}

// Without its header, it says what it is about.
func TestSessionsNameWhatStandsBelow(t *testing.T) {
	t.Parallel()
	s := tune.Session{ID: "20260301-113000-cd34", Policy: "per-environment", By: "alice@example.com", Time: noon.Add(-30 * time.Minute), Until: noon.Add(time.Hour), Objects: 10, Stand: 10}
	table := NewSessionList("production", []tune.Session{s}, nil).Table(noon)
	assert.Contains(t, draw(t, table, Layout{Width: 60}), "\n      stands: yes\n")
	assert.NotContains(t, draw(t, table, Layout{}), "stands: ")
}

// Since when a session is overdue stays in one piece, of one cluster and of several.
func TestSessionsTellWhatIsOverdueOnALowTerminal(t *testing.T) {
	t.Parallel()
	s := tune.Session{ID: "20260301-113000-cd34", Policy: "per-environment", By: "alice@example.com", Time: noon.Add(-30 * time.Minute), Until: noon.Add(-100 * time.Second), Objects: 40, Stand: 40}
	for _, cluster := range []string{"", "arn:aws:eks:eu-central-1:123456789012:cluster/prod"} {
		shown := draw(t, NewSessionList(cluster, []tune.Session{s}, nil).Table(noon), Layout{Width: 80})
		assert.Contains(t, shown, "overdue 100s\n", shown)
	}
}

// A record that somebody edited may tell no time.
func TestSessionWithoutATime(t *testing.T) {
	t.Parallel()
	table := NewSessionList("", []tune.Session{{ID: "s1", Policy: "fast", Objects: 1, Stand: 1}}, nil).Table(noon)
	assert.Contains(t, draw(t, table, Layout{}), "s1        -     ")
}
