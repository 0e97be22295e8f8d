package cmd

import (
	"strings"

	"github.com/MakeNowJust/heredoc"
	"github.com/spf13/cobra"
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
  {{rpad .Name .NamePadding}}   {{.Short}}{{end}}{{end}}
{{- end}}
{{- if not .AllChildCommandsHaveGroup}}

Other commands:
{{- range $cmd.Commands}}{{if and (eq .GroupID "") .IsAvailableCommand}}
  {{rpad .Name .NamePadding}}   {{.Short}}{{end}}{{end}}
{{- end}}
{{- end}}
{{- if .HasAvailableLocalFlags}}{{if .HasParent}}

Flags:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}{{end}}

{{if .HasAvailableSubCommands}}Use "{{.CommandPath}} COMMAND --help" for more about a command.
{{end}}Use "{{.Root.CommandPath}} options" for the flags that all commands take (--context, --namespace, --color ...).
`

const optionsTemplate = `These flags can be given to every command:

{{.InheritedFlags.FlagUsages | trimTrailingWhitespaces}}
`

func useHelp(cmd *cobra.Command) {
	cmd.SetUsageTemplate(usageTemplate)
	cmd.SetHelpCommand(newHelp())
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
