package tune

import (
	"fmt"
	"strings"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
)

// StrayEnds are annotations for monitoring that do not follow from the records of their objects, since somebody has edited them by
// hand, or taken them away: alarms go off by them, or do not, and nothing else reads them.
type StrayEnds struct {
	// Objects that have one, as messages call them, and Why it is wrong, of the first.
	Objects []string
	Why     string
	// Lost are those whose records are gone: nothing takes back what was set there, and nothing else tells of it.
	Lost []string
	// Run are the commands that put all of them right.
	Run []string
}

// NewStrayEnds looks for them. Kubectl is how that is called for the cluster, with the flags that choose it.
func NewStrayEnds(objects []flux.Object, kubectl string) StrayEnds {
	var s StrayEnds
	var order [][2]string
	names := map[[2]string][]string{} // by what stands before and behind them in a command
	for _, o := range objects {
		want, why := strayEnd(o)
		if want == "" {
			continue
		}
		name := flux.InCluster(o.Cluster, o.Ref.String())
		if s.Objects = append(s.Objects, name); s.Why == "" {
			s.Why = why
		}
		if !Tuned(o) {
			s.Lost = append(s.Lost, name)
		}
		command := [2]string{fmt.Sprintf("%s annotate %s.%s ", kubectl, o.KindRow().Resource, o.Group), fmt.Sprintf(" -n %s %s", terminal.Quoted(o.Namespace), want)}
		if names[command] == nil {
			order = append(order, command)
		}
		names[command] = append(names[command], terminal.Quoted(o.Name))
	}
	for _, command := range order {
		s.Run = append(s.Run, command[0]+strings.Join(names[command], " ")+command[1])
	}
	return s
}

// strayEnd is what kubectl annotate takes to put the annotation of an object right, and why; "" where it is right, and where the
// record, or an end in it, cannot be read: that is told of as such, and forget takes both away.
func strayEnd(o flux.Object) (want, why string) {
	says, there := o.Annotations[UntilAnnotation]
	record, err := ReadRecord(o)
	if err != nil || record.badUntil() != nil {
		return "", ""
	}
	until := record.until()
	if until == nil {
		if !there {
			return "", ""
		}
		if !Tuned(o) {
			return UntilAnnotation + "-", fmt.Sprintf("says %q, and the record of its session is gone: what that has set stays, unless you set it", says)
		}
		return UntilAnnotation + "-", fmt.Sprintf("says %q, and no session is to end", says)
	}
	text := until.UTC().Format(time.RFC3339)
	if says == text {
		return "", ""
	}
	says = fmt.Sprintf("says %q", says)
	if !there {
		says = "is not there"
	}
	return UntilAnnotation + "=" + text + " --overwrite", fmt.Sprintf("%s, and its session is to end at %s", says, text)
}

// Warning is one for all of them, with the first names, and the command that puts them right; none where there are none. Where it
// takes several commands, all is the one that lists them.
func (s StrayEnds) Warning(all string) []string {
	const named = 3
	if len(s.Objects) == 0 {
		return nil
	}
	names := strings.Join(s.Objects[:min(len(s.Objects), named)], ", ")
	if more := len(s.Objects) - named; more > 0 {
		names += fmt.Sprintf(" and %d more", more)
	}
	of := "the annotation " + UntilAnnotation + " " + s.Why
	if len(s.Objects) > 1 {
		of = fmt.Sprintf("the annotations %s of %d objects do not follow from their records (the first %s)", UntilAnnotation, len(s.Objects), s.Why)
	}
	others := ""
	if more := len(s.Run) - 1; more > 0 {
		others = fmt.Sprintf(" (the first of %d commands: %s lists them)", len(s.Run), all)
	}
	return []string{fmt.Sprintf("%s: %s. Somebody has edited annotations or taken them away, and alarms read this one. Put it right%s with: %s", names, of, others, s.Run[0])}
}

// Expired tells whether the annotation for monitoring says that a session on an object is over, whatever its record says.
func Expired(o flux.Object, now time.Time) bool {
	until, err := time.Parse(time.RFC3339, o.Annotations[UntilAnnotation])
	return err == nil && until.Before(now)
}
