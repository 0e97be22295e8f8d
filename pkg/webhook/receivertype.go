package webhook

import (
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// receiverType is what notification-controller asks of a call to a Receiver of one type
// (internal/server/receiver_handlers.go, validate).
type receiverType struct {
	// proof proves who calls, and proving are the makes of hosts that send it, by themselves or as a header that can be
	// entered there. Of a pipeline (GenericHMAC) nobody knows.
	proof   string
	proving []HostType
	// event is the header that spec.events is compared with, in whatever case; "" where spec.events is not looked at.
	// naming are the makes that send it.
	event  string
	naming []HostType
}

// receiverTypes are those that not everybody can call. To a generic one anybody can; what calls a generic-hmac or
// generic-oidc one is a pipeline; of quay, dockerhub and acr any JSON is taken.
var receiverTypes = map[string]receiverType{
	"github": {
		proof: "X-Hub-Signature", proving: []HostType{GitHub, Gitea, GHCR, BitbucketCloud, Bitbucket},
		event: "X-GitHub-Event", naming: []HostType{GitHub, Gitea, GHCR},
	},
	"bitbucket": {
		proof: "X-Hub-Signature", proving: []HostType{GitHub, Gitea, GHCR, BitbucketCloud, Bitbucket},
		event: "X-Event-Key", naming: []HostType{BitbucketCloud, Bitbucket},
	},
	"gitlab": {
		proof: "X-Gitlab-Token", proving: []HostType{GitLab, AzureDevOps, ACR},
		event: "X-Gitlab-Event", naming: []HostType{GitLab, AzureDevOps, ACR},
	},
	"harbor": {proof: "token in the header Authorization", proving: []HostType{Harbor, GitLab, Gitea, Bitbucket, AzureDevOps, DockerHub, Quay, ACR}},
	"gcr":    {proof: "token of Google's", proving: []HostType{GCR}},
	"nexus":  {proof: "X-Nexus-Webhook-Signature", proving: []HostType{Nexus}},
	// What is no CDEvent is answered with 400, and no host sends one by itself.
	"cdevents": {proof: "CDEvent"},
}

// announces are the events that tell of what a source waits for; each alone is enough. The first is what the host's own
// settings call a push.
func (m hostMake) announces(o *flux.Object) []string {
	switch {
	case pull(o):
		return m.pulls
	case wants(o).onlyTags() && len(m.tagPushes) > 0:
		return m.tagPushes
	default:
		return m.pushes
	}
}

// releasesAlone tells whether the Receivers that notify a source which waits for tags take no event of a tag but that of a
// release, which a host sends for a tag only where somebody makes one of it.
func (f *fleet) releasesAlone(s *Source, hits []hit) bool {
	if s.Object.Kind != "GitRepository" || !wants(&s.Object).onlyTags() {
		return false
	}
	return !slices.ContainsFunc(hits, func(h hit) bool {
		if !h.reaches() {
			return false
		}
		events := h.receiver.Hook.Events
		return len(events) == 0 || receiverTypes[h.receiver.Hook.Type].event == "" || slices.ContainsFunc(events, func(event string) bool {
			return !slices.Contains(releases, strings.ToLower(event)) && slices.ContainsFunc(makes, func(m hostMake) bool {
				return m.receiver == h.receiver.Hook.Type && slices.ContainsFunc(m.announces(&s.Object), func(name string) bool { return strings.EqualFold(name, event) })
			})
		})
	})
}

// releases are the events that tell of a release.
var releases = []string{"release", "release hook"}
