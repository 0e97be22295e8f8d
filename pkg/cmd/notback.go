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
func (o ApplyOptions) there(ctx context.Context) whatIsThere {
	fs, err := o.everything().readAll(ctx, o.root)
	if err != nil {
		return whatIsThere{}
	}
	there := whatIsThere{known: !fs.incomplete()}
	for _, f := range fs.all {
		there.objects = append(there.objects, f.snapshot.Objects...)
	}
	return there
}

// whatIsThere are the objects that can be read.
type whatIsThere struct {
	objects []flux.Object
	known   bool // that is all
}

// goneText names what a session wrote and somebody has deleted; "" where nothing is, or that is not known.
func (w whatIsThere) goneText(wrote []tune.Item) string {
	var names []string
	for _, item := range wrote {
		if !slices.ContainsFunc(w.objects, func(o flux.Object) bool { return o.Ref == item.Object.Ref && !o.MadeAnew(item.Object) }) {
			names = append(names, item.Object.Ref.String())
		}
	}
	switch n := len(names); {
	case n == 0 || !w.known:
		return ""
	case n == 1:
		return fmt.Sprintf("1 object that it changed was deleted meanwhile: %s", names[0])
	default:
		return fmt.Sprintf("%d objects that it changed were deleted meanwhile: %s", n, strings.Join(names[:min(n, 3)], ", ")+more(n-3))
	}
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
