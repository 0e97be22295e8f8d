package report

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
)

// ReceiverFile is the file of a checkout that what WriteManifests writes is for.
type ReceiverFile struct {
	// Name of the file, from the top of the checkout; "" where none of what is written stands in one.
	Name string
	// List writes what belongs there: the Receivers that it has, and the new ones.
	List ReceiverList
	// Warnings are about those that stand in other files, in a sentence each.
	Warnings []string

	files map[flux.Ref]string
	// same are those that are made of a manifest which is written already.
	same map[flux.Ref]bool
}

// InOneFile finds the file that what is written is for: that with most of it. A Receiver that stands in another file is left out,
// since it would be there twice, and what applies both files could not be built. Files are those that objects stand in.
// Renamespaced tells of an object whether what applies it sets its namespace.
func (l ReceiverList) InOneFile(files map[flux.Ref]string, renamespaced func(flux.Ref) bool) ReceiverFile {
	in := map[string]int{}
	for _, p := range l.all {
		if file := files[p.ref]; file != "" {
			in[file]++
		}
	}
	f := ReceiverFile{List: l, files: files}
	for _, file := range sortedKeys(in) {
		if in[file] > in[f.Name] {
			f.Name = file
		}
	}
	f.List.all = slices.DeleteFunc(slices.Clone(l.all), func(p ReceiverProposal) bool {
		file := files[p.ref]
		if file == "" || file == f.Name {
			return false
		}
		f.Warnings = append(f.Warnings, p.elsewhere(file, f.Name, slices.ContainsFunc(l.Proposals, func(q ReceiverProposal) bool { return q.ref == p.ref })))
		return true
	})
	f.fold(renamespaced)
	return f
}

// Collisions say which of the Receivers that are written belong into a file which another cluster reads, too, and needs
// otherwise: that of the Receiver, or, of a missing one, of its sources. Files and theirs are those that the objects of both
// stand in, and cluster names the other.
func (l ReceiverList) Collisions(files map[flux.Ref]string, other ReceiverList, theirs map[flux.Ref]string, cluster string) (sentences []string) {
	for _, p := range l.all {
		for _, q := range other.all {
			file := files[p.ref]
			switch {
			case file != "" && file == theirs[q.ref] && p.inFile == q.inFile && p.yaml != q.yaml:
			case file == "" && theirs[q.ref] == "" && p.ref == q.ref && !reflect.DeepEqual(p.Manifest["spec"], q.Manifest["spec"]):
				file = commonFile(p.sources, files, q.sources, theirs)
			default:
				continue
			}
			if file != "" {
				sentences = append(sentences, fmt.Sprintf("%s reads %s, too, and needs %s/%s otherwise: what is written here is for one cluster, so keep it in a file that no other reads", cluster, file, p.Namespace, p.Name))
			}
		}
	}
	return sentences
}

// commonFile is one that objects of two clusters stand in; "" where there is none.
func commonFile(a []flux.Ref, files map[flux.Ref]string, b []flux.Ref, theirs map[flux.Ref]string) string {
	for _, ref := range a {
		file := files[ref]
		if file != "" && slices.ContainsFunc(b, func(other flux.Ref) bool { return theirs[other] == file }) {
			return file
		}
	}
	return ""
}

// elsewhere says of a Receiver that it is not written a second time. Changed says that it should be other than it is.
func (p ReceiverProposal) elsewhere(file, home string, changed bool) string {
	text := fmt.Sprintf("%s/%s stands in %s, and most of what is written in %s: it is not written a second time", p.Namespace, p.Name, file, home)
	if !changed {
		return text
	}
	names := ""
	for _, ref := range p.choice[:min(len(p.choice), mostNames)] {
		names += " " + terminal.Quoted(ref.Kind+"/"+ref.Name)
	}
	return fmt.Sprintf("%s. It should be other than it is: it is written alone where no more is chosen than what is new there:%s -n %s", text, names, terminal.Quoted(p.Namespace))
}

// Unwritten names what the file has besides what is written; "" where that is nothing.
func (f ReceiverFile) Unwritten() string {
	var names []string
	for ref, file := range f.files {
		written := func(p ReceiverProposal) bool { return p.ref == ref }
		if file == f.Name && !f.same[ref] && !slices.ContainsFunc(f.List.all, written) && !slices.Contains(f.List.gone, ref) {
			names = append(names, ref.String())
		}
	}
	slices.Sort(names)
	return firstNames(names)
}

// Namespaces are those of the Receivers that WriteManifests writes.
func (l ReceiverList) Namespaces() []string {
	in := map[string]bool{}
	for _, p := range l.all {
		in[p.Namespace] = true
	}
	return sortedKeys(in)
}

// Unfiltered is how many Receivers WriteManifests writes without a filter, as they are, though they could have one.
func (l ReceiverList) Unfiltered() (n int) {
	for _, p := range l.all {
		if p.Unfiltered {
			n++
		}
	}
	return n
}

// Overruled says in a sentence each of which Receivers that should be other than they are what kubectl applies does not last.
func (l ReceiverList) Overruled() (sentences []string) {
	from := map[string][]string{}
	for _, p := range l.Proposals {
		if p.Origin != "" {
			from[p.Origin] = append(from[p.Origin], p.Namespace+"/"+p.Name)
		}
	}
	for _, origin := range sortedKeys(from) {
		sentences = append(sentences, fmt.Sprintf("what kubectl applies of %s may be taken back: put it where it comes from (%s)", firstNames(from[origin]), origin))
	}
	return sentences
}

// Replaced says in a sentence each what becomes of Receivers that others are written in place of.
func (l ReceiverList) Replaced() (sentences []string) {
	for _, p := range l.all {
		if p.ReplacedBy != "" {
			sentences = append(sentences, p.replaced())
		}
	}
	return sentences
}
