package report

import (
	"fmt"
	"slices"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
)

// fold writes once what a file has once: kustomizations make Receivers of several namespaces of one manifest. One that these need
// otherwise is written as it stands. What is new there and belongs to a namespace that is set for none of the file is left out: it
// would get that of the others.
func (f *ReceiverFile) fold(renamespaced func(flux.Ref) bool) {
	set := map[string]bool{}
	for _, p := range f.List.all {
		if f.files[p.ref] != "" && renamespaced(p.ref) {
			set[p.Namespace] = true
		}
	}
	var all []ReceiverProposal
	f.same = map[flux.Ref]bool{}
	for _, p := range f.List.all {
		isNew := f.files[p.ref] == ""
		if isNew && len(set) > 0 && !set[p.Namespace] {
			f.Warnings = append(f.Warnings, fmt.Sprintf("%s/%s is not in the output: a kustomization sets another namespace for all of %s. -n %s writes it, for another file", p.Namespace, p.Name, f.Name, terminal.Quoted(p.Namespace)))
			continue
		}
		if isNew && set[p.Namespace] {
			p.inFile[0], p.yaml = "", p.anywhere
		}
		first := slices.IndexFunc(all, func(q ReceiverProposal) bool { return q.inFile == p.inFile })
		if first < 0 {
			all = append(all, p)
			continue
		}
		q := &all[first]
		f.same[p.ref] = true
		q.also = append(q.also, p.ref)
		if q.yaml == p.yaml {
			continue
		}
		text := fmt.Sprintf("%s/%s and %s/%s are one manifest in %s, and need it otherwise", q.Namespace, q.Name, p.Namespace, p.Name, f.Name)
		if q.standing == "" {
			q.inFile, q.omitted = p.inFile, true
			text += ": none is in the output. Write each with -n, into a file that only its namespace has"
		} else {
			q.yaml = q.standing
			text += ": it is written as it stands. Give each a file of its own, and write that with -n"
		}
		f.Warnings = append(f.Warnings, text)
	}
	f.List.all = slices.DeleteFunc(all, func(p ReceiverProposal) bool { return p.omitted })
}

// Namesakes say which of the manifests that are written make other Receivers, too, which need them otherwise. All are those of the
// same cluster, whatever is chosen.
func (f *ReceiverFile) Namesakes(all ReceiverList) (sentences []string) {
	for _, p := range f.List.all {
		for _, q := range all.all {
			if f.files[p.ref] == "" || f.files[q.ref] != f.files[p.ref] || p.ref == q.ref || p.inFile != q.inFile {
				continue
			}
			f.same[q.ref] = true
			if p.yaml != q.yaml {
				sentences = append(sentences, fmt.Sprintf("%s has one manifest for %s/%s and %s/%s, and they need it otherwise: what is written here is for the first, so give each a file of its own", f.files[p.ref], p.Namespace, p.Name, q.Namespace, q.Name))
			}
		}
	}
	return sentences
}
