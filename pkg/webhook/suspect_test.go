package webhook

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// calledBefore is a source that was called for a while before its artifact was written.
func calledBefore(name string, changed, called time.Time) flux.Object {
	return app(name, "https://github.com/acme/"+name, func(o *flux.Object) {
		o.ResourceVersion, o.Created, o.Status.SourceChanged = "1", noon.Add(-1000*time.Hour), changed
		o.Requested = flux.Request{By: flux.NotificationController, At: called}
	})
}

// A start of source-controller writes all artifacts anew: no webhook has missed anything.
func TestRestartIsNoMissedCall(t *testing.T) {
	t.Parallel()
	r := receiver("github")
	r.Created = noon.Add(-1000 * time.Hour)
	var objects []flux.Object
	for i := range 4 {
		name := fmt.Sprint("app", i)
		r.Targets = append(r.Targets, to("GitRepository", name))
		objects = append(objects, calledBefore(name, noon.Add(time.Duration(i)*20*time.Second), noon.Add(-time.Duration(100+i)*time.Hour)))
	}
	found := objects[3]
	found.Status.SourceChanged = noon.Add(9 * time.Hour)
	for _, s := range New(Input{Objects: []flux.Object{objects[0], objects[1], objects[2], found, r}}).Sources {
		want := ""
		if s.Object.Name == found.Name {
			want = "its last change came 112h after its last call: a poll found it, no webhook"
		}
		assert.Equal(t, want, s.Why, s.Object.Name)
	}
	const unsure = "; or was source-controller restarted then, which writes artifacts anew?"
	assert.Equal(t, "its last change came 100h after its last call: a poll found it, no webhook"+unsure, one(t, Input{Objects: []flux.Object{objects[0], found, r}}).Why,
		"of one or two it cannot be told")
	user := object("Kustomization", "app0", func(o *flux.Object) {
		o.SourceRef, o.Status.Changes = objects[0].Ref, []flux.Change{{At: noon.Add(time.Minute)}}
	})
	assert.Equal(t, "its last change came 100h after its last call: a poll found it, no webhook", New(Input{Objects: []flux.Object{objects[0], objects[1], objects[2], r, user}}).Sources[0].Why,
		"a user that had something new knows better")
}

// Another content of the same revision is none that the source brought.
func TestEditIsNoMissedCall(t *testing.T) {
	t.Parallel()
	r := receiver("github", to("GitRepository", "app"))
	r.Created = noon.Add(-1000 * time.Hour)
	source := calledBefore("app", noon, noon.Add(-100*time.Hour))
	user := func(after string) flux.Object {
		return object("Kustomization", "app", func(o *flux.Object) {
			o.SourceRef = source.Ref
			o.Status.Changes = []flux.Change{{At: noon.Add(-100 * time.Hour), After: "main@sha1:1"}, {At: noon.Add(9 * time.Hour), Before: "main@sha1:1", After: after}}
		})
	}
	assert.Empty(t, one(t, Input{Objects: []flux.Object{source, r, user("main@sha1:1")}}).Why)
	assert.Equal(t, "its last change came 100h after its last call: a poll found it, no webhook", one(t, Input{Objects: []flux.Object{source, r, user("main@sha1:2")}}).Why)
}
