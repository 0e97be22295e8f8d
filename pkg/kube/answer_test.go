package kube

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

const (
	aRefusal = `{"kind":"Status","apiVersion":"v1","status":"Failure","message":"no\u0007 way","code":403,"reason":"Forbidden"}`
	aNode    = `{"kind":"Node","apiVersion":"v1","metadata":{"name":"n1","uid":"u","resourceVersion":"7"},"status":{"phase":"x"}}`
	nodeList = `{"kind":"NodeList","metadata":{"resourceVersion":"7"},"items":[{"metadata":{"name":"n1"}}]}`
	aTable   = `{"kind":"Table","metadata":{"resourceVersion":"7"},"columnDefinitions":[],"rows":[]}`
	metaList = `{"kind":"PartialObjectMetadataList","metadata":{"resourceVersion":"7"},"items":[]}`
	metaOne  = `{"kind":"PartialObjectMetadata","metadata":{"name":"n1","uid":"u"}}`
)

// Whoever asks for a list or an object takes only that for an answer, however the JSON is ordered.
func TestAnswersAreOfTheKindThatWasAskedFor(t *testing.T) {
	t.Parallel()
	no := map[string]Reason{`{}`: Malformed, `{"error":"login"}`: Malformed, `null`: Malformed, aRefusal: Forbidden,
		`{"code":404,"status":"Failure","reason":"NotFound","kind":"Status"}`: NotFound, `{"kind":"Status","status":"Success"}`: Malformed,
		`{"kind":"Status","status":{}}`: Malformed, `{"kind":"Status"}`: Malformed, `{"kind":"Pod","metadata":{"resourceVersion":"7"}}`: Malformed,
		`{"kind":"PodList","metadata":{"resourceVersion":"7"},"items":[]}`: Malformed, `{"kind":"NodeList","items":[]}`: Malformed,
		`{"kind":5}`: Malformed, `{"kind":"NodeLi`: Unavailable, ``: Unavailable, `<html>`: Malformed}
	for name, reader := range map[string]struct {
		request Request
		read    func(*Client, Request) error
		takes   []string
	}{
		"items": {Request{}, readItems, []string{nodeList}}, "items of metadata": {Request{Accept: AcceptMetadata}, readItems, []string{nodeList, metaList}},
		"a table": {Request{Accept: AcceptTable}, readList, []string{nodeList, aTable}}, "typed": {Request{Accept: AcceptProtobuf}, readTyped, []string{nodeList}},
		"an object": {Request{}, readObject, []string{aNode}}, "metadata": {Request{Accept: AcceptOneMetadata}, readObject, []string{aNode, metaOne}},
		"any list": {Request{Kind: "any"}, readItems, []string{nodeList, metaList, `{"kind":"List","metadata":{"resourceVersion":"7"}}`}},
	} {
		for _, body := range []string{aNode, nodeList, aTable, metaList, metaOne} {
			err := reader.read(answering(t, body), withKind(reader.request))
			if slices.Contains(reader.takes, body) {
				require.NoError(t, err, "%s: %s", name, body)
			} else {
				require.Equal(t, Malformed, ReasonOf(err), "%s: %s: %v", name, body, err)
			}
		}
		for body, reason := range no {
			if name == "any list" && body == `{"kind":"PodList","metadata":{"resourceVersion":"7"},"items":[]}` {
				continue
			}
			err := reader.read(answering(t, body), withKind(reader.request))
			require.Equal(t, reason, ReasonOf(err), "%s: %s: %v", name, body, err)
			if body == aRefusal {
				assert.ErrorContains(t, err, "no way")
			}
		}
	}
}

// withKind asks for nodes, or for anything.
func withKind(r Request) Request {
	if r.Path = "/x"; r.Kind == "any" {
		r.Kind = ""
	} else {
		r.Kind = "Node"
	}
	return r
}

func answering(t *testing.T, body string) *Client {
	return serve(t, quick(), func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
}

func readItems(c *Client, r Request) error {
	_, _, err := Items(context.Background(), c, r, func(data []byte) (string, error) { return string(data), nil })
	return err
}

func readList(c *Client, r Request) error {
	_, err := c.List(context.Background(), r, func(body io.Reader) (Meta, error) {
		s := NewScanner(body)
		return s.Answer(nil), s.Err()
	})
	return err
}

func readTyped(c *Client, r Request) error {
	_, err := c.List(context.Background(), r, func(body io.Reader) (Meta, error) { return DecodeList(body, &corev1.NodeList{}) })
	return err
}

func readObject(c *Client, r Request) error {
	_, err := c.Object(context.Background(), r)
	return err
}

// A list in protobuf that was cut is asked for again, wherever that was; a Status in protobuf is its error.
func TestListsInProtobuf(t *testing.T) {
	t.Parallel()
	list := &corev1.NodeList{ListMeta: metav1.ListMeta{ResourceVersion: "7", Continue: "x"}, Items: []corev1.Node{{ObjectMeta: metav1.ObjectMeta{Name: "n1"}}}}
	whole := enveloped(t, "NodeList", list)
	var got corev1.NodeList
	meta, err := DecodeList(bytes.NewReader(whole), &got)
	require.NoError(t, err)
	assert.Equal(t, Meta{Kind: "NodeList", ResourceVersion: "7", Continue: "x"}, meta)
	assert.Equal(t, "n1", got.Items[0].Name)
	require.NoError(t, meta.checkList(Request{Kind: "Node"}))
	require.Error(t, meta.checkList(Request{Kind: "Pod"}))
	for n := range len(whole) {
		var part corev1.NodeList
		if _, err := DecodeList(bytes.NewReader(whole[:n]), &part); err != nil {
			require.True(t, Retryable(err), "cut after %d bytes: %v", n, err)
			continue
		}
		require.Equal(t, got, part, "cut after %d bytes, in what says nothing", n)
	}
	refused := enveloped(t, "Status", &metav1.Status{Status: metav1.StatusFailure, Code: 403, Reason: metav1.StatusReasonForbidden})
	meta, err = DecodeList(bytes.NewReader(refused), &corev1.NodeList{})
	require.NoError(t, err)
	assert.Equal(t, Forbidden, ReasonOf(meta.checkList(Request{Kind: "Node"})))
}

func enveloped(t *testing.T, kind string, o interface{ Marshal() ([]byte, error) }) []byte {
	t.Helper()
	raw, err := o.Marshal()
	require.NoError(t, err)
	envelope := runtime.Unknown{TypeMeta: runtime.TypeMeta{APIVersion: "v1", Kind: kind}, Raw: raw}
	data, err := envelope.Marshal()
	require.NoError(t, err)
	return append([]byte("k8s\x00"), data...)
}
