package testbed

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/encoding/protowire"
)

const (
	maxTxnOps   = 2000
	maxTxnBytes = 4 << 20
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
// worth the dependencies of etcd's client in the plugin's module, and etcd's
// JSON gateway takes too long for the bytes of thousands of pods.
func newStore(etcdPort int) *Store {
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	return &Store{
		url:    "http://" + hostPort(etcdPort),
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
		txn = append(txn, put(r)...)
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

// A transaction is an etcdserverpb.TxnRequest. Its field 2, success, holds RequestOps: a PutRequest (key, value) as
// field 2 of those, a DeleteRangeRequest (key) as field 3.
func put(r Record) []byte {
	return field(2, field(2, append(field(1, []byte(r.Key)), field(2, r.Value)...)))
}

func deletion(key []byte) []byte { return field(2, field(3, field(1, key))) }

// field encodes a field that holds bytes, or a message.
func field(number protowire.Number, value []byte) []byte {
	out := make([]byte, 0, protowire.SizeTag(number)+protowire.SizeBytes(len(value)))
	return protowire.AppendBytes(protowire.AppendTag(out, number, protowire.BytesType), value)
}

// commit writes an encoded transaction. On a machine that is busy etcd may take too long for itself; what is put again
// stays the same.
func (s *Store) commit(ctx context.Context, txn []byte) error {
	for attempt := 1; ; attempt++ {
		status, why, err := s.send(ctx, txn)
		switch {
		case err != nil:
			return fmt.Errorf("writing to etcd: %w", err)
		case status == "0":
			return nil
		case status != unavailable || attempt == 5:
			return fmt.Errorf("writing to etcd: gRPC status %q: %s", status, why)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("writing to etcd: %w", ctx.Err())
		case <-time.After(time.Second):
		}
	}
}

// unavailable is the gRPC code of etcd where it could not do something in time.
const unavailable = "14"

// send makes one call, framed as gRPC frames a message: a byte for compression, four for the length.
func (s *Store) send(ctx context.Context, txn []byte) (status, why string, err error) {
	frame := binary.BigEndian.AppendUint32([]byte{0}, uint32(len(txn)))
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/etcdserverpb.KV/Txn", bytes.NewReader(append(frame, txn...)))
	if err != nil {
		return "", "", err
	}
	req.Header.Set("Content-Type", "application/grpc")
	req.Header.Set("Te", "trailers")
	resp, err := s.client.Do(req)
	if err != nil {
		return "", "", err
	}
	defer func() { _ = resp.Body.Close() }()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return "", "", err
	}
	trailer := resp.Trailer
	if trailer.Get("Grpc-Status") == "" { // an answer without a body carries them up front
		trailer = resp.Header
	}
	return trailer.Get("Grpc-Status"), trailer.Get("Grpc-Message"), nil
}
