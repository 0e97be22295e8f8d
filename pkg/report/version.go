package report

import "fmt"

// Version is what version shows.
type Version struct {
	Head
	ClientVersion ClientVersion `json:"clientVersion"`
	// ServerVersion of Kubernetes; empty where no cluster was asked.
	ServerVersion string `json:"serverVersion,omitempty"`
}

// ClientVersion is fluxtune's own build.
type ClientVersion struct {
	Version   string `json:"version"`
	Commit    string `json:"commit,omitempty"`
	Date      string `json:"date,omitempty"`
	GoVersion string `json:"goVersion"`
	Platform  string `json:"platform"`
}

// String writes the versions as kubectl version does.
func (v Version) String() string {
	text := fmt.Sprintf("Client Version: %s\n", v.ClientVersion.Version)
	if v.ServerVersion != "" {
		text += fmt.Sprintf("Server Version: %s\n", v.ServerVersion)
	}
	return text
}
