package flux

import (
	"strings"
	"time"
)

// Change is that something came to apply another content.
type Change struct {
	At time.Time
	// Before is what the content before was applied from last, and After what this one was applied from last: of a
	// Kustomization revisions of its source, of a HelmRelease versions of its chart. Both are "" where that is unknown.
	Before, After string
}

// BroughtBy tells whether a source brought a change of what uses it: it is none where the same revision was applied in another way
// (unless it includes others: nobody can tell that apart), or Git named another branch, tag or version.
func (c Change) BroughtBy(source, user *Object) bool {
	if c.Before == "" || c.After == "" {
		return true
	}
	kind := source.Remote.Ref.Kind
	if user.Kind == "HelmRelease" {
		named := kind == RefTag && ExactVersion(source.Remote.Ref.Value)
		return !named || upTo(c.Before, "+") == upTo(c.After, "+")
	}
	if c.Before == c.After { // a commit of what is included leaves the revision as it is
		return len(source.Polling.Includes) > 0
	}
	return kind == RefSemver || upTo(c.Before, "@") == upTo(c.After, "@")
}

// upTo is what stands before a mark, or all.
func upTo(s, mark string) string {
	before, _, _ := strings.Cut(s, mark)
	return before
}
