package cmd

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/manifest"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
)

// tellRefused names what could not be brought about: of those whose files are left alone for one reason the first files, of
// others that are alike but for the object the first ones.
func (o RewriteOptions) tellRefused(refused []manifest.Refusal) {
	const most = 5
	alike, order := map[string][]manifest.Refusal{}, []string(nil)
	kept := map[string]int{}
	for _, refusal := range refused {
		kept[refusal.Kept]++
	}
	for _, refusal := range refused {
		key := refusal.Kept
		if key == "" || kept[key] <= most {
			why := strings.NewReplacer(refusal.Ref.String(), "", refusal.Ref.Name, "").Replace(refusal.Why)
			key = fmt.Sprint(refusal.Root, refusal.Field, refusal.Ref.Kind, why)
		}
		if alike[key] == nil {
			order = append(order, key)
		}
		alike[key] = append(alike[key], refusal)
	}
	for _, key := range order {
		if kept := alike[key][0].Kept; key == kept {
			o.warnLine(keptLine(kept, alike[key]))
			continue
		}
		for i, refusal := range alike[key] {
			if i == most && len(alike[key]) > most+1 {
				o.warnLine(fmt.Sprintf("and %d more like it", len(alike[key])-most))
				break
			}
			o.warnLine(fmt.Sprintf("%s in %s keeps its %s: %s", refusal.Ref, o.Files.fleets[refusal.Root].Root, fieldName(refusal.Field), refusal.Why))
		}
	}
}

func (o RewriteOptions) warnLine(text string) {
	_, _ = fmt.Fprint(o.root.ErrOut, terminal.Printable("Warning: "+text+"\n"))
}

// keptLine is the line of values that stay since their files are left alone for one reason.
func keptLine(why string, refused []manifest.Refusal) string {
	const most = 3
	var files []string
	for _, refusal := range refused {
		files = append(files, refusal.File)
	}
	slices.Sort(files)
	files = slices.Compact(files)
	named := make([]string, 0, most)
	for _, file := range files[:min(most, len(files))] {
		named = append(named, terminal.FileName(file))
	}
	list := strings.Join(named, ", ")
	if more := len(files) - most; more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	if len(files) == 1 {
		return fmt.Sprintf("%s in %s stay as they are: %s", plural(len(refused), "value"), list, why)
	}
	return fmt.Sprintf("%s in %s (%s) stay as they are, each for this reason: %s", plural(len(refused), "value"), plural(len(files), "file"), list, why)
}
