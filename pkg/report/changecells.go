package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
)

// firstNames are the names of the objects, as many as a terminal could have room for.
func (g ChangeGroup) firstNames(l Layout) string {
	names := slices.Sorted(slices.Values(g.names))
	if l.Width > 0 && !l.Wide {
		names = names[:min(len(names), l.Width/2+1)] // a name has a character, and a comma behind it
	}
	return strings.Join(names, ", ")
}

// alsoCell is what changes beside the interval; where values have no room, a sign stands for them.
func (g ChangeGroup) alsoCell() Cell {
	text := strings.Join(g.Also, ", ")
	if g.valued && slices.Equal(g.Also, g.fields) {
		text += " …"
	}
	return Cell{Text: text, Style: Changed}
}

func (g ChangeGroup) intervalCell() Cell {
	switch {
	case g.Pace == Faster:
		return Cell{Text: strings.TrimSpace(g.Interval + " faster" + g.stays()), Style: terminal.Faster}
	case g.Pace == Slower:
		return Cell{Text: strings.TrimSpace(g.Interval + " slower" + g.stays()), Style: terminal.Slower}
	case g.Interval == "":
		return Cell{Text: "stays", Style: Faint}
	default:
		return Cell{Text: strings.TrimSpace(g.Interval+" "+g.Pace) + g.stays(), Style: Changed}
	}
}

// stays says how many of a group keep their interval; "" where none or all do.
func (g ChangeGroup) stays() string {
	switch n := g.Objects - len(g.froms); {
	case len(g.froms) == 0 || n <= 0:
		return ""
	case n == 1:
		return ", 1 stays"
	default:
		return fmt.Sprintf(", %d stay", n)
	}
}
