package flux

import "strings"

// Upgrade is how helm-controller writes the objects of a release when it upgrades it.
type Upgrade struct {
	// ServerSide is spec.upgrade.serverSideApply: "enabled", "disabled", or else as the release was last applied: "auto", and
	// "" where it says nothing (helm-controller internal/action/upgrade.go).
	ServerSide string
	// Force is spec.upgrade.force: objects are replaced where they are not applied on the server.
	Force bool
	// ForceRollback is spec.rollback.force: so does a rollback.
	ForceRollback bool
}

// upgrade is spec.upgrade of a HelmRelease.
type upgrade struct {
	waitable
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

func (u upgrade) upgrade(rollbackForce word) Upgrade {
	return Upgrade{ServerSide: string(u.ServerSideApply), Force: u.Force == "true", ForceRollback: rollbackForce == "true"}
}
