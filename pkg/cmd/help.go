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
	cmd.SetHelpCommand(&cobra.Command{Hidden: true}) // --help says it all
}
