package flux

import (
	"cmp"
	"strings"
)

// Remote is what a source or an image scan polls, or where a Provider writes commit statuses: where, what of it, and with which credential.
type Remote struct {
	// URL as it is written: spec.url of a source, spec.endpoint of a Bucket (a host without scheme),
	// spec.image of an ImageRepository, spec.address of a Provider that writes commit statuses. "" for kinds that poll nothing themselves.
	URL string
	// Bucket is the name of a Bucket's bucket.
	Bucket string
	// Ref is what is looked for there.
	Ref RemoteRef
	// Secret is the name of the Secret with the credential (spec.secretRef, in the object's namespace);
	// "" without one. The Secret is never read.
	Secret string
	// Provider of a credential that is no Secret: "azure", "aws", "gcp", "github"; "" for generic.
	Provider string
	// Fingerprint is of everything in the spec but the URL and how often and how long it polls: two
	// sources of one URL with equal fingerprints make the same artifact, with the same credential.
	Fingerprint uint64
}

// RefKind says how a revision is chosen. It decides what a poll costs.
type RefKind string

// The kinds of references of GitRepositories and OCIRepositories. RefNone: the source names none.
const (
	RefNone   RefKind = ""
	RefBranch RefKind = "branch"
	RefTag    RefKind = "tag"
	RefSemver RefKind = "semver"
	RefName   RefKind = "name"
	RefCommit RefKind = "commit"
	RefDigest RefKind = "digest"
)

// RemoteRef is spec.ref: the field that counts where several are set, and its value.
type RemoteRef struct {
	Kind  RefKind
	Value string
}

// documentRef is spec.ref of a GitRepository or an OCIRepository.
type documentRef struct {
	Branch string `json:"branch"`
	Tag    string `json:"tag"`
	Semver string `json:"semver"`
	Name   string `json:"name"`
	Commit string `json:"commit"`
	Digest string `json:"digest"`
}

// refOrder are the fields of a reference in the order in which they count.
type refOrder []RefKind

// The orders. Git: pkg/git gogit/client.go, clone; there a tag counts before semver, whatever the API's
// comments say. OCI: source-controller internal/controller/ocirepository_controller.go, getArtifactRef.
var (
	gitOrder = refOrder{RefCommit, RefName, RefTag, RefSemver, RefBranch}
	ociOrder = refOrder{RefDigest, RefSemver, RefTag}
)

// remoteRef is the field that counts.
func (r *documentRef) remoteRef(order refOrder) RemoteRef {
	if r == nil {
		return RemoteRef{}
	}
	for _, kind := range order {
		if value := r.value(kind); value != "" {
			return RemoteRef{Kind: kind, Value: value}
		}
	}
	return RemoteRef{}
}

func (r *documentRef) value(kind RefKind) string {
	switch kind {
	case RefBranch:
		return r.Branch
	case RefTag:
		return r.Tag
	case RefSemver:
		return r.Semver
	case RefName:
		return r.Name
	case RefCommit:
		return r.Commit
	case RefDigest:
		return r.Digest
	default:
		return ""
	}
}

func (d document) remote() Remote {
	order := gitOrder
	if d.Kind == "OCIRepository" {
		order = ociOrder
	}
	r := Remote{URL: cmp.Or(d.Spec.URL, d.Spec.Endpoint, d.Spec.Image), Bucket: d.Spec.BucketName, Ref: d.Spec.Ref.remoteRef(order)}
	if d.Kind == ProviderKind && WritesStatuses(d.Spec.Type) { // the address of another may be a secret
		r.URL = d.Spec.Address
	}
	if r.URL == "" { // a Receiver's Secret is no credential for polls
		return Remote{}
	}
	r.Fingerprint = d.Spec.fingerprint()
	if d.Spec.SecretRef != nil {
		r.Secret = d.Spec.SecretRef.Name
	}
	if d.Spec.Provider != "generic" {
		r.Provider = d.Spec.Provider
	}
	return r
}

func (d document) group() string {
	group, _, _ := strings.Cut(d.APIVersion, "/")
	return group
}

func (d document) dependsOn() []Ref {
	var refs []Ref
	for _, r := range d.Spec.DependsOn {
		r.APIVersion = "" // it is of the object's own kind
		refs = append(refs, d.refer(r, d.group(), d.Kind))
	}
	return refs
}

// FollowsCommits tells whether each commit of a branch comes to a source: it follows one, or a tag of a registry that moves.
// Where it follows a tag of Git, a version or a range, a commit comes when somebody tags it; a commit or digest stays.
func (r Remote) FollowsCommits() bool {
	switch r.Ref.Kind {
	case RefNone, RefBranch:
		return true
	case RefName:
		return strings.HasPrefix(r.Ref.Value, "refs/heads/")
	case RefTag:
		return strings.HasPrefix(r.URL, "oci://") && !ExactVersion(r.Ref.Value)
	default:
		return false
	}
}
