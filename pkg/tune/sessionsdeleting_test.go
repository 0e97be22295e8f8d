package tune

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// What is being deleted is taken back by nobody, so that no session is overdue for its sake.
func TestSessionsOfWhatIsBeingDeleted(t *testing.T) {
	t.Parallel()
	until := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	after := until.Add(time.Hour)
	for name, tc := range map[string]struct {
		session            Session
		overdue, undecided bool
	}{
		"all of it":            {Session{Objects: 2, Deleting: 2}, false, false},
		"the rest stands":      {Session{Objects: 2, Deleting: 1}, true, false},
		"the rest was changed": {Session{Objects: 2, Deleting: 1, Held: 1}, false, true},
	} {
		tc.session.Until = until
		assert.Equal(t, tc.overdue, tc.session.Overdue(after), name)
		assert.Equal(t, tc.undecided, tc.session.Undecided(after), name)
	}
}
