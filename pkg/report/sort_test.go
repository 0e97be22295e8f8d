package report

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// listed are objects by name, in an order that no field sorts them into.
func listed() []Object {
	value := func(s string) *string { return &s }
	at := func(hour int) *time.Time {
		t := time.Date(2026, 3, 1, hour, 0, 0, 0, time.UTC)
		return &t
	}
	return []Object{
		{
			Ref: Ref{Kind: "Kustomization", Namespace: "b", Name: "web"}, Environment: "production",
			Interval: value("10m"), Timeout: value("90s"), Effective: Effective{Interval: "10m"}, SourceChanged: at(9),
		},
		{
			Ref: Ref{Kind: "GitRepository", Namespace: "c", Name: "api"}, Environment: "development",
			Interval: value("30s"), Effective: Effective{Interval: "30s"}, Suspended: true, SourceChanged: at(11),
		},
		{
			Ref:       Ref{Kind: "Receiver", Namespace: "a", Name: "zed"},
			Effective: Effective{Interval: "9m"}, RetryInterval: value("1m"),
		},
		{
			Ref: Ref{Kind: "Bucket", Namespace: "b", Name: "db"}, Environment: "development",
			Interval: value("1h"), Timeout: value("1m"), Effective: Effective{Interval: "1h"}, SourceChanged: at(10),
		},
	}
}

func TestSortBy(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		fields []string
		want   []string
	}{
		{[]string{"name", "Name", ".ref.name", "{.ref.name}", "ref.name", "{ref.name}"}, []string{"api", "db", "web", "zed"}},
		{[]string{"namespace", ".ref.namespace"}, []string{"zed", "web", "db", "api"}},
		{[]string{"kind", "{.ref.kind}"}, []string{"db", "api", "web", "zed"}},
		{[]string{"env", "environment", ".environment"}, []string{"zed", "api", "db", "web"}},
		// By length: 30s < 10m < 1h; as text 10m would come first. Absent values come before all.
		{[]string{"interval", ".interval", "{.interval}"}, []string{"zed", "api", "web", "db"}},
		{[]string{".effective.interval"}, []string{"api", "zed", "web", "db"}},
		{[]string{"timeout"}, []string{"api", "zed", "db", "web"}},
		{[]string{"retry", "retryInterval"}, []string{"web", "api", "db", "zed"}},
		{[]string{"-interval", "-{.interval}"}, []string{"db", "web", "api", "zed"}},
		{[]string{"-name", "-.ref.name"}, []string{"zed", "web", "db", "api"}},
		{[]string{"suspended"}, []string{"web", "zed", "db", "api"}},
		{[]string{"sourceChanged"}, []string{"zed", "web", "db", "api"}},
	} {
		for _, field := range tc.fields {
			objects := listed()
			require.NoError(t, SortBy(objects, field), field)
			var got []string
			for _, o := range objects {
				got = append(got, o.Ref.Name)
			}
			assert.Equal(t, tc.want, got, field)
		}
	}
}

func TestSortByNumbers(t *testing.T) {
	t.Parallel()
	type node struct {
		Pods int `json:"pods"`
	}
	nodes := []node{{110}, {9}, {25}}
	require.NoError(t, SortBy(nodes, "pods"))
	assert.Equal(t, []node{{9}, {25}, {110}}, nodes)
}

func TestSortByRefuses(t *testing.T) {
	t.Parallel()
	const help = ": it takes name, namespace, kind, environment, interval, or a JSONPath of an item of -o json, like .ref.name"
	for _, tc := range []struct{ field, want string }{
		{"colour", `--sort-by "colour": no item has that field` + help},
		{"Interval", `--sort-by "Interval": no item has that field` + help},
		{".ref.uid", `--sort-by ".ref.uid": no item has that field` + help},
		{"{.ref.name", `reading --sort-by "{.ref.name": a brace is not closed` + help},
		{"-.ref.name}", `reading --sort-by ".ref.name}": a brace is not closed` + help},
		{"{.ref[}", `reading --sort-by "{.ref[}": unterminated array` + help},
		{"ref name", `finding --sort-by "ref name": unrecognized identifier name` + help},
		{"[0]", `--sort-by "[0]": no item has that field` + help},
		{"ref[0]", `finding --sort-by "ref[0]": `},
		{"environment.name", `--sort-by "environment.name": no item has that field` + help},
	} {
		objects := listed()
		err := SortBy(objects, tc.field)
		if tc.want == "" {
			require.NoError(t, err, tc.field)
			continue
		}
		require.ErrorContains(t, err, tc.want, tc.field)
		assert.Equal(t, listed(), objects, "nothing moves on an error")
	}
}

func TestSortByOfNothing(t *testing.T) {
	t.Parallel()
	require.NoError(t, SortBy([]Object{}, "colour"))
}

func TestSortByIsStable(t *testing.T) {
	t.Parallel()
	objects := listed()
	require.NoError(t, SortBy(objects, "namespace"))
	assert.Equal(t, []string{"web", "db"}, []string{objects[1].Ref.Name, objects[2].Ref.Name})
}

func FuzzSortBy(f *testing.F) {
	for _, seed := range []string{"name", "{.ref.name}", "", ".", "{", "}", "..", "[*]", "..name", "{range .x}", "ref[?(@.name=='web')]", "'a'", "{}{}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, field string) {
		if strings.Count(field, "..") > 2 {
			t.Skip("recursive descents of recursive descents take for ever")
		}
		objects := listed()
		_ = SortBy(objects, field)
		assert.ElementsMatch(t, listed(), objects)
	})
}
