package flux

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestParseAddress(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]Address{
		"https://github.com/acme/app":                               {"github.com", "acme/app"},
		"https://github.com/acme/app.git":                           {"github.com", "acme/app"},
		"https://GitHub.COM/acme/app/":                              {"github.com", "acme/app"},
		"https://github.com:443/acme/app":                           {"github.com", "acme/app"},
		"https://github.com./acme/app":                              {"github.com", "acme/app"},
		"https://user:secret@github.com/acme/app":                   {"github.com", "acme/app"},
		"http://git.example.com:80/app":                             {"git.example.com", "app"},
		"https://user:se cret@github.com/acme/app":                  {"", "https://github.com/acme/app"}, // no URL, but a password
		"https://user:se/c%ret@github.com/acme/app":                 {"", "https://github.com/acme/app"},
		"http://git.example.com:443/app":                            {"git.example.com:443", "app"},
		"https://git.example.com:8443/Acme/App.git":                 {"git.example.com:8443", "Acme/App"},
		"ssh://git@github.com/acme/app.git":                         {"github.com", "acme/app"},
		"ssh://git@github.com:22/acme/app":                          {"github.com", "acme/app"},
		"ssh://git@git.example.com:2222/acme/app":                   {"git.example.com:2222", "acme/app"},
		"ssh://git@ssh.github.com:443/acme/app.git":                 {"github.com", "acme/app"},
		"ssh://git@ssh.github.com/acme/app.git":                     {"github.com", "acme/app"},
		"ssh://git@altssh.gitlab.com:443/acme/app.git":              {"gitlab.com", "acme/app"},
		"ssh://git@altssh.bitbucket.org:443/acme/app":               {"bitbucket.org", "acme/app"},
		"ssh://git@ssh.dev.azure.com/v3/org/project/app":            {"dev.azure.com", "org/project/_git/app"},
		"ssh://org@vs-ssh.visualstudio.com/v3/Org/project/app":      {"dev.azure.com", "org/project/_git/app"},
		"https://org.visualstudio.com/project/_git/app":             {"dev.azure.com", "org/project/_git/app"},
		"https://org.visualstudio.com/DefaultCollection/p/_git/app": {"dev.azure.com", "org/p/_git/app"},
		"https://www.github.com/acme/app":                           {"github.com", "acme/app"},
		"https://github.com/Acme/App.git":                           {"github.com", "acme/app"},
		"https://github.com/Acme/Charts/releases/download/V1":       {"github.com", "acme/charts/releases/download/V1"},
		"https://gitlab.com/Acme/Group/App":                         {"gitlab.com", "acme/group/app"},
		"https://gitlab.com/api/v4/projects/1/packages/helm/Stable": {"gitlab.com", "api/v4/projects/1/packages/helm/Stable"},
		"https://gitlab.com/Acme/App/-/raw/Main":                    {"gitlab.com", "acme/app/-/raw/Main"},
		"https://bitbucket.org/Acme/App":                            {"bitbucket.org", "acme/app"},
		"https://git.example.com:0443/app":                          {"git.example.com", "app"},
		"https://git.example.com:08443/app":                         {"git.example.com:8443", "app"},
		"https://[2001:0db8::0001]/app":                             {"[2001:db8::1]", "app"},
		"https://[2001:0db8::1]:8443/app":                           {"[2001:db8::1]:8443", "app"},
		"ssh://git@ssh.git.example.com:443/app":                     {"ssh.git.example.com:443", "app"},
		"SSH://git@GIT.example.com:22/~user/app.git":                {"git.example.com", "~user/app"},
		"https://dev.azure.com/Org/project%20x/_git/app":            {"dev.azure.com", "org/project x/_git/app"},
		"https://[2001:db8::1]/app":                                 {"[2001:db8::1]", "app"},
		"https://[2001:DB8::1]:8443/app":                            {"[2001:db8::1]:8443", "app"},
		"https://bücher.example/app":                                {"xn--bcher-kva.example", "app"},
		"https://BÜCHER.example.:8443/app":                          {"xn--bcher-kva.example:8443", "app"},
		"https://b%C3%BCcher.example/app":                           {"xn--bcher-kva.example", "app"},
		"https://xn--bcher-kva.example/app":                         {"xn--bcher-kva.example", "app"},
		"https://XN--BCHER-KVA.example/app":                         {"xn--bcher-kva.example", "app"},
		"https://bücher。example。/app":                               {"xn--bcher-kva.example", "app"},
		"https://ｇithub.com/Acme/app":                               {"github.com", "acme/app"},
		"https://ü_ü.example/app":                                   {"ü_ü.example", "app"}, // no international name
		"https://git_server.example./app":                           {"git_server.example", "app"},
		"oci://ghcr.io/acme/app":                                    {"ghcr.io", "acme/app"},
		"oci://registry-1.docker.io/acme/app":                       {"docker.io", "acme/app"},
		"oci://registry.hub.docker.com/acme/app":                    {"docker.io", "acme/app"},
		"oci://localhost:5000/app":                                  {"localhost:5000", "app"},
		"minio.example.com":                                         {"minio.example.com", ""},
		"minio.example.com:9000":                                    {"minio.example.com:9000", ""},
		"https://github.com":                                        {"github.com", ""},
		// Flux refuses the scp-like form; no host is better than a wrong one.
		"git@github.com:acme/app.git": {"", "https://github.com:acme/app.git"},
		"https://bad host/":           {"", "https://bad host/"},
		"https:///path":               {"", "https:///path"},
	} {
		assert.Equal(t, want, ParseAddress(raw, false), raw)
	}
	for image, want := range map[string]string{
		"alpine": "docker.io/library/alpine", "acme/app": "docker.io/acme/app",
		"ghcr.io/acme/app": "ghcr.io/acme/app", "localhost/app": "localhost/app", "registry:5000/app": "registry:5000/app",
		"index.docker.io/acme/app": "docker.io/acme/app", "docker.io/acme/app": "docker.io/acme/app",
	} {
		assert.Equal(t, want, ParseAddress(image, true).String(), image)
	}
}

// One repository has other ports and paths with other protocols.
func TestSameRepository(t *testing.T) {
	t.Parallel()
	for _, same := range [][]string{
		{"https://github.com/Acme/fleet", "ssh://git@github.com/acme/fleet.git", "ssh://git@ssh.github.com:443/acme/fleet", "https://x:y@github.com/acme/fleet/"},
		{"https://dev.azure.com/org/proj/_git/fleet", "https://org.visualstudio.com/proj/_git/fleet", "ssh://org@vs-ssh.visualstudio.com/v3/org/proj/fleet", "ssh://git@ssh.dev.azure.com/v3/org/proj/fleet", "https://org@dev.azure.com/org/proj/_git/fleet",
			"ssh://org@vs-ssh.visualstudio.com:22/proj/_ssh/fleet", "ssh://org@vs-ssh.visualstudio.com:22/DefaultCollection/proj/_ssh/fleet", "ssh://org@org.visualstudio.com:22/proj/_git/fleet",
			"https://org.visualstudio.com/DefaultCollection/proj/_git/fleet", "https://dev.azure.com/org/proj/team/_git/fleet", "https://org.visualstudio.com/proj/a%20team/_git/fleet",
			"https://dev.azure.com/org/proj/_git/_full/fleet", "https://org.visualstudio.com/proj/_git/_optimized/fleet", "https://dev.azure.com/org/DefaultCollection/proj/_git/fleet/"},
		{"https://dev.azure.com/org/_git/fleet", "https://dev.azure.com/org/fleet/_git/fleet", "https://org.visualstudio.com/_git/fleet", "https://org.visualstudio.com/DefaultCollection/_git/fleet"},
		{"https://git.example.com:8443/scm/OPS/fleet.git", "ssh://git@git.example.com:7999/ops/fleet.git"},
		{"ssh://git@altssh.gitlab.com:443/acme/fleet.git", "https://gitlab.com/acme/fleet"},
		{"https://[2001:db8::1]:8443/fleet", "ssh://git@[2001:db8::1]/fleet"},
	} {
		for _, other := range same[1:] {
			assert.Equal(t, ParseAddress(same[0], false).Repository(), ParseAddress(other, false).Repository())
		}
	}
	for _, other := range []string{"https://github.com/acme/other", "https://gitlab.com/acme/fleet", "https://github.com/scm/fleet"} {
		assert.NotEqual(t, ParseAddress("https://github.com/acme/fleet", false).Repository(), ParseAddress(other, false).Repository())
	}
	assert.Empty(t, ParseAddress("", false).Repository())
}

// A host by its own name is the same one as in each URL of it.
func TestParseHost(t *testing.T) {
	t.Parallel()
	for name, urls := range map[string][]string{
		"git.example.com":       {"https://git.example.com/a", "ssh://git@git.example.com:22/a"},
		"git.example.com:443":   {"https://git.example.com:443/a"},
		"git.example.com:22":    {"ssh://git@git.example.com/a"},
		"Git.example.com:80":    {"http://git.example.com/a"},
		"git.example.com:8443":  {"https://git.example.com:8443/a"},
		"ssh.github.com":        {"https://github.com/a", "ssh://git@ssh.github.com:443/a"},
		"ssh.github.com:443":    {"https://github.com/a"},
		"www.github.com":        {"https://github.com/a"},
		"altssh.gitlab.com":     {"https://gitlab.com/a"},
		"acme.visualstudio.com": {"https://dev.azure.com/acme/a"},
		"git.example.com:0443":  {"https://git.example.com:443/a"},
		"[2001:DB8::1]:443":     {"https://[2001:db8::1]/a"},
		"[2001:db8::1]:8443":    {"https://[2001:db8::1]:8443/a"},
		"2001:DB8:0::1":         {"https://[2001:db8::1]/a"},
		"git.example.com.":      {"https://git.example.com/a", "https://git.example.com./a"},
		"github.com.:443":       {"https://github.com/a"},
		"Bücher.example:8443":   {"https://xn--bcher-kva.example:8443/a"},
		"ü_Ü.example":           {"https://Ü_ü.example/a"},
	} {
		for _, url := range urls {
			assert.Equal(t, ParseAddress(url, false).Host, ParseHost(name), "%s %s", name, url)
		}
	}
}

// A URL that names no host is shown as it stands.
func TestAddressWithoutAHost(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"https:///x", "https:///a/b"} {
		assert.Equal(t, url, ParseAddress(url, false).String())
	}
}

// The name of a host is what it is called without a port, whichever port it is asked at.
func TestNameOfAnAddress(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"git.example.com", "[2001:db8::1]", "10.0.0.1", "localhost"} {
		for _, port := range []string{"", ":8443", ":443"} {
			assert.Equal(t, host, ParseAddress("https://"+host+port+"/a", false).Name())
		}
	}
}
