package kube

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const aPage = `{"kind":"KustomizationList","apiVersion":"kustomize.toolkit.fluxcd.io/v1",` +
	`"metadata":{"resourceVersion":"77","continue":"next-page","remainingItemCount":3},` +
	`"items":[{"kind":"Kustomization","metadata":{"name":"a"},"spec":{"n":[1,2.5e3,{"x":"]}"}]}},` + "\n\t" + `{"metadata":{"name":"ü\"\\"}}]}`

// decoded are a list's items as text, and the token of the next page.
func decoded(r io.Reader) (texts []string, next string, err error) {
	meta, err := decodeItems(r, func(data []byte) error {
		texts = append(texts, string(data))
		return nil
	})
	return texts, meta.Continue, err
}

func TestItems(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, list string
		items      []string
		next       string
	}{
		{"a page", aPage, []string{
			`{"kind":"Kustomization","metadata":{"name":"a"},"spec":{"n":[1,2.5e3,{"x":"]}"}]}}`, `{"metadata":{"name":"ü\"\\"}}`,
		}, "next-page"},
		{"items before metadata", `{"items":[{"a":1}],"metadata":{"continue":"x"},"kind":"List"}`, []string{`{"a":1}`}, "x"},
		{"the last page", `{"metadata":{"continue":""},"items":[{"a":1}]}`, []string{`{"a":1}`}, ""},
		{"empty", `{"metadata":{},"items":[]}`, nil, ""},
		{"null for an empty list", `{"metadata":{"continue":"x"},"items":null}`, nil, "x"},
		{"no items at all", `{"metadata":null}`, nil, ""},
		{"nothing", `{}`, nil, ""},
		{"white space", " {\n \"items\" : [ {} , {} ] \n}\n", []string{"{}", "{}"}, ""},
		{"unknown fields", `{"x":{"items":[1],"metadata":{"continue":"no"}},"y":[[]],"z":null,"items":[{}]}`, []string{"{}"}, ""},
	} {
		items, next, err := decoded(strings.NewReader(tc.list))
		require.NoError(t, err, tc.name)
		assert.Equal(t, tc.items, items, tc.name)
		assert.Equal(t, tc.next, next, tc.name)
	}
}

// The items stay as they are when the decoder reads on, however the bytes arrive.
func TestItemsInPieces(t *testing.T) {
	t.Parallel()
	want, _, err := decoded(strings.NewReader(aPage))
	require.NoError(t, err)
	got, next, err := decoded(iotest.OneByteReader(strings.NewReader(aPage)))
	require.NoError(t, err)
	assert.Equal(t, want, got)
	assert.Equal(t, "next-page", next)
}

// A list that ends anywhere before its end is never taken for a shorter list: it is cut, and asked for
// again.
func TestItemsCut(t *testing.T) {
	t.Parallel()
	for end := range len(aPage) {
		_, _, err := decoded(strings.NewReader(aPage[:end]))
		require.Error(t, err, aPage[:end])
		assert.True(t, Retryable(err), "%v after %s", err, aPage[:end])
	}
}

func TestItemsReadErrors(t *testing.T) {
	t.Parallel()
	broken := errors.New("connection reset by peer")
	for end := range len(aPage) {
		_, _, err := decoded(io.MultiReader(strings.NewReader(aPage[:end]), iotest.ErrReader(broken)))
		require.ErrorIs(t, err, broken, aPage[:end])
	}
}

// What is no list is an error, and not one that trying again would mend.
func TestItemsRefuses(t *testing.T) {
	t.Parallel()
	for _, list := range []string{
		`[]`, `null`, `"items"`, `42`, `<html>busy</html>`, `{"items":{}}`, `{"items":{"a":1}}`, `{"items":"x"}`, `{"items":5,"metadata":{}}`,
		`{"items":[{}}`, `{"items":[{},]}`, `{"items":[{}]]`, `{"items" [{}]}`, `{"metadata":[]}`, `{"metadata":{"continue":5}}`, `{"items":[tru]}`,
	} {
		_, _, err := decoded(strings.NewReader(list))
		require.Error(t, err, list)
		assert.Equal(t, Malformed, ReasonOf(err), "%v of %s", err, list)
		assert.False(t, Retryable(err), list)
	}
	_, _, err := decoded(strings.NewReader(`[]`))
	require.EqualError(t, err, "the API server's answer has [ where { was expected: not the answer of an API server")
}

// What a list holds is decoded by whoever asked, who finds out what is no JSON; that is no reason to ask again.
func TestItemsThatCannotBeDecoded(t *testing.T) {
	t.Parallel()
	refused := errors.New("not such a one")
	for list, want := range map[string]error{`{"items":[{"a" 1}]}`: ErrMalformed, `{"items":[{"a":1}]}`: refused} {
		calls := 0
		_, err := decodeItems(strings.NewReader(list), func([]byte) error { calls++; return refused })
		require.ErrorIs(t, err, want, list)
		assert.False(t, Retryable(err), list)
		assert.Equal(t, 1, calls, list)
	}
}

func FuzzItems(f *testing.F) {
	for _, seed := range []string{aPage, `{"items":null}`, `{"items":[{}`, `[]`, ``, `{"metadata":{"continue":1}}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, list string) {
		items, _, err := decoded(strings.NewReader(list))
		if json.Valid([]byte(list)) && err == nil {
			for _, item := range items {
				assert.True(t, json.Valid([]byte(item)), "%s of %s", item, list)
			}
		}
	})
}

func TestSleep(t *testing.T) {
	t.Parallel()
	require.NoError(t, Sleep(t.Context(), time.Microsecond))
	ctx, cancel := context.WithCancelCause(t.Context())
	interrupted := errors.New("interrupted")
	cancel(interrupted)
	require.ErrorIs(t, Sleep(ctx, time.Hour), interrupted)
}
