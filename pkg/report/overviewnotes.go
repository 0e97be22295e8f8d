package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// pins name the owners that get rules.
func (o Overview) pins(limits limits) []string {
	if len(o.Plan.Pins) == 0 {
		return nil
	}
	var gain, lose []string
	objects := 0
	for _, p := range o.Plan.Pins {
		if !p.ChangesRules() {
			continue
		}
		name := flux.InCluster(p.Owner.Cluster, p.Owner.Namespace+"/"+p.Owner.Name)
		if len(p.Rules) == 0 {
			lose = append(lose, name)
			continue
		}
		gain = append(gain, name)
		objects += p.Objects
	}
	var lines []string
	if len(gain) > 0 {
		lines = append(lines, fmt.Sprintf("spec.ignore of %s leaves the changed fields of %s to fluxtune", fewOf("Kustomization", gain, limits.named*3), count(objects, "object")))
	}
	if len(lose) > 0 {
		lines = append(lines, fmt.Sprintf("the rules of fluxtune in spec.ignore of %s go", fewOf("Kustomization", lose, limits.named*3)))
	}
	return lines
}

// fewOf names some of many: "Kustomization a/b", "Kustomizations a/b, c/d and 3 more"; 0 names all.
func fewOf(noun string, names []string, most int) string {
	slices.Sort(names)
	if len(names) > 1 {
		noun += "s"
	}
	if most > 0 && len(names) > most {
		return fmt.Sprintf("%s %s and %d more", noun, strings.Join(names[:most], ", "), len(names)-most)
	}
	return noun + " " + strings.Join(names, ", ")
}

// leftNames are the objects that are left alone for a reason: as many as one line of a terminal has room for, and how many more.
func (o Overview) leftNames(reason tune.Reason, width int) string {
	var names []string
	for _, item := range o.Plan.Items {
		if item.Action == tune.ActionSkip && item.Reason == reason {
			names = append(names, flux.InCluster(item.Object.Cluster, item.Object.Ref.String()))
		}
	}
	room := max(20, width-labelWidth-2)
	for n := len(names); n > 1; n-- {
		text := strings.Join(names[:n], ", ")
		if n < len(names) {
			text += fmt.Sprintf(" and %d more", len(names)-n)
		}
		if terminal.Width(text) <= room {
			return text
		}
	}
	if len(names) > 1 {
		more := fmt.Sprintf(" and %d more", len(names)-1)
		return terminal.Clip(names[0], room-len(more)) + more
	}
	return terminal.Clip(strings.Join(names, ""), room)
}

// leftAlone counts by reason, the most frequent first, each with the first names and what to do about it.
func (o Overview) leftAlone(l Layout, limits limits) []string {
	reasons := tune.Summarize(o.Plan, o.Environments).Reasons
	var lines, others []string
	rest := 0
	for i, r := range reasons {
		if limits.reasons > 0 && i >= limits.reasons && len(reasons) > limits.reasons+1 {
			several := r
			several.Count = 2 // a message of one is long
			short, _, _ := strings.Cut(reasonLine(several, o.Files), ": ")
			short, _, _ = strings.Cut(short, ", ")
			rest, others = rest+r.Count, append(others, fmt.Sprintf("%d %s", r.Count, short))
			continue
		}
		why := reasonLine(r, o.Files)
		if o.Patches {
			why = strings.TrimSuffix(why, ", or see --managed")
		}
		lines = append(lines, fmt.Sprintf("%d %s%s", r.Count, why, o.inClusters(r.Reason, limits)))
		if limits.lines == 1 {
			continue
		}
		if limits.names {
			lines = append(lines, "  "+o.leftNames(r.Reason, l.Width))
		}
		if r.Reason == tune.ReasonSetInGit || r.Reason == tune.ReasonOwnerUnknown {
			lines = append(lines, o.homes(r.Reason, limits)...)
		}
	}
	if rest > 0 {
		line := fmt.Sprintf("%d for %d other reasons (--rows): %s", rest, len(others), strings.Join(others, ", "))
		lines = append(lines, terminal.Clip(line, max(20, l.Width-labelWidth)))
	}
	return lines
}

// inClusters says where the objects are that are left alone for a reason; "" where the plan is for one cluster.
func (o Overview) inClusters(reason tune.Reason, limits limits) string {
	all, those := make(map[string]bool), []string{}
	for _, item := range o.Plan.Items {
		all[item.Object.Cluster] = true
		if item.Action == tune.ActionSkip && item.Reason == reason {
			those = append(those, item.Object.Cluster)
		}
	}
	if len(all) < 2 {
		return ""
	}
	if limits.height > 0 {
		short := shortClusters(slices.Collect(maps.Keys(all)))
		for i, name := range those {
			those[i] = short[name]
		}
	}
	return " (" + countClusters(those, limits.clusters) + ")"
}

// few are so many of some texts at most (0: all), and a line that counts the rest and says what they are.
func few(texts []string, most int, rest string) []string {
	if most == 0 || len(texts) <= most {
		return texts
	}
	return append(slices.Clone(texts[:most]), fmt.Sprintf("%d %s (--rows)", len(texts)-most, rest))
}

// stay is how many lines say what a revert leaves; 0 is any number.
func (l limits) stay() int {
	if l.lines == 1 {
		return 1
	}
	return 3 * l.named
}

// homes say where the values live, the most frequent first.
func (o Overview) homes(reason tune.Reason, limits limits) []string {
	homes := Homes(o.Plan, reason)
	var lines []string
	for i, home := range homes {
		if limits.named > 0 && i == limits.named {
			lines[i-1] += fmt.Sprintf("; the others in %s (--rows says which)", count(len(homes)-i, "more place"))
			break
		}
		lines = append(lines, "  "+home)
	}
	return lines
}

// noteLines are what the policy says of itself, and what else to know: where that has no room, how much was left out.
func (o Overview) noteLines(l Layout, limits limits) []string {
	lines, remarks := optional(o.policyNote(l, limits)), o.remarks()
	if limits.height == 0 || limits.remarks >= len(remarks) {
		return append(lines, remarks...)
	}
	lines, rest := append(lines, remarks[:limits.remarks]...), remarks[limits.remarks:]
	if len(rest) == 1 && len(labelled("", rest, l.Width, 0)) == 1 {
		return append(lines, rest...) // as short as what would be said instead
	}
	noun := "more note"
	if len(lines) == 0 {
		noun = "note"
	}
	return append(lines, count(len(rest), noun)+": --rows")
}

// policyNote is what the policy says of itself, cut where it has more lines than there is room for.
func (o Overview) policyNote(l Layout, limits limits) string {
	if limits.height == 0 {
		return o.Plan.Note
	}
	const more = "... (--rows: all of it)"
	words := strings.Fields(o.Plan.Note)
	for kept := min(len(words), limits.note*l.Width/2+1); kept > 0; kept-- { // a word and a space are two cells at least
		text := strings.Join(words[:kept], " ")
		if kept < len(words) {
			text += more
		}
		if len(labelled("", []string{text}, l.Width, 0)) <= limits.note {
			return text
		}
	}
	return ""
}

// remarks are what else to know: timeouts that are kept, side effects, webhooks.
func (o Overview) remarks() []string {
	var lines []string
	if n := kept(o.Plan.Items); n > 0 {
		lines = append(lines, fmt.Sprintf("%s longer timeouts (%s shortens them)", keep(n), tune.ShortenFlag))
	}
	for _, n := range tune.Summarize(o.Plan, o.Environments).Notes {
		lines = append(lines, fmt.Sprintf("%d %s: %s", n.Count, n.Kind, n.Note))
	}
	return append(append(lines, optional(webhookNote(o.Budget))...), optional(uncalledNote(o.Budget))...)
}

func keep(n int) string {
	if n == 1 {
		return "1 object keeps"
	}
	return fmt.Sprintf("%d objects keep", n)
}

func kept(items []tune.Item) int {
	n := 0
	for _, item := range items {
		if item.Action != tune.ActionSkip && strings.Contains(item.Kept, tune.ShortenFlag) {
			n++
		}
	}
	return n
}
