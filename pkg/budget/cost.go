package budget

import (
	"cmp"
	"regexp"
	"strings"
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
	REST   Protocol = "rest"   // a Git host's own API
)

// Cost is what one reconcile of a source asks of its host.
type Cost struct {
	Protocol Protocol
	// Unchanged are the requests of a reconcile that finds nothing new. A budget counts with it: most polls find nothing.
	Unchanged float64
	// Refused are the requests of one that fetches something and then refuses it, so that it is fetched again each time.
	Refused float64
	// Assumed is how long a reconcile that finds nothing new occupies a worker, where no metrics say
	// so. A guess on the long side: it is mostly a round trip or a few.
	Assumed time.Duration
	// Clones says that every reconcile transfers the whole repository.
	Clones bool
	// AtLeast says that more may be asked than the object tells: of further submodules, of signatures, for further pages.
	AtLeast bool
	// Redirected says that the host answers the first request of each poll with another URL: that of a GitLab without .git.
	Redirected bool
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

// Costs of the sources that are not Git, of a registry with tokens, as the public ones are: GET /v2/, GET
// a token, and the request itself. Those of OCIRepository, HelmRepository and HelmChart were measured
// (hack/e2e), the others read in the controllers' sources.
//
//   - Whatever lists tags asks at least that: once more for each further page.
//   - OCIRepository: HEAD of the manifest by tag; semver lists the tags before; a digest asks nothing
//     (source-controller internal/controller/ocirepository_controller.go getRevision, getTagBySemver).
//   - HelmRepository: GET index.yaml (internal/helm/repository/chart_repository.go CacheIndex).
//   - HelmChart of an OCI HelmRepository: lists the tags where its version is a range; one exact version
//     asks nothing (oci_chart_repository.go getChartVersion). A signature is verified every time, also
//     while nothing changes (internal/helm/chart/builder_remote.go downloadFromRepository): the registry is
//     asked for the digest and then for the signature, in one request or more. Other charts are found in
//     the index or artifact that their source has fetched.
//   - Bucket: HEAD of the bucket, GET .sourceignore, and a list of its keys, one page for each 1,000
//     (bucket_controller.go). Where it names no region, an S3 client asks for that first, in each reconcile anew
//     (github.com/minio/minio-go bucket-cache.go, getBucketLocation; internal/bucket/minio). Before source-controller
//     1.9.6 the digest of Azure's list was never that of the artifact, so that all objects were fetched each time
//     (CHANGELOG of source-controller, 1.9.6). A .sourceignore that is there is fetched as any object (objectCalls), each
//     time; that none is there is counted, since the object does not tell.
//   - ImageRepository: lists the tags (image-reflector-controller imagerepository_controller.go scan).
//   - ImagePolicy that reflects digests always: HEAD of the manifest (imagepolicy_controller.go fetchDigest).
//   - ResourceSetInputProvider: see inputCost; Alert: see statuses.
const (
	registryCall   = 3
	registrySemver = 2 * registryCall
	verifyCalls    = 2 * registryCall
	helmIndex      = 1
	bucketCalls    = 3
	bucketLocation = 1
	restCalls      = 1
	// ociPull is the manifest by its digest, with a ping and a token of its own, and one layer
	// (ocirepository_controller.go, remote.Image and selectLayer; measured, see hack/e2e).
	ociPull = registryCall + 1
	// chartPull is a chart of a registry by its tag, where Helm takes a token for each of its parts
	// (oci_chart_repository.go DownloadChart; measured, see hack/e2e).
	chartPull = 3 * registryCall
	// chartFile is a chart's archive of a chart repository, which may be on another host than its index.
	chartFile = 1
)

// objectCalls are what fetching one object of a bucket asks: an S3 client looks at it twice before it gets it
// (internal/bucket/minio FGetObject; github.com/minio/minio-go api-get-object-file.go), Google's once, Azure's not.
func objectCalls(provider string) float64 {
	switch provider {
	case "azure":
		return 1
	case "gcp":
		return 2
	default:
		return 3
	}
}

// fresh is what a reconcile asks that finds no artifact, as in a new pod of source-controller; atLeast where the object
// does not tell how much there is to fetch. Also what asks nothing while it has an artifact is fetched then: exact
// versions, digests, and the charts of an index. Without an artifact a GitRepository does not list refs before it clones
// (gitrepository_controller.go gitCheckout: LastObservedCommit). Kinds of other controllers keep what they know.
func (f *fleet) fresh(s *subject, c Cost) (requests float64, atLeast bool) {
	o := s.object
	if s.failure != NoFailure || o.OCI {
		return c.Unchanged, c.AtLeast
	}
	switch o.Kind {
	case "GitRepository":
		requests = f.calls(o.Remote.URL).clone
		if o.Polling.Submodules {
			requests *= 2
		}
		if o.Remote.Ref.Kind == flux.RefName { // it is looked up before it is cloned
			requests += f.calls(o.Remote.URL).list
		}
		return requests, o.Polling.Submodules
	case "OCIRepository":
		return c.Unchanged + ociPull, c.AtLeast
	case "HelmChart":
		from := f.byRef[o.SourceRef]
		switch {
		case from == nil || from.object.Kind != "HelmRepository":
			return 0, false
		case from.object.OCI:
			return c.Unchanged + chartPull, c.AtLeast
		default:
			return chartFile, false
		}
	case "Bucket":
		return c.Unchanged + objectCalls(o.Remote.Provider), true
	default:
		return c.Unchanged, c.AtLeast
	}
}

// cost is what a reconcile of an object asks of hosts while all goes well; false for what asks nothing then.
func (f *fleet) cost(s *subject) (Cost, bool) {
	o := s.object
	switch o.Kind {
	case "GitRepository":
		return gitCost(o, f.calls(o.Remote.URL))
	case "OCIRepository":
		return f.ociCost(o)
	case "HelmRepository":
		if o.OCI {
			return f.loginCost(o)
		}
		return call(Helm, helmIndex, "index.yaml")
	case "HelmChart":
		return f.chartCost(o)
	case "Bucket":
		return bucketCost(o)
	case "ImageRepository":
		return tags(Image, registryCall, "scan: lists tags")
	case flux.ImagePolicyKind:
		return call(Image, registryCall, "policy: asks for a digest")
	case "ImageUpdateAutomation":
		return f.automationCost(o), true
	case flux.ResourceSetInputProviderKind:
		return inputCost(o)
	case flux.AlertKind:
		return f.statusCost(s)
	default:
		return Cost{}, false
	}
}

func call(p Protocol, n float64, note string) (Cost, bool) {
	return Cost{Protocol: p, Unchanged: n, Refused: n, Assumed: roundTrips, Note: note}, n > 0
}

// idle is the cost of what asks nothing while it has its artifact, and by a protocol where it has none, or where the next
// one cannot be had (failed, fresh).
func idle(p Protocol) (Cost, bool) { return Cost{Protocol: p, Assumed: apply}, false }

// tags is the cost of what lists the tags of a repository: a registry gives them in pages, at most 1,000 in each as
// go-containerregistry asks (pkg/v1/remote/list.go, which follows Link), and for a chart as many as the registry likes, since
// Helm's client names no number (helm.sh/helm pkg/registry/client.go, Tags): 100 at ghcr.io, 50 at quay.io. How many tags there
// are is not known.
func tags(p Protocol, n float64, note string) (Cost, bool) {
	c, ok := call(p, n, note)
	c.AtLeast = true
	return c, ok
}

// regionOfHost is an endpoint of AWS that names its region, which a client takes from there (github.com/minio/minio-go
// pkg/s3utils/utils.go, GetRegionFromURL): s3.eu-central-1.amazonaws.com, s3.dualstack.cn-north-1.amazonaws.com.cn.
var regionOfHost = regexp.MustCompile(`^(https?://)?s3(-fips)?[.-](dualstack\.)?[a-z]{2}(-[a-z]+)+-[0-9]+\.amazonaws\.com(\.cn)?(:[0-9]+)?/?$`)

func bucketCost(o *flux.Object) (Cost, bool) {
	s3 := o.Remote.Provider != "azure" && o.Remote.Provider != "gcp"
	n, note := float64(bucketCalls), "lists objects"
	switch {
	case s3 && !o.Polling.Region && !regionOfHost.MatchString(o.Remote.URL):
		n, note = n+bucketLocation, "asks for the region, lists objects"
	case o.Remote.Provider == "azure":
		note = "lists objects; before source-controller 1.9.6 fetches all"
	}
	c, ok := call(Bucket, n, note)
	c.AtLeast = true // for each further page of 1,000 keys
	return c, ok
}

// ociCost: source-controller before 1.2 asks for the digest of a digest, too (v1.1.2 internal/controller/ocirepository_controller.go,
// getRevision).
func (f *fleet) ociCost(o *flux.Object) (Cost, bool) {
	switch o.Remote.Ref.Kind {
	case flux.RefDigest:
		if older, _ := f.settings.Older(o, "1.2.0"); older {
			return call(OCI, registryCall, "digest: asks for it all the same, before source-controller 1.2")
		}
		return idle(OCI)
	case flux.RefSemver:
		return tags(OCI, registrySemver, "semver: lists tags")
	default:
		return call(OCI, registryCall, "tag: asks for its digest")
	}
}

// loginCost is what such a one asks: with a credential it logs in, each time anew. Helm's client asks for the registry, for a token and
// for the registry again (v1.1.2 internal/helm/registry/client.go; github.com/docker/docker registry/auth.go, loginV2).
func (f *fleet) loginCost(o *flux.Object) (Cost, bool) {
	if !f.settings.LogsIn(o) || !credential(o.Remote) {
		return Cost{}, false
	}
	return call(OCI, registryCall, "login: each time, before source-controller 1.2")
}

// credential tells whether a registry is asked with one. A Secret may hold no more than certificates, which cannot be seen.
func credential(r flux.Remote) bool { return r.Secret != "" || r.Provider != "" }

// chartCost: source-controller before 1.8 logs in at each reconcile, before it looks for the version, where the HelmRepository has a
// credential (v1.7.4 internal/controller/helmchart_controller.go, buildFromHelmRepository): at least what loginCost counts, since
// Helm's client tries a second way where a registry refuses the first.
func (f *fleet) chartCost(o *flux.Object) (Cost, bool) {
	from := f.byRef[o.SourceRef]
	switch {
	case from == nil || from.object.Kind != "HelmRepository":
		return Cost{}, false
	case !from.object.OCI:
		return idle(Helm)
	}
	c, ok := registryChart(o)
	if older, _ := f.settings.Older(o, "1.8.0"); !older || !credential(from.object.Remote) {
		return c, ok
	}
	c.Unchanged, c.Refused, c.AtLeast = c.Unchanged+registryCall, c.Refused+registryCall, true
	c.Note = cmp.Or(c.Note, "chart:")
	if ok {
		c.Note += ","
	}
	c.Note += " logs in each time, before source-controller 1.8"
	return c, true
}

// registryChart is what a chart of a registry asks beside a login.
func registryChart(o *flux.Object) (Cost, bool) {
	exact := flux.ExactVersion(o.Polling.Version)
	switch {
	case exact && !o.Polling.Verifies:
		return idle(OCI)
	case !o.Polling.Verifies:
		return tags(OCI, registryCall, "chart: lists tags, in the registry's own pages")
	}
	n, note := float64(verifyCalls), "chart: verifies every time"
	if !exact {
		n, note = n+registryCall, "chart: lists tags, in the registry's own pages, verifies every time"
	}
	c, ok := call(OCI, n, note)
	c.AtLeast = true
	return c, ok
}

// remote is what an object polls: its own address, or that of the source which it goes to itself.
func (f *fleet) remote(s *subject) flux.Remote {
	ref := s.object.SourceRef
	if s.object.Kind == flux.ImagePolicyKind && len(s.object.Polling.Made) > 0 {
		ref = s.object.Polling.Made[0]
	}
	if s.object.Kind == flux.AlertKind {
		if provider := f.provider(s.object); provider != nil {
			return provider.Remote
		}
	}
	switch s.object.Kind {
	case "HelmChart", "ImageUpdateAutomation", flux.ImagePolicyKind:
		if from := f.byRef[ref]; from != nil {
			return from.object.Remote
		}
	}
	return s.object.Remote
}

// codeCommit begins the host that answers Git for AWS CodeCommit, git-codecommit.REGION.amazonaws.com; its API is at
// codecommit.REGION.amazonaws.com.
const codeCommit = "git-codecommit."

// address is where an object asks: GitHub, Bitbucket and AWS CodeCommit answer what is not Git on hosts of their own.
func (f *fleet) address(o *flux.Object, remote flux.Remote, p Protocol) flux.Address {
	a := flux.ParseAddress(remote.URL, p == Image && o.Kind != flux.ResourceSetInputProviderKind)
	switch p {
	case Bucket:
		a.Path = remote.Bucket
	case REST:
		a.Host = RESTHost(a.Host)
	}
	return a
}

// RESTHost is the host that answers what is asked by REST of one that answers Git: for most the same.
func RESTHost(host string) string {
	switch {
	case host == presetHost:
		return GitHubREST
	case host == "bitbucket.org":
		return "api.bitbucket.org"
	case strings.HasPrefix(host, codeCommit) && strings.HasSuffix(host, ".amazonaws.com"):
		return strings.TrimPrefix(host, "git-")
	default:
		return host
	}
}
