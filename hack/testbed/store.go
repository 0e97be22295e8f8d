package testbed

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/encoding/protowire"
)

const (
	maxTxnOps   = 2000
	maxTxnBytes = 4 << 20
	frameHeader = 5
)

// Store writes straight into a cluster's etcd, in the encodings that
// kube-apiserver stores: "k8s\x00"-prefixed protobuf for built-in kinds, JSON
// for custom resources. It is what makes thousands of objects cheap. Admission,
// defaulting and validation do not see what it writes.
//
// It works before the API server starts and while it runs, where watches
// report the objects as if they had been created through the API.
type Store struct {
	url    string
	client *http.Client
	// live is whether kube-apiserver runs. All objects of one etcd transaction
	// get one resourceVersion, and a watch cache takes itself to be as new as a
	// resourceVersion once it has seen one object of it: lists would miss the
	// rest for a moment. So while it runs, each object is a transaction.
	live atomic.Bool
}

// Record is one stored object.
type Record struct {
	Key   string // such as /registry/pods/NAMESPACE/NAME
	Value []byte
}

// Seed fills a cluster's store.
type Seed func(ctx context.Context, store *Store) error

// newStore speaks gRPC to etcd with nothing but net/http: one unary call is not
// worth the dependencies of etcd's client in the plugin's module.
func newStore(etcdPort int) *Store {
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	return &Store{
		url:    "http://" + hostPort(etcdPort) + "/etcdserverpb.KV/",
		client: &http.Client{Transport: &http.Transport{Protocols: &protocols}},
	}
}

// PutAll writes n records, made by record as they are needed on several
// goroutines at a time. It replaces what is there under the same keys.
func (s *Store) PutAll(ctx context.Context, n int, record func(i int) (Record, error)) error {
	const chunk = 128
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8 * runtime.NumCPU())
	for from := 0; from < n; from += chunk {
		to := min(from+chunk, n)
		group.Go(func() error { return s.putRange(ctx, from, to, record) })
	}
	return group.Wait()
}

func (s *Store) putRange(ctx context.Context, from, to int, record func(i int) (Record, error)) error {
	var txn []byte
	for i := from; i < to; i++ {
		r, err := record(i)
		if err != nil {
			return fmt.Errorf("encoding a record for etcd: %w", err)
		}
		txn = appendPut(txn, r)
		if len(txn) >= maxTxnBytes || s.live.Load() {
			if err := s.commit(ctx, txn); err != nil {
				return err
			}
			txn = nil
		}
	}
	if len(txn) == 0 {
		return nil
	}
	return s.commit(ctx, txn)
}

// appendPut adds one put to an encoded etcdserverpb.TxnRequest: field 2,
// success, holds RequestOps; field 2 of those, request_put, a PutRequest.
func appendPut(txn []byte, r Record) []byte {
	field := func(number protowire.Number, n int) int {
		return protowire.SizeTag(number) + protowire.SizeBytes(n)
	}
	put := field(1, len(r.Key)) + field(2, len(r.Value))
	txn = protowire.AppendTag(txn, 2, protowire.BytesType)
	txn = protowire.AppendVarint(txn, uint64(field(2, put)))
	txn = protowire.AppendTag(txn, 2, protowire.BytesType)
	txn = protowire.AppendVarint(txn, uint64(put))
	txn = protowire.AppendTag(txn, 1, protowire.BytesType)
	txn = protowire.AppendString(txn, r.Key)
	txn = protowire.AppendTag(txn, 2, protowire.BytesType)
	return protowire.AppendBytes(txn, r.Value)
}

func (s *Store) commit(ctx context.Context, txn []byte) error {
	const attempts = 5 // on a machine that is busy etcd may take too long for itself; what is put again stays the same
	for attempt := 1; ; attempt++ {
		_, err := s.call(ctx, "Txn", txn)
		if !errors.Is(err, errUnavailable) || attempt == attempts {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(time.Second):
		}
	}
}

// errUnavailable is etcd's answer where it could not do something in time (gRPC's code 14).
var errUnavailable = errors.New("unavailable")

// call sends one request, framed as gRPC frames a message: a byte for compression, four for the length. It returns the
// message of the answer.
func (s *Store) call(ctx context.Context, method string, message []byte) ([]byte, error) {
	failed := func(err error) ([]byte, error) { return nil, fmt.Errorf("asking etcd for %s: %w", method, err) }
	frame := make([]byte, frameHeader, frameHeader+len(message))
	binary.BigEndian.PutUint32(frame[1:], uint32(len(message)))
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+method, bytes.NewReader(append(frame, message...)))
	if err != nil {
		return failed(err)
	}
	req.Header.Set("Content-Type", "application/grpc")
	req.Header.Set("Te", "trailers")
	resp, err := s.client.Do(req)
	if err != nil {
		return failed(err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return failed(err)
	}
	status, why := resp.Trailer.Get("Grpc-Status"), resp.Trailer.Get("Grpc-Message")
	if status == "" { // an answer without a body carries them up front
		status, why = resp.Header.Get("Grpc-Status"), resp.Header.Get("Grpc-Message")
	}
	if status != "0" {
		if plain, err := url.PathUnescape(why); err == nil {
			why = plain
		}
		if status == "14" {
			return failed(fmt.Errorf("%w: %s", errUnavailable, why))
		}
		return failed(fmt.Errorf("gRPC status %q: %s", status, why))
	}
	if len(answer) < frameHeader {
		return failed(io.ErrUnexpectedEOF)
	}
	return answer[frameHeader:], nil
}
