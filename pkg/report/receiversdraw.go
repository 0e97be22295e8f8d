package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// Draw writes the table, and below it what is wrong, what is missing and what to do. Manifests is the command that
// writes the missing Receivers.
func (l ReceiverList) Draw(w io.Writer, now time.Time, withNamespace bool, manifests string, layout Layout) error {
	var table bytes.Buffer
	if len(l.Items) > 0 { // else there are Receivers that name nothing which is there
		if err := l.Table(now, withNamespace).Draw(&table, layout); err != nil {
			return err
		}
	}
	if _, err := w.Write(table.Bytes()); err != nil || layout.NoHeaders {
		return err
	}
	text := &prose{width: layout.Width}
	text.add(strings.Repeat("\n", min(len(l.Items), 1)), "", l.Summary.sentence())
	l.writeProblems(text)
	l.writeProposals(text, manifests)
	const later = "After the Receivers are called (CALLED shows a time), these can be polled less often; before, each commit waits for the poll"
	writePlans(text, "What a webhook announces can be polled less often", "plans", l.now)
	writePlans(text, later, "plansLater", l.later)
	l.writeSets(text)
	if layout.Hides(append(table.Bytes(), text.String()...)) { // what matters most is said again where it is seen
		text.add("\n", "", l.Summary.sentence())
		if len(l.Proposals) > 0 {
			text.add("", "", "Next:")
			text.command(manifests)
		}
	}
	_, err := io.WriteString(w, terminal.Printable(text.String()))
	return err
}

// writeSets says how the policy leaves things as those plans make them.
func (l ReceiverList) writeSets(text *prose) {
	if len(l.PolicySets) == 0 {
		return
	}
	text.add("\n", "", "The next plan would make longer intervals of sources with a webhook short again. To keep them long, change the policy: in its file, or with these flags from then on:")
	for _, set := range l.PolicySets {
		text.command("--set " + terminal.Quoted(set))
	}
	text.add("", "", "That lets sources without a webhook be as slow, too. To keep single ones instead, give them the annotation "+tune.OptOutAnnotation+": "+tune.OptOutValue+".")
}

// prose is text for people, whose lines are broken between words where the terminal ends.
type prose struct {
	strings.Builder
	width int
}

// add writes a line behind an indent, which those begin with that it is broken into.
func (p *prose) add(before, indent, line string) {
	width := 0
	if p.width > 0 {
		width = max(p.width-len(indent), 20)
	}
	line = terminal.WrapLine(terminal.Printable(oneLine(line)), width) // what objects say begins no line of its own
	p.WriteString(before + indent + strings.ReplaceAll(line, "\n", "\n"+indent) + "\n")
}

// command writes one that is to be copied: the terminal breaks it.
func (p *prose) command(line string) { p.WriteString("  " + line + "\n") }

func (l ReceiverList) writeProblems(text *prose) {
	if l.Summary.Problems == 0 {
		return
	}
	text.add("\n", "", "Receivers to look at:")
	for _, r := range l.Receivers {
		for _, p := range r.Problems {
			text.add("", "  ", fmt.Sprintf("%s/%s: %s", r.Ref.Namespace, r.Ref.Name, p.Message))
			if strings.HasPrefix(p.Remedy, "kubectl ") || strings.HasPrefix(p.Remedy, "flux ") {
				text.command("  -> " + p.Remedy)
			} else {
				text.add("", "    ", "-> "+p.Remedy)
			}
		}
		if r.Origin != "" && len(r.Problems) > 0 {
			text.add("", "    ", "where: "+r.Origin)
		}
	}
}

func (l ReceiverList) writeProposals(text *prose, manifests string) {
	for _, p := range l.Kept {
		if p.ReplacedBy != "" {
			text.add("\n", "", p.replaced())
		}
	}
	if len(l.Proposals) == 0 {
		return
	}
	several, elsewhere := false, false
	for _, part := range []struct {
		title    string
		existing bool
	}{{"Missing Receivers:", false}, {"Receivers that should be other than they are:", true}} {
		title := part.title
		for _, p := range l.Proposals {
			if p.Existing != part.existing {
				continue
			}
			if title != "" {
				text.add("\n", "", title)
				title = ""
			}
			several, elsewhere = several || len(p.Owners) > 1, elsewhere || len(p.SourceOrigins) > 0
			text.add("", "  ", p.sentence())
			if owners := p.ownersText(); owners != "" {
				text.add("", "    ", "of "+owners)
			}
			if p.Origin != "" {
				text.add("", "    ", "it comes from "+p.Origin+": put it there, since what kubectl applies may be taken back")
			}
		}
	}
	if several {
		text.add("", "", "A host calls only for what is yours there: --owner NAME proposes for that alone.")
	}
	if elsewhere {
		text.add("", "", "Where sources are applied from elsewhere, as from Git, their Receiver belongs there, too: -o yaml says where.")
	}
	text.add("", "", "With their Secrets, and what to enter at the hosts:")
	text.command(manifests)
}

// sentence says what is proposed.
func (p ReceiverProposal) sentence() string {
	where := fmt.Sprintf("%s at %s (%s%s)", count(len(p.Sources), "source"), p.Host, p.title, p.guess())
	name := p.Namespace + "/" + p.Name
	switch {
	case p.Replaces != "":
		return fmt.Sprintf("%s in place of %s, for %s", name, p.Replaces, where)
	case !p.Existing:
		return name + " for " + where
	case p.Added > 0 && p.Dropped > 0:
		return fmt.Sprintf("%s gets %d more and loses %d, for %s", name, p.Added, p.Dropped, where)
	case p.Added > 0:
		return fmt.Sprintf("%s gets %d more, for %s", name, p.Added, where)
	case p.Dropped > 0:
		return fmt.Sprintf("%s loses %d, for %s", name, p.Dropped, where)
	default:
		return name + " gets another filter or other events, for " + where
	}
}

// replaced says what becomes of a Receiver that another one is written in place of.
func (p ReceiverProposal) replaced() string {
	return fmt.Sprintf("%[1]s/%[2]s was written for another make of host than what runs at %[3]s now: %[1]s/%[4]s is for the same sources. It stays, so that no call is lost, until you take it out: do so once the other is called.",
		p.Namespace, p.Name, p.Host, p.ReplacedBy)
}

// mostOwners is how many are named in a line.
const mostOwners = 12

// ownersText names the owners, with the number of sources of each.
func (p ReceiverProposal) ownersText() string {
	var parts []string
	for i, o := range p.Owners {
		if i == mostOwners {
			parts = append(parts, fmt.Sprintf("and %d more (-o json names them)", len(p.Owners)-i))
			break
		}
		parts = append(parts, fmt.Sprintf("%s (%d)", o.Name, o.Sources))
	}
	return strings.Join(parts, ", ")
}

// What is written of plans: so many, and none with more names than a line holds.
const mostPlans, mostNames = 10, 20

func writePlans(text *prose, title, field string, plans []relaxedPlan) {
	if len(plans) > 0 {
		text.add("\n", "", title+":")
	}
	for i, p := range plans {
		switch {
		case i == mostPlans:
			text.add("", "  ", fmt.Sprintf("and %d more: -o json has all commands (%s)", len(plans)-i, field))
			return
		case p.names > mostNames:
			text.add("", "  ", fmt.Sprintf("%d %s objects in namespace %s: -o json has the command (%s)", p.names, p.kinds, p.namespace, field))
		default:
			text.command(p.command)
		}
	}
}
