package flux

import (
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
)

// Address is where a source is, in a form that can be compared.
type Address struct {
	// Host in lower case and in ASCII (xn--bcher-kva.example for bücher.example), an address of IPv6 in brackets, with its port
	// where that is not the protocol's default; "" where the URL names none.
	Host string
	// Path below the host, without the .git that most hosts take or leave; the whole URL where that names no host.
	Path string
}

// String writes the address without its scheme: github.com/acme/app; where the URL names no host, as it stands.
func (a Address) String() string {
	switch {
	case a.Path == "":
		return a.Host
	case a.Host == "":
		return a.Path
	}
	return a.Host + "/" + a.Path
}

// Name is that of the host, without a port: one server answers at several. An address of IPv6 keeps its brackets. "" where the
// URL names none.
func (a Address) Name() string {
	_, port, err := net.SplitHostPort(a.Host)
	if err != nil {
		return a.Host
	}
	return strings.TrimSuffix(a.Host, ":"+port)
}

// Repository is the address without what differs between the protocols of one repository: the port, the case, and the scm/
// that Bitbucket Server has in its HTTP paths. "" where the URL names no host.
func (a Address) Repository() string {
	name := strings.Trim(a.Name(), "[]")
	if name == "" {
		return ""
	}
	path := a.Path
	if rest, found := strings.CutPrefix(path, "scm/"); found && strings.Contains(rest, "/") {
		path = rest
	}
	return strings.ToLower(name + "/" + path)
}

// ParseAddress reads the URL of a source. Credentials, scheme, a default port, a closing slash and .git
// do not count: https://github.com/acme/app and ssh://git@github.com/Acme/app.git are the same
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
		return Address{Path: withoutUser(raw)}
	}
	path := strings.TrimSuffix(strings.Trim(u.Path, "/"), ".git")
	return alias(Address{Host: host(u), Path: path}, u.User.Username())
}

// withoutUser is an address that is none without what stands before an @ in its host's place: it may be a password.
func withoutUser(raw string) string {
	scheme, rest, _ := strings.Cut(raw, "://")
	if at := strings.LastIndex(rest, "@"); at >= 0 {
		rest = rest[at+1:]
	}
	return scheme + "://" + rest
}

// ParseHost reads a host as a limit, a share or a type names it, with or without a port, to what ParseAddress makes of the host
// of a URL: without a port that is a protocol's default, and by the name of the host where it is an alias for SSH. An address of
// IPv6 needs no brackets.
func ParseHost(name string) string {
	if ip, err := netip.ParseAddr(name); err == nil && ip.Is6() {
		name = "[" + name + "]"
	}
	host := ""
	for _, scheme := range []string{"ssh://", "http://", "https://"} {
		host = ParseAddress(scheme+name, false).Host
		if _, _, err := net.SplitHostPort(host); err != nil { // it has none, or no more
			break
		}
	}
	if host == "" {
		return strings.ToLower(name)
	}
	return host
}

// DockerHub is the name by which Docker Hub goes here, whichever of its hosts is written.
const DockerHub = "docker.io"

const (
	gitHub      = "github.com"
	gitLab      = "gitlab.com"
	bitbucket   = "bitbucket.org"
	azureDevOps = "dev.azure.com"
	// oldAzure is below what each organization of Azure DevOps has a host of its own, for the same repositories.
	oldAzure = ".visualstudio.com"
)

// hostName is the name of a host, with its port or without, by which it goes here: in lower case, and one name for all by
// which the same host is asked. Git hosts take SSH on the port of HTTPS at a host of its own, or SSH alone (GitHub: "Using
// SSH over the HTTPS port"; GitLab: "Use SSH on the HTTPS port"; Bitbucket: "Use SSH on port 443"); GitHub answers www with a
// redirect to itself; Docker Hub has several.
func hostName(host string) string {
	host = strings.ToLower(host)
	name, _, _ := strings.Cut(host, ":")
	switch name {
	case "ssh.github.com", "www.github.com":
		return gitHub
	case "altssh.gitlab.com":
		return gitLab
	case "altssh.bitbucket.org":
		return bitbucket
	case "ssh.dev.azure.com":
		return azureDevOps
	case "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com":
		return DockerHub
	default:
		return host
	}
}

// alias gives a host the name by which it goes here, and paths that name one repository in several ways one form. user is whom the
// URL names before the host.
func alias(a Address, user string) Address {
	name, _, _ := strings.Cut(a.Host, ":")
	a.Host = hostName(a.Host)
	if organization, old := strings.CutSuffix(name, oldAzure); old && organization == "vs-ssh" {
		a = azure(a, user)
	} else if old || a.Host == azureDevOps {
		a = azure(a, strings.TrimSuffix(organization, name))
	}
	a.Path = folded(a.Host, a.Path)
	return a
}

// azure is an address of Azure DevOps in its one form, ORGANIZATION/PROJECT/_git/REPOSITORY. The paths over SSH begin with v3 and
// have no _git, or have _ssh in its place; the older hosts name the organization, or are vs-ssh for all of them, where the user
// names it; "" where the path does. A path may name the collection that each organization has, a team of the project, and by
// _full or _optimized how much is cloned; it may leave out a project that has the repository's name.
func azure(a Address, organization string) Address {
	a.Host = azureDevOps
	parts := strings.Split(a.Path, "/")
	if len(parts) == 4 && parts[0] == "v3" {
		a.Path = strings.Join([]string{parts[1], parts[2], "_git", parts[3]}, "/")
		return a
	}
	if organization != "" {
		parts = append([]string{organization}, parts...)
	}
	if len(parts) > 2 && strings.EqualFold(parts[1], "DefaultCollection") {
		parts = slices.Delete(parts, 1, 2)
	}
	at := slices.IndexFunc(parts, func(part string) bool { return part == "_git" || part == "_ssh" })
	if repository := parts[at+1:]; at > 0 && len(repository) > 0 {
		if len(repository) == 2 && (repository[0] == "_full" || repository[0] == "_optimized") {
			repository = repository[1:]
		}
		project := repository[0]
		if at > 1 {
			project = parts[1]
		}
		parts = append([]string{parts[0], project, "_git"}, repository...)
	}
	a.Path = strings.Trim(strings.Join(parts, "/"), "/")
	return a
}

// folded is a path in lower case as far as its host takes names in any case: those of owners and repositories, and not those of
// files in them.
func folded(host, path string) string {
	names := 0
	switch host {
	case gitHub, bitbucket:
		names = 2
	case azureDevOps:
		return lowerASCII(path)
	case gitLab: // groups may stand in groups
		if strings.HasPrefix(path, "api/") {
			return path
		}
		project, rest, below := strings.Cut(path, "/-/")
		if project = lowerASCII(project); below {
			project += "/-/" + rest
		}
		return project
	}
	parts := strings.Split(path, "/")
	for i := range parts[:min(names, len(parts))] {
		parts[i] = lowerASCII(parts[i])
	}
	return strings.Join(parts, "/")
}

// lowerASCII is a text with its ASCII letters in lower case, as lowerAscii of CEL makes it: filters of Receivers compare by that.
func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

func host(u *url.URL) string {
	name := strings.TrimSuffix(asciiName(u.Hostname()), ".")
	if ip, err := netip.ParseAddr(name); err == nil { // an address of IPv6 may be written in many ways
		name = ip.String()
	}
	port := u.Port()
	if number, err := strconv.ParseUint(port, 10, 16); err == nil {
		port = strconv.FormatUint(number, 10)
	}
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

// asciiName is the name of a host as DNS has it, in lower case. Like Go's net/http (request.go, idnaASCII) it leaves names in ASCII
// as they are, whatever is in them, and those that are no international names.
func asciiName(name string) string {
	if strings.ContainsFunc(name, func(r rune) bool { return r > unicode.MaxASCII }) {
		if ascii, err := idna.Lookup.ToASCII(name); err == nil {
			name = ascii
		}
	}
	return strings.ToLower(name)
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
	return DockerHub + "/" + image
}
