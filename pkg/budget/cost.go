package budget

import (
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Protocol is how a source is asked.
type Protocol string

// The protocols of sources.
const (
	Git    Protocol = "git"    // smart HTTP or SSH
	OCI    Protocol = "oci"    // a registry's API: artifacts and charts
	Helm   Protocol = "helm"   // a chart repository's index.yaml
	Bucket Protocol = "bucket" // S3 and the like
	Image  Protocol = "image"  // a registry's API: scans for tags
)

// Cost is what one reconcile of a source asks of its host.
type Cost struct {
	Protocol Protocol
	// Unchanged and Changed are the requests of a reconcile that finds nothing new, and of one that
	// does. A budget counts with Unchanged: most polls find nothing.
	Unchanged, Changed float64
	// Assumed is how long a reconcile that finds nothing new occupies a worker, where no metrics say
	// so. A guess on the long side: it is mostly a round trip or a few.
	Assumed time.Duration
	// Clones says that every reconcile transfers the whole repository.
	Clones bool
	// Note says for people what is asked.
	Note string
}

const (
	roundTrips = 500 * time.Millisecond
	clone      = 2 * time.Second
	// fetch is how long it takes from a poll that finds a new revision to the artifact: a shallow clone.
	fetch = time.Second
	// apply is how long a Kustomization without history takes.
	apply = time.Second
)

// refCosts are the costs of a GitRepository by its kind of ref.
//
// Branch, tag and name: one GET info/refs, compared with the last revision; a clone only where they
// differ, with another GET info/refs and a POST git-upload-pack (fluxcd/pkg git/gogit/clone.go cloneBranch,
// cloneTag, cloneRefName; 1 and 3 requests measured by counting at the Git server, see hack/e2e). Semver
// and commit: there is no such comparison, so every reconcile clones: GET info/refs and POST
// git-upload-pack (cloneSemVer, cloneCommit in the same file).
func refCosts() map[flux.RefKind]Cost {
	list := func(note string) Cost {
		return Cost{Protocol: Git, Unchanged: 1, Changed: 3, Assumed: roundTrips, Note: note}
	}
	clones := func(note string) Cost {
		return Cost{Protocol: Git, Unchanged: 2, Changed: 2, Assumed: clone, Clones: true, Note: note}
	}
	return map[flux.RefKind]Cost{
		flux.RefNone:   list("default branch: lists refs"),
		flux.RefBranch: list("branch: lists refs"),
		flux.RefTag:    list("tag: lists refs"),
		flux.RefName:   list("ref name: lists refs"),
		flux.RefSemver: clones("semver: clones every time"),
		flux.RefCommit: clones("commit: clones every time"),
	}
}

// Costs of the sources that are not Git, of a registry with tokens, as the public ones are: GET /v2/, GET
// a token, and the request itself. Those of OCIRepository, HelmRepository and HelmChart were measured
// (hack/e2e), the others read in the controllers' sources.
//
//   - OCIRepository: HEAD of the manifest by tag; semver lists the tags before; a digest asks nothing
//     (source-controller internal/controller/ocirepository_controller.go getRevision, getTagBySemver).
//   - HelmRepository: GET index.yaml (internal/helm/repository/chart_repository.go CacheIndex).
//   - HelmChart of an OCI HelmRepository: lists the tags (oci_chart_repository.go getTags). Other charts
//     are found in the index or artifact that their source has fetched.
//   - Bucket: HEAD of the bucket, GET .sourceignore, and a list of its keys, one page for each 1,000
//     (bucket_controller.go).
//   - ImageRepository: lists the tags (image-reflector-controller imagerepository_controller.go scan).
//   - ImageUpdateAutomation: lists the refs of its GitRepository's URL, unless policies have changed
//     (image-automation-controller imageupdateautomation_controller.go).
const (
	registryCall     = 3
	registrySemver   = 2 * registryCall
	helmIndex        = 1
	bucketCalls      = 3
	automationListed = 1
)

// cost is what a reconcile of an object asks of hosts; false for kinds that ask nothing.
func (f *fleet) cost(s *subject) (Cost, bool) {
	call := func(p Protocol, n float64, note string) (Cost, bool) {
		return Cost{Protocol: p, Unchanged: n, Changed: n + 1, Assumed: roundTrips, Note: note}, n > 0
	}
	o := s.object
	switch o.Kind {
	case "GitRepository":
		c, known := f.refCosts[o.Remote.Ref.Kind]
		return c, known
	case "OCIRepository":
		switch o.Remote.Ref.Kind {
		case flux.RefDigest:
			return Cost{}, false
		case flux.RefSemver:
			return call(OCI, registrySemver, "semver: lists tags")
		default:
			return call(OCI, registryCall, "tag: asks for its digest")
		}
	case "HelmRepository":
		if o.OCI {
			return Cost{}, false
		}
		return call(Helm, helmIndex, "index.yaml")
	case "HelmChart":
		if from := f.byRef[o.SourceRef]; from != nil && from.object.OCI {
			return call(OCI, registryCall, "chart: lists tags")
		}
		return Cost{}, false
	case "Bucket":
		return call(Bucket, bucketCalls, "lists objects")
	case "ImageRepository":
		return call(Image, registryCall, "scan: lists tags")
	case "ImageUpdateAutomation":
		return call(Git, automationListed, "automation: lists refs")
	default:
		return Cost{}, false
	}
}

// remote is what an object polls: its own address, or that of the source which it goes to itself.
func (f *fleet) remote(s *subject) flux.Remote {
	if s.object.Kind == "HelmChart" || s.object.Kind == "ImageUpdateAutomation" {
		if from := f.byRef[s.object.SourceRef]; from != nil {
			return from.object.Remote
		}
	}
	return s.object.Remote
}
