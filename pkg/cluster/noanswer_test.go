package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
)

// gapped is an error where a snapshot has a gap.
func gapped(gaps []flux.Gap, err error) error {
	if err == nil && len(gaps) > 0 {
		return errors.New(gaps[0].Why)
	}
	return err
}

// readers are all ways to ask a cluster something, each with the path that it asks for.
func readers() map[string]struct {
	path string
	ask  func(context.Context, *Client) error
} {
	apps := flux.Object{Ref: flux.Ref{Group: "kustomize.toolkit.fluxcd.io", Kind: "Kustomization", Namespace: "a", Name: "apps"}, Version: "v1"}
	kind := apps.KindRow()
	kustomizations := Selection{Kinds: []flux.Kind{kind}}
	const collection = "/apis/kustomize.toolkit.fluxcd.io/v1/kustomizations"
	const object = "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/a/kustomizations/apps"
	read := func(sel Selection) func(context.Context, *Client) error {
		return func(ctx context.Context, c *Client) error {
			s, err := c.Read(ctx, sel)
			return gapped(s.Gaps, err)
		}
	}
	type reader = struct {
		path string
		ask  func(context.Context, *Client) error
	}
	return map[string]reader{
		"groups":               {"/apis", read(kustomizations)},
		"kinds of a group":     {"/apis/kustomize.toolkit.fluxcd.io/v1", read(kustomizations)},
		"a kind":               {collection, read(kustomizations)},
		"an object":            {object, read(Selection{Namespace: "a", Names: []Name{{kind, "apps"}}})},
		"labels of namespaces": {"/api/v1/namespaces", read(kustomizations)},
		"names of namespaces":  {"/api/v1/namespaces", func(ctx context.Context, c *Client) error { _, err := c.Namespaces(ctx); return err }},
		"one namespace": {"/api/v1/namespaces/a", func(ctx context.Context, c *Client) error {
			s := flux.Snapshot{Objects: []flux.Object{apps}, Namespaces: map[string]map[string]string{}}
			err := c.readOneByOne(ctx, &s)
			return gapped(s.Gaps, err)
		}},
		"the whole of an object": {object, func(ctx context.Context, c *Client) error { _, err := c.Manifest(ctx, apps); return err }},
		"an object to be changed": {object, func(ctx context.Context, c *Client) error {
			_, err := c.Store(WriteOptions{}).Get(ctx, apps)
			return err
		}},
		"objects to be changed": {strings.TrimSuffix(object, "/apps"), func(ctx context.Context, c *Client) error {
			_, err := c.Store(WriteOptions{}).List(ctx, apps)
			return err
		}},
		"what a patch made": {object, func(ctx context.Context, c *Client) error {
			_, err := c.Store(WriteOptions{}).Patch(ctx, apps, []byte(`{}`), "")
			return err
		}},
		"rights": {"/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", func(ctx context.Context, c *Client) error {
			_, err := c.Denied(ctx, "", []Right{{Resource: "pods", Verb: "list"}})
			return err
		}},
		"who one is": {"/apis/authentication.k8s.io/v1/selfsubjectreviews", func(ctx context.Context, c *Client) error {
			_, err := c.WhoAmI(ctx)
			return err
		}},
		"the version": {"/version", func(ctx context.Context, c *Client) error { _, err := c.ServerVersion(ctx); return err }},
		"the schema": {"/openapi/v3/apis/kustomize.toolkit.fluxcd.io/v1", func(ctx context.Context, c *Client) error {
			_, err := c.SupportsIgnore(ctx)
			return err
		}},
		"the controllers": {"/apis/apps/v1/deployments", func(ctx context.Context, c *Client) error {
			_, gap, err := c.Controllers(ctx)
			if gap != nil {
				return errors.New(gap.Why)
			}
			return err
		}},
		"pods of a controller": {"/api/v1/namespaces/flux-system/pods", func(ctx context.Context, c *Client) error {
			_, gaps := c.PodMetrics(ctx, []Deployment{{Namespace: "flux-system", Name: "x"}}, time.Now)
			return gapped(gaps, nil)
		}},
	}
}

// Whatever a gateway answers with status 200 in the API server's stead is neither an empty list, nor an object without fields,
// nor a right that is missing.
func TestWhatIsNoAnswerIsNone(t *testing.T) {
	t.Parallel()
	for name, reader := range readers() {
		for _, body := range []string{
			`{}`, `{"error":"login required"}`, `{"kind":"ConfigMapList","apiVersion":"v1","metadata":{"resourceVersion":"7"},"items":[]}`,
			`{"kind":"Status","apiVersion":"v1","status":"Failure","message":"no","code":403,"reason":"Forbidden"}`,
			`{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"apps","namespace":"a","resourceVersion":"7"}}`, `<html>`,
		} {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				if r.URL.Path == reader.path {
					_, _ = io.WriteString(w, body)
					return
				}
				serveFlux(w, r)
			}))
			t.Cleanup(server.Close)
			c, err := NewClient(&rest.Config{Host: server.URL})
			require.NoError(t, err)
			err = reader.ask(t.Context(), c)
			require.Error(t, err, "%s: %s", name, body)
			assert.NotErrorIs(t, err, ErrNoFlux, "%s: %s", name, body)
			assert.NotContains(t, err.Error(), "does not serve", "%s: %s", name, body)
		}
	}
}

// serveFlux answers as an API server that serves Kustomizations.
func serveFlux(w http.ResponseWriter, r *http.Request) {
	const group = `{"name":"kustomize.toolkit.fluxcd.io","versions":[{"groupVersion":"kustomize.toolkit.fluxcd.io/v1","version":"v1"}]}`
	const apps = `{"kind":"Kustomization","apiVersion":"kustomize.toolkit.fluxcd.io/v1","metadata":{"name":"apps","namespace":"a","resourceVersion":"7"}}`
	switch path := r.URL.Path; {
	case path == "/api":
		_, _ = io.WriteString(w, `{"kind":"APIVersions","versions":["v1"]}`)
	case path == "/apis":
		_, _ = fmt.Fprintf(w, `{"kind":"APIGroupList","apiVersion":"v1","groups":[%s]}`, group)
	case path == "/apis/kustomize.toolkit.fluxcd.io/v1":
		_, _ = io.WriteString(w, `{"kind":"APIResourceList","groupVersion":"kustomize.toolkit.fluxcd.io/v1","resources":[{"name":"kustomizations","kind":"Kustomization","namespaced":true}]}`)
	case strings.HasSuffix(path, "/kustomizations"):
		_, _ = fmt.Fprintf(w, `{"kind":"KustomizationList","metadata":{"resourceVersion":"7"},"items":[%s]}`, apps)
	case strings.HasSuffix(path, "/kustomizations/apps"):
		_, _ = io.WriteString(w, apps)
	case strings.HasSuffix(path, "/namespaces"):
		_, _ = io.WriteString(w, `{"kind":"NamespaceList","metadata":{"resourceVersion":"7"},"items":[]}`)
	default:
		w.WriteHeader(http.StatusForbidden)
	}
}

// A write is sent once, whatever the server answers: how long to wait and how often to try is decided where it is noted that it
// was refused.
func TestWritesAreSentOnce(t *testing.T) {
	t.Parallel()
	var sent atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			serveFlux(w, r)
			return
		}
		sent.Add(1)
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
	}))
	t.Cleanup(server.Close)
	c, err := NewClient(&rest.Config{Host: server.URL})
	require.NoError(t, err)
	o := flux.Object{Ref: flux.Ref{Kind: "Kustomization", Namespace: "a", Name: "apps"}, Version: "v1"}
	_, err = c.Store(WriteOptions{}).Patch(t.Context(), o, []byte("{}"), "")
	assert.True(t, apierrors.IsTooManyRequests(err), "%v", err)
	assert.Equal(t, time.Second, kube.RetryAfter(err))
	assert.EqualValues(t, 1, sent.Load())
}
