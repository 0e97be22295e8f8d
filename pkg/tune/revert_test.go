package tune

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

func TestRevert(t *testing.T) {
	t.Parallel()
	record := Record{Steps: []Step{step("s1", move(flux.Interval, "5m", "1m"))}}
	tuned := object(t, "ks", interval("1m"), recorded(record.String()))
	broken := object(t, "ks", recorded("{"))
	plan := Revert([]flux.Object{object(t, "ks"), tuned, broken}, RevertOptions{})
	assert.Equal(t, Plan{Items: []Item{DecideRevert(tuned, RevertOptions{}), DecideRevert(broken, RevertOptions{})}}, plan)
	assert.Equal(t, Plan{}, Revert([]flux.Object{object(t, "ks")}, RevertOptions{}))
}

func TestDecideRevert(t *testing.T) {
	t.Parallel()
	one := Record{Steps: []Step{step("s1", moves(move(flux.Interval, "5m0s", "1m"), move(flux.Timeout, "", "2m")))}}
	three := Record{Steps: []Step{
		step("s1", moves(move(flux.Interval, "5m", "3m"), move(flux.Timeout, "", "2m"))),
		step("s2", moves(move(flux.Interval, "3m", "1m"))),
		step("s3", moves(move(flux.Interval, "1m", "30s"), move(flux.RetryInterval, "", "20s"))),
	}}
	has := func(r Record) func(*flux.Object) { return recorded(r.String()) }
	asTuned := object(t, "ks", interval("1m"), timeout("2m"), has(one))
	asTunedThrice := object(t, "ks", interval("30s"), timeout("2m"), retry("20s"), has(three))
	back := []Change{change(flux.Interval, "1m", "5m0s"), change(flux.Timeout, "2m", "")}
	timeoutLeft := Record{Steps: []Step{step("s1", move(flux.Timeout, "", "2m"))}}
	const (
		intervalChanged = "spec.interval was set to 1m and is now 7m: somebody changed it since (--force restores 5m)"
		retriesChanged  = "spec.retryInterval was set to 20s and is now 9s: somebody changed it since (--force restores <unset>)"
		tunedAgain      = "spec.interval was tuned again by session s3: revert that one first, or use --force"
	)
	for _, tc := range []struct {
		name    string
		object  flux.Object
		options RevertOptions
		want    Item // without its object
	}{
		{
			"not tuned", object(t, "ks"), RevertOptions{},
			Item{Action: ActionUnchanged, Reason: ReasonMatchesPolicy, Message: "not tuned by fluxtune"},
		},
		{
			"everything", asTuned, RevertOptions{},
			Item{Action: ActionChange, Reason: ReasonTuned, Message: "tuned by session s1", Changes: back, Record: &Record{}},
		},
		{
			"values written otherwise", object(t, "ks", interval("60s"), timeout("2m0s"), has(one)), RevertOptions{},
			Item{
				Action: ActionChange, Reason: ReasonTuned, Message: "tuned by session s1", Record: &Record{},
				Changes: []Change{change(flux.Interval, "60s", "5m0s"), change(flux.Timeout, "2m0s", "")},
			},
		},
		{
			"everything of three sessions", asTunedThrice, RevertOptions{},
			Item{
				Action: ActionChange, Reason: ReasonTuned, Message: "tuned by session s3", Record: &Record{},
				Changes: []Change{change(flux.Interval, "30s", "5m"), change(flux.Timeout, "2m", ""), change(flux.RetryInterval, "20s", "")},
			},
		},
		{
			"the newest session", asTunedThrice, RevertOptions{Session: "s3"},
			Item{
				Action: ActionChange, Reason: ReasonTuned, Message: "tuned by session s3", Record: &Record{Steps: three.Steps[:2]},
				Changes: []Change{change(flux.Interval, "30s", "1m"), change(flux.RetryInterval, "20s", "")},
			},
		},
		{
			"a session in the middle", asTunedThrice, RevertOptions{Session: "s2"},
			Item{Action: ActionSkip, Reason: ReasonChangedSince, Message: tunedAgain},
		},
		{
			"a session in the middle, with force, undoes what came on top", asTunedThrice, RevertOptions{Session: "s2", Force: true},
			Item{
				Action: ActionChange, Reason: ReasonTuned, Message: "tuned by session s3",
				Changes: []Change{change(flux.Interval, "30s", "3m")},
				Record:  &Record{Steps: []Step{three.Steps[0], step("s3", move(flux.RetryInterval, "", "20s"))}},
			},
		},
		{
			"the first session, as far as it goes", asTunedThrice, RevertOptions{Session: "s1"},
			Item{
				Action: ActionChange, Reason: ReasonTuned, Message: "tuned by session s3", Notes: []string{tunedAgain},
				Changes: []Change{change(flux.Timeout, "2m", "")},
				Record:  &Record{Steps: []Step{step("s1", move(flux.Interval, "5m", "3m")), three.Steps[1], three.Steps[2]}},
			},
		},
		{
			"an unknown session", asTunedThrice, RevertOptions{Session: "s4", Force: true},
			Item{Action: ActionSkip, Reason: ReasonOtherSession, Message: "tuned by session s3"},
		},
		{
			"changed since", object(t, "ks", interval("7m"), has(Record{Steps: []Step{step("s1", move(flux.Interval, "5m", "1m"))}})), RevertOptions{},
			Item{Action: ActionSkip, Reason: ReasonChangedSince, Message: intervalChanged},
		},
		{
			"everything changed since", object(t, "ks", interval("7m"), retry("9s"), has(Record{Steps: []Step{
				step("s1", moves(move(flux.Interval, "5m", "1m"), move(flux.RetryInterval, "", "20s"))),
			}})), RevertOptions{},
			Item{Action: ActionSkip, Reason: ReasonChangedSince, Message: intervalChanged + "; " + retriesChanged},
		},
		{
			"changed since, with force", object(t, "ks", interval("7m"), timeout("2m"), has(one)), RevertOptions{Force: true},
			Item{
				Action: ActionChange, Reason: ReasonTuned, Message: "tuned by session s1", Record: &Record{},
				Changes: []Change{change(flux.Interval, "7m", "5m0s"), change(flux.Timeout, "2m", "")},
			},
		},
		{
			"partly changed since", object(t, "ks", interval("7m"), timeout("2m"), has(Record{Steps: []Step{
				step("s1", moves(move(flux.Interval, "5m", "1m"), move(flux.Timeout, "", "2m"))),
			}})), RevertOptions{},
			Item{
				Action: ActionChange, Reason: ReasonTuned, Message: "tuned by session s1", Notes: []string{intervalChanged},
				Changes: []Change{change(flux.Timeout, "2m", "")},
				Record:  &Record{Steps: []Step{step("s1", move(flux.Interval, "5m", "1m"))}},
			},
		},
		{
			"removed since", object(t, "ks", interval("1m"), has(Record{Steps: []Step{step("s1", move(flux.Timeout, "3m", "2m"))}})), RevertOptions{},
			Item{Action: ActionSkip, Reason: ReasonChangedSince, Message: "spec.timeout was set to 2m and is now <unset>: somebody changed it since (--force restores 3m)"},
		},
		{
			"restored by Git since: only the record goes", object(t, "ks", interval("5m0s"), timeout("2m"), has(one)), RevertOptions{},
			Item{
				Action: ActionChange, Reason: ReasonTuned, Message: "tuned by session s1", Record: &Record{},
				Changes: []Change{change(flux.Timeout, "2m", "")},
			},
		},
		{
			"restored to absent since", object(t, "ks", has(timeoutLeft)), RevertOptions{},
			Item{Action: ActionChange, Reason: ReasonTuned, Message: "tuned by session s1", Record: &Record{}},
		},
		{
			"the chart template is gone since", object(t, "hr", interval("1m"), has(Record{Steps: []Step{
				step("s1", moves(move(flux.Interval, "5m", "1m"), move(flux.ChartInterval, "5m", "1m"))),
			}})), RevertOptions{},
			Item{
				Action: ActionChange, Reason: ReasonTuned, Message: "tuned by session s1", Record: &Record{},
				Notes:   []string{"spec.chart.spec.interval is gone together with its chart template: nothing to restore"},
				Changes: []Change{change(flux.Interval, "1m", "5m")},
			},
		},
		{
			"deleting", object(t, "ks", interval("1m"), has(one), deleting), RevertOptions{Force: true},
			Item{Action: ActionSkip, Reason: ReasonDeleting, Message: "being deleted"},
		},
		{
			"suspended objects are given back too", object(t, "ks", interval("1m"), timeout("2m"), has(one), suspend), RevertOptions{},
			Item{Action: ActionChange, Reason: ReasonTuned, Message: "tuned by session s1", Changes: back, Record: &Record{}},
		},
		{
			"an unreadable record", object(t, "ks", recorded("5m"), deleting), RevertOptions{Force: true},
			Item{
				Action: ActionSkip, Reason: ReasonBadRecord,
				Message: "reading annotation fluxtune.github.io/original: invalid character 'm' after top-level value: restore the object by hand and remove the annotation",
			},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			want := tc.want
			want.Object = tc.object
			assert.Equal(t, want, DecideRevert(tc.object, tc.options))
		})
	}
}

func TestShow(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "<unset>", Show(nil))
	assert.Equal(t, "1m", Show(ptr("1m0s")))
	assert.Equal(t, "soon", Show(ptr("soon")))
}
