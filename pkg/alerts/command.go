package alerts

import (
	"fmt"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
)

// How commands look at the object that an alert is about, and at its namespace.
const (
	theNamespace = "-n {{ $labels.exported_namespace }}"
	theObject    = theNamespace + " {{ $labels.kind }}/{{ $labels.name }}"
)

// command is how somebody whom an alarm reaches calls a command of this program, with its arguments and flags. All commands of
// alarms are written here: whoever reads them has another current context than whoever made the rules, so each names the cluster.
func (in Input) command(name string, words ...string) string {
	return strings.Join(append([]string{"kubectl fluxtune " + name + in.Cluster}, words...), " ")
}

// withPolicy names the file of the policy, with words before it; "" where the policy is not from a file: whoever an alarm
// reaches has another directory.
func (in Input) withPolicy() string {
	if in.PolicyFile == "" {
		return ""
	}
	return fmt.Sprintf(". The rules were made with --policy %s: add it from where you have that file", terminal.Quoted(in.PolicyFile))
}

// scope is how commands look at all objects that the rules are about.
func (in Input) scope() string {
	if in.Namespace == "" {
		return "-A"
	}
	return "-n " + terminal.Quoted(in.Namespace)
}
