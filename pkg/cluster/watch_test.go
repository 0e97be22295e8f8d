package cluster

import (
	"errors"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// What is as old for the same reason is told once, and of which kinds unless it is all that may be watched.
func TestGapsOfAWatch(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 5, 4, 12, 0, 0, 0, time.Local)
	refused := apierrors.NewForbidden(schema.GroupResource{Resource: "buckets"}, "", errors.New("no"))
	kind := func(resource string, why error, asOf time.Time) staleKind {
		return staleKind{resource, "apps", why, asOf}
	}
	forbidden := flux.Gap{What: `watching buckets in namespace "apps"`, Why: refused.Error(), Forbidden: true}
	assert.Empty(t, gapsOf([]staleKind{kind("a", nil, noon), kind("b", nil, noon)}))
	assert.Equal(t, []flux.Gap{forbidden, {What: "updates are interrupted, as of 12:00:00", Why: "EOF"}}, gapsOf([]staleKind{
		kind("a", io.EOF, noon), kind("buckets", refused, noon), kind("b", io.EOF, noon),
	}))
	assert.Equal(t, []flux.Gap{{What: "updates of b are interrupted, as of 12:00:00", Why: "EOF"}}, gapsOf([]staleKind{
		kind("a", nil, noon), kind("b", io.EOF, noon),
	}))
	assert.Equal(t, []flux.Gap{
		{What: "updates of a are interrupted, as of 12:00:00", Why: "EOF"}, {What: "updates of b, c are interrupted", Why: "EOF; unexpected EOF"},
	}, gapsOf([]staleKind{
		kind("a", io.EOF, noon), kind("b", io.ErrUnexpectedEOF, time.Time{}), kind("c", io.EOF, time.Time{}),
	}))
}
