package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/manifest"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
	"github.com/fluxtune/kubectl-fluxtune/pkg/webhook"
)

// manifests writes the Receivers as they should be: the missing ones, and those that were written here before. Who moves the
// output over a file loses what else that has, and is told so before.
func (o ReceiversOptions) manifests(ctx context.Context, f fleet, list report.ReceiverList) error {
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(o.root.ErrOut, format+"\n", args...) }
	var written report.ReceiverFile
	if o.Files != nil && o.Files.tree != nil {
		files := o.Files.fleet().Files()
		written = list.InOneFile(files, o.Files.fleet().Renamespaced)
		list = written.List
		collisions, err := o.collisions(ctx, &written, files)
		if err != nil {
			return err
		}
		written.Warnings = append(written.Warnings, collisions...)
	}
	if len(list.Proposals) == 0 {
		say("%s.", o.nothingMissing(list))
	}
	o.root.warn(slices.Concat(written.Warnings, list.Overruled()), nil)
	left := list.Unwritten(o.receiversBeside(f))
	if written.Name != "" {
		left = written.Unwritten()
	}
	if left != "" {
		say("Warning: not in the output, though there: %s. What is not of the form that is proposed, or was not asked for, is left to you: keep its manifest.", left)
	}
	if o.Files != nil && o.Files.tree != nil && written.Name == "" && list.Manifests() > 0 {
		say("Note: the file belongs where a Kustomization applies it: under resources of the kustomization.yaml there, if there is one%s.", severalNamespaces(list.Namespaces()))
	}
	if len(list.Items) == 0 {
		return errNothingToWrite
	}
	if gone := list.Gone(); gone != "" {
		say("Note: %s.", gone)
	}
	for _, p := range list.Replaced() {
		say("Note: %s", p)
	}
	if n := list.Unfiltered(); n > 0 {
		say("Note: %s without a filter, as on the last time: --no-filter=false gives all of them one.", plural(n, "Receiver"))
	}
	if flags := o.connection(); flags != "" && list.Manifests() > 0 {
		say("Note: the commands in the comments are without the flags that lead here, since the file may be kept in Git: add%s.", flags)
	}
	return list.WriteManifests(o.root.document())
}

// errNothingToWrite: an empty file would take Receivers away where it takes the place of another.
var errNothingToWrite = errors.New("there is no source to write Receivers for: nothing is written, so keep the file that you have until you know why")

// receiversBeside are the Receivers of the namespaces that are looked at, whatever is chosen there.
func (o ReceiversOptions) receiversBeside(f fleet) []flux.Ref {
	var refs []flux.Ref
	for _, object := range f.all() {
		if object.Kind == "Receiver" && (o.Selection.Namespace == "" || o.Selection.Namespace == object.Namespace) {
			refs = append(refs, object.Ref)
		}
	}
	return refs
}

// collisions say which of the Receivers that are written for one cluster of a checkout belong into files that other clusters, or what
// was not chosen of this one, read, too, and need otherwise. Files are those of this cluster's objects.
func (o ReceiversOptions) collisions(ctx context.Context, written *report.ReceiverFile, files map[flux.Ref]string) ([]string, error) {
	var all []string
	everything := o.FleetOptions
	everything.Selection, everything.Environments = cluster.Selection{}, nil // overlays set other namespaces
	for place := range o.Files.fleets {
		if place == o.Files.root && (written.Name == "" || o.whole() && o.Selection.Namespace == "") {
			continue
		}
		f, err := everything.readRoot(place)
		if err != nil {
			return nil, err
		}
		other := o
		other.FleetOptions = f.options
		c, _, err := other.coverage(ctx, f)
		if err == nil {
			err = other.asInFiles(c)
		}
		if err != nil {
			return nil, err
		}
		theirs, err := other.list(f, c)
		if err != nil {
			return nil, err
		}
		if place == o.Files.root {
			all = append(all, written.Namesakes(theirs)...)
			continue
		}
		all = append(all, written.List.Collisions(files, theirs, other.Files.fleet().Files(), other.Files.fleet().Root.String())...)
	}
	return all, nil
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
			proposals[i].InFile(document)
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
	case list.Untaken() != "":
		text = "No Receiver is proposed " + o.where() + ", since " + list.Untaken()
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
