package cmd

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"text/template"
	"unicode"

	"github.com/MakeNowJust/heredoc"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
)

// Tree is all commands as kubectl's users see them, for the reference pages. None of them can be run.
func Tree() *cobra.Command {
	return newRoot(System{Getenv: func(string) string { return "" }}, Build{}, pluginName)
}

// long is a command's description: unindented, with the line breaks of the source.
func long(text string) string { return strings.TrimSpace(heredoc.Doc(text)) }

// examples are indented by two, as kubectl shows them.
func examples(text string) string {
	lines := strings.Split(strings.TrimSpace(heredoc.Doc(text)), "\n")
	for i, line := range lines {
		if line != "" {
			lines[i] = "  " + line
		}
	}
	return strings.Join(lines, "\n")
}

// usageTemplate shows a command's own flags only: the flags that all commands take are many, and
// known from kubectl (see the options command).
const usageTemplate = `Usage:
  {{if .HasAvailableSubCommands}}{{.CommandPath}} COMMAND{{else}}{{.UseLine}}{{end}}
{{- if .HasExample}}

Examples:
{{.Example}}{{end}}
{{- if .HasAvailableSubCommands}}
{{- $cmd := .}}
{{- range $group := .Groups}}

{{.Title}}
{{- range $cmd.Commands}}{{if and (eq .GroupID $group.ID) .IsAvailableCommand}}
{{listed .}}{{end}}{{end}}
{{- end}}
{{- if not .AllChildCommandsHaveGroup}}

Other commands:
{{- range $cmd.Commands}}{{if and (eq .GroupID "") .IsAvailableCommand}}
{{listed .}}{{end}}{{end}}
{{- end}}
{{- end}}
{{- if .HasAvailableLocalFlags}}{{if .HasParent}}

Flags:
{{flags .LocalFlags}}{{end}}{{end}}

{{if .HasAvailableSubCommands}}{{wrap (printf "Use \"%s COMMAND --help\" for more about a command." .CommandPath)}}
{{end}}{{wrap (printf "Use \"%s options\" for the flags that all commands take (--context, --namespace, --color ...)." .Root.CommandPath)}}
`

const optionsTemplate = `These flags can be given to every command:

{{flags .InheritedFlags}}
`

// useHelp gives a command and those below it their help pages, for a terminal of some width; 0 is none.
func useHelp(cmd *cobra.Command, width int) {
	cmd.SetUsageFunc(usagePage(usageTemplate, width))
	cmd.SetHelpFunc(func(cmd *cobra.Command, _ []string) {
		about := strings.TrimRightFunc(cmp.Or(cmd.Long, cmd.Short), unicode.IsSpace)
		_, _ = fmt.Fprintf(cmd.OutOrStdout(), "%s\n\n%s", wrapParagraphs(about, width), cmd.UsageString())
	})
	cmd.SetHelpCommand(newHelp())
}

// usagePage shows a template, as cobra does, with functions that break lines at a terminal's width.
func usagePage(text string, width int) func(*cobra.Command) error {
	page := template.Must(template.New("usage").Funcs(template.FuncMap{
		"wrap": func(line string) string { return terminal.WrapLine(line, width) },
		"listed": func(cmd *cobra.Command) string {
			return hang(fmt.Sprintf("  %-*s   ", cmd.NamePadding(), cmd.Name()), cmd.Short, width)
		},
		"flags": func(flags *pflag.FlagSet) string { return wrapFlags(flags.FlagUsages(), width) },
	}).Parse(text))
	return func(cmd *cobra.Command) error {
		cmd.LocalFlags() // takes in those of the commands above
		return page.Execute(cmd.OutOrStderr(), cmd)
	}
}

// hang writes a text behind what leads to it, and goes on below itself at a terminal's width (0: none). Half of the width
// and more is for the text: where the lead takes more, the text begins below it.
func hang(lead, text string, width int) string {
	indent := len(lead)
	if width <= 0 {
		return lead + text
	}
	if lead = strings.TrimRight(lead, " "); indent > width/2 {
		indent = width / 4
	}
	margin := strings.Repeat(" ", indent)
	body := strings.ReplaceAll(terminal.WrapLine(text, max(1, width-indent)), "\n", "\n"+margin)
	if len(lead)+2 > indent {
		return lead + "\n" + margin + body
	}
	return fmt.Sprintf("%-*s%s", indent, lead, body)
}

// flagLead is what stands before the text of a flag: -n, --namespace string.
var flagLead = regexp.MustCompile(`^ +(-\S, )?--\S+( \S+)?  +`)

// wrapFlags breaks the texts of flags, as pflag writes them. Its own way gives up at the first word that is too long.
func wrapFlags(usages string, width int) string {
	lines := strings.Split(strings.TrimRightFunc(usages, unicode.IsSpace), "\n")
	for i, line := range lines {
		lead := flagLead.FindString(line)
		lines[i] = hang(lead, line[len(lead):], width)
	}
	return strings.Join(lines, "\n")
}

// listLead is what stands before the text of a list in a description.
var listLead = regexp.MustCompile(`^ +\S+( \S+)*?  +`)

// wrapParagraphs breaks the paragraphs of a text that are wider than a terminal (0: none), and the texts of lists. Other
// lines that begin with a space are to be copied, and stay as they are.
func wrapParagraphs(text string, width int) string {
	if width <= 0 {
		return text
	}
	var wrapped, paragraph []string
	end := func() {
		if slices.ContainsFunc(paragraph, func(line string) bool { return terminal.Width(line) > width }) {
			paragraph = []string{terminal.WrapLine(strings.Join(paragraph, " "), width)}
		}
		wrapped, paragraph = append(wrapped, paragraph...), nil
	}
	for line := range strings.SplitSeq(text, "\n") {
		if line != "" && !unicode.IsSpace(rune(line[0])) {
			paragraph = append(paragraph, line)
			continue
		}
		end()
		if lead := listLead.FindString(line); lead != "" && terminal.Width(line) > width {
			line = hang(lead, line[len(lead):], width)
		}
		wrapped = append(wrapped, line)
	}
	end()
	return strings.Join(wrapped, "\n")
}

// newHelp is what --help shows, for those who type help first, as kubectl has it.
func newHelp() *cobra.Command {
	return &cobra.Command{
		Use:    "help [COMMAND]",
		Short:  "Show the help of a command",
		Hidden: true, // every page says how to come to the others
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, noFiles
			}
			var names []string
			for _, sub := range cmd.Root().Commands() {
				if sub.IsAvailableCommand() {
					names = append(names, sub.Name())
				}
			}
			return names, noFiles
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			about, rest, err := cmd.Root().Find(args)
			if err != nil {
				return err
			}
			if len(rest) > 0 {
				return noSuchCommand(about, rest)
			}
			about.InitDefaultHelpFlag() // so that the page lists it
			return about.Help()
		},
	}
}
