package cmd

import (
	"errors"
	"fmt"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// What fails in several clusters is told of each, with its remedy: whose credentials have ended in one of them looks there.
func TestErrorsOfSeveralClustersAreExplainedEach(t *testing.T) {
	t.Parallel()
	ended := apierrors.NewUnauthorized("Unauthorized")
	refused := &url.Error{Op: "Get", URL: "https://one.example/api", Err: errors.New("connect: no route")}
	const remedy = ": the cluster does not accept your credentials: log in again, or choose another --context"
	err := errors.Join(ofCluster{"east", fmt.Errorf("listing: %w", ended)}, ofCluster{"west", refused}, ofCluster{"north", errors.New("no right")})
	assert.Equal(t, "east: listing: Unauthorized"+remedy+"\nwest: "+explain(refused)+"\nnorth: no right", explain(err))
	assert.Equal(t, explain(err), explain(codeError{exitInterrupted, err}))
	assert.Equal(t, exitInterrupted, exitCode(codeError{exitInterrupted, err}, nil))
	assert.True(t, apierrors.IsUnauthorized(err))
}
