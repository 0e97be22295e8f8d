package webhook

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// HostType is the make of a Git host or registry, which decides how it calls. The strings are what --host-type takes.
type HostType string

// The makes that notification-controller has a Receiver type for. GenericHMAC is anything else: a step of a pipeline
// calls in its place.
const (
	GitHub         HostType = "github"
	Gitea          HostType = "gitea" // Forgejo and Codeberg as well
	GitLab         HostType = "gitlab"
	BitbucketCloud HostType = "bitbucket-cloud"
	Bitbucket      HostType = "bitbucket" // Server and Data Center
	AzureDevOps    HostType = "azure-devops"
	GHCR           HostType = "ghcr"
	Harbor         HostType = "harbor"
	DockerHub      HostType = "dockerhub"
	Quay           HostType = "quay"
	ACR            HostType = "acr"
	GCR            HostType = "gcr" // Artifact Registry as well
	Nexus          HostType = "nexus"
	GenericHMAC    HostType = "generic-hmac"
)

// hostMake is how one make of host calls.
type hostMake struct {
	name     HostType
	title    string
	receiver string // spec.type
	// events are spec.events, and those that are added where a source waits for tags.
	events, tagEvents []string
	// registry says that it has images and no Git repositories.
	registry bool
	// pushes are the events that tell of a push, and tagPushes of one of a tag, where these are others: see announces.
	pushes, tagPushes []string
	// pulls are the events that tell of the reference of a pull or merge request; none where that is not known.
	pulls []string
	// verifies is what notification-controller verifies of a call.
	verifies string
	// steps are what to enter at the host. URL stands for the URL, TOKEN for the token.
	steps []string
	// filter writes conditions about the body of a call; nil where the type's bodies tell too little.
	filter *bodyFilter
}

const (
	byHMAC    = "a signature of the body, made with the token"
	byNothing = "nothing: the path is the secret, so show it to nobody"
)

var makes = []hostMake{
	{
		name: GitHub, title: "GitHub", receiver: "github", events: []string{"ping", "push"},
		pushes: []string{"push"}, tagPushes: []string{"push", "create", "release"}, pulls: []string{"pull_request"}, verifies: byHMAC, filter: &gitHubFilter,
		steps: []string{
			"Settings, Webhooks, Add webhook: of each repository, or once of the organization",
			"Payload URL: URL", "Content type: application/json", "Secret: TOKEN", "Events: Just the push event",
		},
	},
	{
		name: Gitea, title: "Gitea or Forgejo", receiver: "github", events: []string{"push"},
		pushes: []string{"push"}, tagPushes: []string{"push", "create", "release"}, pulls: []string{"pull_request"}, verifies: byHMAC, filter: &gitHubFilter,
		steps: []string{
			"Settings, Webhooks, Add Webhook, Gitea (or Forgejo): of each repository, or once of the organization",
			"Target URL: URL", "HTTP Method: POST", "POST Content Type: application/json", "Secret: TOKEN", "Trigger On: Push Events",
		},
	},
	{
		name: GitLab, title: "GitLab", receiver: "gitlab", events: []string{"Push Hook"}, tagEvents: []string{"Tag Push Hook"},
		pushes: []string{"Push Hook", "System Hook"}, tagPushes: []string{"Tag Push Hook", "Release Hook", "System Hook"}, pulls: []string{"Merge Request Hook"},
		verifies: "the token, in the header X-Gitlab-Token", filter: &gitLabFilter,
		steps: []string{
			"Settings, Webhooks, Add new webhook: of each project, or once of the group",
			"URL: URL", "Secret token: TOKEN", "Trigger: Push events, and Tag push events where a source waits for tags",
		},
	},
	{
		name: BitbucketCloud, title: "Bitbucket Cloud", receiver: "bitbucket", events: []string{"repo:push"}, pushes: []string{"repo:push"},
		verifies: byHMAC, filter: &bitbucketCloudFilter,
		steps: []string{"Repository settings, Webhooks, Add webhook: of each repository", "URL: URL", "Secret: TOKEN", "Triggers: Repository push"},
	},
	{
		name: Bitbucket, title: "Bitbucket Server", receiver: "bitbucket", events: []string{"diagnostics:ping", "repo:refs_changed"},
		pushes: []string{"repo:refs_changed", "mirror:repo_synchronized"}, verifies: byHMAC, filter: &bitbucketFilter,
		steps: []string{"Repository settings, Webhooks, Create webhook: of each repository", "URL: URL", "Secret: TOKEN", "Events: Repository, Push"},
	},
	{
		name: AzureDevOps, title: "Azure DevOps", receiver: "generic", verifies: byNothing, filter: &azureFilter,
		steps: []string{
			"Project settings, Service hooks, Create subscription, Web Hooks: of each project",
			"Trigger: Code pushed", "URL: URL", "Resource details to send: All",
		},
	},
	{
		name: GHCR, title: "GitHub's registry", receiver: "github", events: []string{"ping", "package"}, registry: true,
		pushes: []string{"package", "registry_package", "workflow_run"}, verifies: byHMAC,
		steps: []string{
			"Settings, Webhooks, Add webhook: of the repository that the package belongs to, or once of the organization",
			"Payload URL: URL", "Content type: application/json", "Secret: TOKEN", "Events: Let me select individual events, Packages",
		},
	},
	{
		name: Harbor, title: "Harbor", receiver: "harbor", registry: true, verifies: "the token, in the header Authorization", filter: &harborFilter,
		steps: []string{
			"Projects, the project, Webhooks, New webhook: of each project",
			"Notify type: HTTP", "Payload format: Default", "Event type: Artifact pushed", "Endpoint URL: URL", "Auth header: TOKEN",
		},
	},
	{
		name: DockerHub, title: "Docker Hub", receiver: "dockerhub", registry: true, verifies: byNothing, filter: &dockerHubFilter,
		steps: []string{"Webhooks: of each repository", "Webhook URL: URL"},
	},
	{
		name: Quay, title: "Quay", receiver: "quay", registry: true, verifies: byNothing, filter: &quayFilter,
		steps: []string{"Settings, Create Notification: of each repository", "Event: Push to Repository", "Notification: Webhook POST", "Webhook URL: URL"},
	},
	{
		name: ACR, title: "Azure Container Registry", receiver: "acr", registry: true, verifies: byNothing, filter: &acrFilter,
		steps: []string{"az acr webhook create --registry REGISTRY --name HOOKNAME --actions push --uri URL"},
	},
	{
		name: GCR, title: "Google Artifact Registry", receiver: "gcr", registry: true, verifies: "Google's signature, and the account and the audience (before 1.9 as far as the Secret has them, before 1.8.3 nothing)", filter: &gcrFilter,
		steps: []string{
			"gcloud pubsub topics create gcr (where there is none: the registry publishes to it by this name)",
			"gcloud pubsub subscriptions create SUBSCRIPTION --topic gcr --push-endpoint URL --push-auth-service-account EMAIL --push-auth-token-audience AUDIENCE",
		},
	},
	{
		name: Nexus, title: "Nexus Repository", receiver: "nexus", registry: true, verifies: byHMAC,
		steps: []string{
			"Settings, System, Capabilities, Create capability, Webhook: Repository: of each repository",
			"Event Types: component", "URL: URL", "Secret Key: TOKEN",
		},
	},
	{
		name: GenericHMAC, title: "a host that calls by a pipeline", receiver: "generic-hmac", verifies: byHMAC,
		steps: []string{
			"the last step of the pipeline that pushes, in a shell, with the TOKEN in a variable that no log shows. Each call has a body of its own: who sees a signature can repeat that one call, and make no other",
			`body="{\"at\":\"$(date +%s)\",\"commit\":\"$(git rev-parse HEAD)\"}"; printf 'X-Signature: sha256=%s' "$(printf %s "$body" | openssl dgst -sha256 -r -hmac "$TOKEN" | cut -d' ' -f1)" | curl --fail -X POST "URL" --header @- -d "$body"`,
		},
	},
}

func (t HostType) made() hostMake {
	i := slices.IndexFunc(makes, func(m hostMake) bool { return m.name == t })
	if i < 0 {
		return hostMake{}
	}
	return makes[i]
}

// Serves tells whether a make has what a kind is about. What a HelmRepository or a Bucket is made from can be anywhere.
func (t HostType) Serves(kind string) bool {
	switch {
	case t == "":
		return false
	case t == GenericHMAC || !calls(kind):
		return true
	default:
		return t.made().registry == (kind != "GitRepository")
	}
}

// Title names a make for people: "GitLab".
func (t HostType) Title() string { return t.made().title }

// Receiver is the type of the Receiver that takes its calls (spec.type).
func (t HostType) Receiver() string { return t.made().receiver }

// Verifies is what notification-controller verifies of a call.
func (t HostType) Verifies() string { return t.made().verifies }

// HostTypes are the names of all makes, in the order of the table.
func HostTypes() []string {
	var names []string
	for _, m := range makes {
		names = append(names, string(m.name))
	}
	return names
}

// ParseHostTypes reads HOST=TYPE, as --host-type takes it, to types by hosts as flux.ParseHost writes them. The error names what
// it does not know, or which two are of one host, in whatever spelling: one of these would be forgotten.
func ParseHostTypes(exprs []string) (map[string]HostType, error) {
	types := make(map[string]HostType, len(exprs))
	first := map[string]string{}
	for _, expr := range exprs {
		host, name, found := strings.Cut(expr, "=")
		if !found || host == "" || strings.Contains(host, "/") {
			return nil, fmt.Errorf("%q: write it like git.example.com=gitlab", expr)
		}
		t := HostType(strings.ToLower(name))
		if t.made().name == "" {
			return nil, fmt.Errorf("%q: unknown type %q: it is one of %s", expr, name, strings.Join(HostTypes(), ", "))
		}
		host = flux.ParseHost(host)
		if other, twice := types[host]; twice && other != t {
			return nil, fmt.Errorf("%q and %q are both of %s: give one of them", first[host], expr, host)
		}
		types[host], first[host] = t, expr
	}
	return types, nil
}
