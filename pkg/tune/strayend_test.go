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
	warn := func(objects ...flux.Object) []string {
		return NewStrayEnds(objects, "kubectl --context prod").Warning("kubectl fluxtune doctor")
	}
	assert.Empty(t, warn(bearing(""), bearing("", lasting), bearing(right, ending)))
	const resource = "kustomizations.kustomize.toolkit.fluxcd.io"
	name := bearing("").Ref
	assert.Equal(t, []string{name.String() + `: the annotation fluxtune.github.io/until says "2026-11-22T14:00:00Z", and the record of its session is gone: what that has set stays, unless you set it. Somebody has edited annotations or taken them away, and alarms read this one. Put it right with: ` +
		"kubectl --context prod annotate " + resource + " " + name.Name + " -n " + name.Namespace + " fluxtune.github.io/until-"}, warn(bearing(right)))
	kept := warn(bearing(right, lasting))
	assert.Len(t, kept, 1)
	assert.Contains(t, kept[0], "and no session is to end. Somebody has edited")
	assert.Len(t, NewStrayEnds([]flux.Object{bearing(right, lasting), bearing(right)}, "kubectl").Lost, 1)
	other := warn(bearing("2020-01-01T00:00:00Z", ending))
	assert.Len(t, other, 1)
	assert.Regexp(t, `fluxtune\.github\.io/until=2026-11-22T14:00:00Z --overwrite$`, other[0])

	gone := warn(bearing("", ending))
	assert.Len(t, gone, 1, "alarms are silent without it")
	assert.Regexp(t, `is not there, and its session is to end at 2026-11-22T14:00:00Z\. .*fluxtune\.github\.io/until=2026-11-22T14:00:00Z --overwrite$`, gone[0])

	var many []flux.Object
	for _, named := range []string{"a", "b", "c", "d", "e"} {
		o := bearing(right)
		o.Name = named
		many = append(many, o)
	}
	one := "kubectl --context prod annotate " + resource + " a b c d e -n " + name.Namespace + " fluxtune.github.io/until-"
	assert.Equal(t, []string{one}, NewStrayEnds(many, "kubectl --context prod").Run, "one command for all")
	if lines := warn(many...); assert.Len(t, lines, 1) {
		assert.Contains(t, lines[0], "/c and 2 more: the annotations fluxtune.github.io/until of 5 objects do not follow from their records")
		assert.Contains(t, lines[0], one)
	}
	lines := warn(append(many, bearing("2020-01-01T00:00:00Z", ending))...)
	assert.Len(t, lines, 1)
	assert.Contains(t, lines[0], "(the first of 2 commands: kubectl fluxtune doctor lists them)")
}
