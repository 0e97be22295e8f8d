package cmd

import (
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
)

// onlyShown are the flags that say that, or how, something is only shown, and not what is meant.
var onlyShown = []string{"dry-run", "output", "rows", "exit-code", "sort-by", "no-headers", "template", "allow-missing-template-keys", "color", "v"}

// secretFlag is the flag whose value is no text to show: what is proposed goes into logs. Who typed it types it again.
const secretFlag = "token"

// repeated is how another command is called for the same objects under the same policy: its name, and the arguments and
// flags that were typed, as far as the other takes them and none is a secret.
func (r *root) repeated(command string) string { return r.again(command, true) }

// choosing are the flags that choose objects.
var choosing = []string{"namespace", "all-namespaces", "selector", "kind", "env", "root"}

// whole is how plan is called for all objects, whatever was chosen of them, under the same policy.
func (r *root) whole() string { return r.again("plan", false) }

// again is how another command is called with what was typed: with what chooses objects, or for all of them.
func (r *root) again(command string, choice bool) string {
	words := []string{r.name, command}
	if r.asked == nil {
		return strings.Join(words, " ")
	}
	other, _, err := r.asked.Root().Find([]string{command})
	if err != nil {
		return strings.Join(words, " ")
	}
	switch files := r.asked.Flags().Lookup("filename"); {
	case choice && command == "doctor": // which takes no objects
	case choice:
		for _, arg := range r.asked.Flags().Args() {
			words = append(words, terminal.Quoted(arg))
		}
	case files == nil || !files.Changed:
		words = append(words, "-A")
	}
	r.asked.Flags().Visit(func(f *pflag.Flag) {
		if !choice && slices.Contains(choosing, f.Name) {
			return
		}
		if slices.Contains(onlyShown, f.Name) || f.Name == secretFlag || other.Flags().Lookup(f.Name) == nil && other.InheritedFlags().Lookup(f.Name) == nil {
			return
		}
		words = append(words, typed(f)...)
	})
	return strings.Join(words, " ")
}

// ofThePolicy are the flags that say what is wanted, wherever the objects are read.
var ofThePolicy = []string{"policy", "set", "shorten-timeouts", "fit", "activity", "limit", "default-env", "env-alias"}

// anyCheckout stands for the directory of a checkout in commands. It is a word that a shell passes on, and no directory that one has.
const anyCheckout = "-f YOUR-CHECKOUT"

// inCheckout is how the same is planned where Git has the values: which directory that is the user knows.
func (r *root) inCheckout() string {
	words := []string{r.name, "plan", anyCheckout}
	if r.asked == nil {
		return strings.Join(words, " ")
	}
	r.asked.Flags().Visit(func(f *pflag.Flag) {
		if slices.Contains(ofThePolicy, f.Name) {
			words = append(words, typed(f)...)
		}
	})
	return strings.Join(words, " ")
}

// The flags of kubectl that say which cluster is asked, and those that also say as whom, but for secrets.
var (
	ofTheCluster    = []string{"kubeconfig", "context", "cluster", "server", "tls-server-name", "proxy-url", "certificate-authority", "insecure-skip-tls-verify"}
	ofTheConnection = slices.Concat(ofTheCluster, []string{"user", "client-certificate", "client-key", "as", "as-group", "as-uid", "as-user-extra"})
)

// connection are the flags that have another command ask the same cluster as the same user, with a space before each; ""
// where the kubeconfig alone says it.
func (r *root) connection() string { return r.connectionOf(ofTheConnection) }

// connectionOf are some of these flags.
func (r *root) connectionOf(names []string) string {
	now, fresh := pflag.NewFlagSet("", pflag.ContinueOnError), pflag.NewFlagSet("", pflag.ContinueOnError)
	r.config.AddFlags(now)
	genericclioptions.NewConfigFlags(true).AddFlags(fresh)
	var words strings.Builder
	for _, name := range names {
		if f, plain := now.Lookup(name), fresh.Lookup(name); f != nil && f.Value.String() != plain.Value.String() {
			words.WriteString(" " + strings.Join(typed(f), " "))
		}
	}
	return words.String()
}

// again are the flags that have another command read under the same policy, with a space before each.
func (f PolicyFlags) again() string {
	var words strings.Builder
	add := func(name, value string) { words.WriteString(" --" + name + " " + terminal.Quoted(value)) }
	if f.Policy != policy.DefaultName {
		add("policy", inputAgain(f.Policy))
	}
	for _, value := range f.Set {
		add("set", value)
	}
	if f.DefaultEnvironment != "" {
		add("default-env", f.DefaultEnvironment)
	}
	for _, value := range f.EnvironmentAliases {
		add("env-alias", value)
	}
	return words.String()
}

// inputAgain is a file that a flag names for a command that is pasted: what came through a pipe is gone, and FILE is for the user to fill in.
func inputAgain(value string) string {
	if value == "-" {
		return "FILE"
	}
	return value
}

// typed is a flag as one would type it.
func typed(f *pflag.Flag) []string {
	name := "--" + f.Name
	if f.Shorthand != "" {
		name = "-" + f.Shorthand
	}
	if list, ok := f.Value.(pflag.SliceValue); ok {
		var words []string
		for _, value := range list.GetSlice() {
			if f.Value.Type() == "stringSlice" {
				value = asItem(value)
			}
			words = append(words, name, terminal.Quoted(value))
		}
		return words
	}
	if f.Value.Type() == "bool" {
		if f.Value.String() == "true" {
			return []string{name}
		}
		return []string{"--" + f.Name + "=false"}
	}
	if f.Name == "policy" || f.Name == "activity" || f.Name == "filename" {
		return []string{name, terminal.Quoted(inputAgain(f.Value.String()))}
	}
	return []string{name, terminal.Quoted(flux.WithoutSecrets(f.Value.String()))} // a proxy's URL may have a password
}

// asItem is one item of a list that is separated by commas (pflag reads it as a line of CSV).
func asItem(value string) string {
	if !strings.ContainsAny(value, ",\"\n") {
		return value
	}
	return `"` + strings.ReplaceAll(value, `"`, `""`) + `"`
}
