package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
)

// What rows of Rights are called that are alike.
const (
	AlikeKinds    = "kinds of Flux"
	AlikeOperator = "kinds of the Flux Operator"
	AlikeCosts    = "kinds that only budget reads"
	AlikeMetrics  = "kinds of metrics"
)

// MetricsGroup is where clusters say what their nodes use. Its nodes are called with it, to tell them from the nodes.
const MetricsGroup = "metrics.k8s.io"

// Access is what a user may do, for the checks that say which commands work.
type Access struct {
	Rights Rights
	// Namespace that commands are about; "" for all.
	Namespace string
	// Nearby is the context's own namespace, where the user may list what may not be listed in all of them; "" where that is not so.
	Nearby string
	// Some says that some objects may be patched although no kind may: by a role of another namespace, or one that names them.
	Some bool
}

// place names where the commands look.
func (a Access) place() string {
	if a.Namespace == "" {
		return "all namespaces"
	}
	return fmt.Sprintf("namespace %q", a.Namespace)
}

// denied are the resources among those that are alike, or the one named, that a verb is denied on; asked tells of how
// many that was asked.
func (a Access) denied(which, verb string) (resources []string, asked int) {
	for _, r := range a.Rights.Rows {
		if r.alike != which && (r.alike != "" || r.Resource != which) {
			continue
		}
		if allowed, wanted := r.May(verb); wanted {
			asked++
			if !allowed {
				resources = append(resources, r.Resource)
			}
		}
	}
	return resources, asked
}

// LookCheck is about get and plan, by the rights and by what was really read with them.
func (a Access) LookCheck(s flux.Snapshot) Check {
	c := Check{Name: "get, plan", Status: CheckOK, Message: "work in " + a.place()}
	denied, asked := a.denied(AlikeKinds, "list")
	single, _ := a.denied(AlikeKinds, "get")
	var others []string
	for _, g := range s.Gaps {
		if !g.Harmless && !g.Forbidden {
			others = append(others, g.What+": "+g.Why)
		}
	}
	switch {
	case len(denied) == asked && asked > 0:
		c.Status, c.Message = CheckFailed, fmt.Sprintf("refused: you may not list Flux's objects in %s", a.place())
		if a.Nearby != "" {
			c.Message += fmt.Sprintf("; in namespace %q you may: doctor -n %s", a.Nearby, terminal.Quoted(a.Nearby))
			return c
		}
		if a.Namespace == "" {
			c.Message += " (one of them is enough: doctor -n NAMESPACE)"
		}
	case len(denied) > 0:
		c.Status, c.Message = CheckWarning, fmt.Sprintf("in part: you may not list %s in %s", strings.Join(denied, ", "), a.place())
		if len(single) > 0 {
			c.Message += "; and not by name (TYPE NAME): you may not get " + strings.Join(single, ", ")
		}
	case len(others) > 0:
		c.Status, c.Message = CheckWarning, "in part: "+strings.Join(others, "; ")
		return c // what they say is what helps
	case len(single) > 0:
		c.Status, c.Message = CheckWarning, fmt.Sprintf("work in %s, but not by name (TYPE NAME): you may not get %s", a.place(), strings.Join(single, ", "))
	default:
		return c
	}
	c.Remedy, c.Run = a.grant("viewer")
	return c
}

// BudgetCheck is about budget, which reads more than plan and goes on without.
func (a Access) BudgetCheck(look Check) Check {
	c := Check{Name: "budget", Status: look.Status, Message: "works in " + a.place()}
	if look.Status == CheckFailed {
		c.Message = "refused, as get and plan are"
		return c
	}
	if by, found := strings.CutPrefix(look.Message, "work in "); found { // with all lists
		c.Message = "works in " + by
	} else if look.Status != CheckOK {
		c.Message = "in part, as get and plan"
	}
	var lacks []string
	if denied, _ := a.denied("deployments", "list"); len(denied) > 0 {
		lacks = append(lacks, "how many workers Flux's controllers have is assumed (you may not list deployments)")
	}
	if denied, _ := a.denied(AlikeCosts, "list"); len(denied) > 0 {
		lacks = append(lacks, "what these cost is left out: "+strings.Join(denied, ", "))
		if slices.ContainsFunc(flux.CostKinds(), func(k flux.Kind) bool { return k.AsksHosts() && slices.Contains(denied, k.Resource) }) {
			lacks[len(lacks)-1] += "; apply --fit, which counts them, is refused (the role viewer has the right to list them)"
		}
	}
	if len(lacks) > 0 {
		c.Status, c.Message = CheckWarning, c.Message+"; "+strings.Join(lacks, "; ")
	}
	return c
}

// WriteCheck is about apply and revert, which see the plan first.
func (a Access) WriteCheck(look Check) Check {
	c := Check{Name: "apply, revert", Status: CheckOK, Message: "work in " + a.place()}
	denied, asked := a.denied(AlikeKinds, "patch")
	unread, _ := a.denied(AlikeKinds, "get")
	again := fmt.Sprintf("what somebody changes meanwhile fails, as it is not read again: you may not get %s", strings.Join(unread, ", "))
	switch {
	case look.Status == CheckFailed:
		c.Message = "refused, as get and plan are"
	case len(denied) == asked && a.Some:
		c.Message = "in part: you may patch only some of Flux's objects in " + a.place()
	case len(denied) == asked:
		c.Message = fmt.Sprintf("refused: you may not patch Flux's objects in %s", a.place())
	case len(denied) > 0:
		c.Message = fmt.Sprintf("in part: you may not patch %s in %s", strings.Join(denied, ", "), a.place())
		if len(unread) > 0 {
			c.Message += "; " + again
		}
	case len(unread) > 0 && strings.HasPrefix(look.Message, "work"):
		c.Message += ", but " + again
	case look.Status != CheckOK:
		c.Message = "in part, as get and plan"
	default:
		return c
	}
	c.Status = CheckWarning
	if len(denied)+len(unread) > 0 && a.Nearby == "" {
		c.Remedy, c.Run = a.grant("tuner")
	}
	return c
}

// NodesCheck is about nodes, which needs nothing of Flux.
func (a Access) NodesCheck() Check {
	c := Check{Name: "nodes", Status: CheckOK, Message: "works"}
	if a.Namespace != "" {
		c.Message = fmt.Sprintf("works, with the pods of namespace %q (-n)", a.Namespace)
	}
	noNodes, _ := a.denied("nodes", "list")
	noPods, _ := a.denied("pods", "list")
	watched, _ := a.denied("nodes", "watch")
	pods, _ := a.denied("pods", "watch")
	watched = append(watched, pods...)
	switch {
	case len(noNodes) > 0 && len(noPods) > 0:
		c.Message = fmt.Sprintf("refused: you may list neither nodes nor the pods of %s", a.place())
	case len(noNodes) > 0:
		c.Message = "in part: you may not list nodes, so only those with pods are shown, without capacity"
	case len(noPods) > 0:
		c.Message = fmt.Sprintf("in part: you may not list the pods of %s, so they are not counted", a.place())
		if a.Namespace == "" {
			c.Message += " (name a namespace that you may with -n)"
		}
	case len(watched) > 0:
		c.Message += fmt.Sprintf("; --watch asks again and again (you may not watch %s)", strings.Join(watched, ", "))
	default:
		if metrics, _ := a.denied(AlikeMetrics, "list"); len(metrics) > 0 {
			c.Message += fmt.Sprintf("; CPU and memory (-o wide) are not for you where the cluster serves them (you may not list nodes.%s)", MetricsGroup)
		}
		return c
	}
	c.Status = CheckWarning
	c.Remedy, c.Run = a.grant("nodes")
	return c
}

// grant is what an administrator runs so that the user has the rights of a role of rbac, or those of nodes.
func (a Access) grant(role string) (remedy string, run []string) {
	user := a.Rights.User
	if user == "" {
		if role == "nodes" {
			role = "viewer" // has these rights, too
		}
		return fmt.Sprintf("ask an administrator for the role that kubectl fluxtune rbac %s prints, and a binding", role), nil
	}
	clusterRole := "fluxtune-" + role
	if role == "nodes" && a.Namespace != "" {
		// Nodes belong to no namespace; the pods are those of one.
		run = []string{
			"kubectl create clusterrole fluxtune-nodes --verb=list,watch --resource=nodes",
			fmt.Sprintf("kubectl create clusterrolebinding %s --clusterrole=fluxtune-nodes --user=%s", terminal.Quoted(bindingName(clusterRole, user)), terminal.Quoted(user)),
			"kubectl create clusterrole fluxtune-pods --verb=list,watch --resource=pods",
			fmt.Sprintf("kubectl create rolebinding %s -n %s --clusterrole=fluxtune-pods --user=%s", terminal.Quoted(bindingName("fluxtune-pods", user)), terminal.Quoted(a.Namespace), terminal.Quoted(user)),
		}
		if denied, _ := a.denied("pods", "list"); len(denied) == 0 {
			run = run[:2]
		} else if denied, _ := a.denied("nodes", "list"); len(denied) == 0 {
			run = run[2:]
		}
		return "an administrator grants it so:", run
	}
	if role == "nodes" {
		const both = "fluxtune-nodes-pods" // not the name of the role for nodes alone, which may be there
		return "an administrator grants it so:", []string{
			"kubectl create clusterrole " + both + " --verb=list,watch --resource=nodes,pods",
			fmt.Sprintf("kubectl create clusterrolebinding %s --clusterrole=%s --user=%s", terminal.Quoted(bindingName(both, user)), terminal.Quoted(both), terminal.Quoted(user)),
		}
	}
	return "an administrator grants it so:", []string{fmt.Sprintf("kubectl fluxtune rbac %s | kubectl apply -f -", role), a.binding(clusterRole)}
}

// binding binds a role to the user, where the commands look.
func (a Access) binding(role string) string {
	name, user := bindingName(role, a.Rights.User), a.Rights.User
	if a.Namespace != "" {
		return fmt.Sprintf("kubectl create rolebinding %s -n %s --clusterrole=%s --user=%s",
			terminal.Quoted(name), terminal.Quoted(a.Namespace), terminal.Quoted(role), terminal.Quoted(user))
	}
	return fmt.Sprintf("kubectl create clusterrolebinding %s --clusterrole=%s --user=%s", terminal.Quoted(name), terminal.Quoted(role), terminal.Quoted(user))
}

// bindingName is a name that no binding of another user has. Names of RBAC objects are segments of paths.
func bindingName(role, user string) string {
	return role + "-" + strings.NewReplacer("/", "-", "%", "-").Replace(user)
}

// refused begins the message of a check about a command that does nothing for the user.
const refused = "refused"

// Refused is the check of a command that cannot do anything.
func Refused() Check { return Check{Status: CheckWarning, Message: refused} }

// Works tells of a check about commands whether they do anything for the user.
func (c Check) Works() bool { return !strings.HasPrefix(c.Message, refused) }
