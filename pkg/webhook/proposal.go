package webhook

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Proposal is a Receiver that is missing: one for all uncovered sources of a host in a namespace, or several where the filter
// of one would be too long.
type Proposal struct {
	Host     string
	HostType HostType
	Guessed  bool
	Sources  []flux.Ref
	Manifest Manifest
}

// Manifest is a Receiver as it is written, of the fields that a proposal needs (notification-controller api/v1).
type Manifest struct {
	APIVersion string       `json:"apiVersion"`
	Kind       string       `json:"kind"`
	Metadata   ManifestName `json:"metadata"`
	Spec       ManifestSpec `json:"spec"`
}

// ManifestName is the metadata of a Receiver.
type ManifestName struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
}

// ManifestSpec is the spec of a Receiver.
type ManifestSpec struct {
	Type   string   `json:"type"`
	Events []string `json:"events,omitempty"`
	// ResourceFilter is an expression in CEL, asked for each of the resources (notification-controller 1.5).
	ResourceFilter string             `json:"resourceFilter,omitempty"`
	Resources      []ManifestResource `json:"resources"`
	SecretRef      ManifestSecret     `json:"secretRef"`
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

// propose makes a Receiver for each host and namespace that has uncovered sources. Each is in the namespace of its
// sources, so that it works with --no-cross-namespace-refs, too.
func (f *fleet) propose(sources []Source) []Proposal {
	type place struct {
		namespace, host string
		hostType        HostType
	}
	groups := map[place][]*Source{}
	for i := range sources {
		if s := &sources[i]; s.State == Uncovered {
			at := place{s.Object.Namespace, s.Host, s.HostType}
			groups[at] = append(groups[at], s)
		}
	}
	places := make([]place, 0, len(groups))
	for at := range groups {
		places = append(places, at)
	}
	slices.SortFunc(places, func(a, b place) int {
		return cmp.Or(strings.Compare(a.namespace, b.namespace), strings.Compare(a.host, b.host), strings.Compare(string(a.hostType), string(b.hostType)))
	})
	taken := map[[2]string]bool{}
	for _, r := range f.receivers {
		taken[[2]string{r.Namespace, r.Name}] = true
	}
	var proposals []Proposal
	for _, at := range places {
		for _, sources := range f.filtered(at.hostType, groups[at]) {
			name := free(taken, at.namespace, at.host)
			p := newProposal(at.namespace, name, at.host, at.hostType, sources)
			if f.in.NoFilter {
				p.Manifest.Spec.ResourceFilter = ""
			}
			proposals = append(proposals, p)
		}
	}
	return proposals
}

// filtered are sources in groups, each of which has a filter that is short enough: an expression that is too long makes the
// Receiver fail for all.
func (f *fleet) filtered(t HostType, sources []*Source) [][]*Source {
	half := len(sources) / 2
	if f.in.NoFilter || half == 0 || utf8.RuneCountInString(t.made().filter.expression(sources)) <= maxFilter {
		return [][]*Source{sources}
	}
	return slices.Concat(f.filtered(t, sources[:half]), f.filtered(t, sources[half:]))
}

func newProposal(namespace, name, host string, t HostType, sources []*Source) Proposal {
	made := t.made()
	p := Proposal{Host: host, HostType: t, Guessed: sources[0].Guessed}
	spec := ManifestSpec{Type: made.receiver, Events: slices.Clone(made.events), SecretRef: ManifestSecret{name + "-webhook"}, ResourceFilter: made.filter.expression(sources)}
	tagged := false
	for _, s := range sources {
		p.Sources = append(p.Sources, s.Object.Ref)
		spec.Resources = append(spec.Resources, ManifestResource{s.Object.Kind, s.Object.Name})
		tagged = tagged || wants(&s.Object).onlyTags()
	}
	if tagged {
		spec.Events = append(spec.Events, made.tagEvents...)
	}
	p.Manifest = Manifest{"notification.toolkit.fluxcd.io/v1", "Receiver", ManifestName{name, namespace}, spec}
	return p
}

// free is a name for a Receiver after a host, which nothing in the namespace has.
func free(taken map[[2]string]bool, namespace, host string) string {
	const most = 50 // leaves room for what is added, within the 63 of a label
	base := strings.Trim(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, lower(host)), "-")
	base = cmp.Or(strings.Trim(base[:min(len(base), most)], "-"), "webhook")
	name := base
	for i := 2; taken[[2]string{namespace, name}]; i++ {
		name = fmt.Sprintf("%s-%d", base, i)
	}
	taken[[2]string{namespace, name}] = true
	return name
}

// SecretCommand creates the Secret of a Receiver with a token that nobody has seen. The type gcr needs two fields
// more, which stand for what was set up at Google.
func SecretCommand(namespace, name, receiver string) string {
	command := fmt.Sprintf(`kubectl -n %s create secret generic %s --from-literal=token="$(head -c 32 /dev/urandom | sha256sum | cut -d' ' -f1)"`, namespace, name)
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
	return fmt.Sprintf("kubectl -n %s get secret %s -o go-template='{{.data.token | base64decode}}'", p.Manifest.Metadata.Namespace, p.Manifest.Spec.SecretRef.Name)
}

// PathCommand prints the path of the URL, once the Receiver is ready.
func (p Proposal) PathCommand() string {
	return fmt.Sprintf("kubectl -n %s get receiver %s -o jsonpath='{.status.webhookPath}'", p.Manifest.Metadata.Namespace, p.Manifest.Metadata.Name)
}

// NeedsToken tells whether the token is entered at the host: where nothing is verified it is part of the path only.
func (p Proposal) NeedsToken() bool {
	return slices.ContainsFunc(p.HostType.made().steps, func(step string) bool { return strings.Contains(step, "TOKEN") })
}

// Steps are what to enter at the host, in its own words. URL stands for the address at which notification-controller is
// reached with the path behind it, TOKEN for the token.
func (p Proposal) Steps() []string { return slices.Clone(p.HostType.made().steps) }
