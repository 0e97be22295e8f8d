package webhook

import (
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// hostedBy tells by what a host is run, as far as its name and the source tell; guessed where no more than a part of
// its name does, or nothing.
func hostedBy(o *flux.Object, at flux.Address) (t HostType, guessed bool) {
	name, _, _ := strings.Cut(at.Host, ":")
	if o.Kind == "GitRepository" {
		return gitHost(name, at.Path, o.Remote.Provider)
	}
	return registry(name, o.Remote.Provider)
}

// tellsMake tells whether the name of a source's host is enough to know what runs there.
func tellsMake(o *flux.Object, host string) bool {
	plain := flux.Object{Ref: o.Ref}
	_, guessed := hostedBy(&plain, flux.Address{Host: host})
	return !guessed
}

func gitHost(name, path, provider string) (HostType, bool) {
	switch {
	case name == "github.com", within(name, "ghe.com"), provider == "github":
		return GitHub, false
	case name == "gitlab.com":
		return GitLab, false
	case name == "bitbucket.org":
		return BitbucketCloud, false
	case name == "dev.azure.com", within(name, "visualstudio.com"), provider == "azure", strings.Contains("/"+path+"/", "/_git/"):
		return AzureDevOps, false
	case name == "codeberg.org", name == "gitea.com":
		return Gitea, false
	case within(name, "amazonaws.com"), name == "source.developers.google.com": // CodeCommit and Cloud Source call nobody
		return GenericHMAC, false
	case strings.HasPrefix(path, "scm/"): // the HTTP path of Bitbucket Server
		return Bitbucket, true
	}
	return byName(name, map[string]HostType{
		"github": GitHub, "gitlab": GitLab, "gitea": Gitea, "forgejo": Gitea, "bitbucket": Bitbucket, "stash": Bitbucket,
	})
}

func registry(name, provider string) (HostType, bool) {
	switch {
	case name == "ghcr.io":
		return GHCR, false
	case name == flux.DockerHub:
		return DockerHub, false
	case name == "quay.io":
		return Quay, false
	case within(name, "azurecr.io"), provider == "azure":
		return ACR, false
	case name == "gcr.io", within(name, "gcr.io"), within(name, "pkg.dev"), provider == "gcp":
		return GCR, false
	case name == "registry.gitlab.com", within(name, "amazonaws.com"), name == "public.ecr.aws": // they call nobody
		return GenericHMAC, false
	}
	return byName(name, map[string]HostType{"harbor": Harbor, "quay": Quay, "nexus": Nexus})
}

// byName finds a make by a word in a host's name. No two of the words fit one name in practice; the order is that of
// the table of makes.
func byName(name string, words map[string]HostType) (HostType, bool) {
	for _, m := range makes {
		for word, t := range words {
			if t == m.name && strings.Contains(name, word) {
				return t, true
			}
		}
	}
	return GenericHMAC, true
}

func within(name, domain string) bool { return strings.HasSuffix(name, "."+domain) }

// address is where a source is.
func address(o *flux.Object) flux.Address {
	return flux.ParseAddress(o.Remote.URL, o.Kind == "ImageRepository")
}
