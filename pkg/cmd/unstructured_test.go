package cmd

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Templates compare numbers as kubectl's do: whole ones with whole ones, and nothing with what is not known.
func TestTemplatesCompareNumbers(t *testing.T) {
	t.Parallel()
	type embedded struct {
		Share *float64 `json:"share"`
	}
	type item struct {
		Name string `json:"name"`
		Pods *int   `json:"pods"`
		embedded
		Of map[string]float64 `json:"of"`
	}
	pods, half, whole := 9, 16.5, 93.0
	document := struct {
		Kind  string `json:"kind"`
		Items []item `json:"items"`
	}{"List", []item{
		{"few", new(int), embedded{&half}, map[string]float64{"cpu": 1}},
		{"many", &pods, embedded{&whole}, map[string]float64{"cpu": 2}},
		{"gone", nil, embedded{}, nil},
	}}
	for template, want := range map[string]string{
		"jsonpath={range .items[?(@.pods>8)]}{.name} {end}":                           "many ",
		"jsonpath={range .items[?(@.share>90.0)]}{.name} {end}":                       "many ",
		"jsonpath={range .items[?(@.share<90.0)]}{.name} {end}":                       "few ",
		"jsonpath={range .items[?(@.of.cpu>1.5)]}{.name} {end}":                       "many ",
		"jsonpath={.items[*].pods}":                                                   "0 9",
		"jsonpath={.items[*].share}":                                                  "16.5 93",
		"go-template={{range .items}}{{.share}} {{end}}":                              "16.5 93 <no value> ",
		"go-template={{range .items}}{{if gt (or .pods 0) 8}}{{.name}}{{end}}{{end}}": "many",
	} {
		var out bytes.Buffer
		printers, err := OutputFlags{Output: template, formats: allFormats, AllowMissingTemplateKeys: true}.templatePrinter()
		require.NoError(t, err, template)
		p := printer{format: template, resource: printers, out: &out, document: &out}
		if assert.NoError(t, p.print(document, nil, nil), template) {
			assert.Equal(t, want, out.String(), template)
		}
	}
}

// A filter that compares values of two kinds is told in a line with what to write, and not with the whole document.
func TestFiltersThatCompareTwoKindsSayWhatToWrite(t *testing.T) {
	t.Parallel()
	type item struct {
		Name  string  `json:"name"`
		Share float64 `json:"share"`
	}
	document := struct {
		Items []item `json:"items"`
	}{[]item{{"a", 93}, {"b", 16.5}}}
	for _, filter := range []string{"@.share>90", "@.name>90"} {
		template := "jsonpath={.items[?(" + filter + ")].name}"
		printers, err := OutputFlags{Output: template, formats: allFormats, AllowMissingTemplateKeys: true}.templatePrinter()
		require.NoError(t, err)
		var out bytes.Buffer
		p := printer{format: template, resource: printers, out: &out, document: &out}
		require.EqualError(t, p.print(document, nil, nil), "-o "+template+": a filter compares two kinds of values: texts go in quotes, and what may have fractions has a point, as in @.use>90.0")
	}
}
