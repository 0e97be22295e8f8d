package kube

import (
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What answers say of the API server's clock is right to a second and the time of the fastest answer, and more exact the more there are.
func TestTheAPIServersClockIsKnownToASecond(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		ahead := time.Duration(r.Int64N(int64(20*time.Minute))) - 10*time.Minute
		var c clock
		assert.Zero(t, c.ahead())
		now, off, fastest := time.Unix(1e9, 0), time.Hour, time.Hour
		for range 20 {
			now = now.Add(time.Duration(r.Int64N(int64(10 * time.Second))))
			took := time.Duration(r.Int64N(int64(2 * time.Second)))
			written := now.Add(time.Duration(r.Int64N(int64(took) + 1))).Add(ahead)
			c.note(written.UTC().Format(http.TimeFormat), now, now.Add(took))
			fastest = min(fastest, took)
			is := (c.ahead() - ahead).Abs()
			assert.LessOrEqual(t, is, time.Second+fastest, "seed %d", seed)
			assert.LessOrEqual(t, is, max(off, ahead.Abs()), "seed %d", seed)
			off = is
		}
		c.note("no date", now, now)
		assert.Equal(t, off, (c.ahead() - ahead).Abs())
	}
}

// A clock that is set is believed from then on.
func TestAClockThatIsSet(t *testing.T) {
	t.Parallel()
	var c clock
	now := time.Unix(1e9, 0).UTC()
	c.note(now.Add(time.Hour).Format(http.TimeFormat), now, now)
	assert.Equal(t, time.Hour, c.ahead())
	c.note(now.Add(-time.Hour).Format(http.TimeFormat), now, now)
	assert.Equal(t, -time.Hour+time.Second, c.ahead())
	c.note(now.Add(time.Hour).Format(http.TimeFormat), now, now)
	assert.Equal(t, time.Hour, c.ahead(), "what was said before does not count")
}

// Both who reads and who writes over a client's connections hears the API server's clock.
func TestAClientHearsTheClock(t *testing.T) {
	t.Parallel()
	ahead := 5 * time.Minute
	handler := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
		_, _ = w.Write([]byte("{}"))
	}
	reader := serve(t, quick(), handler)
	assert.Zero(t, reader.Ahead())
	_, err := reader.Raw(t.Context(), Request{Path: "/version"})
	require.NoError(t, err)
	assert.InDelta(t, ahead, reader.Ahead(), float64(2*time.Second))
	writer := serve(t, quick(), handler)
	response, err := writer.HTTP(false).Get(writer.base.String())
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	assert.InDelta(t, ahead, writer.Ahead(), float64(2*time.Second))
}
