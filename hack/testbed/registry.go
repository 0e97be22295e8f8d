package testbed

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
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
	http    *http.Server
	host    string
	asked   atomic.Int64
	pushing atomic.Bool
}

// StartRegistry starts an empty registry.
func StartRegistry() (*Registry, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("starting the registry: %w", err)
	}
	r := &Registry{host: listener.Addr().String()}
	store := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	r.http = &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if !r.pushing.Load() {
			r.asked.Add(1)
		}
		switch {
		case q.URL.Path == "/token":
			_, _ = io.WriteString(w, `{"token":"for everybody","access_token":"for everybody","expires_in":300}`)
		case q.Header.Get("Authorization") == "":
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="http://%s/token",service="%s"`, r.host, r.host))
			w.WriteHeader(http.StatusUnauthorized)
		default:
			store.ServeHTTP(w, q)
		}
	})}
	go func() { _ = r.http.Serve(listener) }()
	return r, nil
}

// Close stops serving.
func (r *Registry) Close() error { return r.http.Close() }

// Host is its address, as it stands in an image's name.
func (r *Registry) Host() string { return r.host }

// Requests counts what was asked so far, other than by Push.
func (r *Registry) Requests() int { return int(r.asked.Load()) }

// Push stores an artifact with one layer, the files as a gzipped tarball. Nobody else may ask meanwhile.
func (r *Registry) Push(ctx context.Context, repository, tag, layerType, configType, config string, files map[string]string) error {
	r.pushing.Store(true)
	defer r.pushing.Store(false)
	layer, err := Tarball(files)
	if err != nil {
		return err
	}
	type descriptor struct {
		MediaType string `json:"mediaType"`
		Digest    string `json:"digest"`
		Size      int    `json:"size"`
	}
	var described []descriptor
	for mediaType, blob := range map[string][]byte{configType: []byte(config), layerType: layer} {
		digest := fmt.Sprintf("sha256:%x", sha256.Sum256(blob))
		if err := r.put(ctx, http.MethodPost, fmt.Sprintf("/v2/%s/blobs/uploads/?digest=%s", repository, digest), "application/octet-stream", blob); err != nil {
			return err
		}
		described = append(described, descriptor{mediaType, digest, len(blob)})
	}
	if described[0].MediaType != configType {
		described[0], described[1] = described[1], described[0]
	}
	const manifestType = "application/vnd.oci.image.manifest.v1+json"
	manifest, err := json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": manifestType, "config": described[0], "layers": described[1:],
	})
	if err != nil {
		return fmt.Errorf("writing the manifest of %q: %w", repository, err)
	}
	return r.put(ctx, http.MethodPut, fmt.Sprintf("/v2/%s/manifests/%s", repository, tag), manifestType, manifest)
}

func (r *Registry) put(ctx context.Context, method, path, contentType string, body []byte) error {
	q, err := http.NewRequestWithContext(ctx, method, "http://"+r.host+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("pushing %q: %w", path, err)
	}
	q.Header.Set("Content-Type", contentType)
	q.Header.Set("Authorization", "Bearer for everybody")
	answer, err := plainClient().Do(q)
	if err != nil {
		return fmt.Errorf("pushing %q: %w", path, err)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusCreated {
		text, _ := io.ReadAll(answer.Body)
		return fmt.Errorf("pushing %q: %s: %s", path, answer.Status, strings.TrimSpace(string(text)))
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
