package cmd

import (
	"fmt"

	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
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
	for _, p := range list.Replaced() {
		say("Note: %s", p)
	}
	if n := list.Unfiltered(); n > 0 {
		say("Note: %s without a filter, as on the last time: --no-filter=false gives all of them one.", plural(n, "Receiver"))
	}
	return list.WriteManifests(o.root.document())
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
