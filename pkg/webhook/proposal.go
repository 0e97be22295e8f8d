package webhook

import (
	"cmp"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// Proposal is a Receiver as it should be: one for all sources of a host in a namespace that no other names, or several where
// the filter of one would be too long.
type Proposal struct {
	// Host is its name, without a port.
	Host     string
	HostType HostType
	Guessed  bool
	Sources  []flux.Ref
	// Owners are whose the sources are, as their addresses tell.
	Owners   []Owner
	Manifest Manifest
	// Existing says that it is there, and was written here: it keeps its name, its Secret and its path.
	Existing bool
	// Added and Dropped are how many sources it names that the one which is there does not, and the other way round.
	Added, Dropped int
	// New are the sources that are added.
	New []flux.Ref
	// ReplacedBy is the name of the Receiver that is written for the same sources, since something else runs at the host than
	// this one was written for; Replaces is the same from that one's side. Both are written: calls may still come to the old one
	// when the new one is applied.
	ReplacedBy, Replaces string
	// Origin is what applies the Receiver that is there, again and again, and where that has it from; SourceOrigins are those of
	// the sources of a missing one, each once. See Input.Origin.
	Origin        string
	SourceOrigins []string
	// Unfiltered says that it has no filter, as the one which is there has none, though its make has one.
	Unfiltered bool

	// File is the Manifest as it belongs into its file, where that is another: kustomizations give it another name, say.
	File *Manifest
	// Standing is what the file has of it now; nil where that is not known.
	Standing map[string]any

	changed bool
	// outlived are the sources of which draft.outlived tells.
	outlived []flux.Ref
}

// Manifest is a Receiver as it is written, of the fields that a proposal needs (notification-controller api/v1).
type Manifest struct {
	APIVersion string       `json:"apiVersion"`
	Kind       string       `json:"kind"`
	Metadata   ManifestName `json:"metadata"`
	Spec       ManifestSpec `json:"spec"`
}

// ManifestName is the metadata of a Receiver. Labels and annotations are those that somebody has given it.
type ManifestName struct {
	Name        string            `json:"name"`
	Namespace   string            `json:"namespace,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// given are the labels or annotations of an object that people give it: no marks of the tools that apply it or ask it, and no
// records of sessions.
func given(all map[string]string) map[string]string {
	kept := make(map[string]string)
	for key, value := range all {
		prefix, name, _ := strings.Cut(key, "/")
		switch {
		case strings.HasSuffix(prefix, ".toolkit.fluxcd.io") && (name == "name" || name == "namespace" || name == "checksum"):
		case key == tune.RecordAnnotation, key == tune.UntilAnnotation:
		case slices.Contains(toolsMarks, prefix), slices.Contains(toolsMarks, key):
		case key == "app.kubernetes.io/managed-by" && value == "Helm":
		default:
			kept[key] = value
		}
	}
	return kept
}

// toolsMarks are prefixes, and keys, of marks by which tools know what they have applied.
var toolsMarks = []string{
	"kubectl.kubernetes.io", "meta.helm.sh", "reconcile.fluxcd.io", "config.kubernetes.io", "internal.config.kubernetes.io",
	"fluxcd.controlplane.io", "argocd.argoproj.io/tracking-id", "argocd.argoproj.io/instance", "app.kubernetes.io/instance",
}

// ManifestSpec is the spec of a Receiver.
type ManifestSpec struct {
	Type   string   `json:"type"`
	Events []string `json:"events,omitempty"`
	// ResourceFilter is an expression in CEL, asked for each of the resources (notification-controller 1.5).
	ResourceFilter string             `json:"resourceFilter,omitempty"`
	Resources      []ManifestResource `json:"resources"`
	SecretRef      ManifestSecret     `json:"secretRef"`
	// Suspend is true, or in a file the text of a variable; nil where it is not set.
	Suspend any `json:"suspend,omitempty"`
	// Interval is how often it is looked at; "" for the default.
	Interval string `json:"interval,omitempty"`
}

// ManifestResource is an object that a Receiver notifies, in its own namespace.
type ManifestResource struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
}

// ManifestSecret names the Secret with the token.
type ManifestSecret struct {
	Name string `json:"name"`
}

// write makes a Receiver of a draft: with the name, the Secret and what else it has where it is there already.
func (f *fleet) write(d draft, taken map[[2]string]bool) Proposal {
	made := d.hostType.made()
	p := Proposal{Host: d.host, HostType: d.hostType, Owners: owners(d.members), Existing: d.own != nil}
	spec := ManifestSpec{Type: made.receiver, Events: slices.Clone(made.events)}
	if f.hasFilter(d.own) {
		spec.ResourceFilter = made.filter.expression(clauses(d.members))
	} else {
		p.Unfiltered = !f.in.NoFilter && made.filter.expression(clauses(d.members)) != ""
	}
	tagged := false
	for _, m := range d.members {
		p.Sources = append(p.Sources, m.ref)
		if d.outlived(m) {
			p.outlived = append(p.outlived, m.ref)
		}
		spec.Resources = append(spec.Resources, ManifestResource{m.ref.Kind, m.ref.Name})
		switch {
		case m.source != nil:
			p.Guessed = p.Guessed || m.source.Guessed
			tagged = tagged || wants(&m.source.Object).onlyTags()
		default:
			tagged = tagged || len(d.own.receiver.Hook.Events) > len(made.events)
		}
	}
	if tagged {
		spec.Events = append(spec.Events, made.tagEvents...)
	}
	name := ""
	if d.own == nil {
		name = f.free(taken, d.namespace, d.host)
		spec.SecretRef.Name = secretName(name)
	} else {
		name = d.own.receiver.Name
		spec.take(d.own.receiver)
	}
	p.Manifest = Manifest{"notification.toolkit.fluxcd.io/v1", "Receiver", ManifestName{Name: name, Namespace: d.namespace}, spec}
	if d.own != nil {
		p.Manifest.Metadata.Labels, p.Manifest.Metadata.Annotations = given(d.own.receiver.Labels), given(d.own.receiver.Annotations)
		p.compareWith(d.own.receiver)
		p.Origin = f.origin(d.own.receiver)
	} else {
		p.SourceOrigins = f.origins(d.members)
	}
	return p
}

// origins are those of the sources of a Receiver, each once.
func (f *fleet) origins(members []member) []string {
	var all []string
	for _, m := range members {
		if m.source == nil {
			continue
		}
		if origin := f.origin(&m.source.Object); origin != "" && !slices.Contains(all, origin) {
			all = append(all, origin)
		}
	}
	slices.Sort(all)
	return all
}

// InFile has a Receiver keep what its file says of what people and kustomizations decide: its name, namespace, labels, annotations
// and Secret, and a variable that decides whether it is suspended, or its interval. document is what the file has.
func (p *Proposal) InFile(document map[string]any) {
	at := func(fields ...string) string {
		value, _, _ := unstructured.NestedString(document, fields...)
		return value
	}
	labels, _, _ := unstructured.NestedStringMap(document, "metadata", "labels")
	annotations, _, _ := unstructured.NestedStringMap(document, "metadata", "annotations")
	m := p.Manifest
	m.Metadata = ManifestName{Name: at("metadata", "name"), Namespace: at("metadata", "namespace"), Labels: given(labels), Annotations: given(annotations)}
	m.Spec.SecretRef.Name = at("spec", "secretRef", "name")
	if text := at("spec", "suspend"); text != "" {
		m.Spec.Suspend = text
	}
	if text := at("spec", "interval"); strings.Contains(text, "${") {
		m.Spec.Interval = text
	}
	p.File, p.Standing = &m, document
}

// take takes over what a Receiver has that its sources do not decide.
func (s *ManifestSpec) take(r *flux.Object) {
	s.SecretRef.Name = r.Hook.Secret
	if r.Suspended {
		s.Suspend = true
	}
	every := r.Interval
	for _, back := range tune.DecideRestore(*r, tune.RestoreOptions{}).Changes {
		if back.Field == flux.Interval { // what a session has set is nobody's choice
			every = back.To
		}
	}
	if every != nil && r.EffectiveWith(flux.Interval, every, every) != receiverInterval {
		s.Interval = *every
	}
}

// receiverInterval is what the API server gives a Receiver without one (notification-controller api/v1, ReceiverSpec).
const receiverInterval = 10 * time.Minute

// compareWith notes what is new of a Receiver that is there.
func (p *Proposal) compareWith(r *flux.Object) {
	names := func(t flux.Target) ManifestResource { return ManifestResource{t.Kind, t.Name} }
	var was []ManifestResource
	for _, t := range r.Targets {
		was = append(was, names(t))
	}
	spec := p.Manifest.Spec
	for i, resource := range spec.Resources {
		if !slices.Contains(was, resource) {
			p.New = append(p.New, p.Sources[i])
		}
	}
	p.Added = len(p.New)
	p.Dropped = len(was) + p.Added - len(spec.Resources)
	p.changed = p.Added+p.Dropped > 0 || spec.ResourceFilter != r.Hook.Filter || !slices.Equal(spec.Events, r.Hook.Events)
}

// label is a name after a host.
func label(host string) string {
	const most = 50 // leaves room for what is added, within the 63 of a label
	base := strings.Trim(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, lower(host)), "-")
	return cmp.Or(strings.Trim(base[:min(len(base), most)], "-"), "webhook")
}

// free is a name for a Receiver after a host, which nothing in the namespace has, and whose Secret no Receiver there names.
func (f *fleet) free(taken map[[2]string]bool, namespace, host string) string {
	base := label(host)
	name := base
	secretUsed := func() bool {
		return slices.ContainsFunc(f.receivers, func(r *flux.Object) bool { return r.Namespace == namespace && r.Hook.Secret == secretName(name) })
	}
	for i := 2; taken[[2]string{namespace, name}] || secretUsed(); i++ {
		name = fmt.Sprintf("%s-%d", base, i)
	}
	taken[[2]string{namespace, name}] = true
	return name
}

// secretName is that of the Secret of a new Receiver.
func secretName(receiver string) string { return receiver + "-webhook" }

// operand tells whether a text can stand in a command for itself, behind flags: nothing is named so that a command takes it for
// one.
func operand(name string) bool { return name != "" && !strings.HasPrefix(name, "-") }

// newToken is what a shell makes a token of that nobody has seen.
const newToken = "$(head -c 32 /dev/urandom | sha256sum | cut -d' ' -f1)"

// SecretCommand creates the Secret of a Receiver with a token that nobody has seen. The type gcr needs two fields
// more, which stand for what was set up at Google.
func SecretCommand(namespace, name, receiver string) string {
	command := fmt.Sprintf(`kubectl -n %s create secret generic %s --from-literal=token="%s"`, terminal.Quoted(namespace), terminal.Quoted(name), newToken)
	if receiver == "gcr" {
		command += " --from-literal=email=EMAIL --from-literal=audience=AUDIENCE"
	}
	return command
}

// SecretCommand creates the Secret that the Receiver needs.
func (p Proposal) SecretCommand() string {
	return SecretCommand(p.Manifest.Metadata.Namespace, p.Manifest.Spec.SecretRef.Name, p.Manifest.Spec.Type)
}

// TokenCommand prints the token, to be entered at the host.
func (p Proposal) TokenCommand() string {
	return fmt.Sprintf("kubectl -n %s get secret %s -o go-template='{{.data.token | base64decode}}'", terminal.Quoted(p.Manifest.Metadata.Namespace), terminal.Quoted(p.Manifest.Spec.SecretRef.Name))
}

// PathCommand prints the path of the URL, once the Receiver is ready.
func (p Proposal) PathCommand() string {
	return fmt.Sprintf("kubectl -n %s get receiver %s -o jsonpath='{.status.webhookPath}'", terminal.Quoted(p.Manifest.Metadata.Namespace), terminal.Quoted(p.Manifest.Metadata.Name))
}

// NeedsToken tells whether the token is entered at the host: where nothing is verified it is part of the path only.
func (p Proposal) NeedsToken() bool {
	return slices.ContainsFunc(p.HostType.made().steps, func(step string) bool { return strings.Contains(step, "TOKEN") })
}

// Steps are what to enter at the host, in its own words. URL stands for the address at which notification-controller is
// reached with the path behind it, TOKEN for the token.
func (p Proposal) Steps() []string {
	name := p.Manifest.Metadata.Namespace + "-" + p.Manifest.Metadata.Name
	registry, _, _ := strings.Cut(p.Host, ".")
	fill := strings.NewReplacer("SUBSCRIPTION", terminal.Quoted("flux-"+name), "HOOKNAME", terminal.Quoted(hookName(name)), "REGISTRY", terminal.Quoted(registry))
	var steps []string
	for _, step := range p.HostType.made().steps {
		steps = append(steps, fill.Replace(step))
	}
	return steps
}

// hookName is a name for a webhook at Azure's registry, where each has one of its own: 5 to 50 letters and digits (az acr
// webhook create --help).
func hookName(name string) string {
	short := "flux" + strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, name)
	if len(short) <= 50 {
		return short
	}
	return fmt.Sprintf("%s%08x", short[:42], crc32.ChecksumIEEE([]byte(name)))
}
