package flux

import "strings"

// Upgrade is how helm-controller writes the objects of a release when it upgrades it.
type Upgrade struct {
	// ServerSide is spec.upgrade.serverSideApply: "enabled", "disabled", or else as the release was last applied: "auto", and
	// "" where it says nothing (helm-controller internal/action/upgrade.go).
	ServerSide string
	// Force is spec.upgrade.force: objects are replaced where they are not applied on the server.
	Force bool
	// ForceRollback is spec.rollback.force, and ServerSideRollback spec.rollback.serverSideApply: so does a rollback, by what it
	// says itself (internal/action/rollback.go).
	ForceRollback      bool
	ServerSideRollback string
}

// replaces tells whether objects are replaced, of which it is known whether they were last applied on the server.
func replaces(force bool, serverSide string, applied bool) bool {
	return force && serverSide != "enabled" && (!applied || serverSide == "disabled")
}

// Replaces is what replaces objects that were last applied on the server, or not: "upgrade", "rollback", or "" where nothing does.
func (u Upgrade) Replaces(applied bool) string {
	switch {
	case replaces(u.Force, u.ServerSide, applied):
		return "upgrade"
	case replaces(u.ForceRollback, u.ServerSideRollback, applied):
		return "rollback"
	default:
		return ""
	}
}

// upgrade is spec.upgrade of a HelmRelease.
type upgrade struct {
	waitable
	Force           word `json:"force"`
	ServerSideApply word `json:"serverSideApply"`
}

// rollback is spec.rollback of a HelmRelease.
type rollback struct {
	Force           word `json:"force"`
	ServerSideApply word `json:"serverSideApply"`
}

// word is true, false or a string. A manifest may have a variable there, or what Flux refuses: that is no reason not to read
// the rest.
type word string

// UnmarshalJSON takes what stands there as it is.
func (w *word) UnmarshalJSON(data []byte) error {
	*w = word(strings.Trim(string(data), `"`))
	return nil
}

func (u upgrade) upgrade(back rollback) Upgrade {
	return Upgrade{
		ServerSide: string(u.ServerSideApply), Force: u.Force == "true",
		ForceRollback: back.Force == "true", ServerSideRollback: string(back.ServerSideApply),
	}
}
