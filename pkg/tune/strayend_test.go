package tune

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// An end that alarms read and that no record has is named with what puts it right, and nothing else is.
func TestStrayEnds(t *testing.T) {
	t.Parallel()
	ends := time.Date(2026, 11, 22, 14, 0, 0, 0, time.UTC)
	lasting, ending := step("s1", move(flux.Interval, "5m", "1m")), step("s1", move(flux.Interval, "5m", "1m"))
	ending.Until = &ends
	bearing := func(until string, steps ...Step) flux.Object {
		return object(t, "ks", func(o *flux.Object) {
			o.Annotations = map[string]string{}
			if until != "" {
				o.Annotations[UntilAnnotation] = until
			}
			if len(steps) > 0 {
				o.Annotations[RecordAnnotation] = Record{Steps: steps}.String()
			}
		})
	}
	const right = "2026-11-22T14:00:00Z"
	assert.Empty(t, StrayEnds([]flux.Object{bearing(""), bearing("", lasting), bearing(right, ending), bearing("", ending)}, "kubectl"))
	lone := StrayEnds([]flux.Object{bearing(right)}, "kubectl --context prod")
	assert.Len(t, lone, 1)
	assert.Contains(t, lone[0], `says "2026-11-22T14:00:00Z", and no session is to end`)
	assert.Regexp(t, `with: kubectl --context prod annotate kustomizations\.kustomize\.toolkit\.fluxcd\.io \S+ -n \S+ fluxtune\.github\.io/until-$`, lone[0])
	assert.Len(t, StrayEnds([]flux.Object{bearing(right, lasting)}, "kubectl"), 1)
	other := StrayEnds([]flux.Object{bearing("2020-01-01T00:00:00Z", ending)}, "kubectl")
	assert.Len(t, other, 1)
	assert.Regexp(t, `fluxtune\.github\.io/until=2026-11-22T14:00:00Z --overwrite$`, other[0])
}
