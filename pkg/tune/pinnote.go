package tune

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
)

// PinsAnnotation on a Kustomization says which rules of its spec.ignore fluxtune added. Which it should
// have follows from the records on the objects that it applies.
const PinsAnnotation = flux.Group + "/pins"

// pins is the value of PinsAnnotation: the digests of our rules, who owned spec.ignore before us, and who counts on them.
type pins struct {
	Rules  []string       `json:"rules"`
	Owners []flux.Manager `json:"owners,omitempty"`
	// Manager is the field manager that wrote the rules.
	Manager string `json:"manager,omitempty"`
	// Session is the last one that found its rules there: whoever worked out before which rules are needed sees that the
	// owner has changed.
	Session string `json:"session,omitempty"`
	// Waiting are sessions that have set rules here and have yet to change the objects: no record needs those rules so far.
	// Each is there until it ends, or until the time by which it has ended if it was not killed.
	Waiting map[string]time.Time `json:"waiting,omitempty"`
}

// enter notes that a session waits for its rules, until a time at most; "" is none. It tells whether that was not noted.
func (p *pins) enter(session string, until time.Time) bool {
	if session == "" || p.Waiting[session].Equal(until) {
		return false
	}
	waiting := maps.Clone(p.Waiting)
	if waiting == nil {
		waiting = make(map[string]time.Time)
	}
	waiting[session] = until
	p.Waiting = waiting
	return true
}

// leave notes that a session waits no more, and forgets those whose time is over. It tells whether the session did wait.
func (p *pins) leave(session string, now time.Time) bool {
	_, waited := p.Waiting[session]
	p.Waiting = maps.Clone(p.Waiting)
	maps.DeleteFunc(p.Waiting, func(s string, until time.Time) bool { return s == session || !now.Before(until) })
	return waited
}

// Waiting are the sessions that have set rules of an owner and may be about to change the objects, with the time until which
// each may be. Until then none of our rules is taken away: which of them are needed shows when the records are there.
func Waiting(owner flux.Object, now time.Time) map[string]time.Time {
	p := readPins(owner)
	p.leave("", now)
	return p.Waiting
}

// readPins reads the pins of a Kustomization. What cannot be read (BadPins) names no rule: then none is taken for
// ours, and none is touched.
func readPins(o flux.Object) pins {
	note, noted := o.Annotations[PinsAnnotation]
	if !noted {
		return pins{}
	}
	var p pins
	if err := json.Unmarshal([]byte(note), &p); err != nil {
		return pins{}
	}
	return p
}

// BadPins says why nobody can tell the rules of fluxtune in a Kustomization's spec.ignore from those of others, and how to go
// on; nil where its note can be read, or there is no rule or no note.
func BadPins(o flux.Object) error {
	note, noted := o.Annotations[PinsAnnotation]
	if !noted || len(o.Ignore) == 0 {
		return nil
	}
	var p pins
	err := json.Unmarshal([]byte(note), &p)
	if err == nil && p.Rules == nil {
		err = errors.New("it names no rules")
	}
	if err == nil {
		return nil
	}
	return fmt.Errorf("reading annotation %[1]s, which tells the rules of fluxtune in %[2]s from those of others: %[3]w: take those that are not needed out of %[2]s by hand, then run: kubectl annotate %[4]s -n %[5]s %[6]s %[1]s-",
		PinsAnnotation, flux.IgnoreField, err, "kustomization."+o.Group, terminal.Quoted(o.Namespace), terminal.Quoted(o.Name))
}

// take tells whether a rule is one of ours, and counts it: of two that are equal one is somebody else's.
func (p *pins) take(r flux.IgnoreRule) bool {
	i := slices.Index(p.Rules, digest(r))
	if i < 0 {
		return false
	}
	p.Rules = slices.Delete(slices.Clone(p.Rules), i, i+1)
	return true
}

func digest(r flux.IgnoreRule) string {
	data, err := json.Marshal(r)
	if err != nil { // strings always marshal
		return ""
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}
