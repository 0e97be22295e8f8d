package report

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
)

// Diagnosis is what doctor shows: what is there for fluxtune to work with, and what to do next.
type Diagnosis struct {
	Head
	// Cluster is the kubeconfig's context, where several are looked at.
	Cluster string  `json:"cluster,omitempty"`
	Checks  []Check `json:"checks"`
	// Rights are what the user may do, resource by resource.
	Rights Rights `json:"rights"`
	// Environments would give environments to objects without; absent where all have one.
	Environments *Proposal `json:"environments,omitempty"`
	// PolicyLines are those of a policy that do so, to be put below its line "spec:".
	PolicyLines []string `json:"policyLines,omitempty"`
	// Next are commands that are worth running now, the most useful first.
	Next []string `json:"next"`

	policyFile, proposedFile, plugin string
}

// Check is one thing that was looked at.
type Check struct {
	Name   string      `json:"name"`
	Status CheckStatus `json:"status"`
	// Message says what was found.
	Message string `json:"message"`
	// Remedy says what helps; empty where all is well.
	Remedy string `json:"remedy,omitempty"`
	// Run are the commands of the remedy, in their order. Those that grant rights are for an administrator.
	Run []string `json:"run,omitempty"`
}

// CheckStatus says how good what was found is. The words are part of the JSON contract.
type CheckStatus string

// The statuses. With a warning, something works less well; with a failure, something does not work.
const (
	CheckOK      CheckStatus = "ok"
	CheckWarning CheckStatus = "warning"
	CheckFailed  CheckStatus = "failed"
)

// NewDiagnosis makes the document.
func NewDiagnosis(checks []Check, rights Rights, next []string) Diagnosis {
	return Diagnosis{Head: Head{APIVersion: APIVersion, Kind: "Diagnosis"}, Checks: checks, Rights: rights, Next: next}
}

// WithProposal adds what would give environments to objects. The file is that of the policy in use, "" where it
// is one that comes with fluxtune: then the lines go into the proposed one.
func (d Diagnosis) WithProposal(p Proposal, file, proposed string) Diagnosis {
	if p.Without > 0 || len(p.Aliases)+len(p.Namespaces)+len(p.Clusters) > 0 {
		d.Environments, d.PolicyLines, d.policyFile = &p, p.Lines(), file
		d.proposedFile = proposed
	}
	return d
}

// Called has all commands call the plugin by another name, and kubectl with the flags of this user, or those of the cluster
// where an administrator is to do something; with a space before each flag.
func (d Diagnosis) Called(from, to, user, cluster string) Diagnosis {
	call := strings.NewReplacer(
		from, to, "kubectl label ", "kubectl"+user+" label ", "kubectl create ", "kubectl"+cluster+" create ", "kubectl apply -f -", "kubectl"+cluster+" apply -f -",
	).Replace
	rename := func(texts []string) []string {
		renamed := slices.Clone(texts)
		for i, text := range renamed {
			renamed[i] = call(text)
		}
		return renamed
	}
	d.Checks, d.Next, d.plugin = slices.Clone(d.Checks), rename(d.Next), to
	for i, c := range d.Checks {
		d.Checks[i].Remedy, d.Checks[i].Run = call(c.Remedy), rename(c.Run)
	}
	return d
}

// Failed tells whether something does not work.
func (d Diagnosis) Failed() bool {
	return slices.ContainsFunc(d.Checks, func(c Check) bool { return c.Status == CheckFailed })
}

// Draw writes the checks for people, each with its remedy, the rights, lines for a policy, and what to do next.
// Sentences are broken between words where the terminal ends, and what is next as a shell takes it; other commands and lines to copy are not.
func (d Diagnosis) Draw(w io.Writer, l Layout) error {
	var out bytes.Buffer
	names := 0
	for _, c := range d.Checks {
		names = max(names, terminal.Width(c.Name))
	}
	checks := slices.Clone(d.Checks) // the worst first: it is to be seen on a small screen
	sorting.By(checks, func(a, b Check) int { return cmp.Compare(a.need(), b.need()) })
	out.WriteString(summary(checks))
	rights := d.Rights
	if l.Width > 0 && !l.Wide { // the commands below are to be seen on the same screen
		checks, rights = folding(checks), rights.denied()
		names = max(names, terminal.Width(checks[len(checks)-1].Name))
	}
	for _, c := range checks {
		if err := c.draw(&out, names, l); err != nil {
			return err
		}
	}
	if len(rights.Rows) > 0 {
		if err := rights.Draw(&out, l); err != nil {
			return err
		}
	}
	d.drawLines(&out, l)
	if len(d.Next) > 0 {
		out.WriteString("\nNext:\n")
		for _, command := range d.Next {
			fmt.Fprintf(&out, "  %s\n", strings.ReplaceAll(terminal.WrapCommand(command, max(0, l.Width-len("    "))), "\n", "\n    "))
		}
	}
	_, err := w.Write(out.Bytes())
	return err
}

// folding makes one check of those that are as they should be, but for the one that says which cluster it is.
func folding(checks []Check) []Check {
	var kept []Check
	var well []string
	for _, c := range checks {
		if c.Status != CheckOK || c.Remedy != "" || len(c.Run) > 0 || c.Name == ClusterCheck {
			kept = append(kept, c)
		} else {
			well = append(well, c.Name)
		}
	}
	if len(well) < 2 {
		return checks
	}
	return append(kept, Check{Name: count(len(well), "other"), Status: CheckOK, Message: strings.Join(well, "; ") + " (-o wide says more)"})
}

// ClusterCheck is the name of the check that says which cluster is looked at.
const ClusterCheck = "cluster"

// summary counts what is not as it should be, in a line; "" where all is.
func summary(checks []Check) string {
	counts := make(map[CheckStatus]int)
	for _, c := range checks {
		counts[c.Status]++
	}
	if counts[CheckOK] == len(checks) {
		return ""
	}
	return fmt.Sprintf("%s: %d failed, %d with a warning, %d ok\n", count(len(checks), "check"), counts[CheckFailed], counts[CheckWarning], counts[CheckOK])
}

// draw writes a check: what was found behind its status and name, and its remedy below.
func (c Check) draw(w io.Writer, names int, l Layout) error {
	styles := map[CheckStatus]Style{CheckOK: Good, CheckWarning: Changed, CheckFailed: Bad}
	const statuses = len(CheckWarning)
	table := Table{Columns: []Column{{Name: "STATUS"}, {Name: "CHECK"}, {Name: "FOUND"}}}
	indent := statuses + terminal.Gap + names + terminal.Gap
	pad := func(text string, width int) string {
		return text + strings.Repeat(" ", max(width-terminal.Width(text), 0))
	}
	status, name := Cell{Text: pad(string(c.Status), statuses), Style: styles[c.Status]}, Cell{Text: pad(c.Name, names), Style: Strong}
	add := func(text Cell) {
		table.Rows = append(table.Rows, []Cell{status, name, text})
		status, name = Text(pad("", statuses)), Text(pad("", names))
	}
	for _, line := range folded(c.Message, l.Width-indent) {
		add(Text(line))
	}
	for i, line := range folded(c.Remedy, l.Width-indent-len("-> ")) {
		lead := "   "
		if i == 0 {
			lead = "-> "
		}
		if line != "" {
			add(Cell{Text: lead + line, Style: Changed})
		}
	}
	for _, command := range c.Run {
		add(Text("   " + command))
	}
	l.NoHeaders, l.Width = true, 0
	return table.Draw(w, l)
}

// drawLines writes the lines for a policy, and where they belong.
func (d Diagnosis) drawLines(w io.Writer, l Layout) {
	if len(d.PolicyLines) == 0 {
		return
	}
	where := `Lines for your policy, below its line "spec:":`
	switch fields := d.Environments.Replaces(); {
	case d.policyFile == "":
		where = `Lines for a policy of your own, below the line "spec:" of the file that this writes:`
	case len(fields) > 0:
		where = fmt.Sprintf(`Lines for %s, below its line "spec:", in place of its %s:`, d.policyFile, strings.Join(fields, " and "))
	default:
		where = fmt.Sprintf(`Lines for %s, below its line "spec:":`, d.policyFile)
	}
	_, _ = fmt.Fprintf(w, "\n%s\n", strings.Join(folded(where, l.Width), "\n"))
	if d.policyFile == "" {
		_, _ = fmt.Fprintf(w, "  %s policy %s > %s\n", cmp.Or(d.plugin, "kubectl fluxtune"), terminal.Quoted(d.Environments.before.Name), terminal.Quoted(d.proposedFile))
	}
	_, _ = fmt.Fprintf(w, "\n%s\n", strings.Join(d.PolicyLines, "\n"))
}

// folded breaks a text between words, to a width (none where that is not positive); a longer word stays whole.
func folded(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && width > 0 && terminal.Width(line)+1+terminal.Width(word) > width {
			lines = append(lines, line)
			line = ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	return append(lines, line)
}
