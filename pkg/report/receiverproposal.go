package report

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
	"github.com/fluxtune/kubectl-fluxtune/pkg/webhook"
)

const receiverGroup = "notification.toolkit.fluxcd.io"

func newReceiverProposals(proposals []webhook.Proposal) ([]ReceiverProposal, error) {
	all := []ReceiverProposal{}
	for _, p := range proposals {
		r, err := newReceiverProposal(p)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, nil
}

func newReceiverProposal(p webhook.Proposal) (ReceiverProposal, error) {
	r := ReceiverProposal{
		Namespace: p.Manifest.Metadata.Namespace, Name: p.Manifest.Metadata.Name, Host: p.Host, HostType: string(p.HostType), Guessed: p.Guessed,
		Verifies: p.HostType.Verifies(), SecretCommand: p.SecretCommand(), PathCommand: p.PathCommand(), Steps: p.Steps(), title: p.HostType.Title(),
		Existing: p.Existing, Added: p.Added, Dropped: p.Dropped, ReplacedBy: p.ReplacedBy, Replaces: p.Replaces, Unfiltered: p.Unfiltered, Owners: []ReceiverOwner{},
		Origin: oneLine(p.Origin),
	}
	for _, origin := range p.SourceOrigins {
		r.SourceOrigins = append(r.SourceOrigins, oneLine(origin))
	}
	for _, o := range p.Owners {
		r.Owners = append(r.Owners, ReceiverOwner(o))
	}
	r.ref = flux.Ref{Group: receiverGroup, Kind: p.Manifest.Kind, Namespace: r.Namespace, Name: r.Name}
	if r.choice = p.New; len(p.New) == 0 && len(p.Sources) > 0 {
		r.choice = p.Sources[:1]
	}
	for _, ref := range p.Sources {
		r.Sources = append(r.Sources, ref.String())
	}
	if p.NeedsToken() {
		r.TokenCommand = p.TokenCommand()
	}
	manifest := p.Manifest
	if p.File != nil {
		manifest = *p.File
	}
	r.inFile, r.sources = [2]string{manifest.Metadata.Namespace, manifest.Metadata.Name}, p.Sources
	text, err := terminal.MarshalYAML(manifest)
	if err != nil {
		return r, fmt.Errorf("writing Receiver %s/%s: %w", r.Namespace, r.Name, err)
	}
	r.yaml = string(text)
	if r.anywhere, r.standing, err = inItsFile(manifest, p.Standing); err != nil {
		return r, fmt.Errorf("writing Receiver %s/%s: %w", r.Namespace, r.Name, err)
	}
	data, err := json.Marshal(p.Manifest)
	if err == nil {
		err = json.Unmarshal(data, &r.Manifest)
	}
	if err != nil {
		return r, fmt.Errorf("writing Receiver %s/%s: %w", r.Namespace, r.Name, err)
	}
	return r, nil
}

// inItsFile is a manifest without a namespace, and what its file has of it now; "" where that is not known.
func inItsFile(m webhook.Manifest, standing map[string]any) (anywhere, now string, err error) {
	m.Metadata.Namespace = ""
	text, err := terminal.MarshalYAML(m)
	if err != nil || standing == nil {
		return string(text), "", err
	}
	stands, err := terminal.MarshalYAML(standing)
	return string(text), string(stands), err
}

func (p ReceiverProposal) guess() string {
	switch {
	case !p.Guessed:
		return ""
	case p.HostType == string(webhook.GenericHMAC):
		return ", since its name does not tell what it runs: --host-type " + terminal.Quoted(p.Host+"=TYPE") + " does"
	default:
		return ", as its name suggests: if it is not, say what with --host-type " + terminal.Quoted(p.Host+"=TYPE")
	}
}

// Untaken says why nothing could take a call for some sources; "" where something can.
func (l ReceiverList) Untaken() string { return l.untaken }

// Manifests is how many Receivers WriteManifests writes.
func (l ReceiverList) Manifests() int { return len(l.all) }

// Unwritten names the Receivers that were read, or that stand beside them, and that WriteManifests does not write, but for those that
// Gone tells of; "" where there are none.
func (l ReceiverList) Unwritten(beside []flux.Ref) string {
	names := map[string]bool{}
	for _, r := range l.Receivers {
		names[r.Ref.Namespace+"/"+r.Ref.Name] = true
	}
	for _, r := range beside {
		names[r.Namespace+"/"+r.Name] = true
	}
	for _, p := range l.all {
		delete(names, p.Namespace+"/"+p.Name)
	}
	for _, r := range l.gone {
		delete(names, r.Namespace+"/"+r.Name)
	}
	return firstNames(sortedKeys(names))
}

// Gone says of the Receivers of the form that is written that they name nothing any more; "" where there are none.
func (l ReceiverList) Gone() string {
	var names []string
	for _, r := range l.gone {
		names = append(names, r.Namespace+"/"+r.Name)
	}
	if len(names) == 0 {
		return ""
	}
	if len(names) == 1 {
		return names[0] + " is left out, since nothing that it names is there any more: take it out where it is"
	}
	return firstNames(names) + " are left out, since nothing that they name is there any more: take them out where they are"
}

// WriteManifests writes the Receivers as they should be as YAML, ready to be applied, each below comments that say what else
// it takes: the missing ones, and those of the same form that are there, so that the file is whole each time.
func (l ReceiverList) WriteManifests(w io.Writer) error {
	for i, p := range l.all {
		if i > 0 {
			if _, err := io.WriteString(w, "---\n"); err != nil {
				return err
			}
		}
		if _, err := io.WriteString(w, p.comments()+p.yaml); err != nil {
			return err
		}
	}
	return nil
}

// ownersComment says whose the sources are.
func (p ReceiverProposal) ownersComment() string {
	known := 0
	for _, o := range p.Owners {
		known += o.Sources
	}
	parts := []string{p.ownersText()}
	if n := len(p.Sources) - known; n > 0 {
		parts = append(parts, fmt.Sprintf("and %s that were not read", count(n, "source")))
	}
	text := "Whose repositories these are: " + strings.Join(parts, ", ") + "."
	if len(p.Owners) > 1 {
		text += " A host calls only for what is yours there: --owner NAME proposes for that alone."
	}
	return text
}

// applying says how the Receiver comes into the cluster, up to what is to be done then.
func (p ReceiverProposal) applying() []string {
	const then = "Then this prints the path of the URL:"
	from, how := p.SourceOrigins, "2. Apply this, or put it where its sources come from:"
	if p.Origin != "" {
		from, how = []string{p.Origin}, "2. Put this where the Receiver comes from, since what kubectl applies may be taken back:"
	}
	if len(from) == 0 {
		return []string{"2. Apply this. " + then}
	}
	lines := []string{how}
	for i, origin := range from {
		if i == mostOrigins {
			lines = append(lines, fmt.Sprintf("     and %d more", len(from)-i))
			break
		}
		lines = append(lines, "     "+origin)
	}
	return append(lines, "   "+then)
}

// mostOrigins is how many are named.
const mostOrigins = 3

func (p ReceiverProposal) comments() string {
	lines := []string{
		fmt.Sprintf("For %s at %s (%s%s) in namespace %s.", count(len(p.Sources), "source"), p.Host, p.title, p.guess(), p.Namespace),
		p.ownersComment(),
		"What notification-controller verifies of a call: " + p.Verifies + ".",
		"", "1. Create the Secret:", "     " + p.SecretCommand,
	}
	lines = append(append(lines, p.applying()...), "     "+p.PathCommand,
		"   In front of it belongs the address at which the host reaches the Service webhook-receiver of Flux: https://flux.example.com",
		"3. Enter at the host:")
	for _, step := range p.Steps {
		lines = append(lines, "     "+step)
	}
	if p.TokenCommand != "" {
		lines = append(lines, "   This prints the TOKEN:", "     "+p.TokenCommand)
	}
	if strings.Contains(p.yaml, "\n  resourceFilter:") {
		lines = append(lines, "Its resourceFilter needs notification-controller 1.5 (Flux 2.5): --no-filter leaves it out.")
	}
	for _, ref := range p.also {
		lines = append(lines, fmt.Sprintf("%s/%s is made of this manifest, too: do the same in that namespace.", ref.Namespace, ref.Name))
	}
	switch {
	case p.ReplacedBy != "":
		lines = append(lines, "", p.replaced())
	case p.Replaces != "":
		lines = append(lines, "", fmt.Sprintf("It is in place of %s, which stays until you take it out: do so once this one is called.", p.Replaces))
	}
	var text strings.Builder
	for _, line := range lines {
		line = strings.NewReplacer("\n", " ", "\t", " ").Replace(terminal.Printable(line)) // no line break ends the comment
		text.WriteString(strings.TrimRight("# "+line, " ") + "\n")
	}
	return text.String()
}
