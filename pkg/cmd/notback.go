package cmd

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// there are the objects that can be read, whatever was chosen.
func (o ApplyOptions) there(ctx context.Context) []flux.Object {
	fs, err := o.everything().readAll(ctx, o.root)
	if err != nil {
		return nil
	}
	var objects []flux.Object
	for _, f := range fs.all {
		objects = append(objects, f.snapshot.Objects...)
	}
	return objects
}

// deletingText names what a session wrote and a revert leaves alone, since it is being deleted; "" where nothing is.
func deletingText(wrote []tune.Item, objects []flux.Object) string {
	var names []string
	for _, o := range objects {
		if o.Deleting && tune.Tuned(o) && slices.ContainsFunc(wrote, func(item tune.Item) bool { return item.Object.Ref == o.Ref }) {
			names = append(names, o.Ref.String())
		}
	}
	if len(names) == 0 {
		return ""
	}
	is, holds, them := "is", "holds", "it is"
	if len(names) > 1 {
		is, holds, them = "are", "hold", "they are"
	}
	return fmt.Sprintf("%s %s being deleted, and %s what it set until %s gone (finalizers are waited for): %s", plural(len(names), "object"), is, holds, them, strings.Join(names[:min(len(names), 3)], ", ")+more(len(names)-3))
}

// more counts what is not named; "" where all is.
func more(n int) string {
	if n <= 0 {
		return ""
	}
	return fmt.Sprintf(" and %d more", n)
}

// keptText says what keeps the values that a session wrote, though nothing can take them back any more, for somebody to do it by
// hand; "" where nothing does. What could not be read says nothing.
func keptText(wrote []tune.Item, objects []flux.Object) string {
	const most = 10
	kept := tune.Kept(wrote, objects)
	if len(kept) == 0 {
		return ""
	}
	hold := "holds"
	if len(kept) > 1 {
		hold = "hold"
	}
	text := fmt.Sprintf("%s still %s what it set, as the record of that is not there any more (taken away, forgotten, or overwritten):", plural(len(kept), "object"), hold)
	for _, item := range kept[:min(most, len(kept))] {
		text += "\n  " + item.Object.Ref.String()
		for i, c := range item.Changes {
			text += fmt.Sprintf("%s %s %s, was %s", []string{":", ","}[min(i, 1)], c.Field, tune.Show(c.To), tune.Show(c.From))
		}
	}
	if more := len(kept) - most; more > 0 {
		text += fmt.Sprintf("\n  and %d more", more)
	}
	return text
}
