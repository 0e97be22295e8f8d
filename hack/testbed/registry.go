package testbed

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"sync/atomic"

	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// The media types of what Flux fetches from registries (source-controller api/v1 and Helm's pkg/registry).
const (
	FluxArtifact = "application/vnd.cncf.flux.content.v1.tar+gzip"
	FluxConfig   = "application/vnd.cncf.flux.config.v1+json"
	HelmArtifact = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
	HelmConfig   = "application/vnd.cncf.helm.config.v1+json"
)

// Registry is an OCI registry on 127.0.0.1 that counts what it is asked. It wants a token that it gives
// to everybody, as ghcr.io and Docker Hub do for what is public.
type Registry struct {
	server *httptest.Server
	store  http.Handler
	asked  atomic.Int64
}

// StartRegistry starts an empty registry.
func StartRegistry() *Registry {
	r := &Registry{store: registry.New(registry.Logger(log.New(io.Discard, "", 0)))}
	r.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		r.asked.Add(1)
		switch {
		case q.URL.Path == "/token":
			_, _ = io.WriteString(w, `{"token":"for everybody","access_token":"for everybody","expires_in":300}`)
		case q.Header.Get("Authorization") == "":
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="http://%[1]s/token",service="%[1]s"`, q.Host))
			w.WriteHeader(http.StatusUnauthorized)
		default:
			r.store.ServeHTTP(w, q)
		}
	}))
	return r
}

// Close stops serving.
func (r *Registry) Close() {
	r.server.CloseClientConnections()
	r.server.Close()
}

// Host is its address, as it stands in an image's name.
func (r *Registry) Host() string { return r.server.Listener.Addr().String() }

// Requests counts what was asked so far.
func (r *Registry) Requests() int { return int(r.asked.Load()) }

// Push stores an artifact with one layer, the files as a gzipped tarball, behind
// the server's back: go-containerregistry's own client would bring Docker's CLI
// into the plugin's module.
func (r *Registry) Push(ctx context.Context, repository, tag, layerType, configType, config string, files map[string]string) error {
	layer, err := Tarball(files)
	if err != nil {
		return err
	}
	blob := func(mediaType string, data []byte) v1.Descriptor {
		hash, size, hashErr := v1.SHA256(bytes.NewReader(data))
		err = errors.Join(err, hashErr, r.put(ctx, http.MethodPost, fmt.Sprintf("/v2/%s/blobs/uploads/?digest=%s", repository, hash), data))
		return v1.Descriptor{MediaType: types.MediaType(mediaType), Digest: hash, Size: size}
	}
	manifest := v1.Manifest{
		SchemaVersion: 2, MediaType: types.OCIManifestSchema1,
		Config: blob(configType, []byte(config)), Layers: []v1.Descriptor{blob(layerType, layer)},
	}
	data, encodeErr := json.Marshal(manifest)
	return errors.Join(err, encodeErr, r.put(ctx, http.MethodPut, fmt.Sprintf("/v2/%s/manifests/%s", repository, tag), data))
}

func (r *Registry) put(ctx context.Context, method, path string, body []byte) error {
	q := httptest.NewRequestWithContext(ctx, method, path, bytes.NewReader(body))
	q.Header.Set("Content-Type", string(types.OCIManifestSchema1)) // blobs have none
	answer := httptest.NewRecorder()
	r.store.ServeHTTP(answer, q)
	if answer.Code != http.StatusCreated {
		return fmt.Errorf("pushing %q: status %d: %s", path, answer.Code, answer.Body)
	}
	return nil
}

// Tarball packs files as a gzipped tarball.
func Tarball(files map[string]string) ([]byte, error) {
	var packed bytes.Buffer
	zipped := gzip.NewWriter(&packed)
	archive := tar.NewWriter(zipped)
	var failed error
	for name, text := range files {
		err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text))})
		_, writeErr := io.WriteString(archive, text)
		failed = errors.Join(failed, err, writeErr)
	}
	if err := errors.Join(failed, archive.Close(), zipped.Close()); err != nil {
		return nil, fmt.Errorf("packing a tarball: %w", err)
	}
	return packed.Bytes(), nil
}
