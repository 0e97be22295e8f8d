package cmd

import (
	"fmt"
	"os"

	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
)

// after is the doctor once the lines that are proposed are in a policy, where they go into one that is to be written; what
// changes most objects for good is done in Git, or not.
func (o DoctorOptions) after(proposal report.Proposal, inGit, allGit bool) *DoctorOptions {
	if o.policyFile == "" && len(proposal.Lines()) > 0 {
		o.again = o.own
	}
	o.inGit, o.allGit = inGit, allGit
	return &o
}

// inCheckout are the commands for where the values live, when most changes in the cluster would be undone.
func (o *DoctorOptions) inCheckout() []string {
	flags := " " + anyCheckout + o.again
	return []string{"kubectl fluxtune plan" + flags, "kubectl fluxtune rewrite" + flags + " --dry-run"}
}

// next are the commands that the user's rights make worth running, one at least.
func (o *DoctorOptions) next(look, write, nodes report.Check, nearby string) []string {
	var next []string
	if o.inGit {
		next = o.inCheckout()
	}
	if look.Works() {
		next = append(next, "kubectl fluxtune plan "+o.where(), "kubectl fluxtune budget "+o.where())
	}
	if look.Works() && write.Works() && !(o.inGit && o.allGit) { // else apply has nothing to do
		next = append(next, "kubectl fluxtune apply "+o.where()+" --dry-run=server --yes")
	}
	if nearby != "" {
		next = append(next, "kubectl fluxtune doctor -n "+terminal.Quoted(nearby)+o.root.connection()+o.again)
	}
	if nodes.Works() && len(next) == 0 {
		command := "kubectl fluxtune nodes" + o.root.connection()
		if o.Namespace != "" {
			command += " -n " + terminal.Quoted(o.Namespace)
		}
		next = append(next, command)
	}
	if len(next) == 0 {
		next = append(next, "kubectl fluxtune rbac viewer")
	}
	return next
}

// freeFile is a name that no file of this folder has, so that what is written there takes nothing away: policy.yaml, policy-2.yaml ...
func freeFile(name, ending string) string {
	free := name + ending
	for i := 2; ; i++ {
		if _, err := os.Lstat(free); err != nil {
			return free
		}
		free = fmt.Sprintf("%s-%d%s", name, i, ending)
	}
}
