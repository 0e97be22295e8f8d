// Command docs writes the reference pages from the code: one for each command, and one for the policy's
// schema. It runs from the root of the repository: make docs. A test compares the pages with the code.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fluxtune/kubectl-fluxtune/pkg/cmd"
)

const (
	folder     = "hack/docs/reference"
	schemaFile = "pkg/policy/schema.json"
)

func main() {
	if err := run(folder); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// run writes all pages into a folder, and removes pages whose command is gone.
func run(folder string) error {
	all, err := pages()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	old, err := filepath.Glob(filepath.Join(folder, "*.*"))
	if err != nil {
		return err
	}
	for _, file := range old {
		if all[filepath.Base(file)] == nil {
			if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	for name, page := range all {
		if err := os.WriteFile(filepath.Join(folder, name), page, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// pages are the file names with their content.
func pages() (map[string][]byte, error) {
	all := make(map[string][]byte)
	root := cmd.Tree()
	for _, command := range append([]*cobra.Command{root}, descendants(root)...) {
		all[pageName(command)] = page(command)
	}
	schema, err := os.ReadFile(schemaFile)
	if err != nil {
		return nil, fmt.Errorf("reading the policy's schema: %w", err)
	}
	if all["policy-schema.md"], err = schemaPage(schema); err != nil {
		return nil, err
	}
	documents, err := schemas()
	maps.Copy(all, documents)
	return all, err
}

func descendants(c *cobra.Command) (all []*cobra.Command) {
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			all = append(append(all, sub), descendants(sub)...)
		}
	}
	return all
}

func pageName(c *cobra.Command) string {
	return strings.ReplaceAll(c.CommandPath(), " ", "_") + ".md"
}

// home is in the default of --cache-dir.
var home = regexp.MustCompile(`"[^"]*(/\.kube/cache")`)

func page(c *cobra.Command) []byte {
	var b bytes.Buffer
	section := func(title, text string) {
		if text = strings.Trim(text, "\n"); text != "" {
			_, _ = fmt.Fprintf(&b, "\n%s\n\n```text\n%s\n```\n", title, home.ReplaceAllString(text, `"$$HOME$1`))
		}
	}
	_, _ = fmt.Fprintf(&b, "<!-- Written by make docs from the code. -->\n# %s\n\n%s\n", c.CommandPath(), strings.TrimSpace(orShort(c)))
	usage := c.UseLine()
	if c.HasAvailableSubCommands() {
		usage = c.CommandPath() + " COMMAND"
	}
	section("## Usage", usage)
	section("## Examples", c.Example)
	if c.HasParent() {
		section("## Flags", c.NonInheritedFlags().FlagUsages())
	} else {
		section("## Flags of all commands", c.PersistentFlags().FlagUsages())
	}
	if subs := slices.DeleteFunc(slices.Clone(c.Commands()), func(s *cobra.Command) bool { return !s.IsAvailableCommand() }); len(subs) > 0 {
		b.WriteString("\n## Commands\n\n")
		for _, sub := range subs {
			_, _ = fmt.Fprintf(&b, "- [%s](%s): %s\n", sub.CommandPath(), pageName(sub), sub.Short)
		}
	}
	if c.HasParent() {
		_, _ = fmt.Fprintf(&b, "\nThe flags that all commands take are on the page of [%s](%s).\n", c.Root().CommandPath(), pageName(c.Root()))
	}
	return b.Bytes()
}

// orShort is the description; descriptions are written for terminals, and are Markdown as they stand.
func orShort(c *cobra.Command) string {
	if c.Long != "" {
		return c.Long
	}
	return c.Short + "."
}

// schema is the part of JSON Schema that the policy's uses.
type schema struct {
	Ref         string `json:"$ref"`
	Description string
	Type        string
	Const       any
	Enum        []any
	Items       *schema
	Required    []string
	Properties  properties
	Defs        properties `json:"$defs"`
}

// properties keep the order of the document.
type properties []property

type property struct {
	name string
	schema
}

// UnmarshalJSON reads an object in its order.
func (p *properties) UnmarshalJSON(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	if _, err := d.Token(); err != nil {
		return err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		one := property{name: fmt.Sprint(name)}
		if err := d.Decode(&one.schema); err != nil {
			return err
		}
		*p = append(*p, one)
	}
	return nil
}

func schemaPage(data []byte) ([]byte, error) {
	var s schema
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, fmt.Errorf("reading the policy's schema: %w", err)
	}
	var b bytes.Buffer
	b.WriteString("<!-- Written by make docs from the code. -->\n# The tuning policy\n\n" +
		"Print a policy to start from with `kubectl fluxtune policy per-environment > policy.yaml`, and the JSON\n" +
		"Schema for editors with `kubectl fluxtune policy schema`.\n")
	s.table(&b, "TuningPolicy")
	for _, def := range s.Defs {
		def.table(&b, def.name)
	}
	return b.Bytes(), nil
}

// table shows one type; a type without fields is its description.
func (s schema) table(b *bytes.Buffer, name string) {
	_, _ = fmt.Fprintf(b, "\n## %s\n", name)
	if s.Description != "" {
		_, _ = fmt.Fprintf(b, "\n%s\n", s.Description)
	}
	if len(s.Properties) == 0 {
		return
	}
	b.WriteString("\n| field | type | |\n|---|---|---|\n")
	for _, p := range s.Properties {
		text := p.Description
		if slices.Contains(s.Required, p.name) {
			text = strings.TrimSpace("Required. " + text)
		}
		_, _ = fmt.Fprintf(b, "| `%s` | %s | %s |\n", p.name, p.typeName(), strings.ReplaceAll(text, "|", `\|`))
	}
}

func (s schema) typeName() string {
	switch {
	case s.Ref != "":
		name := s.Ref[strings.LastIndex(s.Ref, "/")+1:]
		return fmt.Sprintf("[%s](#%s)", name, strings.ToLower(name))
	case s.Const != nil:
		return fmt.Sprintf("`%v`", s.Const)
	case s.Items != nil:
		return "list of " + s.Items.typeName()
	case len(s.Properties) > 0:
		names := make([]string, 0, len(s.Properties))
		for _, p := range s.Properties {
			names = append(names, "`"+p.name+"`: "+p.typeName())
		}
		return strings.Join(names, ", ")
	default:
		return s.Type
	}
}
