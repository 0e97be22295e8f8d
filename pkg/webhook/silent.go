package webhook

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// silent says why nobody calls for a source.
func silent(o *flux.Object) string {
	at := address(o)
	switch why := unannounced(o, at); {
	case why != "":
		return why
	case strings.Contains(o.Remote.URL, "$"):
		return "its URL has a variable whose value is not here"
	case calls(o.Kind) && at.Host == "":
		return "its URL names no host"
	case calls(o.Kind):
		return "its host calls nobody"
	default:
		return "nothing announces what is new in a " + o.Kind + "; where something can, say what with --host-type"
	}
}

// unannounced says why a host that calls for others calls nobody for a source; "" where it may call.
func unannounced(o *flux.Object, at flux.Address) string {
	host := at.Name()
	switch m := scp.FindStringSubmatch(o.Remote.URL); {
	case o.Kind == "GitRepository" && m != nil:
		return fmt.Sprintf("Flux takes no URL of this form: write ssh://%s/%s", m[1], strings.TrimPrefix(m[2], "/"))
	case pull(o):
		return "no push announces " + o.Remote.Ref.Value
	case o.Kind == "GitRepository" && host == "gist.github.com":
		return "GitHub calls nobody for a gist"
	case o.Kind == "GitRepository" && strings.HasSuffix(at.Path, ".wiki"):
		return "a host does not announce what is pushed to a wiki"
	case host == "mirror.gcr.io":
		return "Google's mirror of Docker Hub calls nobody"
	case host == flux.DockerHub && strings.HasPrefix(at.Path, "library/"):
		return "an official image of Docker Hub: only Docker could have somebody called"
	default:
		return ""
	}
}

// scp is a URL as scp has it, which the API server refuses of a GitRepository (source-controller api/v1, spec.url).
var scp = regexp.MustCompile(`^([^/:@]+@[^/:]+):([^0-9/].*|/.+)$`)
