package cmd

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/printers"
	"k8s.io/kubectl/pkg/cmd/get"

	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
	_ "github.com/fluxtune/kubectl-fluxtune/pkg/cmd/english" // comes before kubectl's packages
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
)

// allFormats are the formats of commands that list objects, as kubectl get has them.
var allFormats = []string{"table", "wide", "json", "yaml", "name", "jsonpath", "go-template", "custom-columns"}

// OutputFlags choose how a command shows what it found.
type OutputFlags struct {
	Output    string
	NoHeaders bool
	SortBy    string
	Template  string
	// Rows has an object each shown, also where an overview is enough for people.
	Rows bool
	// AllowMissingTemplateKeys lets templates pass over fields that an item does not have.
	AllowMissingTemplateKeys bool

	formats []string
	// names says what name prints of several clusters; "" where it is objects.
	names string
}

// add registers all output flags for a command that shows a list in the given formats.
func (f *OutputFlags) add(cmd *cobra.Command, extra ...string) {
	f.formats = append(slices.Clone(allFormats), extra...)
	f.AllowMissingTemplateKeys = true
	f.addFormat(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&f.NoHeaders, "no-headers", false, "Do not print headers and summaries, just one line an object.")
	flags.StringVar(&f.SortBy, "sort-by", "", "Sort by a field of an item of -o json: a JSONPath like '{.ref.name}', or a bare name like interval. Durations sort by length.")
	flags.StringVar(&f.Template, "template", "", "Template string or file for -o go-template and -o go-template-file (golang text/template).")
	_ = cmd.RegisterFlagCompletionFunc("template", completeFiles)
	flags.BoolVar(&f.AllowMissingTemplateKeys, "allow-missing-template-keys", true, "Ignore errors in templates when a field is missing.")
}

// addFormat registers only -o.
func (f *OutputFlags) addFormat(cmd *cobra.Command) {
	usage := fmt.Sprintf("Output format: one of %s.", strings.Join(f.formats, ", "))
	if slices.Contains(f.formats, "name") {
		usage += " " + cmp.Or(f.names, "Of several clusters, name puts each one's before the object, with a colon and a space, which sed 's/^.*: //' takes off.")
	}
	cmd.Flags().StringVarP(&f.Output, "output", "o", "", usage)
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(f.formats, cobra.ShellCompDirectiveNoFileComp))
}

// printer shows documents in one format.
type printer struct {
	format string
	// resource prints templates; nil for the formats that fluxtune writes itself.
	resource printers.ResourcePrinter
	layout   report.Layout
	out      io.Writer
	document io.Writer // for what machines read
}

// OutputOptions are what a command needs to show what it found.
type OutputOptions struct {
	root    *root
	printer *printer
	sortBy  string
	// Rows has a row for each object shown on a terminal, too.
	Rows bool
}

// rows tells whether each object has a row: always but on a terminal, and there where that is asked for, by a flag, by a
// choice of kinds or names, or by -o wide.
func (o OutputOptions) rows(sel cluster.Selection) bool {
	l := o.printer.layout
	return o.Rows || l.Width == 0 || l.Wide || l.NoHeaders || o.sortBy != "" || len(sel.Kinds)+len(sel.Names) > 0
}

// addRows registers the flag for commands that show an overview.
func (f *OutputFlags) addRows(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.Rows, "rows", false, "Show a row for each object on a terminal, too, where otherwise an overview is shown (a pipe, a kind, a name, --sort-by and -o wide always get rows).")
}

func (f OutputFlags) toOptions(r *root) (OutputOptions, error) {
	printer, err := f.toPrinter(r)
	if err == nil {
		err = report.CheckSortBy(f.SortBy)
	}
	return OutputOptions{root: r, printer: printer, sortBy: f.SortBy, Rows: f.Rows}, err
}

func (f OutputFlags) toPrinter(r *root) (*printer, error) {
	p := &printer{format: f.Output, out: r.Out, document: r.document()}
	color, err := r.wantsColor()
	if err != nil {
		return nil, err
	}
	p.layout = report.Layout{Wide: f.Output == "wide", NoHeaders: f.NoHeaders, Color: color, EastAsian: eastAsian(r.Getenv)}
	if !slices.Contains(f.formats, "wide") {
		p.layout.Whole = "-o json"
	}
	p.layout.Width, p.layout.Height = r.terminalSize()
	switch {
	case f.Output == "":
		if f.Template != "" {
			f.Output = "go-template"
			break
		}
		p.format = "table"
		return p, nil
	case slices.Contains(f.formats, f.Output) && !isTemplate(f.Output):
		return p, nil
	}
	if slices.Contains(f.formats, "jsonpath") {
		p.resource, err = f.templatePrinter()
		switch {
		case err == nil:
			return p, nil
		case !genericclioptions.IsNoCompatiblePrinterError(err):
			return nil, fmt.Errorf("-o %s: %w", f.Output, err)
		}
	}
	return nil, fmt.Errorf("unknown output format %q: -o takes one of %s", f.Output, strings.Join(f.formats, ", "))
}

func isTemplate(format string) bool {
	return slices.Contains([]string{"jsonpath", "go-template", "custom-columns"}, format)
}

// templatePrinter finds the printer of kubectl for a template format, as kubectl get does.
func (f OutputFlags) templatePrinter() (printers.ResourcePrinter, error) {
	templates := genericclioptions.NewKubeTemplatePrintFlags()
	// Its printers hold the same two pointers, so what they point at is set, not they.
	*templates.AllowMissingKeys = f.AllowMissingTemplateKeys
	*templates.TemplateArgument = f.Template
	if p, err := templates.ToPrinter(f.Output); !genericclioptions.IsNoCompatiblePrinterError(err) {
		return p, err
	}
	columns := get.NewCustomColumnsPrintFlags()
	columns.NoHeaders = f.NoHeaders
	columns.TemplateArgument = f.Template
	return columns.ToPrinter(f.Output)
}

func (r *root) wantsColor() (bool, error) {
	switch r.color {
	case "always":
		return true, nil
	case "never":
		return false, nil
	case "auto", "":
		return r.StdoutWidth > 0 && r.Getenv("NO_COLOR") == "" && r.Getenv("TERM") != "dumb", nil
	default:
		return false, fmt.Errorf("--color %q: it is one of auto, always, never", r.color)
	}
}

// tables tells whether people are the readers.
func (p *printer) tables() bool { return p.format == "table" || p.format == "wide" }

// print shows a document: as a table through draw, as names, or as itself.
func (p *printer) print(document any, names []string, draw func(report.Layout) error) error {
	if p.resource != nil {
		object, err := toUnstructured(document)
		if err != nil {
			return err
		}
		if strings.HasPrefix(p.format, "jsonpath") {
			withoutNulls(object)
		}
		out := &firstError{Writer: p.document}
		if strings.HasPrefix(p.format, "custom-columns") { // a table
			out.Writer = p.out
		}
		err = p.resource.PrintObj(object, out)
		switch {
		case out.err != nil: // kubectl's printers forget it, or tell it behind all that they have
			return out.err
		case err != nil && strings.Contains(err.Error(), "incompatible types for comparison"): // with the whole document
			return fmt.Errorf("-o %s: a filter compares two kinds of values: texts go in quotes, and what may have fractions has a point, as in @.use>90.0", p.format)
		}
		return err
	}
	switch p.format {
	case "json":
		return writeJSON(p.out, document, "    ")
	case "yaml":
		data, err := terminal.MarshalYAML(document)
		if err != nil {
			return err
		}
		_, err = p.document.Write(data)
		return err
	case "name":
		for _, name := range names {
			if _, err := fmt.Fprintln(p.out, name); err != nil {
				return err
			}
		}
		return nil
	default:
		return draw(p.layout)
	}
}

// firstError remembers why something could not be written.
type firstError struct {
	io.Writer
	err error
}

// Write implements io.Writer.
func (w *firstError) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	if w.err == nil {
		w.err = err
	}
	return n, err
}

// writeJSON writes a document with an indent, without what would steer a terminal.
func writeJSON(w io.Writer, document any, indent string) error {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", indent)
	if err := encoder.Encode(document); err != nil {
		return fmt.Errorf("writing JSON: %w", err)
	}
	_, err := w.Write(terminal.EscapeJSON(text.Bytes()))
	return err
}
