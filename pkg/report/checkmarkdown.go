package report

import (
	"fmt"
	"strings"
)

// shownFindings is how many findings a comment lists.
const shownFindings = 50

// Markdown is the check as a comment on a pull request: GitHub's and GitLab's dialect. What comes from files stands in
// code spans, so that it is neither markup nor a mention.
func (c BranchCheck) Markdown(all bool) string {
	var b strings.Builder
	b.WriteString("### Flux intervals\n\n")
	if c.Base != nil {
		fmt.Fprintf(&b, "%s\n\n", c.markdownHeadline())
	}
	b.WriteString(c.markdownGaps())
	b.WriteString(c.markdownStays())
	b.WriteString(c.markdownWarnings())
	for _, s := range c.Sections() {
		rows := len(s.Table.Rows)
		if rows > shownFindings {
			s.Table.Rows = s.Table.Rows[:shownFindings]
		}
		fold := s.Title == "Values" && rows > 10 || strings.HasPrefix(s.Title, controllersTitle)
		if fold {
			fmt.Fprintf(&b, "<details><summary>%s (%d)</summary>\n\n", s.Title, rows)
		} else {
			fmt.Fprintf(&b, "**%s**\n\n", s.Title)
		}
		b.WriteString(markdownTable(s.Table))
		if rows > shownFindings {
			fmt.Fprintf(&b, "\n... and %d more.\n", rows-shownFindings)
		}
		if fold {
			b.WriteString("\n</details>\n")
		}
		b.WriteString("\n")
	}
	found := c.Shown(all)
	if len(found) > 0 {
		b.WriteString("**Findings**\n\n| where | what | rule |\n|---|---|---|\n")
	}
	for i, f := range found {
		if i == shownFindings {
			fmt.Fprintf(&b, "\n... and %d more.\n", len(found)-i)
			break
		}
		at := ""
		if f.File != "" {
			at = code(fmt.Sprintf("%s:%d", f.File, f.Line))
		}
		fmt.Fprintf(&b, "| %s | %s: %s | %s |\n", at, f.Level, code(f.Message), f.Rule)
	}
	if len(found) > 0 {
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "%s Policy %s.\n", c.FindingsLine(all), code(c.Policy))
	return b.String()
}

// markdownGaps is what is not known: who reads a comment sees no warnings.
func (c BranchCheck) markdownGaps() string {
	gaps := c.Gaps()
	if len(gaps) == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "**%s**\n\n", c.GapsLine())
	for i, g := range gaps {
		if i == shownGaps {
			fmt.Fprintf(&b, "- and %d more\n", len(gaps)-i)
			break
		}
		side := g.Side
		if c.Base != nil && side == c.Base.Revision {
			side = code(side)
		}
		fmt.Fprintf(&b, "- not known on %s: %s: %s\n", side, code(g.subject()), code(g.Why))
	}
	b.WriteString("\n")
	return b.String()
}

// markdownStays is what stays on the cluster as it is.
func (c BranchCheck) markdownStays() string {
	stays := c.Stays()
	if len(stays) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("**Only in the files: the cluster does not follow**\n\n")
	for i, s := range stays {
		if i == shownGaps {
			fmt.Fprintf(&b, "- and %d more\n", len(stays)-i)
			break
		}
		fmt.Fprintf(&b, "- %s: %s in %s: %s\n", s.Files, code(s.subject()), code(s.Cluster), code(s.Why))
	}
	b.WriteString("\n")
	return b.String()
}

// markdownWarnings are what others read on stderr.
func (c BranchCheck) markdownWarnings() string {
	var b strings.Builder
	for i, w := range c.Warnings {
		if i == shownGaps {
			fmt.Fprintf(&b, "- and %d more\n", len(c.Warnings)-i)
			break
		}
		fmt.Fprintf(&b, "- warning: %s\n", code(w))
	}
	if b.Len() > 0 {
		b.WriteString("\n")
	}
	return b.String()
}

// shownGaps is how many gaps are told one by one.
const shownGaps = 10

func (c BranchCheck) markdownHeadline() string {
	headline := c.Headline()
	git := c.Summary.GitRequests
	if git.Before != git.After {
		headline += fmt.Sprintf(" Git requests: **%s/h -> %s/h**.", rate(git.Before), rate(git.After))
	}
	return strings.Replace(headline, c.Base.Revision, code(c.Base.Revision), 1)
}

func markdownTable(t Table) string {
	var b strings.Builder
	heads, rules := make([]string, 0, len(t.Columns)), make([]string, 0, len(t.Columns))
	for _, c := range t.Columns {
		rule := "---"
		if c.Right {
			rule = "---:"
		}
		heads, rules = append(heads, strings.ToLower(c.Name)), append(rules, rule)
	}
	fmt.Fprintf(&b, "| %s |\n|%s|\n", strings.Join(heads, " | "), strings.Join(rules, "|"))
	for _, row := range t.Rows {
		cells := make([]string, 0, len(row))
		for _, cell := range row {
			cells = append(cells, code(cell.Text))
		}
		fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | "))
	}
	return b.String()
}

// code writes text as a code span in a table's cell: without back quotes and line breaks, with its bars escaped. Words of
// letters alone need none.
func code(text string) string {
	text = Cell{Text: text}.Printable()
	text = strings.ReplaceAll(strings.ReplaceAll(text, "`", "'"), "|", `\|`)
	if text == "" || text == "-" {
		return text
	}
	return "`" + text + "`"
}
