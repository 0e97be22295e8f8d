package manifest

import "github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

// editableScalars are the scalars of wanted values whose bytes may be changed. Whether they can be without anything else is
// seen where they are (compose).
func (w *rewriter) editableScalars() map[int]bool {
	byFile, seen := map[string][]int{}, map[int]bool{}
	for _, s := range w.order {
		for _, c := range w.wanted[s] {
			if i, ok := w.decisions.by[Target{s.root, s.ref, c.Field}]; ok && !seen[i] {
				seen[i] = true
				file := w.decisions.scalars[i].File
				byFile[file] = append(byFile[file], i)
			}
		}
	}
	editable := map[int]bool{}
	for _, file := range sortedKeys(byFile) {
		if w.untouchable(file) != "" {
			continue
		}
		content, err := w.tree.ReadFile(file)
		if err != nil {
			continue
		}
		for _, i := range byFile[file] {
			if !templated(content, w.decisions.scalars[i]) {
				editable[i] = true
			}
		}
	}
	return editable
}

// unedit takes the scalars of a file for what they are that cannot be edited, whatever their texts, and forgets what was learned
// while they were taken for others. It is false where there are none.
func (w *rewriter) unedit(file string, content []byte) bool {
	var candidates []int
	for _, i := range sortedInts(w.editable) {
		if w.decisions.scalars[i].File == file {
			candidates = append(candidates, i)
		}
	}
	editable := map[int]bool{}
	w.tryScalars(content, candidates, editable)
	if len(editable) == len(candidates) {
		return false
	}
	for _, i := range candidates {
		if !editable[i] {
			delete(w.editable, i)
		}
	}
	w.unlearn()
	return true
}

// tryScalars notes which scalars of a file can be edited: all at once, or else in halves.
func (w *rewriter) tryScalars(content []byte, candidates []int, editable map[int]bool) {
	if len(candidates) == 0 {
		return
	}
	texts := map[int]string{}
	for _, i := range candidates {
		texts[i] = probeText(i)
	}
	if _, err := w.setScalars(content, texts); err == nil {
		for _, i := range candidates {
			editable[i] = true
		}
		return
	}
	if half := len(candidates) / 2; half > 0 {
		w.tryScalars(content, candidates[:half], editable)
		w.tryScalars(content, candidates[half:], editable)
	}
}

// setScalars is SetScalars for scalars by their indices; all are of one file.
func (w *rewriter) setScalars(content []byte, texts map[int]string) (edited []byte, err error) {
	indices := sortedInts(texts)
	sorting.By(indices, func(a, b int) int { return w.decisions.scalars[a].Offset - w.decisions.scalars[b].Offset })
	scalars, to := make([]Scalar, 0, len(indices)), make([]string, 0, len(indices))
	for _, i := range indices {
		scalars, to = append(scalars, w.decisions.scalars[i]), append(to, texts[i])
	}
	err = guarded(scalars[0].File, func() error {
		edited, err = SetScalars(content, scalars, to)
		return err
	})
	return edited, err
}
