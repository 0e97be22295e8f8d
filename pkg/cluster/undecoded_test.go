package cluster

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// undecodable serves two Kustomizations, of which one cannot be read.
func undecodable(t *testing.T) *Client {
	t.Helper()
	const one = `{"kind":"Kustomization","apiVersion":"kustomize.toolkit.fluxcd.io/v1","metadata":{"name":"odd","namespace":"a","resourceVersion":"7"},"spec":{"interval":["5m"]}}`
	const two = `{"kind":"Kustomization","apiVersion":"kustomize.toolkit.fluxcd.io/v1","metadata":{"name":"web","namespace":"a","resourceVersion":"7"},"spec":{"interval":"5m"}}`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case r.URL.Path != "/apis/kustomize.toolkit.fluxcd.io/v1/kustomizations":
			serveFlux(w, r)
		case r.URL.Query().Has("watch"):
			<-r.Context().Done()
		default:
			_, _ = io.WriteString(w, `{"kind":"KustomizationList","apiVersion":"kustomize.toolkit.fluxcd.io/v1","metadata":{"resourceVersion":"7"},"items":[`+one+`,`+two+`]}`)
		}
	}))
	t.Cleanup(server.Close)
	c, err := NewClient(&rest.Config{Host: server.URL})
	require.NoError(t, err)
	return c
}

// An object that cannot be read costs itself, and is named.
func TestAnObjectThatCannotBeReadCostsItself(t *testing.T) {
	t.Parallel()
	kind, err := flux.ParseKind("Kustomization")
	require.NoError(t, err)
	odd := flux.Ref{Group: kustomizations.Group, Kind: "Kustomization", Namespace: "a", Name: "odd"}
	web, gone := odd, odd
	web.Name, gone.Name = "web", "gone"
	s, err := undecodable(t).Read(t.Context(), Selection{Kinds: []flux.Kind{kind}, Unlabelled: true})
	require.NoError(t, err)
	require.Len(t, s.Objects, 1)
	assert.Equal(t, web, s.Objects[0].Ref)
	require.Len(t, s.Gaps, 1)
	assert.Equal(t, "Kustomization a/odd", s.Gaps[0].What)
	assert.Contains(t, s.Gaps[0].Why, "interval")
	assert.True(t, s.Incomplete())
	assert.False(t, s.LookedFor(odd))
	assert.Equal(t, "could not be read", s.Lacks(odd))
	assert.True(t, s.LookedFor(gone), "all others are known")
	assert.False(t, s.LookedForAll("Kustomization"))
	assert.False(t, s.Missing(kind), "the right to list is there")
}

// A watch tells of the others, and names it.
func TestAWatchNamesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	kind, err := flux.ParseKind("Kustomization")
	require.NoError(t, err)
	var names []string
	var gaps []flux.Gap
	require.NoError(t, undecodable(t).Watch(ctx, Selection{Kinds: []flux.Kind{kind}}, Watcher{
		Event:  func(e Event) { names = append(names, e.Object.Name) },
		Listed: func(string, map[flux.Ref]bool) {},
		Gaps: func(told []flux.Gap) {
			gaps = told
			cancel()
		},
	}))
	assert.Equal(t, []string{"web"}, names)
	require.Len(t, gaps, 1)
	assert.Equal(t, "Kustomization a/odd", gaps[0].What)
}
