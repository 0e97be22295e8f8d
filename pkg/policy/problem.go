package policy

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"cmp"
	"errors"
	"fmt"
	"strings"
)

// problem is one thing that is wrong with a document.
type problem struct {
	line int    // 0 = unknown
	path string // "spec.environments[0].name"; "" = the document
	text string
}

type problems []problem

// err makes one error of all problems, in the order of the document.
func (ps problems) err(file string) error {
	sorting.By(ps, func(a, b problem) int {
		return cmp.Or(cmp.Compare(a.line, b.line), strings.Compare(a.path, b.path))
	})
	var errs []error
	for _, p := range ps {
		where := file
		if p.line > 0 {
			where = fmt.Sprintf("%s:%d", where, p.line)
		}
		if p.path != "" {
			where += ": " + p.path
		}
		errs = append(errs, fmt.Errorf("%s: %s", where, p.text))
	}
	return errors.Join(errs...)
}
