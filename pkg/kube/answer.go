package kube

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Meta is what an answer says of itself. An answer whose Meta is not checked against the kind that was asked for is no
// answer: gateways send an error in JSON with status 200, which has no items either.
type Meta struct {
	// Kind is "PodList", "Table" or "Pod".
	Kind                      string
	ResourceVersion, Continue string
	Remaining                 int // items behind this page, as the server estimates; 0 also where it does not say

	status *metav1.Status // of an answer that is one
}

const kindStatus = "Status"

// checkList tells why an answer is not the list that was asked for.
func (m Meta) checkList(r Request) error {
	switch {
	case m.Kind == kindStatus:
		return m.failure()
	case !m.isOf(r, "List"):
		return unlike(m.Kind, cmp.Or(r.Kind, "any ")+"List")
	case m.ResourceVersion == "" && !r.Unversioned:
		return fmt.Errorf("the API server's answer is a %s without a resourceVersion: %w", m.Kind, ErrMalformed)
	default:
		return nil
	}
}

// checkObject tells why an answer is not the object that was asked for.
func (m Meta) checkObject(r Request) error {
	switch {
	case m.Kind == kindStatus:
		return m.failure()
	case !m.isOf(r, "") || r.Kind == "" && strings.HasSuffix(m.Kind, "List"):
		return unlike(m.Kind, cmp.Or(r.Kind, "an object"))
	default:
		return nil
	}
}

// isOf tells whether an answer is of the request's kind, or of one that the request accepts in its stead: a Table, or
// metadata.
func (m Meta) isOf(r Request, suffix string) bool {
	switch {
	case m.Kind == "":
		return false
	case strings.Contains(r.Accept, ";as="+m.Kind+";"):
		return true
	case r.Kind == "":
		return strings.HasSuffix(m.Kind, suffix)
	default:
		return m.Kind == r.Kind+suffix
	}
}

func unlike(kind, wanted string) error {
	if kind == "" {
		return fmt.Errorf("the API server's answer has no kind, and should be %s: %w", wanted, ErrMalformed)
	}
	return fmt.Errorf("the API server's answer is %q, and should be %s: %w", Printable(kind), wanted, ErrMalformed)
}

// failure is the error that a Status is, which came with the HTTP status of a success.
func (m Meta) failure() error {
	if m.status == nil || m.status.Status != metav1.StatusFailure || m.status.Code == 0 {
		return unlike(kindStatus, "what was asked for")
	}
	m.status.Message = Printable(m.status.Message)
	return &apierrors.StatusError{ErrStatus: *m.status}
}

// Answer goes through the fields of the document that an answer is, takes what the answer says of itself, and leaves the other
// fields to the caller: field consumes the value of its key and returns true, or leaves it and returns false.
func (s *Scanner) Answer(field func(key string) bool) Meta {
	var meta Meta
	status := map[string]json.RawMessage{}
	for key := range s.Document {
		switch name := string(key); name {
		case "kind":
			meta.Kind = s.Text()
		case "metadata":
			s.metadata(&meta)
		case "status", "message", "reason", "code", "details":
			if meta.Kind != "" && meta.Kind != kindStatus {
				s.Skip() // an object's
				continue
			}
			status[name] = bytes.Clone(s.Raw())
		default:
			if field == nil || !field(name) {
				s.Skip()
			}
		}
	}
	if meta.Kind == kindStatus && s.Err() == nil {
		meta.status = decodeStatus(status)
	}
	return meta
}

// decodeStatus makes a Status of its fields, nil where they are those of none.
func decodeStatus(fields map[string]json.RawMessage) *metav1.Status {
	var status metav1.Status
	data, err := json.Marshal(fields)
	if err != nil || json.Unmarshal(data, &status) != nil {
		return nil
	}
	return &status
}

func (s *Scanner) metadata(meta *Meta) {
	for key := range s.Fields {
		switch string(key) {
		case "resourceVersion":
			meta.ResourceVersion = s.Text()
		case "continue":
			meta.Continue = s.Text()
		case "remainingItemCount":
			meta.Remaining = count(s.Raw())
		default:
			s.Skip()
		}
	}
}

// count is a number of things, 0 where that is none. More than anybody has is none: an estimate that is wrong is no error.
func count(digits []byte) int {
	n, err := strconv.Atoi(string(digits))
	if err != nil || n < 0 || n > math.MaxInt32 {
		return 0
	}
	return n
}

// Room is for how many items there may be room before they come, whatever a server says.
func (m Meta) Room() int { return min(m.Remaining, 100_000) }

// DecodeList makes a list of a whole answer in protobuf or JSON, and returns what it says of itself.
func DecodeList(body io.Reader, list interface {
	metav1.ListInterface
	Unmarshal([]byte) error
},
) (Meta, error) {
	data, err := io.ReadAll(body)
	if err != nil {
		return Meta{}, fmt.Errorf("reading the list: %w", err)
	}
	meta, raw, err := unwrap(data)
	switch {
	case err != nil:
	case raw == nil:
		s := NewScanner(bytes.NewReader(data))
		if meta, err = s.Answer(nil), s.Err(); err == nil && meta.Kind != kindStatus {
			err = json.Unmarshal(data, list)
		}
	case meta.Kind != kindStatus:
		err = list.Unmarshal(raw)
	}
	if err != nil {
		return Meta{}, fmt.Errorf("decoding the list: %w", err)
	}
	if meta.Kind != kindStatus {
		meta.ResourceVersion, meta.Continue = list.GetResourceVersion(), list.GetContinue()
	}
	return meta, nil
}

// unwrap takes a protobuf answer out of its envelope (apimachinery, runtime/serializer/protobuf); raw is nil where it is none.
func unwrap(body []byte) (meta Meta, raw []byte, err error) {
	const magic = "k8s\x00"
	wrapped, isProtobuf := bytes.CutPrefix(body, []byte(magic))
	if !isProtobuf {
		if len(body) < len(magic) && strings.HasPrefix(magic, string(body)) {
			err = io.ErrUnexpectedEOF
		}
		return Meta{}, nil, err
	}
	var envelope runtime.Unknown
	if err = envelope.Unmarshal(wrapped); err == nil && len(envelope.Raw) == 0 {
		err = io.ErrUnexpectedEOF // no list and no Status is empty
	}
	if err == nil && envelope.Kind == kindStatus {
		meta.status = &metav1.Status{}
		err = meta.status.Unmarshal(envelope.Raw)
	}
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF): // what was cut may come whole the next time
		return Meta{}, nil, err
	case err != nil:
		return Meta{}, nil, errors.Join(ErrMalformed, err)
	}
	meta.Kind = envelope.Kind
	return meta, envelope.Raw, nil
}

// CheckObject tells why JSON is not the object that was asked for: it is an error (a Status), something else, or cut.
func CheckObject(data []byte, r Request) error {
	s := NewScanner(bytes.NewReader(data))
	meta := s.Answer(nil)
	if s.Err() != nil {
		return s.Err()
	}
	return meta.checkObject(r)
}
