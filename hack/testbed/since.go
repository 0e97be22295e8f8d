package testbed

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// entry is what etcd says of a key.
type entry struct {
	key               string
	created, modified uint64
}

// everything is the range of all keys of kube-apiserver.
const (
	everything    = "/registry/"
	everythingEnd = "/registry0" // the first key behind it
)

// entries are all keys, and the revision that the store has now.
func (s *Store) entries(ctx context.Context) ([]entry, uint64, error) {
	// An etcdserverpb.RangeRequest: key, range_end, keys_only.
	var request []byte
	request = protowire.AppendTag(request, 1, protowire.BytesType)
	request = protowire.AppendString(request, everything)
	request = protowire.AppendTag(request, 2, protowire.BytesType)
	request = protowire.AppendString(request, everythingEnd)
	request = protowire.AppendTag(request, 8, protowire.VarintType)
	request = protowire.AppendVarint(request, 1)
	answer, err := s.call(ctx, "Range", request)
	if err != nil {
		return nil, 0, err
	}
	var list []entry
	var now uint64
	// A RangeResponse: header (with revision as field 3) and kvs (key, create_revision, mod_revision).
	err = eachField(answer, func(number protowire.Number, message []byte, _ uint64) error {
		switch number {
		case 1:
			return eachField(message, func(number protowire.Number, _ []byte, n uint64) error {
				if number == 3 {
					now = n
				}
				return nil
			})
		case 2:
			var e entry
			err := eachField(message, func(number protowire.Number, text []byte, n uint64) error {
				switch number {
				case 1:
					e.key = string(text)
				case 2:
					e.created = n
				case 3:
					e.modified = n
				}
				return nil
			})
			list = append(list, e)
			return err
		}
		return nil
	})
	return list, now, err
}

// eachField calls for each field of an encoded message: with its bytes, or its number.
func eachField(message []byte, call func(number protowire.Number, bytes []byte, n uint64) error) error {
	for len(message) > 0 {
		number, kind, size := protowire.ConsumeTag(message)
		if size < 0 {
			return fmt.Errorf("reading etcd's answer: %w", protowire.ParseError(size))
		}
		message = message[size:]
		var text []byte
		var n uint64
		switch kind {
		case protowire.BytesType:
			text, size = protowire.ConsumeBytes(message)
		case protowire.VarintType:
			n, size = protowire.ConsumeVarint(message)
		default:
			size = protowire.ConsumeFieldValue(number, kind, message)
		}
		if size < 0 {
			return fmt.Errorf("reading etcd's answer: %w", protowire.ParseError(size))
		}
		message = message[size:]
		if err := call(number, text, n); err != nil {
			return err
		}
	}
	return nil
}

// delete removes a key, in a transaction of its own (Store.live tells why).
func (s *Store) delete(ctx context.Context, key string) error {
	// RequestOp's field 3, request_delete_range, holds a DeleteRangeRequest.
	var request []byte
	request = protowire.AppendTag(request, 1, protowire.BytesType)
	request = protowire.AppendString(request, key)
	var op []byte
	op = protowire.AppendTag(op, 3, protowire.BytesType)
	op = protowire.AppendBytes(op, request)
	var txn []byte
	txn = protowire.AppendTag(txn, 2, protowire.BytesType)
	txn = protowire.AppendBytes(txn, op)
	return s.commit(ctx, txn)
}

// ofTheServer are the keys that kube-apiserver keeps writing for itself, and kinds those by which it serves further ones.
var (
	ofTheServer = []string{"leases", "masterleases", "ipaddresses", "servicecidrs", "flowschemas", "prioritylevelconfigurations", "services", "endpointslices"}
	kinds       = []string{"apiextensions.k8s.io", "apiregistration.k8s.io"}
	// shared are what all tests see, and may change.
	shared = []string{"namespaces", "clusterroles", "clusterrolebindings"}
)

// standing counts the kinds, and what all tests see, that there were at a revision and still are.
func standing(entries []entry, revision uint64) int {
	n := 0
	for _, e := range entries {
		if resource := e.resource(); e.created <= revision && (slices.Contains(kinds, resource) || slices.Contains(shared, resource)) {
			n++
		}
	}
	return n
}

func (e entry) resource() string {
	resource, _, _ := strings.Cut(strings.TrimPrefix(e.key, everything), "/")
	return resource
}

// origin is what a store held at a revision.
type origin struct {
	revision uint64
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
		case e.modified <= from.revision:
		case slices.Contains(kinds, resource), e.created <= from.revision && slices.Contains(shared, resource):
			return false, nil
		case e.created <= from.revision || slices.Contains(ofTheServer, resource):
		default:
			if err := s.delete(ctx, e.key); err != nil {
				return false, err
			}
		}
	}
	return true, nil
}
