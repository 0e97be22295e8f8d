package report

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
)

// markdownText writes a text so that Markdown shows it as it is, in a table, too.
func markdownText(text string) string {
	text = strings.Join(strings.Fields(terminal.Printable(text)), " ")
	return strings.NewReplacer("\\", "\\\\", "|", "\\|", "<", "&lt;", ">", "&gt;", "*", "\\*", "_", "\\_", "`", "\\`", "[", "\\[", "]", "\\]").Replace(text)
}

// MarkdownTable writes a table as GitHub and GitLab show it; columns of -o wide are left out, and columns without a name
// and a text.
func MarkdownTable(w io.Writer, t Table) error {
	var shown []int
	for i, c := range t.Columns {
		if !c.Wide && !c.Mute {
			shown = append(shown, i)
		}
	}
	out := bufio.NewWriter(w)
	line := func(texts []string) { _, _ = out.WriteString("| " + strings.Join(texts, " | ") + " |\n") }
	var head, rule []string
	for _, i := range shown {
		head = append(head, markdownText(t.Columns[i].Name))
		if t.Columns[i].Right {
			rule = append(rule, "---:")
		} else {
			rule = append(rule, "---")
		}
	}
	line(head)
	line(rule)
	for _, row := range t.Rows {
		var texts []string
		for _, i := range shown {
			texts = append(texts, markdownText(row[i].Text))
		}
		line(texts)
	}
	return out.Flush()
}

// Folded writes a part that is shown when one clicks on its title.
func Folded(w io.Writer, title string, write func() error) error {
	if _, err := fmt.Fprintf(w, "\n<details><summary>%s</summary>\n\n", markdownText(title)); err != nil {
		return err
	}
	if err := write(); err != nil {
		return err
	}
	_, err := fmt.Fprint(w, "\n</details>\n")
	return err
}

// Markdown writes the overview for a pull request or a chat, each object folded below it.
func (o Overview) Markdown(w io.Writer, rows Table) error {
	everything := Layout{}
	if _, err := fmt.Fprintf(w, "### %s\n", markdownText(o.title(everything))); err != nil {
		return err
	}
	if groups := GroupChanges(o.Plan.Items, o.Environments, 0); len(groups) > 0 {
		if _, err := fmt.Fprintln(w); err != nil {
			return err
		}
		t := groupTable(groups, everything)
		if len(groups) > fewGroups {
			t = t.Without("NAMES")
		}
		for i := range t.Rows { // names would fill the page: the folded table has them
			last := &t.Rows[i][len(t.Rows[i])-1]
			last.Text = terminal.Clip(last.Text, 80)
		}
		if err := MarkdownTable(w, t); err != nil {
			return err
		}
	}
	if err := o.markdownNotes(w); err != nil {
		return err
	}
	if len(rows.Rows) == 0 {
		return nil
	}
	return Folded(w, each(len(rows.Rows)), func() error { return MarkdownTable(w, rows) })
}

// each is the title of a table of so many objects.
func each(objects int) string {
	if objects == 1 {
		return "The object"
	}
	return fmt.Sprintf("Each of the %d objects", objects)
}

// fewGroups is how many groups are shown with names in Markdown.
const fewGroups = 20

func (o Overview) markdownNotes(w io.Writer) error {
	separator := "\n"
	for _, n := range o.labels(Layout{}, unlimited) {
		if len(n.texts) == 0 || n.label == nextLabel {
			continue
		}
		texts := make([]string, 0, len(n.texts))
		for _, text := range n.texts {
			texts = append(texts, markdownText(text))
		}
		if _, err := fmt.Fprintf(w, "%s- **%s**: %s\n", separator, n.label, strings.Join(texts, "<br>")); err != nil {
			return err
		}
		separator = ""
	}
	return nil
}

func markdownNotRead(w io.Writer, list []Missing) error {
	for _, line := range NotRead(list, Layout{}) {
		if _, err := fmt.Fprintf(w, "\n**%s**: %s\n", notReadLabel, markdownText(line)); err != nil {
			return err
		}
	}
	return nil
}

// Markdown writes the budget for a pull request or a chat: hosts and environments in sight, the rest folded.
func (b Budget) Markdown(w io.Writer) error {
	if _, err := fmt.Fprintf(w, "### %s\n", markdownText(b.Headline())); err != nil {
		return err
	}
	if err := markdownNotRead(w, b.Missing); err != nil {
		return err
	}
	for _, section := range b.Sections(true) {
		write := func() error {
			if err := MarkdownTable(w, section.Table); err != nil {
				return err
			}
			for _, line := range section.Below {
				if _, err := fmt.Fprintf(w, "\n%s\n", markdownText(line)); err != nil {
					return err
				}
			}
			return nil
		}
		inSight := slices.Contains([]string{hostSection, clusterSection, environmentSection}, section.Title)
		if !inSight {
			if err := Folded(w, section.Title, write); err != nil {
				return err
			}
			continue
		}
		if _, err := fmt.Fprintf(w, "\n**%s**\n\n", markdownText(section.Title)); err != nil {
			return err
		}
		if err := write(); err != nil {
			return err
		}
	}
	for _, note := range b.Notes {
		if _, err := fmt.Fprintf(w, "\n%s\n", markdownText(note)); err != nil {
			return err
		}
	}
	return nil
}

// Markdown writes what was done for a pull request or a chat: what is not as planned in sight, each object folded.
func (r Results) Markdown(w io.Writer, withNamespace bool) error {
	note := ""
	if r.DryRun != "" {
		note = " (" + dryRunNote(r.DryRun) + ": nothing was changed)"
	}
	if r.Session != "" {
		note += ", session " + r.Session
	}
	cluster := ""
	if len(r.Items) > 0 {
		cluster = r.Items[0].Ref.Cluster
	}
	if _, err := fmt.Fprintf(w, "### %s\n", markdownText(flux.InCluster(cluster, r.Summary.Line(r.Done)+note))); err != nil {
		return err
	}
	if err := markdownNotRead(w, r.Missing); err != nil {
		return err
	}
	troubles := slices.Concat(r.Troubles(), r.Beside())
	for i, trouble := range troubles {
		if i == 0 {
			trouble = "\n- " + markdownText(trouble)
		} else {
			trouble = "- " + markdownText(trouble)
		}
		if _, err := fmt.Fprintln(w, trouble); err != nil {
			return err
		}
	}
	if len(r.Items) == 0 {
		return nil
	}
	return Folded(w, each(len(r.Items)), func() error { return MarkdownTable(w, r.Table(withNamespace)) })
}
