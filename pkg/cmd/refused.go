package cmd

import (
	"fmt"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/manifest"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
)

// tellRefused names what could not be brought about: of those that are alike but for the object the first ones.
func (o RewriteOptions) tellRefused(refused []manifest.Refusal) {
	const most = 5
	alike, order := map[string][]manifest.Refusal{}, []string(nil)
	for _, refusal := range refused {
		why := strings.NewReplacer(refusal.Ref.String(), "", refusal.Ref.Name, "").Replace(refusal.Why)
		key := fmt.Sprint(refusal.Root, refusal.Field, refusal.Ref.Kind, why)
		if alike[key] == nil {
			order = append(order, key)
		}
		alike[key] = append(alike[key], refusal)
	}
	for _, key := range order {
		for i, refusal := range alike[key] {
			if i == most && len(alike[key]) > most+1 {
				_, _ = fmt.Fprintf(o.root.ErrOut, "Warning: and %d more like it\n", len(alike[key])-most)
				break
			}
			_, _ = fmt.Fprint(o.root.ErrOut, terminal.Printable(fmt.Sprintf("Warning: %s in %s keeps its %s: %s\n",
				refusal.Ref, o.Files.fleets[refusal.Root].Root, fieldName(refusal.Field), refusal.Why)))
		}
	}
}
