package nodes

import (
	"encoding/json"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
)

// decoded is a row with its bytes copied.
type decoded struct {
	Namespace, Name, Node, App string
	Terminating, Finished      bool
}

func decodeAll(r io.Reader) ([]decoded, kube.Meta, error) {
	var rows []decoded
	p, err := decodeList(r, func(r row) {
		rows = append(rows, decoded{string(r.namespace), string(r.name), string(r.node), string(r.app), r.terminating, r.finished})
	})
	return rows, p, err
}

func TestDecodeList(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 40<<10) // longer than the scanner's buffer
	for name, test := range map[string]struct {
		body string
		want []decoded
		meta kube.Meta
	}{
		"table": {
			`{"kind":"Table","metadata":{"resourceVersion":"17","continue":"abc","remainingItemCount":3},
			"columnDefinitions":[{"name":"Name","description":"a \"quoted\" {text}]"},{"name":"Status"},{"name":"Node","priority":1}],
			"rows":[{"cells":["a","Running","n1"]},{"cells":["b","Terminating","<none>"],"object":null}]}`,
			[]decoded{{Name: "a", Node: "n1"}, {Name: "b", Terminating: true}}, kube.Meta{Kind: "Table", ResourceVersion: "17", Continue: "abc", Remaining: 3},
		},
		"a container ended for a reason that is not known": {
			`{"columnDefinitions":[{"name":"Name"},{"name":"Status"},{"name":"Node"}],"rows":[{"cells":["a","Unknown","n1"]}]}`,
			[]decoded{{Name: "a", Node: "n1"}}, kube.Meta{},
		},
		"columns in another order, numbers among the cells": {
			`{"columnDefinitions":[{"name":"Node"},{"name":"Restarts"},{"name":"Name"},{"name":"Status"}],"rows":[{"cells":["n1",-1.5e3,"a",""]},{"cells":["n2",null,"b","Running"]}]}`,
			[]decoded{{Name: "a", Node: "n1"}, {Name: "b", Node: "n2"}}, kube.Meta{},
		},
		"metadata beside the cells": {
			`{"columnDefinitions":[{"name":"Name"},{"name":"Node"},{"name":"Status"}],"rows":[{"cells":["a","n1","Running"],"object":{"kind":"PartialObjectMetadata",
			"metadata":{"name":"a","namespace":"team","labels":{"app":"source-controller","x":"y"},"managedFields":[{"f":{}},[],{}]}}}]}`,
			[]decoded{{Namespace: "team", Name: "a", Node: "n1", App: "source-controller"}}, kube.Meta{},
		},
		"plain objects": {
			`{"kind":"PodList","metadata":{"resourceVersion":"3"},"items":[
			{"metadata":{"name":"a","namespace":"t","deletionTimestamp":"2026-01-01T00:00:00Z"},"spec":{"nodeName":"n1"},"status":{"phase":"Running"}},
			{"metadata":{"name":"b","namespace":"t"},"spec":{},"status":{"phase":"Failed"}}]}`,
			[]decoded{{Namespace: "t", Name: "a", Node: "n1", Terminating: true}, {Namespace: "t", Name: "b", Finished: true}}, kube.Meta{Kind: "PodList", ResourceVersion: "3"},
		},
		"escapes":      {`{"items":[{"metadata":{"n\u0061me":"a\"\\\u00e9"}}]}`, []decoded{{Name: "a\"\\é"}}, kube.Meta{}},
		"long strings": {`{"x":"` + long + `","items":[{"metadata":{"name":"` + long + `\""}}]}`, []decoded{{Name: long + `"`}}, kube.Meta{}},
		"no rows":      {`{"rows":null}`, nil, kube.Meta{}},
		"no items":     {`{"items":[]}`, nil, kube.Meta{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.True(t, json.Valid([]byte(test.body)), "the test's own JSON")
			rows, p, err := decodeAll(strings.NewReader(test.body))
			require.NoError(t, err)
			assert.Equal(t, test.want, rows)
			assert.Equal(t, test.meta, p)

			rows, p, err = decodeAll(iotest.OneByteReader(strings.NewReader(test.body)))
			require.NoError(t, err)
			assert.Equal(t, test.want, rows)
			assert.Equal(t, test.meta, p)
		})
	}
}

func TestEveryTruncationIsAnError(t *testing.T) {
	t.Parallel()
	const whole = `{"metadata":{"continue":""},"columnDefinitions":[{"name":"Name"},{"name":"Node"},{"name":"Status"}],"rows":[{"cells":["a\"","n1",""]},{"cells":["b","n2","Running",true]}]}`
	for n := range len(whole) {
		_, _, err := decodeAll(strings.NewReader(whole[:n]))
		require.ErrorIs(t, err, io.ErrUnexpectedEOF, "cut after %d bytes", n)
		require.True(t, kube.Retryable(err))
	}
}

func TestMalformedListsAreErrors(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`<html>`, `[]`, `"text"`, `{"items":[}`, `{"items":[{]}`, `{"a" "b"}`, `{"a":}`, `{"items":[{},,{}]}`, `{"items":]}`, `{"a":,}`,
	} {
		_, _, err := decodeAll(strings.NewReader(body))
		assert.Error(t, err, body)
	}
	_, _, err := decodeAll(strings.NewReader(`{"columnDefinitions":[{"name":"Name"}],"rows":[{"cells":["a"]}]}`))
	assert.ErrorIs(t, err, errNoTable)
	assert.False(t, kube.Retryable(err))
}

// A table counts only where each row says what is counted: what is cut or of another type would be no pods, or pods of no node.
func TestDamagedTablesAreNoTables(t *testing.T) {
	t.Parallel()
	const head = `{"kind":"Table","metadata":{"resourceVersion":"7"},"columnDefinitions":[{"name":"Name"},{"name":"Status"},{"name":"Node"}]`
	for rows, ok := range map[string]struct{ pods, names bool }{
		`,"rows":[]`: {true, true},
		`,"rows":[{"cells":["a","Running","n"]},{"cells":["b","","<none>",7]}]`: {true, true},
		``:                                    {false, false},
		`,"rows":null`:                        {false, false},
		`,"rows":{}`:                          {false, false},
		`,"rows":[{}]`:                        {false, false},
		`,"rows":[null]`:                      {false, false},
		`,"rows":[{"cells":null}]`:            {false, false},
		`,"rows":[{"cells":[]}]`:              {false, false},
		`,"rows":[{"cells":["a","Running"]}]`: {false, true},
		`,"rows":[{"cells":["a","Running",null]}]`:                          {false, true},
		`,"rows":[{"cells":["a","Running",7]}]`:                             {false, true},
		`,"rows":[{"cells":["a","Running",""]}]`:                            {false, true},
		`,"rows":[{"cells":["a",["Running"],"n"]}]`:                         {false, true},
		`,"rows":[{"cells":[null,"Running","n"]}]`:                          {false, false},
		`,"rows":[{"cells":["","Running","n"]}]`:                            {false, false},
		`,"rows":[{"cells":[{"a":1},"Running","n"]}]`:                       {false, false},
		`,"rows":[{"cells":["a","Running","n"]},{"cells":["a","Running"]}]`: {false, true},
	} {
		body := head + rows + "}"
		_, _, err := decodeAll(strings.NewReader(body))
		assert.Equal(t, ok.pods, err == nil, "pods: %s", body)
		assert.True(t, err == nil || kube.ReasonOf(err) == kube.Malformed && !kube.Retryable(err), "%v", err)
		_, err = decodeNames(strings.NewReader(body), func(row) {})
		assert.Equal(t, ok.names, err == nil, "names: %s", body)
	}
	_, _, err := decodeAll(strings.NewReader(`{"kind":"PodList","metadata":{"resourceVersion":"7"},"items":[{"metadata":{"namespace":"x"}}]}`))
	assert.Error(t, err, "an object without a name is none")
}

// FuzzDecodeList: whatever valid JSON comes, names are read as encoding/json reads them, and nothing
// makes the scanner hang or panic.
func FuzzDecodeList(f *testing.F) {
	f.Add(`{"items":[{"metadata":{"name":"a"}}]}`)
	f.Add(`{"x":[{"y":"z\\"}],"items":[{"metadata":{"name":"a\u0000b"}},{}]}`)
	f.Add(`{"items":[{"metadata":null},{"metadata":{"name":null}}]}`)
	f.Fuzz(func(t *testing.T, body string) {
		rows, _, err := decodeAll(strings.NewReader(body))
		var want struct {
			Items []struct {
				Metadata struct{ Name string }
			}
		}
		if json.Unmarshal([]byte(body), &want) != nil || strings.ContainsAny(body, "AEIMN�") || strings.Count(body, `"items"`) > 1 || strings.Count(body, `"rows"`) > 0 {
			return // not a list, or one of encoding/json's ways with letter case and repeated keys
		}
		if err != nil || strings.Count(body, `"metadata"`)+strings.Count(body, `"name"`) > 2*len(want.Items) || strings.Contains(body, `\`) {
			return
		}
		require.Len(t, rows, len(want.Items))
		for i, item := range want.Items {
			require.Equal(t, item.Metadata.Name, rows[i].Name)
		}
	})
}
