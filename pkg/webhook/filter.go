package webhook

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// wanted is which revisions a source waits for: a reference (refs/heads/main) or a tag, or all that begin so. The zero
// value is any.
type wanted struct {
	value  string
	prefix bool
}

const (
	heads = "refs/heads/"
	tags  = "refs/tags/"
	// dereferenced ends a reference to what an annotated tag points at, of which a push names the tag (fluxcd/pkg git/gogit/clone.go,
	// cloneRefName).
	dereferenced = "^{}"
)

// wants is what a source waits for. Without a reference it is the branch master (source-controller api/v1,
// GitRepositoryRef), or the tag latest (internal/controller/ocirepository_controller.go, getArtifactRef). Of a variable whose value
// is not here only what stands before it is known.
func wants(o *flux.Object) wanted {
	w := refersTo(o)
	before, _, open := strings.Cut(w.value, "${")
	switch {
	case !open:
		return w
	case o.Kind == "GitRepository":
		return wanted{before, before != ""}
	default:
		return wanted{}
	}
}

func refersTo(o *flux.Object) wanted {
	value := o.Remote.Ref.Value
	switch o.Kind + " " + string(o.Remote.Ref.Kind) {
	case "GitRepository branch":
		return wanted{value: heads + value}
	case "GitRepository tag":
		return wanted{value: tags + value}
	case "GitRepository semver":
		return wanted{tags, true}
	case "GitRepository ":
		return wanted{value: heads + "master"}
	case "GitRepository name":
		if strings.HasPrefix(value, heads) || strings.HasPrefix(value, tags) {
			return wanted{value: strings.TrimSuffix(value, dereferenced)}
		}
		return wanted{} // see pull
	case "OCIRepository tag":
		return wanted{value: value}
	case "OCIRepository ":
		return wanted{value: "latest"}
	default:
		return wanted{}
	}
}

// pull tells whether a source follows what no push tells of: the reference of a pull or merge request.
func pull(o *flux.Object) bool {
	value := o.Remote.Ref.Value
	return o.Kind == "GitRepository" && o.Remote.Ref.Kind == flux.RefName && !strings.HasPrefix(value, "${") && !strings.HasPrefix(value, heads) && !strings.HasPrefix(value, tags)
}

// onlyTags tells whether a source of a Git host waits for tags.
func (w wanted) onlyTags() bool { return strings.HasPrefix(w.value, tags) }

// is writes that an expression is what is wanted; "" where anything is.
func (w wanted) is(expr string) string {
	switch {
	case w.value == "":
		return ""
	case w.prefix:
		return fmt.Sprintf("%s.startsWith(%s)", expr, quote(w.value))
	default:
		return fmt.Sprintf("%s == %s", expr, quote(w.value))
	}
}

// bodyFilter writes conditions in CEL about the body of a call, as one make of host sends it. The language is that of
// fluxcd/pkg runtime/cel: with has, exists and the functions of strings.
type bodyFilter struct {
	// guard is true of the bodies that the conditions can be asked of. What has no such fields is left out by it: to
	// ask for a field that is absent is an error.
	guard string
	// repository writes that the call is about a repository, and reference that it is about what is wanted; "" where
	// nothing can be said.
	repository func(host, path string) string
	reference  func(w wanted) string
	// charts writes that the call is about a chart of the HelmRepository with a path; nil where nothing can be said.
	charts func(path string) string
}

var (
	gitHubFilter = bodyFilter{ // and Gitea: ref, repository.full_name
		guard:      "has(req.ref) && has(req.repository)",
		repository: func(_, path string) string { return same("req.repository.full_name", last(path, 2)) },
		reference:  func(w wanted) string { return w.is("req.ref") },
	}
	gitLabFilter = bodyFilter{
		guard:      "has(req.ref) && has(req.project)",
		repository: gitLabProject,
		reference:  func(w wanted) string { return w.is("req.ref") },
	}
	bitbucketCloudFilter = bodyFilter{
		guard:      "has(req.push) && has(req.repository)",
		repository: func(_, path string) string { return same("req.repository.full_name", last(path, 2)) },
		reference:  bitbucketChange,
	}
	bitbucketFilter = bodyFilter{
		guard: "has(req.changes) && has(req.repository)",
		repository: func(_, path string) string {
			project, slug, found := strings.Cut(last(path, 2), "/")
			if !found {
				return ""
			}
			return same("req.repository.project.key", project) + " && " + same("req.repository.slug", slug)
		},
		reference: func(w wanted) string { return exists("req.changes", "c", w.is("c.ref.id")) },
	}
	azureFilter = bodyFilter{
		guard:      "has(req.resource) && has(req.resource.refUpdates) && has(req.resource.repository)",
		repository: azureRepository,
		reference:  func(w wanted) string { return exists("req.resource.refUpdates", "u", w.is("u.name")) },
	}
	harborFilter = bodyFilter{
		guard:      "has(req.event_data) && has(req.event_data.repository) && has(req.event_data.resources)",
		repository: func(_, path string) string { return same("req.event_data.repository.repo_full_name", path) },
		reference:  func(w wanted) string { return exists("req.event_data.resources", "r", w.is("r.tag")) },
		charts:     harborCharts,
	}
	dockerHubFilter = bodyFilter{
		guard:      "has(req.push_data) && has(req.repository)",
		repository: func(_, path string) string { return same("req.repository.repo_name", path) },
		reference:  func(w wanted) string { return w.is("req.push_data.tag") },
	}
	quayFilter = bodyFilter{
		guard:      "has(req.repository) && has(req.updated_tags)",
		repository: func(_, path string) string { return same("req.repository", path) },
		reference:  func(w wanted) string { return exists("req.updated_tags", "t", w.is("t")) },
	}
	acrFilter = bodyFilter{
		guard:      "has(req.target) && has(req.target.repository) && has(req.target.tag)",
		repository: func(_, path string) string { return same("req.target.repository", path) },
		reference:  func(w wanted) string { return w.is("req.target.tag") },
	}
	gcrFilter = bodyFilter{ // the tag is that of the image: europe-docker.pkg.dev/acme/images/app:v1
		guard:      "has(req.tag)",
		repository: func(host, path string) string { return fmt.Sprintf("req.tag.startsWith(%s)", quote(host+"/"+path+":")) },
		reference: func(w wanted) string {
			if w.value == "" {
				return ""
			}
			return fmt.Sprintf("req.tag.endsWith(%s)", quote(":"+w.value))
		},
	}
)

// gitLabProject: below a GitLab that is not at the root of its host, the path of the URL begins with more than the
// project's.
func gitLabProject(host, path string) string {
	if host == "gitlab.com" {
		return same("req.project.path_with_namespace", path)
	}
	return fmt.Sprintf(`%s.endsWith("/" + req.project.path_with_namespace.lowerAscii())`, quote("/"+lower(path)))
}

func bitbucketChange(w wanted) string {
	kind := "branch"
	if w.onlyTags() {
		kind = "tag"
	}
	name := wanted{value: strings.TrimPrefix(strings.TrimPrefix(w.value, heads), tags)}
	switch {
	case w.value == "":
		return ""
	case w.prefix:
		return exists("req.push.changes", "c", fmt.Sprintf("c.new != null && c.new.type == %s", quote(kind)))
	default: // new is null where a branch was deleted
		return exists("req.push.changes", "c", fmt.Sprintf("c.new != null && c.new.type == %s && %s", quote(kind), name.is("c.new.name")))
	}
}

// azureRepository: ORGANIZATION/PROJECT/_git/REPOSITORY, where the project may be left out if the repository has its
// name.
func azureRepository(host, path string) string {
	parts := strings.Split(path, "/")
	i := slices.Index(parts, "_git")
	if i < 0 || i+1 >= len(parts) {
		return ""
	}
	name := parts[i+1]
	project, first := name, 0
	if host == "dev.azure.com" {
		first = 1 // the organization
	}
	if i > first && !strings.EqualFold(parts[i-1], "DefaultCollection") {
		project = parts[i-1]
	}
	return azureName("req.resource.repository", name) + " && " + azureName("req.resource.repository.project", project)
}

// azureName writes that something is the one that a URL names: by its ID or its name, both of which are valid there.
func azureName(expr, value string) string {
	if guid.MatchString(value) {
		return same(expr+".id", value)
	}
	return same(expr+".name", value)
}

var guid = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)

// harborCharts: /chartrepo/PROJECT has the charts of a project, which a call names PROJECT/CHART.
func harborCharts(path string) string {
	if project, found := strings.CutPrefix(path, "chartrepo/"); found {
		return fmt.Sprintf("req.event_data.repository.repo_full_name.lowerAscii().startsWith(%s)", quote(lower(project)+"/"))
	}
	return ""
}

// same writes that an expression is a text in whatever case: hosts do not tell cases of names apart.
func same(expr, value string) string {
	return fmt.Sprintf("%s.lowerAscii() == %s", expr, quote(lower(value)))
}

func exists(list, name, condition string) string {
	if condition == "" {
		return ""
	}
	return fmt.Sprintf("%s.exists(%s, %s)", list, name, condition)
}

// last are the last n parts of a path: a host may stand below a path of its own.
func last(path string, n int) string {
	parts := strings.Split(path, "/")
	return strings.Join(parts[max(len(parts)-n, 0):], "/")
}

// lower is lowerAscii of CEL.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// quote writes a text as CEL has it, whose escapes are those of Go.
func quote(s string) string { return strconv.Quote(s) }

// condition is what has to be true of a body for a source at an address; "" where the body does not tell. What a HelmRepository
// or a Bucket is made from stands in no URL.
func (f *bodyFilter) condition(o *flux.Object, at flux.Address) string {
	switch {
	case calls(o.Kind):
	case f.charts != nil && o.Kind == "HelmRepository":
		return f.charts(at.Path)
	default:
		return ""
	}
	return join(f.repository(at.Host, at.Path), f.reference(wants(o)))
}

// clause is what has to be true of the body of a call for an object of a kind and name; no condition where the body does not
// tell.
type clause struct{ kind, name, condition string }

// expression is the resourceFilter of a Receiver for some objects; "" where the make's bodies do not tell them apart.
// Objects with the same condition share a line. read is its inverse.
func (f *bodyFilter) expression(clauses []clause) string {
	if f == nil {
		return ""
	}
	var conditions []string
	of := map[string][]clause{}
	for _, c := range clauses {
		if len(of[c.condition]) == 0 {
			conditions = append(conditions, c.condition)
		}
		of[c.condition] = append(of[c.condition], c)
	}
	if len(conditions) == 1 {
		if conditions[0] == "" {
			return ""
		}
		return f.guard + "\n&& " + conditions[0]
	}
	var lines []string
	for _, c := range conditions {
		for _, objects := range named(of[c]) {
			line := objects
			if c != "" {
				line += " && " + c
			}
			lines = append(lines, line)
		}
	}
	return f.guard + " && (\n  " + strings.Join(lines, "\n  || ") + "\n)"
}

// named writes that the object that is asked about is one of some, for each of their kinds.
func named(clauses []clause) []string {
	names := map[string][]string{}
	var kinds []string
	for _, c := range clauses {
		if names[c.kind] == nil {
			kinds = append(kinds, c.kind)
		}
		names[c.kind] = append(names[c.kind], quote(c.name))
	}
	var texts []string
	for _, kind := range kinds {
		is := "res.metadata.name == " + names[kind][0]
		if len(names[kind]) > 1 {
			is = "res.metadata.name in [" + strings.Join(names[kind], ", ") + "]"
		}
		texts = append(texts, fmt.Sprintf("res.kind == %s && %s", quote(kind), is))
	}
	return texts
}
