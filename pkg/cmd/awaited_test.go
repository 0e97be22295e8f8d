package cmd

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What computes for ever ends at once after Ctrl-C, with the code for that, and says that nothing was changed.
func TestAwaited(t *testing.T) {
	t.Parallel()
	value, err := awaited(t.Context(), func() (int, error) { return 7, nil })
	require.NoError(t, err)
	assert.Equal(t, 7, value)
	wrong := errors.New("wrong")
	_, err = awaited(t.Context(), func() (int, error) { return 7, wrong })
	require.ErrorIs(t, err, wrong)

	ctx, cancel := context.WithCancel(t.Context())
	never := make(chan struct{})
	defer close(never)
	begun := time.Now()
	time.AfterFunc(10*time.Millisecond, cancel)
	_, err = awaited(ctx, func() (int, error) { <-never; return 7, nil })
	require.EqualError(t, err, "interrupted: nothing was changed")
	assert.Equal(t, exitInterrupted, exitCode(err, nil))
	assert.Less(t, time.Since(begun), time.Minute)

	_, err = awaited(ctx, func() (int, error) { return 7, nil })
	require.Error(t, err, "what was computed after Ctrl-C is not used")
}
