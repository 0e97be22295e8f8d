package flux

import (
	"net"
	"net/url"
	"strings"
)

// Address is where a source is, in a form that can be compared.
type Address struct {
	// Host in lower case, with its port where that is not the protocol's default; "" where the URL
	// names none.
	Host string
	// Path below the host, without the .git that most hosts take or leave.
	Path string
}

// String writes the address without its scheme: github.com/acme/app.
func (a Address) String() string {
	if a.Path == "" {
		return a.Host
	}
	return a.Host + "/" + a.Path
}

// Repository is the address without what differs between the protocols of one repository: the port, the case, and the scm/
// that Bitbucket Server has in its HTTP paths. "" where the URL names no host.
func (a Address) Repository() string {
	name := a.Host
	if host, _, err := net.SplitHostPort(a.Host); err == nil {
		name = host
	}
	if name = strings.Trim(name, "[]"); name == "" {
		return ""
	}
	path := a.Path
	if rest, found := strings.CutPrefix(path, "scm/"); found && strings.Contains(rest, "/") {
		path = rest
	}
	return strings.ToLower(name + "/" + path)
}

// ParseAddress reads the URL of a source. Credentials, scheme, a default port, a closing slash and .git
// do not count: https://github.com/acme/app and ssh://git@github.com/acme/app.git are the same
// repository. An address without a scheme is that of a Bucket's endpoint or of an image; image says
// which, since an image without a host is on Docker Hub.
func ParseAddress(raw string, image bool) Address {
	raw = strings.TrimSpace(raw)
	if !strings.Contains(raw, "://") {
		if image {
			raw = dockerHub(raw)
		}
		raw = "https://" + raw
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return Address{Path: raw}
	}
	path := strings.TrimSuffix(strings.Trim(u.Path, "/"), ".git")
	return sshAlias(Address{Host: host(u), Path: path})
}

// sshAlias gives the hosts at which Git hosts take SSH on the port of HTTPS, or SSH alone, the name of
// the host itself. GitHub: "Using SSH over the HTTPS port"; GitLab: "Use SSH on the HTTPS port";
// Bitbucket: "Use SSH on port 443"; Azure DevOps, whose SSH paths begin with v3 and have no _git.
func sshAlias(a Address) Address {
	name, _, _ := strings.Cut(a.Host, ":")
	switch name {
	case "ssh.github.com":
		a.Host = "github.com"
	case "altssh.gitlab.com":
		a.Host = "gitlab.com"
	case "altssh.bitbucket.org":
		a.Host = "bitbucket.org"
	case "ssh.dev.azure.com":
		a.Host = "dev.azure.com"
		if parts := strings.Split(a.Path, "/"); len(parts) == 4 && parts[0] == "v3" {
			a.Path = strings.Join([]string{parts[1], parts[2], "_git", parts[3]}, "/")
		}
	case "vs-ssh.visualstudio.com": // the older name, below which each organization has a host of its own
		if parts := strings.Split(a.Path, "/"); len(parts) == 4 && parts[0] == "v3" {
			a.Host, a.Path = strings.ToLower(parts[1])+".visualstudio.com", strings.Join([]string{parts[2], "_git", parts[3]}, "/")
		}
	}
	return a
}

func host(u *url.URL) string {
	name := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	port := u.Port()
	if port == defaultPort(strings.ToLower(u.Scheme)) {
		port = ""
	}
	if port != "" {
		return net.JoinHostPort(name, port)
	}
	if strings.Contains(name, ":") { // IPv6
		return "[" + name + "]"
	}
	return name
}

func defaultPort(scheme string) string {
	switch scheme {
	case "ssh":
		return "22"
	case "http":
		return "80"
	default: // https, oci
		return "443"
	}
}

// dockerHub puts the host before an image that has none, as go-containerregistry does: a first part
// without dot or colon is no host, but for localhost.
func dockerHub(image string) string {
	first, _, found := strings.Cut(image, "/")
	if found && (strings.ContainsAny(first, ".:") || first == "localhost") {
		return image
	}
	if !found {
		image = "library/" + image
	}
	return "index.docker.io/" + image
}
