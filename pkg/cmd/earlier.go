package cmd

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// recently is how long ago an apply of the same policy was most likely a part of the same work: one that was interrupted, and run again.
const recently = time.Hour

// earlierSessions are those of the same policy that objects bear from shortly before: to take all of it back, they count, too.
func earlierSessions(objects []flux.Object, stamp tune.Stamp) []string {
	var ids []string
	for _, s := range tune.Sessions(objects, nil) {
		ago := stamp.Time.Sub(s.Time)
		if s.ID != stamp.Session && s.Policy == stamp.Policy && s.Until.IsZero() && s.Stand > 0 && ago >= 0 && ago <= recently {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

// tellEarlier says of sessions, each once, that they stand beside the one that a way back was told of.
func (o WriteOptions) tellEarlier(ids []string) {
	slices.Sort(ids)
	if ids = slices.Compact(ids); len(ids) > 0 {
		_, _ = fmt.Fprintf(o.root.ErrOut, "What the same policy changed shortly before stands, too. It is taken back in the same way: session %s.\n", strings.Join(ids, ", "))
	}
}
