package cluster

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"
)

// A client's writers compare statuses with the API server's clock, whatever this machine's says.
func TestStatusesAreComparedWithTheAPIServersClock(t *testing.T) {
	t.Parallel()
	ahead := -5 * time.Minute
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"gitVersion": "v1.36.3"}`))
	}))
	t.Cleanup(server.Close)
	c, err := NewClient(&rest.Config{Host: server.URL})
	require.NoError(t, err)
	clock := c.clock()
	assert.WithinDuration(t, time.Now(), clock.Server(), time.Second)
	_, err = c.ServerVersion(t.Context())
	require.NoError(t, err)
	assert.WithinDuration(t, time.Now().Add(ahead), clock.Server(), 2*time.Second)
	assert.WithinDuration(t, time.Now(), clock.Now(), time.Second)
	now := time.Now()
	assert.WithinDuration(t, now.Add(ahead), c.ServerTime(now), 2*time.Second)
}
