package flux

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDiffers(t *testing.T) {
	t.Parallel()
	release := func(spec string) Object {
		o, err := Decode([]byte(`{"apiVersion":"helm.toolkit.fluxcd.io/v2","kind":"HelmRelease","metadata":{"name":"a","namespace":"b","resourceVersion":"1"},"spec":` + spec + `}`))
		require.NoError(t, err)
		return o
	}
	before := release(`{"interval":"5m","chart":{"spec":{"chart":"x","interval":"1m"}},"values":{"a":"<","b":1}}`)
	for name, tc := range map[string]struct {
		now  string
		want []Field
	}{
		"the same, written otherwise": {`{"values":{"b":1,"a":"\u003c"},"interval":"300s","chart":{"spec":{"interval":"60s","chart":"x"}}}`, nil},
		"tunable fields":              {`{"interval":"1m","timeout":"2m","chart":{"spec":{"chart":"x","interval":"2m"}},"values":{"a":"<","b":1}}`, []Field{ChartInterval, Interval, Timeout}},
		"one more, one less":          {`{"interval":"5m","chart":{"spec":{"chart":"x","interval":"1m"}},"suspend":true}`, []Field{"spec.suspend", "spec.values"}},
		"inside a field":              {`{"interval":"5m","chart":{"spec":{"chart":"y","interval":"1m"}},"values":{"a":"<","b":1}}`, []Field{"spec.chart"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tc.want, release(tc.now).Differs(before))
		})
	}
	unknown := before
	unknown.Rest = nil
	assert.Empty(t, unknown.Differs(before))
	assert.Empty(t, before.Differs(unknown))
}
