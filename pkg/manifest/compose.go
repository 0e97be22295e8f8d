package manifest

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"fmt"
	"runtime"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// compose makes the files' new contents: scalars first, then patches. It is false where a file does not take an edit: what
// that was is learned.
func (w *rewriter) compose(d *draft) (files map[string][]byte, patches map[place][]patch, ok bool) {
	files, ok = map[string][]byte{}, true
	byFile := map[string]map[int]string{}
	for i, text := range d.scalars {
		file := w.decisions.scalars[i].File
		if byFile[file] == nil {
			byFile[file] = map[int]string{}
		}
		byFile[file][i] = text
	}
	names := sortedKeys(byFile)
	edits := make([]struct {
		was, is []byte
		err     error
	}, len(names))
	beside(len(names), runtime.GOMAXPROCS(0), func(n int) {
		e := &edits[n]
		if e.was, e.err = w.tree.ReadFile(names[n]); e.err == nil {
			e.is, e.err = w.setScalars(e.was, byFile[names[n]])
		}
	})
	for n, file := range names {
		if files[file] = edits[n].is; edits[n].err == nil {
			continue
		}
		if !w.unedit(file, edits[n].was) {
			for i := range byFile[file] {
				w.given[i] = edits[n].err.Error()
			}
		}
		ok = false
	}
	if !ok {
		return nil, nil, false
	}
	patches = w.group(d)
	own := map[string][]place{} // the objects' own documents, by files
	for _, p := range sortedPlaces(patches) {
		if p.own {
			own[p.file] = append(own[p.file], p)
		}
	}
	for _, file := range sortedKeys(own) {
		additions := make([]addition, 0, len(own[file]))
		for _, p := range own[file] {
			additions = append(additions, addition{p.kind, p.name, p.nth, patches[p][0].values})
		}
		ok = w.edit(d, files, own[file], func(content []byte, from, to int) ([]byte, error) {
			return addFields(content, additions[from:to])
		}) && ok
	}
	for _, p := range sortedPlaces(patches) {
		if !p.own {
			ok = w.edit(d, files, []place{p}, func(content []byte, _, _ int) ([]byte, error) {
				return addPatches(content, p.name, p.nth, patches[p])
			}) && ok
		}
	}
	return files, patches, ok
}

// edit adds what stands at places of one file: all together, or else in halves. What cannot be added goes to its next place,
// and edit is false.
func (w *rewriter) edit(d *draft, files map[string][]byte, places []place, add func(content []byte, from, to int) ([]byte, error)) bool {
	file := places[0].file
	var do func(from, to int) bool
	do = func(from, to int) bool {
		content, known := files[file]
		var err error
		if !known {
			content, err = w.tree.ReadFile(file)
		}
		if err == nil {
			err = guarded(file, func() error {
				content, err = add(content, from, to)
				return err
			})
		}
		if err == nil {
			files[file] = content
			return true
		}
		if half := (from + to) / 2; to-from > 1 {
			first := do(from, half)
			return do(half, to) && first
		}
		for _, n := range d.needs {
			if n.at < len(n.places) && n.places[n.at] == places[from] {
				w.move(n, fmt.Sprintf("%s: %s", file, err))
			}
		}
		return false
	}
	return do(0, len(places))
}

// only is the part of a draft with some of its edits.
func (d *draft) only(decisions Decisions, edits []edit) *draft {
	part := &draft{planned: map[spot]map[flux.Field]string{}, scalars: map[int]string{}, needs: map[spot]*need{}}
	plan := func(s spot, f flux.Field, to string) {
		if part.planned[s] == nil {
			part.planned[s] = map[flux.Field]string{}
		}
		part.planned[s][f] = to
	}
	for _, e := range edits {
		if n := d.needs[e.object]; e.patch {
			part.needs[e.object] = n
			for _, v := range n.values {
				plan(e.object, v.field, v.value)
			}
			continue
		}
		part.scalars[e.scalar] = d.scalars[e.scalar]
		for _, target := range decisions.reach[e.scalar] {
			plan(spot{target.Root, target.Ref}, target.Field, d.scalars[e.scalar])
		}
	}
	return part
}

// edit is one of the edits of a draft: a scalar, or an object's share in a patch.
type edit struct {
	scalar int
	patch  bool
	object spot
}

// edits are those of a draft, scalars first.
func (d *draft) edits() []edit {
	edits := make([]edit, 0, len(d.scalars)+len(d.needs))
	for _, i := range sortedInts(d.scalars) {
		edits = append(edits, edit{scalar: i})
	}
	for _, s := range d.spots() {
		edits = append(edits, edit{patch: true, object: s})
	}
	return edits
}

func (d *draft) spots() []spot {
	spots := make([]spot, 0, len(d.needs))
	for s := range d.needs {
		spots = append(spots, s)
	}
	sortSpots(spots)
	return spots
}

func sortSpots(spots []spot) {
	sorting.By(spots, func(a, b spot) int {
		if a.root != b.root {
			return a.root - b.root
		}
		return a.ref.Compare(b.ref)
	})
}
