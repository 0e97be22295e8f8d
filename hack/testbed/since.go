package testbed

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// registryPrefix is where all keys of kube-apiserver begin.
const registryPrefix = "/registry/"

// entry is what etcd says of a key: the revisions at which it was created and changed last.
type entry struct {
	Key      []byte
	Created  int64 `json:"create_revision,string"`
	Modified int64 `json:"mod_revision,string"`
}

// entries are all keys, and the revision that the store has now. etcd's JSON
// gateway tells them, so that no answer has to be decoded by hand.
func (s *Store) entries(ctx context.Context) ([]entry, int64, error) {
	failed := func(err error) ([]entry, int64, error) { return nil, 0, fmt.Errorf("reading etcd's keys: %w", err) }
	question, err := json.Marshal(map[string]any{"key": []byte(registryPrefix), "range_end": []byte("/registry0"), "keys_only": true})
	if err != nil {
		return failed(err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/v3/kv/range", bytes.NewReader(question))
	if err != nil {
		return failed(err)
	}
	resp, err := plainClient().Do(req) // in HTTP/1.1: with HTTP/2, etcd takes it for gRPC
	if err != nil {
		return failed(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return failed(fmt.Errorf("status %s", resp.Status))
	}
	var answer struct {
		Header struct {
			Revision int64 `json:",string"`
		}
		Kvs []entry
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return failed(err)
	}
	return answer.Kvs, answer.Header.Revision, nil
}

// ofTheServer are the keys that kube-apiserver keeps writing for itself, and kinds those by which it serves further ones.
var (
	ofTheServer = []string{"leases", "masterleases", "ipaddresses", "servicecidrs", "flowschemas", "prioritylevelconfigurations", "services", "endpointslices"}
	kinds       = []string{"apiextensions.k8s.io", "apiregistration.k8s.io"}
	// shared are what all tests see, and may change.
	shared = []string{"namespaces", "clusterroles", "clusterrolebindings"}
)

// standing counts the kinds, and what all tests see, that there were at a revision and still are.
func standing(entries []entry, revision int64) int {
	n := 0
	for _, e := range entries {
		if resource := e.resource(); e.Created <= revision && (slices.Contains(kinds, resource) || slices.Contains(shared, resource)) {
			n++
		}
	}
	return n
}

func (e entry) resource() string {
	resource, _, _ := strings.Cut(strings.TrimPrefix(string(e.Key), registryPrefix), "/")
	return resource
}

// origin is what a store held at a revision.
type origin struct {
	revision int64
	standing int
}

func (s *Store) origin(ctx context.Context) (origin, error) {
	entries, now, err := s.entries(ctx)
	return origin{now, standing(entries, now)}, err
}

// clean takes away what came since. It tells whether the store is then as it was, for all that a test can see: not
// where kinds came, which the API server serves for a moment longer, or where something that was there has changed or gone.
func (s *Store) clean(ctx context.Context, from origin) (ok bool, err error) {
	entries, _, err := s.entries(ctx)
	if err != nil || standing(entries, from.revision) < from.standing {
		return false, err
	}
	for _, e := range entries {
		resource := e.resource()
		switch {
		case e.Modified <= from.revision:
		case slices.Contains(kinds, resource), e.Created <= from.revision && slices.Contains(shared, resource):
			return false, nil
		case e.Created <= from.revision || slices.Contains(ofTheServer, resource):
		default:
			// In a transaction of its own: Store.live tells why.
			if err := s.commit(ctx, deletion(e.Key)); err != nil {
				return false, err
			}
		}
	}
	return true, nil
}
