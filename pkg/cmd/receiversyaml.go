package cmd

import (
	"encoding/json"
	"fmt"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/manifest"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
	"github.com/fluxtune/kubectl-fluxtune/pkg/webhook"
)

// manifests writes the Receivers as they should be: the missing ones, and those that were written here before. Who moves the
// output over a file loses what else that has, and is told so before.
func (o ReceiversOptions) manifests(list report.ReceiverList) error {
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(o.root.ErrOut, format+"\n", args...) }
	var written report.ReceiverFile
	if o.Files != nil && o.Files.tree != nil {
		written = list.InOneFile(o.Files.fleet().Files())
		list = written.List
	}
	if len(list.Proposals) == 0 {
		say("%s.", o.nothingMissing(list))
	}
	o.root.warn(written.Warnings, nil)
	left := list.Unwritten()
	if written.Name != "" {
		left = written.Unwritten()
	}
	if left != "" {
		say("Warning: not in the output, though there: %s. What is not of the form that is proposed, or was not asked for, is left to you: keep its manifest.", left)
	}
	if o.Files != nil && o.Files.tree != nil && written.Name == "" && list.Manifests() > 0 {
		say("Note: the file belongs where a Kustomization applies it: under resources of the kustomization.yaml there, if there is one%s.", severalNamespaces(list.Namespaces()))
	}
	for _, p := range list.Replaced() {
		say("Note: %s", p)
	}
	if n := list.Unfiltered(); n > 0 {
		say("Note: %s without a filter, as on the last time: --no-filter=false gives all of them one.", plural(n, "Receiver"))
	}
	return list.WriteManifests(o.root.document())
}

// severalNamespaces says what is to be known of a file with Receivers of some namespaces.
func severalNamespaces(names []string) string {
	if len(names) < 2 {
		return ""
	}
	return fmt.Sprintf("; it has Receivers of %d namespaces, so that none may be set there: -n NAMESPACE writes those of one", len(names))
}

// asInFiles has the Receivers that stand in files of a checkout written as they stand there: kustomizations add to names, and set
// namespaces and labels, and would do so again.
func (o ReceiversOptions) asInFiles(c webhook.Coverage) error {
	if o.Files == nil || o.Files.tree == nil || o.printer.format != "yaml" {
		return nil
	}
	locator := manifest.NewLocator(o.Files.tree)
	for _, proposals := range [][]webhook.Proposal{c.Proposals, c.Kept} {
		for i, p := range proposals {
			if !p.Existing {
				continue
			}
			kind, _ := flux.ParseKind(p.Manifest.Kind)
			name := p.Manifest.Metadata
			document, err := locator.Document(o.Files.fleet(), flux.Ref{Group: kind.Group, Kind: kind.Name, Namespace: name.Namespace, Name: name.Name})
			if err != nil {
				return err
			}
			if document == nil {
				continue
			}
			data, err := json.Marshal(document)
			if err != nil {
				return fmt.Errorf("reading Receiver %s/%s: %w", name.Namespace, name.Name, err)
			}
			object, err := flux.Decode(data)
			if err != nil {
				return err
			}
			proposals[i].InFile(object)
		}
	}
	return nil
}

// nothingMissing says that no Receiver is, as far as is known.
func (o ReceiversOptions) nothingMissing(list report.ReceiverList) string {
	text := "No Receiver is missing " + o.where()
	switch {
	case len(list.Items) == 0:
		text = "No source was found " + o.where()
	case list.Summary.Unknown > 0:
		text = "No Receiver is known to be missing " + o.where()
	}
	switch n := list.Manifests(); n {
	case 0:
		return text
	case 1:
		return text + ": the one that has the form of what is proposed is written again"
	default:
		return text + fmt.Sprintf(": the %d that have the form of what is proposed are written again", n)
	}
}
