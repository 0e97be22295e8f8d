package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
)

// Rights is what a user may do with what the commands read and change: a row for each resource.
type Rights struct {
	// User as the API server knows them; "" where it does not say.
	User string  `json:"user"`
	Rows []Right `json:"resources"`
}

// Right is what a user may do with one resource. A verb that no command needs of it is in neither list.
type Right struct {
	Group    string `json:"group,omitempty"`
	Resource string `json:"resource"`
	// Namespace that was asked about; "" for the whole cluster.
	Namespace string   `json:"namespace,omitempty"`
	Allowed   []string `json:"allowed"`
	Denied    []string `json:"denied"`
	// For names the commands that need it.
	For string `json:"for"`

	// what it is called among others that are alike, such as "kinds of Flux".
	alike string
}

// NewRight is a right that nobody has been asked about; rows with the same alike are shown as one where all of
// them have the same answers.
func NewRight(group, resource, namespace, commands, alike string) Right {
	return Right{Group: group, Resource: resource, Namespace: namespace, For: commands, alike: alike, Allowed: []string{}, Denied: []string{}}
}

// May tells whether a verb is allowed, and whether it was asked about at all.
func (r Right) May(verb string) (allowed, asked bool) {
	return slices.Contains(r.Allowed, verb), slices.Contains(r.Allowed, verb) || slices.Contains(r.Denied, verb)
}

// MayAny tells whether a verb is allowed on one at least of the resources that are alike.
func (r Rights) MayAny(alike, verb string) bool {
	return slices.ContainsFunc(r.Rows, func(row Right) bool {
		allowed, _ := row.May(verb)
		return row.alike == alike && allowed
	})
}

// verbs are the columns of the matrix.
var verbs = [...]string{"get", "list", "watch", "patch"}

// Table is the matrix of rights: yes, no, and - for what no command needs. Resources that are alike share a
// row where the answers are the same.
func (r Rights) Table() Table {
	t := Table{Columns: []Column{{Name: "RESOURCE"}}}
	for _, verb := range verbs {
		t.Columns = append(t.Columns, Column{Name: strings.ToUpper(verb)})
	}
	t.Columns = append(t.Columns, Column{Name: "WHERE", Spare: 1}, Column{Name: "FOR", Shrink: terminal.End, Floor: 20, Spare: 2})
	for _, group := range r.grouped() {
		row := []Cell{Text(group.name)}
		for _, verb := range verbs {
			row = append(row, mark(group.Right, verb))
		}
		where := "cluster"
		if group.Namespace != "" {
			where = group.Namespace
		}
		t.Rows = append(t.Rows, append(row, Text(where), Text(group.For)))
	}
	return t
}

func mark(r Right, verb string) Cell {
	switch allowed, asked := r.May(verb); {
	case !asked:
		return Cell{Text: "-", Style: Faint}
	case allowed:
		return Cell{Text: "yes", Style: Good}
	default:
		return Cell{Text: "no", Style: Bad}
	}
}

// namedRight is a row, and what it is about.
type namedRight struct {
	Right
	name string
}

// grouped puts resources that are alike and have the same answers in one row.
func (r Rights) grouped() []namedRight {
	var rows []namedRight
	members := make(map[string]int)
	for _, one := range r.Rows {
		switch one.alike {
		case AlikeMetrics:
			rows = append(rows, namedRight{one, one.Resource + "." + one.Group})
			continue
		case "":
			rows = append(rows, namedRight{one, one.Resource})
			continue
		}
		members[one.alike]++
		same := func(o namedRight) bool {
			return o.alike == one.alike && slices.Equal(o.Allowed, one.Allowed) && slices.Equal(o.Denied, one.Denied)
		}
		if i := slices.IndexFunc(rows, same); i >= 0 {
			rows[i].name += ", " + one.Resource
		} else {
			rows = append(rows, namedRight{one, one.Resource})
		}
	}
	for i, row := range rows {
		names := strings.Split(row.name, ", ")
		switch {
		case row.alike == "" || len(names) == 1:
		case len(names) == members[row.alike]:
			rows[i].name = fmt.Sprintf("%d %s", len(names), row.alike)
		case len(names) > 2:
			rows[i].name = fmt.Sprintf("%s and %d more", names[0], len(names)-1)
		}
	}
	return rows
}

// denied are the rights of which a verb is denied.
func (r Rights) denied() Rights {
	r.Rows = slices.DeleteFunc(slices.Clone(r.Rows), func(row Right) bool { return len(row.Denied) == 0 })
	return r
}

// Draw writes the matrix below a line that says whose it is.
func (r Rights) Draw(w io.Writer, l Layout) error {
	who := "Rights"
	if r.User != "" {
		who = "Rights of " + r.User
	}
	if _, err := fmt.Fprintf(w, "\n%s:\n\n", who); err != nil {
		return err
	}
	l.NoHeaders = false
	_, err := r.Table().DrawRows(w, l) // what has no room says nothing that the rest does not
	return err
}
